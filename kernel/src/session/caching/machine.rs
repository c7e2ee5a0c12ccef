//! What caching asks of the engine and the host.
//!
//! A trait, because there are two: the real ones, and an interpreter of a few statements with which the tests try ten
//! thousand edits of a notebook in the time that rustc needs for ten.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use cellar_cache::Digest;
use serde::{Deserialize, Serialize};

use super::manifest::Value;
use crate::cell::CellSource;
use crate::params::Changes;
use crate::session::surroundings::Subject;

/// Why a value cannot be hashed or stored, in words for the user: type, field, what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);

/// A variable that was written to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    pub name: String,
    /// The hash of the value.
    pub content: Digest,
    /// The encoded value, and its hash.
    pub file: PathBuf,
    pub blob: Digest,
}

/// A variable with its type as evcxr writes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Typed {
    pub name: String,
    pub type_text: String,
}

/// An instance that the process keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Of the function or variable.
    pub name: String,
    /// A function's code, or what [`Machine::keep_instances`] was told.
    pub version: String,
    pub age: Duration,
}

/// A cell whose result came from the cache: what evcxr must be told of it.
#[derive(Debug, Clone)]
pub struct Adopted {
    pub cell: Arc<CellSource>,
    /// Its Rust, line for line; the items count.
    pub rust: String,
    pub variables: Vec<(Typed, bool)>,
    pub removed: Vec<String>,
}

/// Values that are being written; the answer of each is waited for.
pub type Saving = Box<dyn FnOnce() -> Vec<(String, Result<Saved, Refusal>)> + Send>;

/// For which moment [`Machine::identity`] is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    Now,
    /// The cell that is compiled at the moment may have changed the crates.
    InBuild,
}

/// Engine and host, as the cache sees them.
pub trait Machine: Send + Sync {
    /// The variables that there are, adopted ones included.
    fn variables(&self) -> Vec<Typed>;

    /// Makes what hashing, writing and reading values of these types needs. It may take as long as a compile; after it, nothing
    /// of that kind has to be waited for.
    fn prepare(&self, type_texts: &[String]);

    /// Ends what [`Machine::digests`] waits for: it answers with refusals.
    fn interrupt(&self);

    /// Hashes the content of variables that the host has. The answers are in the order of the questions.
    fn digests(&self, variables: &[Typed]) -> Vec<Result<Digest, Refusal>>;

    /// Begins to write variables, each into its file. When it returns, the values that are being written
    /// cannot be changed by cells any more; the writing itself may go on.
    fn save(&self, variables: &[(Typed, PathBuf)]) -> Saving;

    /// Gives the host a value from a file that [`Machine::save`] wrote.
    ///
    /// # Errors
    /// When the file is not what it should be, or the type has changed.
    fn load(&self, value: &Value, file: &Path) -> Result<(), Refusal>;

    /// Tells the engine of a cell that was not run; it may do so later.
    fn adopt(&self, adopted: Adopted);

    /// Drops values that the host has.
    fn forget(&self, names: &[String]);

    /// Keeps the instances that the cell that just ran has made, as those of `version`. Gives how many there are.
    ///
    /// # Errors
    /// When the process that has them has ended.
    fn keep_instances(&self, version: &str) -> Result<usize, Refusal>;

    /// Releases the instances that the cell that just ran has made: it failed.
    fn discard_instances(&self);

    /// Puts the instances of `version` back into the variables `names`. `false` if one of them is there no longer, or is
    /// not valid any more; then no variable was touched.
    fn restore_instances(&self, version: &str, names: &[String]) -> bool;

    /// Releases the instances of these versions.
    fn release_instances(&self, versions: &[String]);

    /// The instances that there are now, those of functions included.
    fn instances(&self) -> Vec<Instance>;

    /// What a type is beyond its text, `now` or for the cell that is about to run: a value that was encoded for another
    /// identity must not be decoded.
    fn identity(&self, type_text: &str, when: When) -> u128;

    /// The crates that cells can name: name, hash of what they are, version.
    fn dependencies(&self) -> Vec<(String, Digest, String)>;

    /// A variable of the environment as cells see it.
    fn env(&self, name: &str) -> Option<OsString>;

    /// The working directory of cells, if it still exists.
    fn working_directory(&self) -> Option<PathBuf>;

    /// What these are now, in texts that are equal for equal contents.
    fn states(&self, subjects: &[Subject]) -> Vec<Vec<String>>;

    /// Changes parameters of the notebook, as a cell has done whose result is given back.
    fn change_params(&self, changes: &Changes);
}
