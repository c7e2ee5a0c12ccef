//! Lookups.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension as _};

use super::blobs::{Identity, Read};
use super::index::IndexError;
use super::memory::Own;
use super::put::INLINE;
use super::{Disk, Store, record, remove};
use crate::digest::Digest;
use crate::entry::{BlobRef, Entry, EntryKind};
use crate::explain::{Change, diff};
use crate::key::{Ingredient, Key};

/// Blobs up to this size are kept in the memory tier once read.
const SMALL: usize = 1 << 20;

/// How many earlier entries of a name are compared to find the nearest.
const COMPARED: u32 = 256;

/// In which way a blob is of no use.
#[derive(Debug, Clone, Copy)]
pub(super) enum Lost {
    Gone,
    /// The file with that identity is damaged; without one it cannot even be opened.
    File(Option<Identity>),
    Inline,
}

/// What a lookup in the index found: sound entries, and rows that have to go.
#[derive(Default)]
struct Found {
    entries: Vec<Arc<Entry>>,
    damaged: Vec<i64>,
    expired: Vec<i64>,
}

impl Store {
    /// All entries with this base, newest first. They differ in what they observed: the caller takes the first whose
    /// observations still hold.
    pub fn find(&self, base: Key) -> Vec<Arc<Entry>> {
        let mut entries = self.look_up(|connection| record::ids_of_base(connection, base));
        let own = self.0.memory().owns_of(&base).map(own_entry).collect();
        self.add_own(&mut entries, own);
        entries
    }

    /// The entry with this key.
    pub fn get(&self, key: Key) -> Option<Arc<Entry>> {
        let mut entries =
            self.look_up(|connection| Ok(record::id_of_key(connection, key)?.into_iter().collect()));
        let own = self
            .0
            .memory()
            .own(&key)
            .map(|own| own_entry(own))
            .into_iter()
            .collect();
        self.add_own(&mut entries, own);
        entries.into_iter().next()
    }

    /// The earlier entry of that scope, name and kind whose ingredients differ least from `now`, and how they differ
    /// from it. Of several the newest.
    pub fn nearest(
        &self,
        scope: &str,
        name: &str,
        kind: EntryKind,
        now: &[Ingredient],
    ) -> Option<(Arc<Entry>, Vec<Change>)> {
        let mut entries = self.look_up(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT id FROM entries WHERE scope = ?1 AND name = ?2 AND kind = ?3
                 ORDER BY created DESC, id DESC LIMIT ?4",
            )?;
            let ids = statement.query_map((scope, name, kind.as_str(), COMPARED), |row| row.get(0))?;
            Ok(ids.collect::<Result<_, _>>()?)
        });
        let own = self
            .0
            .memory()
            .owns()
            .map(own_entry)
            .filter(|entry| (entry.kind, &*entry.name, &*entry.scope) == (kind, name, scope))
            .collect();
        self.add_own(&mut entries, own);
        entries
            .into_iter()
            .map(|entry| {
                let changes = diff(&entry.ingredients, now);
                (entry, changes)
            })
            .min_by_key(|(_, changes)| changes.len())
    }

    fn look_up(&self, ids: impl Fn(&Connection) -> Result<Vec<i64>, IndexError>) -> Vec<Arc<Entry>> {
        let Some(disk) = &self.0.disk else {
            return Vec::new();
        };
        let read = disk.index.read(
            || self.0.index_was_damaged(),
            |connection| {
                let mut found = Found::default();
                for id in ids(connection)? {
                    self.load(connection, id, &mut found)?;
                }
                Ok(found)
            },
        );
        match read {
            Ok(found) => {
                self.discard(disk, &found);
                found.entries
            }
            Err(error) => {
                self.0.cannot_read(&error);
                Vec::new()
            }
        }
    }

    fn load(&self, connection: &Connection, id: i64, found: &mut Found) -> Result<(), IndexError> {
        let known = self.0.memory().row(id);
        let entry = match known {
            Some(entry) => entry,
            None => match record::load(connection, id)? {
                None => return Ok(()),
                Some(Err(record::DamagedRow)) => {
                    found.damaged.push(id);
                    return Ok(());
                }
                Some(Ok(entry)) => {
                    let entry = Arc::new(entry);
                    self.0.memory().keep_row(id, Arc::clone(&entry));
                    entry
                }
            },
        };
        if entry.is_expired(crate::time::now()) {
            found.expired.push(id);
        } else {
            found.entries.push(entry);
        }
        Ok(())
    }

    /// Removes what a lookup found to be of no use.
    fn discard(&self, disk: &Disk, found: &Found) {
        if found.damaged.is_empty() && found.expired.is_empty() {
            return;
        }
        for id in &found.damaged {
            self.0.warnings.say(format!("row {id}"), || {
                "An entry of the cache was damaged and is removed; its result will be computed again."
                    .to_owned()
            });
        }
        let ids: Vec<i64> = found.damaged.iter().chain(&found.expired).copied().collect();
        let done = disk.change(
            || self.0.index_was_damaged(),
            |transaction, unnamed| remove::remove(transaction, unnamed, &ids),
        );
        if let Err(error) = done {
            self.0.cannot_write(&error);
        }
    }

    /// Adds what is in memory only. An entry that is there as well is newer than its namesake on disk.
    fn add_own(&self, entries: &mut Vec<Arc<Entry>>, own: Vec<Arc<Entry>>) {
        if own.is_empty() {
            return;
        }
        let now = crate::time::now();
        let mut memory = self.0.memory();
        for entry in own {
            if entry.is_expired(now) {
                memory.remove_own(&entry.key);
            } else {
                entries.retain(|other| other.key != entry.key);
                entries.push(entry);
            }
        }
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.created));
    }

    /// The content of a blob, checked against its hash. `None` is a miss: it is gone, or it was damaged; then the
    /// entries that name it are removed, too.
    pub fn blob(&self, blob: &BlobRef) -> Option<Bytes> {
        if let Some(bytes) = self.0.memory().blob(&blob.digest) {
            return Some(bytes);
        }
        let disk = self.0.disk.as_ref()?;
        if blob.len <= INLINE
            && let Some(bytes) = self.inline(disk, blob)?
        {
            return Some(bytes);
        }
        match disk.blobs.read(&blob.digest, blob.len) {
            Read::Good(bytes) => {
                if bytes.len() <= SMALL {
                    self.0.memory().keep_blob(blob.digest, bytes.clone());
                }
                Some(bytes)
            }
            Read::Missing => self.blob_is_lost(disk, blob, Lost::Gone, "it is gone"),
            Read::Damaged(identity, why) => self.blob_is_lost(disk, blob, Lost::File(identity), &why),
        }
    }

    /// The path of a file with the content of a blob, to be mapped or loaded. The content is checked once in a
    /// process for each file. `None` as for [`Store::blob`], and for a blob that is in memory only. Open it soon:
    /// another process may evict it, and then it is a miss.
    pub fn blob_path(&self, blob: &BlobRef) -> Option<PathBuf> {
        let disk = self.0.disk.as_ref()?;
        let mut read = disk.blobs.verified_path(&blob.digest, blob.len);
        if matches!(read, Read::Missing) && blob.len <= INLINE {
            // A small one has no file yet. Its row keeps the file from being swept.
            let bytes = self.inline(disk, blob)??;
            if let Err(error) = disk.blobs.put(&blob.digest, &bytes) {
                self.0.cannot_write(&error);
                return None;
            }
            read = disk.blobs.verified_path(&blob.digest, blob.len);
        }
        match read {
            Read::Good(path) => Some(path),
            Read::Missing => self.blob_is_lost(disk, blob, Lost::Gone, "it is gone"),
            Read::Damaged(identity, why) => self.blob_is_lost(disk, blob, Lost::File(identity), &why),
        }
    }

    /// A blob that is in the index. The outer `None`: it was there and damaged.
    #[expect(clippy::option_option, reason = "not there and damaged are different answers")]
    fn inline(&self, disk: &Disk, blob: &BlobRef) -> Option<Option<Bytes>> {
        let read = disk.index.read(
            || self.0.index_was_damaged(),
            |connection| {
                let mut statement = connection.prepare_cached("SELECT data FROM blobs WHERE digest = ?1")?;
                let data: Option<Option<Vec<u8>>> = statement
                    .query_row([blob.digest.as_bytes()], |row| row.get(0))
                    .optional()?;
                Ok(data.flatten())
            },
        );
        match read {
            Ok(Some(bytes)) if Digest::of(&bytes) == blob.digest => {
                let bytes = Bytes::from(bytes);
                self.0.memory().keep_blob(blob.digest, bytes.clone());
                Some(Some(bytes))
            }
            Ok(Some(_)) => self.blob_is_lost(disk, blob, Lost::Inline, "its content is another"),
            Ok(None) => Some(None),
            Err(error) => {
                self.0.cannot_read(&error);
                None
            }
        }
    }

    /// Removes a blob that is not what it should be, with the entries that name it. Always `None`.
    fn blob_is_lost<T>(&self, disk: &Disk, blob: &BlobRef, lost: Lost, why: &str) -> Option<T> {
        let done = disk.change(
            || self.0.index_was_damaged(),
            |transaction, unnamed| {
                // Somebody may have put it anew since.
                if !remove_bad_blob(transaction, disk, blob, lost)? {
                    return Ok(0);
                }
                let ids: Vec<i64> = {
                    let mut statement =
                        transaction.prepare_cached("SELECT entry FROM refs WHERE digest = ?1")?;
                    let rows = statement.query_map([blob.digest.as_bytes()], |row| row.get(0))?;
                    rows.collect::<Result<_, _>>()?
                };
                Ok(remove::remove(transaction, unnamed, &ids)?.entries)
            },
        );
        match done {
            // Nobody names it: another process removed the entry a moment ago.
            Ok(0) => {}
            Ok(_) => self.0.warnings.say(format!("blob {}", blob.digest), || {
                format!(
                    "The stored `{}` was damaged ({why}) and is removed; it will be computed again.",
                    blob.label
                )
            }),
            Err(error) => self.0.cannot_write(&error),
        }
        None
    }
}

fn own_entry(own: &Own) -> Arc<Entry> {
    Arc::clone(&own.entry)
}

/// Removes the content of a blob, if it still is the bad one. `false` when it is good now.
fn remove_bad_blob(
    transaction: &rusqlite::Transaction,
    disk: &Disk,
    blob: &BlobRef,
    lost: Lost,
) -> Result<bool, IndexError> {
    let digest = blob.digest.as_bytes();
    let inline_is_good = {
        let mut statement = transaction.prepare_cached("SELECT data FROM blobs WHERE digest = ?1")?;
        let data: Option<Option<Vec<u8>>> = statement.query_row([digest], |row| row.get(0)).optional()?;
        data.flatten()
            .is_some_and(|data| Digest::of(&data) == blob.digest)
    };
    Ok(match lost {
        Lost::Gone => {
            !inline_is_good
                && disk
                    .blobs
                    .stat(&blob.digest)
                    .is_none_or(|(len, _)| len != blob.len)
        }
        // Where the index has the content, only the file goes.
        Lost::File(identity) => disk.blobs.remove_damaged(&blob.digest, identity) && !inline_is_good,
        Lost::Inline => !inline_is_good,
    })
}
