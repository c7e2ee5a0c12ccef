//! The parameters as the process of the cells knows them: what the kernel has given, and what cells have changed since.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::surroundings::{State, Subject, given, read, wrote};
use crate::params::{MOST_BYTES, MOST_VALUES};

/// What was set since the kernel was last told; `None` for what was removed.
static CHANGES: Mutex<BTreeMap<String, Option<Vec<String>>>> = Mutex::new(BTreeMap::new());

type Changes = MutexGuard<'static, BTreeMap<String, Option<Vec<String>>>>;

fn changes() -> Changes {
    CHANGES.lock().unwrap_or_else(PoisonError::into_inner)
}

fn look(key: &str) -> Option<Vec<String>> {
    match changes().get(key) {
        Some(changed) => changed.clone(),
        None => given().params.get(key).cloned(),
    }
}

fn all() -> BTreeMap<String, Vec<String>> {
    let mut all = given().params.clone();
    for (key, changed) in changes().iter() {
        match changed {
            Some(values) => all.insert(key.clone(), values.clone()),
            None => all.remove(key),
        };
    }
    all
}

fn state_of(values: Option<&Vec<String>>) -> State {
    let there = if values.is_some() { "there" } else { "missing" };
    let texts = std::iter::once(there.to_owned()).chain(values.into_iter().flatten().cloned());
    State::of(texts.collect())
}

/// What a parameter is, without noting it.
pub fn state(key: &str) -> State {
    state_of(look(key).as_ref())
}

/// Which parameters there are, without noting it.
pub fn names() -> State {
    State::of(all().into_keys().collect())
}

pub fn get(key: &str) -> Option<Vec<String>> {
    let values = look(key);
    read(&Subject::Param(key.to_owned()), &state_of(values.as_ref()));
    values
}

pub fn keys() -> Vec<String> {
    let keys: Vec<String> = all().into_keys().collect();
    read(&Subject::ParamNames, &State::of(keys.clone()));
    keys
}

#[track_caller]
pub fn set(key: String, values: Vec<String>) {
    let mut after = all();
    after.insert(key.clone(), values.clone());
    check(&after, std::slice::from_ref(&key));
    note(&key);
    changes().insert(key, Some(values));
}

#[track_caller]
pub fn replace(with: BTreeMap<String, Vec<String>>) {
    check(&with, &Vec::from_iter(with.keys().cloned()));
    clear();
    for (key, values) in with {
        note(&key);
        changes().insert(key, Some(values));
    }
}

pub fn remove(key: &str) -> bool {
    let was_there = get(key).is_some();
    note(key);
    if was_there {
        changes().insert(key.to_owned(), None);
    }
    was_there
}

pub fn clear() -> usize {
    let keys = keys();
    keys.iter().filter(|key| remove(key)).count()
}

fn note(key: &str) {
    wrote(&Subject::Param(key.to_owned()));
    wrote(&Subject::ParamNames);
}

/// Refuses what is beyond the limits, in the caller's name.
#[track_caller]
fn check(all: &BTreeMap<String, Vec<String>>, keys: &[String]) {
    if let Some(why) = &given().refused {
        panic!("nothing was set: {why}");
    }
    for key in keys {
        if let Some(why) = fault_of_key(key) {
            panic!("the parameter was not set: {why}");
        }
    }
    let values: usize = all.values().map(Vec::len).sum();
    let texts = all
        .iter()
        .flat_map(|(key, values)| std::iter::once(key).chain(values));
    let bytes: usize = texts.map(String::len).sum();
    let keys = keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>();
    let keys = keys.join(", ");
    if values > MOST_VALUES {
        panic!(
            "{keys}: all parameters together would have {values} values, and may have {MOST_VALUES}; nothing was set"
        );
    }
    if bytes > MOST_BYTES {
        panic!(
            "{keys}: all parameters together would be {bytes} bytes long, and may be {MOST_BYTES}; keep large things in files or \
             variables. Nothing was set"
        );
    }
}

/// What is wrong with a parameter's name.
fn fault_of_key(key: &str) -> Option<String> {
    if key.is_empty() {
        return Some("its name is empty".to_owned());
    }
    key.contains(char::is_control)
        .then(|| format!("its name {key:?} has control characters in it"))
}

/// What was changed since this was asked last.
pub fn take_changes() -> BTreeMap<String, Option<Vec<String>>> {
    std::mem::take(&mut *changes())
}
