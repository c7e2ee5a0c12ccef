//! How a cell went.

use std::time::Duration;

use super::build_server::BuildReport;
use super::knowledge::{Refused, Variable};
use crate::host::RunReport;
use crate::interpreter::MimeBundle;

/// Why the engine could not be started or a cell could not be run.
#[derive(Debug, Clone)]
pub enum EngineError {
    /// The cell does not compile. rustc's messages, with places in cells.
    Compile(Vec<serde_json::Value>),
    /// evcxr refuses it, in words.
    Refused(String),
    /// Its dependencies cannot be had; what cargo said.
    Dependencies(String),
    /// Compiling was interrupted.
    Interrupted,
    /// The host process ended and took the variables with it.
    HostDied(String),
    /// The engine itself is broken; it was started again, variables are lost.
    Broken(String),
    /// The engine cannot start: what is missing and how to mend it.
    NotStarted(String),
}

/// How one piece of a cell went.
#[derive(Debug, Clone, Default)]
pub struct Evaluation {
    pub error: Option<EngineError>,
    /// What evcxr's `:commands` had to say.
    pub result: Option<MimeBundle>,
    /// After `:timing`: how long what took, in lines.
    pub timing: Option<String>,
    pub run: RunReport,
    pub build: BuildReport,
    /// How long compiling and running took; that it waited for the engine to boot, or for replayed cells to be told to
    /// evcxr, is not in it.
    pub took: Duration,
    /// Variables that the cell took from the store: all that it could read or change.
    pub taken: Vec<String>,
    /// Variables that it defined, if it went well.
    pub defined: Vec<Variable>,
    /// Variables that it moved out, or that were lost while it ran.
    pub removed: Vec<String>,
    /// Variables that were [adopted](super::Engine::adopt) before it and that evcxr does not take.
    pub refused: Vec<Refused>,
}
