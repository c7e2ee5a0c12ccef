//! Where parameters come from when no front end has told: the environment, the notebook's file.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::guess;

/// What is known of the request for which parameters are looked for.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The first cell of the session.
    pub first_cell: &'a str,
    /// The request's metadata.
    pub metadata: &'a Map<String, Value>,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// What a file's metadata say, the file, and how it was found.
    pub base: Option<(Option<Value>, String, &'static str)>,
    pub overrides: Map<String, Value>,
}

/// Looks in all places.
pub fn find(notebook: Option<&Path>, asked: &Asked<'_>) -> Found {
    let mut overrides = from_query_string().unwrap_or_default();
    overrides.extend(from_environment().unwrap_or_default());
    let base = candidates(notebook, asked)
        .into_iter()
        .find_map(|(path, how)| Some((of_file(&path)?, path.display().to_string(), how)))
        .or_else(|| {
            let (path, base) = guess::notebook(asked.first_cell)?;
            Some((
                base,
                path.display().to_string(),
                "found by the command line and the first cell",
            ))
        });
    Found { base, overrides }
}

/// Files that somebody named.
fn candidates(notebook: Option<&Path>, asked: &Asked<'_>) -> Vec<(PathBuf, &'static str)> {
    let mut candidates = Vec::new();
    if let Some(path) = notebook {
        candidates.push((path.to_owned(), "named at start"));
    }
    let of_variable = |name: &str| {
        let value = std::env::var_os(name).filter(|value| !value.is_empty())?;
        let path = std::path::absolute(PathBuf::from(value)).ok()?;
        Some(path)
    };
    if let Some(path) = of_variable("CELLAR_NOTEBOOK") {
        candidates.push((path, "CELLAR_NOTEBOOK"));
    }
    if let Some(path) = of_variable("JPY_SESSION_NAME") {
        // A session that was made by hand has a path from the server's folder, and the kernel starts in the notebook's.
        let beside = path
            .file_name()
            .and_then(|name| Some(std::env::current_dir().ok()?.join(name)));
        candidates.push((path, "told by the Jupyter server"));
        candidates.extend(beside.map(|path| (path, "told by the Jupyter server")));
    }
    if let Some(path) = asked
        .metadata
        .get("cellId")
        .and_then(Value::as_str)
        .and_then(of_vs_code)
    {
        candidates.push((path, "told by VS Code"));
    }
    candidates
}

/// VS Code's cell ids are URIs with the notebook's path.
fn of_vs_code(cell_id: &str) -> Option<PathBuf> {
    let rest = cell_id.strip_prefix("vscode-notebook-cell:")?;
    let path = rest.split('#').next()?.trim_start_matches("//");
    path.starts_with('/')
        .then(|| PathBuf::from(percent_decoded(path)))
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let code = || u8::from_str_radix(std::str::from_utf8(after.get(..2)?).ok()?, 16).ok();
        match (first, code()) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// `metadata.cellar.params` of a notebook's file; `None` if it is no notebook.
pub fn of_file(path: &Path) -> Option<Option<Value>> {
    if !path.is_file() {
        return None;
    }
    let notebook: Value = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
    of_notebook(&notebook)
}

/// The same of what was read.
pub fn of_notebook(notebook: &Value) -> Option<Option<Value>> {
    notebook.get("cells")?;
    Some(notebook["metadata"]["cellar"].get("params").cloned())
}

/// `CELLAR_PARAMS`: an object, as JSON.
fn from_environment() -> Option<Map<String, Value>> {
    let text = std::env::var("CELLAR_PARAMS")
        .ok()
        .filter(|text| !text.is_empty())?;
    match serde_json::from_str(&text) {
        Ok(Value::Object(params)) => Some(params),
        Ok(_) => {
            tracing::warn!("CELLAR_PARAMS is no JSON object and was not used");
            None
        }
        Err(error) => {
            tracing::warn!("CELLAR_PARAMS is no JSON and was not used: {error}");
            None
        }
    }
}

/// Voila passes the page's address on as web servers do.
fn from_query_string() -> Option<Map<String, Value>> {
    std::env::var_os("SERVER_PROTOCOL")?;
    let query = std::env::var("QUERY_STRING").ok()?;
    let mut params: Map<String, Value> = Map::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let [key, value] = [key, value].map(|text| percent_decoded(&text.replace('+', " ")));
        if RESERVED.contains(&key.as_str()) {
            continue;
        }
        let values = params.entry(key).or_insert_with(|| Value::Array(Vec::new()));
        if let Some(values) = values.as_array_mut() {
            values.push(value.into());
        }
    }
    Some(params)
}

/// Names in addresses that mean something to Jupyter.
const RESERVED: [&str; 3] = ["token", "kernel_name", "_"];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn vs_code_tells_the_path() {
        let path = of_vs_code("vscode-notebook-cell:/home/u/my%20notes/%C3%A5.ipynb#W0sZmlsZQ%3D%3D");
        assert_eq!(path, Some("/home/u/my notes/å.ipynb".into()));
        assert_eq!(of_vs_code("a5f9dc0f"), None);
        assert_eq!(of_vs_code("vscode-notebook-cell:untitled-1.ipynb#W0"), None);
    }

    #[test]
    fn a_file_that_is_no_notebook_tells_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.ipynb");
        assert_eq!(of_file(&path), None);
        std::fs::write(&path, "{}").expect("written");
        assert_eq!(of_file(&path), None);
        std::fs::write(&path, r#"{"cells": [], "metadata": {}}"#).expect("written");
        assert_eq!(of_file(&path), Some(None));
        std::fs::write(
            &path,
            r#"{"cells": [], "metadata": {"cellar": {"params": {"a": "1"}}}}"#,
        )
        .expect("written");
        assert_eq!(of_file(&path), Some(Some(json!({"a": "1"}))));
    }
}
