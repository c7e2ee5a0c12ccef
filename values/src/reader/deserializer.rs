//! serde's `Deserializer`.

use serde::de::{self, Visitor};

use super::variants::OnlyEntry;
use super::{Reader, unexpected};
use crate::named;
use crate::refusal::Refusal;
use crate::tokens::Kind;

/// Takes the elements from an [`Elements`](super::elements::Elements) and checks that none is left.
macro_rules! visit {
    ($elements:expr, $visitor:ident . $visit:ident) => {{
        let mut elements = $elements;
        let value = $visitor.$visit(&mut elements)?;
        elements.close()?;
        Ok(value)
    }};
}

impl<'de, 'a> de::Deserializer<'de> for &mut Reader<'a> {
    type Error = Refusal;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        self.needs_names()?;
        let Some(&tag) = self.input.rest.first() else {
            return Err(Refusal::damaged("the bytes end too early"));
        };
        match Kind::from_number(tag) {
            Some(Kind::Bool) => return self.deserialize_bool(visitor),
            Some(Kind::I8) => return self.deserialize_i8(visitor),
            Some(Kind::I16) => return self.deserialize_i16(visitor),
            Some(Kind::I32) => return self.deserialize_i32(visitor),
            Some(Kind::I64) => return self.deserialize_i64(visitor),
            Some(Kind::I128) => return self.deserialize_i128(visitor),
            Some(Kind::U8) => return self.deserialize_u8(visitor),
            Some(Kind::U16) => return self.deserialize_u16(visitor),
            Some(Kind::U32) => return self.deserialize_u32(visitor),
            Some(Kind::U64) => return self.deserialize_u64(visitor),
            Some(Kind::U128) => return self.deserialize_u128(visitor),
            Some(Kind::F32) => return self.deserialize_f32(visitor),
            Some(Kind::F64) => return self.deserialize_f64(visitor),
            Some(Kind::Char) => return self.deserialize_char(visitor),
            None => {}
        }
        match tag {
            named::TEXT | named::NAME => self.deserialize_str(visitor),
            named::BYTES => self.deserialize_bytes(visitor),
            named::NONE | named::SOME => self.deserialize_option(visitor),
            named::UNIT => self.deserialize_unit(visitor),
            named::LIST => self.deserialize_seq(visitor),
            named::MAP => self.deserialize_map(visitor),
            // As in JSON: who asks for anything does not expect an enum.
            named::UNIT_VARIANT => {
                self.input.byte()?;
                visitor.visit_str(self.expect_name()?)
            }
            named::VARIANT => {
                self.depth.check()?;
                self.input.byte()?;
                let mut only = OnlyEntry {
                    reader: self,
                    is_taken: false,
                };
                let value = visitor.visit_map(&mut only)?;
                if !only.is_taken {
                    return Err(Refusal::damaged("an enum's variant was not taken"));
                }
                Ok(value)
            }
            tag => Err(unexpected(tag, "a value")),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_bool(self.bool()?)
    }
    fn deserialize_i8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_i8(self.signed(Kind::I8)? as i8)
    }
    fn deserialize_i16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_i16(self.signed(Kind::I16)? as i16)
    }
    fn deserialize_i32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_i32(self.signed(Kind::I32)? as i32)
    }
    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_i64(self.signed(Kind::I64)?)
    }
    fn deserialize_i128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_i128(self.wide_signed()?)
    }
    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_u8(self.unsigned(Kind::U8)? as u8)
    }
    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_u16(self.unsigned(Kind::U16)? as u16)
    }
    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_u32(self.unsigned(Kind::U32)? as u32)
    }
    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_u64(self.unsigned(Kind::U64)?)
    }
    fn deserialize_u128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_u128(self.wide_unsigned()?)
    }
    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_f32(self.f32()?)
    }
    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_f64(self.f64()?)
    }
    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_char(self.char()?)
    }
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_str(self.text()?)
    }
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_str(self.text()?)
    }
    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_bytes(self.bytes()?)
    }
    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_bytes(self.bytes()?)
    }
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        if self.is_some()? {
            visitor.visit_some(self)
        } else {
            visitor.visit_none()
        }
    }
    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        self.unit()?;
        visitor.visit_unit()
    }
    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        self.unit()?;
        visitor.visit_unit()
    }
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        self.depth.check()?;
        visitor.visit_newtype_struct(self)
    }
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visit!(self.counted(named::LIST, "a list")?, visitor.visit_seq)
    }
    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Refusal> {
        visit!(
            self.elements(named::LIST, "a list", len as u64, &[])?,
            visitor.visit_seq
        )
    }
    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        self.deserialize_tuple(len, visitor)
    }
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visit!(self.counted(named::MAP, "a map")?, visitor.visit_map)
    }
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        let is_named = self.is_named();
        let elements = self.elements(named::MAP, "a struct", fields.len() as u64, fields)?;
        if is_named {
            visit!(elements, visitor.visit_map)
        } else {
            visit!(elements.of_fields(), visitor.visit_seq)
        }
    }
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        let chosen = self.chosen()?;
        visitor.visit_enum(chosen)
    }
    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        self.needs_names()?;
        visitor.visit_str(self.text()?)
    }
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        self.needs_names()?;
        self.skip()?;
        visitor.visit_unit()
    }
}
