//! What rustc says of a cell that cannot be parsed.

use std::sync::Arc;

use serde_json::Value;

use super::{BuildServer, lock};
use crate::cell::CellSource;
use crate::engine::cell_code::CellCode;
use crate::engine::cell_crate::source_map::{Marks, SourceMap};
use crate::engine::rustc::diagnostics;
use crate::engine::rustc::{self, Emit, Plan};

impl BuildServer {
    /// What is wrong with a cell at which the parser has stumbled; `None` if rustc can parse it.
    pub fn errors_of_syntax(&self, code: &CellCode) -> Option<Vec<Value>> {
        let (cell, rust) = code.suspicious.as_ref()?;
        match self.syntax_errors(cell, rust) {
            Ok(errors) => Some(errors).filter(|errors| !errors.is_empty()),
            Err(error) => {
                tracing::warn!("rustc could not look at a cell: {error}");
                None
            }
        }
    }

    /// rustc's messages on a cell that cannot be parsed, or nothing if rustc can parse it. Nobody else need see
    /// such a cell: an open string or comment would swallow what evcxr puts behind it.
    ///
    /// # Errors
    /// When rustc cannot be run.
    fn syntax_errors(&self, cell: &Arc<CellSource>, rust: &str) -> std::io::Result<Vec<Value>> {
        let folder = self.shared.folder.join("syntax");
        std::fs::create_dir_all(folder.join("src"))?;
        std::fs::write(
            folder.join("src/lib.rs"),
            format!("async fn cell() {{\n{rust}\n}}\n"),
        )?;
        let plan = Plan {
            rustc: lock(&self.shared.rustc).clone(),
            opt_level: "0".to_owned(),
            ..Plan::default()
        };
        let running = &self.shared.running;
        let environment = [(
            "PATH".to_owned(),
            self.shared.real_path.to_string_lossy().into_owned(),
        )];
        let compiled = rustc::compile(
            &plan,
            &environment,
            &folder,
            &folder.join("libctx.so"),
            Emit::Nothing,
            running,
        )?;
        let map = SourceMap::of_whole_cell(cell, rust.matches('\n').count() + 1);
        let places = diagnostics::Places {
            map: &map,
            marks: &Marks::default(),
        };
        let messages = diagnostics::with_places(&compiled.messages, &places);
        let messages = messages
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        Ok(messages.filter(diagnostics::is_of_the_parser).collect())
    }
}
