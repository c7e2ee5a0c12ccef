//! The thread that owns evcxr. Everything that touches evcxr happens here, one job after the other.

pub mod adopting;
mod proposals;
pub mod switching;

use std::ffi::OsString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError};
use std::sync::{Arc, Mutex};

use adopting::STATEMENT;
use evcxr::{CommandContext, EvalContext, EvalOutputs};
pub use proposals::{Proposal, Proposals};
use serde_json::Value;
use switching::{NotSwitched, Switched};

use super::build_server::{Answering, BuildServer, Order};
use super::cache_folder::{kept, unused};
use super::cell_code::CellCode;
use super::early::{self, Early, Outcome, SessionParts, Workshop};
use super::evaluation::{EngineError, Evaluation};
use super::knowledge::{Knowledge, Known};
use super::toolchain::Toolchain;
use super::{API_MODULE, API_STUB, lock, runtime_library};
use crate::host::Host;
use crate::interpreter::{Frontend, MimeBundle};

/// Something for evcxr to do.
pub enum Job {
    Evaluate {
        code: Box<CellCode>,
        order: Order,
        frontend: Arc<dyn Frontend>,
        reply: Sender<Evaluation>,
    },
    /// Tell evcxr of the cells that were adopted.
    Adopt,
    Complete {
        code: String,
        position: usize,
        reply: Sender<Proposals>,
    },
    Hover {
        code: String,
        reply: Sender<Option<(String, String)>>,
    },
    SwitchToolchain {
        name: String,
        /// Called when the process of the cells is about to end.
        before: Box<dyn FnOnce() + Send>,
        reply: Sender<Result<Switched, NotSwitched>>,
    },
}

/// What is analysed while nobody waits. rust-analyzer looks at the standard library when it is first asked for a type, which
/// takes seconds; here the first `let` of a session finds it done. A cell that comes meanwhile waits for
/// the piece that is at work, so the pieces are small but for the first one.
const WARMING: [&str; 5] = [
    "let a = 1;",
    "let a = [1u8].len();",
    "let a = vec![1];",
    "let a = format!(\"a\");",
    "let a = std::collections::HashMap::from([(1, 2)]);",
];

pub struct EvcxrThread {
    pub host: Host,
    pub builds: BuildServer,
    pub knowledge: Arc<Mutex<Knowledge>>,
    pub ready: Arc<AtomicBool>,
    /// The session ends, and nobody needs evcxr any more.
    pub ending: Arc<AtomicBool>,
    pub real_path: OsString,
    pub cache: PathBuf,
}

impl EvcxrThread {
    /// Boots evcxr and serves jobs until the engine is dropped, or ends. It holds `writing` as long as evcxr may write into its folder.
    pub fn run(&self, jobs: &Receiver<Job>, writing: Sender<()>) {
        let mut context = self.boot();
        super::session_folder::sweep(self.builds.folder());
        let mut warming = WARMING.iter();
        loop {
            let job = match (jobs.try_recv(), &mut context) {
                (Err(TryRecvError::Empty), Ok(evcxr)) if !self.is_ending() => match warming.next() {
                    Some(code) => {
                        if let Err(broken) = self.warm_up(evcxr, code) {
                            tracing::error!("evcxr panicked while it was warmed up: {broken}");
                            context = self.boot();
                        }
                        continue;
                    }
                    None => jobs.recv().ok(),
                },
                (Err(TryRecvError::Empty), _) => jobs.recv().ok(),
                (received, _) => received.ok(),
            };
            let Some(job) = job.filter(|_| !self.is_ending()) else {
                // Freeing all that rust-analyzer knows takes a while.
                drop(writing);
                return;
            };
            if matches!(job, Job::Evaluate { .. }) {
                // From now on, cells follow each other.
                warming = [].iter();
            }
            match &mut context {
                Ok(evcxr) => {
                    if let Err(broken) = self.serve(evcxr, job) {
                        tracing::error!("evcxr panicked: {broken}");
                        self.ready.store(false, Ordering::SeqCst);
                        context = self.boot();
                    }
                }
                Err(message) => {
                    refuse(job, message);
                    // What was missing may have been mended meanwhile.
                    context = self.boot();
                }
            }
        }
    }

    fn is_ending(&self) -> bool {
        self.ending.load(Ordering::SeqCst)
    }

    /// Lets evcxr analyse `code` and give it up before anything is compiled or kept.
    fn warm_up(&self, evcxr: &mut CommandContext, code: &str) -> Result<(), String> {
        let started = std::time::Instant::now();
        self.builds.order(Order {
            answer: Answering::Error,
            ..Order::default()
        });
        let given_up = catch_unwind(AssertUnwindSafe(|| evcxr.execute(code).is_err()));
        tracing::debug!(code, took = ?started.elapsed(), "warmed up");
        given_up.map(drop).map_err(|panic| panic_text(&*panic))
    }

    fn boot(&self) -> Result<CommandContext, String> {
        let started = std::time::Instant::now();
        self.builds.set_failed(false);
        lock(&self.knowledge).clear();
        self.builds.forget_request();
        self.builds.forget_dependencies();
        self.builds.set_awaits(false);
        let context = catch_unwind(AssertUnwindSafe(|| self.try_boot()))
            .unwrap_or_else(|panic| Err(panic_text(&*panic)));
        match &context {
            Ok(_) => {
                tracing::info!("evcxr is ready after {:?}", started.elapsed());
                self.ready.store(true, Ordering::SeqCst);
            }
            Err(message) => {
                tracing::error!("evcxr did not start: {message}");
                self.builds.set_failed(true);
                self.builds.serde().give_up(message);
            }
        }
        context
    }

    fn try_boot(&self) -> Result<CommandContext, String> {
        let started = std::time::Instant::now();
        let toolchain = Toolchain::find(&self.real_path).map_err(|error| error.to_string())?;
        let found = started.elapsed();
        self.builds.set_tools(&toolchain);
        let dependencies = self.cache.join(unused::DEPENDENCIES);
        match kept::Kept::open(&dependencies) {
            // Its libraries are known by their paths: the same for all who come to it by links.
            Ok(_) => self
                .builds
                .set_dependencies_folder(dependencies.canonicalize().unwrap_or(dependencies)),
            Err(error) => tracing::warn!("dependencies are not kept: {}: {error}", dependencies.display()),
        }
        let (host, builds, cache) = (self.host.clone(), self.builds.clone(), self.cache.clone());
        let (chosen, path) = (toolchain.clone(), self.real_path.clone());
        let runtime = std::thread::spawn(move || -> Result<(), String> {
            let library = runtime_library::build(&chosen.rustc, &cache).map_err(|error| error.to_string())?;
            switching::use_libraries(&builds, &host, &chosen, library, (&cache, path));
            Ok(())
        });
        write_api_stub(self.builds.folder())
            .map_err(|error| format!("{}: {error}", self.builds.folder().display()))?;
        // evcxr proves itself with a cell, `42`, which nobody needs compiled.
        self.skipping();
        self.host.skip_next_run();
        let (evaluator, _outputs) =
            EvalContext::with_subprocess_command(self.host.command()).map_err(|error| error.to_string())?;
        self.learn();
        if self.is_ending() {
            return Err("the session has ended".to_owned());
        }
        let mut context = CommandContext::with_eval_context(evaluator);
        let booted = started.elapsed();
        self.tell_api(&mut context)??;
        let described = started.elapsed();
        runtime.join().unwrap_or_else(|panic| Err(panic_text(&*panic)))?;
        self.builds.order(Order::default());
        tracing::debug!(toolchain = ?found, evcxr = ?booted - found, api = ?described - booted,
            runtime = ?started.elapsed() - described, "booted");
        Ok(context)
    }

    fn skipping(&self) {
        self.builds.order(Order {
            answer: Answering::NothingMade,
            ..Order::default()
        });
    }

    /// Tells evcxr what the `cellar` crate offers. The outer error means that evcxr panicked.
    fn tell_api(&self, evcxr: &mut CommandContext) -> Result<Result<(), String>, String> {
        let told = self.told(evcxr, API_STUB, &[])?;
        Ok(told.map_err(|error| format!("the interface of the cellar crate: {error}")))
    }

    /// After a `:clear` evcxr knows nothing of the `cellar` crate either. An error means that it panicked.
    fn tell_api_again(&self, evcxr: &mut CommandContext) -> Result<(), String> {
        if evcxr.defined_item_names().any(|name| name == API_MODULE) {
            return Ok(());
        }
        if let Err(reason) = self.tell_api(evcxr)? {
            tracing::error!("{reason}");
        }
        self.builds.order(Order::default());
        Ok(())
    }

    /// Does a job. An error means that evcxr panicked and its state is not to be trusted.
    fn serve(&self, evcxr: &mut CommandContext, job: Job) -> Result<(), String> {
        match job {
            Job::Evaluate {
                code,
                mut order,
                frontend,
                reply,
            } => {
                self.adopt(evcxr)?;
                let at_once = order.early.clone();
                let begin = || self.host.begin(frontend);
                if let Some(early) = &at_once {
                    if !early.begin_analysis(begin) {
                        return Ok(());
                    }
                } else {
                    begin();
                }
                for (name, value) in code.build_env() {
                    self.builds.set_build_env(name, value);
                }
                let started = std::time::Instant::now();
                let before = lock(&self.knowledge).known();
                (order.items, _) = lock(&self.knowledge).with(&code);
                self.builds.order(order.clone());
                if let Some(errors) = self.builds.errors_of_syntax(&code) {
                    let evaluation = Evaluation {
                        error: Some(EngineError::Compile(errors)),
                        run: self.host.end(),
                        build: self.builds.report(),
                        ..Evaluation::default()
                    };
                    let _ = reply.send(evaluation);
                    return Ok(());
                }
                if order.answer == Answering::Dependencies {
                    self.host.skip_next_run();
                }
                let mut evaluate_code = || catch_unwind(AssertUnwindSafe(|| evaluate(evcxr, &code.text)));
                let mut done = match &at_once {
                    Some(_) => evaluate_code(),
                    None => self.evaluate_early(&code, &mut order, &reply, evaluate_code),
                };
                if let Some(early) = &at_once
                    && !early.end_analysis()
                {
                    return self.conclude_elsewhere(evcxr, early, done);
                }
                if order.answer == Answering::Dependencies {
                    self.host.skip_no_run();
                }
                let mut run = self.host.end();
                let is_unnamed = self.builds.report().unnamed_type;
                if let Ok(refused) = &done
                    && let Some(annotations) = annotations(refused, is_unnamed, &order)
                {
                    order.early = None;
                    self.builds.order(order.clone());
                    let text = format!("{}{annotations}", code.text);
                    let again = catch_unwind(AssertUnwindSafe(|| evaluate(evcxr, &text)));
                    run = self.host.end();
                    // A type that cannot be written so leaves it at the first answer.
                    let is_refused = again.as_ref().is_ok_and(|again| again.error.is_some());
                    if run.ran || !is_refused {
                        done = again;
                    } else if is_unnamed {
                        // As evcxr would have it: the cell runs at least.
                        self.builds.order(order.clone());
                        done = catch_unwind(AssertUnwindSafe(|| evaluate(evcxr, &code.text)));
                        run = self.host.end();
                    }
                }
                let broken = done.as_ref().err().map(|panic| panic_text(&**panic));
                let mut evaluation = done.unwrap_or_else(|panic| Evaluation {
                    error: Some(EngineError::Broken(panic_text(&*panic))),
                    ..Evaluation::default()
                });
                evaluation.run = run;
                evaluation.build = self.builds.report();
                let kept = evaluation.error.is_none();
                self.commit(evcxr, &code, kept);
                if kept && code.restarts() {
                    self.forget_variables(evcxr, &before, &code)?;
                }
                self.tell_variables(&mut evaluation, &before, &code);
                evaluation.took = started.elapsed();
                // Nobody waits if the kernel is going down.
                let _ = reply.send(evaluation);
                match broken {
                    Some(panic) => Err(panic),
                    None if code.clears() => self.tell_api_again(evcxr),
                    None => Ok(()),
                }
            }
            Job::Adopt => self.adopt(evcxr),
            Job::Complete {
                code,
                position,
                reply,
            } => {
                let found = catch_unwind(AssertUnwindSafe(|| complete(evcxr, &code, position)));
                let _ = reply.send(found.map_err(|panic| panic_text(&*panic))?);
                Ok(())
            }
            Job::Hover { code, reply } => {
                let found = catch_unwind(AssertUnwindSafe(|| hover(evcxr, &code)));
                let _ = reply.send(found.map_err(|panic| panic_text(&*panic))?);
                Ok(())
            }
            Job::SwitchToolchain { name, before, reply } => {
                let switched = self.switch_toolchain(evcxr, &name, before)?;
                let _ = reply.send(switched);
                Ok(())
            }
        }
    }

    /// Takes note of what evcxr has made of a cell that went its way [without it](super::early). An error means that it panicked.
    fn conclude_elsewhere(
        &self,
        evcxr: &CommandContext,
        early: &Early,
        done: std::thread::Result<Evaluation>,
    ) -> Result<(), String> {
        // It may not have come to a run.
        self.host.skip_no_run();
        let evaluation = done.map_err(|panic| panic_text(&*panic))?;
        if let (None, Some(ran)) = (&evaluation.error, early.ran()) {
            lock(&self.knowledge).told(ran.adoption, evcxr.variables_and_types());
        }
        Ok(())
    }

    /// Calls `evaluate` with rustc at work on the cell already, where that can be. A cell that is wrong is answered as
    /// soon as rustc says so.
    fn evaluate_early<T>(
        &self,
        code: &CellCode,
        order: &mut Order,
        reply: &Sender<Evaluation>,
        evaluate: impl FnOnce() -> T,
    ) -> T {
        let (items, variables) = lock(&self.knowledge).with(code);
        let parts = SessionParts { items, variables };
        let workshop = match early::is_possible(code) {
            true => self.builds.workshop(),
            false => Ok(None),
        };
        let workshop = match workshop {
            Ok(Some(workshop)) => Workshop {
                plan: workshop.plan.for_cell(code.bounded),
                ..workshop
            },
            Ok(None) => return evaluate(),
            Err(error) => {
                tracing::warn!("a cell cannot be compiled before it is analysed: {error}");
                return evaluate();
            }
        };
        let early = Arc::new(Early::default());
        order.early = Some(Arc::clone(&early));
        self.builds.order(order.clone());
        let (builds, knowledge) = (&self.builds, &self.knowledge);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let attempt = || early::attempt(builds, &workshop, code, &parts);
                let outcome = catch_unwind(AssertUnwindSafe(attempt))
                    .unwrap_or_else(|panic| Err(std::io::Error::other(panic_text(&*panic))));
                let outcome = outcome.unwrap_or_else(|error| {
                    tracing::warn!("a cell could not be compiled before it is analysed: {error}");
                    Outcome::Nothing
                });
                if let Outcome::Wrong(errors) = &outcome {
                    // Nobody waits if the kernel is going down.
                    let _ = reply.send(Evaluation {
                        error: Some(EngineError::Compile(errors.clone())),
                        refused: lock(knowledge).take_refused(),
                        ..Evaluation::default()
                    });
                }
                early.finish(outcome);
            });
            let evaluated = evaluate();
            if !early.is_over() {
                // evcxr has refused the cell without asking for a build.
                self.builds.stop();
            }
            evaluated
        })
    }

    /// Notes, after evcxr has kept a cell, whether it runs in a runtime from now on.
    pub fn learn(&self) {
        if self.builds.report().awaits {
            self.builds.set_awaits(true);
        }
    }

    /// Takes up what evcxr knows after an evaluation. `kept` says whether it kept the cell.
    fn commit(&self, evcxr: &CommandContext, code: &CellCode, kept: bool) {
        if code.clears() {
            self.builds.set_awaits(false);
        }
        if kept {
            self.learn();
        }
        match (kept, self.builds.report().asked) {
            (true, true) => self.builds.set_package_current(true),
            _ if early::keeps_package(code) => {}
            _ => self.builds.set_package_current(false),
        }
        let mut knowledge = lock(&self.knowledge);
        // Commands take effect even where the code below them fails.
        if code.clears() && (kept || evcxr.defined_item_names().next().is_none()) {
            knowledge.clear();
            self.builds.forget_dependencies();
        }
        if kept {
            self.builds.keep_dependencies();
            knowledge.commit(code);
        }
        let bound = if kept { code.bindings.as_slice() } else { &[] };
        knowledge.set_variables(evcxr.variables_and_types(), bound);
    }

    /// Has evcxr forget the variables from before a `:restart`, which it does not do itself. An error means that it panicked.
    fn forget_variables(
        &self,
        evcxr: &mut CommandContext,
        before: &Known,
        code: &CellCode,
    ) -> Result<(), String> {
        let is_bound = |name: &str| code.bindings.iter().any(|binding| binding.name == name);
        let names = before.variables.iter().map(|variable| variable.name.clone());
        let names: Vec<String> = names.filter(|name| !is_bound(name)).collect();
        if let Err(reason) = self.told(evcxr, STATEMENT, &names)? {
            tracing::error!("evcxr does not forget variables: {reason}");
        }
        self.builds.order(Order::default());
        lock(&self.knowledge).set_variables(evcxr.variables_and_types(), &code.bindings);
        Ok(())
    }

    /// Notes what became of variables.
    fn tell_variables(&self, evaluation: &mut Evaluation, before: &Known, code: &CellCode) {
        let mut knowledge = lock(&self.knowledge);
        let after = knowledge.known().variables;
        evaluation.taken = evaluation.build.taken.clone();
        evaluation.refused = knowledge.take_refused();
        let is_there = |name: &str| after.iter().any(|variable| variable.name == name);
        let gone = before.variables.iter().map(|variable| &variable.name);
        evaluation.removed = gone.filter(|name| !is_there(name)).cloned().collect();
        if evaluation.error.is_none() {
            let is_bound = |name: &str| code.bindings.iter().any(|binding| binding.name == name);
            evaluation.defined = after.into_iter().filter(|it| is_bound(&it.name)).collect();
        }
    }
}

/// The interface of the `cellar` crate for rust-analyzer, as a file of its own: what does not change with each
/// cell is not read again with each cell.
fn write_api_stub(folder: &Path) -> std::io::Result<()> {
    let stub = runtime_library::api_stub().trim();
    let body = stub
        .split_once('{')
        .and_then(|(_, rest)| rest.strip_suffix('}'))
        .expect("the stub is a module with a body");
    std::fs::create_dir_all(folder.join("src"))?;
    std::fs::write(folder.join("src/cellar.rs"), body)
}

fn evaluate(evcxr: &mut CommandContext, code: &str) -> Evaluation {
    match evcxr.execute(code) {
        Ok(outputs) => Evaluation {
            timing: timing(&outputs),
            result: bundle(outputs),
            ..Evaluation::default()
        },
        Err(error) => Evaluation {
            error: Some(engine_error(error)),
            ..Evaluation::default()
        },
    }
}

/// evcxr's words where rust-analyzer does not know a type.
const UNKNOWN_TYPE: &str = "Couldn't automatically determine type of variable";

/// What the cell must have behind it to be kept, if it was refused for types that rustc knows.
fn annotations(refused: &Evaluation, is_unnamed: bool, order: &Order) -> Option<String> {
    match &refused.error {
        Some(_) if is_unnamed => order.early.as_ref()?.annotations(),
        Some(EngineError::Refused(words)) if words.contains(UNKNOWN_TYPE) => {
            order.early.as_ref()?.annotations()
        }
        _ => None,
    }
}

fn timing(outputs: &EvalOutputs) -> Option<String> {
    let mut lines = vec![format!("Took {} ms", outputs.timing?.as_millis())];
    lines.extend(
        outputs
            .phases
            .iter()
            .map(|phase| format!("  {}: {} ms", phase.name, phase.duration.as_millis())),
    );
    Some(lines.join("\n") + "\n")
}

fn engine_error(error: evcxr::Error) -> EngineError {
    match error {
        evcxr::Error::CompilationErrors(errors) => {
            // evcxr's own words, about a variable that cannot be kept or a command, come without JSON. What
            // rustc says is nearer to the cause.
            let (words, messages): (Vec<_>, Vec<_>) = errors.iter().partition(|error| error.json.is_null());
            if messages.is_empty() {
                let words: Vec<String> = words.into_iter().map(evcxr::CompilationError::message).collect();
                return EngineError::Refused(words.join("\n"));
            }
            EngineError::Compile(messages.into_iter().map(|error| error.json.clone()).collect())
        }
        evcxr::Error::SubprocessTerminated(message) => EngineError::HostDied(message),
        other => EngineError::Refused(other.to_string()),
    }
}

fn bundle(outputs: EvalOutputs) -> Option<MimeBundle> {
    if outputs.content_by_mime_type.is_empty() {
        return None;
    }
    let mut contents: Vec<(String, String)> = outputs.content_by_mime_type.into_iter().collect();
    contents.sort();
    Some(
        contents
            .into_iter()
            .map(|(mime, content)| (mime, Value::String(content)))
            .collect(),
    )
}

fn complete(evcxr: &mut CommandContext, code: &str, position: usize) -> Proposals {
    match evcxr.completions(code, position) {
        Ok(found) => Proposals {
            start: found.start_offset,
            end: found.end_offset,
            proposals: found
                .completions
                .into_iter()
                .map(|one| Proposal {
                    code: one.code,
                    kind: one.kind,
                    label: one.label,
                })
                .collect(),
        },
        Err(error) => {
            tracing::debug!("no completions: {error}");
            Proposals::default()
        }
    }
}

fn hover(evcxr: &mut CommandContext, code: &str) -> Option<(String, String)> {
    let (plain, markdown) = evcxr.hover_at(code, code.len()).ok()?;
    (plain != "No documentation found").then_some((plain, markdown))
}

fn refuse(job: Job, message: &str) {
    match job {
        Job::Evaluate { reply, .. } => {
            let error = Some(EngineError::NotStarted(message.to_owned()));
            let _ = reply.send(Evaluation {
                error,
                ..Evaluation::default()
            });
        }
        // They stay where they are until evcxr can hear of them.
        Job::Adopt => {}
        Job::Complete { reply, .. } => drop(reply),
        Job::Hover { reply, .. } => drop(reply),
        Job::SwitchToolchain { reply, .. } => {
            let error = EngineError::NotStarted(message.to_owned());
            let _ = reply.send(Err(NotSwitched::Engine(error)));
        }
    }
}

pub fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "a panic without a message".to_owned())
}
