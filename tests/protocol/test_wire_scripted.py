"""The server and its wire, tried with Jupyter's own client against an interpreter of a few commands.

Cells hold commands of `kernel/src/server/scripted.rs`, not Rust. Set CELLAR_SCRIPTED_BINARY to the test
executable to skip building it.
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import uuid

import pytest
import zmq
from jupyter_client import KernelManager
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.session import Session

ROOT = pathlib.Path(__file__).resolve().parents[2]
WAIT = 20


def executable():
    if named := os.environ.get("CELLAR_SCRIPTED_BINARY"):
        return named
    built = subprocess.run(
        ["cargo", "test", "--release", "-p", "cellar-kernel", "--bin", "cellar", "--no-run", "--message-format=json"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )
    messages = [json.loads(line) for line in built.stdout.splitlines()]
    return next(m["executable"] for m in messages if m.get("executable"))


BINARY = executable()


class Scripted:
    """A kernel and one client of it."""

    def __init__(self, tmp_path, transport="tcp", key=None):
        self.manager = KernelManager(transport=transport)
        if transport == "ipc":
            self.manager.ip = str(tmp_path / "kernel")
        if key is not None:
            self.manager.session.key = key
        command = f'CELLAR_SCRIPTED="$0" exec {BINARY} server::scripted::serve --ignored --exact --nocapture'
        self.manager._kernel_spec = KernelSpec(
            argv=["sh", "-c", command, "{connection_file}"], interrupt_mode="message", name="scripted"
        )
        env = dict(os.environ, CELLAR_HISTORY=str(tmp_path / "history.sqlite"))
        self.stderr = open(tmp_path / "stderr", "ab")
        self.manager.start_kernel(env=env, stderr=self.stderr, stdout=subprocess.DEVNULL)
        self.client = self.connect()
        self.client.wait_for_ready(timeout=WAIT)
        self.quiet()

    def connect(self):
        # A session of its own: its id is the identity by which the kernel finds the client.
        client = self.manager.client(session=Session(key=self.manager.session.key))
        client.start_channels()
        return client

    @property
    def pid(self):
        return self.manager.provisioner.process.pid

    def quiet(self, client=None):
        """Forgets what has arrived on iopub, up to the idle of a request made now."""
        self.ask("kernel_info_request", client=client)

    def run(self, code, client=None, **options):
        """(reply, iopub messages between busy and idle)"""
        client = client or self.client
        msg_id = client.execute(code, **options)
        return self.result(msg_id, client)

    def result(self, msg_id, client=None, channel="shell"):
        client = client or self.client
        return self.reply(msg_id, client, channel), self.shown(msg_id, client)

    def reply(self, msg_id, client=None, channel="shell"):
        while True:
            reply = getattr(client or self.client, f"get_{channel}_msg")(timeout=WAIT)
            if reply["parent_header"].get("msg_id") == msg_id:
                return reply

    def shown(self, msg_id, client=None):
        messages = []
        while True:
            message = (client or self.client).get_iopub_msg(timeout=WAIT)
            if message["parent_header"].get("msg_id") != msg_id:
                continue
            messages.append(message)
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                assert messages[0]["content"] == {"execution_state": "busy"}
                return messages[1:-1]

    def ask(self, msg_type, content=None, channel="shell", client=None):
        client = client or self.client
        message = client.session.msg(msg_type, content or {})
        getattr(client, f"{channel}_channel").send(message)
        return self.result(message["header"]["msg_id"], client, channel)[0]

    def stop(self):
        self.client.stop_channels()
        if self.manager.has_kernel:
            self.manager.shutdown_kernel(now=True)
        self.manager.context.destroy(linger=0)
        self.stderr.close()


@pytest.fixture
def scripted(tmp_path):
    scripted = Scripted(tmp_path)
    yield scripted
    scripted.stop()


def kinds(shown):
    return [message["msg_type"] for message in shown]


def text(shown, name="stdout"):
    return "".join(m["content"]["text"] for m in shown if m["msg_type"] == "stream" and m["content"]["name"] == name)


def gone(pid, seconds=10):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.02)
    return False


# --- requests -------------------------------------------------------------------------------------


@pytest.mark.parametrize("channel", ["shell", "control"])
def test_kernel_info(scripted, channel):
    reply = scripted.ask("kernel_info_request", channel=channel)
    content = reply["content"]
    assert (content["status"], content["protocol_version"], content["implementation"]) == ("ok", "5.5", "cellar")
    assert content["language_info"]["codemirror_mode"] == "rust"
    assert content["language_info"]["file_extension"] == ".rs"
    assert content["debugger"] is False
    # A date that jupyter_client can parse is no string any more.
    assert not isinstance(reply["header"]["date"], str)


def test_a_header_field_of_the_future_is_echoed(scripted):
    message = scripted.client.session.msg("kernel_info_request", {})
    message["header"]["subshell_id"] = "s1"
    scripted.client.shell_channel.send(message)
    reply, _ = scripted.result(message["header"]["msg_id"])
    assert reply["parent_header"]["subshell_id"] == "s1"


def test_complete_inspect_is_complete(scripted):
    completed = scripted.ask("complete_request", {"code": "🦀e\u0301p", "cursor_pos": 4})["content"]
    assert (completed["matches"], completed["cursor_start"], completed["cursor_end"]) == (["print"], 3, 4)
    typed = completed["metadata"]["_jupyter_types_experimental"]
    assert typed == [{"start": 3, "end": 4, "text": "print", "type": "function", "signature": ""}]
    inspected = scripted.ask("inspect_request", {"code": "print", "cursor_pos": 1, "detail_level": 1})["content"]
    assert inspected["found"] and inspected["data"] == {"text/plain": "prints, detail 1"}
    assert scripted.ask("inspect_request", {"code": "?"})["content"]["found"] is False
    for code, content in [("{", {"status": "incomplete", "indent": "    "}), ("}", {"status": "invalid"}), ("", {"status": "complete"})]:
        assert scripted.ask("is_complete_request", {"code": code})["content"] == content


def test_a_completion_that_panics_is_an_error_and_idle(scripted):
    assert scripted.ask("complete_request", {"code": "panic"})["content"]["status"] == "error"
    assert scripted.ask("kernel_info_request")["content"]["status"] == "ok"


@pytest.mark.parametrize("channel", ["shell", "control"])
def test_an_unknown_request_is_answered_with_an_error(scripted, channel):
    reply = scripted.ask("frobnicate_request", channel=channel)
    assert reply["msg_type"] == "frobnicate_reply"
    assert reply["content"]["status"] == "error" and "frobnicate" in reply["content"]["evalue"]


def test_debugging_is_declined(scripted):
    reply = scripted.ask("debug_request", {"type": "request", "command": "initialize", "seq": 1}, channel="control")
    assert (reply["msg_type"], reply["content"]["status"]) == ("debug_reply", "error")
    assert reply["content"]["success"] is False


@pytest.mark.parametrize("request_type", ["complete_request", "inspect_request", "is_complete_request", "history_request", "comm_info_request"])
def test_empty_contents_have_defaults(scripted, request_type):
    assert scripted.ask(request_type)["content"]["status"] in ("ok", "complete")


# --- cells ----------------------------------------------------------------------------------------


def test_outputs_come_in_order_between_busy_and_idle(scripted):
    reply, shown = scripted.run("print a\nwarn b\ndisplay c\nprint d\nupdate e\nclear wait\npart f\nresult g")
    assert kinds(shown) == [
        "execute_input", "stream", "stream", "display_data", "stream",
        "update_display_data", "clear_output", "stream", "execute_result",
    ]
    assert shown[3]["content"]["transient"] == {"display_id": "id"}
    assert shown[6]["content"] == {"wait": True}
    assert shown[8]["content"]["execution_count"] == 1
    assert reply["content"]["status"] == "ok" and reply["content"]["execution_count"] == 1
    assert reply["content"]["user_expressions"] == {} and reply["content"]["payload"] == []


def test_counting(scripted):
    assert scripted.run("print a")[0]["content"]["execution_count"] == 1
    assert scripted.run("result a", store_history=False)[0]["content"]["execution_count"] == 2
    reply, shown = scripted.run("print a\nresult b", silent=True)
    assert kinds(shown) == ["stream"]
    assert scripted.run("print a")[0]["content"]["execution_count"] == 2


def test_user_expressions_and_cell_id(scripted):
    reply, _ = scripted.run("", user_expressions={"x": "1 + 1"})
    assert reply["content"]["user_expressions"]["x"]["data"] == {"text/plain": "1 + 1"}
    message = scripted.client.session.msg("execute_request", {"code": "cell"}, metadata={"cellId": "abc"})
    scripted.client.shell_channel.send(message)
    assert text(scripted.result(message["header"]["msg_id"])[1]) == "abc"


def test_an_error_is_on_iopub_and_in_the_reply(scripted):
    reply, shown = scripted.run("print before\nfail because")
    assert kinds(shown) == ["execute_input", "stream", "error"]
    for content in (shown[-1]["content"], reply["content"]):
        assert (content["ename"], content["evalue"]) == ("Failed", "because")
        assert content["traceback"] == ["Failed: because"]
    assert reply["content"]["status"] == "error"


def test_a_panic_in_the_kernel_is_an_error_of_the_cell(scripted):
    reply, _ = scripted.run("panic oh no")
    assert reply["content"]["status"] == "error" and "oh no" in reply["content"]["evalue"]
    assert scripted.run("print a")[0]["content"]["status"] == "ok"


def test_an_error_aborts_what_is_queued_and_nothing_later(scripted):
    ids = [scripted.client.execute(code) for code in ("fail x", "print 1", "print 2")]
    question = scripted.client.kernel_info()
    replies = {id: None for id in ids + [question]}
    while None in replies.values():
        reply = scripted.client.get_shell_msg(timeout=WAIT)
        replies[reply["parent_header"]["msg_id"]] = reply
    assert [replies[i]["content"]["status"] for i in ids] == ["error", "aborted", "aborted"]
    assert replies[ids[1]]["content"] == {"status": "aborted"}, "a cell that did not run has no number"
    assert replies[question]["content"]["status"] == "ok"
    assert scripted.run("print 3")[0]["content"]["status"] == "ok"


def test_an_aborted_cell_has_busy_and_idle(scripted):
    ids = [scripted.client.execute(code) for code in ("fail x", "print 1")]
    assert kinds(scripted.shown(ids[0])) == ["execute_input", "error"]
    assert scripted.shown(ids[1]) == []


def test_stop_on_error_false_goes_on(scripted):
    ids = [scripted.client.execute(code, stop_on_error=False) for code in ("fail x", "print 1")]
    assert scripted.reply(ids[0])["content"]["status"] == "error"
    assert scripted.reply(ids[1])["content"]["status"] == "ok"


def test_what_follows_an_error_at_once_is_run(scripted):
    for _ in range(50):
        assert scripted.run("fail x")[0]["content"]["status"] == "error"
        assert scripted.run("print x")[0]["content"]["status"] == "ok"


def test_questions_are_answered_while_a_cell_runs(scripted):
    cell = scripted.client.execute("sleep 60000")
    for request in ("kernel_info_request", "complete_request", "history_request", "comm_info_request", "is_complete_request"):
        message = scripted.client.session.msg(request, {"code": "p"})
        scripted.client.shell_channel.send(message)
        assert scripted.reply(message["header"]["msg_id"])["msg_type"] == request.replace("request", "reply")
    scripted.ask("interrupt_request", channel="control")
    assert scripted.reply(cell)["content"]["ename"] == "Interrupted"


def test_interrupt_while_idle_is_ok(scripted):
    assert scripted.ask("interrupt_request", channel="control")["content"] == {"status": "ok"}


def test_sigint_interrupts(scripted):
    cell = scripted.client.execute("print started\nsleep 60000")
    while scripted.client.get_iopub_msg(timeout=WAIT)["msg_type"] != "stream":
        pass
    os.kill(scripted.pid, signal.SIGINT)
    assert scripted.reply(cell)["content"]["ename"] == "Interrupted"


def test_partial_lines_arrive_while_the_cell_runs(scripted):
    cell = scripted.client.execute("part 10%\rx\nsleep 60000")
    while (message := scripted.client.get_iopub_msg(timeout=WAIT))["msg_type"] != "stream":
        pass
    assert message["content"]["text"].startswith("10%")
    scripted.ask("interrupt_request", channel="control")


# --- input ----------------------------------------------------------------------------------------


def test_input_goes_there_and_back(scripted):
    cell = scripted.client.execute("part before\ninput name? ", allow_stdin=True)
    asked = scripted.client.get_stdin_msg(timeout=WAIT)
    assert asked["content"] == {"prompt": "name? ", "password": False}
    assert asked["parent_header"]["msg_id"] == cell
    scripted.client.input("Ada")
    reply, shown = scripted.result(cell)
    assert text(shown) == "beforegot Ada\n"


def test_password_end_of_file_and_not_allowed(scripted):
    cell = scripted.client.execute("password pw", allow_stdin=True)
    assert scripted.client.get_stdin_msg(timeout=WAIT)["content"]["password"] is True
    scripted.client.input("\x04")
    assert "end of input" in scripted.reply(cell)["content"]["evalue"]
    reply, _ = scripted.run("input x", allow_stdin=False)
    assert "cannot be asked" in reply["content"]["evalue"]


def test_a_stale_answer_is_dropped(scripted):
    scripted.client.input("too early")
    cell = scripted.client.execute("input a", allow_stdin=True)
    first = scripted.client.get_stdin_msg(timeout=WAIT)
    scripted.ask("interrupt_request", channel="control")
    assert "interrupted" in scripted.reply(cell)["content"]["evalue"]
    cell = scripted.client.execute("input b", allow_stdin=True)
    scripted.client.get_stdin_msg(timeout=WAIT)
    stale = scripted.client.session.msg("input_reply", {"value": "stale"}, parent=first)
    scripted.client.stdin_channel.send(stale)
    scripted.client.input("fresh")
    assert text(scripted.result(cell)[1]) == "got fresh\n"


def test_a_prompt_goes_to_who_runs_the_cell(scripted):
    other = scripted.connect()
    other.wait_for_ready(timeout=WAIT)
    scripted.quiet(other)
    cell = other.execute("input who? ", allow_stdin=True)
    other.get_stdin_msg(timeout=WAIT)
    other.input("me")
    assert text(scripted.result(cell, other)[1]) == "got me\n"
    assert not scripted.client.stdin_channel.msg_ready()
    other.stop_channels()


def test_a_prompt_does_not_hold_up_heartbeat_or_questions(scripted):
    cell = scripted.client.execute("input a", allow_stdin=True)
    scripted.client.get_stdin_msg(timeout=WAIT)
    assert scripted.ask("kernel_info_request", channel="control")["content"]["status"] == "ok"
    context = zmq.Context()
    heart = context.socket(zmq.REQ)
    heart.connect(scripted.client._make_url("hb"))
    heart.send(b"beat")
    assert heart.poll(WAIT * 1000) and heart.recv() == b"beat"
    context.destroy(linger=0)
    scripted.client.input("")
    assert scripted.reply(cell)["content"]["status"] == "ok"


# --- history, comms -------------------------------------------------------------------------------


def test_history(scripted):
    scripted.run("result a")
    scripted.run("print hidden", silent=True)
    scripted.run("print unstored", store_history=False)
    scripted.run("print b")
    ask = lambda **content: scripted.ask("history_request", {"output": False, "raw": True, **content})["content"]["history"]
    assert ask(hist_access_type="tail", n=5) == [[1, 1, "result a"], [1, 2, "print b"]]
    assert ask(hist_access_type="tail", n=5, output=True)[0] == [1, 1, ["result a", "a"]]
    assert ask(hist_access_type="range", session=0, start=1, stop=2) == [[0, 1, "result a"]]
    assert ask(hist_access_type="search", pattern="print*", n=1) == [[1, 2, "print b"]]


def comm_message(scripted, msg_type, **content):
    message = scripted.client.session.msg(msg_type, content)
    scripted.client.shell_channel.send(message)
    return scripted.shown(message["header"]["msg_id"])


def test_comms(scripted):
    opened = comm_message(scripted, "comm_open", comm_id="c", target_name="echo", data={"x": 1})
    assert [m["content"] for m in opened] == [{"comm_id": "c", "data": {"x": 1}}]
    comms = lambda **content: scripted.ask("comm_info_request", content)["content"]["comms"]
    assert comms() == {"c": {"target_name": "echo"}} and comms(target_name="other") == {}
    assert comm_message(scripted, "comm_msg", comm_id="c", data="hello")[0]["content"]["data"] == "hello"
    assert comm_message(scripted, "comm_msg", comm_id="c", data="panic") == []
    assert kinds(comm_message(scripted, "comm_msg", comm_id="c", data="close")) == ["comm_close"]
    assert comms() == {}
    assert comm_message(scripted, "comm_msg", comm_id="c", data="gone") == []


def test_an_unknown_target_is_closed(scripted):
    shown = comm_message(scripted, "comm_open", comm_id="u", target_name="nobody", data={})
    assert kinds(shown) == ["comm_close"] and shown[0]["content"]["comm_id"] == "u"


def test_buffers_travel(scripted):
    comm_message(scripted, "comm_open", comm_id="c", target_name="echo", data={})
    message = scripted.client.session.msg("comm_msg", {"comm_id": "c", "data": {}})
    scripted.client.session.send(scripted.client.shell_channel.socket, message, buffers=[b"\x00\xff"])
    assert bytes(scripted.shown(message["header"]["msg_id"])[0]["buffers"][0]) == b"\x00\xff"


# --- the wire -------------------------------------------------------------------------------------


def raw_socket(scripted, context, kind, channel):
    socket = context.socket(kind)
    socket.linger = 0
    socket.connect(scripted.client._make_url(channel))
    return socket


def test_a_subscriber_is_welcomed_and_told_that_the_kernel_starts(scripted):
    context = zmq.Context()
    socket = context.socket(zmq.SUB)
    socket.connect(scripted.client._make_url("iopub"))
    socket.subscribe(b"")
    session = Session(key=scripted.client.session.key)
    received = []
    for _ in range(2):
        assert socket.poll(WAIT * 1000)
        _, frames = session.feed_identities(socket.recv_multipart())
        received.append(session.deserialize(frames))
    assert [m["msg_type"] for m in received] == ["iopub_welcome", "status"]
    assert received[0]["content"] == {"subscription": ""}
    assert received[1]["content"] == {"execution_state": "starting"}
    assert received[1]["parent_header"] == {}
    context.destroy(linger=0)


@pytest.mark.parametrize("channel", ["shell", "control", "stdin"])
def test_forged_and_malformed_messages_change_nothing(scripted, channel):
    context = zmq.Context()
    socket = raw_socket(scripted, context, zmq.DEALER, channel)
    forger = Session(key=b"not the key")
    forger.send(socket, "kernel_info_request", {})
    forger.send(socket, "execute_request", {"code": "panic"})
    for frames in ([b""], [b"x"], [b"<IDS|MSG>"], [b"<IDS|MSG>", b"", b"{"], [b"a"] * 50, [b"\xff" * 100_000]):
        socket.send_multipart(frames)
    signed = Session(key=scripted.client.session.key)
    for content in (b"{", b"[]", b"\xff"):
        frames = [b"{}", b"null", b"3", content]
        socket.send_multipart([b"<IDS|MSG>", signed.sign(frames), *frames])
    assert not socket.poll(300)
    assert scripted.ask("kernel_info_request")["content"]["status"] == "ok"
    assert scripted.run("print a")[0]["content"]["execution_count"] == 1
    context.destroy(linger=0)


def test_noise_on_every_port(scripted):
    import socket as sockets

    for channel in ("shell", "control", "stdin", "hb", "iopub"):
        port = int(scripted.client._make_url(channel).rsplit(":", 1)[1])
        for noise in (b"GET / HTTP/1.1\r\n\r\n" * 20, b"\xff" * 64, b""):
            with sockets.create_connection(("127.0.0.1", port)) as connection:
                connection.sendall(noise)
    assert scripted.run("print a")[0]["content"]["status"] == "ok"


def test_an_empty_key_means_unsigned(tmp_path):
    scripted = Scripted(tmp_path, key=b"")
    try:
        assert scripted.run("print a")[0]["content"]["status"] == "ok"
    finally:
        scripted.stop()


def test_ipc(tmp_path):
    scripted = Scripted(tmp_path, transport="ipc")
    try:
        assert text(scripted.run("print a")[1]) == "a\n"
    finally:
        scripted.client.shutdown()
        gone(scripted.pid)
        assert not list(tmp_path.glob("kernel-*"))
        scripted.stop()


# jupyter_client's heartbeat thread may start after its client is gone.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_client_that_vanishes_harms_nobody(scripted):
    for _ in range(5):
        other = scripted.connect()
        other.execute("print a")
        other.kernel_info()
        other.stop_channels()
    assert scripted.run("print a")[0]["content"]["status"] == "ok"


# --- much output ----------------------------------------------------------------------------------


def test_a_hundred_megabytes_arrive_whole(scripted):
    cell = scripted.client.execute("megabytes 100")
    shown = scripted.shown(cell)
    assert len(text(shown)) == 100_000_000
    assert max(len(m["content"].get("text", "")) for m in shown) <= 65536
    status = pathlib.Path(f"/proc/{scripted.pid}/status").read_text()
    peak = int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])
    assert peak < 200_000, f"{peak} kB"


STOPPED = """
import sys, zmq, os, signal
socket = zmq.Context().socket(zmq.SUB)
socket.rcvhwm = 10
socket.connect(sys.argv[1]); socket.subscribe(b"")
socket.recv_multipart()
print("ready", flush=True)
os.kill(os.getpid(), signal.SIGSTOP)
while True: socket.recv_multipart()
"""


def test_a_stopped_client_does_not_stop_the_kernel(scripted):
    stopped = subprocess.Popen([sys.executable, "-c", STOPPED, scripted.client._make_url("iopub")], stdout=subprocess.PIPE)
    try:
        stopped.stdout.readline()
        for _ in range(3):
            cell = scripted.client.execute("megabytes 60")
            assert len(text(scripted.shown(cell))) == 60_000_000
        assert scripted.ask("kernel_info_request")["content"]["status"] == "ok"
    finally:
        stopped.kill()
        stopped.wait()


# --- the end --------------------------------------------------------------------------------------


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("channel", ["shell", "control"])
def test_shutdown_is_answered_and_final(scripted, channel, restart):
    reply = scripted.ask("shutdown_request", {"restart": restart}, channel=channel)
    assert reply["content"] == {"status": "ok", "restart": restart}
    assert gone(scripted.pid)


def test_shutdown_wakes_a_prompt_and_aborts_the_queue(scripted):
    cell = scripted.client.execute("input a", allow_stdin=True)
    scripted.client.get_stdin_msg(timeout=WAIT)
    queued = scripted.client.execute("print never")
    time.sleep(0.1)
    scripted.client.shutdown()
    assert scripted.reply(cell)["content"]["status"] == "error"
    assert scripted.reply(queued)["content"]["status"] == "aborted"
    assert gone(scripted.pid)


def test_nothing_is_lost_at_the_end(scripted):
    cell = scripted.client.execute("megabytes 5\nprint last")
    scripted.reply(cell)
    scripted.client.shutdown()
    assert text(scripted.shown(cell)).endswith("last\n")


def test_sigterm_ends_a_kernel_with_a_running_cell(scripted):
    scripted.client.execute("sleep 60000")
    time.sleep(0.1)
    os.kill(scripted.pid, signal.SIGTERM)
    assert gone(scripted.pid)


ORPHAN = """
import os, subprocess, sys
env = dict(os.environ, JPY_PARENT_PID=str(os.getpid()), CELLAR_SCRIPTED=sys.argv[1], CELLAR_HISTORY=":memory:")
child = subprocess.Popen([sys.argv[2], "server::scripted::serve", "--ignored", "--exact"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(child.pid, flush=True)
sys.stdin.read()
"""


def test_the_kernel_dies_with_its_parent(tmp_path):
    from jupyter_client.connect import write_connection_file

    file, _ = write_connection_file(str(tmp_path / "connection.json"))
    parent = subprocess.Popen([sys.executable, "-c", ORPHAN, file, BINARY], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    kernel = int(parent.stdout.readline())
    time.sleep(0.5)
    assert not gone(kernel, 0.5)
    parent.kill()
    parent.wait()
    assert gone(kernel)


def test_restarting_again_and_again(scripted):
    seen = set()
    for _ in range(10):
        scripted.manager.restart_kernel()
        scripted.client.wait_for_ready(timeout=WAIT)
        scripted.quiet()
        reply, shown = scripted.run("print a")
        assert reply["content"]["execution_count"] == 1 and text(shown) == "a\n"
        seen.add(reply["header"]["session"])
    assert len(seen) == 10, "clients know a restart by its new session id"


def test_two_kernels_share_a_history(tmp_path):
    first = Scripted(tmp_path)
    first.run("print from the first")
    second = Scripted(tmp_path)
    try:
        tail = second.ask("history_request", {"hist_access_type": "tail", "n": 5})["content"]["history"]
        assert tail == [[1, 1, "print from the first"]]
    finally:
        first.stop()
        second.stop()
