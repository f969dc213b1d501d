"""`pharos doctor` and the servers of an engine: what it finds out about them, and what it advises."""

import json
import subprocess

import nats
import pytest

from harness.brokers import RedisServer
from harness.cluster import NATS, SECRET
from harness.configuration import BASE, merged
from harness.server import binary, clean_environment, free_port, poll


@pytest.fixture
def redis_with(tmp_path):
    made: list[RedisServer] = []

    def start(*more: str, file: str = "") -> RedisServer:
        made.append(RedisServer(tmp_path / f"redis{len(made)}", more=more, file=file).start())
        return made[-1]

    yield start
    for server in made:
        server.kill()


def doctor(directory, engine: dict) -> tuple[int, str]:
    path = directory / "doctor.yaml"
    path.write_text(json.dumps(merged(BASE, {"engine": engine | {"secret": SECRET}})))
    run = subprocess.run([binary(), "doctor", "--config", str(path)], capture_output=True, text=True, cwd=directory,
                         env=clean_environment())
    return run.returncode, run.stdout


def about(server: RedisServer, directory, **options) -> str:
    section = {"type": "redis", "redis": {"address": [f"127.0.0.1:{server.port}"]} | options}
    told = doctor(directory, section)[1]
    assert "redis: " in told, told
    return told


def test_a_redis_that_keeps_what_it_acknowledges(redis_with, tmp_path):
    told = about(redis_with(), tmp_path)
    version = redis_with().ask("INFO", "server").split("redis_version:")[1].split("\r")[0]
    assert f"redis {version}" in told
    assert "a power failure loses the last second (appendfsync everysec)" in told
    assert "differs by less than a second" in told
    for silent in ("min-replicas-to-write", "maxmemory-policy", "hidden"):
        assert silent not in told


@pytest.mark.parametrize("options, words", [
    (("--appendonly", "no"), "a restart of the server loses all histories"),
    (("--appendonly", "no", "--save", "3600 1"), "only snapshots are written"),
    (("--appendfsync", "no"), "appendfsync is no"),
    (("--appendfsync", "always"), "each write is on the disk before it is acknowledged"),
    (("--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"), "allkeys-lru: when memory runs out"),
    (("--min-replicas-to-write", "1"), "min-replicas-to-write is 1, and the master has 0"),
])
def test_what_the_settings_of_a_redis_mean(options, words, redis_with, tmp_path):
    assert words in about(redis_with(*options), tmp_path)


def test_a_redis_with_a_replica(redis_with, tmp_path):
    master, replica = redis_with(), redis_with()
    replica.follow(master.port)
    replica.wait_until_synced()
    assert "min-replicas-to-write is 0" in about(master, tmp_path)
    assert "engine.redis.replicas is 2, and the master has 1" in about(
        master, tmp_path, durability="replicated", replicas=2)
    master.ask("CONFIG", "SET", "min-replicas-to-write", "1")
    assert "replicas: 1 connected" in about(master, tmp_path)


def test_a_redis_that_hides_what_it_is(redis_with, tmp_path):
    renamed = about(redis_with(file='rename-command CONFIG ""\n'), tmp_path)
    assert "CONFIG is hidden: how much a power failure loses cannot be told" in renamed
    server = redis_with()
    server.ask("ACL", "SETUSER", "poor", "on", ">secret", "~*", "&*", "+@all", "-info", "-config")
    poor = about(server, tmp_path, user="poor", password="secret")
    assert "INFO is hidden" in poor and "CONFIG and INFO are hidden" in poor


async def test_the_streams_of_a_nats(tmp_path):
    broker = NATS(tmp_path / "nats").start()
    try:
        section = {"type": "nats", "nats": {"url": [f"nats://127.0.0.1:{broker.port}"], "replicas": 1}}
        status, told = doctor(tmp_path, section)
        assert "nats-server: version 2." in told and "sync_interval" in told and "nats stream" not in told
        client = await nats.connect(f"nats://127.0.0.1:{broker.port}")
        await client.jetstream().add_stream(
            name="PH_F16-0_0", subjects=["ph.h.F16-0.0.>"], metadata={"pharos_schema": "1", "pharos_streams": "8"})
        status, told = doctor(tmp_path, section)
        assert "differs by less than a second" in told and "nats stream" not in told
        assert "it has one copy, and engine.nats.replicas is 3" in doctor(
            tmp_path, merged(section, {"nats": {"replicas": 3}}))[1]
        status, told = doctor(tmp_path, merged(section, {"nats": {"streams": 4}}))
        assert status == 1 and "is one of 8 per class, this server is configured for 4" in told
        await client.jetstream().add_stream(name="PH_F16-0_1", subjects=["ph.h.F16-0.1.>"])
        status, told = doctor(tmp_path, section)
        assert status == 1 and "stream PH_F16-0_1 has schema none, this server needs 1" in told
        await client.close()
    finally:
        broker.kill()


def test_the_clocks_of_the_topic_node_and_of_other_nodes(launch, tmp_path):
    port = free_port()
    topic = {"type": "topic", "secret": SECRET, "topic": {"address": f"127.0.0.1:{port}"}}
    hub = launch({"engine": topic, "node": {"name": "hub", "roles": ["clients", "topic"]}})
    poll(lambda: hub.request("GET", "/health/ready").status == 200, "the topic node to be ready")
    told = doctor(tmp_path, topic)[1]
    assert "the topic node differs by less than a second" in told
    (node,) = hub.api("info").result["nodes"]
    assert f"node {node['uid']} differs by less than a second" in told
