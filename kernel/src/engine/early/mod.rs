//! Compiling a cell while evcxr still analyses it.
//!
//! rust-analyzer needs as long to find the types of new variables as rustc needs to compile the cell, and rustc needs
//! no help with it. So a thread compiles the crate that evcxr is going to ask for ([`generate`](super::cell_crate::generate)): an
//! [`attempt()`]. When evcxr asks, the two crates are compared. They must be the same line by line but for order, and what
//! rustc took for the type of each new variable, which the library's [`symbols`] tell, must be what rust-analyzer found.
//! Otherwise the library is thrown away and evcxr's crate is compiled as if nothing had been.
//!
//! Where rustc finds the cell wrong, its messages are the answer, and nobody waits for the analysis. Nothing is run here, except where
//! the library tells all that has to be known: then nobody waits for evcxr ([`alone`]).
//!
//! The identity of a new variable's type ([`definitions`](super::types::definitions)) depends on the text of the type,
//! which is not there before the analysis is. The library has a place for it, filled in when it is known ([`built`]).

mod alone;
mod attempt;
mod built;
mod symbols;

use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

pub use attempt::{SessionParts, attempt};
pub use built::{Built, kept};
use serde_json::Value;

use super::cell_code::CellCode;
use super::cell_crate::left_out::LeftOut;
use super::knowledge::items::ItemKind;
use super::rustc::Plan;

/// How cells are compiled at the moment, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workshop {
    pub plan: Plan,
    /// Sorted.
    pub environment: Vec<(String, String)>,
    pub folder: PathBuf,
}

/// What came of an attempt.
#[derive(Debug)]
pub enum Outcome {
    /// There is a library.
    Built(Box<Built>),
    /// The cell is wrong, and evcxr would find it so: rustc's errors, with places in cells.
    Wrong(Vec<Value>),
    /// rustc was stopped.
    Stopped,
    /// There are errors, none of which evcxr would take for a hint; but some are at code that it has made, and it has
    /// words of its own for those. It need not compile the cell to find that out, only for the messages.
    Fails,
    /// Nothing that is of use; the cell goes evcxr's way.
    Nothing,
    /// The cell has run without evcxr, which may keep what it defines.
    Ran(Ran),
    /// The cell is over, and nothing of it is evcxr's.
    Over,
}

/// What evcxr has to know of a cell that has run without it.
#[derive(Debug, Clone)]
pub struct Ran {
    /// Variables that the cell has not stored, since it moves them.
    pub moved: Vec<String>,
    /// See [`Knowledge::adopt`](super::knowledge::Knowledge::adopt).
    pub adoption: usize,
}

/// An attempt that goes on, or is over.
#[derive(Debug, Default)]
pub struct Early {
    state: Mutex<State>,
    over: Condvar,
}

#[derive(Debug, Default)]
struct State {
    outcome: Option<Outcome>,
    /// What was compiled is run without evcxr.
    is_claimed: bool,
    /// evcxr has the cell in hand.
    is_analysed: bool,
}

impl Early {
    /// Says what came of it.
    pub fn finish(&self, outcome: Outcome) {
        self.finish_with(outcome, || {});
    }

    /// The same; `before` is called if evcxr has the cell in hand, before it hears of the outcome.
    pub fn finish_with(&self, outcome: Outcome, before: impl FnOnce()) {
        let mut state = self.lock();
        if state.is_analysed {
            before();
        }
        state.outcome = Some(outcome);
        self.over.notify_all();
    }

    pub fn is_over(&self) -> bool {
        self.lock().outcome.is_some()
    }

    /// Says that what was compiled is going to be run without evcxr.
    pub fn claim(&self) {
        self.lock().is_claimed = true;
    }

    /// evcxr takes the cell in hand, after `begin`; `false` if it has nothing to do with it any more. While the cell runs
    /// without evcxr, its end is waited for.
    pub fn begin_analysis(&self, begin: impl FnOnce()) -> bool {
        let mut state = self.lock();
        while state.is_claimed && state.outcome.is_none() {
            state = self.over.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.is_elsewhere() {
            return false;
        }
        begin();
        state.is_analysed = true;
        true
    }

    /// evcxr is done with the cell; waits for the outcome. `false`: it went its way without evcxr.
    pub fn end_analysis(&self) -> bool {
        let mut state = self.wait();
        state.is_analysed = false;
        !state.is_elsewhere()
    }

    /// Set if the cell has run well without evcxr.
    pub fn ran(&self) -> Option<Ran> {
        match &self.lock().outcome {
            Some(Outcome::Ran(ran)) => Some(ran.clone()),
            _ => None,
        }
    }

    /// Waits for the outcome and takes it. A library is only handed out once; a verdict stays.
    pub fn take(&self) -> Outcome {
        match self.wait().outcome.as_mut() {
            Some(Outcome::Wrong(_)) => Outcome::Wrong(Vec::new()),
            Some(Outcome::Stopped) => Outcome::Stopped,
            Some(Outcome::Ran(ran)) => Outcome::Ran(ran.clone()),
            Some(Outcome::Over) => Outcome::Over,
            Some(other) => std::mem::replace(other, Outcome::Nothing),
            None => Outcome::Nothing,
        }
    }

    /// What evcxr's crate is to do without, so that it can be what was compiled.
    pub fn left_out(&self) -> LeftOut {
        match &self.lock().outcome {
            Some(Outcome::Built(built)) => built.left_out.clone(),
            _ => LeftOut::default(),
        }
    }

    /// What the cell must have behind it, so that evcxr need not find out the types of new variables; `None` if they are not known,
    /// or cannot be written.
    pub fn annotations(&self) -> Option<String> {
        match &self.lock().outcome {
            Some(Outcome::Built(built)) => built.annotations(),
            _ => None,
        }
    }

    /// Gives back what was taken but is still to be asked for.
    pub fn put_back(&self, outcome: Outcome) {
        self.lock().outcome = Some(outcome);
    }

    fn wait(&self) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        while state.outcome.is_none() {
            state = self.over.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether evcxr has nothing to do with the cell any more.
    fn is_elsewhere(&self) -> bool {
        use Outcome::{Over, Ran, Stopped, Wrong};
        matches!(self.outcome, Some(Ran(_) | Over | Wrong(_) | Stopped))
    }
}

/// Whether a cell is worth an attempt: nothing in it changes how cells are compiled.
pub fn is_possible(code: &CellCode) -> bool {
    let something = !(code.statements.is_empty() && code.items.is_empty());
    something && names_no_package(code) && code.suspicious.is_none()
}

/// Whether a cell leaves evcxr's package as it is: its dependencies, its options.
pub fn keeps_package(code: &CellCode) -> bool {
    names_no_package(code) && !code.awaits
}

fn names_no_package(code: &CellCode) -> bool {
    let mut kinds = code.items.iter().map(|item| &item.kind);
    code.commands.trim().is_empty() && !kinds.any(|kind| *kind == ItemKind::ExternCrate)
}

/// Where attempts are made, beside evcxr's own builds.
pub fn folder(builds: &Path) -> PathBuf {
    builds.join("early")
}
