"""Rust over several cells."""


def test_a_variable_from_cell_to_cell(kernel):
    kernel.ok("let across = 1;")
    kernel.ok("let across_two = across + 1;")
    assert kernel.show("across + across_two") == "3"


def test_a_variable_is_mutated(kernel):
    kernel.ok("let mut grown = vec![1];")
    kernel.ok("grown.push(2); grown.extend([3, 4]);")
    assert kernel.show("grown") == "[1, 2, 3, 4]"


def test_a_variable_gets_another_type(kernel):
    kernel.ok("let retyped = 1;")
    kernel.ok('let retyped = format!("{retyped}!");')
    assert kernel.show("retyped") == '"1!"'


def test_a_variable_is_moved_away(kernel):
    kernel.ok("let source = vec![1, 2];")
    kernel.ok("let target = source;")
    assert kernel.show("target") == "[1, 2]"
    assert "source" in kernel.fails("source").traceback


def test_structs_enums_traits_and_generics(kernel):
    kernel.ok("#[derive(Debug, Clone, PartialEq)] struct Point<T> { x: T, y: T }")
    kernel.ok("trait Norm { fn norm(&self) -> f64; }")
    kernel.ok("impl Norm for Point<f64> { fn norm(&self) -> f64 { self.x.hypot(self.y) } }")
    kernel.ok("fn longest<N: Norm>(all: &[N]) -> f64 { all.iter().map(Norm::norm).fold(0.0, f64::max) }")
    kernel.ok("let points = vec![Point { x: 3.0, y: 4.0 }, Point { x: 0.0, y: 1.0 }];")
    assert kernel.show("longest(&points)") == "5.0"
    assert kernel.show("points[1].clone()") == "Point { x: 0.0, y: 1.0 }"
    kernel.ok("#[derive(Debug)] enum Shape { Dot, Line(Point<f64>, Point<f64>) }")
    assert kernel.show("Shape::Dot") == "Dot"


def test_trait_objects(kernel):
    kernel.ok("trait Animal { fn name(&self) -> String; }\nstruct Crab; struct Cat;")
    kernel.ok('impl Animal for Crab { fn name(&self) -> String { "Ferris".into() } }')
    kernel.ok('impl Animal for Cat { fn name(&self) -> String { "Tom".into() } }')
    kernel.ok("let zoo: Vec<Box<dyn Animal>> = vec![Box::new(Crab), Box::new(Cat)];")
    assert kernel.show("zoo.iter().map(|a| a.name()).collect::<Vec<_>>()") == '["Ferris", "Tom"]'


def test_a_function_is_redefined(kernel):
    kernel.ok("fn answer() -> i32 { 1 }")
    kernel.ok("fn answer() -> i32 { 2 }")
    assert kernel.show("answer()") == "2"


def test_a_type_is_redefined_and_its_old_values_are_not_misread(kernel):
    kernel.ok("struct Cell { x: u32 }\nlet old_cell = Cell { x: 3 };")
    kernel.ok("struct Cell { x: u64 }")
    result = kernel.run("old_cell.x")
    assert result.status == "error" or result.value == "3", "a value of the old type was read as the new one"
    assert kernel.show("Cell { x: 1 }.x") == "1"


def test_a_redefinition_that_would_crash_if_believed(kernel):
    kernel.ok("struct Holder { inner: u64 }\nlet held = Holder { inner: 7 };")
    kernel.ok("struct Holder { inner: Box<u64> }")
    result = kernel.run('println!("{}", *held.inner);')
    assert result.status == "error"
    assert "SIGSEGV" not in result.traceback
    assert "held" in result.traceback


def test_a_cell_with_impls_can_be_run_again(kernel):
    cell = "struct Again(i32);\nimpl Again { fn get(&self) -> i32 { self.0 } }\nimpl From<i32> for Again { fn from(n: i32) -> Self { Again(n) } }"
    for _ in range(3):
        kernel.ok(cell)
    assert kernel.show("Again::from(5).get()") == "5"


def test_an_impl_alone_can_be_run_again_and_changed(kernel):
    kernel.ok("struct Voice;")
    kernel.ok('impl Voice { fn say(&self) -> &str { "one" } }')
    kernel.ok('impl Voice { fn say(&self) -> &str { "two" } }')
    assert kernel.show("Voice.say()") == '"two"'


def test_macros(kernel):
    kernel.ok("macro_rules! square { ($x:expr) => { $x * $x }; }")
    assert kernel.show("square!(7)") == "49"


def test_consts_statics_and_modules(kernel):
    kernel.ok("const LIMIT: usize = 3;\nstatic GREETING: &str = \"hi\";\nmod inner { pub fn depth() -> u8 { 2 } }")
    assert kernel.show("(LIMIT, GREETING, inner::depth())") == '(3, "hi", 2)'


def test_use_statements_last(kernel):
    kernel.ok("use std::collections::{BTreeMap, HashSet as Set};")
    kernel.ok('let mut ages = BTreeMap::new(); ages.insert("a", 1);')
    assert kernel.show("ages") == '{"a": 1}'
    kernel.ok("let set: Set<i32> = Set::new();")


def test_the_same_use_twice(kernel):
    for _ in range(2):
        kernel.ok("use std::fmt::Write as _;\nuse std::rc::Rc;")
    assert kernel.show("Rc::new(1)") == "1"


def test_closures_in_boxes(kernel):
    kernel.ok("let add: Box<dyn Fn(i32) -> i32> = { let by = 10; Box::new(move |n| n + by) };")
    assert kernel.show("add(5)") == "15"


def test_a_function_pointer(kernel):
    kernel.ok("fn triple(n: i32) -> i32 { n * 3 }\nlet pointer: fn(i32) -> i32 = triple;")
    assert kernel.show("pointer(4)") == "12"


def test_what_cannot_be_kept_is_explained(kernel):
    """A reference to a variable, and a closure without a nameable type."""
    kernel.ok("let owner = String::from(\"x\");")
    borrowed = kernel.fails("let borrowed = &owner;")
    assert "borrowed" in borrowed.traceback + borrowed.evalue or "owner" in borrowed.traceback
    assert kernel.show("owner") == '"x"'


def test_destructuring(kernel):
    kernel.ok("let (left, [first, .., last]) = (1, [2, 3, 4]);")
    assert kernel.show("(left, first, last)") == "(1, 2, 4)"
    kernel.ok("struct Pair2 { a: i32, b: String }\nlet Pair2 { a: from_a, b: from_b } = Pair2 { a: 1, b: \"b\".into() };")
    assert kernel.show("(from_a, from_b)") == '(1, "b")'


def test_loops_and_shadowing_in_one_cell(kernel):
    kernel.ok("let mut sum = 0;\nfor i in 1..=10 {\n    if i % 2 == 0 { continue; }\n    sum += i;\n}\nlet sum = sum * 2;")
    assert kernel.show("sum") == "50"


def test_await_in_a_cell(kernel):
    kernel.ok("async fn soon() -> i32 { 41 }", timeout=240)
    assert kernel.ok("soon().await + 1", timeout=240).value == "42"
    kernel.ok("let awaited = soon().await;", timeout=240)
    assert kernel.show("awaited") == "41"


def test_a_local_crate_as_dependency(kernel, tmp_path):
    crate = tmp_path / "shapes"
    (crate / "src").mkdir(parents=True)
    (crate / "Cargo.toml").write_text('[package]\nname = "shapes"\nversion = "0.3.0"\nedition = "2021"\n')
    (crate / "src" / "lib.rs").write_text("/// Corners of a cube.\npub fn corners() -> u8 { 8 }\n")
    kernel.ok("let before_dep = vec![1];")
    kernel.ok(f':dep shapes = {{ path = "{crate}" }}')
    assert kernel.show("shapes::corners()") == "8"
    assert kernel.show("before_dep") == "[1]", "a dependency costs no variable"


def test_many_cells(kernel):
    for i in range(25):
        kernel.ok(f"let n{i} = {i};")
    assert kernel.show(" + ".join(f"n{i}" for i in range(25))) == str(sum(range(25)))


def test_comments_only(kernel):
    for cell in ("// nothing", "/* nothing\n at all */", "// nothing\n\n"):
        assert kernel.ok(cell).events == []


def test_windows_line_ends(kernel):
    assert kernel.ok("let crlf = 1;\r\nlet crlf_two = 2;\r\ncrlf + crlf_two\r\n").value == "3"


def test_attributes_and_docs(kernel):
    kernel.ok("#[allow(dead_code)]\n/// Documented.\n#[derive(Debug, Default)]\npub struct Documented { a: u8 }")
    assert kernel.show("Documented::default()") == "Documented { a: 0 }"


def test_arguments_of_the_program_are_not_the_kernels(kernel):
    assert "connection" not in kernel.show("std::env::args().collect::<Vec<_>>()")
