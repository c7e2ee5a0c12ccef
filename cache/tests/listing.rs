//! What people see and clear.

#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use std::time::Duration;

use cellar_cache::{
    Change, Cleared, Digest, EntryKind, Ingredient, IngredientKind, Persist, Policy, Selection,
};
use support::*;

#[test]
fn a_list_shows_uses_and_what_they_saved() {
    let place = place();
    put(&place.store, "x", "a", &content(1, LARGE));
    put(&place.store, "y", "b", b"2");
    let other = place.reopened();
    for _ in 0..3 {
        place.store.record_hit(&place.store.get(key("a")).unwrap());
        other.record_hit(&other.get(key("a")).unwrap());
    }
    other.flush();
    let listed = place.store.list(&Selection::default());
    let names: Vec<_> = listed.iter().map(|one| (one.name.as_str(), one.hits)).collect();
    assert_eq!(names, [("x", 6), ("y", 0)], "last used first");
    assert_eq!(listed[0].saved(), Duration::from_secs(12));
    assert!(listed[0].bytes > LARGE as u64 && listed[1].bytes < 1000);
    assert!(listed[0].last_used > listed[0].created);
    assert_eq!(
        (&*listed[0].scope, listed[0].persist),
        ("nb.ipynb", Persist::Disk)
    );

    let stats = place.store.stats();
    assert_eq!(
        (stats.entries, stats.hits, stats.saved),
        (2, 6, Duration::from_secs(12))
    );
    let data = &stats.kinds[0];
    assert_eq!((data.kind, data.entries, data.hits), (EntryKind::Data, 2, 6));
    assert!(stats.bytes > LARGE as u64 && stats.bytes < LARGE as u64 + 2000);
}

#[test]
fn hits_are_written_when_the_store_is_dropped() {
    let place = place();
    put(&place.store, "x", "a", b"1");
    let other = place.reopened();
    other.record_hit(&other.get(key("a")).unwrap());
    drop(other);
    assert_eq!(place.store.list(&Selection::default())[0].hits, 1);
}

#[test]
fn clearing_by_kind_name_and_scope() {
    let place = place();
    let mut size = 0;
    for (scope, kind, name) in [
        ("a", EntryKind::Data, "x"),
        ("a", EntryKind::Data, "y"),
        ("a", EntryKind::Function, "x"),
        ("b", EntryKind::Data, "x"),
    ] {
        let mut entry = entry(name, &format!("{scope} {kind} {name}"));
        (entry.scope, entry.kind) = (scope.to_owned(), kind);
        size += 1;
        entry.blobs = vec![place.store.put_blob("x", content(size, LARGE), Persist::Disk)];
        place.store.put_entry(&entry, &Policy::default()).unwrap();
    }
    put_with(&place.store, "x", "in memory", b"1", &MEMORY);
    let left = || {
        let mut left: Vec<_> = place
            .reopened()
            .list(&Selection::default())
            .iter()
            .map(|one| format!("{} {} {}", one.scope, one.kind, one.name))
            .collect();
        left.sort();
        left.join(", ")
    };
    let clear = |kind, name, scope| place.store.clear(&Selection { kind, name, scope });

    let cleared = clear(None, Some("nothing"), None);
    assert_eq!(cleared, Cleared::default());
    let cleared = clear(Some(EntryKind::Data), Some("x"), Some("a"));
    assert_eq!(cleared.entries, 1);
    assert!(
        cleared.bytes > LARGE as u64 && cleared.bytes < LARGE as u64 + 1000,
        "{cleared:?}"
    );
    assert_eq!(left(), "a data y, a function x, b data x");
    assert_eq!(clear(None, Some("x"), None).entries, 3, "the one in memory too");
    assert_eq!(left(), "a data y");
    assert_eq!(clear(Some(EntryKind::Resource), None, None).entries, 0);
    assert_eq!(clear(None, None, None).entries, 1);
    assert_eq!(left(), "");
    assert!(place.blob_files().is_empty());
    assert_eq!(place.store.stats().bytes, 0);
}

#[test]
fn what_one_process_clears_is_a_miss_in_another_at_once() {
    let place = place();
    put(&place.store, "x", "a", b"1");
    assert!(hit(&place.store, "a").is_some());
    let other = place.reopened();
    other.clear(&Selection::default());
    assert_eq!(hit(&place.store, "a"), None);
    assert_eq!(place.store.cleared_by_others().len(), 1);
    assert!(place.store.cleared_by_others().is_empty());
    assert!(other.cleared_by_others().is_empty(), "it was itself");
}

#[test]
fn the_nearest_earlier_entry_explains_a_miss() {
    let place = place();
    let ingredients = |code: &str, helper: &str, n: &str| {
        [
            (IngredientKind::Code, "cell", code),
            (IngredientKind::Item, "helper", helper),
            (IngredientKind::Variable, "n", n),
        ]
        .map(|(kind, name, text)| Ingredient::new(kind, name, Digest::of(text.as_bytes())))
        .to_vec()
    };
    let mut at = cellar_cache::Entry::new(EntryKind::Data, "", "", vec![], vec![]).created;
    for (scope, name, list) in [
        ("nb", "x", ingredients("1", "1", "1")),
        ("nb", "x", ingredients("2", "1", "1")),
        ("nb", "x", ingredients("3", "3", "3")),
        ("nb", "y", ingredients("2", "1", "2")),
        ("other", "x", ingredients("2", "1", "2")),
    ] {
        let mut entry = cellar_cache::Entry::new(EntryKind::Data, scope, name, list, vec![]);
        at += Duration::from_millis(1);
        entry.created = at;
        place.store.put_entry(&entry, &Policy::default()).unwrap();
    }
    let nearest = |now: &[Ingredient]| place.store.nearest("nb", "x", EntryKind::Data, now);
    let (entry, changes) = nearest(&ingredients("2", "1", "2")).unwrap();
    assert_eq!(entry.ingredients, ingredients("2", "1", "1"));
    let [Change::Changed { old, new }] = &changes[..] else {
        panic!("{changes:?}")
    };
    assert_eq!((&*old.name, &*new.name), ("n", "n"));

    let (entry, changes) = nearest(&ingredients("9", "1", "1")).unwrap();
    assert_eq!(
        (entry.ingredients.clone(), changes.len()),
        (ingredients("2", "1", "1"), 1),
        "the newest of two"
    );
    assert!(nearest(&ingredients("3", "3", "3")).unwrap().1.is_empty());
    assert!(place.store.nearest("nb", "z", EntryKind::Data, &[]).is_none());
}
