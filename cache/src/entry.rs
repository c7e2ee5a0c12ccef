//! An entry: what is kept of one computation, and what it was computed from.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::key::{Ingredient, Key};

/// What an entry is the result of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum EntryKind {
    /// A cell kept by value.
    Data,
    /// A cell kept by reference; on disk there is only what is known of it.
    Resource,
    /// One call of a memoised function.
    Function,
    /// Compiled code.
    Artifact,
}

impl EntryKind {
    pub const ALL: [EntryKind; 4] = [
        EntryKind::Data,
        EntryKind::Resource,
        EntryKind::Function,
        EntryKind::Artifact,
    ];

    /// The name on disk and in texts.
    pub const fn as_str(self) -> &'static str {
        match self {
            EntryKind::Data => "data",
            EntryKind::Resource => "resource",
            EntryKind::Function => "function",
            EntryKind::Artifact => "artifact",
        }
    }
}

impl fmt::Display for EntryKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that names no kind of entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no kind of entry; there are data, resource, function and artifact")]
pub struct ParseEntryKindError(String);

impl FromStr for EntryKind {
    type Err = ParseEntryKindError;

    fn from_str(text: &str) -> Result<EntryKind, ParseEntryKindError> {
        EntryKind::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| ParseEntryKindError(text.to_owned()))
    }
}

/// A blob of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobRef {
    /// What the caller calls it: a variable's name, for instance.
    pub label: String,
    pub digest: Digest,
    /// Bytes.
    pub len: u64,
}

/// What is kept of one computation.
///
/// [`Entry::new`] makes one with its keys; the other fields are filled by the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key of all ingredients, the observed ones included.
    pub key: Key,
    /// The key of the ingredients that are known before the code is compiled or runs.
    pub base: Key,
    pub kind: EntryKind,
    /// What `clear` and `list` call it.
    pub name: String,
    /// Which notebook it belongs to.
    pub scope: String,
    /// When it was computed. Kept to the microsecond, as the other times.
    pub created: SystemTime,
    /// From when on it is a miss.
    pub expires: Option<SystemTime>,
    /// The time that a hit saves.
    pub cost: Duration,
    pub ingredients: Vec<Ingredient>,
    /// What was seen to be read while the code was compiled or ran. Whoever finds the entry must
    /// check that it still is so.
    pub observed: Vec<Ingredient>,
    /// The caller's own description of the result. The store does not look into it.
    pub body: Vec<u8>,
    pub blobs: Vec<BlobRef>,
}

impl Entry {
    /// An entry made now, with its keys and without a result.
    pub fn new(
        kind: EntryKind,
        scope: impl Into<String>,
        name: impl Into<String>,
        ingredients: Vec<Ingredient>,
        observed: Vec<Ingredient>,
    ) -> Entry {
        let base = Key::of(&ingredients);
        Entry {
            key: base.observing(&observed),
            base,
            kind,
            name: name.into(),
            scope: scope.into(),
            created: crate::time::now(),
            expires: None,
            cost: Duration::ZERO,
            ingredients,
            observed,
            body: Vec::new(),
            blobs: Vec::new(),
        }
    }

    /// Whether it is a miss at `now`. A clock that was set back by more than a minute counts as
    /// the end of an entry that has one: nobody knows how old it is.
    pub fn is_expired(&self, now: SystemTime) -> bool {
        self.expires
            .is_some_and(|end| end <= now || self.created > now + Duration::from_secs(60))
    }

    /// Bytes of the blobs, each counted once.
    pub fn blob_bytes(&self) -> u64 {
        self.distinct_blobs().map(|blob| blob.len).sum()
    }

    /// The blobs, those of equal content once.
    pub(crate) fn distinct_blobs(&self) -> impl Iterator<Item = &BlobRef> {
        self.blobs.iter().enumerate().filter_map(|(at, blob)| {
            let seen = self.blobs[..at].iter().any(|before| before.digest == blob.digest);
            (!seen).then_some(blob)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expiry() {
        let mut entry = Entry::new(EntryKind::Data, "nb", "x", vec![], vec![]);
        let made = entry.created;
        let hour = Duration::from_secs(3600);
        assert!(!entry.is_expired(made + 1000 * hour));
        entry.expires = Some(made + hour);
        assert!(!entry.is_expired(made));
        assert!(entry.is_expired(made + hour));
        assert!(entry.is_expired(made - hour), "the clock was set back");
    }

    #[test]
    fn blobs_of_equal_content_count_once() {
        let mut entry = Entry::new(EntryKind::Data, "nb", "x", vec![], vec![]);
        let blob = |label: &str, content: &[u8]| BlobRef {
            label: label.to_owned(),
            digest: Digest::of(content),
            len: content.len() as u64,
        };
        entry.blobs = vec![blob("a", b"12"), blob("b", b"345"), blob("c", b"12")];
        assert_eq!(entry.blob_bytes(), 5);
    }
}
