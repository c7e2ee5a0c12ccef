"""Compiled code in the cache folder that nobody uses any more is removed, and nothing that somebody does use."""

import json
import os
import pathlib
import shutil
import time

import pytest

from support import notebooks

FORTY_DAYS = 40 * 24 * 3600
TYPE = "#[derive(Debug, serde::Serialize, serde::Deserialize)] struct Swept { inner: u8 }"


def records(cache):
    return sorted(cache.glob("*/*/build.json"))


def age(path, seconds=FORTY_DAYS):
    then = time.time() - seconds
    os.utime(path, (then, then))


@pytest.fixture
def cache(jupyter_home, tmp_path):
    """A cache folder of its own, with what the other tests have built so far."""
    folder = tmp_path / "cache"
    folder.mkdir(mode=0o700)
    shared = pathlib.Path(os.environ["CELLAR_CACHE_DIR"])
    for name in ("runtime", "codecs"):
        if (shared / name).exists():
            shutil.copytree(shared / name, folder / name)
            (folder / name).chmod(0o700)
    return folder


def gc(cache):
    done = notebooks.cellar("cache", "gc", "--json", env={**os.environ, "CELLAR_CACHE_DIR": str(cache)})
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["builds"]


def use_everything(book, number):
    """Compiles a codec, keeps a value, reads it."""
    book.ok(TYPE.replace("Swept", f"Swept{number}"))
    cell = f"let swept{number} = vec![Swept{number} {{ inner: {number} }}];"
    book.miss(cell)
    book.ok("%cache list")
    book.hit(cell)
    assert book.show(f"swept{number}[0].inner") == str(number)


@pytest.mark.slow
def test_only_what_nobody_uses_is_removed(cache, new_book):
    environment = {"CELLAR_CACHE_DIR": str(cache)}
    first = new_book(extra_env=environment)
    use_everything(first, 1)
    used = records(cache)
    left = cache / "codecs" / ("0" * 32)
    shutil.copytree(used[0].parent, left)
    new = cache / "codecs" / ("1" * 32)
    shutil.copytree(used[0].parent, new)
    dangling = cache / "codecs" / "key.in"
    dangling.write_text("0" * 32)
    for record in [*used, left / "build.json"]:
        age(record)
    (cache / "store").mkdir(exist_ok=True)
    removed = gc(cache)
    # What other tests have left may go as well; nothing of this kernel does.
    assert removed["count"] >= 1 and removed["bytes"] > 1000
    assert not left.exists() and not dangling.exists() and new.exists()
    use_everything(first, 2)
    first.end()
    # Whoever begins to use it makes it young again.
    second = new_book(extra_env=environment)
    use_everything(second, 3)
    second.end()
    young = [record for record in records(cache) if time.time() - record.stat().st_mtime < 3600]
    assert len(young) >= 5
    gc(cache)
    assert set(young) <= set(records(cache))
    before = len(records(cache))
    for record in records(cache):
        age(record)
    assert gc(cache)["count"] == before
    assert records(cache) == []
    # And all of it can be made again.
    third = new_book(extra_env=environment)
    use_everything(third, 4)


def test_a_kernel_looks_for_it_once_a_day(cache, new_book):
    left = cache / "codecs" / ("0" * 32)
    left.mkdir(parents=True)
    (left / "build.json").write_text('{"files": {}, "note": ""}')
    age(left / "build.json")
    book = new_book(extra_env={"CELLAR_CACHE_DIR": str(cache)})
    deadline = time.monotonic() + 60
    while left.exists():
        assert time.monotonic() < deadline, "nobody looked"
        time.sleep(0.1)
    book.end()
    left.mkdir()
    (left / "build.json").write_text('{"files": {}, "note": ""}')
    age(left / "build.json")
    book = new_book(extra_env={"CELLAR_CACHE_DIR": str(cache)})
    book.ok("let after_it = 1;")
    time.sleep(1)
    assert left.exists(), "within a day nobody looks again"
