//! A question to a codec that was not answered yet.

use std::time::Duration;

use super::{Refusal, message};
use crate::host::call::{CallReport, PendingCall};

/// A variable that is a file now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Saved {
    /// Of the value, as [`Codec::digest`](super::Codec::digest) gives it; not of the file.
    pub digest: [u8; 32],
    /// Length of the file.
    pub bytes: u64,
}

/// An answer that is to come. Dropping it lets the work go on.
#[derive(Debug, Clone)]
pub struct Pending<T> {
    call: PendingCall,
    type_text: String,
    read: fn(&[u8]) -> Option<T>,
}

impl<T> Pending<T> {
    pub(super) fn new(call: PendingCall, type_text: String, read: fn(&[u8]) -> Option<T>) -> Pending<T> {
        Pending {
            call,
            type_text,
            read,
        }
    }

    /// The answer, if it is there.
    #[allow(dead_code, reason = "only the tests on the real host ask for it so far")]
    pub fn poll(&self) -> Option<Result<T, Refusal>> {
        self.call.poll().map(|report| self.answer(&report))
    }

    /// Waits for the answer, however long it takes.
    ///
    /// # Errors
    /// Why there is none.
    pub fn wait(&self) -> Result<T, Refusal> {
        self.answer(&self.call.wait())
    }

    /// Waits for the answer, but not longer than `patience`.
    pub fn wait_for(&self, patience: Duration) -> Option<Result<T, Refusal>> {
        self.call.wait_for(patience).map(|report| self.answer(&report))
    }

    /// Gives the work up.
    pub fn stop(&self) {
        self.call.stop();
    }

    fn answer(&self, report: &CallReport) -> Result<T, Refusal> {
        let refused = |reason: String, lasting| Refusal {
            type_text: self.type_text.clone(),
            reason,
            lasting,
        };
        if let Some(failed) = &report.failed {
            return Err(refused(failed.clone(), false));
        }
        let answer = message::answer(&report.answer).map_err(|reason| refused(reason, false))?;
        (self.read)(answer).ok_or_else(|| refused("its answer is not understood".to_owned(), false))
    }
}
