//! The key of a call: its arguments as bytes, one after the other, each framed.
//!
//! Short keys are kept as they are, so two calls share an entry only if their arguments are equal; long ones are
//! replaced by a cryptographic digest.

use std::collections::BTreeMap;

use super::plain::PlainKey;
use crate::__private::surroundings::{State, Subject};

/// Bytes that a key holds without memory of its own.
const INLINE: usize = 64;
/// Longer keys are digested, where there is a host that can.
const LONGEST: usize = 1024;
const EXACT: u8 = 0;
const DIGEST: u8 = 1;
const SURROUNDED: u8 = 2;

/// A call's key while it is made.
#[derive(Debug)]
pub struct Key {
    length: usize,
    inline: [u8; INLINE],
    /// All of it, once it is too long for `inline`.
    long: Vec<u8>,
    /// Why an argument cannot be a part of it.
    refused: Option<String>,
    /// The key of the arguments alone, once surroundings were added.
    arguments: Vec<u8>,
}

impl Key {
    /// The key of a call without arguments.
    #[inline]
    #[must_use]
    pub fn new() -> Key {
        let mut inline = [0; INLINE];
        inline[0] = EXACT;
        Key {
            length: 1,
            inline,
            long: Vec::new(),
            refused: None,
            arguments: Vec::new(),
        }
    }

    /// Adds bytes whose number is fixed by the argument's type.
    #[inline]
    pub fn fixed(&mut self, bytes: &[u8]) {
        let end = self.length + bytes.len();
        if self.long.is_empty() && end <= INLINE {
            self.inline[self.length..end].copy_from_slice(bytes);
            self.length = end;
        } else {
            self.spill(bytes);
        }
    }

    /// Adds a number of things that follow.
    #[inline]
    pub fn length(&mut self, length: usize) {
        self.fixed(&(length as u64).to_le_bytes());
    }

    /// Adds bytes of any number.
    #[inline]
    pub fn framed(&mut self, bytes: &[u8]) {
        self.length(bytes.len());
        self.fixed(bytes);
    }

    /// Adds the digest of an argument; without one, the call has no key.
    pub fn digested<E: std::fmt::Display>(&mut self, digest: Result<[u8; 32], E>) {
        match digest {
            Ok(digest) => self.fixed(&digest),
            Err(why) => self.refused = Some(why.to_string()),
        }
    }

    /// Why the call has no key.
    #[inline]
    pub(super) fn refused(&self) -> Option<&str> {
        self.refused.as_deref()
    }

    /// Adds bytes of which there may be many.
    #[inline(never)]
    pub(super) fn long(&mut self, bytes: impl Iterator<Item = u8>) {
        self.spill(&[]);
        self.long.extend(bytes);
    }

    #[inline(never)]
    fn spill(&mut self, bytes: &[u8]) {
        if self.long.is_empty() {
            self.long.extend_from_slice(&self.inline[..self.length]);
        }
        self.long.extend_from_slice(bytes);
    }

    /// Adds what the function reads besides its arguments, in the place of what was added before.
    #[inline(never)]
    pub(super) fn surround(&mut self, with: &BTreeMap<Subject, State>) {
        if self.arguments.is_empty() {
            self.arguments = self.finish().to_vec();
        }
        let mut key = Key::new();
        key.long.push(SURROUNDED);
        for (subject, state) in with {
            for text in subject.texts() {
                key.framed(text.as_bytes());
            }
            let mut texts = Key::new();
            texts.length(state.texts.len());
            state.texts.iter().for_each(|text| texts.framed(text.as_bytes()));
            key.framed(texts.finish());
        }
        key.length(0);
        key.long.extend_from_slice(&self.arguments);
        self.long = key.long;
    }

    /// What the function has read, of a key that was kept.
    pub(super) fn subjects(kept: &[u8]) -> Vec<Subject> {
        let mut rest = match kept {
            [SURROUNDED, rest @ ..] => rest,
            _ => return Vec::new(),
        };
        let mut part = || {
            let (length, after) = rest.split_first_chunk()?;
            let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
            let (part, after) = after.split_at_checked(length)?;
            rest = after;
            Some(part)
        };
        let mut subjects = Vec::new();
        while let Some(kind) = part().filter(|kind| !kind.is_empty()) {
            let (Some(key), Some(_)) = (part(), part()) else {
                break;
            };
            let texts = [kind, key].map(|text| std::str::from_utf8(text).unwrap_or_default());
            subjects.extend(Subject::of(texts));
        }
        subjects
    }

    /// Ends the key.
    #[inline]
    pub(crate) fn finish(&mut self) -> &[u8] {
        if self.long.len() > LONGEST
            && self.long[0] != SURROUNDED
            && let Some(digest) = crate::host_cache::digest(&self.long)
        {
            self.long.clear();
            self.length = 1 + digest.len();
            self.inline[0] = DIGEST;
            self.inline[1..self.length].copy_from_slice(&digest);
        }
        if self.long.is_empty() {
            &self.inline[..self.length]
        } else {
            &self.long
        }
    }
}

impl Default for Key {
    fn default() -> Key {
        Key::new()
    }
}

/// An argument that is to become a part of the key. How, is decided by the order in which method calls look at
/// candidates: the generated code calls `(&&&Arg(&argument)).__cellar_part::<Name>(&mut key)`.
#[derive(Debug)]
pub struct Arg<'a, T: ?Sized>(pub &'a T);

/// What an argument of a cached function must be. `Name` is a type that is called like the argument.
#[diagnostic::on_unimplemented(
    message = "the argument `{Name}` of a cached function cannot be part of its key",
    label = "`{Self}` cannot be written as bytes",
    note = "begin the argument's name with `_` to leave it out, or derive `serde::Serialize` for `{Self}`"
)]
pub trait CacheArgument<Name> {}

/// The traits for method calls on [`Arg`]. The generated code adds one for serde between the two.
pub mod parts {
    use super::{Arg, CacheArgument, Key, PlainKey};

    /// Types of std, without serde.
    pub trait PlainPart {
        fn __cellar_part<Name>(&self, key: &mut Key);
        fn __cellar_part_again(&self, key: &mut Key);
    }

    impl<T: PlainKey + ?Sized> PlainPart for &&Arg<'_, T> {
        #[inline(always)]
        fn __cellar_part<Name>(&self, key: &mut Key) {
            self.0.add_to(key);
        }

        #[inline(always)]
        fn __cellar_part_again(&self, key: &mut Key) {
            self.0.add_to(key);
        }
    }

    /// All that is no part of a key: an error that says so.
    pub trait NoPart {
        type Argument: ?Sized;
        fn __cellar_part<Name>(&self, key: &mut Key)
        where
            Self::Argument: CacheArgument<Name>;
        fn __cellar_part_again(&self, key: &mut Key);
    }

    impl<T: ?Sized> NoPart for Arg<'_, T> {
        type Argument = T;
        fn __cellar_part<Name>(&self, _key: &mut Key)
        where
            T: CacheArgument<Name>,
        {
        }

        fn __cellar_part_again(&self, _key: &mut Key) {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(part: impl Fn(&mut Key)) -> Vec<u8> {
        let mut key = Key::new();
        part(&mut key);
        key.finish().to_vec()
    }

    #[test]
    fn arguments_do_not_run_into_each_other() {
        let strings = |a: &str, b: &str| {
            key(|key| {
                a.add_to(key);
                b.add_to(key);
            })
        };
        assert_ne!(strings("ab", "c"), strings("a", "bc"));
        assert_ne!(strings("", "a"), strings("a", ""));
        assert_eq!(strings("a", "b"), strings("a", "b"));
        let nested = |rows: &[&[u8]]| key(|key| rows.add_to(key));
        assert_ne!(nested(&[&[1], &[2]]), nested(&[&[1, 2], &[]]));
    }

    #[test]
    fn long_keys_keep_what_came_first() {
        let long = |first: u8| {
            key(|key| {
                first.add_to(key);
                vec![7_u8; 100].add_to(key);
                1_u8.add_to(key);
            })
        };
        assert_ne!(long(1), long(2));
        assert_eq!(long(1).len(), 1 + 1 + 8 + 100 + 1);
    }

    #[test]
    fn what_was_read_is_a_part_of_the_key_and_can_be_read_from_it() {
        let subjects = [Subject::Param("city".to_owned()), Subject::SessionNames];
        let with = |value: &str| {
            let states = [vec![value.to_owned()], vec![]].map(State::of);
            BTreeMap::from_iter(subjects.clone().into_iter().zip(states))
        };
        for argument in [vec![1_u8], vec![7; 5000]] {
            let surrounded = |value: &str| {
                let mut key = Key::new();
                argument.add_to(&mut key);
                key.surround(&with("another, which is replaced"));
                key.surround(&with(value));
                key.finish().to_vec()
            };
            assert_ne!(surrounded("Oslo"), surrounded("Rome"));
            assert_eq!(surrounded("Oslo"), surrounded("Oslo"));
            assert_eq!(Key::subjects(&surrounded("Oslo")), subjects);
            assert_eq!(Key::subjects(&key(|key| argument.add_to(key))), []);
        }
    }

    #[test]
    fn floats_are_their_bits() {
        assert_ne!(key(|key| 0.0_f64.add_to(key)), key(|key| (-0.0_f64).add_to(key)));
        assert_eq!(key(|key| f64::NAN.add_to(key)), key(|key| f64::NAN.add_to(key)));
    }
}
