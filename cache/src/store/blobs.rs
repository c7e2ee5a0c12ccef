//! Blobs as files: named by their hash, written once, checked when read.

use std::collections::HashMap;
use std::fs::{self, File, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use super::temp::TempFolder;
use crate::digest::Digest;

/// The folder of blobs.
pub(super) struct Blobs {
    folder: PathBuf,
    temp: TempFolder,
    /// Files that this process has read and found right.
    verified: Mutex<HashMap<Digest, Identity>>,
}

/// What makes a file the one that was looked at before: a changed or replaced one has another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Identity {
    fn of(metadata: &fs::Metadata) -> Identity {
        Identity {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// How reading a blob's file went.
pub(super) enum Read<T> {
    Good(T),
    /// There is no such file.
    Missing,
    /// It is not what its name says. Which file that was, so that a better one is not removed for it.
    Damaged(Option<Identity>, String),
}

impl Blobs {
    pub fn open(folder: &Path, temp: TempFolder) -> io::Result<Blobs> {
        let blobs = folder.join("blobs");
        super::make_folder(&blobs)?;
        Ok(Blobs {
            folder: blobs,
            temp,
            verified: Mutex::default(),
        })
    }

    pub fn path(&self, digest: &Digest) -> PathBuf {
        let name = digest.to_string();
        self.folder.join(&name[..2]).join(&name[2..])
    }

    /// A new name for a file that will be adopted.
    pub fn temp_path(&self) -> io::Result<PathBuf> {
        self.temp.new_path()
    }

    /// Writes a blob, unless it is there.
    pub fn put(&self, digest: &Digest, bytes: &[u8]) -> io::Result<()> {
        let path = self.path(digest);
        if self.is_there(&path, bytes.len() as u64) {
            return Ok(());
        }
        let temp = self.temp.new_path()?;
        let written = File::create_new(&temp)
            .and_then(|mut file| file.write_all(bytes))
            .and_then(|()| self.move_in(&temp, &path));
        if written.is_err() {
            let _ = fs::remove_file(&temp);
        }
        written
    }

    /// Moves a file in that is complete.
    pub fn adopt(&self, from: &Path, digest: &Digest, length: u64) -> io::Result<()> {
        let path = self.path(digest);
        if self.is_there(&path, length) {
            return fs::remove_file(from);
        }
        match self.move_in(from, &path) {
            // Folders for temporary files often are in memory.
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => self.copy_in(from, &path),
            done => done,
        }
    }

    fn copy_in(&self, from: &Path, to: &Path) -> io::Result<()> {
        let temp = self.temp.new_path()?;
        let copied = fs::copy(from, &temp).and_then(|_| self.move_in(&temp, to));
        let _ = fs::remove_file(if copied.is_ok() { from } else { &temp });
        copied
    }

    /// Whether a file of that length has the place. Its time is set to now: it tells whoever wants to
    /// remove it that somebody is about to name it in an entry.
    fn is_there(&self, path: &Path, length: u64) -> bool {
        let Ok(file) = File::open(path) else {
            return false;
        };
        let length_is_right = file.metadata().is_ok_and(|metadata| metadata.len() == length);
        length_is_right && file.set_modified(SystemTime::now()).is_ok()
    }

    fn move_in(&self, from: &Path, to: &Path) -> io::Result<()> {
        // Nobody has a reason to write into a blob.
        fs::set_permissions(from, Permissions::from_mode(0o400))?;
        match fs::rename(from, to) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if let Some(folder) = to.parent() {
                    super::make_folder(folder)?;
                }
                fs::rename(from, to)
            }
            done => done,
        }
    }

    /// Length and time of the blob's file.
    pub fn stat(&self, digest: &Digest) -> Option<(u64, i64)> {
        let metadata = self.path(digest).metadata().ok()?;
        Some((metadata.len(), nanoseconds(&metadata)))
    }

    /// Reads and checks a blob.
    pub fn read(&self, digest: &Digest, length: u64) -> Read<Bytes> {
        let path = self.path(digest);
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Read::Missing,
            Err(error) => return Read::Damaged(None, error.to_string()),
        };
        let identity = file.metadata().as_ref().map(Identity::of).ok();
        if let Some(found) = identity.filter(|identity| identity.length != length) {
            return Read::Damaged(identity, wrong_length(found.length, length));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0).saturating_add(1));
        if let Err(error) = file.read_to_end(&mut bytes) {
            return Read::Damaged(identity, error.to_string());
        }
        if Digest::of(&bytes) != *digest {
            return Read::Damaged(identity, "its content is another".to_owned());
        }
        Read::Good(bytes.into())
    }

    /// The path of a blob whose content is right. Each file is read for this once in a process.
    pub fn verified_path(&self, digest: &Digest, length: u64) -> Read<PathBuf> {
        let path = self.path(digest);
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Read::Missing,
            Err(error) => return Read::Damaged(None, error.to_string()),
        };
        let identity = match file.metadata() {
            Ok(metadata) => Identity::of(&metadata),
            Err(error) => return Read::Damaged(None, error.to_string()),
        };
        if identity.length != length {
            return Read::Damaged(Some(identity), wrong_length(identity.length, length));
        }
        if self.verified().get(digest) == Some(&identity) {
            return Read::Good(path);
        }
        match Digest::of_open_file(&mut file) {
            Ok((found, _)) if found == *digest => {
                self.verified().insert(*digest, identity);
                Read::Good(path)
            }
            Ok(_) => Read::Damaged(Some(identity), "its content is another".to_owned()),
            Err(error) => Read::Damaged(Some(identity), error.to_string()),
        }
    }

    fn verified(&self) -> std::sync::MutexGuard<'_, HashMap<Digest, Identity>> {
        self.verified.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the next [`Blobs::verified_path`] read the file.
    pub fn forget_verified(&self, digest: &Digest) {
        self.verified().remove(digest);
    }

    /// Removes a blob's file unless it was replaced since it was found to be `damaged`; `false` then.
    pub fn remove_damaged(&self, digest: &Digest, damaged: Option<Identity>) -> bool {
        let path = self.path(digest);
        let now = path.metadata().as_ref().map(Identity::of).ok();
        if damaged.is_some() && now != damaged {
            return false;
        }
        self.verified().remove(digest);
        let _ = fs::remove_file(path);
        true
    }

    /// Removes a blob's file that no entry names. `known` is its time when an entry last named it: a later time says
    /// that somebody is about to name it again, and it stays for the sweep.
    pub fn remove_unnamed(&self, digest: &Digest, known: Option<i64>) {
        let path = self.path(digest);
        let Ok(metadata) = path.metadata() else {
            return;
        };
        if known.is_none_or(|known| nanoseconds(&metadata) <= known) {
            self.verified().remove(digest);
            let _ = fs::remove_file(path);
        }
    }

    /// Blob files that were not touched for `age`, with their lengths.
    pub fn older_than(&self, age: Duration) -> Vec<(Digest, u64)> {
        let mut found = Vec::new();
        let Ok(folders) = fs::read_dir(&self.folder) else {
            return found;
        };
        for folder in folders.flatten() {
            let start = folder.file_name().to_string_lossy().into_owned();
            let Ok(files) = fs::read_dir(folder.path()) else {
                continue;
            };
            for file in files.flatten() {
                let name = format!("{start}{}", file.file_name().to_string_lossy());
                let Ok(metadata) = file.metadata() else { continue };
                if !is_older(&metadata, age) {
                    continue;
                }
                match name.parse() {
                    Ok(digest) => found.push((digest, metadata.len())),
                    // Nothing of ours has such a name.
                    Err(_) => drop(fs::remove_file(file.path())),
                }
            }
        }
        found
    }

    /// Removes a blob's file if it was not touched for `age`.
    pub fn remove_if_older(&self, digest: &Digest, age: Duration) -> bool {
        let path = self.path(digest);
        path.metadata().is_ok_and(|metadata| is_older(&metadata, age)) && fs::remove_file(path).is_ok()
    }

    /// Removes temporary files of processes that are gone.
    pub fn sweep_temp(&self) {
        self.temp.sweep();
    }
}

fn is_older(metadata: &fs::Metadata, age: Duration) -> bool {
    // A time in the future is no age.
    metadata
        .modified()
        .is_ok_and(|modified| modified.elapsed().is_ok_and(|since| since >= age))
}

fn nanoseconds(metadata: &fs::Metadata) -> i64 {
    metadata.mtime() * 1_000_000_000 + metadata.mtime_nsec()
}

fn wrong_length(found: u64, expected: u64) -> String {
    format!("it has {found} bytes instead of {expected}")
}
