"""`occupied` and `vacated`, once for all nodes of a cluster, also when nodes die."""

import asyncio
import os
import signal

import pytest

from harness.cluster import Cluster
from harness.peer import Peer
from harness.server import poll

ENGINES = os.environ.get("PHAROS_TEST_ENGINES", "topic").split()
# Longer than nodes wait after others have come or gone, with the timing of the tests.
SETTLED = 6


class Channels:
    """Events of channels, in the order in which they came; each node's repetitions are left out, by the id of the event."""

    def __init__(self, origin):
        self.origin = origin

    def of(self, channel: str) -> list[str]:
        events = {event["id"]: event["data"] for request in self.origin.asked("told") for event in request.json}
        return [event["event"] for event in events.values() if event["channel"] == channel]

    async def until(self, names, wanted: list[str]) -> None:
        """Exactly these come, and nothing after them."""
        await asyncio.to_thread(
            poll, lambda: all(len(self.of(name)) >= len(wanted) for name in names), f"{wanted} of each channel", 30)
        assert {name: self.of(name) for name in names} == {name: wanted for name in names}


@pytest.fixture
def told(origin):
    return Channels(origin)


@pytest.fixture(params=ENGINES)
def cluster(request, tmp_path, origin):
    made = Cluster(tmp_path, request.param, changes={
        "origins": [origin.settings("told", timeout="2s", form="cloudevents")],
        "hooks": {"events": ["occupied", "vacated"], "events_to": "told"},
        "store": {"path": "data"}})
    request.node.log_of = lambda: "".join(
        f"--- {node.directory.name}\n{node.log()[-3000:]}" for node in made.nodes + ([made.hub] if made.hub else []))
    made.start()
    yield made
    made.stop()


async def subscribed(node, names) -> Peer:
    peer = await Peer.open(node)
    await peer.connect()
    for name in names:
        await peer.subscribe(name)
    return peer


async def test_the_first_of_any_node_and_the_last_of_any_node_are_told_once(cluster, told):
    names = [f"open:room{number}" for number in range(20)]
    peers = await asyncio.gather(*(subscribed(node, names) for node in cluster.nodes for _ in range(2)))
    await told.until(names, ["occupied"])
    for peer in peers[1:]:
        await peer.close()
    await asyncio.sleep(SETTLED)
    await told.until(names, ["occupied"])
    for name in names:
        await peers[0].ask("unsubscribe", channel=name)
    await told.until(names, ["occupied", "vacated"])
    again = await subscribed(cluster.nodes[2], names)
    await told.until(names, ["occupied", "vacated", "occupied"])
    await again.close()
    await told.until(names, ["occupied", "vacated"] * 2)
    await asyncio.sleep(SETTLED)
    await told.until(names, ["occupied", "vacated"] * 2)


async def test_the_last_subscribers_die_with_their_node(cluster, told):
    lost = [f"open:lost{number}" for number in range(12)]
    kept = [f"open:kept{number}" for number in range(12)]
    dying = await subscribed(cluster.nodes[2], lost + kept)
    staying = await subscribed(cluster.nodes[0], kept)
    await told.until(lost + kept, ["occupied"])
    cluster.nodes[2].kill()
    await dying.close()
    await told.until(lost, ["occupied", "vacated"])
    await told.until(kept, ["occupied"])
    # It comes back as a new incarnation, and says nothing of what it left.
    cluster.nodes[2].start()
    cluster.wait_until_whole()
    await asyncio.sleep(SETTLED)
    await told.until(lost, ["occupied", "vacated"])
    await told.until(kept, ["occupied"])
    await staying.close()
    await told.until(kept, ["occupied", "vacated"])


async def test_nodes_are_replaced_one_after_the_other(cluster, told):
    names = [f"open:stay{number}" for number in range(12)]
    peer = await subscribed(cluster.nodes[0], names)
    await told.until(names, ["occupied"])
    for index in range(3):
        former, peer = peer, await subscribed(cluster.nodes[(index + 1) % 3], names)
        cluster.nodes[index].stop()
        await former.close()
        cluster.wait_until_whole()
        cluster.nodes[index].start()
        cluster.wait_until_whole()
        await asyncio.sleep(SETTLED)
        await told.until(names, ["occupied"])
    await peer.close()
    await told.until(names, ["occupied", "vacated"])


async def test_a_paused_node_is_vacated_and_occupied_again(cluster, told):
    alone, shared = "open:alone", "open:shared"
    sleeper = await subscribed(cluster.nodes[1], [alone, shared])
    awake = await subscribed(cluster.nodes[0], [shared])
    await told.until([alone, shared], ["occupied"])
    cluster.nodes[1].process.send_signal(signal.SIGSTOP)
    await told.until([alone], ["occupied", "vacated"])
    cluster.nodes[1].process.send_signal(signal.SIGCONT)
    await told.until([alone], ["occupied", "vacated", "occupied"])
    await asyncio.sleep(SETTLED)
    await told.until([alone], ["occupied", "vacated", "occupied"])
    await told.until([shared], ["occupied"])
    await sleeper.close()
    await told.until([alone], ["occupied", "vacated", "occupied", "vacated"])
    await told.until([shared], ["occupied"])
    await awake.close()
    await told.until([shared], ["occupied", "vacated"])
