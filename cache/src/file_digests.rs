//! Hashes of files, remembered as long as nothing about a file has changed.

use std::collections::HashMap;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::digest::Digest;

/// A file that changed so recently may change again without a trace in its times.
const SETTLED: Duration = Duration::from_secs(2);

/// What tells that a file is as it was: size, times in nanoseconds, inode.
type Stamp = (u64, i128, i128, u64);

/// Hashes of files by their paths. A file is read again only when its size, its times or its inode are others.
#[derive(Debug, Default)]
pub struct FileDigests {
    known: HashMap<PathBuf, (Stamp, Digest)>,
}

impl FileDigests {
    /// The hash of a file's content, and its length in bytes.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn of(&mut self, path: &Path) -> io::Result<(Digest, u64)> {
        let before = stamp(path)?;
        if let Some((known, digest)) = self.known.get(path)
            && *known == before
        {
            return Ok((*digest, before.0));
        }
        let (digest, _) = Digest::of_file(path)?;
        // Changed while it was read: what was hashed is neither the old nor the new file.
        if stamp(path)? == before && is_settled(path) {
            self.known.insert(path.to_owned(), (before, digest));
        }
        Ok((digest, before.0))
    }
}

fn stamp(path: &Path) -> io::Result<Stamp> {
    let metadata = path.metadata()?;
    let nanoseconds = |seconds: i64, rest: i64| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
    Ok((
        metadata.len(),
        nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
        nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
        metadata.ino(),
    ))
}

fn is_settled(path: &Path) -> bool {
    path.metadata()
        .and_then(|metadata| metadata.modified())
        .is_ok_and(|modified| {
            SystemTime::now()
                .duration_since(modified)
                .is_ok_and(|age| age > SETTLED)
        })
}
