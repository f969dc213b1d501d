"""Scenarios of the `redis` engine alone."""

import asyncio
import contextlib
import shutil

from harness.brokers import BrokerRefused, redis

from .rig import CHANNELS, ClusterRig
from .scenario import scenario, stay

MASTERED = ("redis", "redis-pair", "redis-sentinel", "redis-cluster")
# Writes that the master acknowledges and the replica never gets.
LOST = 5


async def lose_acknowledged_writes(rig: ClusterRig, master, replica) -> None:
    """The replica is cut off; more is answered for; then the master is killed."""
    await asyncio.to_thread(replica.lose_master, master)
    rig.say(f"the replica is cut off, after {rig.publishers.answered} answers")
    for name in CHANNELS:
        await rig.publishers.burst(name, LOST)
    await rig.load(1)
    lost = {name: rig.ledger.channels[name].top(rig.ledger.channels[name].epoch) for name in CHANNELS}
    await asyncio.to_thread(master.kill)
    rig.say(f"the master is killed, its last offsets are {lost}")


@scenario(2, over={"redis-pair": "change", "redis-sentinel": "change"}, short=("redis-pair",))
async def failover_loses_acknowledged_writes(rig: ClusterRig):
    """The replica is cut off, more is acknowledged, the master is killed, the replica promoted: it lacks what was
    acknowledged. All streams begin anew, every client is told, and none hears `recovered: true` over the hole."""
    engine = rig.engine
    await rig.start()
    await rig.load(1)
    if engine.name == "redis-pair":
        await lose_acknowledged_writes(rig, engine.master, engine.replica)
        await asyncio.to_thread(engine.promote)
    else:
        await lose_acknowledged_writes(
            rig, await asyncio.to_thread(engine.master), await asyncio.to_thread(engine.replica))
        await asyncio.to_thread(engine.wait_for_promotion)
    rig.say("the replica is promoted")
    rig.say(f"first answer {await rig.answers():.2f} s later")
    await rig.load(3)


@scenario(3, 4, over={"redis-pair": "change"})
async def old_master_stays_writable(rig: ClusterRig):
    """The replica is cut off and promoted while the old master lives on. Two nodes are led to the new one; the third writes to
    the old one for 4 s more and is led over then. Both sides have streams of their own, and a client that changes sides is told."""
    engine = rig.engine
    await rig.start()
    old, new = engine.master, engine.replica
    await asyncio.to_thread(new.lose_master, old)
    await asyncio.to_thread(new.find_master)
    await asyncio.to_thread(new.lead)
    engine.master, engine.replica = new, old
    await asyncio.to_thread(engine.lead_to, new, (0, 1))
    rig.say("n0 and n1 are led to the promoted replica, n2 still writes to the old master")
    await rig.load(4)
    await asyncio.to_thread(engine.lead_to, new, (2,))
    rig.say("n2 is led over")
    await rig.load(1)
    await asyncio.to_thread(old.follow, new.port)
    await rig.load(3)


@scenario(9, over={"redis-pair": "may"})
async def linked_to_detached_replica(rig: ClusterRig):
    """The address of one node leads to a replica that was detached, and is writable, for 4 s; then back. Its clients are told
    both times."""
    engine = rig.engine
    await rig.start()
    await asyncio.to_thread(engine.replica.lead)
    await asyncio.to_thread(engine.lead_to, engine.replica, (2,))
    rig.say("n2 is led to the detached replica")
    await rig.load(4)
    await asyncio.to_thread(engine.lead_to, engine.master, (2,))
    rig.say("n2 is led back")
    await rig.load(4)


@scenario(9, over=stay("redis-pair"))
async def linked_to_replica(rig: ClusterRig):
    """The address of one node leads to a replica that follows, and refuses writes, for 4 s; then back. Publishers of that node
    get temporary errors, and nothing is lost, doubled or told."""
    engine = rig.engine
    await rig.start()
    await asyncio.to_thread(engine.lead_to, engine.replica, (2,))
    rig.say("n2 is led to the replica")
    await rig.load(4)
    await asyncio.to_thread(engine.lead_to, engine.master, (2,))
    rig.say("n2 is led back")
    await rig.load(4)


def masters(rig: ClusterRig) -> list:
    match rig.engine.name:
        case "redis-cluster":
            return [server for server in rig.engine.servers if "master" in server.ask("ROLE")[0]]
        case "redis-sentinel":
            return [rig.engine.master()]
        case _:
            return [rig.engine.victim()]


def ask_masters(rig: ClusterRig, *words) -> None:
    for server in masters(rig):
        server.ask(*words)


@scenario(6, over=dict.fromkeys(MASTERED, "change"))
async def flushed(rig: ClusterRig):
    """FLUSHALL under load. All streams begin anew, and every client is told."""
    await rig.start()
    await rig.load(1)
    await asyncio.to_thread(ask_masters, rig, "FLUSHALL")
    rig.say("everything is flushed")
    await rig.load(4)


def delete_keys(rig: ClusterRig, pattern: str) -> int:
    count = 0
    for server in masters(rig):
        for key in server.ask("KEYS", pattern):
            count += server.ask("DEL", key)
    return count


@scenario(6, over={"redis": "change", "redis-cluster": "change"})
async def meta_evicted(rig: ClusterRig):
    """What Redis knows of each stream is evicted, while the streams stay. They begin anew, and every client is told."""
    await rig.start()
    await rig.load(1)
    rig.say(f"{await asyncio.to_thread(delete_keys, rig, '*.m.*')} keys are evicted")
    await rig.load(4)


@scenario(6, over={"redis": "change"})
async def redis_old_backup(rig: ClusterRig):
    """Redis is killed and comes back with an older copy of its files: offsets that were answered for are given again, in a new
    epoch, and every client is told."""
    engine = rig.engine
    files, copy = engine.server.directory, rig.directory / "backup"
    await rig.start()
    await rig.kill_engine()
    shutil.copytree(files, copy)
    await rig.restart_engine()
    await rig.answers(60)
    await rig.load(1)
    await rig.kill_engine()
    shutil.rmtree(files)
    copy.rename(files)
    rig.say("old files are put back")
    await rig.restart_engine()
    await rig.answers()
    await rig.load(3)


@scenario(16, over=stay("redis", "redis-pair", "redis-cluster"))
async def redis_out_of_memory(rig: ClusterRig):
    """Redis has no memory left for 3 s. Publishers are told, readers go on, and it goes on by itself."""
    await rig.start()
    await rig.load(1)
    before, answered = rig.publishers.refused, rig.publishers.answered
    await asyncio.to_thread(ask_masters, rig, "CONFIG", "SET", "maxmemory", "1")
    await rig.load(3)
    rig.say(f"{rig.publishers.refused - before} refused, {rig.publishers.answered - answered} answered for meanwhile")
    if rig.publishers.refused == before:
        rig.problem("nobody was refused, though there was no memory")
    await asyncio.to_thread(ask_masters, rig, "CONFIG", "SET", "maxmemory", "0")
    await rig.answers()
    await rig.load(2)


@scenario(7, over=stay(*MASTERED))
async def connections_killed(rig: ClusterRig):
    """Redis ends the connections of subscribers, of all others, or of both, again and again. Repaired in place."""
    await rig.start()
    before = rig.connections()
    for _ in range(10):
        for kind in rig.chance.choice((("pubsub",), ("normal",), ("pubsub", "normal"))):
            # With SKIPME the connection that asks stays.
            with contextlib.suppress(OSError, BrokerRefused):
                await asyncio.to_thread(ask_masters, rig, "CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")
        await rig.load(rig.chance.uniform(0.1, 0.7))
    await rig.load(2)
    rig.demand_pause_only(rig.staying, before)


@scenario(10, over={"redis-cluster": "may"})
async def masters_change_under_load(rig: ClusterRig):
    """CLUSTER FAILOVER, of which Redis promises that nothing is lost, on every replica in turn. Streams may begin anew; then
    every client is told."""
    await rig.start()
    for server in list(rig.engine.servers):
        def is_replica() -> bool:
            return server.ask("ROLE")[0] != "master"

        if await asyncio.to_thread(is_replica):
            await asyncio.to_thread(server.ask, "CLUSTER", "FAILOVER")
            await rig.load(1.5)
    await asyncio.to_thread(rig.engine.redis.wait_until_whole)
    await rig.load(3)


def move_slots(rig: ClusterRig) -> int:
    """Each channel's slot moves to another master, keys first, as a resharding does it."""
    cluster, moved = rig.engine.redis, 0
    places = {}
    for server in masters(rig):
        for key in server.ask("KEYS", "*.m.*"):
            places[server.ask("CLUSTER", "KEYSLOT", key)] = server
    for slot, source in places.items():
        target = next(server for server in masters(rig) if server is not source)
        target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", cluster.identity(source))
        source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", cluster.identity(target))
        while keys := source.ask("CLUSTER", "GETKEYSINSLOT", slot, 10):
            for key in keys:
                with contextlib.suppress(BrokerRefused):
                    redis(source.port, "MIGRATE", "127.0.0.1", target.port, key, 0, 5_000)
        for server in (target, source, *masters(rig)):
            server.ask("CLUSTER", "SETSLOT", slot, "NODE", cluster.identity(target))
        moved += 1
    return moved


@scenario(10, over={"redis-cluster": "may"}, short=("redis-cluster",))
async def slots_move_under_load(rig: ClusterRig):
    """The slots of all channels move to other masters, twice. Streams may begin anew; then every client is told."""
    await rig.start()
    for _ in range(2):
        rig.say(f"{await asyncio.to_thread(move_slots, rig)} slots have moved")
        await rig.load(2)
    await asyncio.to_thread(rig.engine.redis.wait_until_whole)
    await rig.load(2)
