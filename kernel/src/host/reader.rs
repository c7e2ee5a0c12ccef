//! What the worker wrote, made into outputs for a frontend and into a report: the kernel's reading of
//! one stream of records and two pipes. It knows nothing of processes and sockets.

use std::collections::VecDeque;
use std::time::Duration;

use super::markers::{Decoder, INPUT, PASSWORD, Piece, Scanner};
use super::record::Record;
use super::rich::{display, typed_content};
use super::{Death, PanicRecord, RunReport};
use crate::interpreter::{MimeBundle, Output, Stream};

/// Where bytes come from. Each source has its own unfinished characters and markers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Rust's std in the worker.
    Ring(Stream),
    /// Anybody who writes to the real descriptor: C code, child processes.
    Pipe(Stream),
}

impl Source {
    const ALL: [Source; 4] = [
        Source::Ring(Stream::Stdout),
        Source::Ring(Stream::Stderr),
        Source::Pipe(Stream::Stdout),
        Source::Pipe(Stream::Stderr),
    ];

    fn index(self) -> usize {
        match self {
            Source::Ring(Stream::Stdout) => 0,
            Source::Ring(Stream::Stderr) => 1,
            Source::Pipe(Stream::Stdout) => 2,
            Source::Pipe(Stream::Stderr) => 3,
        }
    }

    fn stream(self) -> Stream {
        match self {
            Source::Ring(stream) | Source::Pipe(stream) => stream,
        }
    }
}

/// Bytes after which text is shown though more is at hand.
const PIECE: usize = 256 << 10;
/// Panics that are kept until it is known which of them failed the cell.
const MOST_PANICS: usize = 64;
/// Characters of an unfinished line that may become a prompt.
const LONGEST_PROMPT: usize = 1000;

/// A request for input, ready to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    pub id: u64,
    pub prompt: String,
    pub password: bool,
}

/// Makes outputs and a report.
pub struct Presenter {
    show: Box<dyn Fn(Output) + Send>,
    decoders: [Decoder; 4],
    scanners: [Scanner; 4],
    /// Bytes of one source that have not been looked at.
    raw: Vec<u8>,
    raw_source: Source,
    /// A bundle to which the next block may belong.
    bundle: MimeBundle,
    last_line: String,
    prompt: Option<(String, bool)>,
    /// Panics of the thread that runs cells, in order.
    panics: VecDeque<PanicRecord>,
    /// The cell ended by one, with a payload of this text.
    panicked: Option<Option<String>>,
    /// The worker said that it will end since the run failed; its death then says nothing.
    withdrawn: bool,
    report: RunReport,
}

impl Presenter {
    /// Outputs go to `show`.
    pub fn new(show: impl Fn(Output) + Send + 'static) -> Presenter {
        Presenter {
            show: Box::new(show),
            decoders: Default::default(),
            scanners: Default::default(),
            raw: Vec::new(),
            raw_source: Source::Ring(Stream::Stdout),
            bundle: MimeBundle::new(),
            last_line: String::new(),
            prompt: None,
            panics: VecDeque::new(),
            panicked: None,
            withdrawn: false,
            report: RunReport::default(),
        }
    }

    /// Bytes of a stream.
    pub fn bytes(&mut self, source: Source, bytes: &[u8]) {
        if source != self.raw_source {
            self.settle();
            self.raw_source = source;
        }
        self.raw.extend_from_slice(bytes);
        if self.raw.len() >= PIECE {
            self.settle();
        }
    }

    /// Shows all that can be shown; to be called when no more is at hand.
    pub fn settle(&mut self) {
        if self.raw.is_empty() {
            return;
        }
        let source = self.raw_source;
        let text = self.decoders[source.index()].decode(&self.raw);
        self.raw.clear();
        self.text(source, &text);
    }

    fn text(&mut self, source: Source, text: &str) {
        let mut pieces = Vec::new();
        match source.stream() {
            Stream::Stdout => self.scanners[source.index()].add(text, &mut pieces),
            Stream::Stderr if text.is_empty() => {}
            Stream::Stderr => pieces.push(Piece::Text(text.to_owned())),
        }
        self.pieces(source, pieces);
    }

    fn pieces(&mut self, source: Source, pieces: Vec<Piece>) {
        for piece in pieces {
            match piece {
                Piece::Text(text) => self.show_text(source.stream(), text),
                Piece::Prompt { prompt, password } => self.prompt = Some((prompt, password)),
                Piece::Content { mime, content } => {
                    if self.bundle.contains_key(&mime) {
                        self.show_bundle();
                    }
                    let content = typed_content(&mime, content);
                    self.bundle.insert(mime, content);
                }
            }
        }
    }

    /// A line that asks for input, and after which nothing was read, is text.
    fn show_unused_prompt(&mut self) {
        if let Some((prompt, password)) = self.prompt.take() {
            let marker = if password { PASSWORD } else { INPUT };
            self.show_text(Stream::Stdout, format!("{marker}{prompt}\n"));
        }
    }

    fn show_text(&mut self, stream: Stream, text: String) {
        self.show_unused_prompt();
        self.show_bundle();
        if stream == Stream::Stdout {
            match text.rfind('\n') {
                Some(end) => self.last_line = text[end + 1..].to_owned(),
                None => self.last_line.push_str(&text),
            }
            if self.last_line.len() > 4 * LONGEST_PROMPT {
                self.last_line.clear();
            }
        }
        (self.show)(Output::Text { stream, text });
    }

    fn show_bundle(&mut self) {
        if !self.bundle.is_empty() {
            let data = std::mem::take(&mut self.bundle);
            (self.show)(Output::Display {
                data,
                metadata: MimeBundle::new(),
                display_id: None,
            });
        }
    }

    /// Whether something waits for what may follow; [`Presenter::release`] shows it.
    pub fn holds(&self) -> bool {
        !self.bundle.is_empty() || self.scanners.iter().any(Scanner::holds)
    }

    /// Nothing followed for a while: shows what was held back.
    pub fn release(&mut self) {
        self.settle();
        for source in Source::ALL {
            let mut pieces = Vec::new();
            self.scanners[source.index()].release(&mut pieces);
            self.pieces(source, pieces);
        }
        self.show_bundle();
    }

    /// A record that is neither text nor the end of the run. A request for input comes back.
    pub fn record(&mut self, record: Record) -> Option<Question> {
        self.settle();
        match record {
            Record::Display {
                kind,
                display_id,
                entries,
            } => {
                self.show_bundle();
                (self.show)(display(kind, display_id, entries));
            }
            Record::Clear { wait } => {
                self.show_bundle();
                (self.show)(Output::Clear { wait });
            }
            Record::Panic { record, main: false } => self.show_panic(&record),
            Record::Panic { record, main: true } => {
                self.panics.push_back(record);
                if self.panics.len() > MOST_PANICS
                    && let Some(caught) = self.panics.pop_front()
                {
                    self.show_panic(&caught);
                }
            }
            Record::Panicked(said) => self.panicked = Some(said),
            Record::ReturnedError(error) => self.report.returned_error = Some(error),
            Record::ChangedType(name) => {
                if !self.report.changed_type.contains(&name) {
                    self.report.changed_type.push(name);
                }
            }
            Record::Started { unprotected } => {
                self.report.ran = true;
                self.report.unprotected = unprotected;
            }
            Record::Withdrawn { nanoseconds } => {
                self.withdrawn = true;
                self.report.duration = Duration::from_nanos(nanoseconds);
            }
            Record::Failed(message) => self.report.load_error = Some(message),
            Record::Input { id, prompt, password } => {
                let asked = self.prompt.take();
                self.release();
                let asked = self.prompt.take().or(asked);
                let (prompt, password) = match (prompt, asked) {
                    (Some(prompt), _) => (prompt, password),
                    (None, Some(asked)) => asked,
                    (None, None) => (self.unfinished_line(), password),
                };
                // The answer ends the line.
                self.last_line.clear();
                return Some(Question { id, prompt, password });
            }
            Record::Sync { .. } | Record::Done { .. } | Record::Answer(_) | Record::Told(_) => {}
        }
        None
    }

    /// The last line of standard output as a terminal would show it.
    fn unfinished_line(&self) -> String {
        let line = self.last_line.rsplit('\r').next().unwrap_or_default();
        line.chars().take(LONGEST_PROMPT).collect()
    }

    /// Tells of a panic that did not end the cell, unless a hook of the user's has.
    fn show_panic(&mut self, panic: &PanicRecord) {
        if panic.is_told {
            return;
        }
        let PanicRecord {
            message,
            file,
            line,
            column,
            thread,
            ..
        } = panic;
        let thread = if thread.is_empty() { "main" } else { thread };
        let text = format!("thread '{thread}' panicked at {file}:{line}:{column}:\n{message}\n");
        self.show_text(Stream::Stderr, text);
    }

    /// A new run begins; what threads of earlier cells wrote was shown.
    pub fn begin(&mut self) {
        self.release();
        self.show_unused_prompt();
        self.last_line.clear();
        self.report = RunReport::default();
    }

    /// The panic that ended the cell with a payload of this text. `resume_unwind` calls no hook, and one that the cell
    /// itself has set tells us nothing; then there is only the text.
    fn failing_panic(&mut self, said: Option<String>) -> PanicRecord {
        let seen = match &said {
            Some(said) => self.panics.iter().rposition(|panic| panic.message == *said),
            None => self.panics.len().checked_sub(1),
        };
        seen.and_then(|at| self.panics.remove(at))
            .unwrap_or_else(|| PanicRecord {
                message: said.unwrap_or_else(|| "the cell panicked without saying why".to_owned()),
                ..PanicRecord::default()
            })
    }

    /// The run is over: shows all that is left and gives the report.
    pub fn finish(&mut self, death: Option<Death>) -> RunReport {
        self.settle();
        for source in Source::ALL {
            let rest = self.decoders[source.index()].finish();
            self.text(source, rest);
            let mut pieces = Vec::new();
            self.scanners[source.index()].finish(&mut pieces);
            self.pieces(source, pieces);
        }
        self.show_unused_prompt();
        self.show_bundle();
        let death = if std::mem::take(&mut self.withdrawn) {
            None
        } else {
            death
        };
        let aborted = death == Some(Death::Signal(libc::SIGABRT));
        let failed = if let Some(said) = self.panicked.take() {
            Some(self.failing_panic(said))
        } else if aborted {
            // A later one is only "panic in a function that cannot unwind".
            self.panics.pop_front()
        } else {
            None
        };
        for caught in std::mem::take(&mut self.panics) {
            self.show_panic(&caught);
        }
        let mut report = std::mem::take(&mut self.report);
        report.panic = failed;
        report.death = death;
        report
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::{Value, json};

    use super::*;

    const OUT: Source = Source::Ring(Stream::Stdout);
    const ERR: Source = Source::Ring(Stream::Stderr);

    fn presenter() -> (Presenter, Arc<Mutex<Vec<Output>>>) {
        let outputs = Arc::new(Mutex::new(Vec::new()));
        let shown = Arc::clone(&outputs);
        (
            Presenter::new(move |output| shown.lock().unwrap().push(output)),
            outputs,
        )
    }

    fn text(stream: Stream, text: &str) -> Output {
        Output::Text {
            stream,
            text: text.into(),
        }
    }

    fn shown(data: Value) -> Output {
        let Value::Object(data) = data else {
            panic!("an object")
        };
        Output::Display {
            data,
            metadata: MimeBundle::new(),
            display_id: None,
        }
    }

    fn panic(message: &str, main: bool) -> Record {
        let thread = if main { String::new() } else { "worker".into() };
        let (file, line, column) = ("src/lib.rs".into(), 3, 5);
        Record::Panic {
            record: PanicRecord {
                message: message.into(),
                file,
                line,
                column,
                thread,
                is_told: false,
            },
            main,
        }
    }

    #[test]
    fn neighbours_of_different_types_are_one_display() {
        let (mut presenter, outputs) = presenter();
        presenter.bytes(OUT, b"EVCXR_BEGIN_CONTENT text/html\n<b>\nEVCXR_END_CONTENT\n");
        presenter.bytes(
            OUT,
            b"EVCXR_BEGIN_CONTENT application/json\n{\"a\":1}\nEVCXR_END_CONTENT\n",
        );
        presenter.bytes(OUT, b"EVCXR_BEGIN_CONTENT text/html\n<i>\nEVCXR_END_CONTENT\n");
        presenter.bytes(OUT, b"between");
        presenter.bytes(OUT, b"EVCXR_BEGIN_CONTENT text/plain\ni\nEVCXR_END_CONTENT\n");
        presenter.settle();
        assert!(presenter.holds());
        presenter.finish(None);
        assert_eq!(
            *outputs.lock().unwrap(),
            [
                shown(json!({"text/html": "<b>", "application/json": {"a": 1}})),
                shown(json!({"text/html": "<i>"})),
                text(Stream::Stdout, "between"),
                shown(json!({"text/plain": "i"})),
            ]
        );
    }

    #[test]
    fn text_comes_in_order_and_in_large_pieces() {
        let (mut presenter, outputs) = presenter();
        for (source, bytes) in [
            (OUT, "a"),
            (OUT, "b\n"),
            (ERR, "c"),
            (Source::Pipe(Stream::Stdout), "d"),
        ] {
            presenter.bytes(source, bytes.as_bytes());
        }
        presenter.settle();
        assert_eq!(
            *outputs.lock().unwrap(),
            [
                text(Stream::Stdout, "ab\n"),
                text(Stream::Stderr, "c"),
                text(Stream::Stdout, "d")
            ]
        );
    }

    #[test]
    fn the_payload_tells_which_panic_ended_the_cell() {
        let (mut presenter, outputs) = presenter();
        let ended_with = |presenter: &mut Presenter, said: &str| {
            presenter.record(Record::Panicked(Some(said.into())));
            presenter
                .finish(None)
                .panic
                .map(|panic| (panic.message, panic.line))
        };
        presenter.record(panic("first", true));
        presenter.record(panic("second", true));
        assert_eq!(ended_with(&mut presenter, "first"), Some(("first".into(), 3)));
        presenter.record(panic("caught", true));
        assert_eq!(ended_with(&mut presenter, "unseen"), Some(("unseen".into(), 0)));
        let shown = |message| {
            text(
                Stream::Stderr,
                &format!("thread 'main' panicked at src/lib.rs:3:5:\n{message}\n"),
            )
        };
        assert_eq!(*outputs.lock().unwrap(), [shown("second"), shown("caught")]);
    }

    #[test]
    fn what_the_users_hook_tells_is_told_once() {
        let (mut presenter, outputs) = presenter();
        for main in [true, false] {
            if let Record::Panic { mut record, main } = panic("caught", main) {
                record.is_told = true;
                presenter.record(Record::Panic { record, main });
            }
        }
        assert_eq!(presenter.finish(None).panic, None);
        assert!(outputs.lock().unwrap().is_empty());
    }

    #[test]
    fn the_panic_that_ends_the_cell_is_reported_and_others_are_shown() {
        let (mut presenter, outputs) = presenter();
        presenter.begin();
        presenter.record(panic("caught", true));
        presenter.record(panic("elsewhere", false));
        presenter.record(panic("fatal", true));
        presenter.record(Record::Panicked(None));
        let report = presenter.finish(None);
        assert_eq!(report.panic.unwrap().message, "fatal");
        assert_eq!(
            *outputs.lock().unwrap(),
            [
                text(
                    Stream::Stderr,
                    "thread 'worker' panicked at src/lib.rs:3:5:\nelsewhere\n"
                ),
                text(
                    Stream::Stderr,
                    "thread 'main' panicked at src/lib.rs:3:5:\ncaught\n"
                ),
            ]
        );
    }

    #[test]
    fn the_first_panic_explains_an_abort() {
        let (mut presenter, _) = presenter();
        presenter.record(panic("the cause", true));
        presenter.record(panic("panic in a function that cannot unwind", true));
        let report = presenter.finish(Some(Death::Signal(libc::SIGABRT)));
        assert_eq!(report.panic.unwrap().message, "the cause");
        presenter.record(panic("caught", true));
        assert_eq!(presenter.finish(Some(Death::Exit(1))).panic, None);
    }

    #[test]
    fn a_prompt_is_what_stands_in_the_last_line() {
        let (mut presenter, _) = presenter();
        let ask = |prompt: Option<&str>| Record::Input {
            id: 1,
            prompt: prompt.map(Into::into),
            password: false,
        };
        presenter.bytes(OUT, b"hello\nName: ");
        assert_eq!(presenter.record(ask(None)).unwrap().prompt, "Name: ");
        presenter.bytes(OUT, b"Town: ");
        assert_eq!(presenter.record(ask(None)).unwrap().prompt, "Town: ");
        assert_eq!(presenter.record(ask(Some("own"))).unwrap().prompt, "own");
        presenter.bytes(OUT, b"EVCXR_INPUT_REQUEST_PASSWORD:Secret\n");
        let question = presenter.record(ask(None)).unwrap();
        assert_eq!((question.prompt.as_str(), question.password), ("Secret", true));
    }
}
