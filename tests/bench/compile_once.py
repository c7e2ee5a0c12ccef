"""What code costs that was compiled before, and what a large session costs new code: `tests/bench/run --compile-once`."""

import os
import pathlib
import statistics
import subprocess
import time

from bench import measure
from bench.caching import settled, started
from bench.compilers import Compilers
from bench.report import Report, median_ms
from support.kernel import Kernel

CELLS = 30
LARGE = 200  # variables and functions
MANY = 100
IDLE = 12  # seconds in which a started kernel gets ready, so that an empty session is not measured meanwhile

# `{n}` is another number each time: nothing of it was compiled before.
NEW = [
    ("let, vector", "let v = vec![{n}u64, 2, 3];"),
    ("let, iterator chain", "let it = (0..{n}u64).filter(|x| x % 3 == 0).map(|x| x * x).collect::<Vec<_>>();"),
    ("show an integer", "{n} * 3"),
    ("println", 'println!("n = {{}}", {n});'),
    (
        "BTreeMap and format",
        'let mut b = std::collections::BTreeMap::new();\n'
        'for w in "a b a c {n}".split(\' \') {{ *b.entry(w).or_insert(0) += 1; }}\n'
        'println!("{{:>4}} {{b:?}}", b.len());',
    ),
]

# A notebook without any directive. Each cell goes on from the one before.
KINDS = [
    "let v{n}: Vec<f64> = v{b}.iter().map(|x| x + 1.0).collect();",
    "fn scale{n}(v: &[f64]) -> Vec<f64> {{ v.iter().map(|x| x * {n}.0).collect() }}\nlet v{n} = scale{n}(&v{b});",
    'let v{n} = v{b}.clone(); println!("{{}} values", v{n}.len());',
    "struct Row{n} {{ at: f64 }}\nlet v{n}: Vec<f64> = v{b}.iter().map(|x| Row{n} {{ at: *x }}.at).collect();\nv{n}.len()",
]


def notebook():
    first = "let v0: Vec<f64> = (0..1000).map(f64::from).collect();"
    return [first, *(KINDS[n % len(KINDS)].format(n=n, b=n - 1) for n in range(1, CELLS))]


def main(options, say):
    """Measures everything whose name has `options.only` in it. Returns what is over its limit."""
    report = Report()
    parts = {"again": again, "restart": restart, "large": large, "memory": memory}
    for name, part in parts.items():
        if options.only in name:
            say(f"compile once: {name}")
            part(report, options.kernels, 3 if options.quick else 9)
    return report.close()


def again(report, _, rounds):
    """An unchanged cell is run again in the session."""
    with Kernel() as kernel:
        kernel.ok("let v: Vec<u64> = (0..100).collect();")
        for name, code in (("a `println!`", 'println!("{}", v.len());'), ("a `let`", "let w: Vec<u64> = v.iter().map(|x| x * 2).collect();")):
            measure.cell(kernel, code, "ok")
            settled(kernel)
            times = [measure.cell(kernel, code, "ok") for _ in range(rounds * 5)]
            report.row(f"{name} that was run before, round trip", median_ms(times), 5)


def restart(report, kernels, rounds):
    """A restarted notebook is run from top to bottom; then one with one cell edited."""
    compilers = Compilers(pathlib.Path.cwd())
    cells = notebook()
    with Kernel(env=compilers.environment) as kernel:
        for code in cells:
            measure.cell(kernel, code, "ok")
        # What is built once for each machine goes on behind the first cells: serde, what reads and writes common types.
        time.sleep(IDLE)
        settled(kernel)
    compiled = compilers.count()
    assert compiled >= CELLS, f"{compiled} compiles were counted of {CELLS} cells: the counter is not used"
    whole = [started(cells, compilers.environment) for _ in range(rounds)]
    report.row(f"start and {CELLS} cells after a restart, nothing annotated", median_ms(whole), 500)
    report.row("… compiles in all of these starts", compilers.count() - compiled, 0, "rustc")
    before = compilers.count()
    edited = []
    for n in range(rounds):
        cells[10] = f'let v10 = v9.clone(); println!("edited {n}: {{}}", v10.len());'
        edited.append(started(cells, compilers.environment))
    report.row("… with one cell edited (it waits for the engine to boot)", median_ms(edited))
    report.row("… compiles for each edit", (compilers.count() - before) / rounds, 1, "rustc")
    if len(kernels) > 1:
        other = [started(cells, os.environ, kernels[0]) for _ in range(2)]
        report.row(f"the same {CELLS} cells with {kernels[0]}", median_ms(other))


def large(report, kernels, rounds):
    """New cells in an empty session and in one with many functions and variables."""
    for name in kernels:
        with Kernel(name) as kernel:
            kernel.ok("let warm = vec![1]; let text = String::new();")
            time.sleep(IDLE)
            number = 10_000
            empty, full = {}, {}
            for times in (empty, full):
                # Stock takes seconds for each cell of a large session.
                for _ in range(min(rounds, 3) if times is full and name != kernels[-1] else rounds):
                    for what, code in NEW:
                        number += 1
                        times.setdefault(what, []).append(measure.cell(kernel, code.format(n=number), "ok"))
                if times is empty:
                    fill(kernel)
            for what, _ in NEW:
                ratio = statistics.median(full[what]) / statistics.median(empty[what])
                limit = 1.2 if name == kernels[-1] else None
                report.row(f"{name}: {what}, with {LARGE} variables and functions, times an empty session", ratio, limit, "×")


def fill(kernel):
    kernel.ok("\n".join(
        f"fn f{n}(text: &str) -> String {{ let mut s = String::from(text); for i in 0..{n}u32 {{ s.push_str(&format!(\"{{i}}\")); }} s }}"
        for n in range(LARGE)
    ))
    for start in range(0, LARGE, 50):
        kernel.ok("\n".join(f'let s{n} = String::from("value {n}");' for n in range(start, start + 50)))


def memory(report, kernels, _):
    """What a kernel needs after many cells."""
    for name in kernels:
        with Kernel(name) as kernel:
            for n in range(MANY):
                kernel.ok(f"let v{n} = vec![{n}u64, 2]; v{n}.len()")
            report.row(f"{name}: memory after {MANY} cells (PSS)", measure.memory(kernel), unit="MB")
