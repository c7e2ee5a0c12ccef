//! Compiling a cell and running it without waiting for evcxr.
//!
//! evcxr needs seconds to boot, and rust-analyzer as long for a cell as rustc, longer where the session is large: it looks at all that
//! there is each time. rustc needs nobody to find types: its symbols tell them. So a cell is compiled at once, while evcxr analyses
//! it, or what came before it, or boots. If the types of its new variables are ones that everybody writes alike, it is run at once, and
//! evcxr takes up what the cell defines when it comes to that. Otherwise evcxr's word is waited for, as it is where rustc finds something wrong
//! that evcxr has words of its own for; what was compiled is then what evcxr runs ([`early`](super::early)).
//!
//! Of what has run, evcxr hears from its own analysis of the cell, if that was under way, and else by [`adopting`](super::adopting).
//! Several cells are then told at once, so it cannot stay behind for long.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use super::artifacts::{Record, Wanted};
use super::build_server::{BuildReport, RunLibrary};
use super::cell_code::CellCode;
use super::early::{self, Built, Early, Outcome, Ran};
use super::evcxr_thread::panic_text;
use super::items::{Item, ItemKind};
use super::written_type::written_type;
use super::{Engine, EngineError, Evaluation, Variable, answered, lock};
use crate::interpreter::Frontend;

impl Engine {
    /// Compiles the cell at once, and runs it if evcxr need not be waited for.
    pub(super) fn compile_at_once(
        &self,
        code: &CellCode,
        wanted: &Wanted,
        frontend: &Arc<dyn Frontend>,
        progress: Arc<dyn Frontend>,
    ) -> Evaluation {
        let early = Arc::new(Early::default());
        // evcxr must not wait for ever, whatever happens here.
        let _end = EndOf(&early);
        let by_evcxr = |early| self.hand_to_evcxr(code, Arc::clone(frontend), Arc::clone(&progress), early);
        let answer = self.is_ready().then(|| by_evcxr(Some(Arc::clone(&early))));
        let started = Instant::now();
        let attempt = || early::attempt(&self.builds, &wanted.workshop, code, &wanted.parts);
        let outcome = catch_unwind(AssertUnwindSafe(attempt))
            .unwrap_or_else(|panic| Err(std::io::Error::other(panic_text(&*panic))));
        let outcome = outcome.unwrap_or_else(|error| {
            tracing::warn!("a cell cannot be compiled without evcxr: {error}");
            Outcome::Nothing
        });
        let over = match outcome {
            Outcome::Built(built) => self.run_built(code, wanted, built, started, frontend, &early),
            Outcome::Wrong(errors) => {
                early.finish(Outcome::Over);
                let mut wrong = failed(EngineError::Compile(errors));
                wrong.refused = lock(&self.knowledge).take_refused();
                Some(wrong)
            }
            Outcome::Stopped => {
                early.finish(Outcome::Over);
                Some(failed(EngineError::Interrupted))
            }
            other => {
                early.finish(other);
                None
            }
        };
        over.unwrap_or_else(|| {
            tracing::debug!("evcxr has to look at the cell");
            answered(&answer.unwrap_or_else(|| by_evcxr(None)))
        })
    }

    /// Runs what was compiled; `None`: nothing of it has run, and evcxr's word is needed. Either way `early` is over then.
    fn run_built(
        &self,
        code: &CellCode,
        wanted: &Wanted,
        built: Box<Built>,
        started: Instant,
        frontend: &Arc<dyn Frontend>,
        early: &Early,
    ) -> Option<Evaluation> {
        let compiled = started.elapsed();
        let imports: Vec<&Arc<Item>> = wanted.parts.items.iter().collect();
        let write = |symbol: &str| as_analysed(symbol, &imports);
        let Some(defined) = built.finish(write, |type_text| wanted.identity(type_text)) else {
            early.finish(Outcome::Built(built));
            return None;
        };
        // From here on the library's file is not what evcxr may get.
        let evaluation = self.run_finished(code, wanted, &built, &defined, frontend, early);
        let Some(mut evaluation) = evaluation else {
            early.finish(Outcome::Nothing);
            return None;
        };
        evaluation.took = started.elapsed();
        tracing::debug!(?compiled, total = ?started.elapsed(), compiles = built.compiles, "compiled without evcxr");
        Some(evaluation)
    }

    fn run_finished(
        &self,
        code: &CellCode,
        wanted: &Wanted,
        built: &Built,
        defined: &[Variable],
        frontend: &Arc<dyn Frontend>,
        early: &Early,
    ) -> Option<Evaluation> {
        let record = Record::new(defined, &built.moved, &built.inputs, wanted);
        // The loader takes two files of one name for one.
        let file = early::kept(built)?;
        let library = match built.is_minimal {
            true => Some(RunLibrary {
                path: early::kept(built)?,
                defined: defined.to_vec(),
                moved: built.moved.clone(),
            }),
            false => None,
        };
        let build = BuildReport {
            map: built.rewritten.map.clone(),
            taken: built.rewritten.taken.clone(),
            inputs: built.inputs.clone(),
            compiles: built.compiles,
            library,
            ..BuildReport::default()
        };
        early.claim();
        let taken_up = |adoption: Option<usize>| match adoption {
            Some(adoption) => {
                let moved = built.moved.clone();
                let skip = || self.host.skip_next_run();
                early.finish_with(Outcome::Ran(Ran { moved, adoption }), skip);
            }
            None => early.finish(Outcome::Over),
        };
        self.run_library(code, &record, wanted, &file, build, frontend, taken_up)
    }
}

/// Sees to it that an attempt is over at the end.
struct EndOf<'a>(&'a Early);

impl Drop for EndOf<'_> {
    fn drop(&mut self) {
        if !self.0.is_over() {
            self.0.finish(Outcome::Over);
        }
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
