//! An iterator that shows how far it is.
//!
//! Only the few lines that must be generic are; they are compiled into every cell that uses them.
//! The rest is in [`progress_bar`](crate::progress_bar), compiled once.

use crate::progress_bar::{Bar, new_bar};

/// Shows a bar that moves while the iterator is consumed, about ten times a second at most.
///
/// The bar shows how many items came, of how many where the iterator tells its length, their rate and
/// the time gone and left. When the loop ends, however it ends, one line stays.
///
/// ```
/// let mut sum = 0;
/// for n in cellar::progress(1..=100) {
///     sum += n;
/// }
/// for line in cellar::progress("a b c".split(' ')).label("words").total(3) {
///     std::hint::black_box(line);
/// }
/// ```
#[inline]
pub fn progress<I: IntoIterator>(iter: I) -> Progress<I::IntoIter> {
    let iter = iter.into_iter();
    let bar = new_bar(iter.size_hint());
    Progress { iter, bar, left: 0 }
}

/// See [`progress`].
#[derive(Debug)]
#[must_use = "iterators are lazy: nothing is shown until it is consumed"]
pub struct Progress<I> {
    iter: I,
    /// Boxed as a trait object so that no cell compiles how it is dropped.
    bar: Box<dyn Bar>,
    /// Items to come before the clock is looked at again.
    left: u32,
}

impl<I> Progress<I> {
    /// What stands before the bar.
    pub fn label(mut self, label: impl Into<String>) -> Progress<I> {
        self.bar.set_label(label.into());
        self
    }

    /// How many items will come, for an iterator that does not tell.
    pub fn total(mut self, items: usize) -> Progress<I> {
        self.bar.set_total(items);
        self
    }
}

impl<I: Iterator> Iterator for Progress<I> {
    type Item = I::Item;

    #[inline]
    fn next(&mut self) -> Option<I::Item> {
        if self.left == 0 {
            self.left = self.bar.look_at_clock();
        }
        let item = self.iter.next();
        if item.is_some() {
            self.left -= 1;
        } else {
            self.bar.finish(self.left);
        }
        item
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.iter.size_hint()
    }
}

impl<I: ExactSizeIterator> ExactSizeIterator for Progress<I> {}

impl<I> Drop for Progress<I> {
    #[inline]
    fn drop(&mut self) {
        self.bar.leave(self.left);
    }
}
