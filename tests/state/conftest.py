"""Fixtures for parameters and the session map."""

import pytest

from support.cells import Book


@pytest.fixture
def book(new_kernel, tmp_path):
    """A kernel of one's own, with a log of the cached cells that really ran."""
    return Book(new_kernel(), tmp_path / "log")
