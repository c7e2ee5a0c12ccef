"""Cells that do not end well are not kept."""


def test_a_panic_is_not_kept(book):
    for runs in (1, 2):
        result = book.kernel.fails(book.cell('let never = 1;\npanic!("on purpose");'))
        assert result.ename == "panic"
        assert book.runs == runs
    assert book.kernel.fails("never").ename


def test_an_error_is_not_kept(book):
    for runs in (1, 2):
        book.kernel.fails(book.cell('let parsed: i32 = "x".parse::<i32>()?;'))
        assert book.runs == runs


def test_a_cell_that_does_not_compile_and_then_does(book):
    book.kernel.fails(book.cell('let wrong: i32 = "text";'))
    assert book.runs == 0
    book.miss("let wrong: i32 = 1;")
    book.kernel.fails(book.cell('let wrong: i32 = "text";'))
    book.hit("let wrong: i32 = 1;")


def test_a_crash_is_not_kept(book):
    for runs in (1, 2):
        book.kernel.fails(book.cell("std::process::abort();"))
        assert book.runs == runs
    book.miss("let after_crash = 1;")
    book.hit("let after_crash = 1;")


def test_an_interrupted_cell_is_not_kept(book):
    cell = 'println!("started");\nlet slow = 3;\nif std::path::Path::new(FLAG).exists() { loop { std::thread::sleep(std::time::Duration::from_millis(5)); } }'
    flag = book.log.parent / "flag"
    flag.touch()
    cell = cell.replace("FLAG", f'"{flag}"')
    request = book.kernel.submit(book.cell(cell))
    book.kernel.started_running(request)
    book.kernel.interrupt()
    assert book.kernel.result(request).status == "error"
    assert book.runs == 1
    flag.unlink()
    book.miss(cell)
    book.hit(cell)
    assert book.show("slow") == "3"


def test_a_panic_behind_a_mutation_leaves_the_variable_and_its_key(book):
    book.ok("let mut kept_back = vec![1];")
    book.miss("let seen = kept_back.len();")
    book.kernel.fails(book.cell('kept_back.push(2);\npanic!("on purpose");'))
    assert book.show("kept_back") == "[1]"
    book.hit("let seen = kept_back.len();")


def test_a_cell_that_asks_for_input_is_not_kept(book):
    cell = 'let mut line = String::new();\nstd::io::stdin().read_line(&mut line).unwrap();\nline.trim().to_string()'
    first = book.miss(cell, answers=["one"])
    assert first.value == '"one"' and "asked for input" in first.stderr
    second = book.miss(cell, answers=["two"])
    assert second.value == '"two"'


def test_a_failure_after_a_hit_leaves_the_hits_value(book):
    cell = "let survivor = vec![1, 2, 3];"
    book.miss(cell)
    book.hit(cell)
    book.kernel.fails('let n = survivor.len();\npanic!("{n}");')
    assert book.show("survivor") == "[1, 2, 3]"


def test_a_panic_in_what_came_from_a_hit(book):
    """The kept copy of a value is not the one that a panicking cell has changed."""
    cell = "let mut robust = vec![1];"
    book.miss(cell)
    book.hit(cell)
    book.kernel.fails('robust.push(2);\npanic!("on purpose");')
    assert book.show("robust") == "[1]"
    book.hit(cell)
    assert book.show("robust") == "[1]"
