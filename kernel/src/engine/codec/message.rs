//! What a codec library is asked, and what it answers. Its side is `codec/src/message.rs`.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// What to do with variables of a type.
#[derive(Debug, Clone, Copy)]
pub enum Question<'a> {
    Digest {
        variable: &'a str,
    },
    Save {
        variable: &'a str,
        file: &'a Path,
    },
    Load {
        variable: &'a str,
        file: &'a Path,
    },
    #[allow(dead_code, reason = "only the tests on the real host ask for it so far")]
    Copy {
        from: &'a str,
        to: &'a str,
    },
}

impl Question<'_> {
    /// A number, and two byte strings, each after its length.
    pub fn encode(self) -> Vec<u8> {
        let (kind, first, second) = match self {
            Question::Digest { variable } => (1, variable, &b""[..]),
            Question::Save { variable, file } => (2, variable, file.as_os_str().as_bytes()),
            Question::Load { variable, file } => (3, variable, file.as_os_str().as_bytes()),
            Question::Copy { from, to } => (4, from, to.as_bytes()),
        };
        let mut message = vec![kind];
        for part in [first.as_bytes(), second] {
            message.extend((part.len() as u64).to_ne_bytes());
            message.extend(part);
        }
        message
    }
}

/// What comes after the 0 of an answer, or the reason that comes after a 1.
pub fn answer(bytes: &[u8]) -> Result<&[u8], String> {
    match bytes.split_first() {
        Some((0, answer)) => Ok(answer),
        Some((_, reason)) => Err(String::from_utf8_lossy(reason).into_owned()),
        None => Err("it gave no answer".to_owned()),
    }
}

/// A digest, or nothing if it is none.
pub fn digest(answer: &[u8]) -> Option<([u8; 32], &[u8])> {
    let (digest, rest) = answer.split_first_chunk()?;
    Some((*digest, rest))
}
