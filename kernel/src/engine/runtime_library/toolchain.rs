//! What must be known of a toolchain, asked once.
//!
//! Every question to rustc starts a process (10 to 30 ms), so answers are remembered, by the path, size
//! and time of the compiler's executable.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Error;

/// A toolchain, as far as compiling and loading cells needs to know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Toolchain {
    /// The compiler itself, never rustup's proxy.
    pub rustc: PathBuf,
    /// What `rustc -vV` prints.
    pub version: String,
    /// Where the libraries for cells are.
    pub target_libdir: PathBuf,
    /// The dynamic standard library in it.
    pub std: PathBuf,
}

/// The toolchain of `rustc`. Answers are kept in `folder`.
pub fn ask(rustc: &Path, folder: &Path) -> Result<Toolchain, Error> {
    let rustc = resolve(rustc)?;
    let answers = folder.join(format!("toolchain-{}.json", identity(&rustc)?));
    if let Ok(text) = fs::read(&answers)
        && let Ok(toolchain) = serde_json::from_slice::<Toolchain>(&text)
        && toolchain.rustc == rustc
        && toolchain.std.is_file()
    {
        return Ok(toolchain);
    }
    let version = answer(&rustc, &["-vV"])?;
    if !version.starts_with("rustc ") {
        return Err(Error::Compiler {
            rustc,
            answer: version,
        });
    }
    let target_libdir = PathBuf::from(answer(&rustc, &["--print", "target-libdir"])?);
    let std = find_std(&target_libdir)?;
    let toolchain = Toolchain {
        rustc,
        version,
        target_libdir,
        std,
    };
    // Only a note to save time: where it cannot be written, the questions are asked again.
    let text = serde_json::to_vec_pretty(&toolchain).unwrap_or_default();
    if let Ok(mut file) = tempfile::NamedTempFile::new_in(folder)
        && std::io::Write::write_all(&mut file, &text).is_ok()
    {
        let _ = file.persist(&answers);
    }
    Ok(toolchain)
}

/// The compiler behind a path or a name: rustup's proxy is asked which one it would start here.
fn resolve(rustc: &Path) -> Result<PathBuf, Error> {
    if is_in_toolchain(rustc) {
        return Ok(rustc.to_owned());
    }
    let sysroot = PathBuf::from(answer(rustc, &["--print", "sysroot"])?);
    let real = sysroot
        .join("bin")
        .join(format!("rustc{}", std::env::consts::EXE_SUFFIX));
    Ok(if real.is_file() { real } else { rustc.to_owned() })
}

/// A compiler has its libraries beside it; a proxy has not.
fn is_in_toolchain(rustc: &Path) -> bool {
    rustc.is_file()
        && rustc
            .parent()
            .and_then(Path::parent)
            .is_some_and(|sysroot| sysroot.join("lib/rustlib").is_dir())
}

/// Changes whenever the executable does.
fn identity(rustc: &Path) -> Result<String, Error> {
    let cannot_run = |source| Error::CannotRun {
        rustc: rustc.to_owned(),
        source,
    };
    // A bare name that is found through PATH and has no sysroot of the usual form.
    let metadata = match fs::metadata(rustc) {
        Err(_) if rustc.components().count() == 1 => None,
        metadata => Some(metadata.map_err(cannot_run)?),
    };
    let modified = metadata.as_ref().and_then(|it| it.modified().ok());
    let modified = modified
        .and_then(|it| it.duration_since(UNIX_EPOCH).ok())
        .unwrap_or_default();
    let text = format!(
        "{}\0{}\0{modified:?}",
        rustc.display(),
        metadata.map_or(0, |it| it.len())
    );
    Ok(hex::encode(&Sha256::digest(text)[..8]))
}

fn answer(rustc: &Path, arguments: &[&str]) -> Result<String, Error> {
    let output = Command::new(rustc)
        .args(arguments)
        .output()
        .map_err(|source| Error::CannotRun {
            rustc: rustc.to_owned(),
            source,
        })?;
    if !output.status.success() {
        let answer = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        let answer = if answer.is_empty() {
            output.status.to_string()
        } else {
            answer
        };
        return Err(Error::Compiler {
            rustc: rustc.to_owned(),
            answer,
        });
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn find_std(libdir: &Path) -> Result<PathBuf, Error> {
    let prefix = format!("{}std-", std::env::consts::DLL_PREFIX);
    fs::read_dir(libdir)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .find(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with(&prefix) && name.ends_with(std::env::consts::DLL_SUFFIX)
        })
        .ok_or_else(|| Error::NoStd {
            libdir: libdir.to_owned(),
        })
}
