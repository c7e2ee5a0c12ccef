"""execute_request: its options, its counter, and what an error does to the cells behind it."""

import pytest

from support.language import LANGUAGE, RUST

rust_only = pytest.mark.skipif(LANGUAGE is not RUST, reason="about Rust")


def test_the_first_cell_has_number_one(new_kernel):
    kernel = new_kernel()
    assert kernel.ok(LANGUAGE.value).execution_count == 1
    assert kernel.ok(LANGUAGE.value).execution_count == 2


def test_the_count_is_the_same_in_input_result_and_reply(kernel):
    result = kernel.ok(LANGUAGE.value)
    counts = {
        m["content"]["execution_count"]
        for m in result.messages
        if m["msg_type"] in ("execute_input", "execute_result")
    }
    assert counts == {result.execution_count}


def test_a_silent_cell_runs_but_leaves_no_trace(kernel):
    before = kernel.ok(LANGUAGE.value).execution_count
    silent = kernel.ok(LANGUAGE.assign("quiet", 7) + "\n" + LANGUAGE.value, silent=True)
    shown = {m["msg_type"] for m in silent.messages}
    assert shown <= {"status", "stream"}, "no input and no result are shown"
    after = kernel.ok("quiet")
    assert after.value == "7"
    assert after.execution_count == before + 1


def test_a_cell_without_history_does_not_count(kernel):
    before = kernel.ok(LANGUAGE.value).execution_count
    kernel.ok(LANGUAGE.print("unnumbered"), store_history=False)
    assert kernel.ok(LANGUAGE.value).execution_count == before + 1
    history = kernel.request(
        "history_request", {"output": False, "raw": True, "hist_access_type": "tail", "n": 10}
    ).content["history"]
    assert not any("unnumbered" in entry[2] for entry in history)


def test_user_expressions_are_answered_one_by_one(kernel):
    result = kernel.ok(
        LANGUAGE.assign("base", 40),
        user_expressions={"sum": "base + 2", "wrong": LANGUAGE.unknown_name},
    )
    answers = result.reply["user_expressions"]
    assert answers["sum"]["status"] == "ok"
    assert answers["sum"]["data"]["text/plain"] == "42"
    assert answers["wrong"]["status"] == "error"
    assert answers["wrong"]["ename"] and answers["wrong"]["traceback"]
    assert result.value is None, "an answer is not an output"


def test_user_expressions_alone_are_answered(kernel):
    result = kernel.ok("", user_expressions={"v": LANGUAGE.value})
    assert result.reply["user_expressions"]["v"]["data"]["text/plain"] == "42"


def test_an_empty_cell_is_fine(kernel):
    for code in ("", "  \n\n"):
        result = kernel.ok(code)
        assert result.events == []


def test_an_error_aborts_the_cells_that_wait(kernel):
    failing = kernel.submit(LANGUAGE.sleep(1) + "\n" + LANGUAGE.error)
    waiting = [kernel.submit(LANGUAGE.print(f"cell {i}")) for i in range(3)]
    info = kernel.send("kernel_info_request")
    assert kernel.result(failing).status == "error"
    for request in waiting:
        result = kernel.result(request)
        assert result.status == "aborted"
        assert result.stdout == ""
    assert kernel.wait(info).content["status"] == "ok", "only cells are aborted"
    assert kernel.show(LANGUAGE.value) == "42", "a cell that comes later runs"


def test_without_stop_on_error_the_cells_that_wait_run(kernel):
    failing = kernel.submit(LANGUAGE.sleep(1) + "\n" + LANGUAGE.error, stop_on_error=False)
    waiting = kernel.submit(LANGUAGE.print("ran"))
    assert kernel.result(failing).status == "error"
    assert kernel.result(waiting).stdout == "ran\n"


def test_cells_run_in_the_order_in_which_they_came(kernel):
    requests = [kernel.submit(LANGUAGE.print(f"number {i}")) for i in range(5)]
    results = [kernel.result(request) for request in requests]
    assert [r.stdout for r in results] == [f"number {i}\n" for i in range(5)]
    counts = [r.execution_count for r in results]
    assert counts == list(range(counts[0], counts[0] + 5))


def test_a_reply_tells_the_whole_error(kernel):
    result = kernel.fails(LANGUAGE.error)
    assert "on purpose" in result.evalue
    assert "on purpose" in result.traceback


def test_the_reply_has_what_the_protocol_demands(kernel):
    reply = kernel.ok(LANGUAGE.value).reply
    assert reply["user_expressions"] == {}
    assert isinstance(reply["payload"], list)
    assert isinstance(reply["execution_count"], int)
