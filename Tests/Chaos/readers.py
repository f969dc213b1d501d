"""The subscribers: each comes back by itself from where it was, as a client of its transport does."""

import asyncio
import contextlib
import json
import random

import websockets

from harness import cursor
from harness.emulated import PollPeer, Refused, StreamPeer, poll
from harness.events import EventStream
from harness.http_client import Lost
from harness.peer import Cut, Peer
from harness.server import Server

from .ledger import Ledger, Reader
from .proxy import ChaosProxy

# Transports by their names on the command line.
SPOKEN = {
    "websocket": lambda visit: Peer.open(visit.server, "ws", "json", port=visit.proxy.port, query=visit.query),
    "websocket-protobuf": lambda visit: Peer.open(
        visit.server, "ws", "protobuf", port=visit.proxy.port, subprotocols=["centrifuge-protobuf"], query=visit.query),
    "http_stream": lambda visit: _stream(visit, "http_stream-json"),
    "http_stream-protobuf": lambda visit: _stream(visit, "http_stream-protobuf"),
    "sse": lambda visit: _stream(visit, "sse-get"),
    "session_poll": lambda visit: _session_poll(visit),
}
TRANSPORTS = (*SPOKEN, "events", "poll")
# Those that a session key works on, so that a reader can leave by one and return by another.
ROAMING = ("websocket", "websocket-protobuf", "http_stream", "http_stream-protobuf", "sse", "session_poll", "events")

# What the rig's configuration says, and how long a reader listens to silence before it gives the connection up.
PING_SECONDS = 2
SILENCE_SECONDS = 6
OPEN_SECONDS = 10
WAIT_SECONDS = 3

# Ends of one visit from which every client comes back by itself.
ENDS = (Lost, Cut, Refused, OSError, TimeoutError, EOFError, websockets.WebSocketException)
# Errors of a command that a client waits out.
NOT_NOW = {100, 111}


async def _stream(visit: "Subscriber", kind: str) -> StreamPeer:
    return StreamPeer(visit.server, kind, port=visit.proxy.port, query=visit.query)


async def _session_poll(visit: "Subscriber") -> PollPeer:
    return PollPeer(visit.server, session=visit.session, port=visit.proxy.port, wait=WAIT_SECONDS)


class Surprise(Exception):
    """Something that no fault explains."""


class Subscriber:
    """One reader with its own proxy, on one transport or on several in turn."""

    def __init__(self, server: Server, ledger: Ledger, name: str, transports: list[str], channels: list[str], seed: int,
                 session: str | None = None):
        self.server, self.name, self.transports, self.session = server, name, transports, session
        self.book = Reader(ledger, name, channels)
        self.ledger = ledger
        self.chance = random.Random(f"reader {seed} {name}")
        self.transport = transports[0]
        self.proxy = ChaosProxy(server.port)
        self.ends: dict[str, int] = {}
        self.is_ending = False
        self._leave = asyncio.Event()
        self._leaves_cleanly = True

    @property
    def query(self) -> str:
        if not self.session:
            return ""
        return f"session={self.session}"

    def switch(self, cleanly: bool) -> None:
        """Leaves for another transport, with a close or without."""
        self._leaves_cleanly = cleanly
        others = [each for each in self.transports if each != self.transport]
        self.transport = self.chance.choice(others) if others else self.transport
        self._leave.set()

    async def run(self) -> None:
        while not self.is_ending:
            self._leave.clear()
            self.book.connections += 1
            visit = asyncio.create_task(self._visit())
            leave = asyncio.create_task(self._leave.wait())
            try:
                await asyncio.wait([visit, leave], return_when=asyncio.FIRST_COMPLETED)
                if not visit.done():
                    visit.cancel()
                await visit
            except asyncio.CancelledError:
                if asyncio.current_task().cancelling():
                    raise
                self._count("left")
            except Cut as end:
                self._count(str(end))
            except (websockets.InvalidMessage, ConnectionError) as end:
                self._count("cut" if isinstance(end, Lost) else "not let in")
            except ENDS as end:
                self._count(type(end).__name__)
            except Surprise as surprise:
                self._count("surprise")
                self.ledger.problem(f"{self.name} ({self.transport}): {surprise}")
            finally:
                leave.cancel()
                if not visit.done():
                    visit.cancel()
                    await asyncio.wait([visit])
            await asyncio.sleep(self.chance.uniform(0.02, 0.4))

    def _count(self, what: str) -> None:
        self.ends[what] = self.ends.get(what, 0) + 1

    async def _visit(self) -> None:
        self.book.transport = self.transport
        match self.transport:
            case "events":
                await self._listen()
            case "poll":
                await self._poll()
            case _:
                await self._converse()

    # Transports with commands

    async def _converse(self) -> None:
        async with asyncio.timeout(OPEN_SECONDS):
            peer = await SPOKEN[self.transport](self)
        try:
            await Conversation(self, peer).run()
        finally:
            if self._leaves_cleanly:
                with contextlib.suppress(*ENDS):
                    async with asyncio.timeout(2):
                        await peer.close()
            peer.break_off()

    # EventSource

    async def _listen(self) -> None:
        last = cursor.encoded(self.book.positions) if self.book.positions else ""
        parameters = {"session": self.session} if self.session else {}
        stream = EventStream(self.proxy.port, self.book.channels, last_id=last, **parameters)
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                await stream.open()
                if stream.response.status != 200:
                    raise Refused(stream.response.status, await stream.response.read())
                first = await stream.event()
            self._first_message(first)
            while True:
                self._event(await self._next_event(stream))
        finally:
            stream.break_off()

    async def _next_event(self, stream: EventStream):
        """The next event; comments count as signs of life."""
        waits = asyncio.create_task(stream.event())
        try:
            while True:
                comments = stream.parser.comments
                done, _ = await asyncio.wait([waits], timeout=SILENCE_SECONDS)
                if done:
                    return waits.result()
                if stream.parser.comments == comments:
                    raise Lost("silence")
        finally:
            waits.cancel()

    def _first_message(self, event) -> None:
        content = event.json
        if event.name == "message" and "error" in content:
            # A channel fails for now: the stream ends, to be asked for again.
            raise Lost(event.data)
        if event.name != "message" or "config" not in content:
            raise Surprise(f"the first message of a stream is {event}")
        if set(content["subscriptions"]) != set(self.book.channels):
            raise Surprise(f"subscribed to {content['subscriptions']}, asked for {self.book.channels}")
        recovered = content.get("recovered", {})
        for channel, (epoch, offset) in event.positions(self.book.channels).items():
            before = self.book.positions.get(channel)
            self.book.resumed(channel, bool(recovered.get(channel)), epoch, offset, is_top=False)
            if before and recovered.get(channel) and (epoch, offset) != before:
                raise Surprise(f"recovered {channel} from {epoch}:{offset}, asked for {before}")

    def _event(self, event) -> None:
        if event.name == "message":
            # An error of one channel or the last word of the stream: a new stream brings what is missing.
            raise Lost(event.data)
        positions = event.positions(self.book.channels)
        self.book.publication(event.name, positions[event.name][1], event.json["k"])
        if positions != self.book.positions:
            raise Surprise(f"the id of an event says {positions}, heard was {self.book.positions}")

    # Stateless long poll

    async def _poll(self) -> None:
        while True:
            parameters = {"wait": WAIT_SECONDS, "limit": self.chance.choice((1, 5, 100))}
            if self.book.positions:
                parameters["cursor"] = cursor.encoded(self.book.positions)
            async with asyncio.timeout(WAIT_SECONDS + OPEN_SECONDS):
                status, _, content = await poll(self.proxy.port, self.book.channels, **parameters)
            if status != 200:
                raise Refused(status, content)
            self._answer(content)

    def _answer(self, content: bytes) -> None:
        answer = json.loads(content)
        for channel, part in answer["channels"].items():
            if "epoch" not in part:
                raise Surprise(f"{channel}: an answer without an epoch: {content[:600]!r}")
            publications = part.get("publications", [])
            # Without publications the position stays: a gap at the end is told with the new position.
            start = publications[0]["offset"] - 1 if publications else part["offset"]
            recovered = part.get("recovered", True)
            if channel not in self.book.positions or not recovered:
                self.book.resumed(channel, False, part["epoch"], start, is_top=False)
            elif part["epoch"] != self.book.positions[channel][0]:
                self.book.resumed(channel, True, part["epoch"], start, is_top=False)
            for publication in publications:
                self.book.publication(channel, publication["offset"], publication["data"]["k"])
            if self.book.positions[channel] != (part["epoch"], part["offset"]):
                raise Surprise(
                    f"{channel}: the answer ends at {part['epoch']}:{part['offset']}, "
                    f"heard was {self.book.positions[channel]}")
        if cursor.decoded(answer["cursor"], self.book.channels) != self.book.positions:
            raise Surprise(f"the cursor says {answer['cursor']}, heard was {self.book.positions}")


class Conversation:
    """One visit on a transport with commands: connect, subscribe, listen until it ends."""

    def __init__(self, subscriber: Subscriber, peer: Peer):
        self.subscriber, self.peer, self.book = subscriber, peer, subscriber.book
        self.asked: dict[int, str] = {}
        self.number = 1_000

    async def run(self) -> None:
        request = {}
        if self.subscriber.session and self.book.positions:
            # Only the client knows what really arrived.
            request["subs"] = {
                channel: {"recover": True, "epoch": epoch, "offset": offset}
                for channel, (epoch, offset) in self.book.positions.items()}
        async with asyncio.timeout(OPEN_SECONDS):
            result = await self.peer.connect(**request)
        returned = result.get("subs", {})
        for channel, subscription in returned.items():
            self._subscribed(channel, subscription)
        await self._subscribe([channel for channel in self.book.channels if channel not in returned])
        while True:
            for message in await self._messages():
                await self._hear(message)

    async def _messages(self) -> list[dict]:
        """What has come, in its order; pings count as signs of life."""
        peer = self.peer
        while not peer.inbox:
            if peer._reader.done():
                peer._reader.result()
                raise Cut(f"closed {peer.socket.close_code}" if peer.socket.close_code else "cut")
            pings = peer.pings, getattr(peer, "polls", 0)
            peer._arrived.clear()
            try:
                await asyncio.wait_for(peer._arrived.wait(), SILENCE_SECONDS)
            except TimeoutError:
                if not peer.inbox and pings == (peer.pings, getattr(peer, "polls", 0)):
                    raise Lost("silence") from None
        messages, peer.inbox[:] = list(peer.inbox), []
        return messages

    async def _subscribe(self, channels: list[str]) -> None:
        commands = []
        for channel in channels:
            self.number += 1
            self.asked[self.number] = channel
            request = {"channel": channel}
            if channel in self.book.positions:
                epoch, offset = self.book.positions[channel]
                request |= {"recover": True, "epoch": epoch, "offset": offset}
            commands.append({"id": self.number, "subscribe": request})
        if commands:
            await self.peer.send(*commands)

    async def _hear(self, message: dict) -> None:
        if "id" in message:
            await self._reply(message)
            return
        push = message["push"]
        channel = push.get("channel", "")
        match push:
            case {"pub": publication}:
                self.book.publication(channel, publication["offset"], publication["data"]["k"])
            case {"unsubscribe": end}:
                if end["code"] < 2500:
                    raise Surprise(f"{channel}: unsubscribed with {end}")
                self.subscriber._count(f"unsubscribed {end['code']}")
                await self._subscribe([channel])
            case {"disconnect": end}:
                self.subscriber._count(f"disconnect {end['code']}")
                if end["code"] in (3500, 3501, 3502, 3503):
                    raise Surprise(f"disconnected for good with {end}")
                raise Lost("disconnected")
            case {"message": _} | {"join": _} | {"leave": _}:
                pass
            case _:
                raise Surprise(f"a push that nobody expects: {push}")

    async def _reply(self, message: dict) -> None:
        channel = self.asked.pop(message["id"], None)
        if channel is None:
            return
        if "error" in message:
            if message["error"]["code"] not in NOT_NOW:
                raise Surprise(f"{channel}: subscribe was refused with {message['error']}")
            await asyncio.sleep(0.2)
            await self._subscribe([channel])
            return
        self._subscribed(channel, message["subscribe"])

    def _subscribed(self, channel: str, result: dict) -> None:
        epoch, offset = result["epoch"], result.get("offset", 0)
        known = self.book.positions.get(channel)
        recovered = bool(result.get("recovered"))
        if known and not result.get("was_recovering"):
            raise Surprise(f"{channel}: asked for recovery from {known}, the answer does not speak of it: {result}")
        if known and recovered and offset != known[1]:
            raise Surprise(f"{channel}: recovered, and the reply's offset is {offset} in place of the request's {known[1]}")
        self.book.resumed(channel, recovered, epoch, offset, is_top=True)
        for publication in result.get("publications", []):
            self.book.publication(channel, publication["offset"], publication["data"]["k"])
