//! A notebook's session: what cells were run, what there is now, and how the next cell is run.
//!
//! The session is the only place that knows magics, engine and host. It knows nothing of Jupyter's messages.

mod caching;
mod capture;
mod cells;
mod errors;
mod function_results;
mod functions;
mod help;
mod last_errors;
mod params;
mod run;
mod session_map;
mod settings;
mod spinner;
mod surroundings;
mod workshop;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use cellar_cache::{Options, Store};

use crate::engine::Engine;
use crate::functions::{Codes, Exchange};
use crate::help::KnownNames;
use crate::interpreter::{
    Completeness, Completions, ExecuteOutcome, ExecuteRequest, Frontend, Interpreter, MimeBundle,
};
use crate::magic;
use crate::params::SharedParams;
use caching::Caching;
use cells::Cells;
use last_errors::LastErrors;
use settings::Settings;
use surroundings::{SharedSurroundings, Surroundings};
use workshop::Workshop;

/// A running session.
pub struct Session {
    engine: Arc<Engine>,
    caching: Arc<Caching>,
    cells: Mutex<Cells>,
    settings: Mutex<Settings>,
    last_errors: Mutex<LastErrors>,
    /// The items of cells that went well, for help while typing.
    names: Mutex<KnownNames>,
    /// The functions below directives.
    functions: Mutex<Codes>,
    /// Their results, between the store and the process that runs cells.
    exchange: Arc<Mutex<Exchange>>,
    store: Store,
    /// Parameters and the session map.
    surroundings: SharedSurroundings,
    /// The notebook's file, if it is known.
    notebook: Option<PathBuf>,
    /// The first cell that was run: it tells notebooks apart.
    first_cell: OnceLock<String>,
    /// What the store calls this notebook.
    scope: String,
    /// Deprecated directives of which the user was told.
    warned: Mutex<BTreeSet<&'static str>>,
    /// The running cell is to end as soon as it can.
    interrupted: AtomicBool,
    /// Stops the shell command that runs.
    shell: Mutex<magic::Stop>,
}

impl Session {
    /// Starts a session of a notebook, if it is known of which. Returns at once; the engine boots behind it.
    ///
    /// Must be called before the process has other threads (see [`Engine::start`]).
    ///
    /// # Errors
    /// When no temporary folder can be made.
    pub fn start(notebook: Option<&Path>, params: SharedParams) -> std::io::Result<Session> {
        let scope = scope(notebook);
        let engine = Arc::new(Engine::start(cache_folder())?);
        let (store, warning) = open_store();
        engine.keep_artifacts(&store);
        let given = engine.given_file().unwrap_or_default();
        let surroundings = Arc::new(Surroundings::new(params, given));
        let caching = Caching::new(
            store.clone(),
            Arc::new(Workshop::new(Arc::clone(&engine), Arc::clone(&surroundings))),
            scope.clone(),
        )?;
        let materialiser = Arc::downgrade(&caching);
        engine.set_materialiser(Arc::new(move |names: &[String]| {
            materialiser
                .upgrade()
                .map_or(Ok(()), |caching| caching.materialise(names))
        }));
        caching.warn_later(warning);
        let settings = Settings::default();
        caching.set(settings.changed());
        Ok(Session {
            caching,
            cells: Mutex::default(),
            settings: Mutex::new(settings),
            last_errors: Mutex::default(),
            names: Mutex::default(),
            functions: Mutex::default(),
            exchange: Arc::new(Mutex::new(Exchange::new(
                engine.functions_folder().unwrap_or_default(),
            ))),
            store,
            surroundings,
            notebook: notebook.map(Path::to_owned),
            first_cell: OnceLock::new(),
            scope,
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

    fn last_errors(&self) -> MutexGuard<'_, LastErrors> {
        self.last_errors.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change_settings(&self, settings: Settings) {
        self.caching.set(settings.changed());
        *self.settings() = settings;
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

/// The store that all sessions of a user share, and what is wrong with how it was configured.
fn open_store() -> (Store, Option<String>) {
    let (budget_bytes, warning) = match cellar_cache::budget_from_env() {
        Ok(budget) => (budget, None),
        Err(error) => {
            let default = cellar_cache::human_limit(cellar_cache::DEFAULT_BUDGET);
            let warning = format!("cache: {error}. The cache may have {default} until that is mended.");
            (cellar_cache::DEFAULT_BUDGET, Some(warning))
        }
    };
    let options = Options {
        budget_bytes,
        ..Options::default()
    };
    let store = Store::open(cache_folder().join("store"), options);
    // The budget may be smaller than it was.
    store.maintain();
    (store, warning)
}

/// What the store calls the notebook: its path, as far as anybody has told (the caller, `CELLAR_NOTEBOOK`, Jupyter's own
/// variable), or else its folder.
fn scope(notebook: Option<&Path>) -> String {
    let told = || {
        ["CELLAR_NOTEBOOK", "JPY_SESSION_NAME"]
            .into_iter()
            .filter_map(std::env::var_os)
            .find(|name| !name.is_empty())
            .map(PathBuf::from)
    };
    let folder = std::env::current_dir().unwrap_or_default();
    let notebook = notebook.map(Path::to_owned).or_else(told);
    notebook
        .map_or(folder.clone(), |name| folder.join(name))
        .display()
        .to_string()
}

impl Interpreter for Session {
    fn execute(&self, request: ExecuteRequest, frontend: Arc<dyn Frontend>) -> ExecuteOutcome {
        self.interrupted.store(false, Ordering::SeqCst);
        self.caching.begin();
        function_results::forget_cleared(self);
        run::cell(self, &request, &frontend)
    }

    fn interrupt(&self) {
        self.interrupted.store(true, Ordering::SeqCst);
        self.caching.interrupt();
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

    fn forget(&self, key: &str) -> Result<(u64, u64), String> {
        let key = key
            .parse()
            .map_err(|_| format!("`{key}` is no key of a cache entry"))?;
        self.caching.forget_entry(key)
    }

    fn shutdown(&self) {
        self.interrupt();
        functions::end(self);
        self.caching.shutdown();
        self.engine.shutdown();
    }

    fn last_words(&self) -> Vec<String> {
        run::late_words(self)
    }
}
