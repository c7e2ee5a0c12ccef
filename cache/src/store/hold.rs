//! Blobs that somebody relies on without reading them yet.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::Store;
use super::put::INLINE;
use crate::digest::Digest;
use crate::entry::BlobRef;

/// Files up to this length, in bytes, are read when they are held (a third of a millisecond), so that one that is damaged is a
/// miss. A longer one is read when its content is needed.
const READ_AT_ONCE: u64 = 1 << 20;

/// A blob that can be read as long as this is kept, also after its entry was removed.
#[derive(Debug, Clone)]
pub struct Held {
    blob: BlobRef,
    content: Content,
}

#[derive(Debug, Clone)]
enum Content {
    Bytes(Bytes),
    /// An open file outlives its name.
    File(Arc<File>),
}

impl Store {
    /// Makes sure that a blob is there and stays readable. The content of a file of more than 1 MiB is not looked at. `None` when it
    /// is not there, is not as long as it should be, or is seen to be damaged: with a warning, and its entries are removed.
    pub fn hold(&self, blob: &BlobRef) -> Option<Held> {
        let in_memory = self.0.memory().blob(&blob.digest).map(Content::Bytes);
        let content = match (in_memory, &self.0.disk) {
            (Some(content), _) => content,
            (None, None) => return None,
            (None, Some(_)) if blob.len <= INLINE => Content::Bytes(self.blob(blob)?),
            (None, Some(disk)) => {
                let path = disk.blobs.path(&blob.digest);
                let is_whole =
                    blob.len > READ_AT_ONCE && path.metadata().is_ok_and(|it| it.len() == blob.len);
                let path = if is_whole { path } else { self.blob_path(blob)? };
                Content::File(Arc::new(File::open(path).ok()?))
            }
        };
        Some(Held {
            blob: blob.clone(),
            content,
        })
    }

    /// A file with the content of a blob that is held, checked against its hash. It may be a copy, which belongs to the
    /// caller, or the store's own, which nobody may change.
    ///
    /// # Errors
    /// When the content is damaged or no file can be written.
    pub fn file_of(&self, held: &Held) -> io::Result<PathBuf> {
        if let Some(path) = self.blob_path(&held.blob) {
            return Ok(path);
        }
        let path = self.temp_path()?;
        match &held.content {
            Content::Bytes(bytes) => std::fs::write(&path, bytes)?,
            Content::File(file) => {
                use std::io::Seek as _;
                let mut from = file.try_clone()?;
                from.rewind()?;
                io::copy(&mut from, &mut File::create(&path)?)?;
            }
        }
        if Digest::of_file(&path)?.0 != held.blob.digest {
            let _ = std::fs::remove_file(&path);
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "its content is damaged",
            ));
        }
        Ok(path)
    }

    /// Nobody reads the file any more that [`Store::file_of`] gave: a copy of what has no file of its own is removed.
    pub fn done_with(&self, held: &Held, file: &Path) {
        if self.blob_path(&held.blob).as_deref() != Some(file) {
            // What stays is removed with the session.
            let _ = std::fs::remove_file(file);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Entry, EntryKind, Options, Persist, Policy, Selection, Store};

    #[test]
    fn what_is_held_can_be_read_after_it_was_cleared() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), Options::default());
        for content in [vec![1; 10], vec![2; 100_000]] {
            let mut entry = Entry::new(EntryKind::Data, "nb", "x", vec![], vec![]);
            entry
                .blobs
                .push(store.put_blob("x", content.clone(), Persist::Disk));
            store.put_entry(&entry, &Policy::default()).unwrap();
            let held = store.hold(&entry.blobs[0]).expect("it is there");
            store.clear(&Selection::default());
            let path = store.file_of(&held).expect("it is held");
            assert_eq!(std::fs::read(path).unwrap(), content);
        }
    }

    #[test]
    fn what_is_not_there_or_was_cut_cannot_be_held() {
        let folder = tempfile::tempdir().unwrap();
        let blob = {
            let store = Store::open(folder.path(), Options::default());
            let mut entry = Entry::new(EntryKind::Data, "nb", "x", vec![], vec![]);
            entry
                .blobs
                .push(store.put_blob("x", vec![3; 100_000], Persist::Disk));
            store.put_entry(&entry, &Policy::default()).unwrap();
            entry.blobs.remove(0)
        };
        let store = Store::open(folder.path(), Options::default());
        let path = store.blob_path(&blob).expect("it is there");
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, b"cut").unwrap();
        assert!(store.hold(&blob).is_none());
        assert!(!path.exists(), "what is damaged is removed");
        assert!(store.hold(&blob).is_none());
        assert_eq!(store.take_warnings().len(), 1, "it is told once");
    }

    #[test]
    fn a_small_file_is_read_before_anybody_relies_on_it() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = {
            let store = Store::open(folder.path(), Options::default());
            let mut entry = Entry::new(EntryKind::Data, "nb", "x", vec![], vec![]);
            for content in [vec![3; 100_000], vec![4; 2 << 20]] {
                entry.blobs.push(store.put_blob("x", content, Persist::Disk));
            }
            store.put_entry(&entry, &Policy::default()).unwrap();
            entry.blobs
        };
        let store = Store::open(folder.path(), Options::default());
        for blob in &blobs {
            let path = store.blob_path(blob).expect("it is there");
            std::fs::remove_file(&path).unwrap();
            std::fs::write(&path, vec![5; usize::try_from(blob.len).unwrap()]).unwrap();
        }
        assert!(store.hold(&blobs[0]).is_none());
        let long = store.hold(&blobs[1]).expect("it is as long as it should be");
        assert!(store.file_of(&long).is_err(), "and is read when it is needed");
    }
}
