//! How the value of a cell's last expression is shown, found out in one compile.
//!
//! An expression that stands alone on its own lines becomes
//!
//! ```text
//! match (
//! EXPRESSION
//! ) { ref value => { use ::cellar::__private::show::*;
//!     (&&&&&::cellar::__private::Shown(::cellar::__private::Peel(value).__cellar_peel().evcxr_display())).__cellar_show() } };
//! ```
//!
//! (`__cellar_show_pretty` for `{:#?}`; for other formats see [`formatted`]). `match` with `ref` neither moves the value nor ends its
//! temporaries too early. Which trait serves is decided by the order in which method calls look at
//! candidates:
//!
//! 1. `__cellar_peel` takes one reference or smart pointer off and gives a `&T`.
//! 2. `evcxr_display(&self)` of `T`, inherent or of a trait in scope, is found at once. Only else a
//!    further `&` is added and `NoMethod` of this file found. That is why it is implemented for `&T`.
//! 3. `__cellar_show` removes its `&`s one by one until an implementation fits.
//!
//! Traits are imported as `_` and only behind the expression, so no name of the user's is hidden.

pub mod formatted;

use std::fmt::Debug;
use std::rc::Rc;
use std::sync::Arc;

use super::result;
use crate::Rich;

/// A reference to the value of the last expression.
pub struct Peel<'a, T: ?Sized>(pub &'a T);

/// What `evcxr_display` returned, or a [`Fallback`].
pub struct Shown<R>(pub R);

/// Stands for the result of an `evcxr_display` that does not exist.
pub struct Fallback<'a, T: ?Sized>(&'a T);

mod seal {
    use super::*;

    /// Takes one pointer off.
    pub trait PeelPointer<'a> {
        type Target: ?Sized;
        fn __cellar_peel(self) -> &'a Self::Target;
    }

    /// What is no pointer stays as it is.
    pub trait PeelNothing<'a> {
        type Target: ?Sized;
        fn __cellar_peel(self) -> &'a Self::Target;
    }

    /// The `evcxr_display` of types that have none.
    pub trait NoMethod<'a> {
        type Target: ?Sized;
        fn evcxr_display(&self) -> Fallback<'a, Self::Target>;
    }

    pub trait ShowUnit {
        fn __cellar_show(&self);
        fn __cellar_show_pretty(&self);
    }

    pub trait ShowRich {
        fn __cellar_show(&self);
        fn __cellar_show_pretty(&self);
    }

    pub trait ShowDebug {
        fn __cellar_show(&self);
        fn __cellar_show_pretty(&self);
    }

    pub trait ShowTypeName {
        fn __cellar_show(&self);
        fn __cellar_show_pretty(&self);
    }

    pub trait ShowDone {
        fn __cellar_show(&self);
        fn __cellar_show_pretty(&self);
    }
}

pub use seal::{
    NoMethod as _, PeelNothing as _, PeelPointer as _, ShowDebug as _, ShowDone as _, ShowRich as _,
    ShowTypeName as _, ShowUnit as _,
};

macro_rules! peel {
    ($($pointer:ty),*) => {$(
        impl<'a, T: ?Sized> seal::PeelPointer<'a> for Peel<'a, $pointer> {
            type Target = T;
            #[inline(always)]
            fn __cellar_peel(self) -> &'a T {
                self.0
            }
        }
    )*};
}

peel!(&T, &mut T, Box<T>, Rc<T>, Arc<T>);

impl<'a, T: ?Sized> seal::PeelNothing<'a> for &Peel<'a, T> {
    type Target = T;
    #[inline(always)]
    fn __cellar_peel(self) -> &'a T {
        self.0
    }
}

impl<'a, T: ?Sized> seal::NoMethod<'a> for &'a T {
    type Target = T;
    #[inline(always)]
    fn evcxr_display(&self) -> Fallback<'a, T> {
        Fallback(self)
    }
}

impl seal::ShowUnit for &&&&Shown<Fallback<'_, ()>> {
    #[inline(always)]
    fn __cellar_show(&self) {}
    #[inline(always)]
    fn __cellar_show_pretty(&self) {}
}

impl<T: Rich + ?Sized> seal::ShowRich for &&&Shown<Fallback<'_, T>> {
    #[inline]
    fn __cellar_show(&self) {
        result::rich(self.0.0.mime_bundle());
    }
    #[inline]
    fn __cellar_show_pretty(&self) {
        result::rich(self.0.0.mime_bundle());
    }
}

impl<T: Debug + ?Sized> seal::ShowDebug for &&Shown<Fallback<'_, T>> {
    #[inline]
    fn __cellar_show(&self) {
        result::debug(format_args!("{:?}", self.0.0));
    }
    #[inline]
    fn __cellar_show_pretty(&self) {
        result::debug(format_args!("{:#?}", self.0.0));
    }
}

impl<T: ?Sized> seal::ShowTypeName for &Shown<Fallback<'_, T>> {
    #[inline]
    fn __cellar_show(&self) {
        result::not_shown(std::any::type_name::<T>());
    }
    #[inline]
    fn __cellar_show_pretty(&self) {
        result::not_shown(std::any::type_name::<T>());
    }
}

impl<R> seal::ShowDone for Shown<R> {
    #[inline(always)]
    fn __cellar_show(&self) {}
    #[inline(always)]
    fn __cellar_show_pretty(&self) {}
}
