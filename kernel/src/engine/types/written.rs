//! rustc's types as cells can write them.
//!
//! rust-analyzer does not know what a procedural macro makes, so it cannot tell the type of `Foo::builder().build()`. rustc
//! can: the symbols of a library name types ([`early`](crate::engine::early)), by the paths of their definitions. Many of these
//! are private in std, which has its types again in the module above.

use super::definitions::PRELUDE;
use super::names::{Segment, segments};

/// The type that a demangled symbol names, with public paths; `None` if it has no name. The answer is a guess where std has
/// a type at another place, and rustc then refuses it.
pub fn written_type(demangled: &str) -> Option<String> {
    // Closures and what `async` makes.
    if demangled.contains(['{', '}']) {
        return None;
    }
    let written = segments(demangled).into_iter();
    Some(
        written
            .map(|Segment { path, after }| public_path(path) + after)
            .collect(),
    )
}

/// Where cells find what a symbol has at `path`, as far as that can be said.
pub fn public_path(path: &str) -> String {
    let segments: Vec<&str> = path.split("::").collect();
    match segments.as_slice() {
        ["ctx", own @ ..] => own.join("::"),
        ["std" | "alloc" | "core", rest @ ..] => of_std(rest),
        _ => path.to_owned(),
    }
}

/// The public path of something in std, which most modules have from the private ones below them.
fn of_std(path: &[&str]) -> String {
    let path = match *path {
        [
            "collections",
            "hash" | "btree",
            _,
            name @ ("HashMap" | "HashSet" | "BTreeMap" | "BTreeSet"),
        ] => {
            vec!["collections", name]
        }
        ["collections", "hash", "map", .., name] => vec!["collections", "hash_map", name],
        ["collections", "hash", "set", .., name] => vec!["collections", "hash_set", name],
        ["collections", "btree", "map", .., name] => vec!["collections", "btree_map", name],
        ["collections", "btree", "set", .., name] => vec!["collections", "btree_set", name],
        ["collections", module, .., name] if !["VecDeque", "BinaryHeap", "LinkedList"].contains(&name) => {
            vec!["collections", module, name]
        }
        ["sync", module @ ("atomic" | "mpsc"), .., name] => vec!["sync", module, name],
        ["os", ..] => path.to_vec(),
        [module, .., name] => vec![module, name],
        _ => path.to_vec(),
    };
    format!("std::{}", path.join("::"))
}

/// Whether rust-analyzer has written a type, `text`, by traits that no name in `items` leads to: of `Box<dyn Any>` it leaves out the path.
pub fn names_hidden_traits(text: &str, items: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let mut bounds = ["dyn ", "+ "]
        .iter()
        .flat_map(|before| text.split(before).skip(1));
    bounds.any(|bound| {
        let (name, rest) = bound.split_at(bound.find(|c| !is_part(c)).unwrap_or(bound.len()));
        let is_bare = !name.is_empty() && !rest.starts_with("::");
        let is_brought = |line: &str| {
            let mut words = line.split(|c| !is_part(c)).filter(|word| !word.is_empty());
            line.trim_start().starts_with("use ") && words.clone().any(|word| word == name)
                || words.any(|word| word == "trait") && line.split(|c| !is_part(c)).any(|word| word == name)
        };
        is_bare && !PRELUDE.contains(&name) && !items.lines().any(is_brought)
    })
}

#[cfg(test)]
mod tests {
    use super::{names_hidden_traits, written_type};

    #[test]
    fn traits_without_a_path_are_hidden_unless_an_item_brings_them() {
        assert!(names_hidden_traits("Vec<Result<u8, Box<dyn Any + Send>>>", ""));
        assert!(names_hidden_traits(
            "Box<dyn Send + Any>",
            "use std::any::TypeId;"
        ));
        assert!(!names_hidden_traits("Box<dyn Any>", "use std::any::Any;"));
        assert!(!names_hidden_traits("Box<dyn Shape>", "pub trait Shape {}"));
        assert!(!names_hidden_traits("Box<dyn Fn(i32) -> i32 + Send>", ""));
        assert!(!names_hidden_traits("Box<dyn std::any::Any>", ""));
    }

    #[test]
    fn types_have_public_paths() {
        for (found, written) in [
            ("ctx::Foo", "Foo"),
            ("ctx::inner::Foo<u8>", "inner::Foo<u8>"),
            (
                "alloc::vec::Vec<core::option::Option<ctx::Foo>>",
                "std::vec::Vec<std::option::Option<Foo>>",
            ),
            (
                "std::collections::hash::map::HashMap<&str, (i32, [u8; 4])>",
                "std::collections::HashMap<&str, (i32, [u8; 4])>",
            ),
            (
                "alloc::collections::btree::map::BTreeMap<alloc::string::String, ()>",
                "std::collections::BTreeMap<std::string::String, ()>",
            ),
            ("std::sync::poison::mutex::Mutex<f64>", "std::sync::Mutex<f64>"),
            ("core::sync::atomic::AtomicU8", "std::sync::atomic::AtomicU8"),
            (
                "alloc::collections::vec_deque::VecDeque<u8>",
                "std::collections::VecDeque<u8>",
            ),
            ("alloc::boxed::Box<dyn ctx::Shape>", "std::boxed::Box<dyn Shape>"),
            ("fn(ctx::A) -> &mut [ctx::B]", "fn(A) -> &mut [B]"),
            ("serde_json::value::Value", "serde_json::value::Value"),
        ] {
            assert_eq!(written_type(found).as_deref(), Some(written));
        }
        assert_eq!(written_type("ctx::__cellar_cell::{closure#0}"), None);
    }
}
