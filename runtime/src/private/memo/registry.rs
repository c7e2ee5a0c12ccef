//! The instances that are kept by reference, and how each leaves: exactly once, through its `on_release`.

use std::any::Any;
use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::c_void;
use std::panic::AssertUnwindSafe;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::hasher;
use crate::{Resource, host};

/// An instance with what is to be called for it.
pub struct Held<T> {
    pub handle: Resource<T>,
    pub on_release: Option<fn(&T)>,
    pub validate: Option<fn(&T) -> bool>,
}

/// Asks whether an instance is valid. It is user code.
pub type Check = Box<dyn FnOnce() -> bool>;

/// Whether an instance is valid; one whose check panics is not.
pub fn passes(check: impl FnOnce() -> bool) -> bool {
    std::panic::catch_unwind(AssertUnwindSafe(check)).unwrap_or(false)
}

/// Releases an instance. The panic hook tells of a panic; here nobody could do anything about it.
pub(crate) fn contain(release: impl FnOnce()) {
    if std::panic::catch_unwind(AssertUnwindSafe(release)).is_err() {
        eprintln!("warning: `on_release` panicked; the instance is released all the same");
    }
}

/// An instance of any type.
pub trait Instance: Any {
    fn as_any(&self) -> &dyn Any;
    fn release(&self);
    /// Whether it may be handed out again, to be asked later.
    fn check(&self) -> Check;
    fn type_name(&self) -> &'static str;
    /// A handle on the heap, and what drops it.
    fn handle(&self) -> (*mut c_void, unsafe extern "C" fn(*mut c_void));
}

impl<T: 'static> Instance for Held<T> {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn release(&self) {
        if let Some(on_release) = self.on_release {
            on_release(&self.handle);
        }
    }

    fn check(&self) -> Check {
        let (handle, validate) = (self.handle.clone(), self.validate);
        Box::new(move || validate.is_none_or(|validate| validate(&handle)))
    }

    fn type_name(&self) -> &'static str {
        std::any::type_name::<Resource<T>>()
    }

    fn handle(&self) -> (*mut c_void, unsafe extern "C" fn(*mut c_void)) {
        unsafe extern "C" fn drop_handle<T>(handle: *mut c_void) {
            // SAFETY: made from a box of this type, below; the caller calls it once.
            drop(unsafe { Box::from_raw(handle.cast::<Resource<T>>()) });
        }
        let handle = Box::into_raw(Box::new(self.handle.clone()));
        (handle.cast(), drop_handle::<T>)
    }
}

/// Whose an instance is: a function or variable, and which version of it (a function's code, a cell's key).
#[derive(Debug, Clone, Copy)]
pub struct Owner<'a> {
    pub name: &'a str,
    pub version: &'a str,
}

/// How many instances an owner may have, and how long.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bounds {
    pub ttl: Option<Duration>,
    pub max_entries: Option<u64>,
}

struct Entry<B: ?Sized> {
    instance: Box<B>,
    made: Instant,
    used: u64,
    ttl: Option<Duration>,
    /// The variable's identity in the host's store, for instances of cells.
    identity: Option<[u8; 16]>,
}

/// Instances by owner and key.
pub struct Registry<B: ?Sized> {
    names: HashMap<String, Versions<B>>,
    clock: u64,
}

type Versions<B> = HashMap<String, HashMap<Box<[u8]>, Entry<B>, hasher::Build>>;

impl<B: ?Sized> Default for Registry<B> {
    fn default() -> Registry<B> {
        Registry {
            names: HashMap::new(),
            clock: 0,
        }
    }
}

/// Instances that left a registry. They are released when the registry is free for others again.
#[must_use = "instances that left the registry must be released"]
pub struct Leaving<B: ?Sized>(Vec<Box<B>>);

impl<B: Instance + ?Sized> Leaving<B> {
    /// Instances that no registry has.
    pub fn of(instances: Vec<Box<B>>) -> Leaving<B> {
        Leaving(instances)
    }

    pub fn add(&mut self, instance: Box<B>) {
        self.0.push(instance);
    }

    pub fn extend(&mut self, others: Leaving<B>) {
        self.0.extend(others.0);
    }

    /// Calls what is to be called. Returns how many there were.
    pub fn release(self) -> usize {
        let count = self.0.len();
        for instance in self.0 {
            contain(|| {
                instance.release();
                drop(instance);
            });
        }
        count
    }
}

impl<B: Instance + ?Sized> Registry<B> {
    /// The instance of a key. What is too old, or of another version of the function, leaves.
    pub fn find<T: 'static>(&mut self, owner: Owner<'_>, key: &[u8]) -> (Option<Found<T>>, Leaving<B>) {
        let mut leaving = Vec::new();
        let Some(versions) = self.names.get_mut(owner.name) else {
            return (None, Leaving(leaving));
        };
        versions.retain(|version, entries| {
            let is_current = version == owner.version;
            if !is_current {
                leaving.extend(entries.drain().map(|(_, entry)| entry.instance));
            }
            is_current
        });
        let Some(entries) = versions.get_mut(owner.version) else {
            return (None, Leaving(leaving));
        };
        leaving.extend(
            entries
                .extract_if(|_, entry| entry.is_over())
                .map(|(_, entry)| entry.instance),
        );
        let found = entries.get_mut(key).and_then(|entry| {
            self.clock += 1;
            entry.used = self.clock;
            let held = entry.instance.as_any().downcast_ref::<Held<T>>()?;
            Some(Found {
                handle: held.handle.clone(),
                validate: held.validate,
            })
        });
        (found, Leaving(leaving))
    }

    /// Keeps an instance, in the place of an older one with its key.
    pub fn insert(&mut self, owner: Owner<'_>, key: &[u8], instance: Box<B>, bounds: Bounds) -> Leaving<B> {
        self.clock += 1;
        let entry = Entry {
            instance,
            made: Instant::now(),
            used: self.clock,
            ttl: bounds.ttl,
            identity: None,
        };
        let entries = self
            .names
            .entry(owner.name.to_owned())
            .or_default()
            .entry(owner.version.to_owned())
            .or_default();
        let mut leaving: Vec<Box<B>> = Vec::new();
        leaving.extend(entries.insert(key.into(), entry).map(|older| older.instance));
        while bounds.max_entries.is_some_and(|most| entries.len() as u64 > most) {
            let oldest = entries.iter().min_by_key(|(_, entry)| entry.used);
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else {
                break;
            };
            leaving.extend(entries.remove(&oldest).map(|entry| entry.instance));
        }
        Leaving(leaving)
    }

    /// Takes out the instance of a key, if it is this one.
    pub fn remove_same<T: 'static>(
        &mut self,
        owner: Owner<'_>,
        key: &[u8],
        handle: &Resource<T>,
    ) -> Leaving<B> {
        let is_same = |entry: &Entry<B>| {
            let held = entry.instance.as_any().downcast_ref::<Held<T>>();
            held.is_some_and(|held| Resource::ptr_eq(&held.handle, handle))
        };
        let entries = self
            .names
            .get_mut(owner.name)
            .and_then(|versions| versions.get_mut(owner.version));
        let removed = entries.and_then(|entries| match entries.get(key).is_some_and(is_same) {
            true => entries.remove(key),
            false => None,
        });
        Leaving(removed.map(|entry| entry.instance).into_iter().collect())
    }

    /// Takes out what one call made.
    pub fn remove(&mut self, owner: Owner<'_>, key: &[u8]) -> Leaving<B> {
        let removed = self
            .names
            .get_mut(owner.name)
            .and_then(|versions| versions.get_mut(owner.version)?.remove(key));
        Leaving(removed.map(|entry| entry.instance).into_iter().collect())
    }

    /// Takes out all instances for which `leaves` says so; it sees name and version.
    pub fn remove_where(&mut self, leaves: impl Fn(&str, &str) -> bool) -> Leaving<B> {
        let mut leaving = Vec::new();
        self.names.retain(|name, versions| {
            versions.retain(|version, entries| {
                let is_leaving = leaves(name, version);
                if is_leaving {
                    leaving.extend(entries.drain().map(|(_, entry)| entry.instance));
                }
                !is_leaving
            });
            !versions.is_empty()
        });
        Leaving(leaving)
    }

    /// Calls `visit` with name, version, type and age of every instance.
    pub fn list(&self, visit: &mut dyn FnMut(&str, &str, &str, Duration)) {
        for (name, versions) in &self.names {
            for (version, entries) in versions {
                for entry in entries.values() {
                    visit(name, version, entry.instance.type_name(), entry.made.elapsed());
                }
            }
        }
    }

    /// Remembers as what the host knows the variable of a cell's instance.
    pub fn identify(&mut self, owner: Owner<'_>, identity: [u8; 16]) {
        let entry = self
            .names
            .get_mut(owner.name)
            .and_then(|versions| versions.get_mut(owner.version)?.get_mut(b"".as_slice()));
        if let Some(entry) = entry {
            entry.identity = Some(identity);
        }
    }

    fn of_cell(&self, owner: Owner<'_>) -> Option<&Entry<B>> {
        self.names
            .get(owner.name)?
            .get(owner.version)?
            .get(b"".as_slice())
    }

    /// What tells whether a cell's instance is valid.
    pub fn check(&self, owner: Owner<'_>) -> Option<Check> {
        Some(self.of_cell(owner)?.instance.check())
    }

    /// A handle to a cell's instance for the host's store, if it is valid; what is not leaves.
    pub fn restore(&mut self, owner: Owner<'_>, is_valid: bool) -> (Option<Restored>, Leaving<B>) {
        let Some(entry) = self.of_cell(owner) else {
            return (None, Leaving(Vec::new()));
        };
        let (true, Some(identity)) = (is_valid, entry.identity) else {
            return (None, self.remove(owner, b""));
        };
        let (handle, drop) = entry.instance.handle();
        let restored = Restored {
            identity,
            type_name: entry.instance.type_name(),
            handle,
            drop,
        };
        (Some(restored), Leaving(Vec::new()))
    }
}

impl<B: ?Sized> Entry<B> {
    fn is_over(&self) -> bool {
        self.ttl.is_some_and(|ttl| self.made.elapsed() >= ttl)
    }
}

/// What a call found.
pub struct Found<T> {
    pub handle: Resource<T>,
    pub validate: Option<fn(&T) -> bool>,
}

/// A variable for the host's store.
pub struct Restored {
    pub identity: [u8; 16],
    pub type_name: &'static str,
    pub handle: *mut c_void,
    pub drop: unsafe extern "C" fn(*mut c_void),
}

impl Restored {
    /// Drops the handle.
    pub fn discard(self) {
        // SAFETY: the function belongs to the handle, which nobody else has.
        unsafe { (self.drop)(self.handle) };
    }
}

/// Instances that any thread may use.
pub type SharedInstance = dyn Instance + Send + Sync;

static SHARED: Mutex<Option<Registry<SharedInstance>>> = Mutex::new(None);

thread_local! {
    /// Instances that only the thread may use that made them.
    static LOCAL: RefCell<Local> = RefCell::default();
}

/// A thread's own instances, released when the thread ends.
struct Local {
    registry: Registry<dyn Instance>,
    /// The thread that runs cells: it ends with the process only.
    is_main: bool,
}

impl Default for Local {
    fn default() -> Local {
        Local {
            registry: Registry::default(),
            is_main: host::is_main_thread(),
        }
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        if self.is_main {
            // A cell has called `exit`. The process that takes over from the snapshot has these instances, too: it releases them, and
            // what they stand for must not be closed under it.
            std::mem::forget(std::mem::take(&mut self.registry));
            return;
        }
        self.registry.remove_where(|_, _| true).release();
    }
}

pub fn shared<R>(with: impl FnOnce(&mut Registry<SharedInstance>) -> R) -> R {
    let mut registry = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    with(registry.get_or_insert_default())
}

pub fn local<R>(with: impl FnOnce(&mut Registry<dyn Instance>) -> R) -> R {
    LOCAL.with(|local| with(&mut local.borrow_mut().registry))
}

/// Releases the instances for which `leaves` says so; it sees name and version. Returns how many there were.
pub fn release_where(leaves: impl Fn(&str, &str) -> bool) -> usize {
    let leaving = shared(|registry| registry.remove_where(&leaves));
    let own = local(|registry| registry.remove_where(&leaves));
    leaving.release() + own.release()
}

/// Calls `visit` with name, version, type and age of every instance that this thread may use.
pub fn list(visit: &mut dyn FnMut(&str, &str, &str, Duration)) {
    shared(|registry| registry.list(visit));
    local(|registry| registry.list(visit));
}
