"""Notebooks executed without a browser: by nbconvert, by papermill, by `cellar run`."""

import subprocess
import sys

import nbformat
import pytest

from support import notebooks, paths

EXAMPLES = sorted(path for path in paths.NOTEBOOKS.glob("*.ipynb") if not path.stem.endswith(".executed"))

PRINTS = [
    'for i in 0..200 { println!("line {i}"); }',
    'use std::io::Write; for i in 0..50 { print!("{i} "); std::io::stdout().flush().unwrap(); }',
    'for i in 0..20 { println!("out"); eprintln!("err {i}"); }',
    'print!("no line end")',
    "(0..100).collect::<Vec<i32>>().len()",
]
SHOWN = ["".join(f"line {i}\n" for i in range(200)), "".join(f"{i} " for i in range(50)), None, "no line end", ""]


def check_prints(made):
    for cell, text in zip(made.cells, SHOWN):
        if text is not None:
            assert notebooks.text_of(cell) == text
    mixed = made.cells[2]
    streams = {name: "".join(o.text for o in mixed.outputs if o.name == name) for name in ("stdout", "stderr")}
    assert streams == {"stdout": "out\n" * 20, "stderr": "".join(f"err {i}\n" for i in range(20))}
    assert made.cells[4].outputs[-1].data["text/plain"] == "100"


def test_there_are_examples():
    assert (paths.NOTEBOOKS / "tour.ipynb") in EXAMPLES


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_nbconvert_and_cellar_run_agree_on_every_example(path, tmp_path):
    converted, run = tmp_path / "nbconvert.ipynb", tmp_path / "run.ipynb"
    done = notebooks.nbconvert(path, converted)
    assert done.returncode == 0, done.stderr
    done = notebooks.cellar("run", path, "-o", run)
    assert done.returncode == 0, done.stderr
    by_nbconvert, by_cellar = notebooks.read(converted), notebooks.read(run)
    assert notebooks.shown(by_cellar) == notebooks.shown(by_nbconvert)
    counts = [[c.execution_count for c in made.cells if c.cell_type == "code"] for made in (by_nbconvert, by_cellar)]
    assert counts[0] == counts[1]
    assert by_cellar.metadata.language_info == by_nbconvert.metadata.language_info


def test_nbconvert_keeps_all_output(tmp_path):
    path = notebooks.write(tmp_path / "prints.ipynb", *PRINTS)
    done = notebooks.nbconvert(path, tmp_path / "out.ipynb")
    assert done.returncode == 0, done.stderr
    check_prints(notebooks.read(tmp_path / "out.ipynb"))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_nbconvert_twenty_five_times_in_a_row_loses_nothing(tmp_path):
    """evcxr_jupyter loses output in about one run of 25."""
    path = notebooks.write(tmp_path / "prints.ipynb", *PRINTS[:4], PRINTS[4])
    for _ in range(25):
        done = notebooks.nbconvert(path, tmp_path / "out.ipynb")
        assert done.returncode == 0, done.stderr
        check_prints(notebooks.read(tmp_path / "out.ipynb"))


def test_cellar_run_keeps_all_output(tmp_path):
    path = notebooks.write(tmp_path / "prints.ipynb", *PRINTS)
    done = notebooks.cellar("run", path, "-o", tmp_path / "out.ipynb")
    assert done.returncode == 0, done.stderr
    check_prints(notebooks.read(tmp_path / "out.ipynb"))


PANIC = ['println!("before");', 'panic!("on purpose");', 'println!("never");']


def test_a_panic_makes_nbconvert_fail(tmp_path):
    path = notebooks.write(tmp_path / "panic.ipynb", *PANIC)
    done = notebooks.nbconvert(path, tmp_path / "out.ipynb")
    assert done.returncode != 0
    assert "on purpose" in done.stderr


@pytest.mark.parametrize("wrong", ["let x: i32 = true;", 'let x: i32 = "no".parse()?;', "std::process::abort();"])
def test_other_errors_make_nbconvert_fail_too(tmp_path, wrong):
    path = notebooks.write(tmp_path / "wrong.ipynb", wrong)
    assert notebooks.nbconvert(path, tmp_path / "out.ipynb").returncode != 0


def test_a_panic_makes_cellar_run_fail_and_keeps_what_ran(tmp_path):
    path = notebooks.write(tmp_path / "panic.ipynb", *PANIC)
    done = notebooks.cellar("run", path, "-o", tmp_path / "out.ipynb")
    assert done.returncode == 1
    assert "on purpose" in done.stderr + done.stdout
    made = notebooks.read(tmp_path / "out.ipynb")
    assert notebooks.text_of(made.cells[0]) == "before\n"
    assert made.cells[1].outputs[-1].output_type == "error"
    assert made.cells[2].outputs == [] and made.cells[2].execution_count is None


def test_allowed_errors_are_written_down(tmp_path):
    path = notebooks.write(tmp_path / "panic.ipynb", *PANIC)
    out = tmp_path / "nbconvert.ipynb"
    assert notebooks.nbconvert(path, out, "--allow-errors").returncode == 0
    assert notebooks.cellar("run", path, "-o", tmp_path / "run.ipynb", "--allow-errors").returncode == 0
    for made in (notebooks.read(out), notebooks.read(tmp_path / "run.ipynb")):
        kinds = [[o.output_type for o in cell.outputs] for cell in made.cells]
        assert kinds == [["stream"], ["error"], ["stream"]]


def test_papermill_runs_a_notebook_and_fails_with_it(tmp_path):
    def papermill(path):
        return subprocess.run(
            [sys.executable, "-m", "papermill", str(path), str(tmp_path / "out.ipynb")], capture_output=True, text=True
        )

    good = notebooks.write(tmp_path / "good.ipynb", 'println!("by papermill");')
    done = papermill(good)
    assert done.returncode == 0, done.stderr
    assert notebooks.text_of(notebooks.read(tmp_path / "out.ipynb").cells[0]) == "by papermill\n"
    assert papermill(notebooks.write(tmp_path / "bad.ipynb", 'panic!("no");')).returncode != 0


def test_a_notebook_sees_files_beside_it(tmp_path):
    (tmp_path / "data.txt").write_text("42")
    path = notebooks.write(tmp_path / "reads.ipynb", 'std::fs::read_to_string("data.txt").unwrap()')
    assert notebooks.nbconvert(path, tmp_path / "a.ipynb").returncode == 0
    assert notebooks.cellar("run", path, "-o", tmp_path / "b.ipynb", cwd="/").returncode == 0
    for name in ("a.ipynb", "b.ipynb"):
        assert notebooks.read(tmp_path / name).cells[0].outputs[0].data["text/plain"] == '"42"'


def test_the_result_is_valid_nbformat_4_5(tmp_path):
    path = notebooks.write(tmp_path / "n.ipynb", "1 + 1", 'cellar::html("<b>x</b>");', 'eprintln!("x")')
    assert notebooks.cellar("run", path, "-o", tmp_path / "out.ipynb").returncode == 0
    made = nbformat.read(tmp_path / "out.ipynb", as_version=nbformat.NO_CONVERT)
    nbformat.validate(made)
    assert (made.nbformat, made.nbformat_minor) == (4, 5)
    assert all(cell.id for cell in made.cells)
