//! Values by name that survive re-running the cell that first makes them, until the kernel stops.
//!
//! A variable is made anew each time its cell runs; a value here is made once and then changed.
//!
//! ```
//! let visits = cellar::session::get_or_insert_with("visits", || 0);
//! cellar::session::set("visits", visits + 1);
//! assert_eq!(cellar::session::get::<i32>("visits"), Some(1));
//! cellar::session::update("visits", |visits: &mut i32| *visits += 1);
//! assert_eq!(cellar::session::get::<String>("city"), None);
//! # cellar::session::clear();
//! ```
//!
//! Values can be of any type. Asking for another type than the one that is there fails the cell with a message that names the key and
//! both types. Numbers, text and lists of them can be used in all threads; values of other types only in the thread that
//! runs the cells, since nobody can know here whether they may cross threads.
//!
//! A cell that fails changes nothing here either. A value that a cached cell or function reads is an input of it.

use std::any::type_name;

use crate::__private::session_map::{self as map, Held, Missing};

/// Sets a value, in the place of the older one, which may have another type.
#[track_caller]
pub fn set<T: 'static>(key: impl Into<String>, value: T) {
    map::set(key.into(), Held::new(value));
}

/// A clone of a value; `None` if there is no such key.
///
/// # Panics
/// When the value has another type than `T`.
#[must_use]
#[track_caller]
pub fn get<T: Clone + 'static>(key: &str) -> Option<T> {
    // A closure would not pass on whose call it is.
    let held = map::get(key)?;
    match held.downcast::<T>() {
        Some(value) => Some(value.clone()),
        None => map::other_type(key, &held, type_name::<T>()),
    }
}

/// A clone of a value, or `default` if there is no such key; that is not kept.
///
/// # Panics
/// As [`get`].
#[must_use]
#[track_caller]
pub fn get_or<T: Clone + 'static>(key: &str, default: T) -> T {
    get(key).unwrap_or(default)
}

/// A clone of a value; if there is no such key, `make` is called once and what it gives is kept.
///
/// # Panics
/// As [`get`].
#[track_caller]
pub fn get_or_insert_with<T: Clone + 'static>(key: impl Into<String>, make: impl FnOnce() -> T) -> T {
    let key = key.into();
    if let Some(value) = get(&key) {
        return value;
    }
    let value = make();
    map::set(key, Held::new(value.clone()));
    value
}

/// Changes a value where it is, and gives what `change` gives; `None` if there is no such key.
///
/// # Panics
/// As [`get`], and when `change` itself asks for the same key.
#[track_caller]
pub fn update<T: 'static, R>(key: &str, change: impl FnOnce(&mut T) -> R) -> Option<R> {
    match map::take_out(key) {
        Err(Missing) => None,
        Ok(mut taken) => {
            let changed = taken.value::<T>().map(change);
            match changed {
                Some(result) => {
                    taken.put_back_changed();
                    Some(result)
                }
                None => {
                    let held = taken.put_back();
                    map::other_type(key, &held, type_name::<T>())
                }
            }
        }
    }
}

/// Whether there is a value of this key.
#[must_use]
pub fn contains(key: &str) -> bool {
    map::contains(key)
}

/// Removes a value. Returns whether it was there.
pub fn remove(key: &str) -> bool {
    map::remove(key)
}

/// The keys of all values, sorted.
#[must_use]
pub fn keys() -> Vec<String> {
    map::keys()
}

/// Removes all values. Returns how many there were.
pub fn clear() -> usize {
    map::keys().iter().filter(|key| map::remove(key)).count()
}
