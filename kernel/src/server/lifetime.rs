//! When the kernel ends, and how it ends without losing anything.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::oneshot,
    time::timeout,
};

use crate::wire::Message;

use super::{Kernel, execution::abort, iopub::Busy, outbox::Outbox};

/// Time for the interpreter to end what it started. jupyter_client kills a kernel after five seconds.
const INTERPRETER: Duration = Duration::from_secs(3);
/// Time for the running cell to return after that.
const LAST_CELL: Duration = Duration::from_millis(500);
const PARENT_POLL: Duration = Duration::from_secs(1);

/// Why the kernel ends.
pub enum Stop {
    /// A client asked, and is to be told when it is done.
    Request {
        request: Box<Message>,
        outbox: Outbox,
        busy: Busy,
    },
    /// A signal came, or the parent is gone.
    Quietly,
}

/// Ends the kernel on SIGTERM and when its parent is gone, interrupts on SIGINT.
///
/// # Errors
/// When the system lets no handler be set.
pub fn watch(kernel: &Arc<Kernel>) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stop = kernel.stop.clone();
    tokio::spawn(async move {
        if terminate.recv().await.is_some() {
            tracing::info!("SIGTERM: the kernel ends");
            // Received until the end.
            let _ = stop.send(Stop::Quietly);
        }
    });
    let interrupted = Arc::clone(kernel);
    tokio::spawn(async move {
        while interrupt.recv().await.is_some() {
            let kernel = Arc::clone(&interrupted);
            tokio::task::spawn_blocking(move || kernel.interrupt());
        }
    });
    if let Some(parent) = Parent::from_environment() {
        let stop = kernel.stop.clone();
        tokio::spawn(async move {
            while parent.lives() {
                tokio::time::sleep(PARENT_POLL).await;
            }
            tracing::warn!("the process that started this kernel is gone: the kernel ends");
            let _ = stop.send(Stop::Quietly);
        });
    }
    Ok(())
}

/// Ends everything: the queue, the cell, the interpreter; then says so and sends what is left.
pub async fn end(kernel: &Arc<Kernel>, reason: Stop, executing: oneshot::Receiver<()>) {
    let waiting = kernel.queue.close();
    let ending = Arc::clone(kernel);
    let shut_down = tokio::task::spawn_blocking(move || {
        ending.interrupt();
        ending.interpreter.shutdown();
        // No cell is left that could show them; nbconvert and its like pass the kernel's stderr on.
        for words in ending.interpreter.last_words() {
            tracing::warn!("{words}");
        }
    });
    match timeout(INTERPRETER, shut_down).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(%error, "the interpreter failed to shut down"),
        Err(_) => tracing::error!("the interpreter did not shut down in time"),
    }
    if timeout(LAST_CELL, executing).await.is_err() {
        tracing::warn!("the running cell did not return");
    }
    for job in &waiting {
        abort(kernel, job);
    }
    drop(waiting);
    if let Stop::Request {
        request,
        outbox,
        busy,
    } = reason
    {
        let content = json!({ "status": "ok", "restart": request.flag("restart", false) });
        outbox.reply(&request, &content);
        kernel.iopub.send("shutdown_reply", &request.header, &content);
        drop(busy);
    }
    kernel.history.close();
    kernel.iopub.close().await;
}

/// The process that started this kernel, as Jupyter names it in `JPY_PARENT_PID`.
struct Parent {
    pid: u32,
    /// A direct parent is seen to be gone even while it is a zombie: the kernel has another parent then.
    is_direct: bool,
}

impl Parent {
    fn from_environment() -> Option<Self> {
        let pid: u32 = std::env::var("JPY_PARENT_PID").ok()?.trim().parse().ok()?;
        let parent = Self {
            pid,
            is_direct: std::os::unix::process::parent_id() == pid,
        };
        // In another process namespace the number means nothing.
        (pid > 1 && parent.lives()).then_some(parent)
    }

    fn lives(&self) -> bool {
        if self.is_direct {
            return std::os::unix::process::parent_id() == self.pid;
        }
        let Ok(pid) = libc::pid_t::try_from(self.pid) else {
            return false;
        };
        // SAFETY: signal 0 only asks whether the process exists.
        let answer = unsafe { libc::kill(pid, 0) };
        answer == 0 || std::io::Error::last_os_error().raw_os_error() == Some(libc::EPERM)
    }
}
