//! What is kept by value: results of cells and functions below `//% cache_data`.

/// Forgets every data entry of this kernel's notebook: the results of all functions and cells below `//% cache_data`, in
/// memory and on disk. Returns how many results of functions there were in memory; those of cells go when the cell
/// that calls this ends.
///
/// A function's own are forgotten by `name::clear()`, that of one call by `name::clear_for(arguments)`.
pub fn clear() -> usize {
    crate::__private::memo::clear_data()
}
