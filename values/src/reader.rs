//! serde's `Deserializer` for the compact and the named format.
//!
//! Nothing is ever lent out: texts and bytes are given to visitors as temporary ones. So the reader deserialises any
//! `T: Deserialize<'static>`, and a type that wants to borrow (`&'static str`) says no when it runs instead of making the cell that
//! asks fail to compile.
//!
//! The bytes may be anything. Every length is checked against what is left, elements that need no bytes are limited in
//! number, and nesting is limited in depth.
//!
//! Here is what is the same for all types; what serde compiles for each of them is in the modules below.

mod deserializer;
mod elements;
mod variants;

use self::elements::Elements;
use crate::depth::Depth;
use crate::input::Input;
use crate::named;
use crate::refusal::{Refusal, RefusalKind};
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
    fn counted(&mut self, tag: u8, what: &'static str) -> Result<Elements<'_, 'a>, Refusal> {
        let count = match self.format {
            Format::Compact => self.input.varint()?,
            Format::Named => 0,
        };
        self.elements(tag, what, count, &[])
    }

    /// The beginning of anything with elements: `count` of them in the compact format.
    fn elements(
        &mut self,
        tag: u8,
        what: &'static str,
        count: u64,
        fields: &'static [&'static str],
    ) -> Result<Elements<'_, 'a>, Refusal> {
        self.depth.check()?;
        if self.is_named() {
            self.expect(tag, what)?;
        }
        Ok(Elements::new(self, count, fields, tag == named::MAP))
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
