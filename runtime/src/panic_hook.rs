//! The panic hook of the user's world.
//!
//! `set_hook` and `take_hook` do in cells what they do anywhere. But the error of a cell needs the panic's message and place. So
//! when the next cell begins, a hook that the user has set is put behind one that notes both, and what std's own
//! hook would print, Cellar tells in its place.

use std::any::Any;
use std::cell::Cell;
use std::io::Write;
use std::panic::PanicHookInfo;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use crate::host::{self, Teller};

type Hook = Box<dyn Fn(&PanicHookInfo<'_>) + Sync + Send>;

thread_local! {
    /// Set in the thread that runs cells. That thread is not std's main thread here (std did not
    /// start this process), so its name tells nothing.
    static RUNS_CELLS: Cell<bool> = const { Cell::new(false) };
}

/// std's own hook, which `take_hook` leaves behind.
static OF_STD: OnceLock<Hook> = OnceLock::new();
/// The hook that was installed here last.
static INSTALLED: Mutex<Option<Installed>> = Mutex::new(None);

/// Tells a hook from others. Another one may come to stand in its place in memory, but only when it is gone.
struct Installed {
    alive: Weak<()>,
    address: usize,
}

/// Called once, before there are cells, from the thread that runs them.
pub fn start() {
    let _ = RUNS_CELLS.try_with(|it| it.set(true));
    let _ = OF_STD.set(std::panic::take_hook());
    install(None);
}

/// A cell is about to run: finds out what earlier ones have done to the hook.
#[unsafe(no_mangle)]
extern "C" fn cellar_runtime_cell_begins() {
    let current = std::panic::take_hook();
    if is_installed(&current) {
        std::panic::set_hook(current);
    } else if is_of_std(&current) {
        install(None);
    } else {
        install(Some(current));
    }
}

/// A cell ended by unwinding. The payload tells why, also if no hook of ours has seen the panic.
#[unsafe(no_mangle)]
extern "Rust" fn cellar_runtime_panicked(payload: Box<dyn Any + Send>) {
    host::ended_by_panic(&message(&*payload));
}

fn install(users: Option<Hook>) {
    let alive = Arc::new(());
    let installed = Arc::downgrade(&alive);
    let hook: Hook = Box::new(move |info| {
        let _alive = &alive;
        match &users {
            Some(users) => {
                report(info, Teller::User);
                users(info);
            }
            None => report(info, Teller::Cellar),
        }
    });
    *INSTALLED.lock().unwrap_or_else(PoisonError::into_inner) = Some(Installed {
        alive: installed,
        address: address(&hook),
    });
    std::panic::set_hook(hook);
}

fn is_installed(hook: &Hook) -> bool {
    let installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
    installed
        .as_ref()
        .is_some_and(|it| it.address == address(hook) && it.alive.strong_count() > 0)
}

/// std makes the pointer in one place, table of functions included. A hook that is not known as std's is a user's, and called.
fn is_of_std(hook: &Hook) -> bool {
    OF_STD
        .get()
        .is_some_and(|of_std| std::ptr::eq(&raw const **of_std, &raw const **hook))
}

fn address(hook: &Hook) -> usize {
    (&raw const **hook).cast::<()>().addr()
}

fn report(info: &PanicHookInfo<'_>, teller: Teller) {
    let (file, line, column) = match info.location() {
        Some(location) => (location.file(), location.line(), location.column()),
        None => ("", 0, 0),
    };
    let message = message(info.payload());
    let current;
    let thread = if RUNS_CELLS.try_with(Cell::get).unwrap_or(false) {
        ""
    } else {
        current = std::thread::current();
        current.name().unwrap_or("<unnamed>")
    };
    if !host::panicked(&message, file, line, column, thread, teller) && teller == Teller::Cellar {
        // A failed write must not panic here: that would end the process.
        let _ = writeln!(
            std::io::stderr(),
            "thread '{thread}' panicked at {file}:{line}:{column}:\n{message}"
        );
    }
}

/// What was panicked with, as far as it can be read.
fn message(payload: &(dyn Any + Send)) -> String {
    macro_rules! first_of {
        ($($type:ty),*) => {
            $(if let Some(value) = payload.downcast_ref::<$type>() { return value.to_string(); })*
        };
    }
    first_of!(
        &'static str,
        String,
        Box<dyn std::error::Error + Send + Sync>,
        std::borrow::Cow<'static, str>
    );
    first_of!(char, bool, i32, i64, u32, u64, usize, f64);
    "panicked with a value that is not text (`panic_any`)".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_with_any_value_has_a_message() {
        assert_eq!(message(&"text"), "text");
        assert_eq!(message(&String::from("text")), "text");
        assert_eq!(message(&7_i32), "7");
        assert!(message(&vec![1]).contains("panic_any"));
    }
}
