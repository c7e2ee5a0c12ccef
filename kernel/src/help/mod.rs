//! Help while typing, from names alone: whether a cell is complete, what a name may become, what is
//! known of it.
//!
//! Everything here is pure and fast (a cell is lexed, at most parsed), so it answers while a cell runs and
//! before the engine has started. What needs types (methods of an expression, std's own docs)
//! comes from rust-analyzer elsewhere and is merged with this.
//!
//! Offsets in the interface are Unicode code points, as in Jupyter's protocol; [`position`] is the only
//! place that converts them.

mod complete;
mod completeness;
mod context;
mod inspect;
mod items;
mod keywords;
mod known;
mod position;
mod std_names;

pub use complete::complete_by_name;
pub use completeness::{DEEPEST, is_complete, is_too_deep};
pub use inspect::{inspect_by_name, inspect_name, is_std};
pub use items::items_of;
pub use known::{KnownNames, has_question_mark};
pub use position::{byte_of, codepoint_of, name_at};
