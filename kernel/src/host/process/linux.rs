//! What only the host process needs of Linux: signals, process groups, `/proc`.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

use crate::host::Death;
use crate::host::sys::check;
pub use crate::host::sys::kill_group;

/// Which side of a fork this is.
pub enum Fork {
    Parent { child: libc::pid_t },
    Child,
}

/// Forks.
///
/// # Safety
/// No other thread may hold anything that the child needs; best there is none.
pub unsafe fn fork() -> io::Result<Fork> {
    // SAFETY: promised by the caller.
    match check(unsafe { libc::fork() })? {
        0 => Ok(Fork::Child),
        child => Ok(Fork::Parent { child }),
    }
}

/// This process.
pub fn own_pid() -> libc::pid_t {
    // SAFETY: always succeeds.
    unsafe { libc::getpid() }
}

/// The parent, which is another one after the parent's death.
pub fn parent_pid() -> libc::pid_t {
    // SAFETY: always succeeds.
    unsafe { libc::getppid() }
}

/// Whether this is the thread that the process began with.
pub fn is_main_thread() -> bool {
    // SAFETY: always succeeds.
    let thread = unsafe { libc::gettid() };
    thread == own_pid()
}

/// Puts a process (0: this one) into a group of its own.
pub fn own_group(pid: libc::pid_t) {
    // SAFETY: no pointers. It fails only for processes that are gone.
    unsafe { libc::setpgid(pid, pid) };
}

/// This process is killed when `parent` dies. Returns whether the parent is alive still.
pub fn die_with(parent: libc::pid_t) -> bool {
    // SAFETY: no pointers.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    parent_pid() == parent
}

/// Orphans among this process's descendants become its children.
pub fn adopt_orphans() -> io::Result<()> {
    // SAFETY: no pointers.
    check(unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1) }).map(drop)
}

/// Sets what a signal does: `SIG_DFL` or `SIG_IGN`.
pub fn on_signal(signal: libc::c_int, action: libc::sighandler_t) {
    // SAFETY: neither action runs code of ours.
    unsafe { libc::signal(signal, action) };
}

/// Turns the deaths of children into something to read.
pub fn child_deaths() -> io::Result<OwnedFd> {
    // SAFETY: the set is initialised before its use; the result is checked.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, libc::SIGCHLD);
        check(libc::sigprocmask(
            libc::SIG_BLOCK,
            &raw const set,
            std::ptr::null_mut(),
        ))?;
        let fd = check(libc::signalfd(
            -1,
            &raw const set,
            libc::SFD_CLOEXEC | libc::SFD_NONBLOCK,
        ))?;
        Ok(OwnedFd::from_raw_fd(fd))
    }
}

/// Lets all signals through, as a program expects that was just started.
pub fn unblock_signals() {
    // SAFETY: the set is initialised before its use.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const set, std::ptr::null_mut());
    }
}

/// Reaps a dead child, if there is one; `pid` -1 is any.
pub fn reap(pid: libc::pid_t) -> Option<(libc::pid_t, Death)> {
    let mut status = 0;
    // SAFETY: `status` is live.
    let pid = unsafe { libc::waitpid(pid, &raw mut status, libc::WNOHANG) };
    if pid <= 0 {
        return None;
    }
    let death = match libc::WIFSIGNALED(status) {
        true => Death::Signal(libc::WTERMSIG(status)),
        false => Death::Exit(libc::WEXITSTATUS(status)),
    };
    Some((pid, death))
}

/// Ends this process as `death` ended another, without a core file.
pub fn imitate(death: Death) -> io::Error {
    match death {
        // SAFETY: ends the process, without running anything that was registered for its end.
        Death::Exit(status) => unsafe { libc::_exit(status) },
        Death::Signal(signal) => {
            on_signal(signal, libc::SIG_DFL);
            unblock_signals();
            no_core_file();
            // SAFETY: no pointers.
            unsafe {
                libc::prctl(libc::PR_SET_DUMPABLE, 0);
                libc::kill(own_pid(), signal);
            }
            std::thread::sleep(Duration::from_millis(100));
            io::Error::other(format!("signal {signal} did not end it"))
        }
    }
}

/// However this process dies, it leaves no core file.
pub fn no_core_file() {
    let none = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `none` is live.
    unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const none) };
}

/// Ends a forked process without running what its parent registered for its own end.
pub fn exit_at_once(status: libc::c_int) -> ! {
    // SAFETY: ends the process.
    unsafe { libc::_exit(status) }
}

/// All children of this process. It has one thread.
pub fn children() -> Vec<libc::pid_t> {
    let pid = own_pid();
    let list = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    list.split_whitespace()
        .filter_map(|pid| pid.parse().ok())
        .collect()
}

/// How many threads this process has.
pub fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count)
}

/// Bytes of memory that this process has in use.
pub fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = statm
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse().ok())
        .unwrap_or(0);
    // SAFETY: always succeeds for this name.
    pages * unsafe { libc::sysconf(libc::_SC_PAGESIZE) }.unsigned_abs()
}

/// Bytes of memory that could be used without swapping, in the system and in this control group.
pub fn available() -> u64 {
    let info = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = info.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    let in_system = kilobytes.map_or(u64::MAX, |kilobytes| kilobytes * 1024);
    in_system.min(available_in_group().unwrap_or(u64::MAX))
}

/// What the control group's limit leaves, where there is one (in a container). Its file cache counts as
/// free.
fn available_in_group() -> Option<u64> {
    let read = |name: &str| std::fs::read_to_string(format!("/sys/fs/cgroup/{name}")).ok();
    let number = |name: &str| read(name)?.trim().parse::<u64>().ok();
    let limit = number("memory.max")?;
    let used = number("memory.current")?;
    let stat = read("memory.stat")?;
    let cache = stat
        .lines()
        .find_map(|line| line.strip_prefix("inactive_file ")?.parse::<u64>().ok());
    Some(limit.saturating_sub(used.saturating_sub(cache.unwrap_or(0))))
}

/// Makes `to` another name of `from`.
pub fn rename_fd(from: BorrowedFd<'_>, to: RawFd) -> io::Result<()> {
    // SAFETY: `from` is open; `to` is one of the three standard descriptors, which nobody here owns.
    check(unsafe { libc::syscall(libc::SYS_dup3, from.as_raw_fd(), to, 0) } as libc::c_int).map(drop)
}

/// Which file a descriptor stands for.
pub fn identity(fd: RawFd) -> Option<(u64, u64)> {
    // SAFETY: all-zero is a valid `stat` to be filled.
    let mut stat: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: `stat` is live.
    let result = unsafe { libc::fstat(fd, &raw mut stat) };
    (result == 0).then_some((stat.st_dev, stat.st_ino))
}
