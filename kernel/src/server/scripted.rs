//! A scripted interpreter, so that the server can be tried with real clients and no Rust in the cells.
//!
//! `CELLAR_SCRIPTED=<connection file> cargo test --release server::scripted::serve -- --ignored --exact` serves it.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::interpreter::{
    CellError, Completeness, Completion, Completions, ExecuteOutcome, ExecuteRequest, Frontend, Interpreter,
    MimeBundle, Output, Stream,
};

use super::comms::{Comm, CommTarget};

#[derive(Default)]
struct Scripted {
    interrupted: AtomicBool,
}

fn plain(text: &str) -> MimeBundle {
    json!({ "text/plain": text }).as_object().cloned().unwrap()
}

fn failed(ename: &str, evalue: &str) -> ExecuteOutcome {
    let error = CellError {
        ename: ename.to_owned(),
        evalue: evalue.to_owned(),
        traceback: vec![format!("{ename}: {evalue}")],
    };
    ExecuteOutcome {
        error: Some(error),
        ..ExecuteOutcome::default()
    }
}

impl Interpreter for Scripted {
    /// Each line is a command and its argument.
    fn execute(&self, request: ExecuteRequest, frontend: Arc<dyn Frontend>) -> ExecuteOutcome {
        self.interrupted.store(false, Ordering::SeqCst);
        let text = |stream, text: &str| {
            frontend.output(Output::Text {
                stream,
                text: text.to_owned(),
            })
        };
        for line in request.code.lines() {
            let (command, rest) = line.split_once(' ').unwrap_or((line, ""));
            match command {
                "print" => text(Stream::Stdout, &format!("{rest}\n")),
                "part" => text(Stream::Stdout, rest),
                "warn" => text(Stream::Stderr, &format!("{rest}\n")),
                "result" => {
                    frontend.output(Output::Result {
                        data: plain(rest),
                        metadata: MimeBundle::new(),
                    });
                }
                "display" => frontend.output(Output::Display {
                    data: plain(rest),
                    metadata: MimeBundle::new(),
                    display_id: Some("id".to_owned()),
                }),
                "update" => frontend.output(Output::Update {
                    data: plain(rest),
                    metadata: MimeBundle::new(),
                    display_id: "id".to_owned(),
                }),
                "clear" => frontend.output(Output::Clear { wait: rest == "wait" }),
                "cell" => text(Stream::Stdout, request.cell_id.as_deref().unwrap_or("none")),
                "megabytes" => {
                    let line = format!("{}\n", "x".repeat(99));
                    for _ in 0..rest.parse::<usize>().unwrap() * 10_000 {
                        text(Stream::Stdout, &line);
                    }
                }
                "input" | "password" => match frontend.input(rest, command == "password") {
                    Ok(line) => text(Stream::Stdout, &format!("got {line}\n")),
                    Err(error) => return failed("InputError", &error.to_string()),
                },
                "sleep" => {
                    for _ in 0..rest.parse::<u32>().unwrap() / 10 {
                        if self.interrupted.load(Ordering::SeqCst) {
                            return failed("Interrupted", "interrupted");
                        }
                        std::thread::sleep(Duration::from_millis(10));
                    }
                }
                "fail" => return failed("Failed", rest),
                "panic" => panic!("{rest}"),
                _ => {}
            }
        }
        let answer = |(name, expression): (&String, &String)| {
            (
                name.clone(),
                json!({ "status": "ok", "data": { "text/plain": expression }, "metadata": {} }),
            )
        };
        ExecuteOutcome {
            user_expressions: request.user_expressions.iter().map(answer).collect(),
            ..ExecuteOutcome::default()
        }
    }

    fn interrupt(&self) {
        self.interrupted.store(true, Ordering::SeqCst);
    }

    fn complete(&self, code: &str, cursor: usize) -> Completions {
        assert!(!code.contains("panic"), "completion panics on request");
        let completion = Completion {
            text: "print".to_owned(),
            kind: "function",
            signature: None,
        };
        Completions {
            start: cursor.saturating_sub(1),
            end: cursor,
            matches: vec![completion],
        }
    }

    fn inspect(&self, code: &str, _cursor: usize, detail: u8) -> Option<MimeBundle> {
        (code == "print").then(|| plain(&format!("prints, detail {detail}")))
    }

    fn is_complete(&self, code: &str) -> Completeness {
        match code {
            "{" => Completeness::Incomplete {
                indent: "    ".to_owned(),
            },
            "}" => Completeness::Invalid,
            _ => Completeness::Complete,
        }
    }

    fn shutdown(&self) {
        self.interrupt();
    }
}

/// Says everything back.
struct Echo;

impl CommTarget for Echo {
    fn opened(&self, comm: &Comm, data: &Value, _: &Map<String, Value>, _: &[Bytes]) {
        comm.send(data);
    }

    fn message(&self, comm: &Comm, data: &Value, metadata: &Map<String, Value>, buffers: &[Bytes]) {
        match data.as_str() {
            Some("panic") => panic!("on request"),
            Some("close") => comm.close(),
            _ => comm.send_with(data, metadata, buffers),
        }
    }

    fn closed(&self, _: &str) {}
}

#[test]
#[ignore = "serves real clients until they shut it down"]
fn serve() {
    let _ = tracing_subscriber::fmt().with_writer(std::io::stderr).try_init();
    let file = std::env::var("CELLAR_SCRIPTED").expect("CELLAR_SCRIPTED names the connection file");
    let targets: Vec<(String, Arc<dyn CommTarget>)> = vec![("echo".to_owned(), Arc::new(Echo))];
    super::run(Path::new(&file), Arc::new(Scripted::default()), targets).unwrap();
}
