"""Cells that run as soon as rustc is done, and those that need rust-analyzer's word, in any order and without a pause: each sees what all
before it have left, and so does rust-analyzer in the end."""

import time

import pytest

CELLS = [
    ("let mut a = vec![1u64, 2];", None),
    ("struct P { x: u64 }\nimpl P { fn twice(&self) -> u64 { self.x * 2 } }\nlet p = P { x: a[1] };", None),
    # What this type is called only rust-analyzer knows.
    ("let boxed = Box::new(a.len()) as Box<dyn std::fmt::Debug>;", None),
    ("a.push(p.twice()); a.len()", "3"),
    ('format!("{boxed:?}")', '"2"'),
    ("let moved = a; let kept = boxed;", None),
    ("let at = std::time::SystemTime::UNIX_EPOCH;\nlet q = P { x: moved[2] };", None),
    ("fn f(p: &P) -> u64 { p.x + 1 }", None),
    ("f(&q) + p.twice()", "9"),
    ("fn f(p: &P) -> u64 { p.x + 2 }\nlet r = f(&q);", None),
    # Functions and constructors have types of their own, which nobody can write.
    ("struct Wrapped(u64);\nlet g = f; let wrap = Wrapped;", None),
    ("(g(&q), wrap(3).0)", "(6, 3)"),
    ("drop(p); (r, at == std::time::SystemTime::UNIX_EPOCH, format!(\"{kept:?}\"))", '(6, true, "2")'),
]


def proposed(kernel, code, name):
    deadline = time.monotonic() + 30
    while not any(name in match for match in kernel.completions(code)):
        assert time.monotonic() < deadline, f"`{name}` is not proposed"
        time.sleep(0.2)


@pytest.mark.parametrize("pause", [0, 0.5])
def test_cells_that_wait_and_cells_that_do_not(machine, pause):
    kernel = machine.kernel()
    # From here on rust-analyzer is there.
    kernel.ok("%cache off\nlet there = 1;")
    kernel.ok("%cache on")
    for code, value in CELLS:
        assert kernel.ok(code).value == value, code
        time.sleep(pause)
    for gone in ("a.len()", "boxed", "p.x"):
        assert kernel.fails(gone).ename in ("E0425", "E0382"), gone
    proposed(kernel, "q.tw", "twice")
    # All of evcxr's own crate, in which everything is that it knows.
    kernel.ok("%cache off")
    assert kernel.show("(f(&q), moved.len(), r)") == "(6, 3, 6)"
    assert kernel.fails("p.x").ename == "E0425"


def test_of_a_cell_that_fails_nothing_is_left(machine):
    kernel = machine.kernel()
    kernel.ok("%cache off\nlet mut there = 1;")
    kernel.ok("%cache on")
    for code in ("there = 2; let late = 5; fn of_late() {} panic!(\"no\");", "there = 3; let late = 5; \"x\".parse::<i32>()?;", "let late: u8 = there;"):
        kernel.fails(code)
        assert kernel.fails("late").ename == "E0425"
        assert kernel.fails("of_late()").ename == "E0425"
        assert kernel.show("there") == "1"
    kernel.ok("%cache off")
    assert kernel.fails("late").ename == "E0425"
    assert kernel.show("there") == "1"


def test_a_command_counts_for_the_next_cell(machine):
    kernel = machine.kernel()
    kernel.ok("%cache off\nlet there = 1;")
    kernel.ok("%cache on")
    kernel.ok("let before = cfg!(debug_assertions);")
    kernel.ok(":build_env FROM_A_COMMAND=yes")
    assert kernel.show('option_env!("FROM_A_COMMAND")') == 'Some("yes")'
    kernel.ok(":clear")
    assert kernel.fails("before").ename == "E0425"
    kernel.ok("let after = 2;")
    assert kernel.show("after") == "2"
