//! Compiling a cell and running it without waiting for evcxr.
//!
//! evcxr needs seconds to boot, and rust-analyzer as long for a cell as rustc, longer where the session is large: it looks at all that
//! there is each time. rustc needs nobody to find types: its symbols tell them. So a cell is compiled at once, while evcxr analyses
//! it, or what came before it, or boots. If the types of its new variables are ones that everybody writes alike, or that
//! rust-analyzer has named before ([`names`]), it is run at once, and
//! evcxr takes up what the cell defines when it comes to that. Otherwise evcxr's word is waited for, as it is where rustc finds something wrong
//! that evcxr has words of its own for; what was compiled is then what evcxr runs ([`early`](super)).
//!
//! Of what has run, evcxr hears from its own analysis of the cell, if that was under way, and else by [`adopting`](crate::engine::evcxr_thread::adopting).
//! Several cells are then told at once, so it cannot stay behind for long.

use std::cell::OnceCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use cellar_cache::Digest;

use super::{Built, Early, Outcome, Ran, attempt, kept};
use crate::engine::artifacts::{Record, Wanted};
use crate::engine::build_server::{Answering, BuildReport, RunLibrary};
use crate::engine::cell_code::CellCode;
use crate::engine::evaluation::{EngineError, Evaluation};
use crate::engine::evcxr_thread::panic_text;
use crate::engine::knowledge::Variable;
use crate::engine::knowledge::items::{Item, ItemKind};
use crate::engine::types::names::{self, Segment, Symbol};
use crate::engine::types::written::public_path;
use crate::engine::{Engine, answered, lock};
use crate::interpreter::Frontend;

impl Engine {
    /// Compiles the cell at once, and runs it if evcxr need not be waited for.
    pub(in crate::engine) fn compile_at_once(
        &self,
        code: &CellCode,
        wanted: &Wanted,
        frontend: &Arc<dyn Frontend>,
        progress: Arc<dyn Frontend>,
    ) -> Evaluation {
        let early = Arc::new(Early::default());
        // evcxr must not wait for ever, whatever happens here.
        let _end = EndOf(&early);
        let by_evcxr = |early| {
            let (frontend, progress) = (Arc::clone(frontend), Arc::clone(&progress));
            self.hand_to_evcxr(code, frontend, progress, Answering::Compile, early)
        };
        let answer = self.is_ready().then(|| by_evcxr(Some(Arc::clone(&early))));
        let started = Instant::now();
        let attempted = || attempt(&self.builds, &wanted.workshop, code, &wanted.parts);
        let outcome = catch_unwind(AssertUnwindSafe(attempted))
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
        let scope = OnceCell::new();
        let learnt = |path: &str| {
            let crates = &wanted.workshop.plan.identities;
            let scope = *scope.get_or_init(|| names::scope(&wanted.parts.items, crates));
            self.name_of_type(scope, path)
        };
        let write = |symbol: &Symbol| as_analysed(symbol, &imports, &learnt);
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

    /// What rust-analyzer calls a type of a crate, as far as it has ever said.
    fn name_of_type(&self, scope: Digest, path: &str) -> Option<String> {
        let names = self.builds.type_names();
        names.get(scope, path).or_else(|| {
            let kept = self.artifacts.get()?.find_name(scope, path)?;
            names.take_up(&kept);
            Some(kept.written)
        })
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
        let file = kept(built)?;
        let library = match built.is_minimal() {
            true => Some(RunLibrary {
                path: kept(built)?,
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
            unnamed: built.unnamed.clone(),
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

/// The type that a symbol names, as rust-analyzer would write it; `None` where it might write something else. `learnt` tells what it
/// has written for a path.
fn as_analysed(
    symbol: &Symbol,
    items: &[&Arc<Item>],
    learnt: &dyn Fn(&str) -> Option<String>,
) -> Option<String> {
    let plain = &symbol.plain;
    let without_text = plain.replace("&str", "");
    if plain.contains(['{', '}']) || plain.contains("dyn ") || plain.contains("fn(") {
        return None;
    }
    if without_text.contains(['&', '*', '\'']) {
        return None;
    }
    let is_taken = |name: &str| items.iter().any(|item| item.name.as_deref() == Some(name));
    let is_imported = |path: &str| {
        let import = format!("use {path};");
        let mut items = items.iter();
        items.any(|item| item.kind == ItemKind::Import && item.code == import)
    };
    let (plain, full) = (names::segments(plain), names::segments(&symbol.full));
    if plain.len() != full.len() {
        return None;
    }
    let mut text = String::new();
    for (Segment { path, after }, Segment { path: full, .. }) in plain.into_iter().zip(full) {
        let path = public_path(path);
        let name = path.rsplit("::").next().unwrap_or(&path);
        let known = PRELUDE.iter().find(|(long, _)| *long == path);
        text.push_str(&match known {
            _ if !path.contains("::") => path,
            Some((_, short)) if !is_taken(short) => (*short).to_owned(),
            None if STD.contains(&&*path) && !is_taken(name) => path,
            _ if is_imported(&path) => name.to_owned(),
            _ => learnt(full)?,
        });
        text.push_str(after);
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::CellSource;
    use crate::engine::cell_code::{DebugFormat, prepare};
    use crate::engine::cell_crate::source_map::Marks;
    use crate::engine::knowledge::items::Items;

    fn written(symbol: &str, cell: &str) -> Option<String> {
        let (mut items, mut marks) = (Items::default(), Marks::default());
        let source = CellSource::new("In[1]", cell);
        items.commit(&prepare(cell, &source, &mut marks, DebugFormat::Compact).items);
        let symbol = Symbol {
            plain: symbol.to_owned(),
            full: symbol.to_owned(),
        };
        let learnt = |path: &str| (path == "polars_core::frame::DataFrame").then(|| "DataFrame".to_owned());
        as_analysed(&symbol, &items.iter().collect::<Vec<_>>(), &learnt)
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
            ("alloc::vec::Vec<polars_core::frame::DataFrame>", "Vec<DataFrame>"),
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
