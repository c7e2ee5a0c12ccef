//! The tables of the index.

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::index::IndexError;
use crate::time::to_micros;

/// "cllr": a database that is not ours is treated as damaged.
const APPLICATION: i64 = 0x636c_6c72;

/// The form of the tables and records. The store's folder has it in its name, so two versions of Cellar
/// do not fight over one folder; here it catches a file that was put in the wrong place.
pub(super) const VERSION: i64 = 1;

const TABLES: &str = "
CREATE TABLE entries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,  -- of no other record ever: see below
    key BLOB NOT NULL UNIQUE,
    base BLOB NOT NULL,
    kind TEXT NOT NULL,
    scope TEXT NOT NULL,
    name TEXT NOT NULL,
    created INTEGER NOT NULL,              -- this and all times: microseconds since 1970
    expires INTEGER,
    cost INTEGER NOT NULL,                 -- nanoseconds
    bytes INTEGER NOT NULL,                -- record and blobs
    used INTEGER NOT NULL,
    hits INTEGER NOT NULL DEFAULT 0,
    record BLOB NOT NULL,                  -- ingredients, body, list of blobs
    checksum BLOB NOT NULL                 -- of all of the above that never changes
);
CREATE INDEX entries_base ON entries (base);
CREATE INDEX entries_used ON entries (used);
CREATE INDEX entries_name ON entries (name, scope, kind);
CREATE TABLE blobs (
    digest BLOB PRIMARY KEY,
    bytes INTEGER NOT NULL,
    modified INTEGER,                      -- of the file, nanoseconds, when an entry last named it
    data BLOB                              -- the content of a small one, which has no file
);
CREATE TABLE refs (
    entry INTEGER NOT NULL REFERENCES entries (id) ON DELETE CASCADE,
    digest BLOB NOT NULL,
    PRIMARY KEY (entry, digest)
) WITHOUT ROWID;
CREATE INDEX refs_digest ON refs (digest);
CREATE TABLE state (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    bytes INTEGER NOT NULL,                -- what counts against the budget
    swept INTEGER NOT NULL                 -- when the folder was last swept
);
INSERT INTO state VALUES (1, 0, 0);
CREATE TRIGGER entry_comes AFTER INSERT ON entries
    BEGIN UPDATE state SET bytes = bytes + length(new.record); END;
CREATE TRIGGER entry_goes AFTER DELETE ON entries
    BEGIN UPDATE state SET bytes = bytes - length(old.record); END;
CREATE TRIGGER blob_comes AFTER INSERT ON blobs
    BEGIN UPDATE state SET bytes = bytes + new.bytes; END;
CREATE TRIGGER blob_goes AFTER DELETE ON blobs
    BEGIN UPDATE state SET bytes = bytes - old.bytes; END;
";

/// Sets a connection up and makes the tables in a new database.
pub(super) fn prepare(connection: &mut Connection) -> Result<(), IndexError> {
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // A page that was tampered with is refused instead of trusted.
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "journal_size_limit", 8 << 20)?;
    match state(&connection.transaction()?)? {
        State::Ours => return Ok(()),
        State::Foreign => return Err(IndexError::Damaged),
        State::New => {}
    }
    // Works only before the first table; space of removed entries goes back to the disk.
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    become_wal(connection)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have been faster.
    if matches!(state(&transaction)?, State::New) {
        transaction.execute_batch(TABLES)?;
        // The first number is a time, so that numbers of an index are not those of the one before it: the
        // memory tier knows entries by them.
        let first = to_micros(crate::time::now());
        transaction.execute(
            "INSERT INTO sqlite_sequence (name, seq) VALUES ('entries', ?1)",
            [first],
        )?;
        transaction.pragma_update(None, "application_id", APPLICATION)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
    }
    transaction.commit()?;
    Ok(())
}

/// Whose database it is.
enum State {
    Ours,
    New,
    Foreign,
}

fn state(transaction: &Transaction) -> Result<State, IndexError> {
    let number = |name| transaction.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (application, version) = (number("application_id")?, number("user_version")?);
    if (application, version) == (APPLICATION, VERSION) {
        return Ok(State::Ours);
    }
    let tables: i64 = transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(if (application, tables) == (0, 0) {
        State::New
    } else {
        State::Foreign
    })
}

/// The change to WAL fails at once, without the usual waiting, while another process makes the same change.
fn become_wal(connection: &Connection) -> Result<(), IndexError> {
    let mut tries = 0;
    loop {
        let done =
            connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0));
        match done {
            Ok(_) => return Ok(()),
            Err(error)
                if tries < 200 && error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) =>
            {
                tries += 1;
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
            Err(error) => return Err(error.into()),
        }
    }
}
