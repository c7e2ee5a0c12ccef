//! The control channel: what must be heard while a cell runs.

use std::sync::Arc;

use crate::wire::{Signer, router::RouterReceiver};

use super::{Kernel, outbox::Outbox, requests, shell::accept};

/// Receives for as long as the process lives.
pub async fn serve(mut socket: RouterReceiver, signer: Signer, kernel: Arc<Kernel>, outbox: Outbox) {
    loop {
        let received = socket.recv().await;
        if let Some(message) = accept("control", received, &signer) {
            requests::handle(&kernel, &outbox, message);
        }
    }
}
