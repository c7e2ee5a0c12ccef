//! Whether the values of a type can be compared by content: nothing in them is shared or can change behind our back.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::item::{Implementation, Item, ItemKind};
use super::std_types::{self, StdType};
use super::type_definition::{TypeDefinition, TypeKind};
use super::type_text::TypeText;

/// What is known of a type's values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Plain data all through. Equal content is an equal value, for as long as nobody assigns to the variable.
    Frozen,
    /// There is a type of another crate in it, which may share or change something inside: its content can be hashed, but
    /// must be each time.
    Unknown(Fault),
    /// Equal content would prove nothing.
    Refused(Fault),
}

/// The part of a type that is at fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// `Model.cache`; the type itself if the fault is not in a field of a type of the notebook.
    pub path: String,
    /// The type there, as it is written.
    pub type_text: String,
    /// "can change behind a shared reference"
    pub why: String,
    /// Somewhere in the type is something that changes without the variable being assigned to or borrowed mutably.
    pub changes_inside: bool,
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            write!(out, "`{}` {}", self.type_text, self.why)
        } else {
            write!(out, "`{}: {}` {}", self.path, self.type_text, self.why)
        }
    }
}

const BORROWS: &str = "borrows from another value";

impl Fault {
    /// It would do if the value owned what it borrows.
    pub fn borrows(&self) -> bool {
        self.why == BORROWS
    }
}

/// Judges a type, written as rust-analyzer writes it: `Vec<HashMap<String, P>>`. `items`: the session's.
pub fn frozen<'a>(type_text: &str, items: impl IntoIterator<Item = &'a Item>) -> Verdict {
    let judge = Judge::of(type_text, items);
    match (judge.refused, judge.unknown) {
        (Some(mut fault), _) => {
            fault.changes_inside = judge.changes_inside.is_some();
            Verdict::Refused(fault)
        }
        (None, Some(fault)) => Verdict::Unknown(fault),
        (None, None) => Verdict::Frozen,
    }
}

/// The first part of a type that is borrowed text. A cell may read it, but its values cannot come back from a store: that
/// would have to own it.
pub fn borrowed<'a>(type_text: &str, items: impl IntoIterator<Item = &'a Item>) -> Option<Fault> {
    Judge::of(type_text, items).borrowed
}

/// What a type's values may do to a function that is not called when it was called with the like before.
#[derive(Debug)]
pub struct Hazards {
    /// The first part that serde does not write as it is: values that differ there look alike, and do not come back as
    /// they were.
    pub lossy: Option<Fault>,
    /// The first part that certainly can change while nobody assigns to it or borrows it mutably.
    pub changes_inside: Option<Fault>,
    /// The first part that is a `&mut`.
    pub mutably_borrowed: Option<Fault>,
    /// The first part that is not named, so that it may be any of these: `<S as Trait>::Out`.
    pub unnamed: Option<Fault>,
}

/// Looks for them in a type, as it is written.
pub fn hazards<'a>(type_text: &str, items: impl IntoIterator<Item = &'a Item>) -> Hazards {
    let judge = Judge::of(type_text, items);
    Hazards {
        lossy: judge.lossy,
        changes_inside: judge.changes_inside,
        mutably_borrowed: judge.mutably_borrowed,
        unnamed: judge.unnamed,
    }
}

/// Whether a `static` of this type has one value for good.
///
/// # Errors
/// The part that may change, or of which that is not known.
pub fn constant<'a>(of: &TypeText, items: impl IntoIterator<Item = &'a Item>) -> Result<(), Fault> {
    let mut judge = Judge::new(items);
    judge.in_static = true;
    judge.judge(of, NOWHERE);
    match judge.refused.or(judge.unknown) {
        Some(fault) => Err(fault),
        None => Ok(()),
    }
}

/// Whether there is something in a type that cannot be looked into, as it is another crate's or made by a macro: serde may not be told
/// all of its values.
pub fn is_doubtful<'a>(type_text: &str, items: impl IntoIterator<Item = &'a Item>) -> bool {
    let judge = Judge::of(type_text, items);
    judge.unknown.is_some() || judge.is_written_by_macro
}

#[derive(Debug, Default)]
struct Judge<'a> {
    types: BTreeMap<&'a str, Vec<&'a TypeDefinition>>,
    /// Names of types that are not in a module.
    outermost: BTreeSet<&'a str>,
    imports: BTreeMap<&'a str, Vec<&'a [String]>>,
    modules: BTreeSet<&'a str>,
    constants: BTreeSet<&'a str>,
    /// Traits and what they are implemented for.
    implemented: Vec<&'a Implementation>,
    seen: Vec<&'a TypeDefinition>,
    refused: Option<Fault>,
    changes_inside: Option<Fault>,
    unknown: Option<Fault>,
    borrowed: Option<Fault>,
    mutably_borrowed: Option<Fault>,
    unnamed: Option<Fault>,
    lossy: Option<Fault>,
    /// A type's `Serialize` is nowhere to be seen.
    is_written_by_macro: bool,
    /// The value is that of a `static`: whatever it points to is there for good, and nobody writes it anywhere.
    in_static: bool,
}

/// Where in the type the judge is.
#[derive(Debug, Clone, Copy)]
struct Place<'p> {
    path: &'p str,
    parameters: &'p BTreeSet<String>,
}

const NOWHERE: Place<'static> = Place {
    path: "",
    parameters: &BTreeSet::new(),
};

impl<'a> Judge<'a> {
    fn of(type_text: &str, items: impl IntoIterator<Item = &'a Item>) -> Judge<'a> {
        let mut judge = Judge::new(items);
        judge.judge(&TypeText::parse(type_text), NOWHERE);
        judge
    }

    fn new(items: impl IntoIterator<Item = &'a Item>) -> Judge<'a> {
        let mut judge = Judge::default();
        for item in items {
            for of in &item.types {
                judge.types.entry(&of.name).or_default().push(of);
            }
            for name in &item.names {
                match item.kind {
                    ItemKind::Module => {
                        judge.modules.insert(name);
                    }
                    ItemKind::Struct | ItemKind::Enum | ItemKind::Union | ItemKind::TypeAlias => {
                        judge.outermost.insert(name);
                    }
                    ItemKind::Const => {
                        judge.constants.insert(name);
                    }
                    ItemKind::Use => {
                        let paths = item.import.iter().map(|import| import.path.as_slice());
                        judge.imports.entry(name).or_default().extend(paths);
                    }
                    _ => {}
                }
            }
            judge.implemented.extend(&item.implements);
        }
        judge
    }

    fn judge(&mut self, of: &TypeText, place: Place<'_>) {
        match of {
            TypeText::Path {
                segments, arguments, ..
            } => {
                self.path(segments, of.text(), place);
                arguments.iter().for_each(|argument| self.judge(argument, place));
            }
            TypeText::Tuple(parts) => parts.iter().for_each(|part| self.judge(part, place)),
            TypeText::Reference {
                mutable: false, to, ..
            } if self.in_static => self.judge(to, place),
            TypeText::Reference { mutable, to, .. } => match to.as_ref() {
                // Text that is borrowed for good, as no variable of a notebook can borrow otherwise.
                TypeText::Path { segments, .. } if !mutable && segments.as_slice() == ["str"] => {
                    let why = "borrows its text, and what comes from the cache has to own it";
                    self.borrowed.get_or_insert_with(|| fault(of.text(), place, why));
                }
                to => {
                    if *mutable {
                        self.mutably_borrowed
                            .get_or_insert_with(|| fault(of.text(), place, BORROWS));
                    }
                    self.refuse(of, place, BORROWS);
                    self.judge(to, place);
                }
            },
            TypeText::RawPointer => self.refuse(of, place, "says nothing of what it points to"),
            TypeText::FnPointer if self.in_static => {}
            TypeText::FnPointer => self.refuse(of, place, "is code"),
            TypeText::Dyn(_) | TypeText::Impl(_) => self.refuse(of, place, "may hide anything"),
            TypeText::Unreadable => {
                let why = "cannot be read";
                self.unnamed.get_or_insert_with(|| fault(of.text(), place, why));
                self.refuse(of, place, why);
            }
        }
    }

    fn path(&mut self, segments: &[String], text: &str, place: Place<'_>) {
        let (Some(first), Some(last)) = (segments.first(), segments.last()) else {
            return;
        };
        if place.parameters.contains(first) {
            if segments.len() > 1 {
                let why = "is a type that another one decides";
                self.unnamed.get_or_insert_with(|| fault(text, place, why));
                self.unknown(text, place, why);
            }
            return;
        }
        if std_types::is_std(segments) {
            return self.std_type(last, text, place);
        }
        let alone = segments.len() == 1;
        let in_notebook = alone
            || matches!(first.as_str(), "crate" | "self" | "super")
            || self.modules.contains(first.as_str());
        if alone && self.constants.contains(last.as_str()) {
            return;
        }
        // Which of several it is depends on where it is written: all must do.
        let imported = self.imports.get(first.as_str()).cloned().unwrap_or_default();
        for path in &imported {
            let full: Vec<String> = path.iter().chain(&segments[1..]).cloned().collect();
            if full != segments {
                self.imported(&full, text, place);
            }
        }
        let defined = self.types.get(last.as_str()).filter(|_| in_notebook);
        let defined = defined.cloned().unwrap_or_default();
        for definition in &defined {
            self.definition(definition, place);
        }
        if self.outermost.contains(last.as_str()) && alone || !imported.is_empty() {
            return;
        }
        match (self.classify(last), defined.is_empty()) {
            (StdType::Shared(why), _) if alone => self.refuse_text(text, place, why),
            (_, false) => {}
            _ if alone => self.std_type(last, text, place),
            _ => self.foreign(last, text, place),
        }
    }

    /// A path after the imports have been looked up once.
    fn imported(&mut self, path: &[String], text: &str, place: Place<'_>) {
        let Some(last) = path.last() else { return };
        if std_types::is_std(path) {
            return self.std_type(last, text, place);
        }
        // `use shapes::Circle;`, `use Circle as Round;`
        match self.types.get(last.as_str()).cloned() {
            Some(definitions) => definitions
                .into_iter()
                .for_each(|definition| self.definition(definition, place)),
            None => self.foreign(last, text, place),
        }
    }

    fn classify(&self, name: &str) -> StdType {
        match name {
            // Its code makes its value once.
            "LazyLock" if self.in_static => StdType::Plain,
            name => std_types::classify(name),
        }
    }

    fn std_type(&mut self, name: &str, text: &str, place: Place<'_>) {
        match self.classify(name) {
            StdType::Plain => {}
            StdType::Lossy(why) => self.lose(text, place, why),
            StdType::Shared(why) => self.refuse_text(text, place, why),
            StdType::Unknown => self.unknown(text, place, "is not known to be plain data"),
        }
    }

    /// A type of another crate; the usual names mean the usual things there (`parking_lot::Mutex`).
    fn foreign(&mut self, name: &str, text: &str, place: Place<'_>) {
        match std_types::classify(name) {
            StdType::Shared(why) => self.refuse_text(text, place, why),
            _ => self.unknown(
                text,
                place,
                "comes from another crate and may share something inside",
            ),
        }
    }

    fn definition(&mut self, definition: &'a TypeDefinition, place: Place<'_>) {
        if self.seen.iter().any(|seen| std::ptr::eq(*seen, definition)) {
            return;
        }
        self.seen.push(definition);
        let name = definition.name.as_str();
        let whole = Place {
            path: if definition.kind == TypeKind::Alias {
                place.path
            } else {
                ""
            },
            parameters: &definition.parameters,
        };
        if definition.kind == TypeKind::Union {
            self.refuse_text(
                name,
                whole,
                "is a union: it does not say which of its fields it holds",
            );
        }
        if let Some(attribute) = &definition.lossy {
            let why = format!("has `{attribute}`: what is written does not tell its values apart");
            self.lose(name, whole, &why);
        }
        if self.is_serialized_by_hand(name) {
            let why = "has an `impl Serialize` of its own, which may leave something out";
            self.lose(name, whole, why);
        }
        self.is_written_by_macro |= definition.kind != TypeKind::Alias && !definition.derives_serialize;
        for field in &definition.fields {
            let separator = if definition.kind == TypeKind::Enum {
                "::"
            } else {
                "."
            };
            let path = match definition.kind {
                TypeKind::Alias => place.path.to_owned(),
                _ => format!("{name}{separator}{}", field.path),
            };
            let at = Place {
                path: &path,
                parameters: &definition.parameters,
            };
            if let Some(attribute) = &field.lossy {
                let why = format!("has `{attribute}`: it is not written as it is");
                self.lose(field.is.text(), at, &why);
            }
            self.judge(&field.is, at);
        }
    }

    fn is_serialized_by_hand(&self, name: &str) -> bool {
        self.implemented.iter().any(|implementation| {
            let of = implementation.of.as_str();
            let is_serialize = of == "Serialize"
                || self
                    .imports
                    .get(of)
                    .into_iter()
                    .flatten()
                    .any(|path| path.last().is_some_and(|last| last == "Serialize"));
            is_serialize && implementation.subject.contains(name)
        })
    }

    fn refuse(&mut self, of: &TypeText, place: Place<'_>, why: &str) {
        self.refuse_text(of.text(), place, why);
    }

    fn refuse_text(&mut self, text: &str, place: Place<'_>, why: &str) {
        if std_types::changes_inside(why) {
            self.changes_inside.get_or_insert_with(|| fault(text, place, why));
        }
        self.refused.get_or_insert_with(|| fault(text, place, why));
    }

    fn lose(&mut self, text: &str, place: Place<'_>, why: &str) {
        self.lossy.get_or_insert_with(|| fault(text, place, why));
        if !self.in_static {
            self.refuse_text(text, place, why);
        }
    }

    fn unknown(&mut self, text: &str, place: Place<'_>, why: &str) {
        self.unknown.get_or_insert_with(|| fault(text, place, why));
    }
}

fn fault(text: &str, place: Place<'_>, why: &str) -> Fault {
    Fault {
        path: place.path.to_owned(),
        type_text: text.to_owned(),
        why: why.to_owned(),
        changes_inside: false,
    }
}
