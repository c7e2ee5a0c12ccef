//! The items of the session as keys see them.

use std::collections::BTreeMap;

use cellar_cache::{Digest, Hasher, Ingredient, IngredientKind};

use crate::analysis::{self, CellReading, Fault, Flags, Item, ItemKind, Reached, Verdict, words_of_type};

/// What tells that an item takes the place of an older one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// Types, values and macros have names of their own kind.
    Named(Namespace, String),
    /// Of two `impl`s with one header the newer counts.
    Impl(Vec<u8>),
    /// Imports and what cannot be named stay, each once.
    Itself(Vec<u8>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Namespace {
    Types,
    Values,
    Macros,
}

/// Where an item was written.
#[derive(Debug, Clone)]
struct Origin {
    cell: String,
    /// The hash of the cell's text: what `line!()` and its like see of it.
    layout: Digest,
}

/// All items that hold now.
#[derive(Debug, Default)]
pub struct SessionItems {
    items: BTreeMap<Place, (Item, Origin)>,
}

impl SessionItems {
    /// Enters the items of a cell whose Rust is `rust`, line for line.
    pub fn learn(&mut self, cell: &str, rust: &str, reading: &CellReading) {
        let origin = Origin {
            cell: cell.to_owned(),
            layout: Digest::of(rust.as_bytes()),
        };
        for item in &reading.items {
            self.items.insert(place(item), (item.clone(), origin.clone()));
        }
    }

    /// The items that a cell depends on, those that it defines itself left out: its own code says them. And the layout of the
    /// cell, `rust`, if one of them looks at it: a macro with `line!()`.
    pub fn reached(&self, rust: &str, reading: &CellReading, types: &[&str]) -> Vec<Ingredient> {
        let own: Vec<Place> = reading.items.iter().map(place).collect();
        let words = reading
            .words
            .iter()
            .map(String::as_str)
            .chain(types.iter().flat_map(|text| words_of_type(text)));
        let (mut ingredients, flags) =
            self.ingredients(words, reading.all_flags().reads_everything, |item| {
                own.contains(&place(item))
            });
        if flags.shows_position {
            let layout = Digest::of(rust.as_bytes());
            ingredients.push(Ingredient::new(IngredientKind::Code, "layout", layout));
        }
        ingredients
    }

    /// The definitions of types and traits that these types reach.
    pub fn definitions(&self, type_texts: &[String]) -> Vec<Ingredient> {
        self.definitions_with(type_texts, None)
    }

    /// The same, with those of a cell that is about to run.
    pub fn definitions_with(&self, type_texts: &[String], with: Option<&CellReading>) -> Vec<Ingredient> {
        let words = type_texts.iter().flat_map(|text| words_of_type(text));
        let new: BTreeMap<Place, &Item> = with
            .into_iter()
            .flat_map(|reading| &reading.items)
            .map(|item| (place(item), item))
            .collect();
        let older = self.items.iter().filter(|(place, _)| !new.contains_key(place));
        let all = older.map(|(_, (item, _))| item).chain(new.values().copied());
        let types: Vec<&Item> = all.filter(|item| is_type(item)).collect();
        let session = analysis::Session::new(types.iter().copied());
        let reached = session.reach(words, false).items;
        let ingredient = |index: usize| {
            let item = types[index];
            Ingredient::new(IngredientKind::Item, title(item), Digest::of(&item.canonical))
        };
        reached.into_iter().map(ingredient).collect()
    }

    /// The hash of what the function `name` depends on, itself included.
    pub fn code_of(&self, name: &str) -> Digest {
        let (ingredients, _) = self.ingredients([name].into_iter(), false, |_| false);
        cellar_cache::Key::of(&ingredients).0
    }

    fn ingredients<'w>(
        &self,
        words: impl Iterator<Item = &'w str>,
        everything: bool,
        is_own: impl Fn(&Item) -> bool,
    ) -> (Vec<Ingredient>, Flags) {
        let words: Vec<&str> = words.collect();
        let all: Vec<&(Item, Origin)> = self.items.values().filter(|(item, _)| !is_own(item)).collect();
        let session = analysis::Session::new(all.iter().map(|(item, _)| item));
        let Reached { items, flags, .. } = session.reach(words.iter().copied(), everything);
        let ingredients = items
            .into_iter()
            .map(|index| {
                let (item, origin) = all[index];
                let mut digest = Digest::of(&item.canonical);
                if flags.shows_position {
                    let mut placed = Hasher::new("item and its place");
                    placed.digest("item", &digest).digest("layout", &origin.layout);
                    digest = placed.finish();
                }
                Ingredient::new(IngredientKind::Item, title(item), digest)
                    .with_note(format!("from {}", origin.cell))
            })
            .collect();
        (ingredients, flags)
    }

    /// Whether the values of a type can be compared by content.
    pub fn verdict(&self, type_text: &str) -> Verdict {
        analysis::frozen(type_text, self.items.values().map(|(item, _)| item))
    }

    /// The text in values of this type that is not their own.
    pub fn borrowed(&self, type_text: &str) -> Option<Fault> {
        analysis::borrowed(type_text, self.items.values().map(|(item, _)| item))
    }

    /// The type of the notebook in `type_text` that has no way to be written and read.
    pub fn without_serde(&self, type_text: &str) -> Option<&str> {
        words_of_type(type_text).find_map(|word| {
            let (item, _) = self.items.get(&Place::Named(Namespace::Types, word.to_owned()))?;
            let has = |of: &str| {
                item.words.contains(of)
                    || self.items.values().any(|(other, _)| {
                        other.kind == ItemKind::Impl
                            && other
                                .headers
                                .iter()
                                .any(|header| header.contains(of) && header.contains(word))
                    })
            };
            (is_data(item) && !(has("Serialize") && has("Deserialize")))
                .then(|| item.names.first().map(String::as_str))?
        })
    }

    pub fn is_frozen(&self, type_text: &str) -> bool {
        self.verdict(type_text) == Verdict::Frozen
    }

    /// All items, those of a cell that is about to run included.
    pub fn with<'a>(&'a self, reading: &'a CellReading) -> analysis::Session<'a> {
        let known = self.items.values().map(|(item, _)| item);
        analysis::Session::new(known.chain(&reading.items))
    }
}

fn is_data(item: &Item) -> bool {
    matches!(item.kind, ItemKind::Struct | ItemKind::Enum | ItemKind::Union)
}

/// A trait is what `dyn` leads to.
fn is_type(item: &Item) -> bool {
    is_data(item) || matches!(item.kind, ItemKind::TypeAlias | ItemKind::Trait)
}

fn place(item: &Item) -> Place {
    let itself = || Place::Itself(item.canonical.to_vec());
    // `const _: () = { impl Trait for Type {} };` takes nobody's place.
    let named = |namespace| match &item.name {
        Some(name) => Place::Named(namespace, name.clone()),
        None => itself(),
    };
    match item.kind {
        ItemKind::Fn | ItemKind::Const | ItemKind::Static => named(Namespace::Values),
        ItemKind::Struct
        | ItemKind::Enum
        | ItemKind::Union
        | ItemKind::Trait
        | ItemKind::TypeAlias
        | ItemKind::Module => named(Namespace::Types),
        ItemKind::Macro => named(Namespace::Macros),
        ItemKind::Impl => Place::Impl(item.header.to_vec()),
        ItemKind::Use
        | ItemKind::ExternCrate
        | ItemKind::ExternBlock
        | ItemKind::Attribute
        | ItemKind::Opaque => itself(),
    }
}

/// What an explanation calls an item.
fn title(item: &Item) -> String {
    let names: Vec<&str> = item.names.iter().map(String::as_str).collect();
    let names = names.join(", ");
    match item.kind {
        ItemKind::Fn => names,
        ItemKind::Impl => item.title.clone(),
        ItemKind::Use => match &item.import {
            Some(import) => {
                let glob = if import.glob { "::*" } else { "" };
                format!("use {}{glob}", import.path.join("::"))
            }
            None => "use".to_owned(),
        },
        ItemKind::Attribute => "a crate attribute".to_owned(),
        _ if names.is_empty() => "an item".to_owned(),
        _ => names,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::read_cell;

    /// The key's part of a cell that calls `f`, which is defined in a cell of this text.
    fn of_caller(text: &str) -> Vec<Digest> {
        let mut items = SessionItems::default();
        items.learn("In[1]", text, &read_cell(text));
        let reached = items.reached("f()", &read_cell("f()"), &[]);
        reached.into_iter().map(|ingredient| ingredient.digest).collect()
    }

    #[test]
    fn constants_without_a_name_stand_side_by_side() {
        let mut items = SessionItems::default();
        let mut key = |text: &str| {
            items.learn("In[1]", text, &read_cell(text));
            items.reached("S", &read_cell("S"), &[]).len()
        };
        assert_eq!(key("struct S;"), 1);
        assert_eq!(key("const _: () = { impl A for S { } };"), 2);
        assert_eq!(key("const _: () = { impl B for S { } };"), 3);
    }

    #[test]
    fn the_layout_of_an_item_counts_where_positions_are_shown() {
        assert_eq!(
            of_caller("fn f() -> u32 { 1 }"),
            of_caller("\n\nfn f() -> u32 { 1 }")
        );
        assert_ne!(
            of_caller("fn f() -> u32 { line!() }"),
            of_caller("\n\nfn f() -> u32 { line!() }")
        );
    }
}
