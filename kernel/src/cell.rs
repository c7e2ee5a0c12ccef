//! A cell as errors speak of it, and places in it.

use std::sync::Arc;

/// A cell by its name, and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellSource {
    /// `In[3]`.
    pub name: String,
    /// The cell as its author wrote it.
    pub text: String,
}

impl CellSource {
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Arc<CellSource> {
        Arc::new(CellSource {
            name: name.into(),
            text: text.into(),
        })
    }
}
