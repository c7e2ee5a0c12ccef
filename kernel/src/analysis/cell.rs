//! One cell, read.

use std::collections::{BTreeMap, BTreeSet};

use ra_ap_syntax::ast::{self, AstNode};
use ra_ap_syntax::{Edition, SourceFile, SyntaxKind, SyntaxNode, T};

use super::access::Access;
use super::flags::Flags;
use super::item::Item;
use super::reads::{self, Reads};
use super::tokens::{Scan, has_token};

/// What the text of a cell says about its inputs and what it leaves behind.
///
/// Names are without `r#`. Whatever is not certain is taken for an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellReading {
    /// All tokens of the cell in their order, in canonical form.
    pub canonical: Vec<u8>,
    /// The tokens of what runs: all statements that are no items.
    pub running: Vec<u8>,
    /// Every word of the cell, its items included: what the search for items begins with.
    pub words: BTreeSet<String>,
    /// The items that it defines.
    pub items: Vec<Item>,
    /// Names that the running part may take from outside: variables or items, and what it may do to them.
    pub reads: BTreeMap<String, Access>,
    /// The variables it defines, each once, where it is bound last.
    pub defines: Vec<Defined>,
    /// Formatting macros on whose being std's an access without `may_change` relies.
    pub trusted_macros: BTreeSet<String>,
    /// Of the running part. Those of items are with the items.
    pub flags: Flags,
    /// Ends with an expression, whose value is shown.
    pub shows: bool,
    /// There is a `?` outside of items.
    pub question_mark: bool,
    /// There is an `.await` outside of items.
    pub awaits: bool,
}

/// A variable that a cell defines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defined {
    pub name: String,
    pub mutable: bool,
}

const PRELUDE: &str = "fn f(){";

/// Reads a cell. Magics and directives have been blanked; evcxr's `:commands` too.
pub fn read_cell(rust: &str) -> CellReading {
    let file = SourceFile::parse(&format!("{PRELUDE}{rust}\n}}"), Edition::Edition2024);
    let root = file.syntax_node();
    let body = only_function(&root).and_then(|function| function.body()?.stmt_list());
    match body {
        Some(body) => read_statements(&body, !file.errors().is_empty()),
        None => read_unparsed(&root),
    }
}

/// The function around the cell, if no brace of the cell ended it.
fn only_function(root: &SyntaxNode) -> Option<ast::Fn> {
    let function = ast::Fn::cast(root.children().next()?)?;
    (function.syntax().text_range() == root.text_range()).then_some(function)
}

fn read_statements(body: &ast::StmtList, parse_error: bool) -> CellReading {
    let (mut whole, mut running) = (Scan::default(), Scan::default());
    let mut reads = Reads::default();
    let mut items = Vec::new();
    let mut defines: Vec<Defined> = Vec::new();
    let (mut shows, mut question_mark, mut awaits) = (false, false, false);
    for statement in body.syntax().children() {
        whole.add(&statement);
        let own_items = if is_running(statement.kind()) {
            Vec::new()
        } else {
            Item::of(&statement)
        };
        shows = ast::Expr::can_cast(statement.kind());
        if !own_items.is_empty() {
            items.extend(own_items);
            continue;
        }
        running.add(&statement);
        reads.statement(&statement);
        question_mark |= has_token(&statement, T![?]);
        awaits |= has_token(&statement, T![await]);
        if let Some(binding) = ast::LetStmt::cast(statement) {
            for (name, mutable) in reads::bound_by(&binding) {
                defines.retain(|known| known.name != name);
                defines.push(Defined { name, mutable });
            }
        }
    }
    let mut flags = running.flags;
    flags.reads_everything |= reads.everything;
    if parse_error {
        items.push(Item::opaque(body.syntax()));
        flags.parse_error = true;
        flags.reads_everything = true;
    }
    CellReading {
        canonical: whole.canonical,
        running: running.canonical,
        words: whole.words,
        items,
        reads: reads.names,
        defines,
        trusted_macros: reads.trusted_macros,
        flags,
        shows,
        question_mark,
        awaits,
    }
}

/// A macro call is a statement: what it expands to runs.
fn is_running(kind: SyntaxKind) -> bool {
    kind == SyntaxKind::MACRO_CALL
}

/// Nothing that can be cut.
fn read_unparsed(root: &SyntaxNode) -> CellReading {
    let scan = Scan::of(root);
    CellReading {
        items: vec![Item::opaque(root)],
        reads: scan
            .words
            .iter()
            .map(|word| (word.clone(), Access::ANY))
            .collect(),
        flags: Flags {
            parse_error: true,
            reads_everything: true,
            ..scan.flags
        },
        running: scan.canonical.clone(),
        canonical: scan.canonical,
        words: scan.words,
        defines: Vec::new(),
        trusted_macros: BTreeSet::new(),
        shows: false,
        question_mark: has_token(root, T![?]),
        awaits: has_token(root, T![await]),
    }
}
