"""A cell that waits for the code which hashes, writes or reads a value can be interrupted at once."""

import os
import pathlib
import shutil
import subprocess
import time

import pytest

from support.cells import Book, cache_of
from support.wait import until

RUSTUP = """#!/bin/sh
case "$*" in
    "which rustc") echo "{rustc}" ;;
    *) exec "{rustup}" "$@" ;;
esac
"""

# Compiling a codec library takes until the test says so.
RUSTC = """#!/bin/sh
case "$*" in *cellar_codec=*)
    while [ -e "{hold}" ]; do echo waits >>"{log}"; sleep 0.05; done ;;
esac
exec "{real}" "$@"
"""


class Codecs:
    def __init__(self, folder, new_kernel, log):
        folder.mkdir()
        self.hold, self.waits = folder / "hold", folder / "waits"
        self.cache = folder / "cache"
        self.cache.mkdir(mode=0o700)
        shared = pathlib.Path(os.environ["CELLAR_CACHE_DIR"])
        for name in ("runtime", "dependencies"):
            (shared / name).mkdir(exist_ok=True)
            (self.cache / name).symlink_to(shared / name)
        rustup = shutil.which("rustup")
        real = subprocess.run([rustup, "which", "rustc"], capture_output=True, text=True, check=True).stdout.strip()
        texts = {
            "rustup": RUSTUP.format(rustc=folder / "rustc", rustup=rustup),
            "rustc": RUSTC.format(hold=self.hold, log=self.waits, real=real),
        }
        for name, text in texts.items():
            (folder / name).write_text(text)
            (folder / name).chmod(0o755)
        self.environment = {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "CELLAR_CACHE_DIR": str(self.cache)}
        self.new_kernel, self.log = new_kernel, log

    def book(self):
        return Book(self.new_kernel(extra_env=self.environment), self.log)

    def stop(self):
        """Codecs that are compiled from now on are not done before `go`."""
        self.waits.write_text("")
        self.hold.touch()

    def go(self):
        self.hold.unlink(missing_ok=True)

    def until_one_waits(self):
        until(lambda: self.waits.exists() and self.waits.read_text(), what="a codec that is compiled")


@pytest.fixture
def codecs(new_kernel, tmp_path):
    made = Codecs(tmp_path / "codecs", new_kernel, tmp_path / "log")
    yield made
    made.go()


def interrupted(book, code):
    """Submits a cell, interrupts it when it must be waiting, and checks that it ends at once."""
    request = book.kernel.submit(code)
    book.kernel.pump_until(lambda: request.done, time.monotonic() + 2, must=False)
    assert not request.done, "it waits for nothing"
    started = time.monotonic()
    book.kernel.interrupt()
    result = book.kernel.result(request, timeout=20)
    assert result.status == "error" and result.ename == "Interrupted", result
    assert time.monotonic() - started < 5
    return result


TYPE = "#[derive(Debug, serde::Serialize, serde::Deserialize)] struct Waited {{ {field}: u8 }}"


def test_hashing_an_input(codecs):
    book = codecs.book()
    book.ok(TYPE.format(field="hashed") + " let waited = Waited { hashed: 3 };")
    cell = "let of_waited = waited.hashed;\nof_waited"
    codecs.stop()
    request_text = book.cell(cell)
    interrupted(book, request_text)
    codecs.until_one_waits()
    assert book.runs == 0
    codecs.go()
    assert book.miss(cell).value == "3"
    assert book.hit(cell).value == "3"


def test_the_next_cell_when_a_value_is_to_be_written(codecs):
    book = codecs.book()
    book.ok(TYPE.format(field="written"))
    cell = "let written = Waited { written: 4 };"
    codecs.stop()
    book.miss(cell)
    codecs.until_one_waits()
    interrupted(book, "written.written")
    codecs.go()
    assert book.show("written.written") == "4"
    book.hit(cell)


def test_reading_a_value_after_a_restart(codecs):
    book = codecs.book()
    book.ok(TYPE.format(field="read"))
    cell = "let read = Waited { read: 5 };"
    book.miss(cell)
    book.end()
    shutil.rmtree(codecs.cache / "codecs")
    codecs.stop()
    book = codecs.book()
    book.ok(TYPE.format(field="read"))
    assert cache_of(book.ok(book.cell(cell))) == "hit"
    interrupted(book, "read.read")
    codecs.until_one_waits()
    codecs.go()
    assert book.show("read.read") == "5"
