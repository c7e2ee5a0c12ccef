//! From places in generated source back to places in cells.
//!
//! evcxr moves the statements of a cell around: items go to the top of the crate and stay there for later
//! cells, statements go into a function. Each statement therefore carries a marker comment behind it. Where a
//! marker stands in a generated file tells which lines of which cell are above it.

use std::sync::Arc;

use crate::cell::CellSource;

/// A position in a cell: 1-based, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub cell: Arc<CellSource>,
    pub line: usize,
    pub column: usize,
}

/// Where a marked piece of code comes from.
#[derive(Debug, Clone)]
pub struct Origin {
    pub cell: Arc<CellSource>,
    /// Line of the cell on which it begins, 1-based.
    pub line: usize,
    /// Characters before it on that line.
    pub column_offset: usize,
    /// How many lines it has.
    pub lines: usize,
    /// What tells an `impl` from others: its tokens up to the body. `None` for anything that has a name.
    pub impl_header: Option<String>,
}

/// Number of a marked piece.
pub type Mark = usize;

const MARK_START: &str = "/*cellar:";
const MARK_END: &str = "*/";

/// All pieces of this session.
#[derive(Debug, Default)]
pub struct Marks {
    origins: Vec<Origin>,
}

impl Marks {
    /// Remembers a piece; the answer is the comment to put behind it.
    pub fn add(&mut self, origin: Origin) -> String {
        self.origins.push(origin);
        format!("{MARK_START}{}{MARK_END}", self.origins.len() - 1)
    }

    pub fn origin(&self, mark: Mark) -> Option<&Origin> {
        self.origins.get(mark)
    }

    /// Finds the marks in a generated file.
    pub fn map(&self, generated: &str) -> SourceMap {
        let mut pieces = Vec::new();
        for (index, line) in generated.lines().enumerate() {
            let mut rest = line;
            while let Some(start) = rest.find(MARK_START) {
                rest = &rest[start + MARK_START.len()..];
                let Some(end) = rest.find(MARK_END) else { break };
                if let Ok(mark) = rest[..end].parse::<Mark>()
                    && let Some(origin) = self.origin(mark)
                {
                    let last = index + 1;
                    pieces.push(Piece { first: (last + 1).saturating_sub(origin.lines), last, mark, origin: origin.clone() });
                }
            }
        }
        SourceMap { pieces }
    }
}

#[derive(Debug, Clone)]
struct Piece {
    first: usize,
    last: usize,
    mark: Mark,
    origin: Origin,
}

/// The places of one generated file.
#[derive(Debug, Clone, Default)]
pub struct SourceMap {
    pieces: Vec<Piece>,
}

impl SourceMap {
    /// The place in a cell of a 1-based line and column (in characters) of the generated file, or `None`
    /// where the code is not a user's.
    pub fn place(&self, line: usize, column: usize) -> Option<Place> {
        let piece = self.pieces.iter().find(|piece| (piece.first..=piece.last).contains(&line))?;
        let offset = line - piece.first;
        let before = if offset == 0 { piece.origin.column_offset } else { 0 };
        let place = Place {
            cell: Arc::clone(&piece.origin.cell),
            line: piece.origin.line + offset,
            column: column + before,
        };
        Some(clamp(place))
    }

    /// Marks with the lines on which their pieces stand (1-based, inclusive).
    pub fn pieces(&self) -> impl Iterator<Item = (Mark, std::ops::RangeInclusive<usize>)> {
        self.pieces.iter().map(|piece| (piece.mark, piece.first..=piece.last))
    }
}

/// A place behind the end of its line (inside the marker comment) is moved to the line's end.
fn clamp(mut place: Place) -> Place {
    let width = place.cell.text.lines().nth(place.line - 1).map_or(0, |line| line.chars().count());
    place.column = place.column.min(width + 1);
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(line: usize, column_offset: usize, lines: usize) -> Origin {
        let cell = CellSource { name: "In[1]".into(), text: "let a = 1; let b =\n  a + é;\n".into() };
        Origin { cell: Arc::new(cell), line, column_offset, lines, impl_header: None }
    }

    #[test]
    fn a_piece_is_found_wherever_it_was_moved() {
        let mut marks = Marks::default();
        let mark = marks.add(origin(1, 11, 2));
        let map = marks.map(&format!("generated\nlet b =\n  a + é;{mark}\nmore\n"));
        let place = map.place(2, 5).expect("in the piece");
        assert_eq!((place.line, place.column), (1, 16));
        let place = map.place(3, 7).expect("in the piece");
        assert_eq!((place.line, place.column), (2, 7));
        assert!(map.place(1, 1).is_none());
        assert!(map.place(4, 1).is_none());
    }

    #[test]
    fn a_place_in_the_marker_is_the_end_of_the_line() {
        let mut marks = Marks::default();
        let mark = marks.add(origin(2, 2, 1));
        let map = marks.map(&format!("a + é;{mark}\n"));
        assert_eq!(map.place(1, 12).expect("in the piece").column, 9);
    }

    #[test]
    fn a_marker_that_a_user_wrote_is_ignored() {
        assert!(Marks::default().map("let x = 1; /*cellar:7*/ /*cellar:x*/\n").place(1, 1).is_none());
    }
}
