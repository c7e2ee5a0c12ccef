//! What `show_spinner` shows while a function computes. The kernel takes it off the cell's outputs again
//! (`kernel/src/session/spinner.rs`), and does not show it at all for what is over in a moment.

use crate::Bundle;
use crate::display::{DisplayHandle, show};

/// Text of this type, empty when it is over.
const MIME: &str = "application/vnd.cellar.spinner";

/// Shown until it is dropped.
#[must_use = "it is over when it is dropped"]
pub struct Spinner(Option<DisplayHandle>);

impl Spinner {
    #[inline]
    pub fn begin(text: Option<&'static str>) -> Spinner {
        Spinner(text.map(|text| show(&Bundle::new().mime(MIME, text))))
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        if let Some(handle) = &self.0 {
            handle.replace(&Bundle::new().mime(MIME, ""));
        }
    }
}
