//! The seam between whoever shows a notebook (the Jupyter [`server`](crate::server), the headless
//! runner in [`cli`](crate::cli)) and whoever runs its cells (the [`session`](crate::session)).
//!
//! Above this line nobody knows Rust or caching; below it nobody knows ZeroMQ or notebook files.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// A MIME bundle: MIME type to content, as Jupyter's `data` and `metadata` fields hold it.
/// Text types are JSON strings, binary types base64 strings, JSON types JSON values.
pub type MimeBundle = Map<String, Value>;

/// One cell to run.
#[derive(Debug, Clone, Default)]
#[allow(dead_code, reason = "not everybody who runs cells looks at the cell's id")]
pub struct ExecuteRequest {
    /// The cell as its author wrote it: directives, magics, Rust.
    pub code: String,
    /// The number shown beside the cell. A silent request has the number of the next cell.
    pub execution_count: u32,
    /// Nothing is shown and nothing is remembered.
    pub silent: bool,
    /// Name to expression, each evaluated after the cell and answered in the reply.
    pub user_expressions: BTreeMap<String, String>,
    /// Whether the frontend can be asked for input.
    pub allow_stdin: bool,
    /// The notebook cell's id, where the frontend tells it.
    pub cell_id: Option<String>,
    /// The request's metadata as it came.
    pub metadata: Map<String, Value>,
}

/// How a cell ended, with what the reply carries.
#[derive(Debug, Clone, Default)]
pub struct ExecuteOutcome {
    /// `None` for a cell that succeeded.
    pub error: Option<CellError>,
    /// Answers to the request's `user_expressions`, in Jupyter's form
    /// (`{"status": "ok", "data": …, "metadata": …}` or `{"status": "error", …}`).
    pub user_expressions: Map<String, Value>,
    /// Jupyter's payloads (`page`, `set_next_input`).
    pub payload: Vec<Value>,
    /// The reply's metadata.
    pub metadata: Map<String, Value>,
}

/// An error as Jupyter shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellError {
    /// Its kind: `E0308`, `panic`, `SIGSEGV`, `Interrupted`.
    pub ename: String,
    /// One line that says what happened.
    pub evalue: String,
    /// What is shown: lines with ANSI colours from the 16-colour palette.
    pub traceback: Vec<String>,
}

/// Which of the two streams a text belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stream {
    Stdout,
    Stderr,
}

/// Something a running cell shows.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Text, in pieces as they come; a piece never splits a character.
    Text { stream: Stream, text: String },
    /// Rich output; with an id it can be updated later.
    Display {
        data: MimeBundle,
        metadata: MimeBundle,
        display_id: Option<String>,
    },
    /// New content for every output that carries `display_id`.
    Update {
        data: MimeBundle,
        metadata: MimeBundle,
        display_id: String,
    },
    /// The value of the cell's last expression (`execute_result`).
    Result { data: MimeBundle, metadata: MimeBundle },
    /// Forget the cell's outputs so far; with `wait`, only when the next one comes.
    Clear { wait: bool },
}

/// Why a frontend gave no input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// The request came with `allow_stdin: false`, or nobody is there to type.
    #[error("this frontend cannot be asked for input")]
    NotAllowed,
    /// The cell was interrupted while it waited.
    #[error("interrupted while waiting for input")]
    Interrupted,
    /// The frontend closed its input (end of file).
    #[error("end of input")]
    Closed,
}

/// Where a cell's outputs go and its input comes from. Called from other threads than the one that
/// runs the cell, and always in the order in which the cell produced the outputs.
pub trait Frontend: Send + Sync {
    /// Shows something. Never fails: a frontend that is gone shows nothing.
    fn output(&self, output: Output);

    /// Asks for a line of input, without its line end. Blocks until it is there.
    ///
    /// # Errors
    /// When no input can be had, and why.
    fn input(&self, prompt: &str, password: bool) -> Result<String, InputError>;
}

/// A list of completions for a place in a cell.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Completions {
    /// The text to be replaced, in Unicode code points from the start of the cell.
    pub start: usize,
    pub end: usize,
    pub matches: Vec<Completion>,
}

/// One completion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// What is inserted.
    pub text: String,
    /// `function`, `method`, `struct`, `variable`, `keyword`, `magic`, `directive`, …
    pub kind: &'static str,
    /// A signature or type, where known.
    pub signature: Option<String>,
}

/// Whether a frontend should run what was typed or wait for more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Completeness {
    Complete,
    /// More is needed; the next line starts with this indentation.
    Incomplete {
        indent: String,
    },
    /// No continuation can make it right.
    Invalid,
}

/// Runs cells. `execute` is called from one thread at a time; everything else from any thread at any
/// time, also while a cell runs, and answers within 100 ms.
pub trait Interpreter: Send + Sync {
    /// Runs a cell and returns when all its outputs have been given to `frontend`.
    fn execute(&self, request: ExecuteRequest, frontend: std::sync::Arc<dyn Frontend>) -> ExecuteOutcome;

    /// Stops the running cell, if one runs. Returns at once; `execute` then returns soon.
    fn interrupt(&self);

    /// Completions at `cursor` (Unicode code points).
    fn complete(&self, code: &str, cursor: usize) -> Completions;

    /// What is known of the name at `cursor` (Unicode code points): a MIME bundle, or `None`.
    /// `detail` 1 asks for source code besides documentation.
    fn inspect(&self, code: &str, cursor: usize, detail: u8) -> Option<MimeBundle>;

    /// Whether `code` can be run as it stands.
    fn is_complete(&self, code: &str) -> Completeness;

    /// Clears the cache entry with this key, as the reply's metadata say it. Gives how many entries were cleared and how many
    /// bytes that frees.
    ///
    /// # Errors
    /// When there is no such entry, in words.
    fn forget(&self, _key: &str) -> Result<(u64, u64), String> {
        Err("nothing is cached here".to_owned())
    }

    /// Ends everything that was started. Only [`Interpreter::last_words`] may follow.
    fn shutdown(&self);

    /// What became known after the last reply and concerns the user, a sentence each. To be asked once, after the end.
    fn last_words(&self) -> Vec<String> {
        Vec::new()
    }
}
