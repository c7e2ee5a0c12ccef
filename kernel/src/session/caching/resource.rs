//! The way of a cell below `//% cache_resource`: what it defines is one instance for each key, kept in the process that
//! runs cells.
//!
//! The store has the entry, in memory only, and so decides how long an instance is kept; the process has the
//! instances, by the entry's key. An instance that has no entry any more is released at the next opportunity, once.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use cellar_cache::{
    self as cache, Change, Digest, Entry, EntryKind, Ingredient, IngredientKind, Key, Persist,
};

use super::cell::{CachedCell, Done, Run, Seen};
use super::explain::Outcome;
use super::inputs::Inputs;
use super::machine::{Adopted, Instance, Typed};
use super::manifest::{FORM, Manifest};
use super::policy::Policy;
use super::recording::{Recorded, Recorder, replay};
use super::surroundings::Looked;
use super::{Caching, Ran, defined};
use crate::interpreter::{CellError, Frontend};

/// What one run of a cell has made.
#[derive(Debug, Clone)]
pub(super) struct Instances {
    /// What the process knows them by.
    version: String,
    /// Of their entry; those of a run that is not to be found again have none.
    key: Option<Key>,
    /// What the user calls the entry.
    name: String,
    variables: Vec<String>,
    type_texts: Vec<String>,
    /// Of the entry.
    ingredients: Vec<Ingredient>,
    /// The definitions that their types reach, as they were.
    definitions: Vec<Ingredient>,
}

impl Instances {
    /// Whether these were made by another definition of the cell: then nothing leads back to them.
    fn is_superseded(&self, name: &str, variables: &[String], ingredients: &[Ingredient]) -> bool {
        let same_name = self.name == name && self.variables.iter().any(|it| variables.contains(it));
        let definition = |change: &Change| {
            matches!(
                change.ingredient().kind,
                IngredientKind::Code | IngredientKind::Item | IngredientKind::Dependencies
            )
        };
        same_name
            && (self.key.is_none() || cache::diff(&self.ingredients, ingredients).iter().any(definition))
    }
}

impl Caching {
    pub(super) fn resource(
        &self,
        cell: &CachedCell<'_>,
        mut inputs: Inputs,
        run: &mut Run<'_>,
    ) -> Result<Done, CellError> {
        self.add_directive(cell.policy, &mut inputs.ingredients);
        self.release_forgotten();
        let base = Key::of(&inputs.ingredients);
        let mut unusable = None;
        let mut looked = Looked::default();
        for entry in self.store.find(base) {
            if let Err(changed) = self.observes_the_same(&entry, &mut looked) {
                unusable = Some(changed);
                continue;
            }
            match Manifest::from_bytes(&entry.body) {
                Some(manifest) if self.hand_out(&entry, &manifest) => {
                    return Ok(self.resource_hit(cell, &inputs, &entry, manifest));
                }
                _ => {
                    let why = "its instance is gone, or `validate` refused it";
                    unusable = Some(Outcome::Unusable(why.to_owned()));
                    self.release_entry(entry.key);
                }
            }
        }
        let outcome = unusable.unwrap_or_else(|| self.compare(cell, &inputs, EntryKind::Resource));
        self.make(cell, inputs, outcome, run)
    }

    /// A cell that is kept by value has another key, and so has one whose instances are looked after in another way.
    fn add_directive(&self, policy: &Policy, ingredients: &mut Vec<Ingredient>) {
        let option = |name: &str, text: &str| {
            Ingredient::new(IngredientKind::Option, name, Digest::of(text.as_bytes())).with_note(text)
        };
        ingredients.push(option("directive", policy.directive()));
        let state = self.state();
        let hooks = [("on_release", &policy.on_release), ("validate", &policy.validate)];
        for (name, path) in hooks {
            let Some(path) = path else { continue };
            ingredients.push(option(name, path));
            for part in path.split("::").map(str::trim).filter(|part| !part.is_empty()) {
                ingredients.push(Ingredient::new(
                    IngredientKind::Item,
                    part,
                    state.items.code_of(part),
                ));
            }
        }
    }

    /// Gives the variables their instances, if all are there and valid.
    fn hand_out(&self, entry: &Entry, manifest: &Manifest) -> bool {
        if manifest.shared.is_empty() {
            return true;
        }
        self.wait_until_safe();
        let names: Vec<String> = manifest.shared.iter().map(|typed| typed.name.clone()).collect();
        let is_there = self.machine.restore_instances(&entry.key.to_string(), &names);
        tracing::debug!(key = %entry.key.short(), ?names, is_there, "instances are handed out");
        is_there
    }

    fn resource_hit(
        &self,
        cell: &CachedCell<'_>,
        inputs: &Inputs,
        entry: &Entry,
        manifest: Manifest,
    ) -> Done {
        let Manifest {
            outputs,
            shared,
            removed,
            params,
            ..
        } = manifest;
        replay(outputs, &**cell.frontend);
        self.machine.change_params(&params);
        let gone: Vec<String> = {
            let mut state = self.state();
            let gone = removed.iter().filter(|name| {
                let known = state.ledger.get(name);
                known.is_some_and(|known| known.stored.is_none())
            });
            let gone = gone.cloned().collect();
            for name in &removed {
                state.ledger.remove(name);
            }
            for typed in &shared {
                state.ledger.shared(&cell.source.name, typed, entry.key.0);
            }
            state.items.learn(&cell.source.name, cell.rust, cell.reading);
            gone
        };
        if !gone.is_empty() {
            self.machine.forget(&gone);
        }
        self.machine.adopt(Adopted {
            cell: Arc::clone(cell.source),
            rust: cell.rust.to_owned(),
            variables: shared.into_iter().map(|typed| (typed, false)).collect(),
            removed,
        });
        self.release_redefined();
        self.store.record_hit(entry);
        self.remember(cell, &inputs.ingredients, Outcome::Hit { saved: entry.cost });
        self.taken(cell, entry)
    }

    fn make(
        &self,
        cell: &CachedCell<'_>,
        inputs: Inputs,
        outcome: Outcome,
        run: &mut Run<'_>,
    ) -> Result<Done, CellError> {
        let before: BTreeSet<String> = self.state().ledger.names().map(str::to_owned).collect();
        let recorder = Arc::new(Recorder::new(Arc::clone(cell.frontend)));
        let started = Instant::now();
        let seen = run(Arc::clone(&recorder) as Arc<dyn Frontend>)
            .inspect_err(|_| self.machine.discard_instances())?;
        let cost = started.elapsed();
        self.ran(&cell.source.name, cell.rust, cell.reading, Ran::AsDeclared);
        let outputs = recorder.take();
        self.remember(cell, &inputs.ingredients, outcome);
        let fault = if recorder.asked_for_input() {
            Some("it asked for input, which is not a part of its key".to_owned())
        } else {
            self.changed_meanwhile(cell.policy, &inputs)
                .map(|changed| format!("`{changed}` changed while the cell ran"))
                .or_else(|| self.fault_of_run(&seen))
                .or_else(|| self.changed_variable(cell, &inputs))
        };
        let kept = match fault {
            None => self.keep_resource(cell, inputs, &before, outputs, &seen, cost),
            Some(why) => {
                self.keep_unkeyed(cell);
                Err(why)
            }
        };
        Ok(self.computed(cell, kept))
    }

    /// A hit could not change a variable that is not the cell's own as the run has done.
    fn changed_variable(&self, cell: &CachedCell<'_>, inputs: &Inputs) -> Option<String> {
        let bound = defined(cell.reading);
        let now = self.machine.variables();
        let touched: Vec<Typed> = now
            .into_iter()
            .filter(|typed| inputs.may_change.contains(&typed.name) && !bound.contains_key(&typed.name))
            .collect();
        if touched.is_empty() {
            return None;
        }
        let digests = self.machine.digests(&touched);
        touched
            .iter()
            .zip(digests)
            .find(|(typed, digest)| digest.as_ref().ok() != inputs.contents.get(&typed.name))
            .map(|(typed, _)| {
                format!(
                    "it changed `{}`, which an earlier cell made and a hit would leave as it is",
                    typed.name
                )
            })
    }

    /// What the cell made is found again by its key.
    fn keep_resource(
        &self,
        cell: &CachedCell<'_>,
        inputs: Inputs,
        before: &BTreeSet<String>,
        outputs: Vec<Recorded>,
        seen: &Seen,
        cost: Duration,
    ) -> Result<Key, String> {
        let now = self.machine.variables();
        let is_there = |name: &String| now.iter().any(|typed| typed.name == *name);
        let removed = before.iter().filter(|name| !is_there(name)).cloned().collect();
        let name = self.entry_name(cell);
        let mut entry = Entry::new(
            EntryKind::Resource,
            self.scope.clone(),
            name.clone(),
            inputs.ingredients.clone(),
            self.observed(seen),
        );
        entry.cost = cost;
        entry.expires = cell.policy.ttl.and_then(|ttl| SystemTime::now().checked_add(ttl));
        let key = entry.key;
        let shared = self.enter(cell, key.to_string(), Some(key), inputs.ingredients)?;
        entry.body = Manifest {
            form: FORM,
            outputs,
            values: Vec::new(),
            shared,
            removed,
            params: seen.told.params.clone(),
        }
        .to_bytes();
        let limits = cache::Policy {
            max_entries: cell.policy.max_entries,
            max_bytes: None,
            persist: Persist::Memory,
        };
        let put = self.store.put_entry(&entry, &limits);
        self.release_forgotten();
        put.map(|_| key).map_err(|error| error.to_string())
    }

    /// What the cell made is kept until the cell runs again; no other run finds it.
    pub(super) fn keep_unkeyed(&self, cell: &CachedCell<'_>) {
        let version = self.state().ledger.next_run();
        if let Err(why) = self.enter(cell, version.to_string(), None, Vec::new()) {
            tracing::warn!(cell = cell.source.name, "instances are not kept: {why}");
        }
    }

    /// The process keeps what the cell has made, and what this supersedes is released. Gives the variables.
    fn enter(
        &self,
        cell: &CachedCell<'_>,
        version: String,
        key: Option<Key>,
        ingredients: Vec<Ingredient>,
    ) -> Result<Vec<Typed>, String> {
        let made = self
            .machine
            .keep_instances(&version)
            .map_err(|refusal| refusal.0)?;
        tracing::debug!(version, made, "instances are kept");
        let bound = defined(cell.reading);
        let mut shared = self.machine.variables();
        shared.retain(|typed| bound.contains_key(&typed.name));
        let variables: Vec<String> = shared.iter().map(|typed| typed.name.clone()).collect();
        let name = self.entry_name(cell);
        let identity = key.map_or_else(|| Digest::of(version.as_bytes()), |key| key.0);
        let superseded: Vec<Instances> = {
            let mut state = self.state();
            for typed in &shared {
                state.ledger.shared(&cell.source.name, typed, identity);
            }
            // An instance of the same key has been replaced, and with that released, by the process.
            state.instances.retain(|older| older.version != version);
            let superseded = state
                .instances
                .extract_if(.., |older| older.is_superseded(&name, &variables, &ingredients))
                .collect();
            let type_texts: Vec<String> = shared.iter().map(|typed| typed.type_text.clone()).collect();
            let definitions = state.items.definitions(&type_texts);
            if made > 0 {
                state.instances.push(Instances {
                    version,
                    key,
                    name,
                    variables,
                    type_texts,
                    ingredients,
                    definitions,
                });
            }
            superseded
        };
        self.release(superseded);
        Ok(shared)
    }

    /// Releases instances whose entry is too old, was cleared or had to make place.
    pub(super) fn release_forgotten(&self) {
        let known: Vec<(String, Key)> = {
            let state = self.state();
            let keyed = |instances: &Instances| Some((instances.version.clone(), instances.key?));
            state.instances.iter().filter_map(keyed).collect()
        };
        let forgotten: Vec<String> = known
            .into_iter()
            .filter(|(_, key)| self.store.get(*key).is_none())
            .map(|(version, _)| version)
            .collect();
        self.release_where(|instances, _| forgotten.contains(&instances.version));
    }

    /// Releases instances of types that are defined otherwise now.
    pub(super) fn release_redefined(&self) {
        self.release_where(|instances, items| {
            items.definitions(&instances.type_texts) != instances.definitions
        });
    }

    /// Releases everything that cells have made.
    pub fn release_all(&self) {
        self.release_where(|_, _| true);
    }

    fn release_entry(&self, key: Key) {
        self.store.remove(key);
        self.release_where(|instances, _| instances.key == Some(key));
    }

    fn release_where(&self, leaves: impl Fn(&Instances, &super::items::SessionItems) -> bool) {
        let leaving = {
            let mut state = self.state();
            let super::State { instances, items, .. } = &mut *state;
            instances
                .extract_if(.., |instances| leaves(instances, items))
                .collect()
        };
        self.release(leaving);
    }

    fn release(&self, leaving: Vec<Instances>) {
        if leaving.is_empty() {
            return;
        }
        for key in leaving.iter().filter_map(|instances| instances.key) {
            self.store.remove(key);
        }
        tracing::debug!(?leaving, "instances are released");
        let versions: Vec<String> = leaving.into_iter().map(|instances| instances.version).collect();
        self.machine.release_instances(&versions);
    }

    /// Forgets entries whose instances are there no longer: their process ended, or a cell cleared all. Gives the
    /// instances that functions have made.
    pub(super) fn forget_lost_instances(&self) -> Vec<Instance> {
        let there = self.machine.instances();
        let (lost, of_cells) = {
            let mut state = self.state();
            let is_lost = |of: &mut Instances| !there.iter().any(|instance| instance.version == of.version);
            let lost: Vec<Instances> = state.instances.extract_if(.., is_lost).collect();
            let of_cells: BTreeSet<String> = state.instances.iter().map(|of| of.version.clone()).collect();
            (lost, of_cells)
        };
        for key in lost.iter().filter_map(|instances| instances.key) {
            self.store.remove(key);
        }
        let of_functions = there
            .into_iter()
            .filter(|instance| !of_cells.contains(&instance.version));
        of_functions.collect()
    }

    /// Whether the process keeps something for cells.
    pub fn has_instances(&self) -> bool {
        !self.state().instances.is_empty()
    }
}
