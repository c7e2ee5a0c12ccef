//! Parameters as JSON: an object of texts or lists of texts. Numbers and booleans are taken for their text.

use serde_json::Value;

use super::Values;

/// How many values all parameters may have together. The same as `cellar::params::MOST_VALUES`.
pub const MOST_VALUES: usize = 1000;
/// How long names and values may be together, in bytes. The same as `cellar::params::MOST_BYTES`.
pub const MOST_BYTES: usize = 512 << 10;

/// What an object of parameters says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Read {
    pub values: Values,
    /// What could not be read, a sentence each.
    pub problems: Vec<String>,
    /// Nothing of it could be read: why, and what to do.
    pub unreadable: Option<String>,
}

/// Reads parameters. Whatever is wrong is left out and told.
pub fn read_all(json: &Value) -> Read {
    let mut read = Read::default();
    let Some(object) = json.as_object() else {
        return unreadable(format!(
            "the notebook's parameters (`metadata.cellar.params`) are {}, and not an object of texts.",
            kind(json)
        ));
    };
    for (key, value) in object {
        match check_key(key)
            .and_then(|()| read_one(value).map_err(|why| format!("the parameter `{key}` {why}")))
        {
            Ok(values) => drop(read.values.insert(key.clone(), values)),
            Err(why) => read.problems.push(format!(
                "{why}; it is left out, and stays as it is in the notebook."
            )),
        }
    }
    match check_size(&read.values) {
        Ok(()) => read,
        Err(why) => unreadable(format!("the notebook's parameters are not used: {why}.")),
    }
}

fn unreadable(why: String) -> Read {
    let why =
        format!("{why} Mend `cellar.params` in the notebook's metadata, or remove it with `%params clear`.");
    Read {
        problems: vec![why.clone()],
        unreadable: Some(why),
        ..Read::default()
    }
}

fn read_one(value: &Value) -> Result<Vec<String>, String> {
    match value {
        Value::Array(values) => values
            .iter()
            .map(|value| {
                text(value)
                    .ok_or_else(|| format!("has {} in its list, where texts are asked for", kind(value)))
            })
            .collect(),
        value => match text(value) {
            Some(text) => Ok(vec![text]),
            None => Err(format!(
                "is {}, where a text or a list of texts is asked for",
                kind(value)
            )),
        },
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(is_true) => Some(is_true.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Values as they are saved: one as a text, several as a list.
pub fn to_json(mut values: Vec<String>) -> Value {
    match values.len() {
        1 => Value::String(values.remove(0)),
        _ => Value::from(values),
    }
}

/// Checks a parameter's name.
///
/// # Errors
/// What is wrong with it.
pub fn check_key(key: &str) -> Result<(), String> {
    if key.is_empty() {
        return Err("a parameter's name is empty".to_owned());
    }
    if key.contains(char::is_control) {
        return Err(format!("the parameter name {key:?} has control characters in it"));
    }
    Ok(())
}

/// Checks how much all parameters are together.
///
/// # Errors
/// What is too much.
pub fn check_size(all: &Values) -> Result<(), String> {
    let values: usize = all.values().map(Vec::len).sum();
    if values > MOST_VALUES {
        return Err(format!(
            "all parameters together would have {values} values, and may have {MOST_VALUES}"
        ));
    }
    let texts = all
        .iter()
        .flat_map(|(key, values)| std::iter::once(key).chain(values));
    let bytes: usize = texts.map(String::len).sum();
    if bytes > MOST_BYTES {
        return Err(format!(
            "all parameters together would be {bytes} bytes long, and may be {MOST_BYTES}; keep large things in files or variables"
        ));
    }
    Ok(())
}
