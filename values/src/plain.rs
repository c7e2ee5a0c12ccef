//! The plain format: primitives, and lists, arrays and texts of them, as they are in memory. No serde, no verification (what
//! goes in comes out by construction), one pass over the memory.
//!
//! 16 bytes of header (1, shape, [`Kind`], five zeros, count as `u64`), then the values, little-endian; so they lie aligned in a file that
//! is mapped into memory. The types implement [`Plain`] on little-endian machines only; elsewhere they go through serde.

use std::io::{Read, Write};

use crate::canonical::Canonical;
use crate::digest::Digest;
use crate::encoding::{Encoded, Format};
use crate::refusal::{Refusal, RefusalKind};
use crate::tokens::Kind;

/// A type without padding whose values are stored as their bytes.
///
/// # Safety
///
/// The type has `KIND.size()` bytes, none of them padding; zeros are a value; and any bytes of that length are one if
/// `are_valid` says so.
pub unsafe trait Primitive: Copy + 'static {
    const KIND: Kind;
    const ZERO: Self;
    /// Whether these bytes are values one after the other.
    fn are_valid(_bytes: &[u8]) -> bool {
        true
    }
}

macro_rules! primitives {
    ($($kind:ident: $($type:ty = $zero:expr),*;)*) => {$($(
        // SAFETY: numbers have no padding, and all their bit patterns are values.
        unsafe impl Primitive for $type {
            const KIND: Kind = Kind::$kind;
            const ZERO: Self = $zero;
        }
    )*)*};
}

primitives! {
    I8: i8 = 0; I16: i16 = 0; I32: i32 = 0; I64: i64 = 0; I128: i128 = 0;
    U8: u8 = 0; U16: u16 = 0; U32: u32 = 0; U64: u64 = 0; U128: u128 = 0;
    F32: f32 = 0.0; F64: f64 = 0.0;
}

// serde knows them as 64 bits wide.
#[cfg(target_pointer_width = "64")]
primitives! { I64: isize = 0; U64: usize = 0; }

// SAFETY: one byte, 0 or 1.
unsafe impl Primitive for bool {
    const KIND: Kind = Kind::Bool;
    const ZERO: Self = false;
    fn are_valid(bytes: &[u8]) -> bool {
        bytes.iter().fold(0, |all, byte| all | byte) <= 1
    }
}

// SAFETY: four bytes, and `char::from_u32` knows which are one.
unsafe impl Primitive for char {
    const KIND: Kind = Kind::Char;
    const ZERO: Self = '\0';
    fn are_valid(bytes: &[u8]) -> bool {
        let (chars, rest) = bytes.as_chunks::<4>();
        rest.is_empty()
            && chars
                .iter()
                .all(|char| char::from_u32(u32::from_le_bytes(*char)).is_some())
    }
}

/// How primitives make up a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Shape {
    One = 0,
    List = 1,
    Tuple = 2,
    Text = 3,
}

/// A value as primitives in memory.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    shape: Shape,
    kind: Kind,
    count: usize,
    bytes: &'a [u8],
}

impl<'a> View<'a> {
    pub(crate) fn new<P: Primitive>(shape: Shape, values: &'a [P]) -> Self {
        View {
            shape,
            kind: P::KIND,
            count: values.len(),
            bytes: bytes_of(values),
        }
    }

    fn header(&self) -> [u8; HEADER] {
        let mut header = [0; HEADER];
        header[0] = Format::Plain as u8;
        header[1] = self.shape as u8;
        header[2] = self.kind as u8;
        header[8..].copy_from_slice(&(self.count as u64).to_le_bytes());
        header
    }

    /// What follows the values in the canonical form.
    fn end(&self, canonical: &mut Canonical) {
        match self.shape {
            Shape::One => {}
            Shape::List => canonical.end_list(self.count),
            Shape::Tuple => canonical.end_tuple(self.count),
            Shape::Text => canonical.end_text(self.count),
        }
    }

    /// Gives all bytes to the hash.
    pub(crate) fn digest(&self) -> Result<Digest, Refusal> {
        let mut canonical = Canonical::new()?;
        self.feed(&mut canonical, self.bytes, self.count);
        self.end(&mut canonical);
        Ok(canonical.finish())
    }

    fn feed(&self, canonical: &mut Canonical, bytes: &[u8], count: usize) {
        match self.shape {
            Shape::Text => canonical.raw(bytes),
            _ => canonical.run(self.kind, bytes, count),
        }
    }

    /// Hashes and writes piece by piece, so that the memory is read once.
    pub(crate) fn encode(&self, out: &mut dyn Write) -> Result<Encoded, Refusal> {
        /// As long as the processor's cache can keep; a multiple of every size.
        const PIECE: usize = 256 * 1024;
        let mut canonical = Canonical::new()?;
        let mut write = |bytes: &[u8]| out.write_all(bytes).map_err(|error| Refusal::io(&error));
        write(&self.header())?;
        for piece in self.bytes.chunks(PIECE) {
            self.feed(&mut canonical, piece, piece.len() / self.kind.size());
            write(piece)?;
        }
        self.end(&mut canonical);
        Ok(Encoded {
            digest: canonical.finish(),
            len: (HEADER + self.bytes.len()) as u64,
            format: Format::Plain,
        })
    }
}

const HEADER: usize = 16;

/// Values that are primitives in memory. Implemented for primitives, `Vec`, `Box<[_]>` and arrays of them, and `String`.
pub trait Plain: Sized {
    fn view(&self) -> View<'_>;
    /// Makes a value of what stands in `from`, which has been found to have the right length.
    fn read(from: &mut Body<'_>) -> Result<Box<Self>, Refusal>;
    /// What `read` can read.
    const LAYOUT: (Shape, Kind);
}

/// The values of the plain format, behind the header.
pub struct Body<'a> {
    from: &'a mut dyn Read,
    count: usize,
}

impl Body<'_> {
    fn list<P: Primitive>(&mut self) -> Result<Vec<P>, Refusal> {
        let mut values = vec![P::ZERO; self.count];
        // SAFETY: the slice is live and has this length in bytes; should the bytes not be values, they become zeros,
        // which are, before anybody looks.
        let bytes = unsafe {
            std::slice::from_raw_parts_mut(values.as_mut_ptr().cast::<u8>(), size_of_val(&*values))
        };
        let outcome = fill(self.from, bytes);
        if outcome.is_ok() && P::are_valid(bytes) {
            return Ok(values);
        }
        bytes.fill(0);
        outcome?;
        Err(Refusal::damaged("some bytes are not values of the type"))
    }
}

/// Without asking for large pages: they save a third of the time where the system has them ready, and cost five times
/// as much where it has to move memory together for them.
fn fill(from: &mut dyn Read, bytes: &mut [u8]) -> Result<(), Refusal> {
    from.read_exact(bytes).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => Refusal::damaged("the bytes end too early"),
        _ => Refusal::io(&error),
    })
}

pub(crate) fn bytes_of<P: Primitive>(values: &[P]) -> &[u8] {
    // SAFETY: primitives have no padding, so each of their bytes may be read.
    unsafe { std::slice::from_raw_parts(values.as_ptr().cast::<u8>(), size_of_val(values)) }
}

macro_rules! plain_alone {
    ($($type:ty)*) => {$(
        impl Plain for $type {
            const LAYOUT: (Shape, Kind) = (Shape::One, <$type as Primitive>::KIND);
            fn view(&self) -> View<'_> {
                View::new(Shape::One, std::slice::from_ref(self))
            }
            fn read(from: &mut Body<'_>) -> Result<Box<Self>, Refusal> {
                match *from.list()? {
                    [value] => Ok(Box::new(value)),
                    _ => Err(wrong_count()),
                }
            }
        }
    )*};
}

plain_alone! { i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 bool char }
#[cfg(target_pointer_width = "64")]
plain_alone! { isize usize }

impl<P: Primitive> Plain for Vec<P> {
    const LAYOUT: (Shape, Kind) = (Shape::List, P::KIND);
    fn view(&self) -> View<'_> {
        View::new(Shape::List, self)
    }
    fn read(from: &mut Body<'_>) -> Result<Box<Self>, Refusal> {
        from.list().map(Box::new)
    }
}

impl<P: Primitive> Plain for Box<[P]> {
    const LAYOUT: (Shape, Kind) = (Shape::List, P::KIND);
    fn view(&self) -> View<'_> {
        View::new(Shape::List, self)
    }
    fn read(from: &mut Body<'_>) -> Result<Box<Self>, Refusal> {
        Ok(Box::new(from.list()?.into_boxed_slice()))
    }
}

impl<P: Primitive, const N: usize> Plain for [P; N] {
    const LAYOUT: (Shape, Kind) = (Shape::Tuple, P::KIND);
    fn view(&self) -> View<'_> {
        View::new(Shape::Tuple, self)
    }
    fn read(from: &mut Body<'_>) -> Result<Box<Self>, Refusal> {
        from.list()?
            .into_boxed_slice()
            .try_into()
            .map_err(|_| wrong_count())
    }
}

impl Plain for String {
    const LAYOUT: (Shape, Kind) = (Shape::Text, Kind::U8);
    fn view(&self) -> View<'_> {
        View::new(Shape::Text, self.as_bytes())
    }
    fn read(from: &mut Body<'_>) -> Result<Box<Self>, Refusal> {
        match String::from_utf8(from.list()?) {
            Ok(text) => Ok(Box::new(text)),
            Err(_) => Err(Refusal::damaged("a text is not UTF-8")),
        }
    }
}

fn wrong_count() -> Refusal {
    Refusal::damaged("there are more or fewer values than the type has")
}

/// Reads a plain value of `len` bytes, header included, from where it is into where it stays.
pub(crate) fn read<T: Plain>(from: &mut dyn Read, len: u64) -> Result<Box<T>, Refusal> {
    let count =
        read_header(from, len, T::LAYOUT).map_err(|refusal| refusal.of(std::any::type_name::<T>()))?;
    T::read(&mut Body { from, count }).map_err(|refusal| refusal.of(std::any::type_name::<T>()))
}

fn read_header(from: &mut dyn Read, len: u64, (shape, kind): (Shape, Kind)) -> Result<usize, Refusal> {
    let mut header = [0; HEADER];
    fill(from, &mut header)?;
    let (start, count) = header.split_at(8);
    if start != [Format::Plain as u8, shape as u8, kind as u8, 0, 0, 0, 0, 0] {
        return Err(Refusal::damaged("the bytes are those of another type"));
    }
    let count = count
        .iter()
        .rev()
        .fold(0, |count, byte| count << 8 | u64::from(*byte));
    let expected = count
        .checked_mul(kind.size() as u64)
        .and_then(|size| size.checked_add(HEADER as u64));
    match usize::try_from(count) {
        Ok(count) if expected == Some(len) => Ok(count),
        _ => Err(Refusal::new(
            RefusalKind::Damaged,
            "the number of bytes is not that of the values",
        )),
    }
}
