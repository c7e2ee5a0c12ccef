//! Asking the person at the notebook.

use std::fmt;
use std::io::{BufRead, Write};

/// The longest answer that is taken, in bytes.
const CAPACITY: usize = 1 << 20;

/// Why no input came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum InputError {
    /// The notebook is run by a program, or its frontend cannot be asked.
    NotAllowed,
    /// The input was closed.
    Closed,
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            InputError::NotAllowed => "nobody can be asked for input here: this frontend does not support it",
            InputError::Closed => "the input was closed",
        })
    }
}

impl std::error::Error for InputError {}

/// Asks for a line of text and waits for it. The answer has no line end.
///
/// ```no_run
/// # fn cell() -> Result<(), cellar::InputError> {
/// let name = cellar::input("Your name: ")?;
/// # Ok(()) }
/// ```
///
/// # Errors
/// When nobody can be asked, or the input was closed.
pub fn input(prompt: impl AsRef<str>) -> Result<String, InputError> {
    ask(prompt.as_ref(), false)
}

/// Asks for a line of text that is not shown while it is typed.
///
/// # Errors
/// When nobody can be asked, or the input was closed.
pub fn password(prompt: impl AsRef<str>) -> Result<String, InputError> {
    ask(prompt.as_ref(), true)
}

fn ask(prompt: &str, password: bool) -> Result<String, InputError> {
    crate::start::flush_quickly();
    let mut buffer = vec![0; CAPACITY];
    let Some(answer) = crate::host::input(prompt, password, &mut buffer) else {
        return read_stdin(prompt);
    };
    match usize::try_from(answer) {
        Ok(length) => {
            buffer.truncate(length);
            Ok(String::from_utf8_lossy(&buffer).into_owned())
        }
        Err(_) if answer == -2 => Err(InputError::Closed),
        Err(_) => Err(InputError::NotAllowed),
    }
}

/// What an ordinary program does.
fn read_stdin(prompt: &str) -> Result<String, InputError> {
    let mut out = std::io::stdout();
    let _ = out.write_all(prompt.as_bytes()).and_then(|()| out.flush());
    let mut line = String::new();
    match std::io::stdin().lock().read_line(&mut line) {
        Ok(0) | Err(_) => Err(InputError::Closed),
        Ok(_) => Ok(line.trim_end_matches(['\n', '\r']).to_owned()),
    }
}
