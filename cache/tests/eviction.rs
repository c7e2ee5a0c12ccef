//! The budget, limits of a name, and ends of entries.

#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use std::time::Duration;

use cellar_cache::{EntryKind, Kept, Options, Persist, Policy, PutError, Selection, Store};
use support::*;

fn budget(bytes: u64) -> Options {
    Options {
        budget_bytes: bytes,
        ..Options::default()
    }
}

fn bytes_on_disk(place: &Place) -> u64 {
    place
        .blob_files()
        .iter()
        .map(|file| file.metadata().unwrap().len())
        .sum()
}

fn stored(store: &Store, texts: &[&str]) -> String {
    let there = texts.iter().filter(|text| store.get(key(text)).is_some());
    there.copied().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_longest_unused_go_first() {
    let place = place_with(budget(3 * LARGE as u64 + 10_000));
    for text in ["a", "b", "c"] {
        put(
            &place.store,
            text,
            text,
            &content(text.len() as u64 + u64::from(text.as_bytes()[0]), LARGE),
        );
    }
    let used = place.store.get(key("a")).unwrap();
    place.store.record_hit(&used);
    put(&place.store, "d", "d", &content(1000, LARGE));
    assert_eq!(stored(&place.store, &["a", "b", "c", "d"]), "a c d");
    put(&place.store, "e", "e", &content(1001, LARGE));
    assert_eq!(stored(&place.store, &["a", "b", "c", "d", "e"]), "a d e");
    assert_eq!(bytes_on_disk(&place), 3 * LARGE as u64);
}

#[test]
fn a_use_in_another_process_counts() {
    let place = place_with(budget(2 * LARGE as u64 + 10_000));
    put(&place.store, "a", "a", &content(1, LARGE));
    put(&place.store, "b", "b", &content(2, LARGE));
    let other = place.reopened();
    other.record_hit(&other.get(key("a")).unwrap());
    drop(other);
    put(&place.store, "c", "c", &content(3, LARGE));
    assert_eq!(stored(&place.store, &["a", "b", "c"]), "a c");
}

#[test]
fn the_budget_holds_for_small_ones_too() {
    let place = place_with(budget(50_000));
    for i in 0..200 {
        put(&place.store, "x", &format!("cell {i}"), &content(i, 1000));
        assert!(place.store.stats().bytes <= 50_000);
    }
    let left = place.store.list(&Selection::default()).len();
    assert!((25..=50).contains(&left), "{left}");
    assert_eq!(
        hit(&place.store, "cell 199").unwrap(),
        content(199, 1000),
        "the newest is never the victim"
    );
}

#[test]
fn content_that_is_shared_counts_once_and_survives_its_first_owner() {
    let place = place_with(budget(2 * LARGE as u64 + 10_000));
    put(&place.store, "a", "a", &content(1, LARGE));
    put(&place.store, "b", "b", &content(1, LARGE));
    put(&place.store, "c", "c", &content(2, LARGE));
    assert_eq!(stored(&place.store, &["a", "b", "c"]), "a b c");
    put(&place.store, "d", "d", &content(2, LARGE));
    put(&place.store, "e", "e", &content(2, LARGE));
    assert_eq!(hit(&place.store, "b").unwrap(), content(1, LARGE));
}

#[test]
fn what_is_larger_than_the_budget_is_refused_and_evicts_nothing() {
    let place = place_with(budget(50_000));
    put(&place.store, "a", "a", &content(1, 10_000));
    let mut large = entry("b", "b");
    large.blobs = vec![place.store.put_blob("b", content(2, LARGE), Persist::Disk)];
    let error = place.store.put_entry(&large, &Policy::default()).unwrap_err();
    assert!(
        matches!(error, PutError::OverBudget { bytes, limit: 50_000, .. } if bytes > LARGE as u64),
        "{error}"
    );
    let told = error.to_string();
    assert!(told.contains("CELLAR_CACHE_MAX"), "{told}");
    assert!(!told.contains("not kept"), "whoever tells it says so: {told}");
    assert_eq!(stored(&place.store, &["a", "b"]), "a");
}

#[test]
fn max_entries_of_a_name() {
    for persist in [Persist::Disk, Persist::Memory] {
        let place = place();
        let policy = Policy {
            persist,
            max_entries: Some(2),
            ..Policy::default()
        };
        put_with(&place.store, "other", "other", b"0", &policy);
        put_with(&place.store, "x", "1", b"1", &policy);
        put_with(&place.store, "x", "2", b"2", &policy);
        place.store.record_hit(&place.store.get(key("1")).unwrap());
        put_with(&place.store, "x", "3", b"3", &policy);
        assert_eq!(
            stored(&place.store, &["other", "1", "2", "3"]),
            "other 1 3",
            "{persist:?}"
        );
    }
}

#[test]
fn max_bytes_of_a_name() {
    for persist in [Persist::Disk, Persist::Memory] {
        let place = place();
        let policy = Policy {
            persist,
            max_bytes: Some(250_000),
            ..Policy::default()
        };
        for (i, text) in ["1", "2", "3"].into_iter().enumerate() {
            put_with(&place.store, "x", text, &content(i as u64, LARGE), &policy);
        }
        assert_eq!(stored(&place.store, &["1", "2", "3"]), "2 3", "{persist:?}");
        let mut large = entry("x", "4");
        large.blobs = vec![place.store.put_blob("x", content(9, 300_000), persist)];
        let error = place.store.put_entry(&large, &policy).unwrap_err();
        assert!(matches!(error, PutError::OverMaxBytes { .. }), "{error}");
        assert_eq!(stored(&place.store, &["1", "2", "3", "4"]), "2 3", "{persist:?}");
    }
}

#[test]
fn limits_are_for_one_scope_and_kind() {
    let place = place();
    let policy = Policy {
        max_entries: Some(1),
        ..Policy::default()
    };
    let of = |scope: &str, kind, text: &str| {
        let mut entry = entry("x", text);
        (entry.scope, entry.kind) = (scope.to_owned(), kind);
        place.store.put_entry(&entry, &policy).unwrap();
    };
    of("a.ipynb", EntryKind::Data, "1");
    of("b.ipynb", EntryKind::Data, "2");
    of("b.ipynb", EntryKind::Function, "3");
    assert_eq!(stored(&place.store, &["1", "2", "3"]), "1 2 3");
    of("b.ipynb", EntryKind::Function, "4");
    assert_eq!(stored(&place.store, &["1", "2", "3", "4"]), "1 2 4");
}

#[test]
fn an_entry_that_has_expired_is_a_miss_and_leaves() {
    for policy in [Policy::default(), MEMORY] {
        let place = place();
        let mut short = entry("x", "a");
        short.blobs = vec![place.store.put_blob("x", content(1, LARGE), policy.persist)];
        short.expires = Some(short.created + Duration::from_millis(300));
        place.store.put_entry(&short, &policy).unwrap();
        assert!(hit(&place.store, "a").is_some());
        let later = place.reopened();
        std::thread::sleep(Duration::from_millis(310));
        assert!(place.store.list(&Selection::default()).is_empty());
        assert_eq!(hit(&place.store, "a"), None);
        assert_eq!(hit(&later, "a"), None);
        assert_eq!(place.store.get(short.key), None);
        assert_eq!(place.store.stats().bytes, 0);
        assert!(place.blob_files().is_empty());
        assert!(texts(&place.store).is_empty(), "nothing is wrong");
    }
}

#[test]
fn gc_removes_what_has_expired_though_nobody_asks_for_it() {
    let place = place();
    let mut old = entry("x", "a");
    old.created -= Duration::from_secs(100);
    old.expires = Some(old.created + Duration::from_secs(50));
    place.store.put_entry(&old, &Policy::default()).unwrap();
    put(&place.store, "y", "b", b"1");
    assert_eq!(place.store.gc().entries, 1);
    assert_eq!(stored(&place.store, &["a", "b"]), "b");
}

#[test]
fn gc_brings_a_store_under_a_smaller_budget() {
    let place = place();
    for i in 0..5 {
        put(&place.store, "x", &format!("cell {i}"), &content(i, LARGE));
    }
    let small = Store::open(place.folder.path(), budget(2 * LARGE as u64 + 10_000));
    assert_eq!(small.gc().entries, 3);
    assert_eq!(stored(&small, &["cell 2", "cell 3", "cell 4"]), "cell 3 cell 4");
}

/// Files that no entry names: old ones are swept, young ones may be about to be named.
#[test]
fn orphans_are_swept_when_they_are_old() {
    let age = Duration::from_secs(3600);
    let place = place();
    let forgotten = place.store.put_blob("x", content(1, LARGE), Persist::Disk);
    let young = place.store.put_blob("y", content(2, LARGE), Persist::Disk);
    put(&place.store, "z", "named", &content(3, LARGE));
    let long_ago = std::time::SystemTime::now() - 2 * age;
    for file in place.blob_files() {
        let is_young = place.store.blob_path(&young).as_ref() == Some(&file);
        if !is_young {
            std::fs::File::open(file).unwrap().set_modified(long_ago).unwrap();
        }
    }
    let collected = place.store.gc();
    assert_eq!((collected.files, collected.bytes), (1, LARGE as u64));
    assert_eq!(place.reopened().blob(&forgotten), None);
    assert!(place.store.blob(&young).is_some());
    assert_eq!(hit(&place.store, "named").unwrap(), content(3, LARGE));
}

#[test]
fn putting_an_old_orphan_again_makes_it_young() {
    let place = place();
    place.store.put_blob("x", content(1, LARGE), Persist::Disk);
    let long_ago = std::time::SystemTime::now() - Duration::from_secs(7200);
    std::fs::File::open(&place.blob_files()[0])
        .unwrap()
        .set_modified(long_ago)
        .unwrap();
    let mut entry = entry("x", "a");
    entry.blobs = vec![place.store.put_blob("x", content(1, LARGE), Persist::Disk)];
    assert_eq!(place.reopened().gc().files, 0);
    place.store.put_entry(&entry, &Policy::default()).unwrap();
    assert_eq!(hit(&place.store, "a").unwrap(), content(1, LARGE));
}

/// Another process removes the only entry that names a blob while this one is about to name it.
#[test]
fn a_blob_that_is_about_to_be_named_survives_a_clear() {
    let place = place();
    put(&place.store, "x", "old", &content(1, LARGE));
    let mut new = entry("y", "new");
    new.blobs = vec![place.store.put_blob("y", content(1, LARGE), Persist::Disk)];
    assert_eq!(place.reopened().clear(&Selection::default()).entries, 1);
    assert_eq!(
        place.store.put_entry(&new, &Policy::default()).unwrap(),
        Kept::OnDisk
    );
    assert_eq!(hit(&place.reopened(), "new").unwrap(), content(1, LARGE));
}

#[test]
fn the_memory_tier_is_bounded() {
    let options = Options {
        memory_bytes: 250_000,
        ..Options::default()
    };
    let place = place_with(options);
    for (i, text) in ["1", "2", "3"].into_iter().enumerate() {
        put_with(&place.store, "x", text, &content(i as u64, LARGE), &MEMORY);
        assert!(place.store.stats().memory_bytes <= 250_000);
    }
    assert_eq!(stored(&place.store, &["1", "2", "3"]), "2 3");
    let mut large = entry("x", "4");
    large.blobs = vec![place.store.put_blob("x", content(9, 200_000), Persist::Memory)];
    large.body = content(1, 100_000);
    let error = place.store.put_entry(&large, &MEMORY).unwrap_err();
    assert!(matches!(error, PutError::OverMemory { .. }), "{error}");
}

#[test]
fn a_smaller_budget_holds_before_anything_is_put() {
    let place = place();
    for text in ["a", "b", "c"] {
        put(
            &place.store,
            text,
            text,
            &content(u64::from(text.as_bytes()[0]), LARGE),
        );
    }
    place.store.record_hit(&place.store.get(key("a")).unwrap());
    place.store.flush();
    let smaller = Store::open(place.folder.path(), budget(LARGE as u64 + 10_000));
    assert_eq!(
        smaller.list(&Selection::default()).len(),
        3,
        "to look removes nothing"
    );
    smaller.maintain();
    let start = std::time::Instant::now();
    while smaller.list(&Selection::default()).len() > 1 && start.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(stored(&smaller, &["a", "b", "c"]), "a");
    assert_eq!(bytes_on_disk(&place), LARGE as u64);
}
