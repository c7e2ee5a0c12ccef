//! The comm `cellar.params`: how front ends tell the notebook's parameters and hear of changes.
//!
//! A front end opens it before its first cell. All messages are objects; `op` says what they are.
//!
//! | from | data | means |
//! | --- | --- | --- |
//! | front end | open: `params`, `override`, `client` | what the metadata says; values for this run; who it is |
//! | | `replace`: `params` | the metadata were edited |
//! | | `set`: `key`, `values` (a list, or null to remove) | a parameter was edited |
//! | | `clear` | remove all |
//! | | `forget`: `key` | clear the cache entry with this key |
//! | kernel | `state`: `params`, `override`, `effective`, `source`, `problems` | the answer to the open, and after each change; `params` is what the metadata have to be |
//! | | `error`: `message`, `key` | something was refused; nothing changed |
//! | | `forgotten`: `key`, `entries`, `bytes` | the answer to `forget` |
//!
//! The first front end's metadata count; a second window is told what holds. The kernel never opens a comm.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::{Params, SharedParams, Source, Told};
use crate::interpreter::Interpreter;
use crate::server::comms::{Comm, CommTarget};

/// The name that front ends open.
pub const TARGET: &str = "cellar.params";

/// The kernel's side of all such comms.
pub struct ParamsTarget {
    params: SharedParams,
    interpreter: Arc<dyn Interpreter>,
    open: Arc<Mutex<BTreeMap<String, Comm>>>,
}

impl ParamsTarget {
    pub fn new(params: SharedParams, interpreter: Arc<dyn Interpreter>) -> ParamsTarget {
        let open: Arc<Mutex<BTreeMap<String, Comm>>> = Arc::default();
        let listening = Arc::clone(&open);
        params.listen(move |told| {
            let state = state(told);
            // Sending may wait; opening and closing must not.
            let comms: Vec<Comm> = lock(&listening).values().cloned().collect();
            comms.iter().for_each(|comm| comm.send(&state));
        });
        ParamsTarget {
            params,
            interpreter,
            open,
        }
    }
}

fn lock(open: &Mutex<BTreeMap<String, Comm>>) -> MutexGuard<'_, BTreeMap<String, Comm>> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

fn state(told: &Told) -> Value {
    json!({
        "op": "state",
        "params": told.saved,
        "override": told.overrides,
        "effective": told.effective,
        "source": told.source,
        "problems": told.problems,
    })
}

impl ParamsTarget {
    /// Clears an entry, in a thread of its own: what is being written is waited for.
    fn forget(&self, comm: &Comm, key: Value) {
        let (interpreter, comm) = (Arc::clone(&self.interpreter), comm.clone());
        let work = move || {
            let answer = match interpreter.forget(key.as_str().unwrap_or_default()) {
                Ok((entries, bytes)) => {
                    json!({"op": "forgotten", "key": key, "entries": entries, "bytes": bytes})
                }
                Err(why) => json!({"op": "error", "message": why, "key": key}),
            };
            comm.send(&answer);
        };
        if let Err(error) = std::thread::Builder::new().name("forget".into()).spawn(work) {
            tracing::warn!("an entry is not cleared: {error}");
        }
    }
}

impl Params {
    /// A front end has the notebook open.
    fn opened(&self, base: Option<&Value>, client: &str) {
        // What cells have set meanwhile is newer than what a file said before; a second window is not asked.
        let is_asked = matches!(
            self.state().source,
            Source::Unknown | Source::Nowhere | Source::File { .. }
        );
        if is_asked {
            self.set_base(base.cloned(), Source::FrontEnd(client.to_owned()));
        } else if self.state().source == Source::Cells {
            self.state().source = Source::FrontEnd(client.to_owned());
        }
    }

    /// The metadata were edited in a front end.
    fn replaced(&self, base: Option<&Value>, client: &str) {
        self.set_base(base.cloned(), Source::FrontEnd(client.to_owned()));
        self.tell();
    }

    fn client(&self) -> String {
        match &self.state().source {
            Source::FrontEnd(client) => client.clone(),
            _ => "the front end".to_owned(),
        }
    }
}

impl CommTarget for ParamsTarget {
    fn opened(&self, comm: &Comm, data: &Value, _metadata: &Map<String, Value>, _buffers: &[Bytes]) {
        lock(&self.open).insert(comm.id().to_owned(), comm.detached());
        let client = data["client"].as_str().unwrap_or("the front end");
        self.params.opened(data.get("params"), client);
        match &data["override"] {
            // It tells everybody, this comm too.
            Value::Object(overrides) if !overrides.is_empty() => {
                if let Err(problems) = self.params.add_overrides(overrides) {
                    tracing::debug!(?problems, "parameters for this run");
                }
            }
            _ => comm.send(&state(&self.params.told())),
        }
    }

    fn message(&self, comm: &Comm, data: &Value, _metadata: &Map<String, Value>, _buffers: &[Bytes]) {
        let refuse =
            |message: String, key: &Value| comm.send(&json!({"op": "error", "message": message, "key": key}));
        match data["op"].as_str() {
            Some("replace") => self.params.replaced(data.get("params"), &self.params.client()),
            Some("set") => {
                let Some(key) = data["key"].as_str() else {
                    return refuse("`set` needs a `key`".to_owned(), &Value::Null);
                };
                let values = match &data["values"] {
                    Value::Null => None,
                    Value::Array(values) => {
                        let texts: Option<Vec<String>> = values
                            .iter()
                            .map(|value| value.as_str().map(str::to_owned))
                            .collect();
                        match texts {
                            Some(texts) => Some(texts),
                            None => return refuse("values must be texts".to_owned(), &data["key"]),
                        }
                    }
                    _ => {
                        return refuse(
                            "`values` must be a list of texts, or null".to_owned(),
                            &data["key"],
                        );
                    }
                };
                if let Err(why) = self.params.set(key, values) {
                    refuse(why, &data["key"]);
                }
            }
            Some("clear") => drop(self.params.clear()),
            Some("forget") => self.forget(comm, data["key"].clone()),
            other => refuse(
                format!("`{}` is no `op` of this comm", other.unwrap_or_default()),
                &Value::Null,
            ),
        }
    }

    fn closed(&self, comm_id: &str) {
        lock(&self.open).remove(comm_id);
    }
}
