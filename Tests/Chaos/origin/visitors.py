"""Clients that come and go: of the protocol, at a raw path, and one that stays and listens."""

import asyncio
import contextlib
import random
import socket
import struct
import time

import websockets
from websockets.asyncio.client import connect

from harness import tokens
from harness.peer import Peer
from harness.server import Server

from .seen import Exchange, Seen

CHANNELS = [f"asked:{number}" for number in range(6)]
NEWS = "out:news"
# The application cannot be asked now: the client tries again later. 111: too many questions at once.
NOT_NOW = {100, 111}
PATIENCE = 30


class Visitor:
    """Connects, does a few things one at a time, leaves, comes back as somebody else."""

    def __init__(self, server: Server, seen: Seen, name: str, seed: int):
        self.server, self.seen, self.name = server, seen, name
        self.chance = random.Random(f"visitor {seed} {name}")
        self.visits = self.publications = 0

    async def run(self, ending: asyncio.Event) -> None:
        while not ending.is_set():
            self.visits += 1
            peer = await Peer.open(self.server)
            try:
                await self._visit(peer, ending)
            finally:
                if self.chance.random() < 0.5:
                    peer.break_off()
                else:
                    await peer.close()
            await asyncio.sleep(self.chance.uniform(0, 0.05))

    async def _visit(self, peer: Peer, ending: asyncio.Event) -> None:
        name = f"{self.name}.{self.visits}"
        result = await self._call(peer, "connect", data={"visit": name})
        if result is None:
            return
        self.seen.let_in(result["client"], name, asked=True)
        if result.get("data") != {"visit": name}:
            self.seen.problem(f"{name}: connect was answered with another's data: {result}")
        steps, channels = self.seen.steps[result["client"]], set()
        for _ in range(self.chance.randrange(12)):
            if ending.is_set():
                return
            match self.chance.choice(("subscribe", "subscribe", "unsubscribe", "rpc", "publish")):
                case "subscribe" if others := [each for each in CHANNELS if each not in channels]:
                    channel = self.chance.choice(others)
                    if await self._call(peer, "subscribe", channel=channel) is not None:
                        channels.add(channel)
                        steps.append(("subscribed", channel))
                case "unsubscribe" if channels:
                    channel = self.chance.choice(sorted(channels))
                    if await self._call(peer, "unsubscribe", channel=channel) is not None:
                        channels.remove(channel)
                        steps.append(("unsubscribed", channel))
                case "rpc":
                    data = {"visit": name, "n": self.chance.randrange(1_000)}
                    result = await self._call(peer, "rpc", method="app:x", data=data)
                    if result is not None and result["data"] != data:
                        self.seen.problem(f"{name}: rpc {data} was answered with {result}")
                case "publish":
                    await self._publish(peer)
            if self.chance.random() < 0.3:
                await asyncio.sleep(self.chance.uniform(0, 0.1))

    async def _publish(self, peer: Peer) -> None:
        self.publications += 1
        key = f"{self.name}.{self.publications}"
        if await self._call(peer, "publish", channel=NEWS, data={"key": key}) is None:
            self.seen.refused.add(key)
        else:
            self.seen.confirmed.append(key)

    async def _call(self, peer: Peer, method: str, /, **fields) -> dict | None:
        """The result; None if the application could not be asked."""
        reply = await peer.call(method, **fields)
        if "error" not in reply:
            self.seen.counts[f"{method} granted"] += 1
            return reply.get(method, {})
        if reply["error"]["code"] not in NOT_NOW or not reply["error"].get("temporary"):
            self.seen.problem(f"{self.name}: {method} was refused with {reply['error']}")
        self.seen.counts[f"{method} not now"] += 1
        return None


class RawVisitor:
    """Talks to the application through a raw path, several messages ahead of the answers."""

    def __init__(self, server: Server, seen: Seen, name: str, seed: int):
        self.server, self.seen, self.name = server, seen, name
        self.chance = random.Random(f"raw visitor {seed} {name}")
        self.visits = 0

    async def run(self, ending: asyncio.Event) -> None:
        while not ending.is_set():
            self.visits += 1
            await self._visit(f"{self.name}.{self.visits}", ending)
            await asyncio.sleep(self.chance.uniform(0, 0.05))

    async def _visit(self, name: str, ending: asyncio.Event) -> None:
        exchange = self.seen.raw[name] = Exchange()
        raw = await connect(
            f"ws://127.0.0.1:{self.server.port}/raw", compression=None, ping_interval=None, proxy=None, close_timeout=5,
            open_timeout=PATIENCE)
        try:
            async with asyncio.timeout(PATIENCE * 2):
                await self._talk(raw, name, exchange, ending)
            await self._leave(raw, exchange)
        except websockets.ConnectionClosed:
            # What came before the end is there still.
            with contextlib.suppress(websockets.ConnectionClosed):
                while True:
                    self._answered(name, exchange, await raw.recv())
            self.seen.counts["raw ended with the application"] += 1
            if raw.close_code != 1011:
                self.seen.problem(f"{name}: closed with {raw.close_code} {raw.close_reason!r}")
        except TimeoutError:
            self.seen.problem(f"{name}: {len(exchange.answers)} of {len(exchange.sent)} answered, then silence")
            raw.transport.abort()

    async def _talk(self, raw, name: str, exchange: Exchange, ending: asyncio.Event) -> None:
        count = self.chance.randrange(1, 60)
        ahead = self.chance.randrange(1, 6)
        while len(exchange.answers) < count:
            while len(exchange.sent) < min(count, len(exchange.answers) + ahead):
                message = f"{name}.{len(exchange.sent)}"
                exchange.sent.append(message)
                await raw.send(message)
            self._answered(name, exchange, await raw.recv())
            if self.chance.random() < 0.01 or ending.is_set():
                return
            if self.chance.random() < 0.2:
                await asyncio.sleep(self.chance.uniform(0, 0.03))

    def _answered(self, name: str, exchange: Exchange, answer: str) -> None:
        expected = exchange.sent[len(exchange.answers)] if len(exchange.answers) < len(exchange.sent) else "nothing"
        if answer != expected:
            self.seen.problem(f"{name}: {answer!r} came in place of {expected!r}")
        exchange.answers.append(answer)
        self.seen.counts["raw echoes"] += 1

    async def _leave(self, raw, exchange: Exchange) -> None:
        exchange.left = len(exchange.answers) == len(exchange.sent)
        exchange.left_early = not exchange.left
        if self.chance.random() < 0.5:
            await raw.close()
            return
        with contextlib.suppress(OSError):
            raw.transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raw.transport.abort()


class Observer:
    """Comes with a token, so that the origin is not asked about it, and gets what the visitors publish."""

    def __init__(self, server: Server, seen: Seen):
        self.server, self.seen = server, seen
        self.peer: Peer | None = None

    async def start(self) -> None:
        self.peer = await Peer.open(self.server)
        result = await self.peer.connect(token=tokens.connection("observer"))
        self.seen.let_in(result["client"], "observer", asked=False)
        await self.peer.subscribe(NEWS)
        self.seen.steps[result["client"]].append(("subscribed", NEWS))

    async def run(self) -> None:
        while True:
            publication = await self.peer.take(lambda message: NEWS == message.get("push", {}).get("channel"), "news")
            self.seen.heard.append(publication["push"]["pub"]["data"]["key"])

    async def stop(self) -> None:
        """Waits for what was confirmed, and leaves; what never comes is found when all is compared."""
        deadline = time.monotonic() + PATIENCE
        while len(self.seen.heard) < len(self.seen.confirmed) and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
        await self.peer.fence()
        await self.peer.close()
