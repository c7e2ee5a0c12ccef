//! The interpreter in the place of engine and host, and a session on it.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use cellar_cache::{Digest, Store};

use super::super::machine::{Adopted, Instance, Machine, Refusal, Saved, Saving, Typed, When};
use super::super::manifest;
use super::super::{CachedCell, Caching, Policy, Ran, Seen};
use super::language::{Cell, Faulty, Value, World};
use crate::analysis::read_cell;
use crate::cell::CellSource;
use crate::interpreter::{CellError, Frontend, InputError, Output, Stream};
use crate::magic;
use crate::params::Changes;
use crate::session::surroundings::{Read, Subject, Told, param_texts};

#[derive(Default)]
pub struct Fake {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    world: World,
    /// Name to type; the values of some are not in the world yet.
    known: BTreeMap<String, String>,
    cells: HashMap<String, Cell>,
}

impl Fake {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panicked")
    }

    pub fn set_param(&self, key: &str, values: Option<Vec<String>>) {
        let params = &mut self.state().world.params;
        match values {
            Some(values) => drop(params.insert(key.to_owned(), values[0].parse().expect("a number"))),
            None => drop(params.remove(key)),
        }
    }

    pub fn params(&self) -> BTreeMap<String, i64> {
        self.state().world.params.clone()
    }

    fn state_of(&self, subject: &Subject) -> Vec<String> {
        match subject {
            Subject::Param(key) => param_state(self.state().world.params.get(key).copied()),
            // The little language has no more.
            _ => Vec::new(),
        }
    }

    fn value(&self, name: &str) -> Value {
        let state = self.state();
        let value = state.world.values.get(name);
        value
            .unwrap_or_else(|| panic!("`{name}` is needed and not there"))
            .clone()
    }

    pub fn digest_of(value: &Value) -> Result<Digest, Refusal> {
        let bytes = value
            .encoded()
            .ok_or_else(|| Refusal("it is shared".to_owned()))?;
        Ok(Digest::of(&bytes))
    }
}

impl Machine for Fake {
    fn variables(&self) -> Vec<Typed> {
        let known = self.state().known.clone();
        known
            .into_iter()
            .map(|(name, type_text)| Typed { name, type_text })
            .collect()
    }

    fn prepare(&self, _type_texts: &[String]) {}

    fn interrupt(&self) {}

    fn digests(&self, variables: &[Typed]) -> Vec<Result<Digest, Refusal>> {
        variables
            .iter()
            .map(|typed| Fake::digest_of(&self.value(&typed.name)))
            .collect()
    }

    fn save(&self, variables: &[(Typed, PathBuf)]) -> Saving {
        let saved = variables
            .iter()
            .map(|(typed, file)| {
                let value = self.value(&typed.name);
                let saved = value
                    .encoded()
                    .ok_or_else(|| Refusal("it is shared".to_owned()))
                    .map(|bytes| {
                        std::fs::write(file, &bytes).expect("written");
                        Saved {
                            name: typed.name.clone(),
                            content: Digest::of(&bytes),
                            file: file.clone(),
                            blob: Digest::of(&bytes),
                        }
                    });
                (typed.name.clone(), saved)
            })
            .collect();
        Box::new(move || saved)
    }

    fn load(&self, value: &manifest::Value, file: &Path) -> Result<(), Refusal> {
        let bytes = std::fs::read(file).map_err(|error| Refusal(error.to_string()))?;
        let decoded = Value::decoded(&value.type_text, &bytes);
        self.state().world.values.insert(value.name.clone(), decoded);
        Ok(())
    }

    fn adopt(&self, adopted: Adopted) {
        let mut state = self.state();
        let cell = state.cells[&adopted.rust].clone();
        for item in &cell.items {
            state.world.define(item);
        }
        for name in adopted.removed {
            state.known.remove(&name);
        }
        for (typed, _) in adopted.variables {
            state.known.insert(typed.name, typed.type_text);
        }
    }

    fn forget(&self, names: &[String]) {
        let mut state = self.state();
        for name in names {
            state.world.values.remove(name);
        }
    }

    /// The language of the tests has no instances.
    fn keep_instances(&self, _version: &str) -> Result<usize, Refusal> {
        Ok(0)
    }

    fn discard_instances(&self) {}

    fn restore_instances(&self, _version: &str, _names: &[String]) -> bool {
        false
    }

    fn release_instances(&self, _versions: &[String]) {}

    fn instances(&self) -> Vec<Instance> {
        Vec::new()
    }

    fn identity(&self, _: &str, _: When) -> u128 {
        0
    }

    fn dependencies(&self) -> Vec<(String, Digest, String)> {
        Vec::new()
    }

    fn env(&self, _name: &str) -> Option<OsString> {
        None
    }

    fn working_directory(&self) -> Option<PathBuf> {
        std::env::current_dir().ok()
    }

    fn states(&self, subjects: &[Subject]) -> Vec<Vec<String>> {
        subjects.iter().map(|subject| self.state_of(subject)).collect()
    }

    fn change_params(&self, changes: &Changes) {
        for (key, values) in changes {
            self.set_param(key, values.clone());
        }
    }
}

fn param_state(value: Option<i64>) -> Vec<String> {
    param_texts(value.map(|value| vec![value.to_string()]).as_ref())
}

/// What is shown.
#[derive(Default)]
pub struct Shown(Mutex<String>);

impl Frontend for Shown {
    fn output(&self, output: Output) {
        if let Output::Text {
            stream: Stream::Stdout,
            text,
        } = output
        {
            self.0.lock().expect("nobody panicked").push_str(&text);
        }
    }

    fn input(&self, _: &str, _: bool) -> Result<String, InputError> {
        Err(InputError::NotAllowed)
    }
}

/// A session on the interpreter.
pub struct Session {
    pub machine: Arc<Fake>,
    pub caching: Arc<Caching>,
    /// Cells that were computed, by name.
    pub computed: Vec<String>,
    runs: usize,
}

impl Session {
    pub fn start(store: &Store) -> Session {
        let machine = Arc::new(Fake::default());
        let caching = Caching::new(
            store.clone(),
            Arc::clone(&machine) as Arc<dyn Machine>,
            "nb".to_owned(),
        )
        .expect("threads can be started");
        Session {
            machine,
            caching,
            computed: Vec::new(),
            runs: 0,
        }
    }

    /// Runs a cell whose text is `text`, and tells what it printed and whether it was taken from the cache.
    pub fn run(&mut self, cell: &Cell, text: &str, clock: i64) -> Result<(String, bool), Faulty> {
        self.runs += 1;
        let source = CellSource::new(format!("In[{}]", self.runs), text);
        self.machine.state().cells.insert(text.to_owned(), cell.clone());
        let reading = read_cell(text);
        assert!(!reading.flags.parse_error, "{text}");
        let shown = Arc::new(Shown::default());
        let frontend = Arc::clone(&shown) as Arc<dyn Frontend>;
        let (machine, caching) = (Arc::clone(&self.machine), Arc::clone(&self.caching));
        let mut computed = false;
        let mut compute = |frontend: Arc<dyn Frontend>| {
            computed = true;
            let names: Vec<String> = machine
                .variables()
                .into_iter()
                .map(|typed| typed.name)
                .filter(|name| reading.words.contains(name))
                .collect();
            caching.materialise(&names).expect("values can be had");
            let mut state = machine.state();
            state.world.clock = clock;
            let printed = state.world.run(cell).map_err(|Faulty| error())?;
            let stored: BTreeMap<String, String> = state
                .known
                .iter()
                .filter(|(name, _)| !names.contains(name))
                .map(|(name, type_text)| (name.clone(), type_text.clone()))
                .collect();
            let made: BTreeMap<String, String> = state
                .world
                .values
                .iter()
                .map(|(name, value)| (name.clone(), value.type_text().to_owned()))
                .collect();
            state.known = stored;
            state.known.extend(made);
            frontend.output(Output::Text {
                stream: Stream::Stdout,
                text: printed,
            });
            let read = state.world.params_read.borrow().clone();
            let read = read.into_iter().map(|(name, value)| Read {
                subject: Subject::Param(name),
                state: param_state(value),
                is_opaque: false,
            });
            let set = state.world.params_set.iter();
            let told = Told {
                read: read.collect(),
                params: set
                    .map(|(name, value)| (name.clone(), Some(vec![value.to_string()])))
                    .collect(),
                ..Told::default()
            };
            Ok(Seen {
                told,
                ..Seen::default()
            })
        };
        let hit = if cell.cached {
            let parsed = magic::parse("//% cache_data\nlet x = 1;").expect("a directive");
            let policy = Policy::of(&parsed.directives[0]);
            let cached = CachedCell {
                source: &source,
                rust: text,
                reading: &reading,
                policy: &policy,
                frontend: &frontend,
            };
            self.caching.cell(&cached, &mut compute).map(|done| done.hit)
        } else {
            compute(Arc::clone(&frontend)).map(|_| {
                self.caching.ran(&source.name, text, &reading, Ran::Freely);
                false
            })
        };
        if computed {
            self.computed.push(source.name.clone());
        }
        let hit = hit.map_err(|_| Faulty)?;
        assert_ne!(hit, computed);
        let printed = shown.0.lock().expect("nobody panicked").clone();
        Ok((printed, hit))
    }

    /// Compares every variable with those of a session without a cache.
    pub fn assert_same_variables(&self, reference: &World, context: &str) {
        let known: Vec<(String, String)> = self
            .machine
            .variables()
            .into_iter()
            .map(|typed| (typed.name, typed.type_text))
            .collect();
        let expected: Vec<(String, String)> = reference
            .values
            .iter()
            .map(|(name, value)| (name.clone(), value.type_text().to_owned()))
            .collect();
        assert_eq!(known, expected, "{context}");
        assert_eq!(self.machine.params(), reference.params, "{context}");
        let state = self.caching.state();
        for (name, value) in &reference.values {
            let variable = state
                .ledger
                .get(name)
                .unwrap_or_else(|| panic!("{name}: {context}"));
            let content = Fake::digest_of(value).ok();
            match &variable.stored {
                Some(stored) => assert_eq!(Some(stored.value.content), content, "{name}: {context}"),
                None => assert_eq!(self.machine.value(name), *value, "{name}: {context}"),
            }
            if let Some(known) = variable.content {
                assert_eq!(Some(known), content, "the hash of {name}: {context}");
            }
        }
    }
}

fn error() -> CellError {
    CellError {
        ename: "E0000".to_owned(),
        evalue: "it does not compile".to_owned(),
        traceback: Vec::new(),
    }
}
