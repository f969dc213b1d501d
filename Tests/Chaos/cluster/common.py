"""Scenarios that every engine has to survive. The docstring of each states the outcome."""

import asyncio

from harness.cluster import TIMING

from .rig import ClusterRig
from .scenario import scenario, stay

# Seconds after which a node without a sign of life is taken for dead.
NODE_TIMEOUT = float(TIMING["node_timeout"].removesuffix("s"))
# Redis begins a new epoch when its server was restarted or its replica promoted: what it keeps may be older than what was
# answered for. In a Redis Cluster that is so for the channels of the master that was killed.
LASTING = stay("topic", "nats", "nats3") | {
    "redis": "change", "redis-pair": "change", "redis-sentinel": "change", "redis-cluster": "may"}
# What the short run goes over.
BASIC = ("topic", "nats", "redis")
# Nothing happens to what is kept. The first are those whose nodes have links that a proxy can stand in.
LINKED = stay("topic", "nats", "nats3", "redis", "redis-pair")
UNTOUCHED = LINKED | stay("redis-sentinel", "redis-cluster")
# Replicas are promoted if the master is silent for long.
SILENT = LINKED | {"redis-sentinel": "may", "redis-cluster": "may"}
# A master of Redis takes a new replication id when its first replica comes.
JOINED = LINKED | {"redis-pair": "may", "redis-sentinel": "may", "redis-cluster": "may"}


@scenario(1, 17, over=LASTING, short=BASIC)
async def engine_killed(rig: ClusterRig):
    """The engine is killed under load, is away for a while, and comes back, twice. Publishers get temporary errors;
    clients stay connected; where what it keeps lasts (topic on disk, NATS), epochs stay and everything that was answered
    for is there; Redis begins new epochs and tells everyone. Time to the first answer is reported."""
    await rig.start()
    for away in (0.2, 4.0):
        await rig.load(2)
        await rig.kill_engine()
        await rig.load(away)
        await rig.restart_engine()
        rig.say(f"first answer {await rig.answers():.2f} s after it was there again")
        await rig.load(2)


@scenario(1, 6, over={"topic": "change"}, history="memory", short=("topic",))
async def engine_killed_memory(rig: ClusterRig):
    """The same with history in memory: it is gone with the engine, so epochs change, and every client is told, whether
    connected or away."""
    await rig.start()
    await rig.load(2)
    await rig.kill_engine()
    await rig.load(1)
    await rig.restart_engine()
    rig.say(f"first answer {await rig.answers():.2f} s after it was there again")
    await rig.load(3)


@scenario(16, over=SILENT)
async def engine_frozen(rig: ClusterRig):
    """The engine stops without a word (SIGSTOP) until all nodes have found it out, and longer. Publishers get errors within
    their time, `/health/ready` says so on every node, clients stay, and nothing is lost, doubled or told. Where others take
    over, they do, and what was frozen finds its place again."""
    await rig.start()
    await rig.load(1)
    rig.freeze_engine(True)
    if rig.engine.is_single:
        await asyncio.gather(*(rig.until_ready(node, 503) for node in rig.nodes))
    await rig.load(4)
    rig.freeze_engine(False)
    rig.say(f"first answer {await rig.answers():.2f} s later")
    await rig.load(3)


@scenario(16, over=UNTOUCHED)
async def engine_frozen_briefly(rig: ClusterRig):
    """The engine stops for 1 s, three times: shorter than any probe. Nothing is lost, doubled or told."""
    await rig.start()
    for _ in range(3):
        await rig.load(1)
        rig.freeze_engine(True)
        await rig.load(1)
        rig.freeze_engine(False)
    await rig.load(2)


@scenario(11, over=UNTOUCHED, short=("nats",))
async def node_killed(rig: ClusterRig):
    """A node is killed, stays away beyond `node_timeout`, and returns, while its clients go to others or wait. They
    recover wherever they go; everyone else notices nothing; its members leave the presence of the others."""
    await rig.start()
    others = [reader for reader in rig.staying if reader.home is not rig.n[2]]
    before = rig.connections()
    await rig.kill(rig.n[2])
    await rig.load(NODE_TIMEOUT + 2)
    rig.demand_pause_only(others, before)
    await rig.restart(rig.n[2])
    await rig.load(2)


@scenario(11, over=UNTOUCHED)
async def nodes_rolled(rig: ClusterRig):
    """All nodes are ended and started one after the other, as for a new version. Clients are told to reconnect, and
    recover on other nodes; nothing is lost or told."""
    await rig.start()
    for node in rig.nodes:
        await rig.terminate(node)
        await rig.load(0.5)
        await rig.restart(node)
        await rig.load(1)


@scenario(11, over=UNTOUCHED, short=("topic",))
async def node_paused(rig: ClusterRig):
    """A node is stopped for 1 s, and for 5 s, which is beyond `node_timeout`; the long form adds 20 s and 60 s. It comes
    back right by itself: its feeds are repaired, and its members are back in presence once."""
    await rig.start()
    for seconds in (1, 5) if rig.pace <= 1 else (5, 20, 60):
        rig.freeze(rig.n[1], True)
        await asyncio.sleep(seconds)
        rig.freeze(rig.n[1], False)
        await rig.whole()
        await rig.load(2)


@scenario(7, over=LINKED, short=BASIC)
async def link_cut(rig: ClusterRig):
    """The link of a node is reset, and is away for 1 s, three times. Its feeds are repaired in place: its clients neither
    lose their connection nor hear of it."""
    await rig.start()
    before = rig.connections()
    for _ in range(3):
        rig.cut(0)
        await asyncio.sleep(1)
        rig.heal(0)
        await rig.until_ready(rig.n[0], 200)
        await rig.load(1.5)
    await rig.load(1)
    rig.demand_pause_only(rig.staying, before)


@scenario(7, over=LINKED, short=("redis-pair",))
async def link_blinks(rig: ClusterRig):
    """All links of all nodes are reset again and again, each for no longer than it takes to connect. Repaired in place."""
    await rig.start()
    before = rig.connections()
    for _ in range(20):
        for link in rig.links[rig.chance.randrange(3)]:
            link.blink()
        await asyncio.sleep(rig.chance.uniform(0.05, 0.5))
    await rig.load(2)
    rig.demand_pause_only(rig.staying, before)


@scenario(7, over=LINKED, short=BASIC)
async def link_cut_beyond_history(rig: ClusterRig):
    """The link of a node is away while the small channel takes twice what it keeps. Its subscribers on that node are told;
    channels that keep more are repaired. No client is told `recovered: true` over the hole."""
    await rig.start()
    rig.cut(0)
    await rig.load(1)
    await rig.publishers.burst("few:c", 140, rig.n[1])
    rig.say("140 more in the small channel")
    rig.heal(0)
    await rig.until_ready(rig.n[0], 200)
    await rig.load(3)
    told = [reader for reader in rig.staying if reader.home is rig.n[0] and reader.book.losses]
    if not told:
        rig.problem("nobody on n0 was told, though the small channel lost more than it keeps")


@scenario(7, over=LINKED)
async def link_cut_beyond_node_timeout(rig: ClusterRig):
    """The link of a node is away for longer than `node_timeout`: for the others it is dead, for itself it is not. When
    the link is back everything is, clients stay where they are, and presence is whole again."""
    await rig.start()
    before = rig.connections()
    rig.cut(1)
    await rig.until_ready(rig.n[1], 503)
    await rig.load(NODE_TIMEOUT + 3)
    rig.heal(1)
    await rig.until_ready(rig.n[1], 200)
    await rig.load(2)
    rig.demand_pause_only(rig.staying, before)


@scenario(8, over=LINKED, short=("topic",))
async def link_half_open(rig: ClusterRig):
    """The link of a node swallows everything, and neither end is told. The node's probe finds it, `/health/ready` of that
    node, and of that alone, says so; once the way is free again the node makes a new connection and repairs."""
    await rig.start()
    rig.swallow(2)
    await rig.until_ready(rig.n[2], 503)
    for node in rig.nodes[:2]:
        if (status := await rig.ready(node)) != 200:
            rig.problem(f"{node.directory.name} has a link that is well, and is said to be not ready: {status}")
    await rig.load(2)
    rig.heal(2)
    await rig.until_ready(rig.n[2], 200)
    await rig.whole()
    await rig.load(2)


@scenario(7, over=LINKED)
async def link_slow(rig: ClusterRig):
    """The link of one node is half a second late in both directions, and is reset in this state. Late, but in order and
    whole."""
    await rig.start()
    rig.delay(1, 0.5)
    await rig.load(3)
    for link in rig.links[1]:
        link.blink()
    await rig.load(3)
    rig.heal(1)
    await rig.load(1)


@scenario(3, over=LINKED, short=("nats",))
async def minority_cut_off(rig: ClusterRig):
    """Two of three nodes lose the engine for 6 s, with clients and publishers on all sides. On the side without the engine
    publishers get temporary errors, and nothing is taken that would have to be undone; afterwards all agree."""
    await rig.start()
    rig.cut(0)
    rig.cut(1)
    await rig.until_ready(rig.n[0], 503)
    await rig.load(6)
    rig.heal(1)
    await rig.load(1)
    rig.heal(0)
    await rig.until_ready(rig.n[0], 200)
    await rig.load(2)


@scenario(14, over=LASTING, short=("topic", "nats"))
async def all_move_while_engine_restarts(rig: ClusterRig):
    """The engine is killed, and while it starts all clients that can move leave their nodes at once, twice. Everyone
    recovers where it arrives, or is told the truth."""
    await rig.start()
    movers = [reader for reader in rig.readers if not reader.home]
    await rig.kill_engine()
    for reader in movers:
        reader.switch(False)
    await rig.load(1.5)
    for reader in movers:
        reader.switch(True)
    await rig.restart_engine()
    for reader in movers:
        reader.switch(False)
    await rig.answers()
    await rig.load(3)


@scenario(14, 1, over=LASTING)
async def node_and_engine_killed(rig: ClusterRig):
    """A node and the engine are killed at the same moment; the engine returns first. Everyone recovers on the others."""
    await rig.start()
    await asyncio.gather(rig.kill(rig.n[0]), rig.kill_engine())
    await rig.load(1)
    await rig.restart_engine()
    await rig.answers()
    await rig.load(1)
    await rig.restart(rig.n[0])
    await rig.load(2)


@scenario(17, over=JOINED, short=("redis",))
async def engine_absent_at_start(rig: ClusterRig):
    """Nodes start without their engine and say so in `/health/ready`; clients and publishers are there first. Once it is
    there everything begins by itself."""
    await rig.start_nodes()
    for node in rig.nodes:
        if (status := await rig.ready(node)) != 503:
            rig.problem(f"{node.directory.name} has no engine, /health/ready says {status}")
    await rig.start_load()
    await rig.load(3)
    if rig.publishers.answered:
        rig.problem(f"{rig.publishers.answered} publications were answered for without an engine")
    await rig.restart_engine()
    rig.say(f"first answer {await rig.answers():.2f} s after it was there")
    await rig.all_there()
    await rig.load(3)


@scenario(15, over=UNTOUCHED, short=("topic",))
async def clocks_apart(rig: ClusterRig):
    """The clocks of the nodes are an hour apart, and one is stepped by an hour under load. Nothing is lost, doubled or told;
    nothing expires early."""
    clocks = [rig.clock(node) for node in rig.nodes[:2]]
    clocks[0].step(3_600)
    clocks[1].step(-3_600)
    await rig.start()
    await rig.load(2)
    clocks[0].step(-1_800)
    rig.say("the clock of n0 goes from an hour ahead to half an hour behind")
    await rig.load(3)


@scenario(12, over=LASTING, short=("nats", "redis"))
async def retries_across_nodes(rig: ClusterRig):
    """Half of all publications are tried again with their key through other nodes, around a kill of the engine, while links
    are reset within requests and answers. Each key has one offset in its stream."""
    await rig.start()
    for round in range(2):
        for _ in range(8):
            for link in rig.links[rig.chance.randrange(3)]:
                link.blink()
            await asyncio.sleep(rig.chance.uniform(0.1, 0.4))
        if round == 0:
            await rig.kill_engine()
            await rig.load(0.5)
            await rig.restart_engine()
            await rig.answers(5)
    await rig.load(1)


@scenario(1, 7, 8, 11, 12, 14, 16, over=stay("topic", "nats", "nats3") | {"redis": "may", "redis-pair": "may"})
async def storm(rig: ClusterRig):
    """By the seed, at random: links cut, swallowing and slow, nodes killed and stopped, the engine killed and stopped, one
    after the other and some at once. The ledger is whole."""
    await rig.start()
    chance = rig.chance
    kinds = ["cut", "swallow", "slow", "kill", "pause", "engine frozen", "engine killed"]
    weights = [4, 2, 2, 2, 2, 1, 2 if rig.engine.survives_kill else 0]

    async def strike(kind: str, index: int, seconds: float) -> None:
        node = rig.nodes[index]
        match kind:
            case "cut":
                rig.cut(index)
                await asyncio.sleep(seconds)
                rig.heal(index)
            case "swallow":
                rig.swallow(index)
                await asyncio.sleep(2 * seconds)
                rig.heal(index)
            case "slow":
                rig.delay(index, seconds / 5)
                await asyncio.sleep(seconds)
                rig.heal(index)
            case "kill":
                await rig.kill(node)
                await asyncio.sleep(seconds)
                await rig.restart(node)
            case "pause":
                rig.freeze(node, True)
                await asyncio.sleep(2 * seconds)
                rig.freeze(node, False)
            case "engine frozen":
                rig.freeze_engine(True)
                await asyncio.sleep(seconds)
                rig.freeze_engine(False)
            case "engine killed":
                await rig.kill_engine()
                await asyncio.sleep(seconds)
                await rig.restart_engine()

    for _ in range(int(4 + 6 * rig.pace)):
        group = chance.choices(kinds, weights)
        if chance.random() < 0.4:
            group += chance.choices(kinds[:5], weights[:5])
        places = chance.sample(range(3), len(group))
        times = [chance.uniform(0.2, 3) for _ in group]
        await asyncio.gather(*(strike(kind, index, seconds) for kind, index, seconds in zip(group, places, times)))
        await asyncio.sleep(chance.uniform(0.2, 1.5))
    await rig.load(2)


@scenario(7, over=LINKED, short=("topic",))
async def readers_know_more_than_their_node(rig: ClusterRig):
    """The link of one node is 0.5 s late, and readers come to it from the others with positions that it has not heard of. They
    recover, by whatever transport: a newer position is no reason to tell anybody anything."""
    await rig.start()
    rig.delay(2, 0.5)
    movers = [reader for reader in rig.readers if not reader.home]
    for _ in range(8):
        for reader in movers:
            reader.avoids = {"n2"}
            reader.switch(False)
        await asyncio.sleep(0.8)
        for reader in movers:
            reader.avoids = {"n0", "n1"}
            reader.switch(False)
        await asyncio.sleep(0.8)
    for reader in movers:
        reader.avoids = set()
    rig.heal(2)
    await rig.load(1)
