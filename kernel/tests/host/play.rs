//! Plays the parts of evcxr (a parent that speaks its line protocol) and of a frontend.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use crate::cells;
use crate::host::{Host, RunReport};
use crate::interpreter::{Frontend, InputError, Output, Stream};

/// Long enough for a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Default)]
struct Recorder {
    outputs: Mutex<Vec<Output>>,
    came: Condvar,
    answers: Mutex<VecDeque<Result<String, InputError>>>,
    asked: Mutex<Vec<(String, bool)>>,
}

impl Frontend for Recorder {
    fn output(&self, output: Output) {
        self.outputs.lock().unwrap().push(output);
        self.came.notify_all();
    }

    fn input(&self, prompt: &str, password: bool) -> Result<String, InputError> {
        self.asked.lock().unwrap().push((prompt.to_owned(), password));
        self.answers
            .lock()
            .unwrap()
            .pop_front()
            .unwrap_or(Err(InputError::Closed))
    }
}

fn text_of(outputs: &[Output], wanted: Stream) -> String {
    let texts = outputs.iter().filter_map(|output| match output {
        Output::Text { stream, text } if *stream == wanted => Some(text.as_str()),
        _ => None,
    });
    texts.collect()
}

/// What became of a cell.
pub struct Ran {
    pub answers: Vec<String>,
    pub report: RunReport,
    pub outputs: Vec<Output>,
}

impl Ran {
    pub fn stdout(&self) -> String {
        text_of(&self.outputs, Stream::Stdout)
    }

    pub fn stderr(&self) -> String {
        text_of(&self.outputs, Stream::Stderr)
    }
}

/// Stands for the answer after which evcxr forgets the cell.
pub const GIVEN_UP: &str = "(given up)";

pub struct Session {
    pub host: Host,
    dir: tempfile::TempDir,
    child: Mutex<Child>,
    stdin: Mutex<Option<ChildStdin>>,
    stdout: Mutex<BufReader<ChildStdout>>,
    recorder: Mutex<Arc<Recorder>>,
    answers: Mutex<VecDeque<Result<String, InputError>>>,
}

impl Session {
    pub fn start() -> Session {
        let dir = tempfile::tempdir().unwrap();
        let program = Path::new(env!("CARGO_BIN_EXE_cellar"));
        let host = Host::with_program(dir.path(), program).unwrap();
        let (child, stdin, stdout) = spawn(host.command());
        host.set_libraries(cells::libraries());
        Session {
            host,
            dir,
            child: Mutex::new(child),
            stdin: Mutex::new(Some(stdin)),
            stdout: Mutex::new(stdout),
            recorder: Mutex::default(),
            answers: Mutex::default(),
        }
    }

    pub fn compile(&self, body: &str) -> PathBuf {
        cells::compile(self.dir.path(), body)
    }

    pub fn compile_called(&self, body: &str) -> PathBuf {
        cells::compile_called(self.dir.path(), body)
    }

    pub fn run(&self, body: &str) -> Ran {
        self.run_and(body, |_| {})
    }

    /// Runs a cell; `meanwhile` runs beside it.
    pub fn run_and(&self, body: &str, meanwhile: impl FnOnce(&Session) + Send) -> Ran {
        self.run_compiled_and(&self.compile(body), meanwhile)
    }

    pub fn run_compiled_and(&self, cell: &Path, meanwhile: impl FnOnce(&Session) + Send) -> Ran {
        let ran = self.attempt(cell, meanwhile);
        let last = ran.answers.last().map(String::as_str);
        let expected = if ran.report.restored {
            GIVEN_UP
        } else {
            "EVCXR_EXECUTION_COMPLETE"
        };
        assert_eq!(last, Some(expected), "{:?}", ran.report);
        ran
    }

    /// Runs a cell that may end the process.
    pub fn try_run(&self, body: &str) -> Ran {
        self.attempt(&self.compile(body), |_| {})
    }

    pub fn run_with_end(&self, body: &str, meanwhile: impl FnOnce(&Session) + Send) -> Ran {
        self.attempt(&self.compile(body), meanwhile)
    }

    fn begin(&self) -> Arc<Recorder> {
        let recorder = Arc::new(Recorder::default());
        recorder
            .answers
            .lock()
            .unwrap()
            .append(&mut self.answers.lock().unwrap());
        *self.recorder.lock().unwrap() = Arc::clone(&recorder);
        self.host.begin(Arc::clone(&recorder) as Arc<dyn Frontend>);
        recorder
    }

    fn attempt(&self, cell: &Path, meanwhile: impl FnOnce(&Session) + Send) -> Ran {
        let recorder = self.begin();
        let mut answers = Vec::new();
        std::thread::scope(|scope| {
            scope.spawn(|| meanwhile(self));
            let mut stdin = self.stdin.lock().unwrap();
            let line = format!("LOAD_AND_RUN {} {}\n", cell.display(), cells::FUNCTION);
            stdin.as_mut().unwrap().write_all(line.as_bytes()).unwrap();
            loop {
                let mut line = Vec::new();
                self.stdout.lock().unwrap().read_until(b'\n', &mut line).unwrap();
                if line.is_empty() {
                    break;
                }
                // evcxr fails on what is no UTF-8, and reads no further.
                let line = String::from_utf8(line).unwrap_or_else(|_| GIVEN_UP.to_owned());
                answers.push(line.trim_end().to_owned());
                if line == "EVCXR_EXECUTION_COMPLETE\n" || line == GIVEN_UP {
                    break;
                }
            }
        });
        let report = self.host.end();
        let outputs = recorder.outputs.lock().unwrap().clone();
        Ran {
            answers,
            report,
            outputs,
        }
    }

    pub fn run_without_evcxr(&self, cell: &Path) -> Ran {
        let recorder = self.begin();
        self.host.run(cell, cells::FUNCTION);
        let report = self.host.end();
        let outputs = recorder.outputs.lock().unwrap().clone();
        Ran {
            answers: Vec::new(),
            report,
            outputs,
        }
    }

    /// What the next cell's requests for input get.
    pub fn answer(&self, answers: impl IntoIterator<Item = Result<String, InputError>>) {
        self.answers.lock().unwrap().extend(answers);
    }

    pub fn asked(&self) -> Vec<(String, bool)> {
        self.recorder.lock().unwrap().asked.lock().unwrap().clone()
    }

    /// Waits until the standard output of the current cell ends with `text`.
    pub fn wait_for(&self, text: &str) {
        let recorder = Arc::clone(&self.recorder.lock().unwrap());
        let outputs = recorder.outputs.lock().unwrap();
        let wanted = |outputs: &mut Vec<Output>| !text_of(outputs, Stream::Stdout).contains(text);
        let (outputs, waited) = recorder
            .came
            .wait_timeout_while(outputs, PATIENCE, wanted)
            .unwrap();
        assert!(!waited.timed_out(), "{text:?} did not come: {outputs:?}");
    }

    /// Waits until a cell runs.
    pub fn wait_until_running(&self) {
        std::thread::sleep(Duration::from_millis(100));
    }

    pub fn kill(&self) {
        self.child.lock().unwrap().kill().unwrap();
    }

    pub fn close_input(&mut self) {
        *self.stdin.lock().unwrap() = None;
    }

    /// The process ends, and nobody holds its outputs open, as evcxr needs it.
    pub fn expect_end(&mut self) {
        let mut rest = String::new();
        std::io::Read::read_to_string(&mut *self.stdout.lock().unwrap(), &mut rest).unwrap();
        let mut child = self.child.lock().unwrap();
        std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut rest).unwrap();
        assert_eq!(rest, "");
        child.wait().unwrap();
    }

    pub fn restart(&mut self) {
        let (child, stdin, stdout) = spawn(self.host.command());
        *self.child.lock().unwrap() = child;
        *self.stdin.lock().unwrap() = Some(stdin);
        *self.stdout.lock().unwrap() = stdout;
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.host.shutdown();
        self.child.lock().unwrap().wait().unwrap();
    }
}

fn spawn(mut command: Command) -> (Child, ChildStdin, BufReader<ChildStdout>) {
    command.env("EVCXR_IS_RUNTIME", "1").env("RUST_BACKTRACE", "1");
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    (child, stdin, BufReader::new(stdout))
}
