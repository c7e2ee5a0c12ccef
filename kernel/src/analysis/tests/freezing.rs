//! Which types can be compared by content, and what is said of the others.

use super::super::{Verdict, borrowed, frozen, lossy, read_cell};

const ITEMS: &str = "
    use std::{cell::RefCell, collections as c, rc::Rc as Shared, sync::{self, Arc}};
    use chrono::NaiveDate;
    use serde::Serialize as Ser;
    const N: usize = 3;
    struct P { x: f64, name: String, at: [u8; N], tags: c::BTreeMap<String, Vec<(u8, char)>> }
    enum E { None, One(P), Two { p: Box<P> } }
    struct List { next: Option<Box<List>>, value: i32 }
    struct Pair<A, B = A>(A, B);
    struct Grid<const W: usize> { cells: [u8; W] }
    type Table = Vec<Pair<String, P>>;
    struct Model { weights: Vec<f64>, cache: RefCell<Vec<f64>> }
    struct Outer { inner: Vec<Option<Model>> }
    struct Renamed { x: Shared<i32> }
    struct Qualified { x: sync::Mutex<i32> }
    enum Handle { Open(std::fs::File), Closed }
    enum Named { Field { it: Arc<str> } }
    struct Dated { day: NaiveDate }
    struct Callback { run: fn(i32) -> i32 }
    struct Boxed { run: Box<dyn Fn()> }
    struct Borrowed<'a> { text: &'a str, part: &'a [u8] }
    struct Text { text: &'static str }
    struct Raw { at: *const u8 }
    union Either { a: u32, b: f32 }
    struct Partly { a: u8, #[serde(skip)] b: u8 }
    #[serde_as] struct As { #[serde_as(as = \"NoneAsEmptyString\")] a: Option<String> }
    struct SameName { #[serde(rename = \"with\")] a: u8 }
    #[serde(untagged)] enum Untagged { A(u8), B(u8) }
    struct ByHand(u8);
    impl serde::Serialize for ByHand { fn serialize() {} }
    struct ByHandToo(u8);
    impl Ser for ByHandToo { fn serialize() {} }
    struct Generic<T: Ser>(T);
    impl<T: Ser> Generic<T> {}
    mod shapes { pub struct Circle(pub f64); pub struct Shared(pub std::rc::Rc<u8>); }
    struct Cell { row: u8 }
    struct Projected<I: Iterator> { next: I::Item }
";

fn judged(of: &str) -> String {
    let items = read_cell(ITEMS).items;
    match frozen(of, &items) {
        Verdict::Frozen => "frozen".into(),
        Verdict::Unknown(fault) => format!("unknown: {fault}"),
        Verdict::Refused(fault) => format!("refused: {fault}"),
    }
}

#[test]
fn plain_data_is_frozen() {
    for of in [
        "i32",
        "String",
        "&'static str",
        "&str",
        "()",
        "(u8, [f64; 3])",
        "Box<[u8]>",
        "Vec<HashMap<String, P>>",
        "std::collections::HashMap<String, Option<P>>",
        "E",
        "List",
        "Pair<P, E>",
        "Grid<3>",
        "Grid<N>",
        "Table",
        "shapes::Circle",
        "crate::shapes::Circle",
        "Text",
        "SameName",
        "Result<Vec<u8>, std::num::ParseIntError>",
        "std::time::Duration",
        "Cell",
    ] {
        assert_eq!(judged(of), "frozen", "{of}");
    }
}

#[test]
fn what_is_shared_or_changes_is_refused_by_its_place() {
    for (of, expected) in [
        ("Rc<i32>", "`Rc<i32>` may share its value with other variables"),
        (
            "Vec<std::sync::Arc<Mutex<u8>>>",
            "`std::sync::Arc<Mutex<u8>>` may share its value with other variables",
        ),
        (
            "Model",
            "`Model.cache: RefCell<Vec<f64>>` can change behind a shared reference",
        ),
        (
            "Vec<Outer>",
            "`Model.cache: RefCell<Vec<f64>>` can change behind a shared reference",
        ),
        (
            "Pair<P, Model>",
            "`Model.cache: RefCell<Vec<f64>>` can change behind a shared reference",
        ),
        (
            "Renamed",
            "`Renamed.x: Shared<i32>` may share its value with other variables",
        ),
        (
            "Qualified",
            "`Qualified.x: sync::Mutex<i32>` can change behind a shared reference",
        ),
        (
            "Handle",
            "`Handle::Open.0: std::fs::File` is a handle to something outside of the notebook",
        ),
        (
            "Named",
            "`Named::Field.it: Arc<str>` may share its value with other variables",
        ),
        ("Callback", "`Callback.run: a function pointer` is code"),
        ("Boxed", "`Boxed.run: dyn Fn()` may hide anything"),
        (
            "Borrowed<'static>",
            "`Borrowed.part: &'a [u8]` borrows from another value",
        ),
        ("Raw", "`Raw.at: a raw pointer` says nothing of what it points to"),
        (
            "Either",
            "`Either` is a union: it does not say which of its fields it holds",
        ),
        (
            "Partly",
            "`Partly.b: u8` has `#[serde(skip)]`: it is not written as it is",
        ),
        (
            "Untagged",
            "`Untagged` has `#[serde(untagged)]`: what is written does not tell its values apart",
        ),
        (
            "As",
            "`As` has `#[serde_as]`: what is written does not tell its values apart",
        ),
        (
            "ByHand",
            "`ByHand` has an `impl Serialize` of its own, which may leave something out",
        ),
        (
            "ByHandToo",
            "`ByHandToo` has an `impl Serialize` of its own, which may leave something out",
        ),
        (
            "shapes::Shared",
            "`Shared.0: std::rc::Rc<u8>` may share its value with other variables",
        ),
        (
            "parking_lot::RwLock<u8>",
            "`parking_lot::RwLock<u8>` can change behind a shared reference",
        ),
        ("&mut [u8]", "`&mut [u8]` borrows from another value"),
        ("AtomicU8", "`AtomicU8` can change behind a shared reference"),
        (
            "std::thread::JoinHandle<()>",
            "`std::thread::JoinHandle<()>` is a thread",
        ),
        (
            "std::sync::mpsc::Sender<u8>",
            "`std::sync::mpsc::Sender<u8>` is one end of a channel",
        ),
        ("impl Fn(i32) -> i32", "`impl Fn(i32) -> i32` may hide anything"),
        ("{closure@src/lib.rs}", "`a type without a name` cannot be read"),
    ] {
        assert_eq!(judged(of), format!("refused: {expected}"), "{of}");
    }
    assert_eq!(judged("Generic<u8>"), "frozen", "a bound is no `impl`");
}

#[test]
fn types_of_other_crates_are_unknown() {
    for (of, expected) in [
        (
            "Vec<serde_json::Value>",
            "`serde_json::Value` comes from another crate and may share something inside",
        ),
        (
            "Dated",
            "`Dated.day: NaiveDate` comes from another crate and may share something inside",
        ),
        ("Nowhere", "`Nowhere` is not known to be plain data"),
        (
            "Projected<std::vec::IntoIter<u8>>",
            "`Projected.next: I::Item` is a type that another one decides",
        ),
    ] {
        assert_eq!(judged(of), format!("unknown: {expected}"), "{of}");
    }
}

#[test]
fn what_serde_does_not_write_as_it_is_is_found_behind_borrows_too() {
    let items = read_cell(ITEMS).items;
    let lossy = |of: &str| lossy(of, &items).map(|fault| fault.path).unwrap_or_default();
    for of in ["&Partly", "&[Partly]", "&mut Vec<Option<Partly>>", "(u8, Partly)"] {
        assert_eq!(lossy(of), "Partly.b", "{of}");
    }
    assert!(super::super::lossy("&ByHand", &items).is_some());
    for of in ["&P", "&str", "Vec<E>", "RefCell<u8>", "Borrowed<'_>"] {
        assert_eq!(super::super::lossy(of, &items), None, "{of}");
    }
}

#[test]
fn borrowed_text_is_found_with_its_place() {
    let items = read_cell(ITEMS).items;
    let path = |of: &str| borrowed(of, &items).map(|fault| fault.path);
    assert_eq!(path("Vec<Option<&str>>").as_deref(), Some(""));
    assert_eq!(path("(u8, Text)").as_deref(), Some("Text.text"));
    for of in ["String", "P", "std::borrow::Cow<'static, str>", "Box<str>"] {
        assert_eq!(path(of), None, "{of}");
    }
}
