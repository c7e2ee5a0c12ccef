//! The map behind [`session`](crate::session). It is one for all cells, since they share this library.

mod plain;

use std::any::{Any, type_name};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::ThreadId;

use super::surroundings::{State, Subject, given, read, wrote};

/// A value with what is known of it.
pub struct Held {
    value: Box<dyn Any>,
    type_name: &'static str,
    /// Equal only for equal contents; of one that cannot be compared, its own number.
    identity: String,
    /// It is plain: it has the words that show it, and it may cross threads.
    shown: Option<String>,
    /// Its identity is only a number.
    is_opaque: bool,
}

// SAFETY: a value that is not plain is set, borrowed and dropped only in the thread that runs cells (`check_thread`, `drop_here`); plain
// types are all `Send` and `Sync`. The other fields are text.
unsafe impl Send for Held {}
// SAFETY: as above.
unsafe impl Sync for Held {}

impl Held {
    pub fn new<T: 'static>(value: T) -> Held {
        let mut held = Held {
            value: Box::new(value),
            type_name: type_name::<T>(),
            identity: String::new(),
            shown: None,
            is_opaque: false,
        };
        held.identify();
        held
    }

    fn identify(&mut self) {
        let plain = plain::look(&*self.value);
        let content = plain.as_ref().and_then(|plain| plain.content.clone());
        self.is_opaque = content.is_none();
        self.identity = content.unwrap_or_else(own_number);
        self.shown = plain.map(|plain| plain.shown);
    }

    pub fn downcast<T: 'static>(&self) -> Option<&T> {
        self.value.downcast_ref()
    }

    fn is_plain(&self) -> bool {
        self.shown.is_some()
    }
}

/// A number that no other value has, in any process.
fn own_number() -> String {
    static PROCESS: OnceLock<String> = OnceLock::new();
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let process = PROCESS.get_or_init(|| {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        format!("{}-{}", since.unwrap_or_default().as_nanos(), std::process::id())
    });
    // A snapshot that takes over has another id.
    let (next, id) = (NEXT.fetch_add(1, Ordering::Relaxed), std::process::id());
    format!("{process}-{id}-{next}")
}

enum Place {
    There(Arc<Held>),
    /// A closure of [`update`](crate::session::update) has it, in this thread.
    TakenOut(ThreadId),
}

#[derive(Default)]
struct Map {
    values: BTreeMap<String, Place>,
    /// Keys that were set or removed since the kernel was last told.
    changed: BTreeSet<String>,
    /// Values that only the thread that runs cells may drop.
    removed: Vec<Arc<Held>>,
}

static MAP: Mutex<Map> = Mutex::new(Map {
    values: BTreeMap::new(),
    changed: BTreeSet::new(),
    removed: Vec::new(),
});
static PUT_BACK: Condvar = Condvar::new();

fn lock() -> MutexGuard<'static, Map> {
    MAP.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The thread that runs cells; where there is no host, the first that asks.
fn cells_thread() -> ThreadId {
    static THREAD: OnceLock<ThreadId> = OnceLock::new();
    *THREAD.get_or_init(|| std::thread::current().id())
}

/// Called from the thread that runs cells, before any other.
pub fn start() {
    cells_thread();
}

fn is_cells_thread() -> bool {
    std::thread::current().id() == cells_thread()
}

#[track_caller]
fn check_thread(key: &str, held: &Held) {
    if !held.is_plain() && !is_cells_thread() {
        panic!(
            "the session value `{key}` has the type `{}`, which only the thread that runs the cells may use; take what this thread needs \
             before it starts",
            short(held.type_name)
        );
    }
}

/// A type's name without the modules that it stands in.
fn short(type_name: &str) -> String {
    let mut short = String::new();
    let mut word = String::new();
    let mut rest = type_name.chars().peekable();
    while let Some(c) = rest.next() {
        if c.is_alphanumeric() || c == '_' {
            word.push(c);
        } else if c == ':' && rest.peek() == Some(&':') {
            rest.next();
            word.clear();
        } else {
            short.push_str(&word);
            word.clear();
            short.push(c);
        }
    }
    short + &word
}

/// The value is of another type.
#[track_caller]
pub fn other_type(key: &str, held: &Held, asked: &str) -> ! {
    if held.type_name == asked {
        panic!(
            "the session value `{key}` has the type `{}` of an older definition; set it again: `cellar::session::set({key:?}, …)`",
            short(asked)
        );
    }
    let (has, asked) = (short(held.type_name), short(asked));
    panic!(
        "the session value `{key}` has the type `{has}` and was asked for as `{asked}`; ask for `{has}`, or make it a `{asked}`: \
         `cellar::session::set({key:?}, …)`"
    );
}

/// A value of an older definition of its type is there no longer for the cell that runs.
#[track_caller]
fn check_withheld(key: &str) {
    if let Some(why) = given().withheld.get(key) {
        panic!(
            "the session value `{key}` cannot be used: {why}; set it again: `cellar::session::set({key:?}, …)`"
        );
    }
}

/// Waits until nobody has the value, and gives it.
#[track_caller]
fn find<'a>(mut map: MutexGuard<'a, Map>, key: &str) -> (MutexGuard<'a, Map>, Option<Arc<Held>>) {
    loop {
        match map.values.get(key) {
            None => return (map, None),
            Some(Place::There(held)) => {
                let held = Arc::clone(held);
                return (map, Some(held));
            }
            Some(Place::TakenOut(thread)) if *thread == std::thread::current().id() => {
                drop(map);
                panic!(
                    "the session value `{key}` is being changed by the closure that asks for it; use the closure's argument"
                );
            }
            Some(Place::TakenOut(_)) => {
                map = PUT_BACK.wait(map).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }
}

fn state_of(held: Option<&Held>) -> State {
    match held {
        None => State::of(Vec::new()),
        Some(held) => State {
            texts: vec![held.type_name.to_owned(), held.identity.clone()],
            is_opaque: held.is_opaque,
        },
    }
}

fn note_read(key: &str, held: Option<&Held>) {
    read(&Subject::Session(key.to_owned()), &state_of(held));
}

fn note_change(key: &str) {
    wrote(&Subject::Session(key.to_owned()));
    wrote(&Subject::SessionNames);
}

/// What a value is, without noting it.
pub fn state(key: &str) -> State {
    match lock().values.get(key) {
        Some(Place::There(held)) => state_of(Some(held)),
        None => state_of(None),
        // It is about to be something else.
        Some(Place::TakenOut(_)) => State {
            texts: vec![own_number()],
            is_opaque: true,
        },
    }
}

/// Which values there are, without noting it.
pub fn names() -> State {
    State::of(lock().values.keys().cloned().collect())
}

#[track_caller]
pub fn get(key: &str) -> Option<Arc<Held>> {
    let (map, held) = find(lock(), key);
    drop(map);
    if let Some(held) = &held {
        check_withheld(key);
        check_thread(key, held);
    }
    note_read(key, held.as_deref());
    held
}

pub fn contains(key: &str) -> bool {
    let map = lock();
    let place = map.values.get(key);
    let held = match place {
        Some(Place::There(held)) => Some(&**held),
        _ => None,
    };
    note_read(key, held);
    place.is_some()
}

pub fn keys() -> Vec<String> {
    let keys: Vec<String> = lock().values.keys().cloned().collect();
    read(&Subject::SessionNames, &State::of(keys.clone()));
    keys
}

#[track_caller]
pub fn set(key: String, held: Held) {
    if !held.is_plain() && !is_cells_thread() {
        let type_name = short(held.type_name);
        panic!(
            "the session value `{key}` would have the type `{type_name}`, which only the thread that runs the cells may set; return it from this \
             thread and set it there"
        );
    }
    let (mut map, older) = find(lock(), &key);
    drop(older);
    map.changed.insert(key.clone());
    let older = map.values.insert(key.clone(), Place::There(Arc::new(held)));
    drop(map);
    note_change(&key);
    discard(older);
}

pub fn remove(key: &str) -> bool {
    let (mut map, held) = find(lock(), key);
    note_read(key, held.as_deref());
    drop(held);
    note_change(key);
    let older = map.values.remove(key);
    let was_there = older.is_some();
    if was_there {
        map.changed.insert(key.to_owned());
    }
    drop(map);
    discard(older);
    was_there
}

/// Drops a value that left the map, in a thread that may; user code runs, so nothing is locked.
fn discard(place: Option<Place>) {
    let Some(Place::There(held)) = place else { return };
    match held.is_plain() || is_cells_thread() {
        true => drop(held),
        false => lock().removed.push(held),
    }
}

/// Drops what other threads have removed. Called from the thread that runs cells.
pub fn drop_removed() {
    let removed = std::mem::take(&mut lock().removed);
    // A destructor's panic concerns nobody any more; the hook has told of it.
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(removed)));
}

/// There is no value of that key.
#[derive(Debug)]
pub struct Missing;

/// A value that is taken out of the map to be changed. It goes back whatever happens.
pub struct TakenOut {
    key: String,
    held: Option<Held>,
}

/// Takes a value out for [`update`](crate::session::update).
///
/// # Errors
/// When there is none.
#[track_caller]
pub fn take_out(key: &str) -> Result<TakenOut, Missing> {
    loop {
        let (mut map, held) = find(lock(), key);
        let Some(held) = held else {
            drop(map);
            note_read(key, None);
            return Err(Missing);
        };
        drop(map);
        check_withheld(key);
        check_thread(key, &held);
        note_read(key, Some(&held));
        map = lock();
        let is_same = matches!(map.values.get(key), Some(Place::There(other)) if Arc::ptr_eq(other, &held));
        if !is_same {
            continue;
        }
        // Two handles: the map's and this one. Another thread that clones the value has a third for a moment.
        drop(held);
        let taken = map
            .values
            .insert(key.to_owned(), Place::TakenOut(std::thread::current().id()));
        let Some(Place::There(taken)) = taken else {
            continue;
        };
        match Arc::try_unwrap(taken) {
            Ok(held) => {
                return Ok(TakenOut {
                    key: key.to_owned(),
                    held: Some(held),
                });
            }
            Err(shared) => {
                map.values.insert(key.to_owned(), Place::There(shared));
                drop(map);
                std::thread::yield_now();
            }
        }
    }
}

impl TakenOut {
    pub fn value<T: 'static>(&mut self) -> Option<&mut T> {
        self.held.as_mut()?.value.downcast_mut()
    }

    pub fn put_back_changed(mut self) {
        if let Some(held) = &mut self.held {
            held.identify();
        }
        note_change(&self.key);
        lock().changed.insert(self.key.clone());
        self.return_it();
    }

    /// Puts it back as it was.
    pub fn put_back(mut self) -> Arc<Held> {
        self.return_it().expect("it is put back once")
    }

    fn return_it(&mut self) -> Option<Arc<Held>> {
        let held = Arc::new(self.held.take()?);
        lock()
            .values
            .insert(self.key.clone(), Place::There(Arc::clone(&held)));
        PUT_BACK.notify_all();
        Some(held)
    }
}

impl Drop for TakenOut {
    /// The closure panicked: nobody knows what it had changed by then.
    fn drop(&mut self) {
        if let Some(held) = &mut self.held {
            held.identify();
            note_change(&self.key);
            lock().changed.insert(self.key.clone());
            self.return_it();
        }
    }
}

/// What the kernel is told of a value that was set (its type, and whether its content cannot be compared) or removed.
pub struct Change {
    pub key: String,
    pub value: Option<(String, bool)>,
}

/// What was set and removed since this was asked last.
pub fn take_changes() -> Vec<Change> {
    let mut map = lock();
    let changed = std::mem::take(&mut map.changed);
    changed
        .into_iter()
        .map(|key| {
            let value = match map.values.get(&key) {
                Some(Place::There(held)) => Some((held.type_name.to_owned(), !held.is_plain())),
                _ => None,
            };
            Change { key, value }
        })
        .collect()
}

/// Calls `visit` with key, type and, for plain values, a few words of each value.
pub fn list(visit: &mut dyn FnMut(&str, &str, &str)) {
    for (key, place) in &lock().values {
        if let Place::There(held) = place {
            visit(key, held.type_name, held.shown.as_deref().unwrap_or_default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_types_are_short() {
        assert_eq!(short("i32"), "i32");
        assert_eq!(
            short("alloc::vec::Vec<(ctx::P, &str, [core::option::Option<u8>; 2])>"),
            "Vec<(P, &str, [Option<u8>; 2])>"
        );
        assert_eq!(
            short("alloc::boxed::Box<dyn ctx::Shape + core::marker::Send>"),
            "Box<dyn Shape + Send>"
        );
    }

    #[test]
    fn threads_share_plain_values_only() {
        start();
        crate::session::set("plain in a thread", 1);
        crate::session::set("own in a thread", std::rc::Rc::new(1));
        std::thread::spawn(|| {
            assert_eq!(crate::session::get::<i32>("plain in a thread"), Some(1));
            crate::session::set("plain in a thread", 2);
            let refused =
                std::panic::catch_unwind(|| crate::session::get::<std::rc::Rc<i32>>("own in a thread"));
            assert!(refused.is_err());
            let refused =
                std::panic::catch_unwind(|| crate::session::set("own in a thread", std::rc::Rc::new(2)));
            assert!(refused.is_err());
            assert!(
                crate::session::remove("own in a thread"),
                "it is dropped later, in its own thread"
            );
        })
        .join()
        .expect("no panic");
        assert_eq!(crate::session::get::<i32>("plain in a thread"), Some(2));
        assert_eq!(lock().removed.len(), 1);
        drop_removed();
        assert_eq!(lock().removed.len(), 0);
    }

    #[test]
    fn a_value_that_is_changed_goes_back_whatever_happens() {
        crate::session::set("changed", vec![1]);
        let panicked = std::panic::catch_unwind(|| {
            crate::session::update("changed", |list: &mut Vec<i32>| {
                list.push(2);
                panic!("in the middle");
            })
        });
        assert!(panicked.is_err());
        assert_eq!(crate::session::get::<Vec<i32>>("changed"), Some(vec![1, 2]));
        let asked = std::panic::catch_unwind(|| {
            crate::session::update("changed", |_: &mut Vec<i32>| {
                crate::session::get::<Vec<i32>>("changed")
            })
        });
        assert!(asked.is_err(), "it would wait for itself");
        assert!(crate::session::contains("changed"));
    }
}
