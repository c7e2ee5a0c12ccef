//! Which notebook is executed, guessed: by whoever started the kernel, from its command line, and by the first cell.
//!
//! It is the last thing that is tried, reads only, and gives no answer rather than a wrong one: where several files begin with this cell
//! and say different things, none is taken.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::sources::of_notebook;

/// A folder with more notebooks than this is not searched.
const MOST_FILES: usize = 500;

/// The notebook whose first cell is `code`, and what its metadata say of parameters.
pub fn notebook(code: &str) -> Option<(PathBuf, Option<Value>)> {
    let here = std::env::current_dir().ok()?;
    let parent = Parent::of_this_process();
    let named = parent.iter().flat_map(|parent| parent.notebooks(&here));
    only_one(named.filter_map(|path| matching(path, code, false)).collect()).or_else(|| {
        only_one(
            in_folder(&here)
                .into_iter()
                .filter_map(|path| matching(path, code, true))
                .collect(),
        )
    })
}

/// The process that started the kernel.
struct Parent {
    arguments: Vec<OsString>,
    folder: Option<PathBuf>,
}

impl Parent {
    fn of_this_process() -> Option<Parent> {
        let process = Path::new("/proc").join(std::os::unix::process::parent_id().to_string());
        let arguments = std::fs::read(process.join("cmdline")).ok()?;
        let arguments = arguments.split(|byte| *byte == 0).filter(|it| !it.is_empty());
        Some(Parent {
            arguments: arguments
                .map(|argument| OsString::from_vec(argument.to_vec()))
                .collect(),
            folder: std::fs::read_link(process.join("cwd")).ok(),
        })
    }

    /// Notebooks among its arguments, `--input=x.ipynb` and globs included; `jupyter execute x` may leave the suffix out.
    fn notebooks(&self, here: &Path) -> Vec<PathBuf> {
        let inherited = std::env::var_os("PWD").map(PathBuf::from);
        let folders = [self.folder.clone(), Some(here.to_owned()), inherited];
        let mut found = Vec::new();
        for argument in &self.arguments {
            let argument = argument.to_string_lossy();
            let argument = match argument.strip_prefix("--") {
                Some(option) => option.split_once('=').map_or("", |(_, value)| value),
                None => &argument,
            };
            if argument.is_empty() || argument.starts_with('-') {
                continue;
            }
            for folder in folders.iter().flatten() {
                let path = folder.join(argument);
                let text = path.to_string_lossy().into_owned();
                let with_suffix = PathBuf::from(format!("{text}.ipynb"));
                if path.extension().is_some_and(|it| it == "ipynb") && path.is_file() {
                    found.push(path);
                } else if with_suffix.is_file() {
                    found.push(with_suffix);
                } else if text.contains(['*', '?', '[']) {
                    let matches = glob::glob(&text).ok().into_iter().flatten().flatten();
                    found.extend(
                        matches
                            .filter(|path| path.extension().is_some_and(|it| it == "ipynb"))
                            .take(MOST_FILES),
                    );
                }
            }
        }
        found.sort();
        found.dedup();
        found
    }
}

fn in_folder(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut found: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|it| it == "ipynb"))
        .collect();
    if found.len() > MOST_FILES {
        tracing::debug!("too many notebooks in the folder to find out which is executed");
        return Vec::new();
    }
    found.sort();
    found
}

/// What a notebook says, if its first cell that is not empty is `code`.
fn matching(path: PathBuf, code: &str, of_cellar_only: bool) -> Option<(PathBuf, Option<Value>)> {
    let notebook: Value = serde_json::from_slice(&std::fs::read(&path).ok()?).ok()?;
    let metadata = &notebook["metadata"];
    if of_cellar_only
        && metadata["kernelspec"]["language"]
            .as_str()
            .is_some_and(|language| !language.eq_ignore_ascii_case("rust"))
    {
        return None;
    }
    let cells = notebook["cells"].as_array()?;
    let is_first = cells
        .iter()
        .filter(|cell| cell["cell_type"] == "code")
        .map(|cell| source(&cell["source"]))
        .find(|source| !source.trim().is_empty())
        .is_some_and(|source| source == code);
    is_first.then(|| of_notebook(&notebook).map(|params| (path, params)))?
}

fn source(source: &Value) -> String {
    match source {
        Value::String(text) => text.clone(),
        Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect(),
        _ => String::new(),
    }
}

/// What all of them say, if they say the same.
fn only_one(mut found: Vec<(PathBuf, Option<Value>)>) -> Option<(PathBuf, Option<Value>)> {
    let first = found.first()?.1.clone();
    found
        .iter()
        .all(|(_, params)| *params == first)
        .then(|| found.swap_remove(0))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn write(folder: &Path, name: &str, code: &str, params: &Value) -> PathBuf {
        let path = folder.join(name);
        let notebook = json!({
            "cells": [
                {"cell_type": "markdown", "source": "# Title"},
                {"cell_type": "code", "source": ["\n"]},
                {"cell_type": "code", "source": [format!("{code}\n"), "// end"]},
            ],
            "metadata": {"cellar": {"params": params}, "kernelspec": {"language": "rust"}},
        });
        std::fs::write(&path, notebook.to_string()).expect("written");
        path
    }

    #[test]
    fn the_first_cell_decides_and_differing_copies_decide_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let a = write(folder.path(), "a.ipynb", "let a = 1;", &json!({"x": "a"}));
        let b = write(folder.path(), "b.ipynb", "let b = 1;", &json!({"x": "b"}));
        let of = |paths: &[&PathBuf]| {
            only_one(
                paths
                    .iter()
                    .filter_map(|path| matching((*path).clone(), "let b = 1;\n// end", true))
                    .collect(),
            )
        };
        assert_eq!(of(&[&a, &b]), Some((b.clone(), Some(json!({"x": "b"})))));
        let copy = write(folder.path(), "copy.ipynb", "let b = 1;", &json!({"x": "other"}));
        assert_eq!(of(&[&a, &b, &copy]), None);
    }

    #[test]
    fn arguments_name_notebooks() {
        let folder = tempfile::tempdir().expect("a folder");
        let a = write(folder.path(), "a b.ipynb", "1", &json!({}));
        let parent = |arguments: &[&str]| Parent {
            arguments: arguments.iter().map(OsString::from).collect(),
            folder: Some(folder.path().to_owned()),
        };
        let nowhere = Path::new("/nonexistent");
        for arguments in [
            &["nbconvert", "--execute", "a b.ipynb"][..],
            &["jupyter", "execute", "a b"],
            &["nbconvert", "*.ipynb"],
            &["x", "--input=a b.ipynb"],
        ] {
            assert_eq!(
                parent(arguments).notebooks(nowhere),
                std::slice::from_ref(&a),
                "{arguments:?}"
            );
        }
        assert!(parent(&["nbconvert", "--stdin"]).notebooks(nowhere).is_empty());
    }
}
