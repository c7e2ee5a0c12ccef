//! Cells with a cursor (`$0`) in, completions out.

use super::*;

fn names() -> KnownNames {
    let mut names = KnownNames::default();
    names.set_variable("prices", "std::vec::Vec<f64>");
    names.set_variable("point", "Point");
    names.set_variable("shared", "std::sync::Arc<Point>");
    names.learn(items_of(
        "struct Point { x: f64, label: String }\n\
         impl Point { fn origin() -> Self { todo!() } fn length(&self) -> f64 { 1.0 } }\n\
         enum Shape { Circle, Square }\nfn print_all() {}\nmacro_rules! shout { () => {} }\n\
         trait Area { fn area(&self) -> f64; }",
    ));
    names
}

fn completed(text: &str) -> (Completions, String) {
    let byte = text.find("$0").expect("a cursor");
    let code = text.replacen("$0", "", 1);
    (
        complete_by_name(&code, text[..byte].chars().count(), &names()),
        code,
    )
}

fn texts(text: &str) -> Vec<String> {
    completed(text)
        .0
        .matches
        .into_iter()
        .map(|completion| completion.text)
        .collect()
}

#[track_caller]
fn has(text: &str, wanted: &[&str]) {
    let texts = texts(text);
    for wanted in wanted {
        assert!(
            texts.iter().any(|text| text == wanted),
            "{text}: {wanted} is not in {texts:?}"
        );
    }
}

#[test]
fn names_of_the_session_come_first() {
    assert_eq!(texts("pri$0")[..2], ["prices", "print_all"]);
    has("pri$0", &["println!", "print!"]);
    let (completions, _) = completed("pri$0");
    assert_eq!(
        (
            completions.matches[0].kind,
            completions.matches[0].signature.as_deref()
        ),
        ("variable", Some("std::vec::Vec<f64>"))
    );
    assert_eq!(
        completions.matches[1].signature.as_deref(),
        Some("fn print_all()")
    );
}

#[test]
fn names_of_the_cell_itself() {
    has(
        "let total = 1;\nfn helper() {}\nfn f(argument: u8) { to$0 }",
        &["total"],
    );
    has(
        "let total = 1;\nfn helper() {}\nfn f(argument: u8) { arg$0 }",
        &["argument"],
    );
    has("fn helper() {}\nhel$0", &["helper"]);
    has("%who\nlet total = 1;\nto$0", &["total"]);
    has("ma$0", &["match", "matches!"]);
    has("sh$0", &["shared", "shout!", "Shape"]);
}

#[test]
fn members_by_the_type_that_is_known() {
    assert_eq!(texts("point.l$0"), ["label", "length"]);
    has("prices.$0", &["push", "len", "iter", "clone"]);
    assert!(!texts("prices.$0").contains(&"length".to_owned()));
    has("shared.$0", &["x", "length", "clone"]);
    has("point.label.to_up$0", &["to_uppercase"]);
    has("Point::origin().le$0", &["length"]);
    has("let m = HashMap::new();\nm.con$0", &["contains_key"]);
    has("\"abc\".ch$0", &["chars"]);
    has("prices.iter().en$0", &["enumerate"]);
    has("unknown.le$0", &["length"]);
    has("prices\n    .le$0", &["len"]);
    has("point.a$0", &["area", "await"]);
    assert!(!texts("0..le$0").contains(&"length".to_owned()));
}

#[test]
fn paths() {
    assert_eq!(texts("Point::$0"), ["origin", "length"]);
    assert_eq!(texts("Shape::C$0"), ["Circle"]);
    has("std::collections::Ha$0", &["HashMap", "HashSet"]);
    has("use std::$0", &["collections", "fs"]);
    has("Vec::<u8>::w$0", &["with_capacity"]);
    has("collections::BT$0", &["BTreeMap"]);
    has("cellar::$0", &["display", "session", "progress"]);
    has("cellar::session::ge$0", &["get", "get_or_insert_with"]);
}

#[test]
fn magics_commands_and_directives() {
    assert_eq!(texts("%ti$0"), ["%time", "%timeit"]);
    assert_eq!(texts("%%$0"), ["%%time"]);
    has("let a = 1;\n  %wh$0", &["%who", "%whos"]);
    assert_eq!(texts("a\n% wh$0"), ["where", "while"]);
    has("%time pri$0", &["prices"]);
    has("%timeit -$0", &["-n", "-r"]);
    has("%help %ti$0", &["%time"]);
    has("%reset -$0", &["-f"]);
    has(":de$0", &[":dep"]);
    has("//% cache$0", &["cache_data", "cache_resource"]);
    assert_eq!(texts("//% cache_data(tt$0"), ["ttl"]);
    has("//% cache_data ttl=1h max$0", &["max_entries", "max_bytes"]);
    assert_eq!(texts("//% cache_data(persist = \"d$0"), ["disk"]);
    assert_eq!(texts("//% cache_data show_spinner=$0"), ["true", "false"]);
}

#[test]
fn nothing_where_nothing_fits() {
    for text in [
        "\"pri$0\"",
        "// pri$0",
        "/* pri$0",
        "let x = 12$0",
        "!ls pri$0",
        ":dep pri$0",
        "r#\"pri$0",
        "//%x cac$0",
    ] {
        assert_eq!(texts(text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn offsets_count_code_points() {
    for text in ["let e\u{301}𝄞 = \"日本\";\r\npri$0", "/* 𝄞 */ pri$0", "pri$0"] {
        let (completions, code) = completed(text);
        let typed: String = code
            .chars()
            .skip(completions.start)
            .take(completions.end - completions.start)
            .collect();
        assert_eq!(typed, "pri", "{text}");
    }
    let (completions, _) = completed("let über = 1;\nübe$0");
    assert_eq!((completions.start, completions.end), (14, 17));
    assert!(
        completions
            .matches
            .iter()
            .any(|completion| completion.text == "über")
    );
}

#[test]
fn every_cursor_of_odd_cells_is_answered() {
    for code in [
        "%who\n!x\n//% cache_data(ttl=\"é\", \n:dep ü\nlet 𝄞 = Vec::<Vec<u8>>::new().\r\n\"a",
        "}{)(]|<>::.,'\"#%",
        "\u{301}.::é",
    ] {
        for cursor in 0..code.chars().count() + 3 {
            let completions = complete_by_name(code, cursor, &names());
            assert!(completions.start <= completions.end);
            let _ = super::super::inspect_by_name(code, cursor, 1, &names());
            let _ = super::super::is_complete(code);
        }
    }
}
