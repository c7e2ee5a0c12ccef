//! What can be done with the values of a type, found out by the compiler without ever failing.
//!
//! [`codec_of!`](crate::codec_of) asks by method calls on references: a method is looked for on `&&&&Probe<T>`, then on fewer references, and the first
//! trait whose bounds hold for `T` wins ("autoref specialisation"). So it must stand where `T` is a concrete type.
//! `Deserialize<'static>` and not `DeserializeOwned` is asked for: a `&'static str` inside would break the compile with the
//! latter, while the former holds, and reading says no.

use std::io::{Read, Write};
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::{Deserialize, Serialize};

use crate::digest::{self, Digest};
use crate::encoding::{self, Encoded};
use crate::plain::{self, Plain};
use crate::refusal::{Refusal, RefusalKind};

/// The content's digest. Safe to call with the address of a live `T`.
pub type DigestFn = unsafe fn(*const ()) -> Result<Digest, Refusal>;
/// Writes a value of which it is certain that it can be read back. Safe to call with the address of a live `T`.
pub type EncodeFn = unsafe fn(*const (), &mut dyn Write) -> Result<Encoded, Refusal>;
/// Reads what an [`EncodeFn`] wrote.
pub type DecodeFn = fn(&[u8]) -> Result<*mut (), Refusal>;
/// Reads what an [`EncodeFn`] wrote without a copy in between, the number of bytes being known.
pub type ReadFn = fn(&mut dyn Read, u64) -> Result<*mut (), Refusal>;
/// Clones as `T` itself does (an `Rc` stays shared). Safe to call with the address of a live `T`.
pub type CloneFn = unsafe fn(*const ()) -> Result<*mut (), Refusal>;
/// Drops and frees. Safe to call once with what a [`DecodeFn`], [`ReadFn`] or [`CloneFn`] gave.
pub type DropFn = unsafe fn(*mut ());

/// The functions for one type `T`. Values are passed as the address of a `T`, and come back as the address of a `Box<T>`
/// that the caller owns. A panic of the value's own code comes out as a refusal.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Codec {
    /// As `std::any::type_name` has it.
    pub type_name: &'static str,
    /// In bytes.
    pub size: usize,
    /// In bytes.
    pub align: usize,
    /// Where `T` can be serialised.
    pub digest: Option<DigestFn>,
    /// Where `T` can be stored: serialised and deserialised.
    pub encode: Option<EncodeFn>,
    /// Where there is an `encode`.
    pub decode: Option<DecodeFn>,
    /// Where that saves something; see [`Codec::decode_from`].
    pub read: Option<ReadFn>,
    /// Where `T` is `Clone`.
    pub clone: Option<CloneFn>,
    pub drop: DropFn,
    /// Why values cannot be stored, if no value of the type can: what follows its name, and what to do.
    pub refusal: Option<&'static str>,
}

impl Codec {
    fn of<T>() -> Self {
        Codec {
            type_name: std::any::type_name::<T>(),
            size: size_of::<T>(),
            align: align_of::<T>(),
            digest: None,
            encode: None,
            decode: None,
            read: None,
            clone: None,
            drop: drop_boxed::<T>,
            refusal: None,
        }
    }

    /// Whether values can be stored and read back, as far as the type tells.
    pub fn is_storable(&self) -> bool {
        self.encode.is_some() && self.decode.is_some()
    }

    /// Why values cannot be stored, if no value of the type can.
    pub fn why_not(&self) -> Option<Refusal> {
        let message = self.refusal?;
        Some(Refusal::new(RefusalKind::NotSerialisable, message).of(self.type_name))
    }

    /// Reads a value of `len` bytes, straight to where it stays if the type allows it.
    ///
    /// # Errors
    ///
    /// The type cannot be read, reading fails, or the bytes are not those of a value.
    pub fn decode_from(&self, from: &mut dyn Read, len: u64) -> Result<*mut (), Refusal> {
        if let Some(read) = self.read {
            return read(from, len);
        }
        let Some(decode) = self.decode else {
            return Err(self
                .why_not()
                .unwrap_or_else(|| Refusal::new(RefusalKind::NotSerialisable, CANNOT_BE_READ)));
        };
        let mut bytes = Vec::new();
        from.take(len)
            .read_to_end(&mut bytes)
            .map_err(|error| Refusal::io(&error).of(self.type_name))?;
        decode(&bytes)
    }
}

const CANNOT_BE_READ: &str = "it can be written but not read back (no Deserialize for owned data)";
const NOT_SERIALISABLE: &str = "it is not serialisable";

/// The [`Codec`] of a concrete type: `codec_of!(Vec<f64>)` is a `&'static Codec`. Compiles for every sized type.
#[macro_export]
macro_rules! codec_of {
    ($type:ty) => {{
        #[allow(unused_imports)]
        use $crate::__private::{
            ByClone as _, ByNoClone as _, ByNothing as _, ByPlain as _, BySerde as _, ByWriting as _,
        };
        static CODEC: ::std::sync::OnceLock<$crate::Codec> = ::std::sync::OnceLock::new();
        CODEC.get_or_init(|| {
            let probe = $crate::__private::Probe::<$type>::new();
            (&&&&probe).cellar_codec().with_clone((&&probe).cellar_clone())
        })
    }};
}

/// Stands for a type while it is asked what it can do.
pub struct Probe<T>(PhantomData<fn() -> T>);

impl<T> Probe<T> {
    #[expect(clippy::new_without_default, reason = "only the macro makes one")]
    pub const fn new() -> Self {
        Probe(PhantomData)
    }
}

impl Codec {
    #[doc(hidden)]
    pub fn with_clone(self, clone: Option<CloneFn>) -> Self {
        Codec { clone, ..self }
    }
}

pub trait ByPlain {
    fn cellar_codec(&self) -> Codec;
}

impl<T: Plain> ByPlain for &&&Probe<T> {
    fn cellar_codec(&self) -> Codec {
        Codec {
            digest: Some(digest_plain::<T>),
            encode: Some(encode_plain::<T>),
            decode: Some(decode_plain::<T>),
            read: Some(read_plain::<T>),
            ..Codec::of::<T>()
        }
    }
}

pub trait BySerde {
    fn cellar_codec(&self) -> Codec;
}

impl<T: Serialize + Deserialize<'static>> BySerde for &&Probe<T> {
    fn cellar_codec(&self) -> Codec {
        Codec {
            digest: Some(digest::<T>),
            encode: Some(encode::<T>),
            decode: Some(decode::<T>),
            ..Codec::of::<T>()
        }
    }
}

pub trait ByWriting {
    fn cellar_codec(&self) -> Codec;
}

impl<T: Serialize> ByWriting for &Probe<T> {
    fn cellar_codec(&self) -> Codec {
        Codec {
            digest: Some(digest::<T>),
            refusal: Some(CANNOT_BE_READ),
            ..Codec::of::<T>()
        }
    }
}

pub trait ByNothing {
    fn cellar_codec(&self) -> Codec;
}

impl<T> ByNothing for Probe<T> {
    fn cellar_codec(&self) -> Codec {
        Codec {
            refusal: Some(NOT_SERIALISABLE),
            ..Codec::of::<T>()
        }
    }
}

pub trait ByClone {
    fn cellar_clone(&self) -> Option<CloneFn>;
}

impl<T: Clone> ByClone for &Probe<T> {
    fn cellar_clone(&self) -> Option<CloneFn> {
        Some(clone::<T>)
    }
}

pub trait ByNoClone {
    fn cellar_clone(&self) -> Option<CloneFn>;
}

impl<T> ByNoClone for Probe<T> {
    fn cellar_clone(&self) -> Option<CloneFn> {
        None
    }
}

/// # Safety
///
/// `value` is the address of a live `T`. The same holds for the functions below that take one.
unsafe fn digest_plain<T: Plain>(value: *const ()) -> Result<Digest, Refusal> {
    // SAFETY: see above.
    let value = unsafe { &*value.cast::<T>() };
    value.view().digest()
}

unsafe fn encode_plain<T: Plain>(value: *const (), out: &mut dyn Write) -> Result<Encoded, Refusal> {
    // SAFETY: see above.
    let value = unsafe { &*value.cast::<T>() };
    value.view().encode(out)
}

fn decode_plain<T: Plain>(bytes: &[u8]) -> Result<*mut (), Refusal> {
    read_plain::<T>(&mut &*bytes, bytes.len() as u64)
}

fn read_plain<T: Plain>(from: &mut dyn Read, len: u64) -> Result<*mut (), Refusal> {
    Ok(Box::into_raw(plain::read::<T>(from, len)?).cast())
}

unsafe fn digest<T: Serialize>(value: *const ()) -> Result<Digest, Refusal> {
    // SAFETY: see above.
    let value = unsafe { &*value.cast::<T>() };
    let mut digest = Err(Refusal::damaged(""));
    guard(std::any::type_name::<T>(), &mut || {
        digest = digest::digest(value);
    })?;
    digest
}

unsafe fn encode<T>(value: *const (), out: &mut dyn Write) -> Result<Encoded, Refusal>
where
    T: Serialize + Deserialize<'static>,
{
    // SAFETY: see above.
    let value = unsafe { &*value.cast::<T>() };
    let mut encoded = Err(Refusal::damaged(""));
    guard(std::any::type_name::<T>(), &mut || {
        encoded = encoding::encode_verified(value, out);
    })?;
    encoded
}

fn decode<T: Deserialize<'static>>(bytes: &[u8]) -> Result<*mut (), Refusal> {
    let mut value = Err(Refusal::damaged(""));
    guard(std::any::type_name::<T>(), &mut || {
        value = encoding::decode::<T>(bytes).map(|value| Box::into_raw(Box::new(value)).cast());
    })?;
    value
}

unsafe fn clone<T: Clone>(value: *const ()) -> Result<*mut (), Refusal> {
    // SAFETY: see above.
    let value = unsafe { &*value.cast::<T>() };
    let mut cloned = std::ptr::null_mut();
    guard(std::any::type_name::<T>(), &mut || {
        cloned = Box::into_raw(Box::new(value.clone())).cast();
    })?;
    Ok(cloned)
}

/// # Safety
///
/// `value` came from a `Box<T>` and is not used afterwards.
unsafe fn drop_boxed<T>(value: *mut ()) {
    // SAFETY: see above.
    drop(unsafe { Box::from_raw(value.cast::<T>()) });
}

/// Runs the value's own code: a panic of it ends here.
pub(crate) fn guard(type_name: &'static str, run: &mut dyn FnMut()) -> Result<(), Refusal> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|panic| {
        let message = panic
            .downcast_ref::<&str>()
            .map(|message| (*message).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_default();
        Refusal::new(RefusalKind::Panicked, format!("its code panicked: {message}")).of(type_name)
    })
}
