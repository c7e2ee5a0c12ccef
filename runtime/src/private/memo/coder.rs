//! How a result is kept and given back, chosen for its type by the compiler.

use std::any::Any;
use std::marker::PhantomData;
use std::sync::Arc;

use super::plain::PlainValue;

/// A result in a table.
#[derive(Debug)]
pub enum Kept {
    /// A copy of the result, given back as a clone, and its size in bytes.
    Value(Box<dyn Any + Send + Sync>, usize),
    /// What was written of it.
    Bytes(Arc<[u8]>),
}

impl Kept {
    /// The bytes, where only they are kept.
    #[must_use]
    pub fn bytes(&self) -> Option<Vec<u8>> {
        match self {
            Kept::Value(..) => None,
            Kept::Bytes(bytes) => Some(bytes.to_vec()),
        }
    }
}

/// Keeps results of type `R` and gives them back.
pub trait Coder<R>: Copy {
    /// What to keep of a result; `None` for one that must not be kept, such as an `Err`.
    ///
    /// # Errors
    /// Why results of this type cannot be kept.
    fn keep(self, result: &R) -> Result<Option<Kept>, String>;

    /// A result as good as new; `None` when what was kept is damaged.
    fn give(self, kept: &Kept) -> Option<R>;

    /// What to write of what was kept.
    fn bytes(kept: &Kept) -> Option<Vec<u8>>;
}

/// Stands for a type that a function returns.
#[derive(Debug)]
pub struct Probe<R>(PhantomData<fn() -> R>);

impl<R> Probe<R> {
    #[must_use]
    pub fn new() -> Probe<R> {
        Probe(PhantomData)
    }
}

impl<R> Default for Probe<R> {
    fn default() -> Probe<R> {
        Probe::new()
    }
}

/// What a function returns, so that generated code need not repeat the type.
pub mod returned {
    use super::Probe;

    macro_rules! of {
        ($($function:ident($($argument:ident)*);)*) => {$(
            #[inline(always)]
            pub fn $function<$($argument,)* R>(_function: fn($($argument),*) -> R) -> Probe<R> {
                Probe::new()
            }
        )*};
    }

    of! {
        of_0(); of_1(A); of_2(A B); of_3(A B C); of_4(A B C D); of_5(A B C D E); of_6(A B C D E F); of_7(A B C D E F G);
        of_8(A B C D E F G H); of_9(A B C D E F G H I); of_10(A B C D E F G H I J); of_11(A B C D E F G H I J K);
        of_12(A B C D E F G H I J K L);
        of_13(A B C D E F G H I J K L M);
        of_14(A B C D E F G H I J K L M N);
        of_15(A B C D E F G H I J K L M N O);
        of_16(A B C D E F G H I J K L M N O P);
        of_17(A B C D E F G H I J K L M N O P Q);
        of_18(A B C D E F G H I J K L M N O P Q S);
        of_19(A B C D E F G H I J K L M N O P Q S T);
        of_20(A B C D E F G H I J K L M N O P Q S T U);
        of_21(A B C D E F G H I J K L M N O P Q S T U V);
        of_22(A B C D E F G H I J K L M N O P Q S T U V W);
        of_23(A B C D E F G H I J K L M N O P Q S T U V W X);
        of_24(A B C D E F G H I J K L M N O P Q S T U V W X Y);
    }
}

/// Types of std, kept as clones.
#[derive(Debug)]
pub struct Plain<T>(PhantomData<fn() -> T>);

/// Results of such types; errors are not kept.
#[derive(Debug)]
pub struct OkPlain<T>(PhantomData<fn() -> T>);

/// Types that cannot be kept.
#[derive(Debug)]
pub struct NotKept<T>(PhantomData<fn() -> T>);

macro_rules! copy {
    ($($coder:ident),*) => {$(
        impl<T> Clone for $coder<T> {
            fn clone(&self) -> Self {
                *self
            }
        }
        impl<T> Copy for $coder<T> {}
    )*};
}

copy!(Plain, OkPlain, NotKept);

impl<T: PlainValue> Coder<T> for Plain<T> {
    fn keep(self, result: &T) -> Result<Option<Kept>, String> {
        Ok(Some(Kept::Value(Box::new(result.clone()), result.size())))
    }

    #[inline]
    fn give(self, kept: &Kept) -> Option<T> {
        match kept {
            Kept::Value(value, _) => value.downcast_ref::<T>().cloned(),
            Kept::Bytes(bytes) => {
                let mut bytes: &[u8] = bytes;
                T::read(&mut bytes).filter(|_| bytes.is_empty())
            }
        }
    }

    fn bytes(kept: &Kept) -> Option<Vec<u8>> {
        match kept {
            Kept::Value(value, size) => {
                let mut bytes = Vec::with_capacity(*size);
                value.downcast_ref::<T>()?.write(&mut bytes);
                Some(bytes)
            }
            Kept::Bytes(bytes) => Some(bytes.to_vec()),
        }
    }
}

impl<T: PlainValue, E> Coder<Result<T, E>> for OkPlain<T> {
    fn keep(self, result: &Result<T, E>) -> Result<Option<Kept>, String> {
        match result {
            Ok(value) => Plain(PhantomData).keep(value),
            Err(_) => Ok(None),
        }
    }

    #[inline]
    fn give(self, kept: &Kept) -> Option<Result<T, E>> {
        Plain(PhantomData).give(kept).map(Ok)
    }

    fn bytes(kept: &Kept) -> Option<Vec<u8>> {
        <Plain<T> as Coder<T>>::bytes(kept)
    }
}

/// Why a result is not kept, and what to do about it: whatever is said of the type, a reference in it cannot come back.
#[must_use]
pub fn not_kept<T>(why: &str) -> String {
    let name = std::any::type_name::<T>();
    match name.contains('&') {
        true => format!(
            "its result, of type `{name}`, borrows, and what it borrows from would not be there in another session: return an \
             owned value, such as a `String` for a `&str`, or use `cache_resource`"
        ),
        false => why.to_owned(),
    }
}

impl<T> Coder<T> for NotKept<T> {
    fn keep(self, _result: &T) -> Result<Option<Kept>, String> {
        Err(not_kept::<T>(&format!(
            "its result, of type `{}`, cannot be stored: derive `serde::Serialize` and `serde::Deserialize` for it \
             (and `Debug`, where types of other crates take part), or use `cache_resource`",
            std::any::type_name::<T>()
        )))
    }

    fn give(self, _kept: &Kept) -> Option<T> {
        None
    }

    fn bytes(_kept: &Kept) -> Option<Vec<u8>> {
        None
    }
}

/// The traits for method calls on [`Probe`]: `(&&&&&probe).__cellar_coder()` finds the first that fits. The
/// generated code adds two for serde between the second and the last.
pub mod choose {
    use std::marker::PhantomData;

    use super::{NotKept, OkPlain, Plain, PlainValue, Probe};

    pub trait ChooseOkPlain {
        type Coder;
        fn __cellar_coder(&self) -> Self::Coder;
    }

    impl<T: PlainValue, E> ChooseOkPlain for &&&&Probe<Result<T, E>> {
        type Coder = OkPlain<T>;
        #[inline(always)]
        fn __cellar_coder(&self) -> OkPlain<T> {
            OkPlain(PhantomData)
        }
    }

    pub trait ChoosePlain {
        type Coder;
        fn __cellar_coder(&self) -> Self::Coder;
    }

    impl<T: PlainValue> ChoosePlain for &&&Probe<T> {
        type Coder = Plain<T>;
        #[inline(always)]
        fn __cellar_coder(&self) -> Plain<T> {
            Plain(PhantomData)
        }
    }

    pub trait ChooseNone {
        type Coder;
        fn __cellar_coder(&self) -> Self::Coder;
    }

    impl<T> ChooseNone for Probe<T> {
        type Coder = NotKept<T>;
        #[inline(always)]
        fn __cellar_coder(&self) -> NotKept<T> {
            NotKept(PhantomData)
        }
    }
}
