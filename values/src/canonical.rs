//! The canonical form of values, which is what is hashed.
//!
//! The canonical form is a program for a machine with a stack: every token puts a value on it or takes some off to make
//! one of them, and carries its payload first and its length and tag last. So it can be read in exactly one way (from its
//! end), lengths need not be known beforehand, and different values have different forms. In bytes, `n` being a `u64` and
//! all numbers little-endian:
//!
//! ```text
//! primitive       payload, kind                      one alone
//! run             payloads, n, kind | 0x80           n >= 2 neighbours of one kind
//! text, bytes     payload, length, tag               length: a byte and the tag, or n and the tag | 0x80
//! none, unit      tag
//! some            value, tag
//! list, tuple     elements, count, tag               count: as length
//! struct          name, then for each field its name and value, count, tag
//! variant         name of the enum, name of the variant, contents, index as u32, count, tag
//! name            text, length, tag; the second time its number (in order of appearance, one byte) and a tag
//! left-out field  name, tag                          not counted
//! map             keys and values, count, tag        where their order counts
//! unordered       sum of the entries' digests mod 2^256, n, tag
//! ```
//!
//! A run ends where a shape begins or ends, and is never cut otherwise; so the elements of a `Vec<f64>` are in there as they are
//! in memory, whether they came one by one through serde or all at once ([`crate::plain`]).
//! Floats are taken by their bits: `0.0` and `-0.0` differ, a NaN equals itself.

use crate::digest::Digest;
use crate::hashing::Hasher;
use crate::refusal::Refusal;
use crate::tokens::{Body, Kind, Outcome, Shape, Tokens, Variant};

mod tag {
    pub(super) const RUN: u8 = 0x80;
    /// With a length or count of 8 bytes instead of one.
    pub(super) const LONG: u8 = 0x80;
    pub(super) const TEXT: u8 = 0x20;
    pub(super) const BYTES: u8 = 0x21;
    pub(super) const NONE: u8 = 0x22;
    pub(super) const SOME: u8 = 0x23;
    pub(super) const UNIT: u8 = 0x24;
    pub(super) const UNIT_STRUCT: u8 = 0x25;
    pub(super) const NEWTYPE: u8 = 0x26;
    pub(super) const LIST: u8 = 0x27;
    pub(super) const MAP: u8 = 0x28;
    pub(super) const TUPLE: u8 = 0x29;
    pub(super) const TUPLE_STRUCT: u8 = 0x2a;
    pub(super) const STRUCT: u8 = 0x2b;
    pub(super) const UNIT_VARIANT: u8 = 0x2c;
    pub(super) const NEWTYPE_VARIANT: u8 = 0x2d;
    pub(super) const TUPLE_VARIANT: u8 = 0x2e;
    pub(super) const STRUCT_VARIANT: u8 = 0x2f;
    pub(super) const UNORDERED_LIST: u8 = 0x30;
    pub(super) const UNORDERED_MAP: u8 = 0x31;
    pub(super) const LEFT_OUT: u8 = 0x32;
    pub(super) const NAME: u8 = 0x33;
    pub(super) const KNOWN_NAME: u8 = 0x34;
}

/// Brings values into the canonical form and hashes it.
pub(crate) struct Canonical {
    hasher: Hasher,
    run: Option<Run>,
    names: Names,
    /// The unordered shapes that we are in.
    frames: Vec<Frame>,
    /// Hashers to use again.
    spare: Vec<Hasher>,
    /// Every map is taken as unordered.
    is_lenient: bool,
}

struct Run {
    kind: Kind,
    count: u64,
}

struct Frame {
    outer: Hasher,
    outer_names: Names,
    sum: [u64; 4],
}

impl Canonical {
    pub(crate) fn new() -> Result<Self, Refusal> {
        Ok(Canonical {
            hasher: Hasher::new()?,
            run: None,
            names: Names::default(),
            frames: Vec::new(),
            spare: Vec::new(),
            is_lenient: false,
        })
    }

    /// Takes every map as unordered, also those whose type could not be seen to be a `HashMap`.
    pub(crate) fn lenient() -> Result<Self, Refusal> {
        let mut canonical = Canonical::new()?;
        canonical.is_lenient = true;
        Ok(canonical)
    }

    pub(crate) fn finish(&mut self) -> Digest {
        self.end_run();
        self.hasher.finish()
    }

    /// The whole canonical form, if it is short.
    pub(crate) fn all(&mut self) -> Option<&[u8]> {
        self.end_run();
        self.hasher.all()
    }

    /// Neighbours of one kind, as their bytes, little-endian.
    pub(crate) fn run(&mut self, kind: Kind, bytes: &[u8], count: usize) {
        if count > 0 {
            self.join_run(kind, count as u64);
            self.hasher.append(bytes);
        }
    }

    #[inline]
    fn join_run(&mut self, kind: Kind, count: u64) {
        match &mut self.run {
            Some(run) if run.kind == kind => run.count += count,
            _ => {
                self.end_run();
                self.run = Some(Run { kind, count });
            }
        }
    }

    fn end_run(&mut self) {
        if let Some(run) = self.run.take() {
            if run.count == 1 {
                self.hasher.buffer.push(run.kind as u8);
            } else {
                self.hasher.buffer.extend_from_slice(&run.count.to_le_bytes());
                self.hasher.buffer.push(run.kind as u8 | tag::RUN);
            }
        }
    }

    /// A tag with a length or a count.
    fn counted(&mut self, tag: u8, count: u64) {
        self.end_run();
        match u8::try_from(count) {
            Ok(count) => self.hasher.buffer.extend_from_slice(&[count, tag]),
            Err(_) => {
                self.hasher.buffer.extend_from_slice(&count.to_le_bytes());
                self.hasher.buffer.push(tag | tag::LONG);
            }
        }
        self.hasher.relieve();
    }

    fn tag(&mut self, tag: u8) -> Outcome {
        self.end_run();
        self.hasher.buffer.push(tag);
        self.hasher.relieve();
        Ok(())
    }

    fn framed(&mut self, tag: u8, bytes: &[u8]) {
        self.end_run();
        self.hasher.append(bytes);
        self.counted(tag, bytes.len() as u64);
    }

    fn name(&mut self, name: &'static str) {
        match self.names.number(name) {
            Some(number) => {
                self.end_run();
                self.hasher.buffer.extend_from_slice(&[number, tag::KNOWN_NAME]);
                self.hasher.relieve();
            }
            None => self.framed(tag::NAME, name.as_bytes()),
        }
    }

    fn variant(&mut self, variant: Variant) {
        self.name(variant.type_name);
        self.name(variant.name);
    }

    pub(crate) fn end_list(&mut self, count: usize) {
        self.counted(tag::LIST, count as u64);
    }

    pub(crate) fn end_tuple(&mut self, count: usize) {
        self.counted(tag::TUPLE, count as u64);
    }

    /// The contents of a text, in pieces.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.hasher.append(bytes);
    }

    pub(crate) fn end_text(&mut self, len: usize) {
        self.counted(tag::TEXT, len as u64);
    }

    fn is_unordered(&self, shape: &Shape) -> bool {
        match shape {
            Shape::List { is_unordered, .. } => *is_unordered,
            Shape::Map { is_unordered, .. } => *is_unordered || self.is_lenient,
            _ => false,
        }
    }
}

impl Tokens for Canonical {
    fn needs_entries(&self) -> bool {
        self.is_lenient
    }

    fn word(&mut self, kind: Kind, bits: u64) -> Outcome {
        self.join_run(kind, 1);
        let buffer = &mut self.hasher.buffer;
        match kind.size() {
            8 => buffer.extend_from_slice(&bits.to_le_bytes()),
            4 => buffer.extend_from_slice(&(bits as u32).to_le_bytes()),
            2 => buffer.extend_from_slice(&(bits as u16).to_le_bytes()),
            _ => buffer.push(bits as u8),
        }
        self.hasher.relieve();
        Ok(())
    }

    fn wide(&mut self, kind: Kind, bits: u128) -> Outcome {
        self.run(kind, &bits.to_le_bytes(), 1);
        Ok(())
    }

    fn text(&mut self, text: &str) -> Outcome {
        self.framed(tag::TEXT, text.as_bytes());
        Ok(())
    }

    fn bytes(&mut self, bytes: &[u8]) -> Outcome {
        self.framed(tag::BYTES, bytes);
        Ok(())
    }

    fn none(&mut self) -> Outcome {
        self.tag(tag::NONE)
    }

    fn unit(&mut self) -> Outcome {
        self.tag(tag::UNIT)
    }

    fn unit_struct(&mut self, name: &'static str) -> Outcome {
        self.name(name);
        self.tag(tag::UNIT_STRUCT)
    }

    fn unit_variant(&mut self, variant: Variant) -> Outcome {
        self.variant(variant);
        self.hasher.buffer.extend_from_slice(&variant.index.to_le_bytes());
        self.tag(tag::UNIT_VARIANT)
    }

    fn begin(&mut self, shape: &Shape) -> Outcome {
        self.end_run();
        match shape {
            Shape::Newtype { name } | Shape::TupleStruct { name, .. } | Shape::Struct { name, .. } => {
                self.name(name);
            }
            Shape::Variant { of, .. } => self.variant(*of),
            Shape::List { .. } | Shape::Map { .. } if self.is_unordered(shape) => {
                let inner = match self.spare.pop() {
                    Some(hasher) => hasher,
                    None => Hasher::new()?,
                };
                let outer = std::mem::replace(&mut self.hasher, inner);
                self.frames.push(Frame {
                    outer,
                    outer_names: std::mem::take(&mut self.names),
                    sum: [0; 4],
                });
            }
            _ => {}
        }
        Ok(())
    }

    fn field(&mut self, name: &'static str) -> Outcome {
        self.name(name);
        Ok(())
    }

    fn left_out_field(&mut self, name: &'static str) -> Outcome {
        self.name(name);
        self.tag(tag::LEFT_OUT)
    }

    fn end_entry(&mut self, shape: &Shape) -> Outcome {
        if !self.is_unordered(shape) {
            return Ok(());
        }
        self.end_run();
        let Digest(digest) = self.hasher.finish();
        self.names.forget();
        if let Some(frame) = self.frames.last_mut() {
            add(&mut frame.sum, &digest);
        }
        Ok(())
    }

    fn end(&mut self, shape: &Shape, count: u64) -> Outcome {
        if self.is_unordered(shape) {
            let Some(frame) = self.frames.pop() else {
                return Ok(());
            };
            self.spare.push(std::mem::replace(&mut self.hasher, frame.outer));
            self.names = frame.outer_names;
            for part in frame.sum {
                self.hasher.buffer.extend_from_slice(&part.to_le_bytes());
            }
            let tag = match shape {
                Shape::Map { .. } => tag::UNORDERED_MAP,
                _ => tag::UNORDERED_LIST,
            };
            self.counted(tag, count);
            return Ok(());
        }
        let tag = match shape {
            Shape::Some => return self.tag(tag::SOME),
            Shape::Newtype { .. } => return self.tag(tag::NEWTYPE),
            Shape::List { .. } => tag::LIST,
            Shape::Map { .. } => tag::MAP,
            Shape::Tuple => tag::TUPLE,
            Shape::TupleStruct { .. } => tag::TUPLE_STRUCT,
            Shape::Struct { .. } => tag::STRUCT,
            Shape::Variant { of, body } => {
                self.end_run();
                self.hasher.buffer.extend_from_slice(&of.index.to_le_bytes());
                match body {
                    Body::Newtype => tag::NEWTYPE_VARIANT,
                    Body::Tuple => tag::TUPLE_VARIANT,
                    Body::Struct => tag::STRUCT_VARIANT,
                }
            }
        };
        self.counted(tag, count);
        Ok(())
    }
}

/// The names that have come. Rows have the same ones again and again, mostly in the same order.
#[derive(Default)]
struct Names {
    known: Vec<&'static str>,
    /// Where the next one is expected.
    next: usize,
}

impl Names {
    /// The number of a name that has come before, told by its text: one text can have several addresses, and not the same
    /// ones in every process.
    fn number(&mut self, name: &'static str) -> Option<u8> {
        let is_expected = self
            .known
            .get(self.next)
            .is_some_and(|known| std::ptr::eq(*known, name));
        let number = if is_expected {
            self.next
        } else if let Some(number) = self.known.iter().position(|known| *known == name) {
            number
        } else {
            // A number is one byte; further names are written every time.
            if self.known.len() <= usize::from(u8::MAX) {
                self.known.push(name);
                self.next = self.known.len();
            }
            return None;
        };
        self.next = number + 1;
        u8::try_from(number).ok()
    }

    /// Entries of an unordered shape must not depend on their neighbours.
    fn forget(&mut self) {
        self.known.clear();
        self.next = 0;
    }
}

/// Adds modulo 2^256. A sum and not an exclusive or: two equal entries must not cancel each other out.
fn add(sum: &mut [u64; 4], digest: &[u8; 32]) {
    let mut carry = false;
    for (part, bytes) in sum.iter_mut().zip(digest.as_chunks::<8>().0) {
        let (value, over) = part.overflowing_add(u64::from_le_bytes(*bytes));
        let (value, over_again) = value.overflowing_add(u64::from(carry));
        *part = value;
        carry = over || over_again;
    }
}
