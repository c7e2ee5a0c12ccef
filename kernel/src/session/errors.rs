//! From what the engine and the host noticed to the error that a person reads.

use std::sync::Arc;

use serde_json::Value;

use super::Session;
use crate::engine::cell_crate::source_map::SourceMap;
use crate::engine::{EngineError, Evaluation};
use crate::interpreter::CellError;
use crate::report::{self, Diagnostic, Place, Span, Variables};

/// The error of an evaluation, or `None` if it went well. `stderr` is the end of what it wrote there.
pub fn of(session: &Session, evaluation: &Evaluation, stderr: &str) -> Option<CellError> {
    let run = &evaluation.run;
    let variables = Variables::new(run.unprotected);
    if run.interrupted {
        return Some(report::interrupted(variables));
    }
    if let Some(panic) = &run.panic {
        let place = place(&evaluation.build.map, panic.line, panic.column);
        let mut error = report::panic(panic, place.as_ref());
        if let Some(death) = run.death {
            // It could not unwind, and aborted: the panic says why, the death what became of the variables.
            error
                .traceback
                .extend(report::death(death, stderr, variables).traceback);
        }
        return Some(error);
    }
    if let Some(death) = run.death {
        return Some(report::death(death, stderr, variables));
    }
    if let Some(error) = &run.returned_error {
        return Some(report::returned_error(
            error,
            place(&evaluation.build.map, error.line, error.column).as_ref(),
        ));
    }
    if let Some(said) = &run.load_error {
        return Some(plain(
            "LoadError",
            "the compiled cell could not be loaded",
            &[said],
        ));
    }
    evaluation
        .error
        .as_ref()
        .map(|error| of_engine(session, error, variables))
}

/// The error of the engine where no cell has run.
pub fn of_engine_alone(session: &Session, error: &EngineError) -> CellError {
    of_engine(session, error, Variables::Kept)
}

fn of_engine(session: &Session, error: &EngineError, variables: Variables) -> CellError {
    match error {
        // What it waited for was given up.
        EngineError::Refused(_) if session.is_interrupted() => report::interrupted(Variables::Kept),
        EngineError::Compile(messages) => compile(session, messages),
        EngineError::Refused(words) if is_about_dependencies(words) => {
            plain("DependencyError", "the dependency cannot be had", &[words])
        }
        EngineError::Refused(words) => report::engine_message(words),
        EngineError::Interrupted => report::interrupted(Variables::Kept),
        EngineError::Dependencies(said) => plain(
            "DependencyError",
            "the dependencies of this notebook could not be built",
            &[
                said,
                "Mend or remove the `:dep` line; nothing of this cell was kept.",
            ],
        ),
        EngineError::HostDied(said) => {
            let said = said.replace("Subprocess", "The process that runs cells");
            let mut error = plain(
                "HostDied",
                "the process that runs cells ended; all variables are lost",
                &[&said],
            );
            if let Variables::Lost(_) = variables {
                error = report::death(crate::host::Death::Signal(libc::SIGKILL), &said, variables);
            }
            error
        }
        EngineError::Broken(said) => plain(
            "EngineError",
            "evcxr panicked on this cell and was started again; all variables are lost",
            &[
                said,
                "Run the cells that make them again. If it happens again, please report the cell.",
            ],
        ),
        EngineError::NotStarted(said) => plain(
            "EngineNotStarted",
            "the engine that compiles cells cannot start",
            &[said],
        ),
    }
}

/// Whether the words are cargo's, who looked for a crate.
fn is_about_dependencies(words: &str) -> bool {
    [
        "no matching package",
        "failed to select a version",
        "failed to get `",
        "failed to load source",
        "failed to parse manifest",
    ]
    .iter()
    .any(|start| words.contains(start))
}

fn compile(session: &Session, messages: &[Value]) -> CellError {
    let mut diagnostics: Vec<Diagnostic> = messages.iter().filter_map(Diagnostic::from_json).collect();
    for diagnostic in &mut diagnostics {
        diagnostic.fill_places(&mut |span: &Span| {
            let position = span.position.as_ref()?;
            Some(Place {
                cell: Arc::clone(session.cells().get(&position.cell)?),
                line: position.line,
                column: position.column,
                end_line: position.end_line,
                end_column: position.end_column,
            })
        });
    }
    report::compile_errors(&diagnostics, report::Options::default())
}

/// The place of one character.
fn place(map: &SourceMap, line: u32, column: u32) -> Option<Place> {
    let at = (usize::try_from(line).ok()?, usize::try_from(column).ok()?);
    // A call that is shown stands for rustc where the brackets around it begin.
    let (found, _) = map.stretch(at, at)?;
    Some(Place {
        cell: found.cell,
        line: found.line,
        column: found.column,
        end_line: found.line,
        end_column: found.column + 1,
    })
}

/// An error in words.
pub fn plain(ename: &str, evalue: &str, more: &[&str]) -> CellError {
    let mut traceback = report::message(evalue, &[]);
    traceback.extend(
        more.iter()
            .filter(|text| !text.is_empty())
            .flat_map(|text| text.lines().map(str::to_owned)),
    );
    CellError {
        ename: ename.to_owned(),
        evalue: evalue.to_owned(),
        traceback,
    }
}
