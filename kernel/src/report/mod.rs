//! What a person reads when a cell fails.
//!
//! Everything here turns facts (rustc's diagnostics, a panic record, a signal) into a
//! [`CellError`](crate::interpreter::CellError). It knows cells and their text; it knows neither the
//! engine nor the host process, and it runs nothing.
//!
//! Read [`diagnostic`] for the input, then [`compile`] for how it is drawn.

mod clean;
mod compile;
mod death;
mod diagnostic;
mod engine_words;
mod names;
mod run;
mod snippet;

pub use compile::{Options, compile_errors};
pub use death::{Variables, death, interrupted};
pub use diagnostic::{Diagnostic, Place, Span};
pub use engine_words::engine_message;
pub use run::{panic, returned_error};
#[cfg(test)]
pub(crate) use snippet::plain;
pub use snippet::{located, message};
