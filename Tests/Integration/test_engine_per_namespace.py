"""A cluster over NATS with one namespace over Redis: each engine has its channels, and fails alone."""

import asyncio
import socket

import pytest

from harness.cluster import Cluster, Redis
from harness.configuration import BASE, OPEN
from harness.peer import Peer
from harness.server import poll

NAMESPACES = [*BASE["channel"]["namespaces"], {"name": "ticks", **OPEN, "history_size": 1_000, "engine": "redis"}]


@pytest.fixture
def redis(tmp_path):
    server = Redis(tmp_path / "ticks").start()
    yield server
    server.kill()


@pytest.fixture
def cluster(request, tmp_path, redis):
    made = Cluster(tmp_path, "nats", count=2, changes={
        "engine": {"redis": {"address": [f"127.0.0.1:{redis.port}"], "on_failover": "trust"}, "request_timeout": "2s"},
        "channel": {"namespaces": NAMESPACES}})
    request.node.log_of = lambda: "".join(f"--- {node.directory.name}\n{node.log()[-3000:]}" for node in made.nodes)
    made.start()
    yield made
    made.stop()


async def subscribed(node, *channels) -> Peer:
    peer = await Peer.open(node)
    await peer.connect()
    for channel in channels:
        await peer.subscribe(channel)
    return peer


def keys(redis) -> str:
    with socket.create_connection(("127.0.0.1", redis.port)) as link:
        link.sendall(b"*2\r\n$4\r\nKEYS\r\n$1\r\n*\r\n")
        return link.recv(65_536).decode()


async def test_each_engine_has_its_channels(cluster, redis):
    """Order, history and recovery on every node for both; only the one namespace is in Redis."""
    peers = [await subscribed(node, "open:x", "ticks:x") for node in cluster.nodes]
    for number in range(1, 41):
        for channel in ("open:x", "ticks:x"):
            cluster.nodes[number % 2].publish(channel, {"n": number})
    for peer in peers:
        for channel in ("open:x", "ticks:x"):
            heard = await peer.publications(40, channel)
            assert [(each["offset"], each["data"]["n"]) for each in heard] == [(n, n) for n in range(1, 41)]
    for node in cluster.nodes:
        back = await subscribed(node)
        for channel in ("open:x", "ticks:x"):
            top = node.api("history", {"channel": channel, "limit": 0}).json["result"]
            result = await back.subscribe(channel, recover=True, epoch=top["epoch"], offset=38)
            assert [each["data"]["n"] for each in result["publications"]] == [39, 40]
    stored = keys(redis)
    assert "ticks:x" in stored and "open:x" not in stored


async def test_joins_and_leaves_of_both_reach_every_node(cluster):
    watching = await subscribed(cluster.nodes[0], "open:x", "ticks:x")
    member = await subscribed(cluster.nodes[1], "open:x", "ticks:x")
    for channel in ("open:x", "ticks:x"):
        # Its own joins came before.
        while (await watching.push("join", channel))["info"]["client"] != member.client:
            pass
        assert cluster.nodes[0].api("presence_stats", {"channel": channel}).json["result"]["num_clients"] == 2
    await member.close()
    for channel in ("open:x", "ticks:x"):
        assert (await watching.push("leave", channel))["info"]["client"] == member.client


async def test_an_engine_that_is_away_stops_only_its_own_channels(cluster, redis):
    """Publishers of its channels get a temporary error, subscribers keep their connections and hear everything later."""
    peers = [await subscribed(node, "open:x", "ticks:x") for node in cluster.nodes]
    cluster.nodes[0].publish("ticks:x", {"n": 1})
    for peer in peers:
        await peer.publication("ticks:x")
    redis.kill()
    poll(lambda: cluster.nodes[0].request("GET", "/health/ready").status == 503, "not ready")
    assert "error" in cluster.nodes[0].api("publish", {"channel": "ticks:x", "data": {"n": 2}}).json
    for number in range(1, 21):
        cluster.nodes[number % 2].publish("open:x", {"n": number})
    for peer in peers:
        assert [each["data"]["n"] for each in await peer.publications(20, "open:x")] == list(range(1, 21))
    redis.start()
    for node in cluster.nodes:
        poll(lambda: node.request("GET", "/health/ready").status == 200, "ready")
    await asyncio.to_thread(poll, lambda: "result" in cluster.nodes[1].api(
        "publish", {"channel": "ticks:x", "data": {"n": 2}, "idempotency_key": "two"}).json, "published")
    for peer in peers:
        assert (await peer.publication("ticks:x"))["data"] == {"n": 2}
