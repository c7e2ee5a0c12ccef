//! Which types can be compared by content, and what is said of the others.

use super::super::StaticKind;
use super::super::{Verdict, borrowed, constant, frozen, hazards, read_cell};

const ITEMS: &str = "
    use std::{cell::RefCell, collections as c, rc::Rc as Shared, sync::{self, Arc}};
    use chrono::NaiveDate;
    use serde::Serialize as Ser;
    const N: usize = 3;
    struct P { x: f64, name: String, at: [u8; N], tags: c::BTreeMap<String, Vec<(u8, char)>> }
    enum E { None, One(P), Two { p: Box<P> } }
    struct List { next: Option<Box<List>>, value: i32 }
    struct Pair<A, B = A>(A, B);
    struct Counted<C = RefCell<u8>>(C);
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
            "Counted",
            "`Counted.C: RefCell<u8>` can change behind a shared reference",
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
    let lossy = |of: &str| hazards(of, &items).lossy.map(|fault| fault.path);
    for of in ["&Partly", "&[Partly]", "&mut Vec<Option<Partly>>", "(u8, Partly)"] {
        assert_eq!(lossy(of).as_deref(), Some("Partly.b"), "{of}");
    }
    assert!(lossy("&ByHand").is_some());
    for of in ["&P", "&str", "Vec<E>", "RefCell<u8>", "Borrowed<'_>"] {
        assert_eq!(lossy(of), None, "{of}");
    }
}

#[test]
fn variants_that_serde_may_write_alike_are_found() {
    let is_lossy = |text: &str| hazards("Of", &read_cell(text).items).lossy.is_some();
    for text in [
        r#"#[serde(rename_all = "lowercase")] enum Of { Ab, AB }"#,
        r#"enum Of { #[serde(rename = "B")] A, B }"#,
        r#"enum Of { A(u8), #[serde(alias = "A")] B }"#,
    ] {
        assert!(is_lossy(text), "{text}");
    }
    for text in [
        "enum Of { Ab, AB }",
        r#"#[serde(rename_all = "snake_case", tag = "kind")] enum Of { Circle, Square }"#,
        r#"enum Of { #[serde(rename = "a")] A, #[serde(rename = "b")] B }"#,
    ] {
        assert!(!is_lossy(text), "{text}");
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

#[test]
fn what_a_function_could_change_is_found_behind_aliases_and_in_fields() {
    let cell = format!(
        "{ITEMS} type M<'a, T> = &'a mut Vec<T>; type Nested<'a> = Option<M<'a, u8>>; type Counter = Cells<i32>;
        use std::cell::Cell as Cells; struct Holder<'a> {{ it: M<'a, u8> }} type Plain<'a> = &'a Vec<u8>;"
    );
    let items = read_cell(&cell).items;
    for of in ["M<u8>", "&[Nested]", "Nested<'_>", "Holder", "Vec<Holder<'a>>"] {
        assert!(hazards(of, &items).mutably_borrowed.is_some(), "{of}");
    }
    for of in [
        "&Counter",
        "&Cells<u8>",
        "std::rc::Rc<RefCell<u8>>",
        "Arc<std::sync::atomic::AtomicU8>",
        "&Model",
        "&[Outer]",
    ] {
        assert!(hazards(of, &items).changes_inside.is_some(), "{of}");
    }
    for of in [
        "Plain",
        "&P",
        "Arc<str>",
        "&Cell",
        "serde_json::Value",
        "Pair<P, E>",
    ] {
        let found = hazards(of, &items);
        assert!(
            found.mutably_borrowed.is_none() && found.changes_inside.is_none(),
            "{of}"
        );
    }
}

#[test]
fn a_static_is_constant_if_nothing_in_it_can_change() {
    let constant = |text: &str| {
        let items = read_cell(&format!("{ITEMS} use std::sync::LazyLock; {text}")).items;
        let found = items
            .iter()
            .flat_map(|item| &item.statics)
            .next()
            .expect("a static");
        matches!(&found.kind, StaticKind::Of(of) if constant(of, &items).is_ok())
    };
    for text in [
        "static A: [i32; 3] = [1, 2, 3];",
        "static A: &[(&str, fn(u8) -> u8)] = &[];",
        "static A: P = p();",
        "static A: LazyLock<Vec<P>> = LazyLock::new(ps);",
        "static A: std::sync::LazyLock<&'static str> = LazyLock::new(|| N);",
        "fn f() { static A: u8 = 1; }",
        "static A: Partly = Partly { a: 1, b: 2 };",
    ] {
        assert!(constant(text), "{text}");
    }
    for text in [
        "static mut A: u8 = 1;",
        "static A: std::sync::atomic::AtomicU8 = AtomicU8::new(1);",
        "static A: Model = model();",
        "static A: &Model = &M;",
        "static A: sync::OnceLock<u8> = sync::OnceLock::new();",
        "static A: LazyLock<sync::Mutex<u8>> = LazyLock::new(m);",
        "static A: NaiveDate = date();",
        "static A: &(dyn Fn() -> u8 + Sync) = &f;",
        "mod m { thread_local! { static A: u8 = 1; } }",
        "fn f() { std::thread_local! { pub static A: u8 = 1; } }",
        "extern \"C\" { static A: i32; }",
        "mod m { lazy_static! { static ref A: u8 = 1; } }",
    ] {
        assert!(!constant(text), "{text}");
    }
}

#[test]
fn statics_have_names_wherever_they_stand() {
    let names = |text: &str| -> Vec<String> {
        let items = read_cell(text).items;
        items
            .into_iter()
            .flat_map(|item| item.statics)
            .map(|it| it.name)
            .collect()
    };
    let cell =
        "static A: u8 = 1; fn f(x: &'static str) { static mut B: u8 = 1; lazy! { static ref C: u8 = 1; } }
        macro_rules! d { ($d:ident) => { static $d: u8 = 1; } }";
    assert_eq!(names(cell), ["A", "B", "C", ""]);
}
