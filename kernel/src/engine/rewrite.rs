//! The crate that evcxr generates for a cell, made smaller before rustc sees it.
//!
//! evcxr's text comes with a copy of its variable store, loads and stores every variable of the session,
//! and wraps every cell for `?` once one cell has used it. All of that costs compile time in each cell. Here the store
//! becomes calls into the host process, variables that the cell does not name are left alone, and wrappers that it
//! does not need go. Every line keeps its number: evcxr finds its way in rustc's answers by line.
//!
//! The text is that of evcxr =0.22.0 (`eval_context.rs`, `ContextState::code_to_compile`); the tests below
//! compile what comes out, so that a change there cannot go unnoticed.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use cellar_cache::Digest;

use super::definitions::Definitions;
use super::error_format::ErrorFormat;
use super::generate::PUT_NEW;
use super::items::Items;
use super::minimal::LeftOut;
use super::source_map::{Kind, Mark, Marks, SourceMap};

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
    /// All items of the session, where the crate to be rewritten has not all of them: types are told apart by
    /// what the session has.
    pub items: Option<Items>,
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

/// evcxr's variable store as cells see it, on one line.
const THIN_STORE: &str = concat!(
    "mod evcxr_internal_runtime{use core::ffi::c_void;unsafe extern \"C\"{",
    "fn cellar_host_check(n:*const u8,l:usize,t:*const u8)->u32;",
    "fn cellar_host_take(n:*const u8,l:usize)->*mut c_void;",
    "fn cellar_host_put(n:*const u8,l:usize,t:*const u8,m:*const u8,k:usize,v:*mut c_void,d:unsafe extern \"C\" fn(*mut c_void));}",
    "unsafe extern \"C\" fn drop_value<T>(v:*mut c_void){drop(unsafe{Box::from_raw(v as *mut T)})}",
    // The host owns the values: the store that cells hand on is a value without size.
    "pub struct VariableStore;pub fn create_variable_store()->*mut VariableStore{core::ptr::dangling_mut()}impl VariableStore{",
    // A type's identity is Rust's and that of the definitions it reaches (`D`, see `definitions.rs`).
    "fn identity<T:'static,const D:u128>()->u128{unsafe{core::mem::transmute::<core::any::TypeId,u128>(core::any::TypeId::of::<T>())^D}}",
    "pub fn put_variable<T:'static,const D:u128>(&mut self,n:&str,v:T){let t=Self::identity::<T,D>();let m=core::any::type_name::<T>();",
    "unsafe{cellar_host_put(n.as_ptr(),n.len(),&raw const t as *const u8,m.as_ptr(),m.len(),Box::into_raw(Box::new(v)) as *mut c_void,drop_value::<T>)}}",
    // The type of a new variable may be open until the library is there; `I` and the symbol tell it apart.
    "#[inline(never)]pub fn put_new<T:'static,const I:usize>(&mut self,n:&str,v:T,d:&'static u128){let i=core::hint::black_box(I);",
    "let t=Self::identity::<T,0>()^unsafe{core::ptr::read_volatile(d)};let m=core::any::type_name::<T>();let _=i;",
    "unsafe{cellar_host_put(n.as_ptr(),n.len(),&raw const t as *const u8,m.as_ptr(),m.len(),Box::into_raw(Box::new(v)) as *mut c_void,drop_value::<T>)}}",
    "pub fn check_variable<T:'static,const D:u128>(&mut self,n:&str)->bool{let t=Self::identity::<T,D>();",
    "unsafe{cellar_host_check(n.as_ptr(),n.len(),&raw const t as *const u8)==1}}",
    "pub fn take_variable<T:'static>(&mut self,n:&str)->T{let v=unsafe{cellar_host_take(n.as_ptr(),n.len())} as *mut T;",
    "assert!(!v.is_null());*unsafe{Box::from_raw(v)}}",
    // The name carries the type, so that what is taken has it.
    "#[allow(unused)]pub fn lazy_arc<T:'static,F:FnOnce()->T>(&mut self,n:&str,f:F)->std::sync::Arc<T>{",
    "let n=format!(\"{n}:{:?}\",core::any::TypeId::of::<T>());let v=unsafe{cellar_host_take(n.as_ptr(),n.len())} as *mut std::sync::Arc<T>;",
    "let a=if v.is_null(){std::sync::Arc::new(f())}else{*unsafe{Box::from_raw(v)}};self.put_variable::<_,0>(&n,a.clone());a}",
    "}}",
);
/// What the library of a cell exports. evcxr counts its functions; here all have one name, since a library may be compiled, and
/// run, before anybody knows the number that evcxr has for it.
pub const CELL_FUNCTION: &str = "run_user_code_0";
const PANICKED: &str = "{unsafe extern \"C\"{safe fn cellar_host_panicked();} cellar_host_panicked();}";
const CATCH: &str = "std::panic::catch_unwind(";
const CHECK: &str = "vars_ok &= evcxr_variable_store.check_variable::<";
const TAKE: &str = " = evcxr_variable_store.take_variable::<";
const PUT: &str = "evcxr_variable_store.put_variable::<";
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
    let session = Session::of(&lines, &rewritten.map, marks);
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
        let definitions = match &needs.items {
            Some(items) => items.definitions(&needs.crates),
            None => session.definitions(&needs.crates, marks),
        };
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
        "Err(_) => {",
        "}}",
        "if std::panic::catch_unwind(||{",
        "}).is_err() {",
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

/// evcxr writes items in no certain order, but a macro can only be used below its definition. So those of the notebook
/// move above all other items; the lines below the items keep their numbers.
fn macros_first(generated: &str, marks: &Marks) -> String {
    let mut lines: Vec<&str> = generated.lines().collect();
    let entry = lines
        .iter()
        .rposition(|line| line.starts_with("pub extern \"C\" fn run_user_code_"))
        .unwrap_or(lines.len());
    let map = marks.map(generated);
    let items: Vec<(Mark, std::ops::Range<usize>)> = map
        .pieces()
        .map(|(mark, range)| (mark, range.start() - 1..*range.end()))
        .filter(|(_, range)| range.end <= entry)
        .collect();
    let begins_with = |range: &std::ops::Range<usize>, start: &str| {
        let code = lines[range.clone()].iter().map(|line| line.trim_start());
        code.clone()
            .find(|line| !line.is_empty() && !line.starts_with("//") && !line.starts_with("#["))
            .is_some_and(|line| line.starts_with(start))
    };
    let mut macros: Vec<_> = items
        .iter()
        .filter(|(_, range)| begins_with(range, "macro_rules!"))
        .cloned()
        .collect();
    macros.sort_by_key(|(mark, _)| *mark);
    let others = items.iter().filter(|(_, range)| !begins_with(range, "#!["));
    let Some(first) = others.map(|(_, range)| range.start).min() else {
        return generated.to_owned();
    };
    let moved: Vec<&str> = macros
        .iter()
        .flat_map(|(_, range)| lines[range.clone()].to_vec())
        .collect();
    macros.sort_by_key(|(_, range)| std::cmp::Reverse(range.start));
    for (_, range) in macros {
        lines.drain(range);
    }
    lines.splice(first..first, moved);
    lines.join("\n") + "\n"
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

/// The item `mod cellar` tells rust-analyzer what the runtime crate offers; rustc has the crate itself.
fn blank_api_stub(lines: &mut Lines) {
    if let Some(at) = lines.first(|line| line.trim_end() == super::API_STUB) {
        lines.replace(at..at + 1, "");
    }
}

/// evcxr keeps every `impl` that it has seen. Of those with one header only the newest is meant.
fn blank_superseded_impls(lines: &mut Lines, map: &SourceMap, marks: &Marks) {
    let mut newest: HashMap<&str, (Mark, std::ops::RangeInclusive<usize>)> = HashMap::new();
    for (mark, range) in map.pieces() {
        let Some(Kind::Impl(header)) = marks.origin(mark).map(|origin| &origin.kind) else {
            continue;
        };
        let older = match newest.get(header.as_str()) {
            Some((other, _)) if *other > mark => (mark, range),
            _ => match newest.insert(header, (mark, range)) {
                Some(older) => older,
                None => continue,
            },
        };
        lines.replace(older.1.start() - 1..*older.1.end(), "");
    }
}

/// The type that evcxr converts errors of `?` into; ours is in the runtime crate.
fn blank_error_type(lines: &mut Lines, before: usize) {
    let Some(start) = lines.generated_before(before, |line| line.trim() == "struct EvcxrUserCodeError {}")
    else {
        return;
    };
    lines.replace(start..before, "");
}

/// A variable that the cell does not name stays where it is. Names count wherever they stand, also in
/// strings (`"{name}"`) and comments: naming too many costs time, naming too few would be wrong.
///
/// One that is `only_bound` is stored and nothing else: its older value need not be of a type that there still is.
fn leave_out_unnamed_variables(
    lines: &mut Lines,
    body: std::ops::Range<usize>,
    only_bound: &BTreeSet<String>,
) {
    // What the cell binds but has moved is not stored. Then the older value goes the way of all.
    let stored = body
        .clone()
        .filter_map(|at| lines.generated(at).and_then(stored_name));
    let replaced: HashSet<String> = stored
        .filter(|name| only_bound.contains(*name))
        .map(str::to_owned)
        .collect();
    let mut named: HashSet<String> = HashSet::new();
    for at in body.clone() {
        if !lines.is_generated(at) {
            named.extend(words(lines.text(at)).map(str::to_owned));
        }
    }
    let mut at = body.start;
    while at < body.end {
        let Some(line) = lines.generated(at) else {
            at += 1;
            continue;
        };
        let is_store = line.starts_with(PUT);
        let is_access =
            line.starts_with(CHECK) || is_store || (line.starts_with("let ") && line.contains(TAKE));
        if !is_access {
            at += 1;
            continue;
        }
        // A type that its author wrote over several lines makes the statement as long.
        let Some(end) = (at..body.end).find(|end| lines.text(*end).trim_end().ends_with(");")) else {
            break;
        };
        let statement = (at..=end)
            .map(|line| lines.text(line))
            .collect::<Vec<_>>()
            .join(" ");
        let needless = |name: &str| !named.contains(name) || !is_store && replaced.contains(name);
        if stringified_name(&statement).is_some_and(needless) {
            lines.replace(at..end + 1, "");
        }
        at = end + 1;
    }
}

/// The variables whose loading was not left out. A type over several lines ends on a later one.
fn taken(lines: &Lines, body: std::ops::Range<usize>) -> Vec<String> {
    let mut names = Vec::new();
    for at in body.clone() {
        let is_load = |line: &str| line.starts_with("let ") && line.contains(TAKE);
        if lines.generated(at).is_some_and(is_load) {
            let end = (at..body.end).find(|end| lines.text(*end).contains("(stringify!("));
            names.extend(end.and_then(|end| stringified_name(lines.text(end)).map(str::to_owned)));
        }
    }
    names
}

/// The lines (1-based) of a generated crate that store one of these variables.
pub fn lines_that_store(generated: &str, names: &[String]) -> Vec<usize> {
    let stores = |line: &str| stored_name(line).is_some_and(|name| names.iter().any(|wanted| wanted == name));
    let lines = generated.lines().enumerate();
    lines
        .filter(|(_, line)| stores(line))
        .map(|(index, _)| index + 1)
        .collect()
}

/// What of a crate types may depend on.
struct Session {
    defining: Vec<Mark>,
    uses: Vec<String>,
}

impl Session {
    /// Of a crate that has all items of the session.
    fn of(lines: &Lines, map: &SourceMap, marks: &Marks) -> Session {
        let entry = lines.last_generated(|line| line.starts_with("pub extern \"C\" fn run_user_code_"));
        let end = entry.map_or(lines.len(), |entry| entry + 1);
        // What was blanked, such as an `impl` that was written anew, defines nothing.
        let defining = map.pieces().filter(|(mark, range)| {
            *range.end() <= end
                && range.clone().any(|line| !lines.text(line - 1).is_empty())
                && marks
                    .origin(*mark)
                    .is_some_and(|origin| origin.definition.is_some())
        });
        let uses = (0..end)
            .map(|at| lines.text(at))
            .filter(|line| line.starts_with("use "));
        Session {
            defining: defining.map(|(mark, _)| mark).collect(),
            uses: uses.map(str::to_owned).collect(),
        }
    }

    fn definitions<'a>(&'a self, crates: &'a BTreeMap<String, Digest>, marks: &'a Marks) -> Definitions<'a> {
        let mut definitions = Definitions::default();
        let defining = self.defining.iter();
        for definition in defining.filter_map(|mark| marks.origin(*mark)?.definition.as_ref()) {
            definitions.add(definition);
        }
        definitions.add_crates(crates, self.uses.iter().map(String::as_str));
        definitions
    }
}

/// Takes out what the cell does not reach.
fn blank_left_out(lines: &mut Lines, map: &SourceMap, left_out: &LeftOut) {
    if left_out.is_empty() {
        return;
    }
    for (mark, range) in map.pieces() {
        if left_out.marks.contains(&mark) {
            lines.replace(range.start() - 1..*range.end(), "");
        }
    }
    for at in 0..lines.len() {
        let is_left_out = |line: &str| left_out.imports.contains(line.trim());
        if lines.generated(at).is_some_and(is_left_out) {
            lines.replace(at..at + 1, "");
        }
    }
}

/// Where a variable is checked or stored, its type's definitions are part of the type's identity. Tells which are
/// stored.
fn add_identities(
    lines: &mut Lines,
    body: std::ops::Range<usize>,
    definitions: &Definitions<'_>,
) -> Vec<Stored> {
    let mut stored = Vec::new();
    for at in body.clone() {
        let Some(line) = lines.generated(at) else { continue };
        let Some(start) = [CHECK, PUT].iter().find(|start| line.starts_with(**start)) else {
            continue;
        };
        // A type over several lines ends on a later one.
        let Some(end) = (at..body.end).find(|end| lines.text(*end).contains(">(stringify!(")) else {
            break;
        };
        let statement = (at..=end)
            .map(|line| lines.text(line))
            .collect::<Vec<_>>()
            .join(" ");
        let Some((before, after)) = statement.rsplit_once(">(stringify!(") else {
            continue;
        };
        let type_text = &before[start.len()..];
        let identity = definitions.identity(type_text);
        if *start == PUT {
            stored.extend(stringified_name(&statement).map(|name| Stored {
                name: name.to_owned(),
                type_text: type_text.to_owned(),
                identity,
            }));
        }
        let statement = format!("{before},{identity}>(stringify!({after}");
        lines.replace(at..end + 1, &statement);
    }
    stored
}

/// The variable that a generated line stores.
pub fn stored_name(line: &str) -> Option<&str> {
    let stores = [PUT, PUT_NEW]
        .iter()
        .any(|start| line.trim_start().starts_with(start));
    stores.then(|| stringified_name(line)).flatten()
}

fn stringified_name(statement: &str) -> Option<&str> {
    let (_, after) = statement.rsplit_once("stringify!(")?;
    let (name, _) = after.split_once(')')?;
    Some(name.trim().trim_start_matches("r#"))
}

/// The names (and numbers) in a text.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .filter(|word| !word.is_empty())
}

/// The lines of a generated file, and which of them a user wrote.
struct Lines {
    lines: Vec<String>,
    users: HashSet<usize>,
}

impl Lines {
    fn new(generated: &str, map: &SourceMap) -> Lines {
        let users = map
            .pieces()
            .flat_map(|(_, range)| range)
            .map(|line| line - 1)
            .collect();
        Lines {
            lines: generated.lines().map(str::to_owned).collect(),
            users,
        }
    }

    fn len(&self) -> usize {
        self.lines.len()
    }

    fn text(&self, at: usize) -> &str {
        &self.lines[at]
    }

    fn is_generated(&self, at: usize) -> bool {
        !self.users.contains(&at)
    }

    fn generated(&self, at: usize) -> Option<&str> {
        self.is_generated(at).then(|| self.text(at))
    }

    fn first(&self, matches: impl Fn(&str) -> bool) -> Option<usize> {
        self.lines.iter().position(|line| matches(line))
    }

    fn last_generated(&self, matches: impl Fn(&str) -> bool) -> Option<usize> {
        (0..self.len())
            .rev()
            .find(|at| self.generated(*at).is_some_and(&matches))
    }

    fn generated_before(&self, before: usize, matches: impl Fn(&str) -> bool) -> Option<usize> {
        (0..before)
            .rev()
            .find(|at| self.generated(*at).is_some_and(&matches))
    }

    /// Puts `text` (one line) on the first line of a range and empties the others.
    fn replace(&mut self, range: std::ops::Range<usize>, text: &str) {
        for at in range.clone() {
            self.lines[at].clear();
        }
        if !range.is_empty() {
            self.lines[range.start].push_str(text);
        }
    }

    fn join(&self) -> String {
        let mut text = self.lines.join("\n");
        text.push('\n');
        text
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use evcxr::EvalContext;

    use super::super::cell_code::{CellCode, DebugFormat, prepare};
    use super::*;
    use crate::cell::CellSource;

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
