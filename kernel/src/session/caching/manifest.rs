//! The body of an entry: what a hit gives back without looking at a value.

use cellar_cache::{BlobRef, Digest};
use serde::{Deserialize, Serialize};

use super::machine::Typed;
use super::recording::Recorded;
use crate::params::Changes;

/// Changes with the form of [`Manifest`]; entries of another form are misses.
pub const FORM: u32 = 1;

/// What one run of a cell left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    pub form: u32,
    pub outputs: Vec<Recorded>,
    /// Variables that the cell defined or changed.
    pub values: Vec<Value>,
    /// Variables that are handles of instances in the process.
    #[serde(default)]
    pub shared: Vec<Typed>,
    /// Variables that were there before the cell and not after it.
    pub removed: Vec<String>,
    /// Parameters of the notebook that the cell has set.
    #[serde(default)]
    pub params: Changes,
}

/// A variable as an entry keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Value {
    pub name: String,
    /// As evcxr writes it.
    pub type_text: String,
    pub mutable: bool,
    /// The hash of its content, by which cells that read it are keyed.
    pub content: Digest,
    /// The encoded value; a blob of the entry.
    pub blob: BlobRef,
}

impl Manifest {
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings, numbers and JSON can be written as JSON")
    }

    /// Reads an entry's body; `None` for one that an other version wrote or that is damaged.
    pub fn from_bytes(bytes: &[u8]) -> Option<Manifest> {
        serde_json::from_slice::<Manifest>(bytes)
            .ok()
            .filter(|manifest| manifest.form == FORM)
    }
}
