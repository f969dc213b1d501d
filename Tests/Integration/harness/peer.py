"""A client that speaks the protocol by hand and hides nothing."""

import asyncio
import contextlib
import itertools
import socket
import struct

import websockets
from websockets.asyncio.client import connect

from .server import Server
from .wire import WIRES

# A guard against hanging, never a measure.
PATIENCE = 30


class Cut(AssertionError):
    """The connection ended before what was waited for."""


class Peer:
    """One connection. Messages wait in `inbox` in the order in which they came until somebody asks for them."""

    def __init__(self, socket, wire, answers_pings: bool):
        self.socket = socket
        self.wire = wire
        self.answers_pings = answers_pings
        self.inbox: list[dict] = []
        self.pings = 0
        self.frames: list = []
        self.keeps_frames = False
        self.client = ""
        self._ids = itertools.count(1)
        self._arrived = asyncio.Event()
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def open(
        cls, server: Server, scheme: str = "ws", wire: str = "json", *, query: str = "", headers: dict | None = None,
        subprotocols=None, answers_pings: bool = True, port: int | None = None,
    ) -> "Peer":
        """An upgraded connection on which nothing has been said yet."""
        if wire == "protobuf" and subprotocols is None and "protobuf" not in query:
            subprotocols = ["centrifuge-protobuf"]
        url = server.url(scheme, query)
        if port:
            url = url.replace(f":{server.port}/", f":{port}/")
        socket = await connect(
            url, subprotocols=subprotocols, additional_headers=headers, compression=None, ping_interval=None,
            max_size=None, max_queue=None, proxy=None, close_timeout=5, open_timeout=PATIENCE,
            ssl=server.tls_context() if scheme == "wss" else None)
        return cls(socket, WIRES[wire], answers_pings)

    async def _read(self) -> None:
        try:
            async for frame in self.socket:
                assert isinstance(frame, self.wire.frame_type), f"a frame of the wrong type: {frame!r}"
                if self.keeps_frames:
                    self.frames.append(frame)
                for message in self.wire.decode(frame):
                    if message:
                        self.inbox.append(message)
                        continue
                    self.pings += 1
                    if self.answers_pings:
                        await self.socket.send(self.wire.ping)
                self._arrived.set()
        except websockets.ConnectionClosed:
            pass
        finally:
            self._arrived.set()

    # Saying

    async def send(self, *commands: dict) -> None:
        """All commands in one frame."""
        await self.socket.send(self.wire.encode(*commands))

    async def send_raw(self, frame) -> None:
        await self.socket.send(frame)

    async def call(self, method: str, /, **fields) -> dict:
        """Sends one command, returns its whole reply."""
        number = next(self._ids)
        await self.send({"id": number, method: fields})
        return await self.reply(number)

    async def ask(self, method: str, /, **fields) -> dict:
        """The result of a command that must succeed."""
        reply = await self.call(method, **fields)
        assert method in reply, reply
        return reply[method]

    async def refused(self, method: str, /, **fields) -> int:
        """The error code of a command that must fail; the reply names the command by its id."""
        reply = await self.call(method, **fields)
        assert "error" in reply, reply
        assert reply["error"]["message"], reply
        return reply["error"]["code"]

    async def connect(self, **request) -> dict:
        result = await self.ask("connect", **request)
        self.client = result["client"]
        return result

    async def subscribe(self, channel: str, **request) -> dict:
        return await self.ask("subscribe", channel=channel, **request)

    async def close(self) -> None:
        if self.socket.protocol.close_rcvd is not None:
            # It may have ended by itself already.
            with contextlib.suppress(AttributeError):
                self.socket.transport.abort()
        else:
            await self.socket.close()
        await self._reader

    def break_off(self) -> None:
        """The client's machine is gone: a reset, no close frame."""
        # It may have ended by itself already.
        with contextlib.suppress(OSError):
            if raw := self.socket.transport.get_extra_info("socket"):
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.transport.abort()

    # Hearing

    async def take(self, wanted, what: str) -> dict:
        """The first message that is `wanted`, which leaves the inbox."""
        async with asyncio.timeout(PATIENCE):
            try:
                while True:
                    for index, message in enumerate(self.inbox):
                        if wanted(message):
                            return self.inbox.pop(index)
                    if self._reader.done():
                        self._reader.result()
                        raise Cut(
                            f"closed with {self.socket.close_code} {self.socket.close_reason!r} before {what}; "
                            f"inbox: {self.inbox[:5]}")
                    self._arrived.clear()
                    await self._arrived.wait()
            except TimeoutError:
                raise AssertionError(f"{what} did not come; inbox: {self.inbox[:5]}") from None

    async def reply(self, number: int) -> dict:
        return await self.take(lambda message: message.get("id") == number, f"the reply to {number}")

    async def push(self, kind: str, channel: str | None = None) -> dict:
        """The next push of that kind: its payload."""

        def wanted(message):
            push = message.get("push", {})
            return kind in push and channel in (None, push.get("channel", ""))

        return (await self.take(wanted, f"a push of {kind} in {channel}"))["push"][kind]

    async def publication(self, channel: str | None = None):
        return await self.push("pub", channel)

    async def publications(self, count: int, channel: str | None = None) -> list[dict]:
        return [await self.publication(channel) for _ in range(count)]

    async def ping(self) -> None:
        """Waits for one more ping of the protocol."""
        seen = self.pings
        async with asyncio.timeout(PATIENCE):
            while self.pings == seen:
                assert not self._reader.done(), f"closed with {self.socket.close_code}"
                self._arrived.clear()
                await self._arrived.wait()

    async def ended(self) -> int:
        """The code of the server's close frame. GE-10: there always is one, with a reason."""
        async with asyncio.timeout(PATIENCE):
            # The close frame is what counts; the server keeps the socket a while for what is still on its way.
            while self.socket.protocol.close_rcvd is None and not self._reader.done():
                await asyncio.sleep(0.01)
        received = self.socket.protocol.close_rcvd
        assert received is not None, "the connection ended without a close frame"
        assert received.reason or received.code < 3000, f"code {received.code} without a reason"
        return received.code

    def pushes(self, channel: str | None = None) -> list[dict]:
        """Pushes that have come and were not asked for yet."""
        return [
            message["push"] for message in self.inbox
            if "push" in message and channel in (None, message["push"].get("channel", ""))
        ]

    async def fence(self) -> None:
        """Everything that the server had for this connection has arrived: a refused call came back after it."""
        assert await self.refused("rpc", method="fence") in (104, 108)
