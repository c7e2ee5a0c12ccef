//! Errors of a cell that ran: a panic, an `Err` or `None` that left it through `?`.

use super::clean::clean;
use super::compile::one_line;
use super::diagnostic::Place;
use super::names::short_type_name;
use super::snippet::{self, Mark};
use crate::host::{PanicRecord, ReturnedError};
use crate::interpreter::CellError;

use annotate_snippets::{Group, Level, Origin};

/// The error of a cell that panicked. `place` is the panic's position in a cell, if it is in one.
pub fn panic(record: &PanicRecord, place: Option<&Place>) -> CellError {
    let message = clean(&record.message);
    let title = match record.thread.as_str() {
        "" | "main" => message.clone(),
        thread => format!("in thread `{thread}`: {message}"),
    };
    let position = Position::new(place, &record.file, record.line, record.column);
    CellError {
        ename: "panic".to_owned(),
        evalue: one_line(&message),
        traceback: drawn("panic", &title, position, None),
    }
}

/// The error of a cell that ended with `?`. `place` is the position of the `?` in a cell.
pub fn returned_error(error: &ReturnedError, place: Option<&Place>) -> CellError {
    let position = Position::new(place, &error.file, error.line, error.column);
    let Some(type_name) = &error.type_name else {
        let evalue = "`?` met a `None`, which ended the cell".to_owned();
        let traceback = drawn("None", &evalue, position, Some("this is `None`"));
        return CellError {
            ename: "None".to_owned(),
            evalue,
            traceback,
        };
    };
    let ename = short_type_name(&clean(type_name));
    let message = clean(&error.message);
    CellError {
        traceback: drawn(&ename, &message, position, Some("this returned the error")),
        evalue: one_line(&message),
        ename,
    }
}

/// Where it happened, as far as it helps a person.
enum Position<'a> {
    Cell(&'a Place),
    File { path: String, line: u32, column: u32 },
    Nowhere,
}

impl<'a> Position<'a> {
    fn new(place: Option<&'a Place>, file: &str, line: u32, column: u32) -> Self {
        match (place, shown_path(file)) {
            (Some(place), _) => Position::Cell(place),
            (None, Some(path)) => Position::File { path, line, column },
            (None, None) => Position::Nowhere,
        }
    }
}

/// A file outside of the notebook by a name that tells what it belongs to: `std: core/src/option.rs`,
/// `regex-1.12.2/src/lib.rs`. `None` for the generated source.
fn shown_path(file: &str) -> Option<String> {
    let file = file.replace('\\', "/");
    if file.is_empty() || file == "src/lib.rs" || file == "lib.rs" {
        return None;
    }
    if let Some((_, rest)) = file.split_once("/library/")
        && (file.starts_with("/rustc/") || file.contains("/rustlib/src/"))
    {
        return Some(format!("std: {rest}"));
    }
    if let Some((_, rest)) = file.split_once("/registry/src/") {
        return Some(
            rest.split_once('/')
                .map_or(rest, |(_index, path)| path)
                .to_owned(),
        );
    }
    if let Some((_, rest)) = file.split_once("/git/checkouts/") {
        return Some(rest.to_owned());
    }
    let parts: Vec<&str> = file.split('/').collect();
    match parts.len() {
        0..=4 => Some(file),
        count => Some(format!("…/{}", parts[count - 4..].join("/"))),
    }
}

/// The first line of the message as a title, the others below it as they are, then the position.
fn drawn(name: &str, message: &str, position: Position<'_>, label: Option<&str>) -> Vec<String> {
    let (first, others) = message.split_once('\n').unwrap_or((message, ""));
    let title = Level::ERROR
        .with_name(name.to_owned())
        .primary_title(first.to_owned());
    let mut lines = snippet::draw(&[Group::with_title(title)]);
    lines.extend(others.lines().map(snippet::safe));
    let group = Group::with_level(Level::ERROR);
    let indent = matches!(position, Position::File { .. });
    let group = match position {
        Position::Nowhere => return lines,
        Position::Cell(place) => {
            let mark = Mark {
                place,
                primary: true,
                label: label.map(str::to_owned),
            };
            group.elements(snippet::snippets(&[mark]))
        }
        Position::File { path, line, column } => group.element(
            Origin::path(path)
                .line(line as usize)
                .char_column(column as usize),
        ),
    };
    // Without a line number beside it, the arrow would stand at the margin.
    lines.extend(
        snippet::draw(&[group])
            .into_iter()
            .map(|line| if indent { format!(" {line}") } else { line }),
    );
    lines
}

#[cfg(test)]
mod tests {
    use super::super::snippet::plain;
    use super::*;
    use crate::cell::CellSource;

    fn record(message: &str, file: &str) -> PanicRecord {
        PanicRecord {
            message: message.to_owned(),
            file: file.to_owned(),
            line: 12,
            column: 5,
            thread: String::new(),
            is_told: false,
        }
    }

    fn place(text: &str, line: usize, column: usize) -> Place {
        Place {
            cell: CellSource::new("In[3]", text),
            line,
            column,
            end_line: line,
            end_column: column + 1,
        }
    }

    #[test]
    fn a_panic_shows_the_line_of_the_cell() {
        let place = place("let v = vec![1];\nlet s = \"日本\"; v[10]", 2, 15);
        let error = panic(
            &record(
                "index out of bounds: the len is 1 but the index is 10",
                "src/lib.rs",
            ),
            Some(&place),
        );
        assert_eq!(error.ename, "panic");
        assert_eq!(
            error.evalue,
            "index out of bounds: the len is 1 but the index is 10"
        );
        assert_eq!(
            plain(&error.traceback),
            "panic: index out of bounds: the len is 1 but the index is 10\n \
             --> In[3]:2:15\n  \
             |\n\
             2 | let s = \"日本\"; v[10]\n  \
             |                 ^"
        );
    }

    #[test]
    fn a_message_of_several_lines_stays_readable() {
        let error = panic(
            &record(
                "assertion `left == right` failed\n  left: 1\n right: 2",
                "src/lib.rs",
            ),
            None,
        );
        assert_eq!(
            error.evalue,
            "assertion `left == right` failed; left: 1; right: 2"
        );
        assert_eq!(
            plain(&error.traceback),
            "panic: assertion `left == right` failed\n  left: 1\n right: 2"
        );
    }

    #[test]
    fn a_panic_in_a_dependency_names_its_file() {
        for (file, shown) in [
            (
                "/rustc/abcdef/library/core/src/option.rs",
                "std: core/src/option.rs",
            ),
            (
                "/home/me/.rustup/toolchains/x/lib/rustlib/src/rust/library/alloc/src/vec/mod.rs",
                "std: alloc/src/vec/mod.rs",
            ),
            (
                "/home/me/.cargo/registry/src/index-1949/regex-1.12.2/src/lib.rs",
                "regex-1.12.2/src/lib.rs",
            ),
            ("/home/me/code/thing/src/deep/file.rs", "…/thing/src/deep/file.rs"),
            ("build.rs", "build.rs"),
        ] {
            let error = panic(&record("boom", file), None);
            assert_eq!(plain(&error.traceback), format!("panic: boom\n --> {shown}:12:5"));
        }
    }

    #[test]
    fn a_panic_of_another_thread_names_it() {
        let mut record = record("boom", "src/lib.rs");
        record.thread = "worker".to_owned();
        assert_eq!(
            plain(&panic(&record, None).traceback),
            "panic: in thread `worker`: boom"
        );
    }

    fn returned(type_name: Option<&str>, message: &str) -> ReturnedError {
        ReturnedError {
            type_name: type_name.map(str::to_owned),
            message: message.to_owned(),
            file: "src/lib.rs".to_owned(),
            line: 9,
            column: 1,
        }
    }

    #[test]
    fn a_returned_error_points_at_the_question_mark() {
        let place = place("let n: i32 = \"x\".parse()?;", 1, 25);
        let error = returned_error(
            &returned(
                Some("core::num::error::ParseIntError"),
                "invalid digit found in string",
            ),
            Some(&place),
        );
        assert_eq!(error.ename, "ParseIntError");
        assert_eq!(error.evalue, "invalid digit found in string");
        assert_eq!(
            plain(&error.traceback),
            "ParseIntError: invalid digit found in string\n \
             --> In[3]:1:25\n  \
             |\n\
             1 | let n: i32 = \"x\".parse()?;\n  \
             |                         ^ this returned the error"
        );
    }

    #[test]
    fn a_none_says_so() {
        let error = returned_error(&returned(None, ""), None);
        assert_eq!(
            (error.ename.as_str(), error.evalue.as_str()),
            ("None", "`?` met a `None`, which ended the cell")
        );
    }

    #[test]
    fn a_message_cannot_write_escape_sequences() {
        let error = panic(&record("\x1b[2Jgone\nand \x1b]0;title\x07", "src/lib.rs"), None);
        assert_eq!(plain(&error.traceback), "panic: ␛[2Jgone\nand ␛]0;title␇");
        assert!(!error.evalue.contains('\x1b'));
    }
}
