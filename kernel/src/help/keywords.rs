//! Rust's keywords with what they are for.

use ra_ap_parser::SyntaxKind;

/// Keyword, a line about it, and code that shows it.
pub(super) const KEYWORDS: &[(&str, &str, &str)] = &[
    (
        "as",
        "Convert between primitive types, or rename an import",
        "let x = 3.7 as i32;",
    ),
    (
        "async",
        "Make a function or block that returns a future",
        "async fn fetch() -> u8 { 1 }",
    ),
    ("await", "Wait for a future", "let body = fetch().await;"),
    (
        "break",
        "Leave a loop or labelled block, perhaps with a value",
        "let x = loop { break 5; };",
    ),
    (
        "const",
        "Define a value known at compile time, or a function callable there",
        "const N: usize = 8;",
    ),
    (
        "continue",
        "Go on with the next round of a loop",
        "if x < 0 { continue; }",
    ),
    (
        "crate",
        "The root of this crate, or a crate to link",
        "use crate::module::item;",
    ),
    (
        "dyn",
        "A trait object, dispatched at run time",
        "let f: Box<dyn Fn(i32) -> i32> = Box::new(|x| x + 1);",
    ),
    (
        "else",
        "What happens if the condition does not hold",
        "if a { 1 } else { 2 }",
    ),
    (
        "enum",
        "Define a type that is one of several variants",
        "enum Shape { Circle(f64), Square(f64) }",
    ),
    (
        "extern",
        "Link to foreign code or give it functions",
        "extern \"C\" fn callback() {}",
    ),
    ("false", "The value false of `bool`", "let done = false;"),
    (
        "fn",
        "Define a function, or name a function's type",
        "fn double(x: i32) -> i32 { x * 2 }",
    ),
    (
        "for",
        "Loop over an iterator, or implement a trait for a type",
        "for i in 0..10 { println!(\"{i}\"); }",
    ),
    (
        "if",
        "Branch on a condition or pattern",
        "if let Some(x) = y { use_it(x) }",
    ),
    (
        "impl",
        "Implement functions or a trait for a type, or stand for some type with a trait",
        "impl Point { fn len(&self) -> f64 { 0.0 } }",
    ),
    ("in", "What a `for` loops over", "for x in &list {}"),
    ("let", "Bind a value to a name", "let (a, mut b) = (1, 2);"),
    ("loop", "Loop until `break`", "loop { if done() { break; } }"),
    (
        "match",
        "Branch on patterns; all cases must be covered",
        "match n { 0 => \"none\", 1 | 2 => \"few\", _ => \"many\" }",
    ),
    ("mod", "Define a module", "mod inner { pub fn f() {} }"),
    (
        "move",
        "Let a closure own what it captures",
        "std::thread::spawn(move || println!(\"{v:?}\"));",
    ),
    (
        "mut",
        "Allow changes to a variable or through a reference",
        "let mut n = 0; n += 1;",
    ),
    (
        "pub",
        "Make an item visible from outside its module",
        "pub fn f() {}",
    ),
    (
        "ref",
        "Bind by reference in a pattern",
        "let Some(ref x) = y else { return };",
    ),
    ("return", "Leave the function with a value", "return Err(error);"),
    (
        "self",
        "The receiver of a method, or the current module",
        "fn len(&self) -> usize { self.items.len() }",
    ),
    (
        "Self",
        "The type that an `impl` or trait is about",
        "fn new() -> Self { Self { x: 0 } }",
    ),
    (
        "static",
        "Define a value with a fixed place in memory",
        "static COUNT: AtomicUsize = AtomicUsize::new(0);",
    ),
    (
        "struct",
        "Define a type with fields",
        "struct Point { x: f64, y: f64 }",
    ),
    ("super", "The parent of the current module", "use super::item;"),
    (
        "trait",
        "Define what types can have in common",
        "trait Area { fn area(&self) -> f64; }",
    ),
    ("true", "The value true of `bool`", "let done = true;"),
    (
        "type",
        "Give a type another name",
        "type Map = HashMap<String, u32>;",
    ),
    (
        "unsafe",
        "Code whose soundness the author answers for",
        "unsafe { *pointer }",
    ),
    ("use", "Bring names into scope", "use std::collections::HashMap;"),
    (
        "where",
        "Bounds of type parameters",
        "fn f<T>(x: T) where T: Clone {}",
    ),
    (
        "while",
        "Loop while a condition or pattern holds",
        "while let Some(x) = stack.pop() {}",
    ),
];

/// Whether an expression can end with this keyword.
pub(super) fn ends_expression(keyword: SyntaxKind) -> bool {
    use SyntaxKind as K;
    matches!(
        keyword,
        K::SELF_KW
            | K::SELF_TYPE_KW
            | K::TRUE_KW
            | K::FALSE_KW
            | K::RETURN_KW
            | K::BREAK_KW
            | K::CONTINUE_KW
            | K::AWAIT_KW
            | K::CRATE_KW
            | K::SUPER_KW
            | K::UNDERSCORE
    )
}

/// Markdown about a keyword.
pub(super) fn about(keyword: &str) -> Option<String> {
    let (name, summary, example) = KEYWORDS.iter().find(|(name, ..)| *name == keyword)?;
    Some(format!(
        "keyword `{name}`\n\n{summary}.\n\n```rust\n{example}\n```"
    ))
}
