"""Nodes of the version before beside nodes of this one: what a rolling upgrade looks like, over each engine.

PHAROS_OLD_BIN is the server of the version before; `make test-upgrade` builds it from the commit in Tests/upgrade-from.
"""

import asyncio
import os

import pytest

from harness import tokens
from harness.cluster import Cluster
from harness.peer import Peer
from harness.server import binary, poll

OLD = os.environ.get("PHAROS_OLD_BIN", "")
pytestmark = pytest.mark.skipif(not OLD, reason="PHAROS_OLD_BIN is not set: make test-upgrade does it")
ENGINES = os.environ.get("PHAROS_TEST_ENGINES", "topic nats redis").split()


@pytest.fixture(params=ENGINES)
def cluster(request, tmp_path):
    """Three nodes of the version before; with `topic` the hub as well."""
    made = Cluster(tmp_path, request.param, changes={"shutdown": {"window": "200ms"}})
    for server in made.nodes + ([made.hub] if made.hub else []):
        server.program = OLD
    request.node.log_of = lambda: "".join(
        f"--- {node.directory.name}\n{node.log()[-3000:]}" for node in made.nodes + ([made.hub] if made.hub else []))
    made.start()
    yield made
    made.stop()


def upgrade(server) -> None:
    server.stop()
    server.program = binary()
    server.start()


async def connected(node, user: str) -> Peer:
    peer = await Peer.open(node)
    await peer.connect(token=tokens.connection(user))
    return peer


async def test_both_versions_are_one_server(cluster):
    """Order, presence, joins and leaves, counts, push, kick and history between nodes of both versions."""
    upgrade(cluster.nodes[2])
    cluster.wait_until_whole()
    peers = [await connected(node, f"user{index}") for index, node in enumerate(cluster.nodes)]
    for peer in peers:
        await peer.subscribe("open:x")
    for number in range(1, 31):
        cluster.nodes[number % 3].publish("open:x", {"n": number})
    for peer in peers:
        heard = await peer.publications(30, "open:x")
        assert [(each["offset"], each["data"]["n"]) for each in heard] == [(n, n) for n in range(1, 31)]
    for node in cluster.nodes:
        members = node.api("presence", {"channel": "open:x"}).json["result"]["presence"]
        assert {each["user"] for each in members.values()} == {"user0", "user1", "user2"}
        assert len(node.api("history", {"channel": "open:x", "limit": 100}).json["result"]["publications"]) == 30
        assert sum(each["num_clients"] for each in node.api("info").json["result"]["nodes"]) == 3
    # A call at each version finds the client at the other.
    for node, peer in ((cluster.nodes[0], peers[2]), (cluster.nodes[2], peers[1])):
        user = f"user{peers.index(peer)}"
        assert "result" in node.api("disconnect", {"user": user}).json
        assert await peer.ended() == 3503
        poll(lambda: user not in {
            each["user"] for each in node.api("presence", {"channel": "open:x"}).json["result"]["presence"].values()},
            f"{user} to be gone")


async def test_a_rolling_upgrade_loses_nothing(cluster):
    """One node after the other, while a publisher goes on: each client moves, recovers, and hears each number once."""
    state = {"stop": False, "next": 1, "last": 0}

    async def publish() -> None:
        while not state["stop"]:
            number = state["next"]
            body = {"channel": "large:x", "data": {"n": number}, "idempotency_key": f"k{number}"}
            for node in cluster.nodes:
                try:
                    answer = await asyncio.to_thread(node.api, "publish", body)
                except OSError:
                    continue
                if "result" in answer.json:
                    state["next"] += 1
                    break
            await asyncio.sleep(0.01)

    async def listen(home: int, heard: list[int]) -> None:
        position = None
        while not heard or heard[-1] != state["last"]:
            for step in range(3):
                try:
                    peer = await connected(cluster.nodes[(home + step) % 3], f"listener{home}")
                    break
                except Exception:
                    await asyncio.sleep(0.05)
            else:
                continue
            try:
                if position is None:
                    start = await peer.subscribe("large:x")
                    position = [start["epoch"], start.get("offset", 0)]
                else:
                    result = await peer.subscribe("large:x", recover=True, epoch=position[0], offset=position[1])
                    assert result["recovered"], (heard[-5:], result)
                    for each in result.get("publications", []):
                        heard.append(each["data"]["n"])
                        position[1] = each["offset"]
                while not heard or heard[-1] != state["last"]:
                    each = await peer.publication("large:x")
                    heard.append(each["data"]["n"])
                    position[1] = each["offset"]
                await peer.close()
            except AssertionError as problem:
                if "closed with 3001" not in str(problem) and "closed with None" not in str(problem):
                    raise

    heard: list[list[int]] = [[], [], []]
    listeners = [asyncio.create_task(listen(home, heard[home])) for home in range(3)]
    await asyncio.sleep(1)
    publisher = asyncio.create_task(publish())
    servers = cluster.nodes + ([cluster.hub] if cluster.hub else [])
    for server in servers:
        await asyncio.sleep(0.5)
        await asyncio.to_thread(upgrade, server)
        await asyncio.to_thread(cluster.wait_until_whole)
    await asyncio.sleep(0.5)
    state["stop"] = True
    await publisher
    assert state["next"] > 50
    state["last"] = state["next"]
    await asyncio.to_thread(cluster.nodes[0].publish, "large:x", {"n": state["last"]})
    async with asyncio.timeout(60):
        await asyncio.gather(*listeners)
    for each in heard:
        assert each == list(range(1, state["last"] + 1))
