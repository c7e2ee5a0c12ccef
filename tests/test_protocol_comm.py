"""Comms that nobody serves are closed, politely."""

import time


def open_comm(kernel, comm_id, target):
    return kernel.send("comm_open", {"comm_id": comm_id, "target_name": target, "data": {"a": 1}})


def test_a_comm_to_an_unknown_target_is_closed(kernel):
    request = open_comm(kernel, "c1", "no.such.target")
    kernel.pump_until(lambda: request.idle, time.monotonic() + 10)
    closed = [m for _, m in request.iopub if m["msg_type"] == "comm_close"]
    assert [m["content"]["comm_id"] for m in closed] == ["c1"]


def test_comm_info_lists_no_comm_that_was_closed(kernel):
    open_comm(kernel, "c2", "no.such.target")
    info = kernel.request("comm_info_request").content
    assert info["status"] == "ok"
    assert "c2" not in info["comms"]
    assert kernel.request("comm_info_request", {"target_name": "jupyter.widget"}).content["comms"] == {}


def test_messages_for_unknown_comms_harm_nobody(kernel):
    for msg_type in ("comm_msg", "comm_close"):
        request = kernel.send(msg_type, {"comm_id": "never opened", "data": {}})
        kernel.pump_until(lambda r=request: r.idle, time.monotonic() + 10)
    assert kernel.request("kernel_info_request").content["status"] == "ok"
