//! Real compilers, real processes: what cells get is compiled here against the built library.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::*;

/// The compiler that compiles these tests.
fn rustc() -> PathBuf {
    PathBuf::from(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
}

/// A built library, kept between test runs as it is between kernels.
fn library() -> &'static RuntimeLibrary {
    static LIBRARY: OnceLock<RuntimeLibrary> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/runtime-library-tests");
        build(&rustc(), &folder).expect("the crate compiles")
    })
}

/// Compiles a program against the library; `Err` has rustc's messages.
fn compile_program(source: &str, folder: &Path, options: &[&str]) -> Result<PathBuf, String> {
    let file = folder.join("program.rs");
    let program = folder.join("program");
    std::fs::write(&file, source).expect("a temporary file can be written");
    let output = Command::new(rustc())
        .args(["--edition=2024", "-Cprefer-dynamic", "-Clink-args=-rdynamic"])
        .args(options)
        .arg("--extern")
        .arg(format!("cellar={}", library().library.display()))
        .arg("-o")
        .args([&program, &file])
        .output()
        .expect("rustc runs");
    if output.status.success() {
        Ok(program)
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// Compiles and runs a program; stdout.
fn run(source: &str) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let program = compile_program(source, folder.path(), &["-Awarnings"])
        .unwrap_or_else(|messages| panic!("{messages}"));
    let paths = [
        library().library.parent().expect("a file in a folder"),
        &library().target_libdir,
    ];
    let output = Command::new(program)
        .env(
            "LD_LIBRARY_PATH",
            std::env::join_paths(paths).expect("no colons in these paths"),
        )
        .output()
        .expect("the program starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {stderr}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned() + &stderr
}

/// A host that prints what it is told, for programs that stand for host and cells at once.
const TELLING_HOST: &str = r#"
    #[repr(C)] struct Entry { mime: *const u8, mime_len: usize, content: *const u8, content_len: usize, form: u32 }
    unsafe fn text<'a>(text: *const u8, len: usize) -> &'a str {
        unsafe { std::str::from_utf8(std::slice::from_raw_parts(text, len)).unwrap() }
    }
    #[unsafe(no_mangle)] extern "C" fn cellar_host_display(kind: u32, id: *const u8, id_len: usize, entries: *const Entry, n: usize) {
        let entries = unsafe { std::slice::from_raw_parts(entries, n) };
        let mut line = format!("[{}{}", ["display", "update", "result"][kind as usize], if id_len == 0 { "" } else { " #" });
        for e in entries { line += &format!(" {}/{}:{}", unsafe { text(e.mime, e.mime_len) }, e.form, unsafe { text(e.content, e.content_len) }); }
        println!("{line}]");
        let _ = (id, id_len);
    }
    #[unsafe(no_mangle)] extern "C" fn cellar_host_clear(wait: u32) { println!("[clear {wait}]"); }
    #[unsafe(no_mangle)] extern "C" fn cellar_host_input(prompt: *const u8, len: usize, password: u32, buffer: *mut u8, capacity: usize) -> isize {
        match unsafe { text(prompt, len) } { "no" => -1, "eof" => -2, prompt => {
            let answer = format!("{prompt}{password}");
            assert!(answer.len() <= capacity);
            unsafe { std::ptr::copy_nonoverlapping(answer.as_ptr(), buffer, answer.len()) };
            answer.len() as isize
        } }
    }
    #[unsafe(no_mangle)] extern "C" fn cellar_host_panic(m: *const u8, len: usize, f: *const u8, f_len: usize, line: u32, _column: u32, t: *const u8, t_len: usize, teller: u32) {
        let told = if teller == 1 { " told" } else { "" };
        unsafe { println!("[panic {:?} in {:?} at {} {}{told}]", text(m, len), text(t, t_len), text(f, f_len).ends_with("program.rs"), line > 0) };
    }
    #[unsafe(no_mangle)] extern "C" fn cellar_host_returned_error(t: *const u8, t_len: usize, m: *const u8, len: usize, f: *const u8, f_len: usize, line: u32, column: u32) {
        unsafe { println!("[error {:?} {:?} {} {line}:{column}]", text(t, t_len), text(m, len), text(f, f_len).ends_with("program.rs")) };
    }
    unsafe extern "C" { fn cellar_runtime_start(); fn cellar_runtime_cell_begins(); fn cellar_runtime_flush(); }
"#;

/// The expansion of an expression that stands alone (see the crate's `private/show.rs`).
fn show(expression: &str) -> String {
    format!(
        "match (\n{expression}\n) {{ ref value => {{ use ::cellar::__private::show::*; \
         (&&&&&::cellar::__private::Shown(::cellar::__private::Peel(value).__cellar_peel().evcxr_display()))\
         .__cellar_show() }} }};"
    )
}

#[test]
fn a_build_is_reused_and_a_damaged_one_replaced_by_the_same_bytes() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let library = build(&rustc(), folder.path()).expect("the crate compiles");
    let built = std::fs::read(&library.library).expect("it is there");
    let modified = |library: &RuntimeLibrary| {
        std::fs::metadata(&library.library)
            .and_then(|it| it.modified())
            .ok()
    };
    let before = modified(&library);
    assert_eq!(build(&rustc(), folder.path()).expect("the same again"), library);
    assert_eq!(modified(&library), before);

    std::fs::write(&library.library, &built[..built.len() / 2]).expect("it is writable");
    assert_eq!(build(&rustc(), folder.path()).expect("built anew"), library);
    assert!(
        std::fs::read(&library.library).expect("it is there") == built,
        "another library from the same sources"
    );
    let names = std::fs::read_dir(folder.path().join("runtime"))
        .expect("readable")
        .flatten();
    let hidden: Vec<_> = names
        .map(|it| it.file_name())
        .filter(|it| it.as_encoded_bytes()[0] == b'.')
        .collect();
    assert!(hidden.is_empty(), "left behind: {hidden:?}");
}

#[test]
fn kernels_that_start_at_once_share_one_build() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let start = || build(&rustc(), folder.path()).expect("the crate compiles");
    let (first, second) = std::thread::scope(|scope| {
        let other = scope.spawn(start);
        (start(), other.join().expect("no panic"))
    });
    assert_eq!(first, second);
    let kept = Kept::open(&folder.path().join("runtime")).expect("it is there");
    assert!(kept.find(&first.key).is_some());
}

#[cfg(unix)]
#[test]
fn the_folder_is_the_users_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = library()
        .library
        .parent()
        .and_then(Path::parent)
        .expect("two folders up");
    let mode = std::fs::metadata(folder)
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn a_missing_compiler_and_a_file_in_the_way_are_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let missing = build(Path::new("/nowhere/rustc"), folder.path()).expect_err("there is none");
    assert!(missing.to_string().contains("`/nowhere/rustc`"), "{missing}");
    assert!(missing.to_string().contains("rustup"), "{missing}");

    let file = folder.path().join("file");
    std::fs::write(&file, "").expect("writable");
    let error = build(&rustc(), &file).expect_err("a file is no folder");
    assert!(error.to_string().contains("CELLAR_CACHE_DIR"), "{error}");
}

#[test]
fn a_last_expression_shows_itself_in_one_compile() {
    const PRELUDE: &str = r#"
        use std::collections::BTreeMap;
        #[derive(Debug, Clone)] struct P { x: i32 }
        struct Inherent;
        impl Inherent { fn evcxr_display(&self) { println!("inherent") } }
        struct Returns;
        impl Returns { fn evcxr_display(&self) -> i32 { println!("returns"); 5 } }
        struct ByTrait;
        trait Show { fn evcxr_display(&self); fn show(&self) {} fn __show(&self) {} }
        impl Show for ByTrait { fn evcxr_display(&self) { println!("trait") } }
        impl Show for Vec<f32> { fn evcxr_display(&self) { println!("trait of a foreign type") } }
        #[derive(Debug)] struct R;
        impl cellar::Rich for R { fn mime_bundle(&self) -> cellar::Bundle { cellar::Bundle::new().text("rich") } }
        struct NoDebug;
    "#;
    const LET: &str = r#"
        let p = P { x: 1 }; let mut u = P { x: 2 }; let v = vec![1, 2, 3]; let s = String::from("owned");
        let (inherent, by_trait, rich, no_debug, returns) = (Inherent, ByTrait, R, NoDebug, Returns);
        let map = BTreeMap::from([("a", 1)]); let r = &p; let dynamic: &dyn cellar::Rich = &rich;
    "#;
    let cases = [
        ("p", "P { x: 1 }"),
        ("&p", "P { x: 1 }"),
        ("&&&p", "P { x: 1 }"),
        ("r", "P { x: 1 }"),
        ("p.x // a comment", "1"),
        ("1 + 1", "2"),
        ("1.5_f32", "1.5"),
        ("'a'", "'a'"),
        ("\"text\"", "\"text\""),
        ("\"text\"[1..3]", "\"ex\""),
        ("s", "\"owned\""),
        ("s.as_str()", "\"owned\""),
        ("String::from(\"temp\").as_str()", "\"temp\""),
        ("std::sync::Mutex::new(4).lock().unwrap()", "4"),
        ("v", "[1, 2, 3]"),
        ("v[..2]", "[1, 2]"),
        ("v.iter().map(|n| n * 2).collect::<Vec<_>>()", "[2, 4, 6]"),
        ("&mut v.clone()", "[1, 2, 3]"),
        ("map.get(\"a\")", "Some(1)"),
        ("(1, \"a\")", "(1, \"a\")"),
        ("None::<i32>", "None"),
        ("Box::new(3) as Box<dyn std::fmt::Debug>", "3"),
        ("()", ""),
        ("&()", ""),
        ("u.x = 3", ""),
        ("println!(\"printed\")", "printed"),
        ("for _ in 0..2 {}", ""),
        ("if true { 1 } else { 2 }", "1"),
        ("if false { panic!() } else { 5 }", "5"),
        ("match 3 { 3 => \"three\", _ => \"other\" }", "\"three\""),
        ("{ let a = 3; a * a }", "9"),
        ("unsafe { *(&raw const p.x) }", "1"),
        ("loop { break 7 }", "7"),
        ("return", ""),
        ("panic!()", ""),
        ("todo!()", ""),
        ("inherent", "inherent"),
        ("&inherent", "inherent"),
        ("Box::new(Inherent)", "inherent"),
        ("returns", "returns"),
        ("by_trait", "trait"),
        ("&by_trait", "trait"),
        ("vec![1.5_f32]", "trait of a foreign type"),
        ("rich", "rich"),
        ("&rich", "rich"),
        ("dynamic", "rich"),
        ("std::sync::Arc::new(R)", "rich"),
        ("cellar::Html(\"<b>\")", "<b>"),
        ("cellar::html(\"once\")", "once"),
        ("cellar::display(p.x)", "1"),
        ("|x: i32| x + 1", "(a closure or a future"),
        ("async { 3 }", "(a closure or a future"),
        (
            "no_debug",
            "(a value of type `NoDebug`, which has no `Debug`: add `#[derive(Debug)]`",
        ),
        ("vec![NoDebug]", "(a value of type `Vec<NoDebug>`"),
        (
            "Box::new(|| 3) as Box<dyn Fn() -> i32>",
            "(a value of type `dyn Fn() -> i32`",
        ),
    ];
    let mut source = PRELUDE.to_owned();
    source.push_str("fn main() { std::panic::set_hook(Box::new(|_| {}));\n");
    for (expression, _) in cases {
        // What is shown must neither be moved nor stay borrowed.
        source.push_str(&format!(
            "{{ {LET} let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {{ {} }})); \
             println!(\"--\"); drop((p, u, v, s, rich, map)); }}\n",
            show(expression)
        ));
    }
    source.push('}');
    let output = run(&source);
    let shown: Vec<&str> = output.split("--\n").collect();
    assert_eq!(shown.len(), cases.len() + 1, "{output}");
    for ((expression, expected), shown) in cases.iter().zip(shown) {
        let shown = shown.trim();
        let is_right = if expected.starts_with('(') && expected.len() > 10 {
            shown.starts_with(expected)
        } else {
            shown == *expected
        };
        assert!(is_right, "`{expression}` shows `{shown}`, not `{expected}`");
    }
}

#[test]
fn a_question_mark_leaves_the_cell_and_tells_where() {
    let output = run(&format!(
        "{TELLING_HOST}
use ::cellar::__private::CellOutcome;
fn main() {{
    let text = String::from(\"x\");
    let outcome = (|| -> CellOutcome {{
#[rustfmt::skip]
let n: i32 = text.parse()?;
        println!(\"{{n}}\");
        <CellOutcome>::done()
    }})();
    println!(\"{{}}\", outcome.is_done());
    let _ = (|| -> CellOutcome {{ None::<u8>?; <CellOutcome>::done() }})();
    let _ = (|| -> CellOutcome {{ Err::<u8, Box<dyn std::error::Error + Send + Sync>>(\"boxed\".into())?; <CellOutcome>::done() }})();
    let fine = (|| -> CellOutcome {{ let n: i32 = \"5\".parse()?; println!(\"{{n}}\"); <CellOutcome>::done() }})();
    println!(\"{{}}\", fine.is_done());
    let _ = (|| -> ::cellar::__private::DebugCellOutcome {{ Err((1, \"a\"))?; <::cellar::__private::DebugCellOutcome>::done() }})();
    let _ = (|| -> ::cellar::__private::PrettyCellOutcome {{ Err(Some(1))?; <::cellar::__private::PrettyCellOutcome>::done() }})();
}}"
    ));
    let lines: Vec<&str> = output.lines().collect();
    assert!(
        lines[0].contains("\"core::num::error::ParseIntError\" \"invalid digit found in string\" true"),
        "{output}"
    );
    assert!(lines[0].ends_with(":14]"), "{output}");
    assert_eq!(lines[1], "false");
    assert!(
        lines[2].starts_with("[error \"\" \"`?` met `None`\" true"),
        "{output}"
    );
    assert!(
        lines[3].contains("dyn core::error::Error") && lines[3].contains("\"boxed\""),
        "{output}"
    );
    assert_eq!(lines[4..6], ["5", "true"]);
    assert!(
        lines[6].contains("\"(i32, &str)\" \"(1, \\\"a\\\")\""),
        "{output}"
    );
    assert!(lines[7].contains("\"Some(\\n    1,\\n)\""), "{output}");
}

#[test]
fn an_error_without_text_is_explained() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let messages = compile_program(
        "#[derive(Debug)] struct E;
         fn main() { let _ = (|| -> ::cellar::__private::CellOutcome { Err(E)?; ::cellar::__private::CellOutcome::done() })(); }",
        folder.path(),
        &[],
    )
    .expect_err("E has no Display");
    assert!(messages.contains("`E` has no `Display` text"), "{messages}");
    assert!(messages.contains("map_err"), "{messages}");
}

#[test]
fn outputs_panics_and_input_go_through_the_host() {
    let output = run(&format!(
        "{TELLING_HOST}
fn main() {{
    unsafe {{ cellar_runtime_start() }};
    print!(\"before \");
    let shown = cellar::html(\"<b>\");
    shown.update(cellar::Bundle::new().json(\"[1]\").metadata(\"\", \"{{}}\"));
    cellar::clear_output(true);
    println!(\"{{:?}} {{:?}}\", cellar::input(\"a\"), cellar::password(\"b\"));
    println!(\"{{:?}} {{:?}}\", cellar::input(\"no\"), cellar::input(\"eof\"));
    let _ = std::panic::catch_unwind(|| panic!(\"{{}}\", 1 + 1));
    let _ = std::panic::catch_unwind(|| std::panic::panic_any(7));
    let _ = std::thread::Builder::new().name(\"worker\".into()).spawn(|| panic!(\"away\")).unwrap().join();
    let _ = std::thread::spawn(|| panic!(\"away\")).join();
    print!(\"end\");
    unsafe {{ cellar_runtime_flush() }};
    {}
}}",
        show("cellar::Markdown(\"*m*\")")
    ));
    let expected = r#"before [display # text/plain/0:<b> text/html/0:<b>]
[update # application/json/2:[1] /3:{}]
[clear 1]
Ok("a0") Ok("b1")
Err(NotAllowed) Err(Closed)
[panic "2" in "" at true true]
[panic "7" in "" at true true]
[panic "away" in "worker" at true true]
[panic "away" in "<unnamed>" at true true]
end[result text/plain/0:*m* text/markdown/0:*m*]
"#;
    assert_eq!(output, expected);
}

#[test]
fn the_users_panic_hook_is_called_and_the_host_hears_of_panics_all_the_same() {
    let output = run(&format!(
        "{TELLING_HOST}
extern crate cellar as _;
fn next_cell(number: i32) {{ unsafe {{ cellar_runtime_cell_begins() }}; println!(\"{{number}}\"); }}
fn panics() {{ let _ = std::panic::catch_unwind(|| panic!(\"why\")); }}
fn main() {{
    unsafe {{ cellar_runtime_start() }};
    next_cell(1);
    next_cell(2);
    panics();
    let of_cellar = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {{ println!(\"mine\"); of_cellar(info) }}));
    panics();
    next_cell(3);
    panics();
    next_cell(4);
    std::panic::set_hook(Box::new(|_| println!(\"other\")));
    next_cell(5);
    panics();
    let _ = std::panic::take_hook();
    next_cell(6);
    panics();
}}"
    ));
    let expected = r#"1
2
[panic "why" in "" at true true]
mine
[panic "why" in "" at true true]
3
[panic "why" in "" at true true told]
mine
[panic "why" in "" at true true]
4
5
[panic "why" in "" at true true told]
other
6
[panic "why" in "" at true true]
"#;
    assert_eq!(output, expected);
}

#[test]
fn a_fast_loop_shows_one_bar_and_not_a_thousand_updates() {
    let output = run(&format!(
        "{TELLING_HOST}
fn main() {{
    let mut sum = 0_u64;
    for n in cellar::progress(0..200_000_u64).label(\"sum\") {{ sum = sum.wrapping_add(n); }}
    println!(\"{{sum}}\");
    for n in cellar::progress(std::iter::repeat(1)) {{ if sum > 0 {{ break }} sum += n; }}
    println!(\"--\");
    let _ = std::panic::catch_unwind(|| {{ std::panic::set_hook(Box::new(|_| {{}})); for _ in cellar::progress([1, 2, 3]) {{ panic!() }} }});
    drop(cellar::progress([1]));
}}"
    ));
    assert_eq!(output.matches("[display").count(), 3, "{output}");
    assert!(output.matches("[update").count() < 40, "{output}");
    assert!(
        output.contains("sum: 100%|████████████████████| 200000/200000 ["),
        "{output}"
    );
    assert!(
        output.contains("text/plain/0:1 [00:00") && output.contains("] stopped"),
        "{output}"
    );
    assert!(
        output.contains("1/3 [00:00") && output.contains("] panicked"),
        "{output}"
    );
}

#[test]
fn the_stub_compiles_alone_and_has_the_whole_interface() {
    let uses = r#"
        pub fn every_item(png: Vec<u8>) -> Result<(), cellar::InputError> {
            let handle: cellar::DisplayHandle = cellar::display(1);
            handle.update(vec![1]);
            let _: &str = handle.id();
            let _: [cellar::DisplayHandle; 5] =
                [cellar::html("a"), cellar::markdown(String::new()), cellar::latex("a"), cellar::svg("a"), cellar::json(1)];
            let _: [cellar::DisplayHandle; 3] = [cellar::png(&png), cellar::jpeg(&png), cellar::text(format_args!("a"))];
            cellar::display((cellar::Html("a"), 1).0);
            cellar::display(cellar::Png(png));
            let _ = (cellar::Latex("a"), cellar::Svg("a"), cellar::Markdown("a"), cellar::Json(1), cellar::Text(2), cellar::Jpeg([1]));
            let progress: cellar::Progress<std::ops::Range<u8>> = cellar::progress(0..3).label("a").total(3);
            let sum: u8 = progress.map(|n: u8| n).sum();
            cellar::clear_output(sum == 3);
            let _: String = cellar::input("a")?;
            let _: String = cellar::password("a")?;
            let bundle: cellar::Bundle = cellar::Rich::mime_bundle(&cellar::Bundle::new().text("a").png([1]).metadata("", 1));
            let _: bool = bundle.is_empty() && bundle.clone() == bundle;
            Ok(())
        }
        pub fn parameters() -> Result<(), cellar::params::ParamError> {
            cellar::params::set("a", 1);
            cellar::params::set_all("b", ["c"]);
            cellar::params::from_map(cellar::params::to_map());
            let _: (Option<u8>, Option<String>) = (cellar::params::get_as("a")?, cellar::params::get("a"));
            let _: (String, Vec<String>) = (cellar::params::get_or("a", "b"), cellar::params::get_all("a"));
            let _: (bool, bool, Vec<String>, usize) =
                (cellar::params::contains("a"), cellar::params::remove("a"), cellar::params::keys(), cellar::params::clear());
            Ok(())
        }
        pub fn session() {
            cellar::session::set("a", 1);
            let _: Option<i32> = cellar::session::get::<i32>("a");
            let _ = cellar::session::get_or("a", 1) + cellar::session::get_or_insert_with("a", || 1);
            let _: Option<usize> = cellar::session::update("a", |it: &mut Vec<u8>| it.len());
            let _: (bool, bool, Vec<String>, usize) =
                (cellar::session::contains("a"), cellar::session::remove("a"), cellar::session::keys(), cellar::session::clear());
        }
        pub fn displayable(it: impl cellar::Displayable) -> cellar::Bundle { it.to_bundle() }
    "#;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("lib.rs");
    std::fs::write(&file, format!("{}{uses}", api_stub())).expect("writable");
    let output = Command::new(rustc())
        .args([
            "--edition=2024",
            "--crate-type=lib",
            "--emit=metadata",
            "--out-dir",
        ])
        .args([folder.path(), &file])
        .output()
        .expect("rustc runs");
    assert!(
        output.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&output.stderr),
        api_stub()
    );
    let stub = api_stub();
    assert!(stub.contains("/// Shows HTML at once."), "{stub}");
    for left_out in ["__private::", "crate::", "unsafe", "feature(", "cfg(", "fn show("] {
        assert!(!stub.contains(left_out), "`{left_out}` in\n{stub}");
    }
}
