//! The host process itself: the supervisor that evcxr starts, and the worker that it forks to run
//! cells. They are two processes because one must survive what user code does to the other.

mod abi;
mod call;
mod hash;
pub mod input_files;
mod interpose;
mod linux;
mod memo;
mod output;
mod snapshot;
mod store;
mod supervisor;
mod worker;

use super::control::SOCKET;

/// Whether this process was started to be the host.
pub fn is_host() -> bool {
    std::env::var_os(SOCKET).is_some() && std::env::var_os("EVCXR_IS_RUNTIME").is_some()
}

/// Runs the host until the kernel goes away.
pub fn run() -> ! {
    let error = match supervisor::run() {
        Ok(end) => end.imitate(),
        Err(error) => error,
    };
    let _ = std::io::Write::write_all(
        &mut std::io::stderr(),
        format!("cellar: the host process cannot go on: {error}\n").as_bytes(),
    );
    std::process::exit(99)
}
