"""Fixtures for cached cells."""

import os
import pathlib

import pytest

from support.cells import Book


@pytest.fixture
def book(kernel, tmp_path):
    """The file's shared kernel, with a log of its own."""
    return Book(kernel, tmp_path / "log")


@pytest.fixture
def new_book(new_kernel, tmp_path):
    """Starts kernels one after the other, with one log."""

    def start(**options):
        return Book(new_kernel(**options), tmp_path / "log")

    return start


@pytest.fixture
def own_cache(jupyter_home, tmp_path):
    """A cache folder whose store is empty. What is only compiled once for each compiler is shared with the other tests."""
    folder = tmp_path / "cache"
    folder.mkdir(mode=0o700)
    shared = pathlib.Path(os.environ["CELLAR_CACHE_DIR"])
    for name in ("runtime", "dependencies", "codecs"):
        (shared / name).mkdir(exist_ok=True)
        (folder / name).symlink_to(shared / name)
    return folder
