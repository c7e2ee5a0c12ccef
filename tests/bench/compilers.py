"""Counting the compiler's runs: a `rustc` that writes down that it was called, found as evcxr finds the real one."""

import os
import pathlib
import shutil
import subprocess

RUSTUP = """#!/bin/sh
case "$*" in
    "which rustc") echo "{rustc}" ;;
    *) exec "{rustup}" "$@" ;;
esac
"""

# Asking for a version or a folder compiles nothing.
RUSTC = """#!/bin/sh
case " $* " in *" --crate-name "*) case " $* " in *" --crate-name ___ "*) ;; *) echo "$*" >>"{log}" ;; esac ;; esac
exec "{real}" "$@"
"""


class Compilers:
    """Counts in `folder`; kernels that are started with `environment` are counted."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder, "counted")
        self.folder.mkdir()
        self.log = self.folder / "calls"
        self.log.touch()
        rustup = shutil.which("rustup")
        real = subprocess.run([rustup, "which", "rustc"], capture_output=True, text=True, check=True).stdout.strip()
        self._write("rustup", RUSTUP.format(rustc=self.folder / "rustc", rustup=rustup))
        self._write("rustc", RUSTC.format(log=self.log, real=real))
        self.environment = dict(os.environ, PATH=f"{self.folder}{os.pathsep}{os.environ['PATH']}")

    def _write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o755)

    def count(self):
        return len(self.log.read_text().splitlines())
