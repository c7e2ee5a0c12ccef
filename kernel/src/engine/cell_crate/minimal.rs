//! The least that a cell's crate needs of the session: the items that it reaches and the variables that it names.
//!
//! What a cell does not reach costs it nothing then, and does not matter to what it is compiled to: see
//! [`artifacts`](crate::engine::artifacts). Which items it reaches is the question that keys of the cache ask too, and the same search answers
//! it ([`analysis::Session`]): what it leaves out cannot change what the cell means.

use std::collections::HashSet;
use std::sync::Arc;

use super::left_out::LeftOut;
use super::rewrite;
use crate::analysis::{self, words_of_type};
use crate::engine::cell_code::CellCode;
use crate::engine::knowledge::Variable;
use crate::engine::knowledge::items::{Item, ItemKind, Items};

/// What a crate is made from, and what of the session is not in it.
#[derive(Debug, Clone, Default)]
pub struct Minimal {
    /// In an order that does not depend on the order in which cells were run.
    pub items: Vec<Arc<Item>>,
    pub variables: Vec<Variable>,
    pub left_out: LeftOut,
}

impl Minimal {
    /// For a cell; `items` are those of the session with the cell's own.
    pub fn of(code: &CellCode, items: &Items, variables: &[Variable]) -> Minimal {
        let named: HashSet<&str> = rewrite::words(&code.statements).collect();
        let variables: Vec<Variable> = variables
            .iter()
            .filter(|variable| named.contains(variable.name.as_str()))
            .cloned()
            .collect();
        let all: Vec<&Arc<Item>> = items.iter().collect();
        let parts = all
            .iter()
            .flat_map(|item| item.reading().iter().map(move |part| (*item, part)));
        let parts: Vec<(&Arc<Item>, &analysis::Item)> = parts.collect();
        let session = analysis::Session::new(parts.iter().map(|(_, part)| *part));
        let cell = analysis::read_cell(&code.text);
        let words = cell.words.iter().map(String::as_str);
        let types = variables
            .iter()
            .flat_map(|variable| words_of_type(&variable.type_text));
        let reached = session.reach(words.chain(types), cell.flags.reads_everything);
        // The search gives one of several that are equal.
        let reached: HashSet<&[u8]> = reached
            .items
            .into_iter()
            .map(|index| &*parts[index].1.canonical)
            .collect();
        let is_needed = |item: &Item| {
            item.reading().is_empty()
                || code.items.iter().any(|own| own.mark == item.mark)
                || item
                    .reading()
                    .iter()
                    .any(|part| reached.contains(&*part.canonical))
        };
        let (needed, others): (Vec<&Arc<Item>>, Vec<&Arc<Item>>) =
            all.into_iter().partition(|item| is_needed(item));
        let mut left_out = LeftOut::default();
        for item in others {
            match item.kind {
                ItemKind::Import => left_out.imports.insert(item.code.clone()),
                _ => left_out.marks.insert(item.mark),
            };
        }
        Minimal {
            items: in_order(needed),
            variables,
            left_out,
        }
    }

    /// With all that the session has.
    pub fn everything(items: &Items, variables: &[Variable]) -> Minimal {
        Minimal {
            items: in_order(items.iter().collect()),
            variables: variables.to_vec(),
            left_out: LeftOut::default(),
        }
    }
}

/// Attributes, then macros as they were defined, then the rest by its text, each import once.
fn in_order(items: Vec<&Arc<Item>>) -> Vec<Arc<Item>> {
    let mut items: Vec<Arc<Item>> = items.into_iter().cloned().collect();
    items.sort_by(|a, b| {
        let by_mark = || match a.kind {
            ItemKind::Macro => a.mark.cmp(&b.mark),
            _ => a.code.cmp(&b.code).then(a.mark.cmp(&b.mark)),
        };
        a.rank().cmp(&b.rank()).then_with(by_mark)
    });
    items.dedup_by(|a, b| a.kind == ItemKind::Import && b.kind == ItemKind::Import && a.code == b.code);
    items
}

#[cfg(test)]
mod tests {
    use super::super::source_map::Marks;
    use super::*;
    use crate::cell::CellSource;
    use crate::engine::cell_code::{DebugFormat, prepare};

    /// What the last of some cells needs, as text.
    fn needed(cells: &[&str], variables: &[(&str, &str)]) -> Vec<String> {
        let (mut items, mut marks) = (Items::default(), Marks::default());
        let mut last = CellCode::default();
        for (index, code) in cells.iter().enumerate() {
            let cell = CellSource::new(format!("In[{}]", index + 1), *code);
            last = prepare(code, &cell, &mut marks, DebugFormat::Compact);
            items.commit(&last.items);
        }
        let variable = |(name, type_text): &(&str, &str)| Variable {
            name: (*name).to_owned(),
            type_text: (*type_text).to_owned(),
            mutable: false,
        };
        let variables: Vec<Variable> = variables.iter().map(variable).collect();
        let minimal = Minimal::of(&last, &items, &variables);
        let variables = minimal.variables.iter().map(|variable| variable.name.clone());
        let items = minimal.items.iter().map(|item| item.code.clone());
        items.chain(variables).collect()
    }

    #[test]
    fn what_is_not_reached_is_left_out() {
        let cells = [
            "fn f() -> u8 { g() }",
            "fn g() -> u8 { 1 }",
            "fn unused() {}\nuse std::collections::HashMap;",
            "f() + a",
        ];
        assert_eq!(
            needed(&cells, &[("a", "u8"), ("b", "u8")]),
            ["fn f() -> u8 { g() }", "fn g() -> u8 { 1 }", "a"]
        );
    }

    #[test]
    fn what_acts_without_being_named_is_there() {
        let cells = [
            "struct S;\nimpl Drop for S { fn drop(&mut self) {} }",
            "trait Shape { fn area(&self) -> u8; }\nimpl Shape for u8 { fn area(&self) -> u8 { 1 } }",
            "use std::fmt::Write;",
            "x.area()",
        ];
        let needed = needed(&cells, &[("x", "S")]);
        for part in [
            "impl Drop",
            "trait Shape",
            "impl Shape",
            "use std::fmt::Write",
            "struct S",
        ] {
            assert!(
                needed.iter().any(|item| item.contains(part)),
                "{part} in {needed:?}"
            );
        }
    }

    #[test]
    fn the_order_of_cells_does_not_matter() {
        let (one, other) = ("fn a() { b() }", "fn b() {}");
        assert_eq!(
            needed(&[one, other, "a()"], &[]),
            needed(&[other, one, "a()"], &[])
        );
    }

    #[test]
    fn the_cells_own_items_are_compiled_even_if_nobody_calls_them() {
        assert_eq!(needed(&["fn a() {}", "fn b() {}\n1;"], &[]), ["fn b() {}"]);
    }
}
