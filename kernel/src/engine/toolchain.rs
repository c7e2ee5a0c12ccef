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
    #[error("there is no rustup here, which could tell of other toolchains")]
    NoRustup,
    #[error("there is no toolchain `{name}`")]
    NotInstalled {
        name: String,
        /// Those that are.
        installed: Vec<String>,
    },
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
            let by_rustup = rustup
                .as_ref()
                .and_then(|rustup| which_by_rustup(rustup, &["which", name]));
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

    /// Finds the tools of an installed toolchain by its name, which may lack the target that rustup puts behind it.
    /// `target` is that of this machine. Answers the whole name too.
    ///
    /// # Errors
    /// When there is no such toolchain, or it has not both tools.
    pub fn named(path: &OsString, name: &str, target: &str) -> Result<(String, Toolchain), ToolchainError> {
        let rustup = on_path(path, "rustup").ok_or(ToolchainError::NoRustup)?;
        let installed = installed(&rustup)?;
        let with_target = format!("{name}-{target}");
        let Some(name) = [name, &with_target]
            .into_iter()
            .find(|name| installed.iter().any(|known| known == name))
        else {
            let name = name.to_owned();
            return Err(ToolchainError::NotInstalled { name, installed });
        };
        let chosen = format!("+{name}");
        let tool = |tool: &str| {
            let path = which_by_rustup(&rustup, &[&chosen, "which", tool]);
            path.ok_or_else(|| ToolchainError::Missing(format!("`{tool}` of the toolchain `{name}` was")))
        };
        let (rustc, cargo) = (tool("rustc")?, tool("cargo")?);
        Ok((name.to_owned(), Toolchain { rustc, cargo }))
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

/// The names of all toolchains that rustup knows.
fn installed(rustup: &Path) -> Result<Vec<String>, ToolchainError> {
    let broken = |message: String| ToolchainError::Broken {
        tool: rustup.to_path_buf(),
        message,
    };
    let output = Command::new(rustup)
        .args(["toolchain", "list"])
        .output()
        .map_err(|error| broken(error.to_string()))?;
    if !output.status.success() {
        return Err(broken(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    // Behind a name may stand that it is the default. Where there is none, rustup says so in a sentence.
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines = text.lines().filter(|line| !line.starts_with("no installed"));
    let names = lines.filter_map(|line| line.split_whitespace().next());
    Ok(names.map(str::to_owned).collect())
}

fn which_by_rustup(rustup: &Path, arguments: &[&str]) -> Option<PathBuf> {
    let output = Command::new(rustup).args(arguments).output().ok()?;
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
        for tool in super::build_server::shim::TOOLS {
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
