//! The Jupyter kernel as its clients see it: five channels, a queue of cells, busy and idle.
//!
//! | file | is |
//! | --- | --- |
//! | [`shell`], [`control`], [`stdin`], [`heartbeat`], [`iopub`] | one channel each |
//! | [`requests`] | what every request is answered with, whichever channel it came on |
//! | [`queue`], [`execution`], [`frontend`] | cells that wait, the thread that runs them, what one shows |
//! | [`comms`], [`history`], [`kernel_info`] | the state behind requests of those names |
//! | [`lifetime`] | when to end, and how to end without losing anything |
//!
//! Knows Jupyter's messages and the [`Interpreter`]; nothing of Rust, evcxr or caching. Four rules hold
//! everywhere: no transport error ends a loop; every request is wrapped in busy and idle, whatever
//! happens between; nothing waits for a client except the cell whose output it does not take; and
//! only [`execution`]'s thread runs cells, while everything else is answered beside it.

pub mod comms;
mod control;
mod execution;
mod frontend;
mod heartbeat;
mod history;
mod iopub;
mod kernel_info;
mod lifetime;
mod outbox;
mod queue;
mod requests;
#[cfg(test)]
mod scripted;
mod shell;
mod stdin;

use std::{
    path::Path,
    sync::{Arc, atomic::AtomicU32},
};

use anyhow::Context;
use tokio::sync::mpsc;
use zeromq::{RepSocket, Socket as _};

use crate::{
    interpreter::Interpreter,
    wire::{
        Channel, ConnectionFile, Session,
        router::{self, RouterReceiver, RouterSender},
    },
};

use self::{
    comms::{CommTarget, Comms},
    execution::Job,
    history::History,
    iopub::IoPub,
    lifetime::Stop,
    outbox::Outbox,
    queue::Queue,
    stdin::InputBroker,
};

/// What the channels share.
struct Kernel {
    interpreter: Arc<dyn Interpreter>,
    iopub: IoPub,
    queue: Queue<Job>,
    input: InputBroker,
    history: History,
    comms: Comms,
    /// The number of the last cell that was counted.
    executed: AtomicU32,
    /// Asks for the end of the process.
    stop: mpsc::UnboundedSender<Stop>,
}

impl Kernel {
    /// Stops the running cell, if one runs, also when it waits for input. Blocks no longer than the
    /// interpreter's `interrupt` does.
    fn interrupt(&self) {
        self.input.cancel();
        self.interpreter.interrupt();
    }
}

/// Serves Jupyter clients on the sockets that the connection file names until one of them asks for
/// shutdown, SIGTERM comes or the parent process is gone. Blocks; must not be called from within an
/// asynchronous runtime. The interpreter has been shut down when it returns, and the caller
/// should end the process then, since threads of a cell that cannot be stopped may be left.
///
/// `targets` are the comms that clients can open, by target name.
///
/// # Errors
/// When the connection file cannot be used or a socket cannot be bound.
pub fn run(
    connection_file: &Path,
    interpreter: Arc<dyn Interpreter>,
    targets: Vec<(String, Arc<dyn CommTarget>)>,
) -> anyhow::Result<()> {
    let connection = ConnectionFile::read(connection_file)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("cellar-server")
        .enable_all()
        .build()
        .context("cannot start the server's threads")?;
    let served = runtime.block_on(serve(&connection, interpreter, targets));
    // A completion that takes its time must not hold up the end.
    runtime.shutdown_background();
    served
}

async fn serve(
    connection: &ConnectionFile,
    interpreter: Arc<dyn Interpreter>,
    targets: Vec<(String, Arc<dyn CommTarget>)>,
) -> anyhow::Result<()> {
    let session = Arc::new(Session::new(connection.signer()));
    remove_socket_files(connection);
    let iopub = IoPub::bind(connection, Arc::clone(&session)).await?;
    let (shell_sender, shell_receiver) = bind(connection, Channel::Shell).await?;
    let (control_sender, control_receiver) = bind(connection, Channel::Control).await?;
    let (stdin_sender, stdin_receiver) = bind(connection, Channel::Stdin).await?;
    let heartbeat = bind_heartbeat(connection).await?;

    let (stop, mut stopped) = mpsc::unbounded_channel();
    let kernel = Arc::new(Kernel {
        interpreter,
        queue: Queue::default(),
        input: InputBroker::new(stdin_sender, Arc::clone(&session)),
        history: History::start(),
        comms: Comms::new(iopub.clone(), targets),
        iopub,
        executed: AtomicU32::new(0),
        stop,
    });

    let (shell_outbox, shell_sending) = Outbox::start(shell_sender, Arc::clone(&session));
    let (control_outbox, control_sending) = Outbox::start(control_sender, Arc::clone(&session));
    let (settle, settling) = mpsc::channel(1);

    let signer = session.signer();
    let receiving = [
        tokio::spawn(shell::serve(
            shell_receiver,
            signer.clone(),
            Arc::clone(&kernel),
            shell_outbox,
            settling,
        )),
        tokio::spawn(control::serve(
            control_receiver,
            signer.clone(),
            Arc::clone(&kernel),
            control_outbox,
        )),
        tokio::spawn(stdin::serve(stdin_receiver, signer.clone(), Arc::clone(&kernel))),
    ];
    tokio::spawn(heartbeat::serve(heartbeat));
    lifetime::watch(&kernel)?;
    let executing = execution::start(Arc::clone(&kernel), settle)?;

    let reason = stopped.recv().await.unwrap_or(Stop::Quietly);
    for task in &receiving {
        task.abort();
    }
    lifetime::end(&kernel, reason, executing).await;
    for task in receiving {
        // Each holds its outbox until it is really gone.
        let _ = task.await;
    }
    outbox::drain([shell_sending, control_sending]).await;
    remove_socket_files(connection);
    Ok(())
}

async fn bind(
    connection: &ConnectionFile,
    channel: Channel,
) -> anyhow::Result<(RouterSender, RouterReceiver)> {
    router::bind(connection, channel)
        .await
        .with_context(|| cannot_listen(connection, channel))
}

async fn bind_heartbeat(connection: &ConnectionFile) -> anyhow::Result<RepSocket> {
    let mut socket = RepSocket::new();
    socket
        .bind(&connection.endpoint(Channel::Heartbeat))
        .await
        .with_context(|| cannot_listen(connection, Channel::Heartbeat))?;
    Ok(socket)
}

fn cannot_listen(connection: &ConnectionFile, channel: Channel) -> String {
    format!(
        "cannot listen on {} ({channel:?} channel); is another kernel running with this connection file?",
        connection.endpoint(channel)
    )
}

/// A socket file outlives its process, and nothing can be bound to it then.
fn remove_socket_files(connection: &ConnectionFile) {
    for channel in [
        Channel::Shell,
        Channel::Control,
        Channel::Stdin,
        Channel::Heartbeat,
        Channel::IoPub,
    ] {
        if let Some(path) = connection.ipc_path(channel) {
            // It is usually not there.
            let _ = std::fs::remove_file(path);
        }
    }
}
