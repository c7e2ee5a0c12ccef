//! `cargo` and `rustup` as evcxr calls them.

use std::process::ExitCode;

/// Serves a call if this executable was started under the name of a tool.
pub fn run_if_called_as_tool() -> Option<ExitCode> {
    None
}
