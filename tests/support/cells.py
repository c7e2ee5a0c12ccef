"""Cells with `//% cache_data`, and the log of those that really ran."""

import json
import pathlib


class Book:
    """A kernel in which cached cells are run. Each writes a line into a file when its code runs; a cell that is
    replayed does not. What the reply says of the cache must agree with the file."""

    def __init__(self, kernel, log):
        self.kernel = kernel
        self.log = pathlib.Path(log)
        self.log.touch()
        path = json.dumps(str(self.log))
        # What cached cells call. Another kernel that is to find their entries needs the same.
        self.tick = (
            "fn tick() { use std::io::Write; std::fs::OpenOptions::new().append(true)"
            f'.open({path}).unwrap().write_all(b"ran\\n").unwrap(); }}'
        )
        kernel.ok(self.tick)

    @property
    def runs(self):
        """How many cached cells have really run."""
        return len(self.log.read_text().splitlines())

    def cell(self, code, options=""):
        return f"//% cache_data{options}\ntick();\n{code}"

    def run(self, code, options="", **more):
        """Runs a cached cell that must succeed. Gives its result and whether its code ran."""
        before = self.runs
        result = self.kernel.ok(self.cell(code, options), **more)
        ran = self.runs - before
        assert ran in (0, 1)
        assert cache_of(result) == ("miss" if ran else "hit"), result
        return result, bool(ran)

    def miss(self, code, options="", **more):
        """Runs a cached cell that must be computed."""
        result, ran = self.run(code, options, **more)
        assert ran, f"taken from the cache: {code}"
        return result

    def hit(self, code, options="", **more):
        """Runs a cached cell that must be taken from the cache."""
        result, ran = self.run(code, options, **more)
        assert not ran, f"computed again: {code}\n{self.explain()}"
        return result

    def late(self):
        """What the kernel says with the next cells of values that could not be written behind the last one."""
        return self.kernel.ok("%cache list").stderr + self.kernel.ok("let _ = ();").stderr

    def explain(self, name=""):
        return self.kernel.ok(f"%cache explain {name}".strip()).value

    def end(self):
        """Ends the kernel as Jupyter does: it is asked, and keeps what it has still to write. On a busy machine a codec
        may have to be compiled for that, for longer than Jupyter's five seconds."""
        self.kernel.manager.shutdown_wait_time = 60
        self.kernel.manager.shutdown_kernel(now=False)

    def ok(self, code, **more):
        return self.kernel.ok(code, **more)

    def show(self, expression):
        return self.kernel.show(expression)


def told(result):
    """What the reply's metadata says of the cache."""
    return result.request.reply["metadata"].get("cellar", {})


def cache_of(result):
    """`hit` or `miss`; None where the cell has no directive."""
    return told(result).get("cache")
