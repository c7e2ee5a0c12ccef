//! What running code reads that is neither an argument nor a variable: the notebook's parameters and the session map.
//!
//! Whatever is cached depends on it, so each read is noted where it is made ([`reading`]). At the end of a cell the kernel is told
//! what was read and changed (`told.rs`); what it has to say before a cell is in a file (`given.rs`).

mod given;
mod reading;
mod told;

pub(crate) use given::given;
pub(crate) use reading::{Read, Reading, read, wrote};
pub(crate) use told::{add, add_list, tell, texts};

use super::{params, session_map as session};

/// Something that can be read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// A parameter's values.
    Param(String),
    /// Which parameters there are.
    ParamNames,
    /// A value of the session map.
    Session(String),
    /// Which values there are in it.
    SessionNames,
}

/// What was found there. Equal states are equal contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    pub texts: Vec<String>,
    /// Only the session map's own number tells what it is, and that does not outlive the process; or not even that: its insides may
    /// change.
    pub is_opaque: bool,
}

impl State {
    pub fn of(texts: Vec<String>) -> State {
        State {
            texts,
            is_opaque: false,
        }
    }
}

impl Subject {
    /// What it is at the moment.
    pub fn state(&self) -> State {
        match self {
            Subject::Param(key) => params::state(key),
            Subject::ParamNames => params::names(),
            Subject::Session(key) => session::state(key),
            Subject::SessionNames => session::names(),
        }
    }

    /// Two texts that no other subject has.
    pub fn texts(&self) -> [&str; 2] {
        match self {
            Subject::Param(key) => ["param", key],
            Subject::ParamNames => ["params", ""],
            Subject::Session(key) => ["session", key],
            Subject::SessionNames => ["sessions", ""],
        }
    }

    /// The subject of two such texts.
    pub fn of([kind, key]: [&str; 2]) -> Option<Subject> {
        Some(match kind {
            "param" => Subject::Param(key.to_owned()),
            "params" => Subject::ParamNames,
            "session" => Subject::Session(key.to_owned()),
            "sessions" => Subject::SessionNames,
            _ => return None,
        })
    }
}

/// The cell that ran has ended: the kernel is told, and has something new to say before the next.
pub(crate) fn cell_ended() {
    tell();
    given::forget();
    session::drop_removed();
}
