"""A running kernel and a client that talks to it over all its channels."""

import os
import subprocess
import time

import psutil
import zmq
from jupyter_client.manager import KernelManager

from support import paths
from support.language import LANGUAGE
from support.result import Request, Result

# Generous: the machine may be busy with other tests. A test that is about time says so itself.
TIMEOUT = 120


class KernelDied(AssertionError):
    """The kernel's process ended under a request."""


class Kernel:
    """One kernel process, and a client with shell, control, stdin and IOPub."""

    def __init__(self, name=paths.KERNEL, env=None, cwd=None, ready=True, stderr=None, extra_env=None):
        self.manager = KernelManager(kernel_name=name)
        environment = dict(os.environ if env is None else env, **(extra_env or {}))
        self.stderr = stderr
        self.started = time.monotonic()
        self.manager.start_kernel(
            env=environment, cwd=cwd, stdout=subprocess.DEVNULL, stderr=stderr or subprocess.DEVNULL
        )
        self.connect()
        if ready:
            self.wait_ready()

    # -- connection ------------------------------------------------------------------------------

    def connect(self):
        self.client = self.manager.client()
        self.client.start_channels(hb=False)
        self.session = self.client.session
        self.requests = {}
        self.strays = []  # IOPub messages that belong to no request of ours
        self.answers = []
        self.prompts = []
        self.poller = zmq.Poller()
        self.sockets = {
            "shell": self.client.shell_channel.socket,
            "control": self.client.control_channel.socket,
            "stdin": self.client.stdin_channel.socket,
            "iopub": self.client.iopub_channel.socket,
        }
        for socket in self.sockets.values():
            self.poller.register(socket, zmq.POLLIN)

    def wait_ready(self, timeout=TIMEOUT):
        """Returns when requests are answered on shell and their outputs arrive on IOPub."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            request = self.send("kernel_info_request")
            self.pump_until(lambda: request.done, min(deadline, time.monotonic() + 0.5), must=False)
            if request.reply is not None and request.iopub:
                self.info = request.content
                self.pump_until(
                    lambda: all(r.reply for r in self.requests.values()), time.monotonic() + 1, must=False
                )
                return self
        raise AssertionError(f"the kernel was not ready after {timeout} s")

    def restart(self):
        """Restarts as Jupyter's restart button does; ports stay as they are."""
        self.client.stop_channels()
        self.manager.restart_kernel(now=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.connect()
        self.wait_ready()

    def close(self):
        try:
            self.client.stop_channels()
            self.manager.shutdown_kernel(now=True)
        finally:
            self.manager.cleanup_resources()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # -- processes -------------------------------------------------------------------------------

    @property
    def pid(self):
        return self.manager.provisioner.pid

    def alive(self):
        return self.manager.is_alive()

    def processes(self):
        """The kernel's process and all that it started."""
        try:
            kernel = psutil.Process(self.pid)
            return [kernel, *kernel.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    # -- messages --------------------------------------------------------------------------------

    def send(self, msg_type, content=None, channel="shell", metadata=None):
        """Sends a request without waiting for anything."""
        message = self.session.msg(msg_type, content or {}, metadata=metadata)
        request = Request(msg_id=message["header"]["msg_id"], msg_type=msg_type)
        request.sent = time.monotonic()
        self.requests[request.msg_id] = request
        self.session.send(self.sockets[channel], message)
        return request

    def pump(self, seconds=0.05):
        """Takes in what has arrived, waiting up to `seconds` for the first message."""
        for socket, _ in self.poller.poll(seconds * 1000):
            channel = next(name for name, known in self.sockets.items() if known is socket)
            while True:
                _, message = self.session.recv(socket, zmq.NOBLOCK)
                if message is None:
                    break
                self._take(channel, message)

    def _take(self, channel, message):
        request = self.requests.get(message["parent_header"].get("msg_id"))
        if channel == "stdin":
            self.prompts.append(message["content"])
            if self.answers:
                self.answer(self.answers.pop(0))
        elif request is None:
            self.strays.append(message)
        elif channel == "iopub":
            request.iopub.append((time.monotonic() - request.sent, message))
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                request.idle = True
        else:
            request.reply = message
            request.replied_after = time.monotonic() - request.sent

    def pump_until(self, condition, deadline, must=True):
        while not condition():
            if time.monotonic() > deadline:
                if must:
                    raise AssertionError("the kernel did not answer in time")
                return False
            self.pump()
            if must and not self.alive():
                self.pump(0.5)
                if not condition():
                    raise KernelDied("the kernel's process ended")
        return True

    def wait(self, request, timeout=TIMEOUT):
        """Waits for the reply and for `idle`."""
        self.pump_until(lambda: request.done, time.monotonic() + timeout)
        return request

    def request(self, msg_type, content=None, channel="shell", timeout=TIMEOUT):
        return self.wait(self.send(msg_type, content, channel), timeout)

    def answer(self, text):
        """Answers the prompt that is open."""
        message = self.session.msg("input_reply", {"value": text, "status": "ok"})
        self.session.send(self.sockets["stdin"], message)

    # -- cells -----------------------------------------------------------------------------------

    def submit(self, code, *, metadata=None, **options):
        """Queues a cell. Options are those of execute_request."""
        content = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": True,
            **options,
        }
        return self.send("execute_request", content, metadata=metadata)

    def result(self, request, timeout=TIMEOUT):
        return Result(self.wait(request, timeout))

    def run(self, code, *, answers=None, timeout=TIMEOUT, **options):
        """Runs a cell to its end. `answers` are given to its prompts, one each."""
        if answers is not None:
            options["allow_stdin"] = True
            self.answers = list(answers)
        return self.result(self.submit(code, **options), timeout)

    def show(self, expression):
        """The text form of an expression's value, which must succeed."""
        result = self.run(expression)
        assert result.status == "ok", result
        return result.value

    def ok(self, code, **options):
        """Runs a cell that must succeed."""
        result = self.run(code, **options)
        assert result.status == "ok", result
        return result

    def fails(self, code, **options):
        """Runs a cell that must fail, and checks what every failure has in common."""
        result = self.run(code, **options)
        assert result.status == "error", result
        errors = [m for m in result.messages if m["msg_type"] == "error"]
        assert len(errors) == 1, result
        assert result.ename and result.traceback, result
        for key in ("ename", "evalue", "traceback"):
            assert result.reply[key] == errors[0]["content"][key]
        return result

    def started_running(self, request, marker="started", timeout=TIMEOUT):
        """Waits until a submitted cell has printed `marker`: it is then running, not compiling."""

        def printed():
            return any(
                m["msg_type"] == "stream" and marker in m["content"]["text"] for _, m in request.iopub
            )

        self.pump_until(lambda: printed() or request.done, time.monotonic() + timeout)
        assert printed(), Result(request)

    def start_forever(self):
        """A cell that runs until it is interrupted, and does run when this returns."""
        request = self.submit(LANGUAGE.print("started") + "\n" + LANGUAGE.forever)
        self.started_running(request)
        return request

    def interrupt(self):
        """As Jupyter's stop button: by message or signal, as the kernelspec says."""
        if self.manager.kernel_spec.interrupt_mode == "message":
            return self.request("interrupt_request", channel="control")
        self.manager.interrupt_kernel()
        return None

    def complete(self, code, cursor=None):
        cursor = len(code) if cursor is None else cursor
        return self.request("complete_request", {"code": code, "cursor_pos": cursor})

    def completions(self, code, cursor=None):
        return self.complete(code, cursor).content["matches"]

    def inspect(self, code, cursor=None, detail_level=0):
        cursor = len(code) if cursor is None else cursor
        content = {"code": code, "cursor_pos": cursor, "detail_level": detail_level}
        return self.request("inspect_request", content).content
