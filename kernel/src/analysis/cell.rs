//! One cell, read.

use std::collections::{BTreeMap, BTreeSet};

use ra_ap_syntax::ast::{self, AstNode};
use ra_ap_syntax::{Edition, SourceFile, SyntaxKind, SyntaxNode};

use super::access::Access;
use super::flags::Flags;
use super::item::Item;
use super::reach::Session;
use super::reads::{self, Reads};
use super::tokens::Scan;

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
    /// Names that the running part may take from outside: variables or items, and what it may do to them: see
    /// [`CellReading::access`]. With `flags.reads_everything` there may be others.
    pub reads: BTreeMap<String, Access>,
    /// The variables it defines, each once, where it is bound last.
    pub defines: Vec<Defined>,
    /// Formatting macros on whose being std's an access that moves or changes nothing may rely.
    pub trusted_macros: BTreeSet<String>,
    /// Of the running part. Those of items are with the items.
    pub flags: Flags,
    /// Ends with an expression, whose value is shown.
    pub shows: bool,
    /// There may be a `?` outside of items; one in a closure counts too.
    pub question_mark: bool,
    /// There may be an `.await` outside of items; one in an `async` block counts too.
    pub awaits: bool,
}

/// A variable that a cell defines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defined {
    pub name: String,
    pub mutable: bool,
    /// It is bound under no condition.
    pub certain: bool,
}

impl CellReading {
    /// Those of the running part and of the items that the cell defines.
    pub fn all_flags(&self) -> Flags {
        let mut flags = self.flags;
        self.items.iter().for_each(|item| flags.merge(item.flags));
        flags
    }

    /// The variables that it certainly binds, and of whose older values it knows nothing: nothing that runs names such a
    /// variable before it is bound.
    pub fn only_bound(&self) -> BTreeSet<String> {
        if self.flags.reads_everything {
            return BTreeSet::new();
        }
        let certain = self.defines.iter().filter(|defined| defined.certain);
        let unread = certain.filter(|defined| !self.reads.contains_key(&defined.name));
        unread.map(|defined| defined.name.clone()).collect()
    }

    /// What the cell may do to the variable `name`; `None` if it does not read it. `session` has the cell's items too.
    pub fn access(&self, name: &str, session: &Session<'_>) -> Option<Access> {
        if self.flags.reads_everything {
            return Some(Access::ANY);
        }
        let is_own = |name: &String| session.has(name);
        let known = *self.reads.get(name)?;
        Some(if self.trusted_macros.iter().any(is_own) {
            Access::ANY
        } else {
            known
        })
    }
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
    let mut shows = false;
    for statement in body.syntax().children() {
        let scan = Scan::of(&statement);
        let own_items = if is_running(statement.kind()) {
            Vec::new()
        } else {
            Item::of(&statement)
        };
        shows = ast::Expr::can_cast(statement.kind());
        if !own_items.is_empty() {
            items.extend(own_items);
            whole.append(scan);
            continue;
        }
        whole.canonical.extend(&scan.canonical);
        whole.words.extend(scan.words.iter().cloned());
        running.append(scan);
        reads.statement(&statement);
        if let Some(binding) = ast::LetStmt::cast(statement) {
            for defined in reads::bound_by(&binding) {
                defines.retain(|known| known.name != defined.name);
                defines.push(defined);
            }
        }
    }
    if shows {
        // What shows the value calls this as a method of whatever trait is in scope.
        whole.words.insert("evcxr_display".to_owned());
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
        question_mark: running.question_mark,
        awaits: running.words.contains("await"),
        running: running.canonical,
        words: whole.words,
        items,
        reads: reads.names,
        defines,
        trusted_macros: reads.trusted_macros,
        flags,
        shows,
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
        question_mark: scan.question_mark,
        awaits: scan.words.contains("await"),
        running: scan.canonical.clone(),
        canonical: scan.canonical,
        words: scan.words,
        defines: Vec::new(),
        trusted_macros: BTreeSet::new(),
        shows: false,
    }
}
