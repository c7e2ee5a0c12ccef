//! The items of the session as keys see them.

use std::borrow::Cow;
use std::sync::Arc;

use cellar_cache::{Digest, Hasher, Ingredient, IngredientKind};

use crate::analysis::{
    self, CellReading, Fault, Flags, InForce, Item, ItemKind, Reached, Verdict, words_of_type,
};

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
    /// Each with where it comes from; those of a cell that is about to run without.
    items: InForce<Option<Arc<Origin>>>,
}

impl SessionItems {
    /// Enters the items of a cell whose Rust is `rust`, line for line.
    pub fn learn(&mut self, cell: &str, rust: &str, reading: &CellReading) {
        let origin = Arc::new(Origin {
            cell: cell.to_owned(),
            layout: Digest::of(rust.as_bytes()),
        });
        let items = reading.items.iter();
        self.items
            .learn(items.map(|item| (item.clone(), Some(Arc::clone(&origin)))));
    }

    /// What will hold with the items of a cell that is about to run.
    fn with_own(&self, reading: Option<&CellReading>) -> Cow<'_, InForce<Option<Arc<Origin>>>> {
        match reading.map(|reading| &reading.items) {
            Some(own) if !own.is_empty() => {
                let mut items = self.items.clone();
                items.learn(own.iter().map(|item| (item.clone(), None)));
                Cow::Owned(items)
            }
            _ => Cow::Borrowed(&self.items),
        }
    }

    /// The items that a cell depends on, those that it defines itself left out: its own code says them. And the layout of the
    /// cell, `rust`, if one of them looks at it: a macro with `line!()`.
    pub fn reached(&self, rust: &str, reading: &CellReading, types: &[&str]) -> Vec<Ingredient> {
        let items = self.with_own(Some(reading));
        let words = reading
            .words
            .iter()
            .map(String::as_str)
            .chain(types.iter().flat_map(|text| words_of_type(text)));
        let (mut ingredients, flags) = ingredients(&items, words, reading.all_flags().reads_everything);
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
        let all = self.with_own(with);
        let words = type_texts.iter().flat_map(|text| words_of_type(text));
        let types: Vec<&Item> = all.items().filter(|item| is_type(item)).collect();
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
        let (ingredients, _) = ingredients(&self.items, [name].into_iter(), false);
        cellar_cache::Key::of(&ingredients).0
    }

    /// Whether the values of a type can be compared by content.
    pub fn verdict(&self, type_text: &str) -> Verdict {
        analysis::frozen(type_text, self.items.items())
    }

    /// The text in values of this type that is not their own.
    pub fn borrowed(&self, type_text: &str) -> Option<Fault> {
        analysis::borrowed(type_text, self.items.items())
    }

    /// The type of the notebook in `type_text` that has no way to be written and read.
    pub fn without_serde(&self, type_text: &str) -> Option<&str> {
        words_of_type(type_text).find_map(|word| {
            let item = self
                .items
                .items()
                .find(|item| is_data(item) && item.name.as_deref() == Some(word))?;
            let has = |of: &str| {
                item.words.contains(of)
                    || self.items.items().any(|other| {
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
        let known = self.items.items();
        analysis::Session::new(known.chain(&reading.items))
    }
}

/// The items that code with these words depends on, those of the cell itself left out.
fn ingredients<'w>(
    items: &InForce<Option<Arc<Origin>>>,
    words: impl Iterator<Item = &'w str>,
    everything: bool,
) -> (Vec<Ingredient>, Flags) {
    let words: Vec<&str> = words.collect();
    let all: Vec<(&Item, &Origin)> = items
        .iter()
        .filter_map(|(item, origin)| Some((item, &**origin.as_ref()?)))
        .collect();
    let session = analysis::Session::new(all.iter().map(|(item, _)| *item));
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

fn is_data(item: &Item) -> bool {
    matches!(item.kind, ItemKind::Struct | ItemKind::Enum | ItemKind::Union)
}

/// A trait is what `dyn` leads to.
fn is_type(item: &Item) -> bool {
    is_data(item) || matches!(item.kind, ItemKind::TypeAlias | ItemKind::Trait)
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
