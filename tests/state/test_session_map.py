"""`cellar::session` and `%session`."""

import pytest


@pytest.fixture(autouse=True)
def empty(kernel):
    kernel.ok("%session clear")


def test_values_survive_running_their_cell_again(kernel):
    cell = 'let visits = cellar::session::get_or_insert_with("visits", || 0) + 1; cellar::session::set("visits", visits);'
    for _ in range(3):
        kernel.ok(cell)
    assert kernel.show('cellar::session::get::<i32>("visits")') == "Some(3)"


def test_each_function(kernel):
    kernel.ok('cellar::session::set("list", vec![1, 2]);')
    assert kernel.show('cellar::session::get::<Vec<i32>>("list")') == "Some([1, 2])"
    assert kernel.show('cellar::session::get::<i32>("missing")') == "None"
    assert kernel.show('cellar::session::get_or("missing", 7)') == "7"
    assert kernel.show('cellar::session::contains("missing")') == "false"
    assert kernel.show('cellar::session::update("list", |list: &mut Vec<i32>| { list.push(3); list.len() })') == "Some(3)"
    assert kernel.show('cellar::session::update("missing", |n: &mut i32| *n)') == "None"
    assert kernel.show("cellar::session::keys()") == '["list"]'
    assert kernel.show('(cellar::session::remove("list"), cellar::session::remove("list"))') == "(true, false)"
    assert kernel.show("cellar::session::clear()") == "0"


def test_another_type_fails_the_cell_and_names_both(kernel):
    kernel.ok('cellar::session::set("n", 1);')
    error = kernel.fails('cellar::session::get::<String>("n")')
    assert "`n`" in error.evalue and "`i32`" in error.evalue and "`String`" in error.evalue
    assert 'cellar::session::set("n", …)' in error.evalue
    assert "In[" in error.traceback
    error = kernel.fails('cellar::session::update("n", |n: &mut u8| *n += 1);')
    assert "`u8`" in error.evalue
    assert kernel.show('cellar::session::get::<i32>("n")') == "Some(1)"


def test_values_of_any_type(kernel):
    kernel.ok("use std::{rc::Rc, cell::RefCell, fs::File};")
    kernel.ok('let shared = Rc::new(RefCell::new(1)); cellar::session::set("shared", shared.clone());')
    kernel.ok('*cellar::session::get::<Rc<RefCell<i32>>>("shared").unwrap().borrow_mut() += 1;')
    assert kernel.show("shared.borrow().to_string()") == '"2"'
    kernel.ok('cellar::session::set("file", File::open("/dev/null").unwrap());')
    kernel.ok('cellar::session::update("file", |file: &mut File| { use std::io::Read; file.read_to_string(&mut String::new()).unwrap() });')
    listed = kernel.ok("%session").value
    assert "Rc" in listed and "File" in listed


def test_a_failed_cell_changes_nothing(kernel):
    kernel.ok('cellar::session::set("n", 1);')
    kernel.fails('cellar::session::set("n", 2); cellar::session::set("m", 2); panic!("no")')
    assert kernel.show('cellar::session::get::<i32>("n")') == "Some(1)"
    assert kernel.show("cellar::session::keys()") == '["n"]'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("struct Redefined { x: i32 }", "struct Redefined { x: f64 }"),
        ("struct Redefined { x: Inner } #[derive(Debug, Clone)] struct Inner(u8, u8);", "struct Redefined { x: Inner } #[derive(Debug, Clone)] struct Inner(u16);"),
    ],
)
def test_a_value_of_an_older_definition_is_never_given_out(kernel, before, after):
    value = "Redefined { x: 1 }" if "i32" in before else "Redefined { x: Inner(1, 2) }"
    kernel.ok(f"#[derive(Debug, Clone)] {before}")
    kernel.ok(f'cellar::session::set("r", {value}); cellar::session::set("plain", 1);')
    error = kernel.fails(f'#[derive(Debug, Clone)] {after}\ncellar::session::get::<Redefined>("r")')
    assert "`r`" in error.evalue and "defined otherwise" in error.evalue
    # That cell failed: the older definition holds.
    assert kernel.show('cellar::session::get::<Redefined>("r").is_some()') == "true"
    told = kernel.ok(f"#[derive(Debug, Clone)] {after}")
    assert "`r`" in told.stderr and "dropped" in told.stderr
    assert kernel.show('cellar::session::get::<Redefined>("r")') == "None"
    assert kernel.show('cellar::session::get::<i32>("plain")') == "Some(1)"


def test_the_same_definition_and_new_methods_lose_nothing(kernel):
    kernel.ok("#[derive(Debug, Clone)] struct Kept { x: i32 }")
    kernel.ok('cellar::session::set("k", Kept { x: 1 });')
    assert "dropped" not in kernel.ok("#[derive(Debug, Clone)]\nstruct Kept {\n    x: i32 // the same\n}").stderr
    kernel.ok("impl Kept { fn double(&self) -> i32 { 2 * self.x } }")
    assert kernel.show('cellar::session::get::<Kept>("k").unwrap().double()') == "2"


def test_a_trait_that_changes_behind_dyn(kernel):
    kernel.ok("trait Shape { fn area(&self) -> f64; } struct Square(f64); impl Shape for Square { fn area(&self) -> f64 { self.0 * self.0 } }")
    kernel.ok('cellar::session::set("shape", Box::new(Square(2.0)) as Box<dyn Shape>);')
    told = kernel.ok(
        "trait Shape { fn name(&self) -> String; fn area(&self) -> f64; } "
        'impl Shape for Square { fn name(&self) -> String { "square".into() } fn area(&self) -> f64 { self.0 } }'
    )
    assert "`shape`" in told.stderr
    assert kernel.show('cellar::session::contains("shape")') == "false"


def test_threads_may_use_plain_values(kernel):
    kernel.ok('cellar::session::set("n", 1);')
    kernel.ok(
        "let handles: Vec<_> = (0..8).map(|_| std::thread::spawn(|| for _ in 0..100 "
        '{ cellar::session::update("n", |n: &mut i32| *n += 1); })).collect(); for h in handles { h.join().unwrap(); }'
    )
    assert kernel.show('cellar::session::get::<i32>("n")') == "Some(801)"


def test_the_magic(kernel):
    assert "no session values" in kernel.ok("%session").value
    kernel.ok('cellar::session::set("a number", 42); cellar::session::set("text", String::from("hello"));')
    listed = kernel.ok("%session").value
    assert "42" in listed and "hello" in listed and "i32" in listed and "String" in listed
    assert "`text` is the nearest" in kernel.fails("%session clear txt").evalue
    kernel.ok("%session clear 'a number'")
    assert kernel.show("cellar::session::keys()") == '["text"]'
    assert "1 session value" in kernel.ok("%session clear").value


def test_the_map_is_gone_after_a_reset_and_with_its_process(kernel):
    for way in ("%reset", ":restart"):
        kernel.ok('cellar::session::set("n", 1);')
        kernel.ok(way)
        assert kernel.show('cellar::session::get::<i32>("n")') == "None", way
