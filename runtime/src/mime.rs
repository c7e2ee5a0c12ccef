//! Values of one MIME type each: to keep, to return, to write as a cell's last expression.

use std::fmt;

use crate::{Bundle, Rich};

/// HTML.
///
/// ```
/// fn badge(text: &str) -> cellar::Html<String> {
///     cellar::Html(format!("<mark>{text}</mark>"))
/// }
/// cellar::display(badge("new"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Html<S = String>(pub S);

/// Markdown, with LaTeX between `$`s.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Markdown<S = String>(pub S);

/// LaTeX, with its `$` or `\begin{…}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Latex<S = String>(pub S);

/// An SVG image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Svg<S = String>(pub S);

/// Plain text: any value's `Display` form, without the quotes that its `Debug` form would have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text<S = String>(pub S);

/// JSON: text, or any value whose `Display` form is JSON, such as `serde_json::Value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Json<S = String>(pub S);

/// A PNG image, as the bytes of its file.
#[derive(Clone, PartialEq, Eq)]
pub struct Png<B = Vec<u8>>(pub B);

/// A JPEG image, as the bytes of its file.
#[derive(Clone, PartialEq, Eq)]
pub struct Jpeg<B = Vec<u8>>(pub B);

// Images are long; their `Debug` form tells their size only.
impl<B: AsRef<[u8]>> fmt::Debug for Png<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Png({} bytes)", self.0.as_ref().len())
    }
}

impl<B: AsRef<[u8]>> fmt::Debug for Jpeg<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Jpeg({} bytes)", self.0.as_ref().len())
    }
}

impl<S: AsRef<str>> Rich for Html<S> {
    fn mime_bundle(&self) -> Bundle {
        Bundle::new().text(self.0.as_ref()).html(self.0.as_ref())
    }
}

impl<S: AsRef<str>> Rich for Markdown<S> {
    fn mime_bundle(&self) -> Bundle {
        Bundle::new().text(self.0.as_ref()).markdown(self.0.as_ref())
    }
}

impl<S: AsRef<str>> Rich for Latex<S> {
    fn mime_bundle(&self) -> Bundle {
        Bundle::new().text(self.0.as_ref()).latex(self.0.as_ref())
    }
}

impl<S: AsRef<str>> Rich for Svg<S> {
    fn mime_bundle(&self) -> Bundle {
        Bundle::new().text("(an SVG image)").svg(self.0.as_ref())
    }
}

impl<S: fmt::Display> Rich for Text<S> {
    fn mime_bundle(&self) -> Bundle {
        Bundle::new().text(self.0.to_string())
    }
}

impl<S: fmt::Display> Rich for Json<S> {
    fn mime_bundle(&self) -> Bundle {
        let json = self.0.to_string();
        Bundle::new().text(json.as_str()).json(json)
    }
}

impl<B: AsRef<[u8]>> Rich for Png<B> {
    fn mime_bundle(&self) -> Bundle {
        Bundle::new().text("(a PNG image)").png(self.0.as_ref())
    }
}

impl<B: AsRef<[u8]>> Rich for Jpeg<B> {
    fn mime_bundle(&self) -> Bundle {
        Bundle::new().text("(a JPEG image)").jpeg(self.0.as_ref())
    }
}
