//! serde's `Serializer` over [`Tokens`]: the only one that users' types are compiled for, so it is thin.

use std::any::type_name;

use serde::ser::{self, Serialize};

use crate::depth::Depth;
use crate::refusal::{Refusal, Step};
use crate::tokens::{Body, Kind, Outcome, Shape, Tokens, Variant};
use crate::unordered;

/// Passes what a value tells of itself to [`Tokens`].
pub struct Writer<'a> {
    tokens: &'a mut dyn Tokens,
    /// The type of the value that is about to tell of itself. serde's model does not know whether a sequence is a set.
    type_name: &'static str,
    /// The last type that was looked at, and whether its order means nothing.
    last: (&'static str, bool),
    depth: Depth,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(tokens: &'a mut dyn Tokens, type_name: &'static str) -> Self {
        Writer {
            tokens,
            type_name,
            last: ("", false),
            depth: Depth::here(),
        }
    }

    fn is_unordered(&mut self) -> bool {
        if !std::ptr::eq(self.type_name, self.last.0) {
            self.last = (self.type_name, unordered::is_unordered(self.type_name));
        }
        self.last.1
    }

    fn open<'w>(&'w mut self, shape: Shape) -> Result<Compound<'w, 'a>, Refusal> {
        self.depth.check()?;
        self.tokens.begin(&shape)?;
        let is_unordered = match shape {
            Shape::List { is_unordered, .. } => is_unordered,
            Shape::Map { is_unordered, .. } => is_unordered || self.tokens.needs_entries(),
            _ => false,
        };
        Ok(Compound {
            writer: self,
            shape,
            count: 0,
            is_unordered,
        })
    }

    fn word(&mut self, kind: Kind, bits: u64) -> Outcome {
        self.tokens.word(kind, bits)
    }
}

/// A shape that is being filled.
pub struct Compound<'w, 'a> {
    writer: &'w mut Writer<'a>,
    shape: Shape,
    count: u64,
    is_unordered: bool,
}

impl Compound<'_, '_> {
    fn done(&mut self) -> Outcome {
        self.count += 1;
        if self.is_unordered {
            self.writer.tokens.end_entry(&self.shape)?;
        }
        Ok(())
    }

    fn close(self) -> Outcome {
        self.writer.tokens.end(&self.shape, self.count)
    }

    /// Says in which element it happened.
    #[cold]
    fn blame(&self, refusal: Refusal, type_name: &'static str) -> Refusal {
        refusal.part(type_name).at(match self.shape {
            Shape::List { .. } => Step::Element(self.count),
            Shape::Map { .. } => Step::Entry(self.count),
            _ => Step::Position(self.count),
        })
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Outcome {
        self.writer.type_name = type_name::<T>();
        match value.serialize(&mut *self.writer) {
            Ok(()) => self.done(),
            Err(refusal) => Err(self.blame(refusal, type_name::<T>())),
        }
    }

    fn field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Outcome {
        self.writer.tokens.field(name)?;
        self.writer.type_name = type_name::<T>();
        match value.serialize(&mut *self.writer) {
            Ok(()) => self.done(),
            Err(refusal) => Err(refusal.part(type_name::<T>()).at(Step::Field(name))),
        }
    }
}

impl<'w, 'a> ser::Serializer for &'w mut Writer<'a> {
    type Ok = ();
    type Error = Refusal;
    type SerializeSeq = Compound<'w, 'a>;
    type SerializeTuple = Compound<'w, 'a>;
    type SerializeTupleStruct = Compound<'w, 'a>;
    type SerializeTupleVariant = Compound<'w, 'a>;
    type SerializeMap = Compound<'w, 'a>;
    type SerializeStruct = Compound<'w, 'a>;
    type SerializeStructVariant = Compound<'w, 'a>;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn serialize_bool(self, v: bool) -> Outcome {
        self.word(Kind::Bool, v.into())
    }
    fn serialize_i8(self, v: i8) -> Outcome {
        self.word(Kind::I8, i64::from(v) as u64)
    }
    fn serialize_i16(self, v: i16) -> Outcome {
        self.word(Kind::I16, i64::from(v) as u64)
    }
    fn serialize_i32(self, v: i32) -> Outcome {
        self.word(Kind::I32, i64::from(v) as u64)
    }
    fn serialize_i64(self, v: i64) -> Outcome {
        self.word(Kind::I64, v as u64)
    }
    fn serialize_i128(self, v: i128) -> Outcome {
        self.tokens.wide(Kind::I128, v as u128)
    }
    fn serialize_u8(self, v: u8) -> Outcome {
        self.word(Kind::U8, v.into())
    }
    fn serialize_u16(self, v: u16) -> Outcome {
        self.word(Kind::U16, v.into())
    }
    fn serialize_u32(self, v: u32) -> Outcome {
        self.word(Kind::U32, v.into())
    }
    fn serialize_u64(self, v: u64) -> Outcome {
        self.word(Kind::U64, v)
    }
    fn serialize_u128(self, v: u128) -> Outcome {
        self.tokens.wide(Kind::U128, v)
    }
    fn serialize_f32(self, v: f32) -> Outcome {
        self.word(Kind::F32, v.to_bits().into())
    }
    fn serialize_f64(self, v: f64) -> Outcome {
        self.word(Kind::F64, v.to_bits())
    }
    fn serialize_char(self, v: char) -> Outcome {
        self.word(Kind::Char, u32::from(v).into())
    }
    fn serialize_str(self, v: &str) -> Outcome {
        self.tokens.text(v)
    }
    fn serialize_bytes(self, v: &[u8]) -> Outcome {
        self.tokens.bytes(v)
    }
    fn serialize_none(self) -> Outcome {
        self.tokens.none()
    }
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Outcome {
        let mut inside = self.open(Shape::Some)?;
        inside.writer.type_name = type_name::<T>();
        value.serialize(&mut *inside.writer)?;
        inside.count = 1;
        inside.close()
    }
    fn serialize_unit(self) -> Outcome {
        self.tokens.unit()
    }
    fn serialize_unit_struct(self, name: &'static str) -> Outcome {
        self.tokens.unit_struct(name)
    }
    fn serialize_unit_variant(self, type_name: &'static str, index: u32, name: &'static str) -> Outcome {
        self.tokens.unit_variant(Variant {
            type_name,
            index,
            name,
        })
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Outcome {
        let mut inside = self.open(Shape::Newtype { name })?;
        inside.element(value)?;
        inside.close()
    }
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        type_name: &'static str,
        index: u32,
        name: &'static str,
        value: &T,
    ) -> Outcome {
        let of = Variant {
            type_name,
            index,
            name,
        };
        let body = Body::Newtype;
        let mut inside = self.open(Shape::Variant { of, body })?;
        inside
            .element(value)
            .map_err(|refusal| refusal.at(Step::Variant(name)))?;
        inside.close()
    }
    fn serialize_seq(self, len: Option<usize>) -> Result<Compound<'w, 'a>, Refusal> {
        let is_unordered = self.is_unordered();
        self.open(Shape::List { len, is_unordered })
    }
    fn serialize_tuple(self, _: usize) -> Result<Compound<'w, 'a>, Refusal> {
        self.open(Shape::Tuple)
    }
    fn serialize_tuple_struct(self, name: &'static str, _: usize) -> Result<Compound<'w, 'a>, Refusal> {
        self.open(Shape::TupleStruct { name })
    }
    fn serialize_tuple_variant(
        self,
        type_name: &'static str,
        index: u32,
        name: &'static str,
        _: usize,
    ) -> Result<Compound<'w, 'a>, Refusal> {
        let of = Variant {
            type_name,
            index,
            name,
        };
        let body = Body::Tuple;
        self.open(Shape::Variant { of, body })
    }
    fn serialize_map(self, len: Option<usize>) -> Result<Compound<'w, 'a>, Refusal> {
        let is_unordered = self.is_unordered();
        self.open(Shape::Map { len, is_unordered })
    }
    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Compound<'w, 'a>, Refusal> {
        self.open(Shape::Struct { name })
    }
    fn serialize_struct_variant(
        self,
        type_name: &'static str,
        index: u32,
        name: &'static str,
        _: usize,
    ) -> Result<Compound<'w, 'a>, Refusal> {
        let of = Variant {
            type_name,
            index,
            name,
        };
        let body = Body::Struct;
        self.open(Shape::Variant { of, body })
    }
}

impl ser::SerializeSeq for Compound<'_, '_> {
    type Ok = ();
    type Error = Refusal;
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Outcome {
        self.element(value)
    }
    fn end(self) -> Outcome {
        self.close()
    }
}

impl ser::SerializeTuple for Compound<'_, '_> {
    type Ok = ();
    type Error = Refusal;
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Outcome {
        self.element(value)
    }
    fn end(self) -> Outcome {
        self.close()
    }
}

impl ser::SerializeTupleStruct for Compound<'_, '_> {
    type Ok = ();
    type Error = Refusal;
    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Outcome {
        self.element(value)
    }
    fn end(self) -> Outcome {
        self.close()
    }
}

impl ser::SerializeTupleVariant for Compound<'_, '_> {
    type Ok = ();
    type Error = Refusal;
    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Outcome {
        self.element(value)
    }
    fn end(self) -> Outcome {
        self.close()
    }
}

impl ser::SerializeMap for Compound<'_, '_> {
    type Ok = ();
    type Error = Refusal;
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Outcome {
        self.writer.type_name = type_name::<T>();
        match key.serialize(&mut *self.writer) {
            Ok(()) => Ok(()),
            Err(refusal) => Err(self.blame(refusal, type_name::<T>())),
        }
    }
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Outcome {
        self.element(value)
    }
    fn end(self) -> Outcome {
        self.close()
    }
}

impl ser::SerializeStruct for Compound<'_, '_> {
    type Ok = ();
    type Error = Refusal;
    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Outcome {
        self.field(name, value)
    }
    fn skip_field(&mut self, name: &'static str) -> Outcome {
        self.writer.tokens.left_out_field(name)
    }
    fn end(self) -> Outcome {
        self.close()
    }
}

impl ser::SerializeStructVariant for Compound<'_, '_> {
    type Ok = ();
    type Error = Refusal;
    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Outcome {
        self.field(name, value)
    }
    fn skip_field(&mut self, name: &'static str) -> Outcome {
        self.writer.tokens.left_out_field(name)
    }
    fn end(self) -> Outcome {
        self.close()
    }
}
