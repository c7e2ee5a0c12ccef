"""Who the kernel says it is, and that it answers whatever it is asked."""

import time

import pytest
import zmq

from support.language import LANGUAGE


def test_kernel_info_is_answered_long_before_the_compiler_is_ready(new_kernel):
    kernel = new_kernel(ready=False)
    kernel.wait_ready(timeout=10)
    assert time.monotonic() - kernel.started < 3


def test_kernel_info_is_complete(kernel):
    info = kernel.request("kernel_info_request").content
    assert info["status"] == "ok"
    assert info["protocol_version"].startswith("5.")
    assert info["implementation"] and info["implementation_version"] and info["banner"]
    language = info["language_info"]
    assert language["name"] == LANGUAGE.name
    assert language["version"] and language["mimetype"]
    assert language["file_extension"] == {"rust": ".rs", "python": ".py"}[LANGUAGE.name]
    assert "" not in language.values(), "an empty lexer or mode breaks highlighting in some clients"


def test_kernel_info_is_answered_on_control_too(kernel):
    assert kernel.request("kernel_info_request", channel="control").content["status"] == "ok"


def test_heartbeat_echoes_also_while_a_cell_runs(kernel, raw):
    running = kernel.start_forever()
    try:
        beat = raw.socket(zmq.REQ, "hb")
        for payload in (b"ping", b"\x00\xff other bytes"):
            beat.send(payload)
            assert beat.poll(5000), "no heartbeat"
            assert beat.recv() == payload
    finally:
        kernel.interrupt()
        kernel.wait(running)


@pytest.mark.parametrize("channel", ["shell", "control"])
def test_an_unknown_request_harms_nobody(kernel, channel):
    unknown = kernel.send("no_such_request", channel=channel)
    assert kernel.show(LANGUAGE.value) == "42"
    if unknown.reply:
        assert unknown.content["status"] == "error"


def test_every_request_is_surrounded_by_busy_and_idle(kernel):
    requests = [
        ("kernel_info_request", {}, "shell"),
        ("kernel_info_request", {}, "control"),
        ("complete_request", {"code": "x", "cursor_pos": 1}, "shell"),
        ("inspect_request", {"code": "x", "cursor_pos": 1, "detail_level": 0}, "shell"),
        ("is_complete_request", {"code": "1"}, "shell"),
        ("comm_info_request", {}, "shell"),
        ("history_request", {"output": False, "raw": True, "hist_access_type": "tail", "n": 1}, "shell"),
        ("interrupt_request", {}, "control"),
    ]
    for msg_type, content, channel in requests:
        request = kernel.request(msg_type, content, channel, timeout=20)
        states = [m["content"]["execution_state"] for _, m in request.iopub if m["msg_type"] == "status"]
        assert states == ["busy", "idle"], (msg_type, channel)
        assert request.reply["msg_type"] == msg_type.replace("request", "reply")
        expected = "complete" if msg_type == "is_complete_request" else "ok"
        assert request.content["status"] == expected, (msg_type, channel)


def test_messages_of_a_cell_carry_its_header_and_come_between_busy_and_idle(kernel):
    request = kernel.submit(LANGUAGE.print("out") + "\n" + LANGUAGE.value)
    kernel.wait(request)
    kinds = [m["msg_type"] for _, m in request.iopub]
    assert kinds[:2] == ["status", "execute_input"]
    assert kinds[-1] == "status"
    assert {"stream", "execute_result"} <= set(kinds)
    for message in [request.reply] + [m for _, m in request.iopub]:
        assert message["parent_header"]["msg_id"] == request.msg_id
        assert message["parent_header"]["session"] == kernel.session.session
        assert message["parent_header"]["msg_type"] == "execute_request"


def test_dates_are_such_that_clients_can_read_them(kernel):
    """jupyter_client leaves a date with more than six fraction digits as text."""
    request = kernel.request("kernel_info_request")
    assert not isinstance(request.reply["header"]["date"], str)
