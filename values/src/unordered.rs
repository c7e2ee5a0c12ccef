//! Which collections have no order of their own, told by the names of their types.
//!
//! serde's model has no sets, and its maps do not say whether their order means something (an `IndexMap`'s does). So order
//! counts by default. For the types below two equal values may come in different orders, and must hash alike. A type
//! that is missing here costs a needless miss, never a wrong hit.

const UNORDERED: &[&str] = &[
    "std::collections::hash::map::HashMap<",
    "std::collections::hash::set::HashSet<",
    "hashbrown::map::HashMap<",
    "hashbrown::set::HashSet<",
    "ahash::hash_map::AHashMap<",
    "ahash::hash_set::AHashSet<",
    "dashmap::DashMap<",
    "dashmap::set::DashSet<",
];

/// Types that serialise as what they point to.
const POINTERS: &[&str] = &[
    "&mut ",
    "&",
    "alloc::boxed::Box<",
    "alloc::rc::Rc<",
    "alloc::sync::Arc<",
    "alloc::borrow::Cow<",
];

/// Whether the elements of a value of this type (`std::any::type_name`) come in no particular order.
pub(crate) fn is_unordered(type_name: &str) -> bool {
    let mut name = type_name;
    while let Some(rest) = POINTERS.iter().find_map(|pointer| name.strip_prefix(pointer)) {
        name = rest;
    }
    let Some(kind) = UNORDERED.iter().find(|unordered| name.starts_with(**unordered)) else {
        return false;
    };
    let own_parameters = if kind.ends_with("Set<") { 1 } else { 2 };
    // With a hasher that gives the same numbers each time, the order tells how the collection came to be, and code can see it.
    parameters(&name[kind.len()..])
        .nth(own_parameters)
        .is_none_or(|hasher| hasher.contains("RandomState"))
}

/// The type parameters at the beginning of `B<C, D>, E>`, up to the bracket that closes them.
fn parameters(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0i32;
    let mut is_over = false;
    text.split(move |c: char| {
        depth += match c {
            '<' | '(' | '[' => 1,
            '>' | ')' | ']' => -1,
            _ => 0,
        };
        is_over |= depth < 0;
        c == ',' && depth == 0 && !is_over
    })
}

#[cfg(test)]
mod tests {
    use std::any::type_name;
    use std::collections::hash_map::{DefaultHasher, RandomState};
    use std::collections::{BTreeMap, HashMap, HashSet};
    use std::hash::BuildHasherDefault;

    use super::*;

    #[test]
    fn a_hasher_that_is_not_random_gives_an_order() {
        type Fixed = BuildHasherDefault<DefaultHasher>;
        for name in [
            type_name::<HashMap<u8, (u8, Vec<u8>)>>(),
            type_name::<&HashSet<(u8, u8)>>(),
            type_name::<HashMap<HashMap<u8, u8, RandomState>, u8, RandomState>>(),
            type_name::<Box<HashMap<u8, HashMap<u8, u8, Fixed>>>>(),
        ] {
            assert!(is_unordered(name), "{name}");
        }
        for name in [
            type_name::<HashMap<u8, u8, Fixed>>(),
            type_name::<HashSet<(u8, u8), Fixed>>(),
            type_name::<BTreeMap<u8, u8>>(),
        ] {
            assert!(!is_unordered(name), "{name}");
        }
    }
}
