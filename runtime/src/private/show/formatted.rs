//! Showing a value with a format string of the user's, or with its type, after `:fmt` and `:types`.
//!
//! What stands behind the expression is then (for `{:#x}`):
//!
//! ```text
//! match SHOWN { ref __cellar_shown => (&&&&__cellar_shown).__cellar_show_as(&Formatted {
//!     type_name: None,
//!     text: &|__cellar_text| __cellar_text.write_fmt(format_args!("{:#x}", Piece {
//!         lower_hex: (&__cellar_shown).__cellar_lower_hex(), ..Piece::NONE
//!     })),
//! }) }
//! ```
//!
//! where `SHOWN` is the [`Shown`] of the parent module, which also says how the traits are told apart. A value without
//! the trait that the format asks for is shown as if there were no format: no cell fails for it.

use std::fmt::{self, Binary, Debug, Display, LowerExp, LowerHex, Octal, Pointer, UpperExp, UpperHex};

use super::super::result;
use super::{Fallback, Shown};
use crate::Rich;

/// How a value is to be shown.
pub struct Formatted<'a> {
    /// Shown before the value, if it is wanted.
    pub type_name: Option<&'a str>,
    /// Writes the value in the user's format; an error if it lacks a trait for that.
    pub text: &'a dyn Fn(&mut Text) -> fmt::Result,
}

/// Where the value is written.
#[derive(Default)]
pub struct Text(String);

impl Text {
    /// As [`fmt::Write::write_fmt`], which a cell need not import.
    ///
    /// # Errors
    /// Where a value has no such form.
    pub fn write_fmt(&mut self, arguments: fmt::Arguments<'_>) -> fmt::Result {
        fmt::Write::write_fmt(&mut self.0, arguments)
    }
}

impl Formatted<'_> {
    /// Shows the value, or says that it has no such form.
    fn show(&self) -> fmt::Result {
        let mut text = Text::default();
        (self.text)(&mut text)?;
        result::typed(self.type_name, format_args!("{}", text.0));
        Ok(())
    }
}

macro_rules! forms {
    ($($field:ident: $form:ident, $of:ident, $without:ident, $method:ident $(, $bound:ident)?;)*) => {
        /// The value as the argument of a format: a trait that it lacks gives an error.
        pub struct Piece<'a> {
            $(pub $field: Option<&'a dyn $form>,)*
        }

        impl Piece<'_> {
            pub const NONE: Self = Piece { $($field: None,)* };
        }

        $(
            impl $form for Piece<'_> {
                fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                    self.$field.map_or(Err(fmt::Error), |value| $form::fmt(value, formatter))
                }
            }

            impl<T: $($bound +)? ?Sized> seal::$of for &Shown<Fallback<'_, T>> {
                #[inline]
                fn $method(&self) -> Option<&dyn $form> {
                    Some(&self.0.0)
                }
            }

            impl<R> seal::$without for Shown<R> {
                #[inline]
                fn $method(&self) -> Option<&dyn $form> {
                    None
                }
            }
        )*

        mod seal {
            use super::*;

            $(
                pub trait $of {
                    fn $method(&self) -> Option<&dyn $form>;
                }

                pub trait $without {
                    fn $method(&self) -> Option<&dyn $form>;
                }
            )*

            pub trait Unit {
                fn __cellar_show_as(&self, how: &Formatted<'_>);
            }

            pub trait HasRich {
                fn __cellar_show_as(&self, how: &Formatted<'_>);
            }

            pub trait HasDebug {
                fn __cellar_show_as(&self, how: &Formatted<'_>);
            }

            pub trait NoDebug {
                fn __cellar_show_as(&self, how: &Formatted<'_>);
            }

            pub trait Done {
                fn __cellar_show_as(&self, how: &Formatted<'_>);
            }
        }

        pub use seal::{
            Done as _, HasDebug as _, HasRich as _, NoDebug as _, Unit as _, $($of as _, $without as _,)*
        };
    };
}

forms! {
    display: Display, DisplayForm, NoDisplayForm, __cellar_display, Display;
    debug: Debug, DebugForm, NoDebugForm, __cellar_debug, Debug;
    lower_hex: LowerHex, LowerHexForm, NoLowerHexForm, __cellar_lower_hex, LowerHex;
    upper_hex: UpperHex, UpperHexForm, NoUpperHexForm, __cellar_upper_hex, UpperHex;
    octal: Octal, OctalForm, NoOctalForm, __cellar_octal, Octal;
    binary: Binary, BinaryForm, NoBinaryForm, __cellar_binary, Binary;
    lower_exp: LowerExp, LowerExpForm, NoLowerExpForm, __cellar_lower_exp, LowerExp;
    upper_exp: UpperExp, UpperExpForm, NoUpperExpForm, __cellar_upper_exp, UpperExp;
    // As in `format!("{:p}", &value)`, where the value lies.
    pointer: Pointer, PointerForm, NoPointerForm, __cellar_pointer;
}

impl seal::Unit for &&&&Shown<Fallback<'_, ()>> {
    #[inline(always)]
    fn __cellar_show_as(&self, _how: &Formatted<'_>) {}
}

impl<T: Rich + ?Sized> seal::HasRich for &&&Shown<Fallback<'_, T>> {
    #[inline]
    fn __cellar_show_as(&self, _how: &Formatted<'_>) {
        result::rich(self.0.0.mime_bundle());
    }
}

impl<T: Debug + ?Sized> seal::HasDebug for &&Shown<Fallback<'_, T>> {
    #[inline]
    fn __cellar_show_as(&self, how: &Formatted<'_>) {
        if how.show().is_err() {
            result::typed(how.type_name, format_args!("{:?}", self.0.0));
        }
    }
}

impl<T: ?Sized> seal::NoDebug for &Shown<Fallback<'_, T>> {
    #[inline]
    fn __cellar_show_as(&self, how: &Formatted<'_>) {
        if how.show().is_err() {
            result::not_shown(std::any::type_name::<T>());
        }
    }
}

impl<R> seal::Done for Shown<R> {
    #[inline(always)]
    fn __cellar_show_as(&self, _how: &Formatted<'_>) {}
}
