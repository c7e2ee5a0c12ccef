//! Functions below `//% cache_data` and `//% cache_resource` on their way through a cell.

use std::sync::Arc;

use super::{Session, errors};
use crate::cell::CellSource;
use crate::functions::{self, CachedFunction, Codes, Refused, Rewritten};
use crate::interpreter::{CellError, Frontend, Output, Stream};
use crate::magic::{Directive, ParsedCell, Step};
use crate::report::{self, Place};

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

/// Tells once of each deprecated directive.
pub fn warn_of_deprecated(session: &Session, directives: &[Directive], frontend: &dyn Frontend) {
    for directive in directives {
        let Some(replacement) = directive.replacement() else {
            continue;
        };
        let mut warned = session
            .warned
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if warned.insert(directive.name) {
            let text = format!(
                "warning: `//% {}` is deprecated; write `//% {replacement}`, which does the same.\n",
                directive.name
            );
            frontend.output(Output::Text {
                stream: Stream::Stderr,
                text,
            });
        }
    }
}

/// Before a step is compiled: the digests of all cached functions' codes, as they will be with it. Answers what to
/// remember if the step succeeds.
pub fn prepare(session: &Session, step: &StepFunctions) -> Codes {
    let mut codes = session.functions().clone();
    codes.learn(&step.original, &step.functions);
    let variables = codes.digests("").into_iter();
    let variables = variables.map(|(name, digest)| (CachedFunction::code_variable(&name), digest));
    session.engine.set_compile_environment(variables.collect());
    codes
}
