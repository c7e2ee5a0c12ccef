"""`%cache` and `cellar cache`: what is kept, seen, explained and cleared."""

import json
import os

import pytest

from support import notebooks
from support.cells import cache_of


@pytest.fixture
def kept(new_book, own_cache):
    """A kernel with a store of its own and two entries in it."""
    book = new_book(extra_env={"CELLAR_CACHE_DIR": str(own_cache)})
    book.cache = own_cache
    book.miss("let kept_one = vec![1u8; 5000];")
    book.miss("let kept_two = 2;")
    book.hit("let kept_two = 2;")
    return book


def test_an_empty_store(new_book, own_cache):
    book = new_book(extra_env={"CELLAR_CACHE_DIR": str(own_cache)})
    assert "Nothing is kept" in book.ok("%cache").value
    assert book.ok("%cache clear").value == "0 entries cleared, 0 B freed."
    assert "This notebook: 0 entries" in book.ok("%cache stats").value
    assert "No cell with" in book.ok("%cache explain").value
    assert "it is empty" in book.kernel.fails("%cache clear nothing").evalue


def test_list_and_stats(kept):
    listed = kept.ok("%cache")
    assert {line.split()[0] for line in kept.ok("%cache list").value.splitlines() if line.startswith("kept_")} == {"kept_one", "kept_two"}
    assert listed.value.splitlines()[0].split() == ["Name", "Kind", "Size", "Age", "Hits", "Time", "saved"]
    rows = {line.split()[0]: line.split() for line in listed.value.splitlines() if line.startswith("kept_")}
    assert set(rows) == {"kept_one", "kept_two"}
    assert rows["kept_one"][1] == "data"
    assert "text/html" in listed.rich
    stats = kept.ok("%cache stats").value
    here, all_of_it = stats.splitlines()
    assert here.startswith("This notebook: 2 entries, ") and ", 1 hit, " in here, stats
    assert all_of_it.startswith("The store: 2 entries, ") and " of 10 GiB, in " in all_of_it and str(kept.cache) in all_of_it, stats


def test_clear(kept):
    assert "1 entry cleared" in kept.ok("%cache clear kept_one").value
    kept.miss("let kept_one = vec![1u8; 5000];")
    kept.hit("let kept_two = 2;")
    assert "2 entries cleared" in kept.ok("%cache clear data").value
    kept.miss("let kept_two = 2;")
    assert "0 entries cleared" in kept.ok("%cache clear resource").value
    assert "1 entry cleared" in kept.ok("%cache clear").value
    kept.miss("let kept_two = 2;")
    unknown = kept.kernel.fails("%cache clear kept_tow")
    assert "`kept_tow`" in unknown.evalue and "`kept_two`" in unknown.evalue
    kept.hit("let kept_two = 2;")


def test_a_variable_of_a_hit_outlives_the_clearing(kept):
    kept.hit("let kept_one = vec![1u8; 5000];")
    kept.ok("%cache clear")
    assert kept.show("kept_one.len()") == "5000"


def test_off_and_on(kept):
    kept.ok("%cache off")
    for _ in range(2):
        kept.miss("let kept_two = 2;")
    assert "off" in kept.explain("kept_two")
    kept.miss("let while_off = 2;")
    kept.ok("%cache on")
    kept.hit("let kept_two = 2;")
    kept.miss("let while_off = 2;")


def test_the_command_line_on_the_same_store(kept, own_cache):
    kept.ok("%cache list")

    def cellar(*arguments):
        environment = {**os.environ, "CELLAR_CACHE_DIR": str(own_cache)}
        return notebooks.cellar("cache", *arguments, env=environment)

    listed = json.loads(cellar("list", "--json").stdout)
    assert {one["name"]: (one["kind"], one["hits"]) for one in listed} == {"kept_one": ("data", 0), "kept_two": ("data", 1)}
    assert all(one["bytes"] > 0 and one["cost_s"] > 0 for one in listed)
    stats = json.loads(cellar("stats", "--json").stdout)
    assert stats["entries"] == 2 and stats["hits"] == 1
    assert stats["builds"]["count"] >= 4 and stats["builds"]["bytes"] > 1_000_000
    assert "compiled libraries" in cellar("stats").stdout
    assert "kept_one" in cellar("list").stdout
    assert json.loads(cellar("verify", "--json").stdout)["bad"] == 0
    wrong = cellar("clear", "kept_tow")
    assert wrong.returncode != 0 and "kept_two" in wrong.stderr
    assert json.loads(cellar("clear", "kept_two", "--json").stdout)["entries"] == 1
    kept.miss("let kept_two = 2;")
    kept.hit("let kept_one = vec![1u8; 5000];")
    kept.ok("%cache list")
    # Those two and the compiled cells.
    assert int(cellar("verify").stdout.split()[1]) > 2
    assert json.loads(cellar("gc", "--json").stdout)["entries"] == 0
    assert json.loads(cellar("clear", "resource", "--json").stdout)["entries"] == 0
    assert json.loads(cellar("clear", "--json").stdout)["entries"] > 2
    assert json.loads(cellar("list", "--json").stdout) == []
    assert cellar("list").stdout == "The cache is empty.\n"
    typo = cellar("claer")
    assert typo.returncode == 2 and "'clear'" in typo.stderr


def changed(book, name):
    """The inputs that `%cache explain` says have changed."""
    lines = book.explain(name).splitlines()
    assert "miss" in lines[0], lines
    return [line.strip() for line in lines[1:] if "other input" not in line]


def test_explain_names_the_variable_that_changed(book):
    book.ok("let cause = 1; let innocent = 1;")
    cell = "let effect = cause + innocent;"
    book.miss(cell)
    assert "nothing was kept of it before" in book.explain("effect")
    book.hit(cell)
    assert "hit" in book.explain("effect")
    made = book.ok("let cause = 2;").execution_count
    book.miss(cell)
    (line,) = changed(book, "effect")
    assert line.startswith("the variable `cause` changed") and f"In[{made}]" in line


def test_explain_names_the_helper_that_was_edited(book):
    book.ok("fn helper_of() -> i32 { deeper_of() } fn deeper_of() -> i32 { 1 } fn other_of() {}")
    book.miss("let helped_by = helper_of();")
    book.ok("fn deeper_of() -> i32 { 2 } fn other_of() -> i32 { 1 }")
    book.miss("let helped_by = helper_of();")
    (line,) = changed(book, "helped_by")
    assert "`deeper_of`" in line


def test_explain_names_the_file(book, tmp_path):
    data = tmp_path / "explained.csv"
    data.write_text("1")
    book.miss("let by_file = 1;", f'(files = "{tmp_path}/*.csv")')
    data.write_text("22")
    book.miss("let by_file = 1;", f'(files = "{tmp_path}/*.csv")')
    (line,) = changed(book, "by_file")
    assert line.startswith(f"the file `{data}` changed")
    (tmp_path / "new.csv").write_text("1")
    book.miss("let by_file = 1;", f'(files = "{tmp_path}/*.csv")')
    (line,) = changed(book, "by_file")
    assert line.startswith(f"the file `{tmp_path}/new.csv` is new")


def test_explain_names_the_environment_variable(book):
    book.miss("let by_env = 1;", '(env = "CELLS_EXPLAINED")')
    book.ok("%env CELLS_EXPLAINED=1")
    book.miss("let by_env = 1;", '(env = "CELLS_EXPLAINED")')
    (line,) = changed(book, "by_env")
    assert line.startswith("the environment variable `CELLS_EXPLAINED` changed")


def test_explain_names_the_cells_own_code(book):
    book.miss("let by_code = 1;")
    book.miss("let by_code = 2;")
    (line,) = changed(book, "by_code")
    assert line.startswith("the cell's own code was edited")
    # Also when what was kept before is still being written, and long before it is asked for.
    for number in range(3, 8):
        book.miss(f"let by_code = vec![{number}u64; 3_000_000];")
    book.ok("1 + 1;")
    (line,) = changed(book, "by_code")
    assert line.startswith("the cell's own code was edited")


def test_explain_says_why_a_cell_was_not_kept(book):
    book.miss("let not_kept_at_all = std::cell::Cell::new(1);")
    assert "cannot be stored" in book.explain("not_kept_at_all")
    unknown = book.kernel.fails("%cache explain not_kept_at_al")
    assert "`not_kept_at_all`" in unknown.evalue


MISSPELT = {
    "explian": "explain",
    "lst": "list",
    "stat": "stats",
    "claer data": "clear",
    "of": "off",
    "onn": "on",
}


@pytest.mark.parametrize("typed", MISSPELT)
def test_a_misspelt_word_is_an_error_that_names_the_nearest(kernel, typed):
    failed = kernel.fails(f"%cache {typed}")
    assert failed.ename == "BadMagic"
    assert f"there is no `%cache {typed.split()[0]}`" in failed.evalue and f"`{MISSPELT[typed]}` is the nearest" in failed.evalue, failed


@pytest.mark.parametrize("typed", ["clear data now", "off now", "stats all", "explain a b"])
def test_a_word_too_many_is_an_error(kernel, typed):
    failed = kernel.fails(f"%cache {typed}")
    assert failed.ename == "BadMagic" and f"`{typed.split()[-1]}`" in failed.evalue, failed


def test_clearing_from_a_cell(kept):
    assert cache_of(kept.ok("cellar::cache_data::clear();")) is None
    kept.miss("let kept_two = 2;")
