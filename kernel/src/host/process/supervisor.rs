//! The process that evcxr starts and waits for. It runs no user code: it forks the worker, tells the
//! kernel how it died, promotes its snapshot, and ends everything when the kernel goes away.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::linux::{self, Fork};
use super::worker::{self, Worker};
use crate::host::control::{Notice, SOCKET, SUPERVISOR_MESSAGE, interrupted_run};
use crate::host::ring::{self, Shared, order, run};
use crate::host::{Death, sys};

/// How long a snapshot may take to say that it is the worker now.
const PROMOTION: Duration = Duration::from_secs(5);

/// Why the supervisor ends.
pub enum End {
    /// The kernel, or evcxr, is gone.
    Alone,
    /// The worker died and its variables with it; evcxr shall see the same death.
    Lost(Death),
}

impl End {
    /// Ends this process accordingly. Returns only if that failed.
    pub fn imitate(self) -> io::Error {
        match self {
            End::Alone => linux::exit_at_once(0),
            End::Lost(death) => linux::imitate(death),
        }
    }
}

struct Supervisor {
    kernel: UnixStream,
    deaths: OwnedFd,
    shared: &'static Shared,
}

/// Starts the worker and watches over it.
pub fn run() -> io::Result<End> {
    let path = std::env::var_os(SOCKET).ok_or_else(|| io::Error::other("nobody said where the kernel is"))?;
    // Whoever kills the kernel with its whole group must not kill this process with it: it has still to end those that nobody
    // else knows, which may be busy with a value that a cell has left, for ever if its encoder never ends.
    linux::own_group(0);
    // Ctrl-C in a terminal is the kernel's business.
    linux::on_signal(libc::SIGINT, libc::SIG_IGN);
    linux::on_signal(libc::SIGQUIT, libc::SIG_IGN);
    linux::adopt_orphans()?;
    let deaths = linux::child_deaths()?;
    let kernel = UnixStream::connect(path)?;

    let memory = sys::shared_memory(ring::SIZE)?;
    let shared: &'static Shared = Box::leak(Box::new(Shared::map(memory.as_fd())?));
    let waker = sys::waker()?;
    let (stdout, stdout_writer) = io::pipe()?;
    let (stderr, stderr_writer) = io::pipe()?;
    let (orders, worker_orders) = sys::message_pair()?;
    let (answers, worker_answers) = sys::message_pair()?;
    // SAFETY: evcxr starts this process with all three standard descriptors open.
    let (evcxr_in, evcxr_out) = unsafe { (BorrowedFd::borrow_raw(0), BorrowedFd::borrow_raw(1)) };
    let worker = Worker {
        supervisor: linux::own_pid(),
        shared,
        waker,
        stdout: stdout_writer.into(),
        stderr: stderr_writer.into(),
        orders: worker_orders,
        answers: worker_answers,
    };
    // In the order of `control::handed`.
    let handed = [
        evcxr_in,
        evcxr_out,
        memory.as_fd(),
        worker.waker.as_fd(),
        stdout.as_fd(),
        stderr.as_fd(),
        orders.as_fd(),
        answers.as_fd(),
    ];
    sys::send_with_fds(kernel.as_fd(), &Notice::Hello.encode(), &handed)?;
    drop((memory, stdout, stderr, orders, answers));

    // SAFETY: this process has one thread.
    match unsafe { linux::fork() }? {
        Fork::Child => {
            drop((kernel, deaths));
            worker::run(worker)
        }
        Fork::Parent { child } => {
            linux::own_group(child);
            shared.words().worker.store(child, Ordering::SeqCst);
            drop(worker);
            let mut supervisor = Supervisor {
                kernel,
                deaths,
                shared,
            };
            let end = supervisor.watch();
            supervisor.end_all();
            end
        }
    }
}

impl Supervisor {
    fn watch(&mut self) -> io::Result<End> {
        loop {
            // Of evcxr's pipe only the end is of interest, which is always reported.
            let evcxr = libc::pollfd {
                fd: 0,
                events: 0,
                revents: 0,
            };
            let mut fds = [
                sys::readable(self.deaths.as_raw_fd()),
                sys::readable(self.kernel.as_raw_fd()),
                evcxr,
            ];
            sys::poll(&mut fds, None)?;
            if fds[0].revents != 0 {
                // What it says is not trusted to be complete: one signal may stand for many deaths.
                let mut buffer = [0; 1024];
                drop(File::from(self.deaths.try_clone()?).read(&mut buffer));
                if let Some(end) = self.reap() {
                    return Ok(end);
                }
            }
            if fds[1].revents != 0 {
                let mut message = [0; SUPERVISOR_MESSAGE];
                if self.kernel.read_exact(&mut message).is_err() {
                    return Ok(End::Alone);
                }
                self.interrupt(interrupted_run(&message));
            }
            if fds[2].revents & (libc::POLLHUP | libc::POLLERR) != 0 {
                return Ok(End::Alone);
            }
        }
    }

    /// Ends a run, unless it is just ending by itself. Before its snapshot is ready the worker sees
    /// to it, so that no variable is lost.
    fn interrupt(&self, interrupted: u32) {
        let words = self.shared.words();
        let (running, stopped) = (
            run::word(interrupted, run::RUNNING),
            run::word(interrupted, run::INTERRUPTED),
        );
        let won = words
            .run
            .compare_exchange(running, stopped, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok();
        if won && words.order.load(Ordering::SeqCst) >> 2 == interrupted {
            linux::kill_group(words.worker.load(Ordering::SeqCst));
        }
    }

    /// Reaps all that died. Gives the reason to end, if the worker was lost.
    fn reap(&mut self) -> Option<End> {
        while let Some((pid, death)) = linux::reap(-1) {
            if pid != self.shared.words().worker.load(Ordering::SeqCst) {
                continue;
            }
            let recovered = self.promote(pid);
            let notice = Notice::Died { death, recovered }.encode();
            if !recovered {
                self.end_all();
            }
            if self.kernel.write_all(&notice).is_err() {
                return Some(End::Alone);
            }
            if !recovered {
                return Some(End::Lost(death));
            }
        }
        None
    }

    /// Makes the snapshot of the dead worker the worker. Returns whether there was one.
    fn promote(&self, dead: libc::pid_t) -> bool {
        let words = self.shared.words();
        let word = words.order.load(Ordering::SeqCst);
        let take_over = order::word(word >> 2, order::TAKE_OVER);
        if word == 0
            || word & 3 != order::SLEEP
            || words
                .order
                .compare_exchange(word, take_over, Ordering::SeqCst, Ordering::SeqCst)
                .is_err()
        {
            return false;
        }
        let since = Instant::now();
        while words.worker.load(Ordering::SeqCst) == dead && since.elapsed() < PROMOTION {
            sys::futex_wake(&words.order);
            if linux::reap(words.snapshot.load(Ordering::SeqCst).max(1)).is_some() {
                return false;
            }
            std::thread::sleep(Duration::from_micros(50));
        }
        words.worker.load(Ordering::SeqCst) != dead
    }

    /// Kills all descendants. Those whose parent dies become children of this process.
    fn end_all(&self) {
        let words = self.shared.words();
        linux::kill_group(words.worker.load(Ordering::SeqCst));
        linux::kill_group(words.snapshot.load(Ordering::SeqCst));
        let since = Instant::now();
        while since.elapsed() < Duration::from_secs(2) {
            while linux::reap(-1).is_some() {}
            let children = linux::children();
            if children.is_empty() {
                return;
            }
            children.into_iter().for_each(linux::kill_group);
            std::thread::sleep(Duration::from_micros(200));
        }
    }
}
