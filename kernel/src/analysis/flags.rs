//! What in a piece of Rust reaches beyond its tokens.

use ra_ap_syntax::{SyntaxKind, T};

/// Peculiarities of a cell's running part or of an item. All of them may be set without need, none is missed where
/// the text shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags {
    /// `include!`, `include_str!`, `include_bytes!`: the content of a file is an input.
    pub includes_files: bool,
    /// `env!`, `option_env!`: a variable of the compiler's environment is an input.
    pub build_environment: bool,
    /// `file!`, `line!`, `column!`, `dbg!`, `stringify!`, `Location::caller`: the layout is an input.
    pub shows_position: bool,
    pub has_unsafe: bool,
    /// A `static` or `thread_local!` of its own.
    pub has_static: bool,
    /// `std::env`: arguments, variables, the working directory.
    pub process_environment: bool,
    /// It could not be parsed: what it reads and does is not known.
    pub parse_error: bool,
    /// It may name what does not stand in it: pasted identifiers, strings that cannot be read, code of files.
    pub reads_everything: bool,
}

impl Flags {
    /// Adds what `other` has.
    pub fn merge(&mut self, other: Flags) {
        self.includes_files |= other.includes_files;
        self.build_environment |= other.build_environment;
        self.shows_position |= other.shows_position;
        self.has_unsafe |= other.has_unsafe;
        self.has_static |= other.has_static;
        self.process_environment |= other.process_environment;
        self.parse_error |= other.parse_error;
        self.reads_everything |= other.reads_everything;
    }

    pub(super) fn note_word(&mut self, word: &str, kind: SyntaxKind, after_path: bool) {
        match word {
            // Nobody calls anything else so; a renamed macro (`use std::include_str as text`) shows the word only.
            "include_str" | "include_bytes" => self.includes_files = true,
            "option_env" => self.build_environment = true,
            "concat_idents" => self.reads_everything = true,
            "Location" => self.shows_position = true,
            "thread_local" => self.has_static = true,
            "env" if after_path => self.process_environment = true,
            "include" if after_path => self.includes_code(),
            "file" | "line" | "column" | "dbg" if after_path => self.shows_position = true,
            _ => {}
        }
        self.has_unsafe |= kind == T![unsafe];
        self.has_static |= kind == T![static];
    }

    /// Code of a file may name anything of the notebook.
    pub(super) fn includes_code(&mut self) {
        self.includes_files = true;
        self.reads_everything = true;
    }

    /// `word` stands before `!` or a colon.
    pub(super) fn note_before(&mut self, word: &str, punctuation: &str) {
        match (word, punctuation) {
            ("include", "!") => self.includes_code(),
            ("stringify", "!") => self.shows_position = true,
            ("env", "!") => self.build_environment = true,
            ("file" | "line" | "column" | "dbg", "!") => self.shows_position = true,
            ("env", "::" | ":") => self.process_environment = true,
            _ => {}
        }
    }

    /// A path that is imported goes through `word`.
    pub(super) fn note_import(&mut self, word: &str) {
        // The module and the macro have one name.
        self.build_environment |= word == "env";
        self.note_word(word, SyntaxKind::IDENT, true);
    }
}
