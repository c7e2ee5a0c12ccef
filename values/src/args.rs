//! Keys of memoised functions: the arguments themselves where they are few and small, else a digest of them.
//!
//! A key is compared with keys of the same function only, whose arguments have the same types. Every argument is framed
//! nevertheless.

use std::fmt;
use std::hash::{Hash, Hasher as StdHasher};

use serde::Serialize;

use crate::canonical::Canonical;
use crate::digest::Digest;
use crate::hashing::Hasher;
use crate::plain::{Primitive, bytes_of};
use crate::refusal::{Refusal, RefusalKind};
use crate::writer::Writer;

/// Bytes that a key has room for without hashing.
const INLINE: usize = 63;
/// In place of a length: the key is a digest.
const IS_DIGEST: u8 = u8::MAX;

/// What the arguments of a call are, to compare calls by. 64 bytes, nothing on the heap.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ArgsKey {
    len: u8,
    /// Zeros from `len` on.
    bytes: [u8; INLINE],
}

impl ArgsKey {
    /// The arguments in their framed form, or their digest; unique within one function together with
    /// [`ArgsKey::is_digest`]. The same in every process, so it can be a part of a key on disk.
    pub fn as_bytes(&self) -> &[u8] {
        let len = if self.is_digest() {
            32
        } else {
            usize::from(self.len)
        };
        &self.bytes[..len]
    }

    /// Whether the arguments were too long to be kept as they are.
    pub fn is_digest(&self) -> bool {
        self.len == IS_DIGEST
    }
}

impl Hash for ArgsKey {
    fn hash<H: StdHasher>(&self, state: &mut H) {
        state.write(self.as_bytes());
    }
}

impl fmt::Debug for ArgsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_digest() { "digest " } else { "" };
        write!(f, "ArgsKey({kind}")?;
        self.as_bytes()
            .iter()
            .try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

/// The key of these arguments: `key_of_args!(n, &name, rows)` is a `Result<ArgsKey, Refusal>`. They are only looked at. An
/// argument that cannot be hashed is refused by name.
#[macro_export]
macro_rules! key_of_args {
    ($($argument:expr),* $(,)?) => {{
        #[allow(unused_imports)]
        use $crate::__private::{ByKeyPart as _, ByNoKey as _, BySerdeKey as _};
        #[allow(unused_mut)]
        let mut key = $crate::__private::KeyBuilder::new();
        'cellar_key: {
            $(
                if let Err(refusal) = (&&&$crate::__private::Argument(&$argument)).cellar_add(&mut key) {
                    break 'cellar_key Err(refusal.in_argument(stringify!($argument)));
                }
            )*
            Ok::<$crate::ArgsKey, $crate::Refusal>(key.finish())
        }
    }};
}

mod tag {
    /// Above every `Kind`.
    pub(super) const LIST: u8 = 0x40;
    pub(super) const TEXT: u8 = 0x20;
    pub(super) const FORM: u8 = 0x21;
    pub(super) const DIGEST: u8 = 0x22;
}

/// A key that is being made.
pub struct KeyBuilder {
    len: usize,
    bytes: [u8; INLINE],
    /// Once there is no room any more.
    hasher: Option<Box<Hasher>>,
}

impl KeyBuilder {
    #[inline]
    #[expect(clippy::new_without_default, reason = "only the macro makes one")]
    pub fn new() -> Self {
        KeyBuilder {
            len: 0,
            bytes: [0; INLINE],
            hasher: None,
        }
    }

    /// Adds bytes whose number the type tells.
    #[inline]
    fn fixed(&mut self, tag: u8, bytes: &[u8]) -> Result<(), Refusal> {
        let end = self.len + 1 + bytes.len();
        if self.hasher.is_none()
            && let Some(room) = self.bytes.get_mut(self.len..end)
        {
            room[0] = tag;
            room[1..].copy_from_slice(bytes);
            self.len = end;
            return Ok(());
        }
        self.spill(&[tag])?.append(bytes);
        Ok(())
    }

    /// Adds bytes with their number.
    fn framed(&mut self, tag: u8, bytes: &[u8]) -> Result<(), Refusal> {
        let end = self.len + 9 + bytes.len();
        if self.hasher.is_none()
            && let Some(room) = self.bytes.get_mut(self.len..end)
        {
            room[0] = tag;
            room[1..9].copy_from_slice(&(bytes.len() as u64).to_le_bytes());
            room[9..].copy_from_slice(bytes);
            self.len = end;
            return Ok(());
        }
        let hasher = self.spill(&[tag])?;
        hasher.append(&(bytes.len() as u64).to_le_bytes());
        hasher.append(bytes);
        Ok(())
    }

    #[cold]
    fn spill(&mut self, next: &[u8]) -> Result<&mut Hasher, Refusal> {
        let hasher = match &mut self.hasher {
            Some(hasher) => hasher,
            empty => {
                let mut hasher = Box::new(Hasher::new()?);
                hasher.append(&self.bytes[..self.len]);
                empty.insert(hasher)
            }
        };
        hasher.append(next);
        Ok(hasher)
    }

    /// Adds what a value tells serde.
    fn serde(
        &mut self,
        type_name: &'static str,
        serialize: &mut dyn FnMut(&mut Writer<'_>) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let mut canonical = Canonical::new()?;
        serialize(&mut Writer::new(&mut canonical, type_name)).map_err(|refusal| refusal.of(type_name))?;
        match canonical.all() {
            Some(form) if self.len + 9 + form.len() <= INLINE => self.framed(tag::FORM, form),
            _ => {
                let Digest(digest) = canonical.finish();
                self.fixed(tag::DIGEST, &digest)
            }
        }
    }

    /// The finished key.
    #[inline]
    pub fn finish(&mut self) -> ArgsKey {
        match &mut self.hasher {
            None => ArgsKey {
                len: self.len as u8,
                bytes: self.bytes,
            },
            Some(hasher) => {
                let Digest(digest) = hasher.finish();
                let mut bytes = [0; INLINE];
                bytes[..digest.len()].copy_from_slice(&digest);
                ArgsKey {
                    len: IS_DIGEST,
                    bytes,
                }
            }
        }
    }
}

/// Arguments that become part of a key without serde.
pub trait KeyPart {
    fn add_to(&self, key: &mut KeyBuilder) -> Result<(), Refusal>;
}

macro_rules! key_parts {
    ($($type:ty)*) => {$(
        impl KeyPart for $type {
            #[inline]
            fn add_to(&self, key: &mut KeyBuilder) -> Result<(), Refusal> {
                key.fixed(<$type as Primitive>::KIND as u8, bytes_of(std::slice::from_ref(self)))
            }
        }
    )*};
}

key_parts! { i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 bool char }
#[cfg(target_pointer_width = "64")]
key_parts! { isize usize }

impl<P: Primitive> KeyPart for [P] {
    fn add_to(&self, key: &mut KeyBuilder) -> Result<(), Refusal> {
        key.framed(P::KIND as u8 | tag::LIST, bytes_of(self))
    }
}

impl<P: Primitive> KeyPart for Vec<P> {
    fn add_to(&self, key: &mut KeyBuilder) -> Result<(), Refusal> {
        self.as_slice().add_to(key)
    }
}

impl<P: Primitive, const N: usize> KeyPart for [P; N] {
    fn add_to(&self, key: &mut KeyBuilder) -> Result<(), Refusal> {
        self.as_slice().add_to(key)
    }
}

impl KeyPart for str {
    fn add_to(&self, key: &mut KeyBuilder) -> Result<(), Refusal> {
        key.framed(tag::TEXT, self.as_bytes())
    }
}

impl<T: KeyPart + ?Sized> KeyPart for &T {
    #[inline]
    fn add_to(&self, key: &mut KeyBuilder) -> Result<(), Refusal> {
        (**self).add_to(key)
    }
}

impl KeyPart for String {
    fn add_to(&self, key: &mut KeyBuilder) -> Result<(), Refusal> {
        self.as_str().add_to(key)
    }
}

/// An argument while it is asked what it can do, as types are by [`codec_of!`](crate::codec_of).
pub struct Argument<'a, T: ?Sized>(pub &'a T);

pub trait ByKeyPart {
    fn cellar_add(&self, key: &mut KeyBuilder) -> Result<(), Refusal>;
}

impl<T: KeyPart + ?Sized> ByKeyPart for &&Argument<'_, T> {
    #[inline]
    fn cellar_add(&self, key: &mut KeyBuilder) -> Result<(), Refusal> {
        self.0.add_to(key)
    }
}

pub trait BySerdeKey {
    fn cellar_add(&self, key: &mut KeyBuilder) -> Result<(), Refusal>;
}

impl<T: Serialize + ?Sized> BySerdeKey for &Argument<'_, T> {
    fn cellar_add(&self, key: &mut KeyBuilder) -> Result<(), Refusal> {
        key.serde(std::any::type_name::<T>(), &mut |writer| self.0.serialize(writer))
    }
}

pub trait ByNoKey {
    fn cellar_add(&self, key: &mut KeyBuilder) -> Result<(), Refusal>;
}

impl<T: ?Sized> ByNoKey for Argument<'_, T> {
    fn cellar_add(&self, _key: &mut KeyBuilder) -> Result<(), Refusal> {
        Err(Refusal::new(
            RefusalKind::NotSerialisable,
            "the argument cannot be part of a key (no Serialize), unless its name begins with `_`",
        )
        .of(std::any::type_name::<T>()))
    }
}
