//! The notebook's variables, opaque: names to pointers. What they point to belongs to the cells'
//! world, with its own std; here it is only kept, handed out and dropped.

use std::collections::HashMap;
use std::ffi::c_void;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

/// A TypeId's bytes.
pub type TypeId = [u8; 16];

/// A value, as the cell that made it gave it away.
pub struct Variable {
    pub type_id: TypeId,
    /// As `std::any::type_name` gives it.
    pub type_name: String,
    pub value: *mut c_void,
    pub drop: unsafe extern "C" fn(*mut c_void),
}

// SAFETY: the store only passes the pointer on, and cells run on one thread.
unsafe impl Send for Variable {}

impl Drop for Variable {
    fn drop(&mut self) {
        if !self.value.is_null() {
            // SAFETY: the cell that put the value gave this function for it, and nobody took it.
            unsafe { (self.drop)(self.value) };
        }
    }
}

/// What is known of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    Missing,
    SameType,
    OtherType,
}

static VARIABLES: LazyLock<Mutex<HashMap<String, Variable>>> = LazyLock::new(Mutex::default);

fn variables() -> MutexGuard<'static, HashMap<String, Variable>> {
    VARIABLES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether `name` is there, with this type.
pub fn check(name: &str, type_id: TypeId) -> Known {
    match variables().get(name) {
        None => Known::Missing,
        Some(variable) if variable.type_id == type_id => Known::SameType,
        Some(_) => Known::OtherType,
    }
}

/// The identity of a variable's type.
pub fn type_id(name: &str) -> Option<TypeId> {
    variables().get(name).map(|variable| variable.type_id)
}

/// Takes a value out; null if there is none.
pub fn take(name: &str) -> *mut c_void {
    let taken = variables().remove(name);
    taken.map_or(std::ptr::null_mut(), |mut variable| {
        std::mem::replace(&mut variable.value, std::ptr::null_mut())
    })
}

/// A value that stays where it is, and its type's identity. It is there until its name is taken, put or forgotten.
pub fn peek(name: &str) -> Option<(*mut c_void, TypeId)> {
    let variables = variables();
    let variable = variables.get(name)?;
    Some((variable.value, variable.type_id))
}

/// Drops a value. Its destructor may be user code, which may come back here.
pub fn forget(name: &str) {
    let forgotten = variables().remove(name);
    drop(forgotten);
}

/// Whether the destructor of a value may be others' than std's: its type is made of more than std's, or hides what
/// it is made of.
pub fn is_dropped_by_user_code(name: &str) -> bool {
    let variables = variables();
    variables
        .get(name)
        .is_some_and(|variable| !is_made_of_std(&variable.type_name))
}

fn is_made_of_std(type_name: &str) -> bool {
    let mut paths = type_name
        .split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'))
        .filter_map(|path| path.split_once("::"));
    !type_name.contains("dyn ") && paths.all(|(first, _)| ["std", "alloc", "core"].contains(&first))
}

/// Puts a value in. An older one of that name is dropped after the new one is there, since its
/// destructor is user code that may come back here.
pub fn put(name: &str, variable: Variable) {
    let older = variables().insert(name.to_owned(), variable);
    drop(older);
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn what_others_wrote_is_not_made_of_std() {
        for name in [
            "u32",
            "alloc::vec::Vec<(alloc::string::String, [f64; 3])>",
            "&str",
            "fn(u8) -> u8",
        ] {
            assert!(is_made_of_std(name), "{name}");
        }
        for name in [
            "ctx::P",
            "alloc::vec::Vec<ctx::m::P>",
            "alloc::boxed::Box<dyn core::any::Any>",
            "polars::DataFrame",
        ] {
            assert!(!is_made_of_std(name), "{name}");
        }
    }

    #[test]
    fn values_are_dropped_once_unless_taken() {
        static DROPPED: AtomicUsize = AtomicUsize::new(0);
        unsafe extern "C" fn drop_it(value: *mut c_void) {
            DROPPED.fetch_add(1, Ordering::SeqCst);
            // SAFETY: made by `variable`.
            drop(unsafe { Box::from_raw(value.cast::<u32>()) });
        }
        let variable = |value: u32, id: u8| Variable {
            type_id: [id; 16],
            type_name: "u32".into(),
            value: Box::into_raw(Box::new(value)).cast(),
            drop: drop_it,
        };
        assert_eq!(check("store test", [1; 16]), Known::Missing);
        assert!(take("store test").is_null());
        put("store test", variable(1, 1));
        put("store test", variable(2, 2));
        assert_eq!(DROPPED.load(Ordering::SeqCst), 1);
        assert_eq!(check("store test", [1; 16]), Known::OtherType);
        assert_eq!(check("store test", [2; 16]), Known::SameType);
        let (peeked, id) = peek("store test").unwrap();
        assert_eq!(id, [2; 16]);
        // SAFETY: made by `variable`, and still in the store.
        assert_eq!(unsafe { *peeked.cast::<u32>() }, 2);
        assert!(!is_dropped_by_user_code("store test"));
        let taken = take("store test");
        assert!(peek("store test").is_none());
        assert_eq!(DROPPED.load(Ordering::SeqCst), 1);
        // SAFETY: made by `variable` and taken out.
        assert_eq!(unsafe { *Box::from_raw(taken.cast::<u32>()) }, 2);
        put("store test", variable(3, 3));
        forget("store test");
        forget("store test");
        assert_eq!(DROPPED.load(Ordering::SeqCst), 2);
        assert_eq!(check("store test", [3; 16]), Known::Missing);
    }
}
