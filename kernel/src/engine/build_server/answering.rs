//! The answering of evcxr's calls: each is a build or a check of the crate that it has generated for a cell.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use super::planning::VALUES;
use super::{Answering, BuildServer, Order, RunLibrary, lock};
use crate::engine::build_server::answers::{failed, made, nothing_made, pretended_errors};
use crate::engine::build_server::shim::{BuildAnswer, BuildRequest};
use crate::engine::cell_crate::left_out::LeftOut;
use crate::engine::cell_crate::rewrite::{self, Failure, Needs, Rewritten, Stored};
use crate::engine::early::{self, Built, Outcome};
use crate::engine::evcxr_thread::panic_text;
use crate::engine::rustc::diagnostics;
use crate::engine::rustc::{self, Emit, Plan};
use crate::engine::serde_for_cells::Missing;
use crate::engine::types::names;
use crate::engine::types::written::names_hidden_traits;

/// In rustc's messages.
const UNKNOWN_NAME: &str = "\"code\":\"E0425\"";

impl BuildServer {
    pub(in crate::engine) fn serve(&self, mut stream: UnixStream) {
        let mut text = Vec::new();
        let answer = stream
            .read_to_end(&mut text)
            .map_err(|error| error.to_string())
            .and_then(|_| serde_json::from_slice::<BuildRequest>(&text).map_err(|error| error.to_string()))
            .and_then(|request| {
                // A panic must not leave evcxr without an answer, now and for ever.
                let build = AssertUnwindSafe(|| self.build(&request).map_err(|error| error.to_string()));
                let answer = catch_unwind(build).unwrap_or_else(|panic| Err(panic_text(&*panic)));
                if !checks(&request) {
                    lock(&self.shared.report).asked = true;
                    *lock(&self.shared.request) = Some(request);
                }
                answer
            });
        let answer = answer.unwrap_or_else(|message| {
            lock(&self.shared.report).broken = Some(message.clone());
            failed(&message)
        });
        let sent = serde_json::to_vec(&answer)
            .map_err(std::io::Error::from)
            .and_then(|text| stream.write_all(&text));
        *lock(&self.shared.since) = Instant::now();
        if let Err(error) = sent {
            tracing::warn!("build server: could not answer: {error}");
        }
    }

    fn build(&self, request: &BuildRequest) -> std::io::Result<BuildAnswer> {
        let asked = Instant::now();
        let order = lock(&self.shared.order).clone();
        let checks = checks(request);
        let out = request.directory.join("cellar");
        std::fs::create_dir_all(out.join("src"))?;
        let library = out.join("libctx.so");
        let source = request.directory.join("src/lib.rs");
        if let Some(answer) = self.verdict(&order, request, &library)? {
            return Ok(answer);
        }
        match order.answer {
            Answering::Compile => {}
            Answering::Dependencies if checks => return Ok(BuildAnswer::default()),
            Answering::Dependencies => {
                return match self.plan(request, &order)? {
                    Ok(plan) => {
                        self.note_plan(&plan);
                        nothing_made(request, &library)
                    }
                    Err(answer) => Ok(answer),
                };
            }
            Answering::Error => return Ok(pretended_errors("E0000", &[1])),
            Answering::NothingMade if checks => return Ok(BuildAnswer::default()),
            Answering::NothingMade => return nothing_but(request, &library, &order.forgotten),
        }
        // Written when evcxr's analysis was done; what has passed since then went into starting the tool.
        let tool = source.metadata()?.modified()?.elapsed().unwrap_or_default();
        let analysis = lock(&self.shared.since).elapsed().saturating_sub(tool);
        let generated = std::fs::read_to_string(source)?;
        let mut plan = match self.plan(request, &order)? {
            Ok(plan) => plan,
            Err(answer) => return Ok(answer),
        };
        let left_out = match &order.early {
            Some(early) if !checks => early.left_out(),
            _ => LeftOut::default(),
        };
        let is_minimal = !left_out.is_empty();
        let rewritten = self.rewrite(&generated, &order, &plan, left_out, checks);
        {
            let mut report = lock(&self.shared.report);
            report.map = rewritten.map.clone();
            report.awaits = rewritten.is_async;
        }
        if rewritten.for_messages && lock(&self.shared.report).failure == Some(Failure::Explained) {
            // evcxr expects other words for the errors it has; told that there are none, it keeps those.
            return nothing_made(request, &library);
        }
        if !checks && let Some(hint) = mode_to_switch_on(&order, &rewritten) {
            return Ok(hint);
        }
        let no_serde = match self.wait_for_serde(&mut plan, &rewritten.text, &order) {
            Err(Missing::Interrupted) => {
                lock(&self.shared.report).stopped = true;
                return Ok(failed("interrupted"));
            }
            Err(Missing::NotBuilt(said)) => Some(said),
            Ok(()) => None,
        };
        self.note_plan(&plan);
        self.choose_serde(&mut plan, &rewritten.text);
        if rewritten.text.contains(VALUES) {
            match self.values(&plan) {
                Ok(arguments) => plan.crates.extend(arguments),
                Err(said) => lock(&self.shared.report).dependencies = Some(said),
            }
        }
        let plan = plan.for_cell(order.bounded);
        let environment = self.environment(request);
        if let Some(answer) =
            self.compiled_early(request, &order, &generated, &rewritten, (&plan, &environment))?
        {
            return Ok(answer);
        }
        if is_minimal {
            // From the beginning, with all of the session: that may need other crates.
            lock(&self.shared.order).early = None;
            return self.build(request);
        }
        std::fs::write(out.join("src/lib.rs"), &rewritten.text)?;
        let rewriting = asked.elapsed();
        let emit = if checks || rewritten.for_messages {
            Emit::Nothing
        } else {
            Emit::Library
        };
        let compiled = rustc::compile(&plan, &environment, &out, &library, emit, &self.shared.running)?;
        tracing::debug!(?analysis, ?tool, ?rewriting, rustc = ?asked.elapsed() - rewriting, success = compiled.success, "built");
        {
            let mut report = lock(&self.shared.report);
            report.compiles += 1;
            if !compiled.success {
                let caught = !checks && rewritten.catches_panics;
                report.failure = Some(
                    if caught && diagnostics::is_independent_of_closures(&compiled.messages) {
                        Failure::Explained
                    } else if compiled.messages.contains(UNKNOWN_NAME) {
                        Failure::UnknownName
                    } else {
                        Failure::Other
                    },
                );
            }
            report.stopped |= compiled.stopped;
            if let Some(said) =
                no_serde.filter(|_| !compiled.success && compiled.messages.contains("`serde`"))
            {
                report.dependencies = Some(format!(
                    "serde is not there for this cell; cells that do not use it work. It could not be built:\n{said}"
                ));
            }
            report.taken = rewritten.taken.clone();
            report.inputs = compiled.inputs.clone();
        }
        let places = diagnostics::Places {
            map: &rewritten.map,
            marks: &self.marks(),
        };
        let messages = diagnostics::with_places(&compiled.messages, &places);
        if compiled.success && !checks {
            if rewritten.for_messages {
                // Nobody runs it; evcxr only moves it.
                return nothing_made(request, &library);
            }
            return self.ready_to_run(request, &library, &rewritten.taken);
        }
        let status = if compiled.success { 0 } else { 101 };
        // evcxr reads cargo's JSON on stdout for a check, and on either for a build.
        Ok(BuildAnswer {
            stdout: messages,
            stderr: String::new(),
            status,
        })
    }

    fn rewrite(
        &self,
        generated: &str,
        order: &Order,
        plan: &Plan,
        left_out: LeftOut,
        checks: bool,
    ) -> Rewritten {
        if checks {
            return rewrite::for_checking(generated, &self.marks());
        }
        let failure = lock(&self.shared.report).failure;
        let needs = Needs {
            question_mark: order.question_mark,
            error_format: order.error_format,
            only_bound: Arc::clone(&order.only_bound),
            failure,
            crates: Arc::clone(&plan.identities),
            left_out,
            items: order.items.clone(),
        };
        rewrite::for_running(generated, &self.marks(), needs)
    }

    /// What evcxr hears where rustc has found the cell wrong before it asked, or right and evcxr only wants to
    /// know what it itself does not like about it.
    fn verdict(
        &self,
        order: &Order,
        request: &BuildRequest,
        library: &Path,
    ) -> std::io::Result<Option<BuildAnswer>> {
        let Some(early) = order.early.as_ref() else {
            return Ok(None);
        };
        Ok(match early.take() {
            Outcome::Wrong(_) | Outcome::Over => Some(pretended_errors("E0000", &[1])),
            Outcome::Stopped => {
                lock(&self.shared.report).stopped = true;
                Some(pretended_errors("E0000", &[1]))
            }
            Outcome::Ran(_) if checks(request) => Some(BuildAnswer::default()),
            Outcome::Ran(ran) => Some(nothing_but(request, library, &ran.moved)?),
            built @ Outcome::Built(_) if checks(request) => {
                // It may still tell of types.
                early.put_back(built);
                Some(BuildAnswer::default())
            }
            other => {
                early.put_back(other);
                None
            }
        })
    }

    /// The answer to a build, if the cell has been compiled already.
    fn compiled_early(
        &self,
        request: &BuildRequest,
        order: &Order,
        generated: &str,
        rewritten: &Rewritten,
        (plan, environment): (&Plan, &[(String, String)]),
    ) -> std::io::Result<Option<BuildAnswer>> {
        let Some(early) = &order.early else {
            return Ok(None);
        };
        let built = match early.take() {
            Outcome::Built(built) => built,
            Outcome::Fails if rewritten.catches_panics => {
                lock(&self.shared.report).failure = Some(Failure::Other);
                return Ok(Some(pretended_errors("E0000", &[1])));
            }
            _ => return Ok(None),
        };
        let moved = rewrite::lines_that_store(generated, &built.moved);
        if !moved.is_empty() {
            early.put_back(Outcome::Built(built));
            return Ok(Some(pretended_errors("E0382", &moved)));
        }
        let is_hidden =
            |stored: &Stored| built.binds(&stored.name) && names_hidden_traits(&stored.type_text, generated);
        if rewritten.stored.iter().any(is_hidden) && built.annotations().is_some() {
            lock(&self.shared.report).unnamed_type = true;
            early.put_back(Outcome::Built(built));
            return Ok(Some(pretended_errors("E0000", &[1])));
        }
        match built.fit(rewritten, plan, environment) {
            Ok(named) => {
                let scope = names::scope(&built.items, &plan.identities);
                for (symbol, written) in &named {
                    self.type_names().learn(scope, symbol, written);
                }
            }
            Err(difference) => {
                tracing::debug!(difference, "the cell is compiled again");
                return Ok(None);
            }
        }
        {
            let mut report = lock(&self.shared.report);
            report.compiles += built.compiles;
            report.map = built.rewritten.map.clone();
            report.taken = built.rewritten.taken.clone();
            report.inputs = built.inputs.clone();
            report.unnamed.clone_from(&built.unnamed);
            report.library = kept(&built, rewritten);
        }
        self.ready_to_run(request, &built.library, &built.rewritten.taken)
            .map(Some)
    }

    /// Hands a compiled cell to evcxr, which runs it at once.
    fn ready_to_run(
        &self,
        request: &BuildRequest,
        library: &Path,
        taken: &[String],
    ) -> std::io::Result<BuildAnswer> {
        if let Err(reason) = self.materialise(taken) {
            lock(&self.shared.report).broken = Some(reason.clone());
            return Ok(failed(&reason));
        }
        made(request, library)
    }
}

/// Tells evcxr that there is a library where there is none, once it has given up what the cell has moved: there it gets an error
/// where it would store it again.
fn nothing_but(request: &BuildRequest, library: &Path, moved: &[String]) -> std::io::Result<BuildAnswer> {
    let generated = std::fs::read_to_string(request.directory.join("src/lib.rs"))?;
    match rewrite::lines_that_store(&generated, moved).as_slice() {
        [] => nothing_made(request, library),
        lines => Ok(pretended_errors("E0382", lines)),
    }
}

/// The library, if it can be run again without evcxr.
fn kept(built: &Built, theirs: &Rewritten) -> Option<RunLibrary> {
    if !built.is_minimal() {
        return None;
    }
    Some(RunLibrary {
        path: early::kept(built)?,
        defined: built.defined(theirs),
        moved: built.moved.clone(),
    })
}

/// evcxr learns from an error that a cell needs `?` or `.await`. We know it before: the error costs
/// no compile, and evcxr keeps the mode for the rest of the session.
fn mode_to_switch_on(order: &Order, rewritten: &Rewritten) -> Option<BuildAnswer> {
    let line = rewritten.statement_line?;
    if order.awaits && !rewritten.is_async {
        return Some(pretended_errors("E0728", &[line]));
    }
    if order.question_mark && !rewritten.allows_question_mark {
        return Some(pretended_errors("E0277", &[line]));
    }
    None
}

/// Whether evcxr wants to know what is wrong, and no library.
fn checks(request: &BuildRequest) -> bool {
    request.arguments.iter().any(|argument| argument == "check")
}
