//! Stories of runs, with an interpreter that knows a few words.

use std::sync::{Condvar, Mutex};

use serde_json::{Value, json};

use super::executor::{Event, Screen};
use super::notebook::{CodeCell, NotebookError};
use super::signals::Signal;
use super::*;
use crate::interpreter::{
    CellError, Completeness, Completions, ExecuteOutcome, ExecuteRequest, Frontend, MimeBundle, Output,
    Stream,
};

/// Runs cells that consist of commands, one a line: `say TEXT`, `warn TEXT`, `value TEXT`,
/// `show ID TEXT`, `update ID TEXT`, `clear`, `fail`, `sleep` (until interrupted), `deaf` (for ever),
/// `panic`, `wait` (until interrupted, then ends well).
#[derive(Default)]
struct Fake {
    interrupted: Mutex<bool>,
    changed: Condvar,
    ran: Mutex<Vec<String>>,
}

impl Fake {
    fn wait_for_interrupt(&self) {
        let interrupted = self.interrupted.lock().unwrap();
        *self
            .changed
            .wait_while(interrupted, |interrupted| !*interrupted)
            .unwrap() = false;
    }
}

fn bundle(text: &str) -> MimeBundle {
    MimeBundle::from_iter([("text/plain".to_owned(), json!(text))])
}

fn error(ename: &str) -> ExecuteOutcome {
    let error = CellError {
        ename: ename.into(),
        evalue: "as told".into(),
        traceback: vec!["\x1b[31mas told".into()],
    };
    ExecuteOutcome {
        error: Some(error),
        ..ExecuteOutcome::default()
    }
}

impl Interpreter for Fake {
    fn execute(&self, request: ExecuteRequest, frontend: Arc<dyn Frontend>) -> ExecuteOutcome {
        self.ran.lock().unwrap().push(request.code.clone());
        for line in request.code.lines() {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            let (id, content) = rest.split_once(' ').unwrap_or((rest, ""));
            let metadata = MimeBundle::new();
            match word {
                "say" => frontend.output(Output::Text {
                    stream: Stream::Stdout,
                    text: format!("{rest}\n"),
                }),
                "warn" => frontend.output(Output::Text {
                    stream: Stream::Stderr,
                    text: format!("{rest}\n"),
                }),
                "value" => frontend.output(Output::Result {
                    data: bundle(rest),
                    metadata,
                }),
                "show" => frontend.output(Output::Display {
                    data: bundle(content),
                    metadata,
                    display_id: Some(id.to_owned()),
                }),
                "update" => {
                    let display_id = id.to_owned();
                    frontend.output(Output::Update {
                        data: bundle(content),
                        metadata,
                        display_id,
                    });
                }
                "clear" => frontend.output(Output::Clear { wait: false }),
                "fail" => return error("panic"),
                "sleep" => {
                    self.wait_for_interrupt();
                    return error("Interrupted");
                }
                "wait" => self.wait_for_interrupt(),
                "deaf" => loop {
                    std::thread::park();
                },
                "panic" => panic!("the fake was told to panic"),
                other => panic!("the fake does not know {other}"),
            }
        }
        ExecuteOutcome::default()
    }

    fn interrupt(&self) {
        *self.interrupted.lock().unwrap() = true;
        self.changed.notify_all();
    }

    fn complete(&self, _: &str, _: usize) -> Completions {
        Completions::default()
    }

    fn inspect(&self, _: &str, _: usize, _: u8) -> Option<MimeBundle> {
        None
    }

    fn is_complete(&self, _: &str) -> Completeness {
        Completeness::Complete
    }

    fn shutdown(&self) {}
}

/// Sends the signals that a test wants as soon as a cell starts.
struct OnStart {
    signals: Mutex<Vec<Signal>>,
    events: mpsc::Sender<Event>,
}

impl Screen for OnStart {
    fn started(&self, _: &CodeCell, _: usize) {
        for signal in self.signals.lock().unwrap().drain(..) {
            self.events.send(Event::Signal(signal)).unwrap();
        }
    }

    fn ended(&self, _: &CodeCell, _: usize, _: Duration, _: &[Value], _: bool) {}
}

fn code(source: &str, tags: &[&str]) -> Value {
    json!({"cell_type": "code", "id": format!("c{}", source.len()), "metadata": {"tags": tags}, "source": source,
           "execution_count": 9, "outputs": [{"output_type": "stream", "name": "stdout", "text": "old\n"}]})
}

fn notebook(cells: Vec<Value>) -> Value {
    json!({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells})
}

/// A run and all that is left of it.
struct Story {
    ending: Ending,
    written: Value,
    ran: Vec<String>,
}

fn story(cells: Vec<Value>, limits: Limits, signals: Vec<Signal>) -> Story {
    let mut notebook = Notebook::parse(notebook(cells).to_string().as_bytes()).unwrap();
    let fake = Arc::new(Fake::default());
    let events = mpsc::channel();
    let screen = OnStart {
        signals: Mutex::new(signals),
        events: events.0.clone(),
    };
    let executor = Executor {
        interpreter: Arc::clone(&fake) as Arc<dyn Interpreter>,
        limits,
        keyboard: Arc::new(input::Keyboard::new(indicatif::ProgressBar::hidden())),
        screen: &screen,
        events,
    };
    let ending = executor.run(&mut notebook);
    notebook.set_language(crate::language::info());
    let bytes = notebook.to_bytes();
    valid(&bytes);
    let ran = fake.ran.lock().unwrap().clone();
    Story {
        ending,
        written: serde_json::from_slice(&bytes).unwrap(),
        ran,
    }
}

/// What was written is a notebook of format 4.5 to a crate that takes it strictly.
fn valid(bytes: &[u8]) {
    let text = std::str::from_utf8(bytes).unwrap();
    let parsed = nbformat::parse_notebook(text).unwrap();
    assert!(matches!(parsed, nbformat::Notebook::V4(_)), "{text}");
}

fn plainly(cells: Vec<Value>) -> Story {
    story(cells, Limits::default(), Vec::new())
}

impl Story {
    fn outputs(&self, cell: usize) -> &Value {
        &self.written["cells"][cell]["outputs"]
    }
}

#[test]
fn outputs_are_stored_where_they_belong() {
    let story = plainly(vec![
        json!({"cell_type": "markdown", "id": "m", "metadata": {}, "source": "# Title"}),
        code("say a\nsay b\nwarn c\nvalue 42", &[]),
        code("show x one", &[]),
        code("update x two", &[]),
    ]);
    assert_eq!(story.ending, Ending::Done { failed: 0 });
    assert_eq!(
        *story.outputs(1),
        json!([
            {"output_type": "stream", "name": "stdout", "text": ["a\n", "b\n"]},
            {"output_type": "stream", "name": "stderr", "text": ["c\n"]},
            {"output_type": "execute_result", "execution_count": 1, "metadata": {}, "data": {"text/plain": ["42"]}},
        ])
    );
    assert_eq!(story.outputs(2)[0]["data"]["text/plain"], json!(["two"]));
    assert_eq!(*story.outputs(3), json!([]));
    let counts: Vec<_> = (1..4)
        .map(|cell| story.written["cells"][cell]["execution_count"].clone())
        .collect();
    assert_eq!(counts, [1, 2, 3]);
    let times = story.written["cells"][1]["metadata"]["execution"]
        .as_object()
        .unwrap();
    let keys: Vec<_> = times.keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "iopub.execute_input",
            "iopub.status.busy",
            "iopub.status.idle",
            "shell.execute_reply"
        ]
    );
    assert_eq!(story.written["metadata"]["kernelspec"]["name"], "cellar");
    assert_eq!(
        story.written["metadata"]["language_info"],
        crate::language::info()
    );
}

#[test]
fn a_failing_cell_ends_the_run_and_what_ran_is_kept() {
    let story = plainly(vec![
        code("say a", &[]),
        code("say b\nfail", &[]),
        code("say never", &[]),
    ]);
    let Ending::Failed { cell, error } = &story.ending else {
        panic!("{:?}", story.ending)
    };
    assert_eq!((cell.index, error.ename.as_str()), (1, "panic"));
    assert_eq!(story.outputs(0)[0]["text"], json!(["a\n"]));
    assert_eq!(story.outputs(1)[1]["output_type"], "error");
    // What an earlier run left in the third cell would be a lie.
    assert_eq!(*story.outputs(2), json!([]));
    assert_eq!(story.written["cells"][2]["execution_count"], Value::Null);
    assert_eq!(story.ran.len(), 2);
}

#[test]
fn errors_can_be_allowed_for_all_cells_or_one() {
    let all = Limits {
        allow_errors: true,
        ..Limits::default()
    };
    let everywhere = story(vec![code("fail", &[]), code("say b", &[])], all, Vec::new());
    assert_eq!(everywhere.ending, Ending::Done { failed: 1 });
    let tagged = plainly(vec![code("fail", &["raises-exception"]), code("say b", &[])]);
    assert_eq!(tagged.ending, Ending::Done { failed: 1 });
    assert_eq!(tagged.outputs(1)[0]["text"], json!(["b\n"]));
}

#[test]
fn skipped_and_empty_cells_are_left_alone() {
    let story = plainly(vec![
        code("fail", &["skip-execution"]),
        code("  \n", &[]),
        code("say a", &[]),
    ]);
    assert_eq!(story.ran, ["say a"]);
    assert_eq!(story.outputs(0)[0]["text"], json!(["old\n"]));
    assert_eq!(story.written["cells"][2]["execution_count"], 1);
}

#[test]
fn a_cell_that_takes_too_long_is_interrupted_and_named() {
    let limits = Limits {
        cell: Some(Duration::from_millis(20)),
        ..Limits::default()
    };
    let tagged = code("say a\nsleep", &["raises-exception"]);
    let story = story(vec![tagged, code("say b", &[])], limits, Vec::new());
    let Ending::Failed { cell, error } = &story.ending else {
        panic!("{:?}", story.ending)
    };
    assert_eq!((cell.index, error.ename.as_str()), (0, "Timeout"));
    assert!(
        error.evalue.contains("0.02 s") && error.evalue.contains("--cell-timeout"),
        "{error:?}"
    );
    assert_eq!(story.outputs(0)[0]["text"], json!(["a\n"]));
    assert_eq!(story.outputs(0)[1]["ename"], "Timeout");
}

#[test]
fn with_errors_allowed_a_run_goes_on_after_a_cell_timeout() {
    let limits = Limits {
        cell: Some(Duration::from_millis(200)),
        allow_errors: true,
        ..Limits::default()
    };
    let story = story(vec![code("sleep", &[]), code("say b", &[])], limits, Vec::new());
    assert_eq!(story.ending, Ending::Done { failed: 1 });
    assert_eq!(story.outputs(1)[0]["text"], json!(["b\n"]));
}

#[test]
fn a_cell_that_was_done_when_it_was_interrupted_has_not_failed() {
    let limits = Limits {
        cell: Some(Duration::from_millis(20)),
        ..Limits::default()
    };
    let story = story(vec![code("wait\nsay a", &[])], limits, Vec::new());
    assert_eq!(story.ending, Ending::Done { failed: 0 });
}

#[test]
fn the_whole_run_can_take_too_long() {
    let limits = Limits {
        run: Some(Duration::from_millis(20)),
        allow_errors: true,
        ..Limits::default()
    };
    let story = story(vec![code("sleep", &[]), code("say b", &[])], limits, Vec::new());
    assert!(
        matches!(story.ending, Ending::TimedOut { .. }),
        "{:?}",
        story.ending
    );
    assert_eq!(story.outputs(0)[0]["ename"], "Timeout");
    assert_eq!(*story.outputs(1), json!([]));
}

#[test]
fn a_signal_interrupts_the_cell_and_ends_the_run() {
    for signal in [Signal::INTERRUPT, Signal(15)] {
        let limits = Limits {
            allow_errors: true,
            ..Limits::default()
        };
        let story = story(
            vec![code("say a\nsleep", &[]), code("say b", &[])],
            limits,
            vec![signal],
        );
        assert_eq!(story.ending, Ending::Stopped(signal));
        assert_eq!(story.outputs(0)[1]["ename"], "Interrupted");
        assert_eq!(story.ran.len(), 1);
    }
    assert_eq!(
        (Signal::INTERRUPT.exit_status(), Signal(15).exit_status()),
        (130, 143)
    );
}

#[test]
fn a_second_signal_does_not_wait_for_the_cell() {
    let story = story(
        vec![code("deaf", &[])],
        Limits::default(),
        vec![Signal::INTERRUPT; 2],
    );
    assert_eq!(story.ending, Ending::Stopped(Signal::INTERRUPT));
    assert_eq!(story.outputs(0)[0]["output_type"], "error");
}

#[test]
fn a_panic_of_the_kernel_ends_the_run_even_where_errors_are_allowed() {
    let limits = Limits {
        allow_errors: true,
        ..Limits::default()
    };
    let story = story(
        vec![code("say a\npanic", &[]), code("say b", &[])],
        limits,
        Vec::new(),
    );
    assert!(
        matches!(story.ending, Ending::Failed { .. }),
        "{:?}",
        story.ending
    );
    assert_eq!(story.outputs(0)[0]["text"], json!(["a\n"]));
}

#[test]
fn everything_unknown_survives() {
    let mut cell = code("say a", &["mine"]);
    cell["metadata"]["cellar"] = json!({"z": 1, "a": [1.5, null]});
    cell["unknown"] = json!("kept");
    let mut all = notebook(vec![
        cell,
        json!({"cell_type": "raw", "id": "r", "metadata": {"format": "rst"}, "source": ["a\n", "b"],
               "attachments": {"x.png": {"image/png": "QUJD"}}}),
    ]);
    all["metadata"]["cellar"] = json!({"params": {"city": "Paris"}});
    all["top"] = json!(1);
    let parsed = Notebook::parse(all.to_string().as_bytes()).unwrap();
    let written: Value = serde_json::from_slice(&parsed.to_bytes()).unwrap();
    let mut expected = all;
    expected["cells"][0]["source"] = json!(["say a"]);
    expected["cells"][0]["outputs"][0]["text"] = json!(["old\n"]);
    assert_eq!(written, expected);
    let again = Notebook::parse(&parsed.to_bytes()).unwrap();
    assert_eq!(again.to_bytes(), parsed.to_bytes());
}

#[test]
fn older_notebooks_of_format_4_get_what_4_5_asks_for() {
    let old = json!({"nbformat": 4, "nbformat_minor": 2, "metadata": {"orig_nbformat": 3}, "cells": [
        {"cell_type": "code", "source": ["say a"]},
        {"cell_type": "code", "source": ["say a"], "id": "not allowed!"},
        {"cell_type": "markdown", "metadata": {}, "source": "x", "id": "twice"},
        {"cell_type": "markdown", "metadata": {"trusted": true}, "source": "x", "id": "twice"},
    ]});
    let write = || Notebook::parse(old.to_string().as_bytes()).unwrap().to_bytes();
    valid(&write());
    assert_eq!(write(), write(), "ids do not change from run to run");
    let written: Value = serde_json::from_slice(&write()).unwrap();
    assert_eq!(written["nbformat_minor"], 5);
    assert_eq!(written["metadata"], json!({}));
    assert_eq!(written["cells"][0]["outputs"], json!([]));
    assert_eq!(written["cells"][2]["id"], "twice");
    assert_ne!(written["cells"][3]["id"], "twice");
    assert_eq!(written["cells"][3]["metadata"], json!({}));
}

#[test]
fn the_text_is_what_nbformat_writes() {
    let parsed = Notebook::parse(notebook(vec![code("say ä", &[])]).to_string().as_bytes()).unwrap();
    let text = String::from_utf8(parsed.to_bytes()).unwrap();
    assert!(
        text.starts_with("{\n \"cells\": [\n  {\n   \"cell_type\": \"code\",\n   \"execution_count\": 9,"),
        "{text}"
    );
    assert!(
        text.contains("\"say ä\"") && text.ends_with("\"nbformat_minor\": 5\n}\n"),
        "{text}"
    );
}

#[test]
fn what_is_no_notebook_is_refused_with_a_reason() {
    let refused = |text: &str| Notebook::parse(text.as_bytes()).expect_err(text).to_string();
    assert!(refused("").contains("empty"));
    assert!(refused("fn main() {}").contains("not JSON"));
    assert!(refused("{\"cells\": [").contains("line 1"));
    assert!(refused("[]").contains("no notebook"));
    assert!(refused("{}").contains("nbformat"));
    assert!(refused(r#"{"nbformat": "4"}"#).contains("nbformat"));
    assert!(refused(r#"{"nbformat": 3, "worksheets": []}"#).contains("nbconvert"));
    assert!(refused(r#"{"nbformat": 5, "cells": []}"#).contains("format 5"));
    assert!(refused(r#"{"nbformat": 4, "metadata": {}}"#).contains("cells"));
    assert!(refused(r#"{"nbformat": 4, "cells": {}}"#).contains("cells"));
    assert!(refused(r#"{"nbformat": 4, "cells": [1]}"#).contains("cell 1"));
    assert!(refused(r#"{"nbformat": 4, "cells": [{"source": ""}]}"#).contains("cell_type"));
    assert!(
        refused(r#"{"nbformat": 4, "cells": [{"cell_type": "code", "source": [1]}]}"#).contains("source")
    );
    assert!(refused(r#"{"nbformat": 4, "cells": [{"cell_type": "code"}]}"#).contains("source"));
    assert!(refused(r#"{"nbformat": 4, "metadata": [], "cells": []}"#).contains("metadata"));
    assert!(refused(&format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000))).contains("recursion"));
    assert!(matches!(
        Notebook::parse(b"\xff\xfe{\0}\0"),
        Err(NotebookError::NotJson(_))
    ));
    assert!(Notebook::parse(b"\xef\xbb\xbf{\"nbformat\": 4, \"cells\": []}").is_ok());
}

#[test]
fn another_language_is_refused_by_name() {
    let with = |metadata: Value| {
        let text = json!({"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": []}).to_string();
        Notebook::parse(text.as_bytes())
            .map(drop)
            .map_err(|error| error.to_string())
    };
    let error = with(json!({"kernelspec": {"name": "python3", "language": "python"}})).expect_err("Python");
    assert!(error.contains("python") && error.contains("Rust"), "{error}");
    assert!(with(json!({"language_info": {"name": "julia"}})).is_err());
    assert!(
        with(json!({"kernelspec": {"name": "rust", "display_name": "Rust", "language": "rust"}})).is_ok()
    );
    assert!(with(json!({"language_info": {"name": "Rust"}})).is_ok());
    // The author changed the kernel; what the last one said of itself no longer counts.
    assert!(with(json!({"kernelspec": {"language": "rust"}, "language_info": {"name": "python"}})).is_ok());
    assert!(with(json!({})).is_ok());
}

#[test]
fn files_that_are_not_there() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tour.ipynb"), "").unwrap();
    let error = Notebook::read(&folder.path().join("tuor.ipynb"))
        .expect_err("not there")
        .to_string();
    assert!(error.contains("tour.ipynb"), "{error}");
    assert!(matches!(
        Notebook::read(folder.path()),
        Err(NotebookError::Folder)
    ));
}

#[test]
fn where_the_result_goes() {
    let typed = |output: Option<&str>, inplace| args::Run {
        notebook: "/n/a.b.ipynb".into(),
        params: Vec::new(),
        output: output.map(PathBuf::from),
        inplace,
        timeout: None,
        cell_timeout: None,
        allow_errors: false,
    };
    let output = |typed: &args::Run| Plan::new(typed).unwrap().output;
    assert_eq!(output(&typed(None, false)), Path::new("/n/a.b.executed.ipynb"));
    assert_eq!(output(&typed(None, true)), Path::new("/n/a.b.ipynb"));
    assert_eq!(output(&typed(Some("/o/x"), false)), Path::new("/o/x"));
    assert_eq!(
        output(&typed(Some("x"), false)),
        std::env::current_dir().unwrap().join("x")
    );
    assert!(Plan::new(&typed(Some("/"), false)).is_err());
}

#[test]
fn reports() {
    let notebook = Notebook::parse(
        notebook(vec![code("say a", &[]), code("fail", &[])])
            .to_string()
            .as_bytes(),
    );
    let notebook = notebook.unwrap();
    let cell = notebook.code_cells()[1].clone();
    let error = CellError {
        ename: "E".into(),
        evalue: "v".into(),
        traceback: vec!["\x1b[31mline\x1b[0m".into()],
    };
    let text = report(
        &Ending::Failed { cell, error },
        &notebook,
        2,
        Duration::from_secs(1),
    );
    let text = console::strip_ansi_codes(&text).into_owned();
    assert!(
        text.starts_with("cellar: cell 2 of 2 failed: fail\n\nline\n"),
        "{text}"
    );
    let done = report(&Ending::Done { failed: 0 }, &notebook, 2, Duration::from_secs(1));
    assert_eq!(done, "2 cells in 1.0 s");
}
