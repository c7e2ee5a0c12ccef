//! Calls of functions of a library in the host process, apart from cells: how values are hashed, written to files
//! and read from them.
//!
//! A call is made where it can do the least harm and is the least in the way ([`Manner`]). Whatever the called code
//! does, the caller gets a report, and nothing else is harmed. Calls are made in the order in which they were asked for, before
//! the next cell.

use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{Death, RunReport, sys};

/// What to call: an `extern "C" fn(argument: *const u8, length: usize)` that answers through `cellar_host_answer`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Loaded once and never unloaded; its content must not change.
    pub library: PathBuf,
    pub function: String,
    /// At most [`LONGEST_ARGUMENT`](super::LONGEST_ARGUMENT) bytes.
    pub argument: Vec<u8>,
    pub manner: Manner,
}

/// Where a call is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// In the process that runs cells. For code that cannot fail: nothing protects the variables.
    Plain,
    /// In the process that runs cells, behind a snapshot as cells are: when the call fails, every variable is as it was
    /// before. For user code that makes variables.
    Protected,
    /// In a copy of the process, made for this call alone; the process goes on at once. For user code that only reads
    /// variables. The copy has one thread whatever threads the process has: a value that only they keep consistent can
    /// be found in the middle of a change, and a lock that one of them holds is never released. So what may be shared between threads
    /// is not for this; [`PendingCall::stop`] ends a copy that waits for ever.
    Aside,
}

/// What became of a call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallReport {
    /// What the function gave to `cellar_host_answer`, all calls of it in a row. Not to be used if it failed.
    pub answer: Vec<u8>,
    /// Why there is no answer, as a sentence without a full stop.
    pub failed: Option<String>,
    /// It was ended by [`PendingCall::stop`] or [`Host::interrupt`](super::Host::interrupt).
    pub interrupted: bool,
    /// How long it took, waiting for its turn left out.
    pub duration: Duration,
}

impl CallReport {
    pub(super) fn failed(reason: impl Into<String>) -> CallReport {
        CallReport {
            failed: Some(reason.into()),
            ..CallReport::default()
        }
    }

    /// The report of a call in the worker itself.
    pub(super) fn of_run(answer: Option<Vec<u8>>, report: RunReport) -> CallReport {
        let failed = if report.interrupted {
            Some("it was interrupted".to_owned())
        } else if let Some(error) = report.load_error {
            Some(format!("its library could not be loaded: {error}"))
        } else if let Some(panic) = report.panic {
            Some(format!("it panicked: {}", panic.message))
        } else if let Some(death) = report.death {
            Some(death_text(death))
        } else if answer.is_none() {
            Some("it gave no answer".to_owned())
        } else {
            None
        };
        CallReport {
            answer: answer.unwrap_or_default(),
            failed,
            interrupted: report.interrupted,
            duration: report.duration,
        }
    }
}

/// How a process ended, as a sentence without a full stop.
pub(super) fn death_text(death: Death) -> String {
    match death {
        Death::Signal(libc::SIGKILL) => {
            "its process was killed (perhaps there was not enough memory)".to_owned()
        }
        Death::Signal(libc::SIGSEGV) => "it crashed (SIGSEGV)".to_owned(),
        Death::Signal(libc::SIGABRT) => {
            "it aborted (SIGABRT), as a stack overflow or a panic in a destructor does".to_owned()
        }
        Death::Signal(signal) => format!("it was ended by signal {signal}"),
        Death::Exit(status) => format!("it ended its process with status {status}"),
    }
}

/// A call that was asked for. Dropping it lets the call go on.
#[derive(Debug, Clone)]
pub struct PendingCall {
    pub(super) slot: Arc<Slot>,
}

/// Where the report of a call comes to.
#[derive(Debug, Default)]
pub(super) struct Slot {
    state: Mutex<SlotState>,
    reported: Condvar,
}

#[derive(Debug, Default)]
struct SlotState {
    report: Option<CallReport>,
    stopped: bool,
    /// The process of a call aside, while it is certain that it is the call's.
    process: Option<libc::pid_t>,
}

impl Slot {
    fn state(&self) -> MutexGuard<'_, SlotState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The call is over.
    pub fn report(&self, mut report: CallReport) {
        let mut state = self.state();
        if state.stopped && report.failed.is_some() {
            report.interrupted = true;
            report.failed = Some("it was interrupted".to_owned());
        }
        state.process = None;
        state.report.get_or_insert(report);
        self.reported.notify_all();
    }

    /// The call aside is made in this process.
    pub fn has_process(&self, process: libc::pid_t) {
        let mut state = self.state();
        state.process = Some(process);
        if state.stopped {
            sys::kill_group(process);
        }
    }

    /// Whether the call shall not be made any more.
    pub fn is_stopped(&self) -> bool {
        self.state().stopped
    }
}

impl PendingCall {
    /// The report, if the call is over.
    #[allow(dead_code, reason = "only the tests on the real host ask for it so far")]
    pub fn poll(&self) -> Option<CallReport> {
        self.slot.state().report.clone()
    }

    /// Waits for the report.
    pub fn wait(&self) -> CallReport {
        let mut state = self.slot.state();
        loop {
            if let Some(report) = &state.report {
                return report.clone();
            }
            state = self
                .slot
                .reported
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits for the report, but not longer than `patience`.
    pub fn wait_for(&self, patience: Duration) -> Option<CallReport> {
        let until = Instant::now() + patience;
        let mut state = self.slot.state();
        loop {
            if let Some(report) = &state.report {
                return Some(report.clone());
            }
            let left = until.checked_duration_since(Instant::now())?;
            let waited = self.slot.reported.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Ends a call aside, or one that was not begun yet. One that is made in the process of the cells is ended by
    /// [`Host::interrupt`](super::Host::interrupt).
    pub fn stop(&self) {
        let mut state = self.slot.state();
        state.stopped = true;
        if let Some(process) = state.process {
            sys::kill_group(process);
        }
    }
}
