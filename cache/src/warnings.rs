//! What the store has to say to its user: each thing once.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// Something is wrong with the store. Results stay right; work may be done again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// What happened, to what, and what to do, in one or two sentences.
    pub text: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Collects warnings until somebody takes them.
#[derive(Debug, Default)]
pub(crate) struct Warnings(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    said: HashSet<String>,
    waiting: Vec<Warning>,
}

impl Warnings {
    /// Says `text`, unless something about `subject` was said before.
    pub fn say(&self, subject: impl Into<String>, text: impl FnOnce() -> String) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.said.insert(subject.into()) {
            state.waiting.push(Warning { text: text() });
        }
    }

    pub fn take(&self) -> Vec<Warning> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_subject_warns_once() {
        let warnings = Warnings::default();
        warnings.say("disk", || "full".to_owned());
        warnings.say("disk", || "still full".to_owned());
        warnings.say("blob 1", || "damaged".to_owned());
        let texts: Vec<_> = warnings.take().into_iter().map(|w| w.text).collect();
        assert_eq!(texts, ["full", "damaged"]);
        warnings.say("disk", || "full".to_owned());
        assert!(warnings.take().is_empty());
    }
}
