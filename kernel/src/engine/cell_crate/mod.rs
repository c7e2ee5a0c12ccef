//! The crate that is compiled for a cell, as text.
//!
//! It is made here ([`generate`]), or by evcxr and then made smaller ([`rewrite`]). Either way it has the least of the session
//! that the cell needs ([`minimal`]), and a map from its lines to those of cells ([`source_map`]).

pub mod generate;
pub mod left_out;
pub mod minimal;
pub mod rewrite;
pub mod source_map;
