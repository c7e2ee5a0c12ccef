//! `!cmd`: a shell command whose output streams into the notebook.

use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use crate::cell::CellSource;
use crate::interpreter::{CellError, Frontend, Output, Stream};
use crate::report::{self, Place};

/// Ends a running command from another thread. Cheap to clone. One that is used before the command
/// starts ends it as soon as it does.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<Mutex<StopState>>);

#[derive(Debug, Default)]
struct StopState {
    asked: bool,
    /// The process group that runs.
    group: Option<i32>,
}

impl Stop {
    pub fn new() -> Self {
        Stop::default()
    }

    /// Ends the command and everything that it started.
    pub fn stop(&self) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.asked = true;
        if let Some(group) = state.group {
            kill_group(group);
        }
    }

    /// Whether it was used.
    pub fn is_stopped(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).asked
    }

    fn started(&self, group: i32) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.group = Some(group);
        if state.asked {
            kill_group(group);
        }
    }

    /// From here on the number may belong to another process.
    fn ended(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).group = None;
    }
}

fn kill_group(group: i32) {
    // SAFETY: `kill` takes plain numbers. The group's leader has not been waited for yet (`ended` comes
    // first), so the number is still that of the command.
    unsafe { libc::kill(-group, libc::SIGKILL) };
}

/// Why a command did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum ShellError {
    #[error("the shell `sh` could not be started: {0}")]
    Start(std::io::Error),
    #[error("the command ended with exit status {0}")]
    Status(i32),
    #[error("the command was ended by signal {0}")]
    Signal(i32),
    #[error("the command was interrupted")]
    Interrupted,
}

impl ShellError {
    /// As Jupyter shows it, with the command's line of the cell.
    pub fn to_cell_error(&self, cell: &std::sync::Arc<CellSource>, line: usize) -> CellError {
        let length = cell
            .text
            .lines()
            .nth(line.saturating_sub(1))
            .map_or(1, |text| text.trim_end().chars().count());
        let place = Place {
            cell: cell.clone(),
            line,
            column: 1,
            end_line: line,
            end_column: length + 1,
        };
        let message = self.to_string();
        let helps = match self {
            ShellError::Status(127) => {
                vec![
                    "the shell knows no such command; a Rust value that is negated is written `(!x)` here"
                        .to_owned(),
                ]
            }
            _ => Vec::new(),
        };
        let ename = if matches!(self, ShellError::Interrupted) {
            "Interrupted"
        } else {
            "ShellError"
        };
        CellError {
            ename: ename.to_owned(),
            traceback: report::located(&message, &place, None, &helps),
            evalue: message,
        }
    }
}

/// Runs `sh -c command` with no input in a process group of its own, and shows what it writes as it comes.
/// Returns when it has ended and closed its output; a daemon that it leaves behind does not hold the cell.
///
/// # Errors
/// When it could not be started, did not succeed, or was stopped.
pub fn run(command: &str, frontend: &dyn Frontend, stop: &Stop) -> Result<(), ShellError> {
    let mut child = Command::new("sh")
        .arg("-c")
        .arg(command)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(ShellError::Start)?;
    let group = i32::try_from(child.id()).expect("a process id is a pid_t");
    stop.started(group);
    let status = pumped(&mut child, frontend, stop);
    if stop.is_stopped() {
        return Err(ShellError::Interrupted);
    }
    let status = status.map_err(ShellError::Start)?;
    match (status.code(), status.signal()) {
        (Some(0), _) => Ok(()),
        (Some(code), _) => Err(ShellError::Status(code)),
        (None, signal) => Err(ShellError::Signal(signal.unwrap_or(0))),
    }
}

/// Reads both pipes in this thread and the order in which they are ready, until the command ends and
/// the pipes are empty.
fn pumped(child: &mut Child, frontend: &dyn Frontend, stop: &Stop) -> std::io::Result<ExitStatus> {
    use std::os::fd::AsRawFd;
    let mut pipes: Vec<(Stream, Box<dyn Read>, i32, Characters)> = Vec::new();
    if let Some(pipe) = child.stdout.take() {
        let fd = pipe.as_raw_fd();
        pipes.push((Stream::Stdout, Box::new(pipe), fd, Characters::default()));
    }
    if let Some(pipe) = child.stderr.take() {
        let fd = pipe.as_raw_fd();
        pipes.push((Stream::Stderr, Box::new(pipe), fd, Characters::default()));
    }
    let mut buffer = vec![0; 64 * 1024];
    let mut ended = false;
    while !pipes.is_empty() {
        let mut polled: Vec<libc::pollfd> = pipes
            .iter()
            .map(|(_, _, fd, _)| libc::pollfd {
                fd: *fd,
                events: libc::POLLIN,
                revents: 0,
            })
            .collect();
        // The time limit is there to notice the end of a command whose output someone else still holds open.
        let limit = if ended { 0 } else { 20 };
        // SAFETY: the array is valid for its length, and the descriptors are open: `pipes` owns them.
        let ready = unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as libc::nfds_t, limit) };
        if ready == 0 {
            if ended {
                break;
            }
            ended = has_ended(child);
            continue;
        }
        let mut index = 0;
        pipes.retain_mut(|(stream, pipe, _, characters)| {
            let events = polled[index].revents;
            index += 1;
            if events == 0 {
                return true;
            }
            let (text, open) = match pipe.read(&mut buffer) {
                Ok(0) => (characters.finish(), false),
                Ok(count) => (characters.text(&buffer[..count]), true),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => (String::new(), true),
                Err(_) => (characters.finish(), false),
            };
            if !text.is_empty() {
                frontend.output(Output::Text {
                    stream: *stream,
                    text,
                });
            }
            open
        });
    }
    while !has_ended(child) {
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    stop.ended();
    child.wait()
}

/// Whether the command has ended, without taking its status, so that its number stays reserved.
fn has_ended(child: &Child) -> bool {
    // SAFETY: all-zero bytes are a valid `siginfo_t`, and `waitid` writes into it. `WNOWAIT` leaves the
    // child to `Child::wait`.
    unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        let flags = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
        libc::waitid(libc::P_PID, child.id(), &mut info, flags) != 0 || info.si_pid() != 0
    }
}

/// Bytes to text: a character that is cut between two reads waits for its rest, and what is no UTF-8
/// becomes U+FFFD.
#[derive(Default)]
struct Characters {
    left: Vec<u8>,
}

impl Characters {
    fn text(&mut self, bytes: &[u8]) -> String {
        self.left.extend_from_slice(bytes);
        let bytes = std::mem::take(&mut self.left);
        let mut text = String::with_capacity(bytes.len());
        for chunk in bytes.utf8_chunks() {
            text.push_str(chunk.valid());
            let invalid = chunk.invalid();
            let last = invalid.as_ptr_range().end == bytes.as_ptr_range().end;
            if last && could_go_on(invalid) {
                self.left = invalid.to_vec();
            } else if !invalid.is_empty() {
                text.push('\u{fffd}');
            }
        }
        text
    }

    fn finish(&mut self) -> String {
        if std::mem::take(&mut self.left).is_empty() {
            String::new()
        } else {
            "\u{fffd}".to_owned()
        }
    }
}

/// Whether these bytes are the beginning of a character.
fn could_go_on(bytes: &[u8]) -> bool {
    !bytes.is_empty() && std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::interpreter::InputError;

    #[derive(Default)]
    struct Shown(Mutex<Vec<(Stream, String)>>);

    impl Frontend for Shown {
        fn output(&self, output: Output) {
            if let Output::Text { stream, text } = output {
                self.0.lock().expect("not poisoned").push((stream, text));
            }
        }

        fn input(&self, _: &str, _: bool) -> Result<String, InputError> {
            Err(InputError::NotAllowed)
        }
    }

    impl Shown {
        fn text(&self, stream: Stream) -> String {
            let shown = self.0.lock().expect("not poisoned");
            shown
                .iter()
                .filter(|(of, _)| *of == stream)
                .map(|(_, text)| text.as_str())
                .collect()
        }
    }

    #[test]
    fn both_streams_are_shown_and_input_is_empty() {
        let shown = Shown::default();
        run("echo out; echo err >&2; cat; printf last", &shown, &Stop::new()).expect("it succeeds");
        assert_eq!(shown.text(Stream::Stdout), "out\nlast");
        assert_eq!(shown.text(Stream::Stderr), "err\n");
    }

    #[test]
    fn output_is_shown_before_the_command_ends() {
        let shown = Arc::new(Shown::default());
        let stop = Stop::new();
        let thread = {
            let (shown, stop) = (Arc::clone(&shown), stop.clone());
            std::thread::spawn(move || run("echo first; sleep 1000", &*shown, &stop))
        };
        while shown.text(Stream::Stdout) != "first\n" {
            std::thread::sleep(Duration::from_millis(2));
        }
        stop.stop();
        let result = thread.join().expect("no panic");
        assert!(matches!(result, Err(ShellError::Interrupted)));
    }

    #[test]
    fn stopping_reaches_what_the_command_started() {
        let shown = Shown::default();
        let stop = Stop::new();
        stop.stop();
        let result = run("sleep 1000 | sleep 1000", &shown, &stop);
        assert!(matches!(result, Err(ShellError::Interrupted)));
    }

    #[test]
    fn a_command_in_the_background_does_not_hold_the_cell() {
        let shown = Shown::default();
        run("echo $$; sleep 1000 & echo started", &shown, &Stop::new()).expect("it succeeds");
        let text = shown.text(Stream::Stdout);
        assert!(text.ends_with("started\n"), "{text}");
        let group: i32 = text
            .lines()
            .next()
            .and_then(|pid| pid.parse().ok())
            .expect("the shell's number");
        // SAFETY: ends the `sleep` that this test left in the command's own group.
        unsafe { libc::kill(-group, libc::SIGKILL) };
    }

    #[test]
    fn failures() {
        let shown = Shown::default();
        assert!(matches!(
            run("exit 3", &shown, &Stop::new()),
            Err(ShellError::Status(3))
        ));
        assert!(matches!(
            run("kill -SEGV $$", &shown, &Stop::new()),
            Err(ShellError::Signal(11))
        ));
        let cell = CellSource::new("In[1]", "!no_such_thing\n");
        let error = run("no_such_thing", &shown, &Stop::new())
            .expect_err("unknown")
            .to_cell_error(&cell, 1);
        assert_eq!(
            (error.ename.as_str(), error.evalue.as_str()),
            ("ShellError", "the command ended with exit status 127")
        );
        assert!(error.traceback.iter().any(|line| line.contains("(!x)")));
    }

    #[test]
    fn bytes_that_are_no_text_do_no_harm() {
        let shown = Shown::default();
        run(
            "printf 'a\\377\\303'; sleep 0.05; printf '\\244b\\342\\202'",
            &shown,
            &Stop::new(),
        )
        .expect("it succeeds");
        assert_eq!(shown.text(Stream::Stdout), "a\u{fffd}äb\u{fffd}");
    }
}
