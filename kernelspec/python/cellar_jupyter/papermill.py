"""papermill's `-p`, `-y` and `-f` for Rust notebooks.

papermill writes parameters as code into a cell of its own. For Cellar that is one line,
`%params override {"city": "Bergen"}`: the notebook's own parameters, in its metadata, stay as they are.

papermill has no entry point for languages. It has one for places to read notebooks from, and imports what
is named there when it starts. That import is what we need; the place itself (`Nowhere`) is never used.
"""

import json
import logging
import os
import sys


class Nowhere:
    """Reads and writes nothing: no notebook has a path that begins as this entry point is named."""


# Below `Nowhere`, because papermill looks for that while it is being imported.
from papermill.exceptions import PapermillException
from papermill.translators import Translator, papermill_translators

from . import parameters, values

_log = logging.getLogger(__name__)

# The name of the kernel where nobody chose another.
KERNEL = "cellar"

# What the kernelspec starts, after the executable.
_ARGUMENTS = ["kernel", "--connection-file", "{connection_file}"]


class CellarTranslator(Translator):
    """Parameters as a cell that the kernel understands."""

    @classmethod
    def codify(cls, parameters, comment="Parameters"):
        try:
            override = values.as_override(parameters)
        except values.Unsuitable as problem:
            raise PapermillException(f"papermill cannot pass this on: {problem}") from None
        lines = [f"// {line}".rstrip() for line in comment.splitlines()]
        lines.append("%params override " + json.dumps(override, ensure_ascii=False, allow_nan=False))
        return "\n".join(lines) + "\n"

    @classmethod
    def inspect(cls, parameters_cell):
        """The notebook's parameters. They are in its metadata, while papermill shows us a cell only; the
        notebook is what the caller took that cell from."""
        notebook = sys._getframe(1).f_locals.get("nb")
        known = parameters.of_notebook(notebook) if notebook is not None else None
        return [_described(*item) for item in known.items()] if isinstance(known, dict) else []


def _described(name, value):
    from papermill.models import Parameter  # papermill 2.3 was the first to ask.

    kind = "List[str]" if isinstance(value, list) else type(value).__name__
    return Parameter(name, kind, json.dumps(value, ensure_ascii=False), "")


def _kernel_names():
    """Every name under which this kernel is registered: `cellar install --name` gives it others."""
    names = {KERNEL}
    try:
        from jupyter_client.kernelspec import KernelSpecManager

        for name, folder in KernelSpecManager().find_kernel_specs().items():
            if _is_ours(folder):
                names.add(name)
    except Exception as problem:
        _log.warning("Cellar: papermill knows only the kernel name `%s`: %r", KERNEL, problem)
    return names


def _is_ours(folder):
    try:
        with open(os.path.join(folder, "kernel.json"), encoding="utf-8") as file:
            argv = json.load(file)["argv"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return argv[1:] == _ARGUMENTS and os.path.basename(argv[0]).startswith("cellar")


for _name in _kernel_names():
    papermill_translators.register(_name, CellarTranslator)
