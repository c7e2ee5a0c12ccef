"""The command line: install, uninstall, doctor, run."""

import json
import os
import signal
import subprocess

import pytest

from support import notebooks, paths, toolchain, wait
from support.notebooks import cellar

pytestmark = pytest.mark.skipif(paths.KERNEL != "cellar", reason="about the cellar command")


def spec(prefix, name="cellar"):
    return prefix / "share" / "jupyter" / "kernels" / name / "kernel.json"


def test_install_and_uninstall_leave_a_folder_as_it_was(tmp_path):
    other = spec(tmp_path, "other")
    other.parent.mkdir(parents=True)
    other.write_text("{}")
    done = cellar("install", "--prefix", tmp_path)
    assert done.returncode == 0, done.stderr
    assert str(spec(tmp_path).parent) in done.stdout
    written = json.loads(spec(tmp_path).read_text())
    assert written["display_name"] == "Rust (Cellar)" and written["language"] == "rust"
    assert "{connection_file}" in written["argv"]
    assert os.access(written["argv"][0], os.X_OK)

    assert cellar("install", "--prefix", tmp_path).returncode == 0, "twice is harmless"
    assert cellar("uninstall", "--prefix", tmp_path).returncode == 0
    assert not spec(tmp_path).parent.exists()
    assert other.exists()


def test_install_for_the_user_obeys_jupyter_data_dir(tmp_path):
    environment = {**os.environ, "JUPYTER_DATA_DIR": str(tmp_path)}
    assert cellar("install", "--user", env=environment).returncode == 0
    assert (tmp_path / "kernels" / "cellar" / "kernel.json").exists()
    listed = subprocess.run(["jupyter", "kernelspec", "list"], capture_output=True, text=True, env=environment)
    assert "cellar" in listed.stdout
    assert cellar("uninstall", "--user", env=environment).returncode == 0
    assert not (tmp_path / "kernels" / "cellar").exists()


def test_install_under_another_name(tmp_path):
    assert cellar("install", "--prefix", tmp_path, "--name", "my-rust").returncode == 0
    assert spec(tmp_path, "my-rust").exists()
    assert cellar("uninstall", "--prefix", tmp_path, "--name", "my-rust").returncode == 0
    assert not spec(tmp_path, "my-rust").exists()


@pytest.mark.parametrize("name", ["", "a/b", "..", "a b"])
def test_a_name_that_jupyter_would_not_find_is_refused(tmp_path, name):
    done = cellar("install", "--prefix", tmp_path, "--name", name)
    assert done.returncode != 0 and done.stderr
    assert not (tmp_path / "share").exists()


def test_install_where_nothing_can_be_written():
    done = cellar("install", "--prefix", "/proc/none")
    assert done.returncode == 1
    assert "/proc/none" in done.stderr and "panicked" not in done.stderr


def test_uninstall_of_nothing_says_so(tmp_path):
    done = cellar("uninstall", "--prefix", tmp_path)
    assert "panicked" not in done.stderr
    assert done.stdout + done.stderr


def test_doctor_finds_this_machine_healthy():
    done = cellar("doctor", timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    for word in ("cargo", "rust-src", "kernelspec"):
        assert word in done.stdout


def test_doctor_says_how_to_mend_what_is_missing(tmp_path):
    done = cellar("doctor", env=toolchain.without_rust_src(tmp_path), timeout=60)
    assert done.returncode == 1
    assert "rustup component add rust-src" in done.stdout
    bare = tmp_path / "bare"
    bare.mkdir()
    done = cellar("doctor", env=toolchain.without_cargo(bare), timeout=60)
    assert done.returncode == 1
    assert "rustup" in done.stdout


def test_help_and_version():
    assert "install" in cellar("--help").stdout
    assert cellar("--version").stdout.startswith("cellar ")
    done = cellar("instal")
    assert done.returncode == 2 and "install" in done.stderr


# -- run -----------------------------------------------------------------------------------------


def test_run_in_place(tmp_path):
    path = notebooks.write(tmp_path / "n.ipynb", "40 + 2")
    assert cellar("run", path, "--inplace").returncode == 0
    assert notebooks.read(path).cells[0].outputs[0].data["text/plain"] == "42"


def test_run_leaves_what_it_does_not_know_alone(tmp_path):
    made = notebooks.notebook("1 + 1")
    made.metadata["mine"] = {"deep": [1, {"x": None}]}
    made.cells[0].metadata["tags"] = ["keep"]
    import nbformat

    made.cells.append(nbformat.v4.new_markdown_cell("# text é🦀"))
    path = tmp_path / "n.ipynb"
    nbformat.write(made, path)
    assert cellar("run", path, "--inplace").returncode == 0
    after = notebooks.read(path)
    assert after.metadata["mine"] == {"deep": [1, {"x": None}]}
    assert after.cells[0].metadata["tags"] == ["keep"]
    assert after.cells[1].source == "# text é🦀"


BROKEN = {
    "no JSON": "this is no notebook",
    "empty": "",
    "half": '{"cells": [{"cell_type": "code", "sour',
    "no cells": '{"nbformat": 4, "nbformat_minor": 5, "metadata": {}}',
    "a list": "[1, 2]",
    "a later format": '{"nbformat": 99, "nbformat_minor": 0, "metadata": {}, "cells": []}',
    "binary": b"\x89PNG\r\n\x00\xff",
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN.keys())
def test_run_refuses_what_is_no_notebook(tmp_path, content):
    path = tmp_path / "broken.ipynb"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    before = path.read_bytes()
    done = cellar("run", path, "--inplace", timeout=60)
    assert done.returncode == 1
    assert "broken.ipynb" in done.stderr and "panicked" not in done.stderr
    assert path.read_bytes() == before


def test_run_refuses_a_notebook_of_another_language(tmp_path):
    import nbformat

    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("print('hi')")])
    made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    made.metadata["language_info"] = {"name": "python"}
    nbformat.write(made, tmp_path / "python.ipynb")
    done = cellar("run", tmp_path / "python.ipynb", "-o", tmp_path / "out.ipynb", timeout=60)
    assert done.returncode == 1
    assert "python" in done.stderr
    assert not (tmp_path / "out.ipynb").exists()


def test_run_names_a_file_that_is_not_there(tmp_path):
    done = cellar("run", tmp_path / "missing.ipynb", timeout=60)
    assert done.returncode == 1 and "missing.ipynb" in done.stderr


def test_run_of_a_notebook_without_cells(tmp_path):
    path = notebooks.write(tmp_path / "empty.ipynb")
    assert cellar("run", path, "--inplace", timeout=60).returncode == 0


def test_a_cell_that_takes_too_long_fails(tmp_path):
    path = notebooks.write(tmp_path / "n.ipynb", 'println!("first");', "loop {}", "1 + 1")
    done = cellar("run", path, "-o", tmp_path / "out.ipynb", "--cell-timeout", 15, timeout=120)
    assert done.returncode == 1
    made = notebooks.read(tmp_path / "out.ipynb")
    assert notebooks.text_of(made.cells[0]) == "first\n"
    assert made.cells[1].outputs[-1].output_type == "error"
    assert made.cells[2].outputs == []


def test_a_run_that_takes_too_long_ends(tmp_path):
    path = notebooks.write(tmp_path / "n.ipynb", *["std::thread::sleep(std::time::Duration::from_secs(3));"] * 20)
    assert cellar("run", path, "-o", tmp_path / "out.ipynb", "--timeout", 8, timeout=120).returncode == 1


def test_ctrl_c_ends_a_run_and_keeps_what_ran(tmp_path):
    started = tmp_path / "started"
    path = notebooks.write(tmp_path / "n.ipynb", 'println!("first");', f'std::fs::write("{started}", "").unwrap(); loop {{}}')
    process = subprocess.Popen(
        [str(paths.CELLAR), "run", str(path), "-o", str(tmp_path / "out.ipynb")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait.until(started.exists, timeout=120, what="the second cell")
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 130
    finally:
        process.kill()
    assert notebooks.text_of(notebooks.read(tmp_path / "out.ipynb").cells[0]) == "first\n"
