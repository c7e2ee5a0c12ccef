//! Memoised functions: what the code calls that the kernel puts around an `fn` below `//% cache_data`.
//!
//! A function is known by its name and by a digest of its code and of all that the code reaches (`code`). Results are
//! kept by arguments in tables that all cells share; the host keeps them on disk too. Nothing here knows serde:
//! `plain.rs` covers the types of std, the generated code brings the others.

mod body;
mod coder;
mod computing;
mod disk;
mod function;
mod hasher;
mod key;
mod not_a_result;
pub(crate) mod plain;
mod registry;
mod resources;
mod spinner;
mod surroundings;
mod table;

pub use coder::{Coder, Kept, Probe, choose, not_kept, returned};
pub use function::{Function, Options, data, data_async};
pub(crate) use function::{clear_all, clear_data, clear_name, list_functions, save_all};
pub use key::{Arg, CacheArgument, Key, parts};
pub use not_a_result::{NotAResult, RefuseResult};
pub(crate) use registry::{Restored, contain, list, release_where};
pub use resources::{Hooks, Place, place, resource, resource_async, resource_ok, resource_ok_async};
pub(crate) use resources::{discard_cell, keep_cell, of_cell, release_all, restore_cell};
