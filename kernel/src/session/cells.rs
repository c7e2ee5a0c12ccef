//! The cells of the session, so that an error in a function of an earlier cell can show its lines.

use std::collections::HashMap;
use std::sync::Arc;

use crate::cell::CellSource;

/// All cells that were run.
#[derive(Debug, Default)]
pub struct Cells {
    by_name: HashMap<String, Arc<CellSource>>,
    silent: usize,
}

impl Cells {
    /// Remembers a cell under the name by which errors call it.
    pub fn add(&mut self, execution_count: u32, silent: bool, text: &str) -> Arc<CellSource> {
        let name = if silent {
            self.silent += 1;
            format!("silent[{}]", self.silent)
        } else {
            self.free_name(format!("In[{execution_count}]"))
        };
        let cell = CellSource::new(name.clone(), text);
        self.by_name.insert(name, Arc::clone(&cell));
        cell
    }

    /// Cells that are not stored in the history share a number with the next cell.
    fn free_name(&self, name: String) -> String {
        if !self.by_name.contains_key(&name) {
            return name;
        }
        (2..)
            .map(|again| format!("{name}.{again}"))
            .find(|name| !self.by_name.contains_key(name))
            .unwrap_or(name)
    }

    pub fn get(&self, name: &str) -> Option<&Arc<CellSource>> {
        self.by_name.get(name)
    }
}
