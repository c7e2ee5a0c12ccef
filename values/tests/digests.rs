//! Digests tell apart what is different and nothing else.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::collections::*;

use cellar_values::{Digest, digest};
use proptest::prelude::*;
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use support::*;

#[derive(Serialize)]
struct A {
    x: u32,
    y: u32,
}
mod other {
    #[derive(serde::Serialize)]
    pub struct B {
        pub x: u32,
        pub y: u32,
    }
    #[derive(serde::Serialize)]
    pub struct A {
        pub x: u32,
        pub z: u32,
    }
    #[derive(serde::Serialize)]
    pub struct Tuple(pub u32, pub u32);
    #[derive(serde::Serialize)]
    pub struct Unit2;
    #[derive(serde::Serialize)]
    pub enum Figure {
        Circle(f64),
        Boxed(i32, i32),
    }
    #[derive(serde::Serialize)]
    pub enum Tokens {
        Empty,
    }
}

struct Bytes(Vec<u8>);
impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

#[test]
fn different_values_have_different_digests() {
    start();
    let mut seen: HashMap<Digest, &str> = HashMap::new();
    macro_rules! different {
        ($($value:expr),* $(,)?) => {$(
            if let Some(other) = seen.insert(digest(&$value).unwrap(), stringify!($value)) {
                panic!("{other} and {} have one digest", stringify!($value));
            }
        )*};
    }
    different!(
        1_u8,
        1_u16,
        1_u32,
        1_u64,
        1_u128,
        1_i8,
        1_i16,
        1_i32,
        1_i64,
        1_i128,
        1.0_f32,
        1.0_f64,
        true,
        '\u{1}',
        false,
        0_u8,
        0_u32,
        0.0_f64,
        -0.0_f64,
        f64::NAN,
        -f64::NAN,
        (),
        "",
        "1",
        "\u{1}",
        None::<u8>,
        Some(1_u8),
        Some(None::<u8>),
        Some(()),
        Some(Some(1_u8)),
        [(); 1],
        vec![()],
        vec![(); 2],
        ["ab", "c"],
        ["a", "bc"],
        ["abc"],
        ["abc", ""],
        ["", "abc"],
        vec!["ab", "c"],
        ("ab", "c", ()),
        Vec::<u8>::new(),
        [0_u8; 0],
        vec![Vec::<u8>::new()],
        vec![vec![1], vec![2]],
        vec![vec![1, 2], vec![]],
        vec![vec![1, 2]],
        vec![1, 2],
        [1, 2, 3],
        vec![1_u8, 2],
        vec![1_u16, 2],
        vec![513_u16],
        (1_u8, 2_u8, 3_u8),
        (1_u8, (2_u8, 3_u8)),
        ((1_u8, 2_u8), 3_u8),
        ((1_u8,), 2_u8, 3_u8),
        vec![(1_u8, 2_u8)],
        vec![(1_u8,), (2_u8,)],
        vec![[1_u8; 2]; 2],
        vec![[1_u8; 4]],
        vec![vec![1_u8; 2]; 2],
        vec![1_u8; 255],
        vec![1_u8; 256],
        vec![1_u8; 257],
        "x".repeat(255),
        "x".repeat(256),
        "x".repeat(255 + 256),
        Bytes(vec![1, 2]),
        Bytes(vec![]),
        Bytes(b"ab".to_vec()),
        A { x: 1, y: 2 },
        A { x: 2, y: 1 },
        other::A { x: 1, z: 2 },
        other::B { x: 1, y: 2 },
        other::Tuple(1, 2),
        Unit,
        other::Unit2,
        Meters(1.0),
        Some(Meters(1.0)),
        Pair(1, "".into()),
        Figure::Empty,
        Figure::Circle(1.0),
        other::Figure::Circle(1.0_f64 + 1.0),
        Figure::Box(1, 2),
        other::Figure::Boxed(1, 2),
        other::Tokens::Empty,
        Figure::Named {
            name: "".into(),
            inner: Box::new(Figure::Empty)
        },
        BTreeMap::from([(1, 2)]),
        BTreeMap::from([(2, 1)]),
        BTreeMap::<u8, u8>::new(),
        HashMap::from([(1, 2)]),
        HashMap::from([(1, 2), (2, 1)]),
        HashMap::from([(1, 1), (2, 2)]),
        HashMap::<u8, u8>::new(),
        HashMap::from([(1, vec![1]), (2, vec![])]),
        HashMap::from([(1, vec![]), (2, vec![1])]),
        HashSet::<u8>::new(),
        HashSet::from([1]),
        HashSet::from([1, 2]),
        HashSet::from([3]),
        vec![HashSet::from([1]), HashSet::from([2])],
        vec![HashSet::from([2]), HashSet::from([1])],
        vec![HashSet::from([1, 2]), HashSet::new()],
        vec![A { x: 1, y: 2 }],
        vec![A { x: 1, y: 2 }, A { x: 1, y: 2 }],
        serde_json::json!({"a": 1}),
        serde_json::json!({"a": "1"}),
        serde_json::json!([["a", 1]]),
    );
}

#[test]
fn digests_stay_the_same_for_ever() {
    start();
    // These stand in stores of users: a change here must change the version of keys.
    let text = digest(&vec![row(1), row(2)]).unwrap().to_string();
    assert_eq!(
        text,
        "a0b532e83c9f5520d696433e869bea2f5588ee31fb1b852e9cb350524095678f"
    );
    let text = digest(&HashMap::from([("a", vec![1.5]), ("b", vec![])]))
        .unwrap()
        .to_string();
    assert_eq!(
        text,
        "5ecb98224e3d9a80d297c4ff5c8709981d205c871e01862dc3ca567736cdc96d"
    );
}

#[test]
fn the_order_of_hash_maps_and_sets_does_not_count_wherever_they_are() {
    start();
    #[derive(Serialize)]
    struct Holder {
        map: HashMap<u32, HashSet<String>>,
        #[expect(clippy::box_collection, reason = "sets are told behind pointers too")]
        boxed: Option<Box<HashSet<(u8, u8)>>>,
    }
    let make = |reverse: bool| {
        let mut numbers: Vec<u32> = (0..1000).collect();
        if reverse {
            numbers.reverse();
        }
        Holder {
            map: numbers
                .iter()
                .map(|n| (*n, (0..n % 5).map(|m| m.to_string()).collect()))
                .collect(),
            boxed: Some(Box::new(numbers.iter().map(|n| (*n as u8, 1)).collect())),
        }
    };
    assert_eq!(digest(&make(false)).unwrap(), digest(&make(true)).unwrap());
    assert_eq!(
        digest(&(make(false), 1)).unwrap(),
        digest(&(make(true), 1)).unwrap()
    );
    assert_ne!(digest(&make(false)).unwrap(), digest(&(make(true), 1)).unwrap());
}

/// A map whose order means something, as `indexmap` has.
struct Ordered(Vec<(u8, u8)>);
impl Serialize for Ordered {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

#[test]
fn the_order_of_other_maps_counts() {
    start();
    assert_ne!(
        digest(&Ordered(vec![(1, 1), (2, 2)])).unwrap(),
        digest(&Ordered(vec![(2, 2), (1, 1)])).unwrap()
    );
}

/// A list that does not know its length beforehand.
struct Lazy<'a, T>(&'a [T]);
impl<T: Serialize> Serialize for Lazy<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        self.0
            .iter()
            .try_for_each(|value| list.serialize_element(value))?;
        list.end()
    }
}

/// A value of serde's model, to make many different ones.
#[derive(Debug, Clone, PartialEq)]
enum Model {
    U8(u8),
    U32(u32),
    I64(i64),
    Bool(bool),
    Text(String),
    Bytes(Vec<u8>),
    Unit,
    Option(Option<Box<Model>>),
    List(Vec<Model>),
    Pair(Box<(Model, Model)>),
    Map(Vec<(Model, Model)>),
    Variant(u8, Box<Model>),
}

impl Serialize for Model {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Model::U8(it) => it.serialize(serializer),
            Model::U32(it) => it.serialize(serializer),
            Model::I64(it) => it.serialize(serializer),
            Model::Bool(it) => it.serialize(serializer),
            Model::Text(it) => it.serialize(serializer),
            Model::Bytes(it) => serializer.serialize_bytes(it),
            Model::Unit => serializer.serialize_unit(),
            Model::Option(it) => it.serialize(serializer),
            Model::List(it) => it.serialize(serializer),
            Model::Pair(it) => it.serialize(serializer),
            Model::Map(it) => serializer.collect_map(it.iter().map(|(key, value)| (key, value))),
            Model::Variant(index, it) => serializer.serialize_newtype_variant(
                "Model",
                u32::from(*index),
                ["A", "B"][usize::from(*index)],
                it,
            ),
        }
    }
}

fn model() -> impl Strategy<Value = Model> {
    let leaf = prop_oneof![
        (0..3_u8).prop_map(Model::U8),
        (0..3_u32).prop_map(Model::U32),
        (0..3_i64).prop_map(Model::I64),
        any::<bool>().prop_map(Model::Bool),
        "[ab]{0,3}".prop_map(Model::Text),
        prop::collection::vec(0..3_u8, 0..3).prop_map(Model::Bytes),
        Just(Model::Unit),
        Just(Model::Option(None)),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|it| Model::Option(Some(Box::new(it)))),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Model::List),
            (inner.clone(), inner.clone()).prop_map(|it| Model::Pair(Box::new(it))),
            prop::collection::vec((inner.clone(), inner.clone()), 0..3).prop_map(Model::Map),
            (0..2_u8, inner).prop_map(|(index, it)| Model::Variant(index, Box::new(it))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn models_have_one_digest_if_and_only_if_they_are_equal(left in model(), right in model()) {
        start();
        prop_assert_eq!(digest(&left).unwrap() == digest(&right).unwrap(), left == right);
        let again = left.clone();
        prop_assert_eq!(digest(&left).unwrap(), digest(&again).unwrap());
    }

    #[test]
    fn a_list_has_one_digest_however_its_elements_come(values in prop::collection::vec(any::<u32>(), 0..600)) {
        start();
        let expected = digest(&values).unwrap();
        prop_assert_eq!(digest(&Lazy(&values)).unwrap(), expected);
        prop_assert_eq!(digest(values.as_slice()).unwrap(), expected);
        let deque: VecDeque<u32> = values.iter().copied().collect();
        prop_assert_eq!(digest(&deque).unwrap(), expected);
    }

    #[test]
    fn maps_have_one_digest_however_they_were_filled(mut entries in prop::collection::vec((any::<u16>(), "[a-c]{0,2}"), 0..50)) {
        start();
        entries.sort();
        entries.dedup_by_key(|(key, _)| *key);
        let forth: HashMap<_, _> = entries.iter().cloned().collect();
        let back: HashMap<_, _> = entries.iter().rev().cloned().collect();
        prop_assert_eq!(digest(&forth).unwrap(), digest(&back).unwrap());
        let sets: [HashSet<_>; 2] = [entries.iter().cloned().collect(), entries.iter().rev().cloned().collect()];
        prop_assert_eq!(digest(&sets[0]).unwrap(), digest(&sets[1]).unwrap());
        if let Some((key, _)) = entries.first() {
            let mut other = forth.clone();
            other.insert(*key, "other".into());
            prop_assert_ne!(digest(&forth).unwrap(), digest(&other).unwrap());
        }
    }
}
