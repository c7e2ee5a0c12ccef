//! The `cellar` binary.
//!
//! One executable has three lives: the command line (and with it the kernel), the host process in
//! which user code runs, and the `cargo`/`rustup` that evcxr calls. Which one is decided before
//! anything else, because the latter two must start fast and print nothing of their own.

mod analysis;
mod cell;
mod cli;
mod engine;
mod functions;
mod help;
mod host;
mod interpreter;
mod language;
mod magic;
mod params;
mod report;
mod server;
mod session;
mod wire;

fn main() -> std::process::ExitCode {
    if let Some(code) = engine::build_server::shim::run_if_called_as_tool() {
        return code;
    }
    if host::process::is_host() {
        host::process::run();
    }
    evcxr::runtime_hook();
    cli::main()
}
