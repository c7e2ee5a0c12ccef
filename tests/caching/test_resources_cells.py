"""Cells below `//% cache_resource`: one instance for each key, shared, and released once."""

import re
from textwrap import dedent

import pytest

SETUP = """
struct Database {{ url: String, queries: std::sync::atomic::AtomicU32 }}
impl Database {{
    fn open(url: &str) -> Database {{ note("open", url); Database {{ url: url.to_owned(), queries: Default::default() }} }}
    fn query(&self) -> u32 {{ self.queries.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1 }}
}}
fn note(what: &str, url: &str) {{
    use std::io::Write;
    let mut log = std::fs::OpenOptions::new().create(true).append(true).open("{log}").unwrap();
    writeln!(log, "{{what}} {{url}}").unwrap();
}}
fn close(database: &Database) {{ note("close", &database.url); }}
fn is_open(database: &Database) -> bool {{ !database.url.starts_with("broken") }}
"""


class Notebook:
    """A kernel whose cells write what they do to a log."""

    def __init__(self, kernel, log):
        self.kernel = kernel
        self.log = log
        self.setup()

    def setup(self):
        self.kernel.ok(SETUP.format(log=self.log))

    def cell(self, code):
        """Runs a cell; gives "hit" or "miss"."""
        result = self.kernel.ok(dedent(code))
        self.result = result
        return result.request.reply["metadata"]["cellar"]["cache"]

    def ok(self, code):
        return self.kernel.ok(code)

    def did(self):
        """What was logged since the last question."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return lines


@pytest.fixture
def notebook(kernel, tmp_path):
    kernel.ok("%cache clear")
    notebook = Notebook(kernel, tmp_path / "log")
    yield notebook
    kernel.ok("%cache on")


@pytest.fixture
def own_notebook(new_kernel, tmp_path):
    """Its kernel may be restarted and broken."""
    return Notebook(new_kernel(), tmp_path / "log")


OPEN = '//% cache_resource(on_release = close)\nlet db = Database::open("a");\nprintln!("ready");\ndb.url.len()'


def test_a_hit_hands_out_the_same_instance(notebook):
    assert notebook.cell(OPEN) == "miss"
    assert notebook.kernel.show("db.query()") == "1"
    assert notebook.cell(OPEN) == "hit"
    assert notebook.result.stdout == "ready\n" and notebook.result.value == "1"
    assert notebook.kernel.show("db.query()") == "2"
    assert notebook.did() == ["open a"]


def test_moving_and_dropping_the_variable_loses_nothing(notebook):
    notebook.cell(OPEN)
    notebook.ok("drop(db);")
    assert notebook.cell(OPEN) == "hit"
    notebook.ok("let other = db; other.query();")
    assert notebook.cell(OPEN) == "hit"
    assert notebook.kernel.show("db.query()") == "2"
    assert notebook.kernel.show("cellar::Resource::ptr_eq(&db, &other)") == "true"
    assert notebook.did() == ["open a"]


def test_an_edit_releases_what_nothing_leads_to_any_more(notebook):
    notebook.cell(OPEN)
    assert notebook.cell(OPEN.replace('"a"', '"b"')) == "miss"
    assert notebook.did() == ["open a", "open b", "close a"]
    assert notebook.cell(OPEN.replace('"a"', '"b"')) == "hit"


def test_instances_of_other_inputs_stay(notebook):
    cell = "//% cache_resource(on_release = close)\nlet db = Database::open(&url);"
    for url, outcome in [("x", "miss"), ("y", "miss"), ("x", "hit"), ("y", "hit")]:
        notebook.ok(f'let url = "{url}".to_owned();')
        assert notebook.cell(cell) == outcome
    assert notebook.did() == ["open x", "open y"]


def test_max_entries_evicts_and_releases(notebook):
    cell = "//% cache_resource(on_release = close, max_entries = 1)\nlet db = Database::open(&url);"
    for url in ["x", "y", "x"]:
        notebook.ok(f'let url = "{url}".to_owned();')
        assert notebook.cell(cell) == "miss"
    assert notebook.did() == ["open x", "open y", "close x", "open x", "close y"]


def test_an_instance_that_is_too_old_is_released(notebook):
    cell = '//% cache_resource(on_release = close, ttl = "1s")\nlet db = Database::open("aged");'
    notebook.cell(cell)
    notebook.ok("std::thread::sleep(std::time::Duration::from_millis(1100));")
    assert notebook.cell(cell) == "miss"
    assert notebook.did() == ["open aged", "close aged", "open aged"]


def test_an_instance_that_is_not_valid_is_released_and_made_anew(notebook):
    cell = '//% cache_resource(on_release = close, validate = is_open)\nlet db = Database::open("{}");'
    assert [notebook.cell(cell.format("broken")) for _ in range(2)] == ["miss", "miss"]
    assert notebook.did() == ["open broken", "close broken", "open broken"]
    assert [notebook.cell(cell.format("fine")) for _ in range(2)] == ["miss", "hit"]
    assert notebook.did() == ["open fine", "close broken"]


@pytest.mark.parametrize("clear", ["%cache clear", "%cache clear resource", "%cache clear db"])
def test_clear_releases(notebook, clear):
    notebook.cell(OPEN)
    notebook.ok(clear)
    assert notebook.did() == ["open a", "close a"]
    assert notebook.cell(OPEN) == "miss"
    assert notebook.did() == ["open a"]


def test_code_can_clear(notebook):
    notebook.cell(OPEN)
    notebook.ok("cellar::cache_resource::clear();")
    assert notebook.cell(OPEN) == "miss"
    assert notebook.did() == ["open a", "close a", "open a"]


def test_a_changed_type_releases(notebook):
    notebook.ok("struct Point { x: u8 } fn gone(_: &Point) { note(\"gone\", \"point\"); }")
    cell = "//% cache_resource(on_release = gone)\nlet point = Point { x: 7 };"
    notebook.cell(cell)
    notebook.ok("drop(point);")
    notebook.ok("struct Point { x: u64 } fn gone(_: &Point) { note(\"gone\", \"point\"); }")
    assert notebook.did() == ["gone point"]
    assert notebook.cell(cell) == "miss"
    assert notebook.kernel.show("point.x + 1000") == "1007"


def test_shutdown_releases_and_a_restart_makes_anew(own_notebook):
    own_notebook.cell(OPEN)
    own_notebook.kernel.restart()
    assert own_notebook.did() == ["open a", "close a"]
    own_notebook.setup()
    assert own_notebook.cell(OPEN) == "miss"


def test_a_crash_takes_the_instances_with_it(own_notebook):
    own_notebook.cell(OPEN)
    own_notebook.kernel.run("std::thread::spawn(|| std::thread::park()); std::process::abort();")
    own_notebook.kernel.run("std::process::abort();")
    outcome = own_notebook.cell(OPEN)
    assert own_notebook.kernel.show("db.query()") == "1"
    assert outcome == ("miss" if own_notebook.did() == ["open a", "open a"] else "hit")


def test_what_a_failing_cell_has_made_is_not_kept(notebook):
    notebook.ok("let mut fails = true;")
    cell = '//% cache_resource\nlet db = Database::open("a");\nif fails { panic!("no"); }'
    assert notebook.kernel.run(cell).ename == "panic"
    assert notebook.kernel.run(cell).ename == "panic"
    notebook.ok("let mut fails = false;")
    assert notebook.cell(cell) == "miss"
    assert notebook.did() == ["open a"] * 3


def test_cells_that_read_it_are_keyed_by_it(notebook):
    reads = '//% cache_data\nlet length = { note("read", ""); db.url.len() };'
    notebook.cell(OPEN)
    assert notebook.cell(reads) == "miss"
    notebook.cell(OPEN)
    assert notebook.cell(reads) == "hit"
    notebook.cell(OPEN.replace('"a"', '"longer"'))
    assert notebook.cell(reads) == "miss"
    assert notebook.kernel.show("length") == "6"


def test_the_directives_functions_are_called_for_each_variable(notebook):
    both = '//% cache_resource(on_release = close, validate = is_open)\nlet left = Database::open("l");\nlet right = Database::open("r");'
    assert notebook.cell(both) == "miss"
    assert notebook.cell(both) == "hit"
    notebook.did()
    notebook.ok("%cache clear")
    assert sorted(notebook.did()) == ["close l", "close r"]


UNFIT = {
    "on_release of another type": (
        "on_release = close",
        ["`on_release = close` does not fit the variable `count`", "expected `&Database`, found `&", "another cell"],
    ),
    "validate of another type": ("on_release = any, validate = is_open", ["`validate = is_open` does not fit the variable `count`", "`&Database`"]),
    "validate that gives nothing": ("validate = any", ["`validate = any` does not fit the variable `db`", "expected `bool`, found `()`"]),
    "a function that is not there": ("on_release = clse", ["`on_release = clse`", "cannot find function `clse`"]),
}


@pytest.mark.parametrize("what", UNFIT)
def test_a_function_that_does_not_fit_names_variable_and_type(notebook, what):
    options, words = UNFIT[what]
    notebook.ok("fn any<T>(_: &T) {}")
    failed = notebook.kernel.fails(f'//% cache_resource({options})\nlet db = Database::open("unfit");\nlet count = 3;')
    assert failed.ename == "BadDirective"
    for word in words:
        assert word in failed.evalue + failed.traceback, failed
    assert notebook.did() == []


def test_any_type_can_be_kept(notebook):
    cell = """
        //% cache_resource
        let list = std::sync::Mutex::new(Vec::<u8>::new());
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let file = std::fs::File::open("/dev/null").unwrap();
        let shared = std::rc::Rc::new(std::cell::RefCell::new(1));
    """
    assert notebook.cell(cell) == "miss"
    port = notebook.kernel.show("listener.local_addr().unwrap().port()")
    notebook.ok("list.lock().unwrap().push(1); *shared.borrow_mut() += 1; let _ = file.metadata().unwrap();")
    assert notebook.cell(cell) == "hit"
    assert notebook.kernel.show("listener.local_addr().unwrap().port()") == port
    assert notebook.kernel.show("(list.lock().unwrap().len(), *shared.borrow())") == "(1, 2)"


def test_a_closure_in_a_struct(notebook):
    notebook.ok("struct Holder { call: Box<dyn Fn(u32) -> u32> }")
    cell = "//% cache_resource\nlet holder = Holder { call: Box::new(|n| n + 1) };"
    assert [notebook.cell(cell), notebook.cell(cell)] == ["miss", "hit"]
    assert notebook.kernel.show("(holder.call)(41)") == "42"


def test_what_the_cell_has_moved_is_no_instance(notebook):
    cell = '//% cache_resource\nlet text = String::from("moved");\nlet list = vec![text];'
    assert [notebook.cell(cell), notebook.cell(cell)] == ["miss", "hit"]
    assert notebook.kernel.show("list.len()") == "1"


def test_a_cell_that_changes_another_ones_variable_is_not_kept(notebook):
    notebook.ok("let mut count = 1;")
    cell = "//% cache_resource\ncount += 1;\nlet list = vec![count];"
    assert notebook.cell(cell) == "miss"
    assert "it changed `count`" in notebook.result.stderr
    assert notebook.cell(cell) == "miss"
    assert notebook.kernel.show("(count, list[0])") == "(3, 3)"


def test_the_list_shows_live_instances(notebook):
    notebook.cell(OPEN)
    notebook.ok("//% cache_resource\nfn pool() -> Database { Database::open(\"pool\") }\npool();")
    listed = notebook.ok("%cache").value
    assert re.search(r"^db +resource", listed, re.M) and re.search(r"^pool +resource", listed, re.M)
    notebook.ok("%cache clear pool")
    assert "pool" not in notebook.ok("%cache").value
    notebook.ok("cellar::cache_resource::clear();")
    assert "resource" not in notebook.ok("%cache").value


def test_clearing_data_clears_cells_and_functions(notebook):
    data = '//% cache_data\nlet answer = { note("computed", ""); 42 };'
    notebook.ok('//% cache_data\nfn twice(n: u32) -> u32 { note("called", ""); 2 * n }\ntwice(1);')
    for clear in ["cellar::cache_data::clear();", "%cache clear data", "%cache clear"]:
        notebook.did()
        notebook.cell(data)
        notebook.ok("twice(1);")
        notebook.did()
        assert notebook.cell(data) == "hit"
        notebook.ok(clear)
        assert notebook.cell(data) == "miss"
        notebook.ok("twice(1);")
        assert notebook.did() == ["computed ", "called "], clear


def test_with_the_cache_off_functions_and_cells_run(notebook):
    notebook.ok('//% cache_data\nfn thrice(n: u32) -> u32 { note("called", ""); 3 * n }\nthrice(1);')
    notebook.cell(OPEN)
    notebook.ok("%cache off")
    notebook.did()
    notebook.cell(OPEN)
    notebook.ok("thrice(1); thrice(1);")
    assert notebook.did() == ["open a", "close a", "called ", "called "]
    assert notebook.kernel.show("db.query()") == "1"


def test_a_function_whose_code_includes_a_file_is_not_cached(notebook, tmp_path):
    (tmp_path / "text").write_text("1")
    result = notebook.ok(f'//% cache_data\nfn included() -> &\'static str {{ include_str!("{tmp_path}/text") }}\nincluded();')
    assert "`included` is not cached" in result.stderr
    (tmp_path / "text").write_text("22")
    assert notebook.kernel.show("included()") == '"22"'
