"""What our engines keep and send, seen by the brokers' own clients; and what these write, seen by our nodes."""

import asyncio
import base64
import contextlib
import json
import re

import nats
import nats.js.errors
import pytest
import redis
import redis.asyncio
from redis.cluster import RedisCluster as OfficialCluster
from redis.sentinel import Sentinel as OfficialSentinel

from harness.brokers import RedisCluster, RedisServer, Sentinel
from harness.cluster import NATS, SECRET, TIMING
from harness.configuration import BASE, merged
from harness.peer import Peer
from harness.schema import Envelope, Pack
from harness.server import Server, poll

CHANNEL = "open:official"
MARK = re.compile(r"1 P (\d+) (\d+) (\S+) (\S+)")


def token(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def node(directory, engine: dict, name: str = "node") -> Server:
    (directory / name).mkdir()
    changes = {"engine": engine | {"secret": SECRET} | TIMING, "node": {"name": name}}
    server = Server(directory / name, merged(BASE, changes)).start()
    poll(lambda: server.request("GET", "/health/ready").status == 200, "the engine to be reached")
    return server


def history(server: Server, channel: str = CHANNEL) -> dict:
    return server.api("history", {"channel": channel, "limit": 100}).result


def data(pages: dict) -> list:
    return [each["data"] for each in pages["publications"]]


async def heard(peer: Peer, count: int) -> list:
    return [each["data"] for each in await peer.publications(count, CHANNEL)]


# NATS


@pytest.fixture
def nats_node(tmp_path):
    broker = NATS(tmp_path / "nats").start()
    server = node(tmp_path, {"type": "nats", "nats": {"url": [f"nats://127.0.0.1:{broker.port}"], "streams": 1}})
    yield server, broker
    server.stop()
    broker.kill()


@contextlib.asynccontextmanager
async def official(broker: NATS):
    client = await nats.connect(f"nats://127.0.0.1:{broker.port}")
    try:
        yield client, client.jetstream()
    finally:
        await client.close()


async def stream_of(jetstream) -> str:
    (info,) = await jetstream.streams_info()
    return info.config.name


async def test_nats_py_reads_what_a_node_has_stored_field_by_field(nats_node):
    server, broker = nats_node
    for number in range(3):
        server.publish(CHANNEL, {"n": number}, tags={"colour": f"c{number}"}, idempotency_key=f"k{number}")
    page = history(server)
    async with official(broker) as (_, jetstream):
        name = await stream_of(jetstream)
        info = await jetstream.stream_info(name)
        assert info.config.metadata["pharos_schema"] == "1" and info.config.metadata["pharos_streams"] == "1"
        assert info.config.num_replicas == 1 and info.config.allow_direct
        subject = info.config.subjects[0].removesuffix(">") + "c." + token(CHANNEL)
        # A pull consumer of their own, the last message at the leader, and the same at any replica.
        consumer = await jetstream.pull_subscribe(subject, stream=name)
        messages = await consumer.fetch(3, timeout=10)
        for number, message in enumerate(messages):
            offset, count, epoch, _ = MARK.fullmatch(message.headers["Ph"]).groups()
            assert (int(offset), int(count), epoch) == (number + 1, 1, page["epoch"])
            (envelope,) = Pack.FromString(message.data).envelopes
            assert json.loads(envelope.publication.data) == {"n": number}
            assert dict(envelope.publication.tags) == {"colour": f"c{number}"}
            assert envelope.flags == 0
            await message.ack()
        for direct in (False, True):
            last = await jetstream.get_last_msg(name, subject, direct=direct)
            assert last.data == messages[2].data and last.headers["Ph"] == messages[2].headers["Ph"]
        # The first answer to an idempotency key.
        key = info.config.subjects[0].removesuffix(">") + f"k.{token(CHANNEL)}.{token('k1')}"
        assert (await jetstream.get_last_msg(name, key)).data.decode() == f"2 {page['epoch']}"


async def test_nats_py_hears_what_is_published_live(nats_node):
    server, broker = nats_node
    async with official(broker) as (client, _):
        listening = await client.subscribe("ph.l." + token(CHANNEL))
        plain = await client.subscribe("ph.l." + token("plain:official"))
        await client.flush()
        server.publish(CHANNEL, {"n": 1})
        message = await listening.next_msg(timeout=10)
        (envelope,) = Pack.FromString(message.data).envelopes
        assert json.loads(envelope.publication.data) == {"n": 1}
        assert message.headers["Nats-Sequence"] and message.headers["Nats-Stream"].startswith("PH_")
        # Without history nothing is stored: one byte for the kind, and the envelope.
        server.publish("plain:official", {"n": 2})
        message = await plain.next_msg(timeout=10)
        assert message.data[0] == 1 and json.loads(Envelope.FromString(message.data[1:]).publication.data) == {"n": 2}


async def test_a_node_reads_and_delivers_what_nats_py_stores(nats_node):
    """With the guard that the engine uses itself: one that does not hold stores nothing."""
    server, broker = nats_node
    server.publish(CHANNEL, {"n": 1})
    epoch = history(server)["epoch"]
    peer = await Peer.open(server)
    await peer.connect()
    await peer.subscribe(CHANNEL)
    async with official(broker) as (_, jetstream):
        name = await stream_of(jetstream)
        subject = (await jetstream.stream_info(name)).config.subjects[0].removesuffix(">") + "c." + token(CHANNEL)
        last = await jetstream.get_last_msg(name, subject)
        pack = Pack()
        for number in (2, 3):
            pack.envelopes.add().publication.data = b'{"n":%d}' % number
        guard = {"Nats-Expected-Last-Subject-Sequence": str(last.seq), "Ph": f"1 P 3 2 {epoch} theirs.1"}
        with pytest.raises(nats.js.errors.APIError):
            await jetstream.publish(subject, pack.SerializeToString(), headers=guard | {
                "Nats-Expected-Last-Subject-Sequence": str(last.seq + 1)})
        await jetstream.publish(subject, pack.SerializeToString(), headers=guard)
    assert await heard(peer, 2) == [{"n": 2}, {"n": 3}]
    assert server.publish(CHANNEL, {"n": 4})["offset"] == 4
    page = history(server)
    assert data(page) == [{"n": 1}, {"n": 2}, {"n": 3}, {"n": 4}]
    assert [each["offset"] for each in page["publications"]] == [1, 2, 3, 4] and page["epoch"] == epoch


async def test_noise_of_other_clients_on_our_subjects_does_no_harm(nats_node):
    server, broker = nats_node
    server.publish(CHANNEL, {"n": 1})
    async with official(broker) as (client, jetstream):
        await client.publish("ph.l." + token(CHANNEL), b"\x01\xff\xff\xff")
        await client.publish("ph.l." + token(CHANNEL), b"", headers={"Ph": "1 P 9 1 x y", "Nats-Sequence": "7"})
        await client.publish("ph.n.all", b"\x08\x01\x10\x02\x1a\xff")
        with pytest.raises(nats.errors.NoRespondersError):
            await client.request("ph.w.ffff", b"nobody", timeout=5)
        await client.flush()
    assert server.publish(CHANNEL, {"n": 2})["offset"] == 2
    assert data(history(server)) == [{"n": 1}, {"n": 2}]


# Redis


class Alone:
    """One server."""

    def __init__(self, directory):
        self.servers = [RedisServer(directory / "redis").start()]

    @property
    def section(self) -> dict:
        return {"address": [f"127.0.0.1:{self.servers[0].port}"]}

    def client(self, protocol: int):
        return redis.Redis(port=self.servers[0].port, protocol=protocol)

    def stop(self) -> None:
        for server in self.servers:
            server.kill()


class Watched(Alone):
    """A master with a replica, and three sentinels."""

    def __init__(self, directory):
        super().__init__(directory)
        replica = RedisServer(directory / "replica").start()
        replica.follow(self.servers[0].port)
        replica.wait_until_synced()
        self.sentinels = [
            Sentinel(directory / f"sentinel{index}", "main", self.servers[0].port).start() for index in range(3)]
        self.servers += [replica, *self.sentinels]

    @property
    def section(self) -> dict:
        addresses = [f"127.0.0.1:{sentinel.port}" for sentinel in self.sentinels]
        return {"sentinel_address": addresses, "sentinel_master_name": "main"}

    def client(self, protocol: int):
        addresses = [("127.0.0.1", sentinel.port) for sentinel in self.sentinels]
        return OfficialSentinel(addresses, protocol=protocol).master_for("main", protocol=protocol)


class Sharded(Alone):
    """A cluster of three masters."""

    def __init__(self, directory):
        self.cluster = RedisCluster(directory / "cluster")
        self.cluster.start()
        self.servers = self.cluster.servers

    @property
    def section(self) -> dict:
        return {"cluster_address": [f"127.0.0.1:{server.port}" for server in self.servers[:3]]}

    def client(self, protocol: int):
        return OfficialCluster(host="127.0.0.1", port=self.servers[0].port, protocol=protocol)


@pytest.fixture(params=[Alone, Watched, Sharded], ids=["alone", "sentinel", "cluster"])
def redis_node(request, tmp_path):
    brokers = request.param(tmp_path)
    server = node(tmp_path, {"type": "redis", "redis": brokers.section})
    yield server, brokers
    server.stop()
    brokers.stop()


def key(client, kind: str) -> str:
    """The key of the channel, whose hash tag is one of 128."""
    found = [name.decode() for name in client.scan_iter(f"pharos.{kind}.{{*}}.{CHANNEL}")]
    assert len(found) == 1, found
    return found[0]


@pytest.mark.parametrize("protocol", [2, 3])
def test_redis_py_reads_what_a_node_has_stored_field_by_field(redis_node, protocol):
    server, brokers = redis_node
    for number in range(3):
        server.publish(CHANNEL, {"n": number}, tags={"colour": f"c{number}"}, idempotency_key=f"k{number}",
                       version=number + 1, version_epoch="v")
    page = history(server)
    client = brokers.client(protocol)
    meta = client.hgetall(key(client, "m"))
    assert meta[b"o"] == b"3" and meta[b"e"].decode() == page["epoch"]
    assert re.fullmatch(rb"[0-9a-f]{40}", meta[b"f"])
    assert int(meta[b"v"]) == 3 and meta[b"w"] == b"v"
    entries = client.xrange(key(client, "s"))
    assert len(entries) == 3
    for number, (identity, fields) in enumerate(entries):
        offset, stored_ms = identity.decode().split("-")
        assert int(offset) == number + 1 and int(stored_ms) > 1_600_000_000_000
        envelope = Envelope.FromString(fields[b"d"])
        assert json.loads(envelope.publication.data) == {"n": number}
        assert dict(envelope.publication.tags) == {"colour": f"c{number}"}
        assert list(fields) == [b"d"]
    answers = {client.get(name) for name in client.scan_iter(f"pharos.k.{{*}}.{len(CHANNEL)}.{CHANNEL}*")}
    assert answers == {f"{number} {page['epoch']}".encode() for number in (1, 2, 3)}
    client.close()


@pytest.mark.parametrize("protocol", [2, 3])
async def test_redis_py_hears_what_is_published_and_is_heard(redis_node, protocol):
    server, brokers = redis_node
    peer = await Peer.open(server)
    await peer.connect()
    await peer.subscribe(CHANNEL)
    server.publish(CHANNEL, {"n": 1})
    assert await heard(peer, 1) == [{"n": 1}]
    client = brokers.client(protocol)
    epoch = history(server)["epoch"]
    name = key(client, "s").replace("pharos.s.", "pharos.c.", 1)
    is_sharded = isinstance(brokers, Sharded)
    listening = client.pubsub()
    listening.ssubscribe(name) if is_sharded else listening.subscribe(name)

    def next_message():
        if is_sharded:
            return listening.get_sharded_message(ignore_subscribe_messages=True, timeout=1)
        return listening.get_message(ignore_subscribe_messages=True, timeout=1)

    next_message()
    server.publish(CHANNEL, {"n": 2})
    found = []
    await asyncio.to_thread(poll, lambda: found.append(next_message()) or found[-1] is not None, "the message")
    head, _, envelope = found[-1]["data"].partition(b"\n")
    assert head.startswith(f"p2 {epoch} ".encode())
    assert json.loads(Envelope.FromString(envelope).publication.data) == {"n": 2}
    assert await heard(peer, 1) == [{"n": 2}]
    # The other way: the third publication, stored and told as the script does it.
    third = Envelope()
    third.publication.data = b'{"n":3}'
    client.hincrby(key(client, "m"), "o", 1)
    client.xadd(key(client, "s"), {"d": third.SerializeToString()}, id="3-1700000000000")
    message = f"p3 {epoch} \n".encode() + third.SerializeToString()
    assert (client.spublish(name, message) if is_sharded else client.publish(name, message)) >= 1
    assert await heard(peer, 1) == [{"n": 3}]
    assert server.publish(CHANNEL, {"n": 4})["offset"] == 4
    listening.close()
    client.close()


def test_a_failover_that_redis_py_follows_is_one_that_a_node_follows(tmp_path):
    brokers = Watched(tmp_path)
    server = node(tmp_path, {"type": "redis", "redis": brokers.section})
    try:
        server.publish(CHANNEL, {"n": 1})
        epoch = history(server)["epoch"]
        client = brokers.client(3)
        assert client.hget(key(client, "m"), "o") == b"1"
        brokers.servers[0].kill()

        def answered() -> bool:
            answer = server.api("publish", {"channel": CHANNEL, "data": {"n": 2}}).json
            return "result" in answer

        poll(answered, "the failover", 60)
        # Another master: another epoch, which both see.
        page = history(server)
        assert page["epoch"] != epoch and data(page) == [{"n": 2}]
        client = brokers.client(3)
        assert client.hget(key(client, "m"), "e").decode() == page["epoch"]
    finally:
        server.stop()
        brokers.stop()
