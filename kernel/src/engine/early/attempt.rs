//! Compiling the crate of a cell, and what rustc's errors mean.

use std::path::PathBuf;
use std::sync::Arc;

use cellar_cache::Hasher;
use serde_json::Value;

use super::built::Built;
use super::{Outcome, Workshop};
use crate::engine::build_server::BuildServer;
use crate::engine::cell_code::CellCode;
use crate::engine::cell_crate::generate::{self, Context};
use crate::engine::cell_crate::minimal::Minimal;
use crate::engine::cell_crate::rewrite::{self, Failure, Needs, Rewritten};
use crate::engine::knowledge::Variable;
use crate::engine::knowledge::items::Items;
use crate::engine::rustc::diagnostics::{self, PLACE, Places};
use crate::engine::rustc::{self, Compiled, Emit};

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
        Attempt::Failed(failed) if !minimal.left_out.is_empty() => {
            let all = Minimal::everything(&parts.items, &parts.variables);
            let with_all = Workshop {
                environment: with_all_items(builds, &workshop.environment, &parts.items),
                ..workshop.clone()
            };
            match attempt_with(builds, &with_all, code, parts, &all)? {
                Attempt::Over(Outcome::Built(built)) => Ok(Outcome::Built(Box::new(Built {
                    unnamed: Some(failed.first_words()),
                    // Whoever compares it with evcxr's knows nothing of the other.
                    environment: workshop.environment.clone(),
                    ..*built
                }))),
                Attempt::Over(outcome) => Ok(outcome),
                Attempt::Failed(failed) => failed.verdict(builds, code, parts),
            }
        }
        Attempt::Failed(failed) => failed.verdict(builds, code, parts),
    }
}

/// The compiler's environment for a cell that uses what it does not name. Cached functions in it may do so, too: the variables that the session
/// has set are the digests of their codes, which stand for what they reach, and here all items count.
fn with_all_items(
    builds: &BuildServer,
    environment: &[(String, String)],
    items: &Items,
) -> Vec<(String, String)> {
    let mut codes: Vec<&str> = items.iter().map(|item| item.code.as_str()).collect();
    codes.sort_unstable();
    let salted = |digest: &str| {
        let mut hasher = Hasher::new("the code of a function and all items");
        hasher.text("code", digest);
        for code in &codes {
            hasher.text("item", code);
        }
        hasher.finish().to_string()
    };
    let variable = |(name, value): &(String, String)| match builds.has_set(name) {
        true => (name.clone(), salted(value)),
        false => (name.clone(), value.clone()),
    };
    environment.iter().map(variable).collect()
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
                unnamed: None,
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
        items: parts.items.clone(),
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
    /// What rustc said first.
    fn first_words(&self) -> String {
        let errors = errors(&self.compiled.messages);
        let first = errors.first().and_then(|error| error["message"].as_str());
        first.unwrap_or("the compiler did not say what").to_owned()
    }

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
