"""IOPub: who listens is greeted, and who does not listen harms nobody."""

import os
import signal
import subprocess
import sys
import time

import pytest
import zmq

from support import wait
from support.language import LANGUAGE
from support.raw import receive

SUBSCRIBER = """
import sys, zmq
socket = zmq.Context().socket(zmq.SUB)
socket.rcvhwm = 1
socket.subscribe(b"")
socket.connect(sys.argv[1])
socket.recv_multipart()
print("listening", flush=True)
while True: socket.recv_multipart()
"""


@pytest.fixture
def subscriber(kernel):
    """Another process that listens to IOPub."""
    info = kernel.manager.get_connection_info()
    address = f"tcp://{info['ip']}:{info['iopub_port']}"
    process = subprocess.Popen([sys.executable, "-c", SUBSCRIBER, address], stdout=subprocess.PIPE, text=True)

    def listening():
        kernel.request("kernel_info_request")
        return select_line(process)

    wait.until(listening, what="the subscriber")
    yield process
    process.kill()
    process.wait()


def select_line(process):
    poller = zmq.Poller()
    poller.register(process.stdout.fileno(), zmq.POLLIN)
    return poller.poll(200) and process.stdout.readline()


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_every_subscriber_is_welcomed(raw, nth):
    message = receive(raw.socket(zmq.SUB, "iopub", subscribe=b""))
    assert message is not None, "a subscriber heard nothing"
    assert message["header"]["msg_type"] == "iopub_welcome"
    assert message["content"] == {"subscription": ""}
    assert message["parent"] == {}


def test_a_client_hears_everything_from_its_welcome_on(kernel, raw):
    socket = raw.socket(zmq.SUB, "iopub", subscribe=b"")
    assert receive(socket)["header"]["msg_type"] == "iopub_welcome"
    kernel.ok(LANGUAGE.print("heard"))
    texts = []
    while (message := receive(socket, timeout=2)) is not None:
        texts.append(message["content"].get("text", ""))
    assert "heard" in "".join(texts)


def test_a_stopped_client_does_not_hold_up_another(kernel, subscriber):
    os.kill(subscriber.pid, signal.SIGSTOP)
    try:
        result = kernel.ok(LANGUAGE.sixteen_megabytes, timeout=90)
        assert len(result.stdout) == 16 * 1024 * 1024
        assert kernel.show(LANGUAGE.value) == "42"
    finally:
        os.kill(subscriber.pid, signal.SIGCONT)


def test_a_client_that_vanishes_while_it_is_sent_output_harms_nobody(kernel, subscriber):
    request = kernel.submit(LANGUAGE.sixteen_megabytes)
    time.sleep(0.5)
    subscriber.kill()
    assert kernel.result(request).status == "ok"
    assert kernel.show(LANGUAGE.value) == "42"


def test_a_client_that_vanishes_before_its_reply_harms_nobody(kernel, raw):
    for _ in range(3):
        socket = raw.socket(zmq.DEALER, "shell")
        content = {"code": LANGUAGE.sleep(0.3), "silent": False, "store_history": False}
        socket.send_multipart(raw.frames("execute_request", content))
        time.sleep(0.1)
        socket.close()
    assert kernel.show(LANGUAGE.value) == "42"
