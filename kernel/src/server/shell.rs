//! The shell channel: cells to run and questions about them.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use crate::wire::{Message, Signer, router::RouterReceiver};

use super::{Kernel, outbox::Outbox, requests};

/// Who sends one of these is answered when every request that has arrived so far is in the queue.
pub type Settle = mpsc::Sender<oneshot::Sender<()>>;

/// Receives for as long as the process lives.
pub async fn serve(
    mut socket: RouterReceiver,
    signer: Signer,
    kernel: Arc<Kernel>,
    outbox: Outbox,
    mut settling: mpsc::Receiver<oneshot::Sender<()>>,
) {
    loop {
        tokio::select! {
            // First what has arrived, then the answer that all of it is queued.
            biased;
            received = socket.recv() => {
                if let Some(message) = accept("shell", received, &signer) {
                    requests::handle(&kernel, &outbox, message);
                }
            }
            Some(settled) = settling.recv() => {
                // Who asked may have given up.
                let _ = settled.send(());
            }
        }
    }
}

/// A received message, if it is one; everything else is logged and forgotten.
pub fn accept(channel: &'static str, received: Vec<Bytes>, signer: &Signer) -> Option<Message> {
    Message::decode(received, signer)
        .inspect_err(|error| tracing::warn!(channel, %error, "a message was dropped"))
        .ok()
}
