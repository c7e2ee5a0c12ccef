//! The files that are inputs of a memoised function: a digest of their names and contents at the time of a call.
//!
//! A file is read again only when its metadata changed, and always when it changed so lately that another change could
//! have left the metadata as they are.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// Within this time two changes may have one time stamp.
const COARSE: Duration = Duration::from_secs(2);

/// What tells two states of a file apart: device, inode, size, times of modification and of change.
type State = (u64, u64, u64, i64, i64, i64, i64);

static KNOWN: Mutex<BTreeMap<PathBuf, (State, blake3::Hash)>> = Mutex::new(BTreeMap::new());

/// A digest of names and contents of the files that match `globs`. What cannot be read counts by the reason.
pub fn digest(globs: &[String]) -> blake3::Hash {
    let mut hash = blake3::Hasher::new();
    let mut part = |bytes: &[u8]| {
        hash.update(&(bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    for pattern in globs {
        part(pattern.as_bytes());
        let paths = match glob::glob(pattern) {
            Ok(paths) => paths,
            Err(error) => {
                part(error.to_string().as_bytes());
                continue;
            }
        };
        // In the order of their names.
        for path in paths {
            match path {
                Ok(path) => {
                    part(path.as_os_str().as_encoded_bytes());
                    part(&content(&path));
                }
                Err(error) => part(error.to_string().as_bytes()),
            }
        }
    }
    hash.finalize()
}

fn content(path: &Path) -> Vec<u8> {
    let metadata = match path.metadata() {
        Ok(metadata) if metadata.is_dir() => return b"folder".to_vec(),
        Ok(metadata) => metadata,
        Err(error) => return error.to_string().into_bytes(),
    };
    let state = (
        metadata.dev(),
        metadata.ino(),
        metadata.len(),
        metadata.mtime(),
        metadata.mtime_nsec(),
        metadata.ctime(),
        metadata.ctime_nsec(),
    );
    let known = |state: &State| {
        let known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .get(path)
            .filter(|(of, _)| of == state)
            .map(|(_, digest)| *digest)
    };
    if let Some(digest) = known(&state) {
        return digest.as_bytes().to_vec();
    }
    let mut hash = blake3::Hasher::new();
    let read = std::fs::File::open(path).and_then(|mut file| std::io::copy(&mut file, &mut hash));
    if let Err(error) = read {
        return error.to_string().into_bytes();
    }
    let digest = hash.finalize();
    let is_settled = metadata
        .modified()
        .ok()
        .and_then(|modified| SystemTime::now().duration_since(modified).ok())
        .is_some_and(|age| age > COARSE);
    if is_settled {
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(path.to_owned(), (state, digest));
    }
    digest.as_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_contents_count() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        let globs = [format!("{}/*.csv", folder.path().display())];
        let none = digest(&globs);
        std::fs::write(file("a.csv"), "1").unwrap();
        let one = digest(&globs);
        assert_ne!(none, one);
        assert_eq!(one, digest(&globs));
        std::fs::write(file("a.csv"), "2").unwrap();
        let changed = digest(&globs);
        assert_ne!(one, changed);
        std::fs::write(file("b.txt"), "no input").unwrap();
        assert_eq!(changed, digest(&globs));
        std::fs::rename(file("a.csv"), file("c.csv")).unwrap();
        assert_ne!(changed, digest(&globs));
    }
}
