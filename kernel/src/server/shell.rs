//! The shell channel: cells to run and questions about them.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use zeromq::{RouterRecvHalf, SocketRecv, ZmqMessage, ZmqResult};

use crate::wire::{Message, Signer};

use super::{Kernel, outbox::Outbox, requests};

/// Who sends one of these is answered when every request that has arrived so far is in the queue.
pub type Settle = mpsc::Sender<oneshot::Sender<()>>;

/// Receives for as long as the process lives.
pub async fn serve(
    mut socket: RouterRecvHalf,
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
                if let Some(message) = accept("shell", received, &signer).await {
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
pub async fn accept(
    channel: &'static str,
    received: ZmqResult<ZmqMessage>,
    signer: &Signer,
) -> Option<Message> {
    match received {
        Ok(frames) => match Message::decode(frames.into_vec(), signer) {
            Ok(message) => Some(message),
            Err(error) => {
                tracing::warn!(channel, %error, "a message was dropped");
                None
            }
        },
        Err(error) => {
            tracing::warn!(channel, %error, "receiving failed");
            // A failure that stays must not spin.
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            None
        }
    }
}
