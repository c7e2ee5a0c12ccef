"""A virtual environment of its own, with the packages of the one that runs the tests and no network."""

import importlib.metadata
import os
import pathlib
import subprocess
import sys
import sysconfig

from support import paths

# What is run by its command there, as users do.
COMMANDS = ["jupyter", "jupyter-execute", "jupyter-kernelspec", "jupyter-nbconvert", "papermill"]


class PythonEnvironment:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
        self.bin = self.folder / "bin"
        self.python = self.bin / "python"
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        packages = self.folder / "lib" / version / "site-packages"
        (packages / "tests.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
        for command in importlib.metadata.entry_points(group="console_scripts"):
            if command.name in COMMANDS:
                self._add_command(command)

    def _add_command(self, command):
        """As pip would write it."""
        file = self.bin / command.name
        file.write_text(
            f"#!{self.python}\nimport sys\nimport {command.module}\nsys.exit({command.module}.{command.attr}())\n"
        )
        file.chmod(0o755)

    def pip(self, *arguments, timeout=600, **options):
        return self._run([sys.executable, "-m", "pip", "--python", self.python, *arguments], timeout, **options)

    def run(self, command, *arguments, timeout=600, **options):
        """Runs one of the environment's commands."""
        return self._run([self.bin / command, *arguments], timeout, **options)

    def _run(self, command, timeout, env=None, **options):
        environment = dict(os.environ if env is None else env)
        environment["PATH"] = f"{self.bin}{os.pathsep}{environment['PATH']}"
        environment["VIRTUAL_ENV"] = str(self.folder)
        return subprocess.run(
            [str(part) for part in command],
            capture_output=True,
            text=True,
            timeout=timeout,
            env=environment,
            **options,
        )

    def files(self):
        """Every file, by its path below the root, and what it holds. Without what Python itself writes when a
        module is imported, and without empty folders, which pip leaves of `share`."""
        return {
            path.relative_to(self.folder).as_posix(): path.read_bytes()
            for path in self.folder.rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }

    def traces_of_cellar(self):
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*cellar*"))


def build_wheel(folder, **environment):
    """`pip wheel .` in the checkout: no package index, no network. Uses what cargo has built before."""
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--no-index", "--no-deps", "--wheel-dir", str(folder), str(paths.REPO)],
        capture_output=True,
        text=True,
        timeout=900,
        env={**os.environ, "CARGO_NET_OFFLINE": "true", **environment},
    )
    return done, sorted(pathlib.Path(folder).glob("*.whl"))
