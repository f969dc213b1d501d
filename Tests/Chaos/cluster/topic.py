"""Scenarios of the `topic` engine alone."""

import asyncio
import shutil

from harness.configuration import BASE, merged
from harness.server import Server, free_port, poll

from .rig import ClusterRig
from .scenario import scenario, stay


@scenario(5, over=stay("topic"), short=("topic",))
async def second_topic_node(rig: ClusterRig):
    """A second node with the role `topic` is started with the cluster's configuration, on the port of the first. It must not
    start; the cluster does not notice."""
    await rig.start()
    before = rig.connections()
    directory = rig.directory / "hub2"
    directory.mkdir()
    second = Server(directory, merged(
        merged(BASE, rig.cluster.changes), {"node": {"name": "hub2", "roles": ["topic"]}}))
    second.spawn()
    try:
        await asyncio.to_thread(poll, lambda: not second.is_running, "the second topic node to give up")
        rig.say(f"it ended with {second.process.returncode}: {second.log().strip().splitlines()[-1][:160]}")
        if second.process.returncode == 0:
            rig.problem("a second topic node ended as if all were well")
    except AssertionError as problem:
        rig.problem(f"a second topic node runs: {problem}")
    finally:
        second.kill()
    await rig.load(1)
    rig.demand_pause_only(rig.staying, before)


@scenario(5, 9, over={"topic": "may"})
async def wrong_topic_node(rig: ClusterRig):
    """For 5 s the address of one node leads to another topic node, with the same secret and a history of its own. Its clients
    are told that the stream is another, and told again when it is back: never `recovered: true` over a hole."""
    await rig.start()
    directory = rig.directory / "hub2"
    directory.mkdir()
    wrong = free_port()
    second = Server(directory, merged(
        merged(BASE, rig.cluster.changes),
        {"node": {"name": "hub2", "roles": ["topic"]},
         "engine": {"topic": {"address": f"127.0.0.1:{wrong}", "listen": f"127.0.0.1:{wrong}"}}}))
    await asyncio.to_thread(second.start)
    try:
        right = rig.links[2][0].target
        rig.links[2][0].move(wrong)
        rig.say("n2 is led to the wrong topic node")
        await rig.load(5)
        rig.links[2][0].move(right)
        rig.say("n2 is led back")
        await rig.load(4)
    finally:
        await asyncio.to_thread(second.stop)


@scenario(6, over={"topic": "change"})
async def engine_disk_lost(rig: ClusterRig):
    """The engine is killed and comes back with an empty disk. All streams are new, and everybody is told."""
    await rig.start()
    await rig.load(1)
    await rig.kill_engine()
    shutil.rmtree(rig.hub.directory / "store")
    await rig.restart_engine()
    await rig.answers()
    await rig.load(3)


@scenario(6, over={"topic": "change"})
async def engine_old_backup(rig: ClusterRig):
    """The engine is killed and comes back with an older copy of its disk, put back as docs/guarantees.md says: without
    `pharos.db-answered`. All streams are new, and everybody is told."""
    store, copy = rig.hub.directory / "store", rig.hub.directory / "backup"
    await rig.start()
    await rig.kill_engine()
    shutil.copytree(store, copy)
    await rig.restart_engine()
    await rig.answers(60)
    await rig.load(1)
    await rig.kill_engine()
    shutil.rmtree(store)
    copy.rename(store)
    # A whole directory of an earlier time cannot be told from the directory itself.
    (store / "pharos.db-answered").unlink()
    # What the copy holds is still right: it stays in its places, under the new epoch.
    rig.ledger.keeps_places = True
    rig.say("an old copy of the disk is put back")
    await rig.restart_engine()
    await rig.answers()
    await rig.load(3)
