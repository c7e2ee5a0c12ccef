//! Deprecated spellings of [`params`]. They work, and say once what to write.

use std::collections::BTreeMap;
use std::sync::Mutex;

use crate::params;

/// All parameters with all their values: [`params::to_map`].
#[deprecated = "write `cellar::params::to_map()`"]
#[must_use]
pub fn experimental_get_query_params() -> BTreeMap<String, Vec<String>> {
    warn("experimental_get_query_params", "to_map");
    params::to_map()
}

/// Puts these parameters in the place of all that there are: [`params::from_map`].
///
/// # Panics
/// As [`params::from_map`].
#[deprecated = "write `cellar::params::from_map(…)`"]
#[track_caller]
pub fn experimental_set_query_params<K, V>(map: impl IntoIterator<Item = (K, V)>)
where
    K: Into<String>,
    V: IntoIterator,
    V::Item: ToString,
{
    warn("experimental_set_query_params", "from_map");
    params::from_map(map);
}

fn warn(old: &'static str, new: &str) {
    static WARNED: Mutex<Vec<&str>> = Mutex::new(Vec::new());
    let mut warned = WARNED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if !warned.contains(&old) {
        warned.push(old);
        eprintln!(
            "warning: `cellar::{old}` is deprecated; write `cellar::params::{new}`, which does the same."
        );
    }
}
