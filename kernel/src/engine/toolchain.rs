//! The Rust toolchain on this machine: where `rustc` and `cargo` are, and the folder of tools that is
//! put before them on evcxr's `PATH`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Why no toolchain could be used. Each message says how to mend it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ToolchainError {
    #[error(
        "{0} not found. Cellar compiles cells with rustc and cargo: install Rust from https://rustup.rs, \
         or put the folder that holds them on PATH, and restart the kernel"
    )]
    Missing(String),
    #[error(
        "the source of Rust's standard library was not found in {}. Cellar needs it to find the types of \
         variables: run `rustup component add rust-src` and restart the kernel",
        .0.display()
    )]
    NoRustSrc(PathBuf),
    #[error("`{}` could not be run: {message}. Check the toolchain with `cellar doctor`", .tool.display())]
    Broken { tool: PathBuf, message: String },
    #[error("the folder {} for evcxr's tools could not be made: {source}", .dir.display())]
    Folder { dir: PathBuf, source: std::io::Error },
}

/// The tools that compile cells.
#[derive(Debug, Clone)]
pub struct Toolchain {
    pub rustc: PathBuf,
    pub cargo: PathBuf,
}

impl Toolchain {
    /// Finds the tools as evcxr would: what rustup names, or else what `path` (a `PATH`) holds.
    ///
    /// # Errors
    /// When a tool or the sources of the standard library are missing.
    pub fn find(path: &OsString) -> Result<Toolchain, ToolchainError> {
        let rustup = on_path(path, "rustup");
        let tool = |name| {
            let by_rustup = rustup.as_ref().and_then(|rustup| which_by_rustup(rustup, name));
            by_rustup.or_else(|| on_path(path, name))
        };
        let found = match (tool("rustc"), tool("cargo")) {
            (Some(rustc), Some(cargo)) => Toolchain { rustc, cargo },
            (None, None) => return Err(ToolchainError::Missing("`rustc` and `cargo` were".into())),
            (None, _) => return Err(ToolchainError::Missing("`rustc` was".into())),
            (_, None) => return Err(ToolchainError::Missing("`cargo` was".into())),
        };
        found.check_sources()?;
        Ok(found)
    }

    fn check_sources(&self) -> Result<(), ToolchainError> {
        if std::env::var_os("RUST_SRC_PATH").is_some() {
            return Ok(());
        }
        let sysroot = sysroot(&self.rustc)?;
        let library = sysroot.join("lib/rustlib/src/rust/library");
        if library.join("std/src/lib.rs").is_file() {
            Ok(())
        } else {
            Err(ToolchainError::NoRustSrc(sysroot))
        }
    }
}

fn sysroot(rustc: &Path) -> Result<PathBuf, ToolchainError> {
    let broken = |message: String| ToolchainError::Broken {
        tool: rustc.to_path_buf(),
        message,
    };
    // The layout of every toolchain; asking rustc costs a process start.
    if let Some(root) = rustc.parent().and_then(Path::parent)
        && root.join("lib/rustlib").is_dir()
    {
        return Ok(root.to_path_buf());
    }
    let output = Command::new(rustc)
        .args(["--print", "sysroot"])
        .output()
        .map_err(|error| broken(error.to_string()))?;
    if !output.status.success() {
        return Err(broken(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
}

fn which_by_rustup(rustup: &Path, tool: &str) -> Option<PathBuf> {
    let output = Command::new(rustup).args(["which", tool]).output().ok()?;
    if !output.status.success() {
        return None;
    }
    let path = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    path.is_file().then_some(path)
}

fn on_path(path: &OsString, tool: &str) -> Option<PathBuf> {
    std::env::split_paths(path)
        .map(|dir| dir.join(tool))
        .find(|candidate| candidate.is_file())
}

/// Makes the folder with our own `cargo` and `rustup` (links to this executable) inside `dir`.
///
/// # Errors
/// When the folder or a link cannot be made.
pub fn make_tools(dir: &Path, executable: &Path) -> Result<PathBuf, ToolchainError> {
    let tools = dir.join("tools");
    let make = || -> std::io::Result<()> {
        std::fs::create_dir_all(&tools)?;
        for tool in super::shim::TOOLS {
            std::os::unix::fs::symlink(executable, tools.join(tool))?;
        }
        Ok(())
    };
    make().map_err(|source| ToolchainError::Folder {
        dir: tools.clone(),
        source,
    })?;
    Ok(tools)
}
