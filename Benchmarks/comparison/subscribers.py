"""Subscribers by transport, of Pharos and of nchan."""

import base64
import json
import os

from .crowd import Subscriber
from .wire import Answer, Broken, Frames, frame, get


class OverWebSocket(Subscriber):
    """The client protocol in JSON; `recover` is (epoch, offset)."""

    def __init__(self, channel, compressed=False, recover=None):
        super().__init__(channel)
        self.compressed, self.recover = compressed, recover
        self.head = Answer()
        self.frames = Frames(compressed)

    def opened(self):
        key = base64.b64encode(os.urandom(16)).decode()
        fields = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        fields += f"Sec-WebSocket-Key: {key}\r\n"
        if self.compressed:
            fields += "Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover\r\n"
        self.send(get("/connection/websocket", fields))

    def received(self, data):
        if not self.head.status:
            data = self.head.feed(data)
            if not self.head.status:
                return
            agreed = "permessage-deflate" in self.head.fields.get("sec-websocket-extensions", "")
            if self.head.status != 101 or agreed != self.compressed:
                raise Broken(f"upgrade answered {self.head.status}, compression {agreed}")
            subscribe = {"channel": self.channel}
            if self.recover is not None:
                subscribe |= {"recover": True, "epoch": self.recover[0], "offset": self.recover[1]}
            # Both commands in one message, as clients of the protocol do.
            commands = [{"id": 1, "connect": {}}, {"id": 2, "subscribe": subscribe}]
            self.send(frame("\n".join(json.dumps(command) for command in commands).encode()))
        for opcode, payload in self.frames.feed(data):
            if opcode == 8:
                raise Broken(f"closed: {payload[2:].decode(errors='replace')}")
            if opcode == 1:
                self.message(payload)

    def message(self, payload):
        if payload == b"{}":
            self.send(frame(b"{}"))
        elif self.is_ready:
            self.count(payload)
        else:
            for line in payload.split(b"\n"):
                self.before_ready(json.loads(line), line)

    def before_ready(self, reply, line):
        if "error" in reply:
            raise Broken(f"refused: {reply['error']}")
        if "subscribe" in reply:
            self.subscribed(reply["subscribe"])
            self.became_ready()
        elif "push" in reply:
            self.count(line)

    def subscribed(self, result):
        """The answer to the subscribe command."""


class Returning(OverWebSocket):
    """One that remembers where it is, and checks what it is brought after an absence."""

    def __init__(self, channel, missed=0, recover=None):
        super().__init__(channel, recover=recover)
        self.missed = missed
        self.position = recover

    def subscribed(self, result):
        if self.recover is None:
            self.position = (result.get("epoch", ""), result.get("offset", 0))
            return
        offsets = [publication["offset"] for publication in result.get("publications", [])]
        first = self.recover[1] + 1
        if not result.get("recovered") or result.get("epoch") != self.recover[0]:
            raise Broken("not recovered")
        if offsets != list(range(first, first + self.missed)):
            raise Broken(f"recovered {len(offsets)} messages of {self.missed}, or not in order")
        self.position = (self.recover[0], offsets[-1])
        self.crowd.delivered += len(offsets)

    def count(self, body):
        before = self.crowd.delivered
        super().count(body)
        self.position = (self.position[0], self.position[1] + self.crowd.delivered - before)


class OverEvents(Subscriber):
    """A stream of server-sent events: `/events` of Pharos, an `eventsource` location of nchan."""

    def __init__(self, channel, peer):
        super().__init__(channel)
        self.path = f"/events?channel={channel}" if peer == "pharos" else f"/events?id={channel}"
        self.greets = peer == "pharos"
        self.answer, self.text = Answer(), b""

    def opened(self):
        self.send(get(self.path, "Accept: text/event-stream\r\n"))

    def received(self, data):
        self.text += self.answer.feed(data)
        if self.answer.status and self.answer.status != 200:
            raise Broken(f"stream answered {self.answer.status}")
        if self.answer.done:
            raise Broken("the stream ended")
        if self.answer.status and not self.greets:
            self.became_ready()
        # An event counts once its empty line has arrived.
        whole, separator, rest = self.text.rpartition(b"\n\n")
        if separator:
            self.text = rest
            if self.greets and b'"subscriptions"' in whole:
                self.became_ready()
            self.count(whole)


class OverPoll(Subscriber):
    """A long poll that asks again with what the last answer gave: our cursor, or nchan's entity tag and time."""

    def __init__(self, channel, peer):
        super().__init__(channel)
        self.is_pharos = peer == "pharos"
        self.path = f"/poll?channel={channel}" if self.is_pharos else f"/poll?id={channel}"
        self.cursor = ""
        self.answer, self.body = Answer(), b""

    def opened(self):
        self.ask()
        # A poll that waits says nothing: the publisher must leave the server a moment.
        self.became_ready()

    def ask(self):
        if self.is_pharos:
            self.send(get(self.path + self.cursor))
        else:
            self.send(get(self.path, self.cursor))

    def received(self, data):
        self.body += self.answer.feed(data)
        if not self.answer.done:
            return
        answer, body = self.answer, self.body
        self.answer, self.body = Answer(), b""
        if answer.status not in (200, 304, 408):
            raise Broken(f"poll answered {answer.status}")
        if self.is_pharos:
            self.cursor = "&cursor=" + json.loads(body)["cursor"]
        elif answer.status == 200:
            fields = answer.fields
            self.cursor = f"If-None-Match: {fields['etag']}\r\nIf-Modified-Since: {fields['last-modified']}\r\n"
        self.count(body)
        self.ask()
