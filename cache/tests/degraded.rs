//! Where the disk does not play along the store works in memory, with one warning.

#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use cellar_cache::{Claim, Digest, Kept, Options, Persist, Policy, Selection, Store};
use support::*;

const FOLDER: &str = "CELLAR_TEST_STORE";

/// Everything a caller does, on a store that cannot use its folder.
fn works_in_memory(store: &Store) {
    assert!(!store.is_on_disk());
    assert!(matches!(store.claim(key("a"), "x"), Claim::Mine(_)));
    let mut entry = entry("x", "a");
    let temp = store.temp_path().unwrap();
    std::fs::write(&temp, content(2, LARGE)).unwrap();
    entry.blobs = vec![
        store.put_blob("x", content(1, LARGE), Persist::Disk),
        store
            .adopt_blob("y", &temp, Digest::of(&content(2, LARGE)))
            .unwrap(),
    ];
    assert!(!temp.exists());
    assert_eq!(
        store.put_entry(&entry, &Policy::default()).unwrap(),
        Kept::InMemory
    );
    let found = store.find(key("a"));
    assert_eq!(*found[0], entry);
    assert_eq!(store.blob(&entry.blobs[1]).unwrap(), content(2, LARGE));
    store.record_hit(&found[0]);
    assert_eq!(store.list(&Selection::default())[0].hits, 1);
    assert_eq!(store.stats().folder, None);
    assert!(store.nearest("nb.ipynb", "x", found[0].kind, &[]).is_some());
    store.gc();
    store.verify();
    assert_eq!(store.clear(&Selection::default()).entries, 1);
    assert!(store.find(key("a")).is_empty());
}

#[test]
fn a_store_in_memory() {
    let store = Store::in_memory(Options::default());
    works_in_memory(&store);
    assert!(texts(&store).is_empty(), "it was asked for");
}

#[test]
fn a_folder_that_cannot_be_made() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    for place in ["file", "file/store"] {
        let place = folder.path().join(place);
        let store = Store::open(&place, Options::default());
        let warnings = texts(&store);
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].contains(&place.display().to_string()), "{warnings:?}");
        assert!(warnings[0].contains("CELLAR_CACHE_DIR"), "{warnings:?}");
        works_in_memory(&store);
        assert!(texts(&store).is_empty());
    }
}

/// root may write everywhere: run as somebody else then.
fn as_somebody(command: &mut Command) -> &mut Command {
    let root = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap()) == 0;
    if root {
        command.uid(65534).gid(65534)
    } else {
        command
    }
}

/// Runs a test of this file in a process of its own. This program is copied to where everybody may run it.
fn run(test: &str, folder: &Path, set_up: impl FnOnce(Command) -> Command) -> Output {
    let open = tempfile::Builder::new()
        .permissions(std::fs::Permissions::from_mode(0o755))
        .tempdir()
        .unwrap();
    let program = open.path().join("test");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let mut command = Command::new(&program);
    command.args(child(test).get_args());
    let mut command = set_up(command);
    command
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command.spawn().unwrap().wait_with_output().unwrap()
}

fn assert_success(output: &Output) {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
#[ignore = "run by the next test as somebody who may not write"]
fn in_a_read_only_folder() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    assert!(
        std::fs::write(Path::new(&folder).join("x"), "").is_err(),
        "it is not read-only"
    );
    let store = Store::open(&folder, Options::default());
    assert_eq!(texts(&store).len(), 1);
    works_in_memory(&store);
    assert!(texts(&store).is_empty());
}

#[test]
fn a_read_only_folder() {
    let place = place();
    put(&place.store, "x", "b", b"1");
    let read_only = std::fs::Permissions::from_mode(0o555);
    for folder in [place.root(), place.folder.path().to_owned()] {
        std::fs::set_permissions(folder, read_only.clone()).unwrap();
    }
    let output = run("in_a_read_only_folder", place.folder.path(), |mut command| {
        as_somebody(&mut command);
        command
    });
    for folder in [place.folder.path().to_owned(), place.root()] {
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700)).unwrap();
    }
    assert_success(&output);
    assert_eq!(hit(&place.store, "b").unwrap(), b"1");
}

/// On a disk that takes small files and no large ones, or takes nothing from some moment on.
#[test]
#[ignore = "run by the next tests where there is little space"]
fn where_there_is_little_space() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let store = Store::open(&folder, Options::default());
    assert!(store.is_on_disk(), "{:?}", store.take_warnings());
    put(&store, "x", "before", &content(1, LARGE));
    let (mut on_disk, mut in_memory) = (0, 0);
    for i in 0..40 {
        let mut entry = entry("x", &format!("cell {i}"));
        entry.blobs = vec![store.put_blob("x", content(100 + i, 700_000), Persist::Disk)];
        match store.put_entry(&entry, &Policy::default()).unwrap() {
            Kept::OnDisk => on_disk += 1,
            Kept::InMemory => in_memory += 1,
        }
        assert_eq!(
            hit(&store, &format!("cell {i}")).unwrap(),
            content(100 + i, 700_000)
        );
    }
    assert!(in_memory > 0, "{on_disk} on disk");
    let warnings = texts(&store);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("cannot be written"), "{warnings:?}");

    // What was there stays right, for the next process too.
    let later = Store::open(&folder, Options::default());
    if later.is_on_disk() {
        assert_eq!(hit(&later, "before").unwrap(), content(1, LARGE));
        let there = (0..40).filter(|i| match hit(&later, &format!("cell {i}")) {
            Some(found) => found == content(100 + i, 700_000),
            None => false,
        });
        assert_eq!(there.count(), on_disk);
        assert_eq!(later.verify().bad, 0);
    }
}

/// Files may not grow beyond half a megabyte; what is larger fails as on a full disk.
#[test]
fn large_files_that_cannot_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let output = run("where_there_is_little_space", folder.path(), |command| {
        let mut shell = Command::new("sh");
        // In units of 512 bytes. The signal is ignored, so that writing fails instead.
        shell.args(["-c", "trap '' XFSZ; ulimit -f 1000; exec \"$0\" \"$@\""]);
        shell.arg(command.get_program()).args(command.get_args());
        shell
    });
    assert_success(&output);
}

/// Runs a test on a disk of 8 MB, in a name space of its own. `false` where that is not permitted.
fn run_on_a_small_disk(test: &str) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let unshared = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script]);
        command
    };
    let mount = "mount -t tmpfs -o size=8m tmpfs \"$CELLAR_TEST_STORE\"";
    let permitted = unshared(mount).env(FOLDER, folder.path()).output();
    if !permitted.is_ok_and(|output| output.status.success()) {
        eprintln!("no file system can be mounted here");
        return false;
    }
    let output = run(test, folder.path(), |command| {
        let mut shell = unshared(&format!("{mount} && exec \"$0\" \"$@\""));
        shell.arg(command.get_program()).args(command.get_args());
        shell
    });
    assert_success(&output);
    true
}

/// Where it is not permitted the test above has to do.
#[test]
fn a_full_disk() {
    run_on_a_small_disk("where_there_is_little_space");
}

#[test]
#[ignore = "run by the next test where the store is in another file system"]
fn files_are_adopted_until_the_disk_is_full() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let store = Store::open(&folder, Options::default());
    let elsewhere = tempfile::tempdir().unwrap();
    let mut kept = Vec::new();
    for i in 0..20 {
        let file = elsewhere.path().join(i.to_string());
        let bytes = content(i, 700_000);
        std::fs::write(&file, &bytes).unwrap();
        let mut entry = entry("x", &format!("cell {i}"));
        entry.blobs = vec![store.adopt_blob("x", &file, Digest::of(&bytes)).unwrap()];
        assert!(!file.exists());
        kept.push(store.put_entry(&entry, &Policy::default()).unwrap());
        assert_eq!(hit(&store, &format!("cell {i}")).unwrap(), bytes);
        if i == 5 {
            assert!(texts(&store).is_empty(), "there is space");
            assert_eq!(kept, [Kept::OnDisk; 6]);
        }
    }
    assert!(kept.contains(&Kept::InMemory), "{kept:?}");
    let warnings = texts(&store);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("No space left"), "{warnings:?}");
}

#[test]
fn a_file_of_another_file_system_is_copied_and_a_full_disk_called_so() {
    run_on_a_small_disk("files_are_adopted_until_the_disk_is_full");
}
