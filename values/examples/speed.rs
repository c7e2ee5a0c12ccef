//! How fast values become bytes and hashes, with what the machine can do beside it.
//!
//! `cargo run --release -p cellar-values --example speed [folder for the files]`

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program that prints figures"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::collections::HashMap;
use std::fs::File;
use std::hint::black_box;
use std::io::{Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use cellar_values::{Codec, codec_of, decode, digest, encode, encode_verified, key_of_args};
use serde::{Deserialize, Serialize};
use support::{Row, row, start};

/// The median of some runs.
fn time<T>(runs: usize, mut run: impl FnMut() -> T) -> Duration {
    let mut times: Vec<Duration> = (0..runs)
        .map(|_| {
            let start = Instant::now();
            black_box(run());
            start.elapsed()
        })
        .collect();
    times.sort();
    times[runs / 2]
}

fn report(what: &str, bytes: usize, time: Duration) {
    let speed = bytes as f64 / 1e6 / time.as_secs_f64();
    println!(
        "{what:<46} {:>9.2} ms {speed:>8.0} MB/s",
        time.as_secs_f64() * 1e3
    );
}

fn main() {
    start();
    let folder = std::env::args().nth(1).unwrap_or_else(|| ".".into());
    array(Path::new(&folder));
    let strings: Vec<String> = (0..2_000_000).map(|n| format!("text {}", n * 7)).collect();
    let size = strings.iter().map(String::len).sum();
    structured("Vec<String>, 2 M", &strings, size);
    let rows: Vec<Row> = (0..500_000).map(row).collect();
    let size = rows
        .iter()
        .map(|row| 8 + row.name.len() + 5 + row.tags.len() + 6)
        .sum();
    structured("Vec<Row>, 500 k", &rows, size);
    let map: HashMap<String, Vec<u32>> = (0..100_000).map(|n| (format!("key {n}"), vec![n; 6])).collect();
    structured("HashMap<String, Vec<u32>>, 100 k", &map, 100_000 * 33);
    let floats: Vec<Vec<f64>> = (0..100_000).map(|n| vec![f64::from(n); 100]).collect();
    structured("Vec<Vec<f64>>, 100 k of 100", &floats, 80_000_000);
    keys();
}

/// The big array against memcpy and the disk.
fn array(folder: &Path) {
    const COUNT: usize = 50_000_000;
    const SIZE: usize = COUNT * 8;
    let values: Vec<f64> = (0..COUNT).map(|n| n as f64 * 0.37).collect();
    let address = (&raw const values).cast::<()>();
    // SAFETY: any float may be looked at as bytes.
    let bytes = unsafe { std::slice::from_raw_parts(values.as_ptr().cast::<u8>(), SIZE) };
    let codec: &Codec = codec_of!(Vec<f64>);
    let path = folder.join("cellar-speed.bin");

    println!("400 MB Vec<f64>");
    let memcpy = time(3, || values.clone());
    report("  limit: clone (memcpy into fresh memory)", SIZE, memcpy);
    let raw_write = time(3, || File::create(&path).unwrap().write_all(bytes).unwrap());
    report("  limit: write(2) of the memory to a file", SIZE, raw_write);
    let raw_read = time(3, || {
        let mut file = File::open(&path).unwrap();
        let mut pieces = vec![0; 1 << 20];
        while file.read(&mut pieces).unwrap() > 0 {}
    });
    report("  limit: read(2) of the file, memory reused", SIZE, raw_read);
    report(
        "  limit: blake3, one thread",
        SIZE,
        time(3, || blake3::hash(bytes)),
    );

    // SAFETY: the codec is that of this type.
    let digest_time = time(3, || unsafe { codec.digest.unwrap()(address).unwrap() });
    report("  digest, direct", SIZE, digest_time);
    report(
        "  digest, through serde",
        SIZE,
        time(1, || digest(&values).unwrap()),
    );
    // SAFETY: the codec is that of this type.
    let save = time(3, || unsafe {
        codec.encode.unwrap()(address, &mut File::create(&path).unwrap()).unwrap()
    });
    report("  save: hash and write to a file", SIZE, save);
    let load = time(3, || {
        let mut file = File::open(&path).unwrap();
        let len = file.metadata().unwrap().len();
        let value = codec.decode_from(&mut file, len).unwrap();
        // SAFETY: the codec is that of this type.
        Given(value, codec)
    });
    report("  load: read from a file into place", SIZE, load);
    println!(
        "  save / (memcpy + write) = {:.2}, load / (memcpy + read) = {:.2}",
        save.as_secs_f64() / (memcpy + raw_write).as_secs_f64(),
        load.as_secs_f64() / (memcpy + raw_read).as_secs_f64()
    );
    std::fs::remove_file(&path).unwrap();
}

/// Drops what a codec gave.
struct Given(*mut (), &'static Codec);

impl Drop for Given {
    fn drop(&mut self) {
        // SAFETY: the value came from this codec and is dropped once.
        unsafe { (self.1.drop)(self.0) };
    }
}

fn structured<T: Serialize + Deserialize<'static> + Clone>(what: &str, value: &T, size: usize) {
    println!("{what}: {} MB of contents", size / 1_000_000);
    report("  limit: clone", size, time(3, || value.clone()));
    report("  digest", size, time(3, || digest(value).unwrap()));
    let mut bytes = Vec::new();
    let encode_time = time(3, || {
        bytes.clear();
        encode(value, &mut bytes).unwrap();
    });
    report("  encode", size, encode_time);
    report(
        "  limit: blake3 of the encoded bytes",
        bytes.len(),
        time(3, || blake3::hash(&bytes)),
    );
    report("  decode", size, time(3, || decode::<T>(&bytes).unwrap()));
    let verified = time(3, || {
        bytes.clear();
        encode_verified(value, &mut bytes).unwrap()
    });
    report("  encode, verified", size, verified);
}

/// Keys of memoised functions.
fn keys() {
    let each = |what: &str, run: &mut dyn FnMut()| {
        const CALLS: u32 = 1_000_000;
        let start = Instant::now();
        for _ in 0..CALLS {
            run();
        }
        println!(
            "{what:<46} {:>9.1} ns",
            start.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS)
        );
    };
    println!("keys of arguments");
    each("  u64", &mut || drop(black_box(key_of_args!(black_box(7_u64)))));
    each("  u64, f64, &str", &mut || {
        drop(black_box(key_of_args!(black_box(7_u64), 1.5, "some text")));
    });
    let point = support::Point { x: 1.0, y: 2.0 };
    each("  a struct of two f64, by reference", &mut || {
        drop(black_box(key_of_args!(&point)))
    });
    let text = "long ".repeat(40);
    each("  &str of 200 bytes", &mut || {
        drop(black_box(key_of_args!(text.as_str())))
    });
    let known = HashMap::from([(key_of_args!(7_u64).unwrap(), 1)]);
    each("  u64, and looking it up in a HashMap", &mut || {
        black_box(known.get(&key_of_args!(black_box(7_u64)).unwrap()));
    });
    let floats = vec![1.5; 100_000];
    let time = time(9, || key_of_args!(&floats[..]).unwrap());
    report("  &[f64] of 100 k", 800_000, time);
}
