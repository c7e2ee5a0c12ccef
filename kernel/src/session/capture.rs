//! Frontends for code that the session runs on its own account.

use std::sync::{Arc, Mutex, PoisonError};

use crate::interpreter::{Frontend, InputError, MimeBundle, Output, Stream};

/// Passes everything on and keeps the end of stderr: a crash is explained by what was written last.
pub struct Watched {
    inner: Arc<dyn Frontend>,
    stderr: Mutex<String>,
}

const KEPT: usize = 4096;

impl Watched {
    pub fn new(inner: Arc<dyn Frontend>) -> Watched {
        Watched {
            inner,
            stderr: Mutex::default(),
        }
    }

    /// The last few kilobytes of stderr.
    pub fn stderr(&self) -> String {
        self.stderr.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Frontend for Watched {
    fn output(&self, output: Output) {
        if let Output::Text {
            stream: Stream::Stderr,
            text,
        } = &output
        {
            let mut kept = self.stderr.lock().unwrap_or_else(PoisonError::into_inner);
            kept.push_str(text);
            if kept.len() > 2 * KEPT {
                let cut = (kept.len() - KEPT..kept.len())
                    .find(|at| kept.is_char_boundary(*at))
                    .unwrap_or(0);
                kept.drain(..cut);
            }
        }
        self.inner.output(output);
    }

    fn input(&self, prompt: &str, password: bool) -> Result<String, InputError> {
        self.inner.input(prompt, password)
    }
}

/// Keeps a result and shows nothing, for `user_expressions`.
#[derive(Default)]
pub struct Captured {
    result: Mutex<Option<(MimeBundle, MimeBundle)>>,
}

impl Captured {
    /// Data and metadata of the last thing that was shown.
    pub fn take(&self) -> Option<(MimeBundle, MimeBundle)> {
        self.result.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Frontend for Captured {
    fn output(&self, output: Output) {
        if let Output::Result { data, metadata } | Output::Display { data, metadata, .. } = output {
            *self.result.lock().unwrap_or_else(PoisonError::into_inner) = Some((data, metadata));
        }
    }

    fn input(&self, _prompt: &str, _password: bool) -> Result<String, InputError> {
        Err(InputError::NotAllowed)
    }
}
