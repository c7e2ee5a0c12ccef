//! Which items a piece of code depends on, by name or invisibly.
//!
//! The search keeps one set of words: those of the cell, those of the types of the variables it reads, those of every
//! item reached so far. An item is reached if
//!
//! * a word is one of its names;
//! * a word is a member of a trait in it (`shape.area()` names no trait);
//! * it has an `impl` whose header has a word that is reached and names a type or trait of the notebook (`Drop`, operators,
//!   `Display`, `From` by way of `?`); aliases in the header count for what they stand for;
//! * it is a `use` that may bring a trait or any name into scope, or something that concerns the whole crate.

use std::collections::{BTreeSet, HashMap};

use super::flags::Flags;
use super::item::{Item, ItemKind};
use super::std_types;
use super::type_definition::TypeKind;

/// The items of the session, indexed for many searches.
#[derive(Debug)]
pub struct Session<'a> {
    items: Vec<&'a Item>,
    /// The import of an enum's variants also goes by their names.
    named: HashMap<&'a str, Vec<usize>>,
    members: HashMap<&'a str, Vec<usize>>,
    /// By the words of headers that name types and traits of the notebook.
    headers: HashMap<&'a str, Vec<usize>>,
    always: Vec<usize>,
}

/// Attributes of items that run, or are linked to, without being named.
const ACTS_UNCALLED: [&str; 7] = [
    "ctor",
    "dtor",
    "global_allocator",
    "no_mangle",
    "export_name",
    "link_section",
    "distributed_slice",
];

/// What a search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    /// Positions in the list that the [`Session`] was made of, sorted by what the items are: neither their order there nor
    /// their cell matters. Of equal items the first.
    pub items: Vec<usize>,
    /// Of all of them.
    pub flags: Flags,
}

impl<'a> Session<'a> {
    /// `items`: those that hold now. Where two have one name (a function and a module), both are reached by it.
    pub fn new(items: impl IntoIterator<Item = &'a Item>) -> Session<'a> {
        let items: Vec<&Item> = items.into_iter().collect();
        let mut session = Session {
            named: HashMap::new(),
            members: HashMap::new(),
            headers: HashMap::new(),
            always: Vec::new(),
            items,
        };
        for (index, item) in session.items.iter().enumerate() {
            for name in &item.names {
                session.named.entry(name).or_default().push(index);
            }
            for name in &item.members {
                session.members.entry(name).or_default().push(index);
            }
        }
        session.index_headers();
        session.index_unnamed();
        session
    }

    /// The items that code with these words depends on. For a cell: its `words` and [`words_of_type`] of every variable
    /// it reads; the session's items must include its own. `everything`: it may name what does not stand in it.
    pub fn reach<'w>(&'w self, words: impl IntoIterator<Item = &'w str>, everything: bool) -> Reached {
        let mut search = Search {
            session: self,
            reached: vec![false; self.items.len()],
            words: BTreeSet::new(),
            open: Vec::new(),
        };
        if everything {
            search.reached.fill(true);
        } else {
            self.always.iter().for_each(|index| search.item(*index));
            words.into_iter().for_each(|word| search.word(word));
            search.run();
        }
        let found = search.reached.iter().enumerate().filter(|(_, reached)| **reached);
        let mut items: Vec<usize> = found.map(|(index, _)| index).collect();
        items.sort_by(|a, b| self.items[*a].canonical.cmp(&self.items[*b].canonical));
        items.dedup_by(|a, b| self.items[*a].canonical == self.items[*b].canonical);
        let mut flags = Flags::default();
        items
            .iter()
            .for_each(|index| flags.merge(self.items[*index].flags));
        Reached { items, flags }
    }

    /// Whether something can be called `name`.
    pub fn has(&self, name: &str) -> bool {
        self.named.contains_key(name)
    }

    fn index_headers(&mut self) {
        let known: BTreeSet<&str> = self
            .items
            .iter()
            .flat_map(|item| {
                let types = item.types.iter().map(|of| of.name.as_str());
                let imported = item
                    .import
                    .iter()
                    .flat_map(|_| item.names.iter().map(String::as_str));
                types
                    .chain(item.traits.iter().map(String::as_str))
                    .chain(imported)
            })
            .collect();
        for (index, item) in self.items.iter().enumerate() {
            let by_macros = self.makes_impls(item).then_some(&item.words);
            for header in item.headers.iter().chain(by_macros) {
                let words = self.without_aliases(header);
                let mut attached = false;
                for word in words.into_iter().filter_map(|word| known.get(word)) {
                    attached = true;
                    let list = self.headers.entry(word).or_default();
                    if list.last() != Some(&index) {
                        list.push(index);
                    }
                }
                if !attached && item.kind == ItemKind::Impl {
                    self.always.push(index);
                }
            }
        }
    }

    /// Whether a macro of the notebook that an item calls, anywhere in it, may implement something.
    fn makes_impls(&self, item: &Item) -> bool {
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut open: Vec<&str> = item.macro_calls.iter().map(String::as_str).collect();
        while let Some(name) = open.pop() {
            if !seen.insert(name) {
                continue;
            }
            for index in self.named.get(name).into_iter().flatten() {
                let of = self.items[*index];
                if of.kind == ItemKind::Macro {
                    if of.words.contains("impl") {
                        return true;
                    }
                    open.extend(of.words.iter().map(String::as_str));
                }
            }
        }
        false
    }

    /// The words of a header and of the aliases and renamed imports in it, transitively.
    fn without_aliases(&self, header: &'a BTreeSet<String>) -> BTreeSet<&'a str> {
        let mut all: BTreeSet<&str> = BTreeSet::new();
        let mut open: Vec<&str> = header.iter().map(String::as_str).collect();
        while let Some(word) = open.pop() {
            if !all.insert(word) {
                continue;
            }
            for index in self.named.get(word).into_iter().flatten() {
                let item = self.items[*index];
                let says_more = matches!(item.kind, ItemKind::TypeAlias | ItemKind::Use | ItemKind::Macro);
                if says_more || (item.kind == ItemKind::Module && item.renames) {
                    open.extend(item.words.iter().map(String::as_str));
                }
            }
        }
        all
    }

    fn index_unnamed(&mut self) {
        for (index, item) in self.items.iter().enumerate() {
            if ACTS_UNCALLED.iter().any(|word| item.words.contains(*word)) {
                self.always.push(index);
            }
            match item.kind {
                ItemKind::Attribute | ItemKind::ExternCrate | ItemKind::Opaque => self.always.push(index),
                ItemKind::Use => match self.enums_imported(item) {
                    Some(enums) => {
                        for of in enums {
                            let names = of.types.iter().flat_map(|of| &of.variants).chain(&of.names);
                            for name in names {
                                self.named.entry(name).or_default().push(index);
                            }
                        }
                    }
                    None if self.may_act_unnamed(item) => self.always.push(index),
                    None => {}
                },
                _ => {}
            }
        }
    }

    /// The enums whose variants `use Color::*` imports.
    fn enums_imported(&self, item: &Item) -> Option<Vec<&'a Item>> {
        // Another module may have an enum of the same name.
        let is_direct = |path: &[String]| match path {
            [_] => true,
            [first, _] => matches!(first.as_str(), "crate" | "self"),
            _ => false,
        };
        let import = item
            .import
            .as_ref()
            .filter(|import| import.glob && is_direct(&import.path))?;
        let of = self.named.get(import.path.last()?.as_str())?;
        let only_enums = of.iter().all(|index| self.items[*index].kind == ItemKind::Enum);
        only_enums.then(|| of.iter().map(|index| self.items[*index]).collect())
    }

    /// Whether a `use` can matter to code that does not say the name: it is a glob, or may import a trait.
    fn may_act_unnamed(&self, item: &Item) -> bool {
        let Some(import) = &item.import else {
            return true;
        };
        let Some(last) = import.path.last() else {
            return true;
        };
        if import.glob || item.names.is_empty() {
            return true;
        }
        if std_types::is_no_trait(&import.path) || !last.starts_with(char::is_uppercase) {
            return false;
        }
        let is_type = self.items.iter().any(|item| {
            let mut types = item.types.iter();
            types.any(|of| &of.name == last && of.kind != TypeKind::Alias)
        });
        let is_trait = self.items.iter().any(|item| item.traits.contains(last));
        is_trait || !is_type
    }
}

struct Search<'s, 'a> {
    session: &'s Session<'a>,
    reached: Vec<bool>,
    words: BTreeSet<&'s str>,
    open: Vec<usize>,
}

impl<'s> Search<'s, '_> {
    fn item(&mut self, index: usize) {
        if !self.reached[index] {
            self.reached[index] = true;
            self.open.push(index);
        }
    }

    fn word(&mut self, word: &'s str) {
        let session = self.session;
        let of_word = [&session.named, &session.members, &session.headers].map(|index| index.get(word));
        if of_word.iter().any(Option::is_some) && self.words.insert(word) {
            of_word
                .into_iter()
                .flatten()
                .flatten()
                .for_each(|index| self.item(*index));
        }
    }

    fn run(&mut self) {
        while let Some(index) = self.open.pop() {
            let session = self.session;
            let item = session.items[index];
            if item.flags.reads_everything {
                self.reached.fill(true);
                return;
            }
            item.words.iter().for_each(|word| self.word(word));
        }
    }
}

/// The words of a type as it is written, for [`Session::reach`].
pub fn words_of_type(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .filter(|word| !word.is_empty())
}
