//! Content hashes. One hash for everything (blake3, 256 bit): keys, blobs' names, ingredients.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// From this size on, hashing on all cores is worth the hand-over.
const PARALLEL: usize = 256 << 10;

/// How much of a file is held in memory while it is hashed.
const CHUNK: usize = 4 << 20;

/// A blake3 hash of some content. Shown as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

/// A text that is no digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no digest: 64 hexadecimal digits are expected")]
pub struct ParseDigestError(String);

impl Digest {
    /// The hash of `bytes`, nothing added: what `b3sum` prints.
    pub fn of(bytes: &[u8]) -> Digest {
        if bytes.len() < PARALLEL {
            return Digest(*blake3::hash(bytes).as_bytes());
        }
        Digest(*blake3::Hasher::new().update_rayon(bytes).finalize().as_bytes())
    }

    /// The hash of a file's content, and its length in bytes.
    ///
    /// # Errors
    /// When the file cannot be opened or read.
    pub fn of_file(path: &Path) -> io::Result<(Digest, u64)> {
        Digest::of_open_file(&mut File::open(path)?)
    }

    /// Read, not mapped: a file that shrinks under a mapping would kill the process.
    pub(crate) fn of_open_file(file: &mut File) -> io::Result<(Digest, u64)> {
        let expected = usize::try_from(file.metadata()?.len()).unwrap_or(CHUNK);
        let mut chunk = Vec::with_capacity(expected.saturating_add(1).min(CHUNK));
        let mut hasher = blake3::Hasher::new();
        let mut length = 0;
        loop {
            chunk.clear();
            let limit = chunk.capacity().max(1) as u64;
            let read = file.by_ref().take(limit).read_to_end(&mut chunk)?;
            if read == 0 {
                return Ok((Digest(*hasher.finalize().as_bytes()), length));
            }
            length += read as u64;
            if read < PARALLEL {
                hasher.update(&chunk);
            } else {
                hasher.update_rayon(&chunk);
            }
        }
    }

    pub const fn from_bytes(bytes: [u8; 32]) -> Digest {
        Digest(bytes)
    }

    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first twelve digits: enough to tell entries apart on a screen.
    pub fn short(&self) -> String {
        self.to_string()[..12].to_owned()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(blake3::Hash::from_bytes(self.0).to_hex().as_str())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({})", self.short())
    }
}

impl FromStr for Digest {
    type Err = ParseDigestError;

    fn from_str(text: &str) -> Result<Digest, ParseDigestError> {
        blake3::Hash::from_hex(text)
            .map(|hash| Digest(*hash.as_bytes()))
            .map_err(|_| ParseDigestError(text.to_owned()))
    }
}

/// Hexadecimal in formats for people, 32 bytes in others.
impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
        if deserializer.is_human_readable() {
            let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
            text.parse().map_err(serde::de::Error::custom)
        } else {
            Ok(Digest(<[u8; 32]>::deserialize(deserializer)?))
        }
    }
}

/// Hashes a structure: every part has a tag and a length, so no two structures look alike
/// (`["ab", "c"]` and `["a", "bc"]` do not).
#[derive(Clone)]
pub struct Hasher(blake3::Hasher);

impl Hasher {
    /// `domain` says what kind of thing is hashed, so that hashes of different kinds never meet.
    pub fn new(domain: &str) -> Hasher {
        let mut hasher = Hasher(blake3::Hasher::new());
        hasher.framed(domain.as_bytes());
        hasher
    }

    /// Adds bytes under a tag.
    pub fn part(&mut self, tag: &str, bytes: &[u8]) -> &mut Hasher {
        self.framed(tag.as_bytes());
        self.framed(bytes);
        self
    }

    /// Adds a text under a tag.
    pub fn text(&mut self, tag: &str, text: &str) -> &mut Hasher {
        self.part(tag, text.as_bytes())
    }

    /// Adds a number under a tag. The length of a list, for instance, in front of its items.
    pub fn number(&mut self, tag: &str, number: u64) -> &mut Hasher {
        self.part(tag, &number.to_le_bytes())
    }

    /// Adds a digest under a tag.
    pub fn digest(&mut self, tag: &str, digest: &Digest) -> &mut Hasher {
        self.part(tag, digest.as_bytes())
    }

    pub fn finish(&self) -> Digest {
        Digest(*self.0.finalize().as_bytes())
    }

    fn framed(&mut self, bytes: &[u8]) {
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        if bytes.len() < PARALLEL {
            self.0.update(bytes);
        } else {
            self.0.update_rayon(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        let digest = Digest::of(b"a");
        assert_eq!(digest.to_string().len(), 64);
        assert_eq!(digest.to_string().parse(), Ok(digest));
        for wrong in ["", "abc", &"g".repeat(64), &"a".repeat(65)] {
            assert!(wrong.parse::<Digest>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_published_hash_of_nothing() {
        let expected = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";
        assert_eq!(Digest::of(b"").to_string(), expected);
    }

    #[test]
    fn frames_keep_parts_apart() {
        let of = |parts: &[&str]| {
            let mut hasher = Hasher::new("test");
            for part in parts {
                hasher.text("part", part);
            }
            hasher.finish()
        };
        assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
        assert_ne!(of(&["a", ""]), of(&["a"]));
        assert_ne!(Hasher::new("x").finish(), Hasher::new("y").finish());
        let tagged = |tag| Hasher::new("x").text(tag, "1").finish();
        assert_ne!(tagged("a"), tagged("b"));
    }

    #[test]
    fn a_file_hashes_as_its_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        for length in [0, 1, PARALLEL - 1, PARALLEL, CHUNK - 1, CHUNK, CHUNK + 1] {
            let bytes: Vec<u8> = (0..length).map(|i| (i % 251) as u8).collect();
            std::fs::write(&path, &bytes).unwrap();
            assert_eq!(
                Digest::of_file(&path).unwrap(),
                (Digest::of(&bytes), length as u64)
            );
        }
    }
}
