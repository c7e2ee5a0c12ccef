//! rustc as the judge. Cells become functions whose parameters are the variables of a notebook, many in one crate:
//!
//! * a variable that rustc does not call unused must be among the names read;
//! * a variable of which rustc does not say that its `mut` is needless must count as possibly changed;
//! * a variable that counts as not moved is borrowed once more behind the cell, and rustc must accept that.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::Command;

use super::super::{CellReading, read_cell};
use super::generate::Generator;

/// The variables, with their types. `tail` and `width` have names that no generated cell binds.
const VARIABLES: [(&str, &str); 18] = [
    ("a", "i64"),
    ("b", "i64"),
    ("c", "i64"),
    ("d", "i64"),
    ("e", "i64"),
    ("f", "i64"),
    ("width", "usize"),
    ("tail", "i64"),
    ("v", "Vec<i64>"),
    ("w", "Vec<String>"),
    ("s", "String"),
    ("o", "Option<String>"),
    ("p", "P"),
    ("t", "(String, i64)"),
    ("r#type", "i64"),
    ("g", "fn(i64) -> i64"),
    ("h", "Box<dyn FnMut(i64) -> i64>"),
    ("m", "HashMap<String, Vec<i64>>"),
];

const AROUND: &str = r#"
#![warn(unused_variables, unused_mut)]
#![allow(dead_code, unused_must_use, unused_macros, unreachable_code, path_statements, unused_assignments)]
#![allow(unused_braces, unused_parens, non_local_definitions, unused_imports, redundant_semicolons)]
#![allow(irrefutable_let_patterns, unreachable_patterns, clippy::all, non_snake_case, unused_comparisons)]
use std::collections::HashMap;
#[derive(Clone, Default, Debug, PartialEq)]
pub struct P { pub x: i64, pub y: String }
impl P { fn look(&self) -> i64 { self.x } fn set(&mut self, x: i64) { self.x = x } fn give(self) -> String { self.y } }
const LIMIT: i64 = 7;
macro_rules! twice { ($e:expr) => { $e.wrapping_add($e) } }
macro_rules! name_it { ($name:ident, $e:expr, $then:expr) => {{ let mut $name = $e; $then }} }
macro_rules! show { ($text:literal) => { format!($text).len() as i64 } }
fn keep<T>(_: &T) {}
fn copy(x: i64) -> i64 { x }
fn greater(x: i64, y: i64) -> bool { x > y }
"#;

/// Cells with more types than the generated ones.
const WRITTEN: &[&str] = &[
    "a",
    "let z = v;",
    "let z = &v; z.len();",
    "v.push(a);",
    "v.len();",
    "v.iter().map(|x| x + b).sum::<i64>();",
    "for x in v { println!(\"{x}\"); }",
    "for x in &v { println!(\"{x}\"); }",
    "for x in &mut v { *x += 1; }",
    "for x in v.iter_mut() { *x += a; }",
    "println!(\"{:>width$}\", tail);",
    "println!(\"{v:?} {}\", s);",
    "println!(\"{0:?} {name}\", w, name = s);",
    "println!(\"{}\", { s.push('x'); 1 });",
    "println!(\"{}\", s.clone());",
    "assert_eq!(v, vec![1, 2]);",
    "assert!(v.is_empty(), \"{s}\");",
    "v == vec![a];",
    "s < String::new();",
    "s += \"x\";",
    "let z = s + \"x\";",
    "let z = &s[1..];",
    "v[0] = 1;",
    "v[0] += a;",
    "let z = v[0];",
    "let z = &mut v[0]; *z = 1;",
    "let z = &w[0];",
    "w[0].push('x');",
    "let z = w[0].len();",
    "p.x = 1;",
    "p.x += a;",
    "let z = p.y;",
    "let z = &p.y;",
    "p.look();",
    "p.set(a);",
    "let z = p.give();",
    "let z = p == P::default();",
    "let P { x, y } = p;",
    "let P { x, ref y } = p;",
    "let P { x, ref mut y } = p; y.push('x');",
    "let P { x: ref mut z, .. } = p; *z = 1;",
    "let P { x, .. } = &p; x;",
    "let P { x, .. } = &mut p; *x = 1;",
    "let q = P { x: a, ..p };",
    "let q = P { x: a, ..p.clone() };",
    "let x = a; let y = s; P { x, y };",
    "match o { Some(x) => x, None => s };",
    "match o { Some(ref mut x) => x.push('x'), None => {} }",
    "match o { Some(ref x) => println!(\"{x}\"), None => {} }",
    "match &o { Some(x) => x.len(), None => 0 };",
    "match &mut o { Some(x) => x.push('x'), None => {} };",
    "match o { _ => {} }",
    "if let Some(x) = o { drop(x) }",
    "if let Some(x) = &o { x.len(); } else { println!(\"{s}\"); }",
    "if let Some(x) = o.as_mut() { x.push('x'); }",
    "if let Some(x) = &o && x.len() > width { a; } else { b; }",
    "while let Some(x) = v.pop() { a += x; }",
    "let Some(x) = o else { panic!(\"{s}\") };",
    "let Some(x) = o.clone() else { return };",
    "let (x, y) = t;",
    "let (ref x, y) = t;",
    "let (x, _) = &t;",
    "(a, b) = (b, a);",
    "[a, _] = [b, c];",
    "(p.x, v[0]) = (a, b);",
    "P { x: a, .. } = p.clone();",
    "t.0.push('x');",
    "t.1 += 1;",
    "let z = t.0;",
    "let z = &raw mut a;",
    "let z = &raw const a;",
    "let z = std::ptr::addr_of_mut!(a);",
    "let z = || v.len(); z();",
    "let z = move || v.len(); z();",
    "let z = move || { &v; }; z();",
    "let z = || v.push(1);",
    "let mut z = || { v.push(a); s.len() }; z();",
    "let mut z = || a += 1; z();",
    "let z = || drop(s);",
    "let z = |s: &str| s.len(); z(\"x\");",
    "let z = |P { x, .. }: P| x + a; z(P::default());",
    "let z = async { v.len() };",
    "let z = async move { v.len() };",
    "let z = async { v.push(1) };",
    "g(a);",
    "h(a);",
    "(h)(a);",
    "(&mut h)(a);",
    "let z = h;",
    "v.iter().map(|x| h(*x)).sum::<i64>();",
    "[h].iter_mut().map(|x| x(a)).sum::<i64>();",
    "(g)(a);",
    "std::mem::take(&mut v);",
    "std::mem::swap(&mut a, &mut b);",
    "let z = std::mem::replace(&mut s, String::new());",
    "drop(s);",
    "vec![s];",
    "vec![a; width];",
    "vec![&s];",
    "twice!(a);",
    "twice!({ b += 1; b });",
    "name_it!(z, a, z + b);",
    "name_it!(a, b, a);",
    "show!(\"{a}\");",
    "show!(\"{s} {c:>width$}\");",
    "matches!(o, Some(ref x) if x.len() > width);",
    "r#type + 1;",
    "println!(\"{type}\", type = r#type);",
    "println!(\"{}\", r#type);",
    "{ macro_rules! inner { () => { a } } inner!(); }",
    "{ macro_rules! inner { () => { println!(\"{tail}\") } } inner!(); }",
    "{ macro_rules! inner { ($e:expr) => { $e + b } } inner!(a); }",
    "{ let x = 1; macro_rules! inner { () => { x } } inner!(); }",
    "fn a() -> i64 { 1 } a();",
    "{ fn k() -> i64 { 1 } k() + a }",
    "struct Q { z: i64 } let z = a; Q { z }.z;",
    "impl P { fn more(&self, a: i64) -> i64 { a } } p.more(b);",
    "'l: loop { break 'l a; }",
    "let x = 'l: { if a > 0 { break 'l b } c };",
    "let x = if a > 0 { b } else if c > 0 { d } else { e };",
    "let x = loop { if a > LIMIT { break a } a += 1; };",
    "let x: [i64; 2] = [a; 2];",
    "let x = [a, b][width];",
    "let x = &v[..width];",
    "let x = (a..=b).chain(c..d);",
    "let x = -a; let y = !b;",
    "let x = a as usize;",
    "let x = *&a;",
    "let x = *Box::new(s);",
    "let x = &mut *v; x[0] = 1;",
    "let x = &mut p.y; x.push('x');",
    "let x = &*s;",
    "let x = a > 0 && b > 0 || c > 0;",
    "const { 1 };",
    "let x = { let a = b; a };",
    "let a = a; let a = a + b;",
    "let a @ 1..=9 = b else { return }; a;",
    "let x = match a { LIMIT => b, 1 | 2 => c, n if n > d => n, _ => e };",
    "let x = match (a, b) { (0, y) | (y, 0) => y, _ => 1 };",
    "let [x, .., y] = [a, b, c];",
    "let x = |a| -> i64 { a }; x(b);",
    "let ref mut x = a; *x = 1;",
    "let ref x = s; x.len();",
    "let _ = v;",
    "let _ = &v;",
    "_ = s;",
    "m.entry(s).or_default().push(a);",
    "m.get(&s).map(|x| x.len() + width);",
    "m[&s].len();",
    "m.values_mut().for_each(|x| x.clear());",
    "if let Some(x) = m.get_mut(&s) { x[0] = a; }",
    "#[cfg(any())] let a = b; a;",
    "#[allow(unused)] let a = b; a;",
    "match a { #[cfg(any())] b => b, _ => b };",
    "use std::fmt::Write; write!(s, \"{a}\");",
    "use std::fmt::Write; write!(&mut s, \"{}\", a);",
    "return;",
    "let x = return;",
    "let x: Result<i64, String> = (|| { let y: i64 = s.parse().map_err(|_| String::new())?; Ok(y + a) })();",
    "let x = s.len().pow(2).max(width);",
    "let x = (&s).len() + (&v)[0] as usize;",
    "let x = &(s);",
    "let x = (s);",
    "let x = (v)[0];",
    "(v)[0] = 1;",
    "(*v)[0] = 1;",
    "let x = Some(a).map(g);",
    "let x = g;",
    "eprintln!(\"{}\", p.look());",
    "eprintln!(\"{:?}\", (s, 1));",
    "eprintln!(\"{:?}\", [&s]);",
    "eprintln!(\"{:?} {:?}\", o, t);",
    "eprintln!(\"{:1$}\", a, width);",
    "eprintln!(\"{:.*}\", width, 1.0);",
    "format!(\"{}\", format_args!(\"{s}\"));",
    "todo!(\"{s}\");",
    "debug_assert_ne!(s, *\"x\");",
    "let x = dbg!(s);",
    "let x = dbg!(&s);",
    "concat!(\"{a}\");",
    "stringify!(a);",
];

#[test]
fn rustc_finds_no_use_that_was_missed() {
    let mut cells: Vec<String> = WRITTEN.iter().map(|cell| (*cell).to_owned()).collect();
    let mut generator = Generator::new(20);
    cells.extend((0..400).map(|_| generator.cell()));
    let readings: Vec<CellReading> = cells.iter().map(|cell| read_cell(cell)).collect();
    let verdicts = ask_rustc(&cells, &readings);
    let (mut used, mut read, mut bugs) = (0, 0, Vec::new());
    for ((cell, reading), verdict) in cells.iter().zip(&readings).zip(&verdicts) {
        assert!(!reading.flags.parse_error, "{cell}");
        for (name, _) in VARIABLES {
            let name = name.trim_start_matches("r#");
            let access = reading.reads.get(name);
            read += usize::from(access.is_some());
            if verdict.unused.contains(name) {
                continue;
            }
            used += 1;
            match access {
                None => bugs.push(format!("missed {name}: {cell}")),
                Some(access) if !access.may_change && !verdict.needless_mut.contains(name) => {
                    bugs.push(format!("changes {name}: {cell}"));
                }
                Some(_) => {}
            }
        }
    }
    assert!(bugs.is_empty(), "{}", bugs.join("\n"));
    assert!(used > cells.len(), "{used} uses in {} cells", cells.len());
    assert!(read < used * 2, "{read} taken for {used}: no analysis at all");
}

#[derive(Debug, Default)]
struct Verdict {
    unused: BTreeSet<String>,
    needless_mut: BTreeSet<String>,
}

fn ask_rustc(cells: &[String], readings: &[CellReading]) -> Vec<Verdict> {
    let mut source = AROUND.replace('\n', " ");
    let parameters: String = VARIABLES
        .iter()
        .map(|(name, of)| format!("mut {name}: {of}, "))
        .collect();
    let mut cell_of_line = vec![None];
    for (index, (cell, reading)) in cells.iter().zip(readings).enumerate() {
        let kept: String = VARIABLES
            .iter()
            .filter(|(name, _)| {
                let access = reading.reads.get(name.trim_start_matches("r#"));
                access.is_some_and(|access| !access.may_move)
            })
            .map(|(name, _)| format!("keep(&{name}); "))
            .collect();
        assert!(!cell.contains('\n'), "one line for each cell: {cell}");
        write!(
            source,
            "\npub fn cell_{index}({parameters}) {{ let _ = {{ {cell} }}; {kept} }}"
        )
        .unwrap();
        cell_of_line.push(Some(index));
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cells.rs");
    std::fs::write(&file, source).unwrap();
    let output = Command::new("rustc")
        .args([
            "--edition=2024",
            "--crate-type=lib",
            "--emit=metadata",
            "--error-format=json",
        ])
        .arg("-o")
        .arg(folder.path().join("cells.rmeta"))
        .arg(&file)
        .output()
        .unwrap();
    let mut verdicts: Vec<Verdict> = cells.iter().map(|_| Verdict::default()).collect();
    let mut errors = Vec::new();
    for line in String::from_utf8_lossy(&output.stderr).lines() {
        let message: serde_json::Value = serde_json::from_str(line).unwrap();
        let span = message["spans"].as_array().and_then(|spans| spans.first());
        let at = span.and_then(|span| span["line_start"].as_u64()).unwrap_or(0);
        let cell = cell_of_line
            .get(at as usize - usize::from(at > 0))
            .copied()
            .flatten();
        if message["level"] == "error" {
            let text = message["rendered"].as_str().unwrap_or_default();
            let of = cell.map_or("", |cell| &cells[cell]);
            let head: Vec<&str> = text.lines().take(1).collect();
            errors.push(format!("{of}\n    {}", head.join("\n")));
            continue;
        }
        let (Some(cell), Some(span)) = (cell, span) else {
            continue;
        };
        let Some(parameter) = parameter_at(span) else {
            continue;
        };
        match message["code"]["code"].as_str() {
            Some("unused_variables") => drop(verdicts[cell].unused.insert(parameter)),
            Some("unused_mut") => drop(verdicts[cell].needless_mut.insert(parameter)),
            _ => {}
        }
    }
    assert!(
        errors.is_empty(),
        "{} errors\n{}",
        errors.len(),
        errors.join("\n")
    );
    assert!(output.status.success());
    verdicts
}

/// The parameter that a message is about; `None` if it is about a name that the cell itself binds.
fn parameter_at(span: &serde_json::Value) -> Option<String> {
    let column = span["column_start"].as_u64()? as usize;
    let text = span["text"].as_array()?.first()?["text"].as_str()?;
    let head_end = text.find(") { let _ = {")?;
    let from = column - 1;
    if from >= head_end {
        return None;
    }
    let rest = text[from..].trim_start_matches("mut ").trim_start_matches("r#");
    Some(
        rest.chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect(),
    )
}
