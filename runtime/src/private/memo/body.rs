//! The body of a function as a closure that returns what the function does.
//!
//! Without that, the closure's type would be found from its body alone, and what Rust makes of a body's last value to fit
//! the function would be missing: a `Box<dyn Error>` of a `Box<ParseIntError>`, a slice of an array.

use super::coder::Probe;
use crate::Resource;

impl<R> Probe<R> {
    /// Of a function below `cache_data`.
    #[inline(always)]
    pub fn body<F: FnOnce() -> R>(self, body: F) -> F {
        body
    }
}

impl<T> Probe<Resource<T>> {
    /// Of a function below `cache_resource`: it makes what the wrapper returns a handle to.
    #[inline(always)]
    pub fn made<F: FnOnce() -> T>(self, body: F) -> F {
        body
    }
}

impl<T, E> Probe<Result<Resource<T>, E>> {
    /// The same where that may fail.
    #[inline(always)]
    pub fn made<F: FnOnce() -> Result<T, E>>(self, body: F) -> F {
        body
    }
}
