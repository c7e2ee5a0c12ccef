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
    pub kind: Kind,
}

/// What of a marked piece matters to those who find it again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Kind {
    #[default]
    Other,
    /// An `impl`, with its tokens up to the body: what tells it from others.
    Impl(String),
    /// The expression whose value is shown. Generated lines around it speak of it too.
    Shown,
    /// A `use`, which evcxr writes anew; its text.
    Use(String),
}

/// Number of a marked piece.
pub type Mark = usize;

const MARK_START: &str = "/*cellar:";
const MARK_END: &str = "*/";

/// All pieces of this session.
#[derive(Debug, Default)]
pub struct Marks {
    origins: Vec<Origin>,
    /// Where the cell that runs begins.
    cell_start: Mark,
}

impl Marks {
    /// Remembers a piece; the answer is the comment to put behind it.
    pub fn add(&mut self, origin: Origin) -> String {
        self.origins.push(origin);
        format!("{MARK_START}{}{MARK_END}", self.origins.len() - 1)
    }

    /// The piece that was added last.
    pub fn last(&self) -> Mark {
        self.origins.len().saturating_sub(1)
    }

    /// Pieces that are added from now on are those of the next cell.
    pub fn begin_cell(&mut self) {
        self.cell_start = self.origins.len();
    }

    /// Where the cell's `use` statements name `word`: evcxr writes them anew, so their marks are lost.
    pub fn in_use(&self, word: &str) -> Option<(Place, Place)> {
        self.origins[self.cell_start..].iter().find_map(|origin| {
            let Kind::Use(text) = &origin.kind else {
                return None;
            };
            let at = find_word(text, word)?;
            let line_start = text[..at].rfind('\n').map_or(0, |end| end + 1);
            let lines = text[..at].matches('\n').count();
            let before = if lines == 0 { origin.column_offset } else { 0 };
            let column = before + text[line_start..at].chars().count() + 1;
            let place = |column| Place {
                cell: Arc::clone(&origin.cell),
                line: origin.line + lines,
                column,
            };
            Some((place(column), place(column + word.chars().count())))
        })
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
                    pieces.push(Piece {
                        // Lines count from 1.
                        first: (last + 1).saturating_sub(origin.lines).max(1),
                        last,
                        mark,
                        origin: origin.clone(),
                    });
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
    /// The text that this is the map of, without the marks in it: they are this session's.
    pub fn without_marks(&self, text: &str) -> String {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        for piece in &self.pieces {
            let mark = format!("{MARK_START}{}{MARK_END}", piece.mark);
            // The last one: another is the user's own.
            if let Some(line) = lines.get_mut(piece.last - 1)
                && let Some(at) = line.rfind(&mark)
            {
                line.replace_range(at..at + mark.len(), "");
            }
        }
        lines.join("\n")
    }

    /// A file that is a cell with one line before it and one behind it.
    pub fn of_whole_cell(cell: &Arc<CellSource>, lines: usize) -> SourceMap {
        let origin = Origin {
            cell: Arc::clone(cell),
            line: 1,
            column_offset: 0,
            lines: lines + 1,
            kind: Kind::Other,
        };
        let piece = Piece {
            first: 2,
            last: lines + 2,
            mark: usize::MAX,
            origin,
        };
        SourceMap { pieces: vec![piece] }
    }

    /// The place in a cell of a 1-based line and column (in characters) of the generated file, or `None`
    /// where the code is not a user's.
    pub fn place(&self, line: usize, column: usize) -> Option<Place> {
        let piece = self
            .pieces
            .iter()
            .find(|piece| (piece.first..=piece.last).contains(&line))?;
        let offset = line - piece.first;
        let before = if offset == 0 {
            piece.origin.column_offset
        } else {
            0
        };
        let line = piece.origin.line + offset;
        let place = Place {
            line,
            column: piece.origin.cell.users_column(line, column + before),
            cell: Arc::clone(&piece.origin.cell),
        };
        Some(clamp(place))
    }

    /// Start and end in a cell of a stretch of the generated file: where the user wrote it, or what the
    /// generated code around it is about.
    pub fn stretch(&self, start: (usize, usize), end: (usize, usize)) -> Option<(Place, Place)> {
        if let (Some(from), Some(to)) = (self.place(start.0, start.1), self.place(end.0, end.1)) {
            return Some((from, to));
        }
        let shown = self.pieces.iter().find(|piece| {
            piece.origin.kind == Kind::Shown && (piece.first - 1..=piece.last + 1).contains(&start.0)
        })?;
        Some((
            self.place(shown.first, 1)?,
            self.place(shown.last, usize::MAX / 2)?,
        ))
    }

    /// Where all pieces stand, for the process that runs cells: see `runtime/src/private/position.rs`.
    pub fn table(&self) -> String {
        let row = |piece: &Piece| {
            let origin = &piece.origin;
            let lines = origin.line..origin.line + origin.lines;
            let mut insertions = origin.cell.insertions.iter();
            // Text that was put before a place has moved it.
            let before = match insertions.any(|insertion| lines.contains(&insertion.line)) {
                true => "-".to_owned(),
                false => origin.column_offset.to_string(),
            };
            let (first, last, line, name) = (piece.first, piece.last, origin.line, &origin.cell.name);
            format!("{first} {last} {line} {before} {name}\n")
        };
        self.pieces.iter().map(row).collect()
    }

    /// Marks with the lines on which their pieces stand (1-based, inclusive).
    pub fn pieces(&self) -> impl Iterator<Item = (Mark, std::ops::RangeInclusive<usize>)> {
        self.pieces
            .iter()
            .map(|piece| (piece.mark, piece.first..=piece.last))
    }
}

fn find_word(text: &str, word: &str) -> Option<usize> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).map(|(at, _)| at).find(|at| {
        !text[..*at].chars().next_back().is_some_and(is_name)
            && !text[at + word.len()..].chars().next().is_some_and(is_name)
    })
}

/// A place behind the end of its line (inside the marker comment) is moved to the line's end, one behind the
/// cell to the cell's end.
fn clamp(mut place: Place) -> Place {
    let lines = place.cell.text.lines().count().max(1);
    if place.line > lines {
        (place.line, place.column) = (lines, usize::MAX);
    }
    let width = place
        .cell
        .text
        .lines()
        .nth(place.line - 1)
        .map_or(0, |line| line.chars().count());
    place.column = place.column.min(width + 1);
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(line: usize, column_offset: usize, lines: usize) -> Origin {
        let cell = CellSource {
            name: "In[1]".into(),
            text: "let a = 1; let b =\n  a + é;\n".into(),
            insertions: Vec::new(),
        };
        Origin {
            cell: Arc::new(cell),
            line,
            column_offset,
            lines,
            kind: Kind::Other,
        }
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
        assert_eq!(map.table(), "2 3 1 11 In[1]\n");
    }

    #[test]
    fn a_place_in_the_marker_is_the_end_of_the_line() {
        let mut marks = Marks::default();
        let mark = marks.add(origin(2, 2, 1));
        let map = marks.map(&format!("a + é;{mark}\n"));
        assert_eq!(map.place(1, 12).expect("in the piece").column, 9);
    }

    #[test]
    fn code_around_a_shown_expression_is_about_it() {
        let mut marks = Marks::default();
        let mark = marks.add(Origin {
            kind: Kind::Shown,
            ..origin(2, 2, 1)
        });
        let map = marks.map(&format!("match (\na + é;{mark}\n) {{ show }}\n"));
        let (start, end) = map.stretch((3, 5), (3, 9)).expect("about the expression");
        assert_eq!((start.line, start.column, end.line, end.column), (2, 3, 2, 9));
    }

    #[test]
    fn a_use_is_found_by_a_word_of_it() {
        let mut marks = Marks::default();
        marks.add(Origin {
            kind: Kind::Use("use one::{\n  on, two};".into()),
            ..origin(1, 4, 2)
        });
        let (start, end) = marks.in_use("on").expect("named in the use");
        assert_eq!((start.line, start.column, end.column), (2, 3, 5));
        assert!(marks.in_use("w").is_none());
        marks.begin_cell();
        assert!(marks.in_use("on").is_none(), "of an earlier cell");
    }

    #[test]
    fn a_marker_that_a_user_wrote_is_ignored() {
        assert!(
            Marks::default()
                .map("let x = 1; /*cellar:7*/ /*cellar:x*/\n")
                .place(1, 1)
                .is_none()
        );
    }
}
