//! What `display` accepts: everything rich, and those types of std that have an obvious text.
//!
//! Its own trait because `Debug` cannot serve all types here (a type may have both) and because std's
//! types as last expressions are shown by `Debug` in the format that the user chose, not by [`Rich`].

use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::fmt::Debug;

use crate::{Bundle, Rich};

/// What [`display`](crate::display()) accepts: every [`Rich`] type, and numbers, text and collections.
/// To make a type displayable, implement [`Rich`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be displayed",
    label = "not displayable",
    note = "implement `cellar::Rich` for it, or show its `Debug` text: `cellar::text(format!(\"{{value:?}}\"))`"
)]
pub trait Displayable {
    /// The forms in which the value can be shown.
    fn to_bundle(&self) -> Bundle;
}

#[diagnostic::do_not_recommend]
impl<T: Rich> Displayable for T {
    fn to_bundle(&self) -> Bundle {
        self.mime_bundle()
    }
}

/// Text shows as it is, without the quotes of its `Debug` form.
macro_rules! displayed_as_is {
    ($($type:ty),* $(,)?) => {$(
        #[diagnostic::do_not_recommend]
        impl Displayable for $type {
            fn to_bundle(&self) -> Bundle {
                Bundle::new().text(self.to_string())
            }
        }
    )*};
}

displayed_as_is!(&str, String, &String, char, &char, bool, &bool);
displayed_as_is!(i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, u128, usize);
displayed_as_is!(
    &i8, &i16, &i32, &i64, &i128, &isize, &u8, &u16, &u32, &u64, &u128, &usize
);

/// The rest shows as `Debug` has it, by value and by reference.
macro_rules! displayed_as_debug {
    ($([$($generics:tt)*] $type:ty),* $(,)?) => {$(
        #[diagnostic::do_not_recommend]
        impl<$($generics)*> Displayable for $type {
            fn to_bundle(&self) -> Bundle {
                Bundle::new().text(format!("{self:?}"))
            }
        }
        #[diagnostic::do_not_recommend]
        impl<$($generics)*> Displayable for &$type {
            fn to_bundle(&self) -> Bundle {
                Bundle::new().text(format!("{self:?}"))
            }
        }
    )*};
}

displayed_as_debug!(
    [] f32,
    [] f64,
    [] (),
    [A: Debug] (A,),
    [A: Debug, B: Debug] (A, B),
    [A: Debug, B: Debug, C: Debug] (A, B, C),
    [A: Debug, B: Debug, C: Debug, D: Debug] (A, B, C, D),
    [T: Debug, const N: usize] [T; N],
    [T: Debug] Vec<T>,
    [T: Debug] VecDeque<T>,
    [T: Debug] LinkedList<T>,
    [T: Debug] BinaryHeap<T>,
    [T: Debug] Option<T>,
    [T: Debug, E: Debug] Result<T, E>,
    [K: Debug, V: Debug, S] HashMap<K, V, S>,
    [T: Debug, S] HashSet<T, S>,
    [K: Debug, V: Debug] BTreeMap<K, V>,
    [T: Debug] BTreeSet<T>,
    [] std::time::Duration,
    [] std::path::PathBuf,
    [] std::ffi::OsString,
);

#[diagnostic::do_not_recommend]
impl<T: Debug> Displayable for &[T] {
    fn to_bundle(&self) -> Bundle {
        Bundle::new().text(format!("{self:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_pass_to_display_is_accepted() {
        fn shown(value: impl Displayable) -> String {
            format!("{:?}", value.to_bundle())
        }
        let map = HashMap::from([("a", 1)]);
        assert!(shown("text").contains("\"text\""));
        assert!(shown(String::from("text")).contains("\"text\""));
        assert!(shown(&map).contains("{\\\"a\\\": 1}"));
        assert!(shown(vec![Some(1.5)]).contains("[Some(1.5)]"));
        assert!(shown(&[1, 2][..]).contains("[1, 2]"));
        let html = crate::Html("<b>");
        assert!(shown(&html).contains("text/html"));
        assert!(shown(Box::new(html)).contains("text/html"));
    }
}
