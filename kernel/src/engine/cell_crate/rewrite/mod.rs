//! The crate that evcxr generates for a cell, made smaller before rustc sees it.
//!
//! evcxr's text comes with a copy of its variable store, loads and stores every variable of the session,
//! and wraps every cell for `?` once one cell has used it. All of that costs compile time in each cell. Here the store
//! becomes calls into the host process, variables that the cell does not name are left alone, and wrappers that it
//! does not need go. Every line keeps its number: evcxr finds its way in rustc's answers by line.
//!
//! The text is that of evcxr =0.22.0 (`eval_context.rs`, `ContextState::code_to_compile`); the tests below
//! compile what comes out, so that a change there cannot go unnoticed.

mod lines;
mod session_items;
mod variable_store;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cellar_cache::Digest;
use lines::Lines;
pub use lines::words;
use session_items::{blank_api_stub, blank_left_out, blank_superseded_impls, macros_first};
use variable_store::{THIN_STORE, add_identities, leave_out_unnamed_variables, taken};
pub use variable_store::{lines_that_store, stored_name};

use super::left_out::LeftOut;
use super::source_map::{Marks, SourceMap};
use crate::engine::cell_code::error_format::ErrorFormat;
use crate::engine::knowledge::items::Items;

/// What the cell needs of the generated code.
#[derive(Debug, Clone, Default)]
pub struct Needs {
    pub question_mark: bool,
    /// How it shows an error that leaves it so.
    pub error_format: ErrorFormat,
    /// Variables that it binds, and of whose older values it knows nothing.
    pub only_bound: Arc<BTreeSet<String>>,
    /// The cell did not compile before.
    pub failure: Option<Failure>,
    /// What the crates are that it can name.
    pub crates: Arc<BTreeMap<String, Digest>>,
    /// Items that it does without.
    pub left_out: LeftOut,
    /// All items of the session, the cell's own among them: types are told apart by what the session has.
    pub items: Items,
}

/// Why a cell did not compile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// It uses a name that is not there, so all names that are there may help.
    UnknownName,
    /// Compiled without catching panics, it would be told the same once more.
    Explained,
    Other,
}

/// The rewritten crate.
#[derive(Debug, Clone, Default)]
pub struct Rewritten {
    pub text: String,
    pub map: SourceMap,
    /// A line (1-based) that holds a statement of the cell itself.
    pub statement_line: Option<usize>,
    /// Whether evcxr has wrapped the cell so that `?` may leave it.
    pub allows_question_mark: bool,
    /// Whether evcxr runs the cell inside an async block.
    pub is_async: bool,
    /// It catches the panics of the cell, as evcxr's first attempt does.
    pub catches_panics: bool,
    /// It is compiled for its messages alone.
    pub for_messages: bool,
    /// The variables that it takes from the store.
    pub taken: Vec<String>,
    /// The variables that it stores.
    pub stored: Vec<Stored>,
}

/// A variable that a crate stores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub name: String,
    pub type_text: String,
    /// Of the definitions that its type reaches.
    pub identity: u128,
}

/// What the library of a cell exports. evcxr counts its functions; here all have one name, since a library may be compiled, and
/// run, before anybody knows the number that evcxr has for it.
pub const CELL_FUNCTION: &str = "run_user_code_0";

const PANICKED: &str = "{unsafe extern \"Rust\"{safe fn cellar_runtime_panicked(payload: ::std::boxed::Box<dyn ::std::any::Any + ::std::marker::Send>);} cellar_runtime_panicked(__cellar_payload);}";
const MATCH_PANIC: &str = "Err(__cellar_payload) => {";
const CATCH_OPEN: &str = "if let Err(__cellar_payload) = std::panic::catch_unwind(||{";
const CATCH_CLOSE: &str = "}) {";
const CATCH: &str = "std::panic::catch_unwind(";
const TRY_OPEN: &str = "let _ = (|| -> std::result::Result<(), EvcxrUserCodeError> {";
const TRY_CLOSE: &str = "Ok(())})();";
const TRY_CLOSE_ASYNC: &str = "Ok::<(), EvcxrUserCodeError>(())";
const ASYNC_OPEN: &str = ".block_on(async {";

/// Rewrites a crate that is going to be run.
pub fn for_running(generated: &str, marks: &Marks, needs: Needs) -> Rewritten {
    rewrite(generated, marks, needs, true)
}

/// Rewrites a crate that is only going to be checked: nothing is left out of it but what would conflict.
pub fn for_checking(generated: &str, marks: &Marks) -> Rewritten {
    rewrite(generated, marks, Needs::default(), false)
}

fn rewrite(generated: &str, marks: &Marks, needs: Needs, runs: bool) -> Rewritten {
    let generated = &macros_first(generated, marks);
    let map = marks.map(generated);
    let mut lines = Lines::new(generated, &map);
    blank_api_stub(&mut lines);
    blank_superseded_impls(&mut lines, &map, marks);
    let mut rewritten = Rewritten {
        map,
        ..Rewritten::default()
    };
    blank_left_out(&mut lines, &rewritten.map, &needs.left_out);
    let entry = lines.last_generated(|line| line.starts_with("pub extern \"C\" fn run_user_code_"));
    if let (true, Some(entry)) = (runs, entry) {
        let body = entry + 1..lines.len();
        let store = lines.generated_before(entry, |line| line == "mod evcxr_internal_runtime {");
        rewritten.allows_question_mark = body.clone().any(|at| {
            lines.is_generated(at) && (lines.text(at) == TRY_OPEN || lines.text(at) == TRY_CLOSE_ASYNC)
        });
        rewritten.is_async = body
            .clone()
            .any(|at| lines.is_generated(at) && lines.text(at) == ASYNC_OPEN);
        // The user may call an item like the function that is called.
        let places = places(&lines, &rewritten.map).unwrap_or_default();
        lines.replace(
            entry - 1..entry,
            &format!("{places}#[unsafe(export_name = {CELL_FUNCTION:?})]"),
        );
        lines.replace(entry..entry + 1, "pub extern \"C\" fn __cellar_cell(");
        rewritten.statement_line = body.clone().find(|at| !lines.is_generated(*at)).map(|at| at + 1);
        if let Some(store) = store {
            // The attribute line of the entry function stands between the two.
            lines.replace(store..entry - 1, THIN_STORE);
            blank_error_type(&mut lines, store);
        }
        // evcxr compiles a cell that failed again, without catching panics, for better messages. Where a name is
        // unknown, rustc is to see all variables, so that it can tell the one that was meant.
        rewritten.catches_panics = body
            .clone()
            .any(|at| lines.generated(at).is_some_and(|line| line.contains(CATCH)));
        rewritten.for_messages = needs.failure.is_some() && !rewritten.catches_panics;
        if !(rewritten.for_messages && needs.failure == Some(Failure::UnknownName)) {
            leave_out_unnamed_variables(&mut lines, body.clone(), &needs.only_bound);
        }
        rewritten.taken = taken(&lines, body.clone());
        let definitions = needs.items.definitions(&needs.crates);
        rewritten.stored = add_identities(&mut lines, body.clone(), &definitions);
        for at in body {
            let Some(replacement) = replacement(lines.generated(at), &needs) else {
                continue;
            };
            lines.replace(at..at + 1, &replacement);
        }
    }
    rewritten.text = lines.join();
    rewritten
}

/// Whether a line is of those that evcxr puts around cells, or what is made of them here: which, depends on what other
/// cells have needed.
pub fn is_frame(line: &str) -> bool {
    const FRAME: [&str; 21] = [
        "{",
        "}",
        "mut evcxr_variable_store: *mut evcxr_internal_runtime::VariableStore)",
        "-> *mut evcxr_internal_runtime::VariableStore {",
        "if evcxr_variable_store.is_null() {",
        "evcxr_variable_store = evcxr_internal_runtime::create_variable_store();",
        "let evcxr_variable_store = unsafe {&mut *evcxr_variable_store};",
        "{let mut vars_ok = true;",
        "if !vars_ok {return evcxr_variable_store;}}",
        "match std::panic::catch_unwind(",
        "std::panic::AssertUnwindSafe(||{",
        "})) {",
        "Ok(_) => {}",
        MATCH_PANIC,
        "}}",
        CATCH_OPEN,
        CATCH_CLOSE,
        "evcxr_variable_store",
        "evcxr_variable_store: *mut u8) -> *mut u8 {",
        PANICKED,
        THIN_STORE,
    ];
    FRAME.contains(&line)
}

fn replacement(line: Option<&str>, needs: &Needs) -> Option<String> {
    let line = line?;
    let outcome = needs.error_format.outcome();
    let replaced = match line.trim() {
        "println!(\"EVCXR_PANIC_NOTIFICATION\");" => PANICKED.to_owned(),
        "Err(_) => {" => MATCH_PANIC.to_owned(),
        "if std::panic::catch_unwind(||{" => CATCH_OPEN.to_owned(),
        "}).is_err() {" => CATCH_CLOSE.to_owned(),
        _ if line == TRY_OPEN && needs.question_mark => format!("let _ = (|| -> {outcome} {{"),
        _ if line == TRY_CLOSE && needs.question_mark => format!("<{outcome}>::done()}})();"),
        _ if line == TRY_CLOSE_ASYNC && needs.question_mark => format!("<{outcome}>::done()"),
        _ if line == TRY_OPEN => "{".to_owned(),
        _ if line == TRY_CLOSE => "}".to_owned(),
        _ if line == TRY_CLOSE_ASYNC => String::new(),
        _ => return None,
    };
    Some(replaced)
}

const PLACES_START: &str = "const __CELLAR_PLACES: &str = ";
const PLACES_END: &str = "#[macro_use(dbg)] extern crate cellar as _;";

/// Where a user names `dbg!`, it becomes that of the runtime crate, which tells places in cells. std's and Cellar's macro are
/// in scope in the same way, so that a user's own macro of that name goes before both.
fn places(lines: &Lines, map: &SourceMap) -> Option<String> {
    let mut user = (0..lines.len()).filter(|at| !lines.is_generated(*at));
    let names_it = user.any(|at| words(lines.text(at)).any(|word| word == "dbg"));
    names_it.then(|| format!("{PLACES_START}{:?};{PLACES_END}", map.table()))
}

/// A line of a rewritten crate without what depends on the order in which the items stand.
pub fn without_places(line: &str) -> &str {
    let rest = line
        .strip_prefix(PLACES_START)
        .and_then(|line| line.split_once(PLACES_END));
    rest.map_or(line, |(_, rest)| rest)
}

/// The type that evcxr converts errors of `?` into; ours is in the runtime crate.
fn blank_error_type(lines: &mut Lines, before: usize) {
    let Some(start) = lines.generated_before(before, |line| line.trim() == "struct EvcxrUserCodeError {}")
    else {
        return;
    };
    lines.replace(start..before, "");
}

#[cfg(test)]
pub mod tests {
    use std::sync::Arc;

    use evcxr::EvalContext;

    use super::variable_store::{CHECK, PUT, TAKE};
    use super::*;
    use crate::cell::CellSource;
    use crate::engine::cell_code::{CellCode, DebugFormat, prepare};

    pub fn cell(number: usize, code: &str, marks: &mut Marks) -> CellCode {
        let source = Arc::new(CellSource {
            name: format!("In[{number}]"),
            text: code.to_owned(),
            insertions: Vec::new(),
        });
        prepare(code, &source, marks, DebugFormat::Compact)
    }

    /// The crate that evcxr itself generates for the last of some cells. Its own runtime runs them.
    pub fn generated(cells: &[&str], marks: &mut Marks) -> String {
        let executable = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/release/cellar");
        let (mut context, _outputs) =
            EvalContext::with_subprocess_command(std::process::Command::new(executable))
                .expect("evcxr starts");
        for (index, code) in cells.iter().enumerate() {
            let code = cell(index + 1, code, marks);
            context
                .eval(&code.text)
                .unwrap_or_else(|error| panic!("{}: {error}", code.text));
        }
        context.last_source().expect("there is a source")
    }

    #[test]
    fn evcxrs_text_is_understood() {
        let mut marks = Marks::default();
        let cells = [
            "let a = 1; let mut b = String::from(\"b\");\nlet unused = vec![1];",
            "struct S;\nimpl S { fn one(&self) -> i32 { 1 } }",
            "impl Drop for S { fn drop(&mut self) {} }",
            "let n: i32 = \"7\".parse()?;\nlet c = a + n;\nb.push('c');",
        ];
        let generated = generated(&cells, &mut marks);
        let rewritten = for_running(
            &generated,
            &marks,
            Needs {
                question_mark: true,
                failure: None,
                ..Needs::default()
            },
        );
        assert_eq!(rewritten.text.lines().count(), generated.lines().count());
        assert!(rewritten.text.contains("take_variable::<i32>(stringify!(a))"));
        assert!(
            !rewritten.text.contains("stringify!(unused)"),
            "a variable that the cell does not name is left alone"
        );
        assert!(
            rewritten
                .text
                .contains("(|| -> ::cellar::__private::CellOutcome {")
        );
        assert!(!rewritten.text.contains("HashMap"), "evcxr's own store is gone");
        assert!(rewritten.allows_question_mark);
        let plain = for_running(&generated, &marks, Needs::default());
        assert!(!plain.text.contains("EvcxrUserCodeError"), "{}", plain.text);
    }

    #[test]
    fn a_variable_that_is_only_bound_is_stored_and_nothing_else() {
        let mut marks = Marks::default();
        let cells = [
            "let a = 1u8; let b = 2u8; let c = 3u8;",
            "let a = b; let c = String::new(); drop(c);",
        ];
        let generated = generated(&cells, &mut marks);
        let accesses = |only_bound: &[&str]| {
            let needs = Needs {
                only_bound: Arc::new(only_bound.iter().map(|name| (*name).to_owned()).collect()),
                ..Needs::default()
            };
            let rewritten = for_running(&generated, &marks, needs);
            let mut taken = rewritten.taken.clone();
            taken.sort();
            let has = |what: &str| {
                ["a", "b", "c"]
                    .into_iter()
                    .filter(|name| {
                        let mut lines = rewritten.text.lines();
                        lines
                            .any(|line| line.contains(what) && line.contains(&format!("(stringify!({name})")))
                    })
                    .collect::<String>()
            };
            assert_eq!(taken.concat(), has(TAKE));
            (has(CHECK), has(TAKE), has(PUT))
        };
        let all = |checked: &str, taken: &str, put: &str| (checked.into(), taken.into(), put.into());
        assert_eq!(accesses(&[]), all("abc", "abc", "ab"));
        // The new `c` is gone at the end, and the old one must not stay behind without a name.
        assert_eq!(accesses(&["a", "c"]), all("bc", "bc", "ab"));
    }

    #[test]
    fn a_macro_stands_above_its_uses() {
        let mut marks = Marks::default();
        let definition = cell(1, "macro_rules! one {\n() => { 1 }\n}", &mut marks).text;
        let user = cell(2, "fn two() -> i32 { one!() + 1 }", &mut marks).text;
        for generated in [format!("{user}{definition}"), format!("{definition}{user}")] {
            let rewritten = for_checking(&generated, &marks);
            let at = |what: &str| rewritten.text.find(what).expect(what);
            assert!(at("macro_rules!") < at("fn two"), "{}", rewritten.text);
            assert_eq!(rewritten.text.lines().count(), generated.lines().count());
            let lines: Vec<&str> = rewritten.text.lines().collect();
            for (mark, range) in rewritten.map.pieces() {
                let first = lines[range.start() - 1];
                assert_eq!(first.contains("macro_rules"), mark == 0, "{}", rewritten.text);
            }
        }
    }

    #[test]
    fn of_two_impls_with_one_header_the_newer_is_kept() {
        let mut marks = Marks::default();
        let older = cell(1, "impl Drop for S { fn drop(&mut self) { 1; } }", &mut marks).text;
        let newer = cell(2, "impl Drop  for S {\nfn drop(&mut self) { 2; }\n}", &mut marks).text;
        for generated in [format!("{older}{newer}"), format!("{newer}{older}")] {
            let rewritten = for_checking(&generated, &marks);
            assert!(
                rewritten.text.contains("2;") && !rewritten.text.contains("1;"),
                "{}",
                rewritten.text
            );
        }
    }
}
