//! A cell made ready for evcxr: cut into statements, each marked with where it came from, the last
//! expression wrapped so that one compile shows it.

pub mod comments;
mod debug_format;
mod early_return;
mod effort;
pub mod error_format;
mod patterns;

use std::collections::BTreeSet;
use std::sync::Arc;

use ra_ap_syntax::ast::{self, AstNode, HasName};
use ra_ap_syntax::{AstToken, Edition, SourceFile, SyntaxKind, SyntaxNode, TextSize};
use serde_json::Value;

use super::cell_crate::source_map::{Kind, Marks, Origin};
use super::knowledge::items::Item;
use super::types::definitions::header_tokens;
use crate::analysis::may_have_items;
use crate::cell::CellSource;
use debug_format::BEFORE_SHOWN;
pub use debug_format::DebugFormat;
use error_format::ErrorFormat;

/// A cell as it goes to evcxr, with what is known of it before it is compiled.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CellCode {
    /// The code for evcxr.
    pub text: String,
    /// evcxr's `:commands` above the Rust.
    pub commands: String,
    /// The items that it defines.
    pub items: Vec<Item>,
    /// What runs: `text` without commands and items.
    pub statements: String,
    /// The variables that its `let`s bind.
    pub bindings: Vec<Binding>,
    /// Those of them whose older values it does not use, as far as whoever prepares it knows.
    pub only_bound: Arc<BTreeSet<String>>,
    /// A `?` may leave the cell.
    pub question_mark: bool,
    /// How the error is shown that leaves it so.
    pub error_format: ErrorFormat,
    /// It awaits a future.
    pub awaits: bool,
    /// It shows the value of its last expression.
    pub shows: bool,
    /// Its work is bounded by its length (see `effort.rs`).
    pub bounded: bool,
    /// The parser stumbled: the cell's Rust, line for line, so that rustc alone can say what is wrong.
    pub suspicious: Option<(Arc<CellSource>, String)>,
    /// A `return` would leave the cell: an error as rustc writes them.
    pub early_return: Option<Value>,
}

/// A variable that a cell defines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    pub name: String,
    pub mutable: bool,
    /// Its type, where the cell gives all of it.
    pub type_text: Option<String>,
}

const PRELUDE: &str = "fn f(){";

/// Prepares `code`, which has the same lines as `cell.text` (magics and directives may have been blanked).
pub fn prepare(code: &str, cell: &Arc<CellSource>, marks: &mut Marks, debug_format: DebugFormat) -> CellCode {
    marks.begin_cell();
    let (commands, rust) = split_commands(code);
    let mut prepared = CellCode {
        text: commands.to_owned(),
        commands: commands.to_owned(),
        ..CellCode::default()
    };
    let file = SourceFile::parse(&format!("{PRELUDE}{rust}\n}}"), Edition::Edition2024);
    let statements = statements(&file.syntax_node());
    let places: Vec<(usize, usize)> = early_return::leaving(&statements)
        .into_iter()
        .map(|at| line_and_column(code, code.len() - rust.len() + at - PRELUDE.len()))
        .collect();
    prepared.early_return = (!places.is_empty()).then(|| early_return::error(&places, cell));
    if !file.errors().is_empty() || !is_one_function(&file.syntax_node()) {
        let lines = commands.matches('\n').count();
        prepared.suspicious = Some((Arc::clone(cell), format!("{}{rust}", "\n".repeat(lines))));
    }
    if statements.is_empty() || !is_one_function(&file.syntax_node()) {
        // Nothing that can be cut: rustc will say what is wrong with it.
        if !rust.trim().is_empty() {
            let start = code.len() - rust.len();
            prepared.push(rust.trim_end(), start, code, cell, marks, None);
        }
        return prepared;
    }
    let running: Vec<SyntaxNode> = statements
        .iter()
        .filter(|node| !is_item(node.kind()))
        .cloned()
        .collect();
    prepared.bounded = effort::is_bounded(&running);
    let last = statements.len() - 1;
    let mut covered = 0;
    for (index, statement) in statements.iter().enumerate() {
        let range = statement.text_range();
        let start = usize::from(first_token(statement)) - PRELUDE.len();
        let end = (usize::from(range.end()) - PRELUDE.len()).min(rust.len());
        if start < covered || start >= end {
            continue;
        }
        covered = end;
        prepared.question_mark |= may_return_early(statement);
        prepared.awaits |= awaits(statement);
        let offset = code.len() - rust.len() + start;
        let text = &rust[start..end];
        if index == last && ast::Expr::can_cast(statement.kind()) {
            prepared.shows = true;
            prepared.push_generated(BEFORE_SHOWN);
            prepared.push(text, offset, code, cell, marks, None);
            prepared.push_generated(&debug_format.after_shown());
        } else {
            prepared.push(text, offset, code, cell, marks, Some(statement));
        }
        prepared.bind(statement);
        prepared.push_generated(&patterns::rebound(statement));
    }
    prepared
}

/// The items of a cell whose statements are not to be run; `code` as for [`prepare`].
pub fn items(code: &str, cell: &Arc<CellSource>, marks: &mut Marks) -> Vec<Item> {
    if !may_have_items(code) {
        return Vec::new();
    }
    prepare(code, cell, marks, DebugFormat::default()).items
}

/// Prepares a block of generated code, one line of which is the cell's.
pub fn prepare_around(
    code: &str,
    user_line: usize,
    cell: &Arc<CellSource>,
    line: usize,
    marks: &mut Marks,
) -> CellCode {
    let mark = marks.add(Origin {
        cell: Arc::clone(cell),
        line,
        column_offset: 0,
        lines: 1,
        kind: Kind::Other,
    });
    let mut text = String::new();
    for (index, row) in code.lines().enumerate() {
        text.push_str(row);
        if index + 1 == user_line {
            text.push_str(&mark);
        }
        text.push('\n');
    }
    text.push_str(";\n");
    let file = SourceFile::parse(&format!("{PRELUDE}{code}\n}}"), Edition::Edition2024);
    let places: Vec<(usize, usize)> = early_return::leaving(&statements(&file.syntax_node()))
        .into_iter()
        .map(|at| line_and_column(code, at - PRELUDE.len()))
        .filter(|(of_code, _)| *of_code == user_line)
        .map(|(_, before)| (line, before))
        .collect();
    CellCode {
        statements: text.clone(),
        text,
        early_return: (!places.is_empty()).then(|| early_return::error(&places, cell)),
        ..CellCode::default()
    }
}

impl CellCode {
    /// One of evcxr's `:commands`, alone.
    pub fn command(command: &str) -> CellCode {
        CellCode {
            text: command.to_owned(),
            commands: command.to_owned(),
            ..CellCode::default()
        }
    }

    /// The same without its `:commands`, if there is anything below them.
    pub fn below_commands(&self) -> Option<CellCode> {
        let text = self.text.strip_prefix(&self.commands)?;
        (!text.trim().is_empty()).then(|| CellCode {
            text: text.to_owned(),
            commands: String::new(),
            ..self.clone()
        })
    }

    /// Whether `:commands` stand above the Rust of a cell.
    pub fn has_commands(code: &str) -> bool {
        !split_commands(code).0.is_empty()
    }

    /// Whether it makes evcxr forget everything.
    pub fn clears(&self) -> bool {
        self.has_command(":clear")
    }

    /// Whether it makes evcxr start another process for cells.
    pub fn restarts(&self) -> bool {
        self.has_command(":restart")
    }

    fn has_command(&self, command: &str) -> bool {
        let mut lines = self.commands.lines();
        lines.any(|line| line.split_whitespace().next() == Some(command))
    }

    /// What its `:build_env`s set.
    pub fn build_env(&self) -> impl Iterator<Item = (&str, &str)> {
        self.commands
            .lines()
            .filter_map(|line| line.trim_start().strip_prefix(":build_env "))
            .filter_map(|setting| setting.trim_start().split_once('='))
    }

    /// Adds a piece of the cell. `statement` is its syntax, if it is neither shown nor damaged.
    fn push(
        &mut self,
        text: &str,
        offset: usize,
        code: &str,
        cell: &Arc<CellSource>,
        marks: &mut Marks,
        statement: Option<&SyntaxNode>,
    ) {
        let kind = match statement {
            Some(statement) => kind(statement),
            None if self.shows => Kind::Shown,
            None => Kind::Other,
        };
        let (line, column_offset) = line_and_column(code, offset);
        let mark = marks.add(Origin {
            cell: Arc::clone(cell),
            line,
            column_offset,
            lines: text.matches('\n').count() + 1,
            kind,
        });
        // The empty line keeps rust-analyzer from taking the marker for the comment of the next item.
        let marked = format!("{text}{mark}\n\n");
        self.text.push_str(&marked);
        let items = statement.map(|statement| Item::of(statement, text, cell, (marks.last(), &mark)));
        match items {
            Some(items) if !items.is_empty() => self.items.extend(items),
            _ => self.statements.push_str(&marked),
        }
    }

    pub(in crate::engine) fn push_generated(&mut self, text: &str) {
        self.text.push_str(text);
        self.statements.push_str(text);
    }

    /// Notes the variables of a `let`.
    fn bind(&mut self, statement: &SyntaxNode) {
        let Some(statement) = ast::LetStmt::cast(statement.clone()) else {
            return;
        };
        let Some(pattern) = statement.pat() else { return };
        let is_open = |written: &ast::Type| {
            let mut nodes = written.syntax().descendants();
            nodes.any(|node| node.kind() == SyntaxKind::INFER_TYPE)
        };
        let written = statement.ty().filter(|written| !is_open(written));
        for bound in patterns::names(&pattern) {
            let Some(name) = bound.name().map(|name| name.text().to_string()) else {
                continue;
            };
            // That of the whole pattern, if this is all of it.
            let written = written.as_ref().filter(|_| bound.syntax() == pattern.syntax());
            self.bindings.retain(|binding| binding.name != name);
            self.bindings.push(Binding {
                name,
                mutable: bound.mut_token().is_some(),
                type_text: written.map(|written| written.syntax().text().to_string()),
            });
        }
    }
}

/// The line of a byte of `code`, from 1, and how many characters stand before it there.
fn line_and_column(code: &str, offset: usize) -> (usize, usize) {
    let before = &code[..offset];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (
        before.matches('\n').count() + 1,
        before[line_start..].chars().count(),
    )
}

/// evcxr's `:commands` stand above the first line of Rust.
fn split_commands(code: &str) -> (&str, &str) {
    let mut at = 0;
    let mut last_command = 0;
    for line in code.split_inclusive('\n') {
        let trimmed = line.trim_start();
        if trimmed.starts_with(':') && !trimmed.starts_with("::") {
            last_command = at + line.len();
        } else if !(trimmed.is_empty() || trimmed.starts_with("//")) {
            break;
        }
        at += line.len();
    }
    code.split_at(last_command)
}

fn statements(file: &SyntaxNode) -> Vec<SyntaxNode> {
    file.children()
        .next()
        .and_then(ast::Fn::cast)
        .and_then(|function| function.body())
        .and_then(|body| body.stmt_list())
        .map(|list| list.syntax().children().collect())
        .unwrap_or_default()
}

/// Where a statement begins, comments above it left out: evcxr does not keep those everywhere, and every line counts.
fn first_token(statement: &SyntaxNode) -> TextSize {
    statement
        .descendants_with_tokens()
        .filter_map(|element| element.into_token())
        .find(|token| {
            let is_doc =
                ast::Comment::cast(token.clone()).is_some_and(|comment| comment.kind().doc.is_some());
            !token.kind().is_trivia() || is_doc
        })
        .map_or(statement.text_range().start(), |token| token.text_range().start())
}

/// Whether no brace of the cell ended the function that we put around it.
fn is_one_function(file: &SyntaxNode) -> bool {
    file.children()
        .next()
        .is_some_and(|function| function.text_range() == file.text_range())
}

/// Whether a `?` in it returns from the cell. Macro arguments are not parsed: any `?` there counts.
fn may_return_early(statement: &SyntaxNode) -> bool {
    if is_item(statement.kind()) {
        return false;
    }
    outside_functions(
        statement,
        &|kind| kind == SyntaxKind::TRY_EXPR,
        SyntaxKind::QUESTION,
    )
}

fn awaits(statement: &SyntaxNode) -> bool {
    !is_item(statement.kind())
        && outside_functions(
            statement,
            &|kind| kind == SyntaxKind::AWAIT_EXPR,
            SyntaxKind::AWAIT_KW,
        )
}

/// Whether a node of a wanted kind, or a token of `in_macro` inside a macro's arguments, stands in
/// `node` outside of functions, closures and async blocks.
fn outside_functions(node: &SyntaxNode, wanted: &dyn Fn(SyntaxKind) -> bool, in_macro: SyntaxKind) -> bool {
    if wanted(node.kind()) {
        return true;
    }
    if node.kind() == SyntaxKind::TOKEN_TREE {
        return node
            .descendants_with_tokens()
            .filter_map(|element| element.into_token())
            .any(|token| {
                token.kind() == in_macro || token.text() == "await" && in_macro == SyntaxKind::AWAIT_KW
            });
    }
    node.children()
        .any(|child| !has_own_scope(&child) && outside_functions(&child, wanted, in_macro))
}

/// Whether what leaves `node` does not leave the code around it: a closure, an item, an async block.
fn has_own_scope(node: &SyntaxNode) -> bool {
    node.kind() == SyntaxKind::CLOSURE_EXPR
        || is_item(node.kind())
        || ast::BlockExpr::cast(node.clone()).is_some_and(|block| block.async_token().is_some())
}

fn is_item(kind: SyntaxKind) -> bool {
    ast::Item::can_cast(kind) && kind != SyntaxKind::MACRO_CALL
}

fn kind(statement: &SyntaxNode) -> Kind {
    if statement.kind() == SyntaxKind::USE {
        return Kind::Use(statement.text().to_string());
    }
    impl_header(statement).map_or(Kind::Other, Kind::Impl)
}

fn impl_header(statement: &SyntaxNode) -> Option<String> {
    let item = ast::Impl::cast(statement.clone())?;
    item.assoc_item_list()?;
    Some(header_tokens(&item).join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prepared(code: &str) -> CellCode {
        let cell = Arc::new(CellSource {
            name: "In[1]".into(),
            text: code.into(),
            insertions: Vec::new(),
        });
        prepare(code, &cell, &mut Marks::default(), DebugFormat::Compact)
    }

    #[test]
    fn statements_are_marked_where_they_end() {
        assert_eq!(
            prepared("let a = 1; let b = 2;").text,
            "let a = 1;/*cellar:0*/\n\nlet b = 2;/*cellar:1*/\n\n"
        );
    }

    #[test]
    fn a_last_expression_is_shown_and_a_statement_is_not() {
        assert!(prepared("let a = 1;\na").shows);
        assert!(!prepared("let a = 1;\na;").shows);
        assert!(!prepared("fn f() {}").shows);
        assert!(prepared("println!(\"x\")").shows);
    }

    #[test]
    fn variables_of_all_patterns_are_bound_and_evcxr_sees_them() {
        let names = |code: &str| -> Vec<String> {
            let bindings = prepared(code).bindings;
            bindings.into_iter().map(|binding| binding.name).collect()
        };
        assert_eq!(names("let (a, S { b, c: Some(d) }) = e;"), ["a", "b", "d"]);
        assert_eq!(names("let a @ [b, .., c] = d;"), ["a", "b", "c"]);
        assert_eq!(
            prepared("let (a, [mut b, c @ (d, _)]) = e;").text,
            "let (a, [mut b, c @ (d, _)]) = e;/*cellar:0*/\n\nlet mut b = b; let c = c; let d = d; \n"
        );
        assert_eq!(
            prepared("let (&a, &mut b) = c;").text.lines().last(),
            Some("let a = a; let b = b; ")
        );
        for code in [
            "let a @ (_, _) = c;",
            "let (a, P { b, .. }) = c;",
            "let ref a = b;",
        ] {
            assert!(prepared(code).text.ends_with("*/\n\n"), "{code}");
        }
        let conditional = "#[cfg(unix)] let [a] = b;";
        assert!(!prepared(conditional).text.contains("let a = a"));
        let compares = "let [None, Some(a)] = b else { panic!() };";
        assert!(prepared(compares).text.ends_with("let a = a; \n"));
    }

    #[test]
    fn commands_stay_above_the_code() {
        let cell = prepared("// why\n:dep itertools\nlet a = 1;");
        assert_eq!(cell.text, "// why\n:dep itertools\nlet a = 1;/*cellar:0*/\n\n");
    }

    #[test]
    fn the_environment_of_builds_is_read_from_commands() {
        let cell = prepared(":build_env A=1 = 2\n:build_env wrong\n:env B=2\nlet a = 1;");
        assert_eq!(cell.build_env().collect::<Vec<_>>(), [("A", "1 = 2")]);
    }

    #[test]
    fn question_marks_of_the_cell_are_told_from_those_of_functions() {
        assert!(prepared("let n: i32 = text.parse()?;").question_mark);
        assert!(prepared("println!(\"{}\", text.parse::<i32>()?);").question_mark);
        assert!(!prepared("fn f() -> Option<i32> { None? }").question_mark);
        assert!(!prepared("let f = || -> Option<i32> { None? };").question_mark);
        assert!(prepared("if true { x? }").question_mark);
    }

    #[test]
    fn awaiting_outside_of_async_blocks_is_seen() {
        assert!(prepared("let x = f().await;").awaits);
        assert!(!prepared("let x = async { f().await };").awaits);
        assert!(!prepared("async fn g() { f().await }").awaits);
    }

    #[test]
    fn code_that_cannot_be_cut_is_kept_whole() {
        let cell = prepared("let a = ;; } fn");
        assert!(cell.text.contains("let a ="), "{}", cell.text);
    }

    #[test]
    fn an_impl_is_known_by_its_header() {
        let code = "impl  Area for\n Circle { fn area(&self) -> f64 { 1.0 } }";
        let cell = Arc::new(CellSource {
            name: "In[1]".into(),
            text: code.into(),
            insertions: Vec::new(),
        });
        let mut marks = Marks::default();
        prepare(code, &cell, &mut marks, DebugFormat::Compact);
        assert_eq!(
            marks.origin(0).map(|origin| &origin.kind),
            Some(&Kind::Impl("impl Area for Circle".into()))
        );
    }
}
