"""Making, running and comparing notebooks."""

import re
import subprocess
import sys

import nbformat

from support import paths
from support.result import without_colours


def notebook(*cells, kernel=paths.KERNEL):
    """A notebook of code cells."""
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    made.metadata["kernelspec"] = {"name": kernel, "display_name": kernel, "language": "rust"}
    made.metadata["language_info"] = {"name": "rust"}
    return made


def write(path, *cells, **options):
    nbformat.write(notebook(*cells, **options), path)
    return path


def with_params(path, params, *cells, **metadata):
    """A notebook whose metadata has parameters, and something of others beside them."""
    made = notebook(*cells)
    made.metadata["cellar"] = {"other": [1, {"x": None}], "params": params}
    made.metadata.update(metadata)
    nbformat.write(made, path)
    return path


def saved_params(path):
    """`metadata.cellar.params` of a notebook on disk. What others keep there must have survived."""
    ours = read(path).metadata["cellar"]
    assert ours["other"] == [1, {"x": None}]
    return ours.get("params")


def read(path):
    """Reads a notebook and checks that it is valid."""
    made = nbformat.read(path, as_version=4)
    nbformat.validate(made)
    return made


def nbconvert(path, output, *options, timeout=600, env=None):
    """Executes a notebook as users do from a shell."""
    return subprocess.run(
        [sys.executable, "-m", "nbconvert", "--to", "notebook", "--execute", "--output", str(output), *options]
        + [str(path)],
        capture_output=True,
        text=True,
        timeout=timeout,
        env=env,
    )


def cellar(*arguments, timeout=600, **options):
    """Runs the command line."""
    return subprocess.run(
        [str(paths.CELLAR), *map(str, arguments)], capture_output=True, text=True, timeout=timeout, **options
    )


def source(cell):
    return "".join(cell.source)


def text_of(cell):
    """All stream text of a cell."""
    return "".join(output.text for output in cell.outputs if output.output_type == "stream")


def _plain(text):
    """Without colours, durations, rates and addresses, which differ from run to run."""
    text = without_colours("".join(text))
    text = re.sub(r"\d+(\.\d+)?\s?[kMG]?/s\b", "<rate>", text)
    text = re.sub(r"[\d,]+ loops?\b", "<loops>", text)
    text = re.sub(r"\d+(\.\d+)?\s?(ns|µs|us|ms|s|min)\b", "<time>", text)
    text = re.sub(r"\d\d:\d\d(:\d\d)?", "<time>", text)
    return re.sub(r"0x[0-9a-f]{4,}", "<address>", text)


def shown(made):
    """What a reader sees below each code cell, without what may differ between runs: stream pieces
    joined, timings and generated ids taken out."""
    cells = []
    for cell in made.cells:
        if cell.cell_type != "code":
            continue
        outputs = []
        for output in cell.outputs:
            kind = output.output_type
            if kind == "stream":
                if outputs and outputs[-1][0] == output.name:
                    outputs[-1] = (output.name, outputs[-1][1] + output.text)
                else:
                    outputs.append((output.name, output.text))
            elif kind == "error":
                outputs.append((kind, output.ename, _plain(output.evalue)))
            elif not output.data.get("text/plain", "").startswith("Dependencies are ready"):
                # (That one is there only if something had to be built, and waited for.)
                data = {mime: _plain(body) if isinstance(body, (str, list)) else body for mime, body in output.data.items()}
                # Dependencies are built once on a machine, and only that once it is shown.
                if not re.fullmatch(r"Compiled \d+ crates? \(<time>\)", data.get("text/plain", "")):
                    outputs.append((kind, data))
        cells.append([(o[0], _plain(o[1])) if o[0] in ("stdout", "stderr") else o for o in outputs])
    return cells
