"""What came of one request, as a test wants to read it."""

import dataclasses
import re


@dataclasses.dataclass
class Request:
    """A request that was sent, and all that has come back for it so far."""

    msg_id: str
    msg_type: str
    reply: dict | None = None
    iopub: list = dataclasses.field(default_factory=list)  # (seconds since sending, message)
    replied_after: float | None = None
    idle: bool = False

    @property
    def done(self):
        return self.reply is not None and self.idle

    @property
    def content(self):
        return self.reply["content"]


def without_colours(text):
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


class Result:
    """An executed cell."""

    def __init__(self, request):
        self.request = request
        self.reply = request.content
        self.status = self.reply["status"]
        self.execution_count = self.reply.get("execution_count")
        self.messages = [message for _, message in request.iopub]
        error = self._last("error") or {}
        self.ename = error.get("ename", "")
        self.evalue = error.get("evalue", "")
        # As shown, but without colours: tests that care for colours look at `traceback_lines`.
        self.traceback_lines = error.get("traceback", [])
        self.traceback = without_colours("\n".join(self.traceback_lines))

    def _last(self, msg_type):
        found = [m["content"] for m in self.messages if m["msg_type"] == msg_type]
        return found[-1] if found else None

    def _stream(self, name):
        return "".join(
            m["content"]["text"]
            for m in self.messages
            if m["msg_type"] == "stream" and m["content"]["name"] == name
        )

    @property
    def stdout(self):
        return self._stream("stdout")

    @property
    def stderr(self):
        return self._stream("stderr")

    @property
    def displays(self):
        """MIME bundles of display_data, in order."""
        return [m["content"]["data"] for m in self.messages if m["msg_type"] == "display_data"]

    @property
    def value(self):
        """The text form of the cell's value, or None."""
        shown = self._last("execute_result")
        return shown and shown["data"].get("text/plain")

    @property
    def rich(self):
        """The MIME bundle of the cell's value, or None."""
        shown = self._last("execute_result")
        return shown and shown["data"]

    @property
    def events(self):
        """What a reader of the notebook sees, in order; pieces of one stream are joined."""
        events = []
        for message in self.messages:
            kind, content = message["msg_type"], message["content"]
            if kind == "stream":
                if events and events[-1][0] == content["name"]:
                    events[-1] = (content["name"], events[-1][1] + content["text"])
                else:
                    events.append((content["name"], content["text"]))
            elif kind in ("display_data", "update_display_data"):
                events.append((kind, content["data"]))
            elif kind == "execute_result":
                events.append(("result", content["data"].get("text/plain")))
            elif kind == "clear_output":
                events.append(("clear", content["wait"]))
            elif kind == "error":
                events.append(("error", content["ename"]))
        return events

    def arrival(self, text):
        """Seconds from sending the cell to the first stream message that has `text`."""
        for seconds, message in self.request.iopub:
            if message["msg_type"] == "stream" and text in message["content"]["text"]:
                return seconds
        raise AssertionError(f"{text!r} never came; events: {self.events}")

    def __repr__(self):
        return f"<{self.status} {self.events} {self.ename}: {self.evalue}\n{self.traceback}>"
