//! Every way in which a cell depends on the notebook without saying so. A case: the notebook's items, a cell, the types
//! of the variables it reads, and a change to an item that the cell must notice, or must not.

use super::super::{Access, Item, Session, read_cell, words_of_type};

/// What of the session the cell depends on, in canonical form.
fn key(items: &str, cell: &str, types: &[&str]) -> Vec<Vec<u8>> {
    let items = read_cell(items).items;
    let reading = read_cell(cell);
    let session = Session::new(&items);
    let words = reading.words.iter().map(String::as_str);
    let words = words.chain(types.iter().flat_map(|of| words_of_type(of)));
    let reached = session.reach(words, reading.flags.reads_everything);
    let bytes = |index: usize| -> Vec<u8> { items[index].canonical.to_vec() };
    reached.items.into_iter().map(bytes).collect()
}

#[rustfmt::skip]
#[test]
fn changes_that_matter_are_noticed() {
    for (why, items, from, to, cell, types) in [
        ("a function's body", "fn f() -> i32 { 1 }", "1", "2", "f()", ""),
        ("two functions down", "fn f() -> i32 { g() } fn g() -> i32 { h() } fn h() -> i32 { 1 }", "1", "2", "f()", ""),
        ("a constant below a function", "const N: i32 = 1; fn f() -> i32 { N }", "1", "2", "f()", ""),
        ("a static below a function", "static N: i32 = 1; fn f() -> i32 { N }", "1", "2", "f()", ""),
        ("an alias below a function", "type T = i32; fn f() -> T { 1 }", "i32", "i64", "f()", ""),
        ("through an inline capture", "const N: i32 = 1;", "1", "2", "println!(\"{N}\")", ""),
        ("a capture below a function", "const N: i32 = 1; fn f() { println!(\"{N}\") }", "1", "2", "f()", ""),
        ("Drop", "struct P; impl Drop for P { fn drop(&mut self) { one() } }", "one", "two", "drop(p)", "P"),
        ("an operator", "struct P; impl Add for P { fn add(self, o: P) -> P { one() } }", "one", "two", "p + q", "P"),
        ("Display", "struct P; impl Display for P { fn fmt(&self) { one() } }", "one", "two", "println!(\"{p}\")", "P"),
        ("an inherent method", "struct P; impl P { fn f(&self) { one() } }", "one", "two", "p.f()", "Vec<P>"),
        ("From by way of ?", "struct E; impl From<ParseIntError> for E { fn from(e: ParseIntError) -> E { one() } } fn f() -> Result<i32, E> { Ok(\"1\".parse()?) }", "one", "two", "f()", ""),
        ("Deref to another type", "struct P(Q); struct Q; impl Deref for P { type Target = Q; } impl Q { fn f(&self) { one() } }", "one", "two", "p.f()", "P"),
        ("Default behind a field", "struct P { q: Q } struct Q; impl Default for Q { fn default() -> Q { one() } }", "one", "two", "p.clone()", "P"),
        ("an extension method", "trait Area { fn area(&self) -> f64; } impl Area for f64 { fn area(&self) -> f64 { 1.0 } }", "1.0", "2.0", "x.area()", "f64"),
        ("an associated constant of a trait", "trait Area { const SIDES: u8; } impl Area for f64 { const SIDES: u8 = 1; }", "1", "2", "f64::SIDES", ""),
        ("a method of a blanket impl", "trait Loud { fn loud(&self) -> String; } impl<T: Display> Loud for T { fn loud(&self) -> String { one() } }", "one", "two", "x.loud()", "i32"),
        ("a default method", "trait Loud { fn loud(&self) { one() } } impl Loud for i32 {}", "one", "two", "x.loud()", "i32"),
        ("what is behind dyn", "trait Shape { fn area(&self) -> f64; } struct Hidden; impl Shape for Hidden { fn area(&self) -> f64 { 1.0 } }", "1.0", "2.0", "s.area()", "Box<dyn Shape>"),
        ("an item in a macro's body", "fn f() -> i32 { 1 } macro_rules! m { () => { f() } }", "1", "2", "m!()", ""),
        ("a macro", "macro_rules! m { () => { 1 } }", "1", "2", "m!()", ""),
        ("a macro in a macro's arguments", "macro_rules! m { () => { 1 } }", "1", "2", "println!(\"{}\", m!())", ""),
        ("a string of an attribute", "fn one() -> i32 { 1 } #[derive(Deserialize)] struct P { #[serde(default = \"one\")] x: i32 }", "{ 1 }", "{ 2 }", "from_str::<P>(s)", ""),
        ("a derive", "#[derive(Debug, One)] struct P;", "One", "Two", "p.clone()", "P"),
        ("a doc comment that a derive reads", "#[derive(Parser)] struct P { /// one\n x: i32 }", "one", "two", "p.clone()", "P"),
        ("a field's type", "struct R { a: u32 }", "u32", "u64", "r.a", "R"),
        ("a glob", "use one::prelude::*;", "one", "two", "x.f()", "i32"),
        ("a trait that is only in scope", "use one::Itertools;", "one", "two", "x.f()", "i32"),
        ("a trait imported as _", "use one::Trait as _;", "one", "two", "x.f()", "i32"),
        ("an import behind a name", "use one::f;", "one", "two", "f()", ""),
        ("an import in a list", "use one::{a, b::{c, f as g}};", "one", "two", "g()", ""),
        ("an import of what is in a module", "mod m { pub fn f() -> i32 { 1 } } use m::f;", "1", "2", "f()", ""),
        ("a glob of a module", "mod m { pub fn f() -> i32 { 1 } } use m::*;", "1", "2", "f()", ""),
        ("variants without their enum", "enum C { Red = 1 } use C::*;", "1", "2", "Red as i32", ""),
        ("an impl for an alias", "struct P; type Q = P; impl Q { fn f(&self) { one() } }", "one", "two", "p.f()", "P"),
        ("an impl for a renamed import", "mod m { pub struct P; } use m::P as Q; impl Q { fn f(&self) { one() } }", "one", "two", "p.f()", "m::P"),
        ("an impl in a module", "struct P; mod m { impl super::P { pub fn f(&self) { one() } } }", "one", "two", "p.f()", "P"),
        ("an impl in a module under another name", "struct P; mod m { use super::P as Q; impl Q { pub fn f(&self) { one() } } }", "one", "two", "p.f()", "P"),
        ("an impl in a function", "struct P; fn unrelated() { impl P { fn f(&self) { one() } } }", "one", "two", "p.f()", "P"),
        ("a trait in a module", "mod m { pub trait Area { fn area(&self) {} } impl Area for f64 { fn area(&self) { one() } } } ", "one", "two", "x.area()", "f64"),
        ("which types a blanket impl takes", "trait A { fn a(&self) { one() } } trait B {} impl<T: B> A for T {} impl B for i32 {}", "i32", "i64", "x.a()", "i32"),
        ("an associated type", "trait T { type O; } struct P; impl T for P { type O = u8; } fn f() -> <P as T>::O { 1 }", "u8", "u16", "f()", ""),
        ("extern crate", "extern crate one as x;", "one", "two", "1", ""),
        ("a feature of the crate", "#![feature(one)]", "one", "two", "1", ""),
        ("a foreign function", "unsafe extern \"C\" { fn one(x: i32) -> i32; }", "i32", "i64", "unsafe { one(1) }", ""),
        ("pasted names", "fn get_one() -> i32 { 1 }", "1", "2", "paste! { [<get_ one>]() }", ""),
        ("a macro that pastes names", "fn get_one() -> i32 { 1 } macro_rules! m { ($x:ident) => { paste! { [<get_ $x>]() } } }", "1", "2", "m!(one)", ""),
        ("a variable's generic argument", "struct P; struct W<T>(T); impl Clone for P { fn clone(&self) -> P { one() } }", "one", "two", "w.0.clone()", "W<Option<P>>"),
        ("raw identifiers", "fn r#type() -> i32 { 1 }", "1", "2", "r#type()", ""),
        ("how a value is shown", "trait Show { fn evcxr_display(&self); } impl Show for i32 { fn evcxr_display(&self) { one() } }", "one", "two", "42", ""),
        ("what write! calls", "trait W { fn write_fmt(&self, a: Arguments); } impl W for i32 { fn write_fmt(&self, a: Arguments) { one() } }", "one", "two", "write!(x, \"\")", "i32"),
        ("what runs when it is loaded", "#[ctor] fn start() { one() }", "one", "two", "1", ""),
        ("a linked function", "#[unsafe(no_mangle)] extern \"C\" fn start() { one() }", "one", "two", "x.call_back()", ""),
        ("a pattern's constant", "const LIMIT: i32 = 1;", "1", "2", "match x { LIMIT => 0, _ => 3 }", ""),
        ("layout in a macro's punctuation", "macro_rules! m { (a:: b) => { 1 } }", ":: b", ": : b", "m!(a:: b)", ""),
    ] {
        let types: Vec<&str> = Some(types)
            .filter(|types| !types.is_empty())
            .into_iter()
            .collect();
        let changed = items.replace(from, to);
        assert_ne!(changed, items, "{why}");
        assert_ne!(key(items, cell, &types), key(&changed, cell, &types), "{why}");
    }
}

#[rustfmt::skip]
#[test]
fn changes_that_do_not_matter_are_not() {
    for (why, items, changed, cell, types) in [
        ("another function", "fn f() {} fn g() { 1; }", "fn f() {} fn g() { 2; }", "f()", ""),
        ("another type", "struct P; struct Q; impl Q { fn f() {} }", "struct P;", "p", "P"),
        ("another enum's variants", "enum C { Red } use C::*;", "enum C { Blue } use C::*;", "x", "i32"),
        ("an import of a type of std", "", "use std::collections::HashMap;", "x", "i32"),
        ("an import of a function", "", "use rand::random;", "x", "i32"),
        ("an import of a type of the notebook", "mod m { pub struct P; }", "mod m { pub struct P; } use m::P;", "x", "i32"),
        ("an import beside the one that matters", "use a::{b, c};", "use a::b; use a::d;", "b()", ""),
        ("what an own local is called", "fn f() {}", "", "let g = 1; g", ""),
        ("layout", "fn f ( ) { /* why */ }", "// why\nfn f() {}", "f()", ""),
        ("order and cells", "struct P; fn f() {}", "fn f() {} struct P;", "f(p)", "P"),
        ("how imports are grouped", "use a::{f, g::{self, h}};", "use a::g::h; use a::g; use a::f;", "f(g::x, h)", ""),
        ("an item twice", "fn f() {}", "fn f() {} fn f() {}", "f()", ""),
    ] {
        let types: Vec<&str> = Some(types)
            .filter(|types| !types.is_empty())
            .into_iter()
            .collect();
        assert_eq!(key(items, cell, &types), key(changed, cell, &types), "{why}");
    }
}

#[test]
fn flags_of_what_is_reached_are_known() {
    let items = read_cell(
        "fn f() -> &'static str { include_str!(\"a\") } fn g() { println!(\"{}\", line!()) } fn h() { f(); }",
    )
    .items;
    let session = Session::new(&items);
    assert!(session.reach(["h"], false).flags.includes_files);
    assert!(!session.reach(["g"], false).flags.includes_files);
    assert!(session.reach(["g"], false).flags.shows_position);
}

#[test]
fn a_cell_that_cannot_be_parsed_may_define_anything() {
    let items = [
        read_cell("fn f() {} let = ;").items,
        read_cell("fn other() {}").items,
    ]
    .concat();
    let session = Session::new(&items);
    let reached = session.reach(["unrelated"], false);
    assert!(reached.flags.parse_error);
    assert_eq!(reached.items.len(), items.len());
}

#[test]
fn items_know_what_they_introduce() {
    let item = |text: &str| -> Item { read_cell(text).items.remove(0) };
    let names = |text: &str| item(text).names.into_iter().collect::<Vec<_>>().join(" ");
    assert_eq!(names("pub(crate) async fn f<T>() {}"), "f");
    assert_eq!(names("impl P {}"), "");
    assert_eq!(names("use a::b as c;"), "c");
    assert_eq!(names("use a::b::{self};"), "b");
    assert_eq!(names("use a::*;"), "");
    assert_eq!(names("extern crate a as b;"), "b");
    assert_eq!(
        names("#[macro_use] mod m { macro_rules! inner { () => {} } }"),
        "inner m"
    );
    assert!(item("impl<T> A for T {}").blanket);
    assert!(item("impl<T> A for &T {}").blanket);
    assert!(!item("impl<T> A for Vec<T> {}").blanket);
}

#[test]
fn a_formatting_macro_of_the_notebook_is_not_trusted() {
    let cell = read_cell("println!(\"{x}\");");
    let of_std = cell.access("x", &Session::new(&[]));
    assert_eq!(of_std, Some(Access::SHARED));
    let own = read_cell("macro_rules! println { ($t:literal) => { x.push(1) } }").items;
    assert_eq!(cell.access("x", &Session::new(&own)), Some(Access::ANY));
    assert_eq!(cell.access("y", &Session::new(&own)), None);
}
