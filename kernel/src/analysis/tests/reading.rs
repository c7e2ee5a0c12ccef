//! What single cells read and define. `reads` is exact in these cases, which is more than is promised.

use std::collections::BTreeSet;

use super::super::{CellReading, read_cell};

fn names(cell: &CellReading) -> String {
    let all: BTreeSet<&str> = cell.reads.keys().map(String::as_str).collect();
    all.into_iter().collect::<Vec<_>>().join(" ")
}

/// Names of macros and types of std are of no interest here.
fn reads(cell: &str) -> String {
    const OTHER: [&str; 17] = [
        "println",
        "print",
        "format",
        "vec",
        "assert_eq",
        "assert",
        "matches",
        "Some",
        "None",
        "Ok",
        "Err",
        "Vec",
        "String",
        "i32",
        "usize",
        "u8",
        "write",
    ];
    let reading = read_cell(cell);
    assert!(!reading.flags.parse_error, "{cell}");
    names(&reading)
        .split(' ')
        .filter(|name| !OTHER.contains(name))
        .collect::<Vec<_>>()
        .join(" ")
}

fn defines(cell: &str) -> String {
    let all = read_cell(cell).defines;
    let all = all
        .iter()
        .map(|it| format!("{}{}", if it.mutable { "mut " } else { "" }, it.name));
    all.collect::<Vec<_>>().join(", ")
}

#[test]
fn names_are_read_wherever_they_hide() {
    for (cell, expected) in [
        // Plain expressions
        ("x + 1", "x"),
        ("let y = x;", "x"),
        ("let x = x + 1;", "x"),
        ("let x = 1; let y = x;", ""),
        ("x.data.n()", "x"),
        ("a[i].b = c;", "a c i"),
        ("x = 5;", "x"),
        ("x += y;", "x y"),
        ("(a, b) = (b, a);", "a b"),
        ("f(x)?", "f x"),
        ("&mut x", "x"),
        ("r#type + r#match", "match type"),
        ("a..b", "a b"),
        ("x as usize", "x"),
        // Format strings
        (r#"println!("{x}")"#, "x"),
        (r#"println!("{:>width$}", n)"#, "n width"),
        (r#"println!("{x:>w$.p$}")"#, "p w x"),
        (r##"println!(r#"{x}"#)"##, "x"),
        (r#"println!("{\u{78}}")"#, "x"),
        (r#"println!("{\x78}")"#, "x"),
        (r#"println!("{a} and {}", b)"#, "a b"),
        (r#"println!("{0} {n}", a, n = b)"#, "a b n"),
        (r#"let x = 1; println!("{x} {y}");"#, "y"),
        (r#"assert_eq!(a, b, "{c}")"#, "a b c"),
        (r#"outer!(inner!("{x}"))"#, "inner outer x"),
        (r#"println!("no braces: x")"#, ""),
        // Not for format!, but who knows the macro?
        (r#"m!("{a {b} c")"#, "a b c m"),
        (r#"m!("a} {b")"#, "a b m"),
        (r#"m!(b"{a}", c"{b}")"#, "a b m"),
        (r#"m!("{{n}}")"#, "m n"),
        (r#"let s = "{x}";"#, ""),
        // Macros
        ("vec![a, b + 1]", "a b"),
        ("m!(a => b, [c])", "a b c m"),
        ("vec![vec![x]]", "x"),
        ("matches!(v, Some(n) if n > k)", "if k n v"),
        // A macro of the cell becomes an item of the crate, which sees no variables; one in a block does.
        ("macro_rules! m { () => { x } } m!()", "m"),
        ("{ macro_rules! m { () => { x } } m!() }", "m macro_rules x"),
        // Structs
        ("P { x }", "P x"),
        ("P { x: y }", "P y"),
        ("P { x: 1, ..base }", "P base"),
        ("let P { x, y: z } = p; x + z", "P p"),
        ("let P { ref x, .. } = p; x", "P p"),
        // Scopes
        ("|x| x + y", "y"),
        ("move |x: i32| { let y = x; y + z }", "z"),
        ("|(a, b), P { c, .. }| a + b + c + d", "P d"),
        ("let f = |x| x; f(x)", "x"),
        ("match v { Some(x) => x, None => y }", "v y"),
        ("match v { x if x > y => x, _ => x }", "v x y"),
        ("match v { A(x) | B(x) => x, LIMIT => z }", "A B LIMIT v z"),
        ("match v { x @ 1..=N => x, _ => 0 }", "N v"),
        ("if let Some(x) = x { x } else { x }", "x"),
        ("if let Some(y) = x { y } else { z }", "x z"),
        ("if let Some(y) = x && y > k { y } else { 0 }", "k x"),
        (
            "if let Some(y) = x { 1 } else if let Some(z) = y { z } else { z }",
            "x y z",
        ),
        ("while let Some(x) = it.next() { total += x; }", "it total"),
        ("for x in x { x; }", "x"),
        (
            "for (i, x) in xs.iter().enumerate() { println!(\"{i} {x} {y}\"); }",
            "xs y",
        ),
        ("let Some(x) = y else { panic!(\"{z}\") }; x", "panic y z"),
        ("let Some(x) = x else { return };", "x"),
        ("{ let x = 1; x }; x", "x"),
        ("loop { break x }", "x"),
        ("'a: loop { break 'a x }", "x"),
        ("async { x.await }", "x"),
        ("unsafe { x }", "x"),
        ("let v: [i32; N] = w;", "N w"),
        ("a::b::<C>(d)", "C a d"),
        ("<T as Q>::f(x)", "Q T x"),
        // Items see no variables
        ("fn f(a: i32) -> i32 { let b = a; b + c }", ""),
        ("{ fn g() -> i32 { x } g() }", "g"),
        ("struct S { x: i32 }", ""),
        // What is bound may be not there
        ("#[cfg(any())] let x = 1; x", "x"),
        ("#[allow(unused)] let x = 1; x", ""),
    ] {
        assert_eq!(reads(cell), expected, "{cell}");
    }
}

#[test]
fn what_cannot_be_known_is_said() {
    let flags = |cell: &str| read_cell(cell).flags;
    assert!(flags(r#"println!("{\u{}}")"#).reads_everything);
    assert!(flags("let a = ;").parse_error);
    assert!(flags("} fn g() {").parse_error);
    assert!(flags("paste! { [<get_ x>]() }").reads_everything);
    assert!(flags("let t = include_str!(\"a.txt\");").includes_files);
    assert!(flags("let t = env!(\"HOME\");").build_environment);
    assert!(flags("let t = std::env::var(\"HOME\");").process_environment);
    assert!(flags("println!(\"{}\", line!());").shows_position);
    assert!(flags("dbg!(x)").shows_position);
    assert!(flags("unsafe { *p }").has_unsafe);
    assert!(flags("{ static N: i32 = 1; N }").has_static);
    assert_eq!(flags("let line = file + column; env"), Default::default());
}

#[test]
fn definitions() {
    for (cell, expected) in [
        ("let x = 1;", "x"),
        ("let mut x = 1;", "mut x"),
        ("let (a, mut b) = c;", "a, mut b"),
        ("let P { x, y: Some(z), .. } = p;", "x, z"),
        ("let [first, .., last] = v;", "first, last"),
        ("let x = 1; let mut x = 2;", "mut x"),
        ("let a = 1; let b = 2; let a = 3;", "b, a"),
        ("let all @ (a, _) = c;", "all, a"),
        ("let ref mut x = y;", "x"),
        ("let Some(x) = y else { panic!() };", "x"),
        ("let (None, Some(y)) = x else { panic!() };", "y"),
        ("let N = 1;", "N"),
        ("let x; x = 1;", "x"),
        ("let r#type = 1;", "type"),
        ("{ let x = 1; }", ""),
        ("let f = |x| x;", "f"),
        ("fn f() { let x = 1; }", ""),
    ] {
        assert_eq!(defines(cell), expected, "{cell}");
    }
}

#[test]
fn variables_that_are_only_bound() {
    for (cell, expected) in [
        ("let p = 1;", "p"),
        ("let mut p = 1; p += 1; println!(\"{p}\");", "p"),
        ("let p = p + 1;", ""),
        ("let p = { let p = 1; p };", "p"),
        ("let p = { let q = 1; p };", ""),
        ("let p = f(|p| p + 1);", "p"),
        ("let f = || p; let p = 1;", "f"),
        ("println!(\"{p}\"); let p = 1;", ""),
        ("if c { let p = 2; } else { g(p); } let p = 1;", ""),
        ("let p = any_macro!(a p b);", ""),
        ("let p = any_macro!(\"{p}\");", ""),
        ("let p = S { p };", ""),
        ("let p = S { p: 1 };", "p"),
        ("let (p, S { q, r: Some(s), .. }) = f();", "p q s"),
        ("let (p, [q, ..]) = f();", "p q"),
        ("let p @ (q, _) = f();", "p q"),
        ("let p @ [.., q] = f();", "p q"),
        ("let &p = f();", "p"),
        ("let p = 1; let p = p + 1;", "p"),
        ("let p; p = 1;", "p"),
        ("p = 2; let p = 1;", ""),
        ("#[cfg(unix)] let p = 1;", ""),
        ("#[cfg(unix)] let p = 1; let q = p;", "q"),
        ("#[allow(unused)] let p = 1;", "p"),
        ("let r#type = 1;", "type"),
        ("{ let p = 1; }", ""),
        ("for p in 0..3 { f(p); }", ""),
        ("let Some(p) = p else { panic!() };", ""),
        ("let Some(p) = f() else { g(p) };", ""),
        ("let Some(p) = f() else { panic!() };", "p"),
        ("let p = 1; let q = ;", ""),
        ("let p = paste! { [<get_ x>]() };", ""),
    ] {
        let only_bound: Vec<String> = read_cell(cell).only_bound().into_iter().collect();
        assert_eq!(only_bound.join(" "), expected, "{cell}");
    }
}
