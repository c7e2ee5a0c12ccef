//! The memory that the kernel, the supervisor and the worker share: one stream of records from the
//! worker to the kernel, and the few words by which the three agree on the state of the run.
//!
//! One process writes and one reads. A record is invisible until its last byte is there (`head` is
//! stored last), so a writer that dies leaves nothing partial. A message longer than a record is cut
//! into fragments; a message that was never finished is forgotten when the next one begins.
//! What the bytes mean is [`record`](super::record)'s business.

use std::io;
use std::os::fd::{BorrowedFd, RawFd};
use std::sync::atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering, fence};
use std::time::Duration;

use super::sys;

/// Bytes of records that can wait for the kernel.
const CAPACITY: u64 = 8 << 20;
/// The most payload of one fragment.
const FRAGMENT: usize = 256 << 10;
/// Where records begin: behind the words, on a page of their own.
const DATA: usize = 4096;
/// Size of the whole.
pub const SIZE: usize = DATA + CAPACITY as usize;

/// Bytes before each payload: its length, its kind and flags.
const HEADER: u64 = 8;
const FIRST: u32 = 1 << 30;
const LAST: u32 = 1 << 31;
const URGENT: u32 = 1 << 29;
const KIND: u32 = 0xffff;

/// What the reader does, so that the writer knows whether a wake-up is needed.
mod reader {
    /// It looks by itself.
    pub const AWAKE: u32 = 0;
    /// It waits for the next record.
    pub const ASLEEP: u32 = 1;
    /// It rests for a moment to take many records at once; only urgent ones wake it.
    pub const RESTING: u32 = 2;
}

/// The words at the start of the shared memory.
#[repr(C)]
pub struct Words {
    /// Bytes ever written.
    head: AtomicU64,
    /// Keeps the two ends' words out of each other's cache lines.
    _apart: [u64; 15],
    /// Bytes ever read.
    tail: AtomicU64,
    reader: AtomicU32,
    /// Counts how often room was made while the writer waited for it.
    room: AtomicU32,
    writer_waits: AtomicU32,
    /// The process that runs cells.
    pub worker: AtomicI32,
    /// The last snapshot, while there is one.
    pub snapshot: AtomicI32,
    /// What the snapshot of a run shall do: see [`order`].
    pub order: AtomicU32,
    /// Where the run stands: see [`run`].
    pub run: AtomicU64,
    /// How many urgent messages were written.
    urgent: AtomicU32,
    /// Odd while the reader takes bytes out of a pipe.
    taking: AtomicU32,
    /// Bytes that the reader ever took out of the two pipes beside the stream.
    taken: [AtomicU64; 2],
}

impl Words {
    /// For the reader: `take` takes bytes out of pipe `index` and returns how many.
    pub fn take_from_pipe<E>(
        &self,
        index: usize,
        take: impl FnOnce() -> Result<usize, E>,
    ) -> Result<usize, E> {
        self.taking.fetch_add(1, Ordering::SeqCst);
        let result = take();
        if let Ok(length) = &result {
            self.taken[index].fetch_add(*length as u64, Ordering::SeqCst);
        }
        self.taking.fetch_add(1, Ordering::SeqCst);
        result
    }

    /// How many bytes the reader ever took out of pipe `index`.
    pub fn taken_from_pipe(&self, index: usize) -> u64 {
        self.taken[index].load(Ordering::SeqCst)
    }

    /// For the writer: how many bytes were ever written to the two pipes; `pending` counts what
    /// waits in each.
    pub fn written_to_pipes(&self, pending: impl Fn(usize) -> usize) -> [u64; 2] {
        loop {
            let before = self.taking.load(Ordering::SeqCst);
            let written = [0, 1].map(|index| self.taken_from_pipe(index) + pending(index) as u64);
            if before.is_multiple_of(2) && self.taking.load(Ordering::SeqCst) == before {
                return written;
            }
            std::hint::spin_loop();
        }
    }
}

/// Orders to the snapshot, `run << 2 | order`. One of another run means that it is superseded.
pub mod order {
    pub const SLEEP: u32 = 0;
    /// The run is over: end.
    pub const COMMIT: u32 = 1;
    /// The worker died: be the worker.
    pub const TAKE_OVER: u32 = 2;
    /// There is no snapshot of this run.
    pub const ABSENT: u32 = 3;

    /// The word for an order to the snapshot of `run`.
    pub fn word(run: u32, order: u32) -> u32 {
        run << 2 | order
    }
}

/// States of a run, `run << 2 | state`. Whoever changes RUNNING first, by compare and exchange, has
/// decided between its regular end and its interruption.
pub mod run {
    pub const RUNNING: u64 = 1;
    pub const FINISHED: u64 = 2;
    pub const INTERRUPTED: u64 = 3;

    /// The word for a state of `run`.
    pub fn word(run: u32, state: u64) -> u64 {
        u64::from(run) << 2 | state
    }
}

/// A mapping of the shared memory.
pub struct Shared {
    base: *mut u8,
}

// SAFETY: the words are atomics; the bytes of records are handed over by `head` and `tail`, with one
// writer (under its process's lock) and one reader.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Shared {
    /// Maps memory of [`SIZE`] bytes, fresh or already in use.
    pub fn map(memory: BorrowedFd<'_>) -> io::Result<Shared> {
        Ok(Shared {
            base: sys::map(memory, SIZE)?,
        })
    }

    /// The shared words.
    pub fn words(&self) -> &Words {
        // SAFETY: the mapping is page-aligned, larger than `Words`, zeroed when fresh, and all
        // zeroes are valid words; it lives as long as `self`.
        unsafe { &*self.base.cast::<Words>() }
    }

    fn copy_in(&self, position: u64, bytes: &[u8]) {
        let at = (position % CAPACITY) as usize;
        let first = bytes.len().min(CAPACITY as usize - at);
        // SAFETY: both parts lie inside the data area, and the reader does not look at them before
        // `head` is stored.
        unsafe {
            let data = self.base.add(DATA);
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), data.add(at), first);
            std::ptr::copy_nonoverlapping(bytes.as_ptr().add(first), data, bytes.len() - first);
        }
    }

    fn copy_out(&self, position: u64, length: usize, into: &mut Vec<u8>) {
        let at = (position % CAPACITY) as usize;
        let first = length.min(CAPACITY as usize - at);
        into.reserve(length);
        // SAFETY: both parts lie inside the data area, and the writer does not touch them before
        // `tail` is stored; room for them was just reserved.
        unsafe {
            let data = self.base.add(DATA);
            let end = into.as_mut_ptr().add(into.len());
            std::ptr::copy_nonoverlapping(data.add(at), end, first);
            std::ptr::copy_nonoverlapping(data, end.add(first), length - first);
            into.set_len(into.len() + length);
        }
    }

    fn header(&self, position: u64) -> (u32, u32) {
        let at = (position % CAPACITY) as usize;
        // SAFETY: records are aligned to eight bytes and the capacity is a multiple of eight, so a
        // header never wraps.
        let word = unsafe { self.base.add(DATA + at).cast::<u64>().read() };
        (word as u32, (word >> 32) as u32)
    }

    /// Writes a message. Waits while there is no room. Only one thread of one process may be in here.
    /// `wake` is the reader's [`waker`](sys::waker); an `urgent` message ends its rest.
    pub fn write(&self, kind: u16, message: &[u8], urgent: bool, wake: RawFd) {
        let mut flags = FIRST | if urgent { URGENT } else { 0 };
        let mut rest = message;
        loop {
            let (part, more) = rest.split_at(rest.len().min(FRAGMENT));
            if more.is_empty() {
                flags |= LAST;
            }
            self.write_fragment(u32::from(kind) | flags, part, wake);
            if more.is_empty() {
                return;
            }
            (flags, rest) = (flags & URGENT, more);
        }
    }

    fn write_fragment(&self, kind: u32, payload: &[u8], wake: RawFd) {
        let words = self.words();
        let need = HEADER + (payload.len() as u64).next_multiple_of(8);
        let head = words.head.load(Ordering::Relaxed);
        self.wait_for_room(head, need, wake);
        let header = u64::from(kind) << 32 | payload.len() as u64;
        self.copy_in(head, &header.to_ne_bytes());
        self.copy_in(head + HEADER, payload);
        words.head.store(head + need, Ordering::Release);
        let urgent = kind & URGENT != 0 && kind & LAST != 0;
        if urgent {
            words.urgent.fetch_add(1, Ordering::SeqCst);
        }
        // Either this load sees that the reader is about to sleep, or the reader's last look at
        // `head` sees the record.
        fence(Ordering::SeqCst);
        let waits_for = words.reader.load(Ordering::Relaxed);
        let filling = head + need - words.tail.load(Ordering::Relaxed) > CAPACITY / 2;
        if waits_for == reader::ASLEEP || (waits_for == reader::RESTING && (urgent || filling)) {
            self.wake_reader(wake);
        }
    }

    fn wake_reader(&self, wake: RawFd) {
        if self.words().reader.swap(reader::AWAKE, Ordering::AcqRel) != reader::AWAKE {
            sys::wake(wake);
        }
    }

    fn wait_for_room(&self, head: u64, need: u64, wake: RawFd) {
        let words = self.words();
        loop {
            if head + need - words.tail.load(Ordering::Acquire) <= CAPACITY {
                return;
            }
            let seen = words.room.load(Ordering::SeqCst);
            words.writer_waits.store(1, Ordering::SeqCst);
            fence(Ordering::SeqCst);
            if head + need - words.tail.load(Ordering::SeqCst) <= CAPACITY {
                words.writer_waits.store(0, Ordering::SeqCst);
                return;
            }
            self.wake_reader(wake);
            sys::futex_wait(&words.room, seen, Some(Duration::from_millis(100)));
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // SAFETY: `base` is ours and `self` was its last user.
        unsafe { sys::unmap(self.base, SIZE) };
    }
}

/// The shared memory holds what no writer writes: user code wrote over it.
#[derive(Debug, thiserror::Error)]
#[error("the memory shared with the host process was overwritten")]
pub struct Corrupt;

/// The kernel's end of the stream of records.
pub struct Reader {
    shared: std::sync::Arc<Shared>,
    message: Vec<u8>,
    tail: u64,
    /// Urgent messages read so far.
    urgent: u32,
}

impl Reader {
    /// Reads from the start.
    pub fn new(shared: std::sync::Arc<Shared>) -> Reader {
        Reader {
            shared,
            message: Vec::new(),
            tail: 0,
            urgent: 0,
        }
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.shared.words().head.load(Ordering::Acquire) == self.tail
    }

    /// The next message, if one is complete: its kind and bytes.
    pub fn next(&mut self) -> Result<Option<(u16, &[u8])>, Corrupt> {
        loop {
            let head = self.shared.words().head.load(Ordering::Acquire);
            if head == self.tail {
                self.release();
                return Ok(None);
            }
            let (length, kind) = self.shared.header(self.tail);
            let size = HEADER + u64::from(length).next_multiple_of(8);
            let waiting = head.wrapping_sub(self.tail);
            if length as usize > FRAGMENT || size > waiting || waiting > CAPACITY {
                return Err(Corrupt);
            }
            if kind & FIRST != 0 {
                self.message.clear();
            }
            self.shared
                .copy_out(self.tail + HEADER, length as usize, &mut self.message);
            self.tail += size;
            if self.tail - self.shared.words().tail.load(Ordering::Relaxed) > CAPACITY / 16 {
                self.release();
            }
            if kind & LAST != 0 {
                self.urgent = self.urgent.wrapping_add(u32::from(kind & URGENT != 0));
                return Ok(Some(((kind & KIND) as u16, &self.message)));
            }
        }
    }

    /// Gives the room of what was read back to the writer.
    fn release(&self) {
        let words = self.shared.words();
        words.tail.store(self.tail, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        if words.writer_waits.swap(0, Ordering::SeqCst) != 0 {
            words.room.fetch_add(1, Ordering::SeqCst);
            sys::futex_wake(&words.room);
        }
    }

    /// Announces that the reader will sleep on its waker; `false` if there is something to read.
    /// With `rest`, only urgent messages (or many) count and wake it. [`Reader::awake`] must follow.
    pub fn sleep(&self, rest: bool) -> bool {
        let words = self.shared.words();
        let state = if rest { reader::RESTING } else { reader::ASLEEP };
        words.reader.store(state, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        let may_sleep = match rest {
            true => {
                let waiting = words.head.load(Ordering::SeqCst).wrapping_sub(self.tail);
                words.urgent.load(Ordering::SeqCst) == self.urgent && waiting <= CAPACITY / 2
            }
            false => self.is_empty(),
        };
        if may_sleep {
            return true;
        }
        words.reader.store(reader::AWAKE, Ordering::SeqCst);
        false
    }

    /// Announces that the reader looks by itself again.
    pub fn awake(&self) {
        self.shared.words().reader.store(reader::AWAKE, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::{AsFd, AsRawFd};
    use std::sync::Arc;

    use super::*;

    fn ring() -> (Arc<Shared>, Reader, std::os::fd::OwnedFd) {
        let memory = sys::shared_memory(SIZE).unwrap();
        let shared = Arc::new(Shared::map(memory.as_fd()).unwrap());
        (Arc::clone(&shared), Reader::new(shared), sys::waker().unwrap())
    }

    #[test]
    fn messages_of_all_sizes_arrive_in_order_and_the_writer_waits_for_room() {
        let (writer, mut reader, waker) = ring();
        let wake = waker.as_raw_fd();
        let length =
            |index: usize| index * 7919 % 100_000 + if index.is_multiple_of(500) { 3 << 20 } else { 0 };
        let thread = std::thread::spawn(move || {
            for index in 0..2000 {
                writer.write(index as u16, &vec![index as u8; length(index)], false, wake);
            }
        });
        let mut index = 0;
        while index < 2000 {
            while let Some((kind, message)) = reader.next().unwrap() {
                assert_eq!((kind, message.len()), (index as u16, length(index)));
                assert!(message.iter().all(|&byte| byte == index as u8));
                index += 1;
            }
            if reader.sleep(index % 2 == 0) {
                sys::poll(&mut [sys::readable(wake)], Some(Duration::from_millis(2))).unwrap();
                reader.awake();
                sys::clear(wake);
            }
        }
        thread.join().unwrap();
    }

    #[test]
    fn a_message_that_was_cut_off_is_forgotten() {
        let (writer, mut reader, waker) = ring();
        writer.write_fragment(FIRST | 3, b"half of", waker.as_raw_fd());
        writer.write(4, b"whole", false, waker.as_raw_fd());
        assert_eq!(reader.next().unwrap(), Some((4, &b"whole"[..])));
        assert_eq!(reader.next().unwrap(), None);
    }

    #[test]
    fn overwritten_memory_is_noticed() {
        let (writer, mut reader, waker) = ring();
        writer.write(4, b"whole", false, waker.as_raw_fd());
        writer.copy_in(0, &[0xff; 8]);
        assert!(reader.next().is_err());
    }
}
