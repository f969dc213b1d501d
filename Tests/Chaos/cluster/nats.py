"""Scenarios of the `nats` engine alone."""

import asyncio
import contextlib

from harness.brokers import BrokerRefused, nats_ask

from .rig import ClusterRig
from .scenario import scenario, stay


def port(rig: ClusterRig) -> int:
    return rig.engine.server.port if rig.engine.name == "nats" else rig.engine.nats.alive().port


def history_streams(rig: ClusterRig) -> list[str]:
    return [name for name in nats_ask(port(rig), "$JS.API.STREAM.NAMES").get("streams") or [] if name.startswith("PH_")]


def of_all_streams(rig: ClusterRig, what: str) -> int:
    """One request of the API for each stream; how many were granted."""
    count = 0
    for name in history_streams(rig):
        with contextlib.suppress(BrokerRefused, OSError):
            nats_ask(port(rig), f"$JS.API.STREAM.{what}.{name}")
            count += 1
    return count


@scenario(6, over={"nats": "may", "nats3": "may"})
async def streams_purged(rig: ClusterRig):
    """All streams are purged under load. A client that missed something is told; none hears `recovered: true` over the hole."""
    await rig.start()
    await rig.load(1)
    rig.ledger.forget_from_now()
    rig.say(f"{await asyncio.to_thread(of_all_streams, rig, 'PURGE')} streams purged")
    rig.ledger.forget_until_now()
    await rig.load(4)


@scenario(6, over={"nats": "change", "nats3": "change"}, short=("nats",))
async def streams_deleted(rig: ClusterRig):
    """All streams are deleted under load. They are made anew, with new epochs, and every client is told."""
    await rig.start()
    await rig.load(1)
    rig.say(f"{await asyncio.to_thread(of_all_streams, rig, 'DELETE')} streams deleted")
    rig.say(f"first answer {await rig.answers():.2f} s later")
    await rig.load(4)


@scenario(10, over=stay("nats3"), short=("nats3",))
async def leaders_step_down(rig: ClusterRig):
    """The leaders of all streams step down, three times. Nothing is lost, doubled or told."""
    await rig.start()
    for _ in range(3):
        rig.say(f"{await asyncio.to_thread(of_all_streams, rig, 'LEADER.STEPDOWN')} leaders step down")
        await rig.load(2)
    await rig.load(1)


@scenario(10, over=stay("nats3"))
async def servers_rolled(rig: ClusterRig):
    """The servers of NATS are killed and started one after the other, each once the others have taken over. Nothing is lost,
    doubled or told."""
    await rig.start()
    for server in rig.engine.servers:
        await asyncio.to_thread(server.kill)
        await rig.load(2)
        await rig.answers()
        await asyncio.to_thread(server.start)
        rig.say(f"{server.more[1]} was away")
        await rig.load(3)


@scenario(3, 16, over=stay("nats3"))
async def majority_of_servers_lost(rig: ClusterRig):
    """Two of three servers are killed for 4 s: nothing can be stored. Publishers are told; then all goes on by itself."""
    await rig.start()
    for server in rig.engine.servers[:2]:
        await asyncio.to_thread(server.kill)
    rig.say(f"two servers killed, after {rig.publishers.answered} answers")
    await rig.load(4)
    for server in rig.engine.servers[:2]:
        await asyncio.to_thread(server.start)
    rig.say(f"first answer {await rig.answers():.2f} s after they are back")
    await rig.load(3)


@scenario(1, over=stay("nats3"))
async def all_servers_killed(rig: ClusterRig):
    """All three servers are killed at once, and come back. Nothing that was answered for is lost, since the kernel keeps what
    they wrote; no client is told."""
    await rig.start()
    await rig.load(1)
    for server in rig.engine.servers:
        await asyncio.to_thread(server.kill)
    rig.say(f"all servers killed, after {rig.publishers.answered} answers")
    await rig.load(1)
    await rig.restart_engine()
    rig.say(f"first answer {await rig.answers():.2f} s after they are back")
    await rig.load(3)
