//! Resources that are `Result`s under a name that the kernel could not look behind: an error, since an `Err` must not be kept.

use super::coder::Probe;
use super::resources::Own;
use crate::Resource;

/// What a resource must be.
#[diagnostic::on_unimplemented(
    message = "the result of a function below `cache_resource` is a `Result` under another name",
    label = "an `Err` of it would be kept as if it were a resource",
    note = "write `Result<…>` in the place of the other name"
)]
pub trait NotAResult {}

/// Goes before the traits in [`place`](super::place): the generated code calls `(&&&&probe).__cellar_place()`.
pub trait RefuseResult {
    type Made;
    fn __cellar_place(&self) -> Own
    where
        Self::Made: NotAResult;
}

impl<T, E> RefuseResult for &&&Probe<Resource<Result<T, E>>> {
    type Made = Result<T, E>;
    fn __cellar_place(&self) -> Own
    where
        Result<T, E>: NotAResult,
    {
        Own
    }
}
