//! Reads Rust for the cache's keys: what a cell names, defines and reaches, and whether a type's values can be compared
//! by content. Pure functions of text: it knows neither evcxr nor Jupyter nor the store.
//!
//! Whoever asks relies on this: an input is never missed where the text shows it, and what cannot be known is said
//! ([`Flags`], [`Verdict::Unknown`]). Not seen, because no text shows it: names that a procedural macro invents, and a trait
//! of another crate whose name begins with a small letter and that some `use` imports for its methods only. The compiler finds these
//! (`BuildReport::unnamed`).

mod access;
mod cell;
mod flags;
mod frozen;
mod in_force;
mod item;
mod macro_arguments;
mod reach;
mod reads;
mod statics;
mod std_types;
mod strings;
#[cfg(test)]
mod tests;
mod tokens;
mod type_definition;
mod type_text;

pub use access::Access;
pub use cell::{CellReading, read_cell};
pub use flags::Flags;
pub use frozen::{Fault, Verdict, borrowed, constant, frozen, hazards, is_doubtful};
pub use in_force::InForce;
pub use item::{Item, ItemKind, may_have_items};
pub use reach::{Reached, Session, words_of_type};
pub use statics::{Static, StaticKind};
pub use std_types::{PRIMITIVES, is_std};
pub use type_definition::{TypeDefinition, TypeKind};
pub use type_text::TypeText;
