//! Bytes that are anything: never a panic, never a huge allocation, never an endless loop.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::collections::*;

use cellar_values::{Codec, RefusalKind, codec_of, decode, digest, encode_verified};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use support::*;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Nested {
    next: Option<Box<Nested>>,
    value: u8,
}

type Everything = (
    Vec<Row>,
    HashMap<String, Vec<Option<Figure>>>,
    Vec<()>,
    (u128, i128, f32, char, bool),
    Option<Nested>,
    BTreeMap<i64, [u16; 3]>,
);

fn everything() -> Everything {
    (
        vec![row(1), row(2), row(300)],
        HashMap::from([(
            "k".into(),
            vec![None, Some(Figure::Box(1, 2)), Some(Figure::Empty)],
        )]),
        vec![(); 3],
        (u128::MAX, i128::MIN, 1.0, 'ß', true),
        Some(Nested {
            next: Some(Box::new(Nested { next: None, value: 1 })),
            value: 2,
        }),
        BTreeMap::from([(-1, [1, 2, 3])]),
    )
}

type Named = (
    Vec<Internal>,
    Vec<Untagged>,
    Flattened,
    serde_json::Value,
    Sparse,
    Option<Option<u8>>,
);

fn named() -> Named {
    (
        vec![Internal::Sized { width: 1, price: 0.1 }, Internal::Empty],
        vec![
            Untagged::Deep(Some(None), Meters(1.0)),
            Untagged::Struct {
                figure: Figure::Circle(1.0),
            },
        ],
        Flattened {
            id: 1,
            point: Point { x: 1.0, y: 2.0 },
            rest: BTreeMap::from([("k".into(), 1)]),
        },
        serde_json::json!({"a": [1, "b", null]}),
        Sparse {
            first: None,
            second: vec![1],
            third: 1,
            fourth: 2,
        },
        Some(None),
    )
}

fn bytes_of<T: Serialize + Deserialize<'static>>(value: &T) -> Vec<u8> {
    start();
    let mut bytes = Vec::new();
    encode_verified(value, &mut bytes).unwrap();
    bytes
}

/// Reads damaged bytes as all sorts of types. What comes out does not matter as long as something does.
fn read_as_anything(bytes: &[u8]) {
    let _ = decode::<Everything>(bytes);
    let _ = decode::<Named>(bytes);
    let _ = decode::<serde_json::Value>(bytes);
    let _ = decode::<Vec<String>>(bytes);
    let _ = decode::<HashMap<u32, Vec<f64>>>(bytes);
    let _ = decode::<Vec<HashSet<()>>>(bytes);
    let _ = decode::<Nested>(bytes);
    let _ = decode::<Vec<Untagged>>(bytes);
    let codecs: [&Codec; 5] = [
        codec_of!(Vec<bool>),
        codec_of!(Vec<char>),
        codec_of!(String),
        codec_of!([u64; 4]),
        codec_of!(Vec<f64>),
    ];
    for codec in codecs {
        if let Ok(value) = codec.decode.unwrap()(bytes) {
            // SAFETY: the value came from this codec and is dropped once.
            unsafe { (codec.drop)(value) };
        }
    }
}

#[test]
fn every_truncation_is_noticed() {
    for bytes in [bytes_of(&everything()), bytes_of(&named())] {
        for len in 0..bytes.len() {
            assert!(decode::<Everything>(&bytes[..len]).is_err());
            assert!(decode::<Named>(&bytes[..len]).is_err());
        }
    }
}

#[test]
fn bytes_left_over_are_noticed() {
    let mut bytes = bytes_of(&everything());
    bytes.push(0);
    let refusal = decode::<Everything>(&bytes).unwrap_err();
    assert_eq!(refusal.kind(), RefusalKind::Damaged);
    assert!(
        refusal.to_string().ends_with("1 bytes are left over"),
        "{refusal}"
    );
    assert!(refusal.advice().is_empty());
}

#[test]
fn flipped_bits_do_no_harm() {
    for bytes in [bytes_of(&everything()), bytes_of(&named())] {
        for index in 0..bytes.len() {
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[index] ^= 1 << bit;
                read_as_anything(&damaged);
            }
        }
    }
}

#[test]
fn lengths_that_lie_are_refused_at_once() {
    start();
    let huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    let mut bytes = vec![2];
    bytes.extend(huge);
    assert!(decode::<Vec<u8>>(&bytes).is_err());
    assert!(decode::<String>(&bytes).is_err());
    assert!(decode::<Vec<()>>(&bytes).is_err());
    assert!(decode::<HashMap<(), ()>>(&bytes).is_err());
    assert!(decode::<Vec<Vec<()>>>(&bytes).is_err());
    let mut plain = vec![1, 1, 13, 0, 0, 0, 0, 0];
    plain.extend([0xff; 8]);
    assert!(codec_of!(Vec<f64>).decode.unwrap()(&plain).is_err());
    plain[8..].copy_from_slice(&(1_u64 << 61).to_le_bytes());
    assert!(codec_of!(Vec<f64>).decode.unwrap()(&plain).is_err());
}

#[test]
fn bytes_that_are_no_values_are_refused() {
    let read = |codec: &Codec, shape: u8, kind: u8, count: u8, values: &[u8]| {
        let mut bytes = vec![1, shape, kind, 0, 0, 0, 0, 0, count, 0, 0, 0, 0, 0, 0, 0];
        bytes.extend(values);
        codec.decode.unwrap()(&bytes).map(|value| {
            // SAFETY: the value came from this codec and is dropped once.
            unsafe { (codec.drop)(value) }
        })
    };
    assert!(read(codec_of!(Vec<bool>), 1, 1, 2, &[0, 1]).is_ok());
    assert!(read(codec_of!(Vec<bool>), 1, 1, 2, &[0, 2]).is_err());
    assert!(read(codec_of!(Vec<char>), 1, 14, 1, &[65, 0, 0, 0]).is_ok());
    assert!(read(codec_of!(Vec<char>), 1, 14, 1, &[0, 0xd8, 0, 0]).is_err());
    assert!(read(codec_of!(String), 3, 7, 1, &[0xff]).is_err());
    assert!(read(codec_of!([u8; 2]), 2, 7, 1, &[1]).is_err());
    assert!(read(codec_of!(Vec<u8>), 1, 7, 2, &[1]).is_err());
    assert!(read(codec_of!(Vec<u8>), 1, 2, 1, &[1]).is_err());
    assert!(read(codec_of!(u8), 0, 7, 0, &[]).is_err());
}

#[test]
fn what_is_nested_too_deeply_is_refused_and_not_fatal() {
    start();
    let mut value = Nested { next: None, value: 0 };
    for _ in 0..100_000 {
        value = Nested {
            next: Some(Box::new(value)),
            value: 1,
        };
    }
    let refusal = digest(&value).unwrap_err();
    assert_eq!(refusal.kind(), RefusalKind::Value);
    assert!(
        refusal.message().contains("nested too deeply"),
        "{}",
        refusal.message()
    );
    // Its own drop would go as deep.
    while let Some(next) = value.next.take() {
        value = *next;
    }
    let bytes = [&[2][..], &[1; 1_000_000]].concat();
    assert!(decode::<Nested>(&bytes).is_err());
    let bytes = [&[3][..], &[0x26; 1_000_000]].concat();
    assert!(decode::<serde_json::Value>(&bytes).is_err());
    let mut moderate = Nested { next: None, value: 0 };
    for _ in 0..500 {
        moderate = Nested {
            next: Some(Box::new(moderate)),
            value: 1,
        };
    }
    assert_eq!(decode::<Nested>(&bytes_of(&moderate)).unwrap(), moderate);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_do_no_harm(mut bytes in prop::collection::vec(any::<u8>(), 0..200), format in 1..4_u8) {
        start();
        read_as_anything(&bytes);
        bytes.insert(0, format);
        read_as_anything(&bytes);
    }

    #[test]
    fn likely_tags_do_no_harm(tags in prop::collection::vec(prop_oneof![0..16_u8, 0x1f..0x2b_u8], 0..60)) {
        start();
        read_as_anything(&[&[3], &tags[..]].concat());
    }
}
