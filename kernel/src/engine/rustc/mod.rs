//! Running rustc on a cell's crate, without cargo in between.

pub mod dep_info;
pub mod diagnostics;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use cellar_cache::Digest;
use dep_info::Inputs;

/// The crate's file in its folder. evcxr and the reports know it by this name.
const SOURCE: &str = "src/lib.rs";

/// How cells are compiled. Two cells that are compiled with equal plans can share values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    pub rustc: PathBuf,
    pub opt_level: String,
    /// Arguments that name the crates which the cell can use: `--extern`, `-L`, `-l`.
    pub crates: Vec<String>,
    /// Further flags from `RUSTFLAGS`.
    pub flags: Vec<String>,
    /// The session's dependencies have a serde, so that no other may come in.
    pub own_serde: bool,
    /// What each crate is that cells can name, and all below it.
    pub identities: Arc<BTreeMap<String, Digest>>,
}

impl Plan {
    /// The plan for a cell. Optimising one whose work is bounded by its own length cannot pay (see `effort.rs`).
    #[must_use]
    pub fn for_cell(mut self, bounded: bool) -> Plan {
        if bounded {
            self.opt_level = "0".to_owned();
        }
        self
    }
}

/// What came of it.
#[derive(Debug, Clone, Default)]
pub struct Compiled {
    /// rustc's messages, a JSON object a line.
    pub messages: String,
    pub success: bool,
    /// It was ended by [`Running::stop`].
    pub stopped: bool,
    /// What it was made of, besides its text.
    pub inputs: Inputs,
}

/// The compiler or cargo that runs at the moment, so that it can be stopped.
#[derive(Debug, Default)]
pub struct Running {
    group: AtomicI32,
    stopped: AtomicI32,
}

impl Running {
    /// Ends it and everything it started. Returns whether there was one.
    pub fn stop(&self) -> bool {
        let group = self.group.load(Ordering::SeqCst);
        if group == 0 {
            return false;
        }
        self.stopped.store(group, Ordering::SeqCst);
        // SAFETY: kill has no memory effects; the group is one that we made and have not reaped yet.
        unsafe { libc::kill(-group, libc::SIGKILL) == 0 }
    }

    /// Starts `command` in a process group of its own.
    pub fn spawn(&self, command: &mut Command) -> std::io::Result<std::process::Child> {
        let child = command.process_group(0).spawn()?;
        self.group.store(child.id().cast_signed(), Ordering::SeqCst);
        Ok(child)
    }

    /// Waits for what [`Running::spawn`] started; tells whether it was stopped.
    pub fn wait(&self, child: &mut std::process::Child) -> std::io::Result<(std::process::ExitStatus, bool)> {
        let status = child.wait()?;
        let group = self.group.swap(0, Ordering::SeqCst);
        Ok((status, self.stopped.swap(0, Ordering::SeqCst) == group))
    }
}

/// What rustc is to make of a crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Emit {
    /// A shared library in `out`.
    Library,
    /// Nothing but messages.
    Nothing,
}

/// Compiles `directory/src/lib.rs`, and for a library notes what else went into it.
///
/// # Errors
/// When rustc cannot be started or read.
pub fn compile(
    plan: &Plan,
    environment: &[(String, String)],
    directory: &Path,
    library: &Path,
    emit: Emit,
    running: &Running,
) -> std::io::Result<Compiled> {
    let mut command = Command::new(&plan.rustc);
    command
        .current_dir(directory)
        .envs(environment.iter().map(|(name, value)| (name, value)));
    command.args(["--crate-name", "ctx", "--edition=2024", SOURCE]);
    command.args(["--error-format=json", "--json=diagnostic-rendered-ansi"]);
    // Pinned, so that a type keeps its identity when dependencies or options change.
    command.args([
        "--crate-type",
        "cdylib",
        "-C",
        "metadata=cellar",
        "-C",
        "prefer-dynamic",
    ]);
    // Symbols then tell types (see `early/symbols.rs`).
    command.args(["-C", "symbol-mangling-version=v0"]);
    // evcxr would take a warning in the user's code for the error. What is denied stays an error.
    command.arg("-Awarnings");
    command.args([
        "-C",
        "debug-assertions=on",
        "-C",
        "overflow-checks=on",
        "-C",
        "strip=debuginfo",
    ]);
    command.arg("-C").arg(format!("opt-level={}", plan.opt_level));
    // A cell is linked into nothing else, so nobody reads its bitcode; and optimising it once more across its few
    // codegen units costs a cell that formats much a seventh of its compile.
    command.args(["-C", "lto=off", "-C", "embed-bitcode=no"]);
    command.args(&plan.flags).args(&plan.crates);
    match emit {
        Emit::Library => {
            let (mut link, mut dep_info) =
                (OsString::from("--emit=link="), OsString::from("--emit=dep-info="));
            // Relative where that is possible: in a list of outputs, a comma would end a path.
            let library = library.strip_prefix(directory).unwrap_or(library);
            link.push(library);
            dep_info.push(library.with_extension("d"));
            command.arg(link).arg(dep_info)
        }
        Emit::Nothing => command
            .arg("--emit=metadata")
            .arg("-o")
            .arg(library.with_extension("rmeta")),
    };
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = running.spawn(&mut command)?;
    let mut messages = Vec::new();
    let read = child
        .stderr
        .take()
        .map(|mut pipe| pipe.read_to_end(&mut messages));
    let (status, stopped) = running.wait(&mut child)?;
    if let Some(Err(error)) = read {
        return Err(error);
    }
    let messages = String::from_utf8_lossy(&messages).into_owned();
    let inputs = match (emit, status.success()) {
        (Emit::Library, true) => {
            let text = std::fs::read_to_string(library.with_extension("d"))?;
            dep_info::parse(&text, directory, SOURCE)
        }
        _ => Inputs::default(),
    };
    Ok(Compiled {
        inputs,
        messages,
        success: status.success(),
        stopped,
    })
}

/// The arguments of a rustc call, as cargo makes it, that name crates.
pub fn crate_arguments(arguments: &[String]) -> Vec<String> {
    let mut kept = Vec::new();
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--extern" | "-L" | "-l" => {
                kept.push(word.clone());
                kept.extend(words.next().cloned());
            }
            _ if word.starts_with("-L") || word.starts_with("-l") || word.starts_with("--extern=") => {
                kept.push(word.clone());
            }
            _ => {}
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crates_are_found_in_cargos_command_line() {
        let words = [
            "rustc",
            "--crate-name",
            "ctx",
            "-C",
            "opt-level=2",
            "-L",
            "dependency=/d",
            "--extern",
            "a=/d/liba.rlib",
        ];
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        assert_eq!(
            crate_arguments(&words),
            ["-L", "dependency=/d", "--extern", "a=/d/liba.rlib"]
        );
    }
}
