//! The kernel's thread that waits for host processes: evcxr starts one, and another when it was lost.

use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;

use super::connection::Connection;
use super::control::interrupt_message;
use super::{Inner, NO_PROCESS, sys};

/// A run, as [`Host::interrupt`](super::Host::interrupt) needs it.
pub struct Running {
    pub run: u32,
    pub supervisor: UnixStream,
}

impl Running {
    /// Asks the supervisor to end the run. If it is just ending by itself, nothing happens.
    pub fn interrupt(&self) {
        if let Err(error) = (&self.supervisor).write_all(&interrupt_message(self.run)) {
            tracing::debug!(%error, "the host process is gone, there is nothing to interrupt");
        }
    }
}

/// Serves host processes until the kernel shuts down.
pub fn serve(inner: &Arc<Inner>, listener: &UnixListener) {
    let mut next_run = 1;
    while !inner.state().shutting_down {
        let mut fds = [
            sys::readable(listener.as_raw_fd()),
            sys::readable(inner.waker.as_raw_fd()),
        ];
        if let Err(error) = sys::poll(&mut fds, None) {
            tracing::error!(%error, "cannot wait for the host process");
            break;
        }
        sys::clear(inner.waker.as_raw_fd());
        if fds[0].revents == 0 {
            continue;
        }
        let served = listener
            .accept()
            .and_then(|(socket, _)| Connection::accept(inner, socket, next_run));
        match served {
            Ok(mut connection) => {
                if let Err(error) = connection.serve() {
                    tracing::error!(%error, "lost the host process");
                }
                next_run = connection.next_run;
                connection.close();
            }
            Err(error) => tracing::error!(%error, "the host process did not introduce itself"),
        }
    }
    drop(std::fs::remove_file(&inner.socket));
    let mut state = inner.state();
    state.running = None;
    state.ended = true;
    state.fail_calls(NO_PROCESS);
    inner.changed.notify_all();
}
