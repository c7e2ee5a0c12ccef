//! Running a cell from its [artifact](super): no analysis, no compiler. evcxr hears of it later
//! ([`knowledge`](crate::engine::knowledge)).

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::{Artifacts, NeedsSerde, Record, Wanted};
use crate::engine::build_server::BuildReport;
use crate::engine::cell_code::CellCode;
use crate::engine::early::{self, SessionParts};
use crate::engine::evaluation::{EngineError, Evaluation};
use crate::engine::evcxr_thread::Job;
use crate::engine::knowledge::Known;
use crate::engine::{Engine, lock};
use crate::host::RunReport;
use crate::interpreter::Frontend;

/// How long what was built in an earlier session may take to be found.
const SOON: Duration = Duration::from_millis(500);

impl Engine {
    /// What an artifact for `code` must have been compiled from; `None` where the cell cannot be run from one.
    pub(in crate::engine) fn wanted(&self, code: &CellCode) -> Option<Wanted> {
        let is_off = self.artifacts.get().is_none() || self.compiles_all.load(Ordering::SeqCst);
        if is_off || !early::is_possible(code) {
            return None;
        }
        if !self.wait_for_means() || self.has_lost_dependencies() {
            return None;
        }
        let (items, variables) = lock(&self.knowledge).with(code);
        let parts = SessionParts { items, variables };
        let wanted = || {
            let means = self.builds.means(code)?;
            Some(Wanted::new(code, parts.clone(), &means, &self.builds.marks()))
        };
        match wanted()? {
            Ok(wanted) => Some(wanted),
            // It is there in a moment, unless it has to be built; who waits for that is told.
            Err(NeedsSerde) => {
                let until = Instant::now() + SOON;
                while self.builds.serde().now().is_none() && Instant::now() < until {
                    std::thread::sleep(Duration::from_millis(1));
                }
                wanted()?.ok()
            }
        }
    }

    /// Runs the cell, if there is an artifact and the process of the cells is there. `None`: nothing of it has run.
    pub(in crate::engine) fn replay(
        &self,
        code: &CellCode,
        wanted: &Wanted,
        frontend: &Arc<dyn Frontend>,
    ) -> Option<Evaluation> {
        let started = Instant::now();
        let artifacts = self.artifacts.get()?;
        let (record, library) = artifacts.find(wanted, |name| self.builds.compile_environment(name))?;
        let build = BuildReport {
            map: wanted.map.clone(),
            taken: wanted.taken.clone(),
            inputs: record.inputs(),
            ..BuildReport::default()
        };
        let found = started.elapsed();
        let evaluation = self.run_library(code, &record, wanted, &library, build, frontend, |_| {})?;
        tracing::debug!(?found, user_code = ?evaluation.run.duration, total = ?started.elapsed(), "run without a compiler");
        Some(evaluation)
    }

    /// Runs a library of which evcxr knows nothing, and takes up what it leaves behind; its file is gone then. `None`: nothing of it has run.
    ///
    /// `taken_up` is called when it has run, with the number of what was [adopted](crate::engine::knowledge::Knowledge::adopt) if all went well.
    #[expect(clippy::too_many_arguments, reason = "each is of another kind")]
    pub(in crate::engine) fn run_library(
        &self,
        code: &CellCode,
        record: &Record,
        wanted: &Wanted,
        library: &Path,
        build: BuildReport,
        frontend: &Arc<dyn Frontend>,
        taken_up: impl FnOnce(Option<usize>),
    ) -> Option<Evaluation> {
        if !self.host.wait_for_process(|| self.builds.has_failed()) {
            return None;
        }
        let started = Instant::now();
        if let Err(reason) = self.builds.materialise(&build.taken) {
            return Some(Evaluation {
                error: Some(EngineError::Refused(reason)),
                build,
                ..Evaluation::default()
            });
        }
        self.host.begin(Arc::clone(frontend));
        self.host.run(library, &record.function);
        let run = self.host.end();
        Artifacts::loaded(library);
        if !run.changed_type.is_empty() || run.load_error.is_some() {
            tracing::debug!(?run, "a cell does not fit any more");
            return None;
        }
        let before = lock(&self.knowledge).known();
        let mut evaluation = Evaluation {
            taken: build.taken.clone(),
            build,
            ..Evaluation::default()
        };
        let adoption = self.take_up(code, record, wanted, &run, &mut evaluation);
        taken_up(adoption);
        if run.death.is_some() && !run.restored {
            // The process is gone, and evcxr must hear of it.
            evaluation.error = self.notice_death().or(evaluation.error.take());
        }
        let after = lock(&self.knowledge).known();
        evaluation.removed = gone(&before, &after);
        evaluation.run = run;
        evaluation.took = started.elapsed();
        let tells_times = self.tells_times.load(Ordering::SeqCst);
        evaluation.timing = tells_times.then(|| format!("Took {} ms\n", evaluation.took.as_millis()));
        Some(evaluation)
    }

    /// Takes up what the cell has left behind; gives its number if all went well.
    fn take_up(
        &self,
        code: &CellCode,
        record: &Record,
        wanted: &Wanted,
        run: &RunReport,
        evaluation: &mut Evaluation,
    ) -> Option<usize> {
        let failed =
            run.panic.is_some() || run.returned_error.is_some() || run.death.is_some() || run.interrupted;
        if !failed {
            let moved: Vec<String> = wanted.of_session(&record.moved).cloned().collect();
            let defined = record.defined();
            let mut knowledge = lock(&self.knowledge);
            let adoption = knowledge.adopt(&code.items, &defined, &moved);
            evaluation.refused = knowledge.take_refused();
            evaluation.defined = defined;
            let _ = lock(&self.jobs).send(Job::Adopt);
            if code.awaits {
                self.builds.set_awaits(true);
            }
            return Some(adoption);
        }
        evaluation.error = Some(EngineError::Refused("the cell failed".to_owned()));
        if run.death.is_none() && !run.restored {
            // What it moved may be gone.
            let moved: Vec<String> = wanted.of_session(&record.moved).cloned().collect();
            lock(&self.knowledge).adopt(&[], &[], &moved);
            let _ = lock(&self.jobs).send(Job::Adopt);
        }
        None
    }

    /// Has evcxr run nothing, so that it finds its process gone and starts another.
    fn notice_death(&self) -> Option<EngineError> {
        let cell = crate::cell::CellSource::new("", "();");
        let code = self.prepare("();", &cell, crate::engine::DebugFormat::default());
        let nobody: Arc<dyn Frontend> = Arc::new(Nobody);
        self.evaluate_by_evcxr(&code, Arc::clone(&nobody), nobody).error
    }

    /// Keeps the library of a cell that evcxr has run, if it can be run again without it. How the run went does not matter.
    pub(in crate::engine) fn keep_artifact(&self, wanted: Wanted, evaluation: &Evaluation) {
        let (Some(artifacts), Some(library)) = (self.artifacts.get(), &evaluation.build.library) else {
            return;
        };
        let record = Record::new(
            &library.defined,
            &library.moved,
            &evaluation.build.inputs,
            &wanted,
        );
        let took = evaluation.took.saturating_sub(evaluation.run.duration);
        let (artifacts, file) = (Arc::clone(artifacts), library.path.clone());
        let keep = move || artifacts.keep(&wanted, &record, &file, took);
        if let Err(error) = std::thread::Builder::new().name("artifacts".into()).spawn(keep) {
            tracing::debug!("a compiled cell is not kept: {error}");
        }
    }

    /// Waits until it is known how cells are compiled; `false` if that cannot be known.
    pub(in crate::engine) fn wait_for_means(&self) -> bool {
        while !self.builds.has_failed() {
            if self.builds.runtime().is_some() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        false
    }
}

fn gone(before: &Known, after: &Known) -> Vec<String> {
    let is_there = |name: &str| after.variables.iter().any(|variable| variable.name == name);
    let names = before.variables.iter().map(|variable| variable.name.clone());
    names.filter(|name| !is_there(name)).collect()
}

/// Shows nothing.
struct Nobody;

impl Frontend for Nobody {
    fn output(&self, _: crate::interpreter::Output) {}

    fn input(&self, _: &str, _: bool) -> Result<String, crate::interpreter::InputError> {
        Err(crate::interpreter::InputError::NotAllowed)
    }
}
