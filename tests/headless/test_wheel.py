"""`pip install .`: what is in the wheel, what it does in an environment, and that nothing stays of it."""

import configparser
import json
import os
import pathlib
import shutil
import subprocess
import sys
import zipfile

from support import notebooks, paths
from support.python_environment import PythonEnvironment, build_wheel

KERNELS = "share/jupyter/kernels"

# As evcxr_jupyter --install writes it.
EVCXR = {
    "argv": ["evcxr_jupyter", "--control_file", "{connection_file}"],
    "display_name": "Rust",
    "language": "rust",
    "interrupt_mode": "message",
}


def test_the_wheel_has_all_that_jupyter_uses(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        data = "cellar_jupyter-0.1.0.data/"
        script = archive.getinfo(data + "scripts/cellar")
        spec = json.loads(archive.read(f"{data}data/{KERNELS}/cellar/kernel.json"))
        entry_points = configparser.ConfigParser(delimiters=("=",))
        entry_points.read_string(archive.read("cellar_jupyter-0.1.0.dist-info/entry_points.txt").decode())
        record = archive.read("cellar_jupyter-0.1.0.dist-info/RECORD").decode()
    assert script.external_attr >> 16 & 0o111, "it can be executed"
    assert wheel.name.startswith("cellar_jupyter-0.1.0-py3-none-"), "and not any: there is machine code in it"
    assert spec["argv"][0] == "{resource_dir}/../../../../bin/cellar"
    assert spec["metadata"]["kernel_provisioner"] == {"provisioner_name": "cellar"}
    assert "cellar" in entry_points["jupyter_client.kernel_provisioners"]
    assert len(entry_points["papermill.io"]) == 1
    assert {line.split(",")[0] for line in record.splitlines()} == set(names)

    # All that `cellar install` writes is in the wheel: the kernel's logos, JupyterLab's extension.
    assert notebooks.cellar("install", "--prefix", tmp_path).returncode == 0
    written = {file.relative_to(tmp_path).as_posix() for file in tmp_path.rglob("*") if file.is_file()}
    assert written == {name.removeprefix(data + "data/") for name in names if name.startswith(data + "data/")}


def test_from_a_fresh_environment_to_a_result_and_back(wheel, tmp_path):
    environment = PythonEnvironment(tmp_path / "venv")
    evcxr = environment.folder / KERNELS / "rust" / "kernel.json"
    evcxr.parent.mkdir(parents=True)
    evcxr.write_text(json.dumps(EVCXR))
    before = environment.files()

    assert environment.pip("install", "--no-index", wheel).returncode == 0
    assert evcxr.read_text() == json.dumps(EVCXR)
    listed = environment.run("jupyter", "kernelspec", "list", "--json")
    kernels = json.loads(listed.stdout)["kernelspecs"]
    assert kernels["cellar"]["resource_dir"] == str(environment.folder / KERNELS / "cellar")
    assert kernels["rust"]["spec"]["display_name"] == "Rust"

    notebook = notebooks.write(tmp_path / "n.ipynb", "40 + 2")
    # Nothing but the kernelspec says where the executable is.
    bare = {**os.environ, "PATH": os.environ["PATH"].replace(str(paths.VENV_BIN), "/nowhere")}
    done = environment.run("jupyter", "execute", "--inplace", notebook, env=bare)
    assert done.returncode == 0, done.stderr
    assert notebooks.read(notebook).cells[0].outputs[0].data["text/plain"] == "42"
    doctor = environment.run("cellar", "doctor", "--json")
    checks = {check["name"]: check for check in json.loads(doctor.stdout)["checks"]}
    assert checks["Python plug-in"]["status"] == checks["kernelspec"]["status"] == "ok", checks

    # `cellar` itself leaves to pip what is pip's.
    assert "Nothing to do" in environment.run("cellar", "install", "--sys-prefix").stdout
    refused = environment.run("cellar", "uninstall", "--sys-prefix")
    assert refused.returncode == 1 and "pip uninstall cellar-jupyter" in refused.stderr
    assert notebooks.cellar("install", "--prefix", environment.folder).returncode == 1, "another executable"

    assert environment.pip("uninstall", "--yes", "cellar-jupyter").returncode == 0
    assert environment.files() == before
    assert environment.traces_of_cellar() == []


def test_installing_twice_is_harmless(wheel, tmp_path):
    environment = PythonEnvironment(tmp_path / "venv")
    assert environment.pip("install", "--no-index", wheel).returncode == 0
    once = environment.files()
    assert environment.pip("install", "--no-index", "--force-reinstall", wheel).returncode == 0
    assert environment.files() == once


def test_an_editable_installation_starts_what_cargo_builds(tmp_path, jupyter_home):
    environment = PythonEnvironment(tmp_path / "venv")
    before = environment.files()
    done = environment.pip("install", "--no-index", "--editable", paths.REPO, env={**os.environ, "CARGO_NET_OFFLINE": "true"})
    assert done.returncode == 0, done.stdout + done.stderr
    spec = json.loads((environment.folder / KERNELS / "cellar" / "kernel.json").read_text())
    assert pathlib.Path(spec["argv"][0]) == paths.CELLAR
    assert environment.run("cellar", "--version").stdout == notebooks.cellar("--version").stdout
    where = environment.run("python", "-c", "import cellar_jupyter; print(cellar_jupyter.__file__)")
    assert where.stdout.strip() == str(paths.REPO / "kernelspec" / "python" / "cellar_jupyter" / "__init__.py")
    assert environment.pip("uninstall", "--yes", "cellar-jupyter").returncode == 0
    assert environment.files() == before
    assert environment.traces_of_cellar() == []


def test_uv_installs_it_too(tmp_path, jupyter_home):
    environment = PythonEnvironment(tmp_path / "venv")
    command = [paths.VENV_BIN / "uv", "pip", "install", "--offline", "--no-cache", "--python", environment.python, paths.REPO]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert environment.run("cellar", "--version").returncode == 0


def test_without_cargo_pip_says_where_to_get_it(tmp_path, jupyter_home):
    empty = tmp_path / "bin"
    empty.mkdir()
    done, wheels = build_wheel(tmp_path, PATH=str(empty), CARGO_HOME=str(empty))
    assert done.returncode != 0 and not wheels
    assert "https://rustup.rs" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_the_source_distribution_is_what_git_knows(tmp_path):
    code = "import sys; sys.path.insert(0, 'packaging'); import cellar_build; print(cellar_build.build_sdist(sys.argv[1]))"
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=paths.REPO, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    shutil.unpack_archive(tmp_path / done.stdout.strip(), tmp_path)
    root = tmp_path / "cellar_jupyter-0.1.0"
    unpacked = {file.relative_to(root).as_posix() for file in root.rglob("*") if file.is_file()}
    known = subprocess.run(["git", "ls-files"], cwd=paths.REPO, capture_output=True, text=True, check=True)
    assert unpacked == {*known.stdout.split("\n")[:-1], "PKG-INFO"}
    assert os.access(root / "tests" / "run", os.X_OK)
