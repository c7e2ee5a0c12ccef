"""What caching costs and saves, each figure with its limit: `tests/bench/run --caching`."""

import os
import pathlib
import statistics
import subprocess
import time

import zmq
from jupyter_client.manager import KernelManager

from bench import measure, memo
from bench.compilers import Compilers
from bench.report import Report, median_ms
from support.kernel import Kernel
from support.raw import Raw, receive

MEGABYTES = 400
CELLS = 30

# The cells whose misses are measured: `{n}` is another number each time.
TYPES = "#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)] struct Row { name: String, at: u32, x: f64 }"
MISSES = [
    ("a number of a long loop", "let a = (0..200_000_000u64).fold({n}u64, |s, x| s.rotate_left(7) ^ x);"),
    ("Vec<f64>, 8 MB", "let v: Vec<f64> = (0..1_000_000u32).map(|x| (f64::from(x) + {n}.0).sqrt().sin().exp()).collect();"),
    (
        "map of words",
        "let mut m = std::collections::HashMap::<String, u64>::new();\n"
        'for x in 0..1_000_000u64 {{ *m.entry(format!("w{{}}", (x * x + {n}) % 5000)).or_default() += x; }}',
    ),
    (
        "100,000 structs",
        'let rows: Vec<Row> = (0..100_000).map(|at| Row {{ name: format!("r{{}}", at + {n}), at, x: f64::from(at).cbrt() }}).collect();',
    ),
    ("a line of output", 'println!("{{}}", (0..50_000_000u64).map(|x| x ^ {n}).max().unwrap());'),
]

# A restarted notebook: a chain of cells of a few types with outputs.
CHAIN = [
    "//% cache_data\nlet v{n}: Vec<f64> = v{b}.iter().map(|x| x + 1.0).collect();",
    '//% cache_data\nlet v{n} = v{b}.clone(); println!("{{}} values", v{n}.len());',
    "//% cache_data\nlet v{n}: Vec<f64> = v{b}.iter().rev().copied().collect();\nv{n}.len()",
]


def main(options, say):
    """Measures everything whose name has `options.only` in it. Returns what is over its limit."""
    report = Report()
    parts = {"hit": hits, "restart": restart, "miss": misses, "key": keys, "hash": hashing, "big": big, "memo": functions}
    for name, part in parts.items():
        if options.only in name:
            say(f"caching: {name}")
            part(report, 5 if options.quick else 15)
    return report.close()


def settled(kernel):
    """Returns when everything that earlier cells made is in the store."""
    kernel.ok("%cache stats")


def result_of(kernel, code):
    """A cell's time in seconds, and what the cache says of it."""
    begin = time.perf_counter()
    result = kernel.run(code, timeout=300)
    seconds = time.perf_counter() - begin
    assert result.status == "ok", result
    return seconds, result.request.reply["metadata"].get("cellar", {}).get("cache")


def cached(kernel, code, expected):
    seconds, outcome = result_of(kernel, code)
    assert outcome == expected, f"{code!r} was a {outcome}"
    return seconds


def info(kernel):
    begin = time.perf_counter()
    kernel.request("kernel_info_request")
    return time.perf_counter() - begin


def hits(report, rounds):
    code = '//% cache_data\nlet words: Vec<String> = (0..100).map(|n| format!("word {n}")).collect();\nprintln!("{}", words.len());'
    with Kernel() as kernel:
        cached(kernel, code, "miss")
        settled(kernel)
        found, asked = [], []
        for _ in range(rounds * 10):
            asked.append(info(kernel))
            found.append(cached(kernel, code, "hit"))
    report.row("`kernel_info`, round trip", median_ms(asked))
    report.row("hit in a live session, round trip", median_ms(found), 2)


def chain():
    first = "//% cache_data\nlet v0: Vec<f64> = (0..1000).map(f64::from).collect();"
    return [first, *(CHAIN[n % len(CHAIN)].format(n=n, b=n - 1) for n in range(1, CELLS))]


def restart(report, rounds):
    compilers = Compilers(pathlib.Path.cwd())
    with Kernel(env=compilers.environment) as kernel:
        for code in chain():
            cached(kernel, code, "miss")
        settled(kernel)
    compiled = compilers.count()
    assert compiled >= CELLS, f"{compiled} compiles were counted of {CELLS} cells: the counter is not used"
    whole = [started(chain(), compilers.environment) for _ in range(rounds)]
    again = compilers.count() - compiled
    report.row(f"start and {CELLS} cached cells after a restart", median_ms(whole), 300 + CELLS)
    report.row("… compiles in all of these starts", again, 0, "rustc")


def started(cells, environment, name="cellar", timeout=120):
    """Seconds from starting a kernel to the reply to the last of `cells`."""
    manager = KernelManager(kernel_name=name)
    begin = time.perf_counter()
    manager.start_kernel(env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    raw = Raw(manager.get_connection_info())
    try:
        shell = raw.context.socket(zmq.DEALER)
        shell.linger = 0
        # The client may not be what is waited for: its default is to try again after 100 ms.
        shell.reconnect_ivl = 1
        shell.connect(f"tcp://{raw.connection['ip']}:{raw.connection['shell_port']}")
        for code in cells:
            content = {"code": code, "silent": False, "store_history": True, "user_expressions": {},
                       "allow_stdin": False, "stop_on_error": True}
            shell.send_multipart(raw.frames("execute_request", content))
            reply = receive(shell, timeout=timeout)
            measure.expect(reply, "execute_reply")
            assert reply["content"]["status"] == "ok", reply
        return time.perf_counter() - begin
    finally:
        raw.close()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()


def misses(report, rounds):
    """Each cell with and without the directive, in turns; other numbers, so that nothing is found."""
    with Kernel() as kernel:
        kernel.ok(TYPES)
        number = 1000
        for name, code in MISSES:
            plain, kept = [], []
            for turn in range(rounds + 1):
                number += 2
                order = ("plain", "kept") if turn % 2 else ("kept", "plain")
                for which in order:
                    cell = code.format(n=number + (which == "kept"))
                    if which == "plain":
                        seconds, _ = result_of(kernel, cell)
                        times = plain
                    else:
                        seconds = cached(kernel, "//% cache_data\n" + cell, "miss")
                        times = kept
                        settled(kernel)
                    if turn:
                        times.append(seconds)
            # Of the two runs of a turn, which the machine's load finds alike.
            slower = 100 * (statistics.median(k / p for k, p in zip(kept, plain)) - 1)
            report.row(f"a miss, {name}: {median_ms(plain):.0f} ms without, {median_ms(kept):.0f} ms with", slower, 15, "%")


def keys(report, rounds):
    """What 200 items and 200 lines add to a hit: reading the cell and making its key."""
    trivial = "//% cache_data\nlet small = 1;"
    long = "//% cache_data\nlet mut sum = 0u64;\n" + "\n".join(f"sum = f{n}(sum) ^ {n};" for n in range(200))
    with Kernel() as kernel:
        for part in range(4):
            kernel.ok("\n".join(f"fn f{n}(x: u64) -> u64 {{ x.rotate_left({n % 63}) + {n} }}" for n in range(part * 50, part * 50 + 50)))
        for code in (trivial, long):
            cached(kernel, code, "miss")
        settled(kernel)
        times = {trivial: [], long: []}
        for _ in range(rounds * 5):
            for code, found in times.items():
                found.append(cached(kernel, code, "hit"))
    report.row("key of 200 lines, 200 items (a hit, less a trivial one)", median_ms(times[long]) - median_ms(times[trivial]), 5)


# Seconds that a cell itself needs for the same memory, in the same process.
ALONE = """
unsafe extern "C" { fn cellar_host_hash(bytes: *const u8, length: usize, digest: *mut u8); }
fn blake3_alone(slice: &[f64]) -> f64 {
    let mut digest = [0u8; 32];
    let begin = std::time::Instant::now();
    unsafe { cellar_host_hash(slice.as_ptr().cast(), size_of_val(slice), digest.as_mut_ptr()) };
    begin.elapsed().as_secs_f64()
}
fn read_alone(slice: &[f64]) -> f64 {
    let begin = std::time::Instant::now();
    std::hint::black_box(slice.iter().fold(0, |sum, x| sum ^ x.to_bits()));
    begin.elapsed().as_secs_f64()
}
"""


def hashing(report, rounds):
    """What hashing a variable of 400 MB adds to a hit, with all of the kernel on one core."""
    count = MEGABYTES * 1_000_000 // 8
    reads = "//% cache_data\nlet length = slice.len();"
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    try:
        kernel = Kernel()
    finally:
        os.sched_setaffinity(0, cores)
    with kernel:
        times, trivial, alone, read = [], [], [], []
        kernel.ok(ALONE)
        for turn in range(2 + max(rounds, 4)):
            # Two contents in turns: each is hashed anew, since another run made it, and found.
            for found, size in ((trivial, 8), (times, count)):
                kernel.ok(f"let slice: Vec<f64> = vec![{turn % 2}.5; {size}];", timeout=300)
                expected = "miss" if turn < 2 else "hit"
                seconds = cached(kernel, reads, expected)
                if turn < 2:
                    settled(kernel)
                else:
                    found.append(seconds)
            if turn >= 2:
                alone.append(float(kernel.ok("blake3_alone(&slice)").value))
                read.append(float(kernel.ok("read_alone(&slice)").value))
        kernel.ok("%cache clear length")
    seconds = statistics.median(times) - statistics.median(trivial)
    alone, read = (MEGABYTES / 1000 / statistics.median(times) for times in (alone, read))
    what = f"hash of {MEGABYTES} MB of `Vec<f64>` in the host, on one core (there blake3 alone {alone:.1f} GB/s, only reading it {read:.1f} GB/s)"
    # Where blake3 itself does not reach 3 GB/s in that minute, nothing above it can.
    report.row(what, MEGABYTES / 1000 / seconds, min(3, 0.9 * alone), "GB/s", least=True)


def copied(size):
    source = bytearray(os.urandom(1 << 20)) * (size >> 20)
    begin = time.perf_counter()
    copy = bytearray(source)
    seconds = time.perf_counter() - begin
    del copy
    return seconds, source


def disk(folder):
    """Seconds for a copy in memory, for writing a file and for reading it, in the store's folder."""
    size = MEGABYTES * 1_000_000 >> 20 << 20
    path = pathlib.Path(folder, "bench.raw")
    copy, source = copied(size)
    begin = time.perf_counter()
    with open(path, "wb", buffering=0) as file:
        for at in range(0, size, 1 << 20):
            file.write(source[at : at + (1 << 20)])
    wrote = time.perf_counter() - begin
    begin = time.perf_counter()
    with open(path, "rb", buffering=0) as file:
        file.readinto(source)
    read = time.perf_counter() - begin
    path.unlink()
    return copy, wrote, read


def big(report, rounds):
    """A vector of 400 MB: made, kept behind the reply, loaded after a restart."""
    rounds = min(rounds, 3)
    make = "let big: Vec<f64> = (0..{count}u32).map(|x| f64::from(x ^ {n})).collect();"
    count = MEGABYTES * 1_000_000 // 8
    floors, plain, kept, saved, loaded = [], [], [], [], []
    for turn in range(rounds):
        floors.append(disk(os.environ["CELLAR_CACHE_DIR"]))
        code = make.format(count=count, n=turn + 1)
        with Kernel() as kernel:
            # The session's first cells wait for the analysis to get ready.
            kernel.ok("//% cache_data\nlet small: Vec<f64> = vec![1.0];")
            kernel.ok("small[0]")
            settled(kernel)
            plain.append(result_of(kernel, make.format(count=count, n=100 + turn))[0])
            kept.append(cached(kernel, "//% cache_data\n" + code, "miss"))
            begin = time.perf_counter()
            settled(kernel)
            saved.append(time.perf_counter() - begin)
        with Kernel() as kernel:
            cached(kernel, "//% cache_data\nlet small: Vec<f64> = vec![1.0];", "hit")
            cached(kernel, "//% cache_data\n" + code, "hit")
            for warm in range(3):
                kernel.ok(f"small[0] + {warm}.5")
            cell = result_of(kernel, "small[0] + 4.25")[0]
            loaded.append(result_of(kernel, f"big[{count // 2}] + 4.25")[0] - cell)
            kernel.ok("%cache clear big")
    copy, wrote, read = (median_ms(times) for times in zip(*floors))
    what = f"{MEGABYTES} MB of `Vec<f64>`"
    report.row(f"{what}: made, without the directive", median_ms(plain))
    report.row(f"{what}: made, reply with the directive", median_ms(kept), 1.15 * median_ms(plain))
    report.row(f"{what}: kept, from the reply on (memcpy {copy:.0f} ms, write {wrote:.0f} ms)", median_ms(saved), 2 * (copy + wrote))
    report.row(f"{what}: loaded (memcpy {copy:.0f} ms, read {read:.0f} ms)", median_ms(loaded), 2 * (copy + read))


def functions(report, _rounds):
    for name, best, limit in memo.measured():
        report.row(f"a hit of a memoised function, `{name}`", best, limit, "ns")
