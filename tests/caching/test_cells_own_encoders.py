"""Values whose own `Serialize` or `Deserialize` does harm: a warning, and nothing else."""

import os
import signal
import time

import pytest

from support import processes, wait
from support.cells import cache_of

# A derived `Serialize` beside a `Deserialize` of one's own, which runs when what was written is checked.
OWN = """#[derive(Debug, serde::Serialize)] struct {name} {{ inner: u8 }}
impl<'de> serde::Deserialize<'de> for {name} {{
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {{ {harm} }}
}}
#[derive(Debug, serde::Serialize, serde::Deserialize)] struct Around{name} {{ list: Vec<{name}> }}"""

HARMS = {
    "fails": ('let _ = d; Err(serde::de::Error::custom("out of order"))', "out of order"),
    "panics": ('let _ = d; panic!("no such thing")', "no such thing"),
    "aborts": ("let _ = d; std::process::abort()", "aborted"),
    "exits": ("let _ = d; std::process::exit(3)", "status 3"),
    "overflows its stack": ("fn deep(n: u64) -> u64 { let page = [n; 512]; if n == u64::MAX { 0 } else { deep(n + 1) + std::hint::black_box(page)[7] } } let _ = d; deep(0); unreachable!()", "SIG"),
}


@pytest.mark.parametrize("harm", HARMS)
def test_harm_is_told_and_the_value_usable(book, harm):
    code, said = HARMS[harm]
    name = f"Harm{list(HARMS).index(harm)}"
    book.ok(OWN.format(name=name, harm=code))
    cell = f"let harmful = Around{name} {{ list: vec![{name} {{ inner: 4 }}] }};\nharmful.list.len()"
    assert book.miss(cell).value == "1"
    late = book.late()
    assert "`harmful` cannot be stored" in late and f"Around{name}" in late and said in late, late
    if harm in ("fails", "panics"):
        assert "Serialize and Deserialize" in late and "cache_resource" in late, late
    if harm == "fails":
        assert "`list[0]`" in late, late
    assert said in book.explain("harmful")
    # A run of it is a run, and its value is there.
    assert book.miss(cell).value == "1"
    assert book.show("harmful.list[0].inner") == "4"
    assert book.miss("let from_harmful = harmful.list.len();\nfrom_harmful").value == "1"


OF_ITS_OWN = """#[derive(Debug, serde::Deserialize)] struct {name}(u8);
impl serde::Serialize for {name} {{
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {{ let _ = &s; {harm} }}
}}"""


@pytest.mark.parametrize("harm", ['panic!("no")', "loop { std::hint::spin_loop() }", 'Err(serde::ser::Error::custom("no"))'])
def test_a_serialize_of_ones_own_is_not_trusted_and_not_run(book, harm):
    """It may leave something out: what it writes proves nothing."""
    book.ok(OF_ITS_OWN.format(name="OfItsOwn", harm=harm))
    result = book.miss("let of_its_own = OfItsOwn(3);\nof_its_own.0")
    assert result.value == "3"
    assert "`of_its_own` cannot be stored" in result.stderr and "`OfItsOwn` has an `impl Serialize` of its own" in result.stderr
    assert "cache_resource" in result.stderr
    # As an input it is compared by the run that made it.
    assert book.miss("let next_to_it = of_its_own.0;\nnext_to_it").value == "3"
    assert book.hit("let next_to_it = of_its_own.0;\nnext_to_it").value == "3"


def test_a_value_that_does_not_come_back_as_it_was_is_not_kept(book):
    """What is written is read again before it counts: a lossy `Deserialize` would make a hit unlike the run."""
    book.ok(OWN.format(name="Lossy", harm="<u8 as serde::Deserialize>::deserialize(d).map(|inner| Lossy { inner: inner + 1 })"))
    book.miss("let lossy = AroundLossy { list: vec![Lossy { inner: 1 }] };")
    assert "`lossy` cannot be stored" in book.late()
    book.miss("let lossy = AroundLossy { list: vec![Lossy { inner: 1 }] };")
    assert book.show("lossy.list[0].inner") == "1"


LOOPS = OWN.format(name="Endless", harm="let _ = d; loop { std::thread::sleep(std::time::Duration::from_millis(5)) }")
ENDLESS = "let endless = AroundEndless { list: vec![Endless { inner: 1 }] };"


def test_an_encoder_that_never_ends_is_in_nobodys_way(new_book):
    book = new_book()
    book.ok(LOOPS)
    book.miss(ENDLESS)
    started = time.monotonic()
    assert book.show("endless.list[0].inner") == "1"
    book.ok("let mut after_it = 1; after_it += 1;")
    book.miss("let beside_it = after_it * 2;")
    assert time.monotonic() - started < 30
    # The same cell would wait for its own entry: that can be interrupted.
    request = book.kernel.submit(book.cell(ENDLESS))
    book.kernel.started_running(request, marker="waits for this kernel")
    book.kernel.interrupt()
    assert book.kernel.result(request).status == "error"
    assert book.show("after_it") == "2"


def test_an_encoder_that_never_ends_ends_with_its_kernel(new_book):
    """Even where the kernel and its whole group are killed."""
    book = new_book()
    book.ok(LOOPS)
    book.miss(ENDLESS)
    assert book.show("1 + 1") == "2"
    started = book.kernel.processes()
    os.killpg(os.getpgid(book.kernel.pid), signal.SIGKILL)
    wait.until(lambda: not any(processes.runs(process) for process in started), timeout=15, what="the end of all processes")


@pytest.mark.slow
def test_an_encoder_that_never_ends_is_stopped_in_the_end(new_book):
    book = new_book()
    book.ok(LOOPS)
    book.miss(ENDLESS)
    result = book.kernel.ok(book.cell(ENDLESS), timeout=150)
    assert cache_of(result) == "miss"
    told = result.stderr + book.late()
    assert "`endless` was not kept" in told and "came to no end" in told and "cache_resource" in told, told
