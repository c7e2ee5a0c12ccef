//! A damaged store is a slow store: a miss and one warning, then as if nothing had been.

#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use std::os::unix::fs::FileExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use support::*;

/// Lets the test write into a blob's file, which nobody may.
fn writable(path: &Path) -> std::fs::File {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::File::options().write(true).open(path).unwrap()
}

/// Damages the file of a stored entry: a miss with one warning for `blob` and for `blob_path`, removed at once, and after
/// the next put a hit.
fn is_a_miss_and_heals(what: &str, damage: impl Fn(&Path)) {
    for by_path in [false, true] {
        let place = place();
        put(&place.store, "x", "a", &content(1, LARGE));
        put(&place.store, "y", "other", &content(2, LARGE));
        let store = place.reopened();
        let entry = store.find(key("a")).remove(0);
        let path = store.blob_path(&entry.blobs[0]).unwrap();
        damage(&path);
        if by_path {
            assert_eq!(store.blob_path(&entry.blobs[0]), None, "{what}");
        } else {
            assert_eq!(store.blob(&entry.blobs[0]), None, "{what}");
        }
        assert_eq!(texts(&store).len(), 1, "{what}");
        assert!(store.find(key("a")).is_empty(), "{what}: the entry is gone");
        assert_eq!(store.blob(&entry.blobs[0]), None);
        assert!(
            texts(&place.reopened()).is_empty() && texts(&store).is_empty(),
            "{what}: no second warning"
        );
        assert_eq!(hit(&store, "other").unwrap(), content(2, LARGE));

        put(&store, "x", "a", &content(1, LARGE));
        assert_eq!(hit(&place.reopened(), "a").unwrap(), content(1, LARGE), "{what}");
    }
}

#[test]
fn a_truncated_blob() {
    is_a_miss_and_heals("truncated", |path| writable(path).set_len(1000).unwrap());
}

#[test]
fn a_blob_of_no_length() {
    is_a_miss_and_heals("empty", |path| writable(path).set_len(0).unwrap());
}

#[test]
fn a_flipped_bit() {
    is_a_miss_and_heals("flipped", |path| {
        let mut bytes = std::fs::read(path).unwrap();
        bytes[LARGE / 2] ^= 4;
        writable(path).write_all_at(&bytes, 0).unwrap();
    });
}

#[test]
fn a_blob_that_grew() {
    is_a_miss_and_heals("grown", |path| {
        writable(path).write_all_at(b"more", LARGE as u64).unwrap()
    });
}

#[test]
fn a_blob_that_somebody_removed() {
    is_a_miss_and_heals("removed", |path| std::fs::remove_file(path).unwrap());
}

#[test]
fn a_blob_replaced_by_another() {
    is_a_miss_and_heals("replaced", |path| {
        std::fs::remove_file(path).unwrap();
        std::fs::write(path, content(9, LARGE)).unwrap();
    });
}

#[test]
fn something_in_a_blobs_place_that_cannot_be_read() {
    let place = place();
    let entry = put(&place.store, "x", "a", &content(1, LARGE));
    let path = place.store.blob_path(&entry.blobs[0]).unwrap();
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    let store = place.reopened();
    assert_eq!(hit(&store, "a"), None);
    assert_eq!(texts(&store).len(), 1);
    assert_eq!(hit(&store, "a"), None);
    assert!(texts(&store).is_empty());
}

/// Opens the index as any program could.
fn index(place: &Place) -> rusqlite::Connection {
    rusqlite::Connection::open(place.root().join("index-0.db")).unwrap()
}

#[test]
fn a_flipped_bit_in_a_row() {
    for column in ["record", "name", "created", "base", "checksum", "cost"] {
        let place = place();
        put(&place.store, "x", "a", b"1");
        put(&place.store, "y", "b", b"2");
        let change = match column {
            "record" => "record = CAST(zeroblob(length(record)) AS BLOB)",
            "name" => "name = 'z'",
            "created" => "created = created + 1",
            "base" => "checksum = zeroblob(32)",
            "checksum" => "checksum = x'00'",
            _ => "cost = 'much'",
        };
        index(&place)
            .execute(&format!("UPDATE entries SET {change} WHERE name = 'x'"), [])
            .unwrap();
        let store = place.reopened();
        assert_eq!(hit(&store, "a"), None, "{column}");
        assert_eq!(texts(&store).len(), 1, "{column}");
        assert_eq!(store.list(&Default::default()).len(), 1, "{column}: it is gone");
        assert_eq!(hit(&store, "a"), None);
        assert!(texts(&store).is_empty() && texts(&place.reopened()).is_empty());
        assert_eq!(hit(&store, "b").unwrap(), b"2");
    }
}

#[test]
fn a_flipped_bit_in_a_small_blob() {
    let place = place();
    put(&place.store, "x", "a", b"1");
    index(&place)
        .execute("UPDATE blobs SET data = x'99'", [])
        .unwrap();
    let store = place.reopened();
    assert_eq!(hit(&store, "a"), None);
    assert_eq!(texts(&store).len(), 1);
    assert!(store.find(key("a")).is_empty());
    put(&store, "x", "a", b"1");
    assert_eq!(hit(&place.reopened(), "a").unwrap(), b"1");
}

/// Damages the index while nobody uses the store: the next process starts a new one, with one warning.
fn starts_anew(what: &str, damage: impl Fn(&Path)) {
    let place = place();
    for i in 0..200 {
        put(&place.store, "x", &format!("cell {i}"), &content(i, 300));
    }
    let Place { folder, store } = place;
    drop(store);
    let path = folder.path().join("v1/index-0.db");
    assert!(
        !path.with_extension("db-wal").exists(),
        "the last one to leave tidies up"
    );
    damage(&path);
    for opened in 0..2 {
        let store = cellar_cache::Store::open(folder.path(), cellar_cache::Options::default());
        assert!(store.is_on_disk(), "{what}");
        let missing = (0..200)
            .filter(|i| hit(&store, &format!("cell {i}")).is_none())
            .count();
        put(&store, "x", "cell 7", &content(7, 300));
        assert_eq!(hit(&store, "cell 7").unwrap(), content(7, 300), "{what}");
        let warnings = texts(&store);
        if opened == 0 {
            assert!(missing > 0, "{what}");
            assert_eq!(warnings.len(), 1, "{what}: {warnings:?}");
            assert!(warnings[0].contains("damaged"), "{what}: {warnings:?}");
        } else {
            assert_eq!(missing, 199, "{what}");
            assert!(warnings.is_empty(), "{what}: {warnings:?}");
        }
    }
    assert!(path.exists(), "{what}: it is kept for whoever wants to look");
}

#[test]
fn half_an_index() {
    starts_anew("half", |path| {
        let file = std::fs::File::options().write(true).open(path).unwrap();
        file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    });
}

#[test]
fn an_index_with_a_bad_header() {
    starts_anew("header", |path| {
        let file = std::fs::File::options().write(true).open(path).unwrap();
        file.write_all_at(&[0x55; 100], 0).unwrap();
    });
}

#[test]
fn an_index_with_zeroed_pages() {
    starts_anew("zeroed", |path| {
        let file = std::fs::File::options().write(true).open(path).unwrap();
        let length = file.metadata().unwrap().len();
        file.write_all_at(&vec![0; length as usize - 4096], 4096).unwrap();
    });
}

#[test]
fn another_programs_database() {
    starts_anew("foreign", |path| {
        std::fs::remove_file(path).unwrap();
        let foreign = rusqlite::Connection::open(path).unwrap();
        foreign
            .execute_batch("CREATE TABLE entries (id); PRAGMA user_version = 7;")
            .unwrap();
    });
}

#[test]
fn an_index_of_another_version() {
    starts_anew("version", |path| {
        let index = rusqlite::Connection::open(path).unwrap();
        index.pragma_update(None, "user_version", 999).unwrap();
    });
}

#[test]
fn an_index_that_is_damaged_while_two_processes_use_it() {
    let place = place();
    let other = place.reopened();
    put(&place.store, "x", "a", b"1");
    assert_eq!(hit(&other, "a").unwrap(), b"1");
    drop(index(&place).execute_batch("PRAGMA wal_checkpoint(TRUNCATE)"));
    let file = std::fs::File::options()
        .write(true)
        .open(place.root().join("index-0.db"))
        .unwrap();
    file.write_all_at(&vec![0xAA; file.metadata().unwrap().len() as usize], 0)
        .unwrap();

    // Whoever writes first meets the damage; the other follows, and from then on they share again.
    put(&place.store, "y", "b", b"2");
    put(&other, "z", "c", b"3");
    for store in [&place.store, &other, &place.reopened()] {
        assert_eq!(hit(store, "b").unwrap(), b"2");
        assert_eq!(hit(store, "c").unwrap(), b"3");
    }
    assert_eq!(texts(&place.store).len(), 1);
    assert!(texts(&place.reopened()).is_empty());
}

#[test]
fn verify_finds_and_removes_all_that_is_bad_and_nothing_else() {
    let place = place();
    for i in 0..6 {
        put(&place.store, "x", &format!("large {i}"), &content(i, LARGE));
        put(&place.store, "x", &format!("small {i}"), &content(i, 50));
    }
    let sound = place.reopened().verify();
    assert_eq!(
        (sound.entries, sound.blobs, sound.bad, sound.removed),
        (12, 12, 0, 0)
    );
    assert_eq!(sound.bytes, 6 * (LARGE as u64 + 50));

    let files = place.blob_files();
    writable(&files[0]).write_all_at(b"bad", 50).unwrap();
    std::fs::remove_file(&files[1]).unwrap();
    let digest = cellar_cache::Digest::of(&content(3, 50));
    index(&place)
        .execute(
            "UPDATE blobs SET data = x'00' WHERE digest = ?1",
            [digest.as_bytes()],
        )
        .unwrap();
    // The memory tier of a store that is open knows better; the disk is what counts.
    let found = place.store.verify();
    assert_eq!((found.entries, found.bad, found.removed), (9, 3, 3));
    let again = place.reopened().verify();
    assert_eq!((again.entries, again.blobs, again.bad), (9, 9, 0));
}

#[test]
fn a_folder_that_was_emptied_under_a_running_kernel() {
    let place = place();
    put(&place.store, "x", "a", &content(1, LARGE));
    std::fs::remove_dir_all(place.root()).unwrap();
    assert!(matches!(
        place.store.claim(key("b"), "y"),
        cellar_cache::Claim::Mine(_)
    ));
    put(&place.store, "y", "b", &content(2, LARGE));
    assert_eq!(hit(&place.store, "b").unwrap(), content(2, LARGE));
    assert_eq!(hit(&place.store, "a"), None);
    std::fs::remove_dir_all(place.root()).unwrap();
    put(&place.store, "y", "b", &content(2, 20));
    assert_eq!(hit(&place.store, "b").unwrap(), content(2, 20));
    let later = place.reopened();
    assert_eq!(hit(&later, "b").unwrap(), content(2, 20));
    put(&later, "x", "a", &content(1, LARGE));
    assert_eq!(hit(&place.store, "a").unwrap(), content(1, LARGE));
    assert!(texts(&place.store).is_empty());
}
