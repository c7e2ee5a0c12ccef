//! Entries leave: cleared, expired, damaged, over a limit or over the budget.
//!
//! Their rows go in one transaction and, when that has succeeded, the files of blobs that nobody names any more
//! in another: a process killed in between leaves files without rows, which are swept later, and never rows without
//! files. Whoever puts an entry looks for its blobs in a transaction too, so no file goes behind its back.

use std::ops::{Add, AddAssign};

use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::Disk;
use super::index::IndexError;
use super::record::digest;
use crate::digest::Digest;
use crate::entry::EntryKind;

/// How many rows are looked at at once when something has to go.
const BATCH: i64 = 256;

/// What a clearing removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cleared {
    pub entries: u64,
    /// Bytes on disk, or in memory for what was only there. Content that other entries share is not freed.
    pub bytes: u64,
}

/// Which entries: those that match everything that is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Selection<'a> {
    pub kind: Option<EntryKind>,
    pub name: Option<&'a str>,
    pub scope: Option<&'a str>,
}

impl Selection<'_> {
    pub(super) fn matches(&self, kind: EntryKind, name: &str, scope: &str) -> bool {
        self.kind.is_none_or(|wanted| wanted == kind)
            && self.name.is_none_or(|wanted| wanted == name)
            && self.scope.is_none_or(|wanted| wanted == scope)
    }
}

/// Blobs that lost their row, with the time of their file when an entry last named it.
#[derive(Default)]
pub(super) struct Unnamed(Vec<(Digest, Option<i64>)>);

impl Disk {
    /// Changes the index in one transaction, then removes the files that it does not name any more.
    pub fn change<T>(
        &self,
        on_damage: impl Fn(),
        mut work: impl FnMut(&Transaction, &mut Unnamed) -> Result<T, IndexError>,
    ) -> Result<T, IndexError> {
        let (done, unnamed) = self.index.write(&on_damage, |transaction| {
            let mut unnamed = Unnamed::default();
            Ok((work(transaction, &mut unnamed)?, unnamed))
        })?;
        if !unnamed.0.is_empty() {
            // What is not removed now is swept later.
            let _ = self.index.write(on_damage, |transaction| {
                for (digest, known) in &unnamed.0 {
                    if !is_named(transaction, digest)? {
                        self.blobs.remove_unnamed(digest, *known);
                    }
                }
                Ok(())
            });
        }
        Ok(done)
    }
}

/// Whether an entry names the blob.
pub(super) fn is_named(connection: &Connection, digest: &Digest) -> Result<bool, IndexError> {
    let mut statement = connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM blobs WHERE digest = ?1)")?;
    Ok(statement.query_row([digest.as_bytes()], |row| row.get(0))?)
}

/// What counts against the budget, in bytes.
pub(super) fn total_bytes(connection: &Connection) -> Result<u64, IndexError> {
    let mut statement = connection.prepare_cached("SELECT bytes FROM state")?;
    let bytes: i64 = statement.query_row([], |row| row.get(0))?;
    Ok(u64::try_from(bytes).unwrap_or(0))
}

/// Removes entries and the blobs that no other entry names.
pub(super) fn remove(
    transaction: &Transaction,
    unnamed: &mut Unnamed,
    ids: &[i64],
) -> Result<Cleared, IndexError> {
    let before = total_bytes(transaction)?;
    let mut entries = 0;
    for id in ids {
        let named: Vec<Digest> = {
            let mut statement = transaction.prepare_cached("SELECT digest FROM refs WHERE entry = ?1")?;
            let rows = statement.query_map([id], |row| digest(row, 0))?;
            rows.collect::<Result<_, _>>()?
        };
        let mut statement = transaction.prepare_cached("DELETE FROM entries WHERE id = ?1")?;
        entries += statement.execute([id])? as u64;
        for digest in named {
            remove_if_unnamed(transaction, unnamed, &digest)?;
        }
    }
    let bytes = before.saturating_sub(total_bytes(transaction)?);
    Ok(Cleared { entries, bytes })
}

fn remove_if_unnamed(
    transaction: &Transaction,
    unnamed: &mut Unnamed,
    digest: &Digest,
) -> Result<(), IndexError> {
    let mut statement = transaction.prepare_cached(
        "DELETE FROM blobs WHERE digest = ?1 AND NOT EXISTS (SELECT 1 FROM refs WHERE refs.digest = ?1)
         RETURNING modified",
    )?;
    let removed: Option<Option<i64>> = statement
        .query_row([digest.as_bytes()], |row| row.get(0))
        .optional()?;
    if let Some(modified) = removed {
        unnamed.0.push((*digest, modified));
    }
    Ok(())
}

/// Removes what matches.
pub(super) fn clear(
    transaction: &Transaction,
    unnamed: &mut Unnamed,
    selection: &Selection,
) -> Result<Cleared, IndexError> {
    let ids: Vec<i64> = {
        let mut statement = transaction.prepare_cached(
            "SELECT id FROM entries WHERE (?1 IS NULL OR kind = ?1) AND (?2 IS NULL OR name = ?2)
             AND (?3 IS NULL OR scope = ?3)",
        )?;
        let kind = selection.kind.map(EntryKind::as_str);
        let rows = statement.query_map(params![kind, selection.name, selection.scope], |row| row.get(0))?;
        rows.collect::<Result<_, _>>()?
    };
    remove(transaction, unnamed, &ids)
}

/// Removes what has expired by `now` (microseconds).
pub(super) fn expire(
    transaction: &Transaction,
    unnamed: &mut Unnamed,
    now: i64,
) -> Result<Cleared, IndexError> {
    let ids: Vec<i64> = {
        let mut statement = transaction.prepare_cached("SELECT id FROM entries WHERE expires <= ?1")?;
        let rows = statement.query_map([now], |row| row.get(0))?;
        rows.collect::<Result<_, _>>()?
    };
    remove(transaction, unnamed, &ids)
}

/// Removes the longest unused entries until the budget holds, `spared` excepted.
pub(super) fn keep_budget(
    transaction: &Transaction,
    unnamed: &mut Unnamed,
    budget: u64,
    spared: i64,
) -> Result<Cleared, IndexError> {
    let mut cleared = Cleared::default();
    while total_bytes(transaction)? > budget {
        let oldest: Vec<i64> = {
            let mut statement = transaction
                .prepare_cached("SELECT id FROM entries WHERE id <> ?1 ORDER BY used, id LIMIT ?2")?;
            let rows = statement.query_map([spared, BATCH], |row| row.get(0))?;
            rows.collect::<Result<_, _>>()?
        };
        if oldest.is_empty() {
            break;
        }
        for id in oldest {
            if total_bytes(transaction)? <= budget {
                break;
            }
            cleared += remove(transaction, unnamed, &[id])?;
        }
    }
    Ok(cleared)
}

/// Removes the longest unused entries of the name of `newest` until the limits hold.
pub(super) fn keep_limits(
    transaction: &Transaction,
    unnamed: &mut Unnamed,
    newest: i64,
    max_entries: Option<u64>,
    max_bytes: Option<u64>,
) -> Result<(), IndexError> {
    if max_entries.is_none() && max_bytes.is_none() {
        return Ok(());
    }
    let rows: Vec<(i64, i64)> = {
        let mut statement = transaction.prepare_cached(
            "SELECT old.id, old.bytes FROM entries AS old, entries AS new
             WHERE new.id = ?1 AND old.name = new.name AND old.scope = new.scope AND old.kind = new.kind
             ORDER BY old.id = ?1 DESC, old.used DESC, old.id DESC",
        )?;
        let rows = statement.query_map([newest], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect::<Result<_, _>>()?
    };
    let (mut entries, mut bytes) = (0_u64, 0_u64);
    let mut gone = Vec::new();
    for (id, size) in rows {
        entries += 1;
        bytes += u64::try_from(size).unwrap_or(0);
        let fits = max_entries.is_none_or(|max| entries <= max) && max_bytes.is_none_or(|max| bytes <= max);
        if !fits && id != newest {
            gone.push(id);
        }
    }
    remove(transaction, unnamed, &gone)?;
    Ok(())
}

impl Add for Cleared {
    type Output = Cleared;

    fn add(self, other: Cleared) -> Cleared {
        Cleared {
            entries: self.entries + other.entries,
            bytes: self.bytes + other.bytes,
        }
    }
}

impl AddAssign for Cleared {
    fn add_assign(&mut self, other: Cleared) {
        *self = *self + other;
    }
}
