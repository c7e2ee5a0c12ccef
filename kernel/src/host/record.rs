//! What the worker tells the kernel through the [`ring`](super::ring): the records and their form.

use super::bytes::{Builder, Parser};
use super::{PanicRecord, ReturnedError, Unprotected};

/// The kinds of records whose payload is the plain text, kept apart from [`Record`] because there are
/// millions of them.
pub const STDOUT: u16 = 1;
pub const STDERR: u16 = 2;

const SYNC: u16 = 3;
const DISPLAY: u16 = 4;
const CLEAR: u16 = 5;
const PANIC: u16 = 6;
const PANICKED: u16 = 7;
const RETURNED_ERROR: u16 = 8;
const CHANGED_TYPE: u16 = 9;
const INPUT: u16 = 10;
const STARTED: u16 = 11;
const DONE: u16 = 12;
const FAILED: u16 = 13;
const WITHDRAWN: u16 = 14;
const ANSWER: u16 = 15;
const TOLD: u16 = 16;

/// Anything but text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// So many bytes in all were written to the two pipes before the records that follow.
    Sync { written: [u64; 2] },
    /// Rich output.
    Display {
        kind: u32,
        display_id: String,
        entries: Vec<Entry>,
    },
    /// Forget the outputs so far.
    Clear { wait: bool },
    /// The panic hook saw a panic; `main` says that it was in the thread that runs cells.
    Panic { record: PanicRecord, main: bool },
    /// The cell ended by unwinding, with a payload of this text, if anybody has looked.
    Panicked(Option<String>),
    /// The cell ended by `?`.
    ReturnedError(ReturnedError),
    /// A variable is missing or of another type than the cell expects.
    ChangedType(String),
    /// A thread waits for a line of input. Without a prompt it called plain `read`.
    Input {
        id: u64,
        prompt: Option<String>,
        password: bool,
    },
    /// User code begins.
    Started { unprotected: Option<Unprotected> },
    /// The run is over.
    Done { run: u32, nanoseconds: u64 },
    /// The run failed by itself: this process ends, and its snapshot goes on as if there had been no run.
    Withdrawn { nanoseconds: u64 },
    /// The cell (or the libraries) could not be loaded.
    Failed(String),
    /// A piece of what a called function answers.
    Answer(Vec<u8>),
    /// What the cell has read and changed besides variables, as the runtime library says it.
    Told(Vec<u8>),
}

/// One content of a display; `form` as in `abi.md`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub mime: String,
    pub content: Vec<u8>,
    pub form: u32,
}

impl Record {
    /// The record's kind and payload.
    pub fn encode(&self) -> (u16, Vec<u8>) {
        let message = Builder::default();
        let (kind, message) = match self {
            Record::Sync {
                written: [stdout, stderr],
            } => (SYNC, message.number(*stdout).number(*stderr)),
            Record::Display {
                kind,
                display_id,
                entries,
            } => {
                let mut message = message
                    .number(u64::from(*kind))
                    .bytes(display_id.as_bytes())
                    .number(entries.len() as u64);
                for entry in entries {
                    message = message
                        .bytes(entry.mime.as_bytes())
                        .bytes(&entry.content)
                        .number(u64::from(entry.form));
                }
                (DISPLAY, message)
            }
            Record::Clear { wait } => (CLEAR, message.number(u64::from(*wait))),
            Record::Panic { record, main } => {
                let message = message
                    .bytes(record.message.as_bytes())
                    .bytes(record.file.as_bytes())
                    .number(u64::from(record.line))
                    .number(u64::from(record.column))
                    .bytes(record.thread.as_bytes())
                    .number(u64::from(record.is_told))
                    .number(u64::from(*main));
                (PANIC, message)
            }
            Record::Panicked(said) => {
                let message = message.number(u64::from(said.is_some()));
                (
                    PANICKED,
                    message.bytes(said.as_deref().unwrap_or_default().as_bytes()),
                )
            }
            Record::ReturnedError(error) => {
                let message = message
                    .bytes(error.type_name.as_deref().unwrap_or_default().as_bytes())
                    .bytes(error.message.as_bytes())
                    .bytes(error.file.as_bytes())
                    .number(u64::from(error.line))
                    .number(u64::from(error.column));
                (RETURNED_ERROR, message)
            }
            Record::ChangedType(name) => (CHANGED_TYPE, message.bytes(name.as_bytes())),
            Record::Input { id, prompt, password } => {
                let message = message
                    .number(*id)
                    .number(u64::from(prompt.is_some()))
                    .bytes(prompt.as_deref().unwrap_or_default().as_bytes())
                    .number(u64::from(*password));
                (INPUT, message)
            }
            Record::Started { unprotected } => {
                let (kind, a, b) = match *unprotected {
                    None => (0, 0, 0),
                    Some(Unprotected::Threads(count)) => (1, count as u64, 0),
                    Some(Unprotected::Memory { resident, available }) => (2, resident, available),
                    Some(Unprotected::Fork) => (3, 0, 0),
                };
                (STARTED, message.number(kind).number(a).number(b))
            }
            Record::Done { run, nanoseconds } => (DONE, message.number(u64::from(*run)).number(*nanoseconds)),
            Record::Withdrawn { nanoseconds } => (WITHDRAWN, message.number(*nanoseconds)),
            Record::Failed(text) => (FAILED, message.bytes(text.as_bytes())),
            Record::Answer(bytes) => (ANSWER, message.bytes(bytes)),
            Record::Told(bytes) => (TOLD, message.bytes(bytes)),
        };
        (kind, message.finish())
    }

    /// Whether the kernel must hear of it at once.
    pub fn is_urgent(&self) -> bool {
        matches!(self, Record::Input { .. } | Record::Done { .. })
    }

    /// The record of a kind and payload; `None` if the worker wrote something else.
    pub fn decode(kind: u16, payload: &[u8]) -> Option<Record> {
        let mut message = Parser(payload);
        Some(match kind {
            SYNC => Record::Sync {
                written: [message.number()?, message.number()?],
            },
            DISPLAY => {
                let kind = message.number()? as u32;
                let display_id = message.text()?;
                let count = message.number()?;
                let mut entries = Vec::new();
                for _ in 0..count {
                    entries.push(Entry {
                        mime: message.text()?,
                        content: message.bytes()?.to_vec(),
                        form: message.number()? as u32,
                    });
                }
                Record::Display {
                    kind,
                    display_id,
                    entries,
                }
            }
            CLEAR => Record::Clear {
                wait: message.number()? != 0,
            },
            PANIC => Record::Panic {
                record: PanicRecord {
                    message: message.text()?,
                    file: message.text()?,
                    line: message.number()? as u32,
                    column: message.number()? as u32,
                    thread: message.text()?,
                    is_told: message.number()? != 0,
                },
                main: message.number()? != 0,
            },
            PANICKED => {
                let is_said = message.number()? != 0;
                let said = message.text()?;
                Record::Panicked(is_said.then_some(said))
            }
            RETURNED_ERROR => Record::ReturnedError(ReturnedError {
                type_name: Some(message.text()?).filter(|name| !name.is_empty()),
                message: message.text()?,
                file: message.text()?,
                line: message.number()? as u32,
                column: message.number()? as u32,
            }),
            CHANGED_TYPE => Record::ChangedType(message.text()?),
            INPUT => {
                let id = message.number()?;
                let has_prompt = message.number()? != 0;
                let prompt = message.text()?;
                Record::Input {
                    id,
                    prompt: has_prompt.then_some(prompt),
                    password: message.number()? != 0,
                }
            }
            STARTED => {
                let (kind, a, b) = (message.number()?, message.number()?, message.number()?);
                let unprotected = match kind {
                    1 => Some(Unprotected::Threads(a as usize)),
                    2 => Some(Unprotected::Memory {
                        resident: a,
                        available: b,
                    }),
                    3 => Some(Unprotected::Fork),
                    _ => None,
                };
                Record::Started { unprotected }
            }
            DONE => Record::Done {
                run: message.number()? as u32,
                nanoseconds: message.number()?,
            },
            WITHDRAWN => Record::Withdrawn {
                nanoseconds: message.number()?,
            },
            FAILED => Record::Failed(message.text()?),
            ANSWER => Record::Answer(message.bytes()?.to_vec()),
            TOLD => Record::Told(message.bytes()?.to_vec()),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_as_they_were() {
        let panic = PanicRecord {
            message: "index out of bounds".into(),
            file: "src/lib.rs".into(),
            line: 7,
            column: 3,
            thread: String::new(),
            is_told: true,
        };
        let error = ReturnedError {
            type_name: None,
            message: String::new(),
            file: "src/lib.rs".into(),
            line: 1,
            column: 2,
        };
        let entry = Entry {
            mime: "image/png".into(),
            content: vec![0, 255],
            form: 1,
        };
        for record in [
            Record::Sync { written: [1, 2] },
            Record::Display {
                kind: 1,
                display_id: "id".into(),
                entries: vec![entry.clone(), entry],
            },
            Record::Clear { wait: true },
            Record::Panic {
                record: panic,
                main: true,
            },
            Record::Panicked(None),
            Record::Panicked(Some("why".into())),
            Record::ReturnedError(error.clone()),
            Record::ReturnedError(ReturnedError {
                type_name: Some("E".into()),
                ..error
            }),
            Record::ChangedType("x".into()),
            Record::Input {
                id: 9,
                prompt: None,
                password: false,
            },
            Record::Input {
                id: 9,
                prompt: Some(String::new()),
                password: true,
            },
            Record::Started { unprotected: None },
            Record::Started {
                unprotected: Some(Unprotected::Memory {
                    resident: 5,
                    available: 6,
                }),
            },
            Record::Started {
                unprotected: Some(Unprotected::Threads(3)),
            },
            Record::Done {
                run: 4,
                nanoseconds: u64::MAX,
            },
            Record::Withdrawn { nanoseconds: 5 },
            Record::Failed("no such file".into()),
            Record::Told(vec![1, 0, 255]),
        ] {
            let (kind, payload) = record.encode();
            assert_eq!(Record::decode(kind, &payload), Some(record));
            if !payload.is_empty() {
                assert_eq!(Record::decode(kind, &payload[..payload.len() - 1]), None);
            }
        }
    }
}
