//! A second opinion on values whose types cannot be looked into: those of other crates, and those that macros make.
//!
//! A type may leave out parts of its values when it speaks to serde, and nobody would notice: two different values have one
//! digest, and what is read back is written as it was. Its `Debug` form is most likely to tell. So the digest of such a value
//! is that of both, and a value that is read back must look like the one that was written. What has no `Debug`, or says there that it does
//! not tell all, is refused.

use std::collections::hash_map::DefaultHasher;
use std::fmt::{self, Debug, Write};
use std::hash::{Hash, Hasher};

use crate::codec::{Probe, guard};
use crate::digest::{self, Digest};
use crate::refusal::{Refusal, RefusalKind};

/// Gives a value's `Debug` form. Safe to call with the address of a live `T`.
pub type ShowFn = unsafe fn(*const ()) -> Result<String, Refusal>;

/// Longer forms are not looked at, in bytes.
const LONGEST: usize = 256 << 20;

const NO_DEBUG: &str = "what serde is told of it may not be all, and it has no Debug that could tell";
const NOT_ALL: &str = "what serde is told of it may not be all, and its Debug form does not tell all either";
const TOO_LONG: &str =
    "what serde is told of it may not be all, and its Debug form is too long to be looked at";
const ANOTHER: &str = "serde is not told all of it: it comes back as another value";

/// What there is to tell values of one type apart besides serde.
#[derive(Debug, Clone, Copy)]
pub struct Doubt {
    type_name: &'static str,
    show: Option<ShowFn>,
}

impl Doubt {
    #[doc(hidden)]
    pub fn of<T>(show: Option<ShowFn>) -> Doubt {
        Doubt {
            type_name: std::any::type_name::<T>(),
            show,
        }
    }

    /// The digest of a value of which serde's is `told`.
    ///
    /// # Errors
    ///
    /// The type has no `Debug`, or it does not tell all.
    ///
    /// # Safety
    ///
    /// `value` is the address of a live value of the type.
    pub unsafe fn digest(&self, value: *const (), told: Digest) -> Result<Digest, Refusal> {
        // SAFETY: promised by the caller.
        let shown = unsafe { self.shown(value) }?;
        of_both(told, shown)
    }

    /// Checks that a value that was read back is the one that was written.
    ///
    /// # Errors
    ///
    /// It is not, or nobody can tell.
    ///
    /// # Safety
    ///
    /// Both are addresses of live values of the type.
    pub unsafe fn compare(&self, written: *const (), read: *const ()) -> Result<(), Refusal> {
        // SAFETY: promised by the caller.
        let (written, read) = unsafe { (self.shown(written)?, self.shown(read)?) };
        check_alike(self.type_name, &written, &read)
    }

    unsafe fn shown(&self, value: *const ()) -> Result<String, Refusal> {
        let no_debug = || Refusal::new(RefusalKind::Doubtful, NO_DEBUG).of(self.type_name);
        let show = self.show.ok_or_else(no_debug)?;
        // SAFETY: promised by the caller.
        unsafe { show(value) }
    }
}

/// [`digest`](crate::digest()) and [`encode_verified`](crate::encode_verified) for values of which serde may not be told all.
pub mod doubted {
    use std::fmt::Debug;

    use serde::{Deserialize, Serialize};

    use super::{check_alike, of_both, shown};
    use crate::digest::{self, Digest};
    use crate::encoding::{self, Encoded};
    use crate::refusal::Refusal;

    /// As [`digest`](crate::digest()).
    ///
    /// # Errors
    ///
    /// As there, and where its `Debug` form does not tell all.
    pub fn digest<T: Serialize + Debug + ?Sized>(value: &T) -> Result<Digest, Refusal> {
        let told = digest::digest(value)?;
        let shown = shown(std::any::type_name::<T>(), &value)?;
        of_both(told, shown)
    }

    /// As [`encode_verified`](crate::encode_verified).
    ///
    /// # Errors
    ///
    /// As there, and where what comes back is another value.
    pub fn encode_verified<T>(value: &T, out: &mut Vec<u8>) -> Result<Encoded, Refusal>
    where
        T: Serialize + Deserialize<'static> + Debug,
    {
        let type_name = std::any::type_name::<T>();
        let start = out.len();
        let encoded = encoding::encode_verified(value, out)?;
        let read = encoding::decode::<T>(&out[start..])?;
        check_alike(type_name, &shown(type_name, value)?, &shown(type_name, &read)?)?;
        Ok(encoded)
    }
}

/// The digest of what serde is told of a value and of its `Debug` form.
fn of_both(told: Digest, shown: String) -> Result<Digest, Refusal> {
    digest::digest(&(told.0.as_slice(), shown))
}

/// Checks that the forms of a value that was written and of what came back tell of the same.
fn check_alike(type_name: &'static str, written: &str, read: &str) -> Result<(), Refusal> {
    // Two maps with the same entries need not show them in the same order.
    if written == read || words(written) == words(read) {
        return Ok(());
    }
    Err(Refusal::new(RefusalKind::NotFaithful, ANOTHER).of(type_name))
}

/// The words of a text, and how often each is there, whatever their order.
fn words(text: &str) -> u128 {
    let separate = |c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '+'));
    let hash = |word: &str, salt: u8| {
        let mut hasher = DefaultHasher::new();
        (salt, word).hash(&mut hasher);
        u128::from(hasher.finish())
    };
    text.split(separate)
        .map(|word| hash(word, 0) << 64 | hash(word, 1))
        .fold(0, u128::wrapping_add)
}

/// The [`Doubt`] of a concrete type.
#[macro_export]
macro_rules! doubt_of {
    ($type:ty) => {{
        #[allow(unused_imports)]
        use $crate::__private::{ByDebug as _, ByNoDebug as _};
        let probe = $crate::__private::Probe::<$type>::new();
        $crate::Doubt::of::<$type>((&&probe).cellar_show())
    }};
}

pub trait ByDebug {
    fn cellar_show(&self) -> Option<ShowFn>;
}

impl<T: Debug> ByDebug for &Probe<T> {
    fn cellar_show(&self) -> Option<ShowFn> {
        Some(show::<T>)
    }
}

pub trait ByNoDebug {
    fn cellar_show(&self) -> Option<ShowFn>;
}

impl<T> ByNoDebug for Probe<T> {
    fn cellar_show(&self) -> Option<ShowFn> {
        None
    }
}

/// # Safety
///
/// `value` is the address of a live `T`.
unsafe fn show<T: Debug>(value: *const ()) -> Result<String, Refusal> {
    // SAFETY: see above.
    let value = unsafe { &*value.cast::<T>() };
    shown(std::any::type_name::<T>(), value)
}

/// The `Debug` form of a value, if it tells all.
fn shown(type_name: &'static str, value: &dyn Debug) -> Result<String, Refusal> {
    let mut shown = Bounded::default();
    let mut outcome = Ok(());
    guard(type_name, &mut || outcome = write!(shown, "{value:?}"))?;
    let why = match outcome {
        Err(_) => TOO_LONG,
        // `finish_non_exhaustive`.
        Ok(()) if shown.0.contains(" .. }") || shown.0.contains("(..)") => NOT_ALL,
        Ok(()) => return Ok(shown.0),
    };
    Err(Refusal::new(RefusalKind::Doubtful, why).of(type_name))
}

/// Text that does not grow for ever.
#[derive(Default)]
struct Bounded(String);

impl Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.0.len() + text.len() > LONGEST {
            return Err(fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}
