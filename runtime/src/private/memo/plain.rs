//! Types of std that need no serde: as parts of a key, and as results that are kept by value.
//!
//! A hash map is no part of a key here: it has no order; serde's side makes it canonical. Only types whose `Clone` is a copy that shares nothing are here, so that a clone is as good as a fresh value.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::hash::BuildHasher;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::key::Key;

/// An argument that can be part of a key as it is.
pub trait PlainKey {
    fn add_to(&self, key: &mut Key);

    /// The elements of a slice.
    #[inline]
    fn add_all(elements: &[Self], key: &mut Key)
    where
        Self: Sized,
    {
        key.length(elements.len());
        for element in elements {
            element.add_to(key);
        }
    }
}

/// A result that is kept by value: its clone shares nothing with it, and it can be written and read.
pub trait PlainValue: Clone + Send + Sync + 'static {
    /// Bytes that it takes, about.
    fn size(&self) -> usize {
        size_of::<Self>()
    }
    fn write(&self, bytes: &mut Vec<u8>);
    /// `None` for what [`PlainValue::write`] never wrote.
    fn read(bytes: &mut &[u8]) -> Option<Self>;

    fn write_all(elements: &[Self], bytes: &mut Vec<u8>) {
        write_length(elements.len(), bytes);
        for element in elements {
            element.write(bytes);
        }
    }
    fn read_all(bytes: &mut &[u8]) -> Option<Vec<Self>> {
        let length = read_length(bytes)?;
        // What is damaged must not ask for more memory than there are bytes.
        let mut elements = Vec::with_capacity(length.min(bytes.len()));
        for _ in 0..length {
            elements.push(Self::read(bytes)?);
        }
        Some(elements)
    }
    fn size_of_all(elements: &[Self]) -> usize {
        elements.iter().map(PlainValue::size).sum()
    }
}

fn write_length(length: usize, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(&(length as u64).to_le_bytes());
}

fn read_length(bytes: &mut &[u8]) -> Option<usize> {
    usize::try_from(u64::read(bytes)?).ok()
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl PlainKey for $number {
            #[inline]
            fn add_to(&self, key: &mut Key) {
                key.fixed(&self.to_le_bytes());
            }
            #[inline]
            fn add_all(elements: &[Self], key: &mut Key) {
                key.length(elements.len());
                if elements.len() <= 8 {
                    elements.iter().for_each(|element| element.add_to(key));
                } else {
                    key.long(elements.iter().flat_map(|element| element.to_le_bytes()));
                }
            }
        }
        impl PlainValue for $number {
            fn write(&self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_le_bytes());
            }
            fn read(bytes: &mut &[u8]) -> Option<Self> {
                let (number, rest) = bytes.split_first_chunk()?;
                *bytes = rest;
                Some(<$number>::from_le_bytes(*number))
            }
            fn write_all(elements: &[Self], bytes: &mut Vec<u8>) {
                write_length(elements.len(), bytes);
                bytes.reserve(size_of_val(elements));
                for element in elements {
                    bytes.extend_from_slice(&element.to_le_bytes());
                }
            }
            fn read_all(bytes: &mut &[u8]) -> Option<Vec<Self>> {
                let length = read_length(bytes)?;
                let all = take(bytes, length.checked_mul(size_of::<Self>())?)?;
                let (numbers, _) = all.as_chunks();
                Some(numbers.iter().map(|number| <$number>::from_le_bytes(*number)).collect())
            }
            fn size_of_all(elements: &[Self]) -> usize {
                size_of_val(elements)
            }
        }
    )*};
}

numbers!(u8, u16, u32, u64, u128, i8, i16, i32, i64, i128, f32, f64);

macro_rules! through {
    ($($own:ty as $other:ty: |$value:ident| $to:expr, |$read:ident| $from:expr;)*) => {$(
        impl PlainKey for $own {
            #[inline]
            fn add_to(&self, key: &mut Key) {
                let $value = self;
                PlainKey::add_to(&$to, key);
            }
        }
        impl PlainValue for $own {
            fn write(&self, bytes: &mut Vec<u8>) {
                let $value = self;
                PlainValue::write(&$to, bytes);
            }
            fn read(bytes: &mut &[u8]) -> Option<Self> {
                let $read = <$other>::read(bytes)?;
                $from
            }
        }
    )*};
}

through! {
    usize as u64: |value| *value as u64, |read| usize::try_from(read).ok();
    isize as i64: |value| *value as i64, |read| isize::try_from(read).ok();
    bool as u8: |value| u8::from(*value), |read| match read { 0 => Some(false), 1 => Some(true), _ => None };
    char as u32: |value| u32::from(*value), |read| char::from_u32(read);
    Duration as (u64, u32): |value| (value.as_secs(), value.subsec_nanos()),
        |read| (read.1 < 1_000_000_000).then(|| Duration::new(read.0, read.1));
}

impl PlainKey for str {
    #[inline]
    fn add_to(&self, key: &mut Key) {
        key.framed(self.as_bytes());
    }
}

impl PlainKey for String {
    #[inline]
    fn add_to(&self, key: &mut Key) {
        key.framed(self.as_bytes());
    }
}

impl PlainValue for String {
    fn size(&self) -> usize {
        size_of::<Self>() + self.len()
    }
    fn write(&self, bytes: &mut Vec<u8>) {
        write_length(self.len(), bytes);
        bytes.extend_from_slice(self.as_bytes());
    }
    fn read(bytes: &mut &[u8]) -> Option<Self> {
        let length = read_length(bytes)?;
        String::from_utf8(take(bytes, length)?.to_vec()).ok()
    }
}

#[cfg(unix)]
impl PlainKey for std::path::Path {
    fn add_to(&self, key: &mut Key) {
        use std::os::unix::ffi::OsStrExt;
        key.framed(self.as_os_str().as_bytes());
    }
}

#[cfg(unix)]
impl PlainKey for std::path::PathBuf {
    fn add_to(&self, key: &mut Key) {
        self.as_path().add_to(key);
    }
}

impl<T: PlainKey> PlainKey for [T] {
    #[inline]
    fn add_to(&self, key: &mut Key) {
        T::add_all(self, key);
    }
}

impl<T: PlainKey> PlainKey for Vec<T> {
    #[inline]
    fn add_to(&self, key: &mut Key) {
        T::add_all(self, key);
    }
}

impl<T: PlainValue> PlainValue for Vec<T> {
    fn size(&self) -> usize {
        size_of::<Self>() + T::size_of_all(self)
    }
    fn write(&self, bytes: &mut Vec<u8>) {
        T::write_all(self, bytes);
    }
    fn read(bytes: &mut &[u8]) -> Option<Self> {
        T::read_all(bytes)
    }
}

impl<T: PlainKey, const N: usize> PlainKey for [T; N] {
    #[inline]
    fn add_to(&self, key: &mut Key) {
        T::add_all(self, key);
    }
}

impl<T: PlainValue, const N: usize> PlainValue for [T; N] {
    fn size(&self) -> usize {
        T::size_of_all(self)
    }
    fn write(&self, bytes: &mut Vec<u8>) {
        T::write_all(self, bytes);
    }
    fn read(bytes: &mut &[u8]) -> Option<Self> {
        T::read_all(bytes)?.try_into().ok()
    }
}

impl<T: PlainKey> PlainKey for Option<T> {
    #[inline]
    fn add_to(&self, key: &mut Key) {
        key.fixed(&[u8::from(self.is_some())]);
        if let Some(value) = self {
            value.add_to(key);
        }
    }
}

impl<T: PlainValue> PlainValue for Option<T> {
    fn size(&self) -> usize {
        size_of::<Self>() + self.as_ref().map_or(0, PlainValue::size)
    }
    fn write(&self, bytes: &mut Vec<u8>) {
        self.is_some().write(bytes);
        if let Some(value) = self {
            value.write(bytes);
        }
    }
    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some(match bool::read(bytes)? {
            true => Some(T::read(bytes)?),
            false => None,
        })
    }
}

macro_rules! pointers {
    ($($pointer:ty),*) => {$(
        impl<T: PlainKey + ?Sized> PlainKey for $pointer {
            #[inline]
            fn add_to(&self, key: &mut Key) {
                (**self).add_to(key);
            }
        }
    )*};
}

pointers!(&T, Box<T>, Rc<T>, Arc<T>);

impl<T: PlainValue> PlainValue for Box<T> {
    fn size(&self) -> usize {
        size_of::<Self>() + (**self).size()
    }
    fn write(&self, bytes: &mut Vec<u8>) {
        (**self).write(bytes);
    }
    fn read(bytes: &mut &[u8]) -> Option<Self> {
        T::read(bytes).map(Box::new)
    }
}

macro_rules! sequences {
    ($($kind:ident, $($bound:ident)?;)*) => {$(
        impl<T: PlainKey> PlainKey for $kind<T> {
            fn add_to(&self, key: &mut Key) {
                key.length(self.len());
                self.iter().for_each(|element| element.add_to(key));
            }
        }
        impl<T: PlainValue $(+ $bound)?> PlainValue for $kind<T> {
            fn size(&self) -> usize {
                size_of::<Self>() + self.iter().map(PlainValue::size).sum::<usize>()
            }
            fn write(&self, bytes: &mut Vec<u8>) {
                write_length(self.len(), bytes);
                self.iter().for_each(|element| element.write(bytes));
            }
            fn read(bytes: &mut &[u8]) -> Option<Self> {
                Some(T::read_all(bytes)?.into_iter().collect())
            }
        }
    )*};
}

sequences! {
    VecDeque, ;
    BTreeSet, Ord;
}

impl<K: PlainKey, V: PlainKey> PlainKey for BTreeMap<K, V> {
    fn add_to(&self, key: &mut Key) {
        key.length(self.len());
        for (name, value) in self {
            name.add_to(key);
            value.add_to(key);
        }
    }
}

macro_rules! maps {
    ($($kind:ty, ($($generics:tt)*);)*) => {$(
        impl<K: PlainValue, V: PlainValue, $($generics)*> PlainValue for $kind
        where
            $kind: FromIterator<(K, V)> + Clone + Send + Sync + 'static,
        {
            fn size(&self) -> usize {
                size_of::<Self>() + self.iter().map(|(key, value)| key.size() + value.size()).sum::<usize>()
            }
            fn write(&self, bytes: &mut Vec<u8>) {
                write_length(self.len(), bytes);
                for (key, value) in self {
                    key.write(bytes);
                    value.write(bytes);
                }
            }
            fn read(bytes: &mut &[u8]) -> Option<Self> {
                let length = read_length(bytes)?;
                (0..length).map(|_| Some((K::read(bytes)?, V::read(bytes)?))).collect()
            }
        }
    )*};
}

maps! {
    BTreeMap<K, V>, ();
    HashMap<K, V, S>, (S: BuildHasher);
}

impl PlainKey for () {
    fn add_to(&self, _key: &mut Key) {}
}

impl PlainValue for () {
    fn write(&self, _bytes: &mut Vec<u8>) {}
    fn read(_bytes: &mut &[u8]) -> Option<Self> {
        Some(())
    }
}

macro_rules! tuples {
    ($(($($name:ident)+),)*) => {$(
        impl<$($name: PlainKey),+> PlainKey for ($($name,)+) {
            #[inline]
            #[expect(non_snake_case, reason = "one name for type and value")]
            fn add_to(&self, key: &mut Key) {
                let ($($name,)+) = self;
                $($name.add_to(key);)+
            }
        }
        impl<$($name: PlainValue),+> PlainValue for ($($name,)+) {
            #[expect(non_snake_case, reason = "one name for type and value")]
            fn size(&self) -> usize {
                let ($($name,)+) = self;
                0 $(+ $name.size())+
            }
            #[expect(non_snake_case, reason = "one name for type and value")]
            fn write(&self, bytes: &mut Vec<u8>) {
                let ($($name,)+) = self;
                $($name.write(bytes);)+
            }
            fn read(bytes: &mut &[u8]) -> Option<Self> {
                Some(($($name::read(bytes)?,)+))
            }
        }
    )*};
}

tuples! {
    (A), (A B), (A B C), (A B C D), (A B C D E), (A B C D E F), (A B C D E F G), (A B C D E F G H),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn survives<T: PlainValue + PartialEq + std::fmt::Debug>(value: T) {
        let mut bytes = Vec::new();
        value.write(&mut bytes);
        let mut rest = bytes.as_slice();
        assert_eq!(T::read(&mut rest).as_ref(), Some(&value));
        assert!(rest.is_empty(), "all of it is read");
        for length in 0..bytes.len() {
            assert!(
                T::read(&mut &bytes[..length]).is_none(),
                "{length} bytes of {value:?}"
            );
        }
    }

    #[test]
    fn values_survive_and_torn_ones_do_not() {
        survives(7_u64);
        survives(-1.5_f64);
        survives(('é', true, 3_usize));
        survives(String::from("süß"));
        survives(vec![vec![1_i32], vec![]]);
        survives(Some(Some([1_u8, 2])));
        survives(BTreeMap::from([(1_u8, String::from("a"))]));
        survives(HashMap::<String, Vec<u32>>::from([("k".into(), vec![1])]));
        survives(Box::new(Duration::from_millis(1500)));
    }

    #[test]
    fn a_length_that_lies_asks_for_no_memory() {
        let mut bytes = u64::MAX.to_le_bytes().to_vec();
        bytes.push(1);
        assert!(Vec::<u64>::read(&mut bytes.as_slice()).is_none());
        assert!(Vec::<String>::read(&mut bytes.as_slice()).is_none());
    }
}
