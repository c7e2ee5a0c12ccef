//! The trait for types that have a rich form.

use std::rc::Rc;
use std::sync::Arc;

use crate::Bundle;

/// A type that knows how to show itself richly.
///
/// Such a value is shown by [`display`](crate::display()) and as the last expression of a cell.
///
/// ```
/// use cellar::{Bundle, Rich};
///
/// struct Colour(u8, u8, u8);
///
/// impl Rich for Colour {
///     fn mime_bundle(&self) -> Bundle {
///         let Colour(r, g, b) = self;
///         Bundle::new()
///             .text(format!("rgb({r}, {g}, {b})"))
///             .html(format!("<div style='width:3em;height:1em;background:rgb({r},{g},{b})'></div>"))
///     }
/// }
///
/// cellar::display(Colour(255, 127, 80));
/// ```
pub trait Rich {
    /// The forms in which the value can be shown. An empty bundle shows nothing.
    fn mime_bundle(&self) -> Bundle;
}

impl<T: Rich + ?Sized> Rich for &T {
    fn mime_bundle(&self) -> Bundle {
        (**self).mime_bundle()
    }
}

impl<T: Rich + ?Sized> Rich for &mut T {
    fn mime_bundle(&self) -> Bundle {
        (**self).mime_bundle()
    }
}

impl<T: Rich + ?Sized> Rich for Box<T> {
    fn mime_bundle(&self) -> Bundle {
        (**self).mime_bundle()
    }
}

impl<T: Rich + ?Sized> Rich for Rc<T> {
    fn mime_bundle(&self) -> Bundle {
        (**self).mime_bundle()
    }
}

impl<T: Rich + ?Sized> Rich for Arc<T> {
    fn mime_bundle(&self) -> Bundle {
        (**self).mime_bundle()
    }
}

impl Rich for Bundle {
    fn mime_bundle(&self) -> Bundle {
        self.clone()
    }
}
