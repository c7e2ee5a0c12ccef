//! Showing things from anywhere in a cell, and changing what was shown.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use crate::host::Kind;
use crate::{Bundle, Displayable, Html, Jpeg, Json, Latex, Markdown, Png, Rich, Svg, Text};

/// Shows `value` at once, from anywhere in a cell: a [`Rich`] value in its rich form, numbers, text
/// and std's collections as their `Debug` text. What was shown can be changed through the handle.
///
/// ```
/// cellar::display(vec![1, 2, 3]);
/// let shown = cellar::display(cellar::Html("<i>working</i>"));
/// shown.update(cellar::Html("<b>done</b>"));
/// ```
pub fn display<T: Displayable>(value: T) -> DisplayHandle {
    show(&value.to_bundle())
}

/// Shows HTML at once. [`Html`] is the same as a value.
///
/// ```
/// cellar::html("<b>hi</b>");
/// ```
pub fn html(html: impl AsRef<str>) -> DisplayHandle {
    show(&Html(html.as_ref()).mime_bundle())
}

/// Shows Markdown at once. [`Markdown`] is the same as a value.
pub fn markdown(markdown: impl AsRef<str>) -> DisplayHandle {
    show(&Markdown(markdown.as_ref()).mime_bundle())
}

/// Shows LaTeX at once: `cellar::latex(r"$\sqrt{2}$")`. [`Latex`] is the same as a value.
pub fn latex(latex: impl AsRef<str>) -> DisplayHandle {
    show(&Latex(latex.as_ref()).mime_bundle())
}

/// Shows an SVG image at once. [`Svg`] is the same as a value.
pub fn svg(svg: impl AsRef<str>) -> DisplayHandle {
    show(&Svg(svg.as_ref()).mime_bundle())
}

/// Shows a PNG image, given as the bytes of its file, at once. [`Png`] is the same as a value.
pub fn png(bytes: impl AsRef<[u8]>) -> DisplayHandle {
    show(&Png(bytes.as_ref()).mime_bundle())
}

/// Shows a JPEG image, given as the bytes of its file, at once. [`Jpeg`] is the same as a value.
pub fn jpeg(bytes: impl AsRef<[u8]>) -> DisplayHandle {
    show(&Jpeg(bytes.as_ref()).mime_bundle())
}

/// Shows JSON as a tree at once: text, or any value whose `Display` form is JSON, such as
/// `serde_json::Value`. [`Json`] is the same as a value.
pub fn json(json: impl fmt::Display) -> DisplayHandle {
    show(&Json(json).mime_bundle())
}

/// Shows text at once, as an output of its own that can be updated.
///
/// ```
/// let numbers = [1, 2, 3];
/// cellar::text(format_args!("{numbers:#?}"));
/// ```
pub fn text(text: impl fmt::Display) -> DisplayHandle {
    show(&Text(text).mime_bundle())
}

/// Forgets what the cell has shown and printed so far; with `wait`, only when the next output comes,
/// which avoids flicker.
pub fn clear_output(wait: bool) {
    crate::start::flush_quickly();
    crate::host::clear(wait);
}

/// Something that was shown and can be changed. Dropping it changes nothing.
///
/// It can be kept in a variable and used by later cells. As a cell's last expression it shows
/// nothing more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisplayHandle {
    id: String,
}

impl DisplayHandle {
    /// Shows `value` in place of what was shown, wherever that is in the notebook.
    pub fn update<T: Displayable>(&self, value: T) {
        self.replace(&value.to_bundle());
    }

    /// Shows `value` once more, as an output of the running cell that later updates change as well.
    pub fn display<T: Displayable>(&self, value: T) {
        value.to_bundle().send(Kind::Display, &self.id);
    }

    /// The display id, as Jupyter calls it.
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn replace(&self, bundle: &Bundle) {
        bundle.send(Kind::Update, &self.id);
    }
}

/// Shows nothing: what the handle stands for is there already.
impl Rich for DisplayHandle {
    fn mime_bundle(&self) -> Bundle {
        Bundle::new()
    }
}

pub(crate) fn show(bundle: &Bundle) -> DisplayHandle {
    let handle = DisplayHandle { id: fresh_id() };
    bundle.send(Kind::Display, &handle.id);
    handle
}

/// An id that no other display has, of this process, of an earlier one, or of one that was rolled back.
/// Frontends keep ids over a restart of the kernel, and a rolled back process counts the same numbers
/// again: hence the time in it.
fn fresh_id() -> String {
    static SEED: OnceLock<RandomState> = OnceLock::new();
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let seed = SEED.get_or_init(RandomState::new);
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let hash = seed.hash_one((now, std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
    format!("cellar-{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_display_has_an_id_of_its_own() {
        let ids: std::collections::HashSet<String> = (0..1000).map(|_| fresh_id()).collect();
        assert_eq!(ids.len(), 1000);
    }

    #[test]
    fn a_handle_as_last_expression_shows_nothing_more() {
        assert!(text("x").mime_bundle().is_empty());
    }
}
