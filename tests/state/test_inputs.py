"""Parameters and session values as inputs of what is cached."""

import time

from support.cells import Book, told
from support.front_end import FrontEnd


def test_a_parameter_that_is_read_is_an_input_and_another_is_not(book):
    book.ok("%params set city Oslo")
    cell = 'let c = cellar::params::get_or("city", "none");'
    book.miss(cell)
    book.hit(cell)
    book.ok("%params set other 1")
    book.hit(cell)
    book.ok("%params set city Lima")
    book.miss(cell)
    assert book.show("c.clone()") == '"Lima"'
    explained = book.explain("c")
    assert "the parameter `city` changed" in explained and '"Oslo"' in explained and '"Lima"' in explained
    assert "`other`" not in explained
    book.ok("%params set city Oslo")
    book.hit(cell)
    assert book.show("c.clone()") == '"Oslo"'
    book.ok("%params clear city")
    book.miss(cell)
    assert book.show("c.clone()") == '"none"'


def test_a_parameter_is_found_however_indirectly_it_is_read(book):
    book.ok('fn helper() -> String { cellar::params::get("deep").unwrap_or_default() }')
    book.ok('macro_rules! asks { ($key:literal) => { cellar::params::get($key) } }')
    book.ok('fn key() -> String { ["de", "ep2"].concat() }')
    book.ok("%params set deep 1")
    book.ok("%params set deep2 1")
    cells = [
        "let i1 = helper();",
        'let i2 = asks!("deep");',
        "let i3 = cellar::params::get(&key());",
        'let i4 = std::thread::spawn(|| cellar::params::get("deep")).join().unwrap();',
    ]
    for cell in cells:
        book.miss(cell)
        book.hit(cell)
    book.ok("%params set deep 2")
    book.ok("%params set deep2 2")
    for cell in cells:
        book.miss(cell)
        book.hit(cell)


def test_lists_of_names_and_whole_maps_are_inputs(book):
    book.ok("%params set a 1")
    cells = ["let names = cellar::params::keys();", "let all = cellar::params::to_map();", 'let is = cellar::params::contains("b");']
    for cell in cells:
        book.miss(cell)
        book.hit(cell)
    book.ok("%params set b 1")
    for cell in cells:
        book.miss(cell)
    book.ok("%params set b 2")
    book.hit(cells[0])
    book.miss(cells[1])


def test_an_override_is_an_input_as_well(book):
    FrontEnd(book.kernel, {"city": "Oslo"})
    cell = 'let o = cellar::params::get("city");'
    book.miss(cell)
    book.ok('%params override {"city": "Lima"}')
    book.miss(cell)
    book.ok('%params override {"city": "Oslo"}')
    book.hit(cell)


def test_a_hit_sets_the_parameters_that_the_run_has_set(book):
    front_end = FrontEnd(book.kernel)
    cell = 'cellar::params::set("made", "here"); let s = 1;'
    book.miss(cell)
    assert front_end.state["params"] == {"made": "here"}
    book.ok("%params clear")
    assert front_end.state["params"] is None
    book.hit(cell)
    assert front_end.state["params"] == {"made": "here"}
    assert book.show('cellar::params::get("made")') == 'Some("here")'


def test_parameters_count_after_a_restart(book, new_kernel):
    book.ok("%params set city Oslo")
    cell = 'let later = cellar::params::get("city");'
    book.miss(cell)
    book.end()
    for city, expected in [("Oslo", "hit"), ("Lima", "miss")]:
        kernel = new_kernel()
        kernel.ok(f"%params set city {city}")
        # Nothing but the parameter differs.
        kernel.ok(book.tick)
        result = kernel.ok(book.cell(cell))
        assert told(result)["cache"] == expected, city


def test_functions_have_them_as_inputs(book):
    book.ok(
        '//% cache_data\nfn of_city(n: u32) -> String { tick(); format!("{n} {}", cellar::params::get_or("city", "")) }\n'
        "fn outer(n: u32) -> String { of_city(n) }"
    )
    book.ok("%params set city Oslo")

    def calls(expression, runs):
        before = book.runs
        shown = book.show(expression)
        assert book.runs - before == runs, expression
        return shown

    assert calls("(of_city(1), of_city(2), of_city(1))", 2) == '("1 Oslo", "2 Oslo", "1 Oslo")'
    book.ok("%params set city Lima")
    assert calls("(of_city(1), of_city(1))", 1) == '("1 Lima", "1 Lima")'
    book.ok("%params set city Oslo")
    assert calls("(of_city(1), of_city(2))", 0) == '("1 Oslo", "2 Oslo")'
    # A cached cell that calls it depends on the same, also when the function itself is not computed.
    cell = "let through = outer(1);"
    book.ok("//% cache_data\n" + cell)
    book.ok("%params set city Rome")
    result = book.ok("//% cache_data\n" + cell)
    assert told(result)["cache"] == "miss"
    assert book.show("through.clone()") == '"1 Rome"'


def test_functions_that_read_parameters_are_kept_over_a_restart(new_kernel, tmp_path):
    cell = '//% cache_data\nfn lasting() -> String { tick(); cellar::params::get_or("city", "") }'
    for city, runs in [("Oslo", 1), ("Lima", 2), ("Oslo", 2), ("Lima", 2)]:
        book = Book(new_kernel(), tmp_path / "log")
        book.ok(f"%params set city {city}")
        book.ok(cell)
        assert book.show("lasting()") == f'"{city}"'
        assert book.runs == runs, city
        book.end()


def test_resources_have_them_as_inputs(book):
    book.ok('//% cache_resource\nfn connection() -> String { tick(); cellar::params::get_or("city", "") }')
    for city, runs in [("Oslo", 1), ("Oslo", 1), ("Lima", 2), ("Oslo", 2)]:
        book.ok(f"%params set city {city}")
        assert book.show("connection().to_string()") == f'"{city}"'
        assert book.runs == runs, city
    cell = '//% cache_resource\nlet client = { tick(); cellar::params::get_or("city", "") };'
    before = book.runs
    for city, runs in [("Oslo", 1), ("Oslo", 1), ("Lima", 2), ("Oslo", 2)]:
        book.ok(f"%params set city {city}")
        book.ok(cell)
        assert book.show("client.to_string()") == f'"{city}"'
        assert book.runs - before == runs, city


def test_a_session_value_is_an_input_by_its_content(book):
    book.ok('cellar::session::set("n", 1);')
    cell = 'let from_session = cellar::session::get_or("n", 0) * 10;'
    book.miss(cell)
    book.hit(cell)
    book.ok('cellar::session::set("n", 2);')
    book.miss(cell)
    assert book.show("from_session") == "20"
    assert "the session value `n` changed" in book.explain("from_session")
    book.ok('cellar::session::set("n", 1); cellar::session::set("other", 1);')
    book.hit(cell)
    book.ok('cellar::session::update("n", |n: &mut i32| *n += 5);')
    book.miss(cell)
    book.ok("%session clear n")
    book.miss(cell)


def test_a_session_value_that_cannot_be_compared_counts_by_its_run(book):
    book.ok("#[derive(Clone)] struct Settings { level: u8 }")
    book.ok('cellar::session::set("settings", Settings { level: 1 });')
    cell = 'let level = cellar::session::get::<Settings>("settings").unwrap().level;'
    book.miss(cell)
    book.hit(cell)
    book.ok('cellar::session::set("settings", Settings { level: 1 });')
    book.miss(cell)


def test_a_session_value_that_changes_inside_keeps_the_cell_from_being_kept(book):
    book.ok('cellar::session::set("cell", std::rc::Rc::new(std::cell::Cell::new(1)));')
    cell = 'let inside = cellar::session::get::<std::rc::Rc<std::cell::Cell<i32>>>("cell").unwrap().get();'
    result = book.miss(cell)
    assert "not kept" in result.stderr and "`cell`" in result.stderr
    book.ok('cellar::session::get::<std::rc::Rc<std::cell::Cell<i32>>>("cell").unwrap().set(2);')
    book.miss(cell)
    assert book.show("inside") == "2"


def test_a_cell_that_changes_the_session_map_is_not_kept(book):
    cell = 'cellar::session::set("made", 1); let effect = 1;'
    result = book.miss(cell)
    assert "not kept" in result.stderr and "`made`" in result.stderr
    book.ok("%session clear")
    book.miss(cell)
    assert book.show('cellar::session::get::<i32>("made")') == "Some(1)"


def test_a_function_that_changes_something_is_not_kept(book):
    book.ok('//% cache_data\nfn counts(n: u32) -> u32 { tick(); cellar::session::set("last", n); n }')
    result = book.ok("(counts(1), counts(1))")
    assert "`counts` is not cached" in result.stderr and "`last`" in result.stderr
    assert book.runs == 2


def test_what_a_thread_of_an_earlier_cell_sets_is_seen(book):
    book.ok('cellar::session::set("late", 1); cellar::params::set("late", 1);')
    cells = ['let late1 = cellar::session::get_or("late", 0);', 'let late2 = cellar::params::get("late");']
    for cell in cells:
        book.miss(cell)
        book.hit(cell)
    book.ok(
        "let (go, wait) = std::sync::mpsc::channel::<()>(); let (done, is_done) = std::sync::mpsc::channel::<()>();"
        "std::thread::spawn(move || { wait.recv().unwrap(); std::thread::sleep(std::time::Duration::from_millis(300));"
        'cellar::session::set("late", 2); cellar::params::set("late", 2); done.send(()).unwrap(); });'
    )
    book.ok("go.send(()).unwrap();")
    time.sleep(1)
    for cell in cells:
        book.miss(cell)
    book.ok("is_done.recv().unwrap();")
