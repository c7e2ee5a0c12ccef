//! The items and local names of a cell, from its text. Works on code that is being typed.

use ra_ap_syntax::ast::{self, HasAttrs, HasModuleItem, HasName};
use ra_ap_syntax::{AstNode, AstToken, SourceFile, SyntaxNode};

use super::known::{Item, ItemKind};
use crate::analysis::may_have_items;
use crate::magic::EDITION;

/// The statements of a cell in a function, parsed. Offsets are off by [`WRAP`].
fn parsed(code: &str) -> SyntaxNode {
    SourceFile::parse(&format!("{WRAP}{code}\n}}"), EDITION).syntax_node()
}

const WRAP: &str = "fn f(){";

/// The items that `code` (a cell's Rust) defines, with their fields, variants and methods.
pub fn items_of(code: &str) -> Vec<Item> {
    let mut items = Vec::new();
    if !may_have_items(code) {
        return items;
    }
    let root = parsed(code);
    let Some(body) = root.descendants().find_map(ast::StmtList::cast) else {
        return items;
    };
    for node in body.syntax().children() {
        if let Some(item) = ast::Item::cast(node.clone()) {
            add(&mut items, &item, None);
        } else if let Some(call) = ast::ExprStmt::cast(node).and_then(|stmt| stmt.expr())
            && let Some(item) = call.syntax().children().find_map(ast::Item::cast)
        {
            add(&mut items, &item, None);
        }
    }
    items
}

/// Names that are bound by patterns before byte `before` of `code`: variables, parameters, with the
/// type where it is written.
pub(super) fn locals_of(code: &str, before: usize) -> Vec<(String, Option<String>)> {
    let root = parsed(code);
    let mut locals: Vec<(String, Option<String>)> = Vec::new();
    for pattern in root.descendants().filter_map(ast::IdentPat::cast) {
        let Some(name) = pattern.name() else { continue };
        let range = name.syntax().text_range();
        let start = usize::from(range.start()).saturating_sub(WRAP.len());
        // The name that is just being typed is not known yet.
        if start >= before || usize::from(range.end()).saturating_sub(WRAP.len()) == before {
            continue;
        }
        let parent = pattern.syntax().parent();
        let written = parent.as_ref().and_then(|parent| {
            parent
                .children()
                .find_map(ast::Type::cast)
                .map(|written| written.syntax().text().to_string())
        });
        let guessed = written.or_else(|| guessed_type(parent.as_ref()?));
        let name = name.text().to_string();
        locals.retain(|(known, _)| *known != name);
        locals.push((name, guessed));
    }
    locals
}

/// What a `let` without a type plainly makes: `Vec::new()`, `vec![…]`, `String::from(…)`, `"…"`, `Point { … }`.
fn guessed_type(binding: &SyntaxNode) -> Option<String> {
    let value = ast::LetStmt::cast(binding.clone())?.initializer()?;
    let text = value.syntax().text().to_string();
    let text = text.trim();
    if text.starts_with("vec!") {
        return Some("Vec".to_owned());
    }
    if text.starts_with("format!") || text.ends_with(".to_string()") || text.ends_with(".to_owned()") {
        return Some("String".to_owned());
    }
    match value {
        ast::Expr::Literal(_)
            if text.starts_with('"') || text.starts_with("r\"") || text.starts_with("r#") =>
        {
            Some("str".to_owned())
        }
        ast::Expr::Literal(_) if text.starts_with(|c: char| c.is_ascii_digit()) => {
            Some(if text.contains('.') { "f64" } else { "i32" }.to_owned())
        }
        ast::Expr::RecordExpr(record) => Some(record.path()?.syntax().text().to_string()),
        ast::Expr::CallExpr(_) => {
            let path = text.split('(').next()?;
            let (type_name, function) = path.rsplit_once("::")?;
            let made = ["new", "from", "default", "with_capacity"].contains(&function);
            made.then(|| type_name.to_owned())
        }
        _ => None,
    }
}

fn add(items: &mut Vec<Item>, item: &ast::Item, parent: Option<&str>) {
    match item {
        ast::Item::Fn(function) => {
            let method = function
                .param_list()
                .is_some_and(|params| params.self_param().is_some());
            let kind = if method {
                ItemKind::Method
            } else {
                ItemKind::Function
            };
            let body = function.body().map(|body| body.syntax().clone());
            push(items, function, kind, parent, body.as_ref());
        }
        ast::Item::Struct(item) => {
            let fields = item.field_list().map(|fields| fields.syntax().clone());
            push(items, item, ItemKind::Struct, parent, None);
            add_fields(items, fields.as_ref(), name(item).as_deref());
        }
        ast::Item::Union(item) => {
            let fields = item.record_field_list().map(|fields| fields.syntax().clone());
            push(items, item, ItemKind::Union, parent, None);
            add_fields(items, fields.as_ref(), name(item).as_deref());
        }
        ast::Item::Enum(item) => {
            push(items, item, ItemKind::Enum, parent, None);
            let of = name(item);
            for variant in item.variant_list().into_iter().flat_map(|list| list.variants()) {
                push(items, &variant, ItemKind::Variant, of.as_deref(), None);
            }
        }
        ast::Item::Trait(item) => {
            let list = item.assoc_item_list();
            push(
                items,
                item,
                ItemKind::Trait,
                parent,
                list.as_ref().map(AstNode::syntax),
            );
            add_associated(items, list, name(item).as_deref());
        }
        ast::Item::Impl(item) => {
            let of = item.self_ty().map(|of| of.syntax().text().to_string());
            let of = of.as_deref().map(super::known::base_name);
            add_associated(items, item.assoc_item_list(), of);
        }
        ast::Item::TypeAlias(item) => push(items, item, ItemKind::TypeAlias, parent, None),
        ast::Item::Const(item) => push(items, item, ItemKind::Const, parent, None),
        ast::Item::Static(item) => push(items, item, ItemKind::Static, parent, None),
        ast::Item::MacroRules(item) => push_named(items, item, ItemKind::Macro, parent, |name| {
            format!("macro {name}!")
        }),
        ast::Item::Module(item) => {
            push_named(items, item, ItemKind::Module, parent, |name| {
                format!("mod {name}")
            });
            let of = name(item);
            for inner in item.item_list().into_iter().flat_map(|list| list.items()) {
                add(items, &inner, of.as_deref());
            }
        }
        ast::Item::Use(item) => {
            for tree in item.syntax().descendants().filter_map(ast::UseTree::cast) {
                if tree.use_tree_list().is_some() || tree.star_token().is_some() {
                    continue;
                }
                let renamed = tree
                    .rename()
                    .and_then(|rename| rename.name())
                    .map(|name| name.text().to_string());
                let own = tree
                    .path()
                    .and_then(|path| path.segment())
                    .map(|segment| segment.syntax().text().to_string());
                if let Some(name) = renamed.or(own).filter(|name| name != "self" && name != "_") {
                    let text = item.syntax().text().to_string();
                    items.push(Item {
                        name,
                        kind: ItemKind::Import,
                        parent: parent.map(str::to_owned),
                        signature: one_line(&text),
                        docs: String::new(),
                        source: text,
                    });
                }
            }
        }
        _ => {}
    }
}

fn add_associated(items: &mut Vec<Item>, list: Option<ast::AssocItemList>, of: Option<&str>) {
    for item in list.into_iter().flat_map(|list| list.assoc_items()) {
        match item {
            ast::AssocItem::Fn(function) => add(items, &ast::Item::Fn(function), of),
            ast::AssocItem::Const(item) => add(items, &ast::Item::Const(item), of),
            ast::AssocItem::TypeAlias(item) => add(items, &ast::Item::TypeAlias(item), of),
            ast::AssocItem::MacroCall(_) => {}
        }
    }
}

fn add_fields(items: &mut Vec<Item>, fields: Option<&SyntaxNode>, of: Option<&str>) {
    for field in fields
        .into_iter()
        .flat_map(|list| list.children())
        .filter_map(ast::RecordField::cast)
    {
        push(items, &field, ItemKind::Field, of, None);
    }
}

fn name(node: &impl HasName) -> Option<String> {
    node.name()
        .map(|name| name.text().to_string())
        .filter(|name| !name.is_empty())
}

/// Adds a named item. Its signature is its text up to `body`, without docs and attributes.
fn push<N: HasName + HasAttrs>(
    items: &mut Vec<Item>,
    node: &N,
    kind: ItemKind,
    parent: Option<&str>,
    body: Option<&SyntaxNode>,
) {
    let start = signature_start(node.syntax());
    let end = body.map_or(node.syntax().text_range().end(), |body| body.text_range().start());
    let text = node.syntax().text();
    let base = node.syntax().text_range().start();
    let signature = text
        .slice((start.max(base) - base)..(end.max(start) - base))
        .to_string();
    let signature = signature.trim().trim_end_matches([',', ';']).to_owned();
    // Of a type the fields belong to it as they were written; the rest is one line.
    let signature = match kind {
        ItemKind::Struct | ItemKind::Enum | ItemKind::Union => signature,
        _ => one_line(&signature),
    };
    push_named(items, node, kind, parent, |_| signature);
}

fn push_named<N: HasName + HasAttrs>(
    items: &mut Vec<Item>,
    node: &N,
    kind: ItemKind,
    parent: Option<&str>,
    signature: impl FnOnce(&str) -> String,
) {
    let Some(name) = name(node) else { return };
    items.push(Item {
        signature: signature(&name),
        name,
        kind,
        parent: parent.map(str::to_owned),
        docs: docs(node.syntax()),
        source: node.syntax().text().to_string(),
    });
}

/// Behind doc comments and attributes.
fn signature_start(node: &SyntaxNode) -> ra_ap_syntax::TextSize {
    node.children_with_tokens()
        .find(|child| !child.kind().is_trivia() && child.kind() != ra_ap_syntax::SyntaxKind::ATTR)
        .map_or(node.text_range().start(), |child| child.text_range().start())
}

/// The doc comments' text, one blank after their marks removed.
fn docs(node: &SyntaxNode) -> String {
    let mut lines: Vec<String> = Vec::new();
    for comment in node
        .children_with_tokens()
        .filter_map(|child| child.into_token())
        .filter_map(ast::Comment::cast)
    {
        let text = comment.text();
        if let Some(line) = text.strip_prefix("///").filter(|line| !line.starts_with('/')) {
            lines.push(line.strip_prefix(' ').unwrap_or(line).trim_end().to_owned());
        } else if let Some(block) = text
            .strip_prefix("/**")
            .and_then(|block| block.strip_suffix("*/"))
        {
            lines.extend(
                block
                    .lines()
                    .map(|line| line.trim().trim_start_matches('*').trim().to_owned()),
            );
        }
    }
    lines.join("\n").trim().to_owned()
}

fn one_line(text: &str) -> String {
    let joined = text.split_whitespace().collect::<Vec<_>>().join(" ");
    joined.replace("( ", "(").replace(" )", ")").replace(",)", ")")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(code: &str) -> Vec<String> {
        items_of(code)
            .into_iter()
            .map(|item| {
                let parent = item
                    .parent
                    .map(|parent| format!("{parent}::"))
                    .unwrap_or_default();
                format!(
                    "{} {parent}{}: {}",
                    item.kind.name(),
                    item.name,
                    item.signature.replace('\n', " ")
                )
            })
            .collect()
    }

    #[test]
    fn items_with_what_belongs_to_them() {
        assert_eq!(
            found(
                "/// A point.\n#[derive(Debug)]\npub struct Point { pub x: f64, y: f64 }\n\
                 impl Point {\n  pub fn new(x: f64) -> Self { todo!() }\n  fn len(&self) -> f64 { 1.0 }\n const O: u8 = 1;\n}\n\
                 enum E { A, B(u8), C { x: u8 } }\ntrait T { fn t(&self); }\n\
                 fn area(\n  p: &Point,\n) -> f64 where f64: Copy { p.x }\n\
                 macro_rules! m { () => {} }\nmod inner { pub fn deep() {} }\n\
                 use std::{fs, collections::HashMap as Map};\ntype X = u8;\nstatic S: u8 = 1;\nlet a = 1;"
            ),
            [
                "struct Point: pub struct Point { pub x: f64, y: f64 }",
                "field Point::x: pub x: f64",
                "field Point::y: y: f64",
                "function Point::new: pub fn new(x: f64) -> Self",
                "method Point::len: fn len(&self) -> f64",
                "constant Point::O: const O: u8 = 1",
                "enum E: enum E { A, B(u8), C { x: u8 } }",
                "variant E::A: A",
                "variant E::B: B(u8)",
                "variant E::C: C { x: u8 }",
                "trait T: trait T",
                "method T::t: fn t(&self)",
                "function area: fn area(p: &Point) -> f64 where f64: Copy",
                "macro m: macro m!",
                "module inner: mod inner",
                "function inner::deep: pub fn deep()",
                "module fs: use std::{fs, collections::HashMap as Map};",
                "module Map: use std::{fs, collections::HashMap as Map};",
                "type X: type X = u8",
                "static S: static S: u8 = 1",
            ]
        );
    }

    #[test]
    fn docs_and_source() {
        let items =
            items_of("/// First.\n///\n/// * more\n#[inline]\nfn f() {\n    1;\n}\n/** block */ struct A;");
        assert_eq!(items[0].docs, "First.\n\n* more");
        assert!(items[0].source.starts_with("/// First.") && items[0].source.ends_with("    1;\n}"));
        assert_eq!(items[1].docs, "block");
    }

    #[test]
    fn locals_before_the_cursor() {
        let code = "let a: Vec<u8> = x;\nlet (b, c) = y;\nfor i in 0..3 { let s = String::from(\"x\"); }\nlet p = Point { x: 1 };\nlet f = |n| n;\nlet z";
        let locals = locals_of(code, code.len());
        let get = |name: &str| {
            locals
                .iter()
                .find(|(local, _)| local == name)
                .map(|(_, of)| of.as_deref())
        };
        assert_eq!(get("a"), Some(Some("Vec<u8>")));
        assert_eq!(
            (get("b"), get("c"), get("i"), get("n")),
            (Some(None), Some(None), Some(None), Some(None))
        );
        assert_eq!(get("s"), Some(Some("String")));
        assert_eq!(get("p"), Some(Some("Point")));
        assert_eq!(get("z"), None);
    }

    #[test]
    fn incomplete_code_gives_what_there_is() {
        assert_eq!(
            found("fn done() {}\nfn half(x: "),
            ["function done: fn done()", "function half: fn half(x:"]
        );
        let _ = items_of("}{ fn");
        let _ = locals_of("let é = ", 3);
    }
}
