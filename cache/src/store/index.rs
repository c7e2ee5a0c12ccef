//! The index: a SQLite database in WAL mode, shared by all processes that use the store.
//!
//! A damaged index is never repaired: it is a cache. It is left where it is and a new one is started under the next
//! number (`index-0.db`, `index-1.db`, …). Renaming a database that another process has open
//! would make SQLite mix up the write-ahead logs of the two; a new name cannot.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};

use super::schema;

/// How long to wait for another process that is writing.
const BUSY: Duration = Duration::from_secs(10);

/// How many damaged indexes are stepped over before giving up.
const MOST_STEPS: u64 = 8;

/// The connections of this process: readers never wait for the writer.
pub(super) struct Index {
    folder: PathBuf,
    /// Which index is used, and the how manyth opening of it that is.
    current: Mutex<Current>,
    reader: Mutex<Numbered>,
    writer: Mutex<Numbered>,
}

struct Numbered {
    current: Current,
    connection: Connection,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Current {
    number: u64,
    opening: u64,
}

/// What an operation came to when it could not be done.
#[derive(Debug, thiserror::Error)]
pub(super) enum IndexError {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error("the index was damaged")]
    Damaged,
    /// Not the index's fault: a transaction gives up because this part of an entry is not there.
    #[error("the part `{0}` is missing")]
    BlobMissing(String),
}

impl IndexError {
    fn is_damage(&self) -> bool {
        match self {
            IndexError::Damaged => true,
            IndexError::Sqlite(error) => is_damage(error),
            IndexError::BlobMissing(_) => false,
        }
    }
}

/// Whether the file, and not its surroundings, is at fault.
fn is_damage(error: &rusqlite::Error) -> bool {
    match error {
        rusqlite::Error::SqliteFailure(failure, message) => {
            matches!(failure.code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
                || message.as_deref().is_some_and(|m| m.contains("no such table"))
        }
        // A column of a type that was never written there.
        rusqlite::Error::InvalidColumnType(..) | rusqlite::Error::FromSqlConversionFailure(..) => true,
        _ => false,
    }
}

impl Index {
    /// Opens the newest index in `folder`, or starts one. Whether an older one was found damaged
    /// is told with it.
    pub fn open(folder: &Path) -> Result<(Index, bool), IndexError> {
        let first = Current {
            number: newest(folder),
            opening: 0,
        };
        let reader = connect_from(folder, first)?;
        let writer = connect_from(folder, reader.current)?;
        let damaged = reader.current != first;
        let index = Index {
            folder: folder.to_owned(),
            current: Mutex::new(reader.current),
            reader: Mutex::new(reader),
            writer: Mutex::new(writer),
        };
        Ok((index, damaged))
    }

    /// Reads. `on_damage` is called when the index turned out to be damaged and was left; then
    /// `work` is done again, on the new one.
    pub fn read<T>(
        &self,
        on_damage: impl FnOnce(),
        mut work: impl FnMut(&Connection) -> Result<T, IndexError>,
    ) -> Result<T, IndexError> {
        let mut reader = self.lock(&self.reader)?;
        match work(&reader.connection) {
            Err(error) if error.is_damage() => {
                on_damage();
                self.step_over(&mut reader)?;
                work(&reader.connection)
            }
            done => done,
        }
    }

    /// Changes the index in one transaction, which ends with `work` returning `Ok`.
    pub fn write<T>(
        &self,
        on_damage: impl FnOnce(),
        mut work: impl FnMut(&Transaction) -> Result<T, IndexError>,
    ) -> Result<T, IndexError> {
        let mut writer = self.lock(&self.writer)?;
        let number = writer.current.number;
        if path(&self.folder, number + 1).exists() {
            // Another process found damage that this one has not met.
            self.step_over(&mut writer)?;
        } else if !path(&self.folder, number).exists() {
            // Somebody emptied the folder.
            self.reopen(&mut writer, number)?;
        }
        match transact(&mut writer.connection, &mut work) {
            Err(error) if error.is_damage() => {
                on_damage();
                self.step_over(&mut writer)?;
                transact(&mut writer.connection, &mut work)
            }
            done => done,
        }
    }

    fn lock<'a>(&self, slot: &'a Mutex<Numbered>) -> Result<MutexGuard<'a, Numbered>, IndexError> {
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        let current = *self.current();
        if slot.current != current {
            *slot = connect_from(&self.folder, current)?;
        }
        Ok(slot)
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn step_over(&self, slot: &mut Numbered) -> Result<(), IndexError> {
        self.reopen(slot, slot.current.number + 1)
    }

    /// Opens the index of that number or a later one; the other connection of this process follows at its next use.
    fn reopen(&self, slot: &mut Numbered, number: u64) -> Result<(), IndexError> {
        // It cannot be opened if that fails, and then there is a better message.
        let _ = super::make_folder(&self.folder);
        let mut current = self.current();
        let wanted = Current {
            number: number.max(current.number),
            opening: current.opening + 1,
        };
        *slot = connect_from(&self.folder, wanted)?;
        *current = slot.current;
        Ok(())
    }

    /// Removes indexes that nobody uses any more: older than the one in use and untouched for `age`.
    pub fn remove_left_behind(&self, age: Duration) {
        let current = self.current().number;
        for number in numbers(&self.folder).into_iter().filter(|n| *n < current) {
            let file = path(&self.folder, number);
            let untouched = file
                .metadata()
                .and_then(|metadata| metadata.modified())
                .is_ok_and(|modified| modified.elapsed().is_ok_and(|since| since >= age));
            if untouched {
                for suffix in ["", "-wal", "-shm"] {
                    let mut name = file.clone().into_os_string();
                    name.push(suffix);
                    let _ = std::fs::remove_file(name);
                }
            }
        }
    }
}

fn transact<T>(
    connection: &mut Connection,
    work: &mut impl FnMut(&Transaction) -> Result<T, IndexError>,
) -> Result<T, IndexError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let done = work(&transaction)?;
    transaction.commit()?;
    Ok(done)
}

fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("index-{number}.db"))
}

fn numbers(folder: &Path) -> Vec<u64> {
    let Ok(files) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    files
        .filter_map(|file| {
            let name = file.ok()?.file_name();
            let digits = name.to_str()?.strip_prefix("index-")?.strip_suffix(".db")?;
            digits.parse().ok()
        })
        .collect()
}

fn newest(folder: &Path) -> u64 {
    numbers(folder).into_iter().max().unwrap_or(0)
}

/// Connects to the index of that number, or the first after it that is sound.
fn connect_from(folder: &Path, first: Current) -> Result<Numbered, IndexError> {
    for number in first.number..first.number + MOST_STEPS {
        match connect(&path(folder, number)) {
            Ok(connection) => {
                let current = Current { number, ..first };
                return Ok(Numbered { current, connection });
            }
            Err(error) if error.is_damage() => {}
            Err(error) => return Err(error),
        }
    }
    Err(IndexError::Damaged)
}

fn connect(path: &Path) -> Result<Connection, IndexError> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(64);
    schema::prepare(&mut connection)?;
    Ok(connection)
}
