//! What is in the store, for people.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::index::IndexError;
use super::record::digest;
use super::{Persist, Selection, Store, remove};
use crate::entry::EntryKind;
use crate::key::Key;
use crate::time::from_micros;

/// One entry, as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub key: Key,
    pub kind: EntryKind,
    pub name: String,
    pub scope: String,
    pub persist: Persist,
    /// With its blobs, also those that it shares with others.
    pub bytes: u64,
    pub created: SystemTime,
    pub expires: Option<SystemTime>,
    pub last_used: SystemTime,
    pub hits: u64,
    /// The time that a hit saves.
    pub cost: Duration,
}

impl Listed {
    /// The time that its hits have saved so far.
    pub fn saved(&self) -> Duration {
        self.cost
            .saturating_mul(u32::try_from(self.hits).unwrap_or(u32::MAX))
    }
}

/// Sums over all results: entries that are compiled code have their line in `kinds` only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stats {
    /// `None` when the store is in memory only.
    pub folder: Option<PathBuf>,
    pub entries: u64,
    /// Bytes on disk that count against the budget. Content that entries share is counted once.
    pub bytes: u64,
    pub budget_bytes: u64,
    pub memory_bytes: u64,
    pub hits: u64,
    pub saved: Duration,
    /// One for each kind of entry, in the order of [`EntryKind::ALL`].
    pub kinds: Vec<KindStats>,
}

/// Sums over the entries of one kind. Content that entries share is counted with each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KindStats {
    pub kind: EntryKind,
    pub entries: u64,
    pub bytes: u64,
    pub hits: u64,
    pub saved: Duration,
}

impl Store {
    /// The entries that match, last used first. Expired ones are left out.
    pub fn list(&self, selection: &Selection) -> Vec<Listed> {
        self.0.flush();
        let now = crate::time::now();
        let mut listed = self.list_disk(selection).unwrap_or_else(|error| {
            self.0.cannot_read(&error);
            Vec::new()
        });
        listed.extend(self.0.memory().owns().map(|own| Listed {
            key: own.entry.key,
            kind: own.entry.kind,
            name: own.entry.name.clone(),
            scope: own.entry.scope.clone(),
            persist: Persist::Memory,
            bytes: own.bytes(),
            created: own.entry.created,
            expires: own.entry.expires,
            last_used: own.used,
            hits: own.hits,
            cost: own.entry.cost,
        }));
        listed.retain(|one| {
            selection.matches(one.kind, &one.name, &one.scope) && one.expires.is_none_or(|end| end > now)
        });
        listed.sort_by_key(|one| std::cmp::Reverse(one.last_used));
        listed
    }

    fn list_disk(&self, selection: &Selection) -> Result<Vec<Listed>, IndexError> {
        let Some(disk) = &self.0.disk else {
            return Ok(Vec::new());
        };
        disk.index.read(
            || self.0.index_was_damaged(),
            |connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT key, kind, name, scope, bytes, created, expires, used, hits, cost FROM entries
                     WHERE ?1 IS NULL OR name = ?1",
                )?;
                let rows = statement.query_map([selection.name], |row| {
                    // A damaged row is left out here, and removed when it is looked up or verified.
                    let Ok(kind) = row.get::<_, String>(1)?.parse() else {
                        return Ok(None);
                    };
                    Ok(Some(Listed {
                        key: Key(digest(row, 0)?),
                        kind,
                        name: row.get(2)?,
                        scope: row.get(3)?,
                        persist: Persist::Disk,
                        bytes: row.get(4)?,
                        created: from_micros(row.get(5)?),
                        expires: row.get::<_, Option<i64>>(6)?.map(from_micros),
                        last_used: from_micros(row.get(7)?),
                        hits: row.get(8)?,
                        cost: Duration::from_nanos(row.get(9)?),
                    }))
                })?;
                Ok(rows.filter_map(|row| row.ok().flatten()).collect())
            },
        )
    }

    /// Sums over the entries that [`Store::list`] shows.
    pub fn stats(&self) -> Stats {
        let listed = self.list(&Selection::default());
        let kinds: Vec<_> = EntryKind::ALL
            .into_iter()
            .map(|kind| {
                let mut sums = KindStats {
                    kind,
                    entries: 0,
                    bytes: 0,
                    hits: 0,
                    saved: Duration::ZERO,
                };
                for one in listed.iter().filter(|one| one.kind == kind) {
                    sums.entries += 1;
                    sums.bytes += one.bytes;
                    sums.hits += one.hits;
                    sums.saved = sums.saved.saturating_add(one.saved());
                }
                sums
            })
            .collect();
        let results = || kinds.iter().filter(|kind| kind.kind != EntryKind::Artifact);
        Stats {
            folder: self.0.disk.as_ref().map(|disk| disk.folder.clone()),
            entries: results().map(|kind| kind.entries).sum(),
            bytes: self.disk_bytes(),
            budget_bytes: self.0.options.budget_bytes,
            memory_bytes: self.0.memory().bytes(),
            hits: results().map(|kind| kind.hits).sum(),
            saved: results().map(|kind| kind.saved).sum(),
            kinds,
        }
    }

    pub(super) fn disk_bytes(&self) -> u64 {
        let Some(disk) = &self.0.disk else { return 0 };
        let read = disk
            .index
            .read(|| self.0.index_was_damaged(), remove::total_bytes);
        read.unwrap_or_else(|error| {
            self.0.cannot_read(&error);
            0
        })
    }
}
