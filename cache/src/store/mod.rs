//! The store: a memory tier over a folder that many processes share.
//!
//! In the folder, below a folder for the version of the format:
//!
//! | what | is |
//! | --- | --- |
//! | `index-N.db` | entries, with their small blobs ([`index`], [`schema`]) |
//! | `blobs/` | larger blobs, named by their hash ([`blobs`]) |
//! | `tmp/` | files that are being written ([`temp`]) |
//! | `locks/` | who computes what ([`lock`]) |
//! | `clearings` | who has cleared what ([`clearings`]) |
//!
//! Blobs come first, the entry that names them last, in one transaction. Nothing is flushed to the disk by force: what a power
//! failure cuts off has a wrong hash and is a miss.

mod blobs;
mod clean;
mod clearings;
mod find;
mod hold;
mod index;
mod list;
mod lock;
mod maintain;
mod memory;
mod put;
mod record;
mod remove;
mod schema;
mod temp;
mod uses;

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::entry::Entry;
use crate::key::Key;
use crate::warnings::{Warning, Warnings};

pub use clean::{Collected, Verified};
pub use clearings::Clearing;
pub use hold::Held;
pub use list::{KindStats, Listed, Stats};
pub use lock::{Claim, ClaimGuard, Holder, Waited, Waiter};
pub use put::{Kept, Persist, Policy, PutError};
pub use remove::{Cleared, Selection};

use index::{Index, IndexError};
use memory::Memory;
use uses::Uses;

/// How large a store may grow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Bytes on disk; above, what was not used for longest is removed.
    pub budget_bytes: u64,
    /// Bytes in this process.
    pub memory_bytes: u64,
    /// A file that no entry names is removed at this age: before, somebody may be about to name it.
    pub orphan_age: Duration,
}

impl Default for Options {
    /// 10 GiB on disk, 256 MiB in memory, one hour.
    fn default() -> Options {
        Options {
            budget_bytes: crate::human::DEFAULT_BUDGET,
            memory_bytes: 256 << 20,
            orphan_age: Duration::from_secs(3600),
        }
    }
}

/// Entries and blobs, in memory and on disk. Clones are the same store.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    options: Options,
    /// `None` when the folder cannot be used: then everything is in memory.
    disk: Option<Disk>,
    memory: Mutex<Memory>,
    uses: Uses,
    warnings: Warnings,
    /// Where files are written for a store without a disk.
    substitute: temp::Substitute,
    maintainer: maintain::Maintainer,
}

struct Disk {
    folder: PathBuf,
    index: Index,
    blobs: blobs::Blobs,
    locks: PathBuf,
    clearings: clearings::Clearings,
}

impl Store {
    /// Opens the store in `folder`, which is made if need be, for its owner alone.
    ///
    /// It never fails. A folder that cannot be used makes a store in memory, a damaged index is left aside and a
    /// new one started; [`Store::take_warnings`] tells.
    pub fn open(folder: impl AsRef<Path>, options: Options) -> Store {
        let folder = folder.as_ref();
        let warnings = Warnings::default();
        let disk = match Disk::open(folder) {
            Ok((disk, index_was_damaged)) => {
                if index_was_damaged {
                    warn_of_damaged_index(&warnings, &disk.folder);
                }
                Some(disk)
            }
            Err(error) => {
                warnings.say("open", || {
                    format!(
                        "The cache folder {} cannot be used ({error}); results are kept in memory only. \
                         Make it writable or set CELLAR_CACHE_DIR to another folder.",
                        folder.display()
                    )
                });
                None
            }
        };
        Store(Arc::new(Inner {
            memory: Mutex::new(Memory::new(options.memory_bytes)),
            options,
            disk,
            uses: Uses::default(),
            warnings,
            substitute: temp::Substitute::default(),
            maintainer: maintain::Maintainer::default(),
        }))
    }

    /// A store without a folder: everything is in memory.
    pub fn in_memory(options: Options) -> Store {
        Store(Arc::new(Inner {
            memory: Mutex::new(Memory::new(options.memory_bytes)),
            options,
            disk: None,
            uses: Uses::default(),
            warnings: Warnings::default(),
            substitute: temp::Substitute::default(),
            maintainer: maintain::Maintainer::default(),
        }))
    }

    /// What went wrong since the last call. Each thing is told once.
    pub fn take_warnings(&self) -> Vec<Warning> {
        self.0.warnings.take()
    }

    /// Whether entries outlive this process.
    pub fn is_on_disk(&self) -> bool {
        self.0.disk.is_some()
    }

    /// Claims a key before its computation, so that of many processes one computes. `name` is shown to those who wait.
    pub fn claim(&self, key: Key, name: &str) -> Claim {
        let Some(disk) = &self.0.disk else {
            return Claim::Mine(ClaimGuard::alone());
        };
        lock::claim(&disk.locks, key, name).unwrap_or_else(|error| {
            self.0.warnings.say("lock", || {
                format!(
                    "No lock could be taken in {} ({error}); other kernels may compute the same at the same time.",
                    disk.locks.display()
                )
            });
            Claim::Mine(ClaimGuard::alone())
        })
    }

    /// Notes that an entry was used. What was used last is removed last.
    pub fn record_hit(&self, entry: &Entry) {
        let mut memory = self.0.memory();
        if let Some(own) = memory.own(&entry.key) {
            own.hits += 1;
            own.used = crate::time::now();
            return;
        }
        drop(memory);
        if self.0.disk.is_some() {
            self.0.uses.record(entry.key);
            self.maintain();
        }
    }

    /// Writes what was noted in memory. It happens every few seconds and at the end without being asked for.
    pub fn flush(&self) {
        self.0.flush();
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let folder = self.0.disk.as_ref().map(|disk| &disk.folder);
        f.debug_struct("Store")
            .field("folder", &folder)
            .finish_non_exhaustive()
    }
}

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
enum OpenError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Index(#[from] IndexError),
}

impl Disk {
    fn open(store: &Path) -> Result<(Disk, bool), OpenError> {
        make_folder(store)?;
        let folder = store.join(format!("v{}", schema::VERSION));
        make_folder(&folder)?;
        let locks = folder.join("locks");
        make_folder(&locks)?;
        let temp = temp::TempFolder::open(&folder)?;
        let blobs = blobs::Blobs::open(&folder, temp)?;
        let (index, damaged) = Index::open(&folder)?;
        let disk = Disk {
            clearings: clearings::Clearings::open(&folder),
            folder,
            index,
            blobs,
            locks,
        };
        Ok((disk, damaged))
    }
}

/// Makes a folder that is its owner's alone: what is in it is executed.
fn make_folder(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let mode = folder.metadata()?.permissions().mode();
    if mode & 0o077 != 0 {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

fn warn_of_damaged_index(warnings: &Warnings, folder: &Path) {
    warnings.say("index", || {
        format!(
            "The cache's index in {} was damaged; it is set aside and a new one started. What was cached will be \
             computed again.",
            folder.display()
        )
    });
}

impl Inner {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn index_was_damaged(&self) {
        if let Some(disk) = &self.disk {
            warn_of_damaged_index(&self.warnings, &disk.folder);
        }
    }

    fn cannot_write(&self, error: &dyn fmt::Display) {
        self.warnings.say("write", || {
            format!(
                "The cache in {} cannot be written ({error}); new results are kept in memory only. Look at the free \
                 space there, or set CELLAR_CACHE_DIR to another folder.",
                self.place()
            )
        });
    }

    fn cannot_read(&self, error: &dyn fmt::Display) {
        self.warnings.say("read", || {
            format!(
                "The cache in {} cannot be read ({error}); what is in it will be computed again.",
                self.place()
            )
        });
    }

    fn place(&self) -> String {
        self.disk
            .as_ref()
            .map_or_else(|| "memory".to_owned(), |disk| disk.folder.display().to_string())
    }

    /// Writes the hits that were noted.
    fn flush(&self) {
        let Some(disk) = &self.disk else { return };
        let uses = self.uses.take();
        if uses.is_empty() {
            return;
        }
        let done = disk
            .index
            .write(|| self.index_was_damaged(), |transaction| uses.write(transaction));
        if let Err(error) = done {
            self.cannot_write(&error);
            self.uses.give_back(uses);
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.flush();
    }
}
