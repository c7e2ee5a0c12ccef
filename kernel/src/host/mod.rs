//! The process in which user code runs, seen from the kernel.
//!
//! It owns the values of the notebook's variables, streams what cells write, and survives crashes of
//! user code. It knows how to load a compiled cell and run it; it knows nothing of Rust source, of
//! caching or of Jupyter messages.
//!
//! ```text
//! evcxr ──stdin, stdout──► kernel (connection, reader) ──► Frontend
//!   │ spawns                 ▲ ring, pipes      │ orders
//!   ▼                        │                  ▼
//! supervisor ──forks──► worker, which runs cells; before each it forks a sleeping snapshot
//! ```
//!
//! The supervisor hands evcxr's pipes to the kernel, so that nothing user code does can disturb
//! evcxr's protocol.

mod aside;
mod bytes;
pub mod call;
mod connection;
mod control;
mod evcxr_protocol;
mod listener;
mod markers;
mod pipes;
pub mod process;
mod reader;
mod record;
mod rich;
mod ring;
mod sys;

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use crate::interpreter::{Frontend, Output};
use call::{Call, CallReport, PendingCall, Slot};

/// What the engine must tell the host before the first cell runs.
#[derive(Debug, Clone)]
pub struct Libraries {
    /// The toolchain's `libstd-….so`; cells link to it dynamically.
    pub std: PathBuf,
    /// The compiled `cellar` crate (see `runtime/`).
    pub runtime: PathBuf,
}

/// How long the argument of a [`Call`] may be, in bytes.
pub const LONGEST_ARGUMENT: usize = control::LONGEST - (16 << 10);

/// Everything the host noticed while one cell ran.
#[derive(Debug, Clone, Default)]
pub struct RunReport {
    /// Whether user code was started at all.
    pub ran: bool,
    /// How long it ran.
    pub duration: Duration,
    /// The panic that ended the cell.
    pub panic: Option<PanicRecord>,
    /// The error that a `?` returned from the cell.
    pub returned_error: Option<ReturnedError>,
    /// How the process died, if it did.
    pub death: Option<Death>,
    /// It was ended by [`Host::interrupt`].
    pub interrupted: bool,
    /// The run failed and its snapshot took over: every value is as it was before.
    pub restored: bool,
    /// Why no snapshot could be kept; variables are then lost when the process dies.
    pub unprotected: Option<Unprotected>,
    /// Variables whose stored value no longer has the type that the cell expects.
    pub changed_type: Vec<String>,
    /// Why the compiled cell (or a library that it needs) could not be loaded.
    pub load_error: Option<String>,
}

impl RunReport {
    /// Adds a later run of the same cell: evcxr runs a cell again when a variable was lost.
    fn add(&mut self, later: RunReport) {
        let mut changed_type = std::mem::take(&mut self.changed_type);
        changed_type.extend(later.changed_type);
        changed_type.sort_unstable();
        changed_type.dedup();
        let (ran, duration) = (self.ran || later.ran, self.duration + later.duration);
        *self = RunReport {
            ran,
            duration,
            changed_type,
            ..later
        };
    }
}

/// A panic as the panic hook saw it. The position is in the generated source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PanicRecord {
    pub message: String,
    pub file: String,
    pub line: u32,
    pub column: u32,
    /// Empty for the thread that runs cells.
    pub thread: String,
    /// A hook of the user's tells of it.
    pub is_told: bool,
}

/// An `Err` or `None` that left a cell through `?`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnedError {
    /// The error's type as `std::any::type_name` gives it; `None` for an `Option`.
    pub type_name: Option<String>,
    /// The error's `Display` text.
    pub message: String,
    pub file: String,
    pub line: u32,
    pub column: u32,
}

/// How the process that ran a cell ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Death {
    Signal(i32),
    Exit(i32),
}

/// Why a cell ran without a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unprotected {
    /// Other threads were alive; a fork would not carry them.
    Threads(usize),
    /// The process is too large for the memory that is left.
    Memory { resident: u64, available: u64 },
    /// `fork` failed or is not there on this system.
    Fork,
}

/// How long nobody looks whether there is still hope.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Why a call was not made.
const NO_PROCESS: &str = "the process that holds the variables has ended";

/// The seam to the host process. Cheap to clone; every method may be called from any thread.
#[derive(Clone)]
pub struct Host {
    inner: Arc<Inner>,
}

/// What the callers' threads and the connection's thread share.
struct Inner {
    program: PathBuf,
    socket: PathBuf,
    /// Wakes the connection's thread.
    waker: OwnedFd,
    state: Mutex<State>,
    /// `state` changed in a way that a caller may wait for.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    environment: Vec<(OsString, OsString)>,
    libraries: Option<Libraries>,
    frontend: Option<Arc<dyn Frontend>>,
    report: RunReport,
    /// See [`Host::take_told`].
    told: Vec<u8>,
    skip_next: bool,
    /// What evcxr's cells export.
    cell_function: Option<String>,
    /// A cell that the kernel itself wants to run.
    requested: Option<control::CellFunction>,
    running: Option<listener::Running>,
    /// Calls that wait for their turn.
    calls: VecDeque<QueuedCall>,
    /// There is a process.
    connected: bool,
    /// There was a process and there is none now: evcxr has yet to notice and to start another.
    lost: bool,
    shutting_down: bool,
    /// The connection's thread has ended.
    ended: bool,
}

/// A call, or the dropping of variables, that was not begun yet.
struct QueuedCall {
    work: CallWork,
    slot: Arc<Slot>,
}

enum CallWork {
    Call(Call),
    Forget(Vec<String>),
}

impl State {
    /// Nobody is there who could make the calls that wait.
    fn fail_calls(&mut self, reason: &str) {
        for queued in self.calls.drain(..) {
            queued.slot.report(CallReport::failed(reason));
        }
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed
            .wait(state)
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn wake(&self) {
        sys::wake(self.waker.as_raw_fd());
    }

    /// Shows something in the current frontend.
    fn show(&self, output: Output) {
        let frontend = self.state().frontend.clone();
        if let Some(frontend) = frontend {
            frontend.output(output);
        }
    }
}

impl Host {
    /// Prepares a host whose socket lives in `dir` and whose process is `program`, a build of this executable. No process runs yet: evcxr starts it through
    /// [`Host::command`]. A thread serves the process until [`Host::shutdown`].
    ///
    /// # Errors
    /// When the socket cannot be made, for example since the path of `dir` is too long (about 80
    /// bytes are always fine).
    pub fn with_program(dir: &Path, program: &Path) -> io::Result<Host> {
        let socket = dir.join(format!("host-{}.sock", std::process::id()));
        let listener = UnixListener::bind(&socket)?;
        std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o600))?;
        let inner = Arc::new(Inner {
            program: program.to_owned(),
            socket,
            waker: sys::waker()?,
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let served = Arc::clone(&inner);
        std::thread::Builder::new()
            .name("cellar-host".into())
            .spawn(move || listener::serve(&served, &listener))?;
        Ok(Host { inner })
    }

    /// Adds a variable to the environment of the host process; counts for commands made later.
    pub fn set_env(&self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) {
        let pair = (name.as_ref().to_owned(), value.as_ref().to_owned());
        self.inner.state().environment.push(pair);
    }

    /// The command with which evcxr starts (and restarts) the host process.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.inner.program);
        command.envs(self.inner.state().environment.iter().cloned());
        command.env(control::SOCKET, &self.inner.socket);
        command
    }

    /// Tells which libraries to load before any cell. A run that is asked for earlier waits.
    pub fn set_libraries(&self, libraries: Libraries) {
        self.inner.state().libraries = Some(libraries);
        self.inner.wake();
    }

    /// Says which function evcxr's cells export, whatever evcxr calls it.
    pub fn set_cell_function(&self, name: &str) {
        self.inner.state().cell_function = Some(name.to_owned());
    }

    /// The cell that runs next shows its outputs to `frontend`.
    pub fn begin(&self, frontend: Arc<dyn Frontend>) {
        let mut state = self.inner.state();
        state.frontend = Some(frontend);
        state.report = RunReport::default();
    }

    /// The next `LOAD_AND_RUN` that evcxr sends is answered as done and nothing is run: evcxr commits
    /// its state and the values stay as they are.
    pub fn skip_next_run(&self) {
        self.inner.state().skip_next = true;
    }

    /// Takes [`Host::skip_next_run`] back, for evcxr may not have come to a run.
    pub fn skip_no_run(&self) {
        self.inner.state().skip_next = false;
    }

    /// Runs a compiled cell of which evcxr knows nothing, between [`Host::begin`] and [`Host::end`]
    /// as any other. Returns when it is over; waits for the process and the libraries.
    pub fn run(&self, library: &Path, function: &str) {
        let mut state = self.inner.state();
        state.requested = Some(control::CellFunction {
            library: library.to_owned(),
            function: function.to_owned(),
        });
        self.inner.wake();
        while (state.requested.is_some() || state.running.is_some()) && !state.ended {
            state = self.inner.wait(state);
        }
    }

    /// Waits until there is a process that can run cells; `false` if there is none any more, or `is_hopeless`.
    pub fn wait_for_process(&self, is_hopeless: impl Fn() -> bool) -> bool {
        let mut state = self.inner.state();
        loop {
            if state.connected {
                return true;
            }
            if state.lost || state.ended || state.shutting_down || is_hopeless() {
                return false;
            }
            let waited = self.inner.changed.wait_timeout(state, LOOK_AGAIN);
            state = waited.unwrap_or_else(std::sync::PoisonError::into_inner).0;
        }
    }

    /// Ends the running cell (its whole process group). Returns whether one ran.
    pub fn interrupt(&self) -> bool {
        match &self.inner.state().running {
            Some(running) => {
                running.interrupt();
                true
            }
            None => false,
        }
    }

    /// What happened since [`Host::begin`]; all outputs have been given to the frontend by then.
    pub fn end(&self) -> RunReport {
        let mut state = self.inner.state();
        while state.running.is_some() && !state.ended {
            state = self.inner.wait(state);
        }
        std::mem::take(&mut state.report)
    }

    /// What cells have read and changed besides variables since this was asked last, as the runtime library tells it
    /// (`runtime/src/private/surroundings/told.rs`). Of a run that was taken back nothing is told.
    pub fn take_told(&self) -> Vec<u8> {
        std::mem::take(&mut self.inner.state().told)
    }

    /// Ends the host process and everything it started.
    pub fn shutdown(&self) {
        let mut state = self.inner.state();
        state.shutting_down = true;
        self.inner.wake();
        while !state.ended {
            state = self.inner.wait(state);
        }
    }
}

/// Calls apart from cells.
impl Host {
    /// Asks for a call; returns at once. See [`call`] for when and where it is made.
    pub fn start_call(&self, call: Call) -> PendingCall {
        if call.argument.len() > LONGEST_ARGUMENT {
            let slot = Arc::new(Slot::default());
            slot.report(CallReport::failed("its argument is too long"));
            return PendingCall { slot };
        }
        self.queue(CallWork::Call(call))
    }

    /// Makes a call and waits for its report. In the process of the cells it waits until no cell runs.
    pub fn call(&self, call: Call) -> CallReport {
        self.start_call(call).wait()
    }

    /// Drops variables, as between two cells. Names that are not there are no error. If a destructor fails, all of
    /// them are still there.
    pub fn forget(&self, names: &[String]) -> CallReport {
        self.queue(CallWork::Forget(names.to_owned())).wait()
    }

    fn queue(&self, work: CallWork) -> PendingCall {
        let slot = Arc::new(Slot::default());
        let mut state = self.inner.state();
        if state.lost || state.ended || state.shutting_down {
            slot.report(CallReport::failed(NO_PROCESS));
        } else {
            state.calls.push_back(QueuedCall {
                work,
                slot: Arc::clone(&slot),
            });
            self.inner.wake();
        }
        PendingCall { slot }
    }
}
