//! Taking numbers and texts off the front of bytes that may be anything.

use crate::refusal::Refusal;

#[derive(Clone, Copy)]
pub(crate) struct Input<'a> {
    pub(crate) rest: &'a [u8],
}

impl<'a> Input<'a> {
    pub(crate) fn byte(&mut self) -> Result<u8, Refusal> {
        match self.rest.split_first() {
            Some((byte, rest)) => {
                self.rest = rest;
                Ok(*byte)
            }
            None => Err(cut_short()),
        }
    }

    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], Refusal> {
        match self.rest.split_at_checked(len) {
            Some((bytes, rest)) => {
                self.rest = rest;
                Ok(bytes)
            }
            None => Err(cut_short()),
        }
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Refusal> {
        match self.rest.split_first_chunk::<N>() {
            Some((bytes, rest)) => {
                self.rest = rest;
                Ok(*bytes)
            }
            None => Err(cut_short()),
        }
    }

    pub(crate) fn varint(&mut self) -> Result<u64, Refusal> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let group = u64::from(byte & 0x7f);
            if shift == 63 && group > 1 {
                break;
            }
            number |= group << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Refusal::damaged("a number is too long"))
    }

    pub(crate) fn wide_varint(&mut self) -> Result<u128, Refusal> {
        let mut number = 0;
        for shift in (0..128).step_by(7) {
            let byte = self.byte()?;
            let group = u128::from(byte & 0x7f);
            if shift == 126 && group > 3 {
                break;
            }
            number |= group << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Refusal::damaged("a number is too long"))
    }

    /// A varint length and as many bytes.
    pub(crate) fn framed(&mut self) -> Result<&'a [u8], Refusal> {
        let len = self.varint()?;
        self.take(usize::try_from(len).map_err(|_| cut_short())?)
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, Refusal> {
        std::str::from_utf8(self.framed()?).map_err(|_| Refusal::damaged("a text is not UTF-8"))
    }
}

#[cold]
fn cut_short() -> Refusal {
    Refusal::damaged("the bytes end too early")
}
