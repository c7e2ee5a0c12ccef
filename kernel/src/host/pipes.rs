//! The two pipes behind the worker's descriptors 1 and 2: what C code and child processes write. Rust's
//! std does not use them, it writes to the [`ring`](super::ring).

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::Arc;

use super::reader::{Presenter, Source};
use super::ring::Shared;
use super::sys;
use crate::interpreter::Stream;

/// Bytes that a pipe holds, so that a child process need not wait for us.
const CAPACITY: usize = 1 << 20;

/// The kernel's ends: standard output, standard error.
pub struct Pipes {
    ends: [OwnedFd; 2],
    shared: Arc<Shared>,
}

impl Pipes {
    /// The ends that came from the supervisor.
    pub fn new(ends: [OwnedFd; 2], shared: Arc<Shared>) -> Pipes {
        for end in &ends {
            sys::widen_pipe(end, CAPACITY);
        }
        Pipes { ends, shared }
    }

    /// For [`sys::poll`].
    pub fn descriptors(&self) -> [RawFd; 2] {
        [self.ends[0].as_raw_fd(), self.ends[1].as_raw_fd()]
    }

    /// How many bytes wait in each.
    pub fn waiting(&self) -> [usize; 2] {
        self.descriptors().map(sys::pending)
    }

    /// Of so many bytes ever written, how many were not taken yet.
    pub fn not_taken(&self, written: [u64; 2]) -> [usize; 2] {
        let words = self.shared.words();
        [0, 1].map(|index| written[index].saturating_sub(words.taken_from_pipe(index)) as usize)
    }

    /// Takes so many bytes, which wait. Returns their sum.
    pub fn take(&self, lengths: [usize; 2], presenter: &mut Presenter) -> io::Result<usize> {
        let sources = [Source::Pipe(Stream::Stdout), Source::Pipe(Stream::Stderr)];
        for (index, source) in sources.into_iter().enumerate() {
            let mut buffer = vec![0; lengths[index]];
            let mut taken = 0;
            while taken < buffer.len() {
                let (end, rest) = (self.ends[index].as_raw_fd(), &mut buffer[taken..]);
                match self
                    .shared
                    .words()
                    .take_from_pipe(index, || sys::read(end, rest))?
                {
                    0 => break,
                    length => taken += length,
                }
            }
            presenter.bytes(source, &buffer[..taken]);
        }
        Ok(lengths.iter().sum())
    }
}
