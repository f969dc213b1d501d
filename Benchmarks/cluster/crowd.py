"""Ten thousand members on three nodes: `python Benchmarks/cluster/crowd.py [--engine topic] [--members 9999]`, with PHAROS_BIN.

Connects members of one channel with presence to three nodes, asks each node for the channel's presence, publishes through each of
them, and counts what every member hears.
"""

import argparse
import base64
import json
import os
import pathlib
import selectors
import socket
import struct
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Tests" / "Integration"))
from harness.cluster import Cluster  # noqa: E402

CHANNEL = "crowd:all"
OPTIONS = {
    "name": "crowd", "presence": True, "history_size": 300, "history_ttl": "60s", "force_recovery": True,
    "allow_subscribe_for_client": True, "allow_subscribe_for_anonymous": True}


def frame(text: str) -> bytes:
    data = text.encode()
    head = bytes([0x81, 0x80 | len(data)]) if len(data) < 126 else bytes([0x81, 0xFE]) + struct.pack("!H", len(data))
    return head + bytes(4) + data


class Member:
    def __init__(self, port: int):
        self.socket = socket.create_connection(("127.0.0.1", port))
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET /connection/websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
            + frame('{"id":1,"connect":{}}') + frame('{"id":2,"subscribe":{"channel":"%s"}}' % CHANNEL))
        self.heard = b""
        self.socket.setblocking(False)

    def offsets(self) -> list[int]:
        """The offsets of the publications, in the order in which they came."""
        found = []
        for part in self.heard.split(b'"pub":{')[1:]:
            found.append(int(part.split(b'"offset":')[1].split(b"}")[0].split(b",")[0]))
        return found


def read(members: list[Member], enough, seconds: float) -> None:
    """Reads until every member has heard `enough`."""
    selector = selectors.DefaultSelector()
    for member in members:
        selector.register(member.socket, selectors.EVENT_READ, member)
    deadline = time.monotonic() + seconds
    waiting = set(map(id, members))
    while waiting and time.monotonic() < deadline:
        for key, _ in selector.select(1):
            chunk = key.data.socket.recv(262_144)
            assert chunk, "a connection ended"
            key.data.heard += chunk
            if enough(key.data):
                waiting.discard(id(key.data))
    selector.close()
    assert not waiting, f"{len(waiting)} members have not heard enough"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--engine", default="topic")
    parser.add_argument("--members", type=int, default=9_999)
    parser.add_argument("--publications", type=int, default=300)
    chosen = parser.parse_args()
    changes = {"log": {"level": "warning"}, "channel": {"namespaces": [OPTIONS]}, "engine": {"node_timeout": "10s"}}
    cluster = Cluster(pathlib.Path(tempfile.mkdtemp(prefix="pharos-crowd-")), chosen.engine, changes=changes).start()
    try:
        members = [Member(cluster.nodes[index % 3].port) for index in range(chosen.members)]
        read(members, lambda member: b'"id":2' in member.heard, 120)
        for node in cluster.nodes:
            began = time.monotonic()
            presence = node.api("presence", {"channel": CHANNEL}).result["presence"]
            took = time.monotonic() - began
            stats = node.api("presence_stats", {"channel": CHANNEL}).result
            print(f"presence: {len(presence)} members in {took * 1000:.0f} ms; counts {json.dumps(stats)}")
            assert len(presence) == chosen.members == stats["num_clients"]
        began = time.monotonic()
        for number in range(chosen.publications):
            cluster.nodes[number % 3].publish(CHANNEL, {"n": number})
        read(members, lambda member: member.heard.count(b'"pub":{') >= chosen.publications, 240)
        took = time.monotonic() - began
        for member in members:
            assert member.offsets() == list(range(1, chosen.publications + 1)), "in order, each once"
        print(f"{chosen.publications * chosen.members} deliveries over three nodes in order, each once, in {took:.1f} s")
    finally:
        cluster.stop()


if __name__ == "__main__":
    main()
