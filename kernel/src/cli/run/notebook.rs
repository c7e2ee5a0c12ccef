//! Notebook files: read, checked, brought to format 4.5, written as Jupyter's `nbformat` writes them.
//!
//! A notebook stays a JSON value here. The typed model of the `nbformat` crate drops every key that it
//! does not know and every output that it does not understand; a file of somebody else must come back
//! with all that was in it. (That crate checks what is written, in the tests.)

use std::path::Path;

use serde::Serialize as _;
use serde_json::{Map, Value, json};

use super::lines;

/// Why a file is no notebook that can be executed. The messages leave the file's name to the caller.
#[derive(Debug, thiserror::Error)]
pub enum NotebookError {
    #[error("there is no such file{}", similar.as_ref().map(|name| format!("; did you mean `{name}`?")).unwrap_or_default())]
    Missing { similar: Option<String> },
    #[error("that is a folder; name the notebook in it")]
    Folder,
    #[error("it cannot be read: {0}")]
    Unreadable(std::io::Error),
    #[error("the file is empty; a notebook without cells would be {{\"cells\": [], \"metadata\": {{}}, …}}")]
    Empty,
    #[error(
        "it is not JSON, so it is no notebook ({0}); if it was one, an unfinished write or merge may have damaged it"
    )]
    NotJson(String),
    #[error("it is JSON, but no notebook: {0}")]
    NotANotebook(String),
    #[error(
        "it is a notebook of the old format {0}; convert it with `jupyter nbconvert --to notebook \
         --inplace NB.ipynb`, or open and save it in JupyterLab"
    )]
    OldFormat(i64),
    #[error("it is a notebook of format {0}; this Cellar knows format 4, a newer one may know more")]
    NewFormat(i64),
    #[error("it is a notebook in {0}, and Cellar runs Rust; execute it with `jupyter nbconvert --execute`")]
    OtherLanguage(String),
}

/// A notebook of format 4.5 (or a later 4), with every multi-line text joined.
#[derive(Debug, Clone)]
pub struct Notebook {
    root: Map<String, Value>,
}

/// What is executed, and how it wants to be treated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeCell {
    /// Its place among all cells of the notebook, from 0.
    pub index: usize,
    pub id: String,
    pub source: String,
    /// It is tagged `raises-exception`.
    pub may_fail: bool,
}

impl Notebook {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// When it is not there, no notebook, or one in another language.
    pub fn read(path: &Path) -> Result<Notebook, NotebookError> {
        if path.is_dir() {
            return Err(NotebookError::Folder);
        }
        let bytes = std::fs::read(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => NotebookError::Missing {
                similar: similar(path),
            },
            _ => NotebookError::Unreadable(error),
        })?;
        Notebook::parse(&bytes)
    }

    /// Checks what was in a file.
    ///
    /// # Errors
    /// When it is no notebook, or one in another language.
    pub fn parse(bytes: &[u8]) -> Result<Notebook, NotebookError> {
        // Some editors on Windows begin a file with a byte order mark.
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        if bytes.trim_ascii().is_empty() {
            return Err(NotebookError::Empty);
        }
        let root: Value =
            serde_json::from_slice(bytes).map_err(|error| NotebookError::NotJson(error.to_string()))?;
        let Value::Object(root) = root else {
            return Err(NotebookError::NotANotebook(
                "a notebook is an object with `cells`".to_owned(),
            ));
        };
        let mut notebook = Notebook { root };
        notebook.check_format()?;
        notebook.check_cells()?;
        notebook.check_language()?;
        notebook.complete_cells();
        Ok(notebook)
    }

    /// The cells to execute, top to bottom: neither empty nor tagged `skip-execution`.
    pub fn code_cells(&self) -> Vec<CodeCell> {
        self.cells()
            .iter()
            .enumerate()
            .filter(|(_, cell)| cell["cell_type"] == "code" && !has_tag(cell, "skip-execution"))
            .map(|(index, cell)| CodeCell {
                index,
                id: cell["id"].as_str().unwrap_or_default().to_owned(),
                source: cell["source"].as_str().unwrap_or_default().to_owned(),
                may_fail: has_tag(cell, "raises-exception"),
            })
            .filter(|cell| !cell.source.trim().is_empty())
            .collect()
    }

    /// Forgets what an earlier run left in a cell.
    pub fn clear(&mut self, index: usize) {
        self.set_outputs(index, Vec::new());
        let cell = self.cell_mut(index);
        cell.insert("execution_count".to_owned(), Value::Null);
        if let Some(metadata) = cell.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("execution");
        }
    }

    pub fn set_outputs(&mut self, index: usize, outputs: Vec<Value>) {
        self.cell_mut(index)
            .insert("outputs".to_owned(), Value::Array(outputs));
    }

    /// Notes that the cell ran as number `execution_count`, and when (`nbclient`'s keys).
    pub fn set_execution(&mut self, index: usize, execution_count: u32, times: Value) {
        let cell = self.cell_mut(index);
        cell.insert("execution_count".to_owned(), json!(execution_count));
        if let Some(metadata) = cell.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.insert("execution".to_owned(), times);
        }
    }

    /// What the metadata say of parameters.
    pub fn params(&self) -> Option<Value> {
        self.root["metadata"]["cellar"].get("params").cloned()
    }

    /// Says what the parameters are now. Other metadata stay as they are.
    pub fn set_params(&mut self, params: Option<Value>) {
        if self.params() == params {
            return;
        }
        let metadata = self.metadata_mut();
        match params {
            Some(params) => {
                let cellar = metadata.entry("cellar").or_insert_with(|| json!({}));
                // Of another shape it is nobody's of ours.
                if let Some(cellar) = cellar.as_object_mut() {
                    cellar.insert("params".to_owned(), params);
                }
            }
            None => {
                let Some(cellar) = metadata.get_mut("cellar").and_then(Value::as_object_mut) else {
                    return;
                };
                cellar.remove("params");
                if cellar.is_empty() {
                    metadata.remove("cellar");
                }
            }
        }
    }

    /// Says which language the notebook is in, and by which kernel it should be opened if it does
    /// not say so yet.
    pub fn set_language(&mut self, language_info: Value) {
        let metadata = self.metadata_mut();
        metadata.insert("language_info".to_owned(), language_info);
        metadata.entry("kernelspec").or_insert_with(|| {
            use crate::cli::kernelspec::{DEFAULT_NAME, DISPLAY_NAME};
            json!({"name": DEFAULT_NAME, "display_name": DISPLAY_NAME, "language": "rust"})
        });
    }

    /// The file's text, byte for byte as Jupyter would write it: keys sorted, indented by one,
    /// multi-line texts as lists of lines, a line end last.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut root = self.root.clone();
        if let Some(metadata) = root.get_mut("metadata").and_then(Value::as_object_mut) {
            for transient in ["orig_nbformat", "orig_nbformat_minor", "signature"] {
                metadata.remove(transient);
            }
        }
        for cell in root
            .get_mut("cells")
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            lines::split(cell);
            if let Some(metadata) = cell.get_mut("metadata").and_then(Value::as_object_mut) {
                metadata.remove("trusted");
            }
        }
        let mut root = Value::Object(root);
        root.sort_all_objects();
        let mut bytes = Vec::new();
        let formatter = serde_json::ser::PrettyFormatter::with_indent(b" ");
        root.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, formatter))
            .expect("JSON values can be written to memory");
        bytes.push(b'\n');
        bytes
    }

    fn cells(&self) -> &[Value] {
        self.root
            .get("cells")
            .and_then(Value::as_array)
            .expect("parse() checked `cells`")
    }

    fn cells_mut(&mut self) -> &mut Vec<Value> {
        self.root
            .get_mut("cells")
            .and_then(Value::as_array_mut)
            .expect("parse() checked `cells`")
    }

    fn cell_mut(&mut self, index: usize) -> &mut Map<String, Value> {
        self.cells_mut()[index]
            .as_object_mut()
            .expect("parse() checked every cell")
    }

    fn metadata_mut(&mut self) -> &mut Map<String, Value> {
        self.root
            .get_mut("metadata")
            .and_then(Value::as_object_mut)
            .expect("parse() checked `metadata`")
    }

    fn check_format(&mut self) -> Result<(), NotebookError> {
        let wrong = |what: &str| NotebookError::NotANotebook(what.to_owned());
        let format = self
            .root
            .get("nbformat")
            .ok_or_else(|| wrong("it has no `nbformat`"))?;
        let format = format
            .as_i64()
            .ok_or_else(|| wrong("its `nbformat` is no whole number"))?;
        match format {
            4 => {}
            ..4 => return Err(NotebookError::OldFormat(format)),
            _ => return Err(NotebookError::NewFormat(format)),
        }
        // A later 4.x only adds to 4.5, so its number stays.
        let minor = self
            .root
            .get("nbformat_minor")
            .and_then(Value::as_i64)
            .unwrap_or(0);
        self.root.insert("nbformat_minor".to_owned(), json!(minor.max(5)));
        let metadata = self.root.entry("metadata").or_insert_with(|| json!({}));
        if !metadata.is_object() {
            return Err(wrong("its `metadata` is no object"));
        }
        Ok(())
    }

    fn check_cells(&mut self) -> Result<(), NotebookError> {
        let wrong = |what: String| NotebookError::NotANotebook(what);
        let cells = self
            .root
            .get_mut("cells")
            .ok_or_else(|| wrong("it has no `cells`".to_owned()))?;
        let cells = cells
            .as_array_mut()
            .ok_or_else(|| wrong("its `cells` are no list".to_owned()))?;
        for (cell, number) in cells.iter_mut().zip(1..) {
            let Some(fields) = cell.as_object_mut() else {
                return Err(wrong(format!("cell {number} is no object")));
            };
            if !fields.get("cell_type").is_some_and(Value::is_string) {
                return Err(wrong(format!("cell {number} has no `cell_type`")));
            }
            if !fields.entry("metadata").or_insert_with(|| json!({})).is_object() {
                return Err(wrong(format!("the `metadata` of cell {number} are no object")));
            }
            lines::join(cell);
            if !cell["source"].is_string() {
                return Err(wrong(format!(
                    "the `source` of cell {number} is neither text nor a list of lines"
                )));
            }
        }
        Ok(())
    }

    /// The kernelspec is what the author chose, `language_info` what some kernel last said of itself.
    /// Without either it is taken for Rust.
    fn check_language(&self) -> Result<(), NotebookError> {
        let metadata = &self.root["metadata"];
        let told = [
            &metadata["kernelspec"]["language"],
            &metadata["language_info"]["name"],
        ]
        .into_iter()
        .find_map(|value| value.as_str().filter(|name| !name.is_empty()));
        match told {
            Some(language) if !language.eq_ignore_ascii_case("rust") => {
                Err(NotebookError::OtherLanguage(language.to_owned()))
            }
            _ => Ok(()),
        }
    }

    /// Adds what format 4.5 asks of every cell and older notebooks may lack.
    fn complete_cells(&mut self) {
        let mut taken = std::collections::HashSet::new();
        for (index, cell) in self.cells_mut().iter_mut().enumerate() {
            let id = match cell["id"].as_str() {
                Some(id) if is_cell_id(id) && !taken.contains(id) => id.to_owned(),
                _ => new_id(index, &cell["source"], &taken),
            };
            let is_code = cell["cell_type"] == "code";
            let fields = cell.as_object_mut().expect("check_cells() checked every cell");
            fields.insert("id".to_owned(), json!(id));
            taken.insert(id);
            if is_code {
                fields.entry("execution_count").or_insert(Value::Null);
                let outputs = fields.entry("outputs").or_insert_with(|| json!([]));
                if !outputs.is_array() {
                    *outputs = json!([]);
                }
            }
        }
    }
}

fn has_tag(cell: &Value, tag: &str) -> bool {
    cell["metadata"]["tags"]
        .as_array()
        .is_some_and(|tags| tags.iter().any(|it| it == tag))
}

fn is_cell_id(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// An id made of the cell's place and text: executing an old notebook twice gives the same file.
fn new_id(index: usize, source: &Value, taken: &std::collections::HashSet<String>) -> String {
    use sha2::{Digest as _, Sha256};
    (0_u64..)
        .map(|attempt| {
            let digest = Sha256::digest(format!("{index}\0{attempt}\0{source}"));
            hex::encode(&digest[..4])
        })
        .find(|id| !taken.contains(id))
        .expect("numbers do not end")
}

/// The notebook in the same folder whose name is nearest to one that is not there.
fn similar(path: &Path) -> Option<String> {
    let wanted = path.file_name()?.to_str()?;
    let folder = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    std::fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.ends_with(".ipynb"))
        .map(|name| (strsim::jaro_winkler(wanted, &name), name))
        .filter(|(score, _)| *score > 0.8)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| folder.join(name).display().to_string())
}
