//! A cell as errors speak of it, and places in it.

use std::sync::Arc;

/// A cell by its name, and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellSource {
    /// `In[3]`.
    pub name: String,
    /// The cell as its author wrote it.
    pub text: String,
    /// What was put into its lines before the engine got it, in their order.
    pub insertions: Vec<Insertion>,
}

/// Generated text on a line of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Insertion {
    /// Of the cell, from 1.
    pub line: usize,
    /// Where it begins on the line as the engine gets it, in characters from 1.
    pub column: usize,
    /// In characters.
    pub length: usize,
}

impl CellSource {
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Arc<CellSource> {
        Arc::new(CellSource {
            name: name.into(),
            text: text.into(),
            insertions: Vec::new(),
        })
    }

    /// The same cell with text put into its lines.
    pub fn with_insertions(&self, insertions: Vec<Insertion>) -> Arc<CellSource> {
        Arc::new(CellSource {
            insertions,
            ..self.clone()
        })
    }

    /// The column of the user's line for a column of the line that the engine got. What is inside of an insertion is
    /// where that was put.
    pub fn users_column(&self, line: usize, column: usize) -> usize {
        let mut removed = 0;
        for insertion in self.insertions.iter().filter(|insertion| insertion.line == line) {
            if column < insertion.column {
                break;
            }
            if column < insertion.column + insertion.length {
                return insertion.column - removed;
            }
            removed += insertion.length;
        }
        column - removed
    }
}
