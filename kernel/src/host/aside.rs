//! The kernel's end of a call that is made in a copy of the worker: what comes through its pipe, and how the copy
//! ended.

use std::fs::File;
use std::io::{BufReader, Read};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use super::Death;
use super::call::{CallReport, Slot, death_text};

/// What comes through the pipe: a kind, a length, and so many bytes.
pub mod part {
    /// The number of the copy's process.
    pub const PROCESS: u8 = 1;
    /// A piece of the answer.
    pub const ANSWER: u8 = 2;
    /// The function has returned.
    pub const END: u8 = 3;
    /// Why it could not be called.
    pub const FAILED: u8 = 4;
    /// A panic's message.
    pub const PANIC: u8 = 5;
}

/// Reads until the copy has ended. Reports, and gives the process, which waits to be reaped.
pub fn follow(pipe: OwnedFd, slot: &Slot) -> Option<libc::pid_t> {
    let mut pipe = BufReader::new(File::from(pipe));
    let mut process = None;
    let mut report = CallReport::default();
    let (mut panic, mut ended) = (None, false);
    let mut since = Instant::now();
    while let Some((kind, content)) = next(&mut pipe) {
        let text = || String::from_utf8_lossy(&content).into_owned();
        match kind {
            part::PROCESS => {
                let pid = content.try_into().map(libc::pid_t::from_ne_bytes).ok();
                if let Some(pid) = pid {
                    slot.has_process(pid);
                }
                process = pid;
                since = Instant::now();
            }
            part::ANSWER if report.answer.is_empty() => report.answer = content,
            part::ANSWER => report.answer.extend_from_slice(&content),
            part::END => ended = true,
            part::FAILED => report.failed = Some(text()),
            part::PANIC => panic = Some(text()),
            _ => break,
        }
    }
    report.duration = since.elapsed();
    if !ended && report.failed.is_none() {
        let death = process
            .and_then(how_it_ended)
            .filter(|death| *death != Death::Exit(0));
        report.failed = Some(match (panic, death) {
            (Some(message), _) => format!("it panicked: {message}"),
            (None, Some(death)) => death_text(death),
            (None, None) => "its process ended without an answer".to_owned(),
        });
    } else if ended && report.answer.is_empty() && report.failed.is_none() {
        report.failed = Some(panic.map_or("it gave no answer".to_owned(), |message| {
            format!("it panicked: {message}")
        }));
    }
    slot.report(report);
    process
}

fn next(pipe: &mut impl Read) -> Option<(u8, Vec<u8>)> {
    let mut header = [0; 9];
    pipe.read_exact(&mut header).ok()?;
    let (kind, length) = header.split_first()?;
    let length = u64::from_ne_bytes(length.try_into().ok()?);
    let mut content = Vec::new();
    let read = pipe.take(length).read_to_end(&mut content).ok()?;
    (read as u64 == length).then_some((*kind, content))
}

/// How long a process takes at most to end when its pipes are closed.
pub const ENDING: Duration = Duration::from_secs(1);

/// The end of a process that nobody has reaped yet, from its last line in `/proc`.
fn how_it_ended(process: libc::pid_t) -> Option<Death> {
    let since = Instant::now();
    loop {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        // The name, in parentheses, may contain anything.
        let (_, fields) = stat.rsplit_once(')')?;
        let mut fields = fields.split_whitespace();
        // Until it is a zombie, it has no status.
        if fields.next() != Some("Z") && since.elapsed() < ENDING {
            std::thread::sleep(Duration::from_millis(1));
            continue;
        }
        let status: i32 = fields.last()?.parse().ok()?;
        return Some(match libc::WIFSIGNALED(status) {
            true => Death::Signal(libc::WTERMSIG(status)),
            false => Death::Exit(libc::WEXITSTATUS(status)),
        });
    }
}
