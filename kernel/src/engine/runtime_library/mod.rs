//! The crate `cellar` as cells use it: compiled once for each compiler, and its interface as text for
//! the analysis of cells.
//!
//! The crate's sources are part of this executable, so a kernel that was installed alone has them, and
//! has exactly those that fit it. It knows rustc and a folder, and nothing of evcxr or of cells.

mod stub;
#[cfg(test)]
mod tests;
mod toolchain;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::cache_folder::kept::{self, Kept};
use super::embedded_sources;

pub use toolchain::Toolchain;

/// What is given to rustc besides paths. A part of the key: other flags, another library.
///
/// The metadata is fixed, so that the crate's types have the same identity in every build of the same
/// sources: artifacts of cells outlive the cache folder they were compiled in.
const FLAGS: &[&str] = &[
    "--crate-name=cellar",
    "--crate-type=dylib",
    "--edition=2024",
    "-Cprefer-dynamic",
    "-Copt-level=2",
    "-Cmetadata=cellar-pinned",
    "-Cdebuginfo=0",
    "-Cstrip=debuginfo",
    "--cfg=feature=\"question_mark\"",
    "--cap-lints=allow",
];

/// The compiled crate and what it was compiled with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuntimeLibrary {
    /// `libcellar.so`, for `--extern cellar=…` and to be loaded before any cell.
    pub library: PathBuf,
    /// The toolchain's `libstd-….so`.
    pub std: PathBuf,
    /// The toolchain's folder of libraries (`rustc --print target-libdir`).
    pub target_libdir: PathBuf,
    /// What `rustc -vV` prints.
    pub rustc_version: String,
    /// Names sources, flags and compiler: a part of every key of something compiled against this library.
    pub key: String,
}

/// Why there is no runtime library.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error(
        "cannot run the Rust compiler `{}`: {source}. Install Rust from https://rustup.rs, or see `cellar doctor`",
        rustc.display()
    )]
    CannotRun { rustc: PathBuf, source: io::Error },

    #[error("the Rust compiler `{}` does not answer as it should: {answer}. See `cellar doctor`", rustc.display())]
    Compiler { rustc: PathBuf, answer: String },

    #[error(
        "the Rust toolchain has no dynamic standard library in `{}`; reinstall it with rustup, or see `cellar doctor`",
        libdir.display()
    )]
    NoStd { libdir: PathBuf },

    #[error(
        "the disk that holds Cellar's cache folder `{}` is full. Make room, \
         or set CELLAR_CACHE_DIR to a folder on another disk",
        folder.display()
    )]
    DiskFull { folder: PathBuf },

    #[error(
        "cannot write to Cellar's cache folder `{}`: {source}. Make it writable for you, \
         or set CELLAR_CACHE_DIR to a folder that is",
        folder.display()
    )]
    Folder { folder: PathBuf, source: io::Error },

    #[error(
        "the Rust compiler could not build the crate `cellar`, which Cellar needs for every cell:\n{messages}"
    )]
    Build { messages: String },
}

impl Error {
    fn folder(folder: &Path, source: io::Error) -> Error {
        let folder = folder.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::DiskFull { folder },
            _ => Error::Folder { folder, source },
        }
    }
}

/// The runtime library for `rustc`, from `cache_dir` or compiled now (about 3 s).
///
/// Any number of processes may call this at once, and any of them may be killed at any time: a build
/// happens in a folder of its own and is moved into place when it is whole. `rustc` may be rustup's proxy,
/// but then a process must be started each time to ask which toolchain it stands for.
///
/// # Errors
/// When there is no usable compiler or the folder cannot be written.
pub fn build(rustc: &Path, cache_dir: &Path) -> Result<RuntimeLibrary, Error> {
    let folder = cache_dir.join("runtime");
    let kept = Kept::open(&folder).map_err(|source| Error::folder(&folder, source))?;
    let toolchain = toolchain::ask(rustc, &folder)?;
    let key = key(&toolchain.version);
    let place = match kept.find(&key) {
        Some(place) => place,
        None => compile(&toolchain, &kept, &key)?,
    };
    Ok(RuntimeLibrary {
        library: place.join(library_name()),
        std: toolchain.std,
        target_libdir: toolchain.target_libdir,
        rustc_version: toolchain.version,
        key,
    })
}

/// The public interface of the crate as one module, `mod cellar { … }`, for rust-analyzer: all items and
/// their documentation, no bodies.
pub fn api_stub() -> &'static str {
    static STUB: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    STUB.get_or_init(|| stub::stub("cellar", embedded_sources::RUNTIME))
}

fn library_name() -> String {
    format!(
        "{}cellar{}",
        std::env::consts::DLL_PREFIX,
        std::env::consts::DLL_SUFFIX
    )
}

/// Names everything that the library is made of.
fn key(rustc_version: &str) -> String {
    let sources = embedded_sources::RUNTIME
        .iter()
        .flat_map(|(path, text)| [*path, *text]);
    kept::name(sources.chain(FLAGS.iter().copied()).chain([rustc_version]))
}

fn compile(toolchain: &Toolchain, kept: &Kept, key: &str) -> Result<PathBuf, Error> {
    let in_folder = |source| Error::folder(kept.folder(), source);
    let work = kept.begin().map_err(in_folder)?;
    for (path, text) in embedded_sources::RUNTIME {
        let file = work.path().join("src").join(path);
        let parent = file.parent().expect("a joined path has a parent");
        fs::create_dir_all(parent)
            .and_then(|()| fs::write(&file, text))
            .map_err(in_folder)?;
    }
    let library = work.path().join(library_name());
    run_rustc(toolchain, work.path(), &library, kept.folder())?;
    work.finish(key, &[&library_name()], &toolchain.version)
        .map_err(in_folder)
}

fn run_rustc(toolchain: &Toolchain, work: &Path, library: &Path, folder: &Path) -> Result<(), Error> {
    let mut remap = work.as_os_str().to_owned();
    remap.push("=/cellar");
    let output = Command::new(&toolchain.rustc)
        .args(FLAGS)
        // The folder's random name must not come into the library: the same sources, the same bytes.
        .arg("--remap-path-prefix")
        .arg(remap)
        .arg("-o")
        .arg(library)
        .arg(work.join("src/lib.rs"))
        .current_dir(work)
        // One unstable trait is needed (see the crate's feature `question_mark`), in this crate only.
        .env("RUSTC_BOOTSTRAP", "1")
        .env_remove("RUSTC_LOG")
        .output()
        .map_err(|source| Error::CannotRun {
            rustc: toolchain.rustc.clone(),
            source,
        })?;
    if output.status.success() {
        return Ok(());
    }
    let messages = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if messages.contains("No space left on device") || messages.contains("Disk quota exceeded") {
        return Err(Error::DiskFull {
            folder: folder.to_owned(),
        });
    }
    let messages = if messages.is_empty() {
        output.status.to_string()
    } else {
        messages
    };
    Err(Error::Build { messages })
}
