//! `%session`: the values of `cellar::session`, listed and removed. They are in the process of the cells.

use super::surroundings::as_written;
use super::{Session, errors, workshop};
use crate::host::call::Manner;
use crate::interpreter::{CellError, MimeBundle};
use crate::magic::{self, SessionAction};

struct Row {
    key: String,
    type_text: String,
    /// A few words of a number or text.
    shown: String,
}

/// Does what was typed, and gives what is to be shown.
///
/// # Errors
/// A key that there is not, with the nearest one.
pub fn run(session: &Session, action: &SessionAction) -> Result<MimeBundle, CellError> {
    let rows = rows(session);
    match action {
        SessionAction::List if rows.is_empty() => {
            let text = "There are no session values; `cellar::session::set(\"key\", value)` makes one.";
            Ok(magic::text_bundle(text))
        }
        SessionAction::List => {
            let cells: Vec<Vec<String>> = rows
                .into_iter()
                .map(|row| vec![row.key, row.type_text, row.shown])
                .collect();
            Ok(magic::table_bundle(&["Key", "Type", "Value"], 3, &cells, &[]))
        }
        SessionAction::Clear { key: None } => {
            remove(session, &[]);
            Ok(magic::text_bundle(&match rows.len() {
                0 => "There were no session values.".to_owned(),
                1 => "1 session value was removed.".to_owned(),
                count => format!("{count} session values were removed."),
            }))
        }
        SessionAction::Clear { key: Some(key) } => {
            if !rows.iter().any(|row| row.key == *key) {
                let near = magic::nearest(key, rows.iter().map(|row| row.key.as_str()))
                    .map_or_else(String::new, |near| format!("; `{near}` is the nearest"));
                let evalue = format!("there is no session value `{key}`{near}");
                return Err(errors::plain("SessionError", &evalue, &[""; 0]));
            }
            remove(session, &[key]);
            Ok(magic::text_bundle(&format!("`{key}` was removed.")))
        }
    }
}

/// The process that held the values has ended.
pub fn forget(session: &Session) {
    session.surroundings.forget_session();
}

fn rows(session: &Session) -> Vec<Row> {
    if !session.engine.has_run() {
        return Vec::new();
    }
    let answer = session.engine.call_runtime("session_list", &[], Manner::Plain);
    let answer = answer
        .inspect_err(|why| tracing::warn!("session_list: {why}"))
        .unwrap_or_default();
    let row = |row: &[String]| match row {
        [key, type_name, shown] => Some(Row {
            key: key.clone(),
            type_text: as_written(type_name),
            shown: shown.clone(),
        }),
        _ => None,
    };
    workshop::texts(&answer).chunks(3).filter_map(row).collect()
}

fn remove(session: &Session, keys: &[&str]) {
    if !session.engine.has_run() {
        return;
    }
    if let Err(why) = session
        .engine
        .call_runtime("session_remove", keys, Manner::Protected)
    {
        tracing::warn!("session_remove: {why}");
    }
}
