//! A `use` cut into the names that it brings.
//!
//! evcxr keeps each name that a `use` brings as an item of its own, so that a later cell can give the name
//! another meaning. The texts here are those that it writes into its crate.

use ra_ap_syntax::ast::{self, HasName};

/// One name that a `use` brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// `None` for `*` and `_`.
    pub name: Option<String>,
    /// A `use` of this name alone.
    pub text: String,
}

impl Import {
    fn new(name: &str, path: &[String]) -> Import {
        let joined = path.join("::");
        let text = if path.last().is_some_and(|last| last == name) {
            format!("use {joined};")
        } else {
            format!("use {joined} as {name};")
        };
        Import {
            name: (name != "_" && name != "*").then(|| name.to_owned()),
            text,
        }
    }
}

/// The names that a `use` brings, in order.
pub fn imports(item: &ast::Use) -> Vec<Import> {
    let mut found = Vec::new();
    if let Some(tree) = item.use_tree() {
        collect(&tree, &[], &mut found);
    }
    found
}

fn collect(tree: &ast::UseTree, prefix: &[String], found: &mut Vec<Import>) {
    let Some(path) = tree.path() else { return };
    let last_kind = path.segment().and_then(|segment| segment.kind());
    if last_kind == Some(ast::PathSegmentKind::SelfKw) {
        found.extend(prefix.last().map(|last| Import::new(last, prefix)));
        return;
    }
    let mut path: Vec<String> = prefix.iter().cloned().chain(segments(path)).collect();
    if let Some(list) = tree.use_tree_list() {
        for subtree in list.use_trees() {
            collect(&subtree, &path, found);
        }
    } else if let Some(rename) = tree.rename() {
        let name = rename.name().map(|name| name.text().to_string());
        let name = name.or_else(|| rename.underscore_token().map(|token| token.text().to_owned()));
        found.extend(name.map(|name| Import::new(&name, &path)));
    } else if tree.star_token().is_some() {
        path.push("*".to_owned());
        found.push(Import::new("*", &path));
    } else if let Some(name) = path.last().cloned() {
        found.push(Import::new(&name, &path));
    }
}

fn segments(path: ast::Path) -> Vec<String> {
    let mut segments: Vec<String> = std::iter::successors(Some(path), ast::Path::qualifier)
        .filter_map(|path| {
            let segment = path.segment()?;
            match segment.name_ref() {
                Some(name) => Some(name.text().to_string()),
                None => segment.crate_token().map(|token| token.text().to_owned()),
            }
        })
        .collect();
    segments.reverse();
    segments
}

#[cfg(test)]
mod tests {
    use ra_ap_syntax::{AstNode, Edition, SourceFile};

    use super::*;

    fn texts(code: &str) -> Vec<(Option<String>, String)> {
        let file = SourceFile::parse(code, Edition::Edition2024);
        let item = file.syntax_node().children().find_map(ast::Use::cast);
        imports(&item.expect("a use"))
            .into_iter()
            .map(|import| (import.name, import.text))
            .collect()
    }

    #[test]
    fn every_name_becomes_a_use_of_its_own() {
        let named = |name: &str, text: &str| (Some(name.to_owned()), text.to_owned());
        assert_eq!(
            texts("use std::collections::{self, hash_map::{HashMap}, HashSet as Set};"),
            [
                named("collections", "use std::collections;"),
                named("HashMap", "use std::collections::hash_map::HashMap;"),
                named("Set", "use std::collections::HashSet as Set;"),
            ]
        );
        assert_eq!(
            texts("pub use a::{b::*, T as _};"),
            [
                (None, "use a::b::*;".to_owned()),
                (None, "use a::T as _;".to_owned())
            ]
        );
    }
}
