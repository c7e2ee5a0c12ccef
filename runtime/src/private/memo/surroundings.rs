//! What a cached function reads besides its arguments, as a part of its key.
//!
//! Which parameters and session values that is, is known after the first call only. So a function has a list of what any of its calls
//! has read, and each key has the states of all of these. A call that reads something new is kept under a key with that in
//! it too; results that were kept before it are not found any more, which costs a computation and is never wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::key::Key;
use crate::__private::surroundings::{Read, State, Subject, read};

/// What the calls of one function with one code have read.
#[derive(Debug, Default)]
pub struct Surroundings {
    any: AtomicBool,
    subjects: Mutex<BTreeSet<Subject>>,
}

impl Surroundings {
    fn subjects(&self) -> MutexGuard<'_, BTreeSet<Subject>> {
        self.subjects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn learn(&self, subjects: impl IntoIterator<Item = Subject>) {
        let mut known = self.subjects();
        known.extend(subjects);
        self.any.store(!known.is_empty(), Ordering::Release);
    }

    /// Completes the key of a call. Gives what the function reads as it is now, if it reads anything.
    #[inline]
    pub fn add_to(&self, key: &mut Key) -> Option<BTreeMap<Subject, State>> {
        match self.any.load(Ordering::Acquire) {
            true => Some(self.add_all(key)),
            false => None,
        }
    }

    #[inline(never)]
    fn add_all(&self, key: &mut Key) -> BTreeMap<Subject, State> {
        let states: BTreeMap<Subject, State> = self
            .subjects()
            .iter()
            .map(|subject| (subject.clone(), subject.state()))
            .collect();
        // Whoever calls this function depends on the same.
        for (subject, state) in &states {
            read(subject, state);
        }
        key.surround(&states);
        states
    }

    /// Completes the key under which a result is kept whose computation has read this.
    ///
    /// # Errors
    /// Why it must not be kept; empty where there is nothing that the user could do about it.
    #[inline]
    pub fn settle(
        &self,
        key: &mut Key,
        before: Option<BTreeMap<Subject, State>>,
        computed: Read,
    ) -> Result<(), String> {
        if computed.states.is_empty() && computed.changed.is_empty() && before.is_none() {
            return Ok(());
        }
        self.settle_all(key, before.unwrap_or_default(), computed)
    }

    #[inline(never)]
    fn settle_all(
        &self,
        key: &mut Key,
        before: BTreeMap<Subject, State>,
        computed: Read,
    ) -> Result<(), String> {
        if let Some(changed) = computed.changed.first() {
            return Err(format!("it changes {}, which a hit would not", words(changed)));
        }
        if let Some((opaque, _)) = computed.states.iter().find(|(_, state)| state.is_opaque) {
            return Err(format!(
                "it reads {}, whose content cannot be compared; pass it as an argument",
                words(opaque)
            ));
        }
        let differs = |(subject, state)| before.get(subject).is_some_and(|before| before != state);
        if computed.states.iter().any(differs) {
            // Another thread changed it meanwhile.
            return Err(String::new());
        }
        let mut outside = before
            .iter()
            .chain(&computed.states)
            .filter(|(subject, _)| subject.is_outside());
        if outside.any(|(subject, state)| subject.state() != *state) {
            // It changed while this was computed: from which content, nobody knows.
            return Err(String::new());
        }
        self.learn(computed.states.keys().cloned());
        let mut states: BTreeMap<Subject, State> = self
            .subjects()
            .iter()
            .map(|subject| (subject.clone(), subject.state()))
            .collect();
        states.extend(before);
        states.extend(computed.states);
        key.surround(&states);
        Ok(())
    }
}

fn words(subject: &Subject) -> String {
    match subject {
        Subject::Param(key) => format!("the parameter `{key}`"),
        Subject::ParamNames => "the list of parameters".to_owned(),
        Subject::Session(key) => format!("the session value `{key}`"),
        Subject::SessionNames => "the list of session values".to_owned(),
        Subject::Env(name) => format!("the environment variable `{name}`"),
        Subject::Files(globs) => format!("the files `{}`", globs.replace('\n', "`, `")),
    }
}
