//! What the tests of the store share.
#![allow(dead_code, reason = "each test file uses a part")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use cellar_cache::{
    BlobRef, Digest, Entry, EntryKind, Ingredient, IngredientKind, Key, Options, Persist, Policy, Store,
};
use tempfile::TempDir;

/// A store in a folder of its own.
pub struct Place {
    pub folder: TempDir,
    pub store: Store,
}

pub fn place() -> Place {
    place_with(Options::default())
}

pub fn place_with(options: Options) -> Place {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), options);
    assert!(store.is_on_disk(), "{:?}", store.take_warnings());
    Place { folder, store }
}

impl Place {
    /// What a process started later sees: nothing of the memory tier.
    pub fn reopened(&self) -> Store {
        Store::open(self.folder.path(), Options::default())
    }

    /// The store's own folder.
    pub fn root(&self) -> PathBuf {
        self.folder.path().join("v1")
    }

    /// Files of blobs.
    pub fn blob_files(&self) -> Vec<PathBuf> {
        files(&self.root().join("blobs"))
    }
}

/// All files below a folder.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

pub fn code(text: &str) -> Ingredient {
    Ingredient::new(IngredientKind::Code, "cell", Digest::of(text.as_bytes()))
}

pub fn key(text: &str) -> Key {
    Key::of(&[code(text)])
}

/// The entry of a cell with that code, which defines `name`.
pub fn entry(name: &str, text: &str) -> Entry {
    let mut entry = Entry::new(EntryKind::Data, "nb.ipynb", name, vec![code(text)], vec![]);
    entry.cost = Duration::from_secs(2);
    entry.body = format!("manifest of {text}").into_bytes();
    entry
}

/// Puts an entry with one blob.
pub fn put(store: &Store, name: &str, text: &str, content: &[u8]) -> Entry {
    put_with(store, name, text, content, &Policy::default())
}

pub fn put_with(store: &Store, name: &str, text: &str, content: &[u8], policy: &Policy) -> Entry {
    let mut entry = entry(name, text);
    entry.blobs = vec![store.put_blob(name, content.to_vec(), policy.persist)];
    store.put_entry(&entry, policy).unwrap();
    entry
}

/// The content of the only blob of the only entry for that code, if it is a hit.
pub fn hit(store: &Store, text: &str) -> Option<Vec<u8>> {
    let found = store.find(key(text));
    assert!(found.len() <= 1, "{found:?}");
    let entry = found.first()?;
    Some(store.blob(&entry.blobs[0])?.to_vec())
}

/// Content that does not repeat, the same for the same seed.
pub fn content(seed: u64, length: usize) -> Vec<u8> {
    let mut random = Random::new(seed);
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        bytes.extend_from_slice(&random.next().to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// Larger than what is kept in the index.
pub const LARGE: usize = 100_000;

pub const MEMORY: Policy = Policy {
    persist: Persist::Memory,
    max_entries: None,
    max_bytes: None,
};

pub fn texts(store: &Store) -> Vec<String> {
    store
        .take_warnings()
        .into_iter()
        .map(|warning| warning.text)
        .collect()
}

pub fn blob_of(content: &[u8]) -> BlobRef {
    BlobRef {
        label: "x".to_owned(),
        digest: Digest::of(content),
        len: content.len() as u64,
    }
}

pub fn names(found: &[Arc<Entry>]) -> Vec<&str> {
    found.iter().map(|entry| entry.name.as_str()).collect()
}

/// xorshift64*: small, and the same everywhere.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

/// This test program again, running one of its ignored tests: a process of its own that can be killed.
pub fn child(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([
        test,
        "--exact",
        "--ignored",
        "--nocapture",
        "--test-threads=1",
        "-q",
    ]);
    command
}
