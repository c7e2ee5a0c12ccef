//! Cells that are never computed twice.
//!
//! The [ledger] says what the session's variables hold and which run made them. From it and the cell's text come the cell's
//! [inputs]; their hash is the key of an entry in the store. [cell] is the way of a cell with a directive: a hit gives back what
//! the entry holds, a miss runs the cell and keeps what it made.
//!
//! Nothing here knows evcxr, processes or Jupyter's messages: what is asked of engine and host is the trait [`Machine`].

mod cell;
mod explain;
mod files;
mod function_words;
mod inputs;
mod items;
mod ledger;
pub mod machine;
mod magics;
mod manifest;
mod policy;
mod recording;
mod resource;
mod saver;
mod surroundings;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use cellar_cache::{Change, Hasher, Ingredient, IngredientKind, Store, printable};

use crate::analysis::CellReading;
use crate::cell::CellSource;
use explain::Outcome;
use files::Files;
use items::SessionItems;
use ledger::{Ledger, Stored, Variable};
use resource::Instances;
use saver::Saver;
use surroundings::Looked;

pub use cell::{CachedCell, Seen};
pub use machine::{Adopted, Instance, Machine, Refusal, Saved, Saving, Typed, When};
pub use magics::{InMemory, KnownFunction, OfFunctions};
pub use manifest::Value;
pub use policy::{Kind, Policy};

/// How often a waiting thread looks whether it was interrupted.
const STEP: Duration = Duration::from_millis(50);

/// Why no value can be had of a cell that is to end.
const INTERRUPTED: &str = "interrupted";

/// How long the end of the session waits for entries that are being written.
const LAST_WRITES: Duration = Duration::from_secs(30);

/// The cache of a session.
pub struct Caching {
    me: Weak<Caching>,
    store: Store,
    machine: Arc<dyn Machine>,
    state: Mutex<State>,
    /// Which notebook it is.
    scope: String,
    /// Makes values safe from later cells.
    beginning: Saver,
    /// Writes them.
    finishing: Arc<Saver>,
    interrupted: AtomicBool,
}

struct State {
    ledger: Ledger,
    items: SessionItems,
    /// What cells have made and the process keeps.
    instances: Vec<Instances>,
    files: Files,
    on: bool,
    /// The last run of each cell that has a directive, the latest last.
    last: Vec<LastRun>,
    /// What is to be told with the next cell: it became known after the reply.
    late: Vec<String>,
    /// How runs that have not ended differ from what was kept before them, by the name of their entry: their ingredients, and
    /// the changes.
    compared: BTreeMap<String, (Vec<Ingredient>, Vec<Change>)>,
    /// Variables whose stored values cannot be had.
    lost: Vec<String>,
    /// Settings of the session that change what cells show.
    settings: BTreeMap<String, String>,
}

/// What may be assumed of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ran {
    /// Nothing.
    Freely,
    /// It has a directive: its author says that what it makes comes from its inputs, and that it changes nothing else.
    AsDeclared,
}

/// The variables that a cell binds, and whether with `mut`.
fn defined(reading: &CellReading) -> BTreeMap<String, bool> {
    reading
        .defines
        .iter()
        .map(|defined| (defined.name.clone(), defined.mutable))
        .collect()
}

/// How a cell with a directive ran last.
#[derive(Debug, Clone)]
pub struct LastRun {
    pub name: String,
    pub cell: String,
    pub ingredients: Vec<Ingredient>,
    pub outcome: Outcome,
    /// Why it could not be kept.
    pub kept: Option<String>,
}

impl Caching {
    /// The cache of a new session of the notebook `scope`.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn new(store: Store, machine: Arc<dyn Machine>, scope: String) -> std::io::Result<Arc<Caching>> {
        let (beginning, finishing) = (Saver::start()?, Arc::new(Saver::start()?));
        Ok(Arc::new_cyclic(|me| Caching {
            me: me.clone(),
            store,
            machine,
            state: Mutex::new(State {
                ledger: Ledger::new(),
                items: SessionItems::default(),
                instances: Vec::new(),
                files: Files::default(),
                on: true,
                last: Vec::new(),
                late: Vec::new(),
                compared: BTreeMap::new(),
                lost: Vec::new(),
                settings: BTreeMap::new(),
            }),
            scope,
            beginning,
            finishing,
            interrupted: AtomicBool::new(false),
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn me(&self) -> Weak<Caching> {
        self.me.clone()
    }

    /// Enters a run that went well, with a directive or without.
    pub fn ran(&self, cell: &str, rust: &str, reading: &CellReading, how: Ran) {
        let now = self.machine.variables();
        let mut state = self.state();
        let State { ledger, items, .. } = &mut *state;
        items.learn(cell, rust, reading);
        let names = |name: &str| reading.flags.reads_everything || reading.reads.contains_key(name);
        // Values that share something inside may be changed by way of each other.
        let shares =
            |variable: &Variable| !items.is_frozen(&variable.type_text) && variable.resource.is_none();
        let touches_shared = ledger
            .iter()
            .any(|(name, variable)| names(name) && shares(variable));
        ledger.ran(cell, &now, &defined(reading), |name, variable| {
            (names(name) && variable.mutable && variable.resource.is_none())
                || (how == Ran::Freely && touches_shared && shares(variable))
        });
        drop(state);
        self.release_redefined();
    }

    /// Has something told with the next cell.
    pub fn warn_later(&self, words: impl IntoIterator<Item = String>) {
        self.state().late.extend(words);
    }

    /// What became known since the last cell and concerns the user.
    pub fn late_words(&self) -> Vec<String> {
        std::mem::take(&mut self.state().late)
    }

    /// Everything was forgotten.
    pub fn forget_all(&self) {
        let mut state = self.state();
        state.ledger.clear();
        state.items = SessionItems::default();
    }

    /// The process of the cells is about to end, and with it all variables and instances. Items stay.
    pub fn forget_values(&self) {
        // What is still to be stored is in that process.
        self.settle();
        self.release_all();
        self.state().ledger.clear();
    }

    /// Whether `%cache off` has not been said.
    pub fn is_on(&self) -> bool {
        self.state().on
    }

    /// What all compiled code depends on besides the notebook's items.
    pub fn surroundings(&self) -> String {
        let mut hasher = Hasher::new("surroundings");
        hasher.text("target", std::env::consts::ARCH);
        hasher.text("system", std::env::consts::OS);
        for (name, digest, _) in self.machine.dependencies() {
            hasher.digest(&name, &digest);
        }
        hasher.finish().to_string()
    }

    /// The settings that change what cells compute or show, and are not as in a new session.
    pub fn set(&self, settings: BTreeMap<String, String>) {
        self.state().settings = settings;
    }

    /// Whether a variable can be used, and if not, why: the host gets the values of `names` that are still bytes.
    ///
    /// # Errors
    /// Which value cannot be had, and what to do.
    pub fn materialise(&self, names: &[String]) -> Result<(), String> {
        if !self.wait_until_safe() {
            return Err(INTERRUPTED.to_owned());
        }
        for name in names {
            let stored = self
                .state()
                .ledger
                .get(name)
                .and_then(|variable| Some((variable.stored.clone()?, variable.cell.clone())));
            let Some((
                Stored {
                    value,
                    held,
                    identity,
                },
                cell,
            )) = stored
            else {
                continue;
            };
            if self.machine.identity(&value.type_text, When::InBuild) != identity {
                self.state().lost.push(name.clone());
                return Err(format!(
                    "`{name}` came from the cache, and its type `{}` has changed since: a definition or a crate that it \
                     leads to. Run {cell} again.",
                    value.type_text
                ));
            }
            if !self.prepare(vec![value.type_text.clone()]) {
                return Err(INTERRUPTED.to_owned());
            }
            let started = Instant::now();
            let checked = self.store.file_of(&held);
            let check = started.elapsed();
            let loaded = match checked {
                Ok(file) => {
                    let loaded = self.machine.load(&value, &file).map_err(|refusal| refusal.0);
                    self.store.done_with(&held, &file);
                    loaded
                }
                Err(error) => Err(error.to_string()),
            };
            tracing::debug!(name, ?check, load = ?(started.elapsed() - check), "materialised");
            match loaded {
                Ok(()) => self.state().ledger.materialised(name),
                Err(why) => {
                    self.state().lost.push(name.clone());
                    return Err(format!(
                        "`{name}` came from the cache and its value cannot be had: {why}. Run {cell} again."
                    ));
                }
            }
        }
        Ok(())
    }

    /// Writes values behind the cell's back and then calls `done` with what became of each.
    fn save(
        &self,
        variables: Vec<Typed>,
        done: impl FnOnce(Vec<(String, Result<Saved, Refusal>)>) + Send + 'static,
    ) {
        let (machine, store) = (Arc::clone(&self.machine), self.store.clone());
        let finishing = Arc::clone(&self.finishing);
        self.beginning.give(move || {
            let files: std::io::Result<Vec<_>> = variables
                .iter()
                .map(|variable| Ok((variable.clone(), store.temp_path()?)))
                .collect();
            let saving = match files {
                Ok(files) => machine.save(&files),
                Err(error) => {
                    let refused = Refusal(format!("no file can be made in the store: {error}"));
                    let name = |variable: Typed| (variable.name, Err(refused.clone()));
                    let all: Vec<_> = variables.into_iter().map(name).collect();
                    Box::new(move || all)
                }
            };
            finishing.give(move || done(saving()));
        });
    }

    /// Waits until no cell can change a value that is still to be written. Returns whether it is so: an interrupt
    /// ends the waiting.
    fn wait_until_safe(&self) -> bool {
        while !self.beginning.wait(STEP) {
            if self.is_interrupted() {
                return false;
            }
        }
        true
    }

    pub fn interrupt(&self) {
        self.interrupted.store(true, Ordering::SeqCst);
        self.machine.interrupt();
    }

    /// Has what values of these types need made, in a thread of its own. Returns whether it is there: an interrupt ends the waiting
    /// at once, and what is being made is there for the next cell.
    fn prepare(&self, type_texts: Vec<String>) -> bool {
        let (machine, (done, is_done)) = (Arc::clone(&self.machine), channel::<()>());
        let prepare = move || {
            machine.prepare(&type_texts);
            drop(done);
        };
        if let Err(error) = std::thread::Builder::new()
            .name("prepare".to_owned())
            .spawn(prepare)
        {
            tracing::warn!("values are prepared while a cell waits: {error}");
        }
        while is_done.recv_timeout(STEP) == Err(RecvTimeoutError::Timeout) {
            if self.is_interrupted() {
                return false;
            }
        }
        true
    }

    /// A cell begins.
    pub fn begin(&self) {
        self.interrupted.store(false, Ordering::SeqCst);
        self.forget_lost();
        self.release_forgotten();
    }

    /// Variables whose values cannot be had are there no longer, so that nothing stands in the way of a cell that makes them
    /// again.
    fn forget_lost(&self) {
        let lost = {
            let mut state = self.state();
            let mut lost = std::mem::take(&mut state.lost);
            // What has a value by now is not lost.
            lost.retain(|name| state.ledger.get(name).is_some_and(|known| known.stored.is_some()));
            for name in &lost {
                state.ledger.remove(name);
            }
            lost
        };
        if !lost.is_empty() {
            self.machine.adopt(Adopted {
                cell: CellSource::new("", ""),
                rust: String::new(),
                variables: Vec::new(),
                removed: lost,
            });
        }
    }

    fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::SeqCst)
    }

    /// Waits for what is being written.
    pub fn shutdown(&self) {
        if !(self.beginning.wait(LAST_WRITES) && self.finishing.wait(LAST_WRITES)) {
            tracing::warn!("values were still being written when the session ended; they are not kept");
        }
    }

    fn late(&self, name: &str, why: String) {
        tracing::debug!(name, why, "not kept");
        self.not_kept(name, &why);
        self.state()
            .late
            .push(format!("`{}` was not kept: {why}", printable(name)));
    }

    fn not_kept(&self, name: &str, why: &str) {
        if let Some(run) = self.state().last.iter_mut().find(|run| run.name == name) {
            run.kept = Some(why.to_owned());
        }
    }

    /// What the compiler and the cell itself have read, as ingredients.
    fn observed(&self, seen: &Seen) -> Vec<Ingredient> {
        let mut state = self.state();
        let files = seen.files.iter().map(|file| state.files.ingredient(file));
        let mut observed: Vec<Ingredient> = files.collect();
        observed.extend(
            seen.env
                .iter()
                // The kernel's own: codes of cached functions, whose items are inputs anyway.
                .filter(|(name, _)| !name.starts_with("CELLAR_"))
                .map(|(name, value)| files::env_ingredient(name, value.as_ref().map(AsRef::as_ref))),
        );
        observed.extend(surroundings::ingredients(seen));
        observed
    }

    /// The same as it is now. The compiler has the kernel's own environment.
    fn observe_again(&self, observed: &[Ingredient], looked: &mut Looked) -> Vec<Ingredient> {
        let mut now = self.surroundings_now(observed, looked);
        let mut state = self.state();
        let of_compiler = observed.iter().filter(|then| !surroundings::is_surrounding(then));
        now.extend(of_compiler.map(|then| match then.kind {
            IngredientKind::Env => files::env_ingredient(&then.name, std::env::var_os(&then.name).as_deref()),
            _ => state.files.ingredient(then.name.as_ref()),
        }));
        now
    }
}
