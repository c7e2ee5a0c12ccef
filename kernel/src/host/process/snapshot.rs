//! A sleeping copy of the worker, made before each cell. If the worker dies in the cell, the copy is
//! the worker from then on, with all variables as they were before.
//!
//! It sleeps on a word of the shared memory and not on a pipe, since a child that user code forked
//! would keep the pipe open.

use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::linux::{self, Fork};
use super::output;
use crate::host::Unprotected;
use crate::host::ring::{Shared, order};
use crate::host::sys;

/// Below this size a process is copied whatever the memory that is left, in bytes.
const ALWAYS: u64 = 64 << 20;
/// How often to look whether other threads are gone.
const LOOKS: usize = 5;

/// Who one is after [`protect`].
pub enum Role {
    /// The worker, about to run the cell; if unprotected, with the reason.
    Worker { unprotected: Option<Unprotected> },
    /// The copy, some time later, now the worker itself. The cell killed its predecessor.
    Successor,
}

/// Makes a snapshot for `run`, if that is possible.
pub fn protect(shared: &Shared, run: u32, supervisor: libc::pid_t) -> Role {
    let words = shared.words();
    reap_older(words.snapshot.swap(0, Ordering::SeqCst));
    if let Some(reason) = obstacle() {
        words
            .order
            .store(order::word(run, order::ABSENT), Ordering::SeqCst);
        return Role::Worker {
            unprotected: Some(reason),
        };
    }
    let worker = linux::own_pid();
    // SAFETY: this process has one thread, or `obstacle` would have found another.
    match unsafe { linux::fork() } {
        Ok(Fork::Parent { child }) => {
            // Before an interrupt may kill this process's group.
            linux::own_group(child);
            words.snapshot.store(child, Ordering::SeqCst);
            words
                .order
                .store(order::word(run, order::SLEEP), Ordering::SeqCst);
            Role::Worker { unprotected: None }
        }
        Ok(Fork::Child) => {
            sleep(shared, run, worker, supervisor);
            Role::Successor
        }
        Err(_) => {
            words
                .order
                .store(order::word(run, order::ABSENT), Ordering::SeqCst);
            Role::Worker {
                unprotected: Some(Unprotected::Fork),
            }
        }
    }
}

/// Begins a run without a snapshot. As no order names it, nobody interrupts it.
pub fn none(shared: &Shared) -> Role {
    reap_older(shared.words().snapshot.swap(0, Ordering::SeqCst));
    Role::Worker { unprotected: None }
}

/// The run succeeded: its snapshot ends.
pub fn commit(shared: &Shared, run: u32) {
    let words = shared.words();
    words
        .order
        .store(order::word(run, order::COMMIT), Ordering::SeqCst);
    sys::futex_wake(&words.order);
}

/// Older snapshots were told to end, which takes a large one a while; their zombies are ours.
fn reap_older(last: libc::pid_t) {
    static ENDING: Mutex<Vec<libc::pid_t>> = Mutex::new(Vec::new());
    let mut ending = ENDING.lock().unwrap_or_else(PoisonError::into_inner);
    ending.extend((last > 0).then_some(last));
    ending.retain(|&pid| linux::reap(pid).is_none());
}

fn obstacle() -> Option<Unprotected> {
    let mut threads = linux::threads();
    for _ in 0..LOOKS {
        // A joined thread is listed until the system has cleared it away.
        if threads == 1 {
            break;
        }
        std::thread::sleep(Duration::from_micros(100));
        threads = linux::threads();
    }
    if threads > 1 {
        return Some(Unprotected::Threads(threads - 1));
    }
    let resident = linux::resident();
    if resident > ALWAYS {
        let available = linux::available();
        if resident > available / 2 {
            return Some(Unprotected::Memory { resident, available });
        }
    }
    None
}

/// Sleeps until this process is needed (then returns) or not needed any more.
fn sleep(shared: &Shared, run: u32, worker: libc::pid_t, supervisor: libc::pid_t) {
    linux::own_group(0);
    let words = shared.words();
    loop {
        let word = words.order.load(Ordering::SeqCst);
        match (word >> 2, word & 3) {
            // The worker has not yet come to announce this run.
            (announced, _) if announced < run => {}
            (announced, order::SLEEP) if announced == run => {}
            (announced, order::TAKE_OVER) if announced == run => break,
            _ => linux::exit_at_once(0),
        }
        let parent = linux::parent_pid();
        if parent != worker && parent != supervisor {
            linux::exit_at_once(0);
        }
        sys::futex_wait(&words.order, word, Some(Duration::from_secs(1)));
    }
    // The supervisor has reaped the worker before it called, so it is the parent by now.
    if !linux::die_with(supervisor) {
        linux::exit_at_once(0);
    }
    output::resume();
    words.snapshot.store(0, Ordering::SeqCst);
    words.worker.store(linux::own_pid(), Ordering::SeqCst);
}
