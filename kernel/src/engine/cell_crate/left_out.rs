//! What of the session is not in a cell's crate.

use std::collections::HashSet;

use super::source_map::Mark;

/// Items of the session that a crate can do without.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeftOut {
    pub marks: HashSet<Mark>,
    /// `use` statements, which carry no mark.
    pub imports: HashSet<String>,
}

impl LeftOut {
    pub fn is_empty(&self) -> bool {
        self.marks.is_empty() && self.imports.is_empty()
    }
}
