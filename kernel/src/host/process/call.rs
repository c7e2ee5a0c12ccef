//! Calls of functions of libraries that are not cells, made in this process or in a copy of it.

use std::ffi::CString;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::path::Path;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::linux::{self, Fork};
use super::output;
use crate::host::aside::{ENDING, part};
use crate::host::control::Function;
use crate::host::record::Record;

/// What is called: it reads the argument and answers with `cellar_host_answer`.
pub type Called = unsafe extern "C" fn(*const u8, usize);

/// In a copy that was made for a call: the pipe to the kernel. Else -1.
static PIPE: AtomicI32 = AtomicI32::new(-1);

/// Copies whose end the kernel may still want to look at.
static COPIES: Mutex<Vec<libc::pid_t>> = Mutex::new(Vec::new());

/// Passes on what the called function answers.
pub fn answer(bytes: &[u8]) {
    match PIPE.load(Ordering::SeqCst) {
        -1 => output::send(&Record::Answer(bytes.to_vec())),
        pipe => send(pipe, part::ANSWER, bytes),
    }
}

/// Tells of a panic, if this process is a copy made for a call. Returns whether it is.
pub fn panicked(message: &str) -> bool {
    let pipe = PIPE.load(Ordering::SeqCst);
    if pipe >= 0 {
        send(pipe, part::PANIC, message.as_bytes());
    }
    pipe >= 0
}

/// Makes a call in a copy of this process; returns as soon as there is one.
///
/// `find` loads what is called, before the copy is made: the next call finds it loaded.
pub fn aside(function: &Function, pipe: OwnedFd, find: impl FnOnce(&Path, &str) -> Result<Called, String>) {
    let called = match find(&function.library, &function.function) {
        Ok(called) => called,
        Err(error) => {
            let error = format!("its library could not be loaded: {error}");
            return send(pipe.as_raw_fd(), part::FAILED, error.as_bytes());
        }
    };
    // SAFETY: the copy calls one function and ends. Where this process has more threads, what they hold may be
    // missing there; who asks for a call aside knows that (`Manner::Aside`).
    match unsafe { linux::fork() } {
        Ok(Fork::Parent { child }) => {
            linux::own_group(child);
            copies().push(child);
        }
        Ok(Fork::Child) => {
            linux::own_group(0);
            leave_the_cell(&pipe);
            PIPE.store(pipe.as_raw_fd(), Ordering::SeqCst);
            send(pipe.as_raw_fd(), part::PROCESS, &linux::own_pid().to_ne_bytes());
            // SAFETY: the kernel named a function of this type.
            unsafe { called(function.argument.as_ptr(), function.argument.len()) };
            send(pipe.as_raw_fd(), part::END, b"");
            linux::exit_at_once(0)
        }
        Err(error) => {
            let error = format!("its process could not be made: {error}");
            send(pipe.as_raw_fd(), part::FAILED, error.as_bytes());
        }
    }
}

/// The kernel has seen the end of a copy's pipe. The copy itself ends a moment later.
pub fn reap(copy: libc::pid_t) {
    let since = Instant::now();
    let mut copies = copies();
    loop {
        copies.retain(|&known| known != copy || linux::reap(copy).is_none());
        if !copies.contains(&copy) || since.elapsed() > ENDING {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn copies() -> std::sync::MutexGuard<'static, Vec<libc::pid_t>> {
    COPIES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A copy has no part in the outputs of cells, and goes first when memory runs out.
fn leave_the_cell(pipe: &OwnedFd) {
    if let Ok(nothing) = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/null")
    {
        use std::os::fd::AsFd;
        for descriptor in 0..=2 {
            let _ = linux::rename_fd(nothing.as_fd(), descriptor);
        }
    }
    linux::no_core_file();
    linux::on_signal(libc::SIGPIPE, libc::SIG_DFL);
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    debug_assert!(pipe.as_raw_fd() > 2);
}

/// Sends a part of the report. A kernel that is gone wants none.
fn send(pipe: RawFd, kind: u8, content: &[u8]) {
    let mut message = Vec::with_capacity(9 + content.len());
    message.push(kind);
    message.extend_from_slice(&(content.len() as u64).to_ne_bytes());
    message.extend_from_slice(content);
    let mut rest = message.as_slice();
    while !rest.is_empty() {
        // SAFETY: the pointer and length are the slice's.
        let written = unsafe { libc::syscall(libc::SYS_write, pipe, rest.as_ptr(), rest.len()) };
        match usize::try_from(written) {
            Ok(written) => rest = &rest[written..],
            Err(_) if std::io::Error::last_os_error().kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

/// The name of a function, as the dynamic linker wants it.
pub fn c_name(name: &str) -> Result<CString, String> {
    CString::new(name).map_err(|error| error.to_string())
}
