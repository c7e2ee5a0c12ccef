//! Builds what evcxr asks `cargo` for.
//!
//! evcxr's `cargo build` and `cargo check` end up here through the [`shim`]. The generated crate is
//! [rewritten](super::cell_crate::rewrite) and compiled by [rustc alone](super::rustc); cargo runs once for each set of dependencies.
//! All this happens in threads of their own while evcxr's thread waits for "cargo".
//!
//! Reading order: [`order`], [`answering`], [`planning`], [`dependency_build`], [`at_hand`].

mod answering;
mod answers;
mod at_hand;
mod dependency_build;
mod order;
mod planning;
pub mod shim;
mod syntax;

use std::collections::{BTreeMap, HashMap};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, RwLock};
use std::time::Instant;

use cellar_cache::Digest;

pub use at_hand::AtHand;
pub use order::{Answering, BuildReport, Materialiser, Order, RunLibrary};
use shim::BuildRequest;

use super::cell_crate::source_map::Marks;
use super::dependencies::locked::{Dependency, Folders, Locked};
use super::dependencies::resolved::Crates;
use super::lock;
use super::rustc::{Plan, Running};
use super::serde_for_cells::SerdeForCells;
use super::toolchain::Toolchain;
use super::types::names::TypeNames;

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
    /// Dependencies that the session has and evcxr is still to be told of, among the others.
    untold: Mutex<Option<AtHand>>,
    serde: SerdeForCells,
    type_names: TypeNames,
    /// How the last cell was compiled, whatever its own optimisation.
    last_plan: Mutex<Option<Plan>>,
    running: Running,
    materialiser: Mutex<Option<Materialiser>>,
    awaits: AtomicBool,
    /// The files of evcxr's package are those of the session.
    is_package_current: AtomicBool,
    failed: AtomicBool,
    /// The build that evcxr asked for last.
    request: Mutex<Option<BuildRequest>>,
    /// Where dependencies are built that other sessions can use, too.
    dependencies: Mutex<Option<PathBuf>>,
    compiler: RwLock<()>,
    cargo: Mutex<PathBuf>,
    rustc: Mutex<PathBuf>,
    folder: PathBuf,
    real_path: std::ffi::OsString,
    executable: PathBuf,
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
            untold: Mutex::default(),
            serde: SerdeForCells::default(),
            type_names: TypeNames::default(),
            last_plan: Mutex::default(),
            running: Running::default(),
            materialiser: Mutex::default(),
            awaits: AtomicBool::new(false),
            is_package_current: AtomicBool::new(true),
            failed: AtomicBool::new(false),
            request: Mutex::default(),
            dependencies: Mutex::default(),
            compiler: RwLock::default(),
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

    /// Who uses compiler and libraries apart from cells holds this, so that they stay what they are meanwhile.
    pub fn compiler(&self) -> &RwLock<()> {
        &self.shared.compiler
    }

    /// Says which cargo builds dependencies, and which rustc says what is wrong with a cell.
    pub fn set_tools(&self, toolchain: &Toolchain) {
        *lock(&self.shared.last_plan) = None;
        *lock(&self.shared.cargo) = toolchain.cargo.clone();
        *lock(&self.shared.rustc) = toolchain.rustc.clone();
    }

    /// Says where dependencies are built that lie in no folder of the user's: the same in every session, so that they are
    /// built once, and are the same to all that is compiled against them and kept.
    pub fn set_dependencies_folder(&self, folder: PathBuf) {
        *lock(&self.shared.dependencies) = Some(folder);
    }

    /// Says where the `cellar` crate's library is.
    pub fn set_runtime(&self, library: PathBuf) {
        *lock(&self.shared.runtime) = Some(library);
    }

    /// Cells that are compiled from now on see these variables at compile time.
    pub fn set_environment(&self, variables: Vec<(String, String)>) {
        *lock(&self.shared.environment) = variables;
    }

    /// Whether cells see a variable because [`set_environment`](BuildServer::set_environment) said so.
    pub fn has_set(&self, variable: &str) -> bool {
        lock(&self.shared.environment)
            .iter()
            .any(|(name, _)| name == variable)
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

    /// What can be stopped.
    pub fn running(&self) -> &Running {
        &self.shared.running
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

    /// evcxr starts anew, and has asked for nothing.
    pub fn forget_request(&self) {
        *lock(&self.shared.request) = None;
    }

    /// evcxr has forgotten them.
    pub fn forget_dependencies(&self) {
        lock(&self.shared.graphs).1 = Arc::default();
        *lock(&self.shared.untold) = None;
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

    /// What rust-analyzer calls types of crates.
    pub fn type_names(&self) -> &TypeNames {
        &self.shared.type_names
    }

    /// Ends the compiler or cargo that runs. Returns whether one ran.
    pub fn stop(&self) -> bool {
        self.shared.serde.stop_waiting();
        self.shared.running.stop()
    }

    /// Where the `cellar` crate's library is, once it is known.
    pub fn runtime(&self) -> Option<PathBuf> {
        lock(&self.shared.runtime).clone()
    }

    /// Says where things are kept that outlive the session.
    pub fn set_cache(&self, cache: PathBuf) {
        *lock(&self.shared.cache) = cache;
    }

    /// Brings the values of variables into the host's store.
    pub fn materialise(&self, names: &[String]) -> Result<(), String> {
        let materialiser = lock(&self.shared.materialiser).clone();
        materialiser.map_or(Ok(()), |materialiser| materialiser(names))
    }

    /// Whether evcxr runs cells in an asynchronous runtime.
    pub fn awaits(&self) -> bool {
        self.shared.awaits.load(Ordering::SeqCst)
    }

    pub fn set_awaits(&self, awaits: bool) {
        self.shared.awaits.store(awaits, Ordering::SeqCst);
    }

    /// Says whether the files of evcxr's package are those of the session. evcxr writes them before it builds; after a cell
    /// that failed they may be those of that cell, and after a `:command` they may be out of date.
    pub fn set_package_current(&self, is_current: bool) {
        self.shared.is_package_current.store(is_current, Ordering::SeqCst);
    }

    fn is_package_current(&self) -> bool {
        self.shared.is_package_current.load(Ordering::SeqCst)
    }

    /// Whether the engine could not be started.
    pub fn has_failed(&self) -> bool {
        self.shared.failed.load(Ordering::SeqCst)
    }

    pub fn set_failed(&self, failed: bool) {
        self.shared.failed.store(failed, Ordering::SeqCst);
    }
}
