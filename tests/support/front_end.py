"""A front end's side of the comm `cellar.params`."""

import time
import uuid


class FrontEnd:
    """Opens the comm as JupyterLab or nbclient do, and keeps what the kernel says."""

    def __init__(self, kernel, params=None, client="a test", **more):
        self.kernel = kernel
        self.comm_id = uuid.uuid4().hex
        data = {"version": 1, "client": client, **more}
        if params is not None:
            data["params"] = params
        self._send("comm_open", {"comm_id": self.comm_id, "target_name": "cellar.params", "data": data})

    def _send(self, msg_type, content):
        request = self.kernel.send(msg_type, content)
        self.kernel.pump_until(lambda: request.idle, time.monotonic() + 20)

    def send(self, **data):
        self._send("comm_msg", {"comm_id": self.comm_id, "data": data})

    def wait_for(self, op, count=1):
        """The messages of this kind, when there are so many."""
        self.kernel.pump_until(lambda: len(self.messages(op)) >= count, time.monotonic() + 20)
        return self.messages(op)

    def messages(self, op):
        """What came over this comm, in order, with the message that it answers."""
        requests = self.kernel.requests.values()
        of_requests = [message for request in requests for _, message in request.iopub]
        messages = [
            message
            for message in of_requests + self.kernel.strays
            if message["msg_type"] == "comm_msg" and message["content"]["comm_id"] == self.comm_id
        ]
        messages.sort(key=lambda message: message["header"]["date"])
        return [message for message in messages if message["content"]["data"]["op"] == op]

    @property
    def state(self):
        """The last that the kernel said."""
        return self.messages("state")[-1]["content"]["data"]

    @property
    def errors(self):
        return [message["content"]["data"]["message"] for message in self.messages("error")]
