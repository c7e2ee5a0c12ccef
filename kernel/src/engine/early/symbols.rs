//! What the symbols of a cell's library tell: the types of its new variables.

use std::collections::HashMap;

use crate::engine::cell_crate::generate;
use crate::engine::types::names::Symbol;

/// Where in a library the identity of a new variable's type is to be, if it is stored at all.
///
/// # Errors
/// When there is more than one such place.
pub fn place_of_identity(library: &[u8], index: usize) -> Result<Option<std::ops::Range<usize>>, String> {
    let placeholder = generate::placeholder(index);
    let mut places = library
        .windows(placeholder.len())
        .enumerate()
        .filter(|(_, window)| *window == placeholder)
        .map(|(at, _)| at..at + placeholder.len());
    match (places.next(), places.next()) {
        (place, None) => Ok(place),
        (_, Some(_)) => Err("there are two places for one identity".to_owned()),
    }
}

/// The types of new variables, from the names of the functions that store them: rustc makes one for each type,
/// and writes the type into its symbol (<https://doc.rust-lang.org/rustc/symbol-mangling/v0.html>).
pub fn types_of_new_variables(library: &[u8]) -> HashMap<usize, Symbol> {
    const FUNCTION: &str = "::evcxr_internal_runtime::VariableStore>::put_new::<";
    let arguments = |demangled: &str| {
        let (_, arguments) = demangled.split_once(FUNCTION)?;
        let (type_text, index) = arguments.strip_suffix('>')?.rsplit_once(", ")?;
        Some((type_text.to_owned(), index.to_owned()))
    };
    library
        .split(|byte| *byte == 0)
        .filter(|name| name.starts_with(b"_R"))
        .filter_map(|name| std::str::from_utf8(name).ok())
        .filter(|name| {
            name.split_once("7put_new")
                .is_some_and(|(_, rest)| !names_functions(rest))
        })
        .filter_map(|name| {
            let demangled = rustc_demangle::try_demangle(name).ok()?;
            let (plain, index) = arguments(&format!("{demangled:#}"))?;
            let (full, _) = arguments(&demangled.to_string())?;
            Some((index.parse().ok()?, Symbol { plain, full }))
        })
        .collect()
}

/// Whether a part of a symbol may name a function or a constructor: each has a type of its own, which no cell can write, and which reads like that of
/// an item once it is demangled.
fn names_functions(mangled: &str) -> bool {
    // The hash of a crate may have such letters too: `Cs`, ten or eleven of them, `_`.
    let hash = |rest: &str| rest.find('_').filter(|length| (10..=11).contains(length));
    let mut parts = mangled.split("Cs");
    let first = parts.next().into_iter();
    let others = parts.map(|rest| hash(rest).map_or(rest, |length| &rest[length..]));
    first
        .chain(others)
        .any(|part| part.contains("Nv") || part.contains("Nc"))
}

/// A type without the paths to its names and without lifetimes, of which symbols know nothing.
pub fn plain_type(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_name = |c: char| c.is_alphanumeric() || c == '_';
        if first == '\'' {
            let end = rest[1..].find(|c| !is_name(c)).map_or(rest.len(), |end| end + 1);
            rest = &rest[end..];
        } else if is_name(first) {
            let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            match after.strip_prefix("::") {
                Some(after) if !after.starts_with('<') => rest = after,
                _ => {
                    plain.push_str(name);
                    plain.push(' ');
                    rest = after;
                }
            }
        } else {
            if !first.is_whitespace() {
                plain.push(first);
            }
            rest = &rest[first.len_utf8()..];
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_compared_without_paths_and_lifetimes() {
        let same = |ours: &str, theirs: &str| plain_type(ours) == plain_type(theirs);
        assert!(same(
            "std::collections::hash::map::HashMap<i32, &str>",
            "std::collections::HashMap<i32, &'static str>"
        ));
        assert!(same("alloc::boxed::Box<dyn ctx::Shape>", "Box<dyn Shape>"));
        assert!(same("&mut [u8; 4]", "&'static mut [u8;4]"));
        assert!(!same("alloc::vec::Vec<i32>", "Vec<u8>"));
        assert!(!same("(u8, u8)", "(u8,)"));
        assert!(!same("ctx::__cellar_cell::{closure#0}", "impl Fn(i32) -> i32"));
    }

    #[test]
    fn functions_and_constructors_have_no_type_that_can_be_written() {
        for symbol in [
            "INtNtCsgEmfK2I1SDS_4core6option6OptionNvB3_1fEKj3_EB3_",
            "NcNtB3_1P0Kj1_EB3_",
            "NvB3_1fKj0_EB3_",
        ] {
            assert!(names_functions(symbol), "{symbol}");
        }
        for symbol in [
            "INtNtCslNcArt3iNvV_5alloc3vec3VecNtB3_1PEKj4_EB3_",
            "NtB3_1PKj2_EB3_",
            "jKj0_EB3_",
        ] {
            assert!(!names_functions(symbol), "{symbol}");
        }
    }

    #[test]
    fn an_identity_has_one_place() {
        let library = [&b"before"[..], &generate::placeholder(1), b"after"].concat();
        assert_eq!(place_of_identity(&library, 0), Ok(None));
        assert_eq!(place_of_identity(&library, 1), Ok(Some(6..22)));
        let twice = [generate::placeholder(2), generate::placeholder(2)].concat();
        assert!(place_of_identity(&twice, 2).is_err());
    }
}
