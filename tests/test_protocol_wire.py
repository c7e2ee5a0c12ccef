"""Frames that no client should send: dropped, and nothing dies."""

import json

import pytest
import zmq

from support.language import LANGUAGE
from support.raw import DELIMITER, receive


def refused(kernel, socket):
    """Nothing comes back, and the kernel still works."""
    assert receive(socket, timeout=1) is None
    assert kernel.show(LANGUAGE.value) == "42"


def executes(code):
    return {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}


@pytest.mark.parametrize("channel", ["shell", "control"])
def test_a_forged_signature_is_dropped(kernel, raw, channel):
    socket = raw.socket(zmq.DEALER, channel)
    socket.send_multipart(raw.frames("kernel_info_request", {}, key=b"not the key"))
    refused(kernel, socket)


def test_a_forged_cell_is_not_run(kernel, raw, tmp_path):
    touched = tmp_path / "touched"
    code = f'std::fs::write("{touched}", "x").unwrap();' if LANGUAGE.name == "rust" else f"open({str(touched)!r}, 'w')"
    socket = raw.socket(zmq.DEALER, "shell")
    socket.send_multipart(raw.frames("execute_request", executes(code), key=b"not the key"))
    refused(kernel, socket)
    assert not touched.exists()


def test_an_empty_signature_is_dropped(kernel, raw):
    frames = raw.frames("kernel_info_request", {})
    frames[1] = b""
    socket = raw.socket(zmq.DEALER, "shell")
    socket.send_multipart(frames)
    refused(kernel, socket)


MALFORMED = {
    "nothing": [b""],
    "no delimiter": [b"hello", b"world"],
    "delimiter alone": [DELIMITER],
    "too few frames": [DELIMITER, b"00", b"{}"],
    "not hexadecimal": [DELIMITER, b"zz", b"{}", b"{}", b"{}", b"{}"],
    "binary": [bytes(range(256)) * 10],
    "a thousand frames": [b"x"] * 1000,
}


@pytest.mark.parametrize("channel", ["shell", "control", "stdin"])
@pytest.mark.parametrize("frames", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_frames_are_dropped(kernel, raw, channel, frames):
    socket = raw.socket(zmq.DEALER, channel)
    socket.send_multipart(frames)
    refused(kernel, socket)


SIGNED_NONSENSE = {
    "not JSON": [b"{", b"{}", b"{}", b"{}"],
    "no header fields": [b"{}", b"{}", b"{}", b"{}"],
    "a list for a header": [b"[]", b"{}", b"{}", b"{}"],
    "invalid UTF-8": [b"\xff\xfe", b"{}", b"{}", b"{}"],
}


@pytest.mark.parametrize("parts", SIGNED_NONSENSE.values(), ids=SIGNED_NONSENSE.keys())
def test_signed_nonsense_is_dropped(kernel, raw, parts):
    socket = raw.socket(zmq.DEALER, "shell")
    socket.send_multipart([DELIMITER, raw.sign(parts), *parts])
    refused(kernel, socket)


def test_a_request_with_missing_fields_is_answered(kernel, raw):
    """Clients leave out what has a default; a request that cannot be read is answered with an error."""
    socket = raw.socket(zmq.DEALER, "shell")
    for msg_type, content in [
        ("execute_request", {"code": LANGUAGE.value}),
        ("execute_request", {}),
        ("history_request", {"hist_access_type": "tail"}),
        ("comm_info_request", {}),
        ("complete_request", {}),
    ]:
        socket.send_multipart(raw.frames(msg_type, content))
        reply = receive(socket, timeout=60)
        assert reply is not None, msg_type
        assert reply["content"]["status"] in ("ok", "error")
    assert kernel.show(LANGUAGE.value) == "42"


def test_fields_of_a_later_protocol_are_ignored(kernel, raw):
    socket = raw.socket(zmq.DEALER, "shell")
    socket.send_multipart(raw.frames("kernel_info_request", {"new": [1]}, version="6.1", subshell_id=None, more={}))
    reply = receive(socket)
    assert reply["content"]["status"] == "ok"


def test_replies_are_signed(kernel, raw):
    socket = raw.socket(zmq.DEALER, "shell")
    socket.send_multipart(raw.frames("kernel_info_request", {}))
    assert socket.poll(10_000)
    frames = socket.recv_multipart()
    assert frames[0] == DELIMITER
    assert frames[1] == raw.sign(frames[2:6])
    assert json.loads(frames[2])["msg_type"] == "kernel_info_reply"
