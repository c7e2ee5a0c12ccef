//! Where encoded bytes go: through a buffer to a `Write`, long slices past it.

use std::io::Write;

use crate::refusal::Refusal;
use crate::tokens::Outcome;

const BUFFER: usize = 64 * 1024;

pub(crate) struct Output<'a> {
    buffer: Vec<u8>,
    /// Without it, everything stays in the buffer.
    to: Option<&'a mut dyn Write>,
}

impl<'a> Output<'a> {
    pub(crate) fn to(to: &'a mut dyn Write) -> Self {
        Output {
            buffer: Vec::new(),
            to: Some(to),
        }
    }

    pub(crate) fn kept() -> Self {
        Output {
            buffer: Vec::new(),
            to: None,
        }
    }

    #[inline]
    pub(crate) fn byte(&mut self, byte: u8) -> Outcome {
        self.buffer.push(byte);
        self.relieve()
    }

    pub(crate) fn put(&mut self, bytes: &[u8]) -> Outcome {
        if bytes.len() < BUFFER / 4 {
            self.buffer.extend_from_slice(bytes);
            return self.relieve();
        }
        self.flush()?;
        match &mut self.to {
            Some(to) => to.write_all(bytes).map_err(|error| Refusal::io(&error)),
            None => {
                self.buffer.extend_from_slice(bytes);
                Ok(())
            }
        }
    }

    /// A number in groups of seven bits, the lowest first, the highest bit of a byte saying that more follow.
    pub(crate) fn varint(&mut self, mut number: u64) -> Outcome {
        while number >= 0x80 {
            self.buffer.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.byte(number as u8)
    }

    pub(crate) fn wide_varint(&mut self, mut number: u128) -> Outcome {
        while number >= 0x80 {
            self.buffer.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.byte(number as u8)
    }

    #[inline]
    fn relieve(&mut self) -> Outcome {
        if self.buffer.len() >= BUFFER {
            self.flush()
        } else {
            Ok(())
        }
    }

    #[cold]
    #[inline(never)]
    fn flush(&mut self) -> Outcome {
        if let Some(to) = &mut self.to {
            to.write_all(&self.buffer).map_err(|error| Refusal::io(&error))?;
            self.buffer.clear();
        }
        Ok(())
    }

    /// Passes everything on; what is left is what was to be kept.
    pub(crate) fn finish(mut self) -> Result<Vec<u8>, Refusal> {
        self.flush()?;
        Ok(self.buffer)
    }
}
