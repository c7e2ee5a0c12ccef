//! Cells in; wrappers or refusals out.

use super::*;
use crate::magic;

fn rewritten(cell: &str) -> Result<Rewritten, Refused> {
    let parsed = magic::parse(cell).expect("the directives are right");
    rewrite(cell, 1, &parsed.directives, &Codes::default())
}

fn text(cell: &str) -> String {
    rewritten(cell).expect("it can be cached").text
}

fn why(cell: &str) -> String {
    rewritten(cell).expect_err("it cannot be cached").why
}

/// What is left when all insertions are taken out again.
fn without_insertions(rewritten: &Rewritten) -> String {
    let mut lines: Vec<Vec<char>> = rewritten
        .text
        .split('\n')
        .map(|line| line.chars().collect())
        .collect();
    for insertion in rewritten.insertions.iter().rev() {
        let start = insertion.column - 1;
        lines[insertion.line - 1].drain(start..start + insertion.length);
    }
    let lines: Vec<String> = lines.into_iter().map(|line| line.into_iter().collect()).collect();
    lines.join("\n")
}

#[test]
fn nothing_of_the_users_text_moves_to_another_line() {
    for cell in [
        "//% cache_data\nfn f(n: u64) -> u64 { n }",
        "let é = 1; /* é */\n  //% cache_resource(on_release = close)\n/// Docs.\n#[inline]\nasync fn f(\n    a: &str, // why\n) -> Result<\n    u8,\n    E,\n> {\n    g(a)?\n}\nf(1)",
        "//% cache_data\nfn f() {}\n//% cache_data\npub fn g((a, b): (u8, u8)) -> u8 {\n a + b }",
    ] {
        let rewritten = rewritten(cell).expect("it can be cached");
        assert_eq!(without_insertions(&rewritten), cell);
        assert_eq!(rewritten.text.lines().count(), cell.lines().count());
    }
}

#[test]
fn what_comes_out_is_rust() {
    let text = text(
        "//% cache_data(ttl = \"1h\")\npub fn fetch<'a>(a: &'a str, (b, _): (u8, u8), _c: &Db) -> Row { make(a, b) }",
    );
    let parsed = ra_ap_syntax::SourceFile::parse(&text, ra_ap_syntax::Edition::Edition2024);
    assert!(parsed.errors().is_empty(), "{:?}\n{text}", parsed.errors());
    assert!(
        text.contains("ttl_ms: ::core::option::Option::Some(3600000)"),
        "{text}"
    );
    assert!(text.contains("use __memo_fetch::fetch;"));
    assert!(
        text.contains("pub fn clear_for<'a>(a: &'a str,(b, _): (u8, u8),_c: &Db)->::core::primitive::bool"),
        "{text}"
    );
    assert!(
        !text.contains("Arg(&_c)"),
        "an argument with `_` is no part of the key"
    );
}

#[test]
fn serde_is_asked_for_only_where_it_may_be_needed() {
    assert!(!text("//% cache_data\nfn f(a: &str, _d: &Db) -> Option<Vec<f64>> { None }").contains("serde"));
    assert!(!text("//% cache_resource\nfn f(a: u8) -> Db { Db }").contains("serde"));
    assert!(text("//% cache_data\nfn f(a: &Row) -> u8 { 1 }").contains("serde"));
    assert!(text("//% cache_data\nfn f() -> Result<Row, E> { g() }").contains("serde"));
}

#[test]
fn a_resource_is_returned_by_handle() {
    let text_of = |returned: &str| text(&format!("//% cache_resource\nfn f() {returned}{{ g() }}"));
    assert!(text_of("-> Db ").contains("fn f() -> cellar::Resource<Db> {"));
    assert!(text_of("-> io::Result<Db> ").contains("fn f() -> io::Result<cellar::Resource<Db>> {"));
    assert!(text_of("").contains("fn f() -> cellar::Resource<()> {"));
}

#[test]
fn refusals_say_why_and_where() {
    for (function, expected) in [
        ("fn f<T>(x: T) {}", "generic"),
        ("fn f<const N: usize>() {}", "generic"),
        ("fn f(x: &mut u8) {}", "`x` is `&mut`"),
        ("fn f(x: Vec<&mut u8>) {}", "`x` is `&mut`"),
        ("fn f(x: impl Copy) {}", "`x` is `impl Trait`"),
        ("fn f(x: &dyn Fn(u8)) {}", "`x` is code"),
        ("fn f(x: &str) -> Cow<'_, str> { x.into() }", "a borrow"),
        ("fn f(x: &str) -> Option<&str> { None }", "a borrow"),
        ("fn f() -> ! { loop {} }", "never returns"),
        ("#[tokio::main]\nasync fn f() {}", "`tokio::main`"),
    ] {
        let why = why(&format!("//% cache_data\n{function}"));
        assert!(why.contains(expected), "{function}: {why}");
    }
    let refused =
        rewritten("let a = 1;\n//% cache_data\nfn f(good: u8, bad: &mut u8) {}").expect_err("refused");
    assert_eq!((refused.line, refused.columns), (3, 20..27));
    assert!(
        rewritten("//% cache_data\nfn f(_call: &dyn Fn(u8), s: &'static str) -> &'static str { s }").is_ok()
    );
}

#[test]
fn functions_that_are_not_the_cells_own_are_refused() {
    assert!(why("struct S;\nimpl S {\n//% cache_data\nfn f(&self) {}\n}").contains("method"));
    assert!(why("struct S;\nimpl S {\n//% cache_data\nfn f() {}\n}").contains("belongs to a type"));
    assert!(why("mod m {\n//% cache_data\nfn f() {}\n}").contains("inside of another item"));
}

#[test]
fn names_in_options_must_be_there() {
    assert!(why("//% cache_data(ignore = [b])\nfn f(a: u8) {}").contains("`b`"));
    assert!(why("//% cache_resource(on_release = \"x + 1\")\nfn f(a: u8) {}").contains("no path"));
    assert!(why("//% cache_resource(max_bytes = 10)\nfn f(a: u8) {}").contains("bytes"));
}

#[test]
fn a_function_that_uses_what_can_change_behind_its_key_is_refused() {
    let cell = |before: &str, body: &str| {
        format!("use std::sync::LazyLock;\n{before}\n//% cache_data\nfn f(x: i32) -> i32 {{ {body} }}")
    };
    for (before, body, name) in [
        (
            "static N: AtomicI32 = AtomicI32::new(1);",
            "x + N.load(SeqCst)",
            "`N` (`AtomicI32` can change",
        ),
        (
            "static mut N: i32 = 1;",
            "x + unsafe { N }",
            "`N` (which is `static mut`)",
        ),
        (
            "static N: Mutex<i32> = Mutex::new(1); fn g() -> i32 { h() } fn h() -> i32 { *N.lock().unwrap() }",
            "g()",
            "`N`",
        ),
        ("", "static CALLS: AtomicU8 = AtomicU8::new(0); x", "`CALLS`"),
        (
            "",
            "thread_local! { static DEPTH: Cell<u8> = Cell::new(0); } x",
            "`DEPTH` (which a macro",
        ),
        (
            "mod m { pub static N: OnceLock<u8> = OnceLock::new(); }",
            "*m::N.get().unwrap()",
            "`N`",
        ),
        (
            "static N: LazyLock<Mutex<i32>> = LazyLock::new(Mutex::default);",
            "*N.lock().unwrap()",
            "`N`",
        ),
        (
            "static N: LazyLock<String> = LazyLock::new(|| cellar::params::get(\"n\").unwrap());",
            "N.len()",
            "first use",
        ),
        (
            "struct S { it: Cell<u8> } static N: S = s();",
            "N.it.get()",
            "`N` (`S.it: Cell<u8>` can change",
        ),
    ] {
        let why = why(&cell(before, body));
        assert!(
            why.contains(name) && why.contains("not a part of its key"),
            "{before}: {why}"
        );
    }
    for (before, body) in [
        ("static TABLE: [i32; 3] = [1, 2, 3];", "TABLE[x as usize]"),
        (
            "static N: LazyLock<Vec<i32>> = LazyLock::new(|| vec![1]);",
            "N[0]",
        ),
        (
            "static N: AtomicI32 = AtomicI32::new(1); fn unrelated() -> i32 { N.load(SeqCst) }",
            "x",
        ),
    ] {
        assert!(rewritten(&cell(before, body)).is_ok(), "{before}");
    }
    let refused = rewritten("static mut N: u8 = 1;\n//% cache_data\nfn fetch() -> u8 { unsafe { N } }");
    let refused = refused.expect_err("refused");
    assert_eq!((refused.line, refused.columns), (3, 3..8));
}

#[test]
fn the_types_of_arguments_are_looked_into() {
    let types = "type M<'a> = &'a mut Vec<i32>; type Nested<'a> = Vec<M<'a>>; type Text<'a> = &'a str; type Of<'a, T> = &'a [T];
        struct Holder<'a> { it: &'a mut u8 } struct Counted { count: Cell<u8> } type Plain = Vec<i32>;";
    let cell = |signature: &str| format!("{types}\n//% cache_data\n{signature} {{ g() }}");
    for (signature, expected) in [
        ("fn f(v: M)", "`v` has a `&mut` in it"),
        ("fn f(v: &Nested<'_>)", "`v` has a `&mut` in it"),
        (
            "fn f(a: u8, v: Holder)",
            "`v` has a `&mut` in it (`Holder.it: &'a mut u8`",
        ),
        ("fn f(_v: M)", "`_v` has a `&mut` in it"),
        ("fn f(c: &Cell<i32>)", "`c` can change inside (`Cell<i32>`"),
        ("fn f(c: Rc<RefCell<i32>>)", "`c` can change inside"),
        (
            "fn f(c: &[Counted])",
            "`c` can change inside (`Counted.count: Cell<u8>`",
        ),
        ("fn f(c: &std::sync::atomic::AtomicU8)", "`c` can change inside"),
        (
            "fn f(c: &<S as Trait>::Out)",
            "`c` may be something that changes inside",
        ),
        ("fn f(s: &str) -> Text", "a borrow"),
        ("fn f(s: &[u8]) -> Option<Of<u8>>", "a borrow"),
        ("fn f(s: &str) -> Text<'_>", "a borrow"),
    ] {
        let why = why(&cell(signature));
        assert!(why.contains(expected), "{signature}: {why}");
    }
    for signature in [
        "fn f(v: Plain)",
        "fn f(v: Of<i32>, s: Text) -> Plain",
        "fn f(_c: &Cell<i32>)",
        "fn f(a: Arc<str>)",
        "fn f() -> Text<'static>",
    ] {
        assert!(rewritten(&cell(signature)).is_ok(), "{signature}");
    }
    let refused = rewritten("type M<'a> = &'a mut u8;\n//% cache_data\nfn f(good: u8, bad: M) {}");
    let refused = refused.expect_err("refused");
    assert_eq!((refused.line, refused.columns), (3, 20..21));
}

#[test]
fn what_a_later_cell_defines_can_make_a_function_uncached_and_cached_again() {
    let cell = "//% cache_data\nfn f(x: Of) -> i32 { n() }";
    let mut codes = Codes::default();
    codes.learn("fn n() -> i32 { 1 } type Of = u8;", &[]);
    codes.learn(cell, &rewritten(cell).expect("it can be cached").functions);
    let unkeyed = |codes: &Codes| codes.unkeyed().first().map(|(_, why)| why.clone());
    assert_eq!(unkeyed(&codes), None);
    codes.learn(
        "static N: AtomicI32 = AtomicI32::new(1); fn n() -> i32 { N.load(SeqCst) }",
        &[],
    );
    assert!(unkeyed(&codes).is_some_and(|why| why.contains("`N`")));
    assert!(codes.digests("").is_empty());
    codes.learn("fn n() -> i32 { 2 }", &[]);
    assert_eq!(unkeyed(&codes), None);
    codes.learn("type Of<'a> = &'a Cell<u8>;", &[]);
    assert!(unkeyed(&codes).is_some_and(|why| why.contains("`Cell<u8>`")));
}

#[test]
fn one_function_has_one_directive() {
    let refused = rewritten("//% cache_data\n//% cache_resource\nfn f() {}").expect_err("refused");
    assert!(refused.why.contains("two directives"), "{}", refused.why);
    assert_eq!((refused.line, refused.columns), (2, 0..3));
}

#[test]
fn a_function_has_as_many_arguments_as_the_runtime_takes() {
    let of = |count: usize| {
        let arguments: Vec<String> = (0..count).map(|n| format!("a{n}: u8")).collect();
        rewritten(&format!("//% cache_data\nfn f({}) {{}}", arguments.join(", ")))
    };
    assert!(of(24).is_ok());
    assert!(of(25).is_err_and(|refused| refused.why.contains("more than 24 arguments")));
}

#[test]
fn what_belongs_to_a_function_is_in_its_module() {
    for cell in [
        "#[inline]\n//% cache_data\nfn f() {}",
        "/// Docs.\n#[inline]\n//% cache_data\n#[cold]\npub(self) fn f() {}",
    ] {
        let rewritten = rewritten(cell).expect("it can be cached");
        assert!(rewritten.text.starts_with("mod __memo_f{"), "{}", rewritten.text);
        assert_eq!(without_insertions(&rewritten), cell);
    }
    let narrow = text("//% cache_data\npub(self) fn f() {}");
    assert!(narrow.contains("pub(crate)/*pub(self)*/ fn f()"), "{narrow}");
    assert!(text("//% cache_data\npub(super) fn f() {}").contains("pub(super) fn f()"));
}

#[test]
fn a_function_that_is_called_like_a_crate_has_no_module_of_its_name() {
    assert!(text("//% cache_data\nfn f() {}").contains("pub mod f{"));
    assert!(!text("//% cache_data\nfn std() {}").contains("pub mod std{"));
    assert!(!text("use rand::Rng;\n//% cache_data\nfn rand() {}").contains("pub mod rand{"));
    assert!(text("use f::clear_for;\n//% cache_data\nfn f() {}").contains("pub mod f{"));
}

#[test]
fn what_a_resource_is_made_as_is_found_behind_an_alias() {
    let cell = "type Res<T> = Result<T, String>;\n//% cache_resource\nfn f() -> Res<Db> { g() }";
    let text = text(cell);
    assert!(text.contains("fn f() -> Res<cellar::Resource<Db>> {"), "{text}");
    assert!(text.contains("::resource_ok("), "{text}");
}
