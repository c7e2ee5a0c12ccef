//! Obeying `:dep` lines.

use std::sync::Arc;
use std::time::Instant;

use super::package::{self, Added};
use crate::engine::build_server::Answering;
use crate::engine::cell_code::CellCode;
use crate::engine::evaluation::{EngineError, Evaluation};
use crate::engine::evcxr_thread::Job;
use crate::engine::{Engine, answered, lock};
use crate::interpreter::Frontend;

impl Engine {
    /// What a cell needs that awaits something, if the session does not have it and `added` does not bring it.
    pub(in crate::engine) fn missing_runtime(&self, added: &[Added]) -> Option<Added> {
        let runtime = package::runtime();
        let is_it = |name: &str| name == runtime.name;
        let session = self.builds.session_package();
        let is_there = session.is_none_or(|session| session.names().any(is_it));
        let comes = added.iter().any(|one| is_it(&one.name));
        (!is_there && !comes).then_some(runtime)
    }

    /// The session has these dependencies from now on. If they are there already, evcxr is told of them when it has time; otherwise it has
    /// them built, unless it can be seen that the cell below the lines is wrong.
    pub(in crate::engine) fn depend_on(
        &self,
        added: &[Added],
        below: Option<&CellCode>,
        frontend: &Arc<dyn Frontend>,
        progress: &Arc<dyn Frontend>,
    ) -> Evaluation {
        let started = Instant::now();
        let commands: String = added.iter().map(Added::command).collect();
        if self.depend_on_what_is_there(added, &commands) {
            tracing::debug!(took = ?started.elapsed(), "dependencies are there");
            return Evaluation {
                took: started.elapsed(),
                ..Evaluation::default()
            };
        }
        if let Some(errors) = below.and_then(|below| self.builds.errors_of_syntax(below)) {
            return Evaluation {
                error: Some(EngineError::Compile(errors)),
                ..Evaluation::default()
            };
        }
        let code = CellCode::command(&commands);
        let (frontend, progress) = (Arc::clone(frontend), Arc::clone(progress));
        let evaluation = self.hand_to_evcxr(&code, frontend, progress, Answering::Dependencies, None);
        let evaluation = answered(&evaluation);
        tracing::debug!(total = ?started.elapsed(), "dependencies are built");
        evaluation
    }

    /// evcxr had to be started anew, and is to be told of dependencies before anybody can say what they come to.
    pub(in crate::engine) fn has_lost_dependencies(&self) -> bool {
        lock(&self.knowledge).has_pending_commands() && !self.builds.has_untold()
    }

    fn depend_on_what_is_there(&self, added: &[Added], commands: &str) -> bool {
        if !self.wait_for_means() || self.has_lost_dependencies() {
            return false;
        }
        let Some(at_hand) = self.builds.at_hand(added) else {
            return false;
        };
        if at_hand.is_new {
            self.builds.take_up(at_hand);
            lock(&self.knowledge).adopt_commands(commands);
            // If the engine has stopped, the next cell will say so.
            let _ = lock(&self.jobs).send(Job::Adopt);
        }
        true
    }
}
