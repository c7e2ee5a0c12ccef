//! The crate `cellar` as cells use it: compiled once for each compiler, and its interface as text for
//! the analysis of cells.
//!
//! The crate's sources are part of this executable, so a kernel that was installed alone has them, and
//! has exactly those that fit it. It knows rustc and a folder, and nothing of evcxr or of cells.

mod sources;
mod stub;
#[cfg(test)]
mod tests;
mod toolchain;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use toolchain::Toolchain;

/// How long a folder of an unfinished build is left alone, should its process still be at work.
const ABANDONED: Duration = Duration::from_secs(3600);
/// Written last into a build's folder; says what must be there.
const RECORD: &str = "build.json";

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

/// What a finished build's folder must hold.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    /// Of the library, in bytes.
    size: u64,
    /// Of the library's content, hexadecimal.
    sha256: String,
    /// For people who look into the folder.
    rustc: String,
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
    private_folder(&folder).map_err(|source| Error::folder(&folder, source))?;
    let toolchain = toolchain::ask(rustc, &folder)?;
    let key = key(&toolchain.version);
    let place = folder.join(&key);
    let library = place.join(library_name());
    if !is_whole(&place) {
        compile(&toolchain, &folder, &place)?;
    }
    Ok(RuntimeLibrary {
        library,
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
    STUB.get_or_init(|| stub::stub("cellar", sources::SOURCES))
}

fn library_name() -> String {
    format!(
        "{}cellar{}",
        std::env::consts::DLL_PREFIX,
        std::env::consts::DLL_SUFFIX
    )
}

/// Names everything that the library is made of. Each part is framed by its length.
fn key(rustc_version: &str) -> String {
    let mut hash = Sha256::new();
    let sources = sources::SOURCES.iter().flat_map(|(path, text)| [*path, *text]);
    for part in sources.chain(FLAGS.iter().copied()).chain([rustc_version]) {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hex::encode(&hash.finalize()[..16])
}

/// Whether a build is there and its library is, byte for byte, what was built.
fn is_whole(place: &Path) -> bool {
    let Ok(record) = fs::read(place.join(RECORD)) else {
        return false;
    };
    let Ok(record) = serde_json::from_slice::<Record>(&record) else {
        return false;
    };
    let Ok(library) = fs::read(place.join(library_name())) else {
        return false;
    };
    library.len() as u64 == record.size && hex::encode(Sha256::digest(&library)) == record.sha256
}

fn compile(toolchain: &Toolchain, folder: &Path, place: &Path) -> Result<(), Error> {
    remove_abandoned(folder);
    let in_folder = |source| Error::folder(folder, source);
    let work = tempfile::Builder::new()
        .prefix(".building-")
        .tempdir_in(folder)
        .map_err(in_folder)?;
    for (path, text) in sources::SOURCES {
        let file = work.path().join("src").join(path);
        let parent = file.parent().expect("a joined path has a parent");
        fs::create_dir_all(parent)
            .and_then(|()| fs::write(&file, text))
            .map_err(in_folder)?;
    }
    let library = work.path().join(library_name());
    run_rustc(toolchain, work.path(), &library, folder)?;

    let content = fs::read(&library).map_err(in_folder)?;
    let record = Record {
        size: content.len() as u64,
        sha256: hex::encode(Sha256::digest(&content)),
        rustc: toolchain.version.clone(),
    };
    let record = serde_json::to_vec_pretty(&record).expect("strings and numbers are JSON");
    // Without the sync, a power cut could leave the record whole and the library not; it would be found
    // out, but only by a build in the middle of somebody's work.
    fs::File::open(&library)
        .and_then(|file| file.sync_all())
        .map_err(in_folder)?;
    fs::write(work.path().join(RECORD), record).map_err(in_folder)?;
    move_into_place(work, folder, place)
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

/// One rename. If another process was faster and its build is whole, that one stays.
fn move_into_place(work: tempfile::TempDir, folder: &Path, place: &Path) -> Result<(), Error> {
    if fs::rename(work.path(), place).is_ok() {
        // It is not there any more under its old name, so there is nothing to clean up.
        let _ = work.keep();
        return Ok(());
    }
    if is_whole(place) {
        return Ok(());
    }
    // A damaged build is in the way. It is moved aside, not deleted: whoever has it open keeps it.
    let aside = tempfile::Builder::new().prefix(".damaged-").tempdir_in(folder);
    let aside = aside.map_err(|source| Error::folder(folder, source))?;
    let _ = fs::rename(place, aside.path().join("build"));
    match fs::rename(work.path(), place) {
        Ok(()) => {
            let _ = work.keep();
            Ok(())
        }
        Err(_) if is_whole(place) => Ok(()),
        Err(source) => Err(Error::folder(folder, source)),
    }
}

/// Removes what killed processes left behind.
fn remove_abandoned(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let age = entry.metadata().and_then(|it| it.modified()).ok();
        let age = age.and_then(|modified| SystemTime::now().duration_since(modified).ok());
        if (name.starts_with(".building-") || name.starts_with(".damaged-")) && age > Some(ABANDONED) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Creates a folder that is the user's alone: what is loaded from it runs as the user.
fn private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
        builder.mode(0o700).create(folder)?;
        // Fails on a folder of another user; so does all that follows on one that is closed already.
        if fs::metadata(folder)?.permissions().mode() & 0o077 != 0 {
            fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
        }
        Ok(())
    }
    #[cfg(not(unix))]
    builder.create(folder)
}
