//! Functions below `//% cache_data` and `//% cache_resource` on their way through a cell.

use std::collections::BTreeMap;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use super::caching::{InMemory, OfFunctions};
use super::{Session, function_results, workshop};
use crate::analysis;
use crate::cell::CellSource;
use crate::functions::{self, CachedFunction, Codes, Exchange, Kind, Refused, Rewritten};
use crate::host::RunReport;
use crate::host::call::Manner;
use crate::interpreter::{CellError, Frontend, MimeBundle, Output, Stream};
use crate::magic::{CacheAction, Cleared, Directive, ParsedCell, Step};
use crate::report::{self, Place};

/// How long the end of a session waits for `on_release`.
const RELEASE: Duration = Duration::from_secs(5);

/// The Rust of one step, as the user wrote it and as the engine gets it.
#[derive(Debug, Clone)]
pub struct StepFunctions {
    pub original: String,
    pub functions: Vec<CachedFunction>,
}

/// Puts wrappers into all Rust of a cell. Answers what each step had, by the line it begins on.
///
/// # Errors
/// A function that cannot be cached; nothing of the cell should run.
pub fn wrap(
    session: &Session,
    parsed: &mut ParsedCell,
    source: &mut Arc<CellSource>,
) -> Result<Vec<(usize, StepFunctions)>, CellError> {
    let mut insertions = Vec::new();
    let mut steps = Vec::new();
    let directives: &[Directive] = &parsed.directives;
    for step in &mut parsed.steps {
        let Step::Rust { code, first_line } = step else {
            continue;
        };
        let Rewritten {
            text,
            insertions: added,
            functions,
        } = functions::rewrite(code, *first_line, directives, &session.functions())
            .map_err(|refused| error(&refused, source))?;
        insertions.extend(added);
        let original = std::mem::replace(code, text);
        steps.push((*first_line, StepFunctions { original, functions }));
    }
    if !insertions.is_empty() {
        *source = source.with_insertions(insertions);
    }
    Ok(steps)
}

fn error(refused: &Refused, source: &Arc<CellSource>) -> CellError {
    let place = Place {
        cell: Arc::clone(source),
        line: refused.line,
        column: refused.columns.start + 1,
        end_line: refused.line,
        end_column: refused.columns.end + 1,
    };
    let evalue = refused.to_string();
    let helps = [refused.help.clone(), "Nothing was run.".to_owned()];
    CellError {
        ename: "CannotCache".to_owned(),
        traceback: report::located(&evalue, &place, None, &helps),
        evalue,
    }
}

fn warn(frontend: &dyn Frontend, text: String) {
    frontend.output(Output::Text {
        stream: Stream::Stderr,
        text,
    });
}

/// Tells once of each deprecated directive.
pub fn warn_of_deprecated(session: &Session, directives: &[Directive], frontend: &dyn Frontend) {
    for directive in directives {
        let Some(replacement) = directive.replacement() else {
            continue;
        };
        let mut warned = session.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.insert(directive.name) {
            let text = format!(
                "warning: `//% {}` is deprecated; write `//% {replacement}`, which does the same.\n",
                directive.name
            );
            warn(frontend, text);
        }
    }
}

/// Before a step is compiled: the digests of all cached functions' codes, as they will be with it. Answers what to
/// remember if the step succeeds. `has_commands`: it may change the dependencies, which are known only after it; then no function
/// is cached in it.
pub fn prepare(session: &Session, step: &StepFunctions, has_commands: bool) -> Codes {
    let mut codes = session.functions().clone();
    codes.learn(&step.original, &step.functions);
    if has_commands {
        session.engine.set_compile_environment(Vec::new());
    } else {
        set_codes(session, &codes);
    }
    codes
}

/// A step has succeeded: its functions hold. Instances of functions that are no resources any more are released.
pub fn commit(session: &Session, codes: Codes) {
    let gone: Vec<String> = {
        let before = session.functions();
        let is_resource = |codes: &Codes, name: &str| {
            codes
                .function(name)
                .is_some_and(|function| function.kind == Kind::Resource)
        };
        let names = before.all().map(|function| &function.name);
        names
            .filter(|name| is_resource(&before, name) && !is_resource(&codes, name))
            .cloned()
            .collect()
    };
    *session.functions() = codes;
    if !gone.is_empty() && session.engine.has_run() {
        let gone: Vec<&str> = gone.iter().map(String::as_str).collect();
        function_results::call(session, "resource_release_names", &gone);
    }
}

/// Functions whose calls in this very cell are not cached, since it changes the dependencies.
pub fn warn_of_commands(step: &StepFunctions, frontend: &dyn Frontend) {
    let reading = analysis::read_cell(&step.original);
    for function in &step.functions {
        if reading.reads.contains_key(&function.name) {
            let text = format!(
                "warning: calls of `{}` in this cell are not cached: its `:dep` is built with it. Put that into a cell of its own.\n",
                function.name
            );
            warn(frontend, text);
        }
    }
}

/// The process of the cells is about to end, or to forget everything: instances are released, results stored, and a new one is
/// given them again.
pub fn end_process(session: &Session) {
    end(session);
    process_is_new(session);
}

/// The process of the cells is another one, which is given results again.
pub fn process_is_new(session: &Session) {
    exchange(session).process_is_new();
}

/// Tells of functions that cannot be cached whatever they are called with: those of a step, and those of which that is so
/// since the step defined anew what they reach.
pub fn warn_of_unkeyed(session: &Session, step: &StepFunctions, codes: &Codes, frontend: &dyn Frontend) {
    let unkeyed = codes.unkeyed();
    if unkeyed.is_empty() {
        return;
    }
    let before = session.functions().unkeyed();
    for (name, why) in unkeyed {
        let is_new = step.functions.iter().any(|function| function.name == name);
        if !is_new && before.iter().any(|(known, _)| *known == name) {
            continue;
        }
        let text = format!("warning: `{name}` is not cached: {why}.\n");
        warn(frontend, text);
    }
}

/// Cells that are compiled from now on get these functions' digests, the process what the store has for them.
pub fn set_codes(session: &Session, codes: &Codes) {
    if codes.is_empty() || !session.caching.is_on() {
        session.engine.set_compile_environment(Vec::new());
        return;
    }
    let digests = codes.digests(&session.caching.surroundings());
    let of_data = digests.iter().filter(|(name, _)| {
        codes
            .function(name)
            .is_some_and(|function| function.kind == Kind::Data)
    });
    exchange(session).give(
        &session.store,
        of_data.map(|(name, code)| (name.as_str(), code.as_str())),
    );
    let variables = digests
        .into_iter()
        .map(|(name, digest)| (CachedFunction::code_variable(&name), digest));
    session.engine.set_compile_environment(variables.collect());
}

/// `%cache`, for cells and functions.
///
/// # Errors
/// A name that nothing has.
pub fn cache_magic(session: &Session, action: &CacheAction) -> Result<MimeBundle, String> {
    take(session);
    if let CacheAction::Switch { on } = action {
        session.engine.use_artifacts(*on);
    }
    let functions: Vec<CachedFunction> = session.functions().all().cloned().collect();
    let of_functions = OfFunctions {
        in_memory: results_in_memory(session, &functions),
        known: match action {
            CacheAction::Explain { .. } => function_results::known(session),
            _ => Vec::new(),
        },
    };
    let CacheAction::Clear(what) = action else {
        return session.caching.magic(action, 0, &of_functions);
    };
    let named = |kind: Kind| -> Vec<&str> {
        let wanted = |function: &&CachedFunction| {
            function.kind == kind
                && match what {
                    Cleared::Named(name) => function.label == *name,
                    _ => true,
                }
        };
        functions
            .iter()
            .filter(wanted)
            .map(|function| &*function.name)
            .collect()
    };
    let call = |function: &str, names: &[&str]| function_results::call(session, function, names);
    let (resources, data) = (named(Kind::Resource), named(Kind::Data));
    let released = match what {
        Cleared::Data => None,
        _ if resources.is_empty() => None,
        _ => call("resource_release_names", &resources),
    };
    let shown = session
        .caching
        .magic(action, released.unwrap_or(0), &of_functions)?;
    match what {
        Cleared::Resources => {}
        _ if data.is_empty() => {}
        Cleared::Named(_) => drop(call("memo_clear", &data)),
        Cleared::All | Cleared::Data => drop(call("memo_clear", &[])),
    }
    take(session);
    exchange(session).withdraw();
    Ok(shown)
}

/// The process has forgotten results: what it was given and has not read is given anew, as far as the store still has it.
pub fn forget_given(session: &Session) {
    take(session);
    let mut exchange = exchange(session);
    exchange.withdraw();
    exchange.process_is_new();
}

/// The results of functions with `persist = "memory"`, which only the process of the cells has.
fn results_in_memory(session: &Session, functions: &[CachedFunction]) -> Vec<InMemory> {
    if !functions.iter().any(|function| function.kind == Kind::Data) {
        return Vec::new();
    }
    let answer = session.engine.call_runtime("memo_list", &[], Manner::Plain);
    let answer = answer
        .inspect_err(|why| tracing::warn!("memo_list: {why}"))
        .unwrap_or_default();
    let mut found: Vec<InMemory> = Vec::new();
    for row in workshop::texts(&answer).chunks(4) {
        let [name, _code, entries, bytes] = row else {
            continue;
        };
        let function = functions.iter().find(|function| function.name == *name);
        let name = function.map_or(name, |function| &function.label);
        let (entries, bytes) = (entries.parse().unwrap_or(0), bytes.parse().unwrap_or(0));
        match found.iter_mut().find(|earlier| earlier.name == *name) {
            Some(earlier) => {
                earlier.entries += entries;
                earlier.bytes += bytes;
            }
            None => found.push(InMemory {
                name: name.clone(),
                entries,
                bytes,
            }),
        }
    }
    found.retain(|results| results.entries > 0);
    found
}

/// What the process has computed goes to the store now.
fn take(session: &Session) {
    let labels = session.functions().labels();
    exchange(session).take(&session.store, &session.scope, &labels);
}

fn exchange(session: &Session) -> MutexGuard<'_, Exchange> {
    session.exchange.lock().unwrap_or_else(PoisonError::into_inner)
}

/// After a step was run: what it computed goes to the store, behind the caller's back.
/// `labels` gives the names by which the store calls functions, those of the step included.
pub fn after_run(session: &Session, run: &RunReport, labels: &BTreeMap<String, String>) {
    if run.death.is_some() && !run.restored {
        process_is_new(session);
    }
    let take_all = || exchange(session).take(&session.store, &session.scope, labels);
    if exchange(session).takes_clear() {
        take_all();
        let freed = session.caching.clear_data();
        tracing::debug!(entries = freed.entries, "a cell cleared all data");
        exchange(session).withdraw();
        return;
    }
    if !exchange(session).has_news() {
        return;
    }
    let labels = labels.clone();
    let (store, exchange) = (session.store.clone(), Arc::clone(&session.exchange));
    let scope = session.scope.clone();
    let work = move || {
        let mut exchange = exchange.lock().unwrap_or_else(PoisonError::into_inner);
        exchange.take(&store, &scope, &labels);
    };
    // Where there is no thread, the end of the session does it.
    if let Err(error) = std::thread::Builder::new().name("functions".into()).spawn(work) {
        tracing::warn!("results of functions are stored later: {error}");
    }
}

/// The session ends: instances are released, results stored.
pub fn end(session: &Session) {
    if session.functions().had_resources() || session.caching.has_instances() {
        session.engine.release_instances(RELEASE);
    }
    take(session);
}
