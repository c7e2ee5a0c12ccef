//! Comms: conversations that clients open with a target inside the kernel.

use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::wire::Message;

use super::iopub::IoPub;

/// What clients can talk to. Called from the channel's own task, in the order of the messages and
/// before any cell that was sent after them is run; so it must return quickly.
pub trait CommTarget: Send + Sync {
    /// A client opened `comm`; a clone may be kept, to send through later.
    fn opened(&self, comm: &Comm, data: &Value, metadata: &Map<String, Value>, buffers: &[Bytes]);

    /// A client sent something.
    fn message(&self, comm: &Comm, data: &Value, metadata: &Map<String, Value>, buffers: &[Bytes]);

    /// A client closed its comm; what is sent through it is lost now.
    fn closed(&self, comm_id: &str);
}

/// An open comm. Clones are the same comm.
#[derive(Clone)]
#[allow(dead_code, reason = "the first target, `cellar.params`, is to come")]
pub struct Comm {
    id: String,
    hub: Arc<Hub>,
    /// The message being handled, which answers belong to; `None` in a clone that outlives it.
    parent: Option<Arc<Value>>,
}

#[allow(dead_code, reason = "the first target, `cellar.params`, is to come")]
impl Comm {
    pub fn id(&self) -> &str {
        &self.id
    }

    /// This comm for use outside of a handler: what it sends belongs to the cell that runs then.
    pub fn detached(&self) -> Self {
        Self {
            parent: None,
            ..self.clone()
        }
    }

    /// Sends data to the client. After the comm was closed nothing happens.
    pub fn send(&self, data: &Value) {
        self.send_with(data, &Map::new(), &[]);
    }

    /// The same, with metadata and binary buffers.
    pub fn send_with(&self, data: &Value, metadata: &Map<String, Value>, buffers: &[Bytes]) {
        if self.hub.is_open(&self.id) {
            let content = json!({ "comm_id": self.id, "data": data });
            self.hub
                .iopub
                .send_comm("comm_msg", &self.parent(), &content, metadata, buffers);
        }
    }

    /// Closes the comm from the kernel's side.
    pub fn close(&self) {
        if self.hub.lock().open.remove(&self.id).is_some() {
            self.hub.send_close(&self.id, &self.parent());
        }
    }

    fn parent(&self) -> Arc<Value> {
        match &self.parent {
            Some(parent) => Arc::clone(parent),
            None => self.hub.lock().cell.clone().unwrap_or_default(),
        }
    }
}

/// The targets there are and the comms that are open.
pub struct Comms {
    hub: Arc<Hub>,
    targets: HashMap<String, Arc<dyn CommTarget>>,
}

struct Hub {
    iopub: IoPub,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    open: HashMap<String, Open>,
    /// The header of the cell that runs.
    cell: Option<Arc<Value>>,
}

#[derive(Clone)]
struct Open {
    target_name: String,
    target: Arc<dyn CommTarget>,
}

impl Comms {
    pub fn new(iopub: IoPub, targets: Vec<(String, Arc<dyn CommTarget>)>) -> Self {
        let hub = Arc::new(Hub {
            iopub,
            state: Mutex::default(),
        });
        Self {
            hub,
            targets: targets.into_iter().collect(),
        }
    }

    pub fn cell_began(&self, header: &Value) {
        self.hub.lock().cell = Some(Arc::new(header.clone()));
    }

    pub fn cell_ended(&self) {
        self.hub.lock().cell = None;
    }

    /// The content of `comm_info_reply`; an empty `target_name` asks for all.
    pub fn info(&self, target_name: &str) -> Value {
        let comms: Map<String, Value> = self
            .hub
            .lock()
            .open
            .iter()
            .filter(|(_, open)| target_name.is_empty() || open.target_name == target_name)
            .map(|(id, open)| (id.clone(), json!({ "target_name": open.target_name })))
            .collect();
        json!({ "status": "ok", "comms": comms })
    }

    pub fn open(&self, message: &Message) {
        let (id, target_name) = (message.text("comm_id"), message.text("target_name"));
        let Some(target) = self.targets.get(target_name) else {
            tracing::debug!(target_name, "nobody here talks to this comm target");
            return self.hub.send_close(id, &message.header);
        };
        let open = Open {
            target_name: target_name.to_owned(),
            target: Arc::clone(target),
        };
        self.hub.lock().open.insert(id.to_owned(), open);
        let comm = self.comm(message);
        guarded(|| target.opened(&comm, data(message), &message.metadata, &message.buffers));
    }

    pub fn message(&self, message: &Message) {
        let found = self.hub.lock().open.get(message.text("comm_id")).cloned();
        let Some(open) = found else {
            return tracing::debug!("a comm_msg for a comm that is not open was dropped");
        };
        let comm = self.comm(message);
        guarded(|| {
            open.target
                .message(&comm, data(message), &message.metadata, &message.buffers)
        });
    }

    pub fn close(&self, message: &Message) {
        let id = message.text("comm_id");
        let closed = self.hub.lock().open.remove(id);
        if let Some(open) = closed {
            guarded(|| open.target.closed(id));
        }
    }

    fn comm(&self, message: &Message) -> Comm {
        Comm {
            id: message.text("comm_id").to_owned(),
            hub: Arc::clone(&self.hub),
            parent: Some(Arc::new(message.header.clone())),
        }
    }
}

impl Hub {
    #[allow(dead_code, reason = "the first target, `cellar.params`, is to come")]
    fn is_open(&self, id: &str) -> bool {
        self.lock().open.contains_key(id)
    }

    fn send_close(&self, id: &str, parent: &Value) {
        self.iopub
            .send("comm_close", parent, &json!({ "comm_id": id, "data": {} }));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A target that panics must not take the shell channel with it.
fn guarded(call: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(call)) {
        tracing::error!(
            what = super::execution::panic_text(&*panic),
            "a comm target panicked"
        );
    }
}

fn data(message: &Message) -> &Value {
    message.content.get("data").unwrap_or(&Value::Null)
}
