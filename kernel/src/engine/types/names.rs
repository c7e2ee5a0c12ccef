//! What rust-analyzer calls the types of other crates, learnt from it and remembered.
//!
//! A symbol names a type by the path of its definition, `polars_core::frame::DataFrame`; cells know it by another, that of a
//! re-export or of an import, and only rust-analyzer knows which. For that it has to have looked at the crate, which takes seconds.
//! So what it has said once is kept, for all sessions in which a name means the same: those with the same crates, imports, macros,
//! modules, and other items of the same names. There a variable of the type needs nobody's word.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Mutex;

use cellar_cache::{Digest, Hasher};

use crate::engine::cell_crate::rewrite;
use crate::engine::knowledge::items::{Item, ItemKind, Items};
use crate::engine::lock;

/// A type as a symbol of a library tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symbol {
    /// Without the hashes of crates.
    pub plain: String,
    /// With them: two versions of a crate are two. Numbers have their types behind them.
    pub full: String,
}

/// A path to a type, and what stands between it and the next one.
#[derive(Debug, PartialEq, Eq)]
pub struct Segment<'a> {
    pub path: &'a str,
    pub after: &'a str,
}

/// A name of a type, and all that it takes for it to be that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeName {
    /// See [`scope`].
    pub scope: Digest,
    /// Of a symbol, with hashes of crates.
    pub path: String,
    pub written: String,
}

/// What one session has learnt, or found.
#[derive(Debug, Default)]
pub struct TypeNames {
    known: Mutex<HashMap<(Digest, String), String>>,
    new: Mutex<Vec<TypeName>>,
}

impl TypeNames {
    /// Takes up what rust-analyzer has `written` for what a library calls `symbol`.
    pub fn learn(&self, scope: Digest, symbol: &Symbol, written: &str) {
        for (path, written) in pairs(&symbol.full, written) {
            let name = TypeName {
                scope,
                path: path.to_owned(),
                written: written.to_owned(),
            };
            if self.take_up(&name) {
                lock(&self.new).push(name);
            }
        }
    }

    /// Takes up a name that is known elsewhere; `false` if it is nothing new.
    pub fn take_up(&self, name: &TypeName) -> bool {
        let key = (name.scope, name.path.clone());
        let older = lock(&self.known).insert(key, name.written.clone());
        older.as_ref() != Some(&name.written)
    }

    pub fn get(&self, scope: Digest, path: &str) -> Option<String> {
        lock(&self.known).get(&(scope, path.to_owned())).cloned()
    }

    /// What was learnt since this was last asked.
    pub fn take_new(&self) -> Vec<TypeName> {
        std::mem::take(&mut lock(&self.new))
    }
}

/// All that decides what a name means in a cell: crates, imports, macros, modules, and the names of all other items.
pub fn scope(items: &Items, crates: &BTreeMap<String, Digest>) -> Digest {
    let has_module = |item: &Item| rewrite::words(&item.code).any(|word| word == "mod");
    let mut named: BTreeSet<&str> = BTreeSet::new();
    let mut whole: BTreeSet<&str> = BTreeSet::new();
    for item in items.iter() {
        match item.kind {
            ItemKind::Impl(_) => {}
            ItemKind::Other if !has_module(item) => named.extend(item.name.as_deref()),
            _ => drop(whole.insert(&item.code)),
        }
    }
    let mut hasher = Hasher::new("scope of type names");
    hasher.number("crates", crates.len() as u64);
    for (name, digest) in crates {
        hasher.text("crate", name);
        hasher.digest("is", digest);
    }
    for (tag, texts) in [("named", named), ("whole", whole)] {
        hasher.number(tag, texts.len() as u64);
        for text in texts {
            hasher.text(tag, text);
        }
    }
    hasher.finish()
}

/// A type's paths, with what stands behind each of them.
pub fn segments(type_text: &str) -> Vec<Segment<'_>> {
    let mut segments = Vec::new();
    let mut rest = type_text;
    while !rest.is_empty() {
        let end = path_end(rest);
        let (path, after) = rest.split_at(end);
        let next = after.find(is_of_path).unwrap_or(after.len());
        segments.push(Segment {
            path,
            after: &after[..next],
        });
        rest = &after[next..];
    }
    segments
}

fn is_of_path(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == ':'
}

/// Where the path ends that `text` begins with. A crate's name in it may have its hash behind it: `name[hash]::…`.
fn path_end(text: &str) -> usize {
    let end = text.find(|c| !is_of_path(c)).unwrap_or(text.len());
    let hash = text[end..].strip_prefix('[').filter(|_| end > 0);
    let hash = hash.and_then(|rest| rest.split_once(']'));
    match hash {
        Some((hash, after)) if after.starts_with("::") && hash.chars().all(|c| c.is_ascii_hexdigit()) => {
            let begun = text.len() - after.len();
            begun + path_end(after)
        }
        _ => end,
    }
}

/// The paths of a symbol that cells have to write in another way, each with how it was written.
fn pairs<'a>(symbol: &'a str, written: &'a str) -> Vec<(&'a str, &'a str)> {
    let (ours, theirs) = (segments(symbol), segments(written));
    let between = |segments: &[Segment<'_>]| -> String {
        let all = segments.iter().flat_map(|segment| [segment.after, "|"]);
        all.collect::<String>().split_whitespace().collect()
    };
    // Closures, lifetimes, what is left out on one side: no pairs.
    if between(&ours) != between(&theirs) || symbol.contains(['{', '&', '*', '\'']) {
        return Vec::new();
    }
    let pairs = ours
        .iter()
        .zip(&theirs)
        .map(|(ours, theirs)| (ours.path, theirs.path));
    pairs
        .filter(|(symbol, written)| symbol.contains("::") && !written.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::CellSource;
    use crate::engine::cell_code::{DebugFormat, prepare};
    use crate::engine::cell_crate::source_map::Marks;

    #[test]
    fn types_are_cut_into_paths() {
        let cut = |text| -> Vec<(&str, &str)> {
            let segments = segments(text);
            segments.into_iter().map(|it| (it.path, it.after)).collect()
        };
        assert_eq!(
            cut("alloc[1f]::vec::Vec<(polars[2b]::Frame, u8)>"),
            [
                ("alloc[1f]::vec::Vec", "<("),
                ("polars[2b]::Frame", ", "),
                ("u8", ")>")
            ]
        );
        assert_eq!(cut("[u8; 4]"), [("", "["), ("u8", "; "), ("4", "]")]);
        assert_eq!(cut("[a[1]::B; 4]"), [("", "["), ("a[1]::B", "; "), ("4", "]")]);
    }

    #[test]
    fn paths_are_learnt_one_by_one() {
        assert_eq!(
            pairs("alloc[1]::vec::Vec<p[2]::f::Frame>", "Vec<prelude::Frame>"),
            [
                ("alloc[1]::vec::Vec", "Vec"),
                ("p[2]::f::Frame", "prelude::Frame")
            ]
        );
        assert_eq!(pairs("(u8, p[2]::F)", "(u8, F)"), [("p[2]::F", "F")]);
        for (symbol, written) in [
            ("p[2]::Reader<u8>", "Reader<'_, u8>"),
            ("p[2]::F<u8>", "F"),
            ("&p[2]::F", "&F"),
            ("p[2]::f::{closure#0}", "impl Fn()"),
        ] {
            assert!(pairs(symbol, written).is_empty(), "{symbol}");
        }
    }

    #[test]
    fn what_is_learnt_in_one_scope_is_not_known_in_another() {
        let names = TypeNames::default();
        let symbol = Symbol {
            plain: "p::f::Frame".to_owned(),
            full: "p[2]::f::Frame".to_owned(),
        };
        let (here, there) = (Digest::of(b"here"), Digest::of(b"there"));
        names.learn(here, &symbol, "Frame");
        assert_eq!(names.get(here, "p[2]::f::Frame").as_deref(), Some("Frame"));
        assert_eq!(names.get(there, "p[2]::f::Frame"), None);
        assert_eq!(names.get(here, "p[3]::f::Frame"), None);
        assert_eq!(names.take_new().len(), 1);
        names.learn(here, &symbol, "Frame");
        assert!(names.take_new().is_empty());
    }

    #[test]
    fn a_scope_is_what_names_can_mean() {
        let scope = |cells: &[&str], crates: &[&str]| {
            let (mut items, mut marks) = (Items::default(), Marks::default());
            for cell in cells {
                let source = CellSource::new("In[1]", *cell);
                items.commit(&prepare(cell, &source, &mut marks, DebugFormat::Compact).items);
            }
            let crates = crates
                .iter()
                .map(|name| ((*name).to_owned(), Digest::of(name.as_bytes())));
            super::scope(&items, &crates.collect())
        };
        let first = scope(&["use a::B; fn f() {}"], &["a"]);
        assert_eq!(scope(&["fn f() { 1; }", "use a::B;", "impl B {}"], &["a"]), first);
        for other in [
            scope(&["use a::C; fn f() {}"], &["a"]),
            scope(&["use a::*; fn f() {}"], &["a"]),
            scope(&["use a::B; fn f() {} struct B;"], &["a"]),
            scope(&["use a::B; fn f() {}"], &["b"]),
            scope(&["use a::B; fn f() {} mod m { pub use c::D; }"], &["a"]),
        ] {
            assert_ne!(other, first);
        }
        let module = |inner: &str| scope(&[&format!("mod m {{ {inner} }}")], &[]);
        assert_ne!(module("pub use a::B;"), module("pub use b::B;"));
    }
}
