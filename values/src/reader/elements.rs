//! The elements of a list, the entries of a map, the fields of a struct.

use serde::de::{self, DeserializeSeed};

use super::{EMPTY_ELEMENTS, Format, Reader};
use crate::input::Input;
use crate::named;
use crate::refusal::{Refusal, Step};

/// The elements, entries or fields of one value.
pub(super) struct Elements<'r, 'a> {
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

impl<'r, 'a> Elements<'r, 'a> {
    /// `count` is that of the compact format.
    pub(super) fn new(
        reader: &'r mut Reader<'a>,
        count: u64,
        fields: &'static [&'static str],
        is_map: bool,
    ) -> Self {
        let before = reader.input;
        Elements {
            reader,
            left: count,
            has_ended: false,
            index: 0,
            fields,
            before,
            is_map,
        }
    }

    /// Elements are fields without their names.
    pub(super) fn of_fields(mut self) -> Self {
        self.is_map = false;
        self
    }

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
    pub(super) fn close(&mut self) -> Result<(), Refusal> {
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

impl<'de> de::SeqAccess<'de> for Elements<'_, '_> {
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

impl<'de> de::MapAccess<'de> for Elements<'_, '_> {
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
