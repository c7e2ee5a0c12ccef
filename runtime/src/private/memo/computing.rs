//! Calls that are being computed. A thread that wants what another one computes at the moment waits for it.
//!
//! Waiting must never be for ever: a thread does not wait for itself (a function may call itself with the same arguments before its
//! first call has ended), nor for one that waits for it in turn. What is not seen here, a thread that joins another one, ends
//! with [`LONGEST`]. The call is then computed twice, which is slow and not wrong: of two instances the first stays.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

/// How long a thread waits for another one's result.
const LONGEST: Duration = Duration::from_secs(60);

/// A function and the key of a call, as bytes.
type Call = Box<[u8]>;

#[derive(Default)]
struct State {
    /// Who computes a call, and the number of that computation.
    computing: BTreeMap<Call, (ThreadId, u64)>,
    waiting: HashMap<ThreadId, Call>,
    count: u64,
}

static STATE: Mutex<Option<State>> = Mutex::new(None);
static ENDED: Condvar = Condvar::new();

/// A function, as all its calls know it: its table's address, or its name and version.
#[derive(Debug, Clone, Copy)]
pub enum Of<'a> {
    Table(usize),
    Owner(&'a str, &'a str),
}

/// What a caller that found nothing is to do.
#[derive(Debug)]
pub enum Turn {
    /// Compute, and keep this until the result is kept.
    Compute(Computing),
    /// Another thread has ended, well or not: look again.
    LookAgain,
}

/// A call that is being computed; it ends when this is dropped.
#[derive(Debug)]
pub struct Computing(Option<Call>);

impl Drop for Computing {
    fn drop(&mut self) {
        if let Some(call) = self.0.take() {
            with(&mut lock()).computing.remove(&call);
            ENDED.notify_all();
        }
    }
}

fn lock() -> MutexGuard<'static, Option<State>> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn with(state: &mut Option<State>) -> &mut State {
    state.get_or_insert_default()
}

/// Says whether the caller is to compute a call; waits for another thread that does.
pub fn begin(of: Of<'_>, key: &[u8]) -> Turn {
    let call = call(of, key);
    let me = std::thread::current().id();
    let mut guard = lock();
    let state = with(&mut guard);
    let Some((owner, number)) = state.computing.get(&call).copied() else {
        state.count += 1;
        state.computing.insert(call.clone(), (me, state.count));
        return Turn::Compute(Computing(Some(call)));
    };
    if state.leads_to(owner, me) {
        return Turn::Compute(Computing(None));
    }
    state.waiting.insert(me, call.clone());
    let until = Instant::now() + LONGEST;
    let is_over = loop {
        let left = until.saturating_duration_since(Instant::now());
        let is_open = with(&mut guard).computing.get(&call).map(|(_, number)| *number) == Some(number);
        if !is_open || left.is_zero() {
            break !is_open;
        }
        guard = ENDED
            .wait_timeout(guard, left)
            .unwrap_or_else(PoisonError::into_inner)
            .0;
    };
    with(&mut guard).waiting.remove(&me);
    match is_over {
        true => Turn::LookAgain,
        false => Turn::Compute(Computing(None)),
    }
}

fn call(of: Of<'_>, key: &[u8]) -> Call {
    let mut call = Vec::with_capacity(key.len() + 16);
    match of {
        Of::Table(address) => {
            call.push(0);
            call.extend_from_slice(&address.to_ne_bytes());
        }
        Of::Owner(name, version) => {
            call.push(1);
            for text in [name, version] {
                call.extend_from_slice(&text.len().to_ne_bytes());
                call.extend_from_slice(text.as_bytes());
            }
        }
    }
    call.extend_from_slice(key);
    call.into()
}

impl State {
    /// Whether `thread` is `me`, or waits for a call that leads to `me`.
    fn leads_to(&self, mut thread: ThreadId, me: ThreadId) -> bool {
        // No chain is longer than there are threads that wait.
        for _ in 0..=self.waiting.len() {
            if thread == me {
                return true;
            }
            let next = self
                .waiting
                .get(&thread)
                .and_then(|call| self.computing.get(call));
            match next {
                Some((owner, _)) => thread = *owner,
                None => return false,
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn compute(turn: Turn) -> Computing {
        match turn {
            Turn::Compute(computing) => computing,
            Turn::LookAgain => panic!("it is to be computed"),
        }
    }

    #[test]
    fn others_wait_and_look_again() {
        const OF: Of<'_> = Of::Owner("others_wait", "1");
        let mine = compute(begin(OF, b"a"));
        let other = compute(begin(OF, b"b"));
        let (looked, waits) = (AtomicUsize::new(0), Barrier::new(2));
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| {
                waits.wait();
                assert!(matches!(begin(OF, b"a"), Turn::LookAgain));
                looked.load(Ordering::SeqCst)
            });
            waits.wait();
            std::thread::sleep(Duration::from_millis(50));
            looked.store(1, Ordering::SeqCst);
            drop(mine);
            assert_eq!(waiter.join().unwrap(), 1, "it waited");
        });
        drop(other);
        drop(compute(begin(OF, b"a")));
    }

    #[test]
    fn nobody_waits_for_itself_or_in_a_circle() {
        const OF: Of<'_> = Of::Table(1);
        let outer = compute(begin(OF, b"a"));
        let inner = compute(begin(OF, b"a"));
        drop(inner);
        let begun = Barrier::new(2);
        std::thread::scope(|scope| {
            let other = scope.spawn(|| {
                let mine = compute(begin(OF, b"b"));
                begun.wait();
                // Waits for this thread, which wants `b` below.
                let turn = begin(OF, b"a");
                drop(mine);
                matches!(turn, Turn::LookAgain)
            });
            begun.wait();
            let me = std::thread::current().id();
            // Until the other one waits.
            loop {
                let mut state = lock();
                let state = with(&mut state);
                if state.waiting.keys().any(|it| state.leads_to(*it, me)) {
                    break;
                }
            }
            let second = compute(begin(OF, b"b"));
            drop((second, outer));
            assert!(other.join().unwrap());
        });
    }
}
