//! A line that is not Rust and not right either.

use std::ops::Range;

use crate::cell::CellSource;
use crate::interpreter::CellError;
use crate::report::{self, Place};

/// What is wrong with a magic, command or directive, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct MagicError {
    pub kind: MagicErrorKind,
    /// One line.
    pub message: String,
    /// What to do.
    pub helps: Vec<String>,
    /// From 1.
    pub line: usize,
    /// Characters of the line, from 0.
    pub columns: Range<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MagicErrorKind {
    UnknownMagic,
    /// The magic is known; what follows it is wrong.
    BadMagic,
    UnknownCommand,
    UnknownDirective,
    /// The directive is known; an option or its place is wrong.
    BadDirective,
}

impl MagicErrorKind {
    /// The `ename` of the error.
    pub fn name(self) -> &'static str {
        match self {
            MagicErrorKind::UnknownMagic => "UnknownMagic",
            MagicErrorKind::BadMagic => "BadMagic",
            MagicErrorKind::UnknownCommand => "UnknownCommand",
            MagicErrorKind::UnknownDirective => "UnknownDirective",
            MagicErrorKind::BadDirective => "BadDirective",
        }
    }
}

impl MagicError {
    /// As Jupyter shows it, with the line of the cell.
    pub fn to_cell_error(&self, cell: &std::sync::Arc<CellSource>) -> CellError {
        let place = Place {
            cell: cell.clone(),
            line: self.line,
            column: self.columns.start + 1,
            end_line: self.line,
            end_column: self.columns.end + 1,
        };
        CellError {
            ename: self.kind.name().to_owned(),
            evalue: self.message.clone(),
            traceback: report::located(&self.message, &place, None, &self.helps),
        }
    }
}

/// The candidate that `word` was most probably meant to be, if one is near.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| {
            let near = strsim::jaro_winkler(&word, candidate);
            let edits = strsim::osa_distance(&word, candidate);
            (edits, near, candidate)
        })
        .filter(|(edits, near, candidate)| {
            let shorter = word.chars().count().min(candidate.chars().count());
            *edits <= 1 + shorter / 4 || *near > 0.84 || (word.len() > 2 && candidate.contains(word.as_str()))
        })
        .min_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)))
        .map(|(_, _, candidate)| candidate)
}

/// All candidates, the most similar ones first.
pub fn nearest_first(word: &str, mut candidates: Vec<String>) -> Vec<String> {
    let word = word.to_lowercase();
    let similarity = |candidate: &str| strsim::jaro_winkler(&word, &candidate.to_lowercase());
    candidates.sort_by(|a, b| similarity(b).total_cmp(&similarity(a)));
    candidates
}

#[cfg(test)]
mod tests {
    use super::{nearest, nearest_first};

    #[test]
    fn the_nearest_names_come_first() {
        let all = ["stable-x86_64", "1.95.0-x86_64", "nightly-x86_64"];
        let all = || all.map(str::to_owned).to_vec();
        assert_eq!(nearest_first("nigthly", all())[0], "nightly-x86_64");
        assert_eq!(nearest_first("1.96", all())[0], "1.95.0-x86_64");
        assert_eq!(nearest_first("", all()).len(), 3);
    }

    #[test]
    fn the_nearest_name() {
        let names = ["time", "timeit", "who", "whos", "reset", "lsmagic", "env", "help"];
        for (word, near) in [
            ("tiem", Some("time")),
            ("timit", Some("timeit")),
            ("wohs", Some("whos")),
            ("rest", Some("reset")),
            ("magic", Some("lsmagic")),
            ("HELP", Some("help")),
            ("matplotlib", None),
        ] {
            assert_eq!(nearest(word, names), near, "{word}");
        }
    }
}
