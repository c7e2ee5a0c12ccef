"""Measuring one kernel: its start, a cell, its memory."""

import subprocess
import time

import psutil
import zmq
from jupyter_client.manager import KernelManager

from support.kernel import Kernel
from support.raw import Raw, receive


# Asks rust-analyzer for a type of std, which it has not looked at before.
FIRST = "let first = vec![1, 2, 3];"


def start(name, number):
    """Seconds from starting the process to the answer to kernel_info, and to the end of a first cell with `number` in it."""
    manager = KernelManager(kernel_name=name)
    begin = time.perf_counter()
    manager.start_kernel(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    raw = Raw(manager.get_connection_info())
    try:
        shell = raw.context.socket(zmq.DEALER)
        shell.linger = 0
        # The client may not be what is waited for: its default is to try again after 100 ms.
        shell.reconnect_ivl = 1
        shell.connect(f"tcp://{raw.connection['ip']}:{raw.connection['shell_port']}")
        shell.send_multipart(raw.frames("kernel_info_request", {}))
        expect(receive(shell, timeout=120), "kernel_info_reply")
        info = time.perf_counter() - begin
        content = {"code": f"let first = vec![{number}, 2, 3];", "silent": False, "store_history": True,
                   "user_expressions": {}, "allow_stdin": False, "stop_on_error": True}
        shell.send_multipart(raw.frames("execute_request", content))
        expect(receive(shell, timeout=300), "execute_reply")
        return info, time.perf_counter() - begin
    finally:
        raw.close()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()


def expect(message, msg_type):
    assert message is not None and message["header"]["msg_type"] == msg_type, message


def cell(kernel: Kernel, code, status, timeout=300):
    """Seconds from sending a cell until both its reply and its last output are here."""
    begin = time.perf_counter()
    result = kernel.run(code, timeout=timeout, stop_on_error=False)
    seconds = time.perf_counter() - begin
    if result.status != status and result.status != "aborted":
        raise AssertionError(f"{code!r} ended with {result}")
    return seconds


def memory(kernel: Kernel):
    """Megabytes of the kernel and all it started; pages that processes share are counted once."""
    return sum(process.memory_full_info().pss for process in kernel.processes()) / 1e6


def cores():
    return psutil.cpu_count()
