//! How long the store's operations take: medians, with the slowest of a hundred beside them.
//!
//! `cargo run --release -p cellar-cache --example latency [FOLDER]`

#![expect(clippy::print_stdout, reason = "its output is its purpose")]

use std::time::{Duration, Instant};

use cellar_cache::{
    Claim, Digest, Entry, EntryKind, Ingredient, IngredientKind, Key, Options, Persist, Policy, Store,
    human_size,
};

type Failure = Box<dyn std::error::Error>;

/// As many ingredients as a cell of a large notebook has.
const INGREDIENTS: usize = 40;

/// Entries in the store besides the measured ones.
const OTHERS: u64 = 5000;

fn main() -> Result<(), Failure> {
    let temp = tempfile::tempdir()?;
    let folder = std::env::args_os()
        .nth(1)
        .map_or_else(|| temp.path().into(), std::path::PathBuf::from);
    let store = Store::open(&folder, Options::default());
    println!("{:34} {:>10} {:>10}", "", "median", "99th");
    for number in 0..OTHERS {
        put(&store, number, 200)?;
    }
    for (length, times) in [(1_000, 1000), (100_000, 500), (10_000_000, 20)] {
        let size = human_size(length as u64);
        let mut number = OTHERS + length as u64;
        measure(&format!("put, {size}"), times, || {
            number += 1;
            put(&store, number, length)
        })?;
        let known = OTHERS + length as u64 + 1;
        measure(&format!("hit, {size}, same process"), times, || {
            look_up(&store, known)
        })?;
        measure_with(
            &format!("hit, {size}, fresh process"),
            times.min(100),
            || Ok(Store::open(&folder, Options::default())),
            |fresh| look_up(fresh, known),
        )?;
    }
    let mut number = u64::MAX / 2;
    measure("miss", 1000, || {
        number += 1;
        match store.find(key(number)).is_empty() {
            true => Ok(()),
            false => Err("it should not be there".into()),
        }
    })?;
    measure("what others have cleared: nothing", 1000, || {
        match store.cleared_by_others().is_empty() {
            true => Ok(()),
            false => Err("nobody else is here".into()),
        }
    })?;
    measure("claim and give up", 1000, || match store.claim(key(1), "bench") {
        Claim::Mine(_) => Ok(()),
        Claim::Busy(_) => Err("nobody else is here".into()),
    })?;
    measure("key of 40 ingredients", 1000, || {
        std::hint::black_box(Key::of(&ingredients(1)));
        Ok(())
    })?;
    measure("open", 50, || {
        Store::open(&folder, Options::default());
        Ok(())
    })?;
    for warning in store.take_warnings() {
        println!("warning: {warning}");
    }
    Ok(())
}

fn ingredients(number: u64) -> Vec<Ingredient> {
    (0..INGREDIENTS as u64)
        .map(|i| {
            let content = Digest::of(&(number * i).to_le_bytes());
            Ingredient::new(IngredientKind::Item, format!("item_{i}"), content).with_note("cell 12")
        })
        .chain([Ingredient::new(
            IngredientKind::Code,
            "cell",
            Digest::of(&number.to_le_bytes()),
        )])
        .collect()
}

fn key(number: u64) -> Key {
    Key::of(&ingredients(number))
}

fn put(store: &Store, number: u64, length: usize) -> Result<(), Failure> {
    let mut bytes = vec![7; length];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    let mut entry = Entry::new(EntryKind::Data, "bench.ipynb", "x", ingredients(number), vec![]);
    entry.body = vec![1; 200];
    entry.blobs = vec![store.put_blob("x", bytes, Persist::Disk)];
    store.put_entry(&entry, &Policy::default())?;
    Ok(())
}

fn look_up(store: &Store, number: u64) -> Result<(), Failure> {
    let found = store.find(key(number));
    let entry = found.first().ok_or("it should be there")?;
    store.blob(&entry.blobs[0]).ok_or("its blob should be there")?;
    store.record_hit(entry);
    Ok(())
}

fn measure(what: &str, times: usize, mut work: impl FnMut() -> Result<(), Failure>) -> Result<(), Failure> {
    measure_with(what, times, || Ok(()), |()| work())
}

/// `prepare` is not measured.
fn measure_with<T>(
    what: &str,
    times: usize,
    mut prepare: impl FnMut() -> Result<T, Failure>,
    mut work: impl FnMut(&mut T) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut took: Vec<Duration> = Vec::with_capacity(times);
    for _ in 0..times {
        let mut with = prepare()?;
        let start = Instant::now();
        work(&mut with)?;
        took.push(start.elapsed());
    }
    took.sort_unstable();
    let micros = |duration: Duration| duration.as_secs_f64() * 1e6;
    println!(
        "{what:34} {:>7.1} µs {:>7.1} µs",
        micros(took[times / 2]),
        micros(took[(times * 99 / 100).min(times - 1)])
    );
    Ok(())
}
