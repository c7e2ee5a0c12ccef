//! The control channel: what must be heard while a cell runs.

use std::sync::Arc;

use zeromq::{RouterRecvHalf, SocketRecv};

use crate::wire::Signer;

use super::{Kernel, outbox::Outbox, requests, shell::accept};

/// Receives for as long as the process lives.
pub async fn serve(mut socket: RouterRecvHalf, signer: Signer, kernel: Arc<Kernel>, outbox: Outbox) {
    loop {
        let received = socket.recv().await;
        if let Some(message) = accept("control", received, &signer).await {
            requests::handle(&kernel, &outbox, message);
        }
    }
}
