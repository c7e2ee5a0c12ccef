"""A notebook's parameters on their way between its metadata and the kernel.

Before a client sends its first cell, a comm `cellar.params` is opened on its behalf, with what the
notebook's `metadata.cellar.params` says. When a cell changes a parameter the kernel tells the new state on
that comm, and it is written into the metadata, which the client then saves with the notebook.
"""

import json
import logging
import uuid

from . import callers, values

_log = logging.getLogger(__name__)

TARGET = "cellar.params"
VERSION = 1

# In the notebook's metadata: `metadata.cellar.params`.
_NAMESPACE, _KEY = "cellar", "params"


def attend(manager):
    """From now on, clients that `manager` makes open the comm before the first cell of each notebook."""
    if getattr(manager.client, "is_cellars", False):
        return  # The kernel is started anew.
    make_client = manager.client
    opened = []  # For whom comms are open, of any client of this kernel.

    def client(*arguments, **options):
        kc = make_client(*arguments, **options)
        try:
            _before_cells(kc, opened)
        except Exception as problem:
            give_up(problem)
        return kc

    client.is_cellars = True
    manager.client = client


def _before_cells(kc, opened):
    execute = kc.execute

    def execute_with_parameters(*arguments, **options):
        try:
            caller = callers.of_client(kc)
            if caller is not None and not any(caller.is_as(other) for other in opened):
                _open(kc, caller, first=not opened)
                opened.append(caller)
        except Exception as problem:
            kc.execute = execute
            give_up(problem)
        return execute(*arguments, **options)

    kc.execute = execute_with_parameters


def give_up(problem):
    """Says so once; what executes a notebook must not fail for its parameters."""
    _log.warning("Cellar: the notebook's parameters do not reach the kernel: %r", problem)


def _open(kc, caller, first):
    """Opens the comm of `caller`, so that the kernel has the parameters before the next cell."""
    metadata = caller.notebook.metadata
    data = {"version": VERSION, "client": caller.name}
    base = of_notebook(caller.notebook)
    if base is not None:
        data["params"] = base
    papermill = metadata.get("papermill")
    given = papermill.get("parameters") if isinstance(papermill, dict) else None
    if given and isinstance(given, dict):
        data["override"], problems = values.suitable(given)
        for problem in problems:
            _log.warning("Cellar: %s", problem)
    if caller.path:
        data["path"] = caller.path
    comm_id = uuid.uuid4().hex
    if caller.comms is not None:
        caller.comms[comm_id] = _Comm(caller.notebook)
    _send(kc, "comm_open", {"comm_id": comm_id, "target_name": TARGET, "data": data})
    if not first:
        # The kernel still has those of the notebook that was executed before.
        _send(kc, "comm_msg", {"comm_id": comm_id, "data": {"op": "replace", "params": base}})


def _send(kc, kind, content):
    kc.shell_channel.send(kc.session.msg(kind, content))


class _Comm:
    """The client's end of the comm, as nbclient wants it."""

    def __init__(self, notebook):
        self.notebook = notebook

    def handle_msg(self, message):
        try:
            data = message["content"]["data"]
            if data.get("op") == "state":
                _write(self.notebook, data.get("params"))
        except Exception as problem:
            _log.warning("Cellar: a changed parameter is not written into the notebook: %r", problem)


def of_notebook(notebook):
    """`metadata.cellar.params` as it is, or `None` if there is none."""
    ours = notebook.metadata.get(_NAMESPACE)
    return ours.get(_KEY) if isinstance(ours, dict) else None


def _write(notebook, params):
    """Makes `metadata.cellar.params` say `params` (`None`: there is none), and touches nothing if it does."""
    if _same(of_notebook(notebook), params):
        return
    import nbformat  # Whoever has a notebook has it.

    metadata = notebook.metadata
    if params is None:
        del metadata[_NAMESPACE][_KEY]
        if not metadata[_NAMESPACE]:
            del metadata[_NAMESPACE]
        return
    if not isinstance(metadata.get(_NAMESPACE), dict):
        metadata[_NAMESPACE] = nbformat.from_dict({})
    metadata[_NAMESPACE][_KEY] = nbformat.from_dict(params)


def _same(one, other):
    """Equal as JSON: `1` and `true` are not, as they are in Python."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
