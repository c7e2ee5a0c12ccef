//! Which items a type reaches: a codec library is made of those, and made anew when one of them changes.
//!
//! It is told by names alone, so too many are found rather than too few. Should one be missing that Rust finds without
//! its name, such as a trait that a method call needs, the library does not compile, and is made of all items.

use std::collections::HashSet;

use crate::engine::items::{Item, ItemKind, Items};
use crate::engine::rewrite::words;

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
        for (item, taken) in all.iter().zip(&mut taken) {
            let is_reached = match &item.kind {
                ItemKind::Impl(header) => words(header).any(|name| name == word),
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
    if let Some(what) = obstacle_in(type_text) {
        return Some(what);
    }
    let types = reached.iter().filter(|item| is_type(&item.code));
    for item in types.clone() {
        let name = item.name.as_deref().unwrap_or_default();
        if let Some(field) = item.code.lines().find(|line| obstacle_in(line).is_some()) {
            let what = obstacle_in(field)?;
            return Some(format!(
                "{what} (in `{name}`: `{}`)",
                field.trim().trim_end_matches(',')
            ));
        }
    }
    let named: HashSet<&str> = words(type_text).collect();
    types
        .filter_map(|item| Some((item, item.name.as_deref()?)))
        .find(|(item, name)| named.contains(name) && !mentions_serde(item, name, reached))
        .map(|(_, name)| {
            format!("`{name}` is not serialisable: derive serde's Serialize and Deserialize for it")
        })
}

fn is_type(code: &str) -> bool {
    ["struct", "enum", "type", "union"]
        .iter()
        .any(|keyword| words(code).any(|word| word == *keyword))
        && !words(code).any(|word| ["fn", "mod", "macro_rules", "trait"].contains(&word))
}

/// Whether a definition derives serde's traits or somebody implements them for it. A macro may do either.
fn mentions_serde(item: &Item, name: &str, reached: &[&Item]) -> bool {
    let speaks = |text: &str| words(text).any(|word| word.contains("Serialize") || word.contains("serde"));
    let derives = |code: &str| {
        // An attribute that is not known may write the traits.
        speaks(code) || code.contains("#[") && !code.contains("#[derive")
    };
    derives(&item.code)
        || words(&item.code).any(|word| word == "type")
        || reached.iter().any(|other| match &other.kind {
            ItemKind::Impl(header) => speaks(header) && words(header).any(|word| word == name),
            _ => false,
        })
}

fn obstacle_in(text: &str) -> Option<String> {
    let word = words(text).find(|word| SHARED.contains(word) || word.starts_with("Atomic"));
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
    use crate::engine::source_map::Marks;

    fn items(code: &str) -> Items {
        let (mut items, mut marks) = (Items::default(), Marks::default());
        let cell = CellSource::new("In[1]", code);
        items.commit(&prepare(code, &cell, &mut marks, DebugFormat::Compact).items);
        items
    }

    const CELL: &str = "use other::*;\nuse serde::Serialize;\nfn far() {}\nfn helper() -> u8 { 1 }\n\
        #[derive(Serialize)] struct P { q: Q }\n#[derive(Serialize)] struct Q(u8);\nimpl Drop for Q { fn drop(&mut self) { helper(); } }\n\
        struct Bare;\n#[derive(Serialize)] struct Holds {\n  name: String,\n  shared: std::rc::Rc<u8>,\n}\nstruct Own;\nimpl Serialize for Own {}";

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
            ("Holds", "(in `Holds`: `shared: std::rc::Rc<u8>`)"),
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
