//! Rich output in Jupyter's form: MIME bundles of what cells hand over.

use base64::Engine as _;
use serde_json::Value;

use super::record::Entry;
use crate::interpreter::{MimeBundle, Output};

fn is_json(mime: &str) -> bool {
    let mime = mime.split(';').next().unwrap_or(mime);
    mime == "application/json" || mime.ends_with("+json")
}

/// Content as Jupyter wants it under that MIME type: binary types come as base64 text already.
pub fn typed_content(mime: &str, content: String) -> Value {
    if is_json(mime)
        && let Ok(value) = serde_json::from_str(&content)
    {
        return value;
    }
    Value::String(content)
}

/// The output that a display's entries make: `kind` and forms as in `abi.md`.
pub fn display(kind: u32, display_id: String, entries: Vec<Entry>) -> Output {
    let (mut data, mut metadata) = (MimeBundle::new(), MimeBundle::new());
    for Entry { mime, content, form } in entries {
        let text = |content: Vec<u8>| String::from_utf8_lossy(&content).into_owned();
        let json = |content: Vec<u8>| {
            serde_json::from_slice(&content).unwrap_or_else(|_| Value::String(text(content)))
        };
        match form {
            0 => drop(data.insert(mime, Value::String(text(content)))),
            1 => {
                let encoded = base64::engine::general_purpose::STANDARD.encode(&content);
                data.insert(mime, Value::String(encoded));
            }
            2 => drop(data.insert(mime, json(content))),
            _ => match (mime.is_empty(), json(content)) {
                (true, Value::Object(entries)) => metadata.extend(entries),
                (true, _) => {}
                (false, value) => drop(metadata.insert(mime, value)),
            },
        }
    }
    match kind {
        1 => Output::Update {
            data,
            metadata,
            display_id,
        },
        2 => Output::Result { data, metadata },
        _ => {
            let display_id = Some(display_id).filter(|id| !id.is_empty());
            Output::Display {
                data,
                metadata,
                display_id,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn entries_become_what_jupyter_wants() {
        let entry = |mime: &str, content: &[u8], form| Entry {
            mime: mime.into(),
            content: content.into(),
            form,
        };
        let entries = vec![
            entry("text/plain", b"x", 0),
            entry("image/png", &[1, 2, 3], 1),
            entry("application/json", b"[1]", 2),
            entry("image/png", b"{\"width\": 4}", 3),
            entry("", b"{\"isolated\": true}", 3),
        ];
        let Output::Update {
            data,
            metadata,
            display_id,
        } = display(1, "id".into(), entries)
        else {
            panic!("an update")
        };
        assert_eq!(
            Value::Object(data),
            json!({"text/plain": "x", "image/png": "AQID", "application/json": [1]})
        );
        assert_eq!(
            Value::Object(metadata),
            json!({"image/png": {"width": 4}, "isolated": true})
        );
        assert_eq!(display_id, "id");
    }
}
