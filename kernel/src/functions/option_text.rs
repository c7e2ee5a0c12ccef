//! A directive's options, as the Rust that a wrapper holds.

use super::Kind;
use super::read::{Function, Problem};
use crate::magic::{Directive, OptionValue};

/// The options of one function.
#[derive(Debug, Default)]
pub struct Options {
    /// What lists and `clear` call it, if the directive says.
    pub label: Option<String>,
    /// Fields of the runtime's `Options` and their values.
    pub fields: Vec<(&'static str, String)>,
    /// Arguments that are left out of the key.
    pub ignored: Vec<String>,
    /// Paths of functions.
    pub on_release: Option<String>,
    pub validate: Option<String>,
    /// Results are kept on disk too.
    pub on_disk: bool,
}

impl Options {
    /// Reads a directive's options for a function.
    pub fn of(directive: &Directive, kind: Kind, function: &Function) -> Result<Options, Problem> {
        let mut options = Options {
            on_disk: true,
            ..Options::default()
        };
        let problem = |why: String, help| Problem {
            why,
            help,
            range: function.directive..function.directive + 3,
        };
        for (name, value) in &directive.options {
            match (*name, value) {
                ("name", OptionValue::Text(text)) => options.label = Some(text.clone()),
                ("ttl", OptionValue::Duration(ttl)) => {
                    let ttl = ttl.as_millis().max(1);
                    options.fields.push(("ttl_ms", some(ttl)));
                }
                ("max_entries", OptionValue::Count(most)) => {
                    options.fields.push(("max_entries", some(most)));
                }
                ("max_bytes", OptionValue::Bytes(_)) if kind == Kind::Resource => {
                    let why = "nobody can tell how many bytes a living instance takes".to_owned();
                    return Err(problem(why, "Use `max_entries` in the place of `max_bytes`."));
                }
                ("max_bytes", OptionValue::Bytes(most)) => {
                    options.fields.push(("max_bytes", some(most)));
                }
                ("persist", OptionValue::Text(place)) => options.on_disk = place == "disk",
                ("files", OptionValue::List(globs)) => options.fields.push(("files", list(globs))),
                ("env", OptionValue::List(names)) => options.fields.push(("env", list(names))),
                ("ignore", OptionValue::List(names)) => {
                    let known = || function.params.iter().flat_map(|param| &param.names);
                    if let Some(unknown) = names.iter().find(|name| !known().any(|(it, _)| it == *name)) {
                        let why = format!("`ignore` names `{unknown}`, which is none of its arguments");
                        return Err(problem(why, "Name arguments as the function does."));
                    }
                    options.ignored.clone_from(names);
                }
                ("show_spinner", OptionValue::Text(text)) => {
                    options.fields.push(("spinner", some(format_args!("{text:?}"))));
                }
                ("show_spinner", OptionValue::Bool(true)) => {
                    let text = format!("Running {}(…)", function.name);
                    options.fields.push(("spinner", some(format_args!("{text:?}"))));
                }
                ("on_release", OptionValue::Text(path)) => options.on_release = Some(path.clone()),
                ("validate", OptionValue::Text(path)) => options.validate = Some(path.clone()),
                _ => {}
            }
        }
        for path in options.on_release.iter().chain(&options.validate) {
            let is_path = !path.is_empty()
                && path
                    .chars()
                    .all(|c| c.is_alphanumeric() || matches!(c, '_' | ':' | '#'));
            if !is_path {
                let why = format!("`{path}` is no path of a function");
                return Err(problem(why, "Name a function, such as `close` or `db::close`."));
            }
        }
        Ok(options)
    }

    /// What instances are made with besides their arguments: the paths of the functions for them, and how long they hold.
    pub fn upkeep(&self, kind: Kind) -> Vec<String> {
        if kind == Kind::Data {
            return Vec::new();
        }
        let path = |path: &Option<String>| path.clone().unwrap_or_default();
        let ttl = self.fields.iter().find(|(name, _)| *name == "ttl_ms");
        let ttl = ttl.map(|(_, value)| value.clone()).unwrap_or_default();
        vec![path(&self.on_release), path(&self.validate), ttl]
    }
}

/// By its full path: the notebook may have a `Some` of its own.
fn some(value: impl std::fmt::Display) -> String {
    format!("::core::option::Option::Some({value})")
}

fn list(values: &[String]) -> String {
    let values: Vec<String> = values.iter().map(|value| format!("{value:?}")).collect();
    format!("&[{}]", values.join(","))
}
