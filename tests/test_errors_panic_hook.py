"""Panic hooks that cells set: they are called, and errors keep their message and place."""

import pytest

from test_errors_panic import says_line

MINE = 'std::panic::set_hook(Box::new(|_| eprintln!("my hook")));'
PANICS = "let v: Vec<i32> = vec![];\nlet x = v[7];"
MESSAGE = "index out of bounds: the len is 0 but the index is 7"


@pytest.fixture(autouse=True)
def own_hook(kernel):
    yield
    kernel.ok("drop(std::panic::take_hook());")


def test_a_later_panic_has_message_and_place(kernel):
    kernel.ok(MINE)
    for _ in range(3):
        result = kernel.fails(PANICS)
        assert result.evalue == MESSAGE
        says_line(result, 2, "let x = v[7];")
        assert result.stderr == "my hook\n", "it is called once, and nobody else tells"


def test_a_panic_of_the_cell_that_sets_it_has_its_message(kernel):
    result = kernel.fails(f'let _ = std::panic::catch_unwind(|| panic!("caught"));\n{MINE}\n{PANICS}')
    assert result.evalue == MESSAGE
    assert "my hook\n" in result.stderr and "caught" in result.stderr
    # It has failed, and so the hook is what it was.
    assert kernel.fails(PANICS).stderr == ""


def test_caught_panics_and_those_of_threads_are_told_by_it_alone(kernel):
    kernel.ok(MINE)
    caught = kernel.ok('std::panic::catch_unwind(|| panic!("caught")).is_err()')
    assert (caught.value, caught.stderr) == ("true", "my hook\n")
    thread = kernel.ok('std::thread::spawn(|| panic!("in a thread")).join().is_err()')
    assert (thread.value, thread.stderr) == ("true", "my hook\n")


def test_a_hook_that_calls_the_one_before(kernel):
    kernel.ok('let before = std::panic::take_hook();\nstd::panic::set_hook(Box::new(move |info| { eprintln!("first mine"); before(info) }));')
    caught = kernel.ok('std::panic::catch_unwind(|| panic!("why")).is_err()')
    assert caught.stderr.startswith("first mine\n") and caught.stderr.count("why") == 1
    result = kernel.fails(PANICS)
    assert (result.evalue, result.stderr) == (MESSAGE, "first mine\n")
    says_line(result, 2, "let x = v[7];")


def test_after_taking_the_hook_all_is_as_at_the_start(kernel):
    kernel.ok(MINE)
    kernel.ok("let taken = std::panic::take_hook();")
    result = kernel.fails(PANICS)
    assert (result.evalue, result.stderr) == (MESSAGE, "")
    says_line(result, 2, "let x = v[7];")
    kernel.ok("std::panic::set_hook(taken);")
    assert kernel.fails(PANICS).stderr == "my hook\n"


def test_silence_for_a_while(kernel):
    result = kernel.ok("""
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let quiet = std::panic::catch_unwind(|| panic!("quiet")).is_err();
        std::panic::set_hook(before);
        let loud = std::panic::catch_unwind(|| panic!("loud")).is_err();
    """)
    assert "quiet" not in result.stderr and "loud" in result.stderr


def test_a_resumed_panic_has_its_message(kernel):
    assert kernel.fails('std::panic::resume_unwind(Box::new("resumed"));').evalue == "resumed"
    result = kernel.fails('let caught = std::panic::catch_unwind(|| panic!("the cause"));\nstd::panic::resume_unwind(caught.unwrap_err());')
    assert result.evalue == "the cause"
    says_line(result, 1, 'panic!("the cause")')
