//! What is stored comes back as it was, for all sorts of types.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::borrow::Cow;
use std::collections::*;
use std::fmt::Debug;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use cellar_values::{Format, codec_of, decode, digest, encode, encode_verified};
use serde::{Deserialize, Serialize};
use support::*;

/// Stores and reads a value, and says in which format it went.
#[track_caller]
fn there_and_back<T>(value: T) -> Format
where
    T: Serialize + Deserialize<'static> + PartialEq + Debug,
{
    start();
    let mut bytes = Vec::new();
    let encoded =
        encode_verified(&value, &mut bytes).unwrap_or_else(|refusal| panic!("{value:?}: {refusal}"));
    assert_eq!(encoded.len, bytes.len() as u64);
    assert_eq!(bytes[0], encoded.format as u8);
    assert_eq!(encoded.digest, digest(&value).unwrap());
    let again: T = decode(&bytes).unwrap();
    assert_eq!(again, value);
    let mut unverified = Vec::new();
    encode(&value, &mut unverified).unwrap();
    assert!(
        decode::<T>(&unverified).is_ok() || encoded.format == Format::Named,
        "{value:?}"
    );
    encoded.format
}

#[test]
fn ordinary_types_are_compact() {
    macro_rules! compact {
        ($($value:expr),* $(,)?) => {$(
            assert_eq!(there_and_back($value), Format::Compact, "{}", stringify!($value));
        )*};
    }
    compact!(
        true,
        'ß',
        (),
        1.5_f32,
        -0.0_f64,
        f64::INFINITY,
        String::from("häh"),
        String::new(),
        [i8::MIN, 0, i8::MAX],
        [i16::MIN, 0, i16::MAX],
        [i32::MIN, 0, i32::MAX],
        [i64::MIN, 0, i64::MAX],
        [i128::MIN, 0, i128::MAX],
        [isize::MIN, 0, isize::MAX],
        [0, u8::MAX],
        [0, u16::MAX],
        [0, u32::MAX],
        [0, u64::MAX],
        [0, u128::MAX],
        [0, usize::MAX],
        [127_u64, 128, 16383, 16384],
        None::<u8>,
        Some(3),
        Some(None::<u8>),
        None::<Option<u8>>,
        Some(Some(1)),
        Some(()),
        None::<()>,
        Ok::<u8, String>(1),
        Err::<u8, String>("no".into()),
        vec![1.0, 2.0],
        Vec::<f64>::new(),
        vec![vec![1_u32], vec![], vec![2, 3]],
        vec![(); 1000],
        vec![String::from("a"), String::new()],
        vec![Some(1_u8), None],
        (1_u8, -2_i64, 'c', "text".to_owned(), [1.5; 3]),
        Box::<str>::from("b"),
        Box::<[u16]>::from([1, 2]),
        Cow::<'static, str>::Owned("cow".into()),
        PathBuf::from("/a/b"),
        Duration::from_millis(1500),
        1..9_u32,
        NonZeroU32::new(7).unwrap(),
        std::net::Ipv4Addr::LOCALHOST,
        std::time::UNIX_EPOCH,
        std::cell::Cell::new(1),
        BTreeMap::from([(1, "a".to_owned()), (2, "b".to_owned())]),
        BTreeSet::from(["x".to_owned()]),
        HashMap::from([("k".to_owned(), vec![row(1), row(2)])]),
        HashSet::from([1, 2, 3]),
        VecDeque::from([1, 2, 3]),
        LinkedList::from([1_u8]),
        (0..300).map(|n| (n, row(n))).collect::<HashMap<_, _>>(),
        (0..300).collect::<HashSet<u64>>(),
        HashMap::from([
            ((1, 'a'), HashSet::from([vec![1], vec![2]])),
            ((2, 'b'), HashSet::new())
        ]),
        row(1),
        vec![row(1), row(2), row(3)],
        Unit,
        Meters(1.0),
        Pair(1, "b".into()),
        vec![
            Figure::Empty,
            Figure::Circle(1.0),
            Figure::Box(1, 2),
            Figure::Named {
                name: "n".into(),
                inner: Box::new(Figure::Circle(2.0))
            }
        ],
        Transparent {
            inner: (0..100).map(|n| (n, n.to_string())).collect()
        },
    );
}

#[test]
fn types_that_must_know_names_are_named() {
    macro_rules! named {
        ($($value:expr),* $(,)?) => {$(
            assert_eq!(there_and_back($value), Format::Named, "{}", stringify!($value));
        )*};
    }
    named!(
        Untagged::Number(1),
        Untagged::Text("t".into()),
        Untagged::List(vec![
            Untagged::Number(u64::MAX),
            Untagged::List(vec![]),
            Untagged::Text("t".into())
        ]),
        Untagged::Deep(Some(None), Meters(1.0)),
        Untagged::Deep(None, Meters(1.0)),
        Untagged::Deep(Some(Some(1)), Meters(-0.0)),
        Untagged::Struct {
            figure: Figure::Empty
        },
        Untagged::Struct {
            figure: Figure::Named {
                name: "n".into(),
                inner: Box::new(Figure::Box(1, 2))
            }
        },
        vec![
            Internal::Empty,
            Internal::Sized { width: 1, price: 0.1 },
            Internal::Wrapped(Point { x: 1.0, y: 2.0 })
        ],
        Flattened {
            id: 1,
            point: Point { x: 1.0, y: 2.0 },
            rest: BTreeMap::from([("k".into(), u64::MAX)])
        },
        Sparse {
            first: None,
            second: vec![],
            third: 1,
            fourth: i128::MIN
        },
        Sparse {
            first: Some(1),
            second: vec![],
            third: 1,
            fourth: 1
        },
        serde_json::json!({"a": [1, -2, 1.5, null, true, "t", u64::MAX], "b": {}}),
        serde_json::Value::Null,
        vec![(); 1_000_000],
        vec![
            Adjacent::Nothing,
            Adjacent::One(1),
            Adjacent::Two(2, "b".into()),
            Adjacent::Point { x: -1 }
        ],
        vec![(
            Some(None::<u8>),
            Some(()),
            Untagged::Number(2),
            u128::MAX,
            0.1_f32,
            row(3)
        )],
        HashMap::from([
            (Figure2::A, serde_json::json!([1])),
            (Figure2::B(2), serde_json::json!(null))
        ]),
    );
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
enum Figure2 {
    A,
    B(u8),
}

#[test]
fn a_nan_keeps_its_bits() {
    start();
    let value = vec![f64::from_bits(0x7ff8_0000_0000_1234), -f64::NAN];
    let mut bytes = Vec::new();
    encode_verified(&value, &mut bytes).unwrap();
    let again: Vec<f64> = decode(&bytes).unwrap();
    assert_eq!(again[0].to_bits(), value[0].to_bits());
    assert_eq!(again[1].to_bits(), value[1].to_bits());
}

/// Stores and reads through a codec.
fn through_codec<T: 'static>(codec: &cellar_values::Codec, value: &T) -> (Box<T>, Format) {
    start();
    let address = (&raw const *value).cast::<()>();
    let mut bytes = Vec::new();
    // SAFETY: the codec is that of `T`, and what it reads is a `Box<T>`.
    unsafe {
        let encoded = codec.encode.unwrap()(address, &mut bytes).unwrap();
        assert_eq!(encoded.digest, codec.digest.unwrap()(address).unwrap());
        let first = Box::from_raw(codec.decode.unwrap()(&bytes).unwrap().cast::<T>());
        let second = codec.decode_from(&mut &*bytes, bytes.len() as u64).unwrap();
        (codec.drop)(second);
        let cloned = codec.clone.unwrap()(address).unwrap();
        assert_eq!(codec.digest.unwrap()(cloned).unwrap(), encoded.digest);
        (codec.drop)(cloned);
        (first, encoded.format)
    }
}

#[test]
fn primitives_go_as_they_are_in_memory_and_hash_as_through_serde() {
    macro_rules! plain {
        ($($type:ty = $value:expr),* $(,)?) => {$({
            let value: $type = $value;
            let (again, format) = through_codec(codec_of!($type), &value);
            assert_eq!(*again, value);
            assert_eq!(format, Format::Plain);
            let codec = codec_of!($type);
            // SAFETY: the codec is that of this type.
            let direct = unsafe { codec.digest.unwrap()((&raw const value).cast()) }.unwrap();
            assert_eq!(direct, digest(&value).unwrap(), "{}", stringify!($type));
        })*};
    }
    plain!(
        u8 = 7, i64 = -1, u128 = u128::MAX, f32 = -0.0, bool = true, char = 'ß', usize = 5, String = "häh".into(),
        String = String::new(), String = "x".repeat(1_000_000),
        Vec<f64> = vec![], Vec<f64> = vec![1.0], Vec<f64> = vec![1.0, f64::INFINITY], Vec<u8> = vec![1; 300],
        Vec<u8> = (0..1_000_000).map(|n| n as u8).collect(), Vec<i128> = (0..100_000).collect(),
        Vec<u16> = (0..60_000).collect(), Vec<bool> = vec![true, false], Vec<char> = "aß😀".chars().collect(),
        Vec<f64> = (0..1_500_000).map(f64::from).collect(), Vec<isize> = vec![-1; 255],
        Box<[f32]> = Box::new([1.0; 256]), [u64; 0] = [], [u32; 1] = [1], [i16; 32] = [3; 32],
    );
    let (again, format) = through_codec(codec_of!([u8; 64]), &[9_u8; 64]);
    assert_eq!((*again, format), ([9; 64], Format::Plain));
}

#[test]
fn what_borrows_is_refused_when_it_runs() {
    start();
    let mut bytes = Vec::new();
    let refusal = encode_verified(&vec![(1, "text")], &mut bytes).unwrap_err();
    assert!(bytes.is_empty());
    let text = refusal.to_string();
    assert!(text.starts_with("`alloc::vec::Vec<(i32, &str)>`: `[0]"), "{text}");
    assert!(
        text.contains("borrowed string") && text.contains("cache_resource"),
        "{text}"
    );
}
