//! `codec_of!` finds out what can be done with any type, and never fails to compile.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::*;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use cellar_values::{Codec, RefusalKind, codec_of};
use serde::{Deserialize, Serialize};
use support::*;

struct Opaque;
#[derive(Clone)]
struct Generic<T>(#[allow(dead_code, reason = "its type is what matters")] T);
#[derive(Serialize, Deserialize)]
struct GenericSerde<T> {
    inner: T,
}
#[derive(Serialize)]
struct Borrowing<'a> {
    text: &'a str,
}
#[derive(Debug, Serialize, Deserialize)]
struct Borrowed<'a> {
    text: &'a str,
}
#[derive(Serialize)]
struct OnlyOut {
    x: u8,
}
trait Thing {}

/// digest, stored, cloned
type Can = (bool, bool, bool);

fn can(codec: &Codec) -> Can {
    assert_eq!(codec.encode.is_some(), codec.decode.is_some());
    assert_eq!(codec.refusal.is_none(), codec.is_storable());
    (codec.digest.is_some(), codec.is_storable(), codec.clone.is_some())
}

#[test]
fn every_type_has_a_codec() {
    macro_rules! table {
        ($($type:ty: $expected:expr),* $(,)?) => {$(
            {
                fn codec() -> &'static Codec { codec_of!($type) }
                assert_eq!(can(codec()), $expected, "{}", stringify!($type));
                assert_eq!(codec().size, size_of::<$type>());
                assert_eq!(codec().align, align_of::<$type>());
                assert_eq!(codec().type_name, std::any::type_name::<$type>());
            }
        )*};
    }
    const ALL: Can = (true, true, true);
    const STORED: Can = (true, true, false);
    const DIGEST: Can = (true, false, false);
    const CLONE: Can = (false, false, true);
    const NOTHING: Can = (false, false, false);
    table!(
        u8: ALL, f64: ALL, bool: ALL, char: ALL, (): ALL, String: ALL, Vec<f64>: ALL, Vec<String>: ALL, [u8; 32]: ALL,
        [u8; 64]: ALL, [f64; 1000]: ALL, Vec<[f64; 3]>: ALL, Box<[u8]>: ALL, Box<str>: ALL,
        HashMap<String, Vec<Row>>: ALL, HashSet<u8>: ALL, BTreeMap<u8, (u8, String)>: ALL, BinaryHeap<u8>: ALL,
        Option<Row>: ALL, Result<Row, String>: ALL, Vec<Row>: ALL, Figure: ALL, GenericSerde<u8>: STORED,
        (u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8): ALL, Cow<'static, str>: ALL, std::path::PathBuf: ALL,
        std::time::Duration: ALL, std::ops::Range<u8>: ALL, std::time::SystemTime: ALL, std::num::NonZeroU8: ALL,
        // They say no when they run.
        &'static str: ALL, Vec<&'static str>: ALL, (u8, &'static str): ALL, Option<&'static [u8]>: ALL,
        HashMap<&'static str, u8>: ALL, Borrowed<'static>: STORED, Vec<&str>: ALL, &'static Row: (true, false, true),
        serde_json::Value: ALL, RefCell<u8>: ALL, Mutex<u8>: STORED, std::sync::atomic::AtomicU8: STORED,
        Borrowing<'static>: DIGEST, OnlyOut: DIGEST, Vec<OnlyOut>: DIGEST, GenericSerde<OnlyOut>: DIGEST, &'static [u64]: (true, false, true),
        Opaque: NOTHING, Vec<Opaque>: NOTHING, GenericSerde<Opaque>: NOTHING, (u8, Opaque): NOTHING, Generic<u8>: CLONE,
        Option<Box<dyn Thing>>: NOTHING, std::fs::File: NOTHING, fn(u8) -> u8: CLONE, for<'a> fn(&'a u8) -> &'a u8: CLONE,
        std::time::Instant: CLONE, Box<dyn std::error::Error>: NOTHING, Rc<u8>: CLONE, Arc<Mutex<u8>>: CLONE, Rc<RefCell<Vec<Row>>>: CLONE,
        std::rc::Weak<u8>: CLONE, [String; 40]: CLONE, Vec<[u8; 64]>: CLONE, *const u8: CLONE, &'static dyn Thing: CLONE,
        (u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8): ALL,
        (u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8): CLONE,
        std::str::Chars<'static>: CLONE, std::thread::JoinHandle<()>: NOTHING, Box<dyn Fn(u8) -> u8 + Send>: NOTHING, std::vec::IntoIter<Row>: CLONE,
        std::convert::Infallible: CLONE, std::marker::PhantomData<Opaque>: ALL,
    );
}

#[test]
fn refusals_name_the_type_and_what_to_do() {
    let text = codec_of!(Vec<Opaque>).why_not().unwrap().to_string();
    assert_eq!(
        text,
        "`alloc::vec::Vec<codecs::Opaque>`: it is not serialisable; derive serde's Serialize and Deserialize for it, or use \
         cache_resource"
    );
    let text = codec_of!(std::vec::IntoIter<u8>).why_not().unwrap().to_string();
    assert!(
        text.ends_with("keep what it is made from, or use cache_resource"),
        "{text}"
    );
    let text = codec_of!(OnlyOut).why_not().unwrap().to_string();
    assert!(
        text.starts_with("`codecs::OnlyOut`: it can be written but not read back"),
        "{text}"
    );
    assert!(codec_of!(Row).why_not().is_none());
}

/// Stores through the codec; the refusal.
fn refused<T>(codec: &Codec, value: &T) -> cellar_values::Refusal {
    start();
    let mut bytes = Vec::new();
    // SAFETY: the codec is that of `T`.
    let outcome = unsafe { codec.encode.unwrap()((&raw const *value).cast(), &mut bytes) };
    assert!(bytes.is_empty());
    outcome.unwrap_err()
}

#[test]
fn borrowed_parts_are_refused_when_they_run_naming_the_field() {
    let value = vec![(1, Borrowed { text: "t" })];
    let refusal = refused(codec_of!(Vec<(u8, Borrowed<'static>)>), &value);
    assert_eq!(refusal.kind(), RefusalKind::NotFaithful);
    assert_eq!(refusal.path(), "[0][1].text");
    assert!(refusal.to_string().contains("borrowed string"), "{refusal}");
    assert!(refusal.to_string().contains("`.to_string()`"), "{refusal}");
}

#[derive(Clone)]
struct Fails;
impl Serialize for Fails {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("no file behind it"))
    }
}
impl<'de> Deserialize<'de> for Fails {
    fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Ok(Fails)
    }
}

#[test]
fn a_value_that_says_no_is_refused_naming_field_and_type() {
    #[derive(Serialize, Deserialize)]
    struct Model {
        parts: HashMap<u8, Vec<Option<Fails>>>,
    }
    let value = Model {
        parts: HashMap::from([(1, vec![None, Some(Fails)])]),
    };
    let refusal = refused(codec_of!(Model), &value);
    assert_eq!(refusal.kind(), RefusalKind::Value);
    assert_eq!(refusal.path(), "parts[entry 0][1]");
    let text = refusal.to_string();
    assert!(text.contains("Model`: `parts[entry 0][1]` (`"), "{text}");
    assert!(text.contains("no file behind it"), "{text}");
}

#[test]
fn what_comes_back_otherwise_is_refused() {
    /// Forgets a part of itself.
    #[derive(Serialize, Deserialize)]
    struct Lossy {
        #[serde(deserialize_with = "zero")]
        x: u8,
    }
    fn zero<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
        u8::deserialize(deserializer).map(|_| 0)
    }
    let value = vec![(1_u8, Lossy { x: 0 }), (2, Lossy { x: 1 })];
    let refusal = refused(codec_of!(Vec<(u8, Lossy)>), &value);
    assert_eq!(refusal.kind(), RefusalKind::NotFaithful);
    assert_eq!(refusal.path(), "[1].1.x");
    assert!(
        refusal
            .to_string()
            .contains("what is read back is not what was stored"),
        "{refusal}"
    );
}

#[test]
fn a_panic_in_the_values_code_is_a_refusal() {
    #[derive(Clone, Deserialize)]
    struct Panics;
    impl Serialize for Panics {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            panic!("not {}", "today")
        }
    }
    let refusal = refused(codec_of!(Panics), &Panics);
    assert_eq!(refusal.kind(), RefusalKind::Panicked);
    assert!(refusal.message().ends_with("not today"));
}

#[test]
fn failing_writes_are_told_as_such() {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    start();
    let (floats, row) = (vec![1.0_f64], row(1));
    for (codec, address) in [
        (codec_of!(Vec<f64>), (&raw const floats).cast::<()>()),
        (codec_of!(Row), (&raw const row).cast()),
    ] {
        // SAFETY: the codecs are those of the values.
        let refusal = unsafe { codec.encode.unwrap()(address, &mut Full) }.unwrap_err();
        assert_eq!(refusal.kind(), RefusalKind::Io(std::io::ErrorKind::StorageFull));
    }
}

#[test]
fn a_large_map_is_stored_and_found_equal() {
    start();
    let map: HashMap<String, (u32, Vec<f64>)> = (0..100_000)
        .map(|n| (n.to_string(), (n, vec![f64::from(n); 2])))
        .collect();
    let codec = codec_of!(HashMap<String, (u32, Vec<f64>)>);
    let mut bytes = Vec::new();
    // SAFETY: the codec is that of the map.
    let again = unsafe {
        let encoded = codec.encode.unwrap()((&raw const map).cast(), &mut bytes).unwrap();
        let again = codec.decode_from(&mut &*bytes, bytes.len() as u64).unwrap();
        assert_eq!(codec.digest.unwrap()(again).unwrap(), encoded.digest);
        Box::from_raw(again.cast::<HashMap<String, (u32, Vec<f64>)>>())
    };
    assert_eq!(*again, map);
}

#[test]
fn prebuilt_codecs_are_those_of_their_types() {
    for (name, codec) in cellar_values::prebuilt() {
        let codec = codec();
        assert!(codec.is_storable() && codec.clone.is_some(), "{name}");
        let short = codec
            .type_name
            .replace("alloc::vec::", "")
            .replace("alloc::string::", "")
            .replace("core::option::", "");
        assert_eq!(short, *name);
    }
    assert!(std::ptr::eq(
        cellar_values::prebuilt()[1].1(),
        cellar_values::prebuilt()[1].1()
    ));
}
