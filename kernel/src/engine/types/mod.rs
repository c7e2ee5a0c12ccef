//! Types of variables: which [`definitions`] they have, how they are [`written`] in cells, and the [`names`] that
//! rust-analyzer has for those of other crates.

pub mod definitions;
mod included;
pub mod names;
pub mod written;
