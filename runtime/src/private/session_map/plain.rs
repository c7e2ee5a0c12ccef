//! Values whose content is all there is of them: it can be compared, shown, and used in any thread.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::path::PathBuf;
use std::time::Duration;

use crate::__private::memo::Key;
use crate::__private::memo::plain::PlainKey;

/// Longer content is not compared: it would have to be read at each change.
const LONGEST: usize = 64 << 10;
/// Characters of a value that are shown.
const SHOWN: usize = 80;

/// What is known of a plain value.
#[derive(Debug, Clone)]
pub struct Plain {
    /// Equal only for equal values of one type; `None` for a long one.
    pub content: Option<String>,
    /// A few words for people.
    pub shown: String,
}

/// What is known of a value, if its type is one of those below.
pub fn look(value: &dyn Any) -> Option<Plain> {
    macro_rules! first_of {
        ($($type:ty),* $(,)?) => {
            $(if let Some(value) = value.downcast_ref::<$type>() { return Some(plain(value)); })*
        };
    }
    macro_rules! each {
        ($($type:ty),* $(,)?) => {
            first_of!($($type, Option<$type>, Vec<$type>, Vec<Vec<$type>>,)*);
        };
    }
    each!(
        i32,
        i64,
        f64,
        String,
        bool,
        usize,
        u32,
        u64,
        u8,
        u16,
        u128,
        i8,
        i16,
        i128,
        isize,
        f32,
        char,
        &'static str
    );
    first_of!(
        (),
        Duration,
        PathBuf,
        BTreeMap<String, String>,
        BTreeMap<String, i32>,
        BTreeMap<String, i64>,
        BTreeMap<String, u32>,
        BTreeMap<String, u64>,
        BTreeMap<String, usize>,
        BTreeMap<String, f64>,
        BTreeMap<String, Vec<String>>,
        BTreeSet<String>,
    );
    None
}

fn plain<T: PlainKey + Debug + Size>(value: &T) -> Plain {
    let mut shown = String::new();
    // It stops where nobody would look.
    let _ = std::fmt::write(&mut Short(&mut shown), format_args!("{value:?}"));
    let content = (value.size() <= LONGEST).then(|| {
        let mut key = Key::new();
        value.add_to(&mut key);
        hex(key.finish())
    });
    Plain { content, shown }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Takes a text up to a length.
struct Short<'a>(&'a mut String);

impl std::fmt::Write for Short<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        for c in text.chars() {
            if self.0.chars().count() >= SHOWN {
                self.0.push('…');
                return Err(std::fmt::Error);
            }
            self.0.push(c);
        }
        Ok(())
    }
}

/// About how many bytes a value's content has; quickly told.
trait Size {
    fn size(&self) -> usize;
}

macro_rules! fixed {
    ($($type:ty),*) => {$(impl Size for $type {
        fn size(&self) -> usize {
            size_of::<Self>()
        }
    })*};
}

fixed!(
    i32,
    i64,
    f64,
    bool,
    usize,
    u32,
    u64,
    u8,
    u16,
    u128,
    i8,
    i16,
    i128,
    isize,
    f32,
    char,
    Duration,
    ()
);

impl Size for String {
    fn size(&self) -> usize {
        self.len()
    }
}

impl Size for &'static str {
    fn size(&self) -> usize {
        self.len()
    }
}

impl Size for PathBuf {
    fn size(&self) -> usize {
        self.as_os_str().len()
    }
}

impl<T: Size> Size for Option<T> {
    fn size(&self) -> usize {
        self.as_ref().map_or(0, Size::size)
    }
}

impl<T: Size> Size for Vec<T> {
    fn size(&self) -> usize {
        // A long one is long whatever is in it.
        match self.len() > LONGEST {
            true => self.len(),
            false => self.iter().map(Size::size).sum::<usize>() + self.len(),
        }
    }
}

impl<V: Size> Size for BTreeMap<String, V> {
    fn size(&self) -> usize {
        self.iter().map(|(key, value)| key.len() + value.size()).sum()
    }
}

impl Size for BTreeSet<String> {
    fn size(&self) -> usize {
        self.iter().map(String::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(value: &dyn Any) -> Option<String> {
        look(value).expect("plain").content
    }

    #[test]
    fn equal_contents_are_equal_and_others_are_not() {
        assert_eq!(content(&7_i32), content(&7_i32));
        assert_ne!(content(&7_i32), content(&8_i32));
        assert_ne!(
            content(&vec!["ab".to_owned(), "c".to_owned()]),
            content(&vec!["a".to_owned(), "bc".to_owned()])
        );
        assert_ne!(content(&Some(0_u8)), content(&None::<u8>));
    }

    #[test]
    fn others_are_not_plain() {
        struct Own;
        assert!(look(&Own).is_none());
        assert!(look(&std::rc::Rc::new(1)).is_none());
        assert!(look(&std::cell::Cell::new(1)).is_none());
    }

    #[test]
    fn long_ones_are_not_compared_and_shown_short() {
        let long = look(&vec![0_u64; 1 << 20]).expect("plain");
        assert!(long.content.is_none());
        assert!(
            long.shown.starts_with("[0, 0,") && long.shown.ends_with('…'),
            "{}",
            long.shown
        );
    }
}
