//! Functions and cells whose results are kept by reference.

use std::cell::RefCell;
use std::time::Duration;

use super::coder::Probe;
use super::computing::{self, Of, Turn};
use super::function::{Function, States};
use super::key::Key;
use super::registry::{self, Bounds, Held, Instance, Leaving, Owner, Registry, SharedInstance};
use super::spinner::Spinner;
use crate::__private::surroundings::{Read, Reading};
use crate::{Resource, host_cache};

/// The functions that a directive names.
#[derive(Debug)]
pub struct Hooks<T> {
    /// Called when an instance is not kept any longer.
    pub on_release: Option<fn(&T)>,
    /// Called before an instance is handed out again.
    pub validate: Option<fn(&T) -> bool>,
}

/// In which registry instances of a type are.
pub trait Place<T>: Copy {
    type Instance: Instance + ?Sized;
    /// Other threads are handed what one has made.
    const IS_SHARED: bool;
    fn with<R>(with: impl FnOnce(&mut Registry<Self::Instance>) -> R) -> R;
    fn boxed(held: Held<T>) -> Box<Self::Instance>;
}

/// One instance for all threads.
#[derive(Debug, Clone, Copy)]
pub struct Shared;

/// One for each thread.
#[derive(Debug, Clone, Copy)]
pub struct Own;

impl<T: Send + Sync + 'static> Place<T> for Shared {
    type Instance = SharedInstance;
    const IS_SHARED: bool = true;
    fn with<R>(with: impl FnOnce(&mut Registry<SharedInstance>) -> R) -> R {
        registry::shared(with)
    }
    fn boxed(held: Held<T>) -> Box<SharedInstance> {
        Box::new(held)
    }
}

impl<T: 'static> Place<T> for Own {
    type Instance = dyn Instance;
    const IS_SHARED: bool = false;
    fn with<R>(with: impl FnOnce(&mut Registry<dyn Instance>) -> R) -> R {
        registry::local(with)
    }
    fn boxed(held: Held<T>) -> Box<dyn Instance> {
        Box::new(held)
    }
}

/// The traits for method calls on [`Probe`]: `(&&&probe).__cellar_place()` finds the first that fits.
pub mod place {
    use super::{Own, Probe, Resource, Shared};

    pub trait ChooseShared {
        fn __cellar_place(&self) -> Shared;
    }

    impl<T: Send + Sync> ChooseShared for &&Probe<Resource<T>> {
        #[inline(always)]
        fn __cellar_place(&self) -> Shared {
            Shared
        }
    }

    pub trait ChooseSharedOk {
        fn __cellar_place(&self) -> Shared;
    }

    impl<T: Send + Sync, E> ChooseSharedOk for &&Probe<Result<Resource<T>, E>> {
        #[inline(always)]
        fn __cellar_place(&self) -> Shared {
            Shared
        }
    }

    pub trait ChooseOwn {
        fn __cellar_place(&self) -> Own;
    }

    impl<R> ChooseOwn for Probe<R> {
        #[inline(always)]
        fn __cellar_place(&self) -> Own {
            Own
        }
    }
}

/// A call of a function below `//% cache_resource`.
pub fn resource<T: 'static, P: Place<T>>(
    function: &'static Function,
    key: Key,
    place: P,
    hooks: Hooks<T>,
    body: impl FnOnce() -> T,
) -> Resource<T> {
    let made = resource_ok(function, key, place, hooks, || {
        Ok::<T, std::convert::Infallible>(body())
    });
    let Ok(handle) = made;
    handle
}

/// A call of such a function that may fail.
///
/// # Errors
/// The function's own, which are not kept.
pub fn resource_ok<T: 'static, E, P: Place<T>>(
    function: &'static Function,
    mut key: Key,
    place: P,
    hooks: Hooks<T>,
    body: impl FnOnce() -> Result<T, E>,
) -> Result<Resource<T>, E> {
    let states = complete(function, &mut key);
    let mut making = None;
    loop {
        if let Some(handle) = find(function, &mut key, place) {
            return Ok(handle);
        }
        // Its turn has come, and another thread has not made it just before.
        if making.is_some() || !P::IS_SHARED {
            break;
        }
        match begin(function, &mut key) {
            Some(Turn::Compute(mine)) => making = Some(mine),
            Some(Turn::LookAgain) => {}
            None => break,
        }
    }
    let spinner = Spinner::begin(function.options().spinner);
    let reading = Reading::begin();
    let made = body();
    let computed = (states, reading.end());
    drop(spinner);
    Ok(keep(function, &mut key, place, hooks, made?, computed))
}

/// As [`resource`], for an `async fn`. It does not wait for another thread: that could need this one to go on.
pub async fn resource_async<T: 'static, P: Place<T>>(
    function: &'static Function,
    mut key: Key,
    place: P,
    hooks: Hooks<T>,
    body: impl Future<Output = T>,
) -> Resource<T> {
    let states = complete(function, &mut key);
    match find(function, &mut key, place) {
        Some(handle) => handle,
        None => {
            let spinner = Spinner::begin(function.options().spinner);
            let reading = Reading::begin();
            let made = body.await;
            let computed = (states, reading.end());
            drop(spinner);
            keep(function, &mut key, place, hooks, made, computed)
        }
    }
}

/// As [`resource_ok`], for an `async fn`.
///
/// # Errors
/// The function's own, which are not kept.
pub async fn resource_ok_async<T: 'static, E, P: Place<T>>(
    function: &'static Function,
    mut key: Key,
    place: P,
    hooks: Hooks<T>,
    body: impl Future<Output = Result<T, E>>,
) -> Result<Resource<T>, E> {
    let states = complete(function, &mut key);
    match find(function, &mut key, place) {
        Some(handle) => Ok(handle),
        None => {
            let spinner = Spinner::begin(function.options().spinner);
            let reading = Reading::begin();
            let made = body.await;
            let computed = (states, reading.end());
            drop(spinner);
            Ok(keep(function, &mut key, place, hooks, made?, computed))
        }
    }
}

/// A valid instance of this call.
fn find<T: 'static, P: Place<T>>(
    function: &'static Function,
    key: &mut Key,
    _place: P,
) -> Option<Resource<T>> {
    let owner = function.owner().filter(|_| key.refused().is_none())?;
    let key = key.finish();
    let (found, leaving) = P::with(|registry| registry.find::<T>(owner, key));
    leaving.release();
    let found = found?;
    // User code, so nothing is locked.
    if found
        .validate
        .is_none_or(|validate| registry::passes(|| validate(&found.handle)))
    {
        return Some(found.handle);
    }
    P::with(|registry| registry.remove_same(owner, key, &found.handle)).release();
    None
}

/// Adds to a key what is no argument.
fn complete(function: &'static Function, key: &mut Key) -> States {
    function.owner()?;
    let states = function.complete(key);
    if let Some(why) = key.refused() {
        function.warn_once(&format!("an argument cannot be part of its key: {why}"));
    }
    states
}

/// Waits until no other thread makes the instance of this call. `None`: nothing is kept of it.
fn begin(function: &'static Function, key: &mut Key) -> Option<Turn> {
    let owner = function.owner().filter(|_| key.refused().is_none())?;
    Some(computing::begin(
        Of::Owner(owner.name, owner.version),
        key.finish(),
    ))
}

fn keep<T: 'static, P: Place<T>>(
    function: &'static Function,
    key: &mut Key,
    _place: P,
    hooks: Hooks<T>,
    instance: T,
    (states, read): (States, Read),
) -> Resource<T> {
    let Some(owner) = function.owner().filter(|_| key.refused().is_none()) else {
        return Resource::unkept(instance, hooks.on_release);
    };
    if !function.settle(key, states, read) {
        return Resource::unkept(instance, hooks.on_release);
    }
    let handle = Resource::new(instance);
    let held = Held {
        handle: handle.clone(),
        on_release: hooks.on_release,
        validate: hooks.validate,
    };
    let options = function.options();
    let bounds = Bounds {
        ttl: options.ttl_ms.map(Duration::from_millis),
        max_entries: options.max_entries,
    };
    let key = key.finish();
    let (earlier, leaving) = P::with(|registry| {
        // Another call has made one meanwhile, and others may have it already: there is one for all.
        match registry.find::<T>(owner, key) {
            (Some(found), mut leaving) => {
                leaving.add(P::boxed(held));
                (Some(found.handle), leaving)
            }
            (None, mut leaving) => {
                leaving.extend(registry.insert(owner, key, P::boxed(held), bounds));
                (None, leaving)
            }
        }
    });
    leaving.release();
    earlier.unwrap_or(handle)
}

impl Function {
    /// Releases all instances that this function made. Returns how many there were.
    pub fn release(&self) -> usize {
        registry::release_where(|name, _| name == self.owner_name())
    }

    /// Releases the instance that one call made. Returns whether there was one.
    pub fn release_for(&self, mut key: Key) -> bool {
        let Some(owner) = self.owner() else { return false };
        self.complete(&mut key);
        let key = key.finish();
        let shared = registry::shared(|registry| registry.remove(owner, key));
        let own = registry::local(|registry| registry.remove(owner, key));
        shared.release() + own.release() > 0
    }
}

/// Releases all instances. Returns how many there were.
pub(crate) fn release_all() -> usize {
    registry::release_where(|_, _| true)
}

thread_local! {
    /// Instances of the cell that runs.
    static OF_CELL: RefCell<Vec<(String, Box<dyn Instance>)>> = const { RefCell::new(Vec::new()) };
}

/// A variable of a cell below `//% cache_resource`; it is kept by [`keep_cell`].
pub(crate) fn of_cell<T: 'static>(
    name: &str,
    instance: T,
    on_release: Option<fn(&T)>,
    validate: Option<fn(&T) -> bool>,
) -> Resource<T> {
    let handle = Resource::new(instance);
    let held = Held {
        handle: handle.clone(),
        on_release,
        validate,
    };
    OF_CELL.with(|of_cell| of_cell.borrow_mut().push((name.to_owned(), Box::new(held))));
    handle
}

/// The cell with this key has succeeded: what it made is kept, its variables are known to the host. Returns how many
/// instances there are.
pub(crate) fn keep_cell(key: &str) -> usize {
    let made = OF_CELL.take();
    let count = made.len();
    for (name, instance) in made {
        let owner = Owner {
            name: &name,
            version: key,
        };
        let leaving = registry::local(|registry| {
            let leaving = registry.insert(owner, b"", instance, Bounds::default());
            if let Some(identity) = host_cache::identity(&name) {
                registry.identify(owner, identity);
            }
            leaving
        });
        leaving.release();
    }
    count
}

/// Puts handles to what the cell with this key made back into the host's store: all or none.
pub(crate) fn restore_cell(key: &str, names: &[&str]) -> bool {
    let mut variables = Vec::new();
    for name in names {
        let owner = Owner { name, version: key };
        // User code, so nothing is borrowed.
        let check = registry::local(|registry| registry.check(owner));
        let is_valid = check.is_some_and(registry::passes);
        let (restored, leaving) = registry::local(|registry| registry.restore(owner, is_valid));
        leaving.release();
        variables.extend(restored.map(|restored| (*name, restored)));
    }
    let all = variables.len() == names.len();
    for (name, variable) in variables {
        match all {
            true => host_cache::put(name, variable),
            false => variable.discard(),
        }
    }
    all
}

/// The cell that ran failed: what it made is released. Returns how many instances there were.
pub(crate) fn discard_cell() -> usize {
    let made = OF_CELL.take().into_iter().map(|(_, instance)| instance);
    Leaving::of(made.collect()).release()
}
