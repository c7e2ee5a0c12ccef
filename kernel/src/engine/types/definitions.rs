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

/// What an item says about types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// `None` for an `impl` with associated types.
    name: Option<String>,
    tokens: Vec<String>,
    /// Names that it gives to things of its own: variants, parameters.
    own: BTreeSet<String>,
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
            ast::Item::Impl(it) => {
                let mut tokens = header_tokens(it);
                let types = it.assoc_item_list()?.assoc_items().filter_map(|item| match item {
                    ast::AssocItem::TypeAlias(alias) => Some(tokens_of(alias.syntax())),
                    _ => None,
                });
                let types: Vec<String> = types.flatten().collect();
                if types.is_empty() {
                    return None;
                }
                tokens.extend(types);
                return Some(Definition {
                    name: None,
                    tokens,
                    own: BTreeSet::new(),
                });
            }
            _ => None,
        }?;
        Some(Definition {
            name: Some(name.text().to_string()),
            tokens: tokens_of(item.syntax()),
            own: own_names(&item),
        })
    }
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
    impls: Vec<&'a [String]>,
    /// What crates a name of the crate's root may lead to.
    foreign: BTreeMap<&'a str, BTreeSet<CrateIdentity>>,
    /// Other names that are imported.
    imported: BTreeSet<&'a str>,
    /// The crates of which everything is imported.
    globs: BTreeSet<CrateIdentity>,
}

impl<'a> Definitions<'a> {
    pub fn add(&mut self, definition: &'a Definition) {
        match &definition.name {
            Some(name) => {
                self.named.insert(name, definition);
            }
            None => self.impls.push(&definition.tokens),
        }
    }

    /// Adds the crates that can be named and the `use`s, each of one name, that bring names from them.
    pub fn add_crates(
        &mut self,
        crates: &'a BTreeMap<String, CrateIdentity>,
        uses: impl Iterator<Item = &'a str>,
    ) {
        for (name, identity) in crates {
            self.foreign.entry(name).or_default().insert(*identity);
        }
        if crates.is_empty() {
            return;
        }
        let uses: Vec<(Vec<&str>, &str)> = uses.filter_map(parts_of_use).collect();
        // What is imported may be the root of another import.
        loop {
            let mut any = false;
            for (path, name) in &uses {
                let from: BTreeSet<CrateIdentity> = path
                    .iter()
                    .filter_map(|part| self.foreign.get(part))
                    .flatten()
                    .copied()
                    .collect();
                let known = match *name {
                    "*" => &mut self.globs,
                    _ if from.is_empty() => continue,
                    _ => self.foreign.entry(name).or_default(),
                };
                let before = known.len();
                known.extend(from);
                any |= known.len() > before;
            }
            if !any {
                break;
            }
        }
        self.imported = uses.into_iter().map(|(_, name)| name).collect();
    }

    /// The identity of a type as evcxr writes it; 0 if neither a definition of the notebook nor a crate's type is in it.
    pub fn identity(&self, type_text: &str) -> u128 {
        let mut reached: BTreeSet<&str> = BTreeSet::new();
        let mut impls: BTreeSet<usize> = BTreeSet::new();
        let words = || {
            type_text
                .split(|c: char| !(c.is_alphanumeric() || c == '_'))
                .filter(|word| !word.is_empty())
        };
        let mut open: Vec<&str> = words().filter_map(|word| self.name(word)).collect();
        while let Some(name) = open.pop() {
            if !reached.insert(name) {
                continue;
            }
            open.extend(
                self.named[name]
                    .tokens
                    .iter()
                    .filter_map(|token| self.name(token)),
            );
            for (index, tokens) in self.impls.iter().enumerate() {
                if tokens.iter().any(|token| token == name) && impls.insert(index) {
                    open.extend(tokens.iter().filter_map(|token| self.name(token)));
                }
            }
        }
        let mut texts: Vec<&[String]> = reached
            .iter()
            .map(|name| self.named[name].tokens.as_slice())
            .collect();
        let mut of_impls: Vec<&[String]> = impls.into_iter().map(|index| self.impls[index]).collect();
        of_impls.sort_unstable();
        texts.extend(of_impls);
        let own = |word: &str| reached.iter().any(|name| self.named[name].own.contains(word));
        let all_words = words().chain(texts.iter().flat_map(|tokens| tokens.iter().map(String::as_str)));
        let crates = self.crates(all_words, own);
        if texts.is_empty() && crates.is_empty() {
            return 0;
        }
        let mut hash = Sha256::new();
        for tokens in texts {
            hash.update((tokens.len() as u64).to_le_bytes());
            for token in tokens {
                hash.update((token.len() as u64).to_le_bytes());
                hash.update(token);
            }
        }
        for identity in crates {
            hash.update(identity.as_bytes());
        }
        let mut identity = [0; 16];
        identity.copy_from_slice(&hash.finalize()[..16]);
        u128::from_le_bytes(identity)
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
                && !self.imported.contains(word)
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
                definitions.add_crates(crates, uses.iter().copied());
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
