"""A Jupyter server for each file, a browser for each test. What was seen is in target/screenshots/."""

import nbformat
import pytest

from support import notebooks, paths

# JupyterLab, JupyterLab with one document alone, Notebook 7: one server has them all.
PAGES = {"lab": "lab/tree", "doc": "doc/tree", "notebook": "notebooks"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory, jupyter_home):
    paths.SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    return tmp_path_factory.mktemp("notebooks")


@pytest.fixture(scope="module")
def address(folder):
    from support import lab

    with lab.server(folder) as address:
        yield address


@pytest.fixture
def page(address, tmp_path, request, has_failed):
    from support import lab

    with lab.browser_page(tmp_path / "profile") as page:
        yield page
        if has_failed():
            page.screenshot(path=str(paths.SCREENSHOTS / f"last-of-{request.node.name}.png"))
    # Kernels outlive their windows, and each has its half gigabyte.
    lab.shut_down_kernels(address)


@pytest.fixture
def open_notebook(folder, address, page, request):
    """Writes a notebook of these cells and opens it: `open_notebook("1 + 1", params={…}, at="notebook")`."""
    from support.window import Window

    windows = []

    def open_it(*cells, cellar=None, at="doc", query="reset", kernel=paths.KERNEL, name=None):
        file = folder / (name or f"{request.node.name.replace('[', '-').rstrip(']')}.ipynb")
        made = notebooks.notebook(*cells, kernel=kernel)
        if cellar is not None:
            made.metadata["cellar"] = cellar
        nbformat.write(made, file)
        windows.append(Window(page, address, file, PAGES[at], query))
        return windows[-1]

    yield open_it
    assert [error for window in windows for error in window.errors] == []
