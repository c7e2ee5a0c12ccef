//! Blobs and entries come in.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use rusqlite::{OptionalExtension as _, Transaction, params};

use super::memory::{Own, record_bytes};
use super::record::Encoded;
use super::remove::Unnamed;
use super::{Disk, IndexError, Store, remove};
use crate::digest::Digest;
use crate::entry::{BlobRef, Entry};
use crate::human::{human_limit, human_size};
use crate::time::to_micros;

/// Blobs up to this size are kept in the index: one lookup less, one file less.
pub(super) const INLINE: u64 = 4096;

/// Where an entry is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Persist {
    #[default]
    Disk,
    /// In this process only.
    Memory,
}

/// How an entry is kept. Limits are for all entries of the same name, scope and kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Policy {
    pub persist: Persist,
    pub max_entries: Option<u64>,
    /// Bytes.
    pub max_bytes: Option<u64>,
}

/// Where an entry went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    OnDisk,
    /// As asked for, or because the disk could not take it; then there is a warning.
    InMemory,
}

/// Why an entry was not kept. The message is the reason alone; whoever tells it knows what the user calls the entry.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PutError {
    /// It names a blob that is not there: never put, or removed by another process since.
    #[error("its part `{label}` is not in the store any more")]
    BlobMissing { label: String },
    #[error("it has {bytes} bytes, and `max_bytes` allows {limit}")]
    OverMaxBytes { bytes: u64, limit: u64 },
    #[error(
        "it has {}, and the cache may have {} (set CELLAR_CACHE_MAX to allow more)",
        human_size(*bytes), human_limit(*limit)
    )]
    OverBudget { bytes: u64, limit: u64 },
    #[error("it has {}, and the cache in memory may have {}", human_size(*bytes), human_limit(*limit))]
    OverMemory { bytes: u64, limit: u64 },
}

impl Store {
    /// Puts a blob. It stays only if an entry that names it is put, too.
    ///
    /// It never fails: what the disk cannot take is held in memory for the entry to come, and where that is too small,
    /// too, [`Store::put_entry`] says so.
    pub fn put_blob(&self, label: impl Into<String>, bytes: impl Into<Bytes>, persist: Persist) -> BlobRef {
        let bytes = bytes.into();
        let digest = Digest::of(&bytes);
        let len = bytes.len() as u64;
        let on_disk = persist == Persist::Disk && len > INLINE && self.write_blob(&digest, &bytes);
        if !on_disk {
            self.0.memory().keep_pending(digest, bytes);
        }
        BlobRef {
            label: label.into(),
            digest,
            len,
        }
    }

    fn write_blob(&self, digest: &Digest, bytes: &Bytes) -> bool {
        let Some(disk) = &self.0.disk else { return false };
        match disk.blobs.put(digest, bytes) {
            Ok(()) => true,
            Err(error) => {
                self.0.cannot_write(&error);
                false
            }
        }
    }

    /// A path for a file that will be adopted, in the file system of the store. The file is removed if
    /// it is still there when this process is gone.
    ///
    /// # Errors
    /// When no folder for such files can be made.
    pub fn temp_path(&self) -> std::io::Result<PathBuf> {
        match &self.0.disk {
            Some(disk) => disk.blobs.temp_path(),
            None => self.0.substitute.new_path(),
        }
    }

    /// Moves a complete file into the store as a blob. `digest` is believed here and checked when the blob is read.
    ///
    /// # Errors
    /// When the file cannot be read, or was read here and is not what its hash says; it is left where it is.
    pub fn adopt_blob(
        &self,
        label: impl Into<String>,
        file: &Path,
        digest: Digest,
    ) -> std::io::Result<BlobRef> {
        let len = file.metadata()?.len();
        if !(len > INLINE && self.move_in(file, &digest, len)) {
            let bytes = std::fs::read(file)?;
            // What is in memory is not checked again.
            if Digest::of(&bytes) != digest {
                return Err(std::io::Error::new(
                    std::io::ErrorKind::InvalidData,
                    format!("{} is not what its hash says", file.display()),
                ));
            }
            self.0.memory().keep_pending(digest, bytes.into());
            let _ = std::fs::remove_file(file);
        }
        Ok(BlobRef {
            label: label.into(),
            digest,
            len,
        })
    }

    fn move_in(&self, file: &Path, digest: &Digest, len: u64) -> bool {
        let Some(disk) = &self.0.disk else { return false };
        let moved = disk.blobs.adopt(file, digest, len);
        moved.map_err(|error| self.0.cannot_write(&error)).is_ok()
    }

    /// Puts an entry, whole or not at all. Its blobs must have been put before. An entry of the
    /// same key is replaced; entries of other keys stay, so going back to earlier code is a hit.
    ///
    /// # Errors
    /// When a blob is missing or the entry is larger than a limit. That the disk cannot be written is no error: the
    /// entry is kept in memory, with a warning.
    pub fn put_entry(&self, entry: &Entry, policy: &Policy) -> Result<Kept, PutError> {
        let bytes = entry.blob_bytes() + entry.body.len() as u64;
        if let Some(limit) = policy.max_bytes.filter(|limit| bytes > *limit) {
            return Err(PutError::OverMaxBytes { bytes, limit });
        }
        if let (Persist::Disk, Some(disk)) = (policy.persist, &self.0.disk) {
            match self.put_on_disk(disk, entry, policy) {
                Ok(id) => {
                    let mut memory = self.0.memory();
                    for blob in &entry.blobs {
                        memory.settle_pending(&blob.digest);
                    }
                    memory.remove_own(&entry.key);
                    memory.keep_row(id, Arc::new(entry.clone()));
                    drop(memory);
                    self.maintain();
                    return Ok(Kept::OnDisk);
                }
                Err(PutFailure::Index(IndexError::BlobMissing(label))) => {
                    return Err(PutError::BlobMissing { label });
                }
                Err(PutFailure::OverBudget(bytes)) => {
                    return Err(PutError::OverBudget {
                        bytes,
                        limit: self.0.options.budget_bytes,
                    });
                }
                Err(error) => self.0.cannot_write(&error),
            }
        }
        self.put_in_memory(entry, policy)
    }

    fn put_on_disk(&self, disk: &Disk, entry: &Entry, policy: &Policy) -> Result<i64, PutFailure> {
        let encoded = Encoded::of(entry)?;
        let bytes = encoded.record.len() as u64 + entry.blob_bytes();
        if bytes > self.0.options.budget_bytes {
            return Err(PutFailure::OverBudget(bytes));
        }
        let pending: HashMap<Digest, Bytes> = {
            let mut memory = self.0.memory();
            let blobs = entry.blobs.iter().map(|blob| blob.digest);
            blobs
                .filter_map(|digest| Some((digest, memory.pending(&digest)?)))
                .collect()
        };
        // What could not be written before may be writable now; it must be before the transaction begins.
        for (digest, bytes) in pending.iter().filter(|(_, bytes)| bytes.len() as u64 > INLINE) {
            disk.blobs.put(digest, bytes)?;
        }
        let uses = self.0.uses.take();
        let done = disk.change(
            || self.0.index_was_damaged(),
            |transaction, unnamed| {
                uses.write(transaction)?;
                for blob in entry.distinct_blobs() {
                    if !name_blob(transaction, disk, blob, pending.get(&blob.digest))? {
                        return Err(IndexError::BlobMissing(blob.label.clone()));
                    }
                }
                let id = insert(transaction, unnamed, entry, &encoded)?;
                remove::keep_limits(transaction, unnamed, id, policy.max_entries, policy.max_bytes)?;
                remove::keep_budget(transaction, unnamed, self.0.options.budget_bytes, id)?;
                Ok(id)
            },
        );
        if done.is_err() {
            self.0.uses.give_back(uses);
        }
        Ok(done?)
    }

    fn put_in_memory(&self, entry: &Entry, policy: &Policy) -> Result<Kept, PutError> {
        let limit = self.0.options.memory_bytes;
        let bytes = record_bytes(entry) + entry.blob_bytes();
        if bytes > limit {
            return Err(PutError::OverMemory { bytes, limit });
        }
        let mut blobs = HashMap::new();
        for blob in &entry.blobs {
            let Some(bytes) = self.blob(blob) else {
                let label = blob.label.clone();
                return Err(PutError::BlobMissing { label });
            };
            blobs.insert(blob.digest, bytes);
        }
        let own = Own {
            entry: Arc::new(entry.clone()),
            blobs,
            hits: 0,
            used: crate::time::now(),
        };
        let mut memory = self.0.memory();
        if !memory.keep_own(own) {
            return Err(PutError::OverMemory { bytes, limit });
        }
        if policy.max_entries.is_none() && policy.max_bytes.is_none() {
            return Ok(Kept::InMemory);
        }
        // The longest unused of the name go, as on disk.
        let mut same: Vec<_> = memory
            .owns()
            .filter(|own| {
                own.entry.key != entry.key
                    && (own.entry.kind, &own.entry.name, &own.entry.scope)
                        == (entry.kind, &entry.name, &entry.scope)
            })
            .map(|own| (own.used, own.entry.key, own.bytes()))
            .collect();
        same.sort_unstable_by(|a, b| b.cmp(a));
        let (mut entries, mut total) = (1, bytes);
        for (_, key, bytes) in same {
            entries += 1;
            total += bytes;
            if policy.max_entries.is_some_and(|max| entries > max)
                || policy.max_bytes.is_some_and(|max| total > max)
            {
                memory.remove_own(&key);
            }
        }
        Ok(Kept::InMemory)
    }
}

/// Why an entry could not go to disk.
#[derive(Debug, thiserror::Error)]
enum PutFailure {
    #[error(transparent)]
    Index(#[from] IndexError),
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Encode(#[from] postcard::Error),
    #[error("{0} bytes are more than the budget")]
    OverBudget(u64),
}

/// Makes sure that a blob is there and has a row. `false` when it is not there.
fn name_blob(
    transaction: &Transaction,
    disk: &Disk,
    blob: &BlobRef,
    pending: Option<&Bytes>,
) -> Result<bool, IndexError> {
    if blob.len <= INLINE {
        if let Some(bytes) = pending {
            // An update mends a row that was damaged.
            let mut statement = transaction.prepare_cached(
                "INSERT INTO blobs (digest, bytes, data) VALUES (?1, ?2, ?3)
                 ON CONFLICT DO UPDATE SET data = excluded.data",
            )?;
            statement.execute(params![blob.digest.as_bytes(), blob.len, &bytes[..]])?;
            return Ok(true);
        }
        let mut statement =
            transaction.prepare_cached("SELECT data IS NOT NULL FROM blobs WHERE digest = ?1")?;
        let inline: Option<bool> = statement
            .query_row([blob.digest.as_bytes()], |row| row.get(0))
            .optional()?;
        if inline == Some(true) {
            return Ok(true);
        }
    }
    let Some((_, modified)) = disk.blobs.stat(&blob.digest).filter(|(len, _)| *len == blob.len) else {
        return Ok(false);
    };
    let mut statement = transaction.prepare_cached(
        "INSERT INTO blobs (digest, bytes, modified) VALUES (?1, ?2, ?3)
         ON CONFLICT DO UPDATE SET modified = excluded.modified",
    )?;
    statement.execute(params![blob.digest.as_bytes(), blob.len, modified])?;
    Ok(true)
}

fn insert(
    transaction: &Transaction,
    unnamed: &mut Unnamed,
    entry: &Entry,
    encoded: &Encoded,
) -> Result<i64, IndexError> {
    let old = super::record::id_of_key(transaction, entry.key)?;
    if let Some(old) = old {
        // Its blobs stay until the new entry has named those that it shares.
        transaction
            .prepare_cached("UPDATE entries SET key = randomblob(32) WHERE id = ?1")?
            .execute([old])?;
    }
    let bytes = encoded.record.len() as u64 + entry.blob_bytes();
    transaction
        .prepare_cached(
            "INSERT INTO entries (key, base, kind, scope, name, created, expires, cost, bytes, used, record, checksum)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?
        .execute(params![
            entry.key.0.as_bytes(),
            entry.base.0.as_bytes(),
            entry.kind.as_str(),
            entry.scope,
            entry.name,
            encoded.created,
            encoded.expires,
            encoded.cost,
            bytes,
            to_micros(crate::time::now()),
            encoded.record,
            encoded.checksum.as_bytes(),
        ])?;
    let id = transaction.last_insert_rowid();
    for blob in entry.distinct_blobs() {
        transaction
            .prepare_cached("INSERT INTO refs (entry, digest) VALUES (?1, ?2)")?
            .execute(params![id, blob.digest.as_bytes()])?;
    }
    if let Some(old) = old {
        remove::remove(transaction, unnamed, &[old])?;
    }
    Ok(id)
}
