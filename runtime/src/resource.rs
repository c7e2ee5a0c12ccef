//! A handle to one shared instance.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

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
    instance: Arc<T>,
}

impl<T> Resource<T> {
    /// A handle to a new instance, which nobody else keeps.
    pub fn new(instance: T) -> Resource<T> {
        Resource {
            instance: Arc::new(instance),
        }
    }

    /// Whether two handles are of one instance.
    pub fn ptr_eq(one: &Resource<T>, other: &Resource<T>) -> bool {
        Arc::ptr_eq(&one.instance, &other.instance)
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
            instance: Arc::clone(&self.instance),
        }
    }
}

impl<T> Deref for Resource<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.instance
    }
}

impl<T> AsRef<T> for Resource<T> {
    fn as_ref(&self) -> &T {
        &self.instance
    }
}

impl<T: fmt::Debug> fmt::Debug for Resource<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.instance.fmt(f)
    }
}

impl<T: fmt::Display> fmt::Display for Resource<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.instance.fmt(f)
    }
}
