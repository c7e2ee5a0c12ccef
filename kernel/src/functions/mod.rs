//! Functions below `//% cache_data` and `//% cache_resource`: read, checked, and rewritten into wrappers that look
//! before they call.
//!
//! Text to text: nothing here knows the engine, the host or Jupyter. The wrapper of `fn fetch` is
//!
//! ```text
//! mod __memo_fetch { use super::*; static …;                                       on the directive's line
//! pub(crate) fn fetch(n: u64) -> u64 { …key, look…(move || {
//!     the body, on its own lines
//! }) } pub mod fetch { pub fn clear() … pub fn clear_for(n: u64) … } } use __memo_fetch::fetch;
//! ```
//!
//! The `use` imports the function and the module of the same name, which a function that is called like a crate does not
//! have (`wrapper.rs`). evcxr keeps items by name, so both go when the function is defined anew. Attributes that stand above
//! the directive are in the module too. What the wrapper calls is in `runtime/src/private/memo/`.

mod codes;
mod exchange;
mod faults;
mod insertion;
mod option_text;
mod plain;
mod read;
mod results;
mod wrapper;

#[cfg(test)]
mod tests;

pub use codes::Codes;
pub use exchange::{Exchange, base as key_of_results};

use std::fmt;

use crate::cell::Insertion;
use crate::magic::{Directive, Scope};
use insertion::Insertions;

/// How a function's results are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// By value.
    Data,
    /// By reference.
    Resource,
}

/// A function that is cached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CachedFunction {
    pub name: String,
    pub kind: Kind,
    /// What lists and `clear` call it.
    pub label: String,
    /// Its arguments in their order, then its result if that is kept by value.
    pub parts: Vec<Part>,
    /// Types that its result names without a lifetime.
    pub without_lifetime: Vec<String>,
    /// A type among them cannot be looked into: values are told apart by their `Debug` forms too.
    pub is_doubtful: bool,
    /// Of a resource: the functions that its directive names, and how long its instances hold. What is kept was made with these.
    pub upkeep: Vec<String>,
    /// Something is shown while it computes.
    pub has_spinner: bool,
    /// Line of its directive in the text that was rewritten, from 1.
    pub line: usize,
    /// The deprecated directive that it was written with, and what replaces it.
    pub deprecated: Option<(&'static str, &'static str)>,
}

/// An argument or the result of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub role: Role,
    /// On one line.
    pub type_text: String,
}

/// What becomes of a [`Part`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// An argument that is in the key.
    Input(String),
    /// One that is not.
    Ignored(String),
    Result,
}

impl fmt::Display for Role {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Role::Input(name) | Role::Ignored(name) => write!(out, "its argument `{name}`"),
            Role::Result => out.write_str("its result"),
        }
    }
}

impl CachedFunction {
    /// The variable in rustc's environment that tells a wrapper the digest of its function's code and of all that the
    /// code reaches. Where it is missing, the function is compiled without a cache.
    pub fn code_variable(name: &str) -> String {
        format!("CELLAR_CODE_{name}")
    }

    /// The module that a wrapper is in.
    pub fn module(name: &str) -> String {
        format!("__memo_{name}")
    }
}

/// Rust with wrappers.
#[derive(Debug, Clone, Default)]
pub struct Rewritten {
    /// With the lines of the original.
    pub text: String,
    pub insertions: Vec<Insertion>,
    pub functions: Vec<CachedFunction>,
}

/// Why a function cannot be cached.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{function}` cannot be cached: {why}")]
pub struct Refused {
    pub function: String,
    pub why: String,
    /// What to do.
    pub help: String,
    /// From 1, in the text that was to be rewritten.
    pub line: usize,
    /// Characters of the line, from 0.
    pub columns: std::ops::Range<usize>,
}

fn parts(function: &read::Function, kind: Kind, options: &option_text::Options) -> Vec<Part> {
    let argument = |param: &read::Param| {
        let is_input = |(name, is_input): &&(String, bool)| *is_input && !options.ignored.contains(name);
        let role = match (param.names.iter().find(is_input), param.names.first()) {
            (Some((name, _)), _) => Role::Input(name.clone()),
            (None, Some((name, _))) => Role::Ignored(name.clone()),
            (None, None) => Role::Ignored("_".to_owned()),
        };
        Part {
            role,
            type_text: param.type_text.clone(),
        }
    };
    let mut parts: Vec<Part> = function.params.iter().map(argument).collect();
    if let (Kind::Data, Some(returned)) = (kind, &function.returned) {
        let text = returned.ok.as_ref().map_or(&returned.text, |(_, text)| text);
        parts.push(Part {
            role: Role::Result,
            type_text: text.clone(),
        });
    }
    parts
}

/// Puts wrappers around the functions of `rust` that directives are about. `first_line` is the line of the cell on
/// which `rust` begins; directives and answers count lines of the cell. `codes` has the functions of earlier cells.
///
/// # Errors
/// The first function that cannot be cached; nothing of the cell should run.
pub fn rewrite(
    rust: &str,
    first_line: usize,
    directives: &[Directive],
    codes: &Codes,
) -> Result<Rewritten, Refused> {
    let end_line = first_line + rust.matches('\n').count();
    let mut insertions = Insertions::default();
    let (mut functions, mut read) = (Vec::new(), Vec::new());
    let mut known = codes.clone();
    if !directives.is_empty() {
        known.learn(rust, &[]);
    }
    for directive in directives {
        let Scope::Function(name) = &directive.scope else {
            continue;
        };
        if !(first_line..=end_line).contains(&directive.line) {
            continue;
        }
        let function = read::function(rust, directive.line - first_line, name, &known.items())
            .map_err(|problem| problem.at(name, rust, first_line))?;
        if read
            .iter()
            .any(|other: &read::Function| other.open == function.open)
        {
            return Err(read::Problem::second_directive(&function).at(name, rust, first_line));
        }
        let replacement = directive.replacement();
        let kind = match replacement.unwrap_or(directive.name) {
            "cache_resource" => Kind::Resource,
            _ => Kind::Data,
        };
        let options = option_text::Options::of(directive, kind, &function)
            .map_err(|problem| problem.at(name, rust, first_line))?;
        let parts = parts(&function, kind, &options);
        let is_doubtful = known.is_doubtful(&parts);
        let surroundings = wrapper::Surroundings {
            is_doubtful,
            items: &known.items(),
        };
        wrapper::wrap(&function, kind, &options, &surroundings, &mut insertions);
        functions.push(CachedFunction {
            parts,
            is_doubtful,
            without_lifetime: function
                .returned
                .as_ref()
                .map_or_else(Vec::new, |returned| returned.without_lifetime.clone()),
            upkeep: options.upkeep(kind),
            has_spinner: options.fields.iter().any(|(name, _)| *name == "spinner"),
            label: options.label.unwrap_or_else(|| function.name.clone()),
            name: function.name.clone(),
            kind,
            line: directive.line,
            deprecated: replacement.map(|replacement| (directive.name, replacement)),
        });
        read.push(function);
    }
    if !functions.is_empty() {
        known.learn(rust, &functions);
        for function in &read {
            if let Some(fault) = known.fault(&function.name) {
                return Err(fault
                    .problem(function)
                    .at(&function.written_name, rust, first_line));
            }
        }
    }
    for name in codes.no_longer_cached(rust, &functions) {
        // The old body must not stay: it may call what is there no longer.
        insertions.add(0, format!("mod {}{{}} ", CachedFunction::module(&name)));
    }
    let (text, insertions) = insertions.apply(rust, first_line);
    Ok(Rewritten {
        text,
        insertions,
        functions,
    })
}
