"""WebSockets that say something themselves: echoes through an origin, and connects that it refuses."""

import base64
import json
import os
import time

from .crowd import Link, marker
from .wire import Answer, Broken, Frames, frame, get


class Talker(Link):
    """An upgraded connection; `began` is called then, `message` with each text."""

    def __init__(self, path):
        self.path = path
        self.head = Answer()
        self.frames = Frames()

    def opened(self):
        key = base64.b64encode(os.urandom(16)).decode()
        fields = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        self.send(get(self.path, f"{fields}Sec-WebSocket-Key: {key}\r\n"))

    def received(self, data):
        if not self.head.status:
            data = self.head.feed(data)
            if not self.head.status:
                return
            if self.head.status != 101:
                raise Broken(f"upgrade answered {self.head.status}")
            self.began()
        for opcode, payload in self.frames.feed(data):
            if opcode == 8:
                raise Broken(f"closed: {payload[2:].decode(errors='replace')}")
            if opcode == 1:
                self.message(payload)


class Echoing(Talker):
    """Sends numbered messages of `size` bytes, each once the one before has come back as it was."""

    def __init__(self, path, size):
        super().__init__(path)
        self.size = size
        self.number = 0
        self.sent = b""
        self.deadline = 0
        self.waits = False

    def began(self):
        self.crowd.ready += 1

    def say(self, deadline):
        """Goes on until the monotonic clock says `deadline`."""
        self.deadline = deadline
        self.sent = marker(self.number).encode().ljust(self.size, b".")
        self.number += 1
        self.waits = True
        self.send(frame(self.sent))

    def message(self, payload):
        if not self.waits or payload != self.sent:
            raise Broken(f"{payload[:40]!r} came back for {self.sent[:40]!r}")
        self.waits = False
        self.crowd.delivered += 1
        if time.monotonic() < self.deadline:
            self.say(self.deadline)


class RefusedConnect(Talker):
    """A client of the protocol whose connect has to fail with the application's error."""

    def __init__(self):
        super().__init__("/connection/websocket")
        self.is_refused = False

    def began(self):
        self.send(frame(b'{"id":1,"connect":{}}'))

    def message(self, payload):
        error = json.loads(payload).get("error", {})
        if self.is_refused or error.get("code") != 403:
            raise Broken(f"a connect to refuse was answered {payload[:100]!r}")
        self.is_refused = True
        self.crowd.ready += 1

    def received(self, data):
        # Once refused, a connection may be ended; that is the server's affair.
        if not self.is_refused or not data.startswith(b"\x88"):
            super().received(data)
