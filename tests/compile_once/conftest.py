"""Fixtures for cells that are compiled once."""

import os
import time

import pytest

from support import toolchain
from support.kernel import Kernel
from support.store import new_cache


class Machine:
    """A user's machine with a store of its own, on which it is counted how often cells are compiled."""

    def __init__(self, folder):
        self.count = folder / "compiled"
        cache = new_cache(folder / "cache")
        self.store = cache / "store"
        self.environment = {
            **toolchain.counted(folder),
            **{name: value for name, value in os.environ.items() if name.startswith(("JUPYTER", "IPYTHON"))},
            "CELLAR_CACHE_DIR": str(cache),
        }
        self.kernels = []
        self.stderr = None

    def kernel(self, **extra):
        kernel = Kernel(env=self.environment, extra_env=extra, stderr=self.stderr)
        self.kernels.append(kernel)
        return kernel

    def compiles(self):
        """How many cells were compiled since this was last asked."""
        if not self.count.exists():
            return 0
        folders = self.count.read_text().splitlines()
        self.count.unlink()
        # What reads and writes values is compiled as cells are, once for each type.
        return sum("codec" not in folder for folder in folders)

    def settle(self):
        """Waits until what was compiled is kept: that happens behind the reply."""
        kept, since = None, time.monotonic()
        while time.monotonic() - since < 1:
            now = sum(path.is_file() for path in self.store.rglob("*"))
            if now != kept:
                kept, since = now, time.monotonic()
            time.sleep(0.1)
        self.compiles()

    def close(self):
        for kernel in self.kernels:
            kernel.close()


@pytest.fixture
def machine(jupyter_home, tmp_path):
    machine = Machine(tmp_path)
    yield machine
    machine.close()
