//! The named format: every value says what it is, fields and variants have their names. For types that the compact format
//! cannot carry: untagged and internally tagged enums, `flatten`, fields that are left out, `serde_json::Value`.
//!
//! A value is a tag and its payload. Primitives have their [`Kind`] as tag and are little-endian, in their own width, so that
//! a `u64`, an `i128` or an `f32` stays one; `Some` has a tag of its own, so that `Some(None)` stays what it is.
//! Lists, maps and structs go on until [`END`]. A name is written once and later called by its number.

use crate::output::Output;
use crate::tokens::{Body, Kind, Outcome, Shape, Tokens, Variant};

pub(crate) const END: u8 = 0;
/// Varint length, UTF-8.
pub(crate) const TEXT: u8 = 0x20;
/// Varint length, bytes.
pub(crate) const BYTES: u8 = 0x21;
/// Varint number; if it is the first unused one, the name follows as varint length and UTF-8.
pub(crate) const NAME: u8 = 0x22;
pub(crate) const NONE: u8 = 0x23;
/// A value.
pub(crate) const SOME: u8 = 0x24;
pub(crate) const UNIT: u8 = 0x25;
/// Values, END. Tuples are lists.
pub(crate) const LIST: u8 = 0x26;
/// Keys and values by turns, END. Structs are maps whose keys are names.
pub(crate) const MAP: u8 = 0x27;
/// A name.
pub(crate) const UNIT_VARIANT: u8 = 0x28;
/// A name and a value: the contents, a list, or a map.
pub(crate) const VARIANT: u8 = 0x29;

pub(crate) struct Named<'o, 'a> {
    output: &'o mut Output<'a>,
    names: Vec<&'static str>,
}

impl<'o, 'a> Named<'o, 'a> {
    pub(crate) fn new(output: &'o mut Output<'a>) -> Self {
        Named {
            output,
            names: Vec::new(),
        }
    }

    fn name(&mut self, name: &'static str) -> Outcome {
        self.output.byte(NAME)?;
        if let Some(number) = self.names.iter().position(|other| *other == name) {
            return self.output.varint(number as u64);
        }
        self.output.varint(self.names.len() as u64)?;
        self.names.push(name);
        self.output.varint(name.len() as u64)?;
        self.output.put(name.as_bytes())
    }
}

impl Tokens for Named<'_, '_> {
    fn word(&mut self, kind: Kind, bits: u64) -> Outcome {
        self.output.byte(kind as u8)?;
        self.output.put(&bits.to_le_bytes()[..kind.size()])
    }

    fn wide(&mut self, kind: Kind, bits: u128) -> Outcome {
        self.output.byte(kind as u8)?;
        self.output.put(&bits.to_le_bytes())
    }

    fn text(&mut self, text: &str) -> Outcome {
        self.output.byte(TEXT)?;
        self.output.varint(text.len() as u64)?;
        self.output.put(text.as_bytes())
    }

    fn bytes(&mut self, bytes: &[u8]) -> Outcome {
        self.output.byte(BYTES)?;
        self.output.varint(bytes.len() as u64)?;
        self.output.put(bytes)
    }

    fn none(&mut self) -> Outcome {
        self.output.byte(NONE)
    }

    fn unit(&mut self) -> Outcome {
        self.output.byte(UNIT)
    }

    fn unit_struct(&mut self, _name: &'static str) -> Outcome {
        self.output.byte(UNIT)
    }

    fn unit_variant(&mut self, variant: Variant) -> Outcome {
        self.output.byte(UNIT_VARIANT)?;
        self.name(variant.name)
    }

    fn begin(&mut self, shape: &Shape) -> Outcome {
        match shape {
            Shape::Some => self.output.byte(SOME),
            Shape::Newtype { .. } => Ok(()),
            Shape::List { .. } | Shape::Tuple | Shape::TupleStruct { .. } => self.output.byte(LIST),
            Shape::Map { .. } | Shape::Struct { .. } => self.output.byte(MAP),
            Shape::Variant { of, body } => {
                self.output.byte(VARIANT)?;
                self.name(of.name)?;
                match body {
                    Body::Newtype => Ok(()),
                    Body::Tuple => self.output.byte(LIST),
                    Body::Struct => self.output.byte(MAP),
                }
            }
        }
    }

    fn field(&mut self, name: &'static str) -> Outcome {
        self.name(name)
    }

    fn left_out_field(&mut self, _name: &'static str) -> Outcome {
        Ok(())
    }

    fn end(&mut self, shape: &Shape, _count: u64) -> Outcome {
        match shape {
            Shape::Some
            | Shape::Newtype { .. }
            | Shape::Variant {
                body: Body::Newtype, ..
            } => Ok(()),
            _ => self.output.byte(END),
        }
    }
}
