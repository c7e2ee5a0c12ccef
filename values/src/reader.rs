//! serde's `Deserializer` for the compact and the named format.
//!
//! Nothing is ever lent out: texts and bytes are given to visitors as temporary ones. So the reader deserialises any
//! `T: Deserialize<'static>`, and a type that wants to borrow (`&'static str`) says no when it runs instead of making the cell that
//! asks fail to compile.
//!
//! The bytes may be anything. Every length is checked against what is left, elements that need no bytes are limited in
//! number, and nesting is limited in depth.

use serde::de::{self, DeserializeSeed, Visitor};

use crate::depth::Depth;
use crate::input::Input;
use crate::named;
use crate::refusal::{Refusal, RefusalKind, Step};
use crate::tokens::Kind;

/// Elements that take no bytes, such as `()` in the compact format: more than that in one value are taken for damage. (In the
/// named format every element takes some, so that a list of a million `()` can be stored all the same.)
const EMPTY_ELEMENTS: u32 = 1 << 16;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Compact,
    Named,
}

/// Reads one value.
pub struct Reader<'a> {
    input: Input<'a>,
    format: Format,
    names: Vec<&'a str>,
    depth: Depth,
    empty_elements: u32,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(format: Format, bytes: &'a [u8]) -> Self {
        Reader {
            input: Input { rest: bytes },
            format,
            names: Vec::new(),
            depth: Depth::here(),
            empty_elements: 0,
        }
    }

    /// Everything must have been read.
    pub(crate) fn finish(&self) -> Result<(), Refusal> {
        if self.input.rest.is_empty() {
            Ok(())
        } else {
            Err(Refusal::damaged(format!(
                "{} bytes are left over",
                self.input.rest.len()
            )))
        }
    }

    fn is_named(&self) -> bool {
        self.format == Format::Named
    }

    /// In the named format: the next tag must be this one.
    fn expect(&mut self, tag: u8, what: &'static str) -> Result<(), Refusal> {
        let found = self.input.byte()?;
        if found == tag {
            Ok(())
        } else {
            Err(unexpected(found, what))
        }
    }

    /// An integer of the named format, whatever its width.
    fn integer(&mut self) -> Result<i128, Refusal> {
        let tag = self.input.byte()?;
        Ok(match Kind::from_number(tag) {
            Some(Kind::I8) => i8::from_le_bytes(self.input.array()?).into(),
            Some(Kind::I16) => i16::from_le_bytes(self.input.array()?).into(),
            Some(Kind::I32) => i32::from_le_bytes(self.input.array()?).into(),
            Some(Kind::I64) => i64::from_le_bytes(self.input.array()?).into(),
            Some(Kind::I128) => i128::from_le_bytes(self.input.array()?),
            Some(Kind::U8) => u8::from_le_bytes(self.input.array()?).into(),
            Some(Kind::U16) => u16::from_le_bytes(self.input.array()?).into(),
            Some(Kind::U32) => u32::from_le_bytes(self.input.array()?).into(),
            Some(Kind::U64) => u64::from_le_bytes(self.input.array()?).into(),
            Some(Kind::U128) => {
                i128::try_from(u128::from_le_bytes(self.input.array()?)).map_err(|_| out_of_range())?
            }
            _ => return Err(unexpected(tag, "an integer")),
        })
    }

    fn unsigned(&mut self, kind: Kind) -> Result<u64, Refusal> {
        let number = match (self.format, kind) {
            (Format::Compact, Kind::U8) => return Ok(self.input.byte()?.into()),
            (Format::Compact, _) => self.input.varint()?,
            (Format::Named, _) => u64::try_from(self.integer()?).map_err(|_| out_of_range())?,
        };
        if kind.size() < 8 && number >> (8 * kind.size()) != 0 {
            return Err(out_of_range());
        }
        Ok(number)
    }

    fn signed(&mut self, kind: Kind) -> Result<i64, Refusal> {
        let number = match (self.format, kind) {
            (Format::Compact, Kind::I8) => return Ok((self.input.byte()? as i8).into()),
            (Format::Compact, _) => {
                let number = self.input.varint()?;
                (number >> 1) as i64 ^ -((number & 1) as i64)
            }
            (Format::Named, _) => i64::try_from(self.integer()?).map_err(|_| out_of_range())?,
        };
        let unused = 64 - 8 * kind.size() as u32;
        if number << unused >> unused != number {
            return Err(out_of_range());
        }
        Ok(number)
    }

    fn wide_unsigned(&mut self) -> Result<u128, Refusal> {
        match self.format {
            Format::Compact => self.input.wide_varint(),
            Format::Named if self.input.rest.first() == Some(&(Kind::U128 as u8)) => {
                self.input.byte()?;
                Ok(u128::from_le_bytes(self.input.array()?))
            }
            Format::Named => u128::try_from(self.integer()?).map_err(|_| out_of_range()),
        }
    }

    fn wide_signed(&mut self) -> Result<i128, Refusal> {
        match self.format {
            Format::Compact => {
                let number = self.input.wide_varint()?;
                Ok((number >> 1) as i128 ^ -((number & 1) as i128))
            }
            Format::Named => self.integer(),
        }
    }

    fn bool(&mut self) -> Result<bool, Refusal> {
        if self.is_named() {
            self.expect(Kind::Bool as u8, "a bool")?;
        }
        match self.input.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Refusal::damaged("a bool is neither 0 nor 1")),
        }
    }

    fn f32(&mut self) -> Result<f32, Refusal> {
        if self.is_named() {
            self.expect(Kind::F32 as u8, "an f32")?;
        }
        Ok(f32::from_bits(u32::from_le_bytes(self.input.array()?)))
    }

    fn f64(&mut self) -> Result<f64, Refusal> {
        if self.is_named() {
            match self.input.byte()? {
                tag if tag == Kind::F64 as u8 => {}
                tag if tag == Kind::F32 as u8 => {
                    return Ok(f32::from_bits(u32::from_le_bytes(self.input.array()?)).into());
                }
                tag => return Err(unexpected(tag, "an f64")),
            }
        }
        Ok(f64::from_bits(u64::from_le_bytes(self.input.array()?)))
    }

    fn char(&mut self) -> Result<char, Refusal> {
        let char = if self.is_named() {
            self.expect(Kind::Char as u8, "a char")?;
            char::from_u32(u32::from_le_bytes(self.input.array()?))
        } else {
            let mut chars = self.input.text()?.chars();
            chars.next().filter(|_| chars.next().is_none())
        };
        char.ok_or_else(|| Refusal::damaged("a char is none"))
    }

    fn text(&mut self) -> Result<&'a str, Refusal> {
        if self.is_named() {
            match self.input.byte()? {
                named::TEXT => {}
                named::NAME => return self.name(),
                tag => return Err(unexpected(tag, "a text")),
            }
        }
        self.input.text()
    }

    /// A name behind its tag.
    fn name(&mut self) -> Result<&'a str, Refusal> {
        let number = usize::try_from(self.input.varint()?).map_err(|_| out_of_range())?;
        if number == self.names.len() {
            let name = self.input.text()?;
            self.names.push(name);
            return Ok(name);
        }
        self.names
            .get(number)
            .copied()
            .ok_or_else(|| Refusal::damaged("a name has an unknown number"))
    }

    fn expect_name(&mut self) -> Result<&'a str, Refusal> {
        self.expect(named::NAME, "a name")?;
        self.name()
    }

    fn bytes(&mut self) -> Result<&'a [u8], Refusal> {
        if self.is_named() {
            match self.input.byte()? {
                named::BYTES | named::TEXT => {}
                tag => return Err(unexpected(tag, "bytes")),
            }
        }
        self.input.framed()
    }

    fn unit(&mut self) -> Result<(), Refusal> {
        if self.is_named() {
            self.expect(named::UNIT, "a unit")?;
        }
        Ok(())
    }

    fn is_some(&mut self) -> Result<bool, Refusal> {
        self.depth.check()?;
        match (self.format, self.input.byte()?) {
            (Format::Compact, 0) | (Format::Named, named::NONE) => Ok(false),
            (Format::Compact, 1) | (Format::Named, named::SOME) => Ok(true),
            _ => Err(Refusal::damaged("an option is neither some nor none")),
        }
    }

    /// The beginning of a list or a map whose length stands in the compact format.
    fn counted(&mut self, tag: u8, what: &'static str) -> Result<Access<'_, 'a>, Refusal> {
        let count = match self.format {
            Format::Compact => self.input.varint()?,
            Format::Named => 0,
        };
        self.access(tag, what, count, &[])
    }

    /// The beginning of anything with elements: `count` of them in the compact format.
    fn access(
        &mut self,
        tag: u8,
        what: &'static str,
        count: u64,
        fields: &'static [&'static str],
    ) -> Result<Access<'_, 'a>, Refusal> {
        self.depth.check()?;
        if self.is_named() {
            self.expect(tag, what)?;
        }
        let before = self.input;
        Ok(Access {
            reader: self,
            left: count,
            has_ended: false,
            index: 0,
            fields,
            before,
            is_map: tag == named::MAP,
        })
    }

    /// Passes over a value of the named format.
    fn skip(&mut self) -> Result<(), Refusal> {
        self.depth.check()?;
        let tag = self.input.byte()?;
        if let Some(kind) = Kind::from_number(tag) {
            return self.input.take(kind.size()).map(drop);
        }
        match tag {
            named::TEXT | named::BYTES => self.input.framed().map(drop),
            named::NAME | named::UNIT_VARIANT => {
                if tag == named::UNIT_VARIANT {
                    self.expect(named::NAME, "a name")?;
                }
                self.name().map(drop)
            }
            named::NONE | named::UNIT => Ok(()),
            named::SOME => self.skip(),
            named::VARIANT => {
                self.expect_name()?;
                self.skip()
            }
            named::LIST | named::MAP => {
                while self.input.rest.first() != Some(&named::END) {
                    self.skip()?;
                }
                self.input.byte().map(drop)
            }
            _ => Err(unexpected(tag, "a value")),
        }
    }

    fn needs_names(&self) -> Result<(), Refusal> {
        if self.is_named() {
            return Ok(());
        }
        Err(Refusal::new(
            RefusalKind::Format,
            "the type wants to be told what comes, which the compact format cannot do",
        ))
    }
}

#[cold]
fn unexpected(tag: u8, wanted: &'static str) -> Refusal {
    let found = match tag {
        named::END => "the end",
        named::TEXT => "a text",
        named::BYTES => "bytes",
        named::NAME => "a name",
        named::NONE => "None",
        named::SOME => "Some",
        named::UNIT => "a unit",
        named::LIST => "a list",
        named::MAP => "a map",
        named::UNIT_VARIANT | named::VARIANT => "an enum's variant",
        _ => match Kind::from_number(tag) {
            Some(kind) => return Refusal::damaged(format!("{wanted} was wanted and {kind:?} was found")),
            None => "an unknown tag",
        },
    };
    Refusal::damaged(format!("{wanted} was wanted and {found} was found"))
}

#[cold]
fn out_of_range() -> Refusal {
    Refusal::damaged("a number does not fit its type")
}

/// The elements, entries or fields of one value.
struct Access<'r, 'a> {
    reader: &'r mut Reader<'a>,
    /// In the compact format.
    left: u64,
    /// In the named format.
    has_ended: bool,
    index: u64,
    /// Names for messages, where elements are fields.
    fields: &'static [&'static str],
    /// Where the current element, or its key, begins.
    before: Input<'a>,
    is_map: bool,
}

impl Access<'_, '_> {
    /// Goes on to the next element; false if there is none.
    fn advance(&mut self) -> Result<bool, Refusal> {
        let reader = &mut *self.reader;
        match reader.format {
            Format::Compact => {
                if self.left == 0 {
                    return Ok(false);
                }
                self.left -= 1;
            }
            Format::Named => {
                if self.has_ended {
                    return Ok(false);
                }
                if reader.input.rest.first() == Some(&named::END) {
                    reader.input.byte()?;
                    self.has_ended = true;
                    return Ok(false);
                }
            }
        }
        if self.index > 0 && self.before.rest.len() == reader.input.rest.len() {
            reader.empty_elements += 1;
            if reader.empty_elements > EMPTY_ELEMENTS {
                return Err(Refusal::damaged("there are too many elements without content"));
            }
        }
        self.before = reader.input;
        self.index += 1;
        Ok(true)
    }

    /// All elements must have been taken.
    fn close(&mut self) -> Result<(), Refusal> {
        if self.advance()? {
            return Err(Refusal::damaged("there are more elements than the type takes"));
        }
        Ok(())
    }

    fn hint(&self) -> Option<usize> {
        match self.reader.format {
            Format::Compact => Some(
                self.reader
                    .input
                    .rest
                    .len()
                    .min(usize::try_from(self.left).unwrap_or(usize::MAX)),
            ),
            Format::Named => None,
        }
    }

    /// Says in which element it happened.
    #[cold]
    fn blame(&self, refusal: Refusal) -> Refusal {
        let index = self.index.saturating_sub(1);
        if let Some(name) = self.fields.get(index as usize)
            && !self.is_map
        {
            return refusal.at(Step::Field(name));
        }
        if !self.is_map {
            return refusal.at(Step::Element(index));
        }
        let mut key = Reader::new(self.reader.format, self.before.rest);
        key.names.clone_from(&self.reader.names);
        if self.reader.is_named()
            && let Ok(name) = key.expect_name()
        {
            return refusal.at(Step::FoundField(name.to_owned()));
        }
        refusal.at(Step::Entry(index))
    }
}

impl<'de> de::SeqAccess<'de> for Access<'_, '_> {
    type Error = Refusal;
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Refusal> {
        if !self.advance()? {
            return Ok(None);
        }
        match seed.deserialize(&mut *self.reader) {
            Ok(value) => Ok(Some(value)),
            Err(refusal) => Err(self.blame(refusal)),
        }
    }
    fn size_hint(&self) -> Option<usize> {
        self.hint()
    }
}

impl<'de> de::MapAccess<'de> for Access<'_, '_> {
    type Error = Refusal;
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Refusal> {
        if !self.advance()? {
            return Ok(None);
        }
        match seed.deserialize(&mut *self.reader) {
            Ok(value) => Ok(Some(value)),
            Err(refusal) => Err(self.blame(refusal)),
        }
    }
    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Refusal> {
        match seed.deserialize(&mut *self.reader) {
            Ok(value) => Ok(value),
            Err(refusal) => Err(self.blame(refusal)),
        }
    }
    fn size_hint(&self) -> Option<usize> {
        self.hint()
    }
}

/// Takes the elements from an [`Access`] and checks that none is left.
macro_rules! visit {
    ($access:expr, $visitor:ident . $visit:ident) => {{
        let mut access = $access;
        let value = $visitor.$visit(&mut access)?;
        access.close()?;
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
            self.access(named::LIST, "a list", len as u64, &[])?,
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
        let access = self.access(named::MAP, "a struct", fields.len() as u64, fields)?;
        if is_named {
            visit!(access, visitor.visit_map)
        } else {
            visit!(access.of_fields(), visitor.visit_seq)
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

impl Access<'_, '_> {
    /// Elements are fields without their names.
    fn of_fields(mut self) -> Self {
        self.is_map = false;
        self
    }
}

/// Which variant an enum's value is.
#[derive(Clone, Copy)]
enum Which<'a> {
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
struct Chosen<'r, 'a> {
    reader: &'r mut Reader<'a>,
    which: Which<'a>,
    has_contents: bool,
}

impl<'a> Reader<'a> {
    fn chosen(&mut self) -> Result<Chosen<'_, 'a>, Refusal> {
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
struct OnlyEntry<'r, 'a> {
    reader: &'r mut Reader<'a>,
    is_taken: bool,
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
