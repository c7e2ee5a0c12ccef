//! The cache against an interpreter of a little Rust in the place of engine and host: notebooks of any length in
//! milliseconds. The same on the real ones is in `tests/`.

mod language;
mod machine;
mod random_edits;
mod stories;
