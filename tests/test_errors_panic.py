"""Panics and errors that leave a cell through `?`: message, place in the cell, and what is left."""

import re

import pytest


def says_line(result, number, text):
    """The traceback shows line `number` of a cell, which is `text`."""
    assert text in result.traceback, result
    assert re.search(rf"\b{number}\b[^\n]*{re.escape(text)}", result.traceback), result


def test_a_panic_is_an_error_with_its_line(kernel):
    result = kernel.fails('let a = 1;\nlet b = a + 1;\npanic!("the answer was {}", b);')
    assert result.ename == "panic"
    assert "the answer was 2" in result.evalue
    says_line(result, 3, 'panic!("the answer was {}", b);')


def test_no_frames_of_the_kernel_are_shown(kernel):
    result = kernel.fails('panic!("x");')
    for word in ("run_user_code", "catch_unwind", "evcxr", "RUST_BACKTRACE", "src/lib.rs", "rust_begin_unwind"):
        assert word not in result.traceback, word


@pytest.mark.parametrize(
    "code, message",
    [
        ("let v = vec![1]; let i = v.len() + 4; v[i]", "index out of bounds: the len is 1 but the index is 5"),
        ("let none: Option<i32> = None; none.unwrap()", "called `Option::unwrap()` on a `None` value"),
        ('Err::<(), _>("boom").expect("reading the file")', 'reading the file: "boom"'),
        ("let zero = std::hint::black_box(0); 1 / zero", "divide by zero"),
        ("assert_eq!(1, 2, \"they differ\");", "they differ"),
        ("unimplemented!()", "not implemented"),
        ('std::panic::panic_any(7u32);', ""),
        ('panic!("é🦀\\nsecond line");', "é🦀\nsecond line"),
    ],
)
def test_messages_of_panics(kernel, code, message):
    result = kernel.fails(code)
    assert result.ename == "panic"
    assert message in result.evalue or message in result.traceback


def test_a_panic_in_a_function_of_an_earlier_cell_shows_that_function(kernel):
    kernel.ok('fn risky(n: u32) -> u32 {\n    if n > 2 {\n        panic!("too much: {n}");\n    }\n    n\n}')
    assert kernel.show("risky(1)") == "1"
    result = kernel.fails("risky(3)")
    assert "too much: 3" in result.evalue
    says_line(result, 3, 'panic!("too much: {n}");')


def test_output_before_a_panic_is_kept(kernel):
    result = kernel.fails('println!("one"); print!("two"); panic!("three");')
    assert result.stdout == "one\ntwo"
    assert [kind for kind, _ in result.events][-1] == "error"
    assert "three" not in result.stderr, "the message is told once"


def test_a_panic_after_an_unfinished_line_is_a_panic(kernel):
    kernel.ok("let older = 1;")
    kernel.fails('print!("abc"); let newer = 5; panic!("mid");')
    assert "E0425" == kernel.fails("newer").ename
    assert kernel.show("older") == "1"


def test_a_panic_keeps_earlier_variables_and_drops_new_ones(kernel):
    kernel.ok("let mut tally = vec![1, 2];")
    kernel.fails('let fresh = 3; panic!("x");')
    kernel.fails("fresh")
    assert kernel.show("tally") == "[1, 2]"


def test_what_a_panicking_cell_changed_is_as_before(kernel):
    """A failed cell changes nothing."""
    kernel.ok("let mut ledger = vec![1, 2];")
    kernel.fails('ledger.push(3); panic!("after the change");')
    assert kernel.show("ledger") == "[1, 2]"


def test_what_a_panicking_cell_moved_is_still_there(kernel):
    kernel.ok('let moved_in = String::from("still mine");')
    kernel.fails('let taken = moved_in; panic!("with {taken}");')
    assert kernel.show("moved_in") == '"still mine"'


def test_a_panic_that_is_caught_does_not_fail_the_cell(kernel):
    result = kernel.ok('std::panic::catch_unwind(|| panic!("caught")).is_err()')
    assert result.value == "true"
    assert "caught" in result.stderr


def test_a_panic_in_another_thread_does_not_fail_the_cell(kernel):
    result = kernel.ok('std::thread::spawn(|| panic!("in a thread")).join().is_err()')
    assert result.value == "true"
    assert "in a thread" in result.stderr


def test_a_panic_in_drop_is_told(kernel):
    kernel.ok('struct Bomb;\nimpl Drop for Bomb { fn drop(&mut self) { panic!("in drop") } }')
    assert "in drop" in kernel.fails("drop(Bomb);").evalue


def test_an_error_that_leaves_through_a_question_mark(kernel):
    result = kernel.fails('let n = 1;\nlet number: i32 = "forty".parse()?;')
    assert "ParseIntError" in result.ename
    assert "invalid digit found in string" in result.evalue
    says_line(result, 2, 'let number: i32 = "forty".parse()?;')
    assert "E0425" == kernel.fails("number").ename


def test_a_none_that_leaves_through_a_question_mark(kernel):
    result = kernel.fails("let first = Vec::<i32>::new().first().copied()?;")
    assert "None" in result.ename + result.evalue
    assert "first().copied()?" in result.traceback


def test_a_question_mark_that_succeeds(kernel):
    kernel.ok('let parsed: i32 = "40".parse()?;')
    assert kernel.show("parsed + 2") == "42"
    assert kernel.show('"7".parse::<i32>()? + 1') == "8"
    assert kernel.ok("let just_for_the_count = Some(3)?; just_for_the_count").value == "3"


def test_an_own_error_type(kernel):
    kernel.ok("""
        #[derive(Debug)] struct TooHot(u32);
        impl std::fmt::Display for TooHot {
            fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result { write!(f, "{} degrees", self.0) }
        }
        impl std::error::Error for TooHot {}
        fn measure() -> Result<u32, TooHot> { Err(TooHot(99)) }
    """)
    result = kernel.fails("let degrees = measure()?;")
    assert "TooHot" in result.ename
    assert "99 degrees" in result.evalue


def test_a_boxed_error(kernel):
    kernel.ok('fn fail() -> Result<(), Box<dyn std::error::Error>> { Err("boxed trouble".into()) }')
    assert "boxed trouble" in kernel.fails("fail()?;").evalue


def test_variables_survive_a_question_mark(kernel):
    kernel.ok("let before_question = 1;")
    kernel.fails('let x: i32 = "no".parse()?;')
    assert kernel.show("before_question") == "1"


def test_the_kernel_works_after_many_panics(kernel):
    kernel.ok("let survivor = 1;")
    for i in range(5):
        assert str(i) in kernel.fails(f'panic!("number {i}");').evalue
    assert kernel.show("survivor") == "1"
