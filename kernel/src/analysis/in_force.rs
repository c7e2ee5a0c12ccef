//! Which items of a session hold: what takes the place of what when cells define items anew.
//!
//! As the engine has it (`engine/knowledge/items.rs`), and evcxr: there is one place for each name, whatever kind of item it is; an `impl` and what
//! else has no name belong to the item before them in their cell, and go with it; of `impl`s with one header the newest
//! counts. A key must see exactly the items that hold: with an older one among them, an edit that is taken back by another way would
//! look like the state before.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::item::{Item, ItemKind};

/// What an item takes the place of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Name(String),
    ExternCrate(Option<String>),
    /// Imports without a name, attributes, and what stands before any named item of its cell: each once.
    Itself(Vec<u8>),
}

/// The items that hold, each with something that belongs to it.
#[derive(Debug, Clone)]
pub struct InForce<T> {
    places: BTreeMap<Place, Vec<Held<T>>>,
    count: u64,
}

#[derive(Debug, Clone)]
struct Held<T> {
    item: Arc<Item>,
    with: T,
    /// Of its cell's run: the newer, the larger. A cell may have several `impl`s with one header.
    number: u64,
}

impl<T> Default for InForce<T> {
    fn default() -> InForce<T> {
        InForce {
            places: BTreeMap::new(),
            count: 0,
        }
    }
}

impl<T> InForce<T> {
    /// Takes up the items of a cell, in the order in which they stand there.
    pub fn learn(&mut self, items: impl IntoIterator<Item = (Item, T)>) {
        let mut previous: Option<Place> = None;
        self.count += 1;
        for (item, with) in items {
            let (place, is_attached) = place(&item, previous.as_ref());
            if is_owner(&item) {
                previous = Some(place.clone());
            }
            let held = Held {
                item: Arc::new(item),
                with,
                number: self.count,
            };
            let there = self.places.entry(place).or_default();
            if !is_attached {
                there.clear();
            }
            there.push(held);
        }
    }

    /// The items that hold, in an order that says nothing.
    pub fn iter(&self) -> impl Iterator<Item = (&Item, &T)> {
        let all = || self.places.values().flatten();
        let mut newest: HashMap<&[u8], u64> = HashMap::new();
        for held in all().filter(|held| held.item.kind == ItemKind::Impl) {
            let number = newest.entry(&held.item.header).or_default();
            *number = held.number.max(*number);
        }
        all()
            .filter(move |held| {
                held.item.kind != ItemKind::Impl || newest.get(&*held.item.header) == Some(&held.number)
            })
            .map(|held| (&*held.item, &held.with))
    }

    /// The items alone.
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.iter().map(|(item, _)| item)
    }
}

/// Where an item goes, and whether it stands there beside others.
fn place(item: &Item, previous: Option<&Place>) -> (Place, bool) {
    let itself = || (Place::Itself(item.canonical.to_vec()), false);
    match (item.kind, &item.name) {
        (ItemKind::ExternCrate, name) => (Place::ExternCrate(name.clone()), false),
        (ItemKind::Attribute, _) | (ItemKind::Use, None) => itself(),
        (_, Some(name)) => (Place::Name(name.clone()), false),
        (_, None) => match previous {
            Some(place) => (place.clone(), true),
            None => itself(),
        },
    }
}

/// Whether what has no name and stands below an item belongs to it.
fn is_owner(item: &Item) -> bool {
    let may_own = !matches!(
        item.kind,
        ItemKind::Attribute | ItemKind::ExternCrate | ItemKind::Use | ItemKind::Macro
    );
    may_own && item.name.is_some()
}

#[cfg(test)]
mod tests {
    use super::super::read_cell;
    use super::*;

    /// The titles of what holds after some cells.
    fn held(cells: &[&str]) -> Vec<String> {
        let mut items = InForce::default();
        for cell in cells {
            items.learn(read_cell(cell).items.into_iter().map(|item| (item, *cell)));
        }
        let mut titles: Vec<String> = items
            .iter()
            .map(|(item, cell)| {
                let name = item.name.clone().unwrap_or_else(|| item.title.clone());
                format!("{name} of {cell}")
            })
            .collect();
        titles.sort();
        titles
    }

    #[test]
    fn there_is_one_place_for_a_name() {
        assert_eq!(held(&["use a::side;", "use b::side;"]), ["side of use b::side;"]);
        assert_eq!(held(&["fn f() {}", "use b::f;"]), ["f of use b::f;"]);
        assert_eq!(
            held(&["fn f() { macro_rules! q { () => {} } }", "fn f() {}"]),
            ["f of fn f() {}"]
        );
        assert_eq!(held(&["use a::*;", "use b::*;", "use a::*;"]).len(), 2);
    }

    #[test]
    fn an_impl_goes_with_the_item_before_it_or_with_its_header() {
        assert_eq!(
            held(&["struct S;\nimpl Drop for S {}", "struct S;"]),
            ["S of struct S;"]
        );
        assert_eq!(
            held(&["struct S;", "impl S { fn a() {} }", "impl S { fn b() {} }"]),
            ["S of struct S;", "impl S of impl S { fn b() {} }"]
        );
        assert_eq!(
            held(&["struct S;\nimpl S { fn a() {} }\nimpl S { fn b() {} }"]).len(),
            3
        );
    }

    #[test]
    fn constants_without_a_name_stand_side_by_side() {
        let cell = "struct S;\nconst _: () = { impl A for S {} };\nconst _: () = { impl B for S {} };";
        assert_eq!(held(&[cell]).len(), 3);
        assert_eq!(held(&[cell, cell]).len(), 3);
    }
}
