"""Interrupting: whatever the cell is doing, it ends soon, and the variables are still there."""

import time

import pytest

from support import processes, wait

SOON = 15  # seconds; usually far less, but the machine may be busy

RUNNING = {
    "an endless loop": "let mut spin = 0u64; loop { spin = std::hint::black_box(spin.wrapping_add(1)); }",
    "a sleep": "std::thread::sleep(std::time::Duration::from_secs(1000));",
    "a child process": 'std::process::Command::new("sleep").arg("1000").status().unwrap();',
    "a flood of output": 'loop { println!("and on"); }',
}


@pytest.mark.parametrize("code", RUNNING.values(), ids=RUNNING.keys())
def test_a_running_cell_is_interrupted_and_variables_stay(kernel, code):
    kernel.ok('let unharmed = String::from("here");')
    request = kernel.submit(f'println!("started"); let never_made = 1; {code}')
    kernel.started_running(request)
    kernel.interrupt()
    result = kernel.result(request, timeout=SOON)
    assert result.status == "error"
    assert "nterrupt" in result.ename
    assert kernel.show("unharmed") == '"here"'
    assert kernel.fails("never_made").ename == "E0425"


def test_what_an_interrupted_cell_changed_is_as_before(kernel):
    kernel.ok("let mut untouched = vec![1];")
    request = kernel.submit('untouched.push(2); println!("started"); loop {}')
    kernel.started_running(request)
    kernel.interrupt()
    kernel.result(request, timeout=SOON)
    assert kernel.show("untouched") == "[1]"


SLOW_TO_COMPILE = """
const fn collatz(mut n: u64) -> u64 { let mut steps = 0; while n != 1 { n = if n % 2 == 0 { n / 2 } else { 3 * n + 1 }; steps += 1; } steps }
#[allow(long_running_const_eval)]
const SUM: u64 = { let mut i = 1; let mut sum = 0; while i < 100_000_000 { sum += collatz(i); i += 1; } sum };
let never_compiled = SUM;
"""


def test_a_compile_is_interrupted(kernel):
    kernel.ok("let before_compile = 7;")
    request = kernel.submit(SLOW_TO_COMPILE)
    time.sleep(3)
    assert not request.done, "it was meant to compile for long"
    kernel.interrupt()
    result = kernel.result(request, timeout=SOON)
    assert result.status == "error" and "nterrupt" in result.ename
    assert kernel.show("before_compile") == "7"
    # What the kernel builds beside (serde, codecs) ends by itself; this compile would take an hour.
    wait.until(lambda: not processes.named(kernel.processes(), "rustc"), timeout=120, what="the end of the compiler")


def test_the_build_of_a_dependency_is_interrupted(kernel, tmp_path):
    crate = tmp_path / "slow_build"
    (crate / "src").mkdir(parents=True)
    (crate / "Cargo.toml").write_text('[package]\nname = "slow_build"\nversion = "0.1.0"\nedition = "2021"\n')
    (crate / "src" / "lib.rs").write_text("pub fn one() -> u8 { 1 }\n")
    (crate / "build.rs").write_text("fn main() { std::thread::sleep(std::time::Duration::from_secs(600)) }\n")
    kernel.ok("let before_dep = 8;")
    request = kernel.submit(f':dep slow_build = {{ path = "{crate}" }}\nslow_build::one()')
    time.sleep(4)
    assert not request.done
    kernel.interrupt()
    assert kernel.result(request, timeout=SOON).status == "error"
    assert kernel.show("before_dep") == "8"
    assert not processes.named(kernel.processes(), "build-script")


def test_cells_that_wait_behind_an_interrupted_one_are_aborted(kernel):
    running = kernel.start_forever()
    behind = kernel.submit('println!("ran");')
    kernel.interrupt()
    assert kernel.result(running, timeout=SOON).status == "error"
    assert kernel.result(behind, timeout=SOON).status == "aborted"


def test_interrupting_twice_harms_nothing(kernel):
    kernel.ok("let twice = 2;")
    running = kernel.start_forever()
    kernel.interrupt()
    kernel.interrupt()
    assert kernel.result(running, timeout=SOON).status == "error"
    assert kernel.show("twice") == "2"


def test_an_interrupt_after_the_cell_does_not_hit_the_next_one(kernel):
    kernel.ok("1 + 1")
    kernel.interrupt()
    assert kernel.show("40 + 2") == "42"


def test_interrupt_many_cells_in_a_row(kernel):
    kernel.ok("let through_it_all = 3;")
    for _ in range(5):
        running = kernel.start_forever()
        kernel.interrupt()
        assert kernel.result(running, timeout=SOON).status == "error"
    assert kernel.show("through_it_all") == "3"


def test_with_a_living_thread_it_is_told_what_was_lost(kernel):
    kernel.ok("let beside_a_thread = 4;")
    kernel.ok("std::thread::spawn(|| loop { std::thread::sleep(std::time::Duration::from_secs(1)) });")
    running = kernel.start_forever()
    kernel.interrupt()
    result = kernel.result(running, timeout=SOON)
    assert result.status == "error"
    after = kernel.run("beside_a_thread")
    if after.status == "error":
        told = result.traceback + result.stderr + result.evalue
        assert "thread" in told and ("lost" in told or "gone" in told), result
    assert kernel.show("1 + 1") == "2"
