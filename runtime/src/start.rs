//! What the host calls: once after loading this library, and after each cell.
//!
//! The cells' std is not the host's std: panic hook, stdout buffer and thread names of the user's
//! world are only reachable from here.

use std::io::Write;
use std::sync::mpsc;
use std::time::Duration;

/// How long a thread that holds stdout's lock may delay the end of a cell.
const LOCKED_STDOUT: Duration = Duration::from_millis(500);

/// Prepares the user's world. Called once by the host, from the thread that runs cells.
#[doc(hidden)]
#[unsafe(no_mangle)]
pub extern "C" fn cellar_runtime_start() {
    crate::__private::session_map::start();
    crate::panic_hook::start();
}

/// Hands on what the cell printed and std still holds back. Never panics, and never waits long for
/// another thread.
#[doc(hidden)]
#[unsafe(no_mangle)]
pub extern "C" fn cellar_runtime_flush() {
    if is_single_threaded() {
        flush_quickly();
        return;
    }
    // Some other thread may hold the lock for ever, and std has no way to try it.
    let (done, flushed) = mpsc::channel();
    let helper = std::thread::Builder::new()
        .name("flush".to_owned())
        .spawn(move || {
            flush_quickly();
            let _ = done.send(());
        });
    // Joined when it is done, so that the host does not count a thread of ours as the user's.
    if let Ok(helper) = helper
        && flushed.recv_timeout(LOCKED_STDOUT).is_ok()
    {
        let _ = helper.join();
    }
}

/// Flushes stdout; waits for a thread that holds its lock, as printing does.
pub(crate) fn flush_quickly() {
    let _ = std::io::stdout().flush();
}

fn is_single_threaded() -> bool {
    // A glibc variable: true only if no other thread can be there. A look at it costs nothing.
    let flag = crate::host::symbol(c"__libc_single_threaded").cast::<u8>();
    // SAFETY: if the symbol is there it is a `char` that lives as long as the process.
    if !flag.is_null() && unsafe { flag.read_volatile() } != 0 {
        return true;
    }
    std::fs::read_dir("/proc/self/task").is_ok_and(|tasks| tasks.count() == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flushing_does_not_wait_for_ever_for_a_thread_that_keeps_stdout_locked() {
        let (release, wait) = mpsc::channel::<()>();
        let (locked, is_locked) = mpsc::channel();
        let holder = std::thread::spawn(move || {
            let _lock = std::io::stdout().lock();
            locked.send(()).expect("the other thread lives");
            let _ = wait.recv();
        });
        is_locked.recv().expect("the other thread lives");
        cellar_runtime_flush();
        drop(release);
        holder.join().expect("the other thread lives");
    }
}
