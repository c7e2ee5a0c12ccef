//! Text that is put into a cell's lines.

use crate::cell::Insertion;

/// Texts and the bytes before which they are to be put.
#[derive(Debug, Default)]
pub struct Insertions(Vec<(usize, String)>);

impl Insertions {
    /// `text` is one line.
    pub fn add(&mut self, at: usize, text: impl Into<String>) {
        let text = text.into();
        debug_assert!(!text.contains('\n'), "the number of a line never changes");
        self.0.push((at, text));
    }

    /// Puts them in. What is put at one place stays in the order in which it was added.
    pub fn apply(mut self, original: &str, first_line: usize) -> (String, Vec<Insertion>) {
        self.0.sort_by_key(|(at, _)| *at);
        let mut text = String::with_capacity(original.len() + 1024 * self.0.len());
        let mut insertions = Vec::with_capacity(self.0.len());
        let mut done = 0;
        for (at, inserted) in self.0 {
            text.push_str(&original[done..at]);
            done = at;
            let line_start = text.rfind('\n').map_or(0, |end| end + 1);
            insertions.push(Insertion {
                line: first_line + original[..at].matches('\n').count(),
                column: text[line_start..].chars().count() + 1,
                length: inserted.chars().count(),
            });
            text.push_str(&inserted);
        }
        text.push_str(&original[done..]);
        (text, insertions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::CellSource;

    #[test]
    fn columns_are_the_users() {
        let mut insertions = Insertions::default();
        insertions.add(3, "AA");
        insertions.add(6, "B");
        insertions.add(3, "C");
        let (text, insertions) = insertions.apply("é\nabcd\n", 5);
        assert_eq!(text, "é\nAACabcBd\n");
        let cell = CellSource::new("In[1]", "").with_insertions(insertions);
        let columns = [1, 2, 3, 4, 5, 6, 7, 8, 9].map(|column| cell.users_column(6, column));
        assert_eq!(columns, [1, 1, 1, 1, 2, 3, 4, 4, 5]);
        assert_eq!(cell.users_column(5, 7), 7);
    }
}
