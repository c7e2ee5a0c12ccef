//! The engine for real: evcxr, rustc and the host process of the built executable. evcxr takes its folder
//! from the environment of the whole process, so there is one engine and one test, which tells several stories.

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

use std::sync::{Arc, Mutex};

use cell::CellSource;
use engine::cell_code::DebugFormat;
use engine::knowledge::{Adoption, Refused};
use engine::{Engine, Evaluation, Variable};
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

/// A notebook that is run cell by cell.
struct Notebook {
    engine: Engine,
    cells: Mutex<usize>,
    /// What each cell took from the store.
    materialised: Arc<Mutex<Vec<Vec<String>>>>,
    _cache: tempfile::TempDir,
}

impl Notebook {
    fn open() -> Notebook {
        let cache = tempfile::tempdir().unwrap();
        let program = env!("CARGO_BIN_EXE_cellar").into();
        let engine = Engine::with_program(cache.path().to_owned(), program).unwrap();
        let materialised: Arc<Mutex<Vec<Vec<String>>>> = Arc::default();
        let asked = Arc::clone(&materialised);
        engine.set_materialiser(Arc::new(move |names| {
            let mut names = names.to_vec();
            names.sort();
            asked.lock().unwrap().push(names);
            Ok(())
        }));
        Notebook {
            engine,
            cells: Mutex::new(0),
            materialised,
            _cache: cache,
        }
    }

    fn source(&self, code: &str) -> Arc<CellSource> {
        let mut number = self.cells.lock().unwrap();
        *number += 1;
        CellSource::new(format!("In[{number}]"), code)
    }

    fn run(&self, code: &str) -> (Evaluation, String) {
        let shown = Arc::new(Shown::default());
        let source = self.source(code);
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

    fn fails(&self, code: &str) -> Evaluation {
        let (evaluation, _) = self.run(code);
        assert!(evaluation.error.is_some(), "{code}");
        evaluation
    }

    fn adopt(&self, rust: &str, variables: &[(&str, &str, bool)], forgotten: &[&str]) {
        self.engine.adopt(&Adoption {
            cell: self.source(rust),
            rust: rust.to_owned(),
            variables: variables
                .iter()
                .map(|(name, type_text, mutable)| Variable {
                    name: (*name).to_owned(),
                    type_text: (*type_text).to_owned(),
                    mutable: *mutable,
                })
                .collect(),
            forgotten: forgotten.iter().map(|name| (*name).to_owned()).collect(),
        });
    }

    fn names(&self) -> Vec<String> {
        self.engine
            .known()
            .variables
            .into_iter()
            .map(|it| it.name)
            .collect()
    }
}

#[test]
fn stories() {
    let notebook = Notebook::open();
    cells_are_compiled_once(&notebook);
    a_cell_that_is_refused_never_runs(&notebook);
    variables_are_told(&notebook);
    inputs_are_told(&notebook);
    replayed_cells_are_told_later(&notebook);
    a_variable_that_evcxr_refuses_is_told(&notebook);
    what_was_cleared_is_gone(&notebook);
    notebook.engine.shutdown();
}

/// With the crate that evcxr will ask for already made, whatever the cell is made of.
fn cells_are_compiled_once(notebook: &Notebook) {
    let cells = [
        "use std::collections::{HashMap, BTreeMap as Tree};",
        "#[derive(Debug, Clone)]\nstruct Point { x: u32 }\nimpl Point { fn new(x: u32) -> Point { Point { x } } }",
        "macro_rules! twice { ($x:expr) => { $x * 2 } }\nfn four() -> u32 { twice!(2) }",
        "let point = Point::new(four()); let (left, mut right) = (1u8, vec![point.clone()]);",
        "let tree: Tree<u8, Option<Point>> = Tree::from([(1, None)]);\nlet map = HashMap::from([(\"a\", 1.5)]);",
        "right.push(Point::new(7)); let number: u32 = \"7\".parse()?;",
        "let boxed: Box<dyn Fn(u32) -> u32> = Box::new(|x| x + 1); let text = \"static\";",
        "println!(\"{}\", boxed(number));",
        "impl Point { fn new(x: u32) -> Point { Point { x: x + 1 } } }",
        "right.iter().map(|it| it.x).sum::<u32>() + Point::new(1).x",
    ];
    for code in cells {
        let (evaluation, _) = notebook.run(code);
        assert!(evaluation.error.is_none(), "{code}: {:?}", evaluation.error);
        assert_eq!(evaluation.build.compiles, 1, "{code}");
    }
    notebook.prints(
        "println!(\"{left} {} {text} {}\", map[\"a\"], tree.len());",
        "1 1.5 static 1\n",
    );
    notebook.fails("let wrong: i32 = \"text\";");
    assert!(!notebook.names().contains(&"wrong".to_owned()));
    let (evaluation, _) =
        notebook.run("let mut lent = vec![1]; let one = &mut lent; let two = &mut lent; one.push(1);");
    let Some(engine::EngineError::Compile(errors)) = evaluation.error else {
        panic!("{:?}", evaluation.error);
    };
    assert!(
        errors.iter().any(|error| error["code"]["code"] == "E0499"),
        "{errors:?}"
    );
    notebook.run(":clear");
}

fn a_cell_that_is_refused_never_runs(notebook: &Notebook) {
    let (evaluation, text) = notebook.run("println!(\"runs\"); let closure = |x: i32| x + 1;");
    assert!(evaluation.error.is_some() && !evaluation.run.ran);
    assert_eq!(text, "");
    notebook.prints("println!(\"next\");", "next\n");
}

fn what_was_cleared_is_gone(notebook: &Notebook) {
    notebook.prints("fn cleared() {} let cleared_too = 1;", "");
    notebook.run(":clear");
    assert!(notebook.engine.items().iter().next().is_none() && notebook.names().is_empty());
    notebook.fails("cleared()");
    let evaluation = notebook.prints("fn cleared() -> u8 { 2 } println!(\"{}\", cleared());", "2\n");
    assert_eq!(evaluation.build.compiles, 1);
}

fn variables_are_told(notebook: &Notebook) {
    let evaluation = notebook.prints("let a = 1i32; let mut text = String::from(\"x\");", "");
    let defined = evaluation.defined.iter();
    let defined: Vec<_> = defined
        .map(|it| (it.name.as_str(), it.type_text.as_str(), it.mutable))
        .collect();
    assert_eq!(defined, [("a", "i32", false), ("text", "String", true)]);
    assert_eq!(evaluation.taken, Vec::<String>::new());
    let evaluation = notebook.prints("text.push('y'); println!(\"{text}\");", "xy\n");
    assert_eq!(evaluation.taken, ["text"]);
    let evaluation = notebook.prints("let moved = text; println!(\"{a}\");", "1\n");
    assert_eq!(evaluation.removed, ["text"]);
    assert_eq!(evaluation.build.compiles, 2, "rustc finds out that it is moved");
    assert_eq!(notebook.names(), ["a", "moved"]);
    assert_eq!(
        notebook.materialised.lock().unwrap().last().unwrap(),
        &["a", "text"]
    );
    let evaluation = notebook.prints("let gone = vec![1]; let moved = gone;", "");
    assert_eq!(evaluation.build.compiles, 2);
}

fn inputs_are_told(notebook: &Notebook) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("some words.txt");
    std::fs::write(&file, "words").unwrap();
    let code =
        format!("println!(\"{{}} {{:?}}\", include_str!({file:?}), option_env!(\"CELLAR_TEST_UNSET\"));");
    let evaluation = notebook.prints(&code, "words None\n");
    assert_eq!(evaluation.build.inputs.files, [file]);
    assert_eq!(
        evaluation.build.inputs.env,
        [("CELLAR_TEST_UNSET".to_owned(), None)]
    );
    let evaluation = notebook.prints("println!(\"plain\");", "plain\n");
    assert_eq!(
        evaluation.build.inputs,
        engine::rustc::dep_info::Inputs::default()
    );
}

/// The values of `kept` and `sum` stay in the host; evcxr forgets the variables and is told of them again.
fn replayed_cells_are_told_later(notebook: &Notebook) {
    notebook.prints("let kept = vec![1u8, 2]; let sum = 3u64;", "");
    notebook.adopt("let other = kept; drop(sum);", &[], &["kept", "sum"]);
    assert!(!notebook.names().contains(&"kept".to_owned()));
    notebook.fails("println!(\"{}\", kept.len());");
    notebook.adopt(
        "fn twice(x: u64) -> u64 { x * 2 }\nlet mut kept = made();",
        &[("kept", "Vec<u8>", true)],
        &[],
    );
    notebook.adopt("impl Wrapped { fn get(&self) -> u64 { self.0 } }", &[], &[]);
    notebook.adopt(
        "struct Wrapped(u64);\nlet sum = 3;",
        &[("sum", "u64", false)],
        &[],
    );
    assert!(notebook.engine.items().text().contains("fn twice"));
    let evaluation = notebook.prints(
        "kept.push(3); println!(\"{} {}\", kept.len(), twice(Wrapped(sum).get()));",
        "3 6\n",
    );
    assert_eq!(
        evaluation.build.compiles, 1,
        "nothing was compiled for the adopted cells"
    );
    assert_eq!(
        notebook.materialised.lock().unwrap().last().unwrap(),
        &["kept", "sum"]
    );
    notebook.prints("let kept = 1; println!(\"{kept}\");", "1\n");
}

fn a_variable_that_evcxr_refuses_is_told(notebook: &Notebook) {
    notebook.adopt("", &[("strange", "{unknown}", false), ("a", "i32", false)], &[]);
    let evaluation = notebook.prints("println!(\"{a}\");", "1\n");
    let name = |refused: &Refused| match refused {
        Refused::Variable { name, .. } => name.clone(),
        Refused::Dependencies { reason } => reason.clone(),
    };
    let refused: Vec<_> = evaluation.refused.iter().map(name).collect();
    assert_eq!(refused, ["strange"]);
    assert!(!notebook.names().contains(&"strange".to_owned()));
}
