//! The process that runs cells, on its main thread (whose stack is the largest), one after another.

use std::ffi::c_void;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Instant;

use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_LOCAL, RTLD_NOW};

use super::call::{self, Called, c_name};
use super::snapshot::{self, Role};
use super::{abi, linux, output, store};
use crate::host::control::{CellFunction, Function, LONGEST, Order, SOCKET};
use crate::host::record::Record;
use crate::host::ring::{Shared, run};
use crate::host::sys;

/// The function of a compiled cell. evcxr's variable store goes in and out of it; ours is behind
/// `cellar_host_take` and `cellar_host_put`, so the pointer is only passed on.
type Cell = unsafe extern "C" fn(*mut c_void) -> *mut c_void;

/// What the supervisor gives the worker.
pub struct Worker {
    pub supervisor: libc::pid_t,
    pub shared: &'static Shared,
    /// Wakes the kernel.
    pub waker: OwnedFd,
    pub stdout: OwnedFd,
    pub stderr: OwnedFd,
    pub orders: OwnedFd,
    pub answers: OwnedFd,
}

/// Something that is ready to run.
type Begun = Box<dyn FnOnce(&mut State)>;

struct State {
    supervisor: libc::pid_t,
    shared: &'static Shared,
    orders: OwnedFd,
    /// Why the libraries that cells need could not be loaded.
    load_error: Option<String>,
    cell_begins: Option<unsafe extern "C" fn()>,
    flush: Option<unsafe extern "C" fn()>,
    cell_ended: Option<unsafe extern "C" fn()>,
    store: *mut c_void,
}

/// Runs cells until the kernel goes away.
pub fn run(worker: Worker) -> ! {
    linux::own_group(0);
    if !linux::die_with(worker.supervisor) {
        linux::exit_at_once(0);
    }
    linux::on_signal(libc::SIGINT, libc::SIG_DFL);
    linux::on_signal(libc::SIGQUIT, libc::SIG_DFL);
    linux::unblock_signals();
    if let Err(error) = take_standard_descriptors(&worker) {
        let _ = io::Write::write_all(
            &mut io::stderr(),
            format!("cellar: the worker cannot start: {error}\n").as_bytes(),
        );
        linux::exit_at_once(99);
    }
    let Worker {
        supervisor,
        shared,
        waker,
        stdout,
        stderr,
        orders,
        answers,
    } = worker;
    // What user code starts, perhaps this very program, is no host process.
    // SAFETY: this process has one thread.
    unsafe {
        std::env::remove_var(SOCKET);
        std::env::remove_var("EVCXR_IS_RUNTIME");
    }
    abi::set_answers(answers);
    output::start(shared, waker, [stdout, stderr]);
    // C code's lines then keep their place among those of Rust code.
    // SAFETY: the stream is C's own standard output; no buffer is handed over.
    unsafe { libc::setvbuf(stdout_of_c(), std::ptr::null_mut(), libc::_IOLBF, 0) };

    let store = std::ptr::dangling_mut::<u8>().cast();
    let mut state = State {
        supervisor,
        shared,
        orders,
        load_error: None,
        cell_begins: None,
        flush: None,
        cell_ended: None,
        store,
    };
    let mut message = vec![0; LONGEST];
    loop {
        let (length, mut handed) = match sys::receive_with_fds(state.orders.as_fd(), &mut message) {
            Ok((0, _)) => linux::exit_at_once(0),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => linux::exit_at_once(0),
            Ok(received) => received,
        };
        match Order::decode(&message[..length]) {
            Some(Order::Load { std, runtime }) => state.load(&std, &runtime),
            Some(Order::Run { run, cell }) => state.run(run, true, |state| state.run_cell(&cell)),
            Some(Order::Call {
                run,
                protected,
                function,
            }) => state.run(run, protected, |state| state.call(&function)),
            Some(Order::CallAside { function }) => {
                if let Some(pipe) = handed.pop() {
                    call::aside(&function, pipe, |library, name| {
                        // SAFETY: the kernel named a function of this type.
                        unsafe { state.find::<Called>(library, name) }
                    });
                }
            }
            Some(Order::Reap { copy }) => call::reap(copy),
            Some(Order::Forget { run, names }) => {
                let protected = names.iter().any(|name| store::is_dropped_by_user_code(name));
                state.run(run, protected, |_| forget(&names));
            }
            None => {}
        }
    }
}

fn forget(names: &[String]) -> Result<Begun, String> {
    let names = names.to_owned();
    Ok(Box::new(move |_| {
        names.iter().for_each(|name| store::forget(name));
        call::answer(b"");
    }))
}

/// C's `stdout`.
fn stdout_of_c() -> *mut libc::FILE {
    unsafe extern "C" {
        static stdout: *mut libc::FILE;
    }
    // SAFETY: libc sets it before `main` and this program never changes it.
    unsafe { stdout }
}

/// Standard input is empty; output goes to the kernel; evcxr's pipes are closed here.
fn take_standard_descriptors(worker: &Worker) -> io::Result<()> {
    let nothing = File::open("/dev/null")?;
    linux::rename_fd(nothing.as_fd(), 0)?;
    linux::rename_fd(worker.stdout.as_fd(), 1)?;
    linux::rename_fd(worker.stderr.as_fd(), 2)
}

impl State {
    fn load(&mut self, std: &Path, runtime: &Path) {
        let loaded = load_global(std).and_then(|()| {
            load_global(runtime)?;
            // SAFETY: the runtime library exports it with this type.
            let start: unsafe extern "C" fn() = unsafe { symbol("cellar_runtime_start")? };
            // SAFETY: as above.
            let cell_begins: unsafe extern "C" fn() = unsafe { symbol("cellar_runtime_cell_begins")? };
            // SAFETY: as above.
            let flush: unsafe extern "C" fn() = unsafe { symbol("cellar_runtime_flush")? };
            // SAFETY: as above.
            let cell_ended: unsafe extern "C" fn() = unsafe { symbol("cellar_runtime_cell_ended")? };
            // SAFETY: called once, after the libraries were loaded.
            unsafe { start() };
            Ok((cell_begins, flush, cell_ended))
        });
        match loaded {
            Ok((cell_begins, flush, cell_ended)) => {
                abi::set_flush(flush);
                self.cell_begins = Some(cell_begins);
                self.flush = Some(flush);
                self.cell_ended = Some(cell_ended);
            }
            Err(error) => self.load_error = Some(error),
        }
    }

    /// Does what `prepare` gives, behind a snapshot or else so that nobody interrupts it. What cannot be prepared is
    /// not begun.
    fn run(&mut self, run: u32, protected: bool, prepare: impl FnOnce(&mut State) -> Result<Begun, String>) {
        abi::take_failed();
        let role = match protected {
            true => snapshot::protect(self.shared, run, self.supervisor),
            false => snapshot::none(self.shared),
        };
        let (unprotected, has_snapshot) = match role {
            Role::Worker { unprotected } => (unprotected, protected && unprotected.is_none()),
            Role::Successor => return,
        };
        if protected && self.shared.words().run.load(Ordering::SeqCst) == run::word(run, run::INTERRUPTED) {
            linux::kill_group(linux::own_pid());
        }
        let worker = linux::own_pid();
        let since = Instant::now();
        match prepare(self) {
            Err(error) => output::send(&Record::Failed(error)),
            Ok(begun) => {
                output::send(&Record::Started { unprotected });
                begun(self);
            }
        }
        self.flush_all();
        if linux::own_pid() != worker {
            // User code forked, and its child returned from the cell.
            linux::exit_at_once(0);
        }
        let nanoseconds = u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let (running, finished) = (run::word(run, run::RUNNING), run::word(run, run::FINISHED));
        let word = &self.shared.words().run;
        if word
            .compare_exchange(running, finished, Ordering::SeqCst, Ordering::SeqCst)
            .is_err()
            && protected
        {
            // The interrupt came first, and the supervisor is about to kill this process.
            loop {
                // SAFETY: only sleeps.
                unsafe { libc::pause() };
            }
        }
        if abi::take_failed() && has_snapshot {
            // A failed cell changes nothing: the snapshot goes on, with every value as it was.
            output::send(&Record::Withdrawn { nanoseconds });
            linux::exit_at_once(0);
        }
        if let Some(cell_ended) = self.cell_ended {
            // SAFETY: the runtime library exports it with this type.
            unsafe { cell_ended() };
        }
        if protected {
            snapshot::commit(self.shared, run);
        }
        output::send(&Record::Done { run, nanoseconds });
    }

    fn run_cell(&self, cell: &CellFunction) -> Result<Begun, String> {
        // SAFETY: the kernel gave the library and the name of a compiled cell.
        let function = unsafe { self.find::<Cell>(&cell.library, &cell.function)? };
        Ok(Box::new(move |state| {
            if let Some(cell_begins) = state.cell_begins {
                // SAFETY: the runtime library exports it with this type.
                unsafe { cell_begins() };
            }
            // SAFETY: as above; the store is the one that cells hand on.
            state.store = unsafe { function(state.store) };
        }))
    }

    fn call(&self, function: &Function) -> Result<Begun, String> {
        // SAFETY: the kernel named a function of this type.
        let called = unsafe { self.find::<Called>(&function.library, &function.function)? };
        let argument = function.argument.clone();
        Ok(Box::new(move |_| {
            // SAFETY: the pointer and length are those of a live value.
            unsafe { called(argument.as_ptr(), argument.len()) }
        }))
    }

    /// A function of a library, which is loaded for it.
    ///
    /// # Safety
    /// `T` is the type of the function.
    unsafe fn find<T: Copy>(&self, library: &Path, function: &str) -> Result<T, String> {
        if let Some(error) = &self.load_error {
            return Err(error.clone());
        }
        // SAFETY: a compiled cell; what its initialisers do is the user's own code.
        let library = unsafe { Library::open(Some(library), RTLD_NOW | RTLD_LOCAL) };
        let library = library.map_err(|error| full_message(&error))?;
        let name = c_name(function)?;
        // SAFETY: promised by the caller.
        let function = unsafe { library.get::<T>(name.as_bytes_with_nul()) };
        let function = function
            .map(|function| *function)
            .map_err(|error| full_message(&error));
        // Never unloaded: values and threads may refer to its code.
        std::mem::forget(library);
        function
    }

    fn flush_all(&self) {
        abi::flush();
        // SAFETY: null means all of C's streams.
        unsafe { libc::fflush(std::ptr::null_mut()) };
    }
}

/// Loads a library whose symbols all later ones may use.
fn load_global(path: &Path) -> Result<(), String> {
    // SAFETY: the toolchain's own library or ours.
    let library = unsafe { Library::open(Some(path), RTLD_NOW | RTLD_GLOBAL) };
    library
        .map(std::mem::forget)
        .map_err(|error| full_message(&error))
}

/// A function of any loaded library.
///
/// # Safety
/// `T` is the type of the function.
unsafe fn symbol<T: Copy>(name: &str) -> Result<T, String> {
    let c_name = c_name(name)?;
    // SAFETY: promised by the caller.
    let found = unsafe {
        Library::this()
            .get::<T>(c_name.as_bytes_with_nul())
            .map(|symbol| *symbol)
    };
    found.map_err(|error| full_message(&error))
}

/// The dynamic linker's own words, which libloading keeps as the source of its error.
fn full_message(error: &libloading::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => source.to_string(),
        None => error.to_string(),
    }
}
