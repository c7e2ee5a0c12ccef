//! A message: identities, `<IDS|MSG>`, signature, four JSON frames, buffers.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use chrono::{SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use super::Signer;

const DELIMITER: &[u8] = b"<IDS|MSG>";
const PROTOCOL_VERSION: &str = "5.5";

/// Why frames are not a message. Such frames are dropped: nobody can be answered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MalformedError {
    #[error("there is no <IDS|MSG> frame")]
    NoDelimiter,
    #[error("there are {0} frames after <IDS|MSG>, five are needed")]
    TooFewFrames(usize),
    #[error("the signature is wrong")]
    Forged,
    #[error("the {part} is not JSON: {source}")]
    NotJson {
        part: &'static str,
        source: serde_json::Error,
    },
    #[error("the header names no msg_type")]
    NoType,
}

/// A message that came from a client.
#[derive(Debug, Clone)]
pub struct Message {
    /// The routing frames before the delimiter: who sent it.
    pub identities: Vec<Bytes>,
    pub msg_type: String,
    /// The header as it came, with whatever newer fields the client put there, to be echoed.
    pub header: Value,
    /// The parent header as it came; often an empty object.
    pub parent: Value,
    pub metadata: Map<String, Value>,
    pub content: Map<String, Value>,
    pub buffers: Vec<Bytes>,
}

impl Message {
    /// Takes received frames apart and verifies them.
    ///
    /// # Errors
    /// When they are not a message or not signed with our key.
    pub fn decode(mut frames: Vec<Bytes>, signer: &Signer) -> Result<Self, MalformedError> {
        let delimiter = frames
            .iter()
            .position(|frame| frame == DELIMITER)
            .ok_or(MalformedError::NoDelimiter)?;
        let mut parts = frames.split_off(delimiter + 1);
        frames.truncate(delimiter);
        if parts.len() < 5 {
            return Err(MalformedError::TooFewFrames(parts.len()));
        }
        let buffers = parts.split_off(5);
        if !signer.verify(&parts[0], [&parts[1], &parts[2], &parts[3], &parts[4]]) {
            return Err(MalformedError::Forged);
        }
        let header = json_part("header", &parts[1])?;
        let msg_type = header
            .get("msg_type")
            .and_then(Value::as_str)
            .ok_or(MalformedError::NoType)?
            .to_owned();
        Ok(Self {
            identities: frames,
            msg_type,
            header,
            parent: json_part("parent header", &parts[2])?,
            metadata: object(json_part("metadata", &parts[3])?),
            content: object(json_part("content", &parts[4])?),
            buffers,
        })
    }

    /// A text of the content; empty when it is missing or something else.
    pub fn text(&self, key: &str) -> &str {
        self.content.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    /// A truth value of the content.
    pub fn flag(&self, key: &str, default: bool) -> bool {
        self.content.get(key).and_then(Value::as_bool).unwrap_or(default)
    }

    /// A whole number of the content.
    pub fn number(&self, key: &str) -> Option<i64> {
        self.content.get(key).and_then(Value::as_i64)
    }

    /// The message id of the parent, if there is one.
    pub fn parent_id(&self) -> Option<&str> {
        self.parent.get("msg_id").and_then(Value::as_str)
    }
}

fn json_part(part: &'static str, bytes: &[u8]) -> Result<Value, MalformedError> {
    serde_json::from_slice(bytes).map_err(|source| MalformedError::NotJson { part, source })
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// What the kernel says, before it is signed.
#[derive(Debug, Clone)]
pub struct Envelope<'a> {
    pub msg_type: &'a str,
    /// The header of the request this belongs to; `null` for none.
    pub parent: &'a Value,
    pub metadata: &'a Map<String, Value>,
    pub content: &'a Value,
    pub buffers: &'a [Bytes],
}

/// This kernel process as a sender of messages. Clients recognise a restart by its changed id.
pub struct Session {
    id: String,
    username: String,
    signer: Signer,
    sent: AtomicU64,
}

impl Session {
    pub fn new(signer: Signer) -> Self {
        Self {
            id: uuid::Uuid::new_v4().to_string(),
            username: std::env::var("USER").unwrap_or_else(|_| "kernel".to_owned()),
            signer,
            sent: AtomicU64::new(0),
        }
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    pub fn signer(&self) -> &Signer {
        &self.signer
    }

    /// Frames of a signed message, from the delimiter on.
    pub fn encode(&self, envelope: &Envelope<'_>) -> Vec<Bytes> {
        self.encode_with_id(envelope).0
    }

    /// The same, with the id that the message got.
    pub fn encode_with_id(&self, envelope: &Envelope<'_>) -> (Vec<Bytes>, String) {
        let number = self.sent.fetch_add(1, Ordering::Relaxed);
        let msg_id = format!("{}_{}_{number}", self.id, std::process::id());
        let header = json!({
            "msg_id": msg_id,
            "session": self.id,
            "username": self.username,
            // Microseconds: jupyter_client parses no finer date and would leave it a string.
            "date": Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true),
            "msg_type": envelope.msg_type,
            "version": PROTOCOL_VERSION,
        });
        let parent = if envelope.parent.is_object() {
            json_bytes(envelope.parent)
        } else {
            Bytes::from("{}")
        };
        let header = json_bytes(&header);
        let metadata = json_bytes(envelope.metadata);
        let content = json_bytes(envelope.content);
        let signature = self.signer.sign([&header, &parent, &metadata, &content]);
        let mut frames = vec![
            Bytes::from_static(DELIMITER),
            signature,
            header,
            parent,
            metadata,
            content,
        ];
        frames.extend_from_slice(envelope.buffers);
        (frames, msg_id)
    }
}

fn json_bytes(value: &impl serde::Serialize) -> Bytes {
    Bytes::from(serde_json::to_vec(value).expect("JSON values have text keys and serialise"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session() -> Session {
        Session::new(Signer::new(b"key"))
    }

    fn frames(session: &Session, parent: &Value) -> Vec<Bytes> {
        let mut frames = vec![Bytes::from("client")];
        frames.extend(session.encode(&Envelope {
            msg_type: "execute_request",
            parent,
            metadata: &Map::new(),
            content: &json!({"code": "1", "silent": true}),
            buffers: &[Bytes::from(vec![0, 159, 255])],
        }));
        frames
    }

    #[test]
    fn what_is_encoded_decodes_to_the_same() {
        let session = session();
        let message = Message::decode(frames(&session, &json!({"msg_id": "p"})), session.signer()).unwrap();
        assert_eq!(message.identities, ["client"]);
        assert_eq!(message.msg_type, "execute_request");
        assert_eq!((message.text("code"), message.flag("silent", false)), ("1", true));
        assert_eq!(message.parent_id(), Some("p"));
        assert_eq!(message.buffers, [Bytes::from(vec![0, 159, 255])]);
        assert_eq!(message.header["version"], "5.5");
    }

    #[test]
    fn dates_have_microseconds() {
        let session = session();
        let message = Message::decode(frames(&session, &Value::Null), session.signer()).unwrap();
        let date = message.header["date"].as_str().unwrap();
        assert_eq!(date.len(), "2026-01-02T03:04:05.678901Z".len(), "{date}");
        assert_eq!(message.parent, json!({}));
    }

    #[test]
    fn newer_header_fields_survive_to_be_echoed() {
        let session = session();
        let header = json!({"msg_id": "m", "msg_type": "x", "subshell_id": "s"});
        let reply = Message::decode(frames(&session, &header), session.signer()).unwrap();
        assert_eq!(reply.parent["subshell_id"], "s");
    }

    #[test]
    fn a_forged_message_is_refused() {
        let session = session();
        let mut forged = frames(&session, &Value::Null);
        forged[6] = Bytes::from("{\"code\": \"evil\"}");
        assert!(matches!(
            Message::decode(forged, session.signer()),
            Err(MalformedError::Forged)
        ));
        let other = Signer::new(b"another key");
        assert!(matches!(
            Message::decode(frames(&session, &Value::Null), &other),
            Err(MalformedError::Forged)
        ));
    }

    #[test]
    fn malformed_frames_are_errors_and_never_panics() {
        let off = Signer::new(b"");
        let decode = |parts: &[&str]| {
            Message::decode(
                parts
                    .iter()
                    .map(|part| Bytes::copy_from_slice(part.as_bytes()))
                    .collect(),
                &off,
            )
        };
        assert!(matches!(decode(&[]), Err(MalformedError::NoDelimiter)));
        assert!(matches!(decode(&["a", "b"]), Err(MalformedError::NoDelimiter)));
        assert!(matches!(
            decode(&["<IDS|MSG>", "", "{}"]),
            Err(MalformedError::TooFewFrames(2))
        ));
        assert!(matches!(
            decode(&["<IDS|MSG>", "", "{}", "{}", "{}", "{}"]),
            Err(MalformedError::NoType)
        ));
        assert!(matches!(
            decode(&["<IDS|MSG>", "", "{", "{}", "{}", "{}"]),
            Err(MalformedError::NotJson { part: "header", .. })
        ));
    }

    #[test]
    fn a_content_of_another_shape_is_an_empty_one() {
        let parts = ["<IDS|MSG>", "", r#"{"msg_type":"x"}"#, "null", "[]", "7"];
        let frames = parts
            .iter()
            .map(|part| Bytes::copy_from_slice(part.as_bytes()))
            .collect();
        let message = Message::decode(frames, &Signer::new(b"")).unwrap();
        assert!(message.content.is_empty() && message.metadata.is_empty());
        assert_eq!((message.text("code"), message.number("n")), ("", None));
    }
}
