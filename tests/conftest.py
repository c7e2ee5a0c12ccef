"""Fixtures: a kernel that is already warm, a kernel of one's own, raw sockets, a clean Jupyter home."""

import os
import shutil

import pytest

from support import paths
from support.kernel import Kernel
from support.raw import connected

PYTHON_KERNEL = paths.KERNEL.startswith("python")
RUST_ONLY = "not about the protocol: the kernel under test runs no Rust"


@pytest.fixture(scope="session", autouse=True)
def jupyter_home(tmp_path_factory):
    """Nothing is read from or written to the user's own Jupyter and Cellar folders."""
    home = tmp_path_factory.mktemp("jupyter")
    for name in ("JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "CELLAR_CACHE_DIR"):
        os.environ[name] = str(home / name.lower())
        (home / name.lower()).mkdir()
    os.environ["CELLAR_HISTORY"] = str(home / "history.sqlite")
    # Jupyter's commands are those of this environment, also when it was not activated.
    os.environ["PATH"] = f"{paths.VENV_BIN}{os.pathsep}{os.environ['PATH']}"
    return home


class Pool:
    """A warm kernel shared by the tests of one file: a start costs seconds. Tests therefore use names
    of their own. After a failure the next test gets a new one."""

    def __init__(self):
        self.kernel = None

    def get(self):
        if self.kernel is not None and not self.kernel.alive():
            self.drop()
        if self.kernel is None:
            self.kernel = Kernel()
        return self.kernel

    def drop(self):
        if self.kernel is not None:
            self.kernel.close()
            self.kernel = None


@pytest.fixture(scope="module")
def pool(jupyter_home):
    pool = Pool()
    yield pool
    pool.drop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report


FAILED = pytest.StashKey[bool]()


@pytest.fixture
def has_failed(request):
    """Tells, once the test is over, whether it failed."""
    return lambda: request.node.stash.get(FAILED, True)


@pytest.fixture
def kernel(pool, has_failed):
    """The file's shared kernel."""
    yield pool.get()
    if has_failed():
        pool.drop()


@pytest.fixture
def new_kernel(jupyter_home):
    """Starts kernels that this test may break: `new_kernel(extra_env={…})`."""
    kernels = []

    def start(**options):
        kernels.append(Kernel(**options))
        return kernels[-1]

    yield start
    for kernel in kernels:
        kernel.close()


@pytest.fixture
def raw(kernel):
    """Raw sockets to the shared kernel."""
    with connected(kernel) as sockets:
        yield sockets


def pytest_collection_modifyitems(items):
    for item in items:
        if PYTHON_KERNEL and not item.path.name.startswith("test_protocol"):
            item.add_marker(pytest.mark.skip(reason=RUST_ONLY))
        if item.get_closest_marker("browser") and not shutil.which("chromium"):
            item.add_marker(pytest.mark.skip(reason="chromium is not installed"))
