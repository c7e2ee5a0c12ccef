//! The variables of the session.

use crate::engine::cell_code::Binding;

/// What the session has, as far as the engine knows; readable at any time.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Sorted by name.
    pub variables: Vec<Variable>,
}

/// A variable of the notebook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    pub name: String,
    /// Its type as cells can write it.
    pub type_text: String,
    /// It was bound with `mut`.
    pub mutable: bool,
}

impl Variable {
    pub fn binding(&self) -> Binding {
        Binding {
            name: self.name.clone(),
            mutable: self.mutable,
            type_text: Some(self.type_text.clone()),
        }
    }
}
