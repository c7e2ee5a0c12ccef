//! The memory tier: decoded entries and small blobs of the disk, and what is kept in memory only.
//!
//! Entries that are also on disk are known by the number of their row there. The index is asked before each use, so
//! what another process removed or replaced is not found here any more.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use lru::LruCache;

use crate::digest::Digest;
use crate::entry::Entry;
use crate::key::Key;

/// What the record of an entry takes besides its texts, roughly.
const OVERHEAD: u64 = 256;

/// Bounded by bytes; the longest unused goes first.
pub(super) struct Memory {
    items: LruCache<Slot, Item>,
    /// The entries that are only here, by their base.
    own: HashMap<Key, Vec<Key>>,
    /// Who owns a blob that is nowhere else.
    owners: HashMap<Digest, Vec<Key>>,
    bytes: u64,
    limit: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Slot {
    /// A copy of a row of the index.
    Row(i64),
    /// A copy of a blob on disk.
    Blob(Digest),
    /// An entry that is only here.
    Own(Key),
    /// A blob that no entry names yet.
    Pending(Digest),
}

enum Item {
    Row(Arc<Entry>),
    Bytes(Bytes),
    Own(Box<Own>),
}

/// An entry that is only in memory, with its blobs.
pub(super) struct Own {
    pub entry: Arc<Entry>,
    pub blobs: HashMap<Digest, Bytes>,
    pub hits: u64,
    pub used: std::time::SystemTime,
}

impl Own {
    pub fn bytes(&self) -> u64 {
        record_bytes(&self.entry) + self.blobs.values().map(|blob| blob.len() as u64).sum::<u64>()
    }
}

/// About how much memory an entry without its blobs takes.
pub(super) fn record_bytes(entry: &Entry) -> u64 {
    let ingredients = entry.ingredients.iter().chain(&entry.observed);
    let texts: usize = ingredients.map(|one| 96 + one.name.len() + one.note.len()).sum();
    let blobs: usize = entry.blobs.iter().map(|blob| 64 + blob.label.len()).sum();
    OVERHEAD + (entry.name.len() + entry.scope.len() + entry.body.len() + texts + blobs) as u64
}

impl Item {
    fn bytes(&self) -> u64 {
        match self {
            Item::Row(entry) => record_bytes(entry),
            Item::Bytes(bytes) => bytes.len() as u64 + OVERHEAD,
            Item::Own(own) => own.bytes(),
        }
    }
}

impl Memory {
    pub fn new(limit: u64) -> Memory {
        Memory {
            items: LruCache::unbounded(),
            own: HashMap::new(),
            owners: HashMap::new(),
            bytes: 0,
            limit,
        }
    }

    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    fn insert(&mut self, slot: Slot, item: Item) -> bool {
        self.remove(slot);
        let bytes = item.bytes();
        if bytes > self.limit {
            return false;
        }
        self.bytes += bytes;
        self.items.put(slot, item);
        while self.bytes > self.limit {
            let Some((slot, item)) = self.items.pop_lru() else {
                break;
            };
            self.forget(slot, &item);
        }
        true
    }

    fn remove(&mut self, slot: Slot) -> Option<Item> {
        let item = self.items.pop(&slot)?;
        self.forget(slot, &item);
        Some(item)
    }

    fn forget(&mut self, slot: Slot, item: &Item) {
        self.bytes -= item.bytes();
        if let (Slot::Own(key), Item::Own(own)) = (slot, item) {
            take_out(&mut self.own, &own.entry.base, key);
            for digest in own.blobs.keys() {
                take_out(&mut self.owners, digest, key);
            }
        }
    }

    pub fn row(&mut self, id: i64) -> Option<Arc<Entry>> {
        match self.items.get(&Slot::Row(id)) {
            Some(Item::Row(entry)) => Some(Arc::clone(entry)),
            _ => None,
        }
    }

    pub fn keep_row(&mut self, id: i64, entry: Arc<Entry>) {
        self.insert(Slot::Row(id), Item::Row(entry));
    }

    /// A blob, whoever has it.
    pub fn blob(&mut self, digest: &Digest) -> Option<Bytes> {
        for slot in [Slot::Blob(*digest), Slot::Pending(*digest)] {
            if let Some(Item::Bytes(bytes)) = self.items.get(&slot) {
                return Some(bytes.clone());
            }
        }
        let owner = *self.owners.get(digest)?.first()?;
        match self.items.get(&Slot::Own(owner)) {
            Some(Item::Own(own)) => own.blobs.get(digest).cloned(),
            _ => None,
        }
    }

    pub fn keep_blob(&mut self, digest: Digest, bytes: Bytes) {
        self.insert(Slot::Blob(digest), Item::Bytes(bytes));
    }

    pub fn forget_blob(&mut self, digest: &Digest) {
        self.remove(Slot::Blob(*digest));
    }

    /// Keeps a blob until an entry names it. `false` when it is larger than all of the memory tier.
    pub fn keep_pending(&mut self, digest: Digest, bytes: Bytes) -> bool {
        self.insert(Slot::Pending(digest), Item::Bytes(bytes))
    }

    pub fn pending(&mut self, digest: &Digest) -> Option<Bytes> {
        match self.items.get(&Slot::Pending(*digest)) {
            Some(Item::Bytes(bytes)) => Some(bytes.clone()),
            _ => None,
        }
    }

    /// An entry names it now; it stays as a copy.
    pub fn settle_pending(&mut self, digest: &Digest) {
        if let Some(Item::Bytes(bytes)) = self.remove(Slot::Pending(*digest)) {
            self.keep_blob(*digest, bytes);
        }
    }

    /// Keeps an entry in memory only. `false` when it is larger than all of the memory tier.
    pub fn keep_own(&mut self, own: Own) -> bool {
        let key = own.entry.key;
        let base = own.entry.base;
        let digests: Vec<Digest> = own.blobs.keys().copied().collect();
        for digest in &digests {
            self.remove(Slot::Pending(*digest));
        }
        if !self.insert(Slot::Own(key), Item::Own(Box::new(own))) {
            return false;
        }
        self.own.entry(base).or_default().push(key);
        for digest in digests {
            self.owners.entry(digest).or_default().push(key);
        }
        true
    }

    pub fn own(&mut self, key: &Key) -> Option<&mut Own> {
        match self.items.get_mut(&Slot::Own(*key)) {
            Some(Item::Own(own)) => Some(own),
            _ => None,
        }
    }

    pub fn remove_own(&mut self, key: &Key) -> Option<u64> {
        self.remove(Slot::Own(*key)).map(|item| item.bytes())
    }

    /// All that is only here, in no order.
    pub fn owns(&self) -> impl Iterator<Item = &Own> {
        self.own.values().flatten().filter_map(|key| self.peek_own(key))
    }

    /// What is only here with that base.
    pub fn owns_of(&self, base: &Key) -> impl Iterator<Item = &Own> {
        self.own
            .get(base)
            .into_iter()
            .flatten()
            .filter_map(|key| self.peek_own(key))
    }

    fn peek_own(&self, key: &Key) -> Option<&Own> {
        match self.items.peek(&Slot::Own(*key)) {
            Some(Item::Own(own)) => Some(own),
            _ => None,
        }
    }
}

fn take_out<K: Eq + std::hash::Hash>(map: &mut HashMap<K, Vec<Key>>, from: &K, key: Key) {
    if let Some(keys) = map.get_mut(from) {
        keys.retain(|other| *other != key);
        if keys.is_empty() {
            map.remove(from);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EntryKind;

    fn bytes(length: usize) -> Bytes {
        vec![0; length].into()
    }

    #[test]
    fn bounded_by_bytes_longest_unused_first() {
        let mut memory = Memory::new(3000);
        let digests: Vec<_> = (0..3u8).map(|i| Digest::of(&[i])).collect();
        memory.keep_blob(digests[0], bytes(1000));
        memory.keep_blob(digests[1], bytes(1000));
        assert!(memory.blob(&digests[0]).is_some());
        memory.keep_blob(digests[2], bytes(1000));
        assert!(memory.bytes() <= 3000);
        assert!(memory.blob(&digests[1]).is_none());
        assert!(memory.blob(&digests[0]).is_some() && memory.blob(&digests[2]).is_some());
        assert!(!memory.keep_pending(digests[1], bytes(5000)));
    }

    #[test]
    fn what_is_only_here_goes_as_a_whole() {
        let mut memory = Memory::new(3000);
        let blob = Digest::of(b"blob");
        let own = |name: &str| {
            let entry = Entry::new(EntryKind::Data, "nb", name, vec![], vec![]);
            let mut entry = Entry {
                key: Key(Digest::of(name.as_bytes())),
                ..entry
            };
            entry.body = vec![0; 10];
            Own {
                entry: Arc::new(entry),
                blobs: [(blob, bytes(700))].into(),
                hits: 0,
                used: std::time::SystemTime::now(),
            }
        };
        assert!(memory.keep_own(own("a")) && memory.keep_own(own("b")));
        assert!(memory.blob(&blob).is_some());
        memory.remove_own(&Key(Digest::of(b"a")));
        assert!(memory.blob(&blob).is_some(), "b has it too");
        memory.keep_blob(Digest::of(b"other"), bytes(2500));
        assert!(memory.blob(&blob).is_none());
        assert!(memory.owners.is_empty() && memory.own.is_empty());
    }
}
