//! `?` in cells: the return type of the closure that a cell's statements are put into.

use std::convert::Infallible;
use std::fmt::Display;
use std::ops::FromResidual;
use std::panic::Location;

/// How a cell's statements ended. `?` on any `Result` whose error has a `Display` text, or on any
/// `Option`, returns one and tells the host of the error; the statements' end is [`CellOutcome::done`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "says whether the cell came to its end"]
pub struct CellOutcome {
    done: bool,
}

impl CellOutcome {
    /// The cell came to its end.
    #[inline]
    pub fn done() -> CellOutcome {
        CellOutcome { done: true }
    }

    /// Whether the cell came to its end; if not, a `?` left it and the host knows.
    #[inline]
    pub fn is_done(self) -> bool {
        self.done
    }
}

/// An error that `?` can return from a cell.
#[diagnostic::on_unimplemented(
    message = "`?` cannot show an error of type `{Self}`",
    label = "`{Self}` has no `Display` text; implement it, or add `.map_err(|e| format!(\"{{e:?}}\"))`"
)]
pub trait ShownError {
    #[doc(hidden)]
    fn tell(&self, location: &Location<'_>);
}

#[diagnostic::do_not_recommend]
impl<E: Display> ShownError for E {
    #[inline]
    fn tell(&self, location: &Location<'_>) {
        report(std::any::type_name::<E>(), self, location);
    }
}

impl<E: ShownError> FromResidual<Result<Infallible, E>> for CellOutcome {
    #[inline]
    #[track_caller]
    fn from_residual(residual: Result<Infallible, E>) -> CellOutcome {
        let Err(error) = residual;
        error.tell(Location::caller());
        CellOutcome { done: false }
    }
}

impl FromResidual<Option<Infallible>> for CellOutcome {
    #[track_caller]
    fn from_residual(_: Option<Infallible>) -> CellOutcome {
        report("", &"`?` met `None`", Location::caller());
        CellOutcome { done: false }
    }
}

#[inline(never)]
fn report(type_name: &str, error: &dyn Display, location: &Location<'_>) {
    let message = error.to_string();
    if !crate::host::returned_error(
        type_name,
        &message,
        location.file(),
        location.line(),
        location.column(),
    ) {
        use std::io::Write;
        let _ = writeln!(std::io::stderr(), "{location}: {message}");
    }
}
