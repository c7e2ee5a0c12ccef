//! Parameters and session values before and after each step of a cell.

use super::Running;
use crate::analysis::CellReading;
use crate::host::call::Manner;
use crate::interpreter::{CellError, Output, Stream};
use crate::params::Asked;
use crate::session::{Session, errors};

impl Running<'_> {
    /// Finds out what the parameters are, before a cell that may ask for them. Whatever uses them names them.
    pub(super) fn find_params(&self) {
        let first_cell = match self.request.silent {
            // What a front end asks for itself.
            true => "",
            false => self.session.first_cell.get_or_init(|| self.request.code.clone()),
        };
        if self.request.code.contains("param") {
            let asked = Asked {
                first_cell,
                metadata: &self.request.metadata,
            };
            let (session, params) = (self.session, &self.session.surroundings.params);
            params.resolve(session.notebook.as_deref(), &asked);
        }
    }

    /// Gives the process of the cells what surrounds them now.
    pub(super) fn give_surroundings(&self, reading: &CellReading) -> Result<(), CellError> {
        let caching = &self.session.caching;
        self.session
            .surroundings
            .give(|type_text| caching.definitions_of(type_text, Some(reading)))
            .map_err(|error| {
                let evalue = format!("the parameters cannot be given to the cell: {error}");
                errors::plain(
                    "ParamsError",
                    &evalue,
                    &["See that the temporary folder can be written to; nothing was run."],
                )
            })
    }

    /// Notes of what types session values are, and drops those whose type the cell has defined otherwise. `ran` is the cell, if it went well.
    pub(super) fn settle_surroundings(&self, ran: Option<&CellReading>) {
        let (caching, surroundings) = (&self.session.caching, &self.session.surroundings);
        let definitions = |type_text: &str| caching.definitions_of(type_text, ran);
        surroundings.settle(definitions);
        let outdated = surroundings.take_outdated(definitions);
        if outdated.is_empty() {
            return;
        }
        let keys: Vec<&str> = outdated.iter().map(|(key, _)| key.as_str()).collect();
        if let Err(why) = self
            .session
            .engine
            .call_runtime("session_remove", &keys, Manner::Protected)
        {
            tracing::warn!("session values of older definitions: {why}");
        }
        hear_surroundings(self.session);
        for (key, type_text) in &outdated {
            let text = format!(
                "The session value `{key}` was dropped: its type `{type_text}` is defined otherwise now. Set it again.\n"
            );
            self.frontend.output(Output::Text {
                stream: Stream::Stderr,
                text,
            });
        }
    }
}

/// Takes what the process of the cells has told.
pub(super) fn hear_surroundings(session: &Session) {
    session.surroundings.hear(&session.engine.host().take_told());
}
