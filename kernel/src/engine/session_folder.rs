//! The folder in which a session compiles, and what killed sessions left of theirs.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const PREFIX: &str = "cellar-";
/// A file in the folder that its session holds locked; the lock dies with the process.
const LOCK: &str = "session.lock";
/// In bytes: a socket's path has at most 107 (`sun_path`), and in this one are `/cellar-123456` and `/host-4194304.sock`.
const LONGEST_PLACE: usize = 107 - 14 - 18;
const TOO_LONG: std::io::ErrorKind = std::io::ErrorKind::InvalidFilename;

/// A session's folder; removed when it is dropped.
#[derive(Debug)]
pub struct Folder {
    // Unlocked first.
    _lock: File,
    folder: tempfile::TempDir,
}

impl Folder {
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Has the folder removed when this process has ended: some thread may write into it until then, and would make it anew.
    pub fn remove_at_the_end(self) {
        // What rust-analyzer calls its own folders there; it has one for a moment while it loads the standard library.
        let of_analyzer = std::env::temp_dir().join(format!("rust-analyzer{:x}", std::process::id()));
        let waiting = Command::new("/bin/sh")
            .args(["-c", "cat > /dev/null; rm -rf -- \"$1\" \"$2\"-*", "sh"])
            .args([self.path(), &of_analyzer])
            .current_dir("/")
            // A signal to the kernel's group is not for it.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        match waiting {
            Ok(child) => {
                // It reads until this process, which holds the other end, is gone.
                std::mem::forget(child);
                let _ = self.folder.keep();
            }
            Err(error) => tracing::debug!("the session's folder is removed at once: {error}"),
        }
    }
}

/// A folder for what the session compiles: in the system's place for such, or else beside the cache, or in `/tmp`.
///
/// # Errors
/// When none of them will do.
pub fn make(cache: &Path) -> std::io::Result<Folder> {
    make_in_first(&[std::env::temp_dir(), cache.join("tmp"), PathBuf::from("/tmp")])
}

fn make_in_first(places: &[PathBuf]) -> std::io::Result<Folder> {
    let mut refused: Vec<(&Path, std::io::Error)> = Vec::new();
    for place in places {
        let made = match refused.is_empty() {
            true => make_in(place),
            false => std::fs::create_dir_all(place).and_then(|()| make_in(place)),
        };
        match made {
            Ok(made) => {
                if let Some((usual, error)) = refused.first() {
                    tracing::warn!(
                        "{} cannot be used ({error}); compiling in {}",
                        usual.display(),
                        made.path().display()
                    );
                    if error.kind() != TOO_LONG {
                        // rustc and cargo need one too.
                        // SAFETY: the engine starts before the process has threads that read the environment.
                        unsafe { std::env::set_var("TMPDIR", made.path()) };
                    }
                }
                return Ok(made);
            }
            Err(error) => refused.push((place, error)),
        }
    }
    let reasons = refused
        .iter()
        .map(|(place, error)| format!("in {} ({error})", place.display()));
    let message = format!(
        "no folder for compiled cells can be made: not {}. Make one of them writable, free some space, or set TMPDIR to another folder",
        reasons.collect::<Vec<_>>().join(", nor ")
    );
    let kind = refused
        .first()
        .map_or(std::io::ErrorKind::Other, |(_, error)| error.kind());
    Err(std::io::Error::new(kind, message))
}

fn make_in(place: &Path) -> std::io::Result<Folder> {
    let length = place.as_os_str().len();
    if length > LONGEST_PLACE {
        let message = format!("its path has {length} bytes, and sockets can have {LONGEST_PLACE} here");
        return Err(std::io::Error::new(TOO_LONG, message));
    }
    let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(place)?;
    let lock = File::create_new(folder.path().join(LOCK))?;
    lock.try_lock()?;
    Ok(Folder { _lock: lock, folder })
}

/// Removes folders beside `own` whose session is gone: a killed kernel cannot clean up.
pub fn sweep(own: &Path) {
    let Some(entries) = own.parent().and_then(|place| std::fs::read_dir(place).ok()) else {
        return;
    };
    let folders = entries.flatten().filter(|entry| {
        entry
            .file_name()
            .as_encoded_bytes()
            .starts_with(PREFIX.as_bytes())
    });
    for folder in folders.map(|entry| entry.path()).filter(|folder| folder != own) {
        if is_left(&folder)
            && let Err(error) = std::fs::remove_dir_all(&folder)
        {
            tracing::debug!("{}: {error}", folder.display());
        }
    }
}

/// Whether it is a session's folder that no session holds.
fn is_left(folder: &Path) -> bool {
    File::open(folder.join(LOCK)).is_ok_and(|lock| lock.try_lock().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_folders_without_a_session_are_swept() {
        let place = tempfile::tempdir().unwrap();
        let (own, other) = (make_in(place.path()).unwrap(), make_in(place.path()).unwrap());
        let left = make_in(place.path()).unwrap();
        let left_path = left.folder.keep();
        drop(left._lock);
        let foreign = place.path().join("cellar-cache");
        std::fs::create_dir(&foreign).unwrap();
        sweep(own.path());
        assert!(!left_path.exists());
        assert!(own.path().exists() && other.path().exists() && foreign.exists());
    }
}
