//! `cellar run`: executes a notebook without Jupyter or Python.

mod executor;
mod input;
mod lines;
mod notebook;
mod outputs;
mod screen;
mod signals;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::{args, atomic};
use crate::interpreter::Interpreter;
use crate::params::SharedParams;
use executor::{Ending, Executor, Limits};
use notebook::Notebook;

/// How long the end of a run may take.
const SHUTDOWN: Duration = Duration::from_secs(35);

/// What is to be executed and where the result goes, both as absolute paths.
#[derive(Debug, PartialEq, Eq)]
struct Plan {
    notebook: PathBuf,
    output: PathBuf,
}

/// Does what was typed. The status is 0 when every cell ran (or failed with leave), 1 when one failed
/// or took too long, 128 + the signal when one came.
///
/// # Errors
/// When there is nothing to execute or nowhere to write; nothing was run then. Or when the result
/// could not be written.
pub fn run(
    typed: &args::Run,
    interpreter: impl FnOnce(Option<&Path>, &SharedParams) -> Result<Arc<dyn Interpreter>>,
) -> Result<ExitCode> {
    let plan = Plan::new(typed)?;
    let before = digest(&plan.notebook);
    let mut notebook = Notebook::read(&plan.notebook)
        .with_context(|| format!("cannot execute `{}`", typed.notebook.display()))?;
    atomic::probe(&plan.output).with_context(|| {
        format!(
            "cannot write the result to `{}`: name another place with -o OUT.ipynb",
            plan.output.display()
        )
    })?;
    // Relative paths in cells mean the notebook's folder, as everywhere in Jupyter.
    if let Some(folder) = plan.notebook.parent() {
        std::env::set_current_dir(folder).with_context(|| format!("cannot go to `{}`", folder.display()))?;
    }

    let events = mpsc::channel();
    signals::listen(events.0.clone()).context("cannot listen for signals")?;
    let started = Instant::now();
    let total = notebook.code_cells().len();
    let params = params_of(typed, &notebook)?;
    let interpreter = interpreter(Some(&plan.notebook), &params)?;
    let terminal = screen::Terminal::new(total);
    let executor = Executor {
        interpreter: Arc::clone(&interpreter),
        limits: Limits {
            run: typed.timeout,
            cell: typed.cell_timeout,
            allow_errors: typed.allow_errors,
        },
        keyboard: Arc::new(input::Keyboard::new(terminal.bar())),
        screen: &terminal,
        events,
    };
    let ending = executor.run(&mut notebook);
    terminal.close();

    notebook.set_language(crate::language::info());
    notebook.set_params(params.told().saved);
    // Somebody has edited the notebook meanwhile: that is not to be lost.
    let was_edited = plan.output == plan.notebook && digest(&plan.notebook) != before;
    let output = if was_edited {
        beside(&plan.notebook)
    } else {
        plan.output.clone()
    };
    let written = atomic::write(&output, &notebook.to_bytes()).with_context(|| {
        format!(
            "the notebook ran, but cannot be written to `{}`",
            output.display()
        )
    });
    eprintln!("{}", report(&ending, &notebook, total, started.elapsed()));
    if written.is_ok() {
        eprintln!("Written to {}", output.display());
    }
    shut_down(interpreter);
    written?;
    if was_edited {
        anyhow::bail!(
            "`{}` was changed by somebody else while it ran, and stays as it is now; what ran is in `{}`",
            plan.notebook.display(),
            output.display()
        );
    }
    Ok(exit_code(&ending))
}

/// What a file holds; `None` if it cannot be read.
fn digest(path: &Path) -> Option<Vec<u8>> {
    use sha2::{Digest as _, Sha256};
    Some(Sha256::digest(std::fs::read(path).ok()?).to_vec())
}

/// The notebook's parameters, with those that were typed.
fn params_of(typed: &args::Run, notebook: &Notebook) -> Result<SharedParams> {
    let params = SharedParams::default();
    params.set_notebook(notebook.params());
    let mut overrides = serde_json::Map::new();
    for (key, value) in &typed.params {
        let values = overrides
            .entry(key.clone())
            .or_insert_with(|| serde_json::Value::Array(Vec::new()));
        if let Some(values) = values.as_array_mut() {
            values.push(value.clone().into());
        }
    }
    if let Err(problems) = params.add_overrides(&overrides) {
        anyhow::bail!("-p: {}", problems.join(" "));
    }
    Ok(params)
}

/// Ends what runs cells and tells what it says in the end, but waits only so long: the result is written, and a cell that could not be
/// stopped must not keep the shell waiting.
fn shut_down(interpreter: Arc<dyn Interpreter>) {
    let (done, is_done) = mpsc::channel();
    let thread = std::thread::Builder::new().name("shutdown".to_owned());
    let started = thread.spawn(move || {
        interpreter.shutdown();
        let _ = done.send(interpreter.last_words());
    });
    match started.is_ok().then(|| is_done.recv_timeout(SHUTDOWN)) {
        Some(Ok(words)) => words.iter().for_each(|words| eprintln!("{words}")),
        _ => tracing::warn!("what ran the cells did not end within {SHUTDOWN:?}"),
    }
}

impl Plan {
    fn new(typed: &args::Run) -> Result<Plan> {
        let absolute = |path: &Path| {
            std::path::absolute(path).with_context(|| format!("`{}` is no file", path.display()))
        };
        let notebook = absolute(&typed.notebook)?;
        let output = match &typed.output {
            Some(output) => absolute(output)?,
            None if typed.inplace => notebook.clone(),
            None => beside(&notebook),
        };
        if output.is_dir() {
            anyhow::bail!("-o `{}` is a folder; name a file in it", output.display());
        }
        Ok(Plan { notebook, output })
    }
}

/// Where the result goes that is not to replace the notebook.
fn beside(notebook: &Path) -> PathBuf {
    notebook.with_extension("executed.ipynb")
}

/// What a run came to, for the person who started it.
fn report(ending: &Ending, notebook: &Notebook, total: usize, took: Duration) -> String {
    let took = screen::duration(took);
    let position = |cell: &notebook::CodeCell| {
        let cells = notebook.code_cells();
        let at = cells
            .iter()
            .position(|it| it.index == cell.index)
            .unwrap_or_default()
            + 1;
        format!("cell {at} of {total}")
    };
    match ending {
        Ending::Done { failed: 0 } => format!("{total} cells in {took}"),
        Ending::Done { failed } => {
            format!("{total} cells in {took}, {failed} of them with errors, as allowed")
        }
        Ending::Failed { cell, error } => {
            format!(
                "{}\n\nStopped after {took}",
                screen::error_text(cell, &position(cell), error)
            )
        }
        Ending::Stopped(signal) => format!("cellar: stopped by {} after {took}", signal.name()),
        Ending::TimedOut { cell, limit } => format!(
            "cellar: the run took longer than {} (--timeout); it was at {}: {}",
            screen::duration(*limit),
            position(cell),
            screen::title(cell)
        ),
    }
}

fn exit_code(ending: &Ending) -> ExitCode {
    match ending {
        Ending::Done { .. } => ExitCode::SUCCESS,
        Ending::Failed { .. } | Ending::TimedOut { .. } => ExitCode::FAILURE,
        Ending::Stopped(signal) => ExitCode::from(signal.exit_status()),
    }
}
