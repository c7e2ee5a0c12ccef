//! Which definition a type has, beyond its name.
//!
//! Rust's `TypeId` does not notice that a field's type, an enum's payload or a trait's method changed: a value of the
//! old type would be read as one of the new. So a variable's type gets a second identity, made of the text of
//! every definition that it reaches, and of what the crates are whose types it may have inside.

use std::collections::{BTreeMap, BTreeSet};

use cellar_cache::Digest as CrateIdentity;
use ra_ap_syntax::ast::{self, AstNode, HasGenericParams, HasName};
use ra_ap_syntax::{SyntaxKind, SyntaxNode};
use sha2::{Digest, Sha256};

use super::included::states_of_files;
use crate::analysis::words_of_type;

/// What an item says about types.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Definition {
    /// `None` for an `impl`.
    name: Option<String>,
    is_macro: bool,
    /// It defines a type, or may have types in it.
    is_type: bool,
    /// Of an `impl`: those of its header and of its associated types.
    tokens: Vec<String>,
    /// Names that it gives to things of its own: variants, parameters.
    own: BTreeSet<String>,
    /// Names that it takes from what is around it: the first ones of its paths, and all in macros' arguments.
    mentions: BTreeSet<String>,
    /// The macros that it calls.
    calls: BTreeSet<String>,
    /// Of an `impl`: its constants and constant functions, each with its tokens.
    constants: Vec<(String, Vec<String>)>,
}

/// Names of types and traits that need no import.
pub(in crate::engine) const PRELUDE: [&str; 36] = [
    "AsMut",
    "AsRef",
    "Box",
    "Clone",
    "Copy",
    "Default",
    "DoubleEndedIterator",
    "Drop",
    "Eq",
    "Err",
    "ExactSizeIterator",
    "Extend",
    "Fn",
    "FnMut",
    "FnOnce",
    "From",
    "FromIterator",
    "Into",
    "IntoIterator",
    "Iterator",
    "None",
    "Ok",
    "Option",
    "Ord",
    "PartialEq",
    "PartialOrd",
    "Result",
    "Self",
    "Send",
    "Sized",
    "Some",
    "String",
    "Sync",
    "ToOwned",
    "ToString",
    "Vec",
];

/// Types that are nobody's.
const PRIMITIVE: [&str; 17] = [
    "bool", "char", "str", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128",
    "isize", "f32", "f64",
];

/// Attributes that change neither the layout of a type nor what a name means.
const HARMLESS: [&str; 9] = [
    "derive",
    "doc",
    "allow",
    "warn",
    "deny",
    "expect",
    "must_use",
    "deprecated",
    "inline",
];

impl Definition {
    /// What `statement` defines, if types can depend on it.
    pub fn of(statement: &SyntaxNode) -> Option<Definition> {
        let item = ast::Item::cast(statement.clone())?;
        let name = match &item {
            ast::Item::Struct(it) => it.name(),
            ast::Item::Enum(it) => it.name(),
            ast::Item::Union(it) => it.name(),
            ast::Item::Trait(it) => it.name(),
            ast::Item::TypeAlias(it) => it.name(),
            ast::Item::Const(it) => it.name(),
            ast::Item::Module(it) => it.name(),
            ast::Item::Fn(it) if it.const_token().is_some() => it.name(),
            ast::Item::MacroRules(it) => it.name(),
            ast::Item::Impl(it) => return Definition::of_impl(it),
            _ => None,
        }?;
        let names = Names::of(item.syntax());
        Some(Definition {
            name: Some(name.text().to_string()),
            is_macro: matches!(item, ast::Item::MacroRules(_)),
            is_type: matches!(
                item,
                ast::Item::Struct(_) | ast::Item::Enum(_) | ast::Item::Union(_) | ast::Item::Module(_)
            ),
            tokens: tokens_of(item.syntax()),
            own: own_names(&item),
            mentions: names.mentions,
            calls: names.calls,
            constants: Vec::new(),
        })
    }

    /// An `impl` says something about types if it has types, or constants: an array may be as long as one of these.
    fn of_impl(item: &ast::Impl) -> Option<Definition> {
        let mut definition = Definition::default();
        let mut names = Names::default();
        let mut types: Vec<String> = Vec::new();
        for item in item.assoc_item_list()?.assoc_items() {
            let constant = match &item {
                ast::AssocItem::TypeAlias(_) | ast::AssocItem::MacroCall(_) => {
                    types.extend(tokens_of(item.syntax()));
                    None
                }
                ast::AssocItem::Const(it) => it.name(),
                ast::AssocItem::Fn(it) if it.const_token().is_some() => it.name(),
                ast::AssocItem::Fn(_) => continue,
            };
            names.add(item.syntax());
            let constant = constant.map(|name| (name.text().to_string(), tokens_of(item.syntax())));
            definition.constants.extend(constant);
        }
        if types.is_empty() && definition.constants.is_empty() {
            return None;
        }
        let header = item
            .syntax()
            .children()
            .filter(|node| !ast::AssocItemList::can_cast(node.kind()));
        header.for_each(|node| names.add(&node));
        definition.tokens = header_tokens(item).into_iter().chain(types).collect();
        Some(Definition {
            mentions: names.mentions,
            calls: names.calls,
            ..definition
        })
    }
}

/// The names that code takes from what is around it.
#[derive(Default)]
struct Names {
    mentions: BTreeSet<String>,
    calls: BTreeSet<String>,
}

impl Names {
    fn of(code: &SyntaxNode) -> Names {
        let mut names = Names::default();
        names.add(code);
        names
    }

    fn add(&mut self, code: &SyntaxNode) {
        for node in code.descendants() {
            if let Some(segment) = ast::PathSegment::cast(node.clone()) {
                let path = segment.parent_path();
                if qualifiers(&path).all(|it| is_relative(&it)) {
                    self.mentions
                        .extend(segment.name_ref().map(|name| name.text().to_string()));
                }
            } else if let Some(call) = ast::MacroCall::cast(node) {
                let name = call.path().and_then(|path| path.segment()?.name_ref());
                self.calls.extend(name.map(|name| name.text().to_string()));
            }
        }
        let in_macros = significant(code).filter(|token| {
            token
                .parent_ancestors()
                .any(|it| it.kind() == SyntaxKind::TOKEN_TREE)
        });
        let mut previous: Option<String> = None;
        for token in in_macros {
            if token.kind() == SyntaxKind::BANG {
                self.calls.extend(previous.take());
            }
            previous = (token.kind() == SyntaxKind::IDENT).then(|| token.text().to_string());
            self.mentions.extend(previous.clone());
        }
    }
}

/// The paths in front of a path's last name.
fn qualifiers(path: &ast::Path) -> impl Iterator<Item = ast::Path> {
    std::iter::successors(path.qualifier(), ast::Path::qualifier)
}

/// `crate`, `self` and `super`: what follows is looked up as if it stood alone.
fn is_relative(path: &ast::Path) -> bool {
    path.segment().is_some_and(|segment| segment.name_ref().is_none())
}

fn own_names(item: &ast::Item) -> BTreeSet<String> {
    let (parameters, variants) = match item {
        ast::Item::Struct(it) => (it.generic_param_list(), None),
        ast::Item::Enum(it) => (it.generic_param_list(), it.variant_list()),
        ast::Item::Union(it) => (it.generic_param_list(), None),
        ast::Item::TypeAlias(it) => (it.generic_param_list(), None),
        _ => (None, None),
    };
    let variants = variants
        .into_iter()
        .flat_map(|list| list.variants())
        .filter_map(|variant| variant.name());
    let parameters = parameters
        .into_iter()
        .flat_map(|list| list.type_or_const_params())
        .filter_map(|parameter| match parameter {
            ast::TypeOrConstParam::Type(it) => it.name(),
            ast::TypeOrConstParam::Const(it) => it.name(),
        });
    variants
        .chain(parameters)
        .map(|name| name.text().to_string())
        .collect()
}

/// The tokens of an `impl` up to its body.
pub fn header_tokens(item: &ast::Impl) -> Vec<String> {
    let end = item
        .assoc_item_list()
        .map_or(item.syntax().text_range().end(), |body| {
            body.syntax().text_range().start()
        });
    significant(item.syntax())
        .filter(|token| token.text_range().start() < end)
        .map(|token| token.text().to_string())
        .collect()
}

fn tokens_of(node: &SyntaxNode) -> Vec<String> {
    significant(node).map(|token| token.text().to_string()).collect()
}

fn significant(node: &SyntaxNode) -> impl Iterator<Item = ra_ap_syntax::SyntaxToken> + '_ {
    node.descendants_with_tokens()
        .filter_map(|element| element.into_token())
        .filter(|token| {
            !token.kind().is_trivia()
                && !token
                    .parent_ancestors()
                    .any(|parent| is_harmless_attribute(&parent))
        })
}

fn is_harmless_attribute(node: &SyntaxNode) -> bool {
    node.kind() == SyntaxKind::ATTR && {
        let text = node.text().to_string();
        let name = text.trim_start_matches(['#', '!', '[', ' ']);
        HARMLESS.iter().any(|harmless| {
            name.strip_prefix(harmless)
                .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
        })
    }
}

/// The definitions that hold in one generated crate.
#[derive(Debug, Default)]
pub struct Definitions<'a> {
    named: BTreeMap<&'a str, &'a Definition>,
    macros: BTreeMap<&'a str, &'a Definition>,
    impls: Vec<&'a Definition>,
    /// What `use`s bring: the paths of each name, and those of which everything is imported.
    imports: BTreeMap<&'a str, BTreeSet<Vec<&'a str>>>,
    everything_of: BTreeSet<Vec<&'a str>>,
    /// What crates a name of the crate's root may lead to.
    foreign: BTreeMap<&'a str, BTreeSet<CrateIdentity>>,
    /// The crates of which everything is imported.
    globs: BTreeSet<CrateIdentity>,
    /// How often a type took the place of another.
    redefinitions: u64,
}

/// What values may be hidden behind: any type that there is. They can be asked for as what they were.
const HIDING: [&str; 9] = [
    "Any",
    "Error",
    "anyhow",
    "eyre",
    "JoinHandle",
    "ScopedJoinHandle",
    "AnyMap",
    "TypeMap",
    "Extensions",
];

impl<'a> Definitions<'a> {
    /// `redefinitions`: how often a type took the place of another.
    pub fn new(redefinitions: u64) -> Definitions<'a> {
        Definitions {
            redefinitions,
            ..Definitions::default()
        }
    }

    pub fn add(&mut self, definition: &'a Definition) {
        match &definition.name {
            Some(name) if definition.is_macro => {
                self.macros.insert(name, definition);
            }
            Some(name) => {
                self.named.insert(name, definition);
            }
            None => self.impls.push(definition),
        }
    }

    /// Adds the `use`s, each of one name or of `*`.
    pub fn add_imports(&mut self, uses: impl Iterator<Item = &'a str>) {
        for (path, name) in uses.filter_map(parts_of_use) {
            match name {
                "*" => self.everything_of.insert(path),
                _ => self.imports.entry(name).or_default().insert(path),
            };
        }
    }

    /// Adds the crates that can be named, below the imports.
    pub fn add_crates(&mut self, crates: &'a BTreeMap<String, CrateIdentity>) {
        for (name, identity) in crates {
            self.foreign.entry(name).or_default().insert(*identity);
        }
        // What is imported may be the root of another import.
        loop {
            let mut any = false;
            let named = self.imports.iter();
            let uses = named.flat_map(|(name, paths)| paths.iter().map(|path| (path, Some(*name))));
            for (path, name) in uses.chain(self.everything_of.iter().map(|path| (path, None))) {
                let from: BTreeSet<CrateIdentity> = path
                    .iter()
                    .filter_map(|part| self.foreign.get(part))
                    .flatten()
                    .copied()
                    .collect();
                if from.is_empty() {
                    continue;
                }
                let known = match name {
                    None => &mut self.globs,
                    Some(name) => self.foreign.entry(name).or_default(),
                };
                let before = known.len();
                known.extend(from);
                any |= known.len() > before;
            }
            if !any {
                break;
            }
        }
    }

    /// The names of types, and of modules, which may have types.
    pub fn types(&self) -> impl Iterator<Item = &'a str> {
        let types = self.named.iter().filter(|(_, definition)| definition.is_type);
        types.map(|(name, _)| *name)
    }

    /// The identity of a type as evcxr writes it; 0 if neither a definition of the notebook nor a crate's type is in it.
    pub fn identity(&self, type_text: &str) -> u128 {
        let mut reached = Reached::default();
        let mut open: Vec<&str> = words_of_type(type_text)
            .filter_map(|word| self.name(word))
            .collect();
        for word in first_words(type_text) {
            self.look_up(word, &mut reached, &mut open);
        }
        while let Some(name) = open.pop() {
            if reached.names.insert(name) {
                self.follow(self.named[name], &mut reached, &mut open);
                for (index, item) in self.impls.iter().enumerate() {
                    if item.tokens.iter().any(|token| token == name) && reached.impls.insert(index) {
                        self.follow(item, &mut reached, &mut open);
                    }
                }
            }
        }
        let named = reached.names.iter().map(|name| self.named[name]);
        let macros = reached.macros.iter().map(|name| self.macros[name]);
        let mut of_impls: Vec<&Definition> = reached.impls.iter().map(|index| self.impls[*index]).collect();
        of_impls.sort_unstable_by(|a, b| a.tokens.cmp(&b.tokens));
        let definitions: Vec<&Definition> = named.chain(macros).chain(of_impls).collect();
        let mut texts: Vec<&[String]> = definitions.iter().map(|it| it.tokens.as_slice()).collect();
        // A constant counts where somebody names it.
        let is_named = |name: &str| {
            words_of_type(type_text).any(|word| word == name)
                || texts.iter().any(|tokens| tokens.iter().any(|it| it == name))
        };
        let constants = definitions.iter().flat_map(|it| &it.constants);
        let constants: Vec<&[String]> = constants
            .filter(|(name, _)| is_named(name))
            .map(|(_, tokens)| tokens.as_slice())
            .collect();
        texts.extend(constants);
        let own = |word: &str| definitions.iter().any(|definition| definition.own.contains(word));
        let all_words = || {
            words_of_type(type_text).chain(texts.iter().flat_map(|tokens| tokens.iter().map(String::as_str)))
        };
        let crates = self.crates(all_words(), own);
        let hides = self.redefinitions > 0
            && all_words().any(|word| HIDING.contains(&word) && self.name(word).is_none());
        if texts.is_empty() && crates.is_empty() && reached.imports.is_empty() && !hides {
            return 0;
        }
        let mut hash = Sha256::new();
        let mut add = |length: usize, words: &mut dyn Iterator<Item = &str>| {
            hash.update((length as u64).to_le_bytes());
            for word in words {
                hash.update((word.len() as u64).to_le_bytes());
                hash.update(word);
            }
        };
        for tokens in texts {
            add(tokens.len(), &mut tokens.iter().map(String::as_str));
            for token in tokens.iter().filter(|token| token.contains('"')) {
                for state in states_of_files(token) {
                    add(1, &mut std::iter::once(state.as_str()));
                }
            }
        }
        for (name, path) in &reached.imports {
            add(
                path.len() + 1,
                &mut std::iter::once(*name).chain(path.iter().copied()),
            );
        }
        for identity in crates {
            hash.update(identity.as_bytes());
        }
        if hides {
            hash.update(self.redefinitions.to_le_bytes());
        }
        let mut identity = [0; 16];
        identity.copy_from_slice(&hash.finalize()[..16]);
        u128::from_le_bytes(identity)
    }

    /// Goes on to what a definition names.
    fn follow(&self, definition: &'a Definition, reached: &mut Reached<'a>, open: &mut Vec<&'a str>) {
        let constants = definition.constants.iter().flat_map(|(_, tokens)| tokens);
        let tokens = definition.tokens.iter().chain(constants);
        open.extend(tokens.filter_map(|token| self.name(token)));
        for name in &definition.mentions {
            if !definition.own.contains(name) {
                self.look_up(name, reached, open);
            }
        }
        for name in &definition.calls {
            if let Some((name, of)) = self.macros.get_key_value(name.as_str())
                && reached.macros.insert(name)
            {
                self.follow(of, reached, open);
            }
        }
    }

    /// What a name leads to by way of a `use`.
    fn look_up(&self, word: &str, reached: &mut Reached<'a>, open: &mut Vec<&'a str>) {
        if let Some((name, paths)) = self.imports.get_key_value(word) {
            for path in paths {
                if reached.imports.insert((name, path.clone())) {
                    open.extend(path.iter().filter_map(|part| self.name(part)));
                    if let Some(first) = path.iter().find(|part| !RELATIVE.contains(part))
                        && first != name
                    {
                        self.look_up(first, reached, open);
                    }
                }
            }
        } else if self.name(word).is_none() && !PRELUDE.contains(&word) && !PRIMITIVE.contains(&word) {
            for path in &self.everything_of {
                let modules: Vec<&str> = path.iter().filter_map(|part| self.name(part)).collect();
                // A macro may make any name, and another `*` bring it.
                let may_have = |module: &&str| {
                    let mut tokens = self.named[*module].tokens.iter();
                    tokens.any(|token| token == word || token == "!" || token == "*")
                };
                if modules.iter().any(may_have) && reached.imports.insert(("*", path.clone())) {
                    open.extend(modules);
                }
            }
        }
    }

    /// The crates that these words may lead to. Rather one too many: then a value is lost when that crate changes.
    fn crates<'w>(
        &self,
        words: impl Iterator<Item = &'w str>,
        own: impl Fn(&str) -> bool,
    ) -> BTreeSet<CrateIdentity> {
        let mut found = BTreeSet::new();
        for word in words {
            if let Some(crates) = self.foreign.get(word) {
                found.extend(crates);
            } else if !self.globs.is_empty()
                && word.starts_with(char::is_uppercase)
                && self.name(word).is_none()
                && !self.imports.contains_key(word)
                && !PRELUDE.contains(&word)
                && !own(word)
            {
                found.extend(&self.globs);
            }
        }
        found
    }

    fn name(&self, word: &str) -> Option<&'a str> {
        self.named.get_key_value(word).map(|(name, _)| *name)
    }
}

/// What a type leads to.
#[derive(Default)]
struct Reached<'a> {
    names: BTreeSet<&'a str>,
    macros: BTreeSet<&'a str>,
    impls: BTreeSet<usize>,
    imports: BTreeSet<(&'a str, Vec<&'a str>)>,
}

const RELATIVE: [&str; 3] = ["crate", "self", "super"];

/// The words of a type with which its paths begin.
fn first_words(text: &str) -> impl Iterator<Item = &str> {
    words_of_type(text).filter(move |word| {
        // Where the word stands is told by its address.
        let before = text[..word.as_ptr().addr() - text.as_ptr().addr()].trim_end();
        before
            .strip_suffix("::")
            .is_none_or(|path| RELATIVE.iter().any(|root| path.trim_end().ends_with(root)))
    })
}

/// The path of a `use` and the name that it brings.
fn parts_of_use(text: &str) -> Option<(Vec<&str>, &str)> {
    let text = text.trim().strip_prefix("use ")?.split(';').next()?;
    let (path, name) = match text.split_once(" as ") {
        Some((path, name)) => (path, Some(name.trim())),
        None => (text, None),
    };
    let path: Vec<&str> = path
        .split("::")
        .map(|part| part.trim().trim_start_matches("r#"))
        .collect();
    let name = name.or_else(|| path.last().copied())?;
    Some((path, name))
}

#[cfg(test)]
mod tests {
    use ra_ap_syntax::{Edition, SourceFile};

    use super::*;

    fn identity(items: &str, type_text: &str) -> u128 {
        let file = SourceFile::parse(items, Edition::Edition2024);
        let all: Vec<Definition> = file
            .syntax_node()
            .children()
            .filter_map(|item| Definition::of(&item))
            .collect();
        let mut definitions = Definitions::default();
        all.iter().for_each(|definition| definitions.add(definition));
        definitions.identity(type_text)
    }

    #[test]
    fn what_a_type_is_made_of_makes_its_identity() {
        let base = "struct P { x: Q } enum Q { A(u32) } struct Other;";
        let of = |items: &str| identity(items, "Vec<P>");
        assert_eq!(of(base), of("enum Q { A ( u32 ) }\n// why\nstruct P { x: Q }"));
        assert_eq!(
            of(base),
            of("#[derive(Debug)] struct P { x: Q } /// docs\nenum Q { A(u32) }")
        );
        assert_ne!(
            of(base),
            of("struct P { x: Q } enum Q { A(u64) }"),
            "a payload, one step away"
        );
        assert_ne!(of(base), of("#[repr(C)] struct P { x: Q } enum Q { A(u32) }"));
        assert_eq!(identity(base, "Vec<u8>"), 0);
    }

    #[test]
    fn traits_aliases_constants_and_associated_types_count() {
        let dynamic = |body: &str| identity(&format!("trait T {{ {body} }}"), "Box<dyn T>");
        assert_ne!(dynamic("fn f(&self);"), dynamic("fn g(&self); fn f(&self);"));
        let array = |n: u8| {
            identity(
                &format!("const N: usize = {n}; type A = [u8; N]; struct S(A);"),
                "S",
            )
        };
        assert_ne!(array(1), array(2));
        let associated = |out: &str| {
            let items = format!(
                "trait T {{ type O; }} struct B; impl T for B {{ type O = {out}; }} struct S(<B as T>::O);"
            );
            identity(&items, "S")
        };
        assert_ne!(associated("u8"), associated("u64"));
    }

    /// Whether the type is another one with the second items.
    fn differs(type_text: &str, uses: &[&str], one: &str, other: &str) -> bool {
        let of = |items: &str| {
            let file = SourceFile::parse(items, Edition::Edition2024);
            let nodes = file.syntax_node().children();
            let all: Vec<Definition> = nodes.filter_map(|item| Definition::of(&item)).collect();
            let mut definitions = Definitions::default();
            all.iter().for_each(|definition| definitions.add(definition));
            definitions.add_imports(uses.iter().copied());
            definitions.identity(type_text)
        };
        of(one) != of(other)
    }

    #[test]
    fn imports_lead_to_definitions() {
        let (one, other) = (
            "mod a { pub mod b { pub struct P(u8); } } struct S { f: P }",
            "mod a { pub mod b { pub struct P(u64); } } struct S { f: P }",
        );
        for uses in [
            &["use a::b::P;"][..],
            &["use a::b::*;"],
            &["use b::P;", "use a::b;"],
            &["use a::*;", "use b::*;"],
        ] {
            assert!(differs("P", uses, one, other), "{uses:?}");
            assert!(differs("Vec<S>", uses, one, other), "{uses:?}");
            assert!(
                !differs(
                    "(u8, String, std::collections::HashMap<u8, u8>)",
                    uses,
                    one,
                    other
                ),
                "{uses:?}"
            );
        }
        assert!(differs("Q", &["use a::b::P as Q;"], one, other));
        assert!(differs("self::Q", &["use a::b::P as Q;"], one, other));
        assert!(!differs("std::Q", &["use a::b::P as Q;"], one, other));
        let array = |n: u8| format!("mod a {{ pub const N: usize = {n}; }} struct S([u8; M]);");
        assert!(differs("S", &["use a::N as M;"], &array(1), &array(2)));
    }

    #[test]
    fn a_name_that_is_imported_from_elsewhere_is_another_type() {
        let items = "struct S { f: Result<u8>, max: u8 }";
        let file = SourceFile::parse(items, Edition::Edition2024);
        let definition = file
            .syntax_node()
            .children()
            .find_map(|item| Definition::of(&item))
            .unwrap();
        let of = |import: &'static str| {
            let mut definitions = Definitions::default();
            definitions.add(&definition);
            definitions.add_imports(std::iter::once(import));
            definitions.identity("S")
        };
        assert_ne!(of("use std::io::Result;"), of("use std::fmt::Result;"));
        assert_eq!(
            of("use std::cmp::max;"),
            of("use std::cmp::min;"),
            "the name of a field"
        );
    }

    #[test]
    fn macros_and_associated_constants_count_where_types_are_made_of_them() {
        let by_macro = |what: &str| {
            format!(
                "macro_rules! inner {{ () => {{ {what} }} }} macro_rules! ty {{ () => {{ inner!() }} }} struct S(ty!());"
            )
        };
        assert!(differs("S", &[], &by_macro("u8"), &by_macro("u64")));
        let named_alike =
            |what: &str| format!("macro_rules! f {{ () => {{ {what} }} }} struct S {{ f: u8 }}");
        assert!(!differs("S", &[], &named_alike("u8"), &named_alike("u64")));
        let by_constant = |n: u8| {
            format!("struct P; impl P {{ const N: usize = {n}; const M: u8 = {n}; }} struct S([u8; P::N]);")
        };
        assert!(differs("S", &[], &by_constant(1), &by_constant(2)));
        assert!(
            !differs("P", &[], &by_constant(1), &by_constant(2)),
            "nobody names them"
        );
    }

    #[test]
    fn what_may_hide_any_type_is_another_one_after_a_redefinition() {
        let of = |redefinitions, type_text| Definitions::new(redefinitions).identity(type_text);
        for hiding in [
            "Box<dyn std::any::Any>",
            "Result<u8, Box<dyn std::error::Error>>",
            "anyhow::Result<u8>",
        ] {
            assert_eq!(of(0, hiding), 0);
            assert_ne!(of(1, hiding), of(2, hiding), "{hiding}");
        }
        assert_eq!(of(1, "Vec<u8>"), of(2, "Vec<u8>"));
    }

    #[test]
    fn what_the_crates_are_counts_for_types_that_lead_to_them() {
        let crates = |version: &str| {
            let identity = |name: &str| {
                (
                    name.to_owned(),
                    CrateIdentity::of(format!("{name}{version}").as_bytes()),
                )
            };
            BTreeMap::from([identity("dep")])
        };
        let (one, two) = (crates("1"), crates("2"));
        let changes = |items: &str, uses: &[&str], type_text: &str| {
            let file = SourceFile::parse(items, Edition::Edition2024);
            let nodes = file.syntax_node().children();
            let all: Vec<Definition> = nodes.filter_map(|item| Definition::of(&item)).collect();
            let identity = |crates| {
                let mut definitions = Definitions::default();
                all.iter().for_each(|definition| definitions.add(definition));
                definitions.add_imports(uses.iter().copied());
                definitions.add_crates(crates);
                definitions.identity(type_text)
            };
            identity(&one) != identity(&two)
        };
        assert!(changes("", &[], "Vec<dep::T>"));
        assert!(changes("struct S { f: dep::T }", &[], "S"));
        assert!(changes("struct S { f: T }", &["use dep::T;"], "S"));
        assert!(changes(
            "struct S { f: U }",
            &["use m::T as U;", "use dep::m;"],
            "S"
        ));
        assert!(changes("struct S { f: T }", &["use dep::prelude::*;"], "S"));
        assert!(!changes(
            "struct S { f: u8 } enum E<A> { B(A) }",
            &["use dep::T;", "use dep::*;"],
            "(S, E<u8>)"
        ));
        assert!(!changes(
            "struct S { f: HashMap<u8, String> }",
            &["use std::collections::HashMap;", "use dep::*;"],
            "S"
        ));
        assert!(!changes("", &[], "Vec<u8>"));
    }
}
