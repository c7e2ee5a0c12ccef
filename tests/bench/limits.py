"""What this machine needs at the least: the compiler alone, and a program's own writes."""

import os
import subprocess
import tempfile
import time

CELL = """
#[unsafe(no_mangle)]
pub extern "C" fn run(p: *mut std::ffi::c_void) -> *mut std::ffi::c_void {{ println!("n = {{}}", {n}); p }}
"""

PRINTS = """
fn main() { let line = "x".repeat(92); for i in 0..1_000_000u32 { println!("{line}{i:07}"); } }
"""


def rustc(n, folder):
    """Seconds for rustc to compile one println into a shared library, as a cell is."""
    source = os.path.join(folder, "cell.rs")
    with open(source, "w") as file:
        file.write(CELL.format(n=n))
    begin = time.perf_counter()
    subprocess.run(
        ["rustc", "--edition", "2024", "--crate-type", "cdylib", "-C", "prefer-dynamic", "-o", f"{folder}/cell.so", source],
        check=True,
        capture_output=True,
    )
    return time.perf_counter() - begin


def build_prints(folder):
    with open(f"{folder}/prints.rs", "w") as file:
        file.write(PRINTS)
    subprocess.run(["rustc", "-O", "-o", f"{folder}/prints", f"{folder}/prints.rs"], check=True)


def writes(folder):
    """Seconds for a program to print 100 MB line by line into a pipe that is read at once."""
    begin = time.perf_counter()
    with subprocess.Popen([f"{folder}/prints"], stdout=subprocess.PIPE) as process:
        while process.stdout.read(1 << 20):
            pass
    return time.perf_counter() - begin


def scratch():
    return tempfile.TemporaryDirectory(prefix="cellar-bench-")
