//! What a running cell shows, on its way to the iopub channel.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak, mpsc},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    interpreter::{Frontend, InputError, Output, Stream},
    wire::Message,
};

use super::Kernel;

/// Text waits so long for more of it: below what the eye notices, above what a loop of prints needs.
const FLUSH_AFTER: Duration = Duration::from_millis(40);
/// Bytes of text in one message at most.
const LONGEST_TEXT: usize = 64 * 1024;

/// The frontend of one cell. Late outputs of threads that outlive the cell still reach it.
pub struct CellFrontend {
    me: Weak<CellFrontend>,
    kernel: Arc<Kernel>,
    request: Arc<Message>,
    execution_count: u32,
    silent: bool,
    allow_stdin: bool,
    flusher: Flusher,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    text: Coalescer,
    flush_is_scheduled: bool,
    /// The plain text of the cell's result, for the history.
    result: Option<String>,
}

impl CellFrontend {
    pub fn new(
        kernel: Arc<Kernel>,
        request: Arc<Message>,
        execution_count: u32,
        silent: bool,
        flusher: Flusher,
    ) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            me: me.clone(),
            kernel,
            execution_count,
            silent,
            allow_stdin: request.flag("allow_stdin", true),
            request,
            flusher,
            state: Mutex::default(),
        })
    }

    /// Sends the text that waits for more.
    pub fn flush(&self) {
        self.flush_locked(&mut self.lock());
    }

    /// Takes the plain text of the cell's result.
    pub fn take_result(&self) -> Option<String> {
        self.lock().result.take()
    }

    fn flush_scheduled(&self) {
        let mut state = self.lock();
        state.flush_is_scheduled = false;
        self.flush_locked(&mut state);
    }

    // The lock is held while publishing: otherwise a timed flush could overtake what follows it.
    fn flush_locked(&self, state: &mut State) {
        if let Some((stream, text)) = state.text.take() {
            self.publish_text(stream, text);
        }
    }

    fn publish_text(&self, stream: Stream, text: String) {
        let name = match stream {
            Stream::Stdout => "stdout",
            Stream::Stderr => "stderr",
        };
        self.publish("stream", &json!({ "name": name, "text": text }));
    }

    fn publish(&self, msg_type: &str, content: &Value) {
        self.kernel.iopub.output(msg_type, &self.request.header, content);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Frontend for CellFrontend {
    fn output(&self, output: Output) {
        let mut state = self.lock();
        let Output::Text { stream, text } = output else {
            self.flush_locked(&mut state);
            return self.show(&mut state, output);
        };
        state
            .text
            .push(stream, &text, |stream, text| self.publish_text(stream, text));
        if !state.text.is_empty() && !state.flush_is_scheduled {
            state.flush_is_scheduled = true;
            self.flusher.schedule(self.me.clone());
        }
    }

    fn input(&self, prompt: &str, password: bool) -> Result<String, InputError> {
        if !self.allow_stdin {
            return Err(InputError::NotAllowed);
        }
        self.flush();
        self.kernel.input.ask(&self.request, prompt, password)
    }
}

impl CellFrontend {
    fn show(&self, state: &mut State, output: Output) {
        match output {
            // Handled by the caller.
            Output::Text { .. } => {}
            Output::Display {
                data,
                metadata,
                display_id,
            } => {
                let transient = match display_id {
                    Some(id) => json!({ "display_id": id }),
                    None => json!({}),
                };
                self.publish(
                    "display_data",
                    &json!({ "data": data, "metadata": metadata, "transient": transient }),
                );
            }
            Output::Update {
                data,
                metadata,
                display_id,
            } => self.publish(
                "update_display_data",
                &json!({ "data": data, "metadata": metadata, "transient": { "display_id": display_id } }),
            ),
            Output::Result { data, metadata } if !self.silent => {
                state.result = data.get("text/plain").and_then(Value::as_str).map(str::to_owned);
                self.publish(
                    "execute_result",
                    &json!({ "execution_count": self.execution_count, "data": data, "metadata": metadata }),
                );
            }
            Output::Result { .. } => {}
            Output::Clear { wait } => self.publish("clear_output", &json!({ "wait": wait })),
        }
    }
}

/// Joins pieces of text of one stream into longer ones.
#[derive(Default)]
struct Coalescer {
    waiting: Option<(Stream, String)>,
}

impl Coalescer {
    /// Adds a piece, and emits what may not wait: text of the other stream, and full messages.
    fn push(&mut self, stream: Stream, mut text: &str, mut emit: impl FnMut(Stream, String)) {
        if self.waiting.as_ref().is_some_and(|(other, _)| *other != stream)
            && let Some((other, before)) = self.take()
        {
            emit(other, before);
        }
        while !text.is_empty() {
            let (_, waiting) = self.waiting.get_or_insert_with(|| (stream, String::new()));
            let (fits, rest) = text.split_at(text.floor_char_boundary(LONGEST_TEXT - waiting.len()));
            waiting.push_str(fits);
            text = rest;
            if !text.is_empty() || waiting.len() == LONGEST_TEXT {
                emit(stream, std::mem::take(waiting));
            }
        }
        if self
            .waiting
            .as_ref()
            .is_some_and(|(_, waiting)| waiting.is_empty())
        {
            self.waiting = None;
        }
    }

    fn take(&mut self) -> Option<(Stream, String)> {
        self.waiting.take()
    }

    fn is_empty(&self) -> bool {
        self.waiting.is_none()
    }
}

/// The thread that sends text which nothing followed. A thread and not a task, because it waits for clients that
/// are behind. Clones are the same thread.
#[derive(Clone)]
pub struct Flusher {
    due: mpsc::Sender<(Instant, Weak<CellFrontend>)>,
}

impl Flusher {
    /// # Errors
    /// When the system gives no thread.
    pub fn start() -> std::io::Result<Self> {
        let (due, scheduled) = mpsc::channel::<(Instant, Weak<CellFrontend>)>();
        std::thread::Builder::new()
            .name("cellar-flush".to_owned())
            .spawn(move || {
                // All wait equally long, so they come due in the order in which they come.
                for (due, frontend) in scheduled {
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                    if let Some(frontend) = frontend.upgrade() {
                        frontend.flush_scheduled();
                    }
                }
            })?;
        Ok(Self { due })
    }

    fn schedule(&self, frontend: Weak<CellFrontend>) {
        // The thread ends only with the last sender.
        let _ = self.due.send((Instant::now() + FLUSH_AFTER, frontend));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pushed(coalescer: &mut Coalescer, stream: Stream, text: &str) -> Vec<(Stream, String)> {
        let mut emitted = Vec::new();
        coalescer.push(stream, text, |stream, text| emitted.push((stream, text)));
        emitted
    }

    #[test]
    fn pieces_join_until_the_stream_changes() {
        let mut text = Coalescer::default();
        assert!(pushed(&mut text, Stream::Stdout, "50%\r").is_empty());
        assert!(pushed(&mut text, Stream::Stdout, "51%\r").is_empty());
        assert_eq!(
            pushed(&mut text, Stream::Stderr, "!"),
            [(Stream::Stdout, "50%\r51%\r".to_owned())]
        );
        assert_eq!(text.take(), Some((Stream::Stderr, "!".to_owned())));
        assert!(text.is_empty());
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        let mut text = Coalescer::default();
        let long = format!("a{}", "ä".repeat(LONGEST_TEXT));
        let mut emitted = pushed(&mut text, Stream::Stdout, &long);
        emitted.extend(text.take());
        assert!(emitted.len() >= 3);
        assert!(
            emitted
                .iter()
                .all(|(_, part)| !part.is_empty() && part.len() <= LONGEST_TEXT)
        );
        assert_eq!(
            emitted.into_iter().map(|(_, part)| part).collect::<String>(),
            long
        );
    }

    #[test]
    fn a_full_message_does_not_wait() {
        let mut text = Coalescer::default();
        let emitted = pushed(&mut text, Stream::Stdout, &"x".repeat(LONGEST_TEXT));
        assert_eq!(emitted.len(), 1);
        assert!(text.is_empty());
    }

    #[test]
    fn an_empty_piece_is_nothing() {
        let mut text = Coalescer::default();
        assert!(pushed(&mut text, Stream::Stdout, "").is_empty());
        assert!(text.is_empty());
    }
}
