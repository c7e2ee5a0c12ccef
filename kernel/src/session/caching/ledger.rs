//! What the session knows of its variables: which run made each, what is in it, and where it is.

use std::collections::{BTreeMap, BTreeSet};

use cellar_cache::{Digest, Hasher, Held};

use super::machine::Typed;
use super::manifest::Value;

/// A variable as it is now.
#[derive(Debug, Clone)]
pub struct Variable {
    pub type_text: String,
    pub mutable: bool,
    /// The cell that made or changed it last, by name.
    pub cell: String,
    /// The run that made or changed it last. No two runs are alike, in any session.
    pub run: Digest,
    /// The hash of its content, if somebody has asked for it since it changed.
    pub content: Option<Digest>,
    /// It can be neither hashed nor stored: why.
    pub refused: Option<String>,
    /// Its encoded value, if it has not been needed yet.
    pub stored: Option<Stored>,
    /// It is an instance that cells share, made under this key.
    pub resource: Option<Digest>,
}

/// A value that is bytes.
#[derive(Debug, Clone)]
pub struct Stored {
    pub value: Value,
    pub held: Held,
    /// Of its type when it came: the value must not be read as one of another.
    pub identity: u128,
}

/// All variables.
#[derive(Debug)]
pub struct Ledger {
    variables: BTreeMap<String, Variable>,
    session: String,
    runs: u64,
}

impl Ledger {
    pub fn new() -> Ledger {
        Ledger {
            variables: BTreeMap::new(),
            session: uuid::Uuid::new_v4().to_string(),
            runs: 0,
        }
    }

    pub fn get(&self, name: &str) -> Option<&Variable> {
        self.variables.get(name)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &Variable)> {
        self.variables
            .iter()
            .map(|(name, variable)| (name.as_str(), variable))
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.variables.keys().map(String::as_str)
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.variables.clear();
    }

    /// Enters what a run left: `now` are the variables that there are, `defined` those that the cell bound
    /// (and whether with `mut`), `changed` those that it may have changed.
    pub fn ran(
        &mut self,
        cell: &str,
        now: &[Typed],
        defined: &BTreeMap<String, bool>,
        changed: impl Fn(&str, &Variable) -> bool,
    ) -> Digest {
        let run = self.next_run();
        let there: BTreeSet<&str> = now.iter().map(|variable| variable.name.as_str()).collect();
        self.variables.retain(|name, _| there.contains(name.as_str()));
        for variable in now {
            let old = self.variables.get_mut(&variable.name);
            let is_new = defined.contains_key(&variable.name);
            match old {
                Some(old) if !is_new && old.type_text == variable.type_text => {
                    if changed(&variable.name, old) {
                        old.run = run;
                        old.cell = cell.to_owned();
                        old.content = None;
                        old.refused = None;
                        old.stored = None;
                    }
                }
                _ => {
                    let mutable = defined.get(&variable.name).copied().unwrap_or(true);
                    self.variables.insert(
                        variable.name.clone(),
                        Variable {
                            type_text: variable.type_text.clone(),
                            mutable,
                            cell: cell.to_owned(),
                            run,
                            content: None,
                            refused: None,
                            stored: None,
                            resource: None,
                        },
                    );
                }
            }
        }
        run
    }

    /// Enters a value that came from an entry and has not been needed yet.
    pub fn replayed(&mut self, cell: &str, value: Value, held: Held) {
        let run = self.next_run();
        self.variables.insert(
            value.name.clone(),
            Variable {
                type_text: value.type_text.clone(),
                mutable: value.mutable,
                cell: cell.to_owned(),
                run,
                content: Some(value.content),
                refused: None,
                stored: Some(Stored {
                    value,
                    held,
                    identity: 0,
                }),
                resource: None,
            },
        );
    }

    /// Enters a handle of the instance that was made under `key`.
    pub fn shared(&mut self, cell: &str, typed: &Typed, key: Digest) {
        let run = self.next_run();
        self.variables.insert(
            typed.name.clone(),
            Variable {
                type_text: typed.type_text.clone(),
                mutable: false,
                cell: cell.to_owned(),
                run,
                content: None,
                refused: None,
                stored: None,
                resource: Some(key),
            },
        );
    }

    /// Says what the type of a value is that came from an entry.
    pub fn identify(&mut self, name: &str, identity: u128) {
        if let Some(stored) = self
            .variables
            .get_mut(name)
            .and_then(|variable| variable.stored.as_mut())
        {
            stored.identity = identity;
        }
    }

    pub fn remove(&mut self, name: &str) {
        self.variables.remove(name);
    }

    /// Enters what was learnt of a variable's content, unless it has changed since `run`.
    pub fn learn(&mut self, name: &str, run: Digest, content: Result<Digest, String>) {
        let Some(variable) = self
            .variables
            .get_mut(name)
            .filter(|variable| variable.run == run)
        else {
            return;
        };
        match content {
            Ok(content) => variable.content = Some(content),
            Err(why) => variable.refused = Some(why),
        }
    }

    /// The host has the value now.
    pub fn materialised(&mut self, name: &str) {
        if let Some(variable) = self.variables.get_mut(name) {
            variable.stored = None;
        }
    }

    /// What no other run has, in any session.
    pub fn next_run(&mut self) -> Digest {
        self.runs += 1;
        let mut hasher = Hasher::new("run");
        hasher.part("session", self.session.as_bytes());
        hasher.part("number", &self.runs.to_le_bytes());
        hasher.finish()
    }
}
