//! A library that was compiled before the types of new variables were known, made one that can be run.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::symbols::{place_of_identity, plain_type, types_of_new_variables};
use crate::engine::cell_code::Binding;
use crate::engine::cell_crate::left_out::LeftOut;
use crate::engine::cell_crate::rewrite::{self, Rewritten};
use crate::engine::knowledge::Variable;
use crate::engine::knowledge::items::Items;
use crate::engine::rustc::Plan;
use crate::engine::rustc::dep_info::Inputs;
use crate::engine::types::names::Symbol;
use crate::engine::types::written::written_type;

/// A library that may be what evcxr asks for.
#[derive(Debug)]
pub struct Built {
    pub library: PathBuf,
    pub rewritten: Rewritten,
    /// Variables that the cell moves, so that it cannot store them.
    pub moved: Vec<String>,
    /// What of the session is not in it.
    pub left_out: LeftOut,
    /// What rustc found missing where the cell was compiled with what it reaches: this is made with all of the session.
    pub unnamed: Option<String>,
    pub inputs: Inputs,
    pub compiles: usize,
    /// Those of the session, the cell's own among them.
    pub items: Items,
    pub(super) bindings: Vec<Binding>,
    pub(super) plan: Plan,
    pub(super) environment: Vec<(String, String)>,
}

impl Built {
    /// Whether it has nothing of the session but what the cell reaches.
    pub fn is_minimal(&self) -> bool {
        self.unnamed.is_none()
    }

    /// The variables that it defines, with the types that they have in evcxr's crate.
    pub fn defined(&self, theirs: &Rewritten) -> Vec<Variable> {
        let variable = |binding: &Binding| {
            let stored = theirs.stored.iter().find(|stored| stored.name == binding.name)?;
            Some(Variable {
                name: binding.name.clone(),
                type_text: stored.type_text.clone(),
                mutable: binding.mutable,
            })
        };
        // Of two of one name the later counts, as in the cell.
        let mut defined: Vec<Variable> = Vec::new();
        for variable in self.bindings.iter().filter_map(variable) {
            defined.retain(|older| older.name != variable.name);
            defined.push(variable);
        }
        defined.retain(|variable| !self.moved.contains(&variable.name));
        defined
    }

    /// Whether it binds a variable of this name.
    pub fn binds(&self, name: &str) -> bool {
        self.bindings.iter().any(|binding| binding.name == name)
    }

    /// See [`Early::annotations`](super::Early::annotations).
    pub fn annotations(&self) -> Option<String> {
        let bytes = std::fs::read(&self.library).ok()?;
        let types = types_of_new_variables(&bytes);
        let open = self.bindings.iter().enumerate();
        let open =
            open.filter(|(_, binding)| binding.type_text.is_none() && !self.moved.contains(&binding.name));
        open.map(|(index, binding)| {
            let type_text = written_type(&types.get(&index)?.plain)?;
            let mutable = if binding.mutable { "mut " } else { "" };
            let name = &binding.name;
            Some(format!("let {mutable}{name}: {type_text} = {name};\n"))
        })
        .collect()
    }

    /// Makes the library one that can be run without evcxr: `write` gives the text of a type that a symbol names,
    /// `identity` that of its definitions. Gives the variables that the library defines; `None` if a type cannot be written.
    pub fn finish(
        &self,
        write: impl Fn(&Symbol) -> Option<String>,
        identity: impl Fn(&str) -> u128,
    ) -> Option<Vec<Variable>> {
        let mut defined: Vec<Variable> = Vec::new();
        if self.bindings.is_empty() {
            return Some(defined);
        }
        let mut bytes = std::fs::read(&self.library).ok()?;
        let types = types_of_new_variables(&bytes);
        for (index, binding) in self.bindings.iter().enumerate() {
            if self.moved.contains(&binding.name) {
                continue;
            }
            let Some(place) = place_of_identity(&bytes, index).ok()? else {
                // The cell never comes to its end.
                continue;
            };
            let type_text = match &binding.type_text {
                Some(written) => written.clone(),
                None => write(types.get(&index)?)?,
            };
            bytes[place].copy_from_slice(&identity(&type_text).to_ne_bytes());
            defined.retain(|older| older.name != binding.name);
            defined.push(Variable {
                name: binding.name.clone(),
                type_text,
                mutable: binding.mutable,
            });
        }
        std::fs::write(&self.library, bytes).ok()?;
        Some(defined)
    }

    /// Makes the library what evcxr's crate, `theirs`, would have become. An error says why it cannot be.
    ///
    /// # Errors
    /// The difference between the two, in words for the log.
    pub fn fit(
        &self,
        theirs: &Rewritten,
        plan: &Plan,
        environment: &[(String, String)],
    ) -> Result<Vec<(Symbol, String)>, String> {
        if self.plan != *plan || self.environment != environment {
            return Err("cells are compiled in another way by now".to_owned());
        }
        let (ours, lines) = (self.lines(&self.rewritten), self.lines(theirs));
        if ours != lines {
            let difference = |one: &[&str], other: &[&str]| {
                one.iter()
                    .find(|line| other.binary_search(line).is_err())
                    .map(|line| (*line).to_owned())
            };
            let (ours, theirs) = (difference(&ours, &lines), difference(&lines, &ours));
            return Err(format!("here {ours:?}, there {theirs:?}"));
        }
        if self.bindings.is_empty() {
            return Ok(Vec::new());
        }
        let mut named = Vec::new();
        let mut bytes = std::fs::read(&self.library).map_err(|error| error.to_string())?;
        let types = types_of_new_variables(&bytes);
        for (index, binding) in self.bindings.iter().enumerate() {
            let name = &binding.name;
            if self.moved.contains(name) {
                continue;
            }
            let stored = theirs.stored.iter().find(|stored| stored.name == *name);
            let stored = stored.ok_or_else(|| format!("`{name}` is not stored"))?;
            let Some(place) = place_of_identity(&bytes, index)? else {
                // The compiler has found that the cell never comes to its end.
                continue;
            };
            let same = match (&binding.type_text, types.get(&index)) {
                (Some(written), _) => *written == stored.type_text,
                (None, Some(found)) => plain_type(&found.plain) == plain_type(&stored.type_text),
                (None, None) => false,
            };
            if !same {
                let found = types.get(&index).map(|found| &found.plain);
                return Err(format!("`{name}` is {found:?}, not {}", stored.type_text));
            }
            bytes[place].copy_from_slice(&stored.identity.to_ne_bytes());
            let symbol = types.get(&index).cloned();
            named.extend(symbol.map(|symbol| (symbol, stored.type_text.clone())));
        }
        std::fs::write(&self.library, bytes).map_err(|error| error.to_string())?;
        Ok(named)
    }

    /// What must be alike in both crates: all lines but those that store new variables, in any order, each import
    /// once, and without what evcxr puts around each cell: it depends on what other cells have needed.
    fn lines<'a>(&self, rewritten: &'a Rewritten) -> Vec<&'a str> {
        let is_new = |line: &str| {
            let name = rewrite::stored_name(line);
            name.is_some_and(|name| self.bindings.iter().any(|binding| binding.name == name))
        };
        let lines = rewritten.text.lines().map(str::trim).map(rewrite::without_places);
        let mut lines: Vec<&str> = lines
            .filter(|line| !line.is_empty() && !rewrite::is_frame(line) && !is_new(line))
            .collect();
        lines.sort_unstable();
        lines.dedup_by(|a, b| a == b && a.starts_with("use "));
        lines
    }
}

/// The library under another name: evcxr moves it away, and the next attempt overwrites it.
pub fn kept(built: &Built) -> Option<PathBuf> {
    // Nobody else may have this name: the file is moved into the store later, under the key of this cell.
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let number = COUNT.fetch_add(1, Ordering::SeqCst);
    let path = built.library.with_file_name(format!("kept-{number}.so"));
    std::fs::hard_link(&built.library, &path).ok()?;
    Some(path)
}
