//! The hash functions that the host has, with the real blake3, and the example types of the tests.
#![allow(dead_code, reason = "every test file uses its own part")]

use std::collections::{BTreeMap, HashMap};
use std::ffi::c_void;

use cellar_values::hashing::{HashFunctions, install};
use serde::{Deserialize, Serialize};

unsafe extern "C" fn hash(bytes: *const u8, len: usize, digest: *mut u8) {
    // SAFETY: the caller's pointers are good for these lengths.
    unsafe {
        let bytes = std::slice::from_raw_parts(bytes, len);
        digest.copy_from(blake3::hash(bytes).as_bytes().as_ptr(), 32);
    }
}

unsafe extern "C" fn new() -> *mut c_void {
    Box::into_raw(Box::new(blake3::Hasher::new())).cast()
}

unsafe extern "C" fn update(state: *mut c_void, bytes: *const u8, len: usize) {
    // SAFETY: the state came from `new`, the bytes are a live slice.
    unsafe {
        (*state.cast::<blake3::Hasher>()).update(std::slice::from_raw_parts(bytes, len));
    }
}

unsafe extern "C" fn finish(state: *mut c_void, digest: *mut u8) {
    // SAFETY: the state came from `new` and is given up here.
    unsafe {
        let state = Box::from_raw(state.cast::<blake3::Hasher>());
        digest.copy_from(state.finalize().as_bytes().as_ptr(), 32);
    }
}

unsafe extern "C" fn free(state: *mut c_void) {
    // SAFETY: the state came from `new` and is given up here.
    drop(unsafe { Box::from_raw(state.cast::<blake3::Hasher>()) });
}

/// Puts the hash functions in place. Every test calls it first.
pub fn start() {
    // SAFETY: the functions above do what is asked of them.
    unsafe {
        install(HashFunctions {
            hash,
            new,
            update,
            finish,
            free,
        });
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Point {
    pub x: f64,
    pub y: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    pub id: u64,
    pub name: String,
    pub score: Option<f32>,
    pub tags: Vec<String>,
    pub at: (i16, char),
}

pub fn row(id: u64) -> Row {
    Row {
        id,
        name: format!("name {id}"),
        score: id.is_multiple_of(3).then_some(id as f32 / 7.0),
        tags: vec!["a".into(); (id % 4) as usize],
        at: (-(id as i16), 'ü'),
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Unit;
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Meters(pub f64);
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pair(pub u8, pub String);
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Transparent {
    pub inner: HashMap<u32, String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Figure {
    Empty,
    Circle(f64),
    Box(i32, i32),
    Named { name: String, inner: Box<Figure> },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Untagged {
    Number(u64),
    Text(String),
    List(Vec<Untagged>),
    Deep(Option<Option<u8>>, Meters),
    Struct { figure: Figure },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
pub enum Internal {
    Empty,
    Sized { width: u32, price: f32 },
    Wrapped(Point),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "t", content = "c")]
pub enum Adjacent {
    Nothing,
    One(u8),
    Two(u8, String),
    Point { x: i64 },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Flattened {
    pub id: u32,
    #[serde(flatten)]
    pub point: Point,
    #[serde(flatten)]
    pub rest: BTreeMap<String, u64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sparse {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub first: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub second: Vec<u32>,
    pub third: u32,
    #[serde(rename = "the fourth")]
    pub fourth: i128,
}
