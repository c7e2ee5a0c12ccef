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
    #[expect(dead_code, reason = "for whoever looks at a worker with a debugger")]
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
        let taken = take("store test");
        assert_eq!(DROPPED.load(Ordering::SeqCst), 1);
        // SAFETY: made by `variable` and taken out.
        assert_eq!(unsafe { *Box::from_raw(taken.cast::<u32>()) }, 2);
    }
}
