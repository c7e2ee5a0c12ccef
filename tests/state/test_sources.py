"""Where parameters come from when no front end tells: environment, file, `cellar run -p`."""

import json
import os

import nbformat
import pytest

from support import notebooks
from support.notebooks import cellar

GET = 'cellar::params::get("city")'


@pytest.fixture
def written(tmp_path):
    """Writes a notebook that says `params` of its parameters."""

    def write(params, *cells, name="n.ipynb", **metadata):
        made = notebooks.notebook(*(cells or [GET]))
        made.metadata["cellar"] = {"other": 1, "params": params}
        made.metadata.update(metadata)
        nbformat.write(made, tmp_path / name)
        return tmp_path / name

    return write


@pytest.mark.parametrize("variable", ["CELLAR_NOTEBOOK", "JPY_SESSION_NAME"])
def test_the_file_that_somebody_named(new_kernel, written, variable):
    path = written({"city": "Oslo"}, name="mit Ümlaut und Leer.ipynb")
    kernel = new_kernel(extra_env={variable: str(path)})
    assert kernel.show(GET) == 'Some("Oslo")'
    assert path.name in kernel.ok("%params").value


def test_a_relative_session_name_is_beside_the_kernel(new_kernel, written):
    path = written({"city": "Oslo"})
    kernel = new_kernel(extra_env={"JPY_SESSION_NAME": "sub/folder/n.ipynb"}, cwd=str(path.parent))
    assert kernel.show(GET) == 'Some("Oslo")'


def test_vs_code_tells_the_path_with_each_cell(new_kernel, written):
    path = written({"city": "Oslo"}, name="a b.ipynb")
    kernel = new_kernel(cwd="/")
    uri = f"vscode-notebook-cell:{path.parent}/a%20b.ipynb#W0sZmlsZQ%3D%3D"
    assert kernel.ok(GET, metadata={"cellId": uri}).value == 'Some("Oslo")'
    assert "VS Code" in kernel.ok("%params").value


def test_the_environment_overrides(new_kernel, written):
    path = written({"city": "Oslo", "n": "1"})
    kernel = new_kernel(extra_env={"CELLAR_NOTEBOOK": str(path), "CELLAR_PARAMS": '{"city": "Lima"}'})
    assert kernel.show("cellar::params::to_map()") == '{"city": ["Lima"], "n": ["1"]}'


def test_a_query_string_as_voila_passes_it_on(new_kernel):
    kernel = new_kernel(
        extra_env={"QUERY_STRING": "city=New+York&tag=a&tag=%C3%A5&token=secret", "SERVER_PROTOCOL": "HTTP/1.1"}
    )
    assert kernel.show("cellar::params::to_map()") == '{"city": ["New York"], "tag": ["a", "å"]}'


def test_a_file_that_is_no_notebook_harms_nobody(new_kernel, tmp_path):
    path = tmp_path / "broken.ipynb"
    path.write_text('{"cells": [')
    kernel = new_kernel(extra_env={"CELLAR_NOTEBOOK": str(path)})
    assert kernel.show(GET) == "None"


def run(path, *arguments):
    out = path.with_name("out.ipynb")
    done = cellar("run", path, *arguments, "-o", out)
    return done, (json.loads(out.read_text()) if out.exists() else None)


def result(made, cell=0):
    return "".join(made["cells"][cell]["outputs"][-1]["data"]["text/plain"])


def test_cellar_run_reads_and_writes_them(written):
    path = written({"city": "Oslo"}, GET, 'cellar::params::set("city", "Lima"); cellar::params::set_all("tag", ["a", "b"]);', GET)
    before = json.loads(path.read_text())["metadata"]
    done, made = run(path)
    assert done.returncode == 0, done.stderr
    assert (result(made), result(made, 2)) == ('Some("Oslo")', 'Some("Lima")')
    assert made["metadata"]["cellar"] == {"other": 1, "params": {"city": "Lima", "tag": ["a", "b"]}}
    others = {name: value for name, value in made["metadata"].items() if name not in ("cellar", "language_info")}
    assert others == {name: value for name, value in before.items() if name not in ("cellar", "language_info")}


def test_cellar_run_with_p_overrides_and_does_not_save(written):
    path = written({"city": "Oslo"}, GET, 'cellar::params::get_all("tag")')
    done, made = run(path, "-p", "city=Ber=gen", "-p", "tag=a", "-p", "tag=", "--param", "x=1")
    assert done.returncode == 0, done.stderr
    assert result(made) == 'Some("Ber=gen")'
    assert result(made, 1) == '["a", ""]'
    assert made["metadata"]["cellar"]["params"] == {"city": "Oslo"}


@pytest.mark.parametrize(("typed", "told"), [("city", "city=value"), ("=1", "no name")])
def test_a_bad_p_is_refused_before_anything_runs(written, typed, told):
    done, made = run(written({}), "-p", typed)
    assert done.returncode != 0 and made is None
    assert told in done.stderr


def test_metadata_of_another_shape_are_told_and_written_as_they_were(written):
    path = written(["city"], GET)
    done, made = run(path)
    assert done.returncode == 0, done.stderr
    told = "".join(output.get("text", "") if isinstance(output.get("text"), str) else "".join(output.get("text", [])) for output in made["cells"][0]["outputs"])
    assert "not an object of texts" in told
    assert made["metadata"]["cellar"]["params"] == ["city"]


def test_a_read_only_notebook_runs_and_stays(written):
    path = written({"city": "Oslo"}, 'cellar::params::set("city", "Lima");')
    before = path.read_bytes()
    os.chmod(path, 0o400)
    done, made = run(path)
    assert done.returncode == 0, done.stderr
    assert made["metadata"]["cellar"]["params"] == {"city": "Lima"}
    assert path.read_bytes() == before


def test_the_notebook_that_nbconvert_executes_is_found_without_anything_installed(written, tmp_path):
    path = written({"city": "Oslo"}, "let first = 1;", GET)
    written({"city": "Lima"}, "let other = 1;", GET, name="other.ipynb")
    prefix = tmp_path / "prefix"
    assert cellar("install", "--prefix", prefix).returncode == 0
    # This kernelspec names no plug-in of Python's.
    environment = {**os.environ, "JUPYTER_PATH": str(prefix / "share" / "jupyter"), "JUPYTER_PREFER_ENV_PATH": "0"}
    done = notebooks.nbconvert(path, tmp_path / "out.ipynb", env=environment)
    assert done.returncode == 0, done.stderr
    assert result(json.loads((tmp_path / "out.ipynb").read_text()), 1) == 'Some("Oslo")'


def test_a_notebook_that_is_edited_while_it_runs_keeps_the_edit(written):
    path = written({"city": "Oslo"}, GET)
    # It edits itself, as somebody would in an editor.
    made = json.loads(path.read_text())
    made["cells"][0]["source"] = (
        f'let path = {json.dumps(str(path))}; let text = std::fs::read_to_string(path).unwrap();\n'
        'std::fs::write(path, text.replace("Oslo", "edited")).unwrap();\n'
        'cellar::params::set("city", "Lima");'
    )
    path.write_text(json.dumps(made))
    done = cellar("run", path, "--inplace")
    assert done.returncode == 1
    assert "was changed by somebody else" in done.stderr, done.stderr
    assert json.loads(path.read_text())["metadata"]["cellar"]["params"] == {"city": "edited"}
    beside = json.loads(path.with_suffix(".executed.ipynb").read_text())
    assert beside["metadata"]["cellar"]["params"] == {"city": "Lima"}
