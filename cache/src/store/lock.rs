//! Single flight: of many processes that want the same key, one computes.
//!
//! A claim is a lock of the operating system on a file of its own. It dies with its process, however that dies.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use crate::key::Key;

/// A waiter looks this often whether the way is free.
const STEP: Duration = Duration::from_millis(5);

/// Another waiter's look takes the lock for an instant.
const TRIES: u32 = 5;

/// The answer to a claim.
#[derive(Debug)]
#[must_use = "a claim that is dropped is given up"]
pub enum Claim {
    /// Nobody else computes this: look it up once more (it may have been put since the last look), then compute.
    Mine(ClaimGuard),
    /// Somebody else does.
    Busy(Waiter),
}

/// Whoever has this computes; dropping it lets others.
#[derive(Debug)]
pub struct ClaimGuard {
    /// `None` where there is no disk to share.
    held: Option<(File, PathBuf)>,
}

/// Who computes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The process. `None` in the instant before it has said so.
    pub pid: Option<u32>,
    pub since: SystemTime,
    /// What it computes, as it was called in [`Store::claim`](crate::Store::claim).
    pub name: String,
}

/// How a step of waiting ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waited {
    /// The other one is done or dead: look the key up, then claim it again if need be.
    Free,
    /// It still computes.
    Busy,
}

/// Waits for somebody else's claim to end, in steps.
#[derive(Debug)]
pub struct Waiter {
    file: File,
    holder: Holder,
}

impl Waiter {
    pub fn holder(&self) -> &Holder {
        &self.holder
    }

    /// Waits for at most `step`, so that the caller can look at other things (an interrupt) in between.
    pub fn wait(&self, step: Duration) -> Waited {
        let end = Instant::now() + step;
        loop {
            // Shared: waiters do not get in each other's way.
            match self.file.try_lock_shared() {
                Ok(()) => {
                    let _ = self.file.unlock();
                    return Waited::Free;
                }
                Err(TryLockError::Error(_)) => return Waited::Free,
                Err(TryLockError::WouldBlock) => {}
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Waited::Busy;
            }
            std::thread::sleep(STEP.min(left));
        }
    }
}

impl ClaimGuard {
    /// A claim where there is nobody to share with.
    pub(super) fn alone() -> ClaimGuard {
        ClaimGuard { held: None }
    }
}

impl Drop for ClaimGuard {
    fn drop(&mut self) {
        if let Some((file, path)) = self.held.take() {
            // First the name, then the lock: whoever gets the lock sees that the name is gone and starts anew.
            let _ = fs::remove_file(path);
            // A child process that is just being started may share the open file; closing it would not do.
            let _ = file.unlock();
        }
    }
}

/// Claims `key` in the folder of locks.
pub(super) fn claim(folder: &Path, key: Key, name: &str) -> io::Result<Claim> {
    let path = folder.join(key.to_string());
    let mut tries = 0;
    loop {
        let file = match open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                super::make_folder(folder)?;
                open(&path)?
            }
            opened => opened?,
        };
        match file.try_lock() {
            Ok(()) if has_name(&file, &path) => {
                sign(&file, name)?;
                return Ok(Claim::Mine(ClaimGuard {
                    held: Some((file, path)),
                }));
            }
            // The one before removed the file after we had opened it.
            Ok(()) => {}
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if tries < TRIES => {
                tries += 1;
                std::thread::sleep(Duration::from_micros(200));
            }
            Err(TryLockError::WouldBlock) => {
                let holder = read_holder(&file);
                return Ok(Claim::Busy(Waiter { file, holder }));
            }
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
}

/// Whether the open file is still the one at `path`.
fn has_name(file: &File, path: &Path) -> bool {
    match (file.metadata(), path.metadata()) {
        (Ok(open), Ok(named)) => (open.dev(), open.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

/// Writes who holds the lock into it, for those who wait.
fn sign(mut file: &File, name: &str) -> io::Result<()> {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    file.set_len(0)?;
    file.rewind()?;
    let text = format!("{}\n{}\n{name}", std::process::id(), since.as_millis());
    // A full disk keeps nobody from computing.
    let _ = file.write_all(text.as_bytes());
    Ok(())
}

fn read_holder(mut file: &File) -> Holder {
    let mut text = String::new();
    let _ = file
        .rewind()
        .and_then(|()| file.take(4096).read_to_string(&mut text));
    let mut lines = text.splitn(3, '\n');
    let mut number = || lines.next().and_then(|line| line.parse::<u64>().ok());
    let pid = number().and_then(|pid| u32::try_from(pid).ok());
    let since = number().map(|since| SystemTime::UNIX_EPOCH + Duration::from_millis(since));
    Holder {
        pid,
        since: since.unwrap_or_else(SystemTime::now),
        name: lines.next().unwrap_or_default().to_owned(),
    }
}

/// Removes the files that killed processes left behind. They are not locked, so they are in nobody's way.
pub(super) fn sweep(folder: &Path) {
    let Ok(files) = fs::read_dir(folder) else {
        return;
    };
    for path in files.flatten().map(|entry| entry.path()) {
        if let Ok(file) = File::open(&path)
            && file.try_lock().is_ok()
            && has_name(&file, &path)
        {
            let _ = fs::remove_file(&path);
        }
    }
}
