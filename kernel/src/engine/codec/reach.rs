//! Which items a type reaches: a codec library is made of those, and made anew when one of them changes.
//!
//! It is told by names alone, so too many are found rather than too few. Should one be missing that Rust finds without
//! its name, such as a trait that a method call needs, the library does not compile, and is made of all items.

use std::collections::HashSet;

use ra_ap_syntax::ast::{self, AstNode, HasName};
use ra_ap_syntax::{Edition, SourceFile};

use crate::engine::cell_crate::rewrite::words;
use crate::engine::knowledge::items::{Item, ItemKind, Items};

/// Types that every cell knows without a `use`.
const KNOWN: [&str; 26] = [
    "bool", "char", "str", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128",
    "isize", "f32", "f64", "String", "Vec", "Option", "Result", "Box", "Ordering", "Duration", "PathBuf",
    "_",
];
/// Marks of values that others may hold or change, or that stand for something outside of the process: their
/// bytes are not what they are.
const SHARED: [&str; 19] = [
    "Rc",
    "Arc",
    "Weak",
    "Cell",
    "RefCell",
    "UnsafeCell",
    "OnceCell",
    "LazyCell",
    "OnceLock",
    "LazyLock",
    "Mutex",
    "RwLock",
    "Condvar",
    "Sender",
    "Receiver",
    "SyncSender",
    "File",
    "TcpStream",
    "JoinHandle",
];

/// Whether a type is made of std's types alone, so that neither items nor dependencies have a part in it.
pub fn is_of_std(type_text: &str) -> bool {
    let paths = type_text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
    paths
        .map(|path| path.trim_matches(':'))
        .filter(|path| !path.is_empty())
        .all(|path| match path.split_once("::") {
            Some((first, _)) => ["std", "core", "alloc"].contains(&first),
            None => KNOWN.contains(&path) || path.starts_with(|c: char| c.is_ascii_digit()),
        })
}

/// The items that a type reaches, in their order. Imports of `*` and attributes of the crate always are.
pub fn reached<'a>(items: &'a Items, type_text: &str) -> Vec<&'a Item> {
    let all: Vec<&Item> = items.iter().map(|item| &**item).collect();
    let mut names: HashSet<&str> = all.iter().filter_map(|item| item.name.as_deref()).collect();
    let mut taken = vec![false; all.len()];
    let mut open: Vec<String> = words(type_text).map(str::to_owned).collect();
    let mut reached: HashSet<String> = HashSet::new();
    // Of what is always there, the names count.
    for (item, taken) in all.iter().zip(&mut taken) {
        if item.name.is_none() && !matches!(item.kind, ItemKind::Impl(_)) {
            *taken = true;
            open.extend(words(&item.code).map(str::to_owned));
        }
    }
    while let Some(word) = open.pop() {
        if !names.remove(word.as_str()) {
            continue;
        }
        // What others implement an imported trait for is reached only if it is itself.
        let is_own = all
            .iter()
            .any(|item| item.name.as_deref() == Some(word.as_str()) && item.kind != ItemKind::Import);
        for (item, taken) in all.iter().zip(&mut taken) {
            let is_reached = match &item.kind {
                ItemKind::Impl(header) => is_own && words(header).any(|name| name == word),
                _ => item.name.as_deref() == Some(word.as_str()),
            };
            if is_reached && !std::mem::replace(taken, true) {
                open.extend(words(&item.code).map(str::to_owned));
            }
        }
        reached.insert(word);
    }
    let chosen = all.into_iter().zip(taken).filter(|(_, taken)| *taken);
    chosen.map(|(item, _)| item).collect()
}

/// What makes the values of a type impossible to store, as far as its text and that of the definitions which it reaches
/// tell: half a sentence.
pub fn obstacle(type_text: &str, reached: &[&Item]) -> Option<String> {
    let definitions: Vec<Definition<'_>> = reached.iter().filter_map(|item| Definition::of(item)).collect();
    let own: HashSet<&str> = definitions.iter().map(|definition| definition.name).collect();
    if let Some(what) = obstacle_in(type_text, &own) {
        return Some(what);
    }
    for Definition { name, parts, .. } in &definitions {
        let found = parts
            .iter()
            .find_map(|(part, of)| Some((part, of, obstacle_in(of, &own)?)));
        if let Some((part, of, what)) = found {
            return Some(format!("{what} (`{name}`{part}: `{of}`)"));
        }
    }
    let named: HashSet<&str> = words(type_text).collect();
    definitions
        .iter()
        .find(|it| named.contains(it.name) && !it.is_alias && !mentions_serde(it, reached))
        .map(|it| {
            format!(
                "`{}` is not serialisable: derive serde's Serialize and Deserialize for it",
                it.name
            )
        })
}

/// A type that the session defines.
struct Definition<'a> {
    name: &'a str,
    code: &'a str,
    is_alias: bool,
    /// What it is made of: `, field \`x\`` and the type's text.
    parts: Vec<(String, String)>,
}

impl Definition<'_> {
    fn of(item: &Item) -> Option<Definition<'_>> {
        let file = SourceFile::parse(&item.code, Edition::Edition2024).syntax_node();
        let is_alias = match file.children().find_map(ast::Item::cast)? {
            ast::Item::Struct(_) | ast::Item::Enum(_) | ast::Item::Union(_) => false,
            ast::Item::TypeAlias(_) => true,
            _ => return None,
        };
        let mut parts: Vec<(String, String)> = Vec::new();
        for node in file.descendants() {
            if let Some(field) = ast::RecordField::cast(node.clone()) {
                let name = field.name().map(|name| format!(", field `{}`", name.text()));
                parts.extend(name.zip(field.ty().map(|of| of.syntax().text().to_string())));
            } else if let Some(of) = ast::TupleField::cast(node.clone()).and_then(|field| field.ty()) {
                parts.push((String::new(), of.syntax().text().to_string()));
            } else if let Some(of) = ast::TypeAlias::cast(node).and_then(|alias| alias.ty()) {
                parts.push((String::new(), of.syntax().text().to_string()));
            }
        }
        Some(Definition {
            name: item.name.as_deref()?,
            code: &item.code,
            is_alias,
            parts,
        })
    }
}

/// Whether a definition derives serde's traits or somebody implements them for it. An attribute that is not known may do
/// either.
fn mentions_serde(definition: &Definition<'_>, reached: &[&Item]) -> bool {
    let speaks = |text: &str| words(text).any(|word| word.contains("Serialize") || word.contains("serde"));
    let others = definition.code.replace("#[derive", "").replace("#[repr", "");
    speaks(definition.code)
        || others.contains("#[")
        || reached.iter().any(|other| match &other.kind {
            ItemKind::Impl(header) => speaks(header) && words(header).any(|word| word == definition.name),
            _ => false,
        })
}

/// The session's `own` types may have the names of std's.
fn obstacle_in(text: &str, own: &HashSet<&str>) -> Option<String> {
    let word = words(text)
        .filter(|word| !own.contains(word))
        .find(|word| SHARED.contains(word) || word.starts_with("Atomic"));
    if let Some(word) = word {
        return Some(format!(
            "it holds a `{word}`, which is more than the bytes of a value"
        ));
    }
    for (sign, what) in [
        ("*mut ", "a raw pointer"),
        ("*const ", "a raw pointer"),
        ("dyn ", "a trait object, whose type is not known"),
        ("fn(", "a function pointer"),
        ("impl ", "a value whose type has no name"),
    ] {
        if text.contains(sign) {
            return Some(format!("it holds {what}"));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::CellSource;
    use crate::engine::cell_code::{DebugFormat, prepare};
    use crate::engine::cell_crate::source_map::Marks;

    fn items(code: &str) -> Items {
        let (mut items, mut marks) = (Items::default(), Marks::default());
        let cell = CellSource::new("In[1]", code);
        items.commit(&prepare(code, &cell, &mut marks, DebugFormat::Compact).items);
        items
    }

    const CELL: &str = "use other::*;\nuse serde::Serialize;\nfn far() {}\nfn helper() -> u8 { 1 }\n\
        #[derive(Serialize)] struct P { q: Q }\n#[derive(Serialize)] struct Q(u8);\nimpl Drop for Q { fn drop(&mut self) { helper(); } }\n\
        struct Bare;\n#[derive(Serialize)] struct Holds {\n  name: String,\n  /// A File, says the Mutex.\n  shared: std::rc::Rc<u8>,\n}\n#[derive(Serialize)] struct Cell {\n  // no Rc\n  n: u8 }\nstruct Own;\nimpl Serialize for Own {}";

    #[test]
    fn a_type_reaches_what_it_is_made_of_and_what_that_does() {
        let items = items(CELL);
        let of = |text: &str| {
            let reached = reached(&items, text);
            reached
                .iter()
                .map(|item| item.code.lines().next().unwrap_or_default().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(of("Vec<u8>"), ["use other::*;"]);
        let of_p = of("Vec<P>");
        assert_eq!(of_p.len(), 6, "{of_p:?}");
        assert!(!of_p.contains(&"fn far() {}".to_owned()));
    }

    #[test]
    fn what_cannot_be_stored_is_told_with_its_place() {
        let items = items(CELL);
        let obstacle = |text: &str| obstacle(text, &reached(&items, text));
        for text in [
            "Vec<P>",
            "Own",
            "Cell",
            "std::collections::HashMap<String, Q>",
            "(u8, [f64; 3])",
        ] {
            assert_eq!(obstacle(text), None, "{text}");
        }
        for (text, expected) in [
            ("std::rc::Rc<u8>", "`Rc`"),
            ("std::fs::File", "`File`"),
            ("Box<dyn Fn()>", "trait object"),
            ("Vec<Bare>", "`Bare` is not serialisable"),
            ("Holds", "(`Holds`, field `shared`: `std::rc::Rc<u8>`)"),
            ("std::sync::atomic::AtomicU8", "AtomicU8"),
        ] {
            let found = obstacle(text).unwrap_or_default();
            assert!(found.contains(expected), "{text}: {found}");
        }
    }

    #[test]
    fn types_of_std_are_told_from_others() {
        for text in [
            "Vec<f64>",
            "Option<(u8, String)>",
            "std::collections::HashMap<String, Vec<[u8; 32]>>",
        ] {
            assert!(is_of_std(text), "{text}");
        }
        for text in ["P", "Vec<P>", "chrono::NaiveDate", "HashMap<u8, u8>"] {
            assert!(!is_of_std(text), "{text}");
        }
    }
}
