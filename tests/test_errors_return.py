"""`return` at the level of a cell: refused before anything runs, so that no variable is lost."""

import pytest

from support.result import without_colours


def refused(kernel, code, **options):
    """The cell is refused, with a caret below the last `return` of a line."""
    result = kernel.fails(code, **options)
    assert result.ename == "CompileError" and "`return` outside of a function" in result.evalue, result
    assert "break 'cell" in result.traceback and "the cell was not run" in result.traceback
    lines = without_colours(result.traceback).split("\n")
    line = next(line for line in code.split("\n") if "return" in line)
    at = next(i for i, shown in enumerate(lines) if f"| {line}" in shown)
    assert lines[at + 1].index("^^^^^^") == lines[at].rindex("return"), result.traceback
    return result


def test_an_early_return_loses_no_variable(kernel):
    kernel.ok('let t = String::from("t");')
    refused(kernel, "if t.len() > 0 { return; } drop(t); let nv = 5;")
    assert kernel.show("t") == '"t"'
    assert kernel.fails("nv").ename == "E0425"


@pytest.mark.parametrize(
    "code",
    [
        "return",
        "return;",
        "let held = kept.clone();\nlet Some(found) = held.first() else { return };",
        "for n in &kept {\n    match n { 1 => return, _ => {} }\n}",
        'println!("é {}", { if kept.len() > 1 { return; } 1 });',
        'let number: i32 = "1".parse()?; drop(kept); return;',
        ":dep itertools\nreturn;",
    ],
)
def test_wherever_it_stands_in_the_cell(kernel, tmp_path, code):
    kernel.ok("let kept = vec![1, 2];")
    ran = tmp_path / "ran"
    refused(kernel, code)
    if not code.startswith(":dep"):
        refused(kernel, f'std::fs::write("{ran}", "").unwrap();\n{code}')
    assert not ran.exists()
    assert kernel.show("kept") == "[1, 2]"


@pytest.mark.parametrize("first", ["//% cache_data", "//% cache_resource", "%%time"])
def test_below_directives_and_magics(kernel, first):
    kernel.ok("let below = vec![1, 2];")
    for _ in range(2):
        refused(kernel, f"{first}\nlet made = below.len();\nif made > 1 {{ return; }}")
    assert kernel.fails("made").ename == "E0425"
    assert kernel.show("below") == "[1, 2]"


def test_on_the_line_of_a_magic(kernel):
    kernel.ok("let timed = vec![1, 2];")
    for magic in ("%time", "%timeit"):
        refused(kernel, f"\n{magic} if timed.len() > 1 {{ return }}")
    assert kernel.show("timed") == "[1, 2]"


def test_beside_a_cached_function(kernel):
    """The wrapper that is put around the function does not move the caret."""
    kernel.ok("let beside = 1u64;")
    refused(kernel, "//% cache_data\nfn twice(n: u64) -> u64 { return n * 2; } if twice(beside) > 1 { return; }")
    assert kernel.show("beside") == "1"


def test_in_a_cell_that_awaits(kernel):
    kernel.ok("async fn soon() -> i32 { 41 }\nlet waiting = vec![1, 2];")
    refused(kernel, "if soon().await > 40 { return; } drop(waiting);")
    kernel.ok("let awaited = soon().await;", timeout=240)
    # All cells are run in a runtime from now on.
    refused(kernel, "if awaited > 40 { return; } drop(waiting);")
    assert kernel.show("waiting") == "[1, 2]"


def test_in_a_user_expression(kernel):
    kernel.ok("let asked = vec![1, 2];")
    result = kernel.run("1", user_expressions={"one": "{ if asked.len() > 1 { return } 1 }"})
    assert result.reply["user_expressions"]["one"]["status"] == "error"
    assert kernel.show("asked") == "[1, 2]"


def test_a_cell_that_cannot_be_parsed_says_so_first(kernel):
    result = kernel.fails("if true { return; }\nlet x = ;")
    assert "expected expression" in result.evalue


def test_functions_closures_and_blocks_can_be_left(kernel):
    kernel.ok("fn early(n: i32) -> i32 { if n > 1 { return 1; } n }\nlet left = (|n: i32| { if n > 1 { return 2; } n })(5);")
    assert kernel.show("early(5) + left") == "3"
    assert kernel.ok("let six = async { if early(5) == 1 { return 6; } 7 }.await; six", timeout=240).value == "6"
    assert kernel.ok('println!("{}", [1, 2].map(|n| { return n + 1 })[1]);').stdout == "3\n"
    assert kernel.ok("let mut count = 0; 'cell: { if count == 0 { break 'cell; } count = 1; }\ncount").value == "0"
