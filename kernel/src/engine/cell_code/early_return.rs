//! `return` at the level of a cell. It would leave the function that the cell becomes before its variables are
//! stored, and all that the cell names would be lost.

use ra_ap_syntax::ast::{self, AstNode};
use ra_ap_syntax::{Edition, SourceFile, SyntaxKind, SyntaxNode, SyntaxToken};
use serde_json::{Value, json};

use super::{PRELUDE, has_own_scope, is_one_function, statements};
use crate::cell::CellSource;

/// Macros that only quote what they are given.
const QUOTING: [&str; 4] = ["stringify", "quote", "quote_spanned", "parse_quote"];

/// The bytes at which a `return` stands that would leave these statements. Arguments of macros are read as expressions
/// or statements, where they are either.
pub fn leaving(statements: &[SyntaxNode]) -> Vec<usize> {
    let mut found = Vec::new();
    for statement in statements.iter().filter(|statement| !has_own_scope(statement)) {
        find(statement, &mut found);
    }
    found
}

fn find(node: &SyntaxNode, found: &mut Vec<usize>) {
    if let Some(call) = ast::MacroCall::cast(node.clone()) {
        find_in_macro(&call, found);
        return;
    }
    if let Some(token) = ast::ReturnExpr::cast(node.clone()).and_then(|it| it.return_token()) {
        found.push(start(&token));
    }
    for child in node.children().filter(|child| !has_own_scope(child)) {
        find(&child, found);
    }
}

fn find_in_macro(call: &ast::MacroCall, found: &mut Vec<usize>) {
    let name = call.path().and_then(|path| path.segment()?.name_ref());
    let quotes = name.is_some_and(|name| QUOTING.iter().any(|quoting| name.text() == *quoting));
    let Some(arguments) = call.token_tree().filter(|_| !quotes) else {
        return;
    };
    let text = arguments.syntax().text().to_string();
    if !text.contains("return") {
        return;
    }
    let inner = text.get(1..text.len() - 1).unwrap_or_default();
    let begin = usize::from(arguments.syntax().text_range().start()) + 1;
    for (before, after) in [("g(", ")"), ("", "")] {
        let before = format!("{PRELUDE}{before}");
        let file = SourceFile::parse(&format!("{before}{inner}\n{after}}}"), Edition::Edition2024);
        if file.errors().is_empty() && is_one_function(&file.syntax_node()) {
            let inside = leaving(&statements(&file.syntax_node()));
            found.extend(inside.into_iter().map(|at| at - before.len() + begin));
            return;
        }
    }
    // A syntax of its own. What follows a closure or a function may belong to it.
    let tokens = arguments
        .syntax()
        .descendants_with_tokens()
        .filter_map(|element| element.into_token())
        .take_while(|token| !matches!(token.text(), "|" | "||" | "fn" | "async" | "gen"));
    found.extend(
        tokens
            .filter(|token| token.kind() == SyntaxKind::RETURN_KW)
            .map(|token| start(&token)),
    );
}

fn start(token: &SyntaxToken) -> usize {
    usize::from(token.text_range().start())
}

/// What is wrong with a cell that has a `return` at these places, as rustc would say it. Lines count from 1, columns are
/// the characters before it.
pub fn error(places: &[(usize, usize)], cell: &CellSource) -> Value {
    let spans = places.iter().enumerate().map(|(index, &(line, before))| {
        let column = cell.users_column(line, before + 1);
        json!({
            "is_primary": true,
            "label": (index == 0).then_some("what the cell does with variables would be lost"),
            "cellar": {
                "cell": cell.name, "line": line, "column": column,
                "end_line": line, "end_column": column + "return".len(),
            },
        })
    });
    let help = |message: &str| json!({"level": "help", "message": message, "spans": [], "children": []});
    json!({
        "level": "error",
        "code": null,
        "message": "`return` outside of a function: it cannot end a cell",
        "spans": spans.collect::<Vec<_>>(),
        "children": [
            help("put the code into a function, or into a block with a label: `'cell: { … break 'cell; }`"),
            help("`?` and panics may end a cell"),
        ],
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::{DebugFormat, prepare, prepare_around};
    use super::*;
    use crate::engine::cell_crate::source_map::Marks;

    /// The cell with `$` before each `return` that is refused.
    fn marked(code: &str) -> String {
        let cell = CellSource::new("In[1]", code);
        let prepared = prepare(code, &cell, &mut Marks::default(), DebugFormat::Compact);
        let mut lines: Vec<String> = code.lines().map(str::to_owned).collect();
        let spans = prepared.early_return.map(|error| error["spans"].clone());
        for span in spans
            .as_ref()
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .rev()
        {
            let place = |name: &str| span["cellar"][name].as_u64().expect("a number") as usize;
            let line = &mut lines[place("line") - 1];
            let at = line
                .char_indices()
                .nth(place("column") - 1)
                .expect("a character")
                .0;
            line.insert(at, '$');
        }
        lines.join("\n")
    }

    #[track_caller]
    fn check(expected: &str) {
        assert_eq!(marked(&expected.replace('$', "")), expected);
    }

    #[test]
    fn a_return_of_the_cell_is_found() {
        check("$return");
        check("let t = 1;\nif t > 0 { $return; } drop(t);");
        check(":dep a\n\nlet é = \"日本\"; { loop { match x { None => $return, Some(_) => {} } } }");
        check("let Some(x) = y else { $return };");
        check("f(unsafe { $return 1 }, || { return 2 });");
        check("'a: { if b { break 'a; } $return }");
        check("x.await; $return; $return Ok(());");
    }

    #[test]
    fn a_return_of_a_function_is_none_of_the_cells() {
        for code in [
            "fn f() -> i32 { return 1; }",
            "{ fn f() -> i32 { return 1; } f() }",
            "struct S; impl S { fn f(&self) { return } }",
            "let f = |x: i32| { if x > 0 { return 1; } 2 };",
            "let f = async move { return 1 }; f.await",
            "macro_rules! m { () => { return } }",
            "const C: fn() = || return;",
            "let returned = \"return\"; // return",
        ] {
            check(code);
        }
    }

    #[test]
    fn arguments_of_macros_are_looked_at() {
        check("println!(\"{}\", $return);");
        check("println!(\"é {}\", { vec![1, $return 2] });");
        check("let v = vec![$return; 3];");
        check("run! { let x = 1; $return; }");
        check("tokio::select! { x = f() => { $return } }");
        check("json!({\"a\": $return})");
        check("println!(\"{}\", (|| { return 1 })());");
        check("tokio::join!(async { return 1 }, g(), $return);");
        check("cfg_if! { if #[cfg(unix)] { fn f() { return; } } }");
        check("stringify!(return)");
    }

    #[test]
    fn a_line_that_a_magic_put_into_code_is_told_by_its_place_in_the_cell() {
        let cell = CellSource::new("In[1]", "\n%timeit return");
        let code = "{\nfn g() { return }\n        return\n}";
        let prepared = prepare_around(code, 3, &Arc::clone(&cell), 2, &mut Marks::default());
        let error = prepared.early_return.expect("it is refused");
        assert_eq!(error["spans"].as_array().map(Vec::len), Some(1));
        let place = &error["spans"][0]["cellar"];
        assert_eq!(
            (place["line"].as_u64(), place["column"].as_u64()),
            (Some(2), Some(9))
        );
    }
}
