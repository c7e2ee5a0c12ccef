//! What the session has: the items and variables that evcxr keeps, and those that it is still to be told of.
//!
//! Values are not here; they are the host's.

mod imports;
pub mod items;
mod variable;

use std::collections::HashMap;
use std::sync::Arc;

use super::cell_code::{Binding, CellCode};
use crate::cell::CellSource;
use items::{Item, ItemKind, Items};
pub use variable::{Known, Variable};

/// A cell that was neither compiled nor run in this session, since its result was at hand: what it
/// defines.
#[derive(Debug, Clone)]
pub struct Adoption {
    pub cell: Arc<CellSource>,
    /// The cell's Rust, line for line. Its items are taken up, its statements are not run.
    pub rust: String,
    pub variables: Vec<Variable>,
    /// Variables of earlier cells that it moved out.
    pub forgotten: Vec<String>,
}

/// What evcxr does not take of adopted cells, and why. Cells do not have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    Variable { name: String, reason: String },
    Dependencies { reason: String },
}

/// Adopted cells of which evcxr has not been told, put together.
#[derive(Debug, Clone, Default)]
pub struct Pending {
    /// `:dep` lines that have been obeyed without evcxr.
    pub commands: String,
    /// evcxr has panicked when it was told of them.
    is_second_time: bool,
    cells: Vec<Adopted>,
    pub variables: Vec<Variable>,
    pub forgotten: Vec<String>,
}

/// What one cell has left behind.
#[derive(Debug, Clone)]
struct Adopted {
    /// Greater than those of all earlier ones.
    number: usize,
    items: Vec<Item>,
    variables: Vec<Variable>,
    forgotten: Vec<String>,
}

impl Pending {
    fn add(&mut self, cell: Adopted) {
        for name in &cell.forgotten {
            self.variables.retain(|variable| variable.name != *name);
            self.forgotten.push(name.clone());
        }
        for variable in &cell.variables {
            self.variables.retain(|older| older.name != variable.name);
            self.forgotten.retain(|name| *name != variable.name);
            self.variables.push(variable.clone());
        }
        self.cells.push(cell);
    }

    /// All but one.
    fn without(self, number: usize) -> Pending {
        let mut others = Pending {
            commands: self.commands,
            is_second_time: self.is_second_time,
            ..Pending::default()
        };
        let cells = self.cells.into_iter().filter(|cell| cell.number != number);
        cells.for_each(|cell| others.add(cell));
        others
    }

    pub fn is_empty(&self) -> bool {
        self.cells.is_empty() && self.commands.is_empty()
    }

    /// The items of all cells, as one cell.
    pub fn items(&self) -> String {
        // What has no name belongs to the named item before it, but not to one of another cell.
        let split = |items: &[Item]| {
            let first = items
                .iter()
                .position(|item| item.kind == ItemKind::Other && item.name.is_some());
            first.unwrap_or(items.len())
        };
        let cells = self.cells.iter().map(|cell| cell.items.as_slice());
        let leading = cells.clone().flat_map(|items| &items[..split(items)]);
        let others = cells.flat_map(|items| &items[split(items)..]);
        let mut items: Vec<&Item> = leading.chain(others).collect();
        // Elsewhere they are no attributes of the crate.
        items.sort_by_key(|item| item.kind != ItemKind::Attribute);
        items.into_iter().map(Item::piece).collect()
    }
}

/// The code that tells evcxr of variables. It is analysed, never run.
pub fn declarations(variables: &[Variable]) -> String {
    variables
        .iter()
        .map(|variable| {
            let mutable = if variable.mutable { "mut " } else { "" };
            format!(
                "let {mutable}{}: {} = loop {{}};\n",
                variable.name, variable.type_text
            )
        })
        .collect()
}

/// See the module.
#[derive(Debug, Default)]
pub struct Knowledge {
    items: Items,
    /// Sorted by name.
    variables: Vec<Variable>,
    pending: Pending,
    /// How many cells were adopted.
    adopted: usize,
    refused: Vec<Refused>,
}

impl Knowledge {
    pub fn items(&self) -> &Items {
        &self.items
    }

    /// The items as they are once `code` has gone well, and the variables as they are before it.
    pub fn with(&self, code: &CellCode) -> (Items, Vec<Variable>) {
        let mut items = self.items.clone();
        items.commit(&code.items);
        (items, self.variables.clone())
    }

    pub fn known(&self) -> Known {
        Known {
            variables: self.variables.clone(),
        }
    }

    /// Takes up a cell of which evcxr is to be told later: what it defines, and which variables of earlier cells it has
    /// moved out. Gives the number by which [`Knowledge::told`] knows it.
    pub fn adopt(&mut self, items: &[Item], variables: &[Variable], forgotten: &[String]) -> usize {
        self.items.commit(items);
        self.adopted += 1;
        self.pending.add(Adopted {
            number: self.adopted,
            items: items.to_vec(),
            variables: variables.to_vec(),
            forgotten: forgotten.to_vec(),
        });
        self.show_pending();
        self.adopted
    }

    /// Takes up `:dep` lines of which evcxr is to be told later.
    pub fn adopt_commands(&mut self, commands: &str) {
        self.pending.commands.push_str(commands);
    }

    /// evcxr has panicked when it was told of these `:dep` lines, and is to be told once more.
    pub fn put_back_commands(&mut self, pending: &Pending) {
        if !pending.is_second_time {
            self.pending.commands.insert_str(0, &pending.commands);
            self.pending.is_second_time = true;
        }
    }

    /// Whether there are `:dep` lines of which evcxr has not been told.
    pub fn has_pending_commands(&self) -> bool {
        !self.pending.commands.is_empty()
    }

    /// evcxr has kept the adopted cell with this number as its own, and has these variables by now, with their types. Where they are
    /// not what the cell has left behind, it is still to be told of it.
    pub fn told<'a>(&mut self, number: usize, found: impl Iterator<Item = (&'a str, &'a str)>) {
        let Some(cell) = self.pending.cells.iter().find(|cell| cell.number == number) else {
            return;
        };
        let found: HashMap<&str, &str> = found.collect();
        let is_known = |variable: &Variable| found.get(&*variable.name) == Some(&&*variable.type_text);
        let is_gone = |name: &String| !found.contains_key(&**name);
        if cell.variables.iter().all(is_known) && cell.forgotten.iter().all(is_gone) {
            self.pending = std::mem::take(&mut self.pending).without(number);
        }
    }

    /// What evcxr is to be told; from now on it counts as told.
    pub fn take_pending(&mut self) -> Pending {
        std::mem::take(&mut self.pending)
    }

    pub fn refuse(&mut self, refused: Refused) {
        if let Refused::Variable { name, .. } = &refused {
            self.variables.retain(|variable| variable.name != *name);
        }
        self.refused.push(refused);
    }

    /// What evcxr did not take, since this was last asked.
    pub fn take_refused(&mut self) -> Vec<Refused> {
        std::mem::take(&mut self.refused)
    }

    /// evcxr has forgotten everything.
    pub fn clear(&mut self) {
        self.items.clear();
        for cell in &self.pending.cells {
            self.items.commit(&cell.items);
        }
        self.variables.clear();
        self.show_pending();
    }

    /// evcxr has kept a cell.
    pub fn commit(&mut self, code: &CellCode) {
        self.items.commit(&code.items);
    }

    /// Takes up the names and types of variables that evcxr has; `bound` are those that it has just learnt.
    pub fn set_variables<'a>(&mut self, found: impl Iterator<Item = (&'a str, &'a str)>, bound: &[Binding]) {
        let mut variables: Vec<Variable> = found
            .map(|(name, type_text)| {
                let bound = bound.iter().find(|binding| binding.name == name);
                let older = || self.variables.iter().find(|variable| variable.name == name);
                Variable {
                    name: name.to_owned(),
                    type_text: type_text.to_owned(),
                    mutable: bound.map_or_else(|| older().is_some_and(|it| it.mutable), |it| it.mutable),
                }
            })
            .collect();
        variables.sort_by(|a, b| a.name.cmp(&b.name));
        self.variables = variables;
        self.show_pending();
    }

    fn show_pending(&mut self) {
        let Pending {
            variables, forgotten, ..
        } = &self.pending;
        self.variables.retain(|variable| {
            !forgotten.contains(&variable.name) && variables.iter().all(|newer| newer.name != variable.name)
        });
        self.variables.extend(variables.iter().cloned());
        self.variables.sort_by(|a, b| a.name.cmp(&b.name));
    }
}

#[cfg(test)]
mod tests {
    use super::super::cell_code::{DebugFormat, prepare};
    use super::super::cell_crate::source_map::Marks;
    use super::*;

    fn variable(name: &str, type_text: &str) -> Variable {
        Variable {
            name: name.into(),
            type_text: type_text.into(),
            mutable: false,
        }
    }

    fn adopt(knowledge: &mut Knowledge, rust: &str, variables: &[Variable], forgotten: &[&str]) {
        let cell = CellSource::new("In[1]", rust);
        let code = prepare(rust, &cell, &mut Marks::default(), DebugFormat::Compact);
        let forgotten: Vec<String> = forgotten.iter().map(|name| (*name).to_owned()).collect();
        knowledge.adopt(&code.items, variables, &forgotten);
    }

    #[test]
    fn adopted_variables_are_known_at_once() {
        let mut knowledge = Knowledge::default();
        knowledge.set_variables([("a", "u8"), ("gone", "u8")].into_iter(), &[]);
        adopt(&mut knowledge, "", &[variable("b", "u16")], &["gone"]);
        // Another cell's commit does not know of them yet.
        knowledge.set_variables([("a", "u8"), ("gone", "u8")].into_iter(), &[]);
        let names: Vec<String> = knowledge
            .known()
            .variables
            .into_iter()
            .map(|it| it.name)
            .collect();
        assert_eq!(names, ["a", "b"]);
    }

    #[test]
    fn of_several_cells_the_last_word_on_a_variable_counts() {
        let mut knowledge = Knowledge::default();
        adopt(
            &mut knowledge,
            "",
            &[variable("a", "u8"), variable("b", "u8")],
            &[],
        );
        adopt(&mut knowledge, "", &[variable("c", "u8")], &["a"]);
        adopt(&mut knowledge, "", &[variable("b", "u16")], &[]);
        let pending = knowledge.take_pending();
        assert_eq!(
            declarations(&pending.variables),
            "let c: u8 = loop {};\nlet b: u16 = loop {};\n"
        );
        assert_eq!(pending.forgotten, ["a"]);
        assert!(knowledge.take_pending().is_empty());
    }

    #[test]
    fn an_impl_is_not_joined_to_an_item_of_another_cell() {
        let mut knowledge = Knowledge::default();
        adopt(&mut knowledge, "struct S;\nimpl S {}", &[], &[]);
        adopt(&mut knowledge, "impl Drop for S {}\nfn f() {}", &[], &[]);
        let items = knowledge.take_pending().items();
        let at = |text: &str| items.find(text).expect(text);
        assert!(at("impl Drop") < at("struct S"), "{items}");
        assert!(
            at("struct S") < at("impl S") && at("impl S") < at("fn f"),
            "{items}"
        );
    }
}
