//! `?` in cells: the return type of the closure that a cell's statements are put into.

use std::convert::Infallible;
use std::fmt::{Debug, Display};
use std::marker::PhantomData;
use std::ops::FromResidual;
use std::panic::Location;

/// How a cell's statements ended. `?` on any `Option`, or on any `Result` whose error can be shown, returns one and tells the host
/// of the error; the statements' end is [`CellOutcome::done`]. `F` says how errors are shown: [`DisplayText`] or [`DebugText`].
#[must_use = "says whether the cell came to its end"]
pub struct CellOutcome<F = DisplayText> {
    done: bool,
    format: PhantomData<F>,
}

/// Errors are shown by `{}`.
pub struct DisplayText;

/// Errors are shown by `{:?}`, or by `{:#?}` if `PRETTY`.
pub struct DebugText<const PRETTY: bool>;

/// With errors shown by `{:?}`.
pub type DebugCellOutcome = CellOutcome<DebugText<false>>;

/// With errors shown by `{:#?}`.
pub type PrettyCellOutcome = CellOutcome<DebugText<true>>;

impl<F> CellOutcome<F> {
    /// The cell came to its end.
    #[inline]
    pub fn done() -> CellOutcome<F> {
        CellOutcome {
            done: true,
            format: PhantomData,
        }
    }

    fn failed() -> CellOutcome<F> {
        CellOutcome {
            done: false,
            format: PhantomData,
        }
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
    label = "`{Self}` has no `Display` text; implement it, add `.map_err(|e| format!(\"{{e:?}}\"))`, or choose `:efmt {{:?}}` for the notebook"
)]
pub trait ShownError {
    #[doc(hidden)]
    fn tell(&self, location: &Location<'_>);
}

#[diagnostic::do_not_recommend]
impl<E: Display> ShownError for E {
    #[inline]
    fn tell(&self, location: &Location<'_>) {
        report(std::any::type_name::<E>(), format_args!("{self}"), location);
    }
}

/// An error that `?` can return from a cell after `:efmt {:?}`.
#[diagnostic::on_unimplemented(
    message = "`?` cannot show an error of type `{Self}`",
    label = "`{Self}` has no `Debug` text, which `:efmt` asks for; derive it, or go back to `:efmt {{}}`"
)]
pub trait DebuggedError {
    #[doc(hidden)]
    fn tell<const PRETTY: bool>(&self, location: &Location<'_>);
}

#[diagnostic::do_not_recommend]
impl<E: Debug> DebuggedError for E {
    #[inline]
    fn tell<const PRETTY: bool>(&self, location: &Location<'_>) {
        let type_name = std::any::type_name::<E>();
        if PRETTY {
            report(type_name, format_args!("{self:#?}"), location);
        } else {
            report(type_name, format_args!("{self:?}"), location);
        }
    }
}

impl<E: ShownError> FromResidual<Result<Infallible, E>> for CellOutcome<DisplayText> {
    #[inline]
    #[track_caller]
    fn from_residual(residual: Result<Infallible, E>) -> Self {
        let Err(error) = residual;
        error.tell(Location::caller());
        CellOutcome::failed()
    }
}

impl<E: DebuggedError, const PRETTY: bool> FromResidual<Result<Infallible, E>>
    for CellOutcome<DebugText<PRETTY>>
{
    #[inline]
    #[track_caller]
    fn from_residual(residual: Result<Infallible, E>) -> Self {
        let Err(error) = residual;
        error.tell::<PRETTY>(Location::caller());
        CellOutcome::failed()
    }
}

impl<F> FromResidual<Option<Infallible>> for CellOutcome<F> {
    #[track_caller]
    fn from_residual(_: Option<Infallible>) -> Self {
        report("", format_args!("`?` met `None`"), Location::caller());
        CellOutcome::failed()
    }
}

#[inline(never)]
fn report(type_name: &str, error: std::fmt::Arguments<'_>, location: &Location<'_>) {
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
