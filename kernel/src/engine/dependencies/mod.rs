//! The crates that cells depend on.
//!
//! A [`package`] is what `:dep` lines have made of evcxr's. The session [depends](depending) on it: at once if it was
//! [`resolved`] and built before, or else as soon as cargo has built it, whose [`progress`] is shown. What there is then is
//! [`locked`]; its [`graph`] tells which serde belongs to it.

pub mod cargo_output;
mod depending;
pub mod graph;
pub mod locked;
pub mod package;
pub mod progress;
pub mod resolved;
