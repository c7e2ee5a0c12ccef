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
    UNORDERED.iter().any(|unordered| name.starts_with(unordered))
}
