//! The compact format: postcard's wire format (<https://postcard.jamesmunns.com/wire-format>). It says nothing about itself:
//! only a type that reads exactly what it writes survives it.
//!
//! Integers of more than one byte are varints, signed ones zigzag; floats are little-endian; texts, lists and maps begin with
//! their length, options with 0 or 1, variants with their index; structs and tuples are their fields.

use crate::output::Output;
use crate::refusal::{Refusal, RefusalKind};
use crate::tokens::{Kind, Outcome, Shape, Tokens, Variant};

pub(crate) struct Compact<'o, 'a>(pub(crate) &'o mut Output<'a>);

impl Tokens for Compact<'_, '_> {
    fn word(&mut self, kind: Kind, bits: u64) -> Outcome {
        match kind {
            Kind::Bool | Kind::I8 | Kind::U8 => self.0.byte(bits as u8),
            Kind::I16 | Kind::I32 | Kind::I64 => self.0.varint((bits << 1) ^ ((bits as i64) >> 63) as u64),
            Kind::F32 => self.0.put(&(bits as u32).to_le_bytes()),
            Kind::F64 => self.0.put(&bits.to_le_bytes()),
            Kind::Char => match char::from_u32(bits as u32) {
                Some(char) => self.text(char.encode_utf8(&mut [0; 4])),
                None => Ok(()),
            },
            _ => self.0.varint(bits),
        }
    }

    fn wide(&mut self, kind: Kind, bits: u128) -> Outcome {
        self.0.wide_varint(match kind {
            Kind::I128 => (bits << 1) ^ ((bits as i128) >> 127) as u128,
            _ => bits,
        })
    }

    fn text(&mut self, text: &str) -> Outcome {
        self.bytes(text.as_bytes())
    }

    fn bytes(&mut self, bytes: &[u8]) -> Outcome {
        self.0.varint(bytes.len() as u64)?;
        self.0.put(bytes)
    }

    fn none(&mut self) -> Outcome {
        self.0.byte(0)
    }

    fn unit(&mut self) -> Outcome {
        Ok(())
    }

    fn unit_struct(&mut self, _name: &'static str) -> Outcome {
        Ok(())
    }

    fn unit_variant(&mut self, variant: Variant) -> Outcome {
        self.0.varint(variant.index.into())
    }

    fn begin(&mut self, shape: &Shape) -> Outcome {
        match shape {
            Shape::Some => self.0.byte(1),
            Shape::List { len: Some(len), .. } | Shape::Map { len: Some(len), .. } => {
                self.0.varint(*len as u64)
            }
            Shape::List { len: None, .. } | Shape::Map { len: None, .. } => Err(unfit(
                "the compact format needs to know a length before the elements",
            )),
            Shape::Variant { of, .. } => self.0.varint(of.index.into()),
            Shape::Newtype { .. } | Shape::Tuple | Shape::TupleStruct { .. } | Shape::Struct { .. } => Ok(()),
        }
    }

    fn field(&mut self, _name: &'static str) -> Outcome {
        Ok(())
    }

    fn left_out_field(&mut self, _name: &'static str) -> Outcome {
        Err(unfit("the compact format cannot leave out a field"))
    }

    fn end(&mut self, shape: &Shape, count: u64) -> Outcome {
        match shape {
            Shape::List { len: Some(len), .. } | Shape::Map { len: Some(len), .. }
                if *len as u64 != count =>
            {
                Err(unfit("a length was announced that is not the number of elements"))
            }
            _ => Ok(()),
        }
    }
}

fn unfit(message: &str) -> Refusal {
    Refusal::new(RefusalKind::Format, message)
}
