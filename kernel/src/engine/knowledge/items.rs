//! The items of the session: what committed cells have defined, as text.
//!
//! evcxr keeps the same, out of reach. It is kept here as evcxr keeps it, so that a crate made from
//! these items means what evcxr's own crate means: an item takes the place of an older one of its name, and what
//! has no name (an `impl`) belongs to the named item before it in its cell.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use cellar_cache::Digest;
use ra_ap_syntax::ast::{self, AstNode, HasName};
use ra_ap_syntax::{SyntaxKind, SyntaxNode};

use super::imports;
use crate::analysis;
use crate::cell::CellSource;
use crate::engine::cell_crate::source_map::Mark;
use crate::engine::types::definitions::{Definition, Definitions, header_tokens};

/// One item, as it goes into a crate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    pub kind: ItemKind,
    /// What other code calls it; `None` for an `impl`, `use a::*`, `const _` and the like.
    pub name: Option<String>,
    /// As its author wrote it. Of a `use`, the part that brings one name.
    pub code: String,
    /// The cell that defined it.
    pub cell: Arc<CellSource>,
    /// What types may depend on.
    pub(in crate::engine) definition: Option<Definition>,
    /// The piece of its cell, and the comment that says so in a crate. Of a `use`, of which a crate has only
    /// parts, the number alone.
    pub(in crate::engine) mark: Mark,
    pub(in crate::engine) marker: String,
    reading: Reading,
}

/// The item as the analysis sees it.
#[derive(Debug, Clone, Default)]
struct Reading(Arc<OnceLock<Vec<analysis::Item>>>);

/// It follows from the code.
impl PartialEq for Reading {
    fn eq(&self, _: &Reading) -> bool {
        true
    }
}

impl Eq for Reading {}

/// What matters of an item to those who put crates together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemKind {
    /// `#![feature(…)]` and other attributes of the crate.
    Attribute,
    /// `macro_rules!`. It must stand above its uses.
    Macro,
    ExternCrate,
    /// A `use` of one name, or of `*`.
    Import,
    /// An `impl`, with its tokens up to the body: what tells it from others.
    Impl(String),
    /// Functions, types, traits, constants, modules.
    Other,
}

impl Item {
    /// What it introduces and names. Empty where it cannot be read.
    pub fn reading(&self) -> &[analysis::Item] {
        self.reading
            .0
            .get_or_init(|| analysis::read_cell(&self.code).items)
    }

    /// Where it stands in a crate: attributes first, then macros.
    pub fn rank(&self) -> usize {
        match self.kind {
            ItemKind::Attribute => 0,
            ItemKind::Macro => 1,
            _ => 2,
        }
    }

    /// Its text in a crate, with the comment that tells where it comes from.
    pub fn piece(&self) -> String {
        format!("{}{}\n\n", self.code, self.marker)
    }

    /// The items that a statement of a cell defines: none if it is not an item, several for a `use`.
    pub fn of(statement: &SyntaxNode, code: &str, cell: &Arc<CellSource>, mark: (Mark, &str)) -> Vec<Item> {
        let one = |kind, name| {
            vec![Item {
                kind,
                name,
                code: code.to_owned(),
                cell: Arc::clone(cell),
                definition: Definition::of(statement),
                mark: mark.0,
                marker: mark.1.to_owned(),
                reading: Reading::default(),
            }]
        };
        if statement.kind() == SyntaxKind::ATTR {
            return one(ItemKind::Attribute, None);
        }
        match ast::Item::cast(statement.clone()) {
            None | Some(ast::Item::MacroCall(_)) => Vec::new(),
            Some(ast::Item::ExternCrate(item)) => {
                let name = item.name_ref().map(|name| name.text().to_string());
                one(ItemKind::ExternCrate, name)
            }
            Some(ast::Item::MacroRules(item)) => one(ItemKind::Macro, text(item.name())),
            Some(ast::Item::Use(item)) => imports::imports(&item)
                .into_iter()
                .map(|import| Item {
                    kind: ItemKind::Import,
                    name: import.name,
                    code: import.text,
                    cell: Arc::clone(cell),
                    definition: None,
                    mark: mark.0,
                    marker: String::new(),
                    reading: Reading::default(),
                })
                .collect(),
            Some(ast::Item::Impl(item)) => {
                let header = header_tokens(&item).join(" ");
                one(ItemKind::Impl(header), None)
            }
            Some(item) => one(ItemKind::Other, name_of(&item)),
        }
    }
}

fn name_of(item: &ast::Item) -> Option<String> {
    text(match item {
        ast::Item::Const(it) => it.name(),
        ast::Item::Enum(it) => it.name(),
        ast::Item::Fn(it) => it.name(),
        ast::Item::MacroDef(it) => it.name(),
        ast::Item::Module(it) => it.name(),
        ast::Item::Static(it) => it.name(),
        ast::Item::Struct(it) => it.name(),
        ast::Item::Trait(it) => it.name(),
        ast::Item::TypeAlias(it) => it.name(),
        ast::Item::Union(it) => it.name(),
        _ => None,
    })
}

fn text(name: Option<ast::Name>) -> Option<String> {
    name.map(|name| name.text().to_string())
}

/// The items of all committed cells. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Items {
    places: Vec<(Place, Vec<Arc<Item>>)>,
    /// How often a type took the place of another. What `dyn Any` hides may be of the older one.
    redefinitions: u64,
}

/// What an item takes the place of.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Attribute(String),
    ExternCrate(String),
    /// As in evcxr, a function and a type of one name are in one place.
    Name(String),
    Nowhere,
}

impl Items {
    /// Takes up the items of a cell, in the order in which they stand there.
    pub fn commit(&mut self, items: &[Item]) {
        // Most cells define none, and then nothing is to be compared.
        if items.is_empty() {
            return;
        }
        let before = self.clone();
        self.take_up(items);
        if self.redefines(&before) {
            self.redefinitions += 1;
        }
    }

    /// Whether a type of `before` is another one now.
    fn redefines(&self, before: &Items) -> bool {
        let matters = |item: &&Arc<Item>| item.definition.is_some() || item.kind == ItemKind::Import;
        let now: HashSet<&str> = self.iter().map(|item| item.code.as_str()).collect();
        if before
            .iter()
            .filter(matters)
            .all(|item| now.contains(item.code.as_str()))
        {
            return false;
        }
        let crates = BTreeMap::new();
        let (old, new) = (before.definitions(&crates), self.definitions(&crates));
        old.types().any(|name| old.identity(name) != new.identity(name))
    }

    fn take_up(&mut self, items: &[Item]) {
        let mut previous: Option<Place> = None;
        for item in items {
            let name = item.name.clone();
            let place = match (&item.kind, name) {
                (ItemKind::Attribute, _) => Place::Attribute(item.code.clone()),
                (ItemKind::ExternCrate, Some(name)) => Place::ExternCrate(name),
                (ItemKind::Macro | ItemKind::Import, Some(name)) => Place::Name(name),
                (ItemKind::Other, Some(name)) => {
                    previous = Some(Place::Name(name.clone()));
                    Place::Name(name)
                }
                (ItemKind::Impl(_) | ItemKind::Other, None) => match &previous {
                    Some(place) => {
                        self.place(place.clone()).push(Arc::new(item.clone()));
                        continue;
                    }
                    None => Place::Nowhere,
                },
                _ => Place::Nowhere,
            };
            *self.place(place) = vec![Arc::new(item.clone())];
        }
    }

    fn place(&mut self, wanted: Place) -> &mut Vec<Arc<Item>> {
        let found = self
            .places
            .iter()
            .position(|(place, _)| *place == wanted && wanted != Place::Nowhere);
        let at = found.unwrap_or_else(|| {
            self.places.push((wanted, Vec::new()));
            self.places.len() - 1
        });
        &mut self.places[at].1
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.places.clear();
    }

    /// The items that are in force, in an order in which a crate can have them: attributes first, then macros.
    /// Of `impl`s with one header only the newest is.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Item>> {
        let all = || self.places.iter().flat_map(|(_, items)| items);
        // A cell may have several with one header.
        let mut newest: HashMap<&str, &Arc<Item>> = HashMap::new();
        for item in all() {
            if let ItemKind::Impl(header) = &item.kind {
                let known = newest.entry(header).or_insert(item);
                if item.mark > known.mark {
                    *known = item;
                }
            }
        }
        let mut items: Vec<&Arc<Item>> = all()
            .filter(|item| match &item.kind {
                ItemKind::Impl(header) => newest
                    .get(header.as_str())
                    .is_some_and(|newest| Arc::ptr_eq(&newest.cell, &item.cell)),
                _ => true,
            })
            .collect();
        items.sort_by_key(|item| item.rank());
        items.into_iter()
    }

    /// All items as the text of a crate.
    #[cfg(test)]
    pub fn text(&self) -> String {
        self.iter().map(|item| item.piece()).collect()
    }

    /// What types may depend on; `crates` are those that cells can name.
    pub fn definitions<'a>(&'a self, crates: &'a BTreeMap<String, Digest>) -> Definitions<'a> {
        let mut definitions = Definitions::new(self.redefinitions);
        for definition in self.iter().filter_map(|item| item.definition.as_ref()) {
            definitions.add(definition);
        }
        let imports = self.iter().filter(|item| item.kind == ItemKind::Import);
        definitions.add_imports(imports.map(|item| item.code.as_str()));
        definitions.add_crates(crates);
        definitions
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::cell_code::{DebugFormat, prepare};
    use crate::engine::cell_crate::source_map::Marks;

    /// The items after some cells, as text without marks.
    fn committed(cells: &[&str]) -> Vec<String> {
        let (mut items, mut marks) = (Items::default(), Marks::default());
        for (index, code) in cells.iter().enumerate() {
            let cell = CellSource::new(format!("In[{}]", index + 1), *code);
            items.commit(&prepare(code, &cell, &mut marks, DebugFormat::Compact).items);
        }
        items.iter().map(|item| item.code.clone()).collect()
    }

    #[test]
    fn an_item_takes_the_place_of_an_older_one_of_its_name() {
        assert_eq!(
            committed(&["fn f() {}\nstruct S;", "let a = 1;\nfn f() { a() }"]),
            ["fn f() { a() }", "struct S;"]
        );
        assert_eq!(
            committed(&["use a::{b, c};", "use d::b;\nfn c() {}"]),
            ["use d::b;", "fn c() {}"]
        );
    }

    #[test]
    fn an_impl_goes_with_the_item_before_it_or_with_its_header() {
        assert_eq!(
            committed(&["struct S;\nimpl S {}", "struct S(u8);"]),
            ["struct S(u8);"]
        );
        assert_eq!(
            committed(&["struct S;", "impl S { fn a() {} }", "impl  S { fn b() {} }"]),
            ["struct S;", "impl  S { fn b() {} }"]
        );
        let both = "struct S;\nimpl S { fn a() {} }\nimpl S { fn b() {} }";
        assert_eq!(committed(&[both]).len(), 3);
        assert_eq!(committed(&[both, "impl S { fn c() {} }"]).len(), 2);
    }

    #[test]
    fn attributes_and_macros_stand_first() {
        assert_eq!(
            committed(&[
                "fn f() { m!() }",
                "macro_rules! m { () => {} }",
                "#![feature(x)]\n"
            ]),
            ["#![feature(x)]", "macro_rules! m { () => {} }", "fn f() { m!() }"]
        );
    }

    #[test]
    fn errors_in_items_are_found_in_their_cells() {
        let (mut items, mut marks) = (Items::default(), Marks::default());
        let code = "let a = 1;\nfn f() {\n  oops\n}";
        let cell = CellSource::new("In[1]", code);
        items.commit(&prepare(code, &cell, &mut marks, DebugFormat::Compact).items);
        let text = format!("// first\n{}", items.text());
        let place = marks.map(&text).place(3, 3).expect("in the function");
        assert_eq!((place.line, place.column), (3, 3));
    }
}
