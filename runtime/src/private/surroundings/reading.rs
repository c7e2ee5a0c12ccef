//! Who reads what: everything that is being computed at the moment is told of each read.
//!
//! Threads are not told apart: what one of them reads counts for all that is computed meanwhile. That is sometimes too much
//! and never too little.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{State, Subject};

/// What a computation has read, and what it has changed.
#[derive(Debug, Default)]
pub struct Read {
    /// What each subject was when it was first read, unless the computation had changed it itself by then.
    pub states: BTreeMap<Subject, State>,
    pub changed: BTreeSet<Subject>,
}

impl Read {
    const fn new() -> Read {
        Read {
            states: BTreeMap::new(),
            changed: BTreeSet::new(),
        }
    }

    fn read(&mut self, subject: &Subject, state: &State) {
        if !self.changed.contains(subject) && !self.states.contains_key(subject) {
            self.states.insert(subject.clone(), state.clone());
        }
    }
}

struct Readers {
    /// The cell that runs.
    cell: Read,
    /// Calls of cached functions that are being computed.
    calls: Vec<(u64, Read)>,
    next: u64,
}

static READERS: Mutex<Readers> = Mutex::new(Readers {
    cell: Read::new(),
    calls: Vec::new(),
    next: 0,
});

fn readers() -> MutexGuard<'static, Readers> {
    READERS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Readers {
    fn all(&mut self) -> impl Iterator<Item = &mut Read> {
        std::iter::once(&mut self.cell).chain(self.calls.iter_mut().map(|(_, read)| read))
    }
}

/// Notes that `subject` was read.
pub fn read(subject: &Subject, state: &State) {
    readers().all().for_each(|reader| reader.read(subject, state));
}

/// Notes that `subject` was changed.
pub fn wrote(subject: &Subject) {
    for reader in readers().all() {
        reader.changed.insert(subject.clone());
    }
}

/// What the cell has read and changed so far; it begins anew.
pub fn take_cell() -> Read {
    std::mem::take(&mut readers().cell)
}

/// A call that is being computed.
#[derive(Debug)]
pub struct Reading(u64);

impl Reading {
    pub fn begin() -> Reading {
        let mut readers = readers();
        let number = readers.next;
        readers.next += 1;
        readers.calls.push((number, Read::new()));
        Reading(number)
    }

    /// What was read since it began.
    pub fn end(self) -> Read {
        self.take()
    }

    fn take(&self) -> Read {
        let mut readers = readers();
        // The newest are at the end.
        let found = readers.calls.iter().rposition(|(number, _)| *number == self.0);
        found.map_or_else(Read::new, |index| readers.calls.remove(index).1)
    }
}

impl Drop for Reading {
    /// A computation that panicked, or an `async` one that was given up.
    fn drop(&mut self) {
        self.take();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_being_computed_is_told() {
        let subject = |name: &str| Subject::Param(format!("reading-{name}"));
        let state = |text: &str| State::of(vec![text.to_owned()]);
        let outer = Reading::begin();
        read(&subject("a"), &state("1"));
        let inner = Reading::begin();
        wrote(&subject("b"));
        read(&subject("b"), &state("own"));
        read(&subject("a"), &state("2"));
        let inner = inner.end();
        let outer = outer.end();
        assert_eq!(
            outer.states.get(&subject("a")),
            Some(&state("1")),
            "the first counts"
        );
        assert_eq!(inner.states.get(&subject("a")), Some(&state("2")));
        assert!(
            !inner.states.contains_key(&subject("b")),
            "it had changed that itself"
        );
        assert!(outer.changed.contains(&subject("b")));
    }

    #[test]
    fn a_computation_that_is_given_up_is_forgotten() {
        let reading = Reading::begin();
        let number = reading.0;
        drop(reading);
        assert!(!readers().calls.iter().any(|(other, _)| *other == number));
    }
}
