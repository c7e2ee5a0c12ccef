//! What is put is found again: by this process, by a later one, for each way of keeping it.

#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use std::os::unix::fs::PermissionsExt as _;

use cellar_cache::{
    Digest, Entry, EntryKind, Ingredient, IngredientKind, Kept, Options, Persist, Policy, PutError, Store,
};
use support::*;

#[test]
fn a_later_process_finds_all_of_an_entry() {
    let place = place();
    let file = Ingredient::new(IngredientKind::File, "a.csv", Digest::of(b"1,2")).with_note("3 B");
    let mut entry = Entry::new(
        EntryKind::Function,
        "nb.ipynb",
        "fetch",
        vec![code("a")],
        vec![file],
    );
    entry.cost = std::time::Duration::from_nanos(1_234_567_890_123);
    entry.expires = Some(entry.created + std::time::Duration::from_secs(60));
    entry.body = content(1, 9000);
    entry.blobs = vec![
        place.store.put_blob("small", content(2, 100), Persist::Disk),
        place.store.put_blob("large", content(3, LARGE), Persist::Disk),
        place.store.put_blob("empty", Vec::new(), Persist::Disk),
    ];
    assert_eq!(
        place.store.put_entry(&entry, &Policy::default()).unwrap(),
        Kept::OnDisk
    );

    for store in [&place.store, &place.reopened()] {
        let found = store.find(entry.base);
        assert_eq!(found.len(), 1);
        assert_eq!(*found[0], entry);
        assert_eq!(*store.get(entry.key).unwrap(), entry);
        let read: Vec<_> = entry
            .blobs
            .iter()
            .map(|blob| store.blob(blob).unwrap().to_vec())
            .collect();
        assert_eq!(read, [content(2, 100), content(3, LARGE), vec![]]);
        assert!(texts(store).is_empty());
    }
    assert_eq!(place.blob_files().len(), 1, "small ones are in the index");
}

#[test]
fn going_back_to_earlier_code_is_a_hit() {
    let place = place();
    put(&place.store, "x", "version A", b"a");
    assert_eq!(hit(&place.store, "version B"), None);
    put(&place.store, "x", "version B", b"b");
    assert_eq!(hit(&place.store, "version A").unwrap(), b"a");
    assert_eq!(hit(&place.reopened(), "version B").unwrap(), b"b");
}

#[test]
fn entries_that_observed_different_files_live_side_by_side() {
    let place = place();
    let observing = |text: &str| {
        let file = Ingredient::new(IngredientKind::File, "a.csv", Digest::of(text.as_bytes()));
        Entry::new(EntryKind::Data, "nb", text, vec![code("read")], vec![file])
    };
    for text in ["first", "second", "third"] {
        place
            .store
            .put_entry(&observing(text), &Policy::default())
            .unwrap();
    }
    for store in [&place.store, &place.reopened()] {
        assert_eq!(
            names(&store.find(key("read"))),
            ["third", "second", "first"],
            "newest first"
        );
        assert_eq!(store.get(observing("second").key).unwrap().name, "second");
        assert_eq!(store.get(key("read")), None);
    }
}

#[test]
fn an_entry_of_the_same_key_is_replaced_with_its_blobs() {
    let place = place();
    let other = place.reopened();
    put(&place.store, "x", "same", &content(1, LARGE));
    assert_eq!(hit(&other, "same").unwrap(), content(1, LARGE));
    put(&place.store, "x", "same", &content(2, LARGE));
    assert_eq!(
        hit(&other, "same").unwrap(),
        content(2, LARGE),
        "no old copy from memory"
    );
    assert_eq!(place.blob_files().len(), 1);
    assert_eq!(place.store.list(&Default::default()).len(), 1);
}

#[test]
fn content_that_entries_share_is_kept_once_and_as_long_as_one_needs_it() {
    let place = place();
    put(&place.store, "x", "one", &content(1, LARGE));
    put(&place.store, "y", "two", &content(1, LARGE));
    assert_eq!(place.blob_files().len(), 1);
    assert!(place.store.remove(key("one")));
    assert_eq!(hit(&place.reopened(), "two").unwrap(), content(1, LARGE));
    assert!(place.store.remove(key("two")));
    assert!(!place.store.remove(key("two")));
    assert!(place.blob_files().is_empty());
}

#[test]
fn an_entry_without_its_blobs_is_refused_and_nothing_of_it_stays() {
    let place = place();
    let mut broken = entry("x", "a");
    broken.blobs = vec![
        place.store.put_blob("there", content(1, 10), Persist::Disk),
        blob_of(&content(2, LARGE)),
    ];
    let error = place.store.put_entry(&broken, &Policy::default()).unwrap_err();
    assert!(matches!(error, PutError::BlobMissing { .. }), "{error}");
    assert!(place.store.find(broken.base).is_empty());
    assert_eq!(place.store.stats().bytes, 0);
    let error = place.store.put_entry(&broken, &MEMORY).unwrap_err();
    assert!(matches!(error, PutError::BlobMissing { .. }), "{error}");
}

#[test]
fn a_file_that_another_process_wrote_is_adopted() {
    let place = place();
    for (text, length) in [("large", LARGE), ("small", 10)] {
        let temp = place.store.temp_path().unwrap();
        std::fs::write(&temp, content(5, length)).unwrap();
        let mut entry = entry("x", text);
        let digest = Digest::of(&content(5, length));
        entry.blobs = vec![place.store.adopt_blob("x", &temp, digest).unwrap()];
        assert!(!temp.exists());
        place.store.put_entry(&entry, &Policy::default()).unwrap();
        assert_eq!(hit(&place.reopened(), text).unwrap(), content(5, length));
    }
    assert!(
        place
            .store
            .adopt_blob("x", &place.root().join("no such file"), Digest::of(b""))
            .is_err()
    );
}

#[test]
fn what_was_adopted_under_a_wrong_hash_is_never_returned() {
    let place = place();
    let temp = place.store.temp_path().unwrap();
    std::fs::write(&temp, content(5, LARGE)).unwrap();
    let mut entry = entry("x", "a");
    entry.blobs = vec![place.store.adopt_blob("x", &temp, Digest::of(b"other")).unwrap()];
    place.store.put_entry(&entry, &Policy::default()).unwrap();
    assert_eq!(hit(&place.store, "a"), None);
    assert_eq!(texts(&place.store).len(), 1);
    assert!(place.store.find(key("a")).is_empty());

    std::fs::write(&temp, content(5, 10)).unwrap();
    let error = place
        .store
        .adopt_blob("x", &temp, Digest::of(b"other"))
        .unwrap_err();
    assert!(error.to_string().contains("hash"), "{error}");
}

#[test]
fn a_blob_has_a_path_whatever_its_size() {
    let place = place();
    for (text, length) in [("large", LARGE), ("small", 10)] {
        let entry = put(&place.store, "x", text, &content(7, length));
        let path = place.reopened().blob_path(&entry.blobs[0]).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), content(7, length));
        assert_eq!(place.store.blob_path(&entry.blobs[0]), Some(path.clone()));
        assert!(place.store.remove(entry.key));
        assert!(!path.exists(), "{text}");
        assert_eq!(place.store.blob_path(&entry.blobs[0]), None);
    }
}

#[test]
fn what_is_kept_in_memory_leaves_the_disk_alone() {
    let place = place();
    let entry = put_with(&place.store, "x", "a", &content(1, LARGE), &MEMORY);
    assert_eq!(hit(&place.store.clone(), "a").unwrap(), content(1, LARGE));
    assert_eq!(*place.store.get(entry.key).unwrap(), entry);
    assert_eq!(hit(&place.reopened(), "a"), None);
    assert!(place.blob_files().is_empty());
    assert_eq!(place.store.blob_path(&entry.blobs[0]), None);
    let listed = place.store.list(&Default::default());
    assert_eq!(listed[0].persist, Persist::Memory);

    // Put for the disk later, it is one entry, and there.
    put(&place.store, "x", "a", &content(1, LARGE));
    assert_eq!(place.store.list(&Default::default()).len(), 1);
    assert_eq!(hit(&place.reopened(), "a").unwrap(), content(1, LARGE));
}

#[test]
fn the_folder_is_its_owners_alone() {
    let folder = tempfile::tempdir().unwrap();
    let open = folder.path().join("deep/store");
    std::fs::create_dir_all(&open).unwrap();
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o755)).unwrap();
    let store = Store::open(&open, Options::default());
    let entry = put(&store, "x", "a", &content(1, LARGE));
    let path = store.blob_path(&entry.blobs[0]).unwrap();
    for folder in path
        .ancestors()
        .skip(1)
        .take_while(|folder| folder.starts_with(&open))
    {
        let mode = folder.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{}", folder.display());
    }
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o400);
}
