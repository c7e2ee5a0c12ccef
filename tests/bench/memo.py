"""What a hit of a memoised function costs in a cell: `python -m bench.memo` in `tests/`, with the kernel installed."""

from support.kernel import Kernel

# Nanoseconds; `None`: shown, without a limit.
CASES = [
    ("u64 -> u64", "fn number(n: u64) -> u64 { n }", "number(black_box(7))", 150),
    ("&str -> usize", "fn text(s: &str) -> usize { s.len() }", 'text(black_box("hello"))', None),
    ("() -> Vec<f64> of 100", "fn list() -> Vec<f64> { vec![1.0; 100] }", "list()", None),
]

CELL = """
use std::hint::black_box;
//% cache_data
{function}
let best = (0..7).map(|_| {{
    let since = std::time::Instant::now();
    for _ in 0..100_000 {{ black_box({call}); }}
    since.elapsed().as_nanos() / 100_000
}}).min().unwrap();
println!("{{best}}");
"""


def measured():
    """Name, nanoseconds and limit of each case."""
    with Kernel() as kernel:
        for name, function, call, limit in CASES:
            yield name, int(kernel.ok(CELL.format(function=function, call=call)).stdout), limit


def main():
    late = 0
    for name, best, limit in measured():
        late += limit is not None and best > limit
        print(f"{name:24} {best:6} ns" + (f"   limit {limit} ns" if limit else ""))
    return late


if __name__ == "__main__":
    raise SystemExit(main())
