//! Messages with the lines of the cell that they talk about, drawn as rustc draws them.
//!
//! Only the 16 colours of a terminal are used: Jupyter's themes define those and no others.

use std::ops::Range;

use annotate_snippets::{
    Annotation, AnnotationKind, Group, Level, Origin, Renderer, Snippet, normalize_untrusted_str,
};

use super::diagnostic::Place;
use crate::cell::CellSource;

/// How wide a drawing may be, in columns of text: what fits a notebook's output without wrapping.
const WIDTH: usize = 120;

/// One marked stretch of a cell.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Mark<'a> {
    pub place: &'a Place,
    pub primary: bool,
    pub label: Option<String>,
}

pub(super) fn renderer() -> Renderer {
    Renderer::styled().term_width(WIDTH)
}

/// Draws groups, as the lines of a traceback.
pub(super) fn draw(groups: &[Group<'_>]) -> Vec<String> {
    renderer().render(groups).split('\n').map(str::to_owned).collect()
}

/// Untrusted text, each control character replaced by a picture of it; lines stay lines.
pub(super) fn safe(text: &str) -> String {
    normalize_untrusted_str(text)
}

/// The text of a cell as it is drawn: line ends are `\n`.
pub(super) fn drawn_text(cell: &CellSource) -> String {
    cell.text.replace("\r\n", "\n")
}

/// The marks of each cell as a snippet, the cells in the order in which they first appear, that of a
/// primary mark first.
pub(super) fn snippets<'a>(marks: &[Mark<'a>]) -> Vec<Snippet<'a, Annotation<'a>>> {
    let mut cells: Vec<&std::sync::Arc<CellSource>> = Vec::new();
    for mark in marks.iter().filter(|mark| mark.primary).chain(marks) {
        if !cells.contains(&&mark.place.cell) {
            cells.push(&mark.place.cell);
        }
    }
    cells
        .into_iter()
        .map(|cell| {
            let text = drawn_text(cell);
            let mut seen: Vec<(Range<usize>, Option<String>)> = Vec::new();
            let mut annotations = Vec::new();
            for mark in marks.iter().filter(|mark| mark.place.cell == *cell) {
                let range = bytes(&text, mark.place);
                let key = (range.clone(), mark.label.clone());
                if seen.contains(&key) {
                    continue;
                }
                seen.push(key);
                let kind = if mark.primary {
                    AnnotationKind::Primary
                } else {
                    AnnotationKind::Context
                };
                annotations.push(kind.span(range).label(mark.label.clone()));
            }
            Snippet::source(text)
                .path(cell.name.to_string())
                .annotations(annotations)
        })
        .collect()
}

/// A message and the place it is about, with the caret's label: the lines of a traceback.
pub fn located(title: &str, place: &Place, label: Option<&str>, helps: &[String]) -> Vec<String> {
    let mark = Mark {
        place,
        primary: true,
        label: label.map(safe),
    };
    let mut group =
        Group::with_title(Level::ERROR.primary_title(title.to_owned())).elements(snippets(&[mark]));
    for help in helps {
        group = group.element(Level::HELP.message(safe(help)));
    }
    draw(&[group])
}

/// A message that has no place, with what to do about it: the lines of a traceback.
pub fn message(title: &str, helps: &[String]) -> Vec<String> {
    named_message("error", title, None, helps)
}

/// The same under another name than `error`, with a position in a file that is not a cell.
pub(super) fn named_message(
    name: &'static str,
    title: &str,
    file: Option<(&str, u32, u32)>,
    helps: &[String],
) -> Vec<String> {
    let mut group = Group::with_title(Level::ERROR.with_name(name).primary_title(title.to_owned()));
    if let Some((path, line, column)) = file {
        let origin = Origin::path(path.to_owned())
            .line(line as usize)
            .char_column(column as usize);
        group = group.element(origin);
    }
    for help in helps {
        group = group.element(Level::HELP.message(safe(help)));
    }
    draw(&[group])
}

/// Where `place` is in the text of its cell, in bytes. A place outside of the text becomes the
/// nearest one inside, because a wrong map must not cost the message.
pub(super) fn bytes(text: &str, place: &Place) -> Range<usize> {
    let start = byte(text, place.line, place.column);
    let end = byte(text, place.end_line, place.end_column);
    start..end.max(start)
}

fn byte(text: &str, line: usize, column: usize) -> usize {
    let mut start = 0;
    for _ in 1..line.max(1) {
        match text[start..].find('\n') {
            Some(end) => start += end + 1,
            None => return text.len(),
        }
    }
    let line_text = text[start..].split('\n').next().unwrap_or_default();
    let in_line = line_text
        .char_indices()
        .nth(column.max(1) - 1)
        .map_or(line_text.len(), |(at, _)| at);
    start + in_line
}

/// A traceback without its colours.
#[cfg(test)]
pub(crate) fn plain(lines: &[String]) -> String {
    let mut out = String::new();
    let text = lines.join("\n");
    let mut rest = text.as_str();
    while let Some(at) = rest.find('\x1b') {
        out.push_str(&rest[..at]);
        let end = rest[at..].find('m').expect("an escape sequence ends");
        let sequence = &rest[at..at + end];
        assert!(
            !sequence.contains("38;") && !sequence.contains("48;"),
            "not from the palette of 16: {sequence:?}"
        );
        rest = &rest[at + end + 1..];
    }
    out.push_str(rest);
    out.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_characters() {
        let text = "é𝄞\tx\nab";
        assert_eq!(byte(text, 1, 1), 0);
        assert_eq!(byte(text, 1, 3), 6);
        assert_eq!(byte(text, 1, 99), 8);
        assert_eq!(byte(text, 2, 2), 10);
        assert_eq!(byte(text, 9, 9), text.len());
    }

    #[test]
    fn any_place_can_be_drawn() {
        let text = "let ä = \"日本\";\r\n\tfoo(e\u{301});\n\n𝄞";
        let cell = CellSource::new("In[1]", text);
        for line in 0..6 {
            for column in (0..16).chain([400]) {
                for (end_line, end_column) in [(line, column), (line, column + 3), (line + 1, 1), (0, 0)] {
                    let place = Place {
                        cell: cell.clone(),
                        line,
                        column,
                        end_line,
                        end_column,
                    };
                    let lines = located("a message", &place, Some("here"), &[]);
                    assert!(plain(&lines).starts_with("error: a message\n"));
                }
            }
        }
    }
}
