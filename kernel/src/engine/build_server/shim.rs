//! `cargo` and `rustup` as evcxr calls them.
//!
//! evcxr finds its tools with `rustup which` and builds with `cargo build`. The kernel puts links of
//! these names to its own executable first on evcxr's `PATH`, so that builds come to the kernel's
//! [build server](super) and everything else goes on to the real tools. Nothing here knows how a cell
//! is built: a tool call is carried to the kernel, and the kernel's answer is printed.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};

use serde::{Deserialize, Serialize};

/// The names under which the executable serves tool calls.
pub const TOOLS: [&str; 2] = ["cargo", "rustup"];

/// Environment: the build server's socket.
pub const BUILD_SOCKET: &str = "CELLAR_BUILD_SOCKET";
/// Environment: the `PATH` without our tools.
pub const REAL_PATH: &str = "CELLAR_REAL_PATH";
/// Environment: the real `cargo`.
pub const REAL_CARGO: &str = "CELLAR_REAL_CARGO";
/// Environment: as `RUSTC_WRAPPER`, write the command line that builds the cells' crate into this file.
pub const RECORD: &str = "CELLAR_RECORD_RUSTC";

/// A `cargo build` or `cargo check` that evcxr wants.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct BuildRequest {
    pub arguments: Vec<String>,
    pub directory: std::path::PathBuf,
    pub environment: HashMap<String, String>,
}

/// What the tool prints, and its exit status.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct BuildAnswer {
    pub stdout: String,
    pub stderr: String,
    pub status: u8,
}

/// Serves a call if this executable was started as a tool.
pub fn run_if_called_as_tool() -> Option<ExitCode> {
    if let Some(record) = std::env::var_os(RECORD) {
        return Some(record_rustc(Path::new(&record)));
    }
    let socket = std::env::var_os(BUILD_SOCKET)?;
    let mut arguments = std::env::args_os();
    let program = arguments.next()?;
    let arguments: Vec<OsString> = arguments.collect();
    match Path::new(&program).file_name()?.to_str()? {
        "rustup" => Some(rustup(&program, &arguments)),
        "cargo" => Some(cargo(&socket, &arguments)),
        _ => None,
    }
}

/// `rustup which cargo` names our cargo; `rustup` otherwise is the real one.
fn rustup(program: &OsString, arguments: &[OsString]) -> ExitCode {
    let names = |words: &[&str]| {
        arguments
            .iter()
            .map(|word| word.to_str())
            .eq(words.iter().map(|word| Some(*word)))
    };
    let asks_for_cargo = names(&["which", "cargo"])
        || (arguments.len() == 3 && arguments[1] == "which" && arguments[2] == "cargo");
    if asks_for_cargo {
        let ours = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
            .map(|dir| dir.join("cargo"))
            .find(|path| path.is_file());
        return match ours {
            Some(path) => answer(format!("{}\n", path.display()).as_bytes(), b"", 0),
            None => ExitCode::FAILURE,
        };
    }
    exec(with_real_path(Command::new("rustup")).args(arguments), program)
}

fn cargo(socket: &OsString, arguments: &[OsString]) -> ExitCode {
    let is_build = arguments
        .iter()
        .any(|argument| argument == "build" || argument == "check");
    let is_evcxr = std::env::var_os("EVCXR_CORE_EXTERN").is_some();
    if !(is_build && is_evcxr) {
        let real = std::env::var_os(REAL_CARGO).unwrap_or_else(|| "cargo".into());
        let mut command = with_real_path(Command::new(&real));
        command.args(arguments);
        return match is_trial() {
            true => keeping_versions(&mut command, &real),
            false => exec(&mut command, &real),
        };
    }
    match ask_kernel(socket, arguments) {
        Ok(reply) => answer(reply.stdout.as_bytes(), reply.stderr.as_bytes(), reply.status),
        Err(error) => answer(
            b"",
            format!("error: the kernel's build server did not answer: {error}\n").as_bytes(),
            101,
        ),
    }
}

/// Whether evcxr tries out a dependency: it puts a package in the place of the cells' that has nothing but this.
fn is_trial() -> bool {
    let manifest = std::fs::read_to_string("Cargo.toml");
    manifest.is_ok_and(|manifest| manifest.contains("evcxr_dummy_validate_dep"))
}

/// Cargo would forget the versions that were chosen for the session's other dependencies.
fn keeping_versions(command: &mut Command, program: &OsString) -> ExitCode {
    const LOCK: &str = "Cargo.lock";
    let versions = std::fs::read(LOCK).ok();
    let status = command.status();
    let kept = match versions {
        Some(versions) => std::fs::write(LOCK, versions),
        None => std::fs::remove_file(LOCK),
    };
    if let Err(error) = kept.or_else(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    }) {
        eprintln!("warning: {LOCK}: {error}");
    }
    match status {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {}: {error}", program.to_string_lossy());
            ExitCode::FAILURE
        }
    }
}

fn ask_kernel(socket: &OsString, arguments: &[OsString]) -> std::io::Result<BuildAnswer> {
    let request = BuildRequest {
        arguments: arguments
            .iter()
            .map(|argument| argument.to_string_lossy().into_owned())
            .collect(),
        directory: std::env::current_dir()?,
        environment: std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect(),
    };
    let mut stream = UnixStream::connect(socket)?;
    stream.write_all(&serde_json::to_vec(&request)?)?;
    stream.shutdown(std::net::Shutdown::Write)?;
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply)?;
    Ok(serde_json::from_slice(&reply)?)
}

/// As `RUSTC_WRAPPER` of a build of dependencies: run rustc, but note down how the cells' own crate is to
/// be built instead of building it. The failure status ends cargo's work there, when all else is built.
fn record_rustc(record: &Path) -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let Some(rustc) = arguments.next() else {
        return ExitCode::FAILURE;
    };
    let arguments: Vec<OsString> = arguments.collect();
    let builds_cells = arguments
        .windows(2)
        .any(|pair| pair[0] == "--crate-name" && pair[1] == "ctx");
    if !builds_cells {
        return exec(Command::new(&rustc).args(&arguments).env_remove(RECORD), &rustc);
    }
    let words: Vec<String> = arguments
        .iter()
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let written = serde_json::to_vec(&words)
        .map_err(std::io::Error::from)
        .and_then(|text| std::fs::write(record, text));
    match written {
        Ok(()) => ExitCode::from(1),
        Err(error) => answer(
            b"",
            format!("error: {}: {error}\n", record.display()).as_bytes(),
            101,
        ),
    }
}

fn with_real_path(mut command: Command) -> Command {
    if let Some(path) = std::env::var_os(REAL_PATH) {
        command.env("PATH", path);
    }
    command.env_remove(BUILD_SOCKET);
    command
}

fn exec(command: &mut Command, name: &OsString) -> ExitCode {
    let error = command.exec();
    answer(
        b"",
        format!("error: could not run {}: {error}\n", Path::new(name).display()).as_bytes(),
        101,
    )
}

fn answer(stdout: &[u8], stderr: &[u8], status: u8) -> ExitCode {
    let written = std::io::stdout()
        .write_all(stdout)
        .and_then(|()| std::io::stderr().write_all(stderr));
    if written.is_err() {
        ExitCode::FAILURE
    } else {
        ExitCode::from(status)
    }
}
