//! Digests of values: blake3 of the canonical form ([`crate::canonical`]).

use std::fmt;

use serde::Serialize;

use crate::canonical::Canonical;
use crate::refusal::Refusal;
use crate::tokens::Outcome;
use crate::writer::Writer;

/// 256 bits that stand for a value: equal in every process, on every machine.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    /// 64 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The digest of a value: of all that it tells serde, with types, names and lengths.
///
/// Equal values of one type have equal digests, and different ones different digests, as far as serde is told: fields that
/// are `#[serde(skip)]` do not count, nor does the order of a `HashMap` or `HashSet`.
///
/// # Errors
///
/// The value's `Serialize` fails, or no host is there.
pub fn digest<T: Serialize + ?Sized>(value: &T) -> Result<Digest, Refusal> {
    digest_of(std::any::type_name::<T>(), &mut |writer| value.serialize(writer))
}

/// The part of [`digest`] that is the same for all types.
pub(crate) fn digest_of(
    type_name: &'static str,
    serialize: &mut dyn FnMut(&mut Writer<'_>) -> Outcome,
) -> Result<Digest, Refusal> {
    let mut canonical = Canonical::new()?;
    serialize(&mut Writer::new(&mut canonical, type_name)).map_err(|refusal| refusal.of(type_name))?;
    Ok(canonical.finish())
}
