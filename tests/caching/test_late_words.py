"""What becomes known after a cell's reply is told: with the next cell, by `%cache` at any time, and at the end."""

import os
import subprocess

import pytest

from support import notebooks

# What is written is not what is read: this is found out behind the reply.
LOSSY = """#[derive(serde::Serialize)] struct Lossy(u8);
impl<'de> serde::Deserialize<'de> for Lossy {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> { <u8 as serde::Deserialize>::deserialize(d).map(|n| Lossy(n + 1)) }
}"""
CELL = "//% cache_data\nlet lossy_one = Lossy(1);"


def test_cache_tells_at_any_time(book):
    book.ok(LOSSY)
    book.miss("let lossy_one = Lossy(1);")
    for _ in range(2):
        assert "lossy_one" in book.explain("lossy_one") and "not kept" in book.explain("lossy_one")
        listed = book.ok("%cache")
        (line,) = [line for line in listed.value.splitlines() if "lossy_one" in line]
        assert "is not kept" in line and "cannot be stored" in line
        assert "is not kept" in listed.rich["text/html"] if "text/html" in listed.rich else True
        book.ok("1 + 1;")


def test_it_is_told_once_with_a_later_cell(book):
    book.ok(LOSSY.replace("Lossy", "LossyToo"))
    book.miss("let lossy_two = LossyToo(1);")
    # Also with one that waits for nothing.
    said = book.ok("%cache explain").stderr + book.ok("1 + 1;").stderr + book.ok("2 + 2;").stderr
    assert said.count("`lossy_two` was not kept") == 1, said


@pytest.mark.parametrize("last", ["", "1 + 1"])
def test_cellar_run_tells_at_the_end(tmp_path, last):
    cells = [LOSSY, CELL] + [last] * bool(last)
    path = notebooks.write(tmp_path / "late.ipynb", *cells)
    done = notebooks.cellar("run", path, "-o", tmp_path / "out.ipynb")
    assert done.returncode == 0, done.stderr
    shown = notebooks.text_of(notebooks.read(tmp_path / "out.ipynb").cells[-1])
    assert (done.stderr + shown).count("`lossy_one` was not kept") == 1, done.stderr


def test_nbconvert_shows_it_in_the_kernels_last_words(tmp_path):
    path = notebooks.write(tmp_path / "late.ipynb", LOSSY, CELL)
    done = notebooks.nbconvert(path, tmp_path / "out.ipynb")
    assert done.returncode == 0, done.stderr
    assert "`lossy_one` was not kept" in done.stderr, done.stderr
