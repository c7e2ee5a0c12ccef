//! Entries as rows of the index.

use std::time::Duration;

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension as _, Row};
use serde::{Deserialize, Serialize};

use super::index::IndexError;
use crate::digest::{Digest, Hasher};
use crate::entry::{BlobRef, Entry, EntryKind};
use crate::key::{Ingredient, Key};
use crate::time::{from_micros, to_micros};

/// The part of an entry that nobody asks SQLite about.
#[derive(Serialize)]
struct RecordRef<'a> {
    ingredients: &'a [Ingredient],
    observed: &'a [Ingredient],
    body: &'a [u8],
    blobs: &'a [BlobRef],
}

#[derive(Deserialize)]
struct Record {
    ingredients: Vec<Ingredient>,
    observed: Vec<Ingredient>,
    body: Vec<u8>,
    blobs: Vec<BlobRef>,
}

/// An entry as it goes into its row.
pub(super) struct Encoded {
    pub record: Vec<u8>,
    pub checksum: Digest,
    pub created: i64,
    pub expires: Option<i64>,
    pub cost: i64,
}

/// A row that is not what was written.
pub(super) struct DamagedRow;

impl Encoded {
    pub fn of(entry: &Entry) -> Result<Encoded, postcard::Error> {
        let record = postcard::to_stdvec(&RecordRef {
            ingredients: &entry.ingredients,
            observed: &entry.observed,
            body: &entry.body,
            blobs: &entry.blobs,
        })?;
        let created = to_micros(entry.created);
        let expires = entry.expires.map(to_micros);
        let cost = i64::try_from(entry.cost.as_nanos()).unwrap_or(i64::MAX);
        let checksum = checksum(
            &entry.key,
            &entry.base,
            entry.kind.as_str(),
            [&entry.scope, &entry.name],
            (created, expires, cost),
            &record,
        );
        Ok(Encoded {
            record,
            checksum,
            created,
            expires,
            cost,
        })
    }
}

/// SQLite does not notice a flipped bit in a row.
fn checksum(
    key: &Key,
    base: &Key,
    kind: &str,
    texts: [&str; 2],
    (created, expires, cost): (i64, Option<i64>, i64),
    record: &[u8],
) -> Digest {
    Hasher::new("cellar entry 1")
        .digest("key", &key.0)
        .digest("base", &base.0)
        .text("kind", kind)
        .text("scope", texts[0])
        .text("name", texts[1])
        .part("created", &created.to_le_bytes())
        .part(
            "expires",
            expires.map(i64::to_le_bytes).as_ref().map_or(&[], |e| &e[..]),
        )
        .part("cost", &cost.to_le_bytes())
        .part("record", record)
        .finish()
}

/// Number and end of the entries with this base, newest first.
pub(super) fn ids_of_base(connection: &Connection, base: Key) -> Result<Vec<i64>, IndexError> {
    let mut statement =
        connection.prepare_cached("SELECT id FROM entries WHERE base = ?1 ORDER BY created DESC, id DESC")?;
    let ids = statement.query_map([base.0.as_bytes()], |row| row.get(0))?;
    Ok(ids.collect::<Result<_, _>>()?)
}

pub(super) fn id_of_key(connection: &Connection, key: Key) -> Result<Option<i64>, IndexError> {
    let mut statement = connection.prepare_cached("SELECT id FROM entries WHERE key = ?1")?;
    Ok(statement
        .query_row([key.0.as_bytes()], |row| row.get(0))
        .optional()?)
}

/// Reads the row with that number, if it still is there.
pub(super) fn load(
    connection: &Connection,
    id: i64,
) -> Result<Option<Result<Entry, DamagedRow>>, IndexError> {
    let mut statement = connection.prepare_cached(
        "SELECT key, base, kind, scope, name, created, expires, cost, record, checksum FROM entries WHERE id = ?1",
    )?;
    let read = statement.query_row([id], |row| Ok(decode(row))).optional()?;
    Ok(match read {
        None => None,
        Some(Ok(Some(entry))) => Some(Ok(entry)),
        // A column of a wrong type or a text that is none: this row, not the whole index.
        Some(Ok(None) | Err(_)) => Some(Err(DamagedRow)),
    })
}

fn decode(row: &Row) -> rusqlite::Result<Option<Entry>> {
    let (key, base) = (Key(digest(row, 0)?), Key(digest(row, 1)?));
    let kind = row.get_ref(2)?.as_str()?;
    let (scope, name): (String, String) = (row.get(3)?, row.get(4)?);
    let (created, expires, cost): (i64, Option<i64>, i64) = (row.get(5)?, row.get(6)?, row.get(7)?);
    let record = row.get_ref(8)?.as_blob()?;
    let expected = checksum(
        &key,
        &base,
        kind,
        [&scope, &name],
        (created, expires, cost),
        record,
    );
    if expected != digest(row, 9)? {
        return Ok(None);
    }
    let (Ok(kind), Ok(record)) = (kind.parse::<EntryKind>(), postcard::from_bytes::<Record>(record)) else {
        return Ok(None);
    };
    Ok(Some(Entry {
        key,
        base,
        kind,
        name,
        scope,
        created: from_micros(created),
        expires: expires.map(from_micros),
        cost: Duration::from_nanos(cost.unsigned_abs()),
        ingredients: record.ingredients,
        observed: record.observed,
        body: record.body,
        blobs: record.blobs,
    }))
}

/// A digest in a column.
pub(super) fn digest(row: &Row, column: usize) -> rusqlite::Result<Digest> {
    let bytes = row.get_ref(column)?.as_blob()?;
    let bytes = bytes
        .try_into()
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Blob, Box::new(error)))?;
    Ok(Digest::from_bytes(bytes))
}
