//! Real messages of the real compiler, drawn for cells.

use std::process::{Command, Stdio};

use super::super::snippet::plain;
use super::*;
use crate::cell::CellSource;

/// Compiles `cells` as the generated source does it in spirit: items of earlier cells above, the last
/// cell's statements in a function, generated lines around both. Returns the messages with places.
fn compiled(cells: &[&str]) -> Vec<Diagnostic> {
    let mut source = String::from("#![allow(unused)]\n");
    let mut first_lines = Vec::new();
    for (index, cell) in cells.iter().enumerate() {
        let last = index + 1 == cells.len();
        if last {
            source.push_str("pub fn run_user_code_7(evcxr_variable_store: &mut Vec<Box<dyn std::any::Any + 'static>>) {\n");
        }
        first_lines.push(source.matches('\n').count() + 1);
        source.push_str(&cell.replace("\r\n", "\n"));
        source.push('\n');
        if last {
            source.push_str("evcxr_variable_store.push(Box::new(kept));\n}\n");
        }
    }
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("lib.rs");
    std::fs::write(&file, &source).expect("the source");
    let output = Command::new("rustc")
        .args([
            "--edition=2024",
            "--crate-type=lib",
            "--crate-name=ctx",
            "--emit=metadata",
            "--error-format=json",
        ])
        .arg("-o")
        .arg(dir.path().join("out.rmeta"))
        .arg(&file)
        .stdin(Stdio::null())
        .output()
        .expect("rustc runs");
    let sources: Vec<std::sync::Arc<CellSource>> = cells
        .iter()
        .enumerate()
        .map(|(index, cell)| CellSource::new(format!("In[{}]", index + 1), *cell))
        .collect();
    let mut find = |span: &Span| {
        if !span.file_name.ends_with("lib.rs") || span.file_name.contains("/rustc/") {
            return None;
        }
        let index = first_lines.iter().rposition(|first| *first <= span.line_start)?;
        let line = span.line_start - first_lines[index] + 1;
        let end_line = span.line_end - first_lines[index] + 1;
        let lines = cells[index].lines().count();
        (end_line <= lines).then(|| Place {
            cell: sources[index].clone(),
            line,
            column: span.column_start,
            end_line,
            end_column: span.column_end,
        })
    };
    String::from_utf8(output.stderr)
        .expect("messages are UTF-8")
        .lines()
        .map(|line| {
            let json = serde_json::from_str(line).expect("a message is JSON");
            let mut diagnostic = Diagnostic::from_json(&json).expect("a message is a diagnostic");
            diagnostic.fill_places(&mut find);
            diagnostic
        })
        .collect()
}

fn error(cells: &[&str]) -> (String, String, String) {
    let error = compile_errors(&compiled(cells), Options::default());
    (error.ename, error.evalue, plain(&error.traceback))
}

#[track_caller]
fn check(cells: &[&str], ename: &str, expected: &str) {
    let (got, _, traceback) = error(cells);
    let expected = expected.trim_matches('\n');
    assert_eq!(
        traceback, expected,
        "\n--- got:\n{traceback}\n--- expected:\n{expected}\n"
    );
    assert_eq!(got, ename);
}

#[test]
fn mismatched_types() {
    check(
        &["let x: i32 = \"a\";\nlet kept = 1;"],
        "E0308",
        r##"
error[E0308]: mismatched types
 --> In[1]:1:14
  |
1 | let x: i32 = "a";
  |        ---   ^^^ expected `i32`, found `&str`
  |        |
  |        expected due to this

error: the cell was not run: 1 error
"##,
    );
}

#[test]
fn a_moved_value_with_the_place_of_the_move() {
    check(
        &["let s = String::from(\"a\");\nlet t = s;\nlet kept = s.len();"],
        "E0382",
        r##"
error[E0382]: borrow of moved value: `s`
 --> In[1]:3:12
  |
1 | let s = String::from("a");
  |     - move occurs because `s` has type `String`, which does not implement the `Copy` trait
2 | let t = s;
  |         - value moved here
3 | let kept = s.len();
  |            ^ value borrowed here after move
  |
help: consider cloning the value if the performance cost is acceptable
  |
2 | let t = s.clone();
  |          ++++++++

error: the cell was not run: 1 error
"##,
    );
}

#[test]
fn a_borrow_with_three_labels() {
    check(
        &["let mut v = vec![1];\nlet a = &v;\nv.push(2);\nlet kept = a.len();"],
        "E0502",
        r##"
error[E0502]: cannot borrow `v` as mutable because it is also borrowed as immutable
 --> In[1]:3:1
  |
2 | let a = &v;
  |         -- immutable borrow occurs here
3 | v.push(2);
  | ^^^^^^^^^ mutable borrow occurs here
4 | let kept = a.len();
  |            - immutable borrow later used here

error: the cell was not run: 1 error
"##,
    );
}

#[test]
fn an_unresolved_import() {
    check(
        &["use std::colections::HashMap;\nlet kept = 1;"],
        "E0432",
        r##"
error[E0432]: unresolved import `std::colections`
 --> In[1]:1:10
  |
1 | use std::colections::HashMap;
  |          ^^^^^^^^^^ could not find `colections` in `std`

error: the cell was not run: 1 error
"##,
    );
}

#[test]
fn a_missing_semicolon() {
    check(
        &["let kept = 1\nlet b = 2;"],
        "CompileError",
        r##"
error: expected `;`, found keyword `let`
 --> In[1]:1:13
  |
1 | let kept = 1
  |             ^
2 | let b = 2;
  | --- unexpected token
  |
help: add `;` here
  |
1 | let kept = 1;
  |             +

error: the cell was not run: 1 error
"##,
    );
}

#[test]
fn a_missing_semicolon_at_the_end() {
    check(
        &["let kept = 1"],
        "CompileError",
        r##"
error: expected `;`, found the end of the cell
 --> In[1]:1:13
  |
1 | let kept = 1
  |             ^
  |
help: add `;` here
  |
1 | let kept = 1;
  |             +

error: the cell was not run: 1 error
"##,
    );
}

#[test]
fn a_format_string_without_arguments() {
    check(
        &["println!(\"{}\");\nlet kept = 1;"],
        "CompileError",
        r##"
error: 1 positional argument in format string, but no arguments were given
 --> In[1]:1:11
  |
1 | println!("{}");
  |           ^^

error: the cell was not run: 1 error
"##,
    );
}

#[test]
fn two_errors_and_an_import_that_would_land_in_generated_code() {
    check(
        &["println!(\"{} {}\", 1);let m = HashMap::<u8, u8>::new();\nlet kept = 1;"],
        "CompileError",
        r##"
error: 2 positional arguments in format string, but there is 1 argument
 --> In[1]:1:11
  |
1 | println!("{} {}", 1);let m = HashMap::<u8, u8>::new();
  |           ^^ ^^   -

error[E0433]: cannot find type `HashMap` in this scope
 --> In[1]:1:30
  |
1 | println!("{} {}", 1);let m = HashMap::<u8, u8>::new();
  |                              ^^^^^^^ use of undeclared type `HashMap`
  |
  = help: consider importing this struct:
          use std::collections::HashMap;

error: the cell was not run: 2 errors
"##,
    );
}

#[test]
fn a_missing_lifetime_with_two_ways_out() {
    check(
        &["fn longest(a: &str, b: &str) -> &str { a }\nlet kept = 1;"],
        "E0106",
        r##"
error[E0106]: missing lifetime specifier
 --> In[1]:1:33
  |
1 | fn longest(a: &str, b: &str) -> &str { a }
  |               ----     ----     ^ expected named lifetime parameter
  |
  = help: this function's return type contains a borrowed value, but the signature does not say whether it is borrowed from `a` or `b`
help: consider introducing a named lifetime parameter
  |
1 | fn longest<'a>(a: &'a str, b: &'a str) -> &'a str { a }
  |           ++++     ++          ++          ++

error: the cell was not run: 1 error
"##,
    );
}

#[test]
fn an_unknown_method_with_a_similar_name() {
    check(
        &["let kept = vec![1].lenn();"],
        "E0599",
        r##"
error[E0599]: no method named `lenn` found for struct `Vec<{integer}>` in the current scope
 --> In[1]:1:20
  |
1 | let kept = vec![1].lenn();
  |                    ^^^^
  |
help: there is a method `len` with a similar name
  |
1 - let kept = vec![1].lenn();
1 + let kept = vec![1].len();
  |

error: the cell was not run: 1 error
"##,
    );
}

#[test]
fn two_errors_in_the_order_of_the_compiler() {
    check(
        &["let y: u8 = -1;\nlet kept = unknown_name;"],
        "E0425",
        r##"
error[E0425]: cannot find value `unknown_name` in this scope
 --> In[1]:2:12
  |
2 | let kept = unknown_name;
  |            ^^^^^^^^^^^^ not found in this scope

error[E0600]: cannot apply unary operator `-` to type `u8`
 --> In[1]:1:13
  |
1 | let y: u8 = -1;
  |             ^^ cannot apply unary operator `-`
  |
  = note: unsigned values cannot be negated
help: you may have meant the maximum value of `u8`
  |
1 - let y: u8 = -1;
1 + let y: u8 = u8::MAX;
  |

error: the cell was not run: 2 errors
"##,
    );
}

#[test]
fn a_function_of_an_earlier_cell() {
    check(
        &[
            "#[derive(Clone)]\nstruct P { x: i32 }\nfn area(p: P) -> i32 {\n    p.x\n}",
            "let kept = area(3);",
        ],
        "E0308",
        r##"
error[E0308]: mismatched types
 --> In[2]:1:17
  |
1 | let kept = area(3);
  |            ---- ^ expected `P`, found integer
  |            |
  |            arguments to this function are incorrect
  |
note: function defined here
 --> In[1]:3:4
  |
3 | fn area(p: P) -> i32 {
  |    ^^^^ ----
help: try wrapping the expression in `P`
  |
1 | let kept = area(P { x: 3 });
  |                 ++++++   +

error: the cell was not run: 1 error
"##,
    );
}

#[test]
fn a_kept_variable_that_borrows() {
    check(
        &["let s = String::new();\nlet kept: &str = &s;"],
        "E0597",
        r##"
error[E0597]: `s` does not live long enough
 --> In[1]:2:18
  |
1 | let s = String::new();
  |     - binding `s` declared here
2 | let kept: &str = &s;
  |                  ^^ borrowed value does not live long enough
  |
  = note: a variable that is kept for later cells cannot borrow from this cell
  = help: keep an owned value (`.clone()`, `.to_owned()`, `Rc`), or wrap the code in braces so that the variable ends with the cell
  = note: due to object lifetime defaults, `Box<dyn Any>` actually means `Box<(dyn Any + 'static)>`

error: the cell was not run: 1 error
"##,
    );
}

#[test]
fn wide_and_combining_characters_tabs_and_many_lines() {
    check(
        &["let kept = match 3u8 {\n    0 => \"日本語\",\n    1 => { 5 }\n\t2 => e\u{301},\n};"],
        "E0425",
        r##"
error[E0425]: cannot find value `é` in this scope
 --> In[1]:4:7
  |
4 |     2 => é,
  |          ^ not found in this scope

error[E0308]: `match` arms have incompatible types
 --> In[1]:3:12
  |
1 |   let kept = match 3u8 {
  |  ____________-
2 | |     0 => "日本語",
  | |          -------- this is found to be of type `&str`
3 | |     1 => { 5 }
  | |            ^ expected `&str`, found integer
4 | |     2 => é,
5 | | };
  | |_- `match` arms have incompatible types

error: the cell was not run: 2 errors
"##,
    );
}

#[test]
fn a_thread_that_outlives_what_it_borrows() {
    check(
        &["let v = vec![1];\nlet f = std::thread::spawn(|| v.len());let kept = 1;"],
        "E0373",
        r##"
error[E0373]: closure may outlive the current function, but it borrows `v`, which is owned by the current function
 --> In[1]:2:28
  |
2 | let f = std::thread::spawn(|| v.len());let kept = 1;
  |                            ^^ - `v` is borrowed here
  |                            |
  |                            may outlive borrowed value `v`
  |
note: function requires argument type to outlive `'static`
 --> In[1]:2:9
  |
2 | let f = std::thread::spawn(|| v.len());let kept = 1;
  |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
help: to force the closure to take ownership of `v` (and any other referenced variables), use the `move` keyword
  |
2 | let f = std::thread::spawn(move || v.len());let kept = 1;
  |                            ++++

error: the cell was not run: 1 error
"##,
    );
}

#[test]
fn errors_in_macros_and_in_branches() {
    check(
        &["struct A;\nlet a = A;\nprintln!(\"{a:?}\");\nlet kept = if true {\n  1\n} else {\n \"x\"\n};"],
        "E0277",
        r##"
error[E0277]: `A` doesn't implement `Debug`
 --> In[1]:3:11
  |
3 | println!("{a:?}");
  |           ^^^^^ `A` cannot be formatted using `{:?}` because it doesn't implement `Debug`
  |
  = help: the trait `Debug` is not implemented for `A`
  = note: add `#[derive(Debug)]` to `A` or manually `impl Debug for A`
help: consider annotating `A` with `#[derive(Debug)]`
  |
1 + #[derive(Debug)]
  |

error[E0308]: `if` and `else` have incompatible types
 --> In[1]:7:2
  |
4 |   let kept = if true {
  |  ____________-
5 | |   1
  | |   - expected because of this
6 | | } else {
7 | |  "x"
  | |  ^^^ expected integer, found `&str`
8 | | };
  | |_- `if` and `else` have incompatible types

error: the cell was not run: 2 errors
"##,
    );
}

#[test]
fn unclosed_brackets() {
    check(
        &["fn f() -> i32 {\n    let x = (1 + 2;\n}\nlet kept = 1;"],
        "CompileError",
        r##"
error: mismatched closing delimiter: `}`
 --> In[1]:2:13
  |
1 | fn f() -> i32 {
  |               - closing delimiter possibly meant for this
2 |     let x = (1 + 2;
  |             ^ unclosed delimiter
3 | }
  | ^ mismatched closing delimiter

error: the cell was not run: 1 error
"##,
    );
}

#[test]
fn warnings_only_when_asked() {
    let diagnostics =
        compiled(&["#[warn(unused_must_use)]\nfn f() { Ok::<u8, u8>(1); }\nlet kept: u8 = 'x';"]);
    let quiet = plain(&compile_errors(&diagnostics, Options::default()).traceback);
    assert!(!quiet.contains("warning"), "{quiet}");
    assert_eq!(plain(&warnings(&[])), "");
}

#[test]
fn errors_without_a_place_and_no_errors_at_all() {
    let hidden = Diagnostic {
        level: "error".to_owned(),
        code: Some("E0463".to_owned()),
        message: "can't find crate for `x`\nsecond line".to_owned(),
        spans: vec![],
        children: vec![],
    };
    let error = compile_errors(&[hidden.clone(), hidden], Options::default());
    assert_eq!(error.evalue, "can't find crate for `x`; second line");
    let text = plain(&error.traceback);
    assert!(
        text.starts_with("error[E0463]: can't find crate for `x`"),
        "{text}"
    );
    assert!(text.ends_with("error: the cell was not run: 1 error"), "{text}");
    assert_eq!(compile_errors(&[], Options::default()).ename, "CompileError");
}
