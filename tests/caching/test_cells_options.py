"""Options of `//% cache_data` above a cell, one after the other."""

import time

import pytest

from support.cells import cache_of


def test_a_file_whose_content_changes(book, tmp_path):
    data = tmp_path / "one.csv"
    data.write_text("1")
    cell = f'let one_file = std::fs::read_to_string("{data}").unwrap();\none_file'
    options = f'(files = "{data}")'
    assert book.miss(cell, options).value == '"1"'
    assert book.hit(cell, options).value == '"1"'
    data.write_text("2")
    assert book.miss(cell, options).value == '"2"'
    data.write_text("1")
    assert book.hit(cell, options).value == '"1"'


def test_a_file_that_is_only_touched(book, tmp_path):
    data = tmp_path / "touched.csv"
    data.write_text("1")
    book.miss("let of_touched = 1;", f'(files = "{data}")')
    data.touch()
    book.hit("let of_touched = 1;", f'(files = "{data}")')


def test_a_glob_sees_new_and_removed_files(book, tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "a.csv").write_text("a")
    (folder / "a.txt").write_text("no part of it")
    cell = f'let csvs = std::fs::read_dir("{folder}").unwrap().count();'
    options = f'(files = "{folder}/*.csv")'
    book.miss(cell, options)
    (folder / "b.csv").write_text("b")
    book.miss(cell, options)
    (folder / "b.txt").write_text("b")
    book.hit(cell, options)
    (folder / "b.csv").unlink()
    book.hit(cell, options)
    (folder / "a.csv").rename(folder / "c.csv")
    book.miss(cell, options)


def test_a_glob_that_goes_down(book, tmp_path):
    deep = tmp_path / "tree" / "x" / "y"
    deep.mkdir(parents=True)
    (deep / "one.dat").write_text("1")
    options = f'(files = ["{tmp_path}/tree/**/*.dat"])'
    book.miss("let of_tree = 1;", options)
    (deep / "one.dat").write_text("2")
    book.miss("let of_tree = 1;", options)


def test_a_glob_that_matches_nothing_is_told(book, tmp_path):
    options = f'(files = "{tmp_path}/none/*.csv")'
    for run in (book.miss, book.hit):
        assert f"nothing matches `{tmp_path}/none/*.csv`" in run("let of_none = 1;", options).stderr
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "a.csv").touch()
    assert book.miss("let of_none = 1;", options).stderr == ""


def test_an_input_that_changes_while_the_cell_runs_is_not_kept(book, tmp_path):
    data = tmp_path / "moving.csv"
    data.write_text("old")
    cell = f'let moving = std::fs::read_to_string("{data}").unwrap();\nstd::fs::write("{data}", "new").unwrap();\nmoving'
    result = book.miss(cell, f'(files = "{data}")')
    assert result.value == '"old"' and "changed while the cell ran" in result.stderr
    data.write_text("old")
    assert book.miss(cell, f'(files = "{data}")').value == '"old"'


def test_an_environment_variable(book):
    cell = 'let from_env = std::env::var("CELLS_OPTION").unwrap_or_default();\nfrom_env'
    options = '(env = "CELLS_OPTION")'
    assert book.miss(cell, options).value == '""'
    book.ok("%env CELLS_OPTION=one")
    assert book.miss(cell, options).value == '"one"'
    assert book.hit(cell, options).value == '"one"'
    book.ok("%env CELLS_OPTION=two")
    assert book.miss(cell, options).value == '"two"'
    book.ok('unsafe { std::env::set_var("CELLS_OPTION", "one") };')
    assert book.hit(cell, options).value == '"one"'


def test_an_environment_variable_of_the_kernel(new_book):
    cell = 'let at_start = std::env::var("CELLS_START").unwrap();\nat_start'
    for value, computed in (("a", True), ("b", True), ("a", False)):
        book = new_book(extra_env={"CELLS_START": value})
        result, ran = book.run(cell, '(env = ["CELLS_START", "CELLS_UNSET"])')
        assert (ran, result.value) == (computed, f'"{value}"')
        book.end()


def test_ttl(book):
    book.miss("let short_lived = 1;", "(ttl = 2)")
    book.hit("let short_lived = 1;", "(ttl = 2)")
    time.sleep(2.1)
    book.miss("let short_lived = 1;", "(ttl = 2)")
    book.hit("let short_lived = 1;", "(ttl = 2)")


def test_ttl_is_honoured_after_a_restart(new_book):
    book = new_book()
    book.miss("let aged = 1;", '(ttl = "2s")')
    book.miss("let ageless = 1;", '(ttl = "1h")')
    book.end()
    time.sleep(2)
    book = new_book()
    book.miss("let aged = 1;", '(ttl = "2s")')
    book.hit("let ageless = 1;", '(ttl = "1h")')


def test_max_entries(book):
    cell = "let limited = bound * 2;"

    def run(bound):
        book.ok(f"let bound = {bound};")
        return book.run(cell, "(max_entries = 2)")[1]

    assert [run(n) for n in (1, 2, 1, 3, 1, 2)] == [True, True, False, True, False, True]


def test_max_bytes(book):
    cell = "let heavy = vec![weight; 100_000];"

    def run(weight):
        book.ok(f"let weight = {weight}u8;")
        ran = book.run(cell, '(max_bytes = "150kB")')[1]
        book.ok("%cache list")
        return ran

    assert [run(n) for n in (1, 1, 2, 2, 1)] == [True, False, True, False, True]


def test_entries_in_memory_are_gone_after_a_restart(new_book):
    book = new_book()
    book.miss("let in_memory = vec![1];", '(persist = "memory")')
    book.hit("let in_memory = vec![1];", '(persist = "memory")')
    assert book.show("in_memory") == "[1]"
    book.end()
    book = new_book()
    book.miss("let in_memory = vec![1];", '(persist = "memory")')


def test_name(book):
    book.miss("let unnamed = 1;", '(name = "named_by_hand")')
    listed = book.ok("%cache list").value
    assert "named_by_hand" in listed and "unnamed" not in listed.split()
    assert "1 entry cleared" in book.ok("%cache clear named_by_hand").value
    book.miss("let unnamed = 1;", '(name = "named_by_hand")')


def test_options_are_no_part_of_the_key(book):
    book.miss("let optional = 1;")
    book.hit("let optional = 1;", '(name = "other", ttl = "1h")')


BAD = {
    '(ttl = "soon")': "ttl",
    "(ttl = -1)": "ttl",
    '(max_entries = "many")': "max_entries",
    '(max_bytes = "1 parsec")': "max_bytes",
    '(persist = "cloud")': "disk",
    "(tll = 1)": "ttl",
    "(on_release = f)": "on_release",
    "(ttl = 1": ")",
    "(ttl = 1, ttl = 2)": "ttl",
}


@pytest.mark.parametrize("options", BAD)
def test_a_bad_option_is_an_error_before_anything_runs(book, options):
    failed = book.kernel.fails(book.cell("let bad_option = 1;", options))
    assert BAD[options] in failed.traceback, failed
    assert book.runs == 0
    assert book.kernel.fails("bad_option").ename


def test_options_without_brackets(book):
    book.miss("let bare = 1;", " ttl=1h name=bare_name")
    assert "bare_name" in book.ok("%cache list").value


def test_deprecated_spellings_work_and_are_told_once(new_book):
    book = new_book()
    for spelling in ("cache", "experimental_memo"):
        cell = f"//% {spelling}\nlet by_{spelling} = 1;"
        first, second = book.ok(cell), book.ok(cell)
        assert (cache_of(first), cache_of(second)) == ("miss", "hit")
        assert f"`//% {spelling}` is deprecated" in first.stderr and "`//% cache_data`" in first.stderr
        assert second.stderr == ""


def test_a_spinner_is_no_output(book):
    first = book.miss("let spun = 1;\nspun", '(show_spinner = "Working")')
    second = book.hit("let spun = 1;\nspun", '(show_spinner = "Working")')
    assert first.value == second.value == "1"
    assert "Working" not in repr(second.events)
