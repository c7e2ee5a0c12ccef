//! (in work)
pub mod runtime_library;
pub mod shim;
