"""What cells depend on besides the notebook: crates, settings, the environment."""

import pytest

from support.kernel import Kernel

CELL = """
//% cache_data
let x = { println!("computing"); mylib::f() };
x
"""


@pytest.fixture
def own(jupyter_home, tmp_path):
    """Starts kernels that share a store of their own."""
    kernels = []

    def start(**environment):
        environment["CELLAR_CACHE_DIR"] = str(tmp_path / "cache")
        kernels.append(Kernel(extra_env=environment))
        return kernels[-1]

    yield start
    for kernel in kernels:
        kernel.close()


@pytest.fixture
def mylib(tmp_path):
    """A crate in a folder of the user's; writes its library and gives the line that adds it."""
    folder = tmp_path / "mylib"
    (folder / "src").mkdir(parents=True)
    (folder / "Cargo.toml").write_text('[package]\nname = "mylib"\nversion = "0.1.0"\nedition = "2021"\n')

    def write(code):
        (folder / "src/lib.rs").write_text(code)
        return f':dep mylib = {{ path = "{folder}" }}'

    return write


def was_hit(kernel, code):
    """Runs a cell with a directive; whether its result was taken from the cache."""
    return kernel.ok(code).request.reply["metadata"]["cellar"]["cache"] == "hit"


def test_a_crate_in_a_folder_counts_with_its_content(own, mylib):
    kernel = own()
    kernel.ok(mylib("pub fn f() -> i64 { 1 }"))
    assert not was_hit(kernel, CELL)
    assert was_hit(kernel, CELL)
    mylib("pub fn f() -> i64 { 2 }")
    assert not was_hit(kernel, CELL)
    assert kernel.show("x") == "2"
    mylib("pub fn f() -> i64 { 1 }")
    assert was_hit(kernel, CELL)
    assert kernel.show("x") == "1"


def test_another_session_finds_it_with_the_same_crates_only(own, mylib):
    line = mylib("pub fn f() -> i64 { 1 }")
    first = own()
    first.ok(line)
    assert not was_hit(first, CELL)
    # A kernel that is killed may not have written it yet.
    assert was_hit(first, CELL)
    first.close()
    second = own()
    second.ok(line)
    assert was_hit(second, CELL)
    mylib("pub fn f() -> i64 { 3 }")
    assert not was_hit(second, CELL)
    explained = second.show("%cache explain")
    assert "the dependency `mylib` changed" in explained


def test_a_value_of_a_crates_older_type_is_not_read(own, mylib):
    kernel = own()
    kernel.ok(mylib("#[derive(Clone)] pub struct T { pub a: i64, pub b: i64 } pub fn t() -> T { T { a: 1, b: 2 } }"))
    kernel.ok("struct S { t: mylib::T }")
    kernel.ok("let s = S { t: mylib::t() };\nlet plain = 5;")
    assert kernel.show("s.t.b") == "2"
    mylib("#[derive(Clone)] pub struct T { pub b: String } pub fn t() -> T { T { b: String::new() } }")
    assert kernel.show("plain") == "5"
    result = kernel.run("s.t.b")
    assert result.status == "error"
    assert "`s`" in result.stderr


def test_settings_count(own):
    kernel = own()
    cell = "//% cache_data\nlet v = vec![1, 2];\nv"
    assert not was_hit(kernel, cell)
    kernel.ok(":fmt {:#?}")
    assert not was_hit(kernel, cell)
    kernel.ok(":fmt {:?}")
    assert was_hit(kernel, cell)
    kernel.ok(":opt 0")
    assert not was_hit(kernel, cell)
    kernel.ok(":opt 2")
    assert was_hit(kernel, cell)


def test_the_environment_is_that_of_the_cells(own):
    kernel = own(FOO="kernel")
    cell = '//% cache_data env="FOO"\nlet e = std::env::var("FOO").ok();\ne'
    assert not was_hit(kernel, cell)
    assert was_hit(kernel, cell)
    kernel.ok("%env FOO=cells")
    assert not was_hit(kernel, cell)
    kernel.ok('unsafe { std::env::remove_var("FOO") };')
    assert not was_hit(kernel, cell)
    kernel.ok("%env FOO=kernel")
    assert was_hit(kernel, cell)


def test_what_is_kept_in_memory_leaves_nothing_on_disk(own, tmp_path):
    kernel = own()
    cell = '//% cache_data persist="memory"\nlet v: Vec<u64> = (0..100_000).map(|x| x ^ 0xdeadbeef).collect();'
    assert not was_hit(kernel, cell)
    assert was_hit(kernel, cell)
    assert kernel.show("v[3]") == "3735928556"
    store = tmp_path / "cache/store"
    large = [path for path in store.rglob("*") if path.is_file() and path.stat().st_size >= 100_000]
    assert [path for path in large if "index" not in path.name] == []


def test_a_budget_that_is_no_size_is_told_once(own):
    kernel = own(CELLAR_CACHE_MAX="lots")
    assert "CELLAR_CACHE_MAX" in kernel.ok("1").stderr
    assert kernel.ok("1").stderr == ""
