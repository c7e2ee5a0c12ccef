//! From a value to bytes and back. The first byte says in which format:
//!
//! | byte | format |
//! | --- | --- |
//! | 1 | plain ([`crate::plain`]): primitives as they are in memory; 16 bytes of header |
//! | 2 | compact ([`crate::compact`]) |
//! | 3 | named ([`crate::named`]) |

use std::any::type_name;
use std::io::Write;

use serde::{Deserialize, Serialize};

use crate::canonical::Canonical;
use crate::compact::Compact;
use crate::difference::first_difference;
use crate::digest::{Digest, digest_of};
use crate::named::Named;
use crate::output::Output;
use crate::reader::{self, Reader};
use crate::refusal::{Refusal, RefusalKind};
use crate::tokens::{Outcome, Tokens};
use crate::writer::Writer;

/// How a value became bytes. The numbers are the first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    Plain = 1,
    Compact = 2,
    Named = 3,
}

/// A value that is now bytes as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Encoded {
    /// Of the value, as [`digest`](crate::digest()) has it; not of the bytes.
    pub digest: Digest,
    /// The number of bytes written.
    pub len: u64,
    pub format: Format,
}

type Serialized<'a> = &'a mut dyn FnMut(&mut Writer<'_>) -> Outcome;

/// Writes a value in the compact format, or in the named one where the compact one cannot express it. Whether it can be
/// read back is not looked at: see [`encode_verified`].
///
/// # Errors
///
/// The value's `Serialize` fails, or writing does.
pub fn encode<T: Serialize + ?Sized>(value: &T, out: &mut dyn Write) -> Result<(), Refusal> {
    let type_name = type_name::<T>();
    let serialize: Serialized<'_> = &mut |writer| value.serialize(writer);
    match write(Format::Compact, type_name, serialize, Output::kept()) {
        Err(refusal) if refusal.kind() == RefusalKind::Format => {
            write(Format::Named, type_name, serialize, Output::to(out)).map(drop)
        }
        Err(refusal) => Err(refusal),
        Ok(bytes) => out
            .write_all(&bytes)
            .map_err(|error| Refusal::io(&error).of(type_name)),
    }
}

/// Reads a value that [`encode`] or [`encode_verified`] wrote.
///
/// # Errors
///
/// The bytes are not those of such a value: all of them must belong to it.
pub fn decode<T: Deserialize<'static>>(bytes: &[u8]) -> Result<T, Refusal> {
    let mut value = None;
    read(type_name::<T>(), bytes, &mut |reader| {
        value = Some(T::deserialize(reader)?);
        Ok(())
    })?;
    value.ok_or_else(|| Refusal::damaged("nothing was read"))
}

/// Writes a value after having made sure that it can be read back: in the first format from which a value with the same
/// digest comes back. Nothing is written if there is none.
///
/// # Errors
///
/// As for [`encode`]; or what is read back is not what was written.
pub fn encode_verified<T>(value: &T, out: &mut dyn Write) -> Result<Encoded, Refusal>
where
    T: Serialize + Deserialize<'static>,
{
    encode_checked(
        type_name::<T>(),
        &mut |writer| value.serialize(writer),
        &mut |reader, compare| {
            let again = T::deserialize(&mut *reader)?;
            reader.finish()?;
            compare(&mut |writer| again.serialize(writer))
        },
        out,
    )
}

/// Reads a value and hands it to the comparison.
type ReadBack<'a> = &'a mut dyn FnMut(&mut Reader<'_>, &mut dyn FnMut(Serialized<'_>) -> Outcome) -> Outcome;

/// The part of [`encode_verified`] that is the same for all types.
fn encode_checked(
    type_name: &'static str,
    serialize: Serialized<'_>,
    read_back: ReadBack<'_>,
    out: &mut dyn Write,
) -> Result<Encoded, Refusal> {
    let digest = digest_of(type_name, serialize)?;
    let mut first = None;
    for format in [Format::Compact, Format::Named] {
        let outcome = write(format, type_name, serialize, Output::kept()).and_then(|bytes| {
            read_with(type_name, &bytes, &mut |reader| {
                read_back(reader, &mut |again| compare(type_name, digest, serialize, again))
            })?;
            Ok(bytes)
        });
        match outcome {
            Ok(bytes) => {
                out.write_all(&bytes)
                    .map_err(|error| Refusal::io(&error).of(type_name))?;
                let len = bytes.len() as u64;
                return Ok(Encoded { digest, len, format });
            }
            // What a format that knows names says is nearer to the type.
            Err(refusal) => match &first {
                Some(_) if refusal.kind() == RefusalKind::Damaged => first = Some(refusal),
                Some(_) => {}
                None => first = Some(refusal),
            },
        }
    }
    let refusal = first.unwrap_or_else(|| Refusal::new(RefusalKind::NotFaithful, "no format fits"));
    Err(refusal.not_faithful())
}

/// Whether two values are the same: by their digests, and if these differ, without regard to the order of maps, because
/// a `HashMap` behind `#[serde(transparent)]` cannot be seen to be one.
fn compare(
    type_name: &'static str,
    digest: Digest,
    serialize: Serialized<'_>,
    again: Serialized<'_>,
) -> Outcome {
    if digest_of(type_name, again)? == digest {
        return Ok(());
    }
    let lenient = |serialize: Serialized<'_>| {
        let mut canonical = Canonical::lenient()?;
        serialize(&mut Writer::new(&mut canonical, type_name))?;
        Ok::<_, Refusal>(canonical.finish())
    };
    if lenient(serialize)? == lenient(again)? {
        return Ok(());
    }
    Err(first_difference(serialize, again))
}

/// Writes to `output` and gives what stayed in there.
fn write(
    format: Format,
    type_name: &'static str,
    serialize: Serialized<'_>,
    mut output: Output<'_>,
) -> Result<Vec<u8>, Refusal> {
    output.byte(format as u8)?;
    let mut compact;
    let mut named;
    let tokens: &mut dyn Tokens = if format == Format::Compact {
        compact = Compact(&mut output);
        &mut compact
    } else {
        named = Named::new(&mut output);
        &mut named
    };
    serialize(&mut Writer::new(tokens, type_name))
        .and_then(|()| output.finish())
        .map_err(|refusal| refusal.of(type_name))
}

/// The part of [`decode`] that is the same for all types.
fn read(
    type_name: &'static str,
    bytes: &[u8],
    deserialize: &mut dyn FnMut(&mut Reader<'_>) -> Outcome,
) -> Outcome {
    read_with(type_name, bytes, &mut |reader| {
        deserialize(reader)?;
        reader.finish()
    })
}

fn read_with(
    type_name: &'static str,
    bytes: &[u8],
    take: &mut dyn FnMut(&mut Reader<'_>) -> Outcome,
) -> Outcome {
    let format = match bytes.first() {
        Some(&number) if number == Format::Compact as u8 => reader::Format::Compact,
        Some(&number) if number == Format::Named as u8 => reader::Format::Named,
        _ => return Err(Refusal::damaged("the bytes are in no known format").of(type_name)),
    };
    take(&mut Reader::new(format, &bytes[1..])).map_err(|refusal| refusal.of(type_name))
}
