"""Fixtures for cached cells."""

import pytest

from support.cells import Book
from support.store import new_cache


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
    """A cache folder whose store is empty."""
    return new_cache(tmp_path / "cache")
