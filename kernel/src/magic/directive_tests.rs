//! Directive lines in, options or mistakes out.

use super::*;

fn directive(text: &str) -> Result<Directive, MagicError> {
    read(text, 1, 0, Some(Scope::Cell))
}

#[test]
fn both_ways_to_write_options() {
    let expected = vec![
        ("ttl", OptionValue::Duration(Duration::from_secs(3600))),
        ("max_entries", OptionValue::Count(1000)),
        (
            "files",
            OptionValue::List(vec!["a, b.csv".to_owned(), "c".to_owned()]),
        ),
        ("show_spinner", OptionValue::Bool(false)),
    ];
    for text in [
        r#"//% cache_data(ttl = "1h", max_entries = 1_000, files = ["a, b.csv", c], show_spinner = false)"#,
        r#"//% cache_data ttl=1h max_entries=1000 files=["a, b.csv" "c"] show_spinner=false"#,
        r#"//%cache_data ( ttl="1h" max_entries=1000, files = ["a, b.csv","c",], show_spinner=false, ) "#,
    ] {
        assert_eq!(directive(text).expect("a directive").options, expected, "{text}");
    }
}

#[test]
fn values() {
    for (text, seconds) in [
        ("10s", 10),
        ("5m", 300),
        ("2d", 172_800),
        ("90", 90),
        ("1h30m", 5400),
        ("1h 30m", 5400),
    ] {
        assert_eq!(duration(text), Some(Duration::from_secs(seconds)), "{text}");
    }
    for text in ["", "x", "1x", "-1s", "0", "1h30", "s"] {
        assert_eq!(duration(text), None, "{text}");
    }
    assert_eq!(bytes("100MB"), Some(100_000_000));
    assert_eq!(bytes("2 GiB"), Some(2 << 30));
    assert_eq!(bytes("1_000"), Some(1000));
    assert_eq!(bytes("much"), None);
}

#[test]
fn mistakes_name_the_nearest_right_word() {
    for (text, kind, message, help) in [
        (
            "//% cach_data",
            MagicErrorKind::UnknownDirective,
            "there is no directive `cach_data`",
            "`cache_data` is the nearest; the directives are `cache_data`, `cache_resource`",
        ),
        (
            "//% cache_data(tll = 3)",
            MagicErrorKind::BadDirective,
            "`cache_data` has no option `tll`",
            "`ttl` is the nearest; the options are `ttl`, `max_entries`",
        ),
        (
            "//% cache_data(validate = f)",
            MagicErrorKind::BadDirective,
            "`cache_data` has no option `validate`",
            "`validate` belongs to `cache_resource`",
        ),
        (
            "//% cache_data(ttl = soon)",
            MagicErrorKind::BadDirective,
            "`ttl` is a time such as \"10s\", \"5m\", \"1h\", \"2d\" or a number of seconds, not `soon`",
            "`ttl`: how long",
        ),
        (
            "//% cache_data persist=tape",
            MagicErrorKind::BadDirective,
            "`persist` is \"disk\" or \"memory\", not `tape`",
            "`persist`: where",
        ),
        (
            "//% cache_data(files = [\"data/*.csv\", \"more/[\"])",
            MagicErrorKind::BadDirective,
            "`files`: `more/[` is no pattern of files: invalid range pattern (at character 6)",
            "`files`: globs of files",
        ),
        (
            "//% cache_data(ttl",
            MagicErrorKind::BadDirective,
            "`ttl` needs a value: `ttl = …`",
            "write it like",
        ),
        (
            "//% cache_data(ttl=1",
            MagicErrorKind::BadDirective,
            "the closing `)` is missing",
            "write it like",
        ),
        (
            "//% cache_data ttl=1 ttl=2",
            MagicErrorKind::BadDirective,
            "`ttl` is given twice",
            "",
        ),
        (
            "//% cache_data(name = \"\")",
            MagicErrorKind::BadDirective,
            "`name` must not be empty",
            "`name`: what `%cache list`",
        ),
        (
            "//%",
            MagicErrorKind::UnknownDirective,
            "a directive's name must follow `//%`",
            "the directives are",
        ),
    ] {
        let error = directive(text).expect_err(text);
        assert_eq!((error.kind, error.message.as_str()), (kind, message));
        assert!(
            error.helps.first().map_or("", String::as_str).starts_with(help),
            "{:?}",
            error.helps
        );
    }
}

#[test]
fn a_mistake_points_at_its_word() {
    let error = read("//% cache_data(tll = 3)", 4, 2, Some(Scope::Cell)).expect_err("unknown option");
    assert_eq!((error.line, error.columns), (4, 17..20));
}
