"""How a kernel is stopped, and what is left of it then: nothing, and no output lost."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from support import paths, processes, wait
from support.language import LANGUAGE
from support.result import Result


def ended(started):
    def none_left():
        return not any(processes.runs(process) for process in started)

    wait.until(none_left, timeout=15, what="the end of all processes")


@pytest.mark.parametrize("restart", [False, True])
def test_shutdown_is_answered_and_leaves_no_process(new_kernel, restart):
    kernel = new_kernel()
    kernel.ok(LANGUAGE.value)
    started = kernel.processes()
    request = kernel.send("shutdown_request", {"restart": restart}, channel="control")
    kernel.pump_until(lambda: request.reply is not None, time.monotonic() + 10)
    assert request.content["status"] == "ok"
    assert request.content["restart"] is restart
    ended(started)


def test_shutdown_while_a_cell_runs(new_kernel):
    kernel = new_kernel()
    kernel.start_forever()
    started = kernel.processes()
    request = kernel.send("shutdown_request", {"restart": False}, channel="control")
    kernel.pump_until(lambda: request.reply is not None, time.monotonic() + 10)
    ended(started)


def test_shutdown_right_after_the_start(new_kernel):
    kernel = new_kernel()
    started = kernel.processes()
    kernel.send("shutdown_request", {"restart": False}, channel="control")
    ended(started)


def test_no_output_is_lost_when_the_kernel_is_stopped_at_once(new_kernel):
    kernel = new_kernel()
    request = kernel.submit(LANGUAGE.many_lines)
    # Nothing is read from IOPub until the process is gone.
    socket = kernel.sockets["shell"]
    deadline = time.monotonic() + 60
    while request.reply is None:
        assert time.monotonic() < deadline
        if socket.poll(1000):
            kernel._take("shell", kernel.session.recv(socket, 0)[1])
    started = kernel.processes()
    kernel.send("shutdown_request", {"restart": False}, channel="control")
    ended(started)
    kernel.pump_until(lambda: request.idle, time.monotonic() + 10, must=False)
    assert request.idle
    assert Result(request).stdout == "".join(f"line {i}\n" for i in range(5000))


STARTER = """
import sys, time
from jupyter_client.manager import KernelManager
manager = KernelManager(kernel_name=sys.argv[1])
manager.start_kernel()
client = manager.client()
client.start_channels()
client.wait_for_ready(timeout=60)
if len(sys.argv) > 2:
    client.execute(sys.argv[2])
    time.sleep(3)
print(manager.provisioner.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("running", [False, True], ids=["idle", "while a cell runs"])
def test_the_kernel_dies_with_whoever_started_it(running):
    arguments = [paths.KERNEL, LANGUAGE.forever] if running else [paths.KERNEL]
    starter = subprocess.Popen([sys.executable, "-c", STARTER, *arguments], stdout=subprocess.PIPE, text=True)
    try:
        kernel = psutil.Process(int(starter.stdout.readline()))
        started = [kernel, *kernel.children(recursive=True)]
    finally:
        starter.send_signal(signal.SIGKILL)
        starter.wait()
    try:
        ended(started)
    finally:
        for process in filter(processes.runs, started):
            os.kill(process.pid, signal.SIGKILL)


def test_nothing_is_left_when_the_kernel_is_killed(new_kernel):
    kernel = new_kernel()
    kernel.start_forever()
    started = kernel.processes()
    os.kill(kernel.pid, signal.SIGKILL)
    ended(started)


def test_a_restart_forgets_everything_and_counts_anew(new_kernel):
    kernel = new_kernel()
    kernel.ok(LANGUAGE.assign("forgotten", 1))
    kernel.restart()
    result = kernel.fails("forgotten")
    assert result.execution_count == 1


def test_an_interrupt_of_an_idle_kernel_is_no_error(kernel):
    kernel.interrupt()
    assert kernel.show(LANGUAGE.value) == "42"


def test_a_temporary_folder_is_left_clean(new_kernel, tmp_path):
    kernel = new_kernel(extra_env={"TMPDIR": str(tmp_path)})
    kernel.ok(LANGUAGE.value)
    # While the engine boots, rust-analyzer may write until its last moment, also behind whoever cleans up: wait for it.
    kernel.ok(":opt 1")
    started = kernel.processes()
    kernel.client.shutdown()
    kernel.manager.finish_shutdown()
    ended(started)
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and list(tmp_path.iterdir()):
        time.sleep(0.1)
    assert sorted(tmp_path.rglob("*")) == []


def test_two_clients_of_one_manager_are_both_answered(new_kernel):
    """They have one ZeroMQ identity. Neither may throw the other out, nor may it go silent when the other leaves."""
    kernel = new_kernel()

    def client():
        made = kernel.manager.client()
        made.start_channels(hb=False)
        return made

    def answered(client):
        asked = client.kernel_info()
        return client.get_shell_msg(timeout=20)["parent_header"]["msg_id"] == asked

    older, newer = client(), client()
    assert all(answered(one) for _ in range(20) for one in (older, newer))
    older.stop_channels()
    assert all(answered(newer) for _ in range(20))
    newer.stop_channels()
