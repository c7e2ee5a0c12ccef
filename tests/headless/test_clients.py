"""What executes notebooks from Python, run as users run it, with no options but its own: the notebook's
parameters reach its cells, and what cells change of them is in the notebook that is saved."""

import json
import textwrap

import pytest

from support import notebooks

GET = 'cellar::params::get("city").unwrap_or("nothing".into())'
IN_AND_OUT = [
    GET,
    'cellar::params::set("city", "Lima");',
    "%params set tag x y",
    'println!("{} {:?}", cellar::params::get("city").unwrap(), cellar::params::get_all("tag"));',
]


def value(cell):
    return json.loads(cell.outputs[-1].data["text/plain"])


def check_in_and_out(path, city="Oslo"):
    """`path` is what was saved of a run of `IN_AND_OUT`."""
    made = notebooks.read(path)
    assert value(made.cells[0]) == city
    assert notebooks.text_of(made.cells[3]) == 'Lima ["x", "y"]\n'
    assert notebooks.saved_params(path) == {"city": "Lima", "tag": ["x", "y"]}


def nbconvert(environment, *arguments):
    return environment.run("jupyter", "nbconvert", "--to", "notebook", "--execute", *arguments)


def test_nbconvert(environment, tmp_path):
    path = notebooks.with_params(tmp_path / "n.ipynb", {"city": "Oslo"}, *IN_AND_OUT)
    before = path.read_bytes()
    done = nbconvert(environment, "--output", "out", path)
    assert done.returncode == 0, done.stderr
    check_in_and_out(tmp_path / "out.ipynb")
    assert path.read_bytes() == before


def test_nbconvert_in_place_and_several_at_once(environment, tmp_path):
    cities = ["Oslo", "Bergen"]
    paths = [notebooks.with_params(tmp_path / f"{city}.ipynb", {"city": city}, *IN_AND_OUT) for city in cities]
    done = nbconvert(environment, "--inplace", *paths)
    assert done.returncode == 0, done.stderr
    for path, city in zip(paths, cities):
        check_in_and_out(path, city)


def test_jupyter_execute(environment, tmp_path):
    path = notebooks.with_params(tmp_path / "n.ipynb", {"city": "Oslo"}, *IN_AND_OUT)
    done = environment.run("jupyter", "execute", "--inplace", path)
    assert done.returncode == 0, done.stderr
    check_in_and_out(path)


@pytest.mark.parametrize("params", [{"city": "Oslo", "tag": ["a", "b"]}, {}, None], ids=["some", "empty", "none"])
def test_a_notebook_that_changes_nothing_is_saved_as_it_was(environment, tmp_path, params):
    cells = [GET, 'cellar::params::set("city", "Oslo");'] if params else [GET]
    if params is None:
        path = notebooks.write(tmp_path / "n.ipynb", *cells)
    else:
        path = notebooks.with_params(tmp_path / "n.ipynb", params, *cells)
    before = json.loads(path.read_text())["metadata"]
    done = environment.run("jupyter", "execute", "--inplace", path)
    assert done.returncode == 0, done.stderr
    after = json.loads(path.read_text())["metadata"]
    assert {**after, "language_info": None} == {**before, "language_info": None}


def test_what_the_kernel_cannot_read_stays(environment, tmp_path):
    params = {"city": "Oslo", "odd": {"deep": [1, None]}}
    path = notebooks.with_params(tmp_path / "n.ipynb", params, GET, 'cellar::params::set("city", "Lima");')
    done = environment.run("jupyter", "execute", "--inplace", path)
    assert done.returncode == 0, done.stderr
    assert notebooks.saved_params(path) == {"city": "Lima", "odd": {"deep": [1, None]}}


@pytest.mark.parametrize("cellar", ["text", [1], {"params": [1, "x"]}, {"params": "x"}, {"params": None}], ids=str)
def test_metadata_that_is_not_ours_keeps_nobody_from_running(environment, tmp_path, cellar):
    made = notebooks.notebook("40 + 2")
    made.metadata["cellar"] = cellar
    made.metadata["papermill"] = "text"
    path = tmp_path / "n.ipynb"
    path.write_text(json.dumps(made))
    done = environment.run("jupyter", "execute", "--inplace", path)
    assert done.returncode == 0, done.stderr
    after = json.loads(path.read_text())
    # (What cannot be read is told above it.)
    assert after["cells"][0]["outputs"][-1]["data"]["text/plain"] == ["42"]
    assert after["metadata"]["cellar"] == cellar


def test_parameters_can_be_removed(environment, tmp_path):
    path = notebooks.with_params(tmp_path / "n.ipynb", {"city": "Oslo"}, "cellar::params::clear();")
    alone = notebooks.write(tmp_path / "alone.ipynb", 'cellar::params::set("n", 1);', "%params clear")
    done = nbconvert(environment, "--inplace", path, alone)
    assert done.returncode == 0, done.stderr
    assert not notebooks.saved_params(path)
    assert "params" not in notebooks.read(alone).metadata.get("cellar", {})


def test_errors_that_are_allowed(environment, tmp_path):
    cells = ['cellar::params::set("city", "Lima");', 'panic!("on purpose");', GET]
    path = notebooks.with_params(tmp_path / "n.ipynb", {"city": "Oslo"}, *cells)
    assert nbconvert(environment, "--output", "out", path).returncode != 0
    done = nbconvert(environment, "--allow-errors", "--output", "out", path)
    assert done.returncode == 0, done.stderr
    made = notebooks.read(tmp_path / "out.ipynb")
    assert value(made.cells[2]) == "Lima"
    assert notebooks.saved_params(tmp_path / "out.ipynb") == {"city": "Lima"}


# -- nbclient's API ------------------------------------------------------------------------------------


PRELUDE = """
import asyncio, atexit, json, sys
import nbformat
from nbclient import NotebookClient

def read(city="Oslo"):
    nb = nbformat.read(sys.argv[1], as_version=4)
    nb.metadata.cellar.params.city = city
    return nb

def shown(nb):
    return json.loads(nb.cells[0].outputs[-1].data["text/plain"])

def check(nb, city="Oslo"):
    assert shown(nb) == city, shown(nb)
    assert nb.metadata.cellar.params == {"city": "Lima", "tag": ["x", "y"]}, nb.metadata.cellar
"""

API = {
    "execute, with a hook of the user's": """
        started = []
        nb = read()
        NotebookClient(nb, on_notebook_start=lambda notebook: started.append(notebook)).execute()
        check(nb)
        assert started == [nb]
        """,
    "four at once": """
        async def main():
            nbs = [read(f"town {i}") for i in range(4)]
            await asyncio.gather(*(NotebookClient(nb).async_execute() for nb in nbs))
            for i, nb in enumerate(nbs):
                check(nb, f"town {i}")
        asyncio.run(main())
        """,
    "execute where a loop runs already": """
        async def main():
            nb = read()
            NotebookClient(nb).execute()
            check(nb)
        asyncio.run(main())
        """,
    "a kernel that the caller has started, for two notebooks": """
        from jupyter_client.manager import KernelManager
        km = KernelManager(kernel_name="cellar")
        km.start_kernel()
        atexit.register(km.shutdown_kernel, now=True)
        nb = read()
        client = NotebookClient(nb, km=km)
        client.execute()
        check(nb)
        other = read("Bergen")
        client = NotebookClient(other, km=km)
        client.execute()
        check(other, "Bergen")
        client.execute()
        check(other, "Lima")
        """,
    "a kernel and a client that the caller has made": """
        from jupyter_client.manager import start_new_kernel
        km, kc = start_new_kernel(kernel_name="cellar")
        atexit.register(km.shutdown_kernel, now=True)
        nb = read()
        client = NotebookClient(nb, km=km)
        client.kc = kc
        client.execute()
        check(nb)
        """,
    "nbconvert's preprocessor, twice": """
        from nbconvert.preprocessors import ExecutePreprocessor
        preprocessor = ExecutePreprocessor()
        for city in ["Oslo", "Bergen"]:
            check(preprocessor.preprocess(read(city), {})[0], city)
        """,
}


def run_api(environment, tmp_path, code, *cells, **options):
    path = notebooks.with_params(tmp_path / "n.ipynb", {"city": "Oslo"}, *cells)
    return environment.run("python", "-W", "ignore", "-c", PRELUDE + textwrap.dedent(code), path, cwd=tmp_path, **options)


@pytest.mark.parametrize("code", API.values(), ids=API.keys())
def test_nbclients_api(environment, tmp_path, code):
    done = run_api(environment, tmp_path, code, *IN_AND_OUT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Cellar" not in done.stderr, done.stderr


@pytest.mark.parametrize("broken", ["parameters.attend", "callers.of_client", "parameters._send"])
def test_whatever_breaks_in_the_plug_in_cells_run_and_one_warning_says_so(environment, tmp_path, broken):
    """Say, because a version of Jupyter is out that does things otherwise."""
    code = f"""
        from cellar_jupyter import callers, parameters
        def fails(*arguments, **options):
            raise RuntimeError("on purpose")
        {broken} = fails
        nb = read()
        NotebookClient(nb).execute()
        print([cell.outputs[-1].data["text/plain"] for cell in nb.cells])
        """
    done = run_api(environment, tmp_path, code, "40 + 2", "1 + 1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == "['42', '2']\n"
    assert done.stderr.count("Cellar:") == done.stderr.count("on purpose") == 1, done.stderr


# -- nbval ---------------------------------------------------------------------------------------------


def test_nbval_has_the_parameters_and_leaves_the_notebook_as_it_is(environment, tmp_path):
    cells = [GET, 'cellar::params::set("city", "Lima");', GET]
    path = notebooks.with_params(tmp_path / "n.ipynb", {"city": "Oslo"}, *cells)
    assert environment.run("jupyter", "execute", "--inplace", path).returncode == 0
    # As somebody would have it in a repository: the outputs of a run with Oslo.
    made = notebooks.read(path)
    made.metadata.cellar.params.city = "Oslo"
    path.write_text(json.dumps(made))
    before = path.read_bytes()

    # From a folder of its own: this one's pytest.ini is about other tests.
    def nbval():
        command = ["python", "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", "--nbval", "n.ipynb"]
        return environment.run(*command, cwd=tmp_path)

    done = nbval()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout
    assert path.read_bytes() == before

    made.metadata.cellar.params.city = "Bergen"
    path.write_text(json.dumps(made))
    done = nbval()
    assert "1 failed" in done.stdout and "Bergen" in done.stdout, done.stdout


def test_without_the_plug_in_cells_run_as_well(environment, tmp_path):
    """A kernelspec of `cellar install` in the same environment: it names no provisioner."""
    assert notebooks.cellar("install", "--prefix", environment.folder, "--name", "plain").returncode == 0
    path = notebooks.write(tmp_path / "n.ipynb", "40 + 2", kernel="plain")
    done = environment.run("jupyter", "execute", "--inplace", path)
    assert done.returncode == 0, done.stderr
    assert notebooks.read(path).cells[0].outputs[0].data["text/plain"] == "42"
