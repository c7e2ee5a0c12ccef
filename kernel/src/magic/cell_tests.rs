//! Cells in, steps out.

use super::*;
use crate::cell::CellSource;
use crate::magic::directive::Scope;
use crate::report::plain;

/// Steps in short: `r3:code`, `m1:Debug`, `s1:command`, `c1::name args`, `i2:name`.
fn steps(cell: &str) -> Vec<String> {
    parse(cell)
        .unwrap_or_else(|error| panic!("{cell}: {error}"))
        .steps
        .into_iter()
        .map(|step| match step {
            Step::Rust { code, first_line } => format!("r{first_line}:{code}"),
            Step::Magic { magic, line } => format!("m{line}:{magic:?}"),
            Step::Shell { command, line } => format!("s{line}:{command}"),
            Step::Command { name, args, line } => format!("c{line}:{name} {args}"),
            Step::Inspect {
                name,
                detail,
                rust,
                line,
            } => format!("i{line}:{name}/{detail}/{}", rust.is_some()),
        })
        .collect()
}

#[track_caller]
fn check(cell: &str, expected: &[&str]) {
    assert_eq!(steps(cell), expected, "{cell}");
    // Every line of Rust is at its place.
    let rust = parse(cell).expect("it parsed").rust();
    for (number, line) in rust.lines().enumerate().filter(|(_, line)| !line.is_empty()) {
        assert_eq!(
            cell.split('\n')
                .nth(number)
                .map(|line| line.trim_end_matches('\r')),
            Some(line)
        );
    }
}

#[test]
fn plain_rust_is_one_step() {
    check("let a = 1;\na", &["r1:let a = 1;\na"]);
    check("", &[]);
    check("\n// only a comment\n", &[]);
}

#[test]
fn magics_between_rust_split_it() {
    check(
        "let a = 1;\n%who\nlet b = 2;\n  %whos i32\nb",
        &[
            "r1:let a = 1;\n",
            "m2:Who { types: [] }",
            "r3:let b = 2;\n",
            "m4:Whos { types: [\"i32\"] }",
            "r5:b",
        ],
    );
    check("fn f() {}\n%reset -f\n", &["r1:fn f() {}\n", "m2:Reset"]);
}

#[test]
fn what_only_looks_like_a_magic_is_rust() {
    for cell in [
        "a\n% b",
        "let x = a\n%b;",
        "let s = \"\n%who\n!ls\n:dep x\n\";",
        "let s = r#\"\n%who\n\"#;",
        "f(\n%who\n);",
        "m! {\n%who\n}",
        "/*\n%who\n*/ let a = 1;",
        "let a = if b { 1 } else { 2 }\n%c;",
        "let x = 1;\n!x",
        " !x",
        "(!x)",
        "::std::mem::drop(x);",
        "let a = 1;\n::std::mem::drop(a);",
        "let x = foo\n?;",
        "let a = b\n!= c;",
        "f()?",
        "x.y?",
        "\"it's\"; // '\nlet c = 'x';",
    ] {
        check(cell, &[&format!("r1:{cell}")]);
    }
}

#[test]
fn shell_lines_stand_above_the_rust() {
    check(
        "!ls -la | wc\n// comment\n\n!echo \"it's\nlet a = 1;",
        &["s1:ls -la | wc", "s4:echo \"it's", "r5:let a = 1;"],
    );
    check(
        "%who\n!ls\r\n:dep a = \"1\"\r\n",
        &["m1:Who { types: [] }", "s2:ls", "c3::dep a = \"1\""],
    );
}

#[test]
fn commands_stand_at_statements() {
    check(
        ":dep rand = { version = \"0.9\" }\n  :vars\nlet a = 1;\n:type a\na",
        &[
            "c1::dep rand = { version = \"0.9\" }",
            "c2::vars ",
            "r3:let a = 1;\n",
            "c4::type a",
            "r5:a",
        ],
    );
    check(":quit", &["c1::quit "]);
}

#[test]
fn time_keeps_the_columns() {
    check("  %time f(1)", &["m1:Time { code: \"        f(1)\" }"]);
    let parsed = parse("// é\n\n%%time\nlet a = 1;").expect("it parses");
    assert!(parsed.timed);
    assert_eq!(
        parsed.steps,
        [Step::Rust {
            code: "let a = 1;".to_owned(),
            first_line: 4
        }]
    );
}

#[test]
fn question_marks_ask_for_help() {
    check("let a = 1;\nfoo?", &["r1:let a = 1;\n", "i2:foo/0/true"]);
    check("std::fs??\n\n", &["i1:std::fs/1/true"]);
    check("println!?", &["i1:println!/0/false"]);
    check("%time?", &["i1:%time/0/false"]);
    check(":dep?", &["i1::dep/0/false"]);
    check("?foo\n??bar", &["i1:foo/0/false", "i2:bar/1/false"]);
    check("?", &["m1:Help { name: None }"]);
    check("foo?\nlet a = 1;", &["r1:foo?\nlet a = 1;"]);
}

#[track_caller]
fn check_error(cell: &str, kind: MagicErrorKind, expected: &str) {
    let error = parse(cell).expect_err(cell);
    assert_eq!(error.kind, kind);
    let shown = error.to_cell_error(&CellSource::new("In[2]", cell));
    assert_eq!(plain(&shown.traceback), expected.trim_matches('\n'));
    assert_eq!(shown.ename, kind.name());
}

#[test]
fn an_unknown_magic_names_the_nearest() {
    check_error(
        "let a = 1;\n  %tiemit a",
        MagicErrorKind::UnknownMagic,
        "
error: there is no magic `%tiemit`
 --> In[2]:2:3
  |
2 |   %tiemit a
  |   ^^^^^^^^^
  |
  = help: `%timeit` is the nearest; `%lsmagic` lists all
",
    );
}

#[test]
fn other_mistakes() {
    for (cell, kind, message, help) in [
        (
            "%matplotlib inline",
            MagicErrorKind::UnknownMagic,
            "there is no magic `%matplotlib`",
            "`%lsmagic` lists all",
        ),
        (
            "% who",
            MagicErrorKind::UnknownMagic,
            "a magic's name must follow `%`",
            "`%lsmagic` lists all",
        ),
        (
            "%%tim\n1",
            MagicErrorKind::UnknownMagic,
            "there is no magic `%%tim`",
            "`%%time` is the nearest; `%lsmagic` lists all",
        ),
        (
            "%%who\n1",
            MagicErrorKind::UnknownMagic,
            "`%%who` does not exist",
            "`%who` does; it reaches to the end of its line",
        ),
        (
            "let a = 1;\n%%time",
            MagicErrorKind::BadMagic,
            "`%%time` must be the first line of its cell",
            "to run one line, write `%time`",
        ),
        (
            "%%time f()",
            MagicErrorKind::BadMagic,
            "`%%time` takes nothing on its own line",
            "the code goes below it; for one line write `%time …`",
        ),
        (
            ":dpe a",
            MagicErrorKind::UnknownCommand,
            "there is no command `:dpe`",
            "`:dep` is the nearest; `:help` lists all",
        ),
        (
            "!",
            MagicErrorKind::BadMagic,
            "`!` needs a shell command: `!ls`",
            "",
        ),
        (
            "%reset soft",
            MagicErrorKind::BadMagic,
            "`%reset` takes no `soft`; it forgets everything",
            "`%reset [-f]`: Forget all variables and items",
        ),
        (
            "%time for i in 0..3 {\n}",
            MagicErrorKind::BadMagic,
            "`%time` ends with its line, but a bracket is still open there; `%%time` times a whole cell",
            "`%time STATEMENT`, `%%time`: Run Rust once and tell how long it took",
        ),
    ] {
        let error = parse(cell).expect_err(cell);
        assert_eq!((error.kind, error.message.as_str()), (kind, message));
        assert_eq!(error.helps.first().map_or("", String::as_str), help);
    }
}

#[test]
fn directives_know_what_they_are_about() {
    let scopes = |cell: &str| -> Vec<(usize, Scope)> {
        let parsed = parse(cell).unwrap_or_else(|error| panic!("{cell}: {error}"));
        parsed
            .directives
            .into_iter()
            .map(|directive| (directive.line, directive.scope))
            .collect()
    };
    let function = |name: &str| Scope::Function(name.to_owned());
    assert_eq!(scopes("//% cache_data\nlet a = 1;"), [(1, Scope::Cell)]);
    assert_eq!(
        scopes(":dep a\n%who\n//% cache_data\nlet a = 1;"),
        [(3, Scope::Cell)]
    );
    assert_eq!(scopes("//% cache_data\nfn f() {}"), [(1, function("f"))]);
    assert_eq!(scopes("//% cache_data\n\nfn f() {}"), [(1, Scope::Cell)]);
    assert_eq!(
        scopes(
            "let a = 1;\n//% cache_data ttl=1h\n/// doc\n#[inline]\npub(crate) async unsafe fn f(x: u8) {}"
        ),
        [(2, function("f"))]
    );
    assert_eq!(
        scopes("let s = \"\n//% cache_data\n\"; // x\nlet b = 1; //% remark\n//// %"),
        []
    );
    assert_eq!(scopes("\u{feff}//% cache_data\nlet a = 1;"), [(1, Scope::Cell)]);
    for cell in ["/* c */ //% cache_data\nlet a = 1;", "let a = 1; //% cache_data"] {
        let error = parse(cell).expect_err("not alone");
        assert_eq!(error.message, "a directive stands in a line of its own");
    }
    let error = parse("let a = 1;\n//% cache_data\nlet b = 1;").expect_err("misplaced");
    assert_eq!(error.message, "`cache_data` has nothing to be about here");
}

#[test]
fn odd_cells_are_read_without_trouble() {
    for cell in [
        "%",
        ":",
        "?",
        "!",
        "%%",
        "//%",
        "\0",
        "\u{feff}%who",
        "\r\n%who\r\n",
        "---\n%who",
        "#!/bin/x\n%who",
        "\"",
        "'",
        "/*",
        "r#\"",
        "é%",
        "%é",
        ":é ö",
        "?é",
        "}%who\n%who",
    ] {
        let _ = parse(cell);
    }
}
