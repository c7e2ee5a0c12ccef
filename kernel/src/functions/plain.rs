//! Which types the runtime writes by itself, so that their function needs no serde. As `runtime/src/private/memo/plain.rs`
//! has them: what is said here of a type that it does not have would leave that type without any way to be kept.

use crate::analysis::{self, Item, ItemKind, PRIMITIVES, TypeText};

/// Types of std that are both parts of keys and results.
const BOTH: [&str; 8] = [
    "String", "Vec", "Option", "Box", "Duration", "VecDeque", "BTreeSet", "BTreeMap",
];

/// Those that are parts of keys only.
const IN_KEYS: [&str; 4] = ["Path", "PathBuf", "Rc", "Arc"];

/// The longest tuple.
const LONGEST_TUPLE: usize = 8;

/// What a type is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    Key,
    Result,
}

/// Whether the runtime may have to ask serde about a type. `items`: the notebook's, which may have given a name of std to
/// something else.
pub fn may_need_serde(type_text: &str, purpose: Use, items: &[&Item]) -> bool {
    !is_plain(&TypeText::parse(type_text), purpose, items)
}

fn is_plain(of: &TypeText, purpose: Use, items: &[&Item]) -> bool {
    match of {
        TypeText::Path {
            segments, arguments, ..
        } => {
            let Some(name) = segments.last() else { return false };
            let is_known = PRIMITIVES.contains(&name.as_str())
                || BOTH.contains(&name.as_str())
                || (purpose == Use::Key && IN_KEYS.contains(&name.as_str()));
            let is_stds = match segments.as_slice() {
                [name] => !is_another(name, items),
                path => analysis::is_std(path),
            };
            // A `Box<str>` and a `Box<[T]>` are no results.
            let holds_unsized = purpose == Use::Result
                && name == "Box"
                && arguments.iter().any(|it| match it {
                    TypeText::Tuple(parts) => parts.len() == 1,
                    it => it.text() == "str",
                });
            is_known && is_stds && !holds_unsized && arguments.iter().all(|it| is_plain(it, purpose, items))
        }
        TypeText::Tuple(parts) => {
            parts.len() <= LONGEST_TUPLE && parts.iter().all(|part| is_plain(part, purpose, items))
        }
        TypeText::Reference { to, .. } => purpose == Use::Key && is_plain(to, purpose, items),
        _ => false,
    }
}

/// Whether the notebook means something of its own by a name of std.
fn is_another(name: &str, items: &[&Item]) -> bool {
    items.iter().any(|item| {
        let imports_std = || {
            let import = item.import.as_ref();
            import.is_some_and(|it| analysis::is_std(&it.path) && it.path.last().is_some_and(|it| it == name))
        };
        let is_defined = item.types.iter().any(|of| of.name == name);
        is_defined || item.kind == ItemKind::Use && item.names.contains(name) && !imports_std()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(type_text: &str, before: &str) -> [bool; 2] {
        let items = analysis::read_cell(before).items;
        [Use::Key, Use::Result]
            .map(|purpose| !may_need_serde(type_text, purpose, &items.iter().collect::<Vec<_>>()))
    }

    #[test]
    fn serde_is_asked_about_all_that_the_runtime_does_not_write() {
        for (of, expected) in [
            ("Vec<Option<(u8, [f64; 3])>>", [true, true]),
            ("std::collections::BTreeMap<String, Box<i32>>", [true, true]),
            ("()", [true, true]),
            ("&[&str]", [true, false]),
            ("&'static str", [true, false]),
            ("Box<str>", [true, false]),
            ("Box<[u8]>", [true, false]),
            ("std::sync::Arc<str>", [true, false]),
            ("PathBuf", [true, false]),
            ("Result<u8, String>", [false, false]),
            ("Vec<Result<u8, String>>", [false, false]),
            ("(u8, u8, u8, u8, u8, u8, u8, u8)", [true, true]),
            ("(u8, u8, u8, u8, u8, u8, u8, u8, u8)", [false, false]),
            ("HashSet<u8>", [false, false]),
            ("Row", [false, false]),
            ("geo::Path", [false, false]),
        ] {
            assert_eq!(plain(of, ""), expected, "{of}");
        }
    }

    #[test]
    fn a_name_of_std_may_be_the_notebooks_own() {
        for before in [
            "struct Path(u8);",
            "mod m { pub struct Path; } use m::*;",
            "use geo::Path;",
            "use geo::Line as Path;",
            "type Path = u8;",
        ] {
            assert_eq!(plain("Vec<Path>", before), [false, false], "{before}");
        }
        assert_eq!(plain("&Path", "use std::path::Path;"), [true, false]);
        assert_eq!(plain("&std::path::Path", "struct Path(u8);"), [true, false]);
    }
}
