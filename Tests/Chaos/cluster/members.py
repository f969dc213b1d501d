"""Who is there, while nodes are away: members expire once and return once."""

import asyncio
import collections

from harness.peer import Peer

from .common import LINKED, NODE_TIMEOUT, UNTOUCHED
from .rig import ClusterRig
from .scenario import scenario

NAME = "there:all"


class Members:
    """Members on one node, and watchers on the others."""

    def __init__(self, rig: ClusterRig, away: int, count: int = 3):
        self.rig, self.away, self.count = rig, away, count
        self.members: list[Peer] = []
        self.watchers: list[Peer] = []

    async def arrive(self) -> None:
        rig = self.rig
        for index, node in enumerate(rig.nodes):
            for _ in range(self.count if index == self.away else 1):
                peer = await Peer.open(node)
                await peer.connect()
                await peer.subscribe(NAME)
                (self.members if index == self.away else self.watchers).append(peer)
        # The watcher on the first node was there before them, that on the last came after them: it hears of its own.
        await rig.until(lambda: not self._missing(self.watchers[0], "join"), "all joins")
        await self.watchers[-1].fence()
        await asyncio.sleep(0.5)
        for watcher in self.watchers:
            watcher.inbox.clear()

    def _heard(self, watcher: Peer) -> list[tuple[str, str]]:
        """Joins and leaves of the members, in their order."""
        names = {member.client for member in self.members}
        heard = []
        for message in watcher.inbox:
            push = message.get("push", {})
            for kind in ("join", "leave"):
                if push.get("channel") == NAME and kind in push and push[kind]["info"]["client"] in names:
                    heard.append((kind, push[kind]["info"]["client"]))
        return heard

    def _missing(self, watcher: Peer, kind: str) -> set[str]:
        return {member.client for member in self.members} - {
            client for what, client in self._heard(watcher) if what == kind}

    async def left(self) -> None:
        await self.rig.until(lambda: all(not self._missing(each, "leave") for each in self.watchers), "all to have left")

    async def returned(self) -> None:
        await self.rig.until(lambda: all(not self._missing(each, "join") for each in self.watchers), "all to be back")
        # What comes twice comes soon.
        await asyncio.sleep(2 * NODE_TIMEOUT)

    async def look(self) -> None:
        """One leave and one join of each member, and everybody present, on every node."""
        for watcher in self.watchers:
            by_member = collections.defaultdict(list)
            for kind, client in self._heard(watcher):
                by_member[client].append(kind)
            for member in self.members:
                if (kinds := by_member[member.client]) != ["leave", "join"]:
                    self.rig.problem(
                        f"{NAME}: a watcher heard {kinds} of {member.client}, not one leave and one join")
            watcher.inbox.clear()
        everybody = {peer.client for peer in self.members + self.watchers}
        for node in self.rig.nodes:
            answer = await asyncio.to_thread(node.api, "presence", {"channel": NAME})
            seen = set(answer.json.get("result", {}).get("presence", {}))
            if seen != everybody:
                self.rig.problem(
                    f"{NAME}: {node.directory.name} sees {len(seen)} of {len(everybody)} members: {answer.body[:200]!r}")

    def end(self) -> None:
        for peer in self.members + self.watchers:
            peer.break_off()


@scenario(11, over=UNTOUCHED, short=("topic",))
async def members_of_a_paused_node(rig: ClusterRig):
    """A node with members is stopped for longer than `node_timeout`, and goes on. On the other nodes each member leaves once
    and joins once, and presence is whole afterwards."""
    await rig.start()
    members = Members(rig, 1)
    await members.arrive()
    for _ in range(1 if rig.pace <= 1 else 6):
        rig.freeze(rig.n[1], True)
        await members.left()
        await rig.load(1)
        rig.freeze(rig.n[1], False)
        await members.returned()
        await members.look()
    members.end()


@scenario(7, 11, over=LINKED)
async def members_of_a_cut_off_node(rig: ClusterRig):
    """A node with members loses its link for longer than `node_timeout`. On the other nodes each member leaves once and joins
    once, and presence is whole afterwards."""
    await rig.start()
    members = Members(rig, 1)
    await members.arrive()
    for _ in range(1 if rig.pace <= 1 else 6):
        rig.cut(1)
        await members.left()
        await rig.load(1)
        rig.heal(1)
        await members.returned()
        await members.look()
    members.end()


@scenario(7, over=LINKED)
async def members_of_a_node_whose_link_blinks(rig: ClusterRig):
    """The link of a node with members is reset several times, for less than `node_timeout`: no member joins or leaves."""
    await rig.start()
    members = Members(rig, 1)
    await members.arrive()
    for _ in range(5):
        for link in rig.links[1]:
            link.blink()
        await asyncio.sleep(rig.chance.uniform(0.1, 0.8))
    await asyncio.sleep(NODE_TIMEOUT + 1)
    for watcher in members.watchers:
        if heard := members._heard(watcher):
            rig.problem(f"{NAME}: a watcher heard {heard} of members that were there all the time")
    members.end()


@scenario(7, 11, over=LINKED)
async def member_joins_while_a_node_is_slow(rig: ClusterRig):
    """A watcher arrives, and its node asks all others who is there; one of them is slow to answer; meanwhile a member joins on
    the third. Its join is told once, and so is its leave when its node dies."""
    await rig.start()
    rig.delay(2, 0.5)
    await asyncio.sleep(0.2)
    watcher = await Peer.open(rig.n[0])
    await watcher.connect()
    await watcher.subscribe(NAME)
    await asyncio.sleep(0.2)
    member = await Peer.open(rig.n[1])
    await member.connect()
    await member.subscribe(NAME)
    await asyncio.sleep(3)
    rig.heal(2)
    await rig.kill(rig.n[1])
    await asyncio.sleep(2 * NODE_TIMEOUT)
    heard = [
        kind for message in watcher.inbox for kind in ("join", "leave")
        if message.get("push", {}).get(kind, {}).get("info", {}).get("client") == member.client]
    if heard != ["join", "leave"]:
        rig.problem(f"{NAME}: the watcher heard {heard} of the member, not one join and one leave")
    watcher.break_off()
    member.break_off()
    await rig.restart(rig.n[1])
