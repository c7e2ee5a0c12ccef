//! Four processes on one store, killed at random moments: nothing wrong is ever returned, nothing
//! committed is lost, and the budget holds.
//!
//! `CELLAR_TORTURE_SECONDS` sets how long each of the two tests goes on; 4 if it is not set.

#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use std::collections::HashSet;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use cellar_cache::{Digest, Entry, EntryKind, Kept, Options, Persist, Policy, PutError, Selection, Store};
use support::*;

const FOLDER: &str = "CELLAR_TEST_STORE";
const LOG: &str = "CELLAR_TEST_LOG";
const BUDGET: &str = "CELLAR_TEST_BUDGET";
const SEED: &str = "CELLAR_TEST_SEED";

const PROCESSES: u64 = 4;
const CELLS: u64 = 120;

fn seconds() -> Duration {
    let set = std::env::var("CELLAR_TORTURE_SECONDS")
        .ok()
        .and_then(|text| text.parse().ok());
    Duration::from_secs(set.unwrap_or(4))
}

/// A small age, so that sweeping happens all the time; a process that is stopped for longer
/// between a blob and its entry gets an error, which is allowed.
fn options(budget: u64) -> Options {
    Options {
        budget_bytes: budget,
        memory_bytes: 4 << 20,
        orphan_age: Duration::from_secs(1),
    }
}

/// One cell in one version: the parts of its result follow from these numbers, so any reader can check them.
fn result_of(cell: u64, version: u64) -> (Entry, Vec<Vec<u8>>) {
    let mut entry = entry(&format!("cell {cell}"), &format!("cell {cell}"));
    entry.body = version.to_le_bytes().to_vec();
    let mut random = Random::new(cell << 32 | version);
    let parts = (0..1 + random.below(3))
        .map(|_| {
            let length = match random.below(3) {
                0 => random.below(4096),
                1 => random.below(40_000),
                _ => random.below(330_000),
            };
            // Some content is the same in many cells.
            let seed = if random.below(4) == 0 {
                random.below(5)
            } else {
                random.next()
            };
            content(seed, length as usize)
        })
        .collect();
    (entry, parts)
}

/// Whether all of an entry is there. What is there must be right.
fn check(store: &Store, entry: &Entry, cell: u64) -> bool {
    let version = u64::from_le_bytes(entry.body[..].try_into().expect("a version"));
    let (expected, parts) = result_of(cell, version);
    assert_eq!((&entry.name, entry.base), (&expected.name, expected.base));
    assert_eq!(entry.blobs.len(), parts.len());
    entry
        .blobs
        .iter()
        .zip(parts)
        .all(|(blob, expected)| match version % 2 {
            0 => store
                .blob(blob)
                .map(|found| assert!(found == expected, "wrong content"))
                .is_some(),
            _ => match store.blob_path(blob) {
                // Another process may evict it between the check and the read.
                Some(path) => std::fs::read(path).map_or(true, |found| {
                    assert!(found == expected, "wrong content");
                    true
                }),
                None => false,
            },
        })
}

fn put_result(store: &Store, cell: u64, version: u64) -> Result<Kept, PutError> {
    let (mut entry, parts) = result_of(cell, version);
    for part in parts {
        let blob = if version.is_multiple_of(3) {
            let temp = store.temp_path().unwrap();
            std::fs::write(&temp, &part).unwrap();
            store.adopt_blob("part", &temp, Digest::of(&part)).unwrap()
        } else {
            store.put_blob("part", part, Persist::Disk)
        };
        entry.blobs.push(blob);
    }
    store.put_entry(&entry, &Policy::default())
}

#[test]
#[ignore = "run by the other tests in processes of its own"]
fn one_process() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let number = |name: &str| std::env::var(name).unwrap().parse::<u64>().unwrap();
    let mut log = File::options()
        .append(true)
        .create(true)
        .open(std::env::var(LOG).unwrap())
        .unwrap();
    let mut random = Random::new(number(SEED));
    let budget = number(BUDGET);
    let store = Store::open(folder, options(budget));
    assert!(store.is_on_disk(), "{:?}", store.take_warnings());
    loop {
        let cell = random.below(CELLS);
        match random.below(200) {
            0 => {
                store.gc();
            }
            1 if budget < u64::MAX / 4 => {
                store.clear(&Selection {
                    kind: Some(EntryKind::Data),
                    name: Some(&format!("cell {cell}")),
                    scope: None,
                });
            }
            2..80 => match put_result(&store, cell, random.below(1000)) {
                Ok(Kept::OnDisk) => log.write_all(format!("{cell}\n").as_bytes()).unwrap(),
                Ok(Kept::InMemory) => panic!("{:?}", store.take_warnings()),
                Err(PutError::BlobMissing { .. }) => {}
                Err(error) => panic!("{error}"),
            },
            _ => {
                for entry in store.find(key(&format!("cell {cell}"))) {
                    if check(&store, &entry, cell) {
                        store.record_hit(&entry);
                    }
                }
            }
        }
    }
}

struct Torture<'a> {
    place: &'a Place,
    log: std::path::PathBuf,
    budget: u64,
    random: Random,
    processes: Vec<Child>,
}

impl Torture<'_> {
    fn spawn(&mut self) -> Child {
        child("one_process")
            .env(FOLDER, self.place.folder.path())
            .env(LOG, &self.log)
            .env(BUDGET, self.budget.to_string())
            .env(SEED, self.random.next().to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Kills one process after the other; whatever ends by itself has found something wrong.
    fn run(&mut self, mut meanwhile: impl FnMut(&Store)) -> u32 {
        let end = Instant::now() + seconds();
        for _ in 0..PROCESSES {
            let process = self.spawn();
            self.processes.push(process);
        }
        let mut kills = 0;
        while Instant::now() < end {
            std::thread::sleep(Duration::from_millis(20 + self.random.below(120)));
            let victim = self.random.below(PROCESSES) as usize;
            let fresh = self.spawn();
            end_of(std::mem::replace(&mut self.processes[victim], fresh));
            kills += 1;
            meanwhile(&self.place.store);
        }
        self.processes.drain(..).for_each(end_of);
        kills
    }
}

fn end_of(mut process: Child) {
    use std::os::unix::process::ExitStatusExt as _;
    process.kill().unwrap();
    let output = process.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.signal(), Some(9), "a process gave up: {said}");
}

impl Drop for Torture<'_> {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn committed(log: &Path) -> (usize, HashSet<u64>) {
    let text = std::fs::read_to_string(log).unwrap();
    // A killed process may have left half a line.
    let cells = text
        .lines()
        .filter_map(|line| line.parse().ok())
        .filter(|cell| *cell < CELLS);
    (text.lines().count(), cells.collect())
}

#[test]
fn nothing_committed_is_lost_and_nothing_wrong_is_returned() {
    let budget = u64::MAX / 2;
    let place = place_with(options(budget));
    let log = place.folder.path().join("log");
    let mut torture = Torture {
        place: &place,
        log: log.clone(),
        budget,
        random: Random::new(1),
        processes: vec![],
    };
    let kills = torture.run(|_| {});

    let store = place.reopened();
    let (puts, cells) = committed(&log);
    assert!(
        kills > 5 && cells.len() as u64 > CELLS / 2,
        "{kills} kills, {puts} puts"
    );
    for cell in &cells {
        let found = store.find(key(&format!("cell {cell}")));
        assert_eq!(found.len(), 1, "cell {cell} is lost");
        assert!(
            check(&store, &found[0], *cell),
            "a part of cell {cell} is lost: {:?}",
            store.take_warnings()
        );
    }
    let verified = store.verify();
    assert_eq!((verified.bad, verified.removed), (0, 0));
    assert!(store.take_warnings().is_empty());
    eprintln!("{kills} kills, {puts} puts, {} cells", cells.len());
}

#[test]
fn the_budget_holds_whoever_is_killed() {
    let budget = 5_000_000;
    let place = place_with(options(budget));
    let log = place.folder.path().join("log");
    let mut torture = Torture {
        place: &place,
        log: log.clone(),
        budget,
        random: Random::new(2),
        processes: vec![],
    };
    let kills = torture.run(|store| {
        let counted = store.stats().bytes;
        assert!(counted <= budget, "{counted} bytes");
    });

    // What the killed left behind is swept when it is old enough; then the files themselves keep to the budget.
    std::thread::sleep(Duration::from_millis(1100));
    let store = Store::open(place.folder.path(), options(budget));
    let collected = store.gc();
    let on_disk: u64 = place
        .blob_files()
        .iter()
        .map(|file| file.metadata().unwrap().len())
        .sum();
    assert!(on_disk <= budget, "{on_disk} bytes of files");
    let listed = store.list(&Selection::default());
    assert!(!listed.is_empty());
    let verified = store.verify();
    assert_eq!(
        (verified.bad, verified.removed),
        (0, 0),
        "{:?}",
        store.take_warnings()
    );
    let (puts, _) = committed(&log);
    assert!(kills > 5 && puts > 100, "{kills} kills, {puts} puts");
    eprintln!(
        "{kills} kills, {puts} puts, {} entries left, {collected:?}",
        listed.len()
    );
}
