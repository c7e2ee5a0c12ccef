//! Who has cleared what: a file to which every clearing adds a line. Whoever has results from the store in a memory of its own
//! learns from it what to forget. To look costs one `stat` where nothing was cleared.
//!
//! A line is `BY KIND NAME SCOPE`: which store object cleared, the kind of entry, the hashes of name and scope, each `-` for
//! any. What cannot be read counts as a clearing of everything, and so does a file that is another one or gone.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::Selection;
use crate::digest::Digest;
use crate::entry::EntryKind;
use crate::time::{now, to_micros};

/// A longer file is begun anew, in bytes.
const LONGEST: u64 = 64 * 1024;

const ANY: &str = "-";

/// What somebody has cleared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Clearing {
    kind: Option<EntryKind>,
    name: Option<Digest>,
    scope: Option<Digest>,
}

impl Clearing {
    fn of(selection: &Selection) -> Clearing {
        let hash = |text: &str| Digest::of(text.as_bytes());
        Clearing {
            kind: selection.kind,
            name: selection.name.map(hash),
            scope: selection.scope.map(hash),
        }
    }

    /// Whether an entry like this was cleared if it was there.
    pub fn covers(&self, kind: EntryKind, name: &str, scope: &str) -> bool {
        let is = |wanted: Option<Digest>, text: &str| {
            wanted.is_none_or(|wanted| wanted == Digest::of(text.as_bytes()))
        };
        self.kind.is_none_or(|wanted| wanted == kind) && is(self.name, name) && is(self.scope, scope)
    }

    fn line(&self, by: &str) -> String {
        let kind = self.kind.map_or(ANY, EntryKind::as_str);
        let hash =
            |digest: Option<Digest>| digest.map_or_else(|| ANY.to_owned(), |digest| digest.to_string());
        format!("{by} {kind} {} {}\n", hash(self.name), hash(self.scope))
    }

    /// Reads a line: by whom, and what.
    fn read(line: &str) -> Option<(&str, Clearing)> {
        fn field<T: std::str::FromStr>(text: &str) -> Option<Option<T>> {
            if text == ANY {
                return Some(None);
            }
            text.parse().ok().map(Some)
        }
        let mut fields = line.split(' ');
        let by = fields.next()?;
        let clearing = Clearing {
            kind: field(fields.next()?)?,
            name: field(fields.next()?)?,
            scope: field(fields.next()?)?,
        };
        fields.next().is_none().then_some((by, clearing))
    }
}

/// The file of one store object.
pub(super) struct Clearings {
    path: PathBuf,
    /// What its own lines begin with.
    by: String,
    seen: Mutex<Option<Seen>>,
}

/// The file as it was when it was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
}

impl Seen {
    fn of(metadata: &fs::Metadata) -> Seen {
        Seen {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }

    fn is_same_file(&self, other: &Seen) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }
}

impl Clearings {
    /// What was cleared before is of no interest.
    pub fn open(folder: &Path) -> Clearings {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = folder.join("clearings");
        // It is there from the beginning, so that its loss is noticed. Where it cannot be made nothing is cleared either.
        let file = append(&path);
        let metadata = file.and_then(|file| file.metadata());
        Clearings {
            by: format!("{}.{}.{number}", std::process::id(), to_micros(now())),
            seen: Mutex::new(metadata.as_ref().map(Seen::of).ok()),
            path,
        }
    }

    /// Tells the others.
    pub fn tell(&self, selection: &Selection) -> io::Result<()> {
        let line = Clearing::of(selection).line(&self.by);
        let is_long = self
            .path
            .metadata()
            .is_ok_and(|metadata| metadata.len() > LONGEST);
        if is_long {
            // For the others that is another file.
            let _ = fs::remove_file(&self.path);
        }
        // In one piece: others may write at the same time.
        append(&self.path)?.write_all(line.as_bytes())
    }

    /// What others have cleared since the last call.
    pub fn take(&self) -> Vec<Clearing> {
        let now = self.path.metadata().as_ref().map(Seen::of).ok();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == now {
            return Vec::new();
        }
        let before = std::mem::replace(&mut *seen, now);
        let Some(now) = now else {
            return vec![Clearing::default()];
        };
        let start = match before {
            None => 0,
            Some(before) if before.is_same_file(&now) && before.length < now.length => before.length,
            Some(_) => return vec![Clearing::default()],
        };
        let Ok(text) = self.between(start, now.length) else {
            return vec![Clearing::default()];
        };
        text.lines()
            .filter_map(|line| match Clearing::read(line) {
                Some((by, _)) if by == self.by => None,
                Some((_, clearing)) => Some(clearing),
                None => Some(Clearing::default()),
            })
            .collect()
    }

    fn between(&self, start: u64, end: u64) -> io::Result<String> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(start))?;
        let mut text = String::new();
        file.take(end - start).read_to_string(&mut text)?;
        Ok(text)
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Selection = Selection {
        kind: None,
        name: None,
        scope: None,
    };

    #[test]
    fn others_learn_once_what_was_cleared() {
        let folder = tempfile::tempdir().unwrap();
        let [one, other] = [Clearings::open(folder.path()), Clearings::open(folder.path())];
        assert!(one.take().is_empty());
        let selection = Selection {
            kind: Some(EntryKind::Function),
            name: Some("fetch\nall"),
            scope: None,
        };
        other.tell(&selection).unwrap();
        one.tell(&ALL).unwrap();
        let learnt = one.take();
        assert_eq!(learnt.len(), 1, "its own are no news: {learnt:?}");
        assert!(learnt[0].covers(EntryKind::Function, "fetch\nall", "nb"));
        assert!(!learnt[0].covers(EntryKind::Function, "fetch", "nb"));
        assert!(!learnt[0].covers(EntryKind::Data, "fetch\nall", "nb"));
        assert!(one.take().is_empty());
        assert_eq!(other.take(), [Clearing::default()]);
        assert!(Clearings::open(folder.path()).take().is_empty());
    }

    #[test]
    fn what_is_not_understood_is_a_clearing_of_everything() {
        let folder = tempfile::tempdir().unwrap();
        let clearings = Clearings::open(folder.path());
        let file = folder.path().join("clearings");
        fs::write(&file, "1.2.3 nonsense - -\n").unwrap();
        assert_eq!(clearings.take(), [Clearing::default()]);
        fs::remove_file(&file).unwrap();
        assert_eq!(clearings.take(), [Clearing::default()]);
        assert!(clearings.take().is_empty());
        let other = Clearings::open(folder.path());
        other
            .tell(&Selection {
                name: Some("x"),
                ..ALL
            })
            .unwrap();
        let learnt = clearings.take();
        assert!(learnt.len() == 1 && !learnt[0].covers(EntryKind::Data, "y", "nb"));
    }

    #[test]
    fn a_long_file_is_begun_anew() {
        let folder = tempfile::tempdir().unwrap();
        let [one, other] = [Clearings::open(folder.path()), Clearings::open(folder.path())];
        let line = Clearing::of(&ALL).line("1.2.3");
        let lines = usize::try_from(LONGEST).unwrap() / line.len() + 1;
        fs::write(folder.path().join("clearings"), line.repeat(lines)).unwrap();
        assert_eq!(one.take().len(), lines);
        other
            .tell(&Selection {
                name: Some("x"),
                ..ALL
            })
            .unwrap();
        assert!(folder.path().join("clearings").metadata().unwrap().len() < 200);
        assert_eq!(one.take(), [Clearing::default()]);
    }
}
