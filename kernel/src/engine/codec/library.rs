//! The crate of a codec library: its text, and what rustc makes of it.

use std::collections::HashSet;
use std::path::Path;

use serde_json::Value;

use crate::engine::knowledge::items::{Item, Items};
use crate::engine::rustc::{self, Emit, Plan, Running};

/// A type for which a library is to be made.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    pub type_text: &'a str,
    /// Names the type and all that its codec depends on.
    pub key: String,
    /// Of the definitions that the type reaches.
    pub definitions: u128,
    /// Not all of it can be looked into: what serde is told of its values may not be all.
    pub is_doubtful: bool,
    pub reached: Vec<&'a Item>,
}

/// Why there is no library.
#[derive(Debug)]
pub enum Failure {
    /// rustc's first error.
    Faulty(String),
    Interrupted,
    /// rustc could not be run, or a file not be written.
    Broken(String),
}

/// The exported function of a type.
pub fn function(key: &str) -> String {
    format!("cellar_codec_{key}")
}

/// Compiles the codecs of some types into `directory/name`. With `all` items it is made of all of the session's, else of those
/// that the types reach.
pub fn compile(
    wanted: &[&Wanted<'_>],
    all: Option<&Items>,
    plan: &Plan,
    directory: &Path,
    name: &str,
    running: &Running,
) -> Result<(), Failure> {
    let broken = |error: std::io::Error| Failure::Broken(format!("{}: {error}", directory.display()));
    std::fs::create_dir_all(directory.join("src")).map_err(broken)?;
    std::fs::write(directory.join("src/lib.rs"), text(wanted, all)).map_err(broken)?;
    let library = directory.join(name);
    let compiled = rustc::compile(plan, &[], directory, &library, Emit::Library, running).map_err(broken)?;
    match (compiled.success, compiled.stopped) {
        (true, _) => Ok(()),
        (false, true) => Err(Failure::Interrupted),
        (false, false) => Err(Failure::Faulty(first_error(&compiled.messages))),
    }
}

fn text(wanted: &[&Wanted<'_>], all: Option<&Items>) -> String {
    let mut text = String::new();
    let mut add = |item: &Item| {
        text.push_str(&item.code);
        text.push('\n');
    };
    match all {
        Some(items) => items.iter().for_each(|item| add(item)),
        None => {
            let mut seen = HashSet::new();
            let mut items: Vec<&Item> = wanted
                .iter()
                .flat_map(|one| one.reached.iter().copied())
                .collect();
            items.retain(|item| seen.insert(std::ptr::from_ref(*item)));
            // Each list is in the order of the crate; of several, attributes and macros must be first again.
            items.sort_by_key(|item| item.rank());
            items.into_iter().for_each(add);
        }
    }
    for (index, one) in wanted.iter().enumerate() {
        let Wanted {
            type_text,
            key,
            definitions,
            is_doubtful,
            ..
        } = one;
        let function = function(key);
        let doubt = match is_doubtful {
            true => format!("::core::option::Option::Some(::cellar_values::doubt_of!({type_text}))"),
            false => "::core::option::Option::None".to_owned(),
        };
        text.push_str(&format!(
            "#[unsafe(export_name = \"{function}\")] pub extern \"C\" fn __cellar_codec_{index}(\
             question: *const ::core::primitive::u8, length: ::core::primitive::usize) {{ unsafe {{ ::cellar_codec::serve(\
             &::cellar_codec::Type::of::<{type_text}>(::cellar_values::codec_of!({type_text}), {doubt}, {definitions}), \
             question, length) }} }}\n"
        ));
    }
    text
}

fn first_error(messages: &str) -> String {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find(|message| message["level"] == "error")
        .and_then(|message| message["message"].as_str().map(str::to_owned))
        .unwrap_or_else(|| "rustc failed without saying why".to_owned())
}
