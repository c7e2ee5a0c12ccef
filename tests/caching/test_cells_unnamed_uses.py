"""What a cell uses without any sign of it in the notebook: a crate's macro names functions by itself, and two spellings in
Unicode are one name to the compiler."""

import unicodedata

import pytest

from support.cells import Book
from support.store import new_cache

MACROS = """
#[macro_export]
macro_rules! call_helper { () => { helper_of_notebook() } }
#[macro_export]
macro_rules! twice { ($e:expr) => { $e * 2 } }
"""


@pytest.fixture
def with_macros(new_kernel, tmp_path):
    """A book that has a crate with macros, and a cache of its own; the line that adds the crate."""
    folder = tmp_path / "macros"
    (folder / "src").mkdir(parents=True)
    (folder / "Cargo.toml").write_text('[package]\nname = "macros"\nversion = "0.1.0"\nedition = "2021"\n')
    (folder / "src/lib.rs").write_text(MACROS)
    cache = str(new_cache(tmp_path / "cache"))

    def start():
        kernel = new_kernel(extra_env={"CELLAR_CACHE_DIR": cache})
        kernel.ok(f':dep macros = {{ path = "{folder}" }}')
        return Book(kernel, tmp_path / "log")

    return start


def test_a_crates_macro_that_names_a_function_of_the_notebook(with_macros):
    book = with_macros()
    for factor in [1, 2]:
        book.ok(f"fn helper_of_notebook() -> i32 {{ 10 * {factor} }}")
        for _ in range(2):
            result, _ = book.run("let by_macro = macros::call_helper!();")
            assert "not kept" in result.stderr and "`helper_of_notebook`" in result.stderr
            assert book.show("by_macro") == str(10 * factor)
    # As the message says.
    named = "let _ = helper_of_notebook;\nlet by_macro = macros::call_helper!();"
    book.miss(named)
    book.hit(named)
    book.ok("fn helper_of_notebook() -> i32 { 30 }")
    book.miss(named)
    assert book.show("by_macro") == "30"


def test_a_crates_macro_that_names_nothing_of_the_notebook(with_macros):
    book = with_macros()
    book.ok("fn unrelated() {}")
    cell = "let doubled = macros::twice!(21);"
    book.miss(cell)
    book.ok("fn unrelated() { println!() }")
    book.hit(cell)
    assert book.show("doubled") == "42"


def test_a_cached_function_with_such_a_macro(with_macros):
    book = with_macros()
    function = "//% cache_data\nfn by_function(n: i32) -> i32 { n + macros::call_helper!() }"
    book.ok("fn helper_of_notebook() -> i32 { 10 }")
    book.ok(function + "\nlet first = by_function(1);")
    assert book.show("first") == "11"
    assert book.show("by_function(1)") == "11"
    book.ok("fn helper_of_notebook() -> i32 { 20 }")
    assert book.show("by_function(1)") == "21"
    book.ok(function + "\nlet first = by_function(1);")
    assert book.show("first") == "21"
    again = with_macros()
    again.ok("fn helper_of_notebook() -> i32 { 30 }")
    again.ok(function + "\nlet first = by_function(1);")
    assert again.show("first") == "31"


def test_a_name_in_two_spellings(new_kernel, tmp_path):
    cache = new_cache(tmp_path / "cache")
    book = Book(new_kernel(extra_env={"CELLAR_CACHE_DIR": str(cache)}), tmp_path / "log")
    composed, decomposed = (unicodedata.normalize(form, "größe") for form in ["NFC", "NFD"])
    assert composed != decomposed
    for value in [1, 2]:
        book.ok(f"fn {composed}() -> i32 {{ {value} }}")
        result, _ = book.run(f"let spelled = {decomposed}();")
        assert "not kept" in result.stderr
        assert book.show("spelled") == str(value)
