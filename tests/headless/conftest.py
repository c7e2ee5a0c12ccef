"""The kernel as `pip install .` gives it, in an environment of its own."""

import pytest

from support import paths
from support.python_environment import PythonEnvironment, build_wheel


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.parent.name == "headless" and paths.KERNEL != "cellar":
            item.add_marker(pytest.mark.skip(reason="about what Cellar installs"))


@pytest.fixture(scope="session")
def wheel(jupyter_home, tmp_path_factory):
    done, wheels = build_wheel(tmp_path_factory.mktemp("wheel"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(wheels) == 1
    return wheels[0]


@pytest.fixture(scope="session")
def environment(wheel, tmp_path_factory):
    """Jupyter's packages, and ours by pip."""
    environment = PythonEnvironment(tmp_path_factory.mktemp("environment") / "venv")
    done = environment.pip("install", "--no-index", wheel)
    assert done.returncode == 0, done.stdout + done.stderr
    return environment
