//! Builds what evcxr asks `cargo` for.
//!
//! evcxr's `cargo build` and `cargo check` end up here through the [shim](super::shim). The generated crate is
//! [rewritten](super::rewrite) and compiled by [rustc alone](super::rustc); cargo runs once for each set of dependencies.
//! All this happens in threads of their own while evcxr's thread waits for "cargo".

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use cellar_cache::Digest;
use serde_json::Value;

use super::answers::{failed, made, nothing_made, pretended_errors};
use super::dep_info::Inputs;
use super::dependencies::{self, Dependencies, Graph};
use super::dependency_progress::DependencyProgress;
use super::diagnostics;
use super::early::{self, Early, Outcome, Workshop};
use super::evcxr_thread::panic_text;
use super::generate::Modes;
use super::kept;
use super::locked::{Dependency, Folders, Locked};
use super::rewrite::{self, Failure, Needs, Rewritten};
use super::rustc::{self, Emit, Plan, Running};
use super::serde_for_cells::{Missing, SerdeForCells};
use super::shim::{BuildAnswer, BuildRequest, RECORD};
use super::source_map::{Marks, SourceMap};
use super::toolchain::Toolchain;
use crate::cell::CellSource;
use crate::interpreter::Frontend;

/// What evcxr's "cargo" is to do with the next builds.
#[derive(Clone, Default)]
pub struct Order {
    /// A `?` may leave the cell.
    pub question_mark: bool,
    pub awaits: bool,
    /// Optimising it cannot pay.
    pub bounded: bool,
    pub answer: Answering,
    /// With [`Answering::NothingMade`]: variables that evcxr is to drop.
    pub forgotten: Vec<String>,
    /// The cell is compiled already, or will be soon.
    pub early: Option<Arc<Early>>,
    /// Where cargo's progress is shown.
    pub frontend: Option<Arc<dyn Frontend>>,
}

/// What becomes of a build.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Answering {
    #[default]
    Compile,
    /// An empty file is passed off as the library: evcxr only commits its state.
    NothingMade,
    /// Nothing is compiled and an error is answered: evcxr has analysed the cell and keeps nothing of it.
    Error,
}

/// What happened in the builds since the last [`BuildServer::order`].
#[derive(Debug, Clone, Default)]
pub struct BuildReport {
    /// The map of the crate that was compiled last.
    pub map: SourceMap,
    /// How often rustc was started.
    pub compiles: usize,
    /// The cell did not compile; evcxr may have found a way since.
    pub failure: Option<Failure>,
    /// Dependencies could not be built: what cargo said.
    pub dependencies: Option<String>,
    /// The build itself could not be carried out.
    pub broken: Option<String>,
    pub stopped: bool,
    /// Variables that the crate which was compiled last takes from the store.
    pub taken: Vec<String>,
    /// What that crate was made of besides its text.
    pub inputs: Inputs,
    /// The number of the function that evcxr calls.
    pub function: Option<usize>,
    /// evcxr's modes, where a cell was compiled in them.
    pub modes: Option<Modes>,
}

/// Brings the values of the named variables into the host's store, or says why it cannot.
pub type Materialiser = Arc<dyn Fn(&[String]) -> Result<(), String> + Send + Sync>;

/// In rustc's messages.
const UNKNOWN_NAME: &str = "\"code\":\"E0425\"";

/// Answers evcxr's tools. Cheap to clone.
#[derive(Clone)]
pub struct BuildServer {
    shared: Arc<Shared>,
}

struct Shared {
    socket: PathBuf,
    /// The `cellar` crate's library and the folder it is in, once it is built.
    runtime: Mutex<Option<PathBuf>>,
    order: Mutex<Order>,
    report: Mutex<BuildReport>,
    marks: Mutex<Marks>,
    /// Where things are kept that outlive the session.
    cache: Mutex<PathBuf>,
    /// Variables of rustc's environment besides evcxr's.
    environment: Mutex<Vec<(String, String)>>,
    /// What `:build_env` has set.
    build_env: Mutex<BTreeMap<String, String>>,
    /// When what goes on at the moment began: the order, or the answer to the last build.
    since: Mutex<Instant>,
    plans: Mutex<HashMap<String, Crates>>,
    /// What lies in the folders of packages that are the user's.
    folders: Folders,
    /// The graph of the last build, and that of the last cell which evcxr has kept.
    graphs: Mutex<(Option<Arc<Locked>>, Arc<Locked>)>,
    serde: SerdeForCells,
    /// How the last cell was compiled, whatever its own optimisation.
    last_plan: Mutex<Option<Plan>>,
    running: Running,
    materialiser: Mutex<Option<Materialiser>>,
    /// The build that evcxr asked for last.
    request: Mutex<Option<BuildRequest>>,
    /// Where dependencies are built that other sessions can use, too.
    dependencies: Mutex<Option<PathBuf>>,
    cargo: Mutex<PathBuf>,
    rustc: Mutex<PathBuf>,
    folder: PathBuf,
    real_path: std::ffi::OsString,
    executable: PathBuf,
}

/// Cells that name this crate are compiled with it.
const VALUES: &str = "::cellar_values::";

/// The crates of a set of dependencies.
#[derive(Clone, Default)]
struct Crates {
    /// For rustc.
    arguments: Vec<String>,
    /// They have a serde of their own.
    have_serde: bool,
    locked: Arc<Locked>,
    /// What the packages were when they were built.
    built: Vec<Dependency>,
    identities: Arc<BTreeMap<String, Digest>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl BuildServer {
    /// Starts to answer on a socket in `directory`.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub fn start(
        directory: &Path,
        real_path: std::ffi::OsString,
        executable: PathBuf,
    ) -> std::io::Result<BuildServer> {
        let socket = directory.join("build.sock");
        let listener = UnixListener::bind(&socket)?;
        let shared = Arc::new(Shared {
            socket,
            runtime: Mutex::default(),
            order: Mutex::default(),
            report: Mutex::default(),
            marks: Mutex::default(),
            cache: Mutex::default(),
            environment: Mutex::default(),
            build_env: Mutex::default(),
            since: Mutex::new(Instant::now()),
            plans: Mutex::default(),
            folders: Folders::default(),
            graphs: Mutex::default(),
            serde: SerdeForCells::default(),
            last_plan: Mutex::default(),
            running: Running::default(),
            materialiser: Mutex::default(),
            request: Mutex::default(),
            dependencies: Mutex::default(),
            cargo: Mutex::new("cargo".into()),
            rustc: Mutex::new("rustc".into()),
            folder: directory.to_owned(),
            real_path,
            executable,
        });
        let server = BuildServer { shared };
        let serving = server.clone();
        std::thread::Builder::new()
            .name("build-server".into())
            .spawn(move || {
                for stream in listener.incoming() {
                    match stream {
                        Ok(stream) => serving.serve(stream),
                        Err(error) => tracing::warn!("build server: {error}"),
                    }
                }
            })?;
        Ok(server)
    }

    /// The session's folder.
    pub fn folder(&self) -> &Path {
        &self.shared.folder
    }

    pub fn socket(&self) -> &Path {
        &self.shared.socket
    }

    /// Says which cargo builds dependencies, and which rustc says what is wrong with a cell.
    pub fn set_tools(&self, toolchain: &Toolchain) {
        *lock(&self.shared.cargo) = toolchain.cargo.clone();
        *lock(&self.shared.rustc) = toolchain.rustc.clone();
    }

    /// Says where dependencies are built that lie in no folder of the user's: the same in every session, so that they are
    /// built once, and are the same to all that is compiled against them and kept.
    pub fn set_dependencies_folder(&self, folder: PathBuf) {
        *lock(&self.shared.dependencies) = Some(folder);
    }

    /// rustc's messages on a cell that cannot be parsed, or nothing if rustc can parse it. Nobody else need see
    /// such a cell: an open string or comment would swallow what evcxr puts behind it.
    ///
    /// # Errors
    /// When rustc cannot be run.
    pub fn syntax_errors(&self, cell: &Arc<CellSource>, rust: &str) -> std::io::Result<Vec<Value>> {
        let folder = self.shared.folder.join("syntax");
        std::fs::create_dir_all(folder.join("src"))?;
        std::fs::write(
            folder.join("src/lib.rs"),
            format!("async fn cell() {{\n{rust}\n}}\n"),
        )?;
        let plan = Plan {
            rustc: lock(&self.shared.rustc).clone(),
            opt_level: "0".to_owned(),
            ..Plan::default()
        };
        let running = &self.shared.running;
        let environment = [(
            "PATH".to_owned(),
            self.shared.real_path.to_string_lossy().into_owned(),
        )];
        let compiled = rustc::compile(
            &plan,
            &environment,
            &folder,
            &folder.join("libctx.so"),
            Emit::Nothing,
            running,
        )?;
        let map = SourceMap::of_whole_cell(cell, rust.matches('\n').count() + 1);
        let places = diagnostics::Places {
            map: &map,
            marks: &Marks::default(),
        };
        let messages = diagnostics::with_places(&compiled.messages, &places);
        let messages = messages
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        Ok(messages.filter(diagnostics::is_of_the_parser).collect())
    }

    /// Says where the `cellar` crate's library is.
    pub fn set_runtime(&self, library: PathBuf) {
        *lock(&self.shared.runtime) = Some(library);
    }

    /// Cells that are compiled from now on see these variables at compile time.
    pub fn set_environment(&self, variables: Vec<(String, String)>) {
        *lock(&self.shared.environment) = variables;
    }

    /// The compiler of cells.
    pub fn rustc(&self) -> PathBuf {
        lock(&self.shared.rustc).clone()
    }

    /// Takes up a `:build_env`. evcxr only tells of it with a cell that it has analysed.
    pub fn set_build_env(&self, name: &str, value: &str) {
        let mut build_env = lock(&self.shared.build_env);
        build_env.insert(name.to_owned(), value.to_owned());
    }

    /// How the next cell will be compiled if nothing changes; `None` where that is not known, or where crates would
    /// have to be built first.
    pub fn workshop(&self, bounded: bool) -> std::io::Result<Option<Workshop>> {
        let request = lock(&self.shared.request);
        let Some(request) = request.as_ref() else {
            return Ok(None);
        };
        let manifest = std::fs::read_to_string(request.directory.join("Cargo.toml"))?;
        let is_built = self.crates(&plan_key(request, &manifest)).is_some();
        if !is_built && has_dependencies(&manifest) {
            return Ok(None);
        }
        let Ok(mut plan) = self.plan(request, &Order::default())? else {
            return Ok(None);
        };
        if bounded {
            plan.opt_level = "0".to_owned();
        }
        Ok(Some(Workshop {
            plan,
            environment: self.environment(request),
            folder: early::folder(&request.directory.join("cellar")),
        }))
    }

    /// What can be stopped.
    pub fn running(&self) -> &Running {
        &self.shared.running
    }

    /// rustc's environment. Sorted.
    fn environment(&self, request: &BuildRequest) -> Vec<(String, String)> {
        let build_env = lock(&self.shared.build_env);
        let mut environment: Vec<(String, String)> = request
            .environment
            .iter()
            .filter(|(name, _)| name.as_str() != "PATH" && !name.starts_with("CELLAR_"))
            .filter(|(name, _)| !build_env.contains_key(*name))
            .chain(build_env.iter())
            .map(|(name, value)| (name.clone(), value.clone()))
            .chain([(
                "PATH".to_owned(),
                self.shared.real_path.to_string_lossy().into_owned(),
            )])
            .chain(lock(&self.shared.environment).clone())
            .collect();
        environment.sort_unstable();
        environment
    }

    /// See [`Engine::set_materialiser`](super::Engine::set_materialiser).
    pub fn set_materialiser(&self, materialiser: Materialiser) {
        *lock(&self.shared.materialiser) = Some(materialiser);
    }

    /// Prepares for the builds of one cell and forgets what was reported.
    pub fn order(&self, order: Order) {
        *lock(&self.shared.order) = order;
        *lock(&self.shared.report) = BuildReport::default();
        *lock(&self.shared.since) = Instant::now();
        lock(&self.shared.graphs).0 = None;
    }

    /// evcxr has kept the cell: the crates that it was built with are those of the session.
    pub fn keep_dependencies(&self) {
        let mut graphs = lock(&self.shared.graphs);
        if let Some(built) = graphs.0.take() {
            graphs.1 = built;
        }
    }

    /// evcxr has forgotten them.
    pub fn forget_dependencies(&self) {
        lock(&self.shared.graphs).1 = Arc::default();
    }

    /// See [`Engine::dependencies`](super::Engine::dependencies).
    pub fn dependencies(&self) -> Vec<Dependency> {
        let locked = Arc::clone(&lock(&self.shared.graphs).1);
        locked.dependencies(&self.shared.folders)
    }

    /// What each crate is now that cells can name.
    pub fn identities(&self) -> BTreeMap<String, Digest> {
        let locked = Arc::clone(&lock(&self.shared.graphs).1);
        locked.identities(&self.shared.folders)
    }

    pub fn report(&self) -> BuildReport {
        lock(&self.shared.report).clone()
    }

    pub fn marks(&self) -> MutexGuard<'_, Marks> {
        lock(&self.shared.marks)
    }

    /// serde for cells that have no dependencies with it.
    pub fn serde(&self) -> &SerdeForCells {
        &self.shared.serde
    }

    /// How cells are compiled at the moment; `None` before the first.
    pub fn cell_plan(&self) -> Option<Plan> {
        lock(&self.shared.last_plan).clone()
    }

    /// How cells are compiled that have no dependencies.
    pub fn plain_plan(&self) -> Plan {
        let runtime = lock(&self.shared.runtime).clone();
        let runtime = runtime.map(|library| format!("cellar={}", library.display()));
        Plan {
            rustc: lock(&self.shared.rustc).clone(),
            opt_level: "2".to_owned(),
            crates: runtime.map_or_else(Vec::new, |runtime| vec!["--extern".to_owned(), runtime]),
            ..Plan::default()
        }
    }

    /// Ends the compiler or cargo that runs. Returns whether one ran.
    pub fn stop(&self) -> bool {
        self.shared.serde.stop_waiting();
        self.shared.running.stop()
    }

    fn serve(&self, mut stream: UnixStream) {
        let mut text = Vec::new();
        let answer = stream
            .read_to_end(&mut text)
            .map_err(|error| error.to_string())
            .and_then(|_| serde_json::from_slice::<BuildRequest>(&text).map_err(|error| error.to_string()))
            .and_then(|request| {
                // A panic must not leave evcxr without an answer, now and for ever.
                let build = AssertUnwindSafe(|| self.build(&request).map_err(|error| error.to_string()));
                let answer = catch_unwind(build).unwrap_or_else(|panic| Err(panic_text(&*panic)));
                if !checks(&request) {
                    *lock(&self.shared.request) = Some(request);
                }
                answer
            });
        let answer = answer.unwrap_or_else(|message| {
            lock(&self.shared.report).broken = Some(message.clone());
            failed(&message)
        });
        let sent = serde_json::to_vec(&answer)
            .map_err(std::io::Error::from)
            .and_then(|text| stream.write_all(&text));
        *lock(&self.shared.since) = Instant::now();
        if let Err(error) = sent {
            tracing::warn!("build server: could not answer: {error}");
        }
    }

    fn build(&self, request: &BuildRequest) -> std::io::Result<BuildAnswer> {
        let asked = Instant::now();
        let order = lock(&self.shared.order).clone();
        let checks = checks(request);
        let out = request.directory.join("cellar");
        std::fs::create_dir_all(out.join("src"))?;
        let library = out.join("libctx.so");
        let source = request.directory.join("src/lib.rs");
        if let Some(answer) = self.verdict(&order, checks) {
            return Ok(answer);
        }
        match order.answer {
            Answering::Compile => {}
            Answering::Error => return Ok(pretended_errors("E0000", &[1])),
            Answering::NothingMade if checks => return Ok(BuildAnswer::default()),
            Answering::NothingMade => {
                let generated = std::fs::read_to_string(&source)?;
                lock(&self.shared.report).function = rewrite::function(&generated);
                // For a variable that a cell has moved, evcxr gets this error where it would store it again.
                return match rewrite::lines_that_store(&generated, &order.forgotten).as_slice() {
                    [] => nothing_made(request, &library),
                    lines => Ok(pretended_errors("E0382", lines)),
                };
            }
        }
        // Written when evcxr's analysis was done; what has passed since then went into starting the tool.
        let tool = source.metadata()?.modified()?.elapsed().unwrap_or_default();
        let analysis = lock(&self.shared.since).elapsed().saturating_sub(tool);
        let generated = std::fs::read_to_string(source)?;
        let mut plan = match self.plan(request, &order)? {
            Ok(plan) => plan,
            Err(answer) => return Ok(answer),
        };
        let rewritten = if checks {
            rewrite::for_checking(&generated, &self.marks())
        } else {
            let failure = lock(&self.shared.report).failure;
            let needs = Needs {
                question_mark: order.question_mark,
                failure,
                crates: Arc::clone(&plan.identities),
            };
            rewrite::for_running(&generated, &self.marks(), needs)
        };
        {
            let mut report = lock(&self.shared.report);
            report.map = rewritten.map.clone();
            if !checks {
                report.function = rewritten.function;
                report.modes = Some(Modes {
                    question_mark: rewritten.allows_question_mark,
                    awaits: rewritten.is_async,
                });
            }
        }
        if rewritten.for_messages && lock(&self.shared.report).failure == Some(Failure::Explained) {
            // evcxr expects other words for the errors it has; told that there are none, it keeps those.
            return nothing_made(request, &library);
        }
        if !checks && let Some(hint) = mode_to_switch_on(&order, &rewritten) {
            return Ok(hint);
        }
        let no_serde = match self.wait_for_serde(&mut plan, &rewritten.text, &order) {
            Err(Missing::Interrupted) => {
                lock(&self.shared.report).stopped = true;
                return Ok(failed("interrupted"));
            }
            Err(Missing::NotBuilt(said)) => Some(said),
            Ok(()) => None,
        };
        *lock(&self.shared.last_plan) = Some(plan.clone());
        if rewritten.text.contains(VALUES) {
            match self.values(&plan) {
                Ok(arguments) => plan.crates.extend(arguments),
                Err(said) => lock(&self.shared.report).dependencies = Some(said),
            }
        }
        if order.bounded {
            plan.opt_level = "0".to_owned();
        }
        let environment = self.environment(request);
        if let Some(answer) =
            self.compiled_early(request, &order, &generated, &rewritten, (&plan, &environment))?
        {
            return Ok(answer);
        }
        std::fs::write(out.join("src/lib.rs"), &rewritten.text)?;
        let rewriting = asked.elapsed();
        let emit = if checks || rewritten.for_messages {
            Emit::Nothing
        } else {
            Emit::Library
        };
        let compiled = rustc::compile(&plan, &environment, &out, &library, emit, &self.shared.running)?;
        tracing::debug!(?analysis, ?tool, ?rewriting, rustc = ?asked.elapsed() - rewriting, success = compiled.success, "built");
        {
            let mut report = lock(&self.shared.report);
            report.compiles += 1;
            if !compiled.success {
                let caught = !checks && rewritten.catches_panics;
                report.failure = Some(
                    if caught && diagnostics::is_independent_of_closures(&compiled.messages) {
                        Failure::Explained
                    } else if compiled.messages.contains(UNKNOWN_NAME) {
                        Failure::UnknownName
                    } else {
                        Failure::Other
                    },
                );
            }
            report.stopped |= compiled.stopped;
            if let Some(said) =
                no_serde.filter(|_| !compiled.success && compiled.messages.contains("`serde`"))
            {
                report.dependencies = Some(format!(
                    "serde is not there for this cell; cells that do not use it work. It could not be built:\n{said}"
                ));
            }
            report.taken = rewritten.taken.clone();
            report.inputs = compiled.inputs.clone();
        }
        let places = diagnostics::Places {
            map: &rewritten.map,
            marks: &self.marks(),
        };
        let messages = diagnostics::with_places(&compiled.messages, &places);
        if compiled.success && !checks {
            if rewritten.for_messages {
                // Nobody runs it; evcxr only moves it.
                return nothing_made(request, &library);
            }
            return self.ready_to_run(request, &library, &rewritten.taken);
        }
        let status = if compiled.success { 0 } else { 101 };
        // evcxr reads cargo's JSON on stdout for a check, and on either for a build.
        Ok(BuildAnswer {
            stdout: messages,
            stderr: String::new(),
            status,
        })
    }

    /// What evcxr hears where rustc has found the cell wrong before it asked, or right and evcxr only wants to
    /// know what it itself does not like about it.
    fn verdict(&self, order: &Order, checks: bool) -> Option<BuildAnswer> {
        let early = order.early.as_ref()?;
        match early.take() {
            Outcome::Wrong(_) => Some(pretended_errors("E0000", &[1])),
            Outcome::Stopped => {
                lock(&self.shared.report).stopped = true;
                Some(pretended_errors("E0000", &[1]))
            }
            Outcome::Built(_) if checks => Some(BuildAnswer::default()),
            other => {
                early.put_back(other);
                None
            }
        }
    }

    /// The answer to a build, if the cell has been compiled already.
    fn compiled_early(
        &self,
        request: &BuildRequest,
        order: &Order,
        generated: &str,
        rewritten: &Rewritten,
        (plan, environment): (&Plan, &[(String, String)]),
    ) -> std::io::Result<Option<BuildAnswer>> {
        let Some(early) = &order.early else {
            return Ok(None);
        };
        let built = match early.take() {
            Outcome::Built(built) => built,
            Outcome::Fails if rewritten.catches_panics => {
                lock(&self.shared.report).failure = Some(Failure::Other);
                return Ok(Some(pretended_errors("E0000", &[1])));
            }
            _ => return Ok(None),
        };
        let moved = rewrite::lines_that_store(generated, &built.moved);
        if !moved.is_empty() {
            early.put_back(Outcome::Built(built));
            return Ok(Some(pretended_errors("E0382", &moved)));
        }
        if let Err(difference) = built.fit(rewritten, plan, environment) {
            tracing::debug!(difference, "the cell is compiled again");
            return Ok(None);
        }
        {
            let mut report = lock(&self.shared.report);
            report.compiles += built.compiles;
            report.map = built.rewritten.map.clone();
            report.taken = built.rewritten.taken.clone();
            report.inputs = built.inputs.clone();
        }
        self.ready_to_run(request, &built.library, &built.rewritten.taken)
            .map(Some)
    }

    /// Hands a compiled cell to evcxr, which runs it at once.
    fn ready_to_run(
        &self,
        request: &BuildRequest,
        library: &Path,
        taken: &[String],
    ) -> std::io::Result<BuildAnswer> {
        let materialiser = lock(&self.shared.materialiser).clone();
        if let Some(materialiser) = materialiser
            && let Err(reason) = materialiser(taken)
        {
            lock(&self.shared.report).broken = Some(reason.clone());
            return Ok(failed(&reason));
        }
        made(request, library)
    }

    /// How the cell is compiled; builds its dependencies where that has not been done.
    fn plan(&self, request: &BuildRequest, order: &Order) -> std::io::Result<Result<Plan, BuildAnswer>> {
        let manifest = std::fs::read_to_string(request.directory.join("Cargo.toml"))?;
        let key = plan_key(request, &manifest);
        let crates = match self.crates(&key) {
            Some(crates) => crates,
            None => {
                let crates = if has_dependencies(&manifest) {
                    match self.build_dependencies(request, order, &manifest)? {
                        Ok(crates) => crates,
                        Err(answer) => return Ok(Err(answer)),
                    }
                } else {
                    Crates::default()
                };
                lock(&self.shared.plans).insert(key, crates.clone());
                crates
            }
        };
        lock(&self.shared.graphs).0 = Some(crates.locked);
        let Crates {
            arguments: mut crates,
            have_serde,
            identities,
            ..
        } = crates;
        if let Some(serde) = self.shared.serde.now().filter(|_| !have_serde) {
            crates.extend(serde.arguments());
        }
        if let Some(runtime) = lock(&self.shared.runtime).as_ref() {
            crates.push("--extern".to_owned());
            crates.push(format!("cellar={}", runtime.display()));
        }
        let flags = request.environment.get("RUSTFLAGS").map_or("", String::as_str);
        let flags = flags
            .split_whitespace()
            .filter(|flag| *flag != "-Cprefer-dynamic")
            .map(str::to_owned)
            .collect();
        Ok(Ok(Plan {
            rustc: rustc_of(request).into(),
            opt_level: opt_level(&manifest),
            crates,
            flags,
            own_serde: have_serde,
            identities,
        }))
    }

    /// The crates of a set of dependencies, if they are built and nothing has changed in the user's folders since.
    fn crates(&self, key: &str) -> Option<Crates> {
        let crates = lock(&self.shared.plans).get(key).cloned()?;
        let is_fresh =
            crates.locked.is_lasting() || crates.locked.dependencies(&self.shared.folders) == crates.built;
        is_fresh.then_some(crates)
    }

    /// What tells rustc of the crate with which memoised functions write values.
    fn values(&self, plan: &Plan) -> Result<Vec<String>, String> {
        let version = self.shared.serde.rustc_version().unwrap_or_default();
        let cache = lock(&self.shared.cache).clone();
        let support = super::codec::support::build(plan, &version, &cache, &self.shared.running)?;
        Ok(support.arguments())
    }

    /// Where the `cellar` crate's library is, once it is known.
    pub fn runtime(&self) -> Option<PathBuf> {
        lock(&self.shared.runtime).clone()
    }

    /// Says where things are kept that outlive the session.
    pub fn set_cache(&self, cache: PathBuf) {
        *lock(&self.shared.cache) = cache;
    }

    /// A cell that names serde waits until there is one.
    fn wait_for_serde(&self, plan: &mut Plan, text: &str, order: &Order) -> Result<(), Missing> {
        if plan.own_serde
            || self.shared.serde.now().is_some()
            || !rewrite::words(text).any(|word| word == "serde")
        {
            return Ok(());
        }
        let mut progress = DependencyProgress::new(order.frontend.as_deref());
        let serde = self.shared.serde.wait(true, || {
            progress.line("Building serde, once for this compiler");
        });
        progress.end(serde.is_ok());
        plan.crates.extend(serde?.arguments());
        Ok(())
    }

    /// The plan for a crate with this text, if all that it needs is there.
    pub fn plan_at_once(&self, plan: &Plan, text: &str) -> Option<Plan> {
        let mut plan = plan.clone();
        let names_serde = rewrite::words(text).any(|word| word == "serde");
        if names_serde && !plan.own_serde && self.shared.serde.now().is_none() {
            return None;
        }
        if text.contains(VALUES) {
            plan.crates.extend(self.values(&plan).ok()?);
        }
        Some(plan)
    }

    /// Lets cargo build everything but the cell, and learns from it which crates the cell sees.
    fn build_dependencies(
        &self,
        request: &BuildRequest,
        order: &Order,
        manifest: &str,
    ) -> std::io::Result<Result<Crates, BuildAnswer>> {
        let record = request.directory.join("cellar/rustc.json");
        match std::fs::remove_file(&record) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // Cargo would take an unchanged crate for built; its source must exist but is not compiled.
        let mut command = Command::new(lock(&self.shared.cargo).as_path());
        let arguments = request
            .arguments
            .iter()
            .map(|word| if word == "check" { "build" } else { word.as_str() });
        let ask = |directory: &Path, manifest: &str| {
            let mut cargo = Command::new(lock(&self.shared.cargo).as_path());
            cargo
                .current_dir(directory)
                .env_clear()
                .envs(&request.environment)
                .env("PATH", &self.shared.real_path)
                .env_remove(super::shim::BUILD_SOCKET);
            dependencies::ask(&mut cargo, manifest)
        };
        let Dependencies { graph, mut locked } = ask(&request.directory, manifest)?;
        let package = match &graph {
            Graph::With { manifest } => {
                let package = request.directory.join("cellar/with-serde");
                dependencies::write_package(&request.directory, &package, manifest)?;
                // What is built has more features than what evcxr asked for.
                locked = ask(&package, manifest)?.locked;
                package
            }
            Graph::WithoutSerde | Graph::Apart => request.directory.clone(),
        };
        let lasting = locked.as_ref().is_some_and(Locked::is_lasting);
        let shared = lock(&self.shared.dependencies).clone().filter(|_| lasting);
        // Looked at before they are built: what changes meanwhile is found to have changed.
        let locked = locked.unwrap_or_default();
        let built = locked.dependencies(&self.shared.folders);
        let identities = Arc::new(locked.identities(&self.shared.folders));
        if let Some(shared) = &shared {
            kept::use_folder(shared);
        }
        let target = shared.unwrap_or_else(|| request.directory.join("target"));
        distrust(&target, &locked);
        command
            .args(arguments)
            .current_dir(package)
            .env_clear()
            .envs(&request.environment)
            .env("CARGO_TARGET_DIR", &target)
            .env("CARGO_BUILD_BUILD_DIR", &target)
            .env("PATH", &self.shared.real_path)
            .env("RUSTC_WRAPPER", &self.shared.executable)
            .env(RECORD, &record)
            .env_remove(super::shim::BUILD_SOCKET)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = self.shared.running.spawn(&mut command)?;
        let stdout = child.stdout.take();
        let errors = std::thread::spawn(move || diagnostics::rendered_errors(stdout));
        let mut said = String::new();
        let mut progress = DependencyProgress::new(order.frontend.as_deref());
        if let Some(stderr) = child.stderr.take() {
            for line in BufReader::new(stderr).lines() {
                let line = line?;
                if !progress.line(&line) && !is_about_cells(&line) {
                    said.push_str(&line);
                    said.push('\n');
                }
            }
        }
        let (_, stopped) = self.shared.running.wait(&mut child)?;
        let errors = errors.join().unwrap_or_default();
        let recorded = std::fs::read(&record);
        progress.end(recorded.is_ok());
        if let Ok(text) = recorded {
            let arguments: Vec<String> = serde_json::from_slice(&text)?;
            return Ok(Ok(Crates {
                arguments: rustc::crate_arguments(&arguments),
                have_serde: graph != Graph::WithoutSerde,
                locked: Arc::new(locked),
                built,
                identities,
            }));
        }
        let mut report = lock(&self.shared.report);
        report.stopped |= stopped;
        let message = format!("{errors}{said}");
        report.dependencies = Some(message.trim_end().to_owned());
        Ok(Err(failed("the dependencies could not be built")))
    }
}

/// evcxr learns from an error that a cell needs `?` or `.await`. We know it before: the error costs
/// no compile, and evcxr keeps the mode for the rest of the session.
fn mode_to_switch_on(order: &Order, rewritten: &Rewritten) -> Option<BuildAnswer> {
    let line = rewritten.statement_line?;
    if order.awaits && !rewritten.is_async {
        return Some(pretended_errors("E0728", &[line]));
    }
    if order.question_mark && !rewritten.allows_question_mark {
        return Some(pretended_errors("E0277", &[line]));
    }
    None
}

fn rustc_of(request: &BuildRequest) -> &str {
    request.environment.get("RUSTC").map_or("rustc", String::as_str)
}

/// Whether evcxr wants to know what is wrong, and no library.
fn checks(request: &BuildRequest) -> bool {
    request.arguments.iter().any(|argument| argument == "check")
}

/// Has cargo build the packages again that lie in folders of the user's. It goes by the times of files, and would not
/// notice one that was replaced by an older one.
fn distrust(target: &Path, locked: &Locked) {
    let fingerprints = target.join("debug/.fingerprint");
    for entry in std::fs::read_dir(fingerprints).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let package = name.rsplit_once('-').map_or(&*name, |(package, _)| package);
        if locked.in_folders().any(|changed| changed == package) {
            // What stays is only built once more.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// What decides which crates a cell sees.
fn plan_key(request: &BuildRequest, manifest: &str) -> String {
    format!("{}\n{manifest}", rustc_of(request))
}

fn has_dependencies(manifest: &str) -> bool {
    manifest
        .rsplit_once("[dependencies]")
        .is_some_and(|(_, list)| !list.trim().is_empty())
}

fn opt_level(manifest: &str) -> String {
    manifest
        .lines()
        .find_map(|line| line.trim().strip_prefix("opt-level ="))
        .map_or_else(
            || "2".to_owned(),
            |level| level.trim().trim_matches('"').to_owned(),
        )
}

fn is_about_cells(line: &str) -> bool {
    line.contains("ctx v1.0.0") || line.contains("`ctx`")
}
