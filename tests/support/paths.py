"""Where things are. Nothing here knows a kernel."""

import os
import pathlib
import sys

TESTS = pathlib.Path(__file__).resolve().parent.parent
REPO = TESTS.parent
NOTEBOOKS = REPO / "notebooks"
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR") or REPO / "target").resolve()
CELLAR = TARGET / "release" / "cellar"
EVCXR = REPO / "target" / "evcxr" / "bin" / "evcxr_jupyter"
SCREENSHOTS = REPO / "target" / "screenshots"
VENV_BIN = pathlib.Path(sys.prefix) / "bin"

# The kernelspec under test. The harness itself is proven on `python3` and `rust` (evcxr_jupyter).
KERNEL = os.environ.get("CELLAR_TEST_KERNEL", "cellar")
