//! evcxr as Cellar uses it: analysis, types, dependencies and completion by the published crate, compiling
//! by rustc alone, running in our own [host](crate::host).
//!
//! The engine starts at once and boots behind the caller's back; the first cell waits for it. It knows
//! nothing of magics, of caching or of Jupyter.

mod artifacts;
pub mod build_server;
pub mod cache_folder;
pub mod cell_code;
pub mod cell_crate;
pub mod codec;
pub mod dependencies;
mod early;
mod embedded_sources;
mod evaluation;
pub mod evcxr_thread;
pub mod knowledge;
pub mod runtime_library;
pub mod rustc;
mod serde_for_cells;
mod session_folder;
pub mod sharing;
pub mod toolchain;
mod types;

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::{Duration, Instant};

use artifacts::Artifacts;
use build_server::{Answering, BuildServer, Order, shim};
use cell_code::{CellCode, DebugFormat};
use cell_crate::rewrite;
use cellar_cache::Store;
pub use dependencies::locked::Dependency;
use dependencies::package::{self, Added};
use early::Early;
pub use evaluation::{EngineError, Evaluation};
use evcxr_thread::Job;
use evcxr_thread::switching::{NotSwitched, Switched};
pub use evcxr_thread::{Proposal, Proposals};
use knowledge::items::Items;
use knowledge::{Adoption, Knowledge};
pub use knowledge::{Known, Variable};

use crate::cell::CellSource;
use crate::host::Host;
use crate::host::call::{Call, Manner};
use crate::interpreter::Frontend;

/// The item that tells rust-analyzer what the `cellar` crate offers; rustc has the crate itself.
pub(crate) const API_STUB: &str = "mod cellar; /*interface for rust-analyzer*/";
/// What evcxr calls that item.
const API_MODULE: &str = "cellar";

/// The running engine. Its methods may be called from any thread; evaluations one at a time.
pub struct Engine {
    jobs: Mutex<Sender<Job>>,
    host: Host,
    builds: BuildServer,
    codecs: Arc<codec::Codecs>,
    /// Set once there is a store.
    artifacts: OnceLock<Arc<Artifacts>>,
    /// Kept artifacts are not used.
    compiles_all: AtomicBool,
    /// After `:timing`.
    tells_times: AtomicBool,
    knowledge: Arc<Mutex<Knowledge>>,
    ready: Arc<AtomicBool>,
    directory: Mutex<Option<session_folder::Folder>>,
    /// evcxr's thread is to end.
    ending: Arc<AtomicBool>,
    /// Disconnected when it writes nothing any more.
    written: Mutex<Receiver<()>>,
    /// The number of the evaluation that goes on, or [`IDLE`].
    evaluating: Arc<AtomicUsize>,
    evaluations: AtomicUsize,
}

const IDLE: usize = 0;
/// How long evcxr may take for what it has in hand when the session ends.
const LAST_WRITES: Duration = Duration::from_millis(100);

fn given_file(directory: &Path) -> PathBuf {
    directory.join("given")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Engine {
    /// Starts the engine. `cache` is where things are kept that outlive the session.
    ///
    /// Must be called before the process has other threads: evcxr takes its tools from the environment.
    ///
    /// # Errors
    /// When no temporary folder or socket can be made.
    pub fn start(cache: PathBuf) -> std::io::Result<Engine> {
        Engine::with_program(cache, std::env::current_exe()?)
    }

    /// As [`Engine::start`], with another build of this executable as the host process and as the tools.
    ///
    /// # Errors
    /// As [`Engine::start`].
    pub fn with_program(cache: PathBuf, executable: PathBuf) -> std::io::Result<Engine> {
        let directory = session_folder::make(&cache)?;
        let real_path = std::env::var_os("PATH").unwrap_or_default();
        let host = Host::with_program(directory.path(), &executable)?;
        host.set_cell_function(rewrite::CELL_FUNCTION);
        host.set_env("PATH", &real_path);
        let functions = directory.path().join("functions");
        for side in ["in", "out"] {
            std::fs::create_dir_all(functions.join(side))?;
        }
        host.set_env("CELLAR_FUNCTIONS_DIR", &functions);
        host.set_env("CELLAR_GIVEN", given_file(directory.path()));
        let builds = BuildServer::start(directory.path(), real_path.clone(), executable.clone())?;
        builds.set_cache(cache.clone());
        let tools = toolchain::make_tools(directory.path(), &executable).map_err(std::io::Error::other)?;
        set_environment(directory.path(), &tools, &real_path, builds.socket());
        let codecs = Arc::new(codec::Codecs::new(builds.clone(), cache.clone()));
        codecs.prepare();
        let (jobs, received) = channel();
        let knowledge = Arc::new(Mutex::default());
        let ready = Arc::new(AtomicBool::new(false));
        let ending = Arc::new(AtomicBool::new(false));
        let (writing, written) = channel();
        let thread = evcxr_thread::EvcxrThread {
            host: host.clone(),
            builds: builds.clone(),
            knowledge: Arc::clone(&knowledge),
            ready: Arc::clone(&ready),
            ending: Arc::clone(&ending),
            real_path,
            cache,
        };
        std::thread::Builder::new()
            .name("evcxr".into())
            // rust-analyzer and evcxr recurse over syntax trees.
            .stack_size(64 << 20)
            .spawn(move || thread.run(&received, writing))?;
        Ok(Engine {
            jobs: Mutex::new(jobs),
            host,
            builds,
            codecs,
            artifacts: OnceLock::new(),
            compiles_all: AtomicBool::new(false),
            tells_times: AtomicBool::new(false),
            knowledge,
            ready,
            directory: Mutex::new(Some(directory)),
            ending,
            written: Mutex::new(written),
            evaluating: Arc::new(AtomicUsize::new(IDLE)),
            evaluations: AtomicUsize::new(0),
        })
    }

    /// Whether a cell would be compiled at once.
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::SeqCst)
    }

    /// Marks `code` for [`Engine::evaluate`].
    pub fn prepare(&self, code: &str, cell: &Arc<CellSource>, format: DebugFormat) -> CellCode {
        cell_code::prepare(code, cell, &mut self.builds.marks(), format)
    }

    /// Like [`Engine::prepare`] for code that was made around one line of a cell: `user_line` of `code` is
    /// line `line` of the cell, columns alike. The code is one block.
    pub fn prepare_around(
        &self,
        code: &str,
        user_line: usize,
        cell: &Arc<CellSource>,
        line: usize,
    ) -> CellCode {
        cell_code::prepare_around(code, user_line, cell, line, &mut self.builds.marks())
    }

    /// Compiles and runs prepared code; waits for the engine to be there.
    pub fn evaluate(&self, code: &CellCode, frontend: Arc<dyn Frontend>) -> Evaluation {
        self.evaluate_with(code, Arc::clone(&frontend), frontend)
    }

    /// The same with another frontend for the progress of dependencies that are built.
    pub fn evaluate_with(
        &self,
        code: &CellCode,
        frontend: Arc<dyn Frontend>,
        progress: Arc<dyn Frontend>,
    ) -> Evaluation {
        self.evaluating.store(
            self.evaluations.fetch_add(1, Ordering::SeqCst) + 1,
            Ordering::SeqCst,
        );
        let evaluation = self.evaluate_now(code, frontend, progress);
        self.evaluating.store(IDLE, Ordering::SeqCst);
        evaluation
    }

    /// Says where compiled cells are kept. Without, each session compiles all of its cells.
    pub fn keep_artifacts(&self, store: &Store) {
        let folder = self.builds.folder().join("kept");
        let _ = self
            .artifacts
            .set(Arc::new(Artifacts::new(store.clone(), folder)));
    }

    /// Whether cells are run from what was compiled before, where that can be. They are, unless somebody says no.
    pub fn use_artifacts(&self, use_them: bool) {
        self.compiles_all.store(!use_them, Ordering::SeqCst);
    }

    fn evaluate_now(
        &self,
        code: &CellCode,
        frontend: Arc<dyn Frontend>,
        progress: Arc<dyn Frontend>,
    ) -> Evaluation {
        if let Some(errors) = self.refused(code) {
            return Evaluation {
                error: Some(EngineError::Compile(errors)),
                ..Evaluation::default()
            };
        }
        let mut code = code.clone();
        // Once a cell has awaited something, evcxr runs all in a runtime.
        code.awaits |= self.builds.awaits() && !code.statements.is_empty();
        let Some(mut added) = package::added(&code.commands) else {
            return self.evaluate_alike(&code, frontend, progress);
        };
        if code.awaits {
            added.extend(self.missing_runtime(&added));
        }
        match added.is_empty() {
            true => self.evaluate_alike(&code, frontend, progress),
            false => self.evaluate_below(&added, &code, frontend, progress),
        }
    }

    /// What is wrong with a cell that a `return` would leave. If it cannot be parsed either, that is told first.
    fn refused(&self, code: &CellCode) -> Option<Vec<serde_json::Value>> {
        let early_return = code.early_return.clone()?;
        let of_syntax = self.builds.errors_of_syntax(code);
        Some(of_syntax.unwrap_or_else(|| vec![early_return]))
    }

    /// Evaluates a cell that needs these dependencies, by its `:dep` lines for the most part: first the session gets them, then the rest is
    /// a cell as any other.
    fn evaluate_below(
        &self,
        added: &[Added],
        code: &CellCode,
        frontend: Arc<dyn Frontend>,
        progress: Arc<dyn Frontend>,
    ) -> Evaluation {
        let rust = code.below_commands();
        let with_dependencies = self.depend_on(added, rust.as_ref(), &frontend, &progress);
        let Some(rust) = rust.filter(|_| with_dependencies.error.is_none()) else {
            return with_dependencies;
        };
        let mut evaluation = self.evaluate_alike(&rust, frontend, progress);
        evaluation.took += with_dependencies.took;
        evaluation.refused.extend(with_dependencies.refused);
        evaluation
    }

    /// Evaluates a cell whose `:commands` are evcxr's.
    fn evaluate_alike(
        &self,
        code: &CellCode,
        frontend: Arc<dyn Frontend>,
        progress: Arc<dyn Frontend>,
    ) -> Evaluation {
        let wanted = self.wanted(code);
        let replayed = wanted
            .as_ref()
            .and_then(|wanted| self.replay(code, wanted, &frontend));
        if let Some(evaluation) = replayed {
            return evaluation;
        }
        let evaluation = match &wanted {
            Some(wanted) => self.compile_at_once(code, wanted, &frontend, progress),
            None => self.evaluate_by_evcxr(code, frontend, progress),
        };
        if evaluation.error.is_none() {
            let switches = code.commands.lines().filter(|line| line.trim() == ":timing");
            let odd = switches.count() % 2 == 1;
            self.tells_times.fetch_xor(odd, Ordering::SeqCst);
        }
        if let Some(wanted) = wanted {
            self.keep_artifact(wanted, &evaluation);
        }
        if let Some(artifacts) = self.artifacts.get() {
            artifacts.keep_names(self.builds.type_names().take_new());
        }
        evaluation
    }

    fn evaluate_by_evcxr(
        &self,
        code: &CellCode,
        frontend: Arc<dyn Frontend>,
        progress: Arc<dyn Frontend>,
    ) -> Evaluation {
        let started = Instant::now();
        let answer = self.hand_to_evcxr(code, frontend, progress, Answering::Compile, None);
        let evaluation = answered(&answer);
        tracing::debug!(
            total = ?started.elapsed(),
            compiles = evaluation.build.compiles,
            user_code = ?evaluation.run.duration,
            "evaluated"
        );
        evaluation
    }

    /// Has evcxr evaluate a cell when its turn comes. What `early` comes to in time, it need not do.
    fn hand_to_evcxr(
        &self,
        code: &CellCode,
        frontend: Arc<dyn Frontend>,
        progress: Arc<dyn Frontend>,
        answer: Answering,
        early: Option<Arc<Early>>,
    ) -> Receiver<Evaluation> {
        let (reply, evaluation) = channel();
        // Builds and the host are prepared when its turn comes: until then they belong to the boot.
        // If the engine has stopped, there is no answer either.
        let _ = lock(&self.jobs).send(Job::Evaluate {
            code: Box::new(code.clone()),
            order: Order {
                question_mark: code.question_mark,
                error_format: code.error_format,
                awaits: code.awaits,
                only_bound: Arc::clone(&code.only_bound),
                bounded: code.bounded,
                answer,
                early,
                frontend: Some(progress),
                ..Order::default()
            },
            frontend,
            reply,
        });
        evaluation
    }

    /// Stops the evaluation that goes on, if one does. Returns at once: whatever the evaluation does at this
    /// moment (boot, analyse, compile, run), it is stopped at the next thing that can be.
    pub fn interrupt(&self) {
        let wanted = self.evaluating.load(Ordering::SeqCst);
        if wanted == IDLE {
            return;
        }
        let (host, builds, evaluating) = (
            self.host.clone(),
            self.builds.clone(),
            Arc::clone(&self.evaluating),
        );
        let stop = move || {
            while evaluating.load(Ordering::SeqCst) == wanted {
                if !host.interrupt() {
                    builds.stop();
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        };
        if let Err(error) = std::thread::Builder::new().name("interrupt".into()).spawn(stop) {
            tracing::error!("interrupt: {error}");
        }
    }

    /// The file through which the process of the cells is told of parameters (see `session::surroundings`).
    pub fn given_file(&self) -> Option<PathBuf> {
        let directory = lock(&self.directory);
        directory.as_ref().map(|directory| given_file(directory.path()))
    }

    /// The folder through which results of memoised functions come and go (see `functions::exchange`).
    pub fn functions_folder(&self) -> Option<PathBuf> {
        let directory = lock(&self.directory);
        directory
            .as_ref()
            .map(|directory| directory.path().join("functions"))
    }

    /// Calls `on_release` of all instances that the process of the cells keeps, but waits no longer than `patience`.
    pub fn release_instances(&self, patience: Duration) {
        let Some(library) = self.builds.runtime() else {
            return;
        };
        let call = self.host.start_call(Call {
            library,
            function: "cellar_runtime_resource_release_all".to_owned(),
            argument: Vec::new(),
            manner: Manner::Plain,
        });
        if call.wait_for(patience).is_none() {
            tracing::warn!("not all `on_release` functions came to their end");
        }
    }

    /// Calls a function of the runtime library, `cellar_runtime_` and `function`, with these texts. Gives what it answers.
    ///
    /// # Errors
    /// Why there is no answer.
    pub fn call_runtime(&self, function: &str, texts: &[&str], manner: Manner) -> Result<Vec<u8>, String> {
        let library = self.builds.runtime().ok_or("the engine has not started yet")?;
        let mut argument = Vec::new();
        for text in texts {
            argument.extend((text.len() as u64).to_le_bytes());
            argument.extend(text.as_bytes());
        }
        let report = self.host.call(Call {
            library,
            function: format!("cellar_runtime_{function}"),
            argument,
            manner,
        });
        match report.failed {
            Some(why) => Err(why),
            None => Ok(report.answer),
        }
    }

    /// Whether any cell was run, so that its process may know what the kernel does not.
    pub fn has_run(&self) -> bool {
        self.evaluations.load(Ordering::SeqCst) > 0
    }

    /// A variable of the environment as cells see it. They can change it (`std::env::set_var`), so the process in which they run
    /// is asked, once a cell was run there; before, it has what the kernel has.
    pub fn environment(&self, name: &str) -> Option<OsString> {
        // evcxr finds its tools by ours.
        let ours = if name == "PATH" { shim::REAL_PATH } else { name };
        let of_kernel = || std::env::var_os(ours);
        if !self.has_run() {
            return of_kernel();
        }
        match self.call_runtime("environment", &[name], Manner::Plain) {
            Ok(answer) => match answer.split_first() {
                Some((1, value)) => Some(OsString::from_vec(value.to_vec())),
                _ => None,
            },
            // A new process begins with the kernel's.
            Err(why) => {
                tracing::warn!("the cells' environment cannot be asked for `{name}`: {why}");
                of_kernel()
            }
        }
    }

    /// The working directory of cells, if it still exists. As with [`Engine::environment`], they can change it.
    pub fn working_directory(&self) -> Option<PathBuf> {
        let of_kernel = || std::env::current_dir().ok();
        if !self.has_run() {
            return of_kernel();
        }
        match self.call_runtime("working_directory", &[], Manner::Plain) {
            Ok(answer) => match answer.split_first() {
                Some((1, folder)) => Some(OsString::from_vec(folder.to_vec()).into()),
                _ => None,
            },
            Err(why) => {
                tracing::warn!("the cells' working directory cannot be asked for: {why}");
                of_kernel()
            }
        }
    }

    /// What `option_env!` gives in cells that are compiled from now on.
    pub fn set_compile_environment(&self, variables: Vec<(String, String)>) {
        self.builds.set_environment(variables);
    }

    /// The toolchain that compiles cells: its name, where it is.
    pub fn toolchain(&self) -> String {
        let rustc = self.builds.rustc();
        let root = rustc.parent().and_then(Path::parent);
        match root.and_then(Path::file_name) {
            Some(name) => format!("{} ({})", name.to_string_lossy(), rustc.display()),
            None => rustc.display().to_string(),
        }
    }

    /// Compiles and runs cells with another installed toolchain from now on; waits for the engine to be there. Variables
    /// are dropped then, items stay. `before` is called when nothing is in the way any longer, and the process of the cells
    /// is about to end.
    ///
    /// # Errors
    /// Why it cannot be; everything is then as before.
    pub fn switch_toolchain(
        &self,
        name: &str,
        before: impl FnOnce() + Send + 'static,
    ) -> Result<Switched, NotSwitched> {
        let (reply, answer) = channel();
        let sent = lock(&self.jobs).send(Job::SwitchToolchain {
            name: name.to_owned(),
            before: Box::new(before),
            reply,
        });
        let broken = || EngineError::Broken("the toolchain could not be changed".to_owned());
        sent.ok()
            .and_then(|()| answer.recv().ok())
            .unwrap_or_else(|| Err(NotSwitched::Engine(broken())))
    }

    /// Whether an evaluation goes on.
    pub fn is_busy(&self) -> bool {
        self.evaluating.load(Ordering::SeqCst) != IDLE
    }

    pub fn known(&self) -> Known {
        lock(&self.knowledge).known()
    }

    /// The crates that cells depend on, each as it is now: a folder of the user's is looked at. Those of the cells that were
    /// kept; what a `:dep` adds is here when its cell has ended well.
    pub fn dependencies(&self) -> Vec<Dependency> {
        self.builds.dependencies()
    }

    /// What a type is now, beyond its text: the notebook's definitions and the crates that it leads to.
    pub fn identity(&self, type_text: &str) -> u128 {
        let crates = self.builds.identities();
        self.items().definitions(&crates).identity(type_text)
    }

    /// As [`Engine::identity`], but with the crates of the cell that is compiled at the moment.
    pub fn identity_in_build(&self, type_text: &str) -> u128 {
        let crates = self
            .builds
            .cell_plan()
            .map(|plan| plan.identities)
            .unwrap_or_default();
        self.items().definitions(&crates).identity(type_text)
    }

    /// The items of all committed cells.
    pub fn items(&self) -> Items {
        lock(&self.knowledge).items().clone()
    }

    /// Tells evcxr of a cell that is not compiled and not run, since its result is at hand. Returns at once;
    /// [`Engine::known`] and [`Engine::items`] show it from now on, and evcxr hears of it when it has time, at
    /// the latest before the next cell. Values are the caller's concern: see [`Engine::set_materialiser`].
    pub fn adopt(&self, adoption: &Adoption) {
        let items = cell_code::items(&adoption.rust, &adoption.cell, &mut self.builds.marks());
        lock(&self.knowledge).adopt(&items, &adoption.variables, &adoption.forgotten);
        // If the engine has stopped, the next cell will say so.
        let _ = lock(&self.jobs).send(Job::Adopt);
    }

    /// Sets what is called before a compiled cell runs, with the variables that it takes, so that their values
    /// can be brought into the host's store. Its error ends the cell before it runs.
    ///
    /// It is called on the build server's thread while an evaluation goes on, so it must not evaluate anything itself.
    pub fn set_materialiser(&self, materialiser: build_server::Materialiser) {
        self.builds.set_materialiser(materialiser);
    }

    /// Asks rust-analyzer what could stand at byte `position` of `code`; `None` when it has not answered
    /// within `patience`.
    pub fn complete(&self, code: &str, position: usize, patience: Duration) -> Option<Proposals> {
        self.ask(patience, |reply| Job::Complete {
            code: code.to_owned(),
            position,
            reply,
        })
    }

    /// Asks rust-analyzer what the expression is that `code` ends with: plain text and Markdown.
    pub fn hover(&self, code: &str, patience: Duration) -> Option<(String, String)> {
        self.ask(patience, |reply| Job::Hover {
            code: code.to_owned(),
            reply,
        })
        .flatten()
    }

    fn ask<T>(&self, patience: Duration, job: impl FnOnce(Sender<T>) -> Job) -> Option<T> {
        if !self.is_ready() {
            return None;
        }
        let (reply, answer) = channel();
        lock(&self.jobs).send(job(reply)).ok()?;
        answer.recv_timeout(patience).ok()
    }

    /// Ends the host process and removes what was written.
    pub fn shutdown(&self) {
        self.builds.stop();
        self.builds.serde().shutdown();
        self.codecs.stop();
        self.host.shutdown();
        self.ending.store(true, Ordering::SeqCst);
        // Wakes it.
        let _ = lock(&self.jobs).send(Job::Adopt);
        let is_over = lock(&self.written).recv_timeout(LAST_WRITES) == Err(RecvTimeoutError::Disconnected);
        match lock(&self.directory).take() {
            Some(directory) if !is_over => directory.remove_at_the_end(),
            directory => drop(directory),
        }
    }
}

/// What evcxr says of a cell, with the errors of its builds.
fn answered(answer: &Receiver<Evaluation>) -> Evaluation {
    let Ok(mut evaluation) = answer.recv() else {
        let broken = "the engine has stopped; restart the kernel".to_owned();
        return Evaluation {
            error: Some(EngineError::Broken(broken)),
            ..Evaluation::default()
        };
    };
    if evaluation.error.is_some() {
        if evaluation.build.stopped {
            evaluation.error = Some(EngineError::Interrupted);
        } else if let Some(said) = evaluation.build.dependencies.clone() {
            evaluation.error = Some(EngineError::Dependencies(said));
        } else if let Some(said) = evaluation.build.broken.clone() {
            evaluation.error = Some(EngineError::Refused(said));
        }
    }
    evaluation
}

/// evcxr reads its folder and finds its tools in the environment of this process.
fn set_environment(directory: &Path, tools: &Path, real_path: &std::ffi::OsString, socket: &Path) {
    let mut path = tools.as_os_str().to_owned();
    path.push(":");
    path.push(real_path);
    let variables: [(&str, &std::ffi::OsStr); 4] = [
        ("EVCXR_TMPDIR", directory.as_os_str()),
        ("PATH", &path),
        (shim::REAL_PATH, real_path),
        (shim::BUILD_SOCKET, socket.as_os_str()),
    ];
    for (name, value) in variables {
        // SAFETY: called before the process has threads that read the environment (see `Engine::start`): those
        // started so far, the host's and the build server's listeners, do not touch it.
        unsafe { std::env::set_var(name, value) };
    }
}
