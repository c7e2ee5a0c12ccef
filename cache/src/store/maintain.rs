//! What is done in the background: keeping to the budget, writing down hits, sweeping the folder.

use std::sync::mpsc::{self, RecvTimeoutError, SyncSender};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use super::{Inner, Store};

/// How long hits may be known only to this process.
const EVERY: Duration = Duration::from_secs(5);

/// The thread of a store that was used. It ends with its store.
#[derive(Default)]
pub(super) struct Maintainer {
    /// Nothing is sent: the thread notices when it is dropped.
    alive: OnceLock<SyncSender<()>>,
}

impl Store {
    fn maintain_until_dropped(inner: &Weak<Inner>, store_is_alive: &mpsc::Receiver<()>) {
        if let Some(inner) = inner.upgrade() {
            Store(inner).enforce_budget();
        }
        while store_is_alive.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
            let Some(inner) = inner.upgrade() else { return };
            let store = Store(inner);
            store.flush();
            store.sweep_if_due();
        }
    }

    /// Starts the background thread: at the first use that gives it something to do, or earlier by whoever wants the budget
    /// to hold even if nothing is put.
    pub fn maintain(&self) {
        if self.0.disk.is_none() {
            return;
        }
        self.0.maintainer.alive.get_or_init(|| {
            let (alive, store_is_alive) = mpsc::sync_channel(0);
            let inner = Arc::downgrade(&self.0);
            // Without a thread hits are written when the store is dropped.
            let _ = std::thread::Builder::new()
                .name("cache".to_owned())
                .spawn(move || Store::maintain_until_dropped(&inner, &store_is_alive));
            alive
        });
    }
}
