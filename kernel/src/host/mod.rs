//! The process in which user code runs, seen from the kernel.
//!
//! It owns the values of the notebook's variables, streams what cells write, and survives crashes of
//! user code. It knows how to load a compiled cell and run it; it knows nothing of Rust source, of
//! caching or of Jupyter messages.

pub mod process;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::interpreter::Frontend;

/// What the engine must tell the host before the first cell runs.
#[derive(Debug, Clone)]
pub struct Libraries {
    /// The toolchain's `libstd-….so`; cells link to it dynamically.
    pub std: PathBuf,
    /// The compiled `cellar` crate (see `runtime/`).
    pub runtime: PathBuf,
}

/// Everything the host noticed while one cell ran.
#[derive(Debug, Clone, Default)]
pub struct RunReport {
    /// Whether user code was started at all.
    pub ran: bool,
    /// How long it ran.
    pub duration: Duration,
    /// The panic that ended the cell.
    pub panic: Option<PanicRecord>,
    /// The error that a `?` returned from the cell.
    pub returned_error: Option<ReturnedError>,
    /// How the process died, if it did.
    pub death: Option<Death>,
    /// It was ended by [`Host::interrupt`].
    pub interrupted: bool,
    /// Why no snapshot could be kept; variables are then lost when the process dies.
    pub unprotected: Option<Unprotected>,
    /// Variables whose stored value no longer has the type that the cell expects.
    pub changed_type: Vec<String>,
}

/// A panic as the panic hook saw it. The position is in the generated source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PanicRecord {
    pub message: String,
    pub file: String,
    pub line: u32,
    pub column: u32,
    /// Empty for the thread that runs cells.
    pub thread: String,
}

/// An `Err` or `None` that left a cell through `?`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnedError {
    /// The error's type as `std::any::type_name` gives it; `None` for an `Option`.
    pub type_name: Option<String>,
    /// The error's `Display` text.
    pub message: String,
    pub file: String,
    pub line: u32,
    pub column: u32,
}

/// How the process that ran a cell ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Death {
    Signal(i32),
    Exit(i32),
}

/// Why a cell ran without a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unprotected {
    /// Other threads were alive; a fork would not carry them.
    Threads(usize),
    /// The process is too large for the memory that is left.
    Memory { resident: u64, available: u64 },
    /// `fork` failed or is not there on this system.
    Fork,
}

/// The seam to the host process. Cheap to clone; every method may be called from any thread.
#[derive(Clone)]
pub struct Host {}

impl Host {
    /// Prepares a host whose socket lives in `dir`. No process runs yet: evcxr starts it through
    /// [`Host::command`].
    pub fn new(_dir: &std::path::Path) -> std::io::Result<Host> {
        todo!()
    }

    /// The command with which evcxr starts (and restarts) the host process.
    pub fn command(&self) -> std::process::Command {
        todo!()
    }

    pub fn set_env(&self, _name: &str, _value: &std::ffi::OsStr) {
        todo!()
    }

    /// Tells which libraries to load before any cell. A run that is asked for earlier waits.
    pub fn set_libraries(&self, _libraries: Libraries) {
        todo!()
    }

    /// The cell that runs next shows its outputs to `frontend`.
    pub fn begin(&self, _frontend: Arc<dyn Frontend>) {
        todo!()
    }

    /// The next `LOAD_AND_RUN` that evcxr sends is answered as done and nothing is run: evcxr commits
    /// its state and the values stay as they are.
    pub fn skip_next_run(&self) {
        todo!()
    }

    /// Ends the running cell (its whole process group). Returns whether one ran.
    pub fn interrupt(&self) -> bool {
        todo!()
    }

    /// What happened since [`Host::begin`]; all outputs have been given to the frontend by then.
    pub fn end(&self) -> RunReport {
        todo!()
    }

    /// Ends the host process and everything it started.
    pub fn shutdown(&self) {
        todo!()
    }
}
