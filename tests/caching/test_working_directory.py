"""Declared files with relative names, and cells that go to another folder."""

import json

import pytest

from support.store import new_cache


@pytest.fixture
def folders(tmp_path):
    """Two folders, each with a `f.txt` of its own."""
    for name in ("w1", "w2"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "f.txt").write_text(name)
    return tmp_path


def go(folder):
    return f"std::env::set_current_dir({json.dumps(str(folder))}).unwrap();"


def test_relative_files_are_those_of_the_working_directory(book, folders):
    cell = 'let found = std::fs::read_to_string("f.txt").unwrap();\nfound'
    options = '(files = "f.txt")'
    book.ok(go(folders / "w1"))
    first = book.miss(cell, options)
    assert first.value == '"w1"' and first.stderr == "", "something matches"
    assert book.hit(cell, options).value == '"w1"'
    book.ok(go(folders / "w2"))
    assert book.miss(cell, options).value == '"w2"'
    (folders / "w2" / "f.txt").write_text("new")
    assert book.miss(cell, options).value == '"new"'
    book.ok(go(folders / "w1"))
    assert book.hit(cell, options).value == '"w1"'


def test_a_cell_that_goes_elsewhere_is_kept_under_the_files_where_it_began(book, folders):
    cell = f'let here = std::fs::read_to_string("f.txt").unwrap();\n{go(folders / "w2")}\nhere'
    options = '(files = "*.txt")'
    book.ok(go(folders / "w1"))
    assert book.miss(cell, options).value == '"w1"'
    assert book.miss(cell, options).value == '"w2"'
    book.ok(go(folders / "w1"))
    assert book.hit(cell, options).value == '"w1"'


def test_a_working_directory_that_is_gone_keeps_nothing(book, folders):
    book.ok(go(folders / "w1"))
    book.ok(f"std::fs::remove_dir_all({json.dumps(str(folders / 'w1'))}).unwrap();")
    for _ in range(2):
        assert "working directory" in book.miss("let nowhere = 1;", '(files = "f.txt")').stderr
    book.ok(go(folders))


def test_the_first_cell_of_all_finds_files_where_the_kernel_was_started(new_kernel, folders):
    kernel = new_kernel(cwd=str(folders / "w1"), extra_env={"CELLAR_CACHE_DIR": str(new_cache(folders / "cache"))})
    first = kernel.ok('//% cache_data(files = "f.txt")\nlet found = std::fs::read_to_string("f.txt").unwrap();\nfound')
    assert first.value == '"w1"' and first.stderr == ""


def test_relative_files_of_a_function(kernel, folders):
    kernel.ok("""
        //% cache_data(files = "f.txt")
        fn of_file() -> String { println!("reading"); std::fs::read_to_string("f.txt").unwrap() }
    """)
    kernel.ok(go(folders / "w1"))
    for folder, ran in [("w1", "reading\n"), ("w2", "reading\n"), ("w1", ""), ("w2", "")]:
        result = kernel.ok(f'{go(folders / folder)}\nprintln!("{{}}", of_file());')
        assert result.stdout == f"{ran}{folder}\n"
