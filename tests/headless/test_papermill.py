"""papermill with and without `-p`, and a sweep that computes once what does not depend on the parameter."""

import json

import pytest

from support import notebooks, paths

GET = 'cellar::params::get("city").unwrap_or("nothing".into())'
ALL = 'cellar::params::get_all("tag")'


def papermill(environment, path, out, *arguments, **options):
    return environment.run("papermill", path, out, *arguments, **options)


def value(cell):
    return json.loads(cell.outputs[-1].data["text/plain"])


def injected(made):
    return [cell for cell in made.cells if "injected-parameters" in cell.metadata.get("tags", [])]


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out.ipynb"


def test_without_parameters(environment, tmp_path, out):
    path = notebooks.with_params(tmp_path / "n.ipynb", {"city": "Oslo"}, GET, 'cellar::params::set("city", "Lima");')
    before = path.read_bytes()
    done = papermill(environment, path, out)
    assert done.returncode == 0, done.stderr
    assert value(notebooks.read(out).cells[0]) == "Oslo"
    assert notebooks.saved_params(out) == {"city": "Lima"}
    assert path.read_bytes() == before


def test_a_parameter_holds_for_the_run_and_is_not_saved(environment, tmp_path, out):
    path = notebooks.with_params(tmp_path / "n.ipynb", {"city": "Oslo"}, GET, GET)
    done = papermill(environment, path, out, "-p", "city", "Bergen")
    assert done.returncode == 0, done.stderr
    made = notebooks.read(out)
    (cell,) = injected(made)
    assert cell.source == '// Parameters\n%params override {"city": "Bergen"}\n'
    assert [value(cell) for cell in made.cells[1:]] == ["Bergen", "Bergen"]
    assert notebooks.saved_params(out) == {"city": "Oslo"}
    assert made.metadata.papermill.parameters == {"city": "Bergen"}


def test_cells_above_the_injected_one_see_the_parameter_too(environment, tmp_path, out):
    """The injected cell comes behind the one that is tagged; what the first cells read must not be another value."""
    made = notebooks.notebook(GET, "// parameters", GET)
    made.cells[1].metadata["tags"] = ["parameters"]
    made.metadata["cellar"] = {"params": {"city": "Oslo"}}
    path = tmp_path / "n.ipynb"
    path.write_text(json.dumps(made))
    done = papermill(environment, path, out, "-p", "city", "Bergen")
    assert done.returncode == 0, done.stderr
    assert "unknown parameter" not in done.stderr, "it is in the notebook's metadata"
    made = notebooks.read(out)
    assert [value(made.cells[i]) for i in (0, 3)] == ["Bergen", "Bergen"]
    helped = environment.run("papermill", "--help-notebook", path)
    assert 'city: str (default "Oslo")' in helped.stdout


VALUES = 'city: "New \\"York\\" \\\\ 🦀\\nline", tag: [a, "b c", 1, true], n: 3, x: 0.5, ok: true, none: null, big: 1'
SHOW = 'for key in ["city", "n", "x", "ok", "none", "big"] { println!("{key} {:?}", cellar::params::get(key)); }'


def test_values_of_all_kinds_arrive_as_text(environment, tmp_path, out):
    path = notebooks.with_params(tmp_path / "n.ipynb", {"none": "default"}, SHOW, ALL)
    done = papermill(environment, path, out, "-y", "{" + VALUES + "0" * 30 + "}")
    assert done.returncode == 0, done.stderr
    made = notebooks.read(out)
    assert notebooks.text_of(made.cells[1]).splitlines() == [
        'city Some("New \\"York\\" \\\\ 🦀\\nline")',
        'n Some("3")',
        'x Some("0.5")',
        'ok Some("true")',
        'none Some("default")',
        f'big Some("1{"0" * 30}")',
    ]
    assert value(made.cells[2]) == ["a", "b c", "1", "true"]


@pytest.mark.parametrize(
    "given, why",
    [("{m: {a: 1}}", "`m` is a mapping"), ("{m: [[1]]}", "another list"), ("{m: .inf}", "inf"), ("{m: [null]}", "empty")],
)
def test_what_has_no_meaning_as_text_is_refused_before_anything_runs(environment, tmp_path, out, given, why):
    path = notebooks.write(tmp_path / "n.ipynb", 'std::fs::write("ran", "").unwrap();')
    done = papermill(environment, path, out, "-y", given, cwd=tmp_path)
    assert done.returncode != 0
    assert why in done.stderr.splitlines()[-1] and "PapermillException" in done.stderr, done.stderr
    assert not (tmp_path / "ran").exists() and not out.exists()


def test_a_failing_notebook_is_saved_with_what_was_changed_before(environment, tmp_path, out):
    cells = ['cellar::params::set("city", "Lima");', 'panic!("on purpose");', 'cellar::params::set("city", "Rome");']
    path = notebooks.with_params(tmp_path / "n.ipynb", {"city": "Oslo"}, *cells)
    done = papermill(environment, path, out)
    assert done.returncode != 0 and "on purpose" in done.stderr
    assert notebooks.saved_params(out) == {"city": "Lima"}


def test_a_cell_that_sets_what_papermill_gave_wins_from_there_on(environment, tmp_path, out):
    path = notebooks.with_params(tmp_path / "n.ipynb", {"city": "Oslo"}, GET, 'cellar::params::set("city", "Lima");', GET)
    done = papermill(environment, path, out, "-p", "city", "Bergen")
    assert done.returncode == 0, done.stderr
    made = notebooks.read(out)
    assert [value(made.cells[i]) for i in (1, 3)] == ["Bergen", "Lima"]
    assert notebooks.saved_params(out) == {"city": "Lima"}


def test_a_kernel_of_another_name_without_the_plug_in(environment, tmp_path, out):
    """The injected cell alone does it."""
    assert notebooks.cellar("install", "--prefix", environment.folder, "--name", "cellar-next").returncode == 0
    path = notebooks.write(tmp_path / "n.ipynb", GET, kernel="cellar-next")
    done = papermill(environment, path, out, "-p", "city", "Bergen")
    assert done.returncode == 0, done.stderr
    assert value(notebooks.read(out).cells[1]) == "Bergen"
    # Named for one run only.
    path = notebooks.write(tmp_path / "m.ipynb", GET)
    done = papermill(environment, path, out, "-k", "cellar-next", "-p", "city", "Bergen")
    assert done.returncode == 0, done.stderr
    assert value(notebooks.read(out).cells[1]) == "Bergen"


def test_the_example_for_another_town(environment, tmp_path, out):
    example = paths.NOTEBOOKS / "parameters.ipynb"
    before = example.read_bytes()
    done = papermill(environment, example, out, "-p", "town", "Cork", "-p", "rotor", "120")
    assert done.returncode == 0, done.stderr
    assert "unknown parameter" not in done.stderr
    made = {cell.id: cell for cell in notebooks.read(out).cells}
    assert notebooks.text_of(made["yield"]).startswith("In Cork, a rotor of 120 m makes ")
    assert notebooks.read(out).metadata.cellar.params == {"town": "Bergen", "rotor": "90", "best_town": "Cork"}
    assert example.read_bytes() == before


# -- a sweep -------------------------------------------------------------------------------------------

# Each cell writes down that it was computed. No key knows of that file.
LOG = 'use std::io::Write; writeln!(std::fs::OpenOptions::new().append(true).create(true).open("computed")?, "{}", WHAT)?;'
SWEEP = [
    "//% cache_data\n"
    + LOG.replace("WHAT", '"expensive"')
    + "\nlet rows: Vec<u64> = (0..100_000).map(|n: u64| n * n % 1_000).collect();",
    "//% cache_data\n"
    + 'let city = cellar::params::get("city").unwrap();\n'
    + LOG.replace("WHAT", "&city")
    + "\nlet sum: u64 = rows.iter().sum::<u64>() + city.len() as u64;",
    'println!("{city} {sum}");',
]

RUN_SWEEP = """
import json, sys
import papermill
for city in json.loads(sys.argv[1]):
    papermill.execute_notebook("n.ipynb", f"{city}.ipynb", {"city": city}, progress_bar=False)
"""


@pytest.mark.timeout(300)
def test_a_sweep_computes_once_what_does_not_read_the_parameter(environment, tmp_path):
    notebooks.with_params(tmp_path / "n.ipynb", {"city": "Oslo"}, *SWEEP)
    cities = [f"city{'y' * n}" for n in range(20)]

    def sweep(of):
        done = environment.run("python", "-W", "ignore", "-c", RUN_SWEEP, json.dumps(of), cwd=tmp_path)
        assert done.returncode == 0, done.stderr

    def computed():
        return (tmp_path / "computed").read_text().split()

    sweep(cities)
    assert computed() == ["expensive", *cities]
    base = sum(n * n % 1_000 for n in range(100_000))
    for city in cities:
        made = notebooks.read(tmp_path / f"{city}.ipynb")
        assert notebooks.text_of(made.cells[-1]) == f"{city} {base + len(city)}\n"
        assert notebooks.saved_params(tmp_path / f"{city}.ipynb") == {"city": "Oslo"}
    # A value that there was before costs nothing at all, from the command line either.
    done = papermill(environment, "n.ipynb", "again.ipynb", "-p", "city", cities[7], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert notebooks.text_of(notebooks.read(tmp_path / "again.ipynb").cells[-1]).startswith(cities[7])
    assert len(computed()) == 21
