"""Cached functions as `%cache` and `cellar cache` show, explain and clear them."""

import json
import os
import time

import pytest

from support import notebooks

DOUBLED = """
//% cache_data
fn doubled(n: u64) -> u64 { println!("doubled {n}"); n * 2 }
"""


@pytest.fixture
def own(new_kernel, own_cache):
    """A kernel with a store of its own."""
    kernel = new_kernel(extra_env={"CELLAR_CACHE_DIR": str(own_cache)})
    kernel.cache = own_cache
    return kernel


def computed(result):
    """What the bodies printed."""
    return result.stdout.splitlines()


def terminal(kernel, *arguments):
    environment = {**os.environ, "CELLAR_CACHE_DIR": str(kernel.cache)}
    return notebooks.cellar("cache", *arguments, env=environment)


def kept(kernel, *names):
    """Waits until entries are written: a cell's first may need a codec compiled."""
    end = time.monotonic() + 60
    while not all(name in kernel.ok("%cache list").value for name in names):
        assert time.monotonic() < end, kernel.ok("%cache list").value


def rows(kernel):
    """The list's rows by their first word."""
    lines = kernel.ok("%cache").value.splitlines()
    return {line.split()[0]: line.split() for line in lines[2:]}


@pytest.mark.parametrize("what", [[], ["data"], ["doubled"]])
def test_a_running_kernel_forgets_what_a_terminal_clears(own, what):
    own.ok(DOUBLED + 'doubled(1);\n//% cache_data\nfn other(n: u64) -> u64 { println!("other {n}"); n }\nother(1);')
    assert computed(own.ok("doubled(1); other(1);")) == []
    own.ok("%cache list")
    cleared = terminal(own, "clear", *what, "--json")
    assert cleared.returncode == 0, cleared.stderr
    assert computed(own.ok("doubled(1); other(1);")) == (["doubled 1"] if what == ["doubled"] else ["doubled 1", "other 1"])
    assert computed(own.ok("doubled(1); other(1);")) == []


def test_what_does_not_concern_a_function_leaves_its_results(own):
    own.ok(DOUBLED + "doubled(1);")
    own.ok('//% cache_data(name = "a cell")\nlet in_cell = 1;')
    kept(own, "a cell")
    assert json.loads(terminal(own, "clear", "a cell", "--json").stdout)["entries"] == 1
    assert json.loads(terminal(own, "clear", "resource", "--json").stdout)["entries"] == 0
    assert computed(own.ok("doubled(1);")) == []


def test_instances_go_when_a_terminal_clears(own):
    own.ok("""
        //% cache_resource
        fn shared_one() -> Vec<u8> { println!("shared_one"); vec![1] }
        shared_one();
    """)
    assert computed(own.ok("shared_one();")) == []
    assert terminal(own, "clear", "data").returncode == 0
    assert computed(own.ok("shared_one();")) == []
    assert terminal(own, "clear", "resource").returncode == 0
    assert computed(own.ok("shared_one();")) == ["shared_one"]


def test_a_function_is_one_row_of_the_list(own):
    own.ok("""
        //% cache_data
        fn dp(n: u64) -> u64 { if n < 2 { n } else { dp(n - 1) + dp(n - 2) } }
        dp(80);
    """)
    own.ok("//% cache_data\nlet beside_dp = 1;")
    kept(own, "beside_dp", "dp")
    listed = own.ok("%cache")
    assert listed.value.splitlines()[0].split() == ["Name", "Kind", "Results", "Size", "Age", "Hits", "Time", "saved"]
    found = rows(own)
    assert set(found) == {"dp", "beside_dp"}, listed.value
    # Nobody counts a function's hits.
    assert found["dp"][1:3] == ["function", "81"] and len(found["dp"]) == 7, listed.value
    assert "82 entries" in own.ok("%cache stats").value
    wrong = own.fails("%cache clear zzz")
    assert wrong.evalue.endswith("there are beside_dp, dp"), wrong.evalue
    in_terminal = [line.split() for line in terminal(own, "list").stdout.splitlines() if line.startswith("dp ")]
    (row,) = in_terminal
    assert row[1:3] == ["function", "81"] and row[-4:-1] == ["-", "-", "-"], row
    assert "81 entries cleared" in own.ok("%cache clear dp").value


def test_strange_names_do_not_break_the_list(own):
    own.ok('//% cache_data(name = "one\\nline")\nlet strange_name = 1;')
    long = "x" * 300
    own.ok(f'//% cache_data(name = "{long}")\nlet long_name = 1;')
    kept(own, "one", "xxx")
    lines = own.ok("%cache").value.splitlines()
    assert len(lines) == 4 and max(map(len, lines)) < 120, lines
    assert any(line.startswith("one�line") for line in lines), lines
    assert long not in own.fails("%cache clear zzz").evalue
    assert long not in own.ok("%cache explain").value


def test_explain_a_function(own):
    own.ok(DOUBLED + "fn helper() -> u64 { 1 }")
    assert "No result is kept" in own.ok("%cache explain doubled").value
    own.ok("//% cache_data\nfn helped(n: u64) -> u64 { n + helper() }\nhelped(1); helped(2); doubled(1);")
    told = own.ok("%cache explain helped").value
    assert told.startswith("helped: a function;") and "arguments" in told and "2 results are kept." in told and "edited" not in told
    own.ok("fn helper() -> u64 { 2 }")
    told = own.ok("%cache explain helped").value
    assert "2 results are kept. They were made before the function, or something that it reaches, was edited" in told
    own.ok("helped(3);")
    assert "3 results are kept. 2 of them were made before" in own.ok("%cache explain helped").value
    assert "1 result is kept" in own.ok("%cache explain doubled").value
    everything = own.ok("%cache explain").value
    assert "doubled: a function" in everything and "helped: a function" in everything
    assert "`doubled` is the nearest" in own.fails("%cache explain doubld").evalue
    own.ok("""
        //% cache_data(persist = "memory")
        fn only_here(n: u64) -> u64 { n }
        only_here(1); only_here(2);
    """)
    assert "In the memory of this session: 2." in own.ok("%cache explain only_here").value


def test_explain_what_another_session_made(own, new_kernel, own_cache):
    own.ok(DOUBLED + "doubled(1);")
    own.ok("//% cache_data\nlet of_earlier = 1;")
    kept(own, "doubled", "of_earlier")
    later = new_kernel(extra_env={"CELLAR_CACHE_DIR": str(own_cache)})
    assert "not defined. 1 result is kept." in later.ok("%cache explain doubled").value
    assert "its cell has not run in this session" in later.ok("%cache explain of_earlier").value
    assert "there are doubled, of_earlier" in later.fails("%cache explain zzz").evalue


def test_a_smaller_limit_holds_when_a_kernel_starts(own, new_kernel, own_cache):
    own.ok("//% cache_data\nlet too_large = vec![7u8; 3_000_000];")
    kept(own, "too_large")
    assert "too_large" in terminal(own, "list").stdout
    later = new_kernel(extra_env={"CELLAR_CACHE_DIR": str(own_cache), "CELLAR_CACHE_MAX": "2MB"})
    end = time.monotonic() + 20
    while "too_large" in terminal(own, "list").stdout and time.monotonic() < end:
        time.sleep(0.1)
    assert "too_large" not in terminal(own, "list").stdout
    assert " of 2.0 MB, in " in later.ok("%cache stats").value


def test_a_reason_for_keeping_nothing_is_told_once(own):
    own.ok("//% cache_data(max_bytes = 1000)\nlet too_much = vec![7u8; 3_000_000];")
    told, end = "", time.monotonic() + 60
    while "was not kept" not in told and time.monotonic() < end:
        told += own.ok("%cache list").stderr
    told += own.ok("let _ = ();").stderr
    assert told.count("was not kept") == 1 and "`max_bytes` allows 1000" in told, told
