//! What serde tells of a value, as calls that know nothing of its type.
//!
//! A user's type is compiled for one serialiser only ([`Writer`](crate::writer::Writer)); which of hash, compact or
//! named bytes comes out is decided behind this trait, by code that is compiled once.

use crate::refusal::Refusal;

pub(crate) type Outcome = Result<(), Refusal>;

/// Values of a fixed size. The numbers are part of the formats and of the canonical form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    Bool = 1,
    I8 = 2,
    I16 = 3,
    I32 = 4,
    I64 = 5,
    I128 = 6,
    U8 = 7,
    U16 = 8,
    U32 = 9,
    U64 = 10,
    U128 = 11,
    F32 = 12,
    F64 = 13,
    Char = 14,
}

impl Kind {
    /// The number of bytes.
    #[inline]
    pub const fn size(self) -> usize {
        match self {
            Kind::Bool | Kind::I8 | Kind::U8 => 1,
            Kind::I16 | Kind::U16 => 2,
            Kind::I32 | Kind::U32 | Kind::F32 | Kind::Char => 4,
            Kind::I64 | Kind::U64 | Kind::F64 => 8,
            Kind::I128 | Kind::U128 => 16,
        }
    }

    pub(crate) const fn from_number(number: u8) -> Option<Kind> {
        Some(match number {
            1 => Kind::Bool,
            2 => Kind::I8,
            3 => Kind::I16,
            4 => Kind::I32,
            5 => Kind::I64,
            6 => Kind::I128,
            7 => Kind::U8,
            8 => Kind::U16,
            9 => Kind::U32,
            10 => Kind::U64,
            11 => Kind::U128,
            12 => Kind::F32,
            13 => Kind::F64,
            14 => Kind::Char,
            _ => return None,
        })
    }
}

/// Something that holds other values.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape {
    Some,
    Newtype { name: &'static str },
    List { len: Option<usize>, is_unordered: bool },
    Map { len: Option<usize>, is_unordered: bool },
    Tuple,
    TupleStruct { name: &'static str },
    Struct { name: &'static str },
    Variant { of: Variant, body: Body },
}

/// Which variant of which enum.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Variant {
    pub(crate) type_name: &'static str,
    pub(crate) index: u32,
    pub(crate) name: &'static str,
}

/// What a variant holds.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Body {
    Newtype,
    Tuple,
    Struct,
}

/// Receives a value in serde's data model.
pub(crate) trait Tokens {
    /// A primitive of up to 8 bytes: integers sign-extended, floats as their bits.
    fn word(&mut self, kind: Kind, bits: u64) -> Outcome;
    /// A primitive of 16 bytes.
    fn wide(&mut self, kind: Kind, bits: u128) -> Outcome;
    fn text(&mut self, text: &str) -> Outcome;
    fn bytes(&mut self, bytes: &[u8]) -> Outcome;
    fn none(&mut self) -> Outcome;
    fn unit(&mut self) -> Outcome;
    fn unit_struct(&mut self, name: &'static str) -> Outcome;
    fn unit_variant(&mut self, variant: Variant) -> Outcome;
    /// What follows belongs to the shape, until its `end`.
    fn begin(&mut self, shape: &Shape) -> Outcome;
    /// The next value is this field's.
    fn field(&mut self, name: &'static str) -> Outcome;
    /// A field of the type that this value leaves out.
    fn left_out_field(&mut self, name: &'static str) -> Outcome;
    /// Whether `end_entry` is wanted for every map.
    fn needs_entries(&self) -> bool {
        false
    }
    /// An element, or a key and its value, is complete. Not called for shapes that are known to have an order, unless
    /// `needs_entries` says so.
    fn end_entry(&mut self, _shape: &Shape) -> Outcome {
        Ok(())
    }
    /// `count` elements, entries or fields have come.
    fn end(&mut self, shape: &Shape, count: u64) -> Outcome;
}
