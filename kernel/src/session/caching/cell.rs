//! The way of a cell with a directive: its inputs, a hit or a run, what is kept of the run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use cellar_cache::{
    self as cache, BlobRef, Claim, ClaimGuard, Digest, Entry, EntryKind, Held, Ingredient, Key, Waited,
};

use super::explain::Outcome;
use super::inputs::{Inputs, Unkeyed};
use super::machine::{Adopted, Saved, Typed, When};
use super::manifest::{FORM, Manifest, Value};
use super::policy::{Kind, Policy};
use super::recording::{Recorded, Recorder, replay};
use super::surroundings::{Looked, is_surrounding};
use super::{Caching, LastRun, Ran, STEP, defined};
use crate::analysis::{CellReading, Verdict};
use crate::cell::CellSource;
use crate::interpreter::{CellError, Frontend, Output, Stream};
use crate::magic::nearest;
use crate::report::{self, Variables};
use crate::session::surroundings::Told;

/// A cell that has a directive.
pub struct CachedCell<'a> {
    pub source: &'a Arc<CellSource>,
    /// Its Rust, line for line.
    pub rust: &'a str,
    pub reading: &'a CellReading,
    pub policy: &'a Policy,
    pub frontend: &'a Arc<dyn Frontend>,
}

/// What was read for a cell besides the notebook and its variables.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    pub files: Vec<PathBuf>,
    /// Variables of the compiler's environment, with the values that it saw.
    pub env: Vec<(String, Option<String>)>,
    /// The compiler missed something where it had only what the cell reaches: what it said.
    pub unnamed: Option<String>,
    /// How long compiling and running took, waiting for the engine to boot left out.
    pub took: Duration,
    /// What the cell has read and changed besides variables.
    pub told: Told,
}

/// How a cell with a directive ended well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    pub hit: bool,
    pub key: Option<Key>,
    pub saved: Duration,
    /// What the user calls the entry.
    pub name: String,
    pub kind: Kind,
    /// How long ago it was computed.
    pub age: Duration,
}

impl Done {
    /// What the reply's metadata says under `cellar`.
    pub fn to_json(&self) -> serde_json::Value {
        let mut told = serde_json::Map::new();
        told.insert("cache".to_owned(), if self.hit { "hit" } else { "miss" }.into());
        if let Some(key) = &self.key {
            told.insert("key".to_owned(), key.to_string().into());
        }
        told.insert("name".to_owned(), self.name.clone().into());
        told.insert("kind".to_owned(), self.kind.as_str().into());
        if self.hit {
            told.insert("saved_s".to_owned(), self.saved.as_secs_f64().into());
            told.insert("age_s".to_owned(), self.age.as_secs_f64().into());
        }
        told.into()
    }
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
        if !self.state().on {
            self.uncached(cell, Outcome::Off, run)?;
            return Ok(self.done(cell, None));
        }
        let inputs = match self.inputs(cell.rust, cell.reading, cell.policy) {
            Ok(inputs) => inputs,
            Err(_) if self.is_interrupted() => return Err(report::interrupted(Variables::Kept)),
            Err(Unkeyed { why, .. }) if cell.reading.flags.parse_error => {
                self.uncached(cell, Outcome::NotKept(why), run)?;
                return Ok(self.done(cell, None));
            }
            Err(Unkeyed { why, help }) => {
                warn(cell, &format!("not cached: {why}. {help}"));
                self.uncached(cell, Outcome::NotKept(why), run)?;
                return Ok(self.done(cell, None));
            }
        };
        for glob in &inputs.without_files {
            warn(cell, &format!("`files`: nothing matches `{glob}`."));
        }
        for name in &cell.policy.ignore {
            if !(cell.reading.words.contains(name) || cell.reading.flags.reads_everything) {
                let near = nearest(name, cell.reading.reads.keys().map(String::as_str));
                let near = near.map(|near| format!(" The nearest name in it is `{near}`."));
                let near = near.unwrap_or_default();
                warn(cell, &format!("`ignore`: the cell does not use `{name}`.{near}"));
            }
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
        let claimed = self.claim(cell, base)?;
        // It may have been put since the last look.
        if let Some(done) = self.hit(cell, &inputs, base, &mut unusable) {
            return Ok(done);
        }
        for damaged in self.store.take_warnings() {
            warn(cell, &damaged.to_string());
        }
        let outcome = unusable.unwrap_or_else(|| self.compare(cell, &inputs, EntryKind::Data));
        self.compute(cell, inputs, outcome, claimed, run)
    }

    /// Why there is no entry: what differs from the nearest one.
    pub(super) fn compare(&self, cell: &CachedCell<'_>, inputs: &Inputs, kind: EntryKind) -> Outcome {
        let name = self.entry_name(cell);
        let nearest = self.store.nearest(&self.scope, &name, kind, &inputs.ingredients);
        match nearest {
            Some((_, changes)) => Outcome::Changed(changes),
            None => {
                self.compare_later(name, inputs.ingredients.clone(), kind);
                Outcome::First
            }
        }
    }

    /// Compares again when everything is in the store that was kept before, and before what is kept of the run which begins.
    fn compare_later(&self, name: String, ingredients: Vec<Ingredient>, kind: EntryKind) {
        let me = self.me();
        let finishing = Arc::clone(&self.finishing);
        let compare = move || {
            let Some(me) = me.upgrade() else { return };
            let nearest = me.store.nearest(&me.scope, &name, kind, &ingredients);
            let Some((_, changes)) = nearest else { return };
            let mut state = me.state();
            // The run may not have ended yet, and may fail.
            let of_this = |run: &&mut LastRun| {
                run.name == name && run.outcome == Outcome::First && run.ingredients == ingredients
            };
            if let Some(run) = state.last.iter_mut().find(of_this) {
                run.outcome = Outcome::Changed(changes);
                return;
            }
            state.compared.insert(name, (ingredients, changes));
        };
        // Each thread does what it was given in order.
        self.beginning.give(move || finishing.give(compare));
    }

    /// Gives back what an entry holds, if there is one that holds here.
    fn hit(
        &self,
        cell: &CachedCell<'_>,
        inputs: &Inputs,
        base: Key,
        unusable: &mut Option<Outcome>,
    ) -> Option<Done> {
        let mut looked = Looked::default();
        for entry in self.store.find(base) {
            if let Err(changed) = self.observes_the_same(&entry, &mut looked) {
                *unusable = Some(changed);
                continue;
            }
            let Some(manifest) = Manifest::from_bytes(&entry.body) else {
                *unusable = Some(Outcome::Unusable("another version of Cellar wrote it".to_owned()));
                continue;
            };
            let mut held = Vec::new();
            let lost = manifest
                .values
                .iter()
                .find(|value| match self.store.hold(&value.blob) {
                    Some(blob) => {
                        held.push(blob);
                        false
                    }
                    None => true,
                });
            if let Some(lost) = lost {
                let why = format!("the value of `{}` is missing in the store", lost.name);
                *unusable = Some(Outcome::Unusable(why));
                continue;
            }
            self.store.record_hit(&entry);
            self.give_back(cell, &entry, manifest, held);
            self.remember(cell, &inputs.ingredients, Outcome::Hit { saved: entry.cost });
            return Some(self.taken(cell, &entry));
        }
        None
    }

    /// Whether what was read for an entry is still the same.
    ///
    /// # Errors
    /// What is not.
    pub(super) fn observes_the_same(&self, entry: &Entry, looked: &mut Looked) -> Result<(), Outcome> {
        let now = self.observe_again(&entry.observed, looked);
        let changes = cache::diff(&entry.observed, &now);
        if changes.is_empty() {
            return Ok(());
        }
        Err(
            match changes.iter().all(|change| is_surrounding(change.ingredient())) {
                true => Outcome::Changed(changes),
                false => Outcome::Unusable(
                    "a file or an environment variable that the compiler read has changed".to_owned(),
                ),
            },
        )
    }

    /// A hit on this entry.
    pub(super) fn taken(&self, cell: &CachedCell<'_>, entry: &Entry) -> Done {
        Done {
            hit: true,
            key: Some(entry.key),
            saved: entry.cost,
            age: entry.created.elapsed().unwrap_or_default(),
            ..self.done(cell, None)
        }
    }

    fn give_back(&self, cell: &CachedCell<'_>, entry: &Entry, manifest: Manifest, held: Vec<Held>) {
        let Manifest {
            outputs,
            values,
            removed,
            params,
            ..
        } = manifest;
        replay(outputs, &**cell.frontend);
        self.machine.change_params(&params);
        let replaced = removed.iter().chain(values.iter().map(|value| &value.name));
        let gone: Vec<String> = {
            let state = self.state();
            let is_live = |name: &&String| state.ledger.get(name).is_some_and(|known| known.stored.is_none());
            replaced.filter(is_live).cloned().collect()
        };
        let variables: Vec<(Typed, bool)> = values
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
            for (value, held) in values.into_iter().zip(held) {
                state.ledger.replayed(&cell.source.name, value, held);
            }
            state.items.learn(&cell.source.name, cell.rust, cell.reading);
        }
        self.release_redefined();
        if !gone.is_empty() {
            self.wait_until_safe();
            self.machine.forget(&gone);
        }
        self.machine.adopt(Adopted {
            cell: Arc::clone(cell.source),
            rust: cell.rust.to_owned(),
            variables: variables.clone(),
            removed,
        });
        // Known from now on: the cell may define the types itself.
        for (typed, _) in variables {
            let identity = self.machine.identity(&typed.type_text, When::Now);
            self.state().ledger.identify(&typed.name, identity);
        }
        tracing::debug!(key = %entry.key.short(), cell = cell.source.name, "hit");
    }

    fn compute(
        &self,
        cell: &CachedCell<'_>,
        inputs: Inputs,
        outcome: Outcome,
        guard: ClaimGuard,
        run: &mut Run<'_>,
    ) -> Result<Done, CellError> {
        let before: BTreeSet<String> = self.state().ledger.names().map(str::to_owned).collect();
        let recorder = Arc::new(Recorder::new(Arc::clone(cell.frontend)));
        let seen = run(Arc::clone(&recorder) as Arc<dyn Frontend>)?;
        let cost = seen.took;
        self.ran(&cell.source.name, cell.rust, cell.reading, Ran::AsDeclared);
        let outputs = recorder.take();
        self.remember(cell, &inputs.ingredients, outcome);
        let kept = if recorder.asked_for_input() {
            Err("it asked for input, which is not a part of its key".to_owned())
        } else {
            self.keep(cell, inputs, before, outputs, seen, cost, guard)
        };
        Ok(self.computed(cell, kept))
    }

    /// Why a run must not be kept, for what it has used and done.
    pub(super) fn fault_of_run(&self, seen: &Seen) -> Option<String> {
        let unnamed = seen.unnamed.as_ref().map(|said| {
            format!(
                "it uses something of the notebook that it does not name, so that a change of it would not be seen (without the rest of the \
                 notebook, the compiler says: {said}). Name it in the cell, in a statement of its own: `let _ = name;`"
            )
        });
        unnamed.or_else(|| self.fault_of_surroundings(seen))
    }

    /// Begins to write the entry of a run.
    #[expect(
        clippy::too_many_arguments,
        reason = "a run has so many sides, and each is used once"
    )]
    fn keep(
        &self,
        cell: &CachedCell<'_>,
        inputs: Inputs,
        before: BTreeSet<String>,
        outputs: Vec<Recorded>,
        seen: Seen,
        cost: Duration,
        guard: ClaimGuard,
    ) -> Result<Key, String> {
        // What was computed from one content must not be found under another.
        if let Some(changed) = self.changed_meanwhile(cell.policy, &inputs) {
            return Err(format!("`{changed}` changed while the cell ran"));
        }
        if let Some(why) = self.fault_of_run(&seen) {
            return Err(why);
        }
        let now: BTreeMap<String, String> = self
            .machine
            .variables()
            .into_iter()
            .map(|variable| (variable.name, variable.type_text))
            .collect();
        let bound = defined(cell.reading);
        // What it binds and moves away is gone afterwards, whether it was there before or not.
        let removed: BTreeSet<String> = before
            .iter()
            .chain(bound.keys())
            .filter(|name| !now.contains_key(*name))
            .cloned()
            .collect();
        let removed = Vec::from_iter(removed);
        let mut wanted: Vec<Typed> = Vec::new();
        for (name, type_text) in &now {
            let is_new = bound.contains_key(name) || !before.contains(name);
            if !is_new && !inputs.may_change.contains(name) {
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
            self.observed(&seen),
        );
        entry.cost = cost;
        entry.expires = cell.policy.ttl.and_then(|ttl| SystemTime::now().checked_add(ttl));
        let key = entry.key;
        let manifest = Manifest {
            form: FORM,
            outputs,
            values: Vec::new(),
            shared: Vec::new(),
            removed,
            params: seen.told.params,
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
        guard: ClaimGuard,
    ) {
        let limits = cache::Policy {
            max_entries: cell.policy.max_entries,
            max_bytes: cell.policy.max_bytes,
            persist: cell.policy.persist,
        };
        let (runs, mutable): (BTreeMap<String, Digest>, BTreeMap<String, bool>) = {
            let state = self.state();
            let variable = |typed: &Typed| Some((typed.name.clone(), state.ledger.get(&typed.name)?));
            (
                wanted
                    .iter()
                    .filter_map(variable)
                    .map(|(name, variable)| (name, variable.run))
                    .collect(),
                wanted
                    .iter()
                    .filter_map(variable)
                    .map(|(name, variable)| (name, variable.mutable))
                    .collect(),
            )
        };
        let types: BTreeMap<String, String> = wanted
            .iter()
            .map(|typed| (typed.name.clone(), typed.type_text.clone()))
            .collect();
        let contents = contents.clone();
        let bound = defined(cell.reading);
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
                        if !bound.contains_key(&variable) && contents.get(&variable) == Some(&saved.content) {
                            let _ = std::fs::remove_file(&saved.file);
                            continue;
                        }
                        let kept = match limits.persist {
                            cache::Persist::Disk => me.store.adopt_blob(&*variable, &saved.file, saved.blob),
                            cache::Persist::Memory => me.keep_in_memory(&variable, &saved),
                        };
                        let blob = match kept {
                            Ok(blob) => blob,
                            Err(error) => {
                                me.late(
                                    &name,
                                    format!("`{variable}` could not be written to the store: {error}"),
                                );
                                return;
                            }
                        };
                        entry.blobs.push(blob.clone());
                        manifest.values.push(Value {
                            type_text: types[&variable].clone(),
                            mutable: mutable.get(&variable).copied().unwrap_or(false),
                            name: variable,
                            content: saved.content,
                            blob,
                        });
                    }
                    Err(refusal) => {
                        if let Some(run) = run {
                            me.state().ledger.learn(&variable, run, Err(refusal.0.clone()));
                        }
                        me.late(&name, format!("`{variable}` cannot be stored: {refusal}"));
                        return;
                    }
                }
            }
            entry.body = manifest.to_bytes();
            if let Err(error) = me.store.put_entry(&entry, &limits) {
                me.late(&name, error.to_string());
            }
            drop(guard);
        });
    }

    /// Takes a value into this process's memory; nothing of it stays on disk.
    fn keep_in_memory(&self, variable: &str, saved: &Saved) -> std::io::Result<BlobRef> {
        let bytes = std::fs::read(&saved.file);
        let _ = std::fs::remove_file(&saved.file);
        let bytes = bytes?;
        if Digest::of(&bytes) != saved.blob {
            return Err(std::io::Error::new(
                std::io::ErrorKind::InvalidData,
                "it changed while it was read",
            ));
        }
        Ok(self.store.put_blob(variable, bytes, cache::Persist::Memory))
    }

    /// Runs a cell that is not to be kept.
    fn uncached(&self, cell: &CachedCell<'_>, outcome: Outcome, run: &mut Run<'_>) -> Result<(), CellError> {
        let is_resource = cell.policy.kind == Kind::Resource;
        let ran = run(Arc::clone(cell.frontend));
        if ran.is_err() && is_resource {
            self.machine.discard_instances();
        }
        ran?;
        self.ran(&cell.source.name, cell.rust, cell.reading, Ran::Freely);
        if is_resource {
            self.keep_unkeyed(cell);
        }
        self.remember(cell, &[], outcome);
        Ok(())
    }

    /// Why a value of this type can never be stored, as far as its type's text tells.
    fn refusal_of(&self, name: &str, type_text: &str) -> Option<String> {
        let state = self.state();
        if let Verdict::Refused(fault) = state.items.verdict(type_text) {
            let help = match fault.borrows() {
                true => "Have it own that (`.clone()`, `.to_owned()`), or use",
                false => "Use",
            };
            return Some(format!(
                "`{name}` cannot be stored: {fault}. {help} `//% cache_resource`, which keeps any type in this process"
            ));
        }
        if let Some(borrowed) = state.items.borrowed(type_text) {
            return Some(format!(
                "`{name}` cannot be stored: {borrowed}. Make it a `String` (`.to_string()`), or use `//% cache_resource`, which \
                 keeps any type in this process"
            ));
        }
        let lacking = state.items.without_serde(type_text)?;
        Some(format!(
            "`{name}` cannot be stored: `{lacking}` is not serialisable. Put `#[derive(serde::Serialize, serde::Deserialize)]` \
             above it, or use `//% cache_resource`, which keeps any type in this process"
        ))
    }

    /// What is said of a cell that was computed: here its key, or why it is not kept.
    pub(super) fn computed(&self, cell: &CachedCell<'_>, kept: Result<Key, String>) -> Done {
        let key = match kept {
            Ok(key) => Some(key),
            Err(why) => {
                warn(cell, &format!("not kept: {why}"));
                self.not_kept(&self.entry_name(cell), &why);
                None
            }
        };
        self.done(cell, key)
    }

    fn done(&self, cell: &CachedCell<'_>, key: Option<Key>) -> Done {
        Done {
            hit: false,
            key,
            saved: Duration::ZERO,
            name: self.entry_name(cell),
            kind: cell.policy.kind,
            age: Duration::ZERO,
        }
    }

    pub(super) fn remember(&self, cell: &CachedCell<'_>, ingredients: &[Ingredient], outcome: Outcome) {
        let name = self.entry_name(cell);
        let mut run = LastRun {
            name: name.clone(),
            cell: cell.source.name.clone(),
            ingredients: ingredients.to_vec(),
            outcome,
            kept: None,
        };
        let mut state = self.state();
        if let Some((ingredients, changes)) = state.compared.remove(&name)
            && run.outcome == Outcome::First
            && ingredients == run.ingredients
        {
            run.outcome = Outcome::Changed(changes);
        }
        state.last.retain(|other| other.name != name);
        state.last.push(run);
    }

    /// What the user calls the entry: the name given, the first variable defined, or the first item.
    pub(super) fn entry_name(&self, cell: &CachedCell<'_>) -> String {
        cell.policy
            .name
            .clone()
            .or_else(|| cell.reading.defines.first().map(|variable| variable.name.clone()))
            .or_else(|| {
                cell.reading
                    .items
                    .iter()
                    .find_map(|item| item.names.first().cloned())
            })
            .unwrap_or_else(|| "cell".to_owned())
    }

    /// Makes sure that no other kernel computes the same at the same time.
    fn claim(&self, cell: &CachedCell<'_>, key: Key) -> Result<ClaimGuard, CellError> {
        let started = Instant::now();
        let mut told = false;
        loop {
            let waiter = match self.store.claim(key, &self.entry_name(cell)) {
                Claim::Mine(guard) => return Ok(guard),
                Claim::Busy(waiter) => waiter,
            };
            while waiter.wait(STEP) == Waited::Busy {
                if self.is_interrupted() {
                    return Err(report::interrupted(Variables::Kept));
                }
                if started.elapsed() > PATIENCE && !told {
                    told = true;
                    let who = match waiter.holder().pid {
                        Some(pid) if pid == std::process::id() => {
                            "this kernel, which still writes it".to_owned()
                        }
                        Some(pid) => format!("another kernel (process {pid}), which computes the same"),
                        None => "another kernel, which computes the same".to_owned(),
                    };
                    warn(cell, &format!("waits for {who}; interrupt to stop waiting."));
                }
            }
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
