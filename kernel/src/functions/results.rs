//! Which of a function's result is what succeeded: `T` of a `Result<T, E>`, whatever the notebook calls that.

use std::collections::BTreeSet;

use ra_ap_syntax::ast::{self, HasGenericArgs};

use crate::analysis::{self, Item, ItemKind, TypeDefinition, TypeKind, TypeText};

/// How many names are followed.
const MOST: usize = 16;

/// `T`, where the type is written so that `T` can be found.
pub fn ok_of(of: &ast::Type, items: &[&Item]) -> Option<ast::Type> {
    let ast::Type::PathType(path) = of else {
        return None;
    };
    let path = path.path()?;
    let segment = path.segment()?;
    let names: Vec<String> = path
        .segments()
        .filter_map(|it| Some(it.name_ref()?.text().trim_start_matches("r#").to_owned()))
        .collect();
    if !is_path_of_result(&names, items, MOST) {
        return None;
    }
    match segment.generic_arg_list()?.generic_args().next()? {
        ast::GenericArg::TypeArg(ok) => ok.ty(),
        _ => None,
    }
}

fn is_path_of_result(path: &[String], items: &[&Item], most: usize) -> bool {
    path.last()
        .is_some_and(|last| match analysis::is_std(path) && path.len() > 1 {
            true => last == "Result",
            false => is_result(last, items, most),
        })
}

/// Whether a name is that of a `Result` whose first parameter is what succeeded, and is used for nothing else.
fn is_result(name: &str, items: &[&Item], most: usize) -> bool {
    let Some(most) = most.checked_sub(1) else {
        return false;
    };
    let is_named = |item: &&&Item| item.names.contains(name);
    // What is defined last holds.
    let imported = items
        .iter()
        .rev()
        .filter(|item| item.kind == ItemKind::Use)
        .find(is_named);
    let defined = items.iter().rev().flat_map(|item| &item.types);
    if let Some(defined) = defined.clone().find(|of| of.name == name) {
        return is_alias(defined, items, most);
    }
    match imported.and_then(|item| item.import.as_ref()?.path.last()) {
        Some(last) if last != name => is_result(last, items, most),
        _ => name == "Result",
    }
}

fn is_alias(of: &TypeDefinition, items: &[&Item], most: usize) -> bool {
    let (TypeKind::Alias, Some(stands_for)) = (of.kind, of.fields.first()) else {
        return false;
    };
    let TypeText::Path {
        segments, arguments, ..
    } = &stands_for.is
    else {
        return false;
    };
    let Some((ok, others)) = arguments.split_first() else {
        return false;
    };
    // With more than one parameter it is not known which of them is the first.
    let is_parameter = of.parameters.len() == 1 && of.parameters.contains(ok.text());
    is_parameter
        && !others.iter().any(|it| mentions(it, &of.parameters))
        && is_path_of_result(segments, items, most)
}

fn mentions(of: &TypeText, parameters: &BTreeSet<String>) -> bool {
    match of {
        TypeText::Tuple(parts) => parts.iter().any(|part| mentions(part, parameters)),
        of => analysis::words_of_type(of.text()).any(|word| parameters.contains(word)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ra_ap_syntax::{AstNode, Edition, SourceFile};

    fn ok(of: &str, before: &str) -> Option<String> {
        let file = SourceFile::parse(&format!("type T = {of};"), Edition::Edition2024);
        let of = file.syntax_node().descendants().find_map(ast::Type::cast);
        let items = analysis::read_cell(before).items;
        ok_of(&of.expect("a type"), &items.iter().collect::<Vec<_>>())
            .map(|it| it.syntax().text().to_string())
    }

    #[test]
    fn what_succeeded_is_found_behind_other_names() {
        for (of, before) in [
            ("Result<Db, E>", ""),
            ("std::io::Result<Db>", ""),
            ("R<Db>", "use std::io::Result as R;"),
            ("Result<Db>", "use std::io::Result;"),
            ("Result<Db>", "type Result<T> = std::result::Result<T, String>;"),
            ("Res<Db>", "type Res<T> = Result<T, String>;"),
            ("Res<Db>", "type Res<T> = R<T>; use anyhow::Result as R;"),
            ("Res<Db>", "type Res<T> = Result<T, (String, [u8; 4])>;"),
            ("std::io::Result<Db>", "struct Result;"),
            (
                "errors::Res<Db>",
                "mod errors { pub type Res<T> = Result<T, u8>; }",
            ),
        ] {
            assert_eq!(ok(of, before).as_deref(), Some("Db"), "{of}, {before}");
        }
        for (of, before) in [
            ("Option<Db>", ""),
            ("Res", "type Res = Result<Db, String>;"),
            ("Res<E, Db>", "type Res<E, T> = Result<T, E>;"),
            ("Res<Db>", "type Res<T> = Result<T, Failed<T>>;"),
            ("Res<Db>", "type Res<T> = Option<T>;"),
            ("Res<Db>", "type Res<T> = Result<T, (u8, T)>;"),
            ("Result<Db>", "enum Result<T> { One(T) }"),
            ("Res<Db>", "type Res<T> = Res<T>;"),
            ("std::fmt::Result", ""),
        ] {
            assert_eq!(ok(of, before), None, "{of}, {before}");
        }
    }
}
