//! A notebook's session: what cells were run, what there is now, and how the next cell is run.
//!
//! The session is the only place that knows magics, engine and host. It knows nothing of Jupyter's messages.

mod capture;
mod cells;
mod errors;
mod functions;
mod help;
mod run;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::engine::Engine;
use crate::engine::cell_code::DebugFormat;
use crate::functions::{Codes, Exchange};
use crate::help::KnownNames;
use crate::interpreter::{
    Completeness, Completions, ExecuteOutcome, ExecuteRequest, Frontend, Interpreter, MimeBundle,
};
use crate::magic;
use cellar_cache::Store;
use cells::Cells;

/// A running session.
pub struct Session {
    engine: Engine,
    cells: Mutex<Cells>,
    settings: Mutex<Settings>,
    /// The items of cells that went well, for help while typing.
    names: Mutex<KnownNames>,
    /// The functions below directives.
    functions: Mutex<Codes>,
    /// Their results, between the store and the process that runs cells.
    exchange: Arc<Mutex<Exchange>>,
    store: Store,
    /// Deprecated directives of which the user was told.
    warned: Mutex<BTreeSet<&'static str>>,
    /// The running cell is to end as soon as it can.
    interrupted: AtomicBool,
    /// Stops the shell command that runs.
    shell: Mutex<magic::Stop>,
}

/// What a user has set for the session.
#[derive(Debug, Clone, Default)]
struct Settings {
    debug_format: DebugFormat,
}

impl Session {
    /// Starts a session. Returns at once; the engine boots behind it.
    ///
    /// Must be called before the process has other threads (see [`Engine::start`]).
    ///
    /// # Errors
    /// When no temporary folder can be made.
    pub fn start() -> std::io::Result<Session> {
        let engine = Engine::start(cache_folder())?;
        Ok(Session {
            cells: Mutex::default(),
            settings: Mutex::default(),
            names: Mutex::default(),
            functions: Mutex::default(),
            exchange: Arc::new(Mutex::new(Exchange::new(
                engine.functions_folder().unwrap_or_default(),
            ))),
            store: Store::open(cache_folder(), cellar_cache::Options::default()),
            warned: Mutex::default(),
            engine,
            interrupted: AtomicBool::new(false),
            shell: Mutex::default(),
        })
    }

    fn cells(&self) -> MutexGuard<'_, Cells> {
        self.cells.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn settings(&self) -> MutexGuard<'_, Settings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn names(&self) -> MutexGuard<'_, KnownNames> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn functions(&self) -> MutexGuard<'_, Codes> {
        self.functions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What stops the shell command that is started next.
    fn new_shell(&self) -> magic::Stop {
        let stop = magic::Stop::new();
        *self.shell.lock().unwrap_or_else(PoisonError::into_inner) = stop.clone();
        stop
    }

    fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::SeqCst)
    }
}

/// Where things are kept that outlive a session: `CELLAR_CACHE_DIR`, or `cellar` in the platform's cache
/// folder, or in the temporary folder where there is no home.
pub fn cache_folder() -> PathBuf {
    if let Some(folder) = std::env::var_os("CELLAR_CACHE_DIR").filter(|folder| !folder.is_empty()) {
        return folder.into();
    }
    match directories::BaseDirs::new() {
        Some(base) => base.cache_dir().join("cellar"),
        None => std::env::temp_dir().join("cellar-cache"),
    }
}

impl Interpreter for Session {
    fn execute(&self, request: ExecuteRequest, frontend: Arc<dyn Frontend>) -> ExecuteOutcome {
        self.interrupted.store(false, Ordering::SeqCst);
        run::cell(self, &request, &frontend)
    }

    fn interrupt(&self) {
        self.interrupted.store(true, Ordering::SeqCst);
        self.shell.lock().unwrap_or_else(PoisonError::into_inner).stop();
        self.engine.interrupt();
    }

    fn complete(&self, code: &str, cursor: usize) -> Completions {
        if crate::help::is_too_deep(code) {
            return Completions {
                start: cursor,
                end: cursor,
                matches: Vec::new(),
            };
        }
        help::complete(self, code, cursor)
    }

    fn inspect(&self, code: &str, cursor: usize, detail: u8) -> Option<MimeBundle> {
        if crate::help::is_too_deep(code) {
            return None;
        }
        help::inspect(self, code, cursor, detail)
    }

    fn is_complete(&self, code: &str) -> Completeness {
        if crate::help::is_too_deep(code) {
            return Completeness::Complete;
        }
        crate::help::is_complete(code)
    }

    fn shutdown(&self) {
        self.interrupt();
        functions::end(self);
        self.engine.shutdown();
    }
}
