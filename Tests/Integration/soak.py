"""A soak: everything at once for a while, then a look for what was left behind.

`python soak.py [SECONDS]`: connects, disconnects, subscribes, publishes, stalled readers and garbage, over both schemes and
in both wire formats. Afterwards memory, descriptors and sessions must be back where they were after a warm-up of the
same load.
"""

import asyncio
import json
import os
import pathlib
import random
import socket
import struct
import sys
import tempfile
import time

import websockets

from harness import tokens
from harness.configuration import API_KEY, BASE, merged
from harness.peer import Peer
from harness.server import Server, make_certificate, poll

CHANNELS = [f"{namespace}:soak{number}" for namespace in ("open", "plain", "small") for number in range(8)]
WORKERS = 24
# Kilobytes that the process may hold beyond what it held after the warm-up: what an allocator keeps, not a leak.
MEMORY_SLACK = 24_000
DESCRIPTOR_SLACK = 4


class Load:
    """The workers and what they have done."""

    def __init__(self, server: Server):
        self.server = server
        self.counts: dict[str, int] = {}
        self.stops = False
        self.chance = random.Random(20)

    def count(self, what: str, number: int = 1) -> None:
        self.counts[what] = self.counts.get(what, 0) + number

    async def run(self, seconds: float) -> None:
        self.stops = False
        workers = [self.visit] * WORKERS + [self.publish] * 2 + [self.spoil] * 2 + [self.stall] + [self.meddle]
        tasks = [asyncio.create_task(self.repeat(worker)) for worker in workers]
        await asyncio.sleep(seconds)
        self.stops = True
        await asyncio.gather(*tasks)

    async def repeat(self, worker) -> None:
        while not self.stops:
            try:
                async with asyncio.timeout(60):
                    await worker()
            except (AssertionError, OSError, EOFError, TimeoutError, websockets.WebSocketException):
                # A peer that is disconnected in the middle of something is what this load is made of.
                self.count("interrupted")
                if not self.server.is_running:
                    raise SystemExit(f"the server ended with {self.server.process.returncode}") from None

    async def visit(self) -> None:
        """A client that comes, subscribes, talks and goes, one way or another."""
        scheme, wire = self.chance.choice(["ws", "ws", "wss"]), self.chance.choice(["json", "protobuf"])
        peer = await Peer.open(self.server, scheme, wire)
        try:
            request = {"token": tokens.connection(str(self.chance.randrange(40)))} if self.chance.random() < 0.7 else {}
            await peer.connect(**request)
            self.count("connects")
            for _ in range(self.chance.randrange(1, 30)):
                await self.command(peer)
        finally:
            if self.chance.random() < 0.3:
                peer.break_off()
            await peer.close()

    async def command(self, peer: Peer) -> None:
        name = self.chance.choice(CHANNELS)
        kind = self.chance.randrange(8)
        if kind < 3:
            more = {"recover": True, "offset": self.chance.randrange(20), "epoch": "_"} if kind == 0 else {}
            await peer.call("subscribe", channel=name, **more)
        elif kind < 5:
            await peer.call("publish", channel=name, data={"fill": "x" * self.chance.randrange(2_000)})
        else:
            method = ("unsubscribe", "history", "presence")[kind - 5]
            await peer.call(method, channel=name, **({"limit": 5} if method == "history" else {}))
        self.count("commands")
        peer.inbox.clear()

    async def publish(self) -> None:
        """A back end over one connection, requests back to back."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        for _ in range(50):
            body = json.dumps({"channels": self.chance.sample(CHANNELS, 3), "data": {"n": self.chance.random()}}).encode()
            writer.write(
                f"POST /api/broadcast HTTP/1.1\r\nHost: x\r\nX-API-Key: {API_KEY}\r\nContent-Length: {len(body)}\r\n\r\n"
                .encode() + body)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 ")
            await reader.readexactly(int(head.lower().split(b"content-length:")[1].split()[0]))
            self.count("broadcasts")
            await asyncio.sleep(0.002)
        writer.close()

    async def spoil(self) -> None:
        """Garbage at every stage."""
        garbage = self.chance.randbytes(self.chance.randrange(1, 2_000))
        if self.chance.random() < 0.5:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
            start = self.chance.choice([b"", b"GET ", b"POST /api/publish HTTP/1.1\r\nContent-Length: 10\r\n\r\n"])
            writer.write(start + garbage)
            writer.write_eof()
            await reader.read()
            writer.close()
        else:
            wire = self.chance.choice(["json", "protobuf"])
            peer = await Peer.open(self.server, self.chance.choice(["ws", "wss"]), wire)
            try:
                if self.chance.random() < 0.5:
                    await peer.connect()
                await peer.send_raw(garbage if wire == "protobuf" else garbage.decode("latin-1"))
                await peer.ended()
            finally:
                await peer.close()
        self.count("garbage")

    async def stall(self) -> None:
        """A reader that stops reading until the server has had enough of it."""
        raw = socket.socket()
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        raw.setblocking(False)
        await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", self.server.port))
        reader, writer = await asyncio.open_connection(sock=raw, limit=4_096)
        try:
            writer.write(
                b"GET /connection/websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
            await reader.readuntil(b"\r\n\r\n")
            own = f"plain:stalled{self.chance.randrange(1_000_000)}"
            frame = f'{{"id":1,"connect":{{}}}}\n{{"id":2,"subscribe":{{"channel":"{own}"}}}}'.encode()
            writer.write(struct.pack(">BBI", 0x81, 0x80 | len(frame), 0) + frame)
            while b'"id":2' not in await reader.read(1_000):
                pass
            writer.transport.pause_reading()
            before = await self.slow_count()
            while await self.slow_count() == before and not self.stops:
                commands = [{"publish": {"channel": own, "data": "x" * 8_000}}] * 40
                await asyncio.to_thread(self.server.api, "batch", {"commands": commands})
            self.count("stalled readers")
        finally:
            writer.transport.abort()

    async def slow_count(self) -> float:
        return await asyncio.to_thread(self.server.metric, "pharos_client_slow_closed_total")

    async def meddle(self) -> None:
        """The API ends, moves and counts connections while all this goes on."""
        user = str(self.chance.randrange(40))
        method = self.chance.choice(["disconnect", "unsubscribe", "subscribe", "refresh", "info", "channels"])
        body = {"user": user, "channel": self.chance.choice(CHANNELS), "expire_at": int(time.time()) + 1_000}
        await asyncio.to_thread(self.server.api, method, body)
        self.count("API calls")
        await asyncio.sleep(0.02)


async def soak(server: Server, seconds: float) -> list[str]:
    """What is wrong in the end."""
    load = Load(server)

    async def settled() -> tuple[int, int]:
        await asyncio.to_thread(server.wait_until_empty, 60)
        return server.resident_kilobytes(), server.descriptors()

    fresh = server.resident_kilobytes()
    await load.run(max(5.0, seconds / 4))
    memory, descriptors = await settled()
    print(f"warmed up: memory {fresh} -> {memory} kB, descriptors {descriptors}", flush=True)
    await load.run(seconds * 3 / 4)
    problems = []
    await asyncio.to_thread(
        poll, lambda: server.connections() == 0, "connections to end", 60)
    after, descriptors_after = await settled()
    print(f"in the end: memory {after} kB, descriptors {descriptors_after}, sessions {server.sessions()}")
    print(", ".join(f"{number} {what}" for what, number in sorted(load.counts.items())))
    if after - memory > MEMORY_SLACK:
        problems.append(f"memory grew from {memory} to {after} kB")
    if descriptors_after > descriptors + DESCRIPTOR_SLACK:
        problems.append(f"descriptors grew from {descriptors} to {descriptors_after}")
    for kind in ("connects", "commands", "broadcasts", "garbage", "stalled readers", "API calls"):
        if not load.counts.get(kind):
            problems.append(f"no {kind}: the load was not what it should be")
    return problems


def main() -> int:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 120
    os.environ["NO_PROXY"] = "*"
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        directory = pathlib.Path(folder)
        # A small queue, so that stalled readers reach its end; the log is for problems.
        server = Server(
            directory, merged(BASE, {"client": {"queue_max_size": 262_144}, "log": {"level": "warning"}}),
            certificate=make_certificate(directory)).start()
        try:
            problems = asyncio.run(soak(server, seconds))
            server.stop()
        except BaseException:
            print(server.log()[-4_000:], file=sys.stderr)
            server.kill()
            raise
    for problem in problems:
        print(f"soak: {problem}")
    print("soak: passed" if not problems else "soak: FAILED")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
