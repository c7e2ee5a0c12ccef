//! The notebook's parameters: what cells see, what is saved, and where they came from.
//!
//! There are two layers. The *base* is what the notebook's metadata says under `cellar.params`, and what is saved there. *Overrides* hold for this
//! run only: they come from `-p`, from papermill, from a page's address, and are never saved. Cells see overrides over base, name by name; setting a
//! parameter changes the base and takes its override away.
//!
//! | file | is |
//! | --- | --- |
//! | [`value`] | parameters as JSON, names, limits |
//! | [`comm`] | the conversation with front ends, target `cellar.params` |
//! | [`sources`], [`guess`] | where parameters come from when no front end tells |

pub mod comm;
mod guess;
mod sources;
mod value;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value};

pub use sources::Asked;
use value::{Read, check_key, check_size, read_all, to_json};

/// Names with their values, in order.
pub type Values = BTreeMap<String, Vec<String>>;

/// What was changed: the new values, or `None` for a parameter that was removed.
pub type Changes = Vec<(String, Option<Vec<String>>)>;

/// What is told of parameters to whoever shows or saves them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// What `metadata.cellar.params` has to be; `None`: there is none.
    pub saved: Option<Value>,
    pub overrides: Values,
    pub effective: Values,
    /// In words.
    pub source: String,
    /// What could not be read, a sentence each.
    pub problems: Vec<String>,
}

type Listener = Box<dyn Fn(&Told) + Send + Sync>;

/// The parameters of a session. Any thread may use them.
#[derive(Default)]
pub struct Params {
    state: Mutex<State>,
    listeners: Mutex<Vec<Listener>>,
}

#[derive(Default)]
struct State {
    /// `metadata.cellar.params` as it came, and as it is to be saved.
    base: Option<Value>,
    read: Read,
    overrides: Values,
    /// Problems of overrides.
    refused: Vec<String>,
    source: Source,
    /// Problems that were told.
    told: BTreeSet<String>,
}

/// Where the base comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum Source {
    /// Nobody was asked yet.
    #[default]
    Unknown,
    /// There is nobody to ask.
    Nowhere,
    /// A front end, by comm.
    FrontEnd(String),
    /// A file; how it was found.
    File { path: String, how: &'static str },
    /// Cells or magics have set them, before anybody else could.
    Cells,
    /// `cellar run`.
    Runner,
}

impl Source {
    fn words(&self) -> String {
        match self {
            Source::Unknown | Source::Nowhere => {
                "nothing: no front end and no file told any, and what is set lives as long as this kernel"
                    .to_owned()
            }
            Source::FrontEnd(client) => {
                format!("the notebook, as {client} has it; what is set is saved with it")
            }
            Source::File { path, how } => format!(
                "the file {path} ({how}), as it was last saved; what is set lives as long as this kernel, since no front end saves it"
            ),
            Source::Cells => "cells of this session; no front end saves them".to_owned(),
            Source::Runner => "the notebook; what is set is written with it".to_owned(),
        }
    }
}

impl Params {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls `listener` after each change.
    pub fn listen(&self, listener: impl Fn(&Told) + Send + Sync + 'static) {
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.push(Box::new(listener));
    }

    fn tell(&self) {
        let told = self.told();
        let listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.iter().for_each(|listener| listener(&told));
    }

    /// Takes what the notebook's metadata says.
    fn set_base(&self, base: Option<Value>, source: Source) {
        let mut state = self.state();
        let base = base.filter(|base| !base.is_null());
        if state.base != base {
            state.read = base.as_ref().map(read_all).unwrap_or_default();
            state.base = base;
        }
        state.source = source;
    }

    /// As [`Params::set_base`], for `cellar run`.
    pub fn set_notebook(&self, base: Option<Value>) {
        self.set_base(base, Source::Runner);
    }

    /// Adds values that hold for this run.
    ///
    /// # Errors
    /// What could not be taken, a sentence each; the others are.
    pub fn add_overrides(&self, overrides: &Map<String, Value>) -> Result<(), Vec<String>> {
        let given = Value::Object(
            overrides
                .iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect(),
        );
        let Read { values, problems, .. } = read_all(&given);
        {
            let mut state = self.state();
            state.overrides.extend(values);
            state.refused.extend(problems.iter().cloned());
        }
        self.tell();
        if problems.is_empty() {
            Ok(())
        } else {
            Err(problems)
        }
    }

    /// What cells see.
    pub fn effective(&self) -> Values {
        self.state().effective()
    }

    /// Why nothing can be set, if it is so.
    pub fn refusal(&self) -> Option<String> {
        self.state().read.unreadable.clone()
    }

    /// Sets a parameter, or removes it.
    ///
    /// # Errors
    /// Why not; nothing was changed then.
    pub fn set(&self, key: &str, values: Option<Vec<String>>) -> Result<(), String> {
        let mut state = self.state();
        if let Some(why) = &state.read.unreadable {
            return Err(format!("{why} Nothing was set."));
        }
        if let Some(values) = &values {
            check_key(key)?;
            let mut after = state.effective();
            after.insert(key.to_owned(), values.clone());
            check_size(&after)?;
        }
        state.change(key, values);
        drop(state);
        self.tell();
        Ok(())
    }

    /// Takes what a cell has changed; the process of the cells has checked it.
    pub fn apply(&self, changes: Changes) {
        if changes.is_empty() {
            return;
        }
        let mut state = self.state();
        if state.read.unreadable.is_none() {
            for (key, values) in changes {
                state.change(&key, values);
            }
        }
        drop(state);
        self.tell();
    }

    /// Removes all parameters. Gives how many there were.
    pub fn clear(&self) -> usize {
        let mut state = self.state();
        let count = state.effective().len();
        state.overrides.clear();
        state.refused.clear();
        state.base = None;
        state.read = Read::default();
        drop(state);
        self.tell();
        count
    }

    /// All that can be told.
    pub fn told(&self) -> Told {
        let state = self.state();
        Told {
            saved: state.base.clone(),
            overrides: state.overrides.clone(),
            effective: state.effective(),
            source: state.source.words(),
            problems: state.problems(),
        }
    }

    /// Problems of which the user was not told yet.
    pub fn new_problems(&self) -> Vec<String> {
        let mut state = self.state();
        let problems = state.problems();
        problems
            .into_iter()
            .filter(|problem| state.told.insert(problem.clone()))
            .collect()
    }

    /// Finds out what the parameters are if nobody has told: from the environment, from the notebook's file. To be called before
    /// they are needed; the first time counts.
    pub fn resolve(&self, notebook: Option<&Path>, asked: &Asked<'_>) {
        if self.state().source != Source::Unknown {
            return;
        }
        let found = sources::find(notebook, asked);
        let mut state = self.state();
        if state.source == Source::Unknown {
            state.source = Source::Nowhere;
        }
        let is_open = state.source == Source::Nowhere;
        drop(state);
        if let Some((base, path, how)) = found.base.filter(|_| is_open) {
            self.set_base(base, Source::File { path, how });
        }
        if let Err(problems) = self.add_overrides(&found.overrides) {
            tracing::debug!(?problems, "parameters of the environment");
        }
    }
}

impl State {
    fn effective(&self) -> Values {
        let mut all = self.read.values.clone();
        all.extend(self.overrides.clone());
        all
    }

    fn change(&mut self, key: &str, values: Option<Vec<String>>) {
        self.overrides.remove(key);
        let mut base = match self.base.take() {
            Some(Value::Object(base)) => base,
            _ => Map::new(),
        };
        match values {
            Some(values) => drop(base.insert(key.to_owned(), to_json(values))),
            None => drop(base.remove(key)),
        }
        let base = Value::Object(base);
        self.read = read_all(&base);
        // An object without any parameter says nothing.
        self.base = Some(base).filter(|base| base.as_object().is_some_and(|base| !base.is_empty()));
        if matches!(self.source, Source::Unknown | Source::Nowhere) {
            self.source = Source::Cells;
        }
    }

    fn problems(&self) -> Vec<String> {
        self.read.problems.iter().chain(&self.refused).cloned().collect()
    }
}

/// Parameters that anybody can share.
pub type SharedParams = Arc<Params>;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(base: Value) -> Params {
        let params = Params::default();
        params.set_notebook(Some(base));
        params
    }

    fn overriding(params: &Params, overrides: Value) -> Result<(), Vec<String>> {
        params.add_overrides(overrides.as_object().expect("an object"))
    }

    #[test]
    fn overrides_are_seen_and_not_saved() {
        let params = of(json!({"city": "Oslo", "tag": ["a", "b"]}));
        overriding(&params, json!({"city": "Bergen", "n": 5, "none": null})).expect("taken");
        let told = params.told();
        assert_eq!(told.effective["city"], ["Bergen"]);
        assert_eq!(told.effective["n"], ["5"]);
        assert_eq!(told.effective["tag"], ["a", "b"]);
        assert!(!told.effective.contains_key("none"));
        assert_eq!(told.saved, Some(json!({"city": "Oslo", "tag": ["a", "b"]})));
    }

    #[test]
    fn setting_changes_what_is_saved_and_ends_the_override() {
        let params = of(json!({"city": "Oslo"}));
        overriding(&params, json!({"city": "Bergen"})).expect("taken");
        params.set("city", Some(vec!["Lima".to_owned()])).expect("set");
        assert_eq!(params.effective()["city"], ["Lima"]);
        assert_eq!(params.told().saved, Some(json!({"city": "Lima"})));
        assert!(params.told().overrides.is_empty());
        params.set("city", None).expect("removed");
        assert_eq!(params.told().saved, None);
    }

    #[test]
    fn what_cannot_be_read_is_told_and_stays() {
        let params = of(json!({"city": "Oslo", "n": 5, "deep": {"a": 1}, "": "x"}));
        let told = params.told();
        assert_eq!(told.effective.len(), 2, "{told:?}");
        assert_eq!(told.problems.len(), 2, "{told:?}");
        params.set("city", Some(vec!["Rome".to_owned()])).expect("set");
        assert_eq!(
            params.told().saved,
            Some(json!({"city": "Rome", "n": 5, "deep": {"a": 1}, "": "x"}))
        );
        assert_eq!(params.new_problems().len(), 2);
        assert_eq!(params.new_problems().len(), 0, "each is told once");
    }

    #[test]
    fn another_shape_is_left_alone_until_it_is_cleared() {
        let params = of(json!(["city"]));
        assert!(params.set("city", Some(vec!["Oslo".to_owned()])).is_err());
        assert_eq!(params.told().saved, Some(json!(["city"])));
        params.clear();
        params.set("city", Some(vec!["Oslo".to_owned()])).expect("set");
        assert_eq!(params.told().saved, Some(json!({"city": "Oslo"})));
    }

    #[test]
    fn limits_hold() {
        let params = Params::default();
        assert!(params.set("", Some(vec![])).is_err());
        assert!(params.set("a\nb", Some(vec![])).is_err());
        assert!(
            params
                .set("a", Some(vec!["x".repeat(value::MOST_BYTES)]))
                .is_err()
        );
        assert!(
            params
                .set("a", Some(vec![String::new(); value::MOST_VALUES + 1]))
                .is_err()
        );
        assert_eq!(params.effective(), Values::new());
        params
            .set("å key with spaces", Some(vec!["Ω".to_owned()]))
            .expect("set");
    }

    #[test]
    fn listeners_hear_of_changes() {
        let params = Params::default();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let hears = Arc::clone(&heard);
        params.listen(move |told| hears.lock().expect("no panic").push(told.saved.clone()));
        params.apply(vec![("a".to_owned(), Some(vec!["1".to_owned(), "2".to_owned()]))]);
        params.apply(Vec::new());
        assert_eq!(*heard.lock().expect("no panic"), [Some(json!({"a": ["1", "2"]}))]);
    }
}
