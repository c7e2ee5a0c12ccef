//! What the kernel asks, and what it is answered. The kernel's side is `kernel/src/engine/codec/message.rs`; both are of
//! one version, so there are no versions and no byte order.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// What to do with variables of the type.
pub enum Question<'a> {
    Digest { variable: &'a str },
    Save { variable: &'a str, file: &'a Path },
    Load { variable: &'a str, file: &'a Path },
    Copy { from: &'a str, to: &'a str },
}

impl Question<'_> {
    /// A number, and two byte strings, each after its length.
    pub fn decode(bytes: &[u8]) -> Option<Question<'_>> {
        let (&kind, mut rest) = bytes.split_first()?;
        let mut next = || {
            let (length, after) = rest.split_first_chunk()?;
            let (value, after) = after.split_at_checked(u64::from_ne_bytes(*length).try_into().ok()?)?;
            rest = after;
            Some(value)
        };
        let variable = std::str::from_utf8(next()?).ok()?;
        let other = next()?;
        let file = Path::new(OsStr::from_bytes(other));
        Some(match kind {
            1 => Question::Digest { variable },
            2 => Question::Save { variable, file },
            3 => Question::Load { variable, file },
            4 => Question::Copy {
                from: variable,
                to: std::str::from_utf8(other).ok()?,
            },
            _ => return None,
        })
    }
}

/// What became of it.
pub enum Answer {
    Done,
    Digest([u8; 32]),
    /// The value's digest, and the bytes that its file has.
    Saved {
        digest: [u8; 32],
        bytes: u64,
    },
}

impl Answer {
    /// 0 and the answer, or 1 and the reason why there is none.
    pub fn encode(answer: Result<Answer, String>) -> Vec<u8> {
        let mut message = vec![u8::from(answer.is_err())];
        match answer {
            Ok(Answer::Done) => {}
            Ok(Answer::Digest(digest)) => message.extend(digest),
            Ok(Answer::Saved { digest, bytes }) => {
                message.extend(digest);
                message.extend(bytes.to_ne_bytes());
            }
            Err(reason) => message.extend(reason.into_bytes()),
        }
        message
    }
}
