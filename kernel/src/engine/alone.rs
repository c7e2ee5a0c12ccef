//! Compiling a cell without evcxr, while it boots: that takes it seconds, and rustc needs a tenth of one.
//!
//! It is what [`early`](super::early) does for evcxr, run at once. Only cells are run so whose new variables have types
//! that everybody writes alike; for others evcxr is waited for, and so it is where rustc finds something wrong that evcxr
//! has words of its own for. evcxr hears of the cell when it is there ([`replay`](super::replay)).

use std::sync::Arc;
use std::time::Instant;

use super::artifacts::{Record, Wanted};
use super::build_server::{BuildReport, RunLibrary};
use super::cell_code::CellCode;
use super::early::{self, Outcome, Workshop};
use super::items::{Item, ItemKind};
use super::written_type::written_type;
use super::{Engine, EngineError, Evaluation};
use crate::interpreter::Frontend;

impl Engine {
    /// Compiles and runs the cell without evcxr. `None`: nothing of it has run.
    pub(super) fn compile_alone(
        &self,
        code: &CellCode,
        wanted: &Wanted,
        frontend: &Arc<dyn Frontend>,
    ) -> Option<Evaluation> {
        let started = Instant::now();
        let workshop = Workshop {
            plan: wanted.plan.clone(),
            environment: self.builds.environment_before_evcxr(),
            folder: self.builds.folder().join("alone"),
        };
        let attempt = early::attempt(&self.builds, &workshop, code, &wanted.parts);
        let outcome = attempt
            .inspect_err(|error| tracing::warn!("a cell cannot be compiled without evcxr: {error}"))
            .ok()?;
        let built = match outcome {
            Outcome::Built(built) => built,
            Outcome::Wrong(errors) => return Some(failed(EngineError::Compile(errors))),
            Outcome::Stopped => return Some(failed(EngineError::Interrupted)),
            Outcome::Fails | Outcome::Nothing => {
                tracing::debug!("evcxr has to look at the cell");
                return None;
            }
        };
        let compiled = started.elapsed();
        let imports: Vec<&Arc<Item>> = wanted.parts.items.iter().collect();
        let write = |symbol: &str| as_analysed(symbol, &imports);
        let defined = built.finish(write, |type_text| wanted.identity(type_text))?;
        let library = RunLibrary {
            path: early::kept(&built)?,
            function: built.rewritten.function?,
            defined,
            moved: built.moved.clone(),
        };
        let record = Record::new(
            library.function,
            &library.defined,
            &library.moved,
            &built.inputs,
            wanted,
        );
        let build = BuildReport {
            map: built.rewritten.map.clone(),
            taken: built.rewritten.taken.clone(),
            inputs: built.inputs.clone(),
            compiles: built.compiles,
            library: built.is_minimal.then_some(library),
            ..BuildReport::default()
        };
        // The loader takes two files of one name for one.
        let file = early::kept(&built)?;
        let mut evaluation = self.run_library(code, &record, wanted, &file, build, frontend)?;
        evaluation.took = started.elapsed();
        tracing::debug!(?compiled, total = ?started.elapsed(), compiles = built.compiles, "compiled without evcxr");
        Some(evaluation)
    }
}

fn failed(error: EngineError) -> Evaluation {
    Evaluation {
        build: BuildReport {
            stopped: matches!(error, EngineError::Interrupted),
            ..BuildReport::default()
        },
        error: Some(error),
        ..Evaluation::default()
    }
}

/// What is written without a path.
const PRELUDE: [(&str, &str); 5] = [
    ("std::string::String", "String"),
    ("std::vec::Vec", "Vec"),
    ("std::option::Option", "Option"),
    ("std::result::Result", "Result"),
    ("std::boxed::Box", "Box"),
];

/// Other types of std that are written by these paths.
const STD: [&str; 12] = [
    "std::collections::HashMap",
    "std::collections::HashSet",
    "std::collections::BTreeMap",
    "std::collections::BTreeSet",
    "std::collections::VecDeque",
    "std::time::Duration",
    "std::time::Instant",
    "std::rc::Rc",
    "std::sync::Arc",
    "std::sync::Mutex",
    "std::ops::Range",
    "std::path::PathBuf",
];

/// The type that a symbol names, as rust-analyzer would write it; `None` where it might write something else.
fn as_analysed(symbol: &str, items: &[&Arc<Item>]) -> Option<String> {
    let written = written_type(symbol)?;
    let without_text = written.replace("&str", "");
    if written.contains("dyn ") || without_text.contains(['&', '*', '\'']) || without_text.contains("fn(") {
        return None;
    }
    let is_taken = |name: &str| items.iter().any(|item| item.name.as_deref() == Some(name));
    let is_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let mut text = String::new();
    let mut rest = written.as_str();
    while !rest.is_empty() {
        let end = rest.find(|c| !is_path(c)).unwrap_or(rest.len());
        let (path, after) = rest.split_at(end);
        text.push_str(&match path {
            "" => String::new(),
            path if !path.contains("::") => path.to_owned(),
            path => {
                let known = PRELUDE.iter().find(|(long, _)| *long == path);
                let name = path.rsplit("::").next().unwrap_or(path);
                let import = format!("use {path};");
                match known {
                    Some((_, short)) if !is_taken(short) => (*short).to_owned(),
                    None if STD.contains(&path) && !is_taken(name) => path.to_owned(),
                    _ if items
                        .iter()
                        .any(|item| item.kind == ItemKind::Import && item.code == import) =>
                    {
                        name.to_owned()
                    }
                    _ => return None,
                }
            }
        });
        let next = after.find(is_path).unwrap_or(after.len());
        text.push_str(&after[..next]);
        rest = &after[next..];
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::super::cell_code::{DebugFormat, prepare};
    use super::super::items::Items;
    use super::super::source_map::Marks;
    use super::*;
    use crate::cell::CellSource;

    fn written(symbol: &str, cell: &str) -> Option<String> {
        let (mut items, mut marks) = (Items::default(), Marks::default());
        let source = CellSource::new("In[1]", cell);
        items.commit(&prepare(cell, &source, &mut marks, DebugFormat::Compact).items);
        as_analysed(symbol, &items.iter().collect::<Vec<_>>())
    }

    #[test]
    fn types_are_written_as_rust_analyzer_writes_them() {
        for (symbol, expected) in [
            ("i32", "i32"),
            ("alloc::vec::Vec<(&str, u8)>", "Vec<(&str, u8)>"),
            (
                "std::collections::hash::map::HashMap<i32, alloc::string::String>",
                "std::collections::HashMap<i32, String>",
            ),
            ("core::option::Option<ctx::P>", "Option<P>"),
            ("[u8; 4]", "[u8; 4]"),
            ("()", "()"),
        ] {
            assert_eq!(written(symbol, "struct P;").as_deref(), Some(expected));
        }
        assert_eq!(
            written(
                "std::collections::hash::map::HashMap<i32, &str>",
                "use std::collections::HashMap;"
            )
            .as_deref(),
            Some("HashMap<i32, &str>")
        );
    }

    #[test]
    fn for_what_might_be_written_otherwise_evcxr_is_waited_for() {
        for symbol in [
            "alloc::boxed::Box<dyn ctx::Shape>",
            "&[u8]",
            "fn(i32) -> i32",
            "serde_json::value::Value",
            "ctx::inner::P",
            "ctx::__cellar_cell::{closure#0}",
            "alloc::vec::Vec<core::iter::adapters::map::Map<u8>>",
        ] {
            assert_eq!(written(symbol, ""), None, "{symbol}");
        }
        assert_eq!(written("alloc::vec::Vec<u8>", "struct Vec;"), None);
    }
}
