//! The operating system's parts that both sides of the host need: shared memory, wake-ups, passing of
//! file descriptors. Linux; whoever ports the host to another system begins here.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::AtomicU32;
use std::time::Duration;

/// Turns libc's -1 into the error that it stands for.
pub fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// Kills a process and its whole group.
pub fn kill_group(pid: libc::pid_t) {
    if pid > 1 {
        // SAFETY: no pointers; processes that are gone are not hit.
        unsafe {
            libc::kill(-pid, libc::SIGKILL);
            libc::kill(pid, libc::SIGKILL);
        }
    }
}

/// Anonymous memory of `size` bytes that can be sent to another process.
pub fn shared_memory(size: usize) -> io::Result<OwnedFd> {
    // SAFETY: the name is a C string; the result is checked.
    let fd = check(unsafe { libc::memfd_create(c"cellar".as_ptr(), libc::MFD_CLOEXEC) })?;
    // SAFETY: a fresh descriptor that nobody else owns.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    // SAFETY: `fd` is open.
    check(unsafe { libc::ftruncate(fd.as_raw_fd(), size as libc::off_t) })?;
    Ok(fd)
}

/// Maps `size` bytes of `fd`, shared. The mapping is never undone by this function's caller unless
/// it calls [`unmap`].
pub fn map(fd: BorrowedFd<'_>, size: usize) -> io::Result<*mut u8> {
    // SAFETY: no address is asked for, so nothing that exists is replaced.
    let address = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            size,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED,
            fd.as_raw_fd(),
            0,
        )
    };
    if address == libc::MAP_FAILED {
        Err(io::Error::last_os_error())
    } else {
        Ok(address.cast())
    }
}

/// Undoes [`map`].
///
/// # Safety
/// `address` and `size` are those of a mapping that nobody uses any more.
pub unsafe fn unmap(address: *mut u8, size: usize) {
    // SAFETY: promised by the caller.
    unsafe { libc::munmap(address.cast(), size) };
}

/// A counter to sleep on with [`poll`]; [`wake`] makes it readable, [`clear`] unreadable.
pub fn waker() -> io::Result<OwnedFd> {
    // SAFETY: no pointers; the result is checked.
    let fd = check(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })?;
    // SAFETY: a fresh descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Makes a [`waker`] readable. A full counter is readable already.
pub fn wake(fd: RawFd) {
    let one = 1u64;
    // SAFETY: eight bytes of a live value. The system call itself, since `write` is our own.
    unsafe { libc::syscall(libc::SYS_write, fd, &raw const one, 8usize) };
}

/// Makes a [`waker`] unreadable.
pub fn clear(fd: RawFd) {
    let mut count = 0u64;
    // SAFETY: eight bytes of a live value.
    unsafe { libc::syscall(libc::SYS_read, fd, &raw mut count, 8usize) };
}

/// Sleeps while `*word == expected`, at most `timeout`; may return early. Works across processes.
pub fn futex_wait(word: &AtomicU32, expected: u32, timeout: Option<Duration>) {
    let time = timeout.map(|t| libc::timespec {
        tv_sec: t.as_secs() as libc::time_t,
        tv_nsec: t.subsec_nanos().into(),
    });
    let time = time.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: `word` and `time` are live for the call.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAIT, expected, time) };
}

/// Wakes all who sleep in [`futex_wait`] on `word`.
pub fn futex_wake(word: &AtomicU32) {
    // SAFETY: `word` is live for the call.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, i32::MAX) };
}

/// A connected pair of sockets that keep messages whole.
pub fn message_pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut fds = [0; 2];
    // SAFETY: room for two descriptors.
    check(unsafe {
        libc::socketpair(
            libc::AF_UNIX,
            libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC,
            0,
            fds.as_mut_ptr(),
        )
    })?;
    // SAFETY: fresh descriptors that nobody else owns.
    Ok(unsafe { (OwnedFd::from_raw_fd(fds[0]), OwnedFd::from_raw_fd(fds[1])) })
}

/// Sends one message whole.
pub fn send(fd: BorrowedFd<'_>, message: &[u8]) -> io::Result<()> {
    loop {
        // SAFETY: the pointer and length are the slice's.
        let sent = unsafe {
            libc::send(
                fd.as_raw_fd(),
                message.as_ptr().cast(),
                message.len(),
                libc::MSG_NOSIGNAL,
            )
        };
        if sent >= 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

/// Receives one message; `Ok(0)` when the other side is gone.
pub fn receive(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        // SAFETY: the pointer and length are the slice's.
        let got = unsafe { libc::recv(fd.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), 0) };
        if got >= 0 {
            return Ok(got as usize);
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

/// How many descriptors one [`send_with_fds`] may carry.
const MOST_FDS: usize = 16;

#[repr(C, align(8))]
struct ControlBuffer([u8; 128]);

/// Sends `message` together with copies of `fds`.
pub fn send_with_fds(socket: BorrowedFd<'_>, message: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<()> {
    assert!(
        fds.len() <= MOST_FDS,
        "the control buffer has room for these descriptors"
    );
    let raw: Vec<RawFd> = fds.iter().map(|fd| fd.as_raw_fd()).collect();
    let size = size_of_val(raw.as_slice()) as u32;
    let mut control = ControlBuffer([0; 128]);
    let mut part = libc::iovec {
        iov_base: message.as_ptr().cast_mut().cast(),
        iov_len: message.len(),
    };
    // SAFETY: all-zero is a valid msghdr.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_iov = &raw mut part;
    header.msg_iovlen = 1;
    header.msg_control = control.0.as_mut_ptr().cast();
    // SAFETY: CMSG_SPACE only computes.
    header.msg_controllen = unsafe { libc::CMSG_SPACE(size) } as _;
    // SAFETY: the control buffer is aligned and, for MOST_FDS descriptors, large enough.
    unsafe {
        let entry = libc::CMSG_FIRSTHDR(&raw const header);
        (*entry).cmsg_level = libc::SOL_SOCKET;
        (*entry).cmsg_type = libc::SCM_RIGHTS;
        (*entry).cmsg_len = libc::CMSG_LEN(size) as _;
        std::ptr::copy_nonoverlapping(raw.as_ptr().cast::<u8>(), libc::CMSG_DATA(entry), size as usize);
    }
    // SAFETY: everything the header points to is live.
    let sent = unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const header, libc::MSG_NOSIGNAL) };
    if sent < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// Receives what [`send_with_fds`] sent: the length of the message and the descriptors.
pub fn receive_with_fds(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut control = ControlBuffer([0; 128]);
    let mut part = libc::iovec {
        iov_base: buffer.as_mut_ptr().cast(),
        iov_len: buffer.len(),
    };
    // SAFETY: all-zero is a valid msghdr.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_iov = &raw mut part;
    header.msg_iovlen = 1;
    header.msg_control = control.0.as_mut_ptr().cast();
    header.msg_controllen = control.0.len() as _;
    // SAFETY: everything the header points to is live.
    let got = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut header, libc::MSG_CMSG_CLOEXEC) };
    if got < 0 {
        return Err(io::Error::last_os_error());
    }
    let mut fds = Vec::new();
    // SAFETY: the kernel filled the control buffer; each descriptor in it is now ours alone.
    unsafe {
        let entry = libc::CMSG_FIRSTHDR(&raw const header);
        if !entry.is_null() && (*entry).cmsg_type == libc::SCM_RIGHTS {
            let bytes = (*entry).cmsg_len as usize - libc::CMSG_LEN(0) as usize;
            let data = libc::CMSG_DATA(entry).cast::<RawFd>();
            for index in 0..bytes / size_of::<RawFd>() {
                fds.push(OwnedFd::from_raw_fd(data.add(index).read_unaligned()));
            }
        }
    }
    Ok((got as usize, fds))
}

/// What to wait for in [`poll`]: readable.
pub fn readable(fd: RawFd) -> libc::pollfd {
    libc::pollfd {
        fd,
        events: libc::POLLIN,
        revents: 0,
    }
}

/// Waits until one of `fds` is ready. A negative descriptor is left out. `None` waits for ever.
pub fn poll(fds: &mut [libc::pollfd], timeout: Option<Duration>) -> io::Result<()> {
    let timeout = timeout.map_or(-1, |t| t.as_millis().min(i32::MAX as u128) as libc::c_int);
    // SAFETY: the pointer and length are the slice's.
    let ready = unsafe { libc::poll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, timeout) };
    if ready < 0 {
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
        for fd in fds {
            fd.revents = 0;
        }
    }
    Ok(())
}

/// How many bytes wait in a pipe, asked at either end.
pub fn pending(fd: RawFd) -> usize {
    let mut count: libc::c_int = 0;
    // SAFETY: FIONREAD writes one int.
    let result = unsafe { libc::ioctl(fd, libc::FIONREAD, &raw mut count) };
    if result < 0 { 0 } else { count.max(0) as usize }
}

/// Reads once, without the executable's own `read`.
pub fn read(fd: RawFd, buffer: &mut [u8]) -> io::Result<usize> {
    // SAFETY: the pointer and length are the slice's.
    let got = unsafe { libc::syscall(libc::SYS_read, fd, buffer.as_mut_ptr(), buffer.len()) };
    if got < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(got as usize)
    }
}

/// Makes a pipe hold `bytes`, if the system allows it.
pub fn widen_pipe(fd: impl AsFd, bytes: usize) {
    // SAFETY: `fd` is open; a refusal changes nothing.
    unsafe { libc::fcntl(fd.as_fd().as_raw_fd(), libc::F_SETPIPE_SZ, bytes as libc::c_int) };
}

/// Lets a send give up after `limit`.
pub fn limit_send(fd: BorrowedFd<'_>, limit: Duration) {
    let time = libc::timeval {
        tv_sec: limit.as_secs() as libc::time_t,
        tv_usec: 0,
    };
    // SAFETY: the pointer and length are those of a live value.
    unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_SNDTIMEO,
            (&raw const time).cast(),
            size_of::<libc::timeval>() as libc::socklen_t,
        )
    };
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn descriptors_travel_over_a_socket() {
        let (left, right) = std::os::unix::net::UnixStream::pair().unwrap();
        let (reader, mut writer) = std::io::pipe().unwrap();
        let other = waker().unwrap();
        send_with_fds(left.as_fd(), b"hello", &[reader.as_fd(), other.as_fd()]).unwrap();
        drop(reader);
        let mut buffer = [0; 16];
        let (length, mut fds) = receive_with_fds(right.as_fd(), &mut buffer).unwrap();
        assert_eq!((&buffer[..length], fds.len()), (&b"hello"[..], 2));
        writer.write_all(b"through").unwrap();
        drop(writer);
        assert_eq!(pending(fds[0].as_raw_fd()), 7);
        let mut text = String::new();
        std::fs::File::from(fds.remove(0))
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, "through");
    }

    #[test]
    fn a_waker_wakes_until_it_is_cleared() {
        let fd = waker().unwrap();
        let ready = |fd: &OwnedFd| {
            let mut fds = [readable(fd.as_raw_fd())];
            poll(&mut fds, Some(Duration::ZERO)).unwrap();
            fds[0].revents & libc::POLLIN != 0
        };
        assert!(!ready(&fd));
        wake(fd.as_raw_fd());
        assert!(ready(&fd));
        clear(fd.as_raw_fd());
        assert!(!ready(&fd));
    }
}
