//! What the kernel is told of a cell: texts, each behind its length (u64, little endian). The kernel's side is
//! `kernel/src/session/surroundings/told.rs`.
//!
//! ```text
//! read    KIND KEY OPAQUE N STATE…      OPAQUE is 1 for a value of which only the session map's number is known
//! param   KEY SET N VALUE…              a parameter was set (SET is 1) or removed (0)
//! session KEY SET TYPE OPAQUE           the same of a value of the session map
//! ```

use super::reading::{self, Read};
use crate::__private::{params, session_map as session};
use crate::host_cache;

/// Tells what there is to tell.
pub fn tell() {
    let mut message = Vec::new();
    let Read { states, .. } = reading::take_cell();
    for (subject, state) in states {
        let [kind, key] = subject.texts();
        add(&["read", kind, key, flag(state.is_opaque)], &mut message);
        add_list(&state.texts, &mut message);
    }
    for (key, values) in params::take_changes() {
        add(&["param", &key, flag(values.is_some())], &mut message);
        add_list(&values.unwrap_or_default(), &mut message);
    }
    for change in session::take_changes() {
        let set = flag(change.value.is_some());
        let (type_name, is_opaque) = change.value.unwrap_or_default();
        add(
            &["session", &change.key, set, &type_name, flag(is_opaque)],
            &mut message,
        );
    }
    if !message.is_empty() {
        host_cache::tell(&message);
    }
}

fn flag(is_set: bool) -> &'static str {
    if is_set { "1" } else { "0" }
}

/// Adds the number of texts and the texts.
pub fn add_list(texts: &[String], message: &mut Vec<u8>) {
    add(&[&texts.len().to_string()], message);
    for text in texts {
        add(&[text], message);
    }
}

/// Adds texts to such a message.
pub fn add(texts: &[&str], message: &mut Vec<u8>) {
    for text in texts {
        message.extend((text.len() as u64).to_le_bytes());
        message.extend_from_slice(text.as_bytes());
    }
}

/// The texts of such a message. What is torn ends it.
pub fn texts(mut rest: &[u8]) -> Vec<&str> {
    let mut texts = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk() {
        let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
        let Some((text, after)) = after.split_at_checked(length) else {
            break;
        };
        texts.push(std::str::from_utf8(text).unwrap_or_default());
        rest = after;
    }
    texts
}
