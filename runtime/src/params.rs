//! The notebook's parameters: names with one or more texts, kept in the notebook's own metadata.
//!
//! They come from the metadata (`cellar.params`), from `cellar run -p`, papermill or the page's address, which override it for a run. What a
//! cell sets lands in the saved notebook when the cell has succeeded; a cell that fails changes nothing. A parameter that a cached cell
//! or function reads is an input of it.
//!
//! ```
//! cellar::params::set("city", "Oslo");
//! cellar::params::set_all("tag", ["a", "b"]);
//! assert_eq!(cellar::params::get("city").as_deref(), Some("Oslo"));
//! assert_eq!(cellar::params::get("tag").as_deref(), Some("b")); // the last one
//! assert_eq!(cellar::params::get_as::<u32>("year")?.unwrap_or(2024), 2024);
//! # cellar::params::clear();
//! # Ok::<(), cellar::params::ParamError>(())
//! ```
//!
//! Limits: [`MOST_VALUES`] values and [`MOST_BYTES`] bytes in all; names are not empty and have no control characters.

use std::any::type_name;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::__private::params as known;

/// How many values all parameters may have together.
pub const MOST_VALUES: usize = 1000;

/// How long names and values may be together, in bytes.
pub const MOST_BYTES: usize = 512 << 10;

/// A parameter whose text is not what was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParamError {
    key: String,
    value: String,
    type_name: &'static str,
    why: String,
}

impl fmt::Display for ParamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ParamError {
            key,
            value,
            type_name,
            why,
        } = self;
        write!(
            f,
            "the parameter `{key}` is {value:?}, which is no `{type_name}`: {why}"
        )
    }
}

impl std::error::Error for ParamError {}

/// The value of a parameter; of several the last one. `None` if there is no such parameter. A parameter without any value is `""`.
#[must_use]
pub fn get(key: &str) -> Option<String> {
    known::get(key).map(|values| values.last().cloned().unwrap_or_default())
}

/// All values of a parameter, in their order. Empty if there is no such parameter.
#[must_use]
pub fn get_all(key: &str) -> Vec<String> {
    known::get(key).unwrap_or_default()
}

/// The value of a parameter as another type: a number, a `bool`, whatever has `FromStr`.
///
/// # Errors
/// When the text is no `T`. The error names the parameter, its text and the type.
pub fn get_as<T>(key: &str) -> Result<Option<T>, ParamError>
where
    T: FromStr,
    T::Err: fmt::Display,
{
    let Some(value) = get(key) else { return Ok(None) };
    match value.trim().parse() {
        Ok(parsed) => Ok(Some(parsed)),
        Err(error) => Err(ParamError {
            key: key.to_owned(),
            type_name: type_name::<T>(),
            why: error.to_string(),
            value,
        }),
    }
}

/// The value of a parameter, or `default`.
#[must_use]
pub fn get_or(key: &str, default: impl Into<String>) -> String {
    get(key).unwrap_or_else(|| default.into())
}

/// Sets a parameter to one value.
///
/// # Panics
/// When the name or the value is beyond the limits. The message says which; nothing is changed.
#[track_caller]
pub fn set(key: impl Into<String>, value: impl ToString) {
    known::set(key.into(), vec![value.to_string()]);
}

/// Sets a parameter to several values.
///
/// # Panics
/// As [`set`].
#[track_caller]
pub fn set_all(key: impl Into<String>, values: impl IntoIterator<Item = impl ToString>) {
    let values = values.into_iter().map(|value| value.to_string());
    known::set(key.into(), values.collect());
}

/// Removes a parameter. Returns whether it was there.
pub fn remove(key: &str) -> bool {
    known::remove(key)
}

/// The names of all parameters, sorted.
#[must_use]
pub fn keys() -> Vec<String> {
    known::keys()
}

/// Whether there is such a parameter.
#[must_use]
pub fn contains(key: &str) -> bool {
    known::get(key).is_some()
}

/// All parameters with all their values.
#[must_use]
pub fn to_map() -> BTreeMap<String, Vec<String>> {
    known::keys()
        .into_iter()
        .map(|key| (get_all(&key), key))
        .map(|(values, key)| (key, values))
        .collect()
}

/// Puts these parameters in the place of all that there are: `from_map(to_map())` changes nothing.
///
/// # Panics
/// As [`set`]. All of them are taken or none.
#[track_caller]
pub fn from_map<K, V>(map: impl IntoIterator<Item = (K, V)>)
where
    K: Into<String>,
    V: IntoIterator,
    V::Item: ToString,
{
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (key, values) in map {
        let values = values.into_iter().map(|value| value.to_string());
        all.entry(key.into()).or_default().extend(values);
    }
    known::replace(all);
}

/// Removes all parameters. Returns how many there were.
pub fn clear() -> usize {
    known::clear()
}
