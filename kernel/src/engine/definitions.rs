//! Which definition a type has, beyond its name.
//!
//! Rust's `TypeId` does not notice that a field's type, an enum's payload or a trait's method changed: a value of the
//! old type would be read as one of the new. So a variable's type gets a second identity, made of the text of
//! every definition that it reaches.

use std::collections::{BTreeMap, BTreeSet};

use ra_ap_syntax::ast::{self, AstNode, HasName};
use ra_ap_syntax::{SyntaxKind, SyntaxNode};
use sha2::{Digest, Sha256};

/// What an item says about types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// `None` for an `impl` with associated types.
    name: Option<String>,
    tokens: Vec<String>,
}

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
                return Some(Definition { name: None, tokens });
            }
            _ => None,
        }?;
        Some(Definition {
            name: Some(name.text().to_string()),
            tokens: tokens_of(item.syntax()),
        })
    }
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
    named: BTreeMap<&'a str, &'a [String]>,
    impls: Vec<&'a [String]>,
}

impl<'a> Definitions<'a> {
    pub fn add(&mut self, definition: &'a Definition) {
        match &definition.name {
            Some(name) => {
                self.named.insert(name, &definition.tokens);
            }
            None => self.impls.push(&definition.tokens),
        }
    }

    /// The identity of a type as evcxr writes it; 0 if no definition of the notebook is in it.
    pub fn identity(&self, type_text: &str) -> u128 {
        let mut reached: BTreeSet<&str> = BTreeSet::new();
        let mut impls: BTreeSet<usize> = BTreeSet::new();
        let mut open: Vec<&str> = type_text
            .split(|c: char| !(c.is_alphanumeric() || c == '_'))
            .filter_map(|word| self.name(word))
            .collect();
        while let Some(name) = open.pop() {
            if !reached.insert(name) {
                continue;
            }
            open.extend(self.named[name].iter().filter_map(|token| self.name(token)));
            for (index, tokens) in self.impls.iter().enumerate() {
                if tokens.iter().any(|token| token == name) && impls.insert(index) {
                    open.extend(tokens.iter().filter_map(|token| self.name(token)));
                }
            }
        }
        if reached.is_empty() {
            return 0;
        }
        let mut texts: Vec<&[String]> = reached.iter().map(|name| self.named[name]).collect();
        let mut of_impls: Vec<&[String]> = impls.into_iter().map(|index| self.impls[index]).collect();
        of_impls.sort_unstable();
        texts.extend(of_impls);
        let mut hash = Sha256::new();
        for tokens in texts {
            hash.update((tokens.len() as u64).to_le_bytes());
            for token in tokens {
                hash.update((token.len() as u64).to_le_bytes());
                hash.update(token);
            }
        }
        let mut identity = [0; 16];
        identity.copy_from_slice(&hash.finalize()[..16]);
        u128::from_le_bytes(identity)
    }

    fn name(&self, word: &str) -> Option<&'a str> {
        self.named.get_key_value(word).map(|(name, _)| *name)
    }
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
}
