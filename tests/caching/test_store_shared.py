"""Two kernels and one store: what both want is computed once, also when one of them dies."""

import os
import signal

import pytest

from support.cells import cache_of

# Runs until a file is there, so that the test decides when it ends.
SLOW = """//% cache_data
println!("started");
tick();
let slow_one = loop {{
    if std::path::Path::new("{go}").exists() {{ break vec![1, 2, 3]; }}
    std::thread::sleep(std::time::Duration::from_millis(5));
}};"""


@pytest.fixture
def pair(new_book):
    return new_book(), new_book()


def waits(kernel, request):
    """Waits until the kernel says that another one computes."""
    kernel.started_running(request, marker="waits for")


def test_what_two_want_at_once_is_computed_once(pair, tmp_path):
    leader, waiter = pair
    go = tmp_path / "go"
    cell = SLOW.format(go=go)
    first = leader.kernel.submit(cell)
    leader.kernel.started_running(first)
    second = waiter.kernel.submit(cell)
    waits(waiter.kernel, second)
    go.touch()
    first, second = leader.kernel.result(first), waiter.kernel.result(second)
    assert (cache_of(first), cache_of(second)) == ("miss", "hit")
    assert leader.runs == 1
    assert f"process {leader.kernel.pid}" in second.stderr
    assert waiter.show("slow_one") == "[1, 2, 3]"
    # What was said of the waiting is no part of the entry.
    assert leader.ok(cell).stderr == ""


def test_the_waiter_computes_when_the_leader_is_killed(pair, tmp_path):
    leader, waiter = pair
    go = tmp_path / "go"
    cell = SLOW.format(go=go)
    leader.kernel.started_running(leader.kernel.submit(cell))
    second = waiter.kernel.submit(cell)
    waits(waiter.kernel, second)
    os.kill(leader.kernel.pid, signal.SIGKILL)
    waiter.kernel.started_running(second)
    go.touch()
    assert cache_of(waiter.kernel.result(second)) == "miss"
    assert waiter.runs == 2
    assert cache_of(waiter.ok(cell)) == "hit"
    assert waiter.show("slow_one") == "[1, 2, 3]"


def test_the_waiter_computes_when_the_leader_fails(pair, tmp_path):
    leader, waiter = pair
    flag = tmp_path / "fail"
    flag.touch()
    go = tmp_path / "go"
    cell = SLOW.format(go=go) + f'\nif std::fs::remove_file("{flag}").is_ok() {{ panic!("on purpose"); }}'
    first = leader.kernel.submit(cell)
    leader.kernel.started_running(first)
    second = waiter.kernel.submit(cell)
    waits(waiter.kernel, second)
    go.touch()
    assert leader.kernel.result(first).ename == "panic"
    assert cache_of(waiter.kernel.result(second)) == "miss"
    assert waiter.runs == 2


def test_waiting_can_be_interrupted(pair, tmp_path):
    leader, waiter = pair
    go = tmp_path / "go"
    cell = SLOW.format(go=go)
    first = leader.kernel.submit(cell)
    leader.kernel.started_running(first)
    second = waiter.kernel.submit(cell)
    waits(waiter.kernel, second)
    waiter.kernel.interrupt()
    assert waiter.kernel.result(second).status == "error"
    assert waiter.runs == 1
    assert waiter.show("1 + 1") == "2"
    go.touch()
    assert cache_of(leader.kernel.result(first)) == "miss"
    assert cache_of(waiter.ok(cell)) == "hit"


def test_a_killed_kernel_leaves_what_it_had_written(pair):
    one, other = pair
    one.miss("let written = vec![4, 5];")
    one.ok("%cache list")
    os.kill(one.kernel.pid, signal.SIGKILL)
    other.hit("let written = vec![4, 5];")
    assert other.show("written") == "[4, 5]"


def test_entries_go_to_and_fro(pair):
    one, other = pair
    one.miss("let to_and_fro = 1;")
    one.ok("%cache list")
    other.hit("let to_and_fro = 1;")
    other.ok("%cache clear to_and_fro")
    assert one.show("to_and_fro") == "1"
    one.miss("let to_and_fro = 1;")
