"""A notebook that uses polars, on a machine that has built it once: `tests/bench/run --dependencies`."""

import os
import statistics
import time

from bench import measure
from bench.caching import settled, started
from bench.report import Report
from support.kernel import Kernel

HOUR = 3600  # seconds; polars takes minutes
FIRST = """:dep polars = { version = "0.51", features = ["lazy"] }
use polars::prelude::*;
let df = df!("a" => [1, 2, 3], "b" => ["x", "y", "z"]).unwrap();
df.shape()"""
NEXT = 'df.column("a").unwrap().sum_reduce().unwrap().value().clone()'
# `{n}` is another number each time: nothing of it was compiled before.
NEW = 'let sums{n} = df.clone().lazy().select([(col("a") + lit({n})).sum()]).collect().unwrap(); sums{n}.height()'
# Of a type that no session has had.
UNNAMED = 'let lazy = df.clone().lazy(); "{n}"'


def main(options, say):
    """Measures everything. Returns what is over its limit."""
    report = Report()
    ours = options.kernels[-1]
    rounds = 5 if options.quick else 15

    def row(what, seconds, limit=None):
        report.row(what, statistics.median(seconds), limit, "s")

    say("dependencies: built for the first time")
    with Kernel(ours) as kernel:
        row("first cell, polars is built", [measure.cell(kernel, FIRST, "ok", HOUR)])
        measure.cell(kernel, NEXT, "ok")
        settled(kernel)
        # A compiled cell is kept behind its reply.
        time.sleep(3)
    say("dependencies: there")
    row("start and first cell, the second time on the machine", [started([FIRST], os.environ, ours) for _ in range(rounds)], 5)
    row("… and the cell below it", [started([FIRST, NEXT], os.environ, ours) for _ in range(rounds)])
    new = []
    for n in range(rounds):
        with Kernel(ours) as kernel:
            measure.cell(kernel, FIRST, "ok")
            new.append(measure.cell(kernel, NEW.format(n=n), "ok"))
    row("a new cell below it, at once", new)
    with Kernel(ours) as kernel:
        measure.cell(kernel, FIRST, "ok")
        row("a new variable of a type that rust-analyzer never named, at once", [measure.cell(kernel, UNNAMED.format(n=0), "ok")])
    if len(options.kernels) > 1:
        other = options.kernels[0]
        say(f"dependencies: {other}")
        row(f"start and first cell with {other}, each time", [started([FIRST], os.environ, other, HOUR)])
    return report.close()
