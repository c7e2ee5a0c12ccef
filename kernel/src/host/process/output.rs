//! The worker's end of the stream to the kernel, as a global: outputs come from any thread, through C
//! functions that carry no context.

use std::cell::Cell;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use super::linux;
use crate::host::record::{self, Record};
use crate::host::ring::Shared;
use crate::host::sys;

struct Output {
    shared: &'static Shared,
    waker: OwnedFd,
    /// The pipes behind descriptors 1 and 2, whatever user code does to those.
    pipes: [OwnedFd; 2],
    /// Which files 0, 1 and 2 are as long as user code has not replaced them.
    standard: [Option<(u64, u64)>; 3],
    lock: Lock,
    /// What the last `Sync` said; guarded by `lock`.
    synced: [AtomicU64; 2],
}

static OUTPUT: OnceLock<Output> = OnceLock::new();
/// Whether this process is the worker: not the kernel, not a snapshot, not a child of user code.
static ACTIVE: AtomicBool = AtomicBool::new(false);
/// Whether descriptors 0, 1 and 2 are the worker's still.
static STANDARD: [AtomicBool; 3] = [const { AtomicBool::new(true) }; 3];

/// Makes this process the one that writes. Descriptors 0 to 2 are in place.
pub fn start(shared: &'static Shared, waker: OwnedFd, pipes: [OwnedFd; 2]) {
    let standard = [0, 1, 2].map(linux::identity);
    let output = Output {
        shared,
        waker,
        pipes,
        standard,
        lock: Lock::default(),
        synced: Default::default(),
    };
    assert!(OUTPUT.set(output).is_ok(), "a worker starts once");
    extern "C" fn in_child() {
        ACTIVE.store(false, Ordering::SeqCst);
    }
    // SAFETY: the handler only stores a flag.
    unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    resume();
}

/// Makes this process, a forked one, the one that writes.
pub fn resume() {
    ACTIVE.store(true, Ordering::SeqCst);
}

/// Whether records reach the kernel from this process. From a child that user code forked they do not.
pub fn is_active() -> bool {
    ACTIVE.load(Ordering::Relaxed)
}

/// Whether what is written to descriptor `fd` (or read from it, for 0) goes through here.
pub fn covers(fd: RawFd) -> bool {
    let Some(standard) = usize::try_from(fd).ok().and_then(|fd| STANDARD.get(fd)) else {
        return false;
    };
    ACTIVE.load(Ordering::Relaxed) && standard.load(Ordering::Relaxed)
}

/// Descriptor `fd` stands for something else now, perhaps.
pub fn replaced(fd: RawFd) {
    if let Some(output) = OUTPUT.get()
        && let Some(index) = usize::try_from(fd).ok().filter(|&index| index < STANDARD.len())
    {
        STANDARD[index].store(linux::identity(fd) == output.standard[index], Ordering::Relaxed);
    }
}

/// Sends text to a stream: 1 or 2. Returns whether it could be sent.
pub fn text(stream: RawFd, bytes: &[u8]) -> bool {
    let kind = if stream == 1 {
        record::STDOUT
    } else {
        record::STDERR
    };
    push(kind, bytes, false)
}

/// Sends a record.
pub fn send(record: &Record) {
    let (kind, payload) = record.encode();
    push(kind, &payload, record.is_urgent());
}

fn push(kind: u16, payload: &[u8], urgent: bool) -> bool {
    let Some(output) = OUTPUT.get().filter(|_| ACTIVE.load(Ordering::Relaxed)) else {
        return false;
    };
    // A signal handler that interrupted this very function must not wait for it.
    let Some(_locked) = output.lock.lock() else {
        return false;
    };
    let wake = output.waker.as_raw_fd();
    let pending = |index: usize| sys::pending(output.pipes[index].as_raw_fd());
    let written = output.shared.words().written_to_pipes(pending);
    let changed = written
        .iter()
        .zip(&output.synced)
        .any(|(now, then)| *now != then.load(Ordering::Relaxed));
    if changed {
        for (now, then) in written.iter().zip(&output.synced) {
            then.store(*now, Ordering::Relaxed);
        }
        let (kind, payload) = Record::Sync { written }.encode();
        output.shared.write(kind, &payload, false, wake);
    }
    output.shared.write(kind, payload, urgent, wake);
    true
}

/// A lock that a thread cannot wait for twice, usable in signal handlers and after a fork.
#[derive(Default)]
struct Lock {
    owner: AtomicU32,
    waiting: AtomicU32,
}

struct Locked<'a>(&'a Lock);

static NEXT_THREAD: AtomicU32 = AtomicU32::new(1);

thread_local! {
    static THREAD: Cell<u32> = const { Cell::new(0) };
}

fn thread() -> u32 {
    THREAD.with(|thread| {
        if thread.get() == 0 {
            thread.set(NEXT_THREAD.fetch_add(1, Ordering::Relaxed));
        }
        thread.get()
    })
}

impl Lock {
    /// Waits for the lock; `None` if this thread has it.
    fn lock(&self) -> Option<Locked<'_>> {
        let own = thread();
        loop {
            match self
                .owner
                .compare_exchange(0, own, Ordering::SeqCst, Ordering::SeqCst)
            {
                Ok(_) => return Some(Locked(self)),
                Err(owner) if owner == own => return None,
                Err(owner) => {
                    self.waiting.fetch_add(1, Ordering::SeqCst);
                    sys::futex_wait(&self.owner, owner, None);
                    self.waiting.fetch_sub(1, Ordering::SeqCst);
                }
            }
        }
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        self.0.owner.store(0, Ordering::SeqCst);
        if self.0.waiting.load(Ordering::SeqCst) > 0 {
            sys::futex_wake(&self.0.owner);
        }
    }
}
