//! Variants of enums.

use serde::de::{self, DeserializeSeed, Visitor};

use super::{Format, Reader, out_of_range, unexpected};
use crate::named;
use crate::refusal::Refusal;

/// Which variant an enum's value is.
#[derive(Clone, Copy)]
pub(super) enum Which<'a> {
    Index(u32),
    Name(&'a str),
}

impl<'de> de::Deserializer<'de> for Which<'_> {
    type Error = Refusal;
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        match self {
            Which::Index(index) => visitor.visit_u32(index),
            Which::Name(name) => visitor.visit_str(name),
        }
    }
    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// A variant and its contents.
pub(super) struct Chosen<'r, 'a> {
    reader: &'r mut Reader<'a>,
    which: Which<'a>,
    has_contents: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn chosen(&mut self) -> Result<Chosen<'_, 'a>, Refusal> {
        self.depth.check()?;
        let (which, has_contents) = match self.format {
            Format::Compact => {
                let index = u32::try_from(self.input.varint()?).map_err(|_| out_of_range())?;
                (Which::Index(index), true)
            }
            Format::Named => match self.input.byte()? {
                named::UNIT_VARIANT => (Which::Name(self.expect_name()?), false),
                named::VARIANT => (Which::Name(self.expect_name()?), true),
                // A type that writes a text and reads an enum.
                named::TEXT => (Which::Name(self.input.text()?), false),
                tag => return Err(unexpected(tag, "an enum's variant")),
            },
        };
        Ok(Chosen {
            reader: self,
            which,
            has_contents,
        })
    }
}

impl Chosen<'_, '_> {
    fn must_have_contents(&self, wanted: bool) -> Result<(), Refusal> {
        if self.reader.is_named() && self.has_contents != wanted {
            return Err(Refusal::damaged("an enum's variant has other contents"));
        }
        Ok(())
    }
}

impl<'de> de::EnumAccess<'de> for Chosen<'_, '_> {
    type Error = Refusal;
    type Variant = Self;
    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Refusal> {
        let value = seed.deserialize(self.which)?;
        Ok((value, self))
    }
}

impl<'de> de::VariantAccess<'de> for Chosen<'_, '_> {
    type Error = Refusal;
    fn unit_variant(self) -> Result<(), Refusal> {
        self.must_have_contents(false)
    }
    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Refusal> {
        self.must_have_contents(true)?;
        seed.deserialize(self.reader)
    }
    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Refusal> {
        self.must_have_contents(true)?;
        de::Deserializer::deserialize_tuple(self.reader, len, visitor)
    }
    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        self.must_have_contents(true)?;
        de::Deserializer::deserialize_struct(self.reader, "", fields, visitor)
    }
}

/// A variant as a map from its name to its contents.
pub(super) struct OnlyEntry<'r, 'a> {
    pub(super) reader: &'r mut Reader<'a>,
    pub(super) is_taken: bool,
}

impl<'de> de::MapAccess<'de> for OnlyEntry<'_, '_> {
    type Error = Refusal;
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Refusal> {
        if self.is_taken {
            return Ok(None);
        }
        self.is_taken = true;
        seed.deserialize(&mut *self.reader).map(Some)
    }
    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Refusal> {
        seed.deserialize(&mut *self.reader)
    }
}
