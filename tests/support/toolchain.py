"""Machines on which something of Rust is missing, made of links and small scripts."""

import os
import pathlib
import shutil
import subprocess

from support import paths


def sysroot():
    return pathlib.Path(
        subprocess.run(["rustc", "--print", "sysroot"], capture_output=True, text=True, check=True, cwd=paths.REPO)
        .stdout.strip()
    )


def _script(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def _bare_environment(root, bin_folder):
    """An environment whose PATH has the system's tools but no rustup, and whose home is empty."""
    home = root / "home"
    home.mkdir(exist_ok=True)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("CARGO", "RUST"))}
    environment["HOME"] = str(home)
    tools = root / "tools"
    tools.mkdir(exist_ok=True)
    # A linker and a shell are needed, and may lie in a folder that has cargo too.
    for name in ("sh", "cc", "gcc", "ld", "as", "collect2", "env", "ls", "cat", "sleep"):
        found = shutil.which(name)
        if found and not (tools / name).exists():
            (tools / name).symlink_to(found)
    environment["PATH"] = os.pathsep.join(map(str, [bin_folder, tools]))
    return environment


def without_cargo(root):
    """No cargo, no rustc, no rustup."""
    empty = root / "bin"
    empty.mkdir()
    return _bare_environment(root, empty)


def counted(root):
    """The toolchain with a rustc that notes where it compiles a cell, as a line of the file `root/compiled`."""
    real = sysroot()
    tools = root / "counted"
    tools.mkdir()
    count = f'case "$*" in *"--crate-name ctx"*) pwd >> "{root}/compiled" ;; esac'
    _script(tools / "rustc", f'{count}\nexec "{real}/bin/rustc" --sysroot "{real}" "$@"')
    _script(tools / "cargo", f'RUSTC="{tools}/rustc" exec "{real}/bin/cargo" "$@"')
    _script(tools / "rustup", f'[ "$1" = which ] && [ -x "{tools}/$2" ] && echo "{tools}/$2"')
    environment = _bare_environment(root, tools)
    environment["CARGO_HOME"] = os.environ.get("CARGO_HOME", str(pathlib.Path.home() / ".cargo"))
    return environment


def without_rust_src(root):
    """A toolchain that works but for the sources of std."""
    real = sysroot()
    fake = root / "toolchain"
    shutil.copytree(real / "lib" / "rustlib", fake / "lib" / "rustlib", symlinks=True, ignore=lambda *_: ["src"], copy_function=os.symlink)
    for entry in (real / "lib").iterdir():
        if entry.name != "rustlib":
            (fake / "lib" / entry.name).symlink_to(entry)
    tools = fake / "bin"
    tools.mkdir()
    _script(tools / "rustc", f'exec "{real}/bin/rustc" --sysroot "{fake}" "$@"')
    _script(tools / "cargo", f'RUSTC="{tools}/rustc" exec "{real}/bin/cargo" "$@"')
    _script(tools / "rustup", f'[ "$1" = which ] && [ -x "{tools}/$2" ] && echo "{tools}/$2"')
    environment = _bare_environment(root, tools)
    # Dependencies may be in the user's registry; std's own are not asked for.
    environment["CARGO_HOME"] = os.environ.get("CARGO_HOME", str(pathlib.Path.home() / ".cargo"))
    return environment


def with_names(root, *names):
    """A rustup of its own, to which the toolchain of this machine is known by several names. The first is the default."""
    home = root / "rustup"
    home.mkdir()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("RUST")}
    environment["RUSTUP_HOME"] = str(home)
    for name in names:
        subprocess.run(["rustup", "toolchain", "link", name, sysroot()], env=environment, cwd=root, check=True)
    subprocess.run(["rustup", "default", names[0]], env=environment, cwd=root, check=True)
    return environment
