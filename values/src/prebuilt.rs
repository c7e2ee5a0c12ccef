//! Codecs of common types, compiled with this crate, so that nothing has to be compiled for them later.

use crate::codec::Codec;
use crate::codec_of;

macro_rules! prebuilt {
    ($($type:ty),* $(,)?) => {
        &[$((stringify!($type), || codec_of!($type))),*]
    };
}

/// A type's name and its codec.
pub type Prebuilt = (&'static str, fn() -> &'static Codec);

const PREBUILT: &[Prebuilt] = prebuilt![
    (),
    bool,
    char,
    i8,
    i16,
    i32,
    i64,
    i128,
    u8,
    u16,
    u32,
    u64,
    u128,
    isize,
    usize,
    f32,
    f64,
    String,
    Vec<bool>,
    Vec<char>,
    Vec<i8>,
    Vec<i16>,
    Vec<i32>,
    Vec<i64>,
    Vec<i128>,
    Vec<u8>,
    Vec<u16>,
    Vec<u32>,
    Vec<u64>,
    Vec<u128>,
    Vec<isize>,
    Vec<usize>,
    Vec<f32>,
    Vec<f64>,
    Vec<String>,
    Vec<Vec<f64>>,
    Option<i32>,
    Option<u64>,
    Option<usize>,
    Option<f64>,
    Option<String>,
];

/// The types that have a codec already, by their names as one writes them with the prelude: `Vec<f64>`. Names have no spaces.
pub fn prebuilt() -> &'static [Prebuilt] {
    PREBUILT
}
