//! A cell that took its process with it, and one that was interrupted.

use super::compile::one_line;
use super::snippet;
use crate::host::{Death, Unprotected};
use crate::interpreter::CellError;

/// What became of the notebook's variables when the process died.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variables {
    /// A snapshot from before the cell took over.
    Kept,
    /// There was no snapshot, and why.
    Lost(Unprotected),
}

impl Variables {
    /// From [`RunReport::unprotected`](crate::host::RunReport::unprotected).
    pub fn new(unprotected: Option<Unprotected>) -> Self {
        unprotected.map_or(Variables::Kept, Variables::Lost)
    }

    fn sentence(self) -> String {
        let reason = match self {
            Variables::Kept => {
                return "every variable is as it was before this cell".to_owned();
            }
            Variables::Lost(Unprotected::Threads(1)) => {
                "a thread was still running, which a snapshot cannot carry".to_owned()
            }
            Variables::Lost(Unprotected::Threads(count)) => {
                format!("{count} threads were still running, which a snapshot cannot carry")
            }
            Variables::Lost(Unprotected::Memory { resident, available }) => format!(
                "the process uses {} of memory and only {} is free, too little for a snapshot",
                size(resident),
                size(available)
            ),
            Variables::Lost(Unprotected::Fork) => "this system allowed no snapshot of the process".to_owned(),
        };
        format!("all variables are lost, because {reason}; run the cells that make them again")
    }
}

/// The error of a cell that ended its process. `stderr` is the end of what it wrote there, in which
/// the standard library announces a stack overflow.
pub fn death(death: Death, stderr: &str, variables: Variables) -> CellError {
    let (ename, evalue) = match death {
        Death::Exit(status) => (
            "ProcessExit".to_owned(),
            format!("the cell called process::exit({status})"),
        ),
        Death::Signal(signal) if overflowed(signal, stderr) => (
            "StackOverflow".to_owned(),
            "the stack overflowed: the cell recurses too deeply, or keeps very large values on the stack"
                .to_owned(),
        ),
        Death::Signal(signal) => {
            let (name, sentence) = signal_words(signal);
            (name.unwrap_or_else(|| format!("signal {signal}")), sentence)
        }
    };
    let traceback = snippet::named_message("error", &evalue, None, &[]);
    ending(ename, evalue, traceback, variables)
}

/// The error of a cell that was interrupted.
pub fn interrupted(variables: Variables) -> CellError {
    let evalue = "the cell was interrupted".to_owned();
    let traceback = snippet::named_message("interrupted", "the cell was stopped", None, &[]);
    ending("Interrupted".to_owned(), evalue, traceback, variables)
}

fn ending(ename: String, evalue: String, mut traceback: Vec<String>, variables: Variables) -> CellError {
    traceback.push(format!("  = {}", snippet::safe(&variables.sentence())));
    CellError {
        ename,
        evalue: one_line(&evalue),
        traceback,
    }
}

fn overflowed(signal: i32, stderr: &str) -> bool {
    matches!(signal, libc::SIGABRT | libc::SIGSEGV | libc::SIGBUS)
        && stderr.contains("has overflowed its stack")
}

/// The name of a signal and what it means for a cell.
fn signal_words(signal: i32) -> (Option<String>, String) {
    let (name, sentence) = match signal {
        libc::SIGSEGV => ("SIGSEGV", "the cell accessed memory it does not own"),
        libc::SIGBUS => (
            "SIGBUS",
            "the cell accessed memory that is not there, such as a mapped file that shrank",
        ),
        libc::SIGABRT => (
            "SIGABRT",
            "the cell aborted: `abort()`, a panic inside a panic, or a failed check in a C library",
        ),
        libc::SIGILL => (
            "SIGILL",
            "the cell reached an instruction that this processor does not have",
        ),
        libc::SIGTRAP => (
            "SIGTRAP",
            "the cell reached a trap, as compilers place where code must not go",
        ),
        libc::SIGFPE => (
            "SIGFPE",
            "the cell made an arithmetic error that the processor refuses",
        ),
        libc::SIGKILL => (
            "SIGKILL",
            "the cell's process was killed from outside; the system does so when memory runs out",
        ),
        libc::SIGTERM => ("SIGTERM", "the cell's process was asked to end from outside"),
        libc::SIGINT => ("SIGINT", "the cell's process was interrupted from outside"),
        libc::SIGHUP => ("SIGHUP", "the cell's process lost its terminal"),
        libc::SIGQUIT => ("SIGQUIT", "the cell's process was asked to quit from outside"),
        libc::SIGPIPE => (
            "SIGPIPE",
            "the cell wrote to a pipe or a connection that the other side had closed",
        ),
        libc::SIGALRM => ("SIGALRM", "a timer that the cell set ran out"),
        libc::SIGXCPU => (
            "SIGXCPU",
            "the cell used more processor time than the system allows it",
        ),
        libc::SIGXFSZ => (
            "SIGXFSZ",
            "the cell wrote a larger file than the system allows it",
        ),
        libc::SIGSYS => ("SIGSYS", "the cell made a system call that is not allowed"),
        libc::SIGUSR1 => ("SIGUSR1", "the cell's process was ended by the signal SIGUSR1"),
        libc::SIGUSR2 => ("SIGUSR2", "the cell's process was ended by the signal SIGUSR2"),
        _ => return (None, format!("the cell's process was ended by signal {signal}")),
    };
    (Some(name.to_owned()), sentence.to_owned())
}

/// A number of bytes, to one decimal of the unit that fits.
fn size(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if value < 1024.0 {
            return if unit == "B" {
                format!("{bytes} B")
            } else {
                format!("{value:.1} {unit}")
            };
        }
        value /= 1024.0;
    }
    format!("{value:.1} TiB")
}

#[cfg(test)]
mod tests {
    use super::super::snippet::plain;
    use super::*;

    #[test]
    fn a_segfault_in_plain_words() {
        let error = death(Death::Signal(libc::SIGSEGV), "", Variables::Kept);
        assert_eq!(error.ename, "SIGSEGV");
        assert_eq!(error.evalue, "the cell accessed memory it does not own");
        assert_eq!(
            plain(&error.traceback),
            "error: the cell accessed memory it does not own\n  = every variable is as it was before this cell"
        );
    }

    #[test]
    fn a_stack_overflow_is_told_from_other_aborts() {
        let said =
            "\nthread 'main' (12) has overflowed its stack\nfatal runtime error: stack overflow, aborting\n";
        assert_eq!(
            death(Death::Signal(libc::SIGABRT), said, Variables::Kept).ename,
            "StackOverflow"
        );
        assert_eq!(
            death(Death::Signal(libc::SIGSEGV), said, Variables::Kept).ename,
            "StackOverflow"
        );
        assert_eq!(
            death(Death::Signal(libc::SIGABRT), "", Variables::Kept).ename,
            "SIGABRT"
        );
        assert_eq!(
            death(Death::Signal(libc::SIGKILL), said, Variables::Kept).ename,
            "SIGKILL"
        );
    }

    #[test]
    fn an_exit_names_its_status() {
        let error = death(Death::Exit(3), "", Variables::Kept);
        assert_eq!(
            (error.ename.as_str(), error.evalue.as_str()),
            ("ProcessExit", "the cell called process::exit(3)")
        );
    }

    #[test]
    fn an_unknown_signal_is_named_by_its_number() {
        let error = death(Death::Signal(60), "", Variables::Kept);
        assert_eq!(
            (error.ename.as_str(), error.evalue.as_str()),
            ("signal 60", "the cell's process was ended by signal 60")
        );
    }

    #[test]
    fn lost_variables_say_why() {
        for (unprotected, why) in [
            (
                Unprotected::Threads(1),
                "a thread was still running, which a snapshot cannot carry",
            ),
            (
                Unprotected::Threads(4),
                "4 threads were still running, which a snapshot cannot carry",
            ),
            (
                Unprotected::Memory {
                    resident: 3 << 30,
                    available: 512 << 20,
                },
                "the process uses 3.0 GiB of memory and only 512.0 MiB is free, too little for a snapshot",
            ),
            (
                Unprotected::Fork,
                "this system allowed no snapshot of the process",
            ),
        ] {
            let error = interrupted(Variables::new(Some(unprotected)));
            assert_eq!(error.ename, "Interrupted");
            assert_eq!(
                plain(&error.traceback),
                format!(
                    "interrupted: the cell was stopped\n  = all variables are lost, because {why}; run the cells that make them again"
                )
            );
        }
    }
}
