"""Who is executing a notebook at this moment: found on the stack, because clients tell a kernel's manager
nothing about the notebook.

A client calls `kc.execute(…)` for each cell, from a method of the object that has the notebook.
"""

import os
import sys

# Between the call and that method lie at most a few frames (nbval has two).
_DEPTH = 12


class Caller:
    """The object that executes a notebook, whatever its class.

    `name` says which client it is, `notebook` is the notebook as it will be saved, `comms` is where comms
    can be put of which it is to hear (`None`: it listens to none), `path` is the notebook's file, if known.
    """

    def __init__(self, name, owner, notebook, comms, path):
        self.name, self.owner, self.notebook, self.comms, self.path = name, owner, notebook, comms, path

    def is_as(self, other):
        """Whether it is the same run: who executes a notebook once more listens anew."""
        mine, others = ((c.owner, c.notebook, c.comms) for c in (self, other))
        return all(one is another for one, another in zip(mine, others))


def of_client(kc):
    """The `Caller` that is just using the kernel client `kc`, or `None`: then no notebook is executed."""
    frame = sys._getframe(1)
    for _ in range(_DEPTH):
        if frame is None:
            return None
        owner = frame.f_locals.get("self")
        caller = owner is not None and (_nbclient(owner, kc) or _nbval(owner))
        if caller:
            return caller
        frame = frame.f_back
    return None


def _nbclient(owner, kc):
    """nbclient's `NotebookClient`, which nbconvert, `jupyter execute`, papermill and many others build on."""
    client_class = getattr(sys.modules.get("nbclient.client"), "NotebookClient", ())
    if not isinstance(owner, client_class) or owner.kc is not kc:
        return None
    # The first versions of nbclient have no comms.
    return Caller("nbclient", owner, owner.nb, getattr(owner, "comm_objects", None), _nbconvert_path(owner))


def _nbconvert_path(owner):
    """The file that nbconvert reads; others do not tell theirs."""
    about = (getattr(owner, "resources", None) or {}).get("metadata") or {}
    if not about.get("name"):
        return None
    path = os.path.abspath(os.path.join(about.get("path") or "", about["name"] + ".ipynb"))
    return path if os.path.exists(path) else None


def _nbval(owner):
    """nbval's test of one cell. It compares outputs and never writes the notebook."""
    cell_class = getattr(sys.modules.get("nbval.plugin"), "IPyNbCell", ())
    if not isinstance(owner, cell_class):
        return None
    file = owner.parent
    return Caller("nbval", file, file.nb, None, str(file.fspath))
