//! Compiled code in the cache folder that nobody has used for long: what it takes, and its removal.
//!
//! What a process uses it has locked for reading, and the time of its record tells when that began (`kept.rs`). So
//! nothing is removed that a kernel uses, however long that has been running. Everything here can be compiled again.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::kept::{self, RECORD};

/// How long something is kept that nobody uses.
pub const UNUSED: Duration = Duration::from_secs(30 * 24 * 3600);
/// How often one of the kernels of a cache folder looks for it.
const EVERY: Duration = Duration::from_secs(24 * 3600);
/// Its time is when somebody looked last.
const LOOKED: &str = "unused-looked-for";
/// What the name of something begins with that is being removed.
const LEAVING: &str = ".unused-";

/// Folders of the cache folder in which each build has a folder of its own.
const OF_BUILDS: [&str; 2] = ["runtime", "codecs"];
/// cargo's folder, which is one.
pub const DEPENDENCIES: &str = "dependencies";

/// Builds: the crate `cellar`, serde, codec libraries, dependencies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Builds {
    /// Those of all dependencies are one.
    pub count: u64,
    pub bytes: u64,
}

/// What there is in a cache folder.
pub fn measure(cache: &Path) -> Builds {
    let mut found = Builds::default();
    for build in builds(cache).chain(dependencies(cache)) {
        found.count += 1;
        found.bytes += bytes(&build);
    }
    found
}

/// Removes what nobody uses and nobody has used for `age`. Gives what was removed.
pub fn sweep(cache: &Path, age: Duration) -> Builds {
    let mut removed = Builds::default();
    for build in builds(cache) {
        removed.add(remove(&build, &build.join(RECORD), age));
    }
    if let Some(folder) = dependencies(cache) {
        removed.add(remove(&folder, &folder.join(kept::IN_USE), age));
    }
    for folder in OF_BUILDS
        .map(|name| cache.join(name))
        .iter()
        .chain([&cache.to_owned()])
    {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with(LEAVING) {
                // Whoever began this was killed.
                let _ = fs::remove_dir_all(entry.path());
            } else if name.ends_with(".in") && leads_nowhere(&entry.path()) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
    removed
}

/// Sweeps in a thread of its own, unless somebody has within a day.
pub fn sweep_rarely(cache: &Path) {
    let looked = cache.join(LOOKED);
    if !is_older(&looked, EVERY) && looked.exists() || fs::write(&looked, "").is_err() {
        return;
    }
    let cache = cache.to_owned();
    let sweep = move || {
        let removed = sweep(&cache, UNUSED);
        if removed.count > 0 {
            tracing::info!(?removed, "compiled code that was not used for long is removed");
        }
    };
    if let Err(error) = std::thread::Builder::new().name("unused".to_owned()).spawn(sweep) {
        tracing::warn!("unused builds stay: {error}");
    }
}

impl Builds {
    fn add(&mut self, bytes: Option<u64>) {
        if let Some(bytes) = bytes {
            self.count += 1;
            self.bytes += bytes;
        }
    }
}

/// The folders of finished builds.
fn builds(cache: &Path) -> impl Iterator<Item = PathBuf> {
    let folders = OF_BUILDS.map(|name| cache.join(name));
    let entries = folders.into_iter().filter_map(|folder| fs::read_dir(folder).ok());
    entries
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.join(RECORD).is_file())
        .filter(|path| {
            !path
                .file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with('.'))
        })
}

/// cargo's folder, if it was ever used. It may be a link.
fn dependencies(cache: &Path) -> Option<PathBuf> {
    let folder = cache.join(DEPENDENCIES);
    let folder = fs::canonicalize(&folder).unwrap_or(folder);
    folder.join(kept::IN_USE).is_file().then_some(folder)
}

/// Removes a folder whose record is older than `age` and locked by nobody. Gives its size.
fn remove(folder: &Path, record: &Path, age: Duration) -> Option<u64> {
    if !is_older(record, age) {
        return None;
    }
    let lock = File::open(record).ok()?;
    lock.try_lock().ok()?;
    // Somebody may have begun and ended since.
    if !is_older(record, age) {
        return None;
    }
    let bytes = bytes(folder);
    let name = folder.file_name()?.to_string_lossy();
    let aside = folder.with_file_name(format!("{LEAVING}{name}-{}", std::process::id()));
    // Whoever waits for the lock finds that the folder is not there any more.
    fs::rename(folder, &aside).ok()?;
    drop(lock);
    if let Err(error) = fs::remove_dir_all(&aside) {
        tracing::debug!("{}: {error}", aside.display());
    }
    Some(bytes)
}

/// Whether it is the note of a codec library that is not there.
fn leads_nowhere(note: &Path) -> bool {
    let library = fs::read_to_string(note).unwrap_or_default();
    note.parent()
        .is_some_and(|folder| !folder.join(library).join(RECORD).exists())
}

fn is_older(path: &Path, age: Duration) -> bool {
    let modified = path.metadata().and_then(|metadata| metadata.modified()).ok();
    // A time in the future is no age.
    modified.is_some_and(|time| {
        SystemTime::now()
            .duration_since(time)
            .is_ok_and(|since| since >= age)
    })
}

fn bytes(folder: &Path) -> u64 {
    let mut sum = 0;
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => sum += bytes(&entry.path()),
            Ok(_) => sum += entry.metadata().map_or(0, |metadata| metadata.len()),
            Err(_) => {}
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::super::kept::Kept;
    use super::*;

    fn build(kept: &Kept, name: &str) -> PathBuf {
        let work = kept.begin().unwrap();
        fs::write(work.path().join("file"), "content").unwrap();
        work.finish(name, &["file"], "").unwrap()
    }

    fn age(path: &Path) {
        let time = SystemTime::now() - UNUSED - Duration::from_secs(60);
        File::open(path).unwrap().set_modified(time).unwrap();
    }

    #[test]
    fn what_was_not_used_for_long_is_removed_but_not_what_somebody_uses() {
        let cache = tempfile::tempdir().unwrap();
        let kept = Kept::open(&cache.path().join("codecs")).unwrap();
        let [old, used, new] = ["old", "used", "new"].map(|name| build(&kept, name));
        let note = cache.path().join("codecs/key.in");
        fs::write(&note, "old").unwrap();
        for place in [&old, &used, &new] {
            kept::release(place);
        }
        assert_eq!(measure(cache.path()).count, 3);
        age(&old.join(RECORD));
        age(&used.join(RECORD));
        let reader = File::open(used.join(RECORD)).unwrap();
        reader.lock_shared().unwrap();
        let removed = sweep(cache.path(), UNUSED);
        assert_eq!(removed.count, 1);
        assert!(removed.bytes > 7);
        assert!(!old.exists() && used.exists() && new.exists() && !note.exists());
        drop(reader);
        // Whoever finds it uses it, so it is not old any more.
        assert!(kept.find("used").is_some());
        kept::release(&used);
        assert_eq!(sweep(cache.path(), UNUSED), Builds::default());
    }

    #[test]
    fn dependencies_leave_as_a_whole() {
        let cache = tempfile::tempdir().unwrap();
        let folder = cache.path().join(DEPENDENCIES);
        fs::create_dir_all(folder.join("debug")).unwrap();
        fs::write(folder.join("debug/lib.rlib"), "content").unwrap();
        assert_eq!(
            sweep(cache.path(), Duration::ZERO),
            Builds::default(),
            "nobody says since when"
        );
        kept::use_folder(&folder);
        age(&folder.join(kept::IN_USE));
        assert_eq!(
            sweep(cache.path(), UNUSED),
            Builds::default(),
            "this process uses it"
        );
        kept::release(&folder);
        assert_eq!(sweep(cache.path(), UNUSED).count, 1);
        assert!(!folder.exists());
    }
}
