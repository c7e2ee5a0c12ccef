//! Keys of memoised functions.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::collections::{HashMap, HashSet};

use cellar_values::{ArgsKey, RefusalKind, key_of_args};
use support::*;

struct Db;

#[test]
fn different_arguments_have_different_keys() {
    start();
    let mut seen: HashMap<ArgsKey, &str> = HashMap::new();
    macro_rules! different {
        ($(($($argument:expr),*)),* $(,)?) => {$(
            let key = key_of_args!($($argument),*).unwrap();
            assert_eq!(key, key_of_args!($($argument),*).unwrap());
            if let Some(other) = seen.insert(key, stringify!($($argument),*)) {
                panic!("{other} and {} have one key", stringify!($($argument),*));
            }
        )*};
    }
    let long = "x".repeat(1000);
    different!(
        (),
        (1_u64),
        (2_u64),
        (1_i64),
        (1_u8),
        (1_u8, 1_u8),
        (1.0_f64),
        (true),
        ('a'),
        ("a"),
        (""),
        ("a", "b"),
        ("ab", ""),
        ("", "ab"),
        ("ab"),
        (b"ab"),
        (&[1_u8, 2][..]),
        (&[1_u8][..], &[2_u8][..]),
        (vec![1_u16]),
        (&long),
        (&long, 1_u8),
        (1_u8, &long),
        (&long[1..], "x"),
        ("x", &long[1..]),
        ("x".repeat(53)),
        ("x".repeat(54)),
        ("x".repeat(55)),
        ("x".repeat(56)),
        (vec![0.0; 100]),
        (vec![-0.0; 100]),
        (row(1)),
        (&row(2)),
        (row(1), row(2)),
        (row(2), row(1)),
        (Point { x: 1.0, y: 2.0 }),
        (Point { x: 2.0, y: 1.0 }),
        (Some(1_u8)),
        (None::<u8>),
        (vec!["a", "b"]),
        (vec!["ab"]),
        (Meters(1.0)),
        ((1_u8, 2_u8)),
        (1_u64, 2_u64, 3_u64, 4_u64, 5_u64, 6_u64, 7_u64),
        (1_u64, 2_u64, 3_u64, 4_u64, 5_u64, 6_u64, 7_u64, 8_u64),
        (1_u64, 2_u64, 3_u64, 4_u64, 5_u64, 6_u64, 7_u64, 9_u64),
    );
    assert!(!key_of_args!(1_u64, "text").unwrap().is_digest());
    assert!(key_of_args!(&long).unwrap().is_digest());
}

#[test]
fn equal_arguments_have_equal_keys_however_they_are_passed() {
    start();
    fn by_value(name: String, rows: Vec<f64>) -> ArgsKey {
        key_of_args!(name, rows).unwrap()
    }
    fn by_reference(name: &str, rows: &[f64]) -> ArgsKey {
        key_of_args!(name, rows).unwrap()
    }
    for count in [0, 1, 1000] {
        let rows = vec![1.5; count];
        assert_eq!(by_value("n".into(), rows.clone()), by_reference("n", &rows));
    }
    let forth: HashSet<u32> = (0..100).collect();
    let back: HashSet<u32> = (0..100).rev().collect();
    assert_eq!(key_of_args!(forth).unwrap(), key_of_args!(&back).unwrap());
}

#[test]
fn arguments_are_only_looked_at() {
    start();
    let name = String::from("n");
    let mut rows = vec![row(1)];
    let before = key_of_args!(name, rows).unwrap();
    rows.push(row(2));
    assert_ne!(key_of_args!(name, rows).unwrap(), before);
    assert_eq!(name, "n");
}

#[test]
fn an_argument_that_cannot_be_hashed_is_named() {
    start();
    let database = Db;
    let refusal = key_of_args!(1, &database).unwrap_err();
    assert_eq!(refusal.kind(), RefusalKind::NotSerialisable);
    assert_eq!(refusal.path(), "&database");
    assert!(refusal.to_string().contains("keys::Db"), "{refusal}");
    assert!(refusal.to_string().contains("begins with `_`"), "{refusal}");
}
