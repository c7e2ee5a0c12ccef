"""ZeroMQ sockets without a client library: for messages that no well-behaved client sends."""

import contextlib
import hashlib
import hmac
import json
import uuid

import zmq

DELIMITER = b"<IDS|MSG>"


class Raw:
    """Raw sockets to a kernel, from what its connection file says."""

    def __init__(self, connection):
        self.connection = connection
        self.key = connection["key"]
        if isinstance(self.key, str):
            self.key = self.key.encode()
        self.context = zmq.Context()

    def socket(self, kind, channel, subscribe=None):
        socket = self.context.socket(kind)
        socket.linger = 0
        if subscribe is not None:
            socket.subscribe(subscribe)
        socket.connect(f"tcp://{self.connection['ip']}:{self.connection[channel + '_port']}")
        return socket

    def sign(self, frames, key=None):
        return hmac.new(key or self.key, b"".join(frames), hashlib.sha256).hexdigest().encode()

    def frames(self, msg_type, content, key=None, **header):
        """A whole message, signed with `key` or the kernel's own."""
        head = {
            "msg_id": uuid.uuid4().hex,
            "session": "raw",
            "username": "raw",
            "date": "2026-01-01T00:00:00.000000Z",
            "msg_type": msg_type,
            "version": "5.3",
            **header,
        }
        parts = [json.dumps(part).encode() for part in (head, {}, {}, content)]
        return [DELIMITER, self.sign(parts, key), *parts]

    def close(self):
        self.context.destroy(linger=0)


def parse(frames):
    """Topic frames, header, parent header and content of a message."""
    at = frames.index(DELIMITER)
    header, parent, _, content = (json.loads(part) for part in frames[at + 2 : at + 6])
    return {"topic": frames[:at], "header": header, "parent": parent, "content": content}


def receive(socket, timeout=10.0):
    """The next message, or None."""
    if not socket.poll(timeout * 1000):
        return None
    return parse(socket.recv_multipart())


@contextlib.contextmanager
def connected(kernel):
    raw = Raw(kernel.manager.get_connection_info())
    try:
        yield raw
    finally:
        raw.close()
