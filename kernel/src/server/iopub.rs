//! The iopub channel: what every client sees.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::wire::{Budget, Channel, ConnectionFile, Envelope, Publisher, Session};

/// Bytes of output that may be on their way to clients before the cell has to wait for them.
const IN_FLIGHT: usize = 16 << 20;
/// Time for the last output to reach clients when the kernel ends.
const CLOSING: Duration = Duration::from_secs(2);

/// Publishes from any thread. Clones are the same channel.
#[derive(Clone)]
pub struct IoPub {
    publisher: Publisher,
    session: Arc<Session>,
    budget: Budget,
}

impl IoPub {
    pub async fn bind(connection: &ConnectionFile, session: Arc<Session>) -> anyhow::Result<Self> {
        let welcoming = Arc::clone(&session);
        let publisher = Publisher::new(Box::new(move |topic| welcome(&welcoming, topic)));
        let endpoint = connection.endpoint(Channel::IoPub);
        match connection.ipc_path(Channel::IoPub) {
            Some(path) => publisher.bind_ipc(&path),
            None => publisher.bind_tcp(&connection.tcp_address(Channel::IoPub)).await.map(drop),
        }
        .with_context(|| {
            format!("cannot listen on {endpoint} (IoPub channel); is another kernel running with this connection file?")
        })?;
        Ok(Self {
            publisher,
            session,
            budget: Budget::new(IN_FLIGHT),
        })
    }

    /// Publishes a small message at once. `parent` is the header of the request it belongs to.
    pub fn send(&self, msg_type: &str, parent: &Value, content: &Value) {
        self.publisher
            .publish(&self.frames(msg_type, parent, content, &Map::new(), &[]), None);
    }

    /// The same for a comm, with metadata and buffers.
    #[allow(dead_code, reason = "the first target, `cellar.params`, is to come")]
    pub fn send_comm(
        &self,
        msg_type: &str,
        parent: &Value,
        content: &Value,
        metadata: &Map<String, Value>,
        buffers: &[Bytes],
    ) {
        self.publisher
            .publish(&self.frames(msg_type, parent, content, metadata, buffers), None);
    }

    /// Publishes something a cell shows. Blocks the thread while clients are behind.
    pub fn output(&self, msg_type: &str, parent: &Value, content: &Value) {
        let frames = self.frames(msg_type, parent, content, &Map::new(), &[]);
        let permit = self.budget.take(frames.iter().map(Bytes::len).sum());
        self.publisher.publish(&frames, Some(permit));
    }

    /// Announces that work on a request has begun; the end is announced when the guard is dropped.
    pub fn busy(&self, request_header: &Value) -> Busy {
        self.status("busy", request_header);
        Busy {
            iopub: self.clone(),
            parent: request_header.clone(),
        }
    }

    fn status(&self, state: &str, parent: &Value) {
        self.send("status", parent, &json!({ "execution_state": state }));
    }

    /// Waits until clients have been sent everything. Nothing can be published afterwards.
    pub async fn close(&self) {
        self.publisher.close(CLOSING).await;
    }

    fn frames(
        &self,
        msg_type: &str,
        parent: &Value,
        content: &Value,
        metadata: &Map<String, Value>,
        buffers: &[Bytes],
    ) -> Vec<Bytes> {
        let topic = match content.get("name").and_then(Value::as_str) {
            Some(name) if msg_type == "stream" => format!("stream.{name}"),
            _ => format!("kernel.{}.{msg_type}", self.session.id()),
        };
        let mut frames = vec![Bytes::from(topic)];
        frames.extend(self.session.encode(&Envelope {
            msg_type,
            parent,
            metadata,
            content,
            buffers,
        }));
        frames
    }
}

/// From busy to idle: idle is published when this is dropped, so also when a handler fails.
#[must_use]
pub struct Busy {
    iopub: IoPub,
    parent: Value,
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.iopub.status("idle", &self.parent);
    }
}

/// What a new subscriber is told: that its subscription holds (JEP 65), and that a kernel is there,
/// which VS Code waits for before it asks anything.
fn welcome(session: &Session, topic: &[u8]) -> Vec<Vec<Bytes>> {
    let messages = [
        (
            "iopub_welcome",
            json!({ "subscription": String::from_utf8_lossy(topic) }),
        ),
        ("status", json!({ "execution_state": "starting" })),
    ];
    let address = |(msg_type, content): (&str, Value)| {
        let mut frames = vec![Bytes::copy_from_slice(topic)];
        frames.extend(session.encode(&Envelope {
            msg_type,
            parent: &Value::Null,
            metadata: &Map::new(),
            content: &content,
            buffers: &[],
        }));
        frames
    };
    messages.into_iter().map(address).collect()
}
