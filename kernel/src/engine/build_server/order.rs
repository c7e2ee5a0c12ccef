//! What a build is to do, and what is told of it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use crate::engine::cell_code::error_format::ErrorFormat;
use crate::engine::cell_crate::rewrite::Failure;
use crate::engine::cell_crate::source_map::SourceMap;
use crate::engine::early::Early;
use crate::engine::knowledge::Variable;
use crate::engine::knowledge::items::Items;
use crate::engine::rustc::dep_info::Inputs;
use crate::interpreter::Frontend;

/// What evcxr's "cargo" is to do with the next builds.
#[derive(Clone, Default)]
pub struct Order {
    /// A `?` may leave the cell.
    pub question_mark: bool,
    /// How an error is shown that leaves it so.
    pub error_format: ErrorFormat,
    pub awaits: bool,
    /// Variables of whose older values it knows nothing.
    pub only_bound: Arc<BTreeSet<String>>,
    /// Optimising it cannot pay.
    pub bounded: bool,
    pub answer: Answering,
    /// Those of the session, the cell's own among them.
    pub items: Items,
    /// With [`Answering::NothingMade`]: variables that evcxr is to drop.
    pub forgotten: Vec<String>,
    /// The cell is compiled already, or will be soon.
    pub early: Option<Arc<Early>>,
    /// Where cargo's progress is shown.
    pub frontend: Option<Arc<dyn Frontend>>,
}

/// What becomes of a build.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Answering {
    #[default]
    Compile,
    /// Dependencies are built; of the cell, as with [`Answering::NothingMade`], there is nothing.
    Dependencies,
    /// An empty file is passed off as the library: evcxr only commits its state.
    NothingMade,
    /// Nothing is compiled and an error is answered: evcxr has analysed the cell and keeps nothing of it.
    Error,
}

/// What happened in the builds since the last [`BuildServer::order`](super::BuildServer::order).
#[derive(Debug, Clone, Default)]
pub struct BuildReport {
    /// evcxr has asked for a library.
    pub asked: bool,
    /// The map of the crate that was compiled last.
    pub map: SourceMap,
    /// How often rustc was started.
    pub compiles: usize,
    /// The cell did not compile; evcxr may have found a way since.
    pub failure: Option<Failure>,
    /// Dependencies could not be built: what cargo said.
    pub dependencies: Option<String>,
    /// The build itself could not be carried out.
    pub broken: Option<String>,
    pub stopped: bool,
    /// evcxr has written a type of a new variable so that no cell could name it.
    pub unnamed_type: bool,
    /// Variables that the crate which was compiled last takes from the store.
    pub taken: Vec<String>,
    /// What that crate was made of besides its text.
    pub inputs: Inputs,
    /// The cell was compiled to run in a runtime.
    pub awaits: bool,
    /// What rustc found missing where the cell was compiled with what it reaches; all of the session has it.
    pub unnamed: Option<String>,
    /// What was run, if it can be run again without evcxr.
    pub library: Option<RunLibrary>,
}

/// A library that evcxr has run, made from a cell's least context.
#[derive(Debug, Clone)]
pub struct RunLibrary {
    pub path: PathBuf,
    /// What it stores under new names.
    pub defined: Vec<Variable>,
    /// Variables that it does not store, since the cell moves them.
    pub moved: Vec<String>,
}

/// Brings the values of the named variables into the host's store, or says why it cannot.
pub type Materialiser = Arc<dyn Fn(&[String]) -> Result<(), String> + Send + Sync>;
