//! A handle to one shared instance.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::__private::memo::contain;

/// A handle to an instance that is kept by reference: what a function below `//% cache_resource` returns, and what
/// the variables of such a cell are.
///
/// It can be used as the instance itself. Cloning, moving or dropping it never copies or loses the instance.
///
/// ```
/// let pool = cellar::Resource::new(vec![1, 2, 3]);
/// let same = pool.clone();
/// assert_eq!(same.len(), 3);
/// assert!(cellar::Resource::ptr_eq(&pool, &same));
/// ```
pub struct Resource<T> {
    shared: Arc<Shared<T>>,
}

struct Shared<T> {
    instance: T,
    /// Where nobody keeps the instance, it leaves with its last handle.
    on_release: Option<fn(&T)>,
}

impl<T> Drop for Shared<T> {
    fn drop(&mut self) {
        if let Some(on_release) = self.on_release {
            contain(|| on_release(&self.instance));
        }
    }
}

impl<T> Resource<T> {
    /// A handle to a new instance, which nobody else keeps.
    pub fn new(instance: T) -> Resource<T> {
        Resource::unkept(instance, None)
    }

    /// The same, with what is called before the instance is dropped.
    pub(crate) fn unkept(instance: T, on_release: Option<fn(&T)>) -> Resource<T> {
        Resource {
            shared: Arc::new(Shared { instance, on_release }),
        }
    }

    /// Whether two handles are of one instance.
    pub fn ptr_eq(one: &Resource<T>, other: &Resource<T>) -> bool {
        Arc::ptr_eq(&one.shared, &other.shared)
    }
}

impl<T: 'static> Resource<T> {
    /// What a cell below `//% cache_resource` makes of its variable `name`. The instance is kept once the cell has
    /// succeeded. `validate` is called before it is handed out again, `on_release` when it is not kept any longer.
    pub fn of_cell(
        name: &str,
        instance: T,
        on_release: Option<fn(&T)>,
        validate: Option<fn(&T) -> bool>,
    ) -> Resource<T> {
        crate::__private::memo::of_cell(name, instance, on_release, validate)
    }
}

impl<T> Clone for Resource<T> {
    fn clone(&self) -> Resource<T> {
        Resource {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<T> Deref for Resource<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.shared.instance
    }
}

impl<T> AsRef<T> for Resource<T> {
    fn as_ref(&self) -> &T {
        &self.shared.instance
    }
}

impl<T: fmt::Debug> fmt::Debug for Resource<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.instance.fmt(f)
    }
}

impl<T: fmt::Display> fmt::Display for Resource<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.instance.fmt(f)
    }
}
