//! Runs the cells of a notebook one after the other, within limits of time, until the end, a failure
//! or a signal.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use super::input::Keyboard;
use super::notebook::{CodeCell, Notebook};
use super::outputs::Outputs;
use super::signals::Signal;
use crate::interpreter::{
    CellError, ExecuteOutcome, ExecuteRequest, Frontend, InputError, Interpreter, Output,
};

/// How long a cell may take to stop after it was interrupted.
const GRACE: Duration = Duration::from_secs(10);

/// How often it is interrupted meanwhile: the first time it may not have begun yet.
const AGAIN: Duration = Duration::from_secs(1);

/// What limits a run.
#[derive(Debug, Clone, Default)]
pub struct Limits {
    /// For the whole run.
    pub run: Option<Duration>,
    /// For each cell.
    pub cell: Option<Duration>,
    /// A cell that fails does not end the run.
    pub allow_errors: bool,
}

/// Something that the executor waits for.
#[derive(Debug)]
pub enum Event {
    /// The running cell has ended.
    Ended(ExecuteOutcome),
    /// The thread that ran the cell panicked.
    Broke,
    /// The user or the system wants the run to end.
    Signal(Signal),
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// Every cell ran, though `failed` of them with errors that were allowed.
    Done { failed: usize },
    /// A cell failed.
    Failed { cell: CodeCell, error: CellError },
    /// A signal came.
    Stopped(Signal),
    /// The whole run took too long; `cell` was running.
    TimedOut { cell: CodeCell, limit: Duration },
}

/// Who watches a run.
pub trait Screen: Send + Sync {
    /// A cell starts; `position` counts the cells to execute from 1.
    fn started(&self, cell: &CodeCell, position: usize);
    /// A cell has ended, with its outputs in the notebook's form.
    fn ended(&self, cell: &CodeCell, position: usize, took: Duration, outputs: &[Value], failed: bool);
}

/// A run.
pub struct Executor<'a> {
    pub interpreter: Arc<dyn Interpreter>,
    pub limits: Limits,
    pub keyboard: Arc<Keyboard>,
    pub screen: &'a dyn Screen,
    /// Where the cells' ends are told; signals come to the same place.
    pub events: (Sender<Event>, Receiver<Event>),
}

/// How one cell ended, seen from outside.
struct Waited {
    outcome: ExecuteOutcome,
    /// Why it was interrupted, if it was.
    cause: Option<Cause>,
    /// The interpreter has not come back; no further cell can run.
    stuck: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    CellTimeout(Duration),
    RunTimeout(Duration),
    Signal(Signal),
}

impl Executor<'_> {
    /// Runs the notebook's cells and stores their outputs in it.
    pub fn run(&self, notebook: &mut Notebook) -> Ending {
        let cells = notebook.code_cells();
        // Outputs of an earlier run beside those of this one would tell a story that never happened.
        for cell in &cells {
            notebook.clear(cell.index);
        }
        let outputs = Arc::new(Mutex::new(Outputs::default()));
        let run_end = self.limits.run.map(|limit| (Instant::now() + limit, limit));
        let mut failed = 0;
        let mut ending = None;
        for (cell, count) in cells.iter().zip(1_u32..) {
            if let Ok(Event::Signal(signal)) = self.events.1.try_recv() {
                ending = Some(Ending::Stopped(signal));
                break;
            }
            let position = count as usize;
            self.screen.started(cell, position);
            lock(&outputs).begin(cell.index, count);
            let started = Instant::now();
            let mut times = Times::start();
            let waited = self.run_cell(cell, count, &outputs, run_end);
            times.end();
            let error = error_of(&waited);
            if let Some(error) = &error {
                lock(&outputs).error(cell.index, error.clone());
            }
            notebook.set_execution(cell.index, count, times.into_json());
            let shown = lock(&outputs).to_json(cell.index);
            self.screen
                .ended(cell, position, started.elapsed(), &shown, error.is_some());
            failed += usize::from(error.is_some());
            ending = self.ends_run(cell, &waited, error);
            if ending.is_some() {
                break;
            }
        }
        // Only now: later cells may have updated displays of earlier ones.
        let outputs = lock(&outputs);
        for cell in &cells {
            notebook.set_outputs(cell.index, outputs.to_json(cell.index));
        }
        ending.unwrap_or(Ending::Done { failed })
    }

    /// Whether the run is over after this cell.
    fn ends_run(&self, cell: &CodeCell, waited: &Waited, error: Option<CellError>) -> Option<Ending> {
        match waited.cause {
            Some(Cause::Signal(signal)) => return Some(Ending::Stopped(signal)),
            Some(Cause::RunTimeout(limit)) => {
                return Some(Ending::TimedOut {
                    cell: cell.clone(),
                    limit,
                });
            }
            Some(Cause::CellTimeout(_)) | None => {}
        }
        let error = error?;
        // `raises-exception` allows a cell to fail, not to take for ever.
        let allowed = self.limits.allow_errors || (cell.may_fail && waited.cause.is_none());
        (waited.stuck || !allowed).then(|| Ending::Failed {
            cell: cell.clone(),
            error,
        })
    }

    fn run_cell(
        &self,
        cell: &CodeCell,
        execution_count: u32,
        outputs: &Arc<Mutex<Outputs>>,
        run_end: Option<(Instant, Duration)>,
    ) -> Waited {
        let request = ExecuteRequest {
            code: cell.source.clone(),
            execution_count,
            allow_stdin: self.keyboard.can_be_asked(),
            cell_id: Some(cell.id.clone()),
            metadata: Map::from_iter([("cellId".to_owned(), Value::from(cell.id.clone()))]),
            ..ExecuteRequest::default()
        };
        self.keyboard.resume();
        let frontend = Arc::new(CellFrontend {
            index: cell.index,
            outputs: Arc::clone(outputs),
            keyboard: Arc::clone(&self.keyboard),
        });
        let (interpreter, ended) = (Arc::clone(&self.interpreter), self.events.0.clone());
        let spawned = std::thread::Builder::new()
            .name("cell".to_owned())
            .spawn(move || {
                let run = std::panic::AssertUnwindSafe(|| interpreter.execute(request, frontend));
                let event = std::panic::catch_unwind(run).map_or(Event::Broke, Event::Ended);
                // Nobody listens any more when the run was given up.
                let _ = ended.send(event);
            });
        if let Err(error) = spawned {
            let evalue = format!("no thread can be started for the cell: {error}");
            return Waited {
                outcome: failure("Cellar", evalue),
                cause: None,
                stuck: true,
            };
        }
        self.wait(run_end)
    }

    /// Waits for the end of the cell; at a limit or a signal interrupts it and waits a little more.
    fn wait(&self, run_end: Option<(Instant, Duration)>) -> Waited {
        let cell_end = self
            .limits
            .cell
            .map(|limit| (Instant::now() + limit, Cause::CellTimeout(limit)));
        let run_end = run_end.map(|(at, limit)| (at, Cause::RunTimeout(limit)));
        let limit = [cell_end, run_end]
            .into_iter()
            .flatten()
            .min_by_key(|(at, _)| *at);
        let mut interrupted: Option<(Cause, Instant)> = None;
        loop {
            let event = match (interrupted, limit) {
                (Some(_), _) => self.events.1.recv_timeout(AGAIN),
                (None, Some((at, _))) => self
                    .events
                    .1
                    .recv_timeout(at.saturating_duration_since(Instant::now())),
                (None, None) => self.events.1.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            let cause = match (event, interrupted) {
                (Ok(Event::Ended(outcome)), _) => {
                    return Waited {
                        outcome,
                        cause: interrupted.map(|(cause, _)| cause),
                        stuck: false,
                    };
                }
                (Ok(Event::Broke) | Err(RecvTimeoutError::Disconnected), _) => {
                    let evalue = "the kernel panicked while it ran this cell; that is a bug in Cellar";
                    let outcome = failure("Cellar", evalue.to_owned());
                    return Waited {
                        outcome,
                        cause: interrupted.map(|(cause, _)| cause),
                        stuck: true,
                    };
                }
                // Whoever asks a second time does not want to wait for the cell.
                (Ok(Event::Signal(signal)), Some((Cause::Signal(_), _))) => {
                    return gave_up(Cause::Signal(signal), "the cell did not stop at once");
                }
                (Ok(Event::Signal(signal)), _) => Cause::Signal(signal),
                (Err(RecvTimeoutError::Timeout), Some((cause, at))) if at.elapsed() >= GRACE => {
                    return gave_up(cause, "the cell did not stop when interrupted");
                }
                (Err(RecvTimeoutError::Timeout), Some(_)) => {
                    self.interpreter.interrupt();
                    continue;
                }
                (Err(RecvTimeoutError::Timeout), None) => limit
                    .map(|(_, cause)| cause)
                    .expect("without a limit there is no timeout"),
            };
            interrupted = Some((cause, Instant::now()));
            self.keyboard.interrupt();
            self.interpreter.interrupt();
        }
    }
}

fn gave_up(cause: Cause, why: &str) -> Waited {
    Waited {
        outcome: failure("Interrupted", why.to_owned()),
        cause: Some(cause),
        stuck: true,
    }
}

fn failure(ename: &str, evalue: String) -> ExecuteOutcome {
    let error = CellError {
        ename: ename.to_owned(),
        traceback: vec![evalue.clone()],
        evalue,
    };
    ExecuteOutcome {
        error: Some(error),
        ..ExecuteOutcome::default()
    }
}

/// The cell's error, as the notebook shows it: a limit is named where it was the cause. A cell that
/// was done before the interrupt reached it has none.
fn error_of(waited: &Waited) -> Option<CellError> {
    let error = waited.outcome.error.as_ref()?;
    let (limit, option) = match waited.cause {
        Some(Cause::CellTimeout(limit)) => (limit, "--cell-timeout"),
        Some(Cause::RunTimeout(limit)) => (limit, "--timeout"),
        Some(Cause::Signal(_)) | None => return Some(error.clone()),
    };
    let whose = if option == "--timeout" {
        "the run"
    } else {
        "the cell"
    };
    let seconds = limit.as_secs_f64();
    let mut evalue = format!("{whose} took longer than {seconds} s ({option}), so the cell was interrupted");
    if waited.stuck {
        evalue = format!("{evalue}; {}", error.evalue);
    }
    Some(CellError {
        ename: "Timeout".to_owned(),
        traceback: vec![format!("Timeout: {evalue}")],
        evalue,
    })
}

/// When a cell ran, under the keys that `nbclient` writes.
struct Times {
    started: String,
    ended: String,
}

impl Times {
    fn start() -> Times {
        Times {
            started: now(),
            ended: String::new(),
        }
    }

    fn end(&mut self) {
        self.ended = now();
    }

    fn into_json(self) -> Value {
        serde_json::json!({
            "iopub.status.busy": self.started,
            "iopub.execute_input": self.started,
            "shell.execute_reply": self.ended,
            "iopub.status.idle": self.ended,
        })
    }
}

fn now() -> String {
    chrono::Utc::now().format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

/// Where the outputs of one cell go. It outlives the cell's run: a thread that the cell left behind may
/// still print.
struct CellFrontend {
    index: usize,
    outputs: Arc<Mutex<Outputs>>,
    keyboard: Arc<Keyboard>,
}

impl Frontend for CellFrontend {
    fn output(&self, output: Output) {
        lock(&self.outputs).add(self.index, output);
    }

    fn input(&self, prompt: &str, password: bool) -> Result<String, InputError> {
        self.keyboard.ask(prompt, password)
    }
}

/// Outputs are consistent after every call, so a panic elsewhere does not spoil them.
fn lock(outputs: &Mutex<Outputs>) -> std::sync::MutexGuard<'_, Outputs> {
    outputs.lock().unwrap_or_else(PoisonError::into_inner)
}
