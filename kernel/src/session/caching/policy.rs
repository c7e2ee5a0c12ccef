//! What a directive above a cell asks for.

use std::time::Duration;

use cellar_cache::Persist;

use crate::magic::{Directive, OptionValue};

/// How what a cell defines is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// By value: encoded, given back as a fresh value on every hit.
    Data,
    /// By reference: one instance in the process, shared by all hits.
    Resource,
}

impl Kind {
    /// As the reply's metadata say it.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Data => "data",
            Kind::Resource => "resource",
        }
    }
}

/// A cell's directive with its options, as the cache needs them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    pub kind: Kind,
    /// What the user calls the entry.
    pub name: Option<String>,
    pub ttl: Option<Duration>,
    pub max_entries: Option<u64>,
    pub max_bytes: Option<u64>,
    pub persist: Persist,
    /// Globs of files whose contents are inputs.
    pub files: Vec<String>,
    /// Environment variables that are inputs.
    pub env: Vec<String>,
    /// Inputs that are left out of the key.
    pub ignore: Vec<String>,
    /// What to show while the cell is computed; empty: that it is.
    pub spinner: Option<String>,
    pub on_release: Option<String>,
    pub validate: Option<String>,
    /// From 1.
    pub line: usize,
}

impl Policy {
    /// Reads a directive; its options have been checked by the parser.
    pub fn of(directive: &Directive) -> Policy {
        let name = directive.replacement().unwrap_or(directive.name);
        let mut policy = Policy {
            kind: if name == "cache_resource" {
                Kind::Resource
            } else {
                Kind::Data
            },
            name: None,
            ttl: None,
            max_entries: None,
            max_bytes: None,
            persist: Persist::Disk,
            files: Vec::new(),
            env: Vec::new(),
            ignore: Vec::new(),
            spinner: None,
            on_release: None,
            validate: None,
            line: directive.line,
        };
        for (option, value) in &directive.options {
            policy.set(option, value.clone());
        }
        policy
    }

    fn set(&mut self, option: &str, value: OptionValue) {
        match (option, value) {
            ("name", OptionValue::Text(text)) => self.name = Some(text),
            ("ttl", OptionValue::Duration(ttl)) => self.ttl = Some(ttl),
            ("max_entries", OptionValue::Count(count)) => self.max_entries = Some(count),
            ("max_bytes", OptionValue::Bytes(bytes)) => self.max_bytes = Some(bytes),
            ("persist", OptionValue::Text(text)) if text == "memory" => self.persist = Persist::Memory,
            ("files", OptionValue::List(globs)) => self.files = globs,
            ("env", OptionValue::List(names)) => self.env = names,
            ("ignore", OptionValue::List(names)) => self.ignore = names,
            ("show_spinner", OptionValue::Text(text)) => self.spinner = Some(text),
            ("show_spinner", OptionValue::Bool(true)) => self.spinner = Some(String::new()),
            ("on_release", OptionValue::Text(path)) => self.on_release = Some(path),
            ("validate", OptionValue::Text(path)) => self.validate = Some(path),
            _ => {}
        }
    }

    /// The directive that counts, as users write it.
    pub fn directive(&self) -> &'static str {
        match self.kind {
            Kind::Data => "cache_data",
            Kind::Resource => "cache_resource",
        }
    }

    /// Whether the input `name` is left out of the key: it begins with `_`, or `ignore` names it.
    pub fn ignores(&self, name: &str) -> bool {
        name.starts_with('_') || self.ignore.iter().any(|ignored| ignored == name)
    }
}
