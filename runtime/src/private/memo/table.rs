//! The kept results of one function with one code: a table by arguments, bounded as its directive says, in front of
//! the host's disk.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use super::coder::Kept;
use super::disk::{self, OnDisk};
use super::function::Options;
use super::hasher;
use super::key::Key;
use crate::__private::surroundings::Subject;

/// Writes what was kept of one result.
pub type Writer = fn(&Kept) -> Option<Vec<u8>>;

/// See [the module](self).
#[derive(Debug)]
pub struct Table {
    name: String,
    code: String,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    options: Options,
    entries: HashMap<Box<[u8]>, Entry, hasher::Build>,
    /// Sizes of all entries, in bytes.
    bytes: u64,
    /// Counts uses; the entry with the smallest number was not used for longest.
    clock: u64,
    /// Counts what emptied the table: what was computed before is not put into it after.
    epoch: u64,
    /// What the disk has is in `entries`.
    is_indexed: bool,
    /// Keys of entries that the disk has not.
    unsaved: Vec<(Box<[u8]>, Writer)>,
}

#[derive(Debug)]
struct Entry {
    place: Place,
    /// Milliseconds since 1970.
    written: u64,
    used: u64,
    size: u64,
}

#[derive(Debug)]
enum Place {
    Memory(Kept),
    File(PathBuf),
}

/// What a call found that has to compute. To be given back with its result.
#[derive(Debug, Clone, Copy)]
pub struct Miss {
    epoch: u64,
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

impl Table {
    pub fn new(name: &str, code: &str) -> Table {
        Table {
            name: name.to_owned(),
            code: code.to_owned(),
            inner: Mutex::default(),
        }
    }

    /// What tells it from other tables.
    pub fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Whether the host's disk has no part in it.
    pub fn is_in_memory_only(&self) -> bool {
        !self.lock().options.disk
    }

    /// The newest definition's options hold.
    pub fn set_options(&self, options: Options) {
        self.lock().options = options;
    }

    /// What calls have read of which the disk has results.
    pub fn subjects_on_disk(&self) -> Vec<Subject> {
        let mut inner = self.lock();
        inner.index(&self.code);
        inner.entries.keys().flat_map(|key| Key::subjects(key)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks for a result. `give` says whether it could use what it was shown.
    #[inline]
    pub fn look(&self, key: &[u8], give: &mut dyn FnMut(&Kept) -> bool) -> Result<(), Miss> {
        let mut inner = self.lock();
        let inner_ref = &mut *inner;
        if let Some(entry) = inner_ref.entries.get_mut(key)
            && !inner_ref.options.is_over(entry.written)
        {
            inner_ref.clock += 1;
            entry.used = inner_ref.clock;
            // Clones of std's types call no code of the user's.
            if let Place::Memory(kept @ Kept::Value(..)) = &entry.place {
                return match give(kept) {
                    true => Ok(()),
                    false => Err(inner_ref.miss(key)),
                };
            }
        }
        self.look_closer(inner, key, give)
    }

    #[inline(never)]
    fn look_closer(
        &self,
        mut inner: MutexGuard<'_, Inner>,
        key: &[u8],
        give: &mut dyn FnMut(&Kept) -> bool,
    ) -> Result<(), Miss> {
        inner.index(&self.code);
        let (entry, options) = {
            let inner = &mut *inner;
            (inner.entries.get(key), &inner.options)
        };
        let (bytes, file) = match entry {
            None => return Err(inner.miss(key)),
            Some(entry) if options.is_over(entry.written) => {
                let miss = inner.miss(key);
                self.forget_on_disk(&inner, key);
                return Err(miss);
            }
            Some(entry) => match &entry.place {
                Place::Memory(Kept::Bytes(bytes)) => (Some(Arc::clone(bytes)), None),
                Place::Memory(Kept::Value(..)) => (None, None),
                Place::File(path) => (None, Some(path.clone())),
            },
        };
        let epoch = inner.epoch;
        // What reads the bytes may be the user's and may come back here.
        drop(inner);
        let is_new = file.is_some();
        let bytes = bytes.or_else(|| disk::read_blob(&file?).map(Arc::from));
        let kept = bytes.map(Kept::Bytes);
        let is_good = kept.as_ref().is_some_and(&mut *give);
        let mut inner = self.lock();
        if !is_good {
            return Err(inner.miss(key));
        }
        if let Some(kept) = kept.filter(|_| is_new && inner.epoch == epoch)
            && let Some(entry) = inner.entries.get_mut(key)
        {
            entry.place = Place::Memory(kept);
        }
        Ok(())
    }

    /// Keeps a result, unless the table was emptied since the call began.
    pub fn keep(&self, miss: Miss, key: &[u8], kept: Kept, writer: Writer) {
        let mut inner = self.lock();
        if inner.epoch != miss.epoch {
            return;
        }
        let size = key.len() as u64
            + match &kept {
                Kept::Value(_, size) => *size as u64,
                Kept::Bytes(bytes) => bytes.len() as u64,
            };
        inner.remove(key);
        inner.clock += 1;
        let entry = Entry {
            place: Place::Memory(kept),
            written: now(),
            used: inner.clock,
            size,
        };
        inner.bytes += size;
        inner.entries.insert(key.into(), entry);
        if inner.options.disk {
            inner.unsaved.push((key.into(), writer));
        }
        for evicted in inner.evict() {
            self.forget_on_disk(&inner, &evicted);
        }
    }

    fn forget_on_disk(&self, inner: &Inner, key: &[u8]) {
        if inner.options.disk {
            disk::forget([&self.name, &self.code], Some(key));
        }
    }

    /// The disk may have results also where it has no part in the table any more.
    fn clear_on_disk(&self, key: Option<&[u8]>) {
        disk::forget([&self.name, &self.code], key);
    }

    /// Forgets one entry. Returns whether there was one.
    pub fn clear_for(&self, key: &[u8]) -> bool {
        let mut inner = self.lock();
        inner.index(&self.code);
        inner.epoch += 1;
        self.clear_on_disk(Some(key));
        inner.remove(key)
    }

    /// Forgets all entries. Returns how many there were.
    pub fn clear(&self) -> usize {
        let mut inner = self.lock();
        inner.index(&self.code);
        inner.epoch += 1;
        inner.unsaved.clear();
        inner.bytes = 0;
        self.clear_on_disk(None);
        let entries = std::mem::take(&mut inner.entries);
        drop(inner);
        entries.len()
    }

    /// Calls `visit` with name, code, number of entries and their bytes.
    pub fn describe(&self, visit: &mut dyn FnMut(&str, &str, u64, u64)) {
        let inner = self.lock();
        visit(&self.name, &self.code, inner.entries.len() as u64, inner.bytes);
    }

    /// Hands on what the disk has not.
    pub fn save(&self) {
        let mut inner = self.lock();
        let unsaved = std::mem::take(&mut inner.unsaved);
        for (key, writer) in unsaved {
            let Some(entry) = inner.entries.get(&key) else {
                continue;
            };
            if let Place::Memory(kept) = &entry.place
                && let Some(bytes) = writer(kept)
            {
                let owner = [self.name.as_str(), self.code.as_str()];
                disk::save(owner, &key, entry.written, inner.options.ttl_ms, &bytes);
            }
        }
    }
}

impl Inner {
    /// Learns once what the disk has.
    fn index(&mut self, code: &str) {
        if std::mem::replace(&mut self.is_indexed, true) || !self.options.disk {
            return;
        }
        let Inner { entries, bytes, .. } = self;
        disk::read(code, &mut |key, written, value| {
            let (place, size) = match value {
                OnDisk::Bytes(value) => {
                    let size = value.len() as u64;
                    (Place::Memory(Kept::Bytes(value.into())), size)
                }
                OnDisk::File(path, size) => (Place::File(path), size),
            };
            entries.entry(key.into()).or_insert_with(|| {
                let size = size + key.len() as u64;
                *bytes += size;
                // Used before anything of this session; among each other, the older first.
                Entry {
                    place,
                    written,
                    used: 0,
                    size,
                }
            });
        });
    }

    fn miss(&mut self, key: &[u8]) -> Miss {
        self.remove(key);
        Miss { epoch: self.epoch }
    }

    fn remove(&mut self, key: &[u8]) -> bool {
        let Some(entry) = self.entries.remove(key) else {
            return false;
        };
        self.bytes -= entry.size;
        true
    }

    /// Removes what is over the bounds: what is too old first, then what was not used for longest. The newest entry
    /// stays, however large. Returns the removed keys.
    fn evict(&mut self) -> Vec<Box<[u8]>> {
        let mut evicted = Vec::new();
        if self.is_within_bounds() {
            return evicted;
        }
        let over: Vec<Box<[u8]>> = self
            .entries
            .iter()
            .filter(|(_, entry)| self.options.is_over(entry.written))
            .map(|(key, _)| key.clone())
            .collect();
        evicted.extend(over.into_iter().filter(|key| self.remove(key)));
        while !self.is_within_bounds() && self.entries.len() > 1 {
            let oldest = self
                .entries
                .iter()
                .min_by_key(|(_, entry)| (entry.used, entry.written))
                .map(|(key, _)| key.clone());
            let Some(oldest) = oldest else { break };
            self.remove(&oldest);
            evicted.push(oldest);
        }
        evicted
    }

    fn is_within_bounds(&self) -> bool {
        let entries = self
            .options
            .max_entries
            .is_none_or(|most| self.entries.len() as u64 <= most);
        entries && self.options.max_bytes.is_none_or(|most| self.bytes <= most)
    }
}

impl Options {
    fn is_over(&self, written: u64) -> bool {
        self.ttl_ms
            .is_some_and(|ttl| now() >= written.saturating_add(ttl))
    }
}
