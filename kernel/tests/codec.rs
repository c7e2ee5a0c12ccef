//! Codec libraries for real: evcxr, rustc and the host process of the built executable. evcxr takes its folder from the
//! environment of the whole process, so there is one engine at a time and one test, which tells several stories.

// Not every part of the modules is used from here.
#![allow(dead_code, unused_imports)]
#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "../src/analysis/mod.rs"]
mod analysis;
#[path = "../src/cell.rs"]
mod cell;
#[path = "../src/engine/mod.rs"]
mod engine;
#[path = "../src/host/mod.rs"]
mod host;
#[path = "../src/interpreter.rs"]
mod interpreter;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cell::CellSource;
use engine::cell_code::DebugFormat;
use engine::codec::{Codec, Refusal, Saved};
use engine::{Engine, Evaluation};
use interpreter::{Frontend, InputError, Output};

#[derive(Default)]
struct Shown(Mutex<String>);

impl Frontend for Shown {
    fn output(&self, output: Output) {
        if let Output::Text { text, .. } = output {
            self.0.lock().unwrap().push_str(&text);
        }
    }

    fn input(&self, _prompt: &str, _password: bool) -> Result<String, InputError> {
        Err(InputError::NotAllowed)
    }
}

/// A kernel's engine. What it keeps on disk stays between runs of the tests, as it does between kernels.
struct Notebook {
    engine: Engine,
    cells: Mutex<usize>,
}

fn cache() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/codec-tests")
}

impl Notebook {
    fn open(cache: &Path) -> Notebook {
        let program = env!("CARGO_BIN_EXE_cellar").into();
        Notebook {
            engine: Engine::with_program(cache.to_owned(), program).unwrap(),
            cells: Mutex::new(0),
        }
    }

    fn run(&self, code: &str) -> (Evaluation, String) {
        let shown = Arc::new(Shown::default());
        let mut number = self.cells.lock().unwrap();
        *number += 1;
        let source = CellSource::new(format!("In[{number}]"), code);
        let prepared = self.engine.prepare(code, &source, DebugFormat::Compact);
        let evaluation = self
            .engine
            .evaluate(&prepared, Arc::clone(&shown) as Arc<dyn Frontend>);
        let text = shown.0.lock().unwrap().clone();
        (evaluation, text)
    }

    fn prints(&self, code: &str, expected: &str) -> Evaluation {
        let (evaluation, text) = self.run(code);
        assert!(evaluation.error.is_none(), "{code}: {:?}", evaluation.error);
        assert_eq!(text, expected, "{code}");
        evaluation
    }

    /// The type of a variable as evcxr writes it.
    fn type_of(&self, variable: &str) -> String {
        let known = self.engine.known().variables;
        let found = known.iter().find(|it| it.name == variable);
        found
            .unwrap_or_else(|| panic!("no `{variable}` in {known:?}"))
            .type_text
            .clone()
    }

    fn codec_of(&self, variable: &str) -> Result<Codec, Refusal> {
        self.engine.codecs(&[self.type_of(variable)]).remove(0)
    }

    fn digest(&self, variable: &str) -> Result<[u8; 32], Refusal> {
        self.codec_of(variable)?.digest(self.engine.host(), variable)
    }

    fn save(&self, variable: &str, file: &Path) -> Result<Saved, Refusal> {
        self.codec_of(variable)?
            .save(self.engine.host(), variable, file)
            .wait()
    }

    fn load(&self, variable: &str, file: &Path) -> Result<(), Refusal> {
        self.codec_of(variable)?.load(self.engine.host(), variable, file)
    }

    fn close(self) {
        self.engine.shutdown();
    }
}

const P: &str = "#[derive(serde::Serialize, serde::Deserialize, Clone, Debug, PartialEq)]\nstruct P { x: i32, name: String }";

#[test]
fn stories() {
    let files = tempfile::tempdir().unwrap();
    let file = |name: &str| files.path().join(name);
    let notebook = Notebook::open(&cache());
    values_come_back_as_they_were(&notebook, &file);
    what_cannot_be_stored_is_told(&notebook, &file);
    user_code_that_fails_harms_nobody(&notebook, &file);
    copies_are_values_of_their_own(&notebook);
    notebook.close();
    let notebook = Notebook::open(&cache());
    another_process_reads_them(&notebook, &file);
    a_changed_definition_is_noticed(&notebook, &file);
    dependencies_types_are_stored_with_their_serde(&notebook, &file);
    notebook.close();
}

fn values_come_back_as_they_were(notebook: &Notebook, file: &dyn Fn(&str) -> PathBuf) {
    notebook.prints(P, "");
    notebook.prints(
        "let rows = vec![P { x: 1, name: \"a\".into() }, P { x: 2, name: \"b\".into() }];\n\
         let numbers: Vec<f64> = (0..10_000_000).map(|n| n as f64).collect();\n\
         let map: std::collections::HashMap<String, Vec<P>> = (0..100).map(|n| (n.to_string(), rows.clone())).collect();\n\
         let text = String::from(\"words\"); let nothing: Option<u8> = None;",
        "",
    );
    let types = ["rows", "numbers", "map", "text", "nothing"].map(|name| notebook.type_of(name));
    // All at once are one library.
    for codec in notebook.engine.codecs(&types) {
        codec.unwrap();
    }
    for variable in ["rows", "numbers", "map", "text", "nothing"] {
        let before = notebook.digest(variable).unwrap();
        let saved = notebook.save(variable, &file(variable)).unwrap();
        assert_eq!(saved.digest, before, "{variable}");
        assert_eq!(
            file(variable).metadata().unwrap().len(),
            saved.bytes,
            "{variable}"
        );
        notebook.load(variable, &file(variable)).unwrap();
        assert_eq!(notebook.digest(variable).unwrap(), before, "{variable}");
    }
    notebook.prints(
        "println!(\"{:?} {} {} {} {text} {nothing:?}\", rows, numbers.len(), numbers[9_999_999], map[\"99\"] == rows);",
        "[P { x: 1, name: \"a\" }, P { x: 2, name: \"b\" }] 10000000 9999999 true words None\n",
    );
    // Nothing is written over.
    assert!(
        notebook
            .save("rows", &file("rows"))
            .unwrap_err()
            .reason
            .contains("exists")
    );
    // A cell that comes meanwhile does not change what is written.
    let before = notebook.digest("numbers").unwrap();
    let codec = notebook.codec_of("numbers").unwrap();
    let saving = codec.save(notebook.engine.host(), "numbers", &file("numbers again"));
    notebook.prints(
        "let mut numbers = numbers; numbers.iter_mut().for_each(|n| *n += 1.0);",
        "",
    );
    assert_eq!(saving.wait().unwrap().digest, before);
    assert_ne!(notebook.digest("numbers").unwrap(), before);
}

fn what_cannot_be_stored_is_told(notebook: &Notebook, file: &dyn Fn(&str) -> PathBuf) {
    notebook.prints(
        "#[derive(Clone)] struct Bare(u8);\n#[derive(serde::Serialize)] struct Half(u8);\nlet shared = std::rc::Rc::new(5);\n\
         let handle = std::fs::File::open(\"/dev/null\").unwrap();\nlet bare = vec![Bare(1)]; let half = Half(1);\n\
         let boxed: Box<dyn Fn() -> i32> = Box::new(|| 3);\nlet long = [0u8; 64];",
        "",
    );
    for (variable, expected) in [
        ("shared", "`Rc`"),
        ("handle", "`File`"),
        ("bare", "`Bare` is not serialisable"),
        ("boxed", "trait object"),
        ("half", "read back"),
    ] {
        let refusal = notebook.save(variable, &file(variable)).unwrap_err().to_string();
        assert!(refusal.contains(expected), "{variable}: {refusal}");
        assert!(
            refusal.contains("cache_resource") || variable == "half",
            "{variable}: {refusal}"
        );
        assert!(!file(variable).exists());
    }
    notebook.save("long", &file("long")).unwrap();
    // A type that nobody can name does not spoil the others.
    let types = ["Vec<P>", "Vec<Nobody>", "{unknown}"].map(str::to_owned);
    let codecs = notebook.engine.codecs(&types);
    assert!(codecs[0].is_ok());
    assert!(
        codecs[1].as_ref().unwrap_err().reason.contains("Nobody"),
        "{codecs:?}"
    );
    assert!(codecs[2].is_err());
    // The variables are still there.
    notebook.prints("println!(\"{} {}\", shared, bare.len());", "5 1\n");
}

fn user_code_that_fails_harms_nobody(notebook: &Notebook, file: &dyn Fn(&str) -> PathBuf) {
    notebook.prints(
        "use serde::{Serialize, Serializer, Deserialize, Deserializer};\n#[derive(Debug)] struct Odd(u8);\n\
         impl Serialize for Odd { fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> { match self.0 {\n\
            1 => panic!(\"in serialize\"), 2 => std::process::abort(), 3 => loop { std::hint::black_box(0); },\n\
            4 => std::process::exit(0), n => to.serialize_u8(n) } } }\n\
         impl<'de> Deserialize<'de> for Odd { fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {\n\
            let n = u8::deserialize(from)?; if n == 9 && std::env::var_os(\"ODD\").is_some() { std::process::abort() } Ok(Odd(n)) } }\n\
         let panics = Odd(1); let aborts = Odd(2); let loops = Odd(3); let exits = Odd(4); let fine = Odd(9);",
        "",
    );
    let failed = |variable: &str| notebook.save(variable, &file(variable)).unwrap_err().reason;
    assert!(failed("panics").contains("in serialize"));
    assert!(failed("aborts").contains("aborted"));
    assert!(failed("exits").contains("without an answer"));
    let codec = notebook.codec_of("loops").unwrap();
    let looping = codec.start_digest(notebook.engine.host(), "loops");
    notebook.prints("println!(\"meanwhile\");", "meanwhile\n");
    assert!(looping.poll().is_none());
    looping.stop();
    assert!(looping.wait().unwrap_err().reason.contains("interrupted"));
    notebook.save("fine", &file("fine")).unwrap();
    notebook.prints("unsafe { std::env::set_var(\"ODD\", \"1\") };", "");
    let died = notebook.load("fine", &file("fine")).unwrap_err();
    assert!(died.reason.contains("aborted"), "{died}");
    notebook.prints("println!(\"{} {}\", fine.0, panics.0);", "9 1\n");
}

fn copies_are_values_of_their_own(notebook: &Notebook) {
    let codec = notebook.codec_of("rows").unwrap();
    codec.copy(notebook.engine.host(), "rows", "kept aside").unwrap();
    let before = notebook.digest("rows").unwrap();
    notebook.prints("let mut rows = rows; rows[0].x = 77;", "");
    assert_ne!(notebook.digest("rows").unwrap(), before);
    codec.copy(notebook.engine.host(), "kept aside", "rows").unwrap();
    notebook.engine.host().forget(&["kept aside".to_owned()]);
    assert_eq!(notebook.digest("rows").unwrap(), before);
    let gone = codec.digest(notebook.engine.host(), "kept aside").unwrap_err();
    assert!(gone.reason.contains("no variable"), "{gone}");
}

fn another_process_reads_them(notebook: &Notebook, file: &dyn Fn(&str) -> PathBuf) {
    notebook.prints(P, "");
    // Its type is what counts, not who made it: evcxr knows variables of these names and types.
    notebook.prints(
        "let rows: Vec<P> = Vec::new(); let numbers: Vec<f64> = Vec::new();",
        "",
    );
    notebook.load("rows", &file("rows")).unwrap();
    notebook.load("numbers", &file("numbers")).unwrap();
    notebook.prints(
        "println!(\"{:?} {}\", rows[1], numbers[3]);",
        "P { x: 2, name: \"b\" } 3\n",
    );
    let other = notebook.load("numbers", &file("rows")).unwrap_err();
    assert!(other.reason.contains("not of the type"), "{other}");
    let missing = notebook.load("numbers", &file("nowhere")).unwrap_err();
    assert!(missing.reason.contains("nowhere"), "{missing}");
    std::fs::write(file("short"), &std::fs::read(file("numbers")).unwrap()[..1000]).unwrap();
    assert!(notebook.load("numbers", &file("short")).is_err());
    notebook.prints("println!(\"{}\", numbers.len());", "10000000\n");
}

fn a_changed_definition_is_noticed(notebook: &Notebook, file: &dyn Fn(&str) -> PathBuf) {
    let codec = notebook.codec_of("rows").unwrap();
    notebook.prints(&P.replace("i32", "i64"), "");
    let of_new = notebook.engine.codecs(&["Vec<P>".to_owned()]).remove(0).unwrap();
    assert_ne!(codec, of_new);
    let refusal = of_new
        .load(notebook.engine.host(), "rows", &file("rows"))
        .unwrap_err();
    assert!(refusal.reason.contains("older definition"), "{refusal}");
    let refusal = of_new.digest(notebook.engine.host(), "rows").unwrap_err();
    assert!(refusal.reason.contains("older definition"), "{refusal}");
    // An item that the type does not reach does not matter.
    notebook.prints("fn unrelated() {}", "");
    assert_eq!(
        notebook.engine.codecs(&["Vec<P>".to_owned()]).remove(0).unwrap(),
        of_new
    );
}

fn dependencies_types_are_stored_with_their_serde(notebook: &Notebook, file: &dyn Fn(&str) -> PathBuf) {
    notebook.prints(":dep semver = { version = \"1\", features = [\"serde\"] }", "");
    notebook.prints(
        "#[derive(Debug, serde::Serialize, serde::Deserialize)] struct Release { version: semver::Version, p: P }\n\
         let release = Release { version: semver::Version::new(1, 2, 3), p: P { x: 5, name: \"five\".into() } };",
        "",
    );
    let saved = notebook.save("release", &file("release")).unwrap();
    notebook.load("release", &file("release")).unwrap();
    assert_eq!(notebook.digest("release").unwrap(), saved.digest);
    notebook.prints("println!(\"{} {}\", release.version, release.p.x);", "1.2.3 5\n");
}

/// How long it takes, for people: `cargo test --release --test codec measure -- --ignored --nocapture`.
#[test]
#[ignore = "measures, and looks at nothing"]
fn measure() {
    let notebook = Notebook::open(&cache());
    let files = tempfile::tempdir_in(cache()).unwrap();
    let timed = |what: &str, work: &mut dyn FnMut()| {
        let since = Instant::now();
        work();
        eprintln!("{what}: {:?}", since.elapsed());
    };
    notebook.prints(
        &format!("{P}\nconst SEED: u128 = {};", uuid::Uuid::new_v4().as_u128()),
        "",
    );
    let unique = format!(
        "struct U{}; impl Drop for P {{ fn drop(&mut self) {{}} }}",
        uuid::Uuid::new_v4().simple()
    );
    notebook.prints(&unique, "");
    notebook.prints(
        "let rows = vec![P { x: 1, name: \"a\".into() }]; let n = 5u64;",
        "",
    );
    timed("codec of u64, first", &mut || {
        drop(notebook.codec_of("n").unwrap())
    });
    timed("codec of Vec<P>, compiled", &mut || {
        drop(notebook.codec_of("rows").unwrap())
    });
    timed("codec of Vec<P>, known", &mut || {
        drop(notebook.codec_of("rows").unwrap())
    });
    let small = notebook.codec_of("n").unwrap();
    timed("100 digests of a u64", &mut || {
        (0..100).for_each(|_| {
            small.digest(notebook.engine.host(), "n").unwrap();
        })
    });
    let rows = notebook.codec_of("rows").unwrap();
    timed("100 digests of a Vec<P> aside", &mut || {
        (0..100).for_each(|_| {
            rows.digest(notebook.engine.host(), "rows").unwrap();
        })
    });
    let (evaluation, _) = notebook.run("let big: Vec<f64> = (0..50_000_000).map(|n| n as f64).collect();");
    assert!(evaluation.error.is_none());
    let big = notebook.codec_of("big").unwrap();
    for round in 0..3 {
        let file = files.path().join(format!("big{round}"));
        timed("digest of 400 MB", &mut || {
            big.digest(notebook.engine.host(), "big").unwrap();
        });
        timed("save of 400 MB", &mut || {
            big.save(notebook.engine.host(), "big", &file).wait().unwrap();
        });
        timed("load of 400 MB", &mut || {
            big.load(notebook.engine.host(), "big", &file).unwrap()
        });
        let content = std::fs::read(&file).unwrap();
        timed("memcpy of 400 MB", &mut || {
            drop(std::hint::black_box(content.clone()))
        });
        timed("write of 400 MB", &mut || {
            std::fs::write(files.path().join("plain"), &content).unwrap()
        });
        timed("read of 400 MB", &mut || {
            drop(std::hint::black_box(std::fs::read(&file).unwrap()))
        });
        std::thread::sleep(Duration::from_millis(100));
    }
    notebook.close();
}
