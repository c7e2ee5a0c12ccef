"""Completion, inspection, is_complete: right, and answered while a cell runs or the engine starts."""

import time

import pytest

from support import wait


@pytest.fixture(autouse=True)
def analysed(request):
    """Cells run before rust-analyzer is there; what only it knows is asked for later."""
    if "kernel" in request.fixturenames:
        kernel = request.getfixturevalue("kernel")
        if not getattr(kernel, "is_analysed", False):
            kernel.ok("let analysed = 1;")
            kernel.ok(":type analysed")
            kernel.is_analysed = True


def names(matches):
    """Completions without what an editor may add to call them."""
    return {match.split("(")[0].rstrip("!:<") for match in matches}


def test_methods_of_a_variable(kernel):
    kernel.ok("let numbers = vec![1, 2, 3];")
    assert "push" in names(kernel.completions("numbers.pu"))


def test_own_functions_types_and_variables(kernel):
    kernel.ok("struct Rectangle { width: u32 }\nfn area_of(r: &Rectangle) -> u32 { r.width }\nlet area_total = 3;")
    assert {"area_of", "area_total"} <= names(kernel.completions("area_"))
    assert "Rectangle" in names(kernel.completions("Rectan"))


def test_names_of_the_cell_itself(kernel):
    assert "local_name" in names(kernel.completions("let local_name = 1;\nlocal_"))


def test_paths_into_std(kernel):
    assert "HashMap" in names(kernel.completions("std::collections::Has"))


def test_completion_in_the_middle_of_a_cell(kernel):
    code = "let a = std::collections::BTr;\nlet b = 2;"
    cursor = code.index(";")
    answer = kernel.complete(code, cursor).content
    assert "BTreeMap" in names(answer["matches"])
    assert code[answer["cursor_start"] : answer["cursor_end"]] == "BTr"


def test_kinds_are_told(kernel):
    kernel.ok("fn completed_function() {}")
    answer = kernel.complete("completed_f").content
    types = answer["metadata"]["_jupyter_types_experimental"]
    assert any(t["text"].startswith("completed_function") and t["type"] == "function" for t in types)


@pytest.mark.parametrize("typed, name", [("%who", "%whos"), ("%tim", "%timeit"), ("%%ti", "%%time"), (":de", ":dep"), (":var", ":vars")])
def test_magics_are_completed(kernel, typed, name):
    answer = kernel.complete(typed).content
    completed = {typed[: answer["cursor_start"]] + match for match in answer["matches"]}
    assert name in {c.strip() for c in completed}


def test_no_completions_is_an_answer_too(kernel):
    answer = kernel.complete("no_name_begins_like_this_xyz").content
    assert answer["status"] == "ok" and answer["matches"] == []


def test_completion_and_inspection_while_a_cell_runs(kernel):
    kernel.ok("fn known_before() {}")
    running = kernel.start_forever()
    try:
        complete = kernel.complete("known_be")
        assert complete.replied_after < 1
        assert "known_before" in names(complete.content["matches"])
        inspect = kernel.request("inspect_request", {"code": "known_before", "cursor_pos": 3, "detail_level": 0})
        assert inspect.replied_after < 1
        assert kernel.request("is_complete_request", {"code": "1"}).replied_after < 1
        assert kernel.request("kernel_info_request").replied_after < 1
        assert not running.done
    finally:
        kernel.interrupt()
        kernel.wait(running)


def test_help_right_after_the_start(new_kernel):
    kernel = new_kernel(ready=False)
    kernel.wait_ready(timeout=10)
    answer = kernel.complete("let s = Strin")
    assert answer.replied_after < 1
    assert "String" in names(answer.content["matches"])
    assert kernel.request("is_complete_request", {"code": "fn f() {"}).content["status"] == "incomplete"


def test_a_completion_does_not_disturb_the_cell_behind_it(kernel):
    for _ in range(5):
        kernel.send("complete_request", {"code": "std::", "cursor_pos": 5})
    assert kernel.show("6 * 7") == "42"


def test_inspect_shows_type_and_documentation(kernel):
    kernel.ok("/// Doubles what it is given.\nfn doubled(n: i32) -> i32 { n * 2 }")
    found = kernel.inspect("let x = doubled(4);", cursor=len("let x = doub"))
    assert found["found"]
    text = found["data"]["text/plain"]
    assert "fn doubled(n: i32) -> i32" in text and "Doubles what it is given." in text


def test_inspect_of_std(kernel):
    def known():
        found = kernel.inspect("let v: Vec<i32> = Vec::new();", cursor=len("let v: Ve"))
        return found["found"] and "contiguous" in found["data"]["text/plain"]

    # It takes up earlier cells first, and nobody waits long for it.
    wait.until(known, timeout=20, what="rust-analyzer's words on `Vec`")


def test_inspect_of_a_variable(kernel):
    kernel.ok("let inspected = vec![1u8];")
    found = kernel.inspect("inspected")
    assert found["found"] and "Vec<u8>" in found["data"]["text/plain"]


def test_inspect_of_a_call_from_its_parenthesis(kernel):
    """JupyterLab asks so for the tooltip (Shift-Tab)."""
    kernel.ok("/// Adds up.\nfn added(a: i32, b: i32) -> i32 { a + b }")
    found = kernel.inspect("added(", cursor=len("added("))
    assert found["found"] and "added(a: i32, b: i32)" in found["data"]["text/plain"]


def test_inspect_of_a_magic(kernel):
    found = kernel.inspect("%timeit 1 + 1", cursor=4)
    assert found["found"] and "timeit" in found["data"]["text/plain"]


def test_inspect_of_nothing(kernel):
    found = kernel.inspect("   ", cursor=1)
    assert found["status"] == "ok" and not found["found"] and found["data"] == {}


COMPLETE = [
    "1 + 1", "let x = 1;", "fn f() {}", "fn f() {\n}", "struct S;", "x", "", "  ", "// comment", "%who",
    ':dep serde = "1"', "!ls", 'let s = "a { b";', "'{'", "let c = '\\'';", "let s = r#\"a \" { b\"#;",
    "/* { */ 1", "vec![1,\n2]", "impl<'a> S<'a> {}", "foo()\n    .bar()", "if a { 1 } else { 2 }", "let é = 1;",
]
INCOMPLETE = [
    "fn f() {", "fn f(", "vec![1,", 'let s = "abc', "/* comment", 'r#"raw', "struct S {\n    a: i32,", "foo(\n",
    "let x =", "match x {\n    1 => 2,", "impl S {\n    fn f(&self) {\n    }", "if true {\n", "/* a /* b */",
    "x.\n", "#[derive(Debug)]",
]
INVALID = ["}", ")", "fn f() { ]", "let x = (1];"]


@pytest.mark.parametrize(
    "code, status",
    [(c, "complete") for c in COMPLETE] + [(c, "incomplete") for c in INCOMPLETE] + [(c, "invalid") for c in INVALID],
)
def test_is_complete(kernel, code, status):
    assert kernel.request("is_complete_request", {"code": code}).content["status"] == status


def test_the_next_line_is_indented(kernel):
    answer = kernel.request("is_complete_request", {"code": "fn f() {"}).content
    assert answer["indent"] == "    "
    deeper = kernel.request("is_complete_request", {"code": "fn f() {\n    if true {"}).content
    assert deeper["indent"] == "        "


def test_completion_is_quick_when_warm(kernel):
    kernel.ok("let warm_vector = vec![1];")
    kernel.completions("warm_vector.l")
    begin = time.monotonic()
    kernel.completions("warm_vector.le")
    assert time.monotonic() - begin < 2
