//! Cells whose variables become handles of shared instances (`cellar::Resource`).

use serde_json::Value;

use super::cell_code::CellCode;

/// Functions that are called for instances; paths as cells can write them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Hooks<'a> {
    pub on_release: Option<&'a str>,
    pub validate: Option<&'a str>,
}

/// Makes an instance of a cell's variable. rust-analyzer knows the crate as a module of the root.
const SHARE: &str = "cellar::Resource::of_cell(";

impl CellCode {
    /// Makes what the cell defines, but for `without`, into handles when it has come to its end. The lines of the
    /// cell stay where they are.
    pub fn share(&mut self, hooks: &Hooks<'_>, without: &[String]) {
        let on_release = hooks
            .on_release
            .map_or("None".to_owned(), |path| format!("Some(|it| {{ {path}(it); }})"));
        let validate = hooks
            .validate
            .map_or("None".to_owned(), |path| format!("Some(|it| {path}(it))"));
        let mut text = String::new();
        for binding in &mut self.bindings {
            let name = &binding.name;
            if without.contains(name) {
                continue;
            }
            text.push_str(&format!(
                "let {name} = {SHARE}stringify!({name}), {name}, {on_release}, {validate});\n"
            ));
            binding.mutable = false;
            binding.type_text = binding
                .type_text
                .as_ref()
                .map(|of| format!("cellar::Resource<{of}>"));
        }
        self.push_generated(&text);
    }
}

/// The variables that could not be made into handles because the cell has moved them, in rustc's messages; empty if
/// something else is wrong too.
pub fn moved_before(messages: &[Value]) -> Vec<String> {
    let errors = messages.iter().filter(|message| {
        let text = message["message"].as_str().unwrap_or_default();
        message["level"] == "error" && !text.starts_with("aborting due to")
    });
    let names: Option<Vec<String>> = errors.map(moved).collect();
    names.unwrap_or_default()
}

fn moved(message: &Value) -> Option<String> {
    if message["code"]["code"] != "E0382" {
        return None;
    }
    let primary = message["spans"]
        .as_array()?
        .iter()
        .find(|span| span["is_primary"] == true)?;
    let line = primary["text"].get(0)?["text"].as_str()?;
    let (name, made) = line.trim_start().strip_prefix("let ")?.split_once(" = ")?;
    made.starts_with(SHARE).then(|| name.to_owned())
}
