//! The way of a cell through the session: read, cut into steps, each step run, errors made readable.

mod commands;
mod surroundings;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::caching::{CachedCell, Kind, Policy, Ran, Seen};
use super::capture::{Captured, Watched};
use super::functions::{self, StepFunctions};
use super::settings::Settings;
use super::spinner::{Sorted, Spinner};
use super::{Session, errors, help, params, session_map};
use crate::analysis;
use crate::cell::CellSource;
use crate::engine::cell_code::{CellCode, DebugFormat};
use crate::engine::knowledge::Refused;
use crate::engine::sharing::{self, Hooks};
use crate::engine::{EngineError, Evaluation};
use crate::functions::Codes;
use crate::interpreter::{CellError, ExecuteOutcome, ExecuteRequest, Frontend, MimeBundle, Output, Stream};
use crate::magic::{self, Magic, ParsedCell, Scope, Step, VariableRow};
use crate::report::{self, Variables};
use surroundings::hear_surroundings;

/// Runs a cell.
pub fn cell(session: &Session, request: &ExecuteRequest, frontend: &Arc<dyn Frontend>) -> ExecuteOutcome {
    // Carriage returns are layout; positions count lines.
    let text = request.code.replace("\r\n", "\n");
    let source = session
        .cells()
        .add(request.execution_count, request.silent, &text);
    let mut running = Running {
        session,
        request,
        source,
        frontend: Arc::clone(frontend),
        progress: Arc::clone(frontend),
        user_time: Duration::ZERO,
        payload: Vec::new(),
        metadata: serde_json::Map::new(),
        is_cached: false,
        seen: Seen::default(),
        unset: None,
        functions: Vec::new(),
        sharing: None,
        moved: Vec::new(),
        labels: BTreeMap::new(),
        spinner: None,
    };
    let error = running.cell(&text).err();
    let user_expressions = match error {
        // As in IPython, they are left out when the cell failed.
        Some(_) => serde_json::Map::new(),
        None => request
            .user_expressions
            .iter()
            .map(|(name, expression)| (name.clone(), user_expression(session, expression)))
            .collect(),
    };
    ExecuteOutcome {
        error,
        user_expressions,
        payload: running.payload,
        metadata: running.metadata,
    }
}

/// A cell that runs.
struct Running<'a> {
    session: &'a Session,
    request: &'a ExecuteRequest,
    source: Arc<CellSource>,
    frontend: Arc<dyn Frontend>,
    /// Where the progress of builds is shown: it is no output of the cell.
    progress: Arc<dyn Frontend>,
    /// How long user code ran, compiling left out.
    user_time: Duration,
    payload: Vec<Value>,
    /// Of the reply.
    metadata: serde_json::Map<String, Value>,
    /// The cell has a directive, and whoever looks after it enters what it did.
    is_cached: bool,
    /// What the compiler read besides the notebook.
    seen: Seen,
    /// The settings from before the `:commands` of which evcxr has not been told yet.
    unset: Option<Settings>,
    /// What the steps of Rust have of cached functions, by the line that a step begins on.
    functions: Vec<(usize, StepFunctions)>,
    /// What the cell defines becomes shared instances, as this directive asks for.
    sharing: Option<Policy>,
    /// What it had moved when that was to be done.
    moved: Vec<String>,
    /// What the store calls cached functions, those of the step that runs included.
    labels: BTreeMap<String, String>,
    /// What shows that something computes, where a directive asks for it.
    spinner: Option<Arc<Spinner>>,
}

impl Running<'_> {
    fn cell(&mut self, text: &str) -> Result<(), CellError> {
        if crate::help::is_too_deep(text) {
            let evalue = format!(
                "the cell's brackets are nested more than {} deep",
                crate::help::DEEPEST
            );
            let help = "Name parts of it with `let` or put them into functions; nothing was run.";
            return Err(errors::plain("TooDeep", &evalue, &[help]));
        }
        let mut parsed = magic::parse(text).map_err(|error| error.to_cell_error(&self.source))?;
        self.find_params();
        self.functions = functions::wrap(self.session, &mut parsed, &mut self.source)?;
        let policy = self.policy(&parsed)?;
        let spinner = self.spinner(policy.as_ref());
        self.tell_late();
        functions::warn_of_deprecated(self.session, &parsed.directives, &*self.frontend);
        let ran = match policy {
            Some(policy) => self.cached(&policy, &parsed),
            None => self.steps(&parsed),
        };
        if parsed.timed {
            self.show_time(self.user_time);
        }
        if let Some(spinner) = spinner {
            spinner.finish();
        }
        ran
    }

    /// What shows that the cell or one of its functions computes, if a directive asks for it. All outputs go by way of it.
    fn spinner(&mut self, policy: Option<&Policy>) -> Option<Arc<Spinner>> {
        let of_cell = policy.is_some_and(|policy| policy.spinner.is_some());
        let mut of_step = self.functions.iter().flat_map(|(_, step)| &step.functions);
        let of_functions = of_step.any(|function| function.has_spinner)
            || self
                .session
                .functions()
                .all()
                .any(|function| function.has_spinner);
        if !of_cell && !of_functions {
            return None;
        }
        let spinner = Spinner::new(Arc::clone(&self.frontend));
        self.frontend = Arc::clone(&spinner) as Arc<dyn Frontend>;
        self.progress = Arc::clone(&self.frontend);
        self.spinner = Some(Arc::clone(&spinner));
        Some(spinner)
    }

    /// What the directive above the cell asks for, if there is one.
    fn policy(&self, parsed: &ParsedCell) -> Result<Option<Policy>, CellError> {
        let mut of_cell = parsed
            .directives
            .iter()
            .filter(|directive| directive.scope == Scope::Cell);
        let (Some(directive), second) = (of_cell.next(), of_cell.next()) else {
            return Ok(None);
        };
        if let Some(second) = second {
            let evalue = format!(
                "the cell has two directives: `{}` in line {} and `{}` in line {}",
                directive.name, directive.line, second.name, second.line
            );
            return Err(errors::plain(
                "BadDirective",
                &evalue,
                &["Keep one of them; nothing was run."],
            ));
        }
        let other = parsed.steps.iter().find_map(|step| match step {
            Step::Rust { .. } => None,
            Step::Command { line, .. }
            | Step::Magic { line, .. }
            | Step::Shell { line, .. }
            | Step::Inspect { line, .. } => Some(*line),
        });
        if let Some(line) = other {
            let evalue = format!(
                "line {line} is no Rust, and a cell with `//% {}` is skipped as a whole",
                directive.name
            );
            let help = "Move it to a cell of its own, so that it is done each time; nothing was run.";
            return Err(errors::plain("BadDirective", &evalue, &[help]));
        }
        Ok(Some(Policy::of(directive)))
    }

    fn cached(&mut self, policy: &Policy, parsed: &ParsedCell) -> Result<(), CellError> {
        let rust = parsed.rust();
        // Wrappers of cached functions are no one's code.
        let written = self
            .functions
            .iter()
            .map(|(line, step)| at_lines(&[], &step.original, *line))
            .next()
            .unwrap_or_else(|| rust.clone());
        let reading = analysis::read_cell(&written);
        let (source, frontend) = (Arc::clone(&self.source), Arc::clone(&self.frontend));
        let caching = Arc::clone(&self.session.caching);
        let cell = CachedCell {
            source: &source,
            rust: &rust,
            reading: &reading,
            policy,
            frontend: &frontend,
        };
        let done = caching.cell(&cell, &mut |recorder| {
            self.frontend = recorder;
            self.is_cached = true;
            self.sharing = (policy.kind == Kind::Resource).then(|| policy.clone());
            let spinner = self.spinner.clone().zip(policy.spinner.as_ref());
            if let Some((spinner, text)) = &spinner {
                let defined = reading.defines.first().map(|variable| &variable.name);
                let name = policy.name.as_ref().or(defined);
                let default = || format!("Running {}", name.map_or("the cell", String::as_str));
                let text = Some(*text).filter(|text| !text.is_empty());
                spinner.begin("", &text.cloned().unwrap_or_else(default));
            }
            // What was told before is no part of this cell.
            self.session.surroundings.take();
            let ran = self.steps(parsed);
            self.seen.told = self.session.surroundings.take();
            if let Some((spinner, _)) = &spinner {
                spinner.end("");
            }
            self.sharing = None;
            self.is_cached = false;
            self.frontend = Arc::clone(&frontend);
            ran.map(|()| std::mem::take(&mut self.seen))
        })?;
        if done.hit {
            self.session.names().learn(crate::help::items_of(&written));
            // Cached functions of other cells may lead to its items.
            let mut codes = self.session.functions().clone();
            let mut steps = self.functions.iter().map(|(_, step)| step);
            if let Some(first) = steps.next() {
                // It is what was read.
                codes.learn_items(reading.items.clone(), &first.functions);
            }
            steps.for_each(|step| codes.learn(&step.original, &step.functions));
            functions::commit(self.session, codes);
        }
        self.metadata.insert("cellar".to_owned(), done.to_json());
        Ok(())
    }

    /// What became known of earlier cells after their replies, and what is wrong with the store.
    fn tell_late(&self) {
        for words in late_words(self.session) {
            self.frontend.output(Output::Text {
                stream: Stream::Stderr,
                text: format!("{words}\n"),
            });
        }
    }

    fn steps(&mut self, parsed: &ParsedCell) -> Result<(), CellError> {
        // `:commands` and the Rust below them go to the engine together, which knows what is best.
        let mut commands: Vec<(usize, String)> = Vec::new();
        for step in &parsed.steps {
            if self.session.is_interrupted() {
                return Err(report::interrupted(Variables::Kept));
            }
            match step {
                Step::Command { name, args, .. } if name == ":toolchain" && !args.is_empty() => {
                    self.commands(&mut commands)?;
                    self.switch_toolchain(args)?;
                }
                Step::Command { name, args, line } => {
                    if let Some(command) = self.command(name, args)? {
                        self.set(name, args);
                        commands.push((*line, command));
                    }
                    if name == ":restart" {
                        functions::end_process(self.session);
                        self.session.caching.forget_values();
                        self.commands(&mut commands)?;
                    }
                    if name == ":clear" {
                        // The Rust below it is the first of what comes after.
                        self.forgetting(|running| running.commands(&mut commands))?;
                    }
                }
                Step::Rust { code, first_line } => {
                    let step = self.functions.iter().find(|(line, _)| line == first_line);
                    let step = step.map(|(_, step)| step.clone());
                    let commands = std::mem::take(&mut commands);
                    self.rust_with(&at_lines(&commands, code, *first_line), step.as_ref())?;
                }
                other => {
                    self.commands(&mut commands)?;
                    self.other(other)?;
                }
            }
        }
        self.commands(&mut commands)
    }

    fn other(&mut self, step: &Step) -> Result<(), CellError> {
        match step {
            Step::Magic { magic, line } => self.magic(magic, *line),
            Step::Shell { command, line } => {
                magic::run_shell(command, &*self.frontend, &self.session.new_shell())
                    .map_err(|error| error.to_cell_error(&self.source, *line))
            }
            Step::Inspect {
                name,
                detail,
                rust,
                line,
            } => self.inspect(name, *detail, rust.as_deref(), *line),
            Step::Rust { .. } | Step::Command { .. } => Ok(()),
        }
    }

    fn magic(&mut self, magic: &Magic, line: usize) -> Result<(), CellError> {
        match magic {
            Magic::Who { types } => self.show(magic::who(&self.variables(), types)),
            Magic::Whos { types } => self.show(magic::whos(&self.variables(), types)),
            Magic::Lsmagic => self.show(magic::list()),
            Magic::Help { name: None } => self.page(magic::help()),
            Magic::Help { name: Some(name) } => return self.inspect(name, 0, None, line),
            Magic::Reset => {
                self.forgetting(|running| running.quietly(":clear"))?;
                let text = "Variables and items are forgotten; dependencies stay compiled.\n";
                self.frontend.output(Output::Text {
                    stream: Stream::Stdout,
                    text: text.to_owned(),
                });
            }
            Magic::Cache(action) => match functions::cache_magic(self.session, action) {
                Ok(shown) => {
                    self.show(shown);
                    // It has waited for what was being written.
                    self.tell_late();
                }
                Err(why) => return Err(errors::plain("CacheError", &why, &[""; 0])),
            },
            Magic::Params(action) => {
                let words = params::run(self.session, action)?;
                self.show(words);
            }
            Magic::Session(action) => {
                let words = session_map::run(self.session, action)?;
                self.show(words);
            }
            Magic::Env(action) => return self.generated(&action.source()),
            Magic::Timeit(timeit) => {
                let generated = timeit.source();
                return self.around_line(&generated.code, generated.user_line, line);
            }
            Magic::Time { code } => {
                let before = self.user_time;
                self.rust(&at_lines(&[], code, line))?;
                self.show_time(self.user_time - before);
            }
        }
        Ok(())
    }

    /// Rust of the cell, with the line numbers of the cell.
    fn rust(&mut self, code: &str) -> Result<(), CellError> {
        self.rust_with(code, None)
    }

    /// The same, of a step whose functions below directives have their wrappers.
    fn rust_with(&mut self, code: &str, step: Option<&StepFunctions>) -> Result<(), CellError> {
        let codes = step.map(|step| functions::prepare(self.session, step, CellCode::has_commands(code)));
        let format = self.session.settings().debug_format.clone();
        if let (Some(step), Some(codes)) = (step, &codes) {
            functions::warn_of_unkeyed(self.session, step, codes, &*self.frontend);
        }
        let labels = || self.session.functions().labels();
        self.labels = codes.as_ref().map_or_else(labels, Codes::labels);
        if let Some(step) = step.filter(|_| CellCode::has_commands(code)) {
            functions::warn_of_commands(step, &*self.frontend);
        }
        let written = step.map_or(code, |step| &step.original);
        let mut evaluated;
        let mut without = Vec::new();
        loop {
            let prepared = self.session.engine.prepare(code, &self.source, format.clone());
            let prepared = self.shared(prepared, &without);
            evaluated = self.evaluate(prepared, written);
            let moved = std::mem::take(&mut self.moved);
            if moved.is_empty() {
                break;
            }
            without.extend(moved);
        }
        if evaluated.is_err() {
            // What the step would have defined is not there.
            functions::set_codes(self.session, &self.session.functions().clone());
        }
        evaluated?;
        self.session.names().learn(crate::help::items_of(written));
        if let Some(codes) = codes {
            functions::commit(self.session, codes);
        }
        Ok(())
    }

    fn hooks(policy: &Policy) -> Hooks<'_> {
        Hooks {
            on_release: policy.on_release.as_deref(),
            validate: policy.validate.as_deref(),
        }
    }

    /// What the directive's functions have against the cell's variables.
    fn unfit(&self, evaluation: &Evaluation) -> Option<CellError> {
        let (Some(policy), Some(EngineError::Compile(messages))) = (&self.sharing, &evaluation.error) else {
            return None;
        };
        let unfit = sharing::unfit(messages, &Running::hooks(policy));
        let first = unfit.first()?;
        let evalue = format!(
            "`{}` does not fit the variable `{}`: {}",
            first.hook, first.variable, first.said
        );
        let help = "It is called with a reference to each variable that the cell defines. Define variables of other types in another cell, \
                    or inside of a block; nothing was run.";
        Some(errors::plain("BadDirective", &evalue, &[help]))
    }

    /// The same cell, with what it defines made into shared instances if its directive asks for that. Those `without` are
    /// no longer there at the cell's end.
    fn shared(&self, mut prepared: CellCode, without: &[String]) -> CellCode {
        if let Some(policy) = &self.sharing {
            prepared.share(&Running::hooks(policy), without);
        }
        prepared
    }

    fn moved_before_sharing(&self, evaluation: &Evaluation) -> Vec<String> {
        match &evaluation.error {
            Some(EngineError::Compile(messages)) if self.sharing.is_some() => sharing::moved_before(messages),
            _ => Vec::new(),
        }
    }

    /// Rust that a magic made; nothing of it is the user's.
    fn generated(&mut self, code: &str) -> Result<(), CellError> {
        let source = self.session.cells().add(0, true, code);
        let prepared = self.session.engine.prepare(code, &source, DebugFormat::Compact);
        self.evaluate(prepared, code)
    }

    /// Rust that a magic put around a line of the cell.
    fn around_line(&mut self, code: &str, user_line: usize, line: usize) -> Result<(), CellError> {
        let prepared = self
            .session
            .engine
            .prepare_around(code, user_line, &self.source, line);
        self.evaluate(prepared, code)
    }

    /// `code` is what the prepared code says, as its author wrote it.
    fn evaluate(&mut self, mut prepared: CellCode, code: &str) -> Result<(), CellError> {
        // evcxr's `:commands` are no Rust.
        let rust = code.strip_prefix(&prepared.commands).unwrap_or(code);
        let reading = analysis::read_cell(rust);
        prepared.only_bound = Arc::new(reading.only_bound());
        prepared.error_format = self.session.settings().error_format;
        let watched = Arc::new(Watched::new(Arc::clone(&self.frontend)));
        let mut frontend = Arc::clone(&watched) as Arc<dyn Frontend>;
        if let Some(spinner) = &self.spinner {
            frontend = Arc::new(Sorted {
                inner: frontend,
                spinner: Arc::clone(spinner),
            });
        }
        self.give_surroundings(&reading)?;
        let evaluation = self
            .session
            .engine
            .evaluate_with(&prepared, frontend, Arc::clone(&self.progress));
        hear_surroundings(self.session);
        if let Some(EngineError::Compile(messages)) = &evaluation.error {
            self.session.last_errors().set(messages);
        }
        functions::after_run(self.session, &evaluation.run, &self.labels);
        self.user_time += evaluation.run.duration;
        for refused in &evaluation.refused {
            let text = match refused {
                Refused::Variable { name, reason } => format!(
                    "The variable `{name}` came from the cache and cannot be used: {reason}. Run the cell that makes it again.\n"
                ),
                Refused::Dependencies { reason } => format!(
                    "The dependencies of earlier cells are there, but cannot be used: {}\nRun the cells with `:dep` again.\n",
                    reason.trim_end()
                ),
            };
            self.frontend.output(Output::Text {
                stream: Stream::Stderr,
                text,
            });
        }
        self.moved = self.moved_before_sharing(&evaluation);
        if !evaluation.run.changed_type.is_empty() {
            self.tell_lost(&evaluation.run.changed_type);
            // The host has not run it: nothing of it may be kept.
            if self.is_cached {
                let evalue = "the cell was not run: variables that it names are lost";
                return Err(errors::plain("VariablesLost", evalue, &["Run it again."]));
            }
        }
        let error = self
            .unfit(&evaluation)
            .or_else(|| errors::of(self.session, &evaluation, &watched.stderr()));
        // A failed cell whose snapshot took over changed nothing.
        let changed = error.is_none() || (evaluation.run.ran && !evaluation.run.restored);
        // Whoever looks after a cell with a directive enters it only when it went well.
        if changed && (!self.is_cached || error.is_some()) {
            self.session
                .caching
                .ran(&self.source.name, rust, &reading, Ran::Freely);
        }
        self.settle_surroundings(error.is_none().then_some(&reading));
        let unset = self.unset.take();
        if let Some(error) = error {
            if let Some(before) = unset {
                self.session.change_settings(before);
            }
            return Err(error);
        }
        self.seen.took += evaluation.took;
        self.seen.files.extend(evaluation.build.inputs.files);
        self.seen.env.extend(evaluation.build.inputs.env);
        let unnamed = evaluation.build.unnamed;
        self.seen.unnamed = self.seen.unnamed.take().or(unnamed);
        if let Some(timing) = evaluation.timing {
            self.frontend.output(Output::Text {
                stream: Stream::Stdout,
                text: timing,
            });
        }
        if let Some(bundle) = evaluation.result {
            self.show(bundle);
        }
        Ok(())
    }

    /// Forgets all that is known of earlier cells, where `clear` makes the engine do so.
    fn forgetting(
        &mut self,
        clear: impl FnOnce(&mut Self) -> Result<(), CellError>,
    ) -> Result<(), CellError> {
        // Their functions are called in the process that ends.
        functions::end_process(self.session);
        self.session.caching.release_all();
        clear(self)?;
        self.session.caching.forget_all();
        session_map::forget(self.session);
        *self.session.names() = crate::help::KnownNames::default();
        self.session.functions().clear();
        Ok(())
    }

    fn quietly(&mut self, command: &str) -> Result<(), CellError> {
        let prepared = CellCode::command(command);
        let evaluation = self
            .session
            .engine
            .evaluate(&prepared, Arc::new(Captured::default()));
        errors::of(self.session, &evaluation, "").map_or(Ok(()), Err)
    }

    fn tell_lost(&self, names: &[String]) {
        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        let (variables, are, them) = match names.len() {
            1 => ("variable", "is", "it"),
            _ => ("variables", "are", "them"),
        };
        let text = format!(
            "The {variables} {} {are} lost: a type was defined anew, or the process that ran cells was started again. \
             Run the cell that makes {them} again.\n",
            names.join(", ")
        );
        self.frontend.output(Output::Text {
            stream: Stream::Stderr,
            text,
        });
    }

    fn inspect(&mut self, name: &str, detail: u8, rust: Option<&str>, line: usize) -> Result<(), CellError> {
        if let Some(rust) = rust
            && help::has_question_mark(self.session, name)
        {
            return self.rust(&at_lines(&[], rust, line));
        }
        match help::inspect_name(self.session, name, detail) {
            Some(data) => {
                self.page(data);
                Ok(())
            }
            None => Err(errors::plain(
                "NameError",
                &format!("nothing is known of `{name}`"),
                &[],
            )),
        }
    }

    /// Shows help where the frontend shows it: below the cell, or in a pager.
    fn page(&mut self, data: MimeBundle) {
        self.payload
            .push(json!({"source": "page", "data": data, "start": 0}));
    }

    fn say(&self, text: String) {
        self.frontend.output(Output::Text {
            stream: Stream::Stdout,
            text,
        });
    }

    fn show(&self, data: MimeBundle) {
        self.frontend.output(Output::Result {
            data,
            metadata: MimeBundle::new(),
        });
    }

    fn show_time(&self, wall: Duration) {
        let text = magic::format_times(&magic::Times { wall, cpu: None });
        self.frontend.output(Output::Text {
            stream: Stream::Stdout,
            text,
        });
    }

    fn variables(&self) -> Vec<VariableRow> {
        let known = self.session.engine.known();
        known
            .variables
            .into_iter()
            .map(|variable| VariableRow {
                name: variable.name,
                type_name: variable.type_text,
                size: None,
            })
            .collect()
    }
}

/// What became known of earlier cells since this was asked last, and what is wrong with the store or the parameters.
pub fn late_words(session: &Session) -> Vec<String> {
    let of_store = session.store.take_warnings();
    let of_store = of_store.into_iter().map(|warning| format!("cache: {warning}"));
    let of_params = session.surroundings.params.new_problems();
    let of_params = of_params.into_iter().map(|problem| format!("params: {problem}"));
    of_store
        .chain(of_params)
        .chain(session.caching.late_words())
        .collect()
}

/// Puts pieces of a cell on the lines on which they stand there.
fn at_lines(commands: &[(usize, String)], code: &str, first_line: usize) -> String {
    let mut text = String::new();
    for (line, command) in commands {
        pad_to(&mut text, *line);
        text.push_str(command);
        text.push('\n');
    }
    if !code.is_empty() {
        pad_to(&mut text, first_line);
        text.push_str(code);
    }
    text
}

/// Adds empty lines until the next one is `line`.
fn pad_to(text: &mut String, line: usize) {
    let next = text.matches('\n').count() + 1;
    text.extend(std::iter::repeat_n('\n', line.saturating_sub(next)));
}

/// One of a request's `user_expressions`, as `text/plain` and whatever else its value has.
fn user_expression(session: &Session, expression: &str) -> Value {
    let source = session.cells().add(0, true, expression);
    let prepared = session.engine.prepare(expression, &source, DebugFormat::Compact);
    let captured = Arc::new(Captured::default());
    let evaluation = session
        .engine
        .evaluate(&prepared, Arc::clone(&captured) as Arc<dyn Frontend>);
    hear_surroundings(session);
    session.caching.ran(
        &source.name,
        expression,
        &analysis::read_cell(expression),
        Ran::Freely,
    );
    if let Some(error) = errors::of(session, &evaluation, "") {
        return json!({
            "status": "error", "ename": error.ename, "evalue": error.evalue, "traceback": error.traceback,
        });
    }
    let (data, metadata) = captured.take().unwrap_or_default();
    json!({"status": "ok", "data": data, "metadata": metadata})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_keep_their_lines() {
        let commands = [(2, ":dep a".to_owned()), (3, ":dep b".to_owned())];
        assert_eq!(
            at_lines(&commands, "let x = 1;\n", 5),
            "\n:dep a\n:dep b\n\nlet x = 1;\n"
        );
        assert_eq!(at_lines(&[], "x", 3), "\n\nx");
        assert_eq!(at_lines(&commands[..1], "", 0), "\n:dep a\n");
    }
}
