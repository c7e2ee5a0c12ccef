//! The messages between the kernel and the processes of the host, besides the worker's records: one
//! socket to the supervisor, one to the worker, one for lines of input.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::Death;
use super::bytes::{Builder, Parser};

/// The environment variable that tells the supervisor where the kernel listens.
pub const SOCKET: &str = "CELLAR_HOST_SOCKET";

/// The descriptors that the supervisor sends with its first message, in this order.
pub mod handed {
    /// evcxr's commands.
    pub const EVCXR_IN: usize = 0;
    /// Where evcxr reads answers.
    pub const EVCXR_OUT: usize = 1;
    /// The [`ring`](crate::host::ring)'s memory.
    pub const MEMORY: usize = 2;
    /// Wakes the reader of the ring.
    pub const WAKER: usize = 3;
    /// What others than Rust's std write to standard output and standard error.
    pub const STDOUT: usize = 4;
    pub const STDERR: usize = 5;
    /// [`Order`](super::Order)s to the worker.
    pub const ORDERS: usize = 6;
    /// [`Answer`](super::Answer)s to the worker.
    pub const ANSWERS: usize = 7;
    /// How many there are.
    pub const COUNT: usize = 8;
}

/// Length of every message on the supervisor's socket.
pub const SUPERVISOR_MESSAGE: usize = 16;

/// From the supervisor to the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// The first message; the descriptors come with it.
    Hello,
    /// The worker died. With `recovered` its snapshot is the worker now, else the supervisor ends.
    Died { death: Death, recovered: bool },
}

impl Notice {
    /// The message.
    pub fn encode(self) -> [u8; SUPERVISOR_MESSAGE] {
        let (kind, status, recovered) = match self {
            Notice::Hello => (1u32, 0, false),
            Notice::Died {
                death: Death::Signal(signal),
                recovered,
            } => (2, signal, recovered),
            Notice::Died {
                death: Death::Exit(status),
                recovered,
            } => (3, status, recovered),
        };
        let mut message = [0; SUPERVISOR_MESSAGE];
        message[..4].copy_from_slice(&kind.to_ne_bytes());
        message[4..8].copy_from_slice(&status.to_ne_bytes());
        message[8] = u8::from(recovered);
        message
    }

    /// The notice of a message.
    pub fn decode(message: &[u8; SUPERVISOR_MESSAGE]) -> Option<Notice> {
        let kind = u32::from_ne_bytes(*message.first_chunk()?);
        let status = i32::from_ne_bytes(*message[4..].first_chunk()?);
        let recovered = message[8] != 0;
        match kind {
            1 => Some(Notice::Hello),
            2 => Some(Notice::Died {
                death: Death::Signal(status),
                recovered,
            }),
            3 => Some(Notice::Died {
                death: Death::Exit(status),
                recovered,
            }),
            _ => None,
        }
    }
}

/// From the kernel to the supervisor: interrupt this run. Anything else is said by closing the socket.
pub fn interrupt_message(run: u32) -> [u8; SUPERVISOR_MESSAGE] {
    let mut message = [0; SUPERVISOR_MESSAGE];
    message[..4].copy_from_slice(&run.to_ne_bytes());
    message
}

/// The run of an [`interrupt_message`].
pub fn interrupted_run(message: &[u8; SUPERVISOR_MESSAGE]) -> u32 {
    let [a, b, c, d, ..] = *message;
    u32::from_ne_bytes([a, b, c, d])
}

/// A compiled cell: a library and the `extern "C" fn(*mut c_void) -> *mut c_void` in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellFunction {
    pub library: PathBuf,
    pub function: String,
}

/// A function of a library that is no cell, and what it gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    pub library: PathBuf,
    pub function: String,
    pub argument: Vec<u8>,
}

/// From the kernel to the worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Load these before any cell.
    Load { std: PathBuf, runtime: PathBuf },
    /// Run a cell.
    Run { run: u32, cell: CellFunction },
    /// Call a function; a run like a cell's.
    Call {
        run: u32,
        protected: bool,
        function: Function,
    },
    /// Call a function in a copy of the worker. The copy's end of a pipe comes along.
    CallAside { function: Function },
    /// A copy has ended and nobody wants to know more of it.
    Reap { copy: i32 },
    /// Drop variables; a run like a cell's.
    Forget { run: u32, names: Vec<String> },
}

impl Order {
    /// The message.
    pub fn encode(&self) -> Vec<u8> {
        let path = |path: &Path| path.as_os_str().as_bytes().to_vec();
        let called = |message: Builder, function: &Function| {
            message
                .bytes(&path(&function.library))
                .bytes(function.function.as_bytes())
                .bytes(&function.argument)
        };
        let message = Builder::default();
        match self {
            Order::Load { std, runtime } => message.number(1).bytes(&path(std)).bytes(&path(runtime)),
            Order::Run { run, cell } => message
                .number(2)
                .number(u64::from(*run))
                .bytes(&path(&cell.library))
                .bytes(cell.function.as_bytes()),
            Order::Call {
                run,
                protected,
                function,
            } => {
                let message = message
                    .number(3)
                    .number(u64::from(*run))
                    .number(u64::from(*protected));
                called(message, function)
            }
            Order::CallAside { function } => called(message.number(4), function),
            Order::Reap { copy } => message.number(5).number(u64::from(copy.unsigned_abs())),
            Order::Forget { run, names } => {
                let message = message
                    .number(6)
                    .number(u64::from(*run))
                    .number(names.len() as u64);
                names
                    .iter()
                    .fold(message, |message, name| message.bytes(name.as_bytes()))
            }
        }
        .finish()
    }

    /// The order of a message.
    pub fn decode(message: &[u8]) -> Option<Order> {
        let path = |bytes: &[u8]| PathBuf::from(OsStr::from_bytes(bytes));
        let called = |message: &mut Parser<'_>| {
            Some(Function {
                library: path(message.bytes()?),
                function: message.text()?,
                argument: message.bytes()?.to_vec(),
            })
        };
        let mut message = Parser(message);
        Some(match message.number()? {
            1 => Order::Load {
                std: path(message.bytes()?),
                runtime: path(message.bytes()?),
            },
            2 => Order::Run {
                run: message.number()? as u32,
                cell: CellFunction {
                    library: path(message.bytes()?),
                    function: message.text()?,
                },
            },
            3 => Order::Call {
                run: message.number()? as u32,
                protected: message.number()? != 0,
                function: called(&mut message)?,
            },
            4 => Order::CallAside {
                function: called(&mut message)?,
            },
            5 => Order::Reap {
                copy: i32::try_from(message.number()?).ok()?,
            },
            6 => Order::Forget {
                run: message.number()? as u32,
                names: (0..message.number()?)
                    .map(|_| message.text())
                    .collect::<Option<_>>()?,
            },
            _ => return None,
        })
    }
}

/// The longest message on the sockets to the worker.
pub const LONGEST: usize = 64 << 10;
const ANSWER_PART: usize = 32 << 10;

/// How a request for input ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A line without its end.
    Line(Vec<u8>),
    /// Nobody can be asked.
    NotAllowed,
    /// End of file.
    Closed,
}

impl Answer {
    /// The messages that carry the answer to request `id`.
    pub fn encode(&self, id: u64) -> Vec<Vec<u8>> {
        let message = |kind: u64, more: bool, part: &[u8]| {
            Builder::default()
                .number(id)
                .number(kind)
                .number(u64::from(more))
                .bytes(part)
                .finish()
        };
        match self {
            Answer::NotAllowed => vec![message(1, false, b"")],
            Answer::Closed => vec![message(2, false, b"")],
            Answer::Line(line) if line.is_empty() => vec![message(0, false, b"")],
            Answer::Line(line) => {
                let count = line.len().div_ceil(ANSWER_PART);
                let parts = line.chunks(ANSWER_PART).enumerate();
                parts
                    .map(|(index, part)| message(0, index + 1 < count, part))
                    .collect()
            }
        }
    }
}

/// Puts an [`Answer`] together from its messages.
#[derive(Default)]
pub struct AnswerParts(Vec<u8>);

impl AnswerParts {
    /// Adds a message. Gives the answer when it is whole; messages for other requests than `id` are
    /// left-overs of a worker that died, and ignored.
    pub fn add(&mut self, id: u64, message: &[u8]) -> Option<Answer> {
        let mut message = Parser(message);
        if message.number()? != id {
            return None;
        }
        match message.number()? {
            1 => return Some(Answer::NotAllowed),
            2 => return Some(Answer::Closed),
            _ => {}
        }
        let more = message.number()? != 0;
        self.0.extend_from_slice(message.bytes()?);
        (!more).then(|| Answer::Line(std::mem::take(&mut self.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function() -> Function {
        Function {
            library: "/x.so".into(),
            function: "f".into(),
            argument: vec![0, 255],
        }
    }

    #[test]
    fn messages_come_back_as_they_were() {
        for notice in [
            Notice::Hello,
            Notice::Died {
                death: Death::Signal(11),
                recovered: true,
            },
            Notice::Died {
                death: Death::Exit(3),
                recovered: false,
            },
        ] {
            assert_eq!(Notice::decode(&notice.encode()), Some(notice));
        }
        for order in [
            Order::Load {
                std: "/a b".into(),
                runtime: "/c".into(),
            },
            Order::Run {
                run: 7,
                cell: CellFunction {
                    library: "/x.so".into(),
                    function: "f".into(),
                },
            },
            Order::Call {
                run: 8,
                protected: true,
                function: function(),
            },
            Order::CallAside { function: function() },
            Order::Reap { copy: 77 },
            Order::Forget {
                run: 9,
                names: vec!["a".into(), String::new()],
            },
        ] {
            assert_eq!(Order::decode(&order.encode()), Some(order));
        }
        assert_eq!(interrupted_run(&interrupt_message(77)), 77);
    }

    #[test]
    fn long_answers_travel_in_parts_and_stale_ones_are_ignored() {
        for answer in [
            Answer::Line(vec![b'x'; 3 * ANSWER_PART + 1]),
            Answer::Line(Vec::new()),
            Answer::NotAllowed,
            Answer::Closed,
        ] {
            let mut parts = AnswerParts::default();
            assert_eq!(parts.add(2, &Answer::Line(b"old".to_vec()).encode(1)[0]), None);
            let messages = answer.encode(2);
            assert!(messages.iter().all(|message| message.len() <= LONGEST));
            let whole: Vec<_> = messages
                .iter()
                .filter_map(|message| parts.add(2, message))
                .collect();
            assert_eq!(whole, [answer]);
        }
    }
}
