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

use std::ffi::OsStr;

use super::{params, session_map as session};
use crate::host_cache;

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
    /// A variable of the environment that a cached function declares as its input.
    Env(String),
    /// The files of such a function: globs, one in a line.
    Files(String),
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
            Subject::Env(name) => State::of(env(name)),
            Subject::Files(globs) => State::of(files(globs)),
        }
    }

    /// Whether it may change without being told: whoever depends on it looks again when all is done.
    pub fn is_outside(&self) -> bool {
        matches!(self, Subject::Env(_) | Subject::Files(_))
    }

    /// Two texts that no other subject has.
    pub fn texts(&self) -> [&str; 2] {
        match self {
            Subject::Param(key) => ["param", key],
            Subject::ParamNames => ["params", ""],
            Subject::Session(key) => ["session", key],
            Subject::SessionNames => ["sessions", ""],
            Subject::Env(name) => ["env", name],
            Subject::Files(globs) => ["files", globs],
        }
    }

    /// The subject of two such texts.
    pub fn of([kind, key]: [&str; 2]) -> Option<Subject> {
        Some(match kind {
            "param" => Subject::Param(key.to_owned()),
            "params" => Subject::ParamNames,
            "session" => Subject::Session(key.to_owned()),
            "sessions" => Subject::SessionNames,
            "env" => Subject::Env(key.to_owned()),
            "files" => Subject::Files(key.to_owned()),
            _ => return None,
        })
    }
}

/// A variable of the environment, not as it is: keys are on disk, and it may be a secret. The kernel's side is
/// `Workshop::outside`.
fn env(name: &str) -> Vec<String> {
    let digest = |value: &OsStr| host_cache::digest(value.as_encoded_bytes());
    match std::env::var_os(name) {
        Some(value) => vec![
            "there".to_owned(),
            digest(&value).map_or_else(String::new, hexadecimal),
        ],
        None => vec!["missing".to_owned()],
    }
}

fn files(globs: &str) -> Vec<String> {
    let globs: Vec<&str> = globs.lines().collect();
    vec![host_cache::files(&globs).map_or_else(String::new, hexadecimal)]
}

/// A digest as the store writes it.
pub(crate) fn hexadecimal(digest: [u8; host_cache::DIGEST]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The cell that ran has ended: the kernel is told, and has something new to say before the next.
pub(crate) fn cell_ended() {
    tell();
    given::forget();
    session::drop_removed();
}
