//! Text that is put into a cell's lines, and the way back to the columns that the user sees.

/// Generated text on a line of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Insertion {
    /// Of the cell, from 1.
    pub line: usize,
    /// Where it begins on the line as the compiler sees it, in characters from 1.
    pub column: usize,
    /// In characters.
    pub length: usize,
}

impl Insertion {
    /// The column of the user's line for a column of the compiler's; what is inside of generated text is where that
    /// was put. `insertions` are in their order.
    pub fn column_of_user(insertions: &[Insertion], line: usize, column: usize) -> usize {
        let mut removed = 0;
        for insertion in insertions.iter().filter(|insertion| insertion.line == line) {
            if column < insertion.column {
                break;
            }
            if column < insertion.column + insertion.length {
                return insertion.column - removed;
            }
            removed += insertion.length;
        }
        column - removed
    }
}

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

    #[test]
    fn columns_are_the_users() {
        let mut insertions = Insertions::default();
        insertions.add(3, "AA");
        insertions.add(6, "B");
        insertions.add(3, "C");
        let (text, insertions) = insertions.apply("é\nabcd\n", 5);
        assert_eq!(text, "é\nAACabcBd\n");
        let column = |column| Insertion::column_of_user(&insertions, 6, column);
        // A A C a b c B d
        assert_eq!([1, 2, 3, 4, 5, 6, 7, 8, 9].map(column), [1, 1, 1, 1, 2, 3, 4, 4, 5]);
        assert_eq!(Insertion::column_of_user(&insertions, 5, 7), 7);
    }
}
