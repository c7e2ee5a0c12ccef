//! What is built once and kept in the cache folder: each thing in a folder of its own, whole or not there.
//!
//! Any number of processes may look and build at once, and any of them may be killed at any time: a build happens
//! in a folder with a name of its own and is moved into place, by one rename, when it is whole. What is found is
//! compared with its record byte for byte before anybody loads it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// How long a folder of an unfinished build is left alone, should its process still be at work.
const ABANDONED: Duration = Duration::from_secs(3600);
/// Written last into a build's folder; says what must be there.
pub(in crate::engine) const RECORD: &str = "build.json";
/// The file that stands for a folder which is no single build.
pub(in crate::engine) const IN_USE: &str = "in-use";
/// How old the time of something may become that is in use.
const STAMP: Duration = Duration::from_secs(24 * 3600);

/// What this process uses, by folder: locked for reading until it ends, so that nobody removes it (`unused.rs`).
static USED: Mutex<BTreeMap<PathBuf, fs::File>> = Mutex::new(BTreeMap::new());

/// A folder of kept builds. It is the user's alone: what is loaded from it runs as the user.
#[derive(Debug, Clone)]
pub struct Kept {
    folder: PathBuf,
}

/// A build that is not in its place yet; removed when it is dropped.
#[derive(Debug)]
pub struct Work<'a> {
    kept: &'a Kept,
    folder: tempfile::TempDir,
}

/// What a finished build's folder must hold.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    files: BTreeMap<String, FileRecord>,
    /// For people who look into the folder.
    note: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct FileRecord {
    /// In bytes.
    size: u64,
    /// Of the content, hexadecimal.
    sha256: String,
}

impl FileRecord {
    fn of(content: &[u8]) -> FileRecord {
        FileRecord {
            size: content.len() as u64,
            sha256: hex::encode(Sha256::digest(content)),
        }
    }
}

impl Kept {
    /// Opens a folder, or creates it.
    ///
    /// # Errors
    /// When it cannot be made, or cannot be closed to others.
    pub fn open(folder: &Path) -> io::Result<Kept> {
        private_folder(folder)?;
        Ok(Kept {
            folder: folder.to_owned(),
        })
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder of a build, if all its files are what was built. Nobody removes it while this process lives.
    pub fn find(&self, name: &str) -> Option<PathBuf> {
        let place = self.folder.join(name);
        use_build(&place);
        is_whole(&place).then_some(place)
    }

    /// Begins a build; removes what killed processes left behind.
    ///
    /// # Errors
    /// When no folder can be made.
    pub fn begin(&self) -> io::Result<Work<'_>> {
        self.remove_abandoned();
        let folder = tempfile::Builder::new()
            .prefix(".building-")
            .tempdir_in(&self.folder)?;
        Ok(Work { kept: self, folder })
    }

    fn remove_abandoned(&self) {
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let age = entry.metadata().and_then(|it| it.modified()).ok();
            let age = age.and_then(|modified| SystemTime::now().duration_since(modified).ok());
            if (name.starts_with(".building-") || name.starts_with(".damaged-")) && age > Some(ABANDONED) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }
}

impl Work<'_> {
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Moves the build to its place; of its files, `files` are those that must be there. If another process was
    /// faster and its build is whole, that one stays. Gives the place.
    ///
    /// # Errors
    /// When a file is missing or the folder cannot be written.
    pub fn finish(self, name: &str, files: &[&str], note: &str) -> io::Result<PathBuf> {
        let mut record = Record {
            files: BTreeMap::new(),
            note: note.to_owned(),
        };
        for file in files {
            let path = self.path().join(file);
            record
                .files
                .insert((*file).to_owned(), FileRecord::of(&fs::read(&path)?));
            // Without the sync, a power cut could leave the record whole and the file not; it would be found
            // out, but only by a build in the middle of somebody's work.
            fs::File::open(&path)?.sync_all()?;
        }
        let record = serde_json::to_vec_pretty(&record)?;
        fs::write(self.path().join(RECORD), record)?;
        let place = self.move_into_place(name)?;
        use_build(&place);
        Ok(place)
    }

    fn move_into_place(self, name: &str) -> io::Result<PathBuf> {
        let folder = &self.kept.folder;
        let place = folder.join(name);
        if fs::rename(self.folder.path(), &place).is_ok() {
            // It is not there any more under its old name, so there is nothing to clean up.
            let _ = self.folder.keep();
            return Ok(place);
        }
        if is_whole(&place) {
            return Ok(place);
        }
        // A damaged build is in the way. It is moved aside, not deleted: whoever has it open keeps it.
        let aside = tempfile::Builder::new().prefix(".damaged-").tempdir_in(folder)?;
        let _ = fs::rename(&place, aside.path().join("build"));
        match fs::rename(self.folder.path(), &place) {
            Ok(()) => {
                let _ = self.folder.keep();
                Ok(place)
            }
            Err(_) if is_whole(&place) => Ok(place),
            Err(error) => Err(error),
        }
    }
}

fn used() -> MutexGuard<'static, BTreeMap<PathBuf, fs::File>> {
    USED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// This process uses a build from now on. One that is not there may be in the way of nobody.
fn use_build(place: &Path) {
    if let Ok(record) = fs::File::open(place.join(RECORD)) {
        hold(place, record);
    }
}

/// This process uses a folder that is no single build; it is made if it is not there.
pub(in crate::engine) fn use_folder(folder: &Path) {
    let path = folder.join(IN_USE);
    let open = || {
        fs::create_dir_all(folder)?;
        fs::File::options().append(true).create(true).open(&path)
    };
    // Somebody may remove it before it is locked.
    for _ in 0..3 {
        let Ok(file) = open() else { return };
        hold(folder, file);
        if path.exists() {
            return;
        }
    }
}

fn hold(folder: &Path, record: fs::File) {
    // Where there are no locks, the time must do.
    let _ = record.lock_shared();
    let age = record.metadata().and_then(|metadata| metadata.modified()).ok();
    let age = age.and_then(|time| SystemTime::now().duration_since(time).ok());
    if age.is_some_and(|age| age > STAMP) {
        let _ = record.set_modified(SystemTime::now());
    }
    used().insert(folder.to_owned(), record);
}

/// As the end of the process does.
#[cfg(test)]
pub(in crate::engine) fn release(folder: &Path) {
    used().remove(folder);
}

/// Whether a build is there and its files are, byte for byte, what was built.
fn is_whole(place: &Path) -> bool {
    let Ok(record) = fs::read(place.join(RECORD)) else {
        return false;
    };
    let Ok(record) = serde_json::from_slice::<Record>(&record) else {
        return false;
    };
    record.files.iter().all(|(name, recorded)| {
        fs::read(place.join(name)).is_ok_and(|content| {
            // The size first: a hash of what is torn need not be made.
            content.len() as u64 == recorded.size && FileRecord::of(&content).sha256 == recorded.sha256
        })
    })
}

/// The name of a build: all that it is made of, each part framed by its length.
pub fn name<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hex::encode(&hash.finalize()[..16])
}

/// Creates a folder that is the user's alone.
fn private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
        builder.mode(0o700).create(folder)?;
        // Fails on a folder of another user; so does all that follows on one that is closed already.
        if fs::metadata(folder)?.permissions().mode() & 0o077 != 0 {
            fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
        }
        Ok(())
    }
    #[cfg(not(unix))]
    builder.create(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_is_found_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Kept::open(&folder.path().join("kept")).unwrap();
        assert_eq!(kept.find("a"), None);
        let build = || {
            let work = kept.begin().unwrap();
            fs::write(work.path().join("file"), "content").unwrap();
            work.finish("a", &["file"], "").unwrap()
        };
        let place = build();
        assert_eq!(kept.find("a"), Some(place.clone()));
        fs::write(place.join("file"), "c0ntent").unwrap();
        assert_eq!(kept.find("a"), None);
        assert_eq!(build(), place);
        assert_eq!(fs::read(place.join("file")).unwrap(), b"content");
        assert_eq!(
            fs::read_dir(kept.folder()).unwrap().count(),
            1,
            "nothing is left behind"
        );
        let work = kept.begin().unwrap();
        assert!(work.finish("b", &["missing"], "").is_err());
        assert_eq!(kept.find("b"), None);
    }
}
