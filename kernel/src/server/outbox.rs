//! Replies on their way to the clients of a ROUTER socket.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use serde_json::{Map, Value};
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};

use crate::wire::{
    Envelope, Message, Session,
    router::{NotSent, RouterSender},
};

/// What the socket accepted is written by its own tasks, which nothing tells the end of.
const WRITING: Duration = Duration::from_millis(100);

/// Takes replies from any thread without waiting. Clones are the same outbox.
#[derive(Clone)]
pub struct Outbox {
    queue: mpsc::UnboundedSender<Vec<Bytes>>,
    session: Arc<Session>,
}

impl Outbox {
    /// Starts sending; the task ends after the last clone is dropped and everything is sent.
    pub fn start(socket: RouterSender, session: Arc<Session>) -> (Self, JoinHandle<()>) {
        let (queue, waiting) = mpsc::unbounded_channel();
        (Self { queue, session }, tokio::spawn(send_all(socket, waiting)))
    }

    /// Answers a request: `x_request` with `x_reply`, anything else with its name and `_reply`.
    pub fn reply(&self, request: &Message, content: &Value) {
        self.reply_with(request, content, &Map::new());
    }

    /// The same, with metadata.
    pub fn reply_with(&self, request: &Message, content: &Value, metadata: &Map<String, Value>) {
        let stem = request
            .msg_type
            .strip_suffix("_request")
            .unwrap_or(&request.msg_type);
        let mut frames = request.identities.clone();
        frames.extend(self.session.encode(&Envelope {
            msg_type: &format!("{stem}_reply"),
            parent: &request.header,
            metadata,
            content,
            buffers: &[],
        }));
        // The task is gone only when the process is about to be.
        let _ = self.queue.send(frames);
    }
}

async fn send_all(socket: RouterSender, mut waiting: mpsc::UnboundedReceiver<Vec<Bytes>>) {
    while let Some(frames) = waiting.recv().await {
        match socket.send(&frames) {
            Ok(()) => {}
            Err(error @ NotSent::Gone) => tracing::debug!(%error, "a reply was dropped"),
            Err(error @ NotSent::Full) => tracing::warn!(%error, "a reply was dropped"),
        }
    }
}

/// Waits for sent replies to leave the process.
pub async fn drain(tasks: impl IntoIterator<Item = JoinHandle<()>>) {
    let all = async {
        for task in tasks {
            // A panicked sender has nothing left to send.
            let _ = task.await;
        }
    };
    // A thread that still runs a cell may hold an outbox for ever.
    let _ = timeout(WRITING, all).await;
    tokio::time::sleep(WRITING).await;
}
