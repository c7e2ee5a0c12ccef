//! What cells can read besides variables: the notebook's parameters and the session map. Both are used in the process of the cells;
//! before a cell it is given what holds ([`Surroundings::give`]), after it, it tells what the cell has read and changed.

mod told;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cellar_cache::Digest;

use crate::params::{Params, SharedParams};
use told::SessionChange;
pub use told::{Read, Subject, Told};

/// The crate that cells are, in the names of their types.
const CELLS: &str = "ctx::";

/// A type's name with the cells' own types as cells write them.
pub fn as_written(type_name: &str) -> String {
    type_name.replace(CELLS, "")
}

/// What surrounds the cells of a session.
pub struct Surroundings {
    pub params: SharedParams,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The file through which the process is told.
    file: PathBuf,
    /// What it was given last.
    given: Option<Vec<u8>>,
    /// Values of the session map whose types may come to mean something else.
    typed: BTreeMap<String, Typed>,
    /// What was told and nobody has asked for.
    told: Told,
    /// Values of the session map whose definitions are still to be looked at.
    changed: Vec<SessionChange>,
}

/// A value of the session map, of a type of the notebook's.
#[derive(Debug, Clone)]
struct Typed {
    type_text: String,
    /// The definitions that the type reached when the value was set.
    definitions: Digest,
}

impl Surroundings {
    /// `file` is the path that the process of the cells knows.
    pub fn new(params: SharedParams, file: PathBuf) -> Surroundings {
        Surroundings {
            params,
            state: Mutex::new(State {
                file,
                ..State::default()
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Before a cell: gives the process what holds now. `definitions` hashes what a type reaches, with the cell that is about to run.
    ///
    /// # Errors
    /// When the file cannot be written: the cell would see something that does not hold.
    pub fn give(&self, definitions: impl Fn(&str) -> Digest) -> std::io::Result<()> {
        let mut message = Vec::new();
        for (key, values) in self.params.effective() {
            add(["param", &key, &values.len().to_string()], &mut message);
            for value in &values {
                add([value], &mut message);
            }
        }
        if let Some(why) = self.params.refusal() {
            add(["refused", &why, ""], &mut message);
        }
        let mut state = self.state();
        for (key, typed) in &state.typed {
            if definitions(&typed.type_text) != typed.definitions {
                let why = format!("its type `{}` is defined otherwise now", typed.type_text);
                add(["withheld", key, &why], &mut message);
            }
        }
        // Most notebooks have neither.
        let nothing = state.given.is_none() && message.is_empty();
        if nothing || state.given.as_ref() == Some(&message) {
            return Ok(());
        }
        let folder = state.file.parent().unwrap_or(&state.file);
        let mut new = tempfile::NamedTempFile::new_in(folder)?;
        new.write_all(&message)?;
        new.persist(&state.file)?;
        state.given = Some(message);
        Ok(())
    }

    /// Takes what the process tells, after a cell or in between.
    pub fn hear(&self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let told = Told::parse(bytes);
        let params = told.params.clone();
        {
            let mut state = self.state();
            state.changed.extend(told.session.iter().cloned());
            state.told.add(told);
        }
        self.params.apply(params);
    }

    /// Notes of what types values of the session map are. To be called while the definitions are those of the cell that has set them.
    pub fn settle(&self, definitions: impl Fn(&str) -> Digest) {
        let mut state = self.state();
        for change in std::mem::take(&mut state.changed) {
            match &change.type_name {
                Some(type_name) if change.is_opaque => {
                    let type_text = as_written(type_name);
                    let typed = Typed {
                        definitions: definitions(&type_text),
                        type_text,
                    };
                    state.typed.insert(change.key, typed);
                }
                _ => drop(state.typed.remove(&change.key)),
            }
        }
    }

    /// What was told since this was asked last.
    pub fn take(&self) -> Told {
        std::mem::take(&mut self.state().told)
    }

    /// Values of the session map of which the type is defined otherwise now, each with its type: nobody can use them any more.
    pub fn take_outdated(&self, definitions: impl Fn(&str) -> Digest) -> Vec<(String, String)> {
        let mut state = self.state();
        state
            .typed
            .extract_if(.., |_, typed| definitions(&typed.type_text) != typed.definitions)
            .map(|(key, typed)| (key, typed.type_text))
            .collect()
    }

    /// The session map is empty: its process has ended.
    pub fn forget_session(&self) {
        self.state().typed.clear();
    }
}

/// The file's form is that of what is told.
fn add<const N: usize>(texts: [&str; N], message: &mut Vec<u8>) {
    for text in texts {
        message.extend((text.len() as u64).to_le_bytes());
        message.extend_from_slice(text.as_bytes());
    }
}

/// A parameter's state, as the process of the cells tells it.
pub fn param_texts(values: Option<&Vec<String>>) -> Vec<String> {
    let there = if values.is_some() { "there" } else { "missing" };
    let values = values.into_iter().flatten().cloned();
    std::iter::once(there.to_owned()).chain(values).collect()
}

/// What a parameter is now, in the texts that the process of the cells would tell.
pub fn param_state(params: &Params, subject: &Subject) -> Option<Vec<String>> {
    let effective = params.effective();
    match subject {
        Subject::Param(key) => Some(param_texts(effective.get(key))),
        Subject::ParamNames => Some(effective.into_keys().collect()),
        Subject::Session(_) | Subject::SessionNames | Subject::Env(_) | Subject::Files(_) => None,
    }
}

/// A session's surroundings, for all who need them.
pub type SharedSurroundings = Arc<Surroundings>;
