//! Files on their way into the store.
//!
//! Every process has a folder of its own for them, with a lock that dies with the process: so anybody can
//! tell the folders of the dead.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tempfile::TempDir;

const LOCK: &str = "lock";

/// Between making its folder and locking it a process may be slow, but not that slow.
const GRACE: Duration = Duration::from_secs(60);

/// Where this process writes files that are not complete.
pub(super) struct TempFolder {
    /// `tmp` of the store.
    all: PathBuf,
    own: Mutex<Option<Own>>,
    next: AtomicU64,
}

struct Own {
    folder: TempDir,
    /// Locked as long as it is open.
    _lock: File,
}

impl TempFolder {
    pub fn open(store: &Path) -> io::Result<TempFolder> {
        let all = store.join("tmp");
        super::make_folder(&all)?;
        Ok(TempFolder {
            all,
            own: Mutex::new(None),
            next: AtomicU64::new(0),
        })
    }

    /// A path at which there is nothing yet, in the file system of the store.
    pub fn new_path(&self) -> io::Result<PathBuf> {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        // Somebody may have emptied the cache folder under a running kernel.
        let own = match own.take().filter(|own| own.folder.path().is_dir()) {
            Some(there) => own.insert(there),
            None => own.insert(self.make()?),
        };
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        Ok(own.folder.path().join(number.to_string()))
    }

    fn make(&self) -> io::Result<Own> {
        super::make_folder(&self.all)?;
        let folder = tempfile::Builder::new()
            .prefix(&format!("{}-", std::process::id()))
            .tempdir_in(&self.all)?;
        let lock = File::create_new(folder.path().join(LOCK))?;
        lock.lock()?;
        Ok(Own { folder, _lock: lock })
    }

    /// Removes the folders of processes that are gone.
    pub fn sweep(&self) {
        let Ok(folders) = fs::read_dir(&self.all) else {
            return;
        };
        for folder in folders.flatten().map(|entry| entry.path()) {
            if is_abandoned(&folder) {
                let _ = fs::remove_dir_all(&folder);
            }
        }
    }
}

/// A folder for files of a store that has none, made when it is needed.
#[derive(Default)]
pub(super) struct Substitute {
    folder: Mutex<Option<TempDir>>,
    next: AtomicU64,
}

impl Substitute {
    /// A path at which there is nothing yet.
    pub fn new_path(&self) -> io::Result<PathBuf> {
        let mut folder = self.folder.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = match folder.take() {
            Some(there) => folder.insert(there),
            None => folder.insert(tempfile::Builder::new().prefix("cellar-").tempdir()?),
        };
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        Ok(folder.path().join(number.to_string()))
    }
}

fn is_abandoned(folder: &Path) -> bool {
    match File::open(folder.join(LOCK)) {
        Ok(lock) => match lock.try_lock() {
            Ok(()) => is_old(folder),
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => false,
        },
        Err(_) => is_old(folder),
    }
}

fn is_old(folder: &Path) -> bool {
    folder
        .metadata()
        .and_then(|metadata| metadata.modified())
        .is_ok_and(|modified| modified.elapsed().is_ok_and(|since| since >= GRACE))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn age(folder: &Path) {
        let long_ago = std::time::SystemTime::now() - 2 * GRACE;
        File::open(folder).unwrap().set_modified(long_ago).unwrap();
    }

    #[test]
    fn only_folders_of_the_dead_are_swept() {
        let store = tempfile::tempdir().unwrap();
        let temp = TempFolder::open(store.path()).unwrap();
        let living = temp.new_path().unwrap();
        fs::write(&living, "x").unwrap();
        age(living.parent().unwrap());

        let dead = store.path().join("tmp/99-dead");
        fs::create_dir(&dead).unwrap();
        fs::write(dead.join(LOCK), "").unwrap();
        fs::write(dead.join("0"), "half").unwrap();
        let starting = store.path().join("tmp/99-starting");
        fs::create_dir(&starting).unwrap();
        age(&dead);

        temp.sweep();
        assert!(living.is_file() && starting.is_dir());
        assert!(!dead.exists());
    }

    #[test]
    fn the_own_folder_goes_with_its_owner_and_comes_back_when_lost() {
        let store = tempfile::tempdir().unwrap();
        let temp = TempFolder::open(store.path()).unwrap();
        let first = temp.new_path().unwrap();
        assert_ne!(first, temp.new_path().unwrap());
        fs::remove_dir_all(first.parent().unwrap()).unwrap();
        let again = temp.new_path().unwrap();
        fs::write(&again, "x").unwrap();
        drop(temp);
        assert!(!again.parent().unwrap().exists());
    }
}
