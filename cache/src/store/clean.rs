//! Clearing, collecting what nobody needs, and checking everything.

use std::time::Duration;

use rusqlite::{Transaction, params};

use super::index::IndexError;
use super::{Cleared, Clearing, Disk, Selection, Store, lock, record, remove};
use crate::digest::Digest;
use crate::entry::BlobRef;
use crate::time::{now, to_micros};

/// How often one of the processes that use a store sweeps its folder.
const SWEEP_EVERY: Duration = Duration::from_secs(3600);

/// Indexes that were damaged are kept that long, for whoever wants to look at one.
const KEEP_DAMAGED: Duration = Duration::from_secs(24 * 3600);

/// How many files are looked at in one transaction, so that nobody waits long.
const BATCH: usize = 128;

/// What a collection removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Collected {
    /// Entries that had expired or were over the budget.
    pub entries: u64,
    /// Files of blobs that no entry names.
    pub files: u64,
    /// Bytes of all of that.
    pub bytes: u64,
}

/// What a verification found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Verified {
    pub entries: u64,
    pub blobs: u64,
    /// Bytes read and found right.
    pub bytes: u64,
    /// Damaged or missing blobs and damaged entries. They are removed, with the entries that need them.
    pub bad: u64,
    /// Entries removed for that.
    pub removed: u64,
}

impl Store {
    /// Removes the entries that match, in this process and on disk. Other processes notice at their next lookup.
    pub fn clear(&self, selection: &Selection) -> Cleared {
        let mut cleared = Cleared::default();
        {
            let mut memory = self.0.memory();
            let keys: Vec<_> = memory
                .owns()
                .map(|own| &own.entry)
                .filter(|entry| selection.matches(entry.kind, &entry.name, &entry.scope))
                .map(|entry| entry.key)
                .collect();
            for key in keys {
                let bytes = memory.remove_own(&key).unwrap_or(0);
                cleared += Cleared { entries: 1, bytes };
            }
        }
        if let Some(done) = self.change(|transaction, unnamed| remove::clear(transaction, unnamed, selection))
        {
            cleared += done;
        }
        if let Some(disk) = &self.0.disk
            && let Err(error) = disk.clearings.tell(selection)
        {
            self.0.cannot_write(&error);
        }
        cleared
    }

    /// What others have cleared since the last call, for whoever keeps results from the store in a memory of its own. Costs
    /// a few microseconds when there is nothing.
    pub fn cleared_by_others(&self) -> Vec<Clearing> {
        let disk = self.0.disk.as_ref();
        disk.map_or_else(Vec::new, |disk| disk.clearings.take())
    }

    /// Removes one entry. `false` when there was none.
    pub fn remove(&self, key: crate::Key) -> bool {
        let own = self.0.memory().remove_own(&key).is_some();
        let done = self.change(|transaction, unnamed| {
            let ids: Vec<i64> = record::id_of_key(transaction, key)?.into_iter().collect();
            remove::remove(transaction, unnamed, &ids)
        });
        own || done.is_some_and(|done| done.entries > 0)
    }

    /// Removes what is of no use: expired entries, what is over the budget, files that no entry
    /// names, and what killed processes left behind.
    pub fn gc(&self) -> Collected {
        self.0.flush();
        let budget = self.0.options.budget_bytes;
        let removed = self.change(|transaction, unnamed| {
            let mut removed = remove::expire(transaction, unnamed, to_micros(now()))?;
            removed += remove::keep_budget(transaction, unnamed, budget, 0)?;
            Ok(removed)
        });
        let removed = removed.unwrap_or_default();
        let mut collected = Collected {
            entries: removed.entries,
            bytes: removed.bytes,
            files: 0,
        };
        self.sweep(&mut collected);
        collected
    }

    /// Enforces the budget if it is smaller than it was when the entries were put.
    pub(super) fn enforce_budget(&self) {
        let budget = self.0.options.budget_bytes;
        if self.disk_bytes() <= budget {
            return;
        }
        // What was used last is not known before hits are written.
        self.0.flush();
        self.change(|transaction, unnamed| remove::keep_budget(transaction, unnamed, budget, 0));
    }

    /// Collects when nobody has for an hour. One of the processes does it.
    pub(super) fn sweep_if_due(&self) {
        let due = self.change(|transaction, _| {
            let now = to_micros(now());
            let before = now - SWEEP_EVERY.as_micros() as i64;
            // A time in the future is a clock that was wrong.
            let mut statement =
                transaction.prepare_cached("UPDATE state SET swept = ?1 WHERE swept < ?2 OR swept > ?1")?;
            Ok(statement.execute(params![now, before])? > 0)
        });
        if due == Some(true) {
            self.gc();
        }
    }

    fn sweep(&self, collected: &mut Collected) {
        let Some(disk) = &self.0.disk else { return };
        let age = self.0.options.orphan_age;
        for batch in disk.blobs.older_than(age).chunks(BATCH) {
            let swept = self.change(|transaction, _| {
                let mut swept = (0, 0);
                for (digest, len) in batch {
                    if !remove::is_named(transaction, digest)? && disk.blobs.remove_if_older(digest, age) {
                        swept.0 += 1;
                        swept.1 += len;
                    }
                }
                Ok(swept)
            });
            let (files, bytes) = swept.unwrap_or_default();
            collected.files += files;
            collected.bytes += bytes;
        }
        disk.blobs.sweep_temp();
        lock::sweep(&disk.locks);
        disk.index.remove_left_behind(KEEP_DAMAGED);
        self.change(|transaction, _| {
            let mut statement = transaction.prepare("PRAGMA incremental_vacuum")?;
            let mut pages = statement.query([])?;
            while pages.next()?.is_some() {}
            Ok(())
        });
    }

    /// Reads every entry and every blob, removes what is not what it should be, and says what it found.
    pub fn verify(&self) -> Verified {
        let mut verified = Verified::default();
        let Some(disk) = &self.0.disk else { return verified };
        let ids = self.query("SELECT id FROM entries", |row| row.get::<_, i64>(0));
        let before = ids.len() as u64;
        let read = |id: i64| {
            disk.index
                .read(|| self.0.index_was_damaged(), |c| record::load(c, id))
        };
        let damaged: Vec<i64> = ids
            .into_iter()
            .filter(|id| matches!(read(*id), Ok(Some(Err(_)))))
            .collect();
        verified.bad += damaged.len() as u64;
        self.change(|transaction, unnamed| remove::remove(transaction, unnamed, &damaged));

        let named =
            "SELECT refs.digest, min(blobs.bytes) FROM refs LEFT JOIN blobs USING (digest) GROUP BY 1";
        for (digest, len) in self.query(named, |row| Ok((record::digest(row, 0)?, row.get(1)?))) {
            verified.blobs += 1;
            match self.check(disk, digest, len) {
                Some(len) => verified.bytes += len,
                None => verified.bad += 1,
            }
        }
        verified.entries = self
            .query("SELECT count(*) FROM entries", |row| row.get(0))
            .first()
            .copied()
            .unwrap_or(0);
        verified.removed = before.saturating_sub(verified.entries);
        verified
    }

    /// Reads one blob from disk, whatever is in memory.
    fn check(&self, disk: &Disk, digest: Digest, len: Option<u64>) -> Option<u64> {
        let blob = BlobRef {
            label: format!("blob {}", digest.short()),
            digest,
            len: len.unwrap_or(0),
        };
        disk.blobs.forget_verified(&digest);
        self.0.memory().forget_blob(&digest);
        if len.is_some_and(|len| len > super::put::INLINE) {
            self.blob_path(&blob)?;
        } else {
            self.blob(&blob)?;
        }
        len
    }

    fn query<T>(&self, sql: &str, row: impl Fn(&rusqlite::Row) -> rusqlite::Result<T>) -> Vec<T> {
        let Some(disk) = &self.0.disk else {
            return Vec::new();
        };
        let read = disk.index.read(
            || self.0.index_was_damaged(),
            |connection| {
                let mut statement = connection.prepare(sql)?;
                let rows = statement.query_map([], |found| row(found))?;
                Ok(rows.collect::<Result<Vec<T>, _>>()?)
            },
        );
        read.unwrap_or_else(|error| {
            self.0.cannot_read(&error);
            Vec::new()
        })
    }

    /// Changes the index; `None` when it cannot be changed, with a warning.
    fn change<T>(
        &self,
        work: impl FnMut(&Transaction, &mut remove::Unnamed) -> Result<T, IndexError>,
    ) -> Option<T> {
        let done = self.0.disk.as_ref()?.change(|| self.0.index_was_damaged(), work);
        done.map_err(|error| self.0.cannot_write(&error)).ok()
    }
}
