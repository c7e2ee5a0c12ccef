//! The way of a cell with a directive: its inputs, a hit or a run, what is kept of the run.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use cellar_cache::{BlobRef, Claim, ClaimGuard, Digest, Entry, EntryKind, Ingredient, Key, Limits};

use super::explain::Outcome;
use super::inputs::{Inputs, Unkeyed};
use super::machine::{Adopted, Typed};
use super::manifest::{FORM, Manifest, Value};
use super::policy::{Kind, Persist, Policy};
use super::recording::{Recorded, Recorder, replay};
use super::{Caching, LastRun, STEP};
use crate::analysis::CellReading;
use crate::cell::CellSource;
use crate::interpreter::{CellError, Frontend, Output, Stream};

/// A cell that has a directive.
pub struct CachedCell<'a> {
    pub source: &'a Arc<CellSource>,
    /// Its Rust, line for line.
    pub rust: &'a str,
    pub reading: &'a CellReading,
    pub policy: &'a Policy,
    pub frontend: &'a Arc<dyn Frontend>,
}

/// What a computed cell saw besides its inputs.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Files and environment variables that the compiler read.
    pub observed: Vec<Ingredient>,
}

/// How a cell with a directive ended well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    pub hit: bool,
    pub key: Option<Key>,
    pub saved: Duration,
}

/// Runs the cell for real, outputs going to the frontend that is given.
pub type Run<'a> = dyn FnMut(Arc<dyn Frontend>) -> Result<Seen, CellError> + 'a;

/// How long it waits before it says so.
const PATIENCE: Duration = Duration::from_secs(1);

impl Caching {
    /// Takes the cell's result from the cache, or runs it and keeps what it made.
    ///
    /// # Errors
    /// The cell's own: it was run and failed. Nothing of it is kept then.
    pub fn cell(&self, cell: &CachedCell<'_>, run: &mut Run<'_>) -> Result<Done, CellError> {
        if let Some((written, replacement)) = cell.policy.replaces
            && self.state().warned.insert(written.to_owned())
        {
            warn(cell, &format!("`{written}` is deprecated; write `{replacement}`."));
        }
        if !self.state().on {
            self.uncached(cell, Outcome::Off, run)?;
            return Ok(self.done(None));
        }
        let inputs = match self.inputs(cell.reading, cell.policy) {
            Ok(inputs) => inputs,
            Err(Unkeyed { why, .. }) if cell.reading.has_parse_error() => {
                self.uncached(cell, Outcome::NotKept(why), run)?;
                return Ok(self.done(None));
            }
            Err(Unkeyed { why, help }) => {
                warn(cell, &format!("not cached: {why}. {help}"));
                self.uncached(cell, Outcome::NotKept(why), run)?;
                return Ok(self.done(None));
            }
        };
        for glob in &inputs.without_files {
            warn(cell, &format!("`files`: nothing matches `{glob}`."));
        }
        match cell.policy.kind {
            Kind::Data => self.data(cell, inputs, run),
            Kind::Resource => self.resource(cell, inputs, run),
        }
    }

    fn data(&self, cell: &CachedCell<'_>, inputs: Inputs, run: &mut Run<'_>) -> Result<Done, CellError> {
        let base = Key::of(&inputs.ingredients);
        let mut unusable = None;
        if let Some(done) = self.hit(cell, &inputs, base, &mut unusable) {
            return Ok(done);
        }
        let claimed = self.claim(cell, base);
        if matches!(claimed, Claimed::AfterAnother(_))
            && let Some(done) = self.hit(cell, &inputs, base, &mut unusable)
        {
            return Ok(done);
        }
        let outcome = match unusable {
            Some(why) => Outcome::Unusable(why),
            None => self.compare(cell, &inputs),
        };
        self.compute(cell, inputs, outcome, claimed.guard(), run)
    }

    /// Why there is no entry: what differs from the nearest one.
    fn compare(&self, cell: &CachedCell<'_>, inputs: &Inputs) -> Outcome {
        let name = self.entry_name(cell);
        match self
            .store
            .nearest(&self.scope, &name, EntryKind::Data, &inputs.ingredients)
        {
            Some(nearest) => Outcome::Changed(cellar_cache::diff(&nearest.ingredients, &inputs.ingredients)),
            None => Outcome::First,
        }
    }

    /// Gives back what an entry holds, if there is one that holds here.
    fn hit(
        &self,
        cell: &CachedCell<'_>,
        inputs: &Inputs,
        base: Key,
        unusable: &mut Option<String>,
    ) -> Option<Done> {
        for entry in self.store.find(base) {
            if !self.observes_the_same(&entry) {
                *unusable = Some("a file or an environment variable that the compiler read has changed".to_owned());
                continue;
            }
            let Some(manifest) = Manifest::from_bytes(&entry.body) else {
                *unusable = Some("another version of Cellar wrote it".to_owned());
                continue;
            };
            if let Some(lost) = manifest.values.iter().find(|value| !self.store.has_blob(&value.blob)) {
                *unusable = Some(format!("the value of `{}` is missing in the store", lost.name));
                continue;
            }
            self.give_back(cell, &entry, manifest);
            let done = Done {
                hit: true,
                key: Some(entry.key),
                saved: entry.cost,
            };
            self.remember(cell, &inputs.ingredients, Outcome::Hit { saved: entry.cost });
            return Some(done);
        }
        None
    }

    fn observes_the_same(&self, entry: &Entry) -> bool {
        let now = self.observe(&entry.observed);
        now.iter()
            .zip(&entry.observed)
            .all(|(now, then)| now.digest == then.digest)
    }

    fn give_back(&self, cell: &CachedCell<'_>, entry: &Entry, manifest: Manifest) {
        let Manifest {
            outputs,
            values,
            removed,
            ..
        } = manifest;
        replay(outputs, &**cell.frontend);
        let mut gone: Vec<String> = removed.clone();
        gone.extend(values.iter().map(|value| value.name.clone()));
        let variables = values
            .iter()
            .map(|value| {
                let typed = Typed {
                    name: value.name.clone(),
                    type_text: value.type_text.clone(),
                };
                (typed, value.mutable)
            })
            .collect();
        {
            let mut state = self.state();
            for name in &removed {
                state.ledger.remove(name);
            }
            for value in values {
                state.ledger.replayed(&cell.source.name, value);
            }
            state.items.learn(&cell.source.name, cell.reading);
        }
        self.wait_until_safe();
        self.machine.forget(&gone);
        self.machine.adopt(Adopted {
            cell: Arc::clone(cell.source),
            rust: cell.rust.to_owned(),
            variables,
            removed,
        });
        tracing::debug!(key = %entry.key.short(), cell = cell.source.name, "hit");
    }

    fn compute(
        &self,
        cell: &CachedCell<'_>,
        inputs: Inputs,
        outcome: Outcome,
        guard: Option<ClaimGuard>,
        run: &mut Run<'_>,
    ) -> Result<Done, CellError> {
        let before: BTreeSet<String> = self.state().ledger.names().map(str::to_owned).collect();
        let recorder = Arc::new(Recorder::new(Arc::clone(cell.frontend)));
        let started = Instant::now();
        let seen = run(Arc::clone(&recorder) as Arc<dyn Frontend>)?;
        let cost = started.elapsed();
        self.ran(&cell.source.name, cell.reading);
        let outputs = recorder.take();
        self.remember(cell, &inputs.ingredients, outcome);
        let kept = if recorder.asked_for_input() {
            Err("it asked for input, which is not a part of its key".to_owned())
        } else {
            self.keep(cell, inputs, before, outputs, seen, cost, guard)
        };
        let key = match kept {
            Ok(key) => Some(key),
            Err(why) => {
                warn(cell, &format!("not kept: {why}"));
                self.not_kept(&self.entry_name(cell), &why);
                None
            }
        };
        Ok(self.done(key))
    }

    /// Begins to write the entry of a run.
    #[expect(clippy::too_many_arguments, reason = "a run has so many sides, and each is used once")]
    fn keep(
        &self,
        cell: &CachedCell<'_>,
        inputs: Inputs,
        before: BTreeSet<String>,
        outputs: Vec<Recorded>,
        seen: Seen,
        cost: Duration,
        guard: Option<ClaimGuard>,
    ) -> Result<Key, String> {
        // What was computed from one content must not be found under another.
        if let Some(changed) = self.changed_meanwhile(cell.policy, &inputs) {
            return Err(format!("`{changed}` changed while the cell ran"));
        }
        let now: BTreeMap<String, String> = self
            .machine
            .variables()
            .into_iter()
            .map(|variable| (variable.name, variable.type_text))
            .collect();
        let removed: Vec<String> = before
            .iter()
            .filter(|name| !now.contains_key(*name))
            .cloned()
            .collect();
        let defined: BTreeMap<String, bool> = cell.reading.defined();
        let mut wanted: Vec<Typed> = Vec::new();
        for (name, type_text) in &now {
            let changed = inputs.may_change.contains(name);
            if !defined.contains_key(name) && !changed {
                continue;
            }
            if let Some(why) = self.refusal_of(name, type_text) {
                return Err(why);
            }
            wanted.push(Typed {
                name: name.clone(),
                type_text: type_text.clone(),
            });
        }
        let mut entry = Entry::new(
            EntryKind::Data,
            self.scope.clone(),
            self.entry_name(cell),
            inputs.ingredients,
            seen.observed,
        );
        entry.cost = cost;
        entry.expires = cell.policy.ttl.and_then(|ttl| SystemTime::now().checked_add(ttl));
        let key = entry.key;
        let manifest = Manifest {
            form: FORM,
            outputs,
            values: Vec::new(),
            removed,
        };
        self.write(cell, entry, manifest, wanted, &inputs.contents, guard);
        Ok(key)
    }

    /// Writes an entry behind the cell's back.
    fn write(
        &self,
        cell: &CachedCell<'_>,
        mut entry: Entry,
        mut manifest: Manifest,
        wanted: Vec<Typed>,
        contents: &BTreeMap<String, Digest>,
        guard: Option<ClaimGuard>,
    ) {
        let limits = Limits {
            max_entries: cell.policy.max_entries,
            max_bytes: cell.policy.max_bytes,
            memory_only: cell.policy.persist == Persist::Memory,
        };
        let (runs, mutable): (BTreeMap<String, Digest>, BTreeMap<String, bool>) = {
            let state = self.state();
            let variable = |typed: &Typed| Some((typed.name.clone(), state.ledger.get(&typed.name)?));
            (
                wanted.iter().filter_map(variable).map(|(name, variable)| (name, variable.run)).collect(),
                wanted.iter().filter_map(variable).map(|(name, variable)| (name, variable.mutable)).collect(),
            )
        };
        let types: BTreeMap<String, String> = wanted
            .iter()
            .map(|typed| (typed.name.clone(), typed.type_text.clone()))
            .collect();
        let contents = contents.clone();
        let defined = cell.reading.defined();
        let name = entry.name.clone();
        let me = self.me();
        self.save(wanted, move |saved| {
            let Some(me) = me.upgrade() else { return };
            for (variable, result) in saved {
                let run = runs.get(&variable).copied();
                match result {
                    Ok(saved) => {
                        if let Some(run) = run {
                            me.state().ledger.learn(&variable, run, Ok(saved.content));
                        }
                        // A variable that the cell only looked at.
                        if !defined.contains_key(&variable) && contents.get(&variable) == Some(&saved.content) {
                            let _ = std::fs::remove_file(&saved.file);
                            continue;
                        }
                        if let Err(error) = me.store.adopt_blob(&saved.file, saved.blob, limits.memory_only) {
                            me.late(&name, format!("`{variable}` could not be written to the store: {error}"));
                            return;
                        }
                        entry.blobs.push(BlobRef {
                            label: variable.clone(),
                            digest: saved.blob,
                            len: saved.len,
                        });
                        manifest.values.push(Value {
                            type_text: types[&variable].clone(),
                            mutable: mutable.get(&variable).copied().unwrap_or(false),
                            name: variable,
                            content: saved.content,
                            blob: saved.blob,
                            len: saved.len,
                        });
                    }
                    Err(refusal) => {
                        if let Some(run) = run {
                            me.state()
                                .ledger
                                .learn(&variable, run, Err(refusal.0.clone()));
                        }
                        me.late(&name, format!("`{variable}` cannot be stored: {refusal}"));
                        return;
                    }
                }
            }
            entry.body = manifest.to_bytes();
            if let Err(error) = me.store.put_entry(entry, &limits) {
                me.late(&name, format!("the entry could not be written: {error}"));
            }
            drop(guard);
        });
    }

    /// Runs a cell that is not to be kept.
    fn uncached(&self, cell: &CachedCell<'_>, outcome: Outcome, run: &mut Run<'_>) -> Result<(), CellError> {
        run(Arc::clone(cell.frontend))?;
        self.ran(&cell.source.name, cell.reading);
        self.remember(cell, &[], outcome);
        Ok(())
    }

    fn done(&self, key: Option<Key>) -> Done {
        Done {
            hit: false,
            key,
            saved: Duration::ZERO,
        }
    }

    fn remember(&self, cell: &CachedCell<'_>, ingredients: &[Ingredient], outcome: Outcome) {
        let name = self.entry_name(cell);
        let run = LastRun {
            name: name.clone(),
            cell: cell.source.name.clone(),
            ingredients: ingredients.to_vec(),
            outcome,
            kept: None,
        };
        let mut state = self.state();
        state.last.retain(|other| other.name != name);
        state.last.push(run);
    }

    /// What the user calls the entry: the name given, the first variable defined, or the first item.
    pub(super) fn entry_name(&self, cell: &CachedCell<'_>) -> String {
        cell.policy
            .name
            .clone()
            .or_else(|| cell.reading.first_name())
            .unwrap_or_else(|| "cell".to_owned())
    }

    /// Makes sure that no other kernel computes the same at the same time.
    fn claim(&self, cell: &CachedCell<'_>, key: Key) -> Claimed {
        let started = Instant::now();
        let mut told = false;
        let mut waited = false;
        loop {
            match self.store.claim(key, &self.entry_name(cell)) {
                Claim::Mine(guard) if waited => return Claimed::AfterAnother(Some(guard)),
                Claim::Mine(guard) => return Claimed::AtOnce(Some(guard)),
                Claim::Busy(holder) => {
                    waited = true;
                    if started.elapsed() > PATIENCE && !told {
                        told = true;
                        warn(
                            cell,
                            &format!(
                                "waits for another kernel (process {}), which computes the same; interrupt to stop waiting.",
                                holder.pid
                            ),
                        );
                    }
                    if self.is_interrupted() {
                        return Claimed::AfterAnother(None);
                    }
                    std::thread::sleep(STEP);
                }
                Claim::Unavailable => return Claimed::AtOnce(None),
            }
        }
    }
}

/// The right to compute.
enum Claimed {
    AtOnce(Option<ClaimGuard>),
    /// Somebody else had it before: there may be an entry now.
    AfterAnother(Option<ClaimGuard>),
}

impl Claimed {
    fn guard(self) -> Option<ClaimGuard> {
        match self {
            Claimed::AtOnce(guard) | Claimed::AfterAnother(guard) => guard,
        }
    }
}

/// Tells the user something about the cell that is no output of it.
pub(super) fn warn(cell: &CachedCell<'_>, text: &str) {
    cell.frontend.output(Output::Text {
        stream: Stream::Stderr,
        text: format!("{}: {text}\n", cell.policy.directive()),
    });
}
