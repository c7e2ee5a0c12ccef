//! What `show_spinner` shows while a cell or a function computes, and how it leaves no trace.
//!
//! Unlike in Streamlit nothing is shown unless the directive asks for it: a notebook marks a cell that runs (`[*]`) already, and a
//! cell's outputs are its own, saved and shown again. A display can be changed but not be taken away, so what was shown is taken away with
//! all outputs of the cell (`clear_output`), and the cell's own are shown once more: a saved notebook has those alone.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::interpreter::{Frontend, InputError, MimeBundle, Output};

/// What is over by then is not shown (as in Streamlit).
const DELAY: Duration = Duration::from_millis(500);
const STEP: Duration = Duration::from_millis(100);
/// The type of a display by which the runtime tells of a function that computes (`runtime/src/private/memo/spinner.rs`).
const MIME: &str = "application/vnd.cellar.spinner";

/// The outputs of a cell, and what is shown of its computations meanwhile.
pub struct Spinner {
    inner: Arc<dyn Frontend>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The cell's own.
    outputs: Vec<Output>,
    /// What computes: since when, and the text. The latest is shown.
    open: BTreeMap<String, (Instant, String)>,
    shown: Option<Shown>,
    is_watched: bool,
    is_over: bool,
}

struct Shown {
    display_id: String,
    text: String,
}

impl Spinner {
    pub fn new(inner: Arc<dyn Frontend>) -> Arc<Spinner> {
        Arc::new(Spinner {
            inner,
            state: Mutex::default(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something computes from now on.
    pub fn begin(self: &Arc<Spinner>, id: &str, text: &str) {
        let mut state = self.state();
        state
            .open
            .insert(id.to_owned(), (Instant::now(), text.to_owned()));
        if std::mem::replace(&mut state.is_watched, true) {
            return;
        }
        drop(state);
        let me = Arc::downgrade(self);
        // Without a thread nothing is shown.
        let _ = std::thread::Builder::new()
            .name("spinner".to_owned())
            .spawn(move || Spinner::watch(&me));
    }

    /// It is over.
    pub fn end(&self, id: &str) {
        let mut state = self.state();
        state.open.remove(id);
        self.update(&mut state);
    }

    fn watch(me: &Weak<Spinner>) {
        loop {
            std::thread::sleep(STEP);
            let Some(me) = me.upgrade() else { return };
            let mut state = me.state();
            if state.is_over {
                return;
            }
            me.update(&mut state);
        }
    }

    /// Shows what computes for long.
    fn update(&self, state: &mut State) {
        if state.is_over {
            return;
        }
        let longest = state.open.values().max_by_key(|(since, _)| *since);
        let longest = longest.filter(|(since, _)| since.elapsed() >= DELAY || state.shown.is_some());
        let text = longest.map_or("", |(_, text)| text);
        match &state.shown {
            Some(shown) if shown.text == text => {}
            Some(shown) => {
                self.inner.output(Output::Update {
                    data: bundle(text),
                    metadata: MimeBundle::new(),
                    display_id: shown.display_id.clone(),
                });
                state.shown = Some(Shown {
                    display_id: shown.display_id.clone(),
                    text: text.to_owned(),
                });
            }
            None if text.is_empty() => {}
            None => {
                let display_id = Uuid::new_v4().simple().to_string();
                self.inner.output(Output::Display {
                    data: bundle(text),
                    metadata: MimeBundle::new(),
                    display_id: Some(display_id.clone()),
                });
                state.shown = Some(Shown {
                    display_id,
                    text: text.to_owned(),
                });
            }
        }
    }

    /// The cell has ended: only its own outputs stay.
    pub fn finish(&self) {
        let mut state = self.state();
        state.is_over = true;
        if state.shown.take().is_none() {
            return;
        }
        let outputs = std::mem::take(&mut state.outputs);
        self.inner.output(Output::Clear {
            wait: !outputs.is_empty(),
        });
        outputs.into_iter().for_each(|output| self.inner.output(output));
    }
}

impl Frontend for Spinner {
    fn output(&self, output: Output) {
        let mut state = self.state();
        match (&output, state.outputs.last_mut()) {
            (
                Output::Text { stream, text },
                Some(Output::Text {
                    stream: before,
                    text: all,
                }),
            ) if stream == before => all.push_str(text),
            _ => state.outputs.push(output.clone()),
        }
        self.inner.output(output);
    }

    fn input(&self, prompt: &str, password: bool) -> Result<String, InputError> {
        self.inner.input(prompt, password)
    }
}

fn bundle(text: &str) -> MimeBundle {
    MimeBundle::from_iter([("text/plain".to_owned(), text.into())])
}

/// Passes on what is an output of the cell, and tells the spinner of the rest.
pub struct Sorted {
    pub inner: Arc<dyn Frontend>,
    pub spinner: Arc<Spinner>,
}

impl Frontend for Sorted {
    fn output(&self, output: Output) {
        match &output {
            Output::Display {
                data,
                display_id: Some(id),
                ..
            } if data.contains_key(MIME) => {
                let text = data[MIME].as_str().unwrap_or_default();
                self.spinner.begin(id, text);
            }
            Output::Update { data, display_id, .. } if data.contains_key(MIME) => {
                self.spinner.end(display_id);
            }
            _ => self.inner.output(output),
        }
    }

    fn input(&self, prompt: &str, password: bool) -> Result<String, InputError> {
        self.inner.input(prompt, password)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interpreter::Stream;

    #[derive(Default)]
    struct Seen(Mutex<Vec<Output>>);

    impl Frontend for Seen {
        fn output(&self, output: Output) {
            self.0.lock().unwrap().push(output);
        }

        fn input(&self, _: &str, _: bool) -> Result<String, InputError> {
            Err(InputError::NotAllowed)
        }
    }

    fn text(text: &str) -> Output {
        Output::Text {
            stream: Stream::Stdout,
            text: text.to_owned(),
        }
    }

    #[test]
    fn what_was_shown_is_taken_away_and_the_cells_own_outputs_stay() {
        let seen = Arc::new(Seen::default());
        let spinner = Spinner::new(Arc::clone(&seen) as Arc<dyn Frontend>);
        spinner.output(text("a"));
        spinner.begin("1", "Loading");
        std::thread::sleep(DELAY + 3 * STEP);
        spinner.output(text("b"));
        spinner.end("1");
        spinner.finish();
        let seen = seen.0.lock().unwrap();
        assert_eq!(seen[0], text("a"));
        assert!(
            matches!(&seen[1], Output::Display { data, .. } if data["text/plain"] == "Loading"),
            "{seen:?}"
        );
        assert_eq!(seen[2], text("b"));
        assert!(matches!(&seen[3], Output::Update { data, .. } if data["text/plain"] == ""));
        assert_eq!(seen[4..], [Output::Clear { wait: true }, text("ab")]);
    }

    #[test]
    fn nothing_is_shown_of_what_is_over_in_a_moment() {
        let seen = Arc::new(Seen::default());
        let spinner = Spinner::new(Arc::clone(&seen) as Arc<dyn Frontend>);
        spinner.begin("1", "Loading");
        spinner.end("1");
        std::thread::sleep(DELAY + 3 * STEP);
        spinner.finish();
        assert!(seen.0.lock().unwrap().is_empty());
    }
}
