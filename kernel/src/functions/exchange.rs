//! Results of memoised functions on their way between the store and the process that runs cells: the kernel's side of
//! two folders. The format and the other side are in `runtime/src/private/memo/disk.rs`.
//!
//! A file `clear` is there when a cell has called `cellar::cache_data::clear`. `in/CODE` is written before a function with a code that is new to the process may be called; `out/` is emptied into
//! the store after each cell. Only the kernel has the store open: the process that runs cells is forked too often.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cellar_cache::{Digest, Entry, EntryKind, Ingredient, IngredientKind, Key, Policy, Store};

/// Larger values are not copied, but read where the store has them.
const LARGE: u64 = 64 * 1024;

const VALUE: u8 = 1;
const VALUE_IN_FILE: u8 = 2;
const FORGET: u8 = 3;
const FORGET_ALL: u8 = 4;

/// The exchange of one session.
#[derive(Debug)]
pub struct Exchange {
    folder: PathBuf,
    /// Codes of which the process has what the store had.
    given: BTreeSet<String>,
}

/// One record of a file.
struct Record<'a> {
    kind: u8,
    name: &'a str,
    code: &'a str,
    key: &'a [u8],
    written: u64,
    ttl: u64,
    value: &'a [u8],
}

impl Exchange {
    /// `folder` has the folders `in` and `out`.
    pub fn new(folder: PathBuf) -> Exchange {
        Exchange {
            folder,
            given: BTreeSet::new(),
        }
    }

    /// Before a cell: gives the process what the store has of functions with these names and codes.
    pub fn give<'a>(&mut self, store: &Store, functions: impl IntoIterator<Item = (&'a str, &'a str)>) {
        for (name, code) in functions {
            if !self.given.insert(code.to_owned()) {
                continue;
            }
            let mut content = Vec::new();
            for entry in store.find(base(name, code)) {
                let Some(blob) = entry.blobs.first() else { continue };
                let (kind, value) = match blob.len > LARGE {
                    true => {
                        let Some(path) = store.blob_path(blob) else {
                            continue;
                        };
                        (VALUE_IN_FILE, path.as_os_str().as_bytes().to_vec())
                    }
                    false => {
                        let Some(bytes) = store.blob(blob) else { continue };
                        (VALUE, bytes.to_vec())
                    }
                };
                let record = Record {
                    kind,
                    name,
                    code,
                    key: &entry.body,
                    written: milliseconds(entry.created),
                    ttl: 0,
                    value: &value,
                };
                record.write(&mut content);
            }
            if content.is_empty() {
                continue;
            }
            // Where it cannot be written, the function computes.
            if let Err(error) = write_whole(&self.folder.join("in"), code, &content) {
                tracing::warn!("results of `{name}` cannot be handed over: {error}");
            }
        }
    }

    /// After a cell: puts into the store what the process has computed. `labels` gives the names by which the store
    /// calls functions, `scope` is the notebook.
    pub fn take(&mut self, store: &Store, scope: &str, labels: &BTreeMap<String, String>) {
        for path in files(&self.folder.join("out")) {
            let content = fs::read(&path).unwrap_or_default();
            let mut rest = content.as_slice();
            while let Some(record) = Record::read(&mut rest) {
                self.put(store, scope, labels, &record);
            }
            let _ = fs::remove_file(path);
        }
    }

    /// Whether a cell has asked to forget all data since the last question.
    pub fn takes_clear(&mut self) -> bool {
        fs::remove_file(self.folder.join("clear")).is_ok()
    }

    /// What was given and not read yet is not to be read any more.
    pub fn withdraw(&mut self) {
        for path in files(&self.folder.join("in")) {
            let _ = fs::remove_file(path);
        }
    }

    /// Whether the process has computed anything.
    pub fn has_news(&self) -> bool {
        !files(&self.folder.join("out")).is_empty()
    }

    /// The process that runs cells is another one, which knows nothing yet.
    pub fn process_is_new(&mut self) {
        self.given.clear();
    }

    fn put(&mut self, store: &Store, scope: &str, labels: &BTreeMap<String, String>, record: &Record<'_>) {
        // What was given is not true any more; a new process is given all of it again.
        let _ = fs::remove_file(self.folder.join("in").join(record.code));
        let base = base(record.name, record.code);
        match record.kind {
            VALUE => {
                let label = labels.get(record.name).map_or(record.name, String::as_str);
                let mut entry = entry(scope, label, record);
                let policy = Policy::default();
                entry.blobs = vec![store.put_blob("result", record.value.to_vec(), policy.persist)];
                if let Err(error) = store.put_entry(&entry, &policy) {
                    tracing::warn!("a result of `{}` was not kept: {error}", record.name);
                }
            }
            FORGET => {
                store.remove(base.observing(&[argument(record.key)]));
            }
            FORGET_ALL => {
                for entry in store.find(base) {
                    store.remove(entry.key);
                }
            }
            _ => {}
        }
    }
}

/// The key of what is known before a function is called.
pub fn base(name: &str, code: &str) -> Key {
    Key::of(&code_of(name, code))
}

fn code_of(name: &str, code: &str) -> Vec<Ingredient> {
    vec![Ingredient::new(
        IngredientKind::Code,
        name,
        Digest::of(code.as_bytes()),
    )]
}

fn argument(key: &[u8]) -> Ingredient {
    Ingredient::new(IngredientKind::Argument, "arguments", Digest::of(key))
}

fn entry(scope: &str, label: &str, record: &Record<'_>) -> Entry {
    let mut entry = Entry::new(
        EntryKind::Function,
        scope,
        label,
        code_of(record.name, record.code),
        vec![argument(record.key)],
    );
    entry.created = UNIX_EPOCH + Duration::from_millis(record.written);
    entry.expires = (record.ttl > 0).then(|| entry.created + Duration::from_millis(record.ttl));
    entry.body = record.key.to_vec();
    entry
}

impl<'a> Record<'a> {
    fn read(rest: &mut &'a [u8]) -> Option<Record<'a>> {
        let (kind, after) = rest.split_first()?;
        *rest = after;
        Some(Record {
            kind: *kind,
            name: std::str::from_utf8(framed(rest)?).ok()?,
            code: std::str::from_utf8(framed(rest)?).ok()?,
            key: framed(rest)?,
            written: number(rest)?,
            ttl: number(rest)?,
            value: framed(rest)?,
        })
        // It becomes the name of a file.
        .filter(|record| record.code.bytes().all(|byte| byte.is_ascii_alphanumeric()))
    }

    fn write(&self, content: &mut Vec<u8>) {
        let frame = |content: &mut Vec<u8>, bytes: &[u8]| {
            content.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
            content.extend_from_slice(bytes);
        };
        content.push(self.kind);
        frame(content, self.name.as_bytes());
        frame(content, self.code.as_bytes());
        frame(content, self.key);
        content.extend_from_slice(&self.written.to_le_bytes());
        content.extend_from_slice(&self.ttl.to_le_bytes());
        frame(content, self.value);
    }
}

fn number(rest: &mut &[u8]) -> Option<u64> {
    let (number, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(u64::from_le_bytes(*number))
}

fn framed<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(number(rest)?).ok()?;
    let (bytes, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(bytes)
}

fn milliseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn write_whole(folder: &Path, name: &str, content: &[u8]) -> std::io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(content)?;
    file.persist(folder.join(name))?;
    Ok(())
}

/// Complete files, the oldest first.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries
        .filter(|entry| !entry.file_name().as_bytes().starts_with(b"."))
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record<'a>(kind: u8, key: &'a [u8], value: &'a [u8]) -> Record<'a> {
        Record {
            kind,
            name: "fetch",
            code: "c0de",
            key,
            written: milliseconds(SystemTime::now()),
            ttl: 0,
            value,
        }
    }

    #[test]
    fn what_a_process_computed_is_given_to_the_next() {
        let folder = tempfile::tempdir().unwrap();
        for side in ["in", "out"] {
            fs::create_dir(folder.path().join(side)).unwrap();
        }
        let store = Store::open(folder.path().join("store"), cellar_cache::Options::default());
        let mut exchange = Exchange::new(folder.path().to_owned());
        let large = vec![7; 200_000];
        let mut out = Vec::new();
        record(VALUE, b"1", b"one").write(&mut out);
        record(VALUE, b"2", &large).write(&mut out);
        record(VALUE, b"3", b"three").write(&mut out);
        fs::write(folder.path().join("out/1"), &out).unwrap();
        let mut out = Vec::new();
        record(FORGET, b"3", b"").write(&mut out);
        out.extend_from_slice(b"\x01torn");
        fs::write(folder.path().join("out/2"), &out).unwrap();
        exchange.take(&store, "nb", &BTreeMap::new());
        assert!(files(&folder.path().join("out")).is_empty());

        exchange.give(&store, [("fetch", "c0de"), ("fetch", "0ther")]);
        let given = fs::read(folder.path().join("in/c0de")).unwrap();
        assert!(!folder.path().join("in/0ther").exists());
        let mut rest = given.as_slice();
        let mut found = BTreeMap::new();
        while let Some(record) = Record::read(&mut rest) {
            let value = match record.kind {
                VALUE_IN_FILE => fs::read(Path::new(std::str::from_utf8(record.value).unwrap())).unwrap(),
                _ => record.value.to_vec(),
            };
            found.insert(record.key.to_vec(), value);
        }
        assert_eq!(
            found,
            BTreeMap::from([(b"1".to_vec(), b"one".to_vec()), (b"2".to_vec(), large)])
        );

        fs::write(folder.path().join("out/3"), {
            let mut out = Vec::new();
            record(FORGET_ALL, b"", b"").write(&mut out);
            out
        })
        .unwrap();
        exchange.take(&store, "nb", &BTreeMap::new());
        exchange.process_is_new();
        exchange.give(&store, [("fetch", "c0de")]);
        assert!(!folder.path().join("in/c0de").exists());
    }
}
