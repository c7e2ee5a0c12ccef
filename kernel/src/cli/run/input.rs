//! Asks the person at the terminal when a cell wants input.

use std::io::{IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::interpreter::InputError;

/// How often a wait looks whether it was interrupted.
const GLANCE: Duration = Duration::from_millis(50);

/// The keyboard, if somebody sits at it.
pub struct Keyboard {
    is_terminal: bool,
    interrupted: AtomicBool,
    /// A line that is still being read: reading cannot be called off, so after an interrupt the next
    /// question takes it over.
    pending: Mutex<Option<Receiver<Result<String, InputError>>>>,
    /// Takes what is drawn out of the way of a question.
    bar: indicatif::ProgressBar,
}

impl Keyboard {
    pub fn new(bar: indicatif::ProgressBar) -> Keyboard {
        Keyboard {
            is_terminal: std::io::stdin().is_terminal() && std::io::stderr().is_terminal(),
            interrupted: AtomicBool::new(false),
            pending: Mutex::new(None),
            bar,
        }
    }

    pub fn can_be_asked(&self) -> bool {
        self.is_terminal
    }

    /// Ends a question that is being asked.
    pub fn interrupt(&self) {
        self.interrupted.store(true, Ordering::SeqCst);
    }

    /// Questions may be asked again.
    pub fn resume(&self) {
        self.interrupted.store(false, Ordering::SeqCst);
    }

    /// A line from the terminal, without its line end.
    ///
    /// # Errors
    /// When nobody is there, at the end of input, or interrupted.
    pub fn ask(&self, prompt: &str, password: bool) -> Result<String, InputError> {
        if !self.is_terminal {
            return Err(InputError::NotAllowed);
        }
        self.bar.suspend(|| self.ask_terminal(prompt, password))
    }

    fn ask_terminal(&self, prompt: &str, password: bool) -> Result<String, InputError> {
        let mut stderr = std::io::stderr();
        // A terminal that cannot show the question may still give the answer.
        let _ = write!(stderr, "{prompt}").and_then(|()| stderr.flush());
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = pending.take().map_or_else(|| read_apart(password), Ok)?;
        loop {
            match answer.recv_timeout(GLANCE) {
                Ok(line) => return line,
                Err(RecvTimeoutError::Disconnected) => return Err(InputError::Closed),
                Err(RecvTimeoutError::Timeout) if self.interrupted.load(Ordering::SeqCst) => {
                    *pending = Some(answer);
                    return Err(InputError::Interrupted);
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }
}

fn read_apart(password: bool) -> Result<Receiver<Result<String, InputError>>, InputError> {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::Builder::new()
        .name("keyboard".to_owned())
        .spawn(move || drop(sender.send(if password { read_password() } else { read_line() })))
        .map_err(|_| InputError::NotAllowed)?;
    Ok(receiver)
}

fn read_line() -> Result<String, InputError> {
    let mut line = String::new();
    match std::io::stdin().read_line(&mut line) {
        Ok(0) | Err(_) => Err(InputError::Closed),
        Ok(_) => {
            let end = line.trim_end_matches(['\n', '\r']).len();
            line.truncate(end);
            Ok(line)
        }
    }
}

fn read_password() -> Result<String, InputError> {
    console::Term::stderr()
        .read_secure_line()
        .map_err(|_| InputError::Closed)
}
