"""A notebook edited at random, on two real kernels: with directives, and without. Nothing may ever differ.

The same with ten thousand edits, on an interpreter in the place of rustc, is `kernel/src/session/caching/tests/random_edits.rs`.
"""

import os
import random

from support.kernel import Kernel
from support.random_cells import PRELUDE, cell, variables

CELLS = 6
EDITS = 60
RESTARTS = (20, 40)


def test_no_edit_gives_another_result_than_without_a_cache(jupyter_home, tmp_path):
    seed = int(os.environ.get("CELLAR_SEED") or random.randrange(2**32))
    print(f"CELLAR_SEED={seed}")
    rng = random.Random(seed)
    environment = {"CELLAR_CACHE_DIR": str(tmp_path / "cache")}
    cells = [cell(rng) for _ in range(CELLS)]
    earlier = [[one] for one in cells]
    hits = 0
    with Kernel(extra_env=environment) as cached, Kernel(extra_env=environment) as plain:
        plain.ok("%cache off")
        for kernel in (cached, plain):
            kernel.ok(PRELUDE)
        for edit in range(EDITS):
            if edit in RESTARTS:
                for kernel in (cached, plain):
                    kernel.restart()
                    if kernel is plain:
                        kernel.ok("%cache off")
                    kernel.ok(PRELUDE)
            at = rng.randrange(CELLS)
            choice = rng.random()
            if choice < 0.3:
                cells[at] = cell(rng)
                earlier[at].append(cells[at])
            elif choice < 0.6:
                cells[at] = rng.choice(earlier[at])
            has_directive, code = cells[at]
            directive = "//% cache_data\n" if has_directive else ""
            comment = f"// edit {edit}\n"
            context = f"seed {seed}, edit {edit}:\n{directive}{code}"
            expected = plain.run(comment + code)
            got = cached.run(directive + comment + code)
            assert got.status == expected.status, f"{context}\n{got.traceback}\n{expected.traceback}"
            assert got.stdout == expected.stdout, context
            told = got.request.reply["metadata"].get("cellar", {})
            hits += told.get("cache") == "hit"
            if edit % 4 == 3:
                assert variables(cached) == variables(plain), context
        print(f"{hits} hits of {EDITS}")
        # How many there are is chance. That there can be some is not.
        for expected in ("miss", "hit"):
            told = cached.ok("//% cache_data\nlet last = 1i64;").request.reply["metadata"]["cellar"]
            assert told["cache"] == expected
