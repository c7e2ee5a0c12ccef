//! Which entries were used: gathered in memory and written now and then. A write per hit would triple what a
//! hit costs.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use rusqlite::{Transaction, params};

use super::index::IndexError;
use crate::key::Key;
use crate::time::to_micros;

/// Hits since the last writing.
#[derive(Debug, Default)]
pub(super) struct Uses(Mutex<HashMap<Key, Use>>);

#[derive(Debug, Clone, Copy)]
struct Use {
    hits: u64,
    last: i64,
}

/// Hits taken out to be written.
#[derive(Debug)]
pub(super) struct Taken(HashMap<Key, Use>);

impl Uses {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Key, Use>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn record(&self, key: Key) {
        let now = to_micros(crate::time::now());
        let mut uses = self.lock();
        let one = uses.entry(key).or_insert(Use { hits: 0, last: now });
        one.hits += 1;
        one.last = now;
    }

    pub fn take(&self) -> Taken {
        Taken(std::mem::take(&mut *self.lock()))
    }

    /// Keeps what could not be written.
    pub fn give_back(&self, taken: Taken) {
        let mut uses = self.lock();
        for (key, old) in taken.0 {
            let one = uses.entry(key).or_insert(Use { hits: 0, ..old });
            one.hits += old.hits;
            one.last = one.last.max(old.last);
        }
    }
}

impl Taken {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn write(&self, transaction: &Transaction) -> Result<(), IndexError> {
        let mut statement = transaction
            .prepare_cached("UPDATE entries SET hits = hits + ?2, used = max(used, ?3) WHERE key = ?1")?;
        for (key, one) in &self.0 {
            statement.execute(params![key.0.as_bytes(), one.hits, one.last])?;
        }
        Ok(())
    }
}
