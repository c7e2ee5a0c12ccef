//! Cells whose variables become handles of shared instances (`cellar::Resource`).

use serde_json::Value;

use super::cell_code::CellCode;

/// Functions that are called for instances; paths as cells can write them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Hooks<'a> {
    pub on_release: Option<&'a str>,
    pub validate: Option<&'a str>,
}

impl Hooks<'_> {
    fn on_release_text(&self) -> String {
        self.on_release
            .map_or("None".to_owned(), |path| format!("Some(|it| {{ {path}(it); }})"))
    }

    fn validate_text(&self) -> String {
        self.validate
            .map_or("None".to_owned(), |path| format!("Some(|it| {path}(it))"))
    }
}

/// A function that cannot be called with a variable of the cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfit {
    /// `on_release = close`
    pub hook: String,
    pub variable: String,
    /// What rustc has against it.
    pub said: String,
}

/// Makes an instance of a cell's variable. rust-analyzer knows the crate as a module of the root.
const SHARE: &str = "cellar::Resource::of_cell(";

impl CellCode {
    /// Makes what the cell defines, but for `without`, into handles when it has come to its end. The lines of the
    /// cell stay where they are.
    pub fn share(&mut self, hooks: &Hooks<'_>, without: &[String]) {
        let (on_release, validate) = (hooks.on_release_text(), hooks.validate_text());
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

/// The functions of the directive that do not fit variables of the cell; empty if something else is wrong too.
pub fn unfit(messages: &[Value], hooks: &Hooks<'_>) -> Vec<Unfit> {
    let errors = messages.iter().filter(|message| {
        let text = message["message"].as_str().unwrap_or_default();
        message["level"] == "error" && !text.starts_with("aborting due to")
    });
    let found: Option<Vec<Unfit>> = errors.map(|message| unfit_in(message, hooks)).collect();
    found.unwrap_or_default()
}

fn unfit_in(message: &Value, hooks: &Hooks<'_>) -> Option<Unfit> {
    let primary = message["spans"]
        .as_array()?
        .iter()
        .find(|span| span["is_primary"] == true)?;
    let text = primary["text"].get(0)?;
    let line = text["text"].as_str()?;
    let (name, made) = line.trim_start().strip_prefix("let ")?.split_once(" = ")?;
    if !made.starts_with(SHARE) {
        return None;
    }
    // Both stand at the line's end.
    let at = usize::try_from(text["highlight_start"].as_u64()?).ok()?;
    let validate = line.rfind(&hooks.validate_text())?;
    let hook = match (hooks.on_release, hooks.validate) {
        (_, Some(path)) if at > validate => format!("validate = {path}"),
        (Some(path), _) => format!("on_release = {path}"),
        _ => return None,
    };
    let said = message["message"].as_str()?;
    Some(Unfit {
        hook,
        variable: name.to_owned(),
        said: primary["label"]
            .as_str()
            .filter(|_| said == "mismatched types")
            .unwrap_or(said)
            .to_owned(),
    })
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
