//! Compiling a cell while evcxr still analyses it.
//!
//! rust-analyzer needs as long to find the types of new variables as rustc needs to compile the cell, and rustc needs
//! no help with it. So a thread compiles the crate that evcxr is going to ask for ([`generate`](super::generate)). When
//! evcxr asks, the two crates are compared. They must be the same line by line but for order, and what
//! rustc took for the type of each new variable, which the library's symbols tell, must be what rust-analyzer found.
//! Otherwise the library is thrown away and evcxr's crate is compiled as if nothing had been.
//!
//! Nothing is run here: a cell that evcxr refuses never starts. Where rustc finds the cell wrong, its messages are the
//! answer, and nobody waits for the analysis.
//!
//! The identity of a new variable's type ([`definitions`](super::definitions)) depends on the text of the type,
//! which is not there before the analysis is. The library has a place for it, filled in when it is known.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::Variable;
use super::build_server::BuildServer;
use super::cell_code::{Binding, CellCode};
use super::dep_info::Inputs;
use super::diagnostics::{self, PLACE, Places};
use super::generate::{self, Context};
use super::items::{ItemKind, Items};
use super::minimal::{LeftOut, Minimal};
use super::rewrite::{self, Failure, Needs, Rewritten};
use super::rustc::{self, Compiled, Emit, Plan};
use super::type_names::Symbol;
use super::written_type::written_type;

/// How cells are compiled at the moment, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workshop {
    pub plan: Plan,
    /// Sorted.
    pub environment: Vec<(String, String)>,
    pub folder: PathBuf,
}

/// What came of an attempt.
#[derive(Debug)]
pub enum Outcome {
    /// There is a library.
    Built(Box<Built>),
    /// The cell is wrong, and evcxr would find it so: rustc's errors, with places in cells.
    Wrong(Vec<Value>),
    /// rustc was stopped.
    Stopped,
    /// There are errors, none of which evcxr would take for a hint; but some are at code that it has made, and it has
    /// words of its own for those. It need not compile the cell to find that out, only for the messages.
    Fails,
    /// Nothing that is of use; the cell goes evcxr's way.
    Nothing,
    /// The cell has run without evcxr, which may keep what it defines.
    Ran(Ran),
    /// The cell is over, and nothing of it is evcxr's.
    Over,
}

/// What evcxr has to know of a cell that has run without it.
#[derive(Debug, Clone)]
pub struct Ran {
    /// Variables that the cell has not stored, since it moves them.
    pub moved: Vec<String>,
    /// See [`Knowledge::adopt`](super::knowledge::Knowledge::adopt).
    pub adoption: usize,
}

/// A library that may be what evcxr asks for.
#[derive(Debug)]
pub struct Built {
    pub library: PathBuf,
    pub rewritten: Rewritten,
    /// Variables that the cell moves, so that it cannot store them.
    pub moved: Vec<String>,
    /// What of the session is not in it.
    pub left_out: LeftOut,
    /// It has nothing of the session but what the cell reaches.
    pub is_minimal: bool,
    pub inputs: Inputs,
    pub compiles: usize,
    /// Those of the session, the cell's own among them.
    pub items: Items,
    bindings: Vec<Binding>,
    plan: Plan,
    environment: Vec<(String, String)>,
}

/// An attempt that goes on, or is over.
#[derive(Debug, Default)]
pub struct Early {
    state: Mutex<State>,
    over: Condvar,
}

#[derive(Debug, Default)]
struct State {
    outcome: Option<Outcome>,
    /// What was compiled is run without evcxr.
    is_claimed: bool,
    /// evcxr has the cell in hand.
    is_analysed: bool,
}

impl Early {
    /// Says what came of it.
    pub fn finish(&self, outcome: Outcome) {
        self.finish_with(outcome, || {});
    }

    /// The same; `before` is called if evcxr has the cell in hand, before it hears of the outcome.
    pub fn finish_with(&self, outcome: Outcome, before: impl FnOnce()) {
        let mut state = self.lock();
        if state.is_analysed {
            before();
        }
        state.outcome = Some(outcome);
        self.over.notify_all();
    }

    pub fn is_over(&self) -> bool {
        self.lock().outcome.is_some()
    }

    /// Says that what was compiled is going to be run without evcxr.
    pub fn claim(&self) {
        self.lock().is_claimed = true;
    }

    /// evcxr takes the cell in hand, after `begin`; `false` if it has nothing to do with it any more. While the cell runs
    /// without evcxr, its end is waited for.
    pub fn begin_analysis(&self, begin: impl FnOnce()) -> bool {
        let mut state = self.lock();
        while state.is_claimed && state.outcome.is_none() {
            state = self.over.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.is_elsewhere() {
            return false;
        }
        begin();
        state.is_analysed = true;
        true
    }

    /// evcxr is done with the cell; waits for the outcome. `false`: it went its way without evcxr.
    pub fn end_analysis(&self) -> bool {
        let mut state = self.wait();
        state.is_analysed = false;
        !state.is_elsewhere()
    }

    /// Set if the cell has run well without evcxr.
    pub fn ran(&self) -> Option<Ran> {
        match &self.lock().outcome {
            Some(Outcome::Ran(ran)) => Some(ran.clone()),
            _ => None,
        }
    }

    /// Waits for the outcome and takes it. A library is only handed out once; a verdict stays.
    pub fn take(&self) -> Outcome {
        match self.wait().outcome.as_mut() {
            Some(Outcome::Wrong(_)) => Outcome::Wrong(Vec::new()),
            Some(Outcome::Stopped) => Outcome::Stopped,
            Some(Outcome::Ran(ran)) => Outcome::Ran(ran.clone()),
            Some(Outcome::Over) => Outcome::Over,
            Some(other) => std::mem::replace(other, Outcome::Nothing),
            None => Outcome::Nothing,
        }
    }

    /// What evcxr's crate is to do without, so that it can be what was compiled.
    pub fn left_out(&self) -> LeftOut {
        match &self.lock().outcome {
            Some(Outcome::Built(built)) => built.left_out.clone(),
            _ => LeftOut::default(),
        }
    }

    /// What the cell must have behind it, so that evcxr need not find out the types of new variables; `None` if they are not known,
    /// or cannot be written.
    pub fn annotations(&self) -> Option<String> {
        match &self.lock().outcome {
            Some(Outcome::Built(built)) => built.annotations(),
            _ => None,
        }
    }

    /// Gives back what was taken but is still to be asked for.
    pub fn put_back(&self, outcome: Outcome) {
        self.lock().outcome = Some(outcome);
    }

    fn wait(&self) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        while state.outcome.is_none() {
            state = self.over.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether evcxr has nothing to do with the cell any more.
    fn is_elsewhere(&self) -> bool {
        use Outcome::{Over, Ran, Stopped, Wrong};
        matches!(self.outcome, Some(Ran(_) | Over | Wrong(_) | Stopped))
    }
}

/// Whether a cell is worth an attempt: nothing in it changes how cells are compiled.
pub fn is_possible(code: &CellCode) -> bool {
    let something = !(code.statements.is_empty() && code.items.is_empty());
    something && names_no_package(code) && code.suspicious.is_none()
}

/// Whether a cell leaves evcxr's package as it is: its dependencies, its options.
pub fn keeps_package(code: &CellCode) -> bool {
    names_no_package(code) && !code.awaits
}

fn names_no_package(code: &CellCode) -> bool {
    let mut kinds = code.items.iter().map(|item| &item.kind);
    code.commands.trim().is_empty() && !kinds.any(|kind| *kind == ItemKind::ExternCrate)
}

/// Errors that evcxr takes for a hint, or which may be due to types that were left open.
const EVCXRS: [&str; 5] = ["E0728", "E0658", "E0282", "E0283", "E0284"];
/// Errors of the borrow checker. What it finds in one crate it finds in the other.
const BORROWS: [&str; 15] = [
    "E0373", "E0381", "E0384", "E0499", "E0502", "E0503", "E0505", "E0506", "E0507", "E0515", "E0521",
    "E0594", "E0596", "E0597", "E0716",
];
const MOVED: &str = "E0382";
const UNKNOWN_NAME: &str = "E0425";
/// How often a cell is compiled again since it moves a variable.
const ATTEMPTS: usize = 3;

/// What a session has when a cell is compiled, the cell's own items included.
#[derive(Debug, Clone, Default)]
pub struct SessionParts {
    pub items: Items,
    pub variables: Vec<Variable>,
}

/// Compiles the cell's crate: with what it reaches of the session, and where that does not compile with all of it,
/// since rustc names what else there is.
pub fn attempt(
    builds: &BuildServer,
    workshop: &Workshop,
    code: &CellCode,
    parts: &SessionParts,
) -> std::io::Result<Outcome> {
    let minimal = Minimal::of(code, &parts.items, &parts.variables);
    match attempt_with(builds, workshop, code, parts, &minimal)? {
        Attempt::Over(outcome) => Ok(outcome),
        Attempt::Failed(_) if !minimal.left_out.is_empty() => {
            let all = Minimal::everything(&parts.items, &parts.variables);
            match attempt_with(builds, workshop, code, parts, &all)? {
                Attempt::Over(outcome) => Ok(outcome),
                Attempt::Failed(failed) => failed.verdict(builds, code, parts),
            }
        }
        Attempt::Failed(failed) => failed.verdict(builds, code, parts),
    }
}

enum Attempt {
    Over(Outcome),
    Failed(Box<FailedAttempt>),
}

/// The cell does not compile.
struct FailedAttempt {
    workshop: Workshop,
    compiled: Compiled,
    rewritten: Rewritten,
}

fn attempt_with(
    builds: &BuildServer,
    workshop: &Workshop,
    code: &CellCode,
    parts: &SessionParts,
    minimal: &Minimal,
) -> std::io::Result<Attempt> {
    let mut moved: Vec<String> = Vec::new();
    let context = Context {
        items: &minimal.items,
        variables: &minimal.variables,
    };
    for attempt in 1..=ATTEMPTS {
        let text = generate::crate_text(code, &context, &moved, true);
        let needs = needs(code, workshop, parts, None);
        let rewritten = rewrite::for_running(&text, &builds.marks(), needs);
        let Some(plan) = builds.plan_at_once(&workshop.plan, &rewritten.text) else {
            return Ok(Attempt::Over(Outcome::Nothing));
        };
        let workshop = &Workshop {
            plan,
            ..workshop.clone()
        };
        let compiled = compile(builds, workshop, &rewritten, Emit::Library)?;
        if compiled.stopped {
            return Ok(Attempt::Over(Outcome::Stopped));
        }
        if compiled.success {
            return Ok(Attempt::Over(Outcome::Built(Box::new(Built {
                library: library(workshop),
                rewritten,
                moved,
                left_out: minimal.left_out.clone(),
                is_minimal: minimal.is_least,
                inputs: compiled.inputs,
                compiles: attempt,
                items: parts.items.clone(),
                bindings: code.bindings.clone(),
                plan: workshop.plan.clone(),
                environment: workshop.environment.clone(),
            }))));
        }
        match moved_variables(&compiled.messages, &rewritten) {
            Some(names) => moved.extend(names),
            None => {
                return Ok(Attempt::Failed(Box::new(FailedAttempt {
                    workshop: workshop.clone(),
                    compiled,
                    rewritten,
                })));
            }
        }
    }
    Ok(Attempt::Over(Outcome::Nothing))
}

fn needs(code: &CellCode, workshop: &Workshop, parts: &SessionParts, failure: Option<Failure>) -> Needs {
    Needs {
        question_mark: code.question_mark,
        error_format: code.error_format,
        only_bound: Arc::clone(&code.only_bound),
        failure,
        crates: Arc::clone(&workshop.plan.identities),
        items: Some(parts.items.clone()),
        ..Needs::default()
    }
}

fn library(workshop: &Workshop) -> PathBuf {
    workshop.folder.join("libctx.so")
}

fn compile(
    builds: &BuildServer,
    workshop: &Workshop,
    rewritten: &Rewritten,
    emit: Emit,
) -> std::io::Result<Compiled> {
    std::fs::create_dir_all(workshop.folder.join("src"))?;
    std::fs::write(workshop.folder.join("src/lib.rs"), &rewritten.text)?;
    // The linker would write into the file that another name may still be kept under.
    match std::fs::remove_file(library(workshop)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let (plan, environment) = (&workshop.plan, &workshop.environment);
    rustc::compile(
        plan,
        environment,
        &workshop.folder,
        &library(workshop),
        emit,
        builds.running(),
    )
}

/// rustc's errors, without its last words, how many there were.
fn errors(messages: &str) -> Vec<Value> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["level"] == "error")
        .filter(|message| message["spans"].as_array().is_some_and(|spans| !spans.is_empty()))
        .collect()
}

fn primary(error: &Value) -> Option<&Value> {
    error["spans"]
        .as_array()?
        .iter()
        .find(|span| span["is_primary"] == true)
}

/// The variables that cannot be stored because the cell moves them, if that is all that is wrong.
fn moved_variables(messages: &str, rewritten: &Rewritten) -> Option<Vec<String>> {
    let lines: Vec<&str> = rewritten.text.lines().collect();
    let name = |error: &Value| {
        let line = usize::try_from(primary(error)?["line_start"].as_u64()?).ok()?;
        let stored = rewrite::stored_name(lines.get(line.checked_sub(1)?)?)?;
        (error["code"]["code"] == MOVED).then(|| stored.to_owned())
    };
    let names: Option<Vec<String>> = errors(messages).iter().map(name).collect();
    names.filter(|names| !names.is_empty())
}

impl FailedAttempt {
    /// What to say of a cell that does not compile. Where the closure that catches panics may have a part in it,
    /// it is compiled once more without, as evcxr does.
    fn verdict(
        &self,
        builds: &BuildServer,
        code: &CellCode,
        parts: &SessionParts,
    ) -> std::io::Result<Outcome> {
        let FailedAttempt {
            workshop,
            compiled,
            rewritten,
        } = self;
        let has_code = |error: &Value, codes: &[&str]| {
            let code = error["code"]["code"].as_str();
            code.is_some_and(|code| codes.contains(&code))
        };
        let placed = |compiled: &Compiled, rewritten: &Rewritten| {
            let places = Places {
                map: &rewritten.map,
                marks: &builds.marks(),
            };
            errors(&diagnostics::with_places(&compiled.messages, &places))
        };
        let is_placed = |error: &Value| primary(error).is_some_and(|span| !span[PLACE].is_null());
        let first = placed(compiled, rewritten);
        if !first.is_empty() && !first.iter().all(is_placed) && first.iter().all(|it| has_code(it, &BORROWS))
        {
            return Ok(Outcome::Fails);
        }
        if first.is_empty() || !first.iter().all(is_placed) || first.iter().any(|it| has_code(it, &EVCXRS)) {
            return Ok(Outcome::Nothing);
        }
        if diagnostics::is_independent_of_closures(&compiled.messages) {
            return Ok(Outcome::Wrong(first));
        }
        let failure = if first.iter().any(|it| has_code(it, &[UNKNOWN_NAME])) {
            Failure::UnknownName
        } else {
            Failure::Other
        };
        let all = Minimal::everything(&parts.items, &parts.variables);
        let context = Context {
            items: &all.items,
            variables: &all.variables,
        };
        let text = generate::crate_text(code, &context, &[], false);
        let needs = needs(code, workshop, parts, Some(failure));
        let rewritten = rewrite::for_running(&text, &builds.marks(), needs);
        let again = compile(builds, workshop, &rewritten, Emit::Nothing)?;
        if again.stopped {
            return Ok(Outcome::Stopped);
        }
        // A variable that was moved cannot be stored again: a consequence, not the cause.
        let mut second = placed(&again, &rewritten);
        second.retain(is_placed);
        if second.is_empty() || second.iter().any(|it| has_code(it, &EVCXRS)) {
            return Ok(Outcome::Nothing);
        }
        Ok(Outcome::Wrong(second))
    }
}

impl Built {
    /// The variables that it defines, with the types that they have in evcxr's crate.
    pub fn defined(&self, theirs: &Rewritten) -> Vec<Variable> {
        let variable = |binding: &Binding| {
            let stored = theirs.stored.iter().find(|stored| stored.name == binding.name)?;
            Some(Variable {
                name: binding.name.clone(),
                type_text: stored.type_text.clone(),
                mutable: binding.mutable,
            })
        };
        // Of two of one name the later counts, as in the cell.
        let mut defined: Vec<Variable> = Vec::new();
        for variable in self.bindings.iter().filter_map(variable) {
            defined.retain(|older| older.name != variable.name);
            defined.push(variable);
        }
        defined.retain(|variable| !self.moved.contains(&variable.name));
        defined
    }

    /// Whether it binds a variable of this name.
    pub fn binds(&self, name: &str) -> bool {
        self.bindings.iter().any(|binding| binding.name == name)
    }

    /// See [`Early::annotations`].
    pub fn annotations(&self) -> Option<String> {
        let bytes = std::fs::read(&self.library).ok()?;
        let types = types_of_new_variables(&bytes);
        let open = self.bindings.iter().enumerate();
        let open =
            open.filter(|(_, binding)| binding.type_text.is_none() && !self.moved.contains(&binding.name));
        open.map(|(index, binding)| {
            let type_text = written_type(&types.get(&index)?.plain)?;
            let mutable = if binding.mutable { "mut " } else { "" };
            let name = &binding.name;
            Some(format!("let {mutable}{name}: {type_text} = {name};\n"))
        })
        .collect()
    }

    /// Makes the library one that can be run without evcxr: `write` gives the text of a type that a symbol names,
    /// `identity` that of its definitions. Gives the variables that the library defines; `None` if a type cannot be written.
    pub fn finish(
        &self,
        write: impl Fn(&Symbol) -> Option<String>,
        identity: impl Fn(&str) -> u128,
    ) -> Option<Vec<Variable>> {
        let mut defined: Vec<Variable> = Vec::new();
        if self.bindings.is_empty() {
            return Some(defined);
        }
        let mut bytes = std::fs::read(&self.library).ok()?;
        let types = types_of_new_variables(&bytes);
        for (index, binding) in self.bindings.iter().enumerate() {
            if self.moved.contains(&binding.name) {
                continue;
            }
            let Some(place) = place_of_identity(&bytes, index).ok()? else {
                // The cell never comes to its end.
                continue;
            };
            let type_text = match &binding.type_text {
                Some(written) => written.clone(),
                None => write(types.get(&index)?)?,
            };
            bytes[place].copy_from_slice(&identity(&type_text).to_ne_bytes());
            defined.retain(|older| older.name != binding.name);
            defined.push(Variable {
                name: binding.name.clone(),
                type_text,
                mutable: binding.mutable,
            });
        }
        std::fs::write(&self.library, bytes).ok()?;
        Some(defined)
    }

    /// Makes the library what evcxr's crate, `theirs`, would have become. An error says why it cannot be.
    ///
    /// # Errors
    /// The difference between the two, in words for the log.
    pub fn fit(
        &self,
        theirs: &Rewritten,
        plan: &Plan,
        environment: &[(String, String)],
    ) -> Result<Vec<(Symbol, String)>, String> {
        if self.plan != *plan || self.environment != environment {
            return Err("cells are compiled in another way by now".to_owned());
        }
        let (ours, lines) = (self.lines(&self.rewritten), self.lines(theirs));
        if ours != lines {
            let difference = |one: &[&str], other: &[&str]| {
                one.iter()
                    .find(|line| other.binary_search(line).is_err())
                    .map(|line| (*line).to_owned())
            };
            let (ours, theirs) = (difference(&ours, &lines), difference(&lines, &ours));
            return Err(format!("here {ours:?}, there {theirs:?}"));
        }
        if self.bindings.is_empty() {
            return Ok(Vec::new());
        }
        let mut named = Vec::new();
        let mut bytes = std::fs::read(&self.library).map_err(|error| error.to_string())?;
        let types = types_of_new_variables(&bytes);
        for (index, binding) in self.bindings.iter().enumerate() {
            let name = &binding.name;
            if self.moved.contains(name) {
                continue;
            }
            let stored = theirs.stored.iter().find(|stored| stored.name == *name);
            let stored = stored.ok_or_else(|| format!("`{name}` is not stored"))?;
            let Some(place) = place_of_identity(&bytes, index)? else {
                // The compiler has found that the cell never comes to its end.
                continue;
            };
            let same = match (&binding.type_text, types.get(&index)) {
                (Some(written), _) => *written == stored.type_text,
                (None, Some(found)) => plain_type(&found.plain) == plain_type(&stored.type_text),
                (None, None) => false,
            };
            if !same {
                let found = types.get(&index).map(|found| &found.plain);
                return Err(format!("`{name}` is {found:?}, not {}", stored.type_text));
            }
            bytes[place].copy_from_slice(&stored.identity.to_ne_bytes());
            let symbol = types.get(&index).cloned();
            named.extend(symbol.map(|symbol| (symbol, stored.type_text.clone())));
        }
        std::fs::write(&self.library, bytes).map_err(|error| error.to_string())?;
        Ok(named)
    }

    /// What must be alike in both crates: all lines but those that store new variables, in any order, each import
    /// once, and without what evcxr puts around each cell: it depends on what other cells have needed.
    fn lines<'a>(&self, rewritten: &'a Rewritten) -> Vec<&'a str> {
        let is_new = |line: &str| {
            let name = rewrite::stored_name(line);
            name.is_some_and(|name| self.bindings.iter().any(|binding| binding.name == name))
        };
        let lines = rewritten.text.lines().map(str::trim).map(rewrite::without_places);
        let mut lines: Vec<&str> = lines
            .filter(|line| !line.is_empty() && !rewrite::is_frame(line) && !is_new(line))
            .collect();
        lines.sort_unstable();
        lines.dedup_by(|a, b| a == b && a.starts_with("use "));
        lines
    }
}

/// Where in a library the identity of a new variable's type is to be, if it is stored at all.
///
/// # Errors
/// When there is more than one such place.
fn place_of_identity(library: &[u8], index: usize) -> Result<Option<std::ops::Range<usize>>, String> {
    let placeholder = generate::placeholder(index);
    let mut places = library
        .windows(placeholder.len())
        .enumerate()
        .filter(|(_, window)| *window == placeholder)
        .map(|(at, _)| at..at + placeholder.len());
    match (places.next(), places.next()) {
        (place, None) => Ok(place),
        (_, Some(_)) => Err("there are two places for one identity".to_owned()),
    }
}

/// The types of new variables, from the names of the functions that store them: rustc makes one for each type,
/// and writes the type into its symbol (<https://doc.rust-lang.org/rustc/symbol-mangling/v0.html>).
fn types_of_new_variables(library: &[u8]) -> HashMap<usize, Symbol> {
    const FUNCTION: &str = "::evcxr_internal_runtime::VariableStore>::put_new::<";
    let arguments = |demangled: &str| {
        let (_, arguments) = demangled.split_once(FUNCTION)?;
        let (type_text, index) = arguments.strip_suffix('>')?.rsplit_once(", ")?;
        Some((type_text.to_owned(), index.to_owned()))
    };
    library
        .split(|byte| *byte == 0)
        .filter(|name| name.starts_with(b"_R"))
        .filter_map(|name| std::str::from_utf8(name).ok())
        .filter(|name| {
            name.split_once("7put_new")
                .is_some_and(|(_, rest)| !names_functions(rest))
        })
        .filter_map(|name| {
            let demangled = rustc_demangle::try_demangle(name).ok()?;
            let (plain, index) = arguments(&format!("{demangled:#}"))?;
            let (full, _) = arguments(&demangled.to_string())?;
            Some((index.parse().ok()?, Symbol { plain, full }))
        })
        .collect()
}

/// Whether a part of a symbol may name a function or a constructor: each has a type of its own, which no cell can write, and which reads like that of
/// an item once it is demangled.
fn names_functions(mangled: &str) -> bool {
    // The hash of a crate may have such letters too: `Cs`, ten or eleven of them, `_`.
    let hash = |rest: &str| rest.find('_').filter(|length| (10..=11).contains(length));
    let mut parts = mangled.split("Cs");
    let first = parts.next().into_iter();
    let others = parts.map(|rest| hash(rest).map_or(rest, |length| &rest[length..]));
    first
        .chain(others)
        .any(|part| part.contains("Nv") || part.contains("Nc"))
}

/// A type without the paths to its names and without lifetimes, of which symbols know nothing.
fn plain_type(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_name = |c: char| c.is_alphanumeric() || c == '_';
        if first == '\'' {
            let end = rest[1..].find(|c| !is_name(c)).map_or(rest.len(), |end| end + 1);
            rest = &rest[end..];
        } else if is_name(first) {
            let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            match after.strip_prefix("::") {
                Some(after) if !after.starts_with('<') => rest = after,
                _ => {
                    plain.push_str(name);
                    plain.push(' ');
                    rest = after;
                }
            }
        } else {
            if !first.is_whitespace() {
                plain.push(first);
            }
            rest = &rest[first.len_utf8()..];
        }
    }
    plain
}

/// The library under another name: evcxr moves it away, and the next attempt overwrites it.
pub fn kept(built: &Built) -> Option<PathBuf> {
    // Nobody else may have this name: the file is moved into the store later, under the key of this cell.
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let number = COUNT.fetch_add(1, Ordering::SeqCst);
    let path = built.library.with_file_name(format!("kept-{number}.so"));
    std::fs::hard_link(&built.library, &path).ok()?;
    Some(path)
}

/// Where attempts are made, beside evcxr's own builds.
pub fn folder(builds: &Path) -> PathBuf {
    builds.join("early")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_compared_without_paths_and_lifetimes() {
        let same = |ours: &str, theirs: &str| plain_type(ours) == plain_type(theirs);
        assert!(same(
            "std::collections::hash::map::HashMap<i32, &str>",
            "std::collections::HashMap<i32, &'static str>"
        ));
        assert!(same("alloc::boxed::Box<dyn ctx::Shape>", "Box<dyn Shape>"));
        assert!(same("&mut [u8; 4]", "&'static mut [u8;4]"));
        assert!(!same("alloc::vec::Vec<i32>", "Vec<u8>"));
        assert!(!same("(u8, u8)", "(u8,)"));
        assert!(!same("ctx::__cellar_cell::{closure#0}", "impl Fn(i32) -> i32"));
    }

    #[test]
    fn functions_and_constructors_have_no_type_that_can_be_written() {
        for symbol in [
            "INtNtCsgEmfK2I1SDS_4core6option6OptionNvB3_1fEKj3_EB3_",
            "NcNtB3_1P0Kj1_EB3_",
            "NvB3_1fKj0_EB3_",
        ] {
            assert!(names_functions(symbol), "{symbol}");
        }
        for symbol in [
            "INtNtCslNcArt3iNvV_5alloc3vec3VecNtB3_1PEKj4_EB3_",
            "NtB3_1PKj2_EB3_",
            "jKj0_EB3_",
        ] {
            assert!(!names_functions(symbol), "{symbol}");
        }
    }

    #[test]
    fn an_identity_has_one_place() {
        let library = [&b"before"[..], &generate::placeholder(1), b"after"].concat();
        assert_eq!(place_of_identity(&library, 0), Ok(None));
        assert_eq!(place_of_identity(&library, 1), Ok(Some(6..22)));
        let twice = [generate::placeholder(2), generate::placeholder(2)].concat();
        assert!(place_of_identity(&twice, 2).is_err());
    }
}
