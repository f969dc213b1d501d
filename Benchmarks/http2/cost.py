"""What HTTP/2 costs: `python Benchmarks/http2/cost.py [--rounds N]`, with PHAROS_BIN; prints two tables.

Rows, each in the same rounds, in turn, so that they share the machine's mood:

- fan-out of one channel to 1,000 plain event streams (`GET /events`), one publication at a time: over HTTP/1.1, over as many HTTP/2
  connections, and over 50 of them with 20 streams each. Processor time of the server for each delivery.
- memory of 2,000 idle connections, event streams and WebSockets over each: what the server's proportional set size grew by.

The client writes HTTP/2 by hand and counts the events in the bytes, alike for both versions. It is not measured.
"""

import argparse
import base64
import http.client
import json
import os
import pathlib
import selectors
import socket
import statistics
import struct
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "Tests" / "Integration"), str(ROOT / "Benchmarks")]
from comparison.process import cpu_seconds, memory_bytes  # noqa: E402
from harness.configuration import BASE, merged  # noqa: E402
from harness.server import Server  # noqa: E402

CHANGES = {
    "log": {"level": "warning"}, "edge": {"shards": 1}, "events": {"enabled": True}, "http_api": {"insecure": True},
    "client": {"insecure": True, "stale_close_delay": "600s"}, "store": {"path": ""},
}
STREAMS = 1_000
IDLE = 2_000
MARK = b'{"marked":'
FRAME = struct.Struct(">HBBBI")


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return FRAME.pack(len(payload) >> 8, len(payload) & 255, kind, flags, stream) + payload


def block(fields: dict) -> bytes:
    """Fields as literals that no table keeps."""
    return b"".join(
        b"\0" + b"".join(bytes([len(part)]) + part.encode() for part in pair) for pair in fields.items())


# The largest windows there are, so that nothing waits for them.
OPENING = (
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, struct.pack(">HI", 4, 0x7fff_ffff))
    + frame(8, 0, 0, struct.pack(">I", 0x7fff_0000)))


def opened(index: int, path: str, is_socket: bool) -> bytes:
    method = {":method": "CONNECT", ":protocol": "websocket", "sec-websocket-version": "13"} if is_socket else {
        ":method": "GET"}
    fields = {**{k: v for k, v in method.items() if k[0] == ":"}, ":scheme": "http", ":path": path, ":authority": "localhost"}
    fields |= {key: value for key, value in method.items() if key[0] != ":"}
    return frame(1, 4 if is_socket else 5, 2 * index + 1, block(fields))


def request(path: str, is_socket: bool) -> bytes:
    extra = (
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n") if is_socket else ""
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{extra}\r\n".encode()


class Crowd:
    """So many connections, each with some streams (0: HTTP/1.1)."""

    def __init__(self, server: Server, connections: int, streams: int, path: str | None, *, is_socket: bool = False):
        self.selector = selectors.DefaultSelector()
        self.sockets = []
        for _ in range(connections):
            link = socket.create_connection(("127.0.0.1", server.port))
            if streams or path is None:
                link.sendall(OPENING + b"".join(opened(index, path, is_socket) for index in range(streams)))
            else:
                link.sendall(request(path, is_socket))
            link.setblocking(False)
            self.selector.register(link, selectors.EVENT_READ)
            self.sockets.append(link)

    def read(self, seconds: float) -> int:
        """Reads what has come, and counts the marks in it."""
        count = 0
        for key, _ in self.selector.select(seconds):
            try:
                while data := key.fileobj.recv(262_144):
                    count += data.count(MARK)
            except BlockingIOError:
                pass
        return count

    def rest(self) -> None:
        """Reads until nothing has come for a moment."""
        quiet = time.monotonic()
        while time.monotonic() - quiet < 0.5:
            if self.selector.select(0.1):
                self.read(0)
                quiet = time.monotonic()

    def close(self) -> None:
        for link in self.sockets:
            link.close()
        self.selector.close()


def start() -> Server:
    directory = pathlib.Path(tempfile.mkdtemp(prefix="pharos-http2-"))
    return Server(directory, merged(BASE, CHANGES)).start()


def fan_out(connections: int, streams: int, publications: int) -> float:
    """Microseconds of the server for each delivery."""
    server = start()
    try:
        crowd = Crowd(server, connections, streams, "/events?channel=plain:crowd")
        crowd.rest()
        publisher = http.client.HTTPConnection("127.0.0.1", server.port)

        def publish(number: int) -> None:
            body = json.dumps({"channel": "plain:crowd", "data": {"marked": number}}, separators=(",", ":"))
            publisher.request("POST", "/api/publish", body)
            assert publisher.getresponse().read().startswith(b'{"result"')
            missing = STREAMS
            while missing > 0:
                missing -= crowd.read(10)
            assert missing == 0, "an event came twice"

        for number in range(20):
            publish(number)
        before = cpu_seconds(server.pid)
        for number in range(publications):
            publish(number)
        used = cpu_seconds(server.pid) - before
        crowd.close()
    finally:
        server.stop()
    return used * 1e6 / (publications * STREAMS)


def idle(connections: int, streams: int, path: str | None, is_socket: bool = False) -> float:
    """Bytes of the server for each connection, or each stream if there are any."""
    server = start()
    try:
        # What the first of a kind makes is not theirs.
        first = Crowd(server, 1, min(streams, 1), path, is_socket=is_socket)
        first.rest()
        before = memory_bytes(server.pid)
        crowd = Crowd(server, connections, streams, path, is_socket=is_socket)
        crowd.rest()
        grown = memory_bytes(server.pid) - before
        crowd.close()
        first.close()
    finally:
        server.stop()
    return grown / (connections * max(streams, 1))


SOCKET = "/connection/websocket"
EVENTS = "/events?channel=plain:crowd"
FAN_OUT = {
    "HTTP/1.1, 1,000 connections": (STREAMS, 0),
    "HTTP/2, 1,000 connections with a stream each": (STREAMS, 1),
    "HTTP/2, 50 connections with 20 streams each": (STREAMS // 20, 20),
}
MEMORY = {
    "HTTP/2 connection without a stream": (IDLE, 0, None),
    "event stream, HTTP/1.1": (IDLE, 0, EVENTS),
    "event stream, one of 100 on an HTTP/2 connection": (IDLE // 100, 100, EVENTS),
    "WebSocket, HTTP/1.1": (IDLE, 0, SOCKET, True),
    "WebSocket, alone on an HTTP/2 connection": (IDLE, 1, SOCKET, True),
    "WebSocket, one of 100 on an HTTP/2 connection": (IDLE // 100, 100, SOCKET, True),
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--publications", type=int, default=1_000)
    chosen = parser.parse_args()
    costs: dict[str, list[float]] = {name: [] for name in FAN_OUT}
    sizes: dict[str, list[float]] = {name: [] for name in MEMORY}
    for number in range(chosen.rounds):
        for name in list(FAN_OUT) if number % 2 == 0 else reversed(FAN_OUT):
            costs[name].append(fan_out(*FAN_OUT[name], chosen.publications))
        for name in MEMORY:
            sizes[name].append(idle(*MEMORY[name]))
    print("| event streams, one publication at a time | us of the server per delivery | of HTTP/1.1 |")
    print("| --- | --- | --- |")
    base = costs["HTTP/1.1, 1,000 connections"]
    for name, found in costs.items():
        ratio = statistics.median(each / one for each, one in zip(found, base))
        print(f"| {name} | {statistics.median(found):.2f} | {ratio:.2f} |")
    print("\n| idle | bytes each |\n| --- | --- |")
    for name, found in sizes.items():
        print(f"| {name} | {statistics.median(found):,.0f} |")


if __name__ == "__main__":
    main()
