//! Functions of libc that this executable replaces, for itself and, as the dynamic linker looks here
//! first, for the std of the cells. In the worker they catch standard output, standard error and
//! standard input; everywhere else they are the plain system calls.
//!
//! libc's own functions (`puts`, `scanf`) do not come through here, nor do child processes.

use std::os::fd::RawFd;

use libc::{c_int, c_void, iovec, size_t, ssize_t};

use super::{abi, output};

/// `write(2)`.
///
/// # Safety
/// As `write(2)`.
#[unsafe(no_mangle)]
unsafe extern "C" fn write(fd: c_int, buffer: *const c_void, count: size_t) -> ssize_t {
    if is_output(fd) && count > 0 && !buffer.is_null() {
        // SAFETY: promised by the caller.
        let bytes = unsafe { std::slice::from_raw_parts(buffer.cast::<u8>(), count) };
        if output::text(fd, bytes) {
            return count as ssize_t;
        }
    }
    // SAFETY: promised by the caller; `syscall` sets errno.
    unsafe { libc::syscall(libc::SYS_write, fd, buffer, count) as ssize_t }
}

/// `writev(2)`.
///
/// # Safety
/// As `writev(2)`.
#[unsafe(no_mangle)]
unsafe extern "C" fn writev(fd: c_int, parts: *const iovec, count: c_int) -> ssize_t {
    if is_output(fd) && count > 0 && !parts.is_null() {
        // SAFETY: promised by the caller.
        let parts = unsafe { std::slice::from_raw_parts(parts, count as usize) };
        let mut bytes = Vec::new();
        for part in parts.iter().filter(|part| part.iov_len > 0) {
            // SAFETY: promised by the caller.
            let part = unsafe { std::slice::from_raw_parts(part.iov_base.cast::<u8>(), part.iov_len) };
            bytes.extend_from_slice(part);
        }
        if output::text(fd, &bytes) {
            return bytes.len() as ssize_t;
        }
    }
    // SAFETY: promised by the caller; `syscall` sets errno.
    unsafe { libc::syscall(libc::SYS_writev, fd, parts, count) as ssize_t }
}

/// `read(2)`.
///
/// # Safety
/// As `read(2)`.
#[unsafe(no_mangle)]
unsafe extern "C" fn read(fd: c_int, buffer: *mut c_void, count: size_t) -> ssize_t {
    if fd == 0 && output::covers(0) && count > 0 && !buffer.is_null() {
        // SAFETY: promised by the caller.
        let buffer = unsafe { std::slice::from_raw_parts_mut(buffer.cast::<u8>(), count) };
        return match abi::read_input(buffer) {
            Ok(length) => length as ssize_t,
            Err(abi::NotAllowed) => {
                // SAFETY: errno is this thread's own.
                unsafe { *libc::__errno_location() = libc::EOPNOTSUPP };
                -1
            }
        };
    }
    // SAFETY: promised by the caller; `syscall` sets errno.
    unsafe { libc::syscall(libc::SYS_read, fd, buffer, count) as ssize_t }
}

/// `dup2(2)`: crates that capture output replace descriptors 1 and 2 with it.
///
/// # Safety
/// As `dup2(2)`.
#[unsafe(no_mangle)]
unsafe extern "C" fn dup2(from: c_int, to: c_int) -> c_int {
    if from == to {
        // SAFETY: no pointers; fails, as `dup2` shall, for what is not open.
        return if unsafe { libc::fcntl(from, libc::F_GETFD) } < 0 {
            -1
        } else {
            to
        };
    }
    // SAFETY: promised by the caller.
    unsafe { dup3(from, to, 0) }
}

/// `dup3(2)`.
///
/// # Safety
/// As `dup3(2)`.
#[unsafe(no_mangle)]
unsafe extern "C" fn dup3(from: c_int, to: c_int, flags: c_int) -> c_int {
    // SAFETY: promised by the caller; `syscall` sets errno.
    let result = unsafe { libc::syscall(libc::SYS_dup3, from, to, flags) } as c_int;
    if result >= 0 && (0..=2).contains(&to) {
        output::replaced(to);
    }
    result
}

fn is_output(fd: RawFd) -> bool {
    (fd == 1 || fd == 2) && output::covers(fd)
}
