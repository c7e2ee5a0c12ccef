//! (in work)
pub mod shim;
