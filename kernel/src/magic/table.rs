//! The magics: the one table from which the parser, `%lsmagic`, `%help`, inspection and completion come.
//!
//! To add one: a variant of [`Magic`], an entry of [`MAGICS`], and what runs it in the session.

use super::cache::{self, CacheAction};
use super::env::EnvAction;
use super::params::{self, ParamsAction};
use super::session::{self, SessionAction};
use super::timeit::Timeit;

/// A magic with its arguments read.
#[derive(Debug, Clone, PartialEq)]
pub enum Magic {
    /// Names of variables, only those whose type contains one of `types` if there are any.
    Who {
        types: Vec<String>,
    },
    /// The same as a table.
    Whos {
        types: Vec<String>,
    },
    /// Forget everything.
    Reset,
    /// Run Rust once and tell how long it took. Blanks stand for `%time`, so that columns are the cell's.
    Time {
        code: String,
    },
    Timeit(Timeit),
    Env(EnvAction),
    Cache(CacheAction),
    Params(ParamsAction),
    Session(SessionAction),
    Lsmagic,
    /// Of one name, or of everything.
    Help {
        name: Option<String>,
    },
}

/// One magic.
#[derive(Debug)]
pub struct MagicSpec {
    /// Without `%`.
    pub name: &'static str,
    /// `%name` exists.
    pub line: bool,
    /// `%%name` exists.
    pub cell: bool,
    /// What follows the name, as `%help` shows it.
    pub usage: &'static str,
    /// One line.
    pub summary: &'static str,
    /// Markdown with more, or nothing.
    pub details: &'static str,
    /// Flags and words for completion.
    pub words: &'static [&'static str],
    /// Whether Rust follows (names of the notebook are completed).
    pub takes_rust: bool,
    /// Reads what follows the name. `column` is where it starts in its line, in characters.
    pub parse: fn(rest: &str, column: usize) -> Result<Magic, String>,
}

/// All magics, in the order in which they are listed.
pub const MAGICS: &[MagicSpec] = &[
    MagicSpec {
        name: "who",
        line: true,
        cell: false,
        usage: "[TYPE…]",
        summary: "Names of the notebook's variables",
        details: "With types, only the variables whose type contains one of them: `%who Vec String`.",
        words: &[],
        takes_rust: false,
        parse: |rest, _| Ok(Magic::Who { types: words(rest) }),
    },
    MagicSpec {
        name: "whos",
        line: true,
        cell: false,
        usage: "[TYPE…]",
        summary: "The notebook's variables with their types",
        details: "With types, only the variables whose type contains one of them: `%whos Vec String`.",
        words: &[],
        takes_rust: false,
        parse: |rest, _| Ok(Magic::Whos { types: words(rest) }),
    },
    MagicSpec {
        name: "reset",
        line: true,
        cell: false,
        usage: "[-f]",
        summary: "Forget all variables and items",
        details: "It asks nothing; `-f` is accepted because IPython needs it. Dependencies stay compiled.",
        words: &["-f"],
        takes_rust: false,
        parse: |rest, _| match rest {
            "" | "-f" => Ok(Magic::Reset),
            other => Err(format!("`%reset` takes no `{other}`; it forgets everything")),
        },
    },
    MagicSpec {
        name: "time",
        line: true,
        cell: true,
        usage: "STATEMENT",
        summary: "Run Rust once and tell how long it took",
        details: "`%time` times the rest of its line, and `%%time`, as a cell's first line, the whole cell. \
                  Compiling is not counted. Variables that are defined stay.",
        words: &[],
        takes_rust: true,
        parse: |rest, column| {
            if rest.is_empty() {
                return Err(
                    "`%time` needs Rust to run: `%time f(10)`; `%%time` times a whole cell".to_owned(),
                );
            }
            one_line_of_rust("time", rest)?;
            Ok(Magic::Time {
                code: format!("{}{rest}", " ".repeat(column)),
            })
        },
    },
    MagicSpec {
        name: "timeit",
        line: true,
        cell: false,
        usage: "[-n N] [-r R] [-p P] [-q] STATEMENT",
        summary: "Run Rust many times and tell how long one run takes",
        details: "Each of R runs (7) executes the statement N times; without `-n`, N is the power of ten for \
                  which a run takes 0.2 s or more. `-p` is the number of digits (3), `-q` prints nothing. The result \
                  goes through `std::hint::black_box`.",
        words: &["-n", "-r", "-p", "-q"],
        takes_rust: true,
        parse: |rest, column| Timeit::parse(rest, column).map(Magic::Timeit),
    },
    MagicSpec {
        name: "env",
        line: true,
        cell: false,
        usage: "[NAME | NAME=VALUE | NAME VALUE]",
        summary: "List, show or set environment variables of the process that runs cells",
        details: "In the list, values of variables whose name looks like a secret are hidden.",
        words: &[],
        takes_rust: false,
        parse: |rest, _| EnvAction::parse(rest).map(Magic::Env),
    },
    MagicSpec {
        name: "cache",
        line: true,
        cell: false,
        usage: "[list | stats | clear [data | resource | NAME] | explain [NAME] | off | on]",
        summary: "What is kept of cells and functions: see it, explain it, clear it",
        details: "`%cache explain` says why a cell was taken from the cache or computed when it last ran, input by input. \
                  `%cache off` lets every cell run until `%cache on` or a restart.",
        words: cache::WORDS,
        takes_rust: false,
        parse: |rest, _| CacheAction::parse(rest).map(Magic::Cache),
    },
    MagicSpec {
        name: "params",
        line: true,
        cell: false,
        usage: "[set NAME VALUE… | clear [NAME] | override JSON]",
        summary: "The notebook's parameters: see them and where they come from, set, clear",
        details: "What is set is saved in the notebook's metadata (`cellar.params`). `override` takes a JSON object and holds for this \
                  run only. Names and values with blanks stand in quotes. In Rust: `cellar::params::get(\"city\")`.",
        words: params::WORDS,
        takes_rust: false,
        parse: |rest, _| ParamsAction::parse(rest).map(Magic::Params),
    },
    MagicSpec {
        name: "session",
        line: true,
        cell: false,
        usage: "[clear [NAME]]",
        summary: "The values of `cellar::session`: see them, clear them",
        details: "They survive re-running the cell that makes them, and live until the kernel stops. In Rust: \
                  `cellar::session::set(\"n\", 1)` and `cellar::session::get::<i32>(\"n\")`.",
        words: session::WORDS,
        takes_rust: false,
        parse: |rest, _| SessionAction::parse(rest).map(Magic::Session),
    },
    MagicSpec {
        name: "lsmagic",
        line: true,
        cell: false,
        usage: "",
        summary: "Names of all magics, commands and directives",
        details: "",
        words: &[],
        takes_rust: false,
        parse: |rest, _| nothing("lsmagic", rest, Magic::Lsmagic),
    },
    MagicSpec {
        name: "help",
        line: true,
        cell: false,
        usage: "[NAME]",
        summary: "What can be written in a cell, or what is known of one name",
        details: "`%help time`, `%help :dep`, `%help cache_data`, `%help my_function`. The same as `NAME?` on the last line \
                  of a cell.",
        words: &[],
        takes_rust: true,
        parse: |rest, _| {
            Ok(Magic::Help {
                name: (!rest.is_empty()).then(|| rest.to_owned()),
            })
        },
    },
];

impl MagicSpec {
    /// The magic of that name, without `%`.
    pub fn find(name: &str) -> Option<&'static MagicSpec> {
        MAGICS.iter().find(|magic| magic.name == name)
    }

    /// `%time STATEMENT`, and `%%time` if there is one.
    pub fn forms(&self) -> Vec<String> {
        let mut forms = Vec::new();
        if self.line {
            forms.push(format!("%{} {}", self.name, self.usage).trim_end().to_owned());
        }
        if self.cell {
            forms.push(format!("%%{}", self.name));
        }
        forms
    }
}

fn words(rest: &str) -> Vec<String> {
    rest.split_whitespace().map(str::to_owned).collect()
}

fn nothing(name: &str, rest: &str, magic: Magic) -> Result<Magic, String> {
    if rest.is_empty() {
        Ok(magic)
    } else {
        Err(format!("`%{name}` takes nothing after its name"))
    }
}

/// Refuses Rust that goes on in the next line, where the magic does not reach.
pub(super) fn one_line_of_rust(name: &str, code: &str) -> Result<(), String> {
    let mut scanner = super::Scanner::default();
    for token in super::tokens(code) {
        if token.is_unterminated() {
            return Err(format!(
                "`%{name}` ends with its line, but a string or comment is still open there"
            ));
        }
        scanner.token(token.kind, token.text);
    }
    if scanner.depth() > 0 {
        let instead = if name == "time" {
            "`%%time` times a whole cell"
        } else {
            "put the code in an `fn` and call that"
        };
        return Err(format!(
            "`%{name}` ends with its line, but a bracket is still open there; {instead}"
        ));
    }
    Ok(())
}
