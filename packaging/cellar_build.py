"""The PEP 517 build backend: one wheel with the kernel's executable, what Jupyter gets, and the Python plug-in.

Needs cargo, and the network only for crates that cargo does not have yet. `cargo` builds in the checkout's own
`target` (or `CARGO_TARGET_DIR`), so that what was built before is not built again.

What Jupyter gets is not described here once more: the executable that was just built writes it, by its own
`cellar install`, and the wheel takes it from there.
"""

import base64
import gzip
import hashlib
import io
import json
import os
import pathlib
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import time
import zipfile

try:
    import tomllib
except ImportError:  # Python 3.10 and older
    import tomli as tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "kernelspec" / "python" / "cellar_jupyter"

# The provisioner's name in pyproject.toml.
PROVISIONER = "cellar"


class BuildError(SystemExit):
    """Something is missing; the message says what to do. It ends the build without a traceback above it."""


# -- what pip and uv call ------------------------------------------------------------------------------


def get_requires_for_build_wheel(config_settings=None):
    return []


get_requires_for_build_editable = get_requires_for_build_sdist = get_requires_for_build_wheel


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    for path, content in _dist_info(_project()).items():
        file = pathlib.Path(metadata_directory, path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return _dist_info_folder(_project())


prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    """The wheel. It is complete: nothing of it refers to the checkout."""
    executable = _executable()
    wheel = _Wheel(_project())
    wheel.script("cellar", executable.read_bytes())
    for file in sorted(PACKAGE.glob("*.py")):
        wheel.add(f"{PACKAGE.name}/{file.name}", file.read_bytes())
    # Where the installer puts `bin`, seen from the kernelspec; `{resource_dir}` is Jupyter's word for that.
    _add_jupyters(wheel, executable, "{resource_dir}/../../../../bin/cellar")
    return wheel.write(wheel_directory)


def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    """As `build_wheel`, but Jupyter starts what `cargo build --release` makes in the checkout, and the plug-in
    is the checkout's. What `cellar install` writes is copied: after a change there, install again."""
    executable = _executable()
    wheel = _Wheel(_project())
    wheel.script("cellar", f'#!/bin/sh\nexec {_quoted(executable)} "$@"\n'.encode())
    wheel.add("cellar_jupyter.pth", f"{PACKAGE.parent}\n".encode())
    _add_jupyters(wheel, executable, str(executable))
    return wheel.write(wheel_directory)


def build_sdist(sdist_directory, config_settings=None):
    """The sources as git knows them."""
    project = _project()
    name = f"{_file_name(project)}-{project['version']}"
    path = pathlib.Path(sdist_directory, f"{name}.tar.gz")
    with gzip.GzipFile(path, "wb", mtime=_time()) as packed, tarfile.open(fileobj=packed, mode="w") as archive:
        for file in _sources():
            _pack(archive, f"{name}/{file}", (ROOT / file).read_bytes(), os.access(ROOT / file, os.X_OK))
        _pack(archive, f"{name}/PKG-INFO", _metadata(project), False)
    return path.name


# -- the executable ------------------------------------------------------------------------------------


def _executable():
    """Builds it, and returns where it is."""
    if os.name != "posix":
        raise BuildError("Cellar runs on Linux and macOS; on Windows, use WSL.")
    # As in the README and the tests, so that all share one build.
    command = [_cargo(), "build", "--release", "--locked", "--message-format", "json-render-diagnostics"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise BuildError(f"`{' '.join(command[:4])}` failed in {ROOT}; what it says is above.")
    for line in done.stdout.splitlines():
        artifact = json.loads(line)
        if artifact["reason"] == "compiler-artifact" and artifact["executable"]:
            if artifact["target"]["name"] == "cellar" and "bin" in artifact["target"]["kind"]:
                return pathlib.Path(artifact["executable"])
    raise BuildError("cargo built, but did not say where the executable `cellar` is.")


def _cargo():
    home = os.environ.get("CARGO_HOME") or os.path.expanduser("~/.cargo")
    cargo = shutil.which("cargo") or shutil.which("cargo", path=os.path.join(home, "bin"))
    if cargo is None:
        raise BuildError("cargo is not on PATH. Install Rust from https://rustup.rs, open a new shell and try again.")
    return cargo


# -- what Jupyter gets ---------------------------------------------------------------------------------


def _add_jupyters(wheel, executable, start):
    """The kernelspec, and whatever else `cellar install` writes, below `share/jupyter`."""
    with tempfile.TemporaryDirectory() as prefix:
        subprocess.run(
            [str(executable), "install", "--prefix", prefix], check=True, stdout=subprocess.DEVNULL
        )
        for file in sorted(pathlib.Path(prefix).rglob("*")):
            if file.is_file():
                content = file.read_bytes()
                if file.name == "kernel.json":
                    content = _kernel_json(content, start)
                wheel.data(file.relative_to(prefix).as_posix(), content)


def _kernel_json(content, start):
    """Only a kernelspec that lies beside the plug-in may name the provisioner: Jupyter refuses to start a kernel
    whose provisioner it does not have."""
    spec = json.loads(content)
    spec["argv"][0] = start
    spec["metadata"]["kernel_provisioner"] = {"provisioner_name": PROVISIONER}
    return json.dumps(spec, indent=2).encode() + b"\n"


# -- metadata ------------------------------------------------------------------------------------------


def _project():
    """What pyproject.toml says, with the version of Cargo.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    cargo = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))
    return {**project, "version": cargo["workspace"]["package"]["version"]}


def _metadata(project):
    """Core metadata, https://packaging.python.org/specifications/core-metadata/."""
    lines = [
        "Metadata-Version: 2.4",
        f"Name: {project['name']}",
        f"Version: {project['version']}",
        f"Summary: {project['description']}",
        f"License-Expression: {project['license']}",
        *(f"License-File: {name}" for name in project["license-files"]),
        f"Keywords: {','.join(project['keywords'])}",
        *(f"Classifier: {text}" for text in project["classifiers"]),
        f"Requires-Python: {project['requires-python']}",
        *(f"Requires-Dist: {text}" for text in project["dependencies"]),
        "Description-Content-Type: text/markdown",
        "",
        (ROOT / project["readme"]).read_text(encoding="utf-8"),
    ]
    return "\n".join(lines).encode()


def _entry_points(project):
    lines = []
    for group, entries in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {target}" for name, target in entries.items()), ""]
    return "\n".join(lines).encode()


def _tag():
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    return f"py3-none-{platform}"


def _dist_info_folder(project):
    return f"{_file_name(project)}-{project['version']}.dist-info"


def _dist_info(project):
    """All files of the `.dist-info` folder but `RECORD`."""
    folder = _dist_info_folder(project)
    wheel = f"Wheel-Version: 1.0\nGenerator: cellar_build\nRoot-Is-Purelib: false\nTag: {_tag()}\n"
    files = {"METADATA": _metadata(project), "WHEEL": wheel.encode(), "entry_points.txt": _entry_points(project)}
    files.update({f"licenses/{name}": (ROOT / name).read_bytes() for name in project["license-files"]})
    return {f"{folder}/{name}": content for name, content in files.items()}


def _file_name(project):
    return project["name"].replace("-", "_")


# -- archives ------------------------------------------------------------------------------------------


class _Wheel:
    """A wheel that is being put together, https://packaging.python.org/specifications/binary-distribution-format/."""

    def __init__(self, project):
        self.project, self.files = project, {}
        self.stem = f"{_file_name(project)}-{project['version']}"

    def add(self, path, content, executable=False):
        self.files[path] = (content, executable)

    def script(self, name, content):
        """Goes to the environment's `bin`."""
        self.add(f"{self.stem}.data/scripts/{name}", content, executable=True)

    def data(self, path, content):
        """Goes below the environment's root."""
        self.add(f"{self.stem}.data/data/{path}", content)

    def write(self, folder):
        for path, content in _dist_info(self.project).items():
            self.add(path, content)
        record_path = f"{_dist_info_folder(self.project)}/RECORD"
        record = "".join(f"{path},{_digest(content)},{len(content)}\n" for path, (content, _) in self.files.items())
        self.add(record_path, (record + f"{record_path},,\n").encode())
        name = f"{self.stem}-{_tag()}.whl"
        with zipfile.ZipFile(pathlib.Path(folder, name), "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
            for path, (content, executable) in self.files.items():
                entry = zipfile.ZipInfo(path, time.gmtime(max(_time(), 315532800))[:6])  # zip begins in 1980
                entry.external_attr = (0o100755 if executable else 0o100644) << 16
                archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
        return name


def _digest(content):
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def _sources():
    """The files of the source distribution, in order."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ).stdout.decode()
    except (OSError, subprocess.CalledProcessError) as problem:
        raise BuildError(f"A source distribution is made of what git knows, and git does not tell: {problem}") from None
    return sorted(file for file in listed.split("\0") if file and (ROOT / file).is_file())


def _pack(archive, path, content, executable):
    entry = tarfile.TarInfo(path)
    entry.size, entry.mtime, entry.mode = len(content), _time(), 0o755 if executable else 0o644
    archive.addfile(entry, io.BytesIO(content))


def _time():
    """Seconds since 1970 that all files get: the same sources make the same archive."""
    return int(os.environ.get("SOURCE_DATE_EPOCH", 315532800))


def _quoted(path):
    return "'" + str(path).replace("'", "'\\''") + "'"


if __name__ == "__main__":
    sys.exit("This is called by pip: pip install .")
