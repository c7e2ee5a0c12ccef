"""Runs both kernels alternately, cell by cell, and prints the medians as a Markdown table."""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from bench import caching, compile_once, dependencies, limits, measure
from bench.cases import CASES
from support.kernel import Kernel

OTHER, OURS = "rust", "cellar"
INFO_LIMIT = 0.05  # seconds from the process's start to its answer to kernel_info
IDLE = 12  # seconds in which a started kernel is left alone before its first cell
TITLES = {OTHER: "evcxr_jupyter 0.22", OURS: "Cellar"}


def main():
    options = parse()
    isolate()
    others = {"caching": caching, "compile_once": compile_once, "dependencies": dependencies}
    other = next((module for name, module in others.items() if getattr(options, name)), None)
    if other:
        over = other.main(options, say)
        if options.check and over:
            sys.exit("over the limit: " + ", ".join(over))
        return
    kernels = options.kernels
    say(f"starting each kernel {options.starts} times")
    starts = {name: [] for name in kernels}
    for number in range(options.starts):
        for name in kernels:
            starts[name].append(measure.start(name, number))
    with limits.scratch() as folder:
        limits.build_prints(folder)
        firsts, cells, floors, memory = run_cells(options, folder)
    print(table(options, starts, firsts, cells, floors, memory), flush=True)
    too_slow = [case.name for case in CASES if case.name in cells and misses(case, cells, kernels)]
    if median([info for info, _ in starts[kernels[-1]]]) > INFO_LIMIT:
        too_slow.insert(0, "kernel_info")
    if options.check and too_slow:
        sys.exit("slower than asked for: " + ", ".join(too_slow))


def parse():
    parser = argparse.ArgumentParser(prog="tests/bench/run", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few repetitions")
    parser.add_argument("--repeat", type=int, help="repetitions of each cell (default 21, quick 5)")
    parser.add_argument("--only", default="", help="only cases whose name has this text")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a ratio or a limit is missed")
    parser.add_argument("--caching", action="store_true", help="measure the cache instead: hits, restarts, misses, big values")
    parser.add_argument("--compile-once", action="store_true", help="measure code that was compiled before, and large sessions")
    parser.add_argument("--dependencies", action="store_true", help="measure a notebook that uses polars (takes twenty minutes)")
    parser.add_argument("--kernels", default=f"{OTHER},{OURS}", help="kernelspecs, the first is compared with")
    options = parser.parse_args()
    options.kernels = options.kernels.split(",")
    options.repeat = options.repeat or (5 if options.quick else 21)
    options.starts = 2 if options.quick else 5
    return options


def isolate():
    """Neither kernel finds anything of an earlier run or of the user's own settings."""
    home = tempfile.mkdtemp(prefix="cellar-bench-home-")
    os.environ["CELLAR_CACHE_DIR"] = f"{home}/cache"
    os.environ["CELLAR_HISTORY"] = f"{home}/history.sqlite"
    os.environ["EVCXR_CONFIG_DIR"] = f"{home}/evcxr"
    os.environ["JUPYTER_RUNTIME_DIR"] = f"{home}/runtime"
    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"
    for folder in ("cache", "evcxr", "runtime"):
        pathlib.Path(home, folder).mkdir()
    os.chdir(home)


def run_cells(options, folder):
    cases = [case for case in CASES if options.only in case.name]
    cells = {case.name: {name: [] for name in options.kernels} for case in cases}
    floors = {"rustc": [], "writes": []}
    running = {name: Kernel(name) for name in options.kernels}
    try:
        say(f"first cells of kernels that were left alone for {IDLE} seconds")
        time.sleep(IDLE)
        firsts = {name: measure.cell(kernel, measure.FIRST, "ok") for name, kernel in running.items()}
        number = 1000
        for repetition in range(options.repeat + 1):
            say(f"cells, round {repetition} of {options.repeat}" if repetition else "cells, warming up")
            for case in cases:
                if not has_its_turn(case, repetition):
                    continue
                number += 1
                # Who goes first changes, so that neither always finds warm caches.
                order = options.kernels if repetition % 2 else options.kernels[::-1]
                for name in order:
                    seconds = measure.cell(running[name], case.code.format(n=number), case.status)
                    if repetition:
                        cells[case.name][name].append(seconds)
            floors["rustc"].append(limits.rustc(number, folder))
            if repetition % 5 == 1:
                floors["writes"].append(limits.writes(folder))
        memory = {name: measure.memory(kernel) for name, kernel in running.items()}
    finally:
        for kernel in running.values():
            kernel.close()
    return firsts, cells, floors, memory


def has_its_turn(case, repetition):
    """Rare cases are not warmed up, and from the first round on spread evenly over the rounds."""
    if case.weight == 1:
        return True
    return repetition > 0 and int(repetition * case.weight) != int((repetition - 1) * case.weight) or repetition == 1


def misses(case, cells, kernels):
    found = cells[case.name]
    return case.asked and len(kernels) > 1 and median(found[kernels[-1]]) >= case.asked * median(found[kernels[0]])


def table(options, starts, firsts, cells, floors, memory):
    kernels = options.kernels
    rows = [["", *(TITLES.get(k, k) for k in kernels), "ratio", "asked for", "limit here"]]
    rows.append(["---", *["---:"] * (len(kernels) + 3)])

    def row(what, values, shown, asked="", limit=""):
        ratio = f"{values[-1] / values[0]:.2f}" if len(values) > 1 else ""
        rows.append([what, *map(shown, values), ratio, asked, limit])

    for at, what, asked in ((0, "`kernel_info` after start", "≤ 50 ms"), (1, "a `let` sent at start, its end", "")):
        row(what, [median([s[at] for s in starts[k]]) for k in kernels], milliseconds, asked)
    row(f"the first `let`, {IDLE} s after start", [firsts[k] for k in kernels], milliseconds)
    for case in CASES:
        if case.name in cells:
            values = [median(cells[case.name][k]) for k in kernels]
            limit = milliseconds(median(floors[case.floor])) if case.floor else ""
            row(case.name, values, milliseconds, f"< {case.asked}" if case.asked else "", limit)
    row("memory after all that (PSS)", [memory[k] for k in kernels], lambda mb: f"{mb:.0f} MB")

    lines = ["| " + " | ".join(r) + " |" for r in rows]
    version = subprocess.run(["rustc", "--version"], capture_output=True, text=True).stdout.strip()
    note = (
        f"\nMedians of {options.repeat} rounds (starts: {options.starts}), cell by cell in one process, on {measure.cores()} cores, "
        f"{version}, load {os.getloadavg()[0]:.1f}. Times are a client's: from sending a cell to its reply and last output. Limit: "
        "rustc alone on one `println!`; for 100 MB, a program that prints them into a pipe."
    )
    return "\n".join(lines) + "\n" + note


def median(values):
    return statistics.median(values)


def milliseconds(seconds):
    return f"{seconds * 1000:.0f} ms" if seconds < 10 else f"{seconds:.1f} s"


def say(text):
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
