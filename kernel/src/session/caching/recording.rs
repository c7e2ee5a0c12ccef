//! What a cell shows, recorded while it is shown, and shown again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::interpreter::{Frontend, InputError, MimeBundle, Output, Stream};

/// One output as an entry keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recorded {
    Stdout(String),
    Stderr(String),
    Display {
        data: MimeBundle,
        metadata: MimeBundle,
        display_id: Option<String>,
    },
    Update {
        data: MimeBundle,
        metadata: MimeBundle,
        display_id: String,
    },
    Result {
        data: MimeBundle,
        metadata: MimeBundle,
    },
    Clear {
        wait: bool,
    },
}

/// Passes outputs on and keeps them.
pub struct Recorder {
    inner: Arc<dyn Frontend>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    outputs: Vec<Recorded>,
    asked_for_input: bool,
}

impl Recorder {
    pub fn new(inner: Arc<dyn Frontend>) -> Recorder {
        Recorder {
            inner,
            state: Mutex::default(),
        }
    }

    /// Everything that was shown, in order; text of one stream that came in pieces is one piece.
    pub fn take(&self) -> Vec<Recorded> {
        std::mem::take(&mut self.state().outputs)
    }

    /// Whether somebody was asked for input, which is nobody's recorded input.
    pub fn asked_for_input(&self) -> bool {
        self.state().asked_for_input
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Frontend for Recorder {
    fn output(&self, output: Output) {
        record(&mut self.state().outputs, &output);
        self.inner.output(output);
    }

    fn input(&self, prompt: &str, password: bool) -> Result<String, InputError> {
        self.state().asked_for_input = true;
        self.inner.input(prompt, password)
    }
}

fn record(outputs: &mut Vec<Recorded>, output: &Output) {
    let recorded = match output {
        Output::Text { stream, text } => {
            match (stream, outputs.last_mut()) {
                (Stream::Stdout, Some(Recorded::Stdout(before)))
                | (Stream::Stderr, Some(Recorded::Stderr(before))) => before.push_str(text),
                (Stream::Stdout, _) => outputs.push(Recorded::Stdout(text.clone())),
                (Stream::Stderr, _) => outputs.push(Recorded::Stderr(text.clone())),
            }
            return;
        }
        Output::Display {
            data,
            metadata,
            display_id,
        } => Recorded::Display {
            data: data.clone(),
            metadata: metadata.clone(),
            display_id: display_id.clone(),
        },
        Output::Update {
            data,
            metadata,
            display_id,
        } => Recorded::Update {
            data: data.clone(),
            metadata: metadata.clone(),
            display_id: display_id.clone(),
        },
        Output::Result { data, metadata } => Recorded::Result {
            data: data.clone(),
            metadata: metadata.clone(),
        },
        Output::Clear { wait } => Recorded::Clear { wait: *wait },
    };
    outputs.push(recorded);
}

/// Shows recorded outputs. Displays that the cell made get new ids, alike in their updates: two runs of a
/// cell must not write into each other's outputs.
pub fn replay(outputs: Vec<Recorded>, frontend: &dyn Frontend) {
    let mut ids: HashMap<String, String> = HashMap::new();
    for output in outputs {
        frontend.output(match output {
            Recorded::Stdout(text) => Output::Text {
                stream: Stream::Stdout,
                text,
            },
            Recorded::Stderr(text) => Output::Text {
                stream: Stream::Stderr,
                text,
            },
            Recorded::Display {
                data,
                metadata,
                display_id,
            } => Output::Display {
                data,
                metadata,
                display_id: display_id.map(|id| {
                    ids.entry(id)
                        .or_insert_with(|| Uuid::new_v4().simple().to_string())
                        .clone()
                }),
            },
            Recorded::Update {
                data,
                metadata,
                display_id,
            } => Output::Update {
                data,
                metadata,
                display_id: ids.get(&display_id).cloned().unwrap_or(display_id),
            },
            Recorded::Result { data, metadata } => Output::Result { data, metadata },
            Recorded::Clear { wait } => Output::Clear { wait },
        });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(Default)]
    struct Seen(Mutex<Vec<Output>>);

    impl Frontend for Seen {
        fn output(&self, output: Output) {
            self.0.lock().expect("nobody panicked").push(output);
        }

        fn input(&self, _: &str, _: bool) -> Result<String, InputError> {
            Ok("typed".to_owned())
        }
    }

    fn text(stream: Stream, text: &str) -> Output {
        Output::Text {
            stream,
            text: text.to_owned(),
        }
    }

    fn bundle(text: &str) -> MimeBundle {
        MimeBundle::from_iter([("text/plain".to_owned(), json!(text))])
    }

    #[test]
    fn what_was_shown_is_shown_again_in_its_order_with_new_ids() {
        let seen = Arc::new(Seen::default());
        let recorder = Recorder::new(Arc::clone(&seen) as Arc<dyn Frontend>);
        let shown = |content: &str, id: &str| Output::Display {
            data: bundle(content),
            metadata: MimeBundle::new(),
            display_id: Some(id.to_owned()),
        };
        let updated = |content: &str, id: &str| Output::Update {
            data: bundle(content),
            metadata: MimeBundle::new(),
            display_id: id.to_owned(),
        };
        recorder.output(text(Stream::Stdout, "a"));
        recorder.output(text(Stream::Stdout, "b"));
        recorder.output(text(Stream::Stderr, "c"));
        recorder.output(shown("0 %", "bar"));
        recorder.output(updated("100 %", "bar"));
        recorder.output(updated("of another cell", "other"));
        assert!(!recorder.asked_for_input());
        let recorded = recorder.take();
        let kept = serde_json::to_string(&recorded).expect("it is data");
        let again = Seen::default();
        replay(serde_json::from_str(&kept).expect("it was written"), &again);
        let again = again.0.into_inner().expect("nobody panicked");
        assert_eq!(again[0], text(Stream::Stdout, "ab"));
        assert_eq!(again[1], text(Stream::Stderr, "c"));
        let Output::Display {
            display_id: Some(fresh),
            ..
        } = &again[2]
        else {
            panic!("{again:?}");
        };
        assert_ne!(fresh, "bar");
        assert_eq!(again[3], updated("100 %", fresh));
        assert_eq!(again[4], updated("of another cell", "other"));
    }

    #[test]
    fn a_question_is_noticed() {
        let recorder = Recorder::new(Arc::new(Seen::default()));
        assert_eq!(recorder.input("?", false), Ok("typed".to_owned()));
        assert!(recorder.asked_for_input());
    }
}
