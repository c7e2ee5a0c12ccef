//! (in work)

/// Parses the command line and does what it says.
pub fn main() -> std::process::ExitCode {
    std::process::ExitCode::SUCCESS
}
