//! What is kept by value: results of cells and functions below `//% cache_data`.

/// Forgets the results of all functions below `//% cache_data`, in memory and on disk. Returns how many there were.
///
/// A function's own are forgotten by `name::clear()`, that of one call by `name::clear_for(arguments)`.
pub fn clear() -> usize {
    crate::__private::memo::clear_all()
}
