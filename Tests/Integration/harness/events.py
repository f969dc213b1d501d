"""EventSource as the HTML standard reads it, over a connection that a story can cut."""

import asyncio
import json
import urllib.parse

from . import cursor
from .http_client import HTTPClient, Lost, Response

# A guard against hanging, never a measure.
PATIENCE = 30


class Event:
    """One dispatched event; `id` is the last event id at its time."""

    def __init__(self, name: str, data: str, id: str):
        self.name, self.data, self.id = name, data, id

    @property
    def json(self):
        return json.loads(self.data)

    def positions(self, channels) -> dict[str, cursor.Position]:
        """What its id says of these channels, which must be all."""
        return cursor.decoded(self.id, channels)

    def __repr__(self) -> str:
        return f"Event({self.name!r}, {self.data[:80]!r}, {self.id!r})"


class EventParser:
    """The event stream interpretation of the HTML standard (section 9.2.6), by lines."""

    def __init__(self):
        self.last_id = ""
        self.retry: int | None = None
        self.comments = 0
        self._buffer = ""
        self._name, self._data, self._id = "", [], ""

    def feed(self, text: str) -> list[Event]:
        events = []
        # A CR at the end may be the first half of a CRLF.
        text = self._buffer + text
        held = text.endswith("\r")
        lines = (text[:-1] if held else text).replace("\r\n", "\n").replace("\r", "\n").split("\n")
        self._buffer = lines.pop() + ("\r" if held else "")
        for line in lines:
            if event := self._line(line):
                events.append(event)
        return events

    def _line(self, line: str) -> Event | None:
        if not line:
            return self._dispatch()
        if line.startswith(":"):
            self.comments += 1
            return None
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match field:
            case "event":
                self._name = value
            case "data":
                self._data.append(value)
            case "id" if "\0" not in value:
                self._id = value
            case "retry" if value.isdigit():
                self.retry = int(value)
        return None

    def _dispatch(self) -> Event | None:
        self.last_id = self._id
        name, data = self._name or "message", self._data
        self._name, self._data = "", []
        return Event(name, "\n".join(data), self.last_id) if data else None


class EventStream:
    """One connection to `/events`. It never comes back by itself."""

    def __init__(self, port: int, channels=(), *, last_id: str = "", headers: dict | None = None, context=None,
                 receive_buffer: int | None = None, **parameters):
        pairs = [("channel", channel) for channel in channels] + list(parameters.items())
        self.path = "/events" + ("?" + urllib.parse.urlencode(pairs) if pairs else "")
        self.headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last_id} if last_id else {}) | (headers or {})
        self.client = HTTPClient(port, context=context, receive_buffer=receive_buffer)
        self.parser = EventParser()
        self.parser._id = self.parser.last_id = last_id
        self.response: Response | None = None
        self._events: list[Event] = []
        self._body = None

    async def open(self) -> "EventStream":
        async with asyncio.timeout(PATIENCE):
            self.response = await self.client.send("GET", self.path, None, self.headers)
        self._body = self.response.chunks()
        return self

    @classmethod
    async def listen(cls, port: int, channels=(), **options) -> tuple["EventStream", dict]:
        """An open stream and its first message."""
        stream = await cls(port, channels, **options).open()
        if stream.response.status != 200:
            raise AssertionError((stream.response.status, await stream.response.read()))
        return stream, await stream.first()

    async def event(self) -> Event:
        """The next event; `Lost` if the stream is cut or ended first."""
        async with asyncio.timeout(PATIENCE):
            while not self._events:
                await self._more()
        return self._events.pop(0)

    async def first(self) -> dict:
        """What the stream says before everything else, in either form."""
        event = await self.event()
        assert event.name == "message", event
        content = event.json
        if isinstance(content, list):
            assert content[0] == "/unifrost/info", content
            content = json.loads(content[1])
        return content

    async def events(self, count: int) -> list[Event]:
        return [await self.event() for _ in range(count)]

    async def comment(self) -> None:
        """Waits for one more comment."""
        seen = self.parser.comments
        async with asyncio.timeout(PATIENCE):
            while self.parser.comments == seen:
                await self._more()

    async def rest(self) -> list[Event]:
        """Everything until the server has ended the stream as it should."""
        async with asyncio.timeout(PATIENCE):
            try:
                while True:
                    await self._more()
            except Lost:
                assert self.response.is_read, "the stream was cut, not ended"
        events, self._events = self._events, []
        return events

    async def _more(self) -> None:
        chunk = await anext(self._body, None)
        if chunk is None:
            raise Lost("the stream ended")
        # Chunks are cut at messages, so at characters too.
        self._events += self.parser.feed(chunk.decode())

    def close(self) -> None:
        self.client.close()

    def break_off(self) -> None:
        self.client.break_off()
