//! `%params`: the notebook's parameters, listed and changed.

use serde_json::Value;

use super::{Session, errors};
use crate::interpreter::{CellError, MimeBundle};
use crate::magic::{self, ParamsAction};
use crate::params::{Params, Told};

/// Does what was typed, and gives what is to be shown.
///
/// # Errors
/// A value beyond the limits, a name that there is not.
pub fn run(session: &Session, action: &ParamsAction) -> Result<MimeBundle, CellError> {
    let params = &session.surroundings.params;
    let words = match action {
        ParamsAction::List => return Ok(list(&params.told())),
        ParamsAction::Set { key, values } => {
            params
                .set(key, Some(values.clone()))
                .map_err(|why| refused(&why))?;
            format!("{key} = {}", shown(values))
        }
        ParamsAction::Clear { key: None } => match params.clear() {
            0 => "There were no parameters.".to_owned(),
            1 => "1 parameter was removed.".to_owned(),
            count => format!("{count} parameters were removed."),
        },
        ParamsAction::Clear { key: Some(key) } => remove(params, key)?,
        ParamsAction::Override(overrides) => {
            params
                .add_overrides(overrides)
                .map_err(|problems| refused(&problems.join(" ")))?;
            let names: Vec<String> = overrides.keys().map(|key| format!("`{key}`")).collect();
            match names.len() {
                0 => "No parameters were given.".to_owned(),
                _ => format!("For this run: {}.", names.join(", ")),
            }
        }
    };
    Ok(magic::text_bundle(&words))
}

fn refused(why: &str) -> CellError {
    errors::plain("ParamsError", why, &[""; 0])
}

fn remove(params: &Params, key: &str) -> Result<String, CellError> {
    let effective = params.effective();
    if !effective.contains_key(key) {
        let near = magic::nearest(key, effective.keys().map(String::as_str))
            .map_or_else(String::new, |near| format!("; `{near}` is the nearest"));
        return Err(refused(&format!("there is no parameter `{key}`{near}")));
    }
    params.set(key, None).map_err(|why| refused(&why))?;
    Ok(format!("`{key}` was removed."))
}

fn shown(values: &[String]) -> String {
    let texts: Vec<String> = values.iter().map(|value| format!("{value:?}")).collect();
    texts.join(", ")
}

fn list(told: &Told) -> MimeBundle {
    let mut below = vec![format!("From {}.", told.source)];
    below.extend(told.problems.iter().map(|problem| format!("Not read: {problem}")));
    if told.effective.is_empty() {
        below.insert(0, "There are no parameters.".to_owned());
        return magic::text_bundle(&below.join("\n"));
    }
    let rows: Vec<Vec<String>> = told
        .effective
        .iter()
        .map(|(key, values)| {
            let note = match (told.overrides.contains_key(key), saved(told, key)) {
                (true, Some(saved)) => format!("for this run; saved is {saved}"),
                (true, None) => "for this run".to_owned(),
                (false, _) => String::new(),
            };
            vec![key.clone(), shown(values), note]
        })
        .collect();
    magic::table_bundle(&["Parameter", "Value", "Note"], 2, &rows, &below)
}

fn saved(told: &Told, key: &str) -> Option<String> {
    told.saved.as_ref()?.get(key).map(Value::to_string)
}
