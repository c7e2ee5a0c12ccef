//! What is kept by reference: instances made by cells and functions below `//% cache_resource`.

/// Releases all instances; those who still have handles keep what they have. Returns how many there were.
///
/// A function's own are released by `name::clear()`, that of one call by `name::clear_for(arguments)`.
pub fn clear() -> usize {
    crate::__private::memo::release_all()
}
