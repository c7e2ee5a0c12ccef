"""Cells that do not compile: the cell's own lines, with carets, and nothing stays behind."""

import pytest

from support.result import without_colours


def line_with(traceback, text):
    """The position of the line that shows `text`, and the carets under it."""
    lines = without_colours(traceback).split("\n")
    at = next(i for i, line in enumerate(lines) if text in line)
    return lines[at], lines[at + 1]


def test_the_error_points_into_the_cell(kernel):
    result = kernel.fails("let fine = 1;\nlet wrong: i32 = true;\nlet more = 2;")
    assert result.ename == "E0308"
    assert "mismatched types" in result.evalue
    shown, carets = line_with(result.traceback, "let wrong: i32 = true;")
    assert "^^^^" in carets
    assert carets.index("^^^^") == shown.index("true"), "carets stand under the expression"
    assert "2" in shown[: shown.index("let")], "the line has its number in the cell"


def test_nothing_of_the_machinery_is_shown(kernel):
    traceback = kernel.fails("let wrong: i32 = true;").traceback
    for word in ("evcxr", "run_user_code", "src/lib.rs", "variable_store", "__cellar", "/tmp"):
        assert word not in traceback, word


def test_two_errors_are_both_shown(kernel):
    result = kernel.fails("let a: i32 = true;\nlet b: bool = 1;")
    assert "let a: i32 = true;" in result.traceback
    assert "let b: bool = 1;" in result.traceback


@pytest.mark.parametrize(
    "code, wrong",
    [
        ('let é = "ü"; let wrong: i32 = "🦀";', '"🦀"'),
        ('/* שלום 🦀🦀 */ let wrong: i32 = "x";', '"x"'),
        ('// 日本語\nlet wrong: i32 = "日本語";', '"日本語"'),
        ("let e\u0301 = 1; let wrong: bool = e\u0301;", "e\u0301"),
    ],
)
def test_any_unicode_in_the_cell(kernel, code, wrong):
    result = kernel.fails(code)
    assert result.ename == "E0308"
    assert "mismatched types" in result.evalue + result.traceback
    assert code.split("\n")[-1] in result.traceback
    assert "^" in result.traceback


def test_an_unknown_name_gets_the_compilers_suggestion(kernel):
    kernel.ok("let counter = 1;")
    result = kernel.fails("countre + 1")
    assert result.ename == "E0425"
    assert "countre" in result.evalue and "counter" in result.traceback


@pytest.mark.parametrize(
    "code", ["let x = ;", "fn f( {", "let s = \"never closed", "}", "let a = std::", "println!(\"{}\");", "'", "r#\"", "/*"]
)
def test_cells_that_do_not_parse(kernel, code):
    result = kernel.fails(code, timeout=30)
    assert code.split("\n")[0] in result.traceback
    assert kernel.show("1 + 1") == "2"


def test_a_failed_cell_leaves_nothing_behind(kernel):
    kernel.ok("let earlier = 10;")
    kernel.fails("fn half_made() -> i32 { 1 }\nlet left_over = 5;\nlet wrong: i32 = true;")
    kernel.fails("left_over")
    kernel.fails("half_made()")
    assert kernel.show("earlier") == "10"


def test_a_failed_cell_runs_nothing_and_moves_nothing(kernel, tmp_path):
    kernel.ok('let precious = String::from("kept");')
    kernel.fails(f'std::fs::write("{tmp_path}/ran", "x").unwrap();\ndrop(precious);\nlet wrong: i32 = true;')
    assert not (tmp_path / "ran").exists()
    assert kernel.show("precious") == '"kept"'


def test_use_after_move_names_the_variable(kernel):
    kernel.ok("let given = vec![1];")
    kernel.ok("drop(given);")
    result = kernel.fails("given.len()")
    assert "given" in result.traceback


def test_a_borrow_error_shows_both_places(kernel):
    result = kernel.fails("let mut v = vec![1];\nlet first = &v[0];\nv.push(2);\nprintln!(\"{first}\");")
    assert result.ename == "E0502"
    for line in ("let first = &v[0];", "v.push(2);"):
        assert line in result.traceback


def test_an_error_in_a_macro_call_points_at_the_call(kernel):
    result = kernel.fails('println!("{}", no_such_name_at_all);')
    assert "no_such_name_at_all" in line_with(result.traceback, "println!")[0]


def test_a_redefinition_that_breaks_an_earlier_function_is_told(kernel):
    kernel.ok("struct Pair { a: i32 }\nfn first(p: &Pair) -> i32 { p.a }")
    result = kernel.run("struct Pair { b: i32 }\nfirst(&Pair { b: 1 })")
    assert result.status == "error"
    assert "no field `a`" in result.traceback


def test_colours_are_from_the_sixteen(kernel):
    """256-colour codes cannot follow the frontend's theme."""
    result = kernel.fails("let wrong: i32 = true;")
    shown = "\n".join(result.traceback_lines)
    assert "\x1b[" in shown and "38;5;" not in shown and "48;5;" not in shown


def test_warnings_do_not_fail_a_cell(kernel):
    assert kernel.ok("let unused_here = { let never_read = 1; 2 }; unused_here").value == "2"
