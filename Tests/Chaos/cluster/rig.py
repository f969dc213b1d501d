"""One scenario's cluster: nodes with a link each to the engine, publishers, readers, and the hand that breaks things."""

import asyncio
import collections
import contextlib
import json
import pathlib
import random
import signal
import subprocess
import time

from harness.cluster import Cluster
from harness.server import Server

from ..clock import SteppedClock
from ..readers import PING_SECONDS
from ..rig import FEW, KEPT
from .engines import Engine
from .ledger import ClusterLedger
from .link import Link
from .publishers import Publishers
from .readers import MOVING, STAYING, ClusterReader

# The small ones are trimmed under load, so that some recoveries must fail, with a true reason.
CHANNELS = {"kept:a": KEPT, "kept:b": KEPT, "few:c": FEW}
# Joins and leaves, and nothing kept.
MEMBERS = {
    "name": "there", "presence": True, "join_leave": True, "force_push_join_leave": True,
    "allow_subscribe_for_client": True, "allow_subscribe_for_anonymous": True}
NODES = 3
# Guards against hanging. Less than the server's own check of positions, which would hide a feed that was not repaired.
CATCH_UP_SECONDS = 35
# An engine's probe may take a minute to find a link that is half-open.
WHOLE_SECONDS = 100


def changes(kind: str, history: str) -> dict:
    """What the nodes of a rig have in their configuration beside the harness' base."""
    def namespace(name: str, size: int) -> dict:
        options = {
            "name": name, "history_size": size, "history_ttl": "1h", "force_recovery": True, "force_positioning": True,
            "allow_subscribe_for_client": True, "allow_subscribe_for_anonymous": True, "presence": True}
        # Which of the two only the engines of Pharos itself can choose.
        return options | ({"durability": history} if kind == "topic" else {})

    result = {
        "http_api": {"idempotency_window": "10m"},
        "client": {
            "ping_interval": f"{PING_SECONDS}s", "pong_timeout": "1s", "session_ttl": "3s",
            "recovery_max_publication_limit": KEPT, "history_max_publication_limit": KEPT},
        "channel": {"namespaces": [namespace("kept", KEPT), namespace("few", FEW), MEMBERS]},
        "log": {"level": "info"},
        "http_stream": {"enabled": True}, "sse": {"enabled": True}, "events": {"enabled": True}, "poll": {"enabled": True},
    }
    # Beneath each server's own directory.
    result["store"] = {"path": "store" if history == "disk" else ""}
    return result


class ClusterRig:
    """`streams` is what the scenario demands of epochs, see `ClusterLedger`."""

    def __init__(self, directory: pathlib.Path, engine: Engine, seed: str, *, history: str, streams: str, rate: float,
                 pace: float, say, transports: tuple[str, ...] = MOVING):
        self.directory, self.engine, self.seed, self.history = directory, engine, seed, history
        self.chance = random.Random(f"rig {seed}")
        # Times of a scenario are multiplied by it.
        self.pace = pace
        self.rate, self.say, self.transports = rate, say, transports
        self.ledger = ClusterLedger(streams)
        for name, kept in CHANNELS.items():
            self.ledger.open(name, kept, True)
        self.links: list[list[Link]] = []
        self.nodes: list[Server] = []
        self.readers: list[ClusterReader] = []
        # What a scenario saw beyond its demands.
        self.notes: list[str] = []
        self._down: set[str] = set()
        self._tasks: list[asyncio.Task] = []
        self._closing = contextlib.ExitStack()
        self._publishing: asyncio.Task | None = None
        self.cluster: Cluster | None = None
        self._has_load = False

    @property
    def n(self) -> list[Server]:
        return self.nodes

    @property
    def hub(self) -> Server | None:
        return self.cluster.hub

    @property
    def staying(self) -> list[ClusterReader]:
        return [reader for reader in self.readers if reader.home]

    def problem(self, text: str) -> None:
        self.ledger.problem(text)

    # Life

    async def run(self, scenario) -> None:
        self.ledger.began = time.monotonic()
        try:
            await self._build()
            await scenario.body(self)
            await self._catch_up()
            await self._look_into_history()
            await self._look_at_presence()
            self.ledger.settle()
        finally:
            await self._end()

    async def _build(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        self.cluster = Cluster(self.directory, self.engine.kind, 0, changes(self.engine.kind, self.history))
        await asyncio.to_thread(self.engine.prepare, self.cluster, self.directory)
        for index in range(NODES):
            links = [await Link(port).start() for port in self.engine.ports]
            self.links.append(links)
            self.engine.links = self.links
            self.nodes.append(self.cluster.add(f"n{index}", {"engine": self.engine.section([link.port for link in links])}))
        self.publishers = Publishers(self.ledger, self.nodes, self.seed, self.rate)
        for index, transport in enumerate(each for each in STAYING if each in self.transports):
            node = self.nodes[index % NODES]
            self._add_reader(f"{node.directory.name} {transport}", [transport], node)
        for transport in self.transports:
            self._add_reader(f"mover {transport}", [transport], None)
        for number in range(2):
            self._add_reader(f"roamer {number + 1}", list(self.transports), None)

    def _add_reader(self, name: str, transports: list[str], home: Server | None) -> None:
        self.readers.append(
            ClusterReader(self.nodes, self.ledger, name, transports, list(CHANNELS), self.seed, home))

    async def start_engine(self) -> None:
        await asyncio.to_thread(self.engine.start)
        self._down.discard("engine")

    async def start_nodes(self) -> None:
        for node in self.nodes:
            if not node.is_running:
                await asyncio.to_thread(node.start)

    async def whole(self) -> None:
        """Every node is ready, and sees all others."""
        began = time.monotonic()
        wanted = NODES + (1 if self.hub else 0)

        def state() -> dict[str, str]:
            found = {}
            for node in self.nodes:
                try:
                    ready = node.request("GET", "/health/ready").status
                    seen = len(node.api("info").json.get("result", {}).get("nodes", []))
                except OSError as failure:
                    ready, seen = 0, str(failure)
                if (ready, seen) != (200, wanted):
                    found[node.directory.name] = f"/health/ready says {ready}, it sees {seen} nodes"
            return found

        while wrong := await asyncio.to_thread(state):
            if time.monotonic() - began > WHOLE_SECONDS:
                self.problem(f"the cluster is not whole after {WHOLE_SECONDS} s: {wrong}")
                return
            await asyncio.sleep(0.05)
        if (took := time.monotonic() - began) > 5:
            self.notes.append(f"whole after {took:.1f} s")

    async def start_load(self) -> None:
        """Readers and publishers begin."""
        await asyncio.gather(*(reader.proxy.start() for reader in self.readers))
        self._tasks += [asyncio.create_task(reader.run()) for reader in self.readers]
        self._tasks.append(asyncio.create_task(self._watch()))
        self._moving = asyncio.create_task(self._move())
        self._tasks.append(self._moving)
        self._publishing = asyncio.create_task(self.publishers.run())
        self._has_load = True

    async def start(self, settle: float = 2.0) -> None:
        """The engine, the nodes, the load, and a moment of peace."""
        await self.start_engine()
        await self.start_nodes()
        await self.whole()
        await self.start_load()
        await asyncio.sleep(settle)
        await self.all_there()

    async def all_there(self) -> None:
        """Every reader has its first position in every channel."""
        await self.until(
            lambda: all(len(reader.book.positions) == len(CHANNELS) for reader in self.readers), "all readers to be there")

    async def until(self, probe, what: str, seconds: float = WHOLE_SECONDS) -> bool:
        deadline = time.monotonic() + seconds
        while not probe():
            if time.monotonic() > deadline:
                self.problem(f"still waiting for {what} after {seconds} s")
                return False
            await asyncio.sleep(0.05)
        return True

    async def load(self, seconds: float) -> None:
        """Nothing happens but traffic, for so long at the scenario's pace."""
        await asyncio.sleep(seconds * self.pace)

    async def answers(self, count: int = 1, what: str = "a publication to be answered for") -> float:
        """Waits until so many more are answered for; how long that took."""
        began, before = time.monotonic(), self.publishers.answered
        await self.until(lambda: self.publishers.answered >= before + count, what)
        return time.monotonic() - began

    async def _end(self) -> None:
        for reader in self.readers:
            reader.is_ending = True
        tasks = self._tasks + ([self._publishing] if self._publishing else [])
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception):
                self.problem(f"the rig itself: {result!r}")
        if self._has_load:
            await asyncio.gather(*(reader.proxy.stop() for reader in self.readers))
        try:
            if self.cluster:
                await asyncio.to_thread(self._stop_servers)
        finally:
            await asyncio.gather(*(link.stop() for links in self.links for link in links))
            self._closing.close()

    def _stop_servers(self) -> None:
        for server in [*self.nodes, *([self.hub] if self.hub else [])]:
            try:
                if server.is_running:
                    server.process.send_signal(signal.SIGCONT)
                    server.stop()
            except AssertionError as problem:
                self.problem(f"at the end: {server.directory.name}: {problem}")
            finally:
                server.kill()
        self.engine.stop()

    async def _watch(self) -> None:
        """A node that ends without having been told to is a finding."""
        servers = {node.directory.name: node for node in self.nodes} | ({"engine": self.hub} if self.hub else {})
        while servers:
            await asyncio.sleep(0.1)
            for name, server in list(servers.items()):
                if name not in self._down and server.process and not server.is_running:
                    self.problem(f"{name} ended by itself with {server.process.returncode}: {server.log()[-1500:]}")
                    del servers[name]

    async def _move(self) -> None:
        """One reader after the other changes nodes, with a close or without."""
        chance = random.Random(f"moves {self.seed}")
        movers = [reader for reader in self.readers if not reader.home]
        while True:
            await asyncio.sleep(chance.uniform(0.2, 0.9))
            chance.choice(movers).switch(chance.random() < 0.5)

    # Faults

    async def kill(self, node: Server) -> None:
        self._down.add(node.directory.name)
        await asyncio.to_thread(node.kill)
        self.say(f"{node.directory.name} killed, after {self.publishers.answered} answers")

    async def terminate(self, node: Server) -> None:
        self._down.add(node.directory.name)
        node.terminate()
        try:
            status = await asyncio.to_thread(node.wait, 20)
            if status != 0:
                self.problem(f"SIGTERM ended {node.directory.name} with {status}: {node.log()[-1500:]}")
        except subprocess.TimeoutExpired:
            self.problem(f"SIGTERM did not end {node.directory.name} within 20 s")
            node.kill()
        self.say(f"{node.directory.name} ended")

    async def restart(self, node: Server) -> None:
        await asyncio.to_thread(node.start)
        self._down.discard(node.directory.name)
        self.say(f"{node.directory.name} is back")

    def freeze(self, node: Server, on: bool) -> None:
        node.process.send_signal(signal.SIGSTOP if on else signal.SIGCONT)
        self.say(f"{node.directory.name} {'stopped' if on else 'goes on'}")

    async def kill_engine(self) -> None:
        self._down.add("engine")
        await asyncio.to_thread(self.engine.kill)
        self.say(f"the engine killed, after {self.publishers.answered} answers")

    async def restart_engine(self) -> None:
        await self.start_engine()
        self.say("the engine is back")

    def freeze_engine(self, on: bool) -> None:
        self.engine.freeze(on)
        self.say(f"the engine {'stopped' if on else 'goes on'}")

    def cut(self, index: int) -> None:
        for link in self.links[index]:
            link.cut()
        self.say(f"the link of n{index} cut, after {self.publishers.answered} answers")

    def swallow(self, index: int) -> None:
        for link in self.links[index]:
            link.swallow()
        self.say(f"the link of n{index} swallows everything, after {self.publishers.answered} answers")

    def delay(self, index: int, seconds: float) -> None:
        for link in self.links[index]:
            link.delay(seconds)
        self.say(f"the link of n{index} is {seconds:g} s slow")

    def heal(self, index: int) -> None:
        for link in self.links[index]:
            link.heal()
        self.say(f"the link of n{index} is well")

    def clock(self, node: Server) -> SteppedClock:
        """A clock of its own for a node that has not been started yet."""
        clock = SteppedClock(node.directory)
        node.environment |= clock.environment
        return clock

    # What servers say

    async def ready(self, node: Server) -> int:
        """The status of `/health/ready`; 0: no answer."""
        try:
            return (await asyncio.to_thread(node.request, "GET", "/health/ready")).status
        except OSError:
            return 0

    async def until_ready(self, node: Server, status: int) -> None:
        deadline = time.monotonic() + WHOLE_SECONDS
        while (now := await self.ready(node)) != status:
            if time.monotonic() > deadline:
                self.problem(f"{node.directory.name}: /health/ready says {now}, {status} was expected, for {WHOLE_SECONDS} s")
                return
            await asyncio.sleep(0.1)

    # The end

    async def _catch_up(self) -> None:
        """Everything has healed; every publication is answered for, and every reader reaches the end."""
        await asyncio.to_thread(self.engine.settle)
        await self.whole()
        began = time.monotonic()
        self._moving.cancel()
        self.publishers.is_ending.set()
        try:
            await asyncio.wait_for(asyncio.shield(self._publishing), CATCH_UP_SECONDS)
        except TimeoutError:
            self.problem("some publications were never answered for, though everything is well again")
        while late := {reader: behind for reader in self.readers if (behind := reader.book.behind())}:
            if time.monotonic() - began > 2 * CATCH_UP_SECONDS:
                for reader, channels in late.items():
                    for channel, text in channels.items():
                        self.problem(f"{reader.name}, on {reader.where()}: {channel}: never reached the end: {text}")
                return
            await asyncio.sleep(0.05)
        self.notes.append(f"all at the end {time.monotonic() - began:.1f} s after the load")

    async def _look_into_history(self) -> None:
        """What the engine still holds has to be what publishers were answered, on every node alike."""
        for channel in self.ledger.channels.values():
            for node in self.nodes:
                if channel.epoch:
                    await self._look_into_history_of(channel, node)

    async def _look_into_history_of(self, channel, node: Server) -> None:
        who = f"{channel.name}: the history on {node.directory.name}"
        answer = await asyncio.to_thread(node.api, "history", {"channel": channel.name, "limit": -1})
        if answer.status != 200 or "result" not in answer.json:
            self.problem(f"{who}: {answer.status} {answer.body[:200]!r}")
            return
        result = answer.json["result"]
        top = channel.top(channel.epoch)
        ends = (result["epoch"], result.get("offset", 0))
        if ends != (channel.epoch, top):
            self.problem(f"{who} ends at {ends}, answered was {channel.epoch}:{top}")
        stored = {each["offset"]: each["data"]["k"] for each in result.get("publications", [])}
        known = channel.heard.get(channel.epoch, {}) | channel.answered.get(channel.epoch, {})
        gone = self.ledger.forgotten.get((channel.name, channel.epoch), 0)
        wanted = range(max(gone, top - channel.kept) + 1, top + 1)
        wrong = [offset for offset in wanted if offset not in stored or stored[offset] != known.get(offset, stored[offset])]
        for offset in wrong[:5]:
            self.problem(f"{who}: {channel.epoch}:{offset} is stored as {stored.get(offset)}, known as {known.get(offset)}")
        if len(wrong) > 5:
            self.problem(f"{who}: {len(wrong)} offsets are wrong in all")

    async def _look_at_presence(self) -> None:
        """Every node sees the same members, and each reader that stays is one of them."""
        def count() -> dict[str, int]:
            return {
                node.directory.name: len(node.api("presence", {"channel": "kept:a"}).json.get("result", {}).get("presence", {}))
                for node in self.nodes}

        deadline = time.monotonic() + CATCH_UP_SECONDS
        # Readers move meanwhile, so the answers may differ for a moment.
        while True:
            seen = await asyncio.to_thread(count)
            least = len(self.staying)
            if len(set(seen.values())) == 1 and least <= min(seen.values()) <= len(self.readers):
                return
            if time.monotonic() > deadline:
                self.problem(f"kept:a: {len(self.readers)} readers, presence shows {seen}")
                return
            await asyncio.sleep(0.3)

    def demand_pause_only(self, readers: list[ClusterReader], before: dict[str, int]) -> None:
        """The promise of repair in place: since `before` these were neither cut off nor told anything but the truth."""
        for reader in readers:
            # A small channel may lose more than it keeps: the ledger looks at the reason.
            untrue = {what for what in reader.ends if what != "unsubscribed 2500"}
            told = reader.ends.get("unsubscribed 2500", 0)
            if reader.book.connections != before[reader.name] or untrue or told > reader.book.losses:
                self.problem(
                    f"{reader.name}: repair in place was promised, it made {reader.book.connections} visits: {reader.ends}")

    def connections(self) -> dict[str, int]:
        return {reader.name: reader.book.connections for reader in self.readers}

    def summary(self) -> list[str]:
        lines = [f"  {'reader':28} {'heard':>7} {'visits':>7} {'moves':>6} {'recovered':>10} {'told lost':>10}  ends"]
        for reader in self.readers:
            book = reader.book
            ends = ", ".join(f"{count} {what}" for what, count in sorted(reader.ends.items()))
            lines.append(
                f"  {reader.name:28} {book.deliveries:7} {book.connections:7} {reader.moves:6} {book.recoveries:10} "
                f"{book.losses:10}  {ends}")
        return lines

    def short_summary(self) -> str:
        heard = sum(reader.book.deliveries for reader in self.readers)
        recovered = sum(reader.book.recoveries for reader in self.readers)
        told = sum(reader.book.losses for reader in self.readers)
        publishers = self.publishers
        epochs = max(len(channel.answered) for channel in self.ledger.channels.values())
        return (
            f"{publishers.answered} answered for ({publishers.unknown} unknown without a key, {publishers.retries} retries, "
            f"{self.ledger.repeats} repeats), {heard} heard, {recovered} recovered, {told} told, {epochs} epoch"
            f"{'s' if epochs > 1 else ''}, longest wait {publishers.longest:.1f} s")


def dump(rig: ClusterRig, path: pathlib.Path) -> None:
    """Writes the whole ledger, for the search for the cause."""
    path.write_text(json.dumps(
        {
            "channels": {
                name: {"answered": channel.answered, "heard": channel.heard} for name, channel in rig.ledger.channels.items()},
            "offered": {
                key: [each.channel, each.attempts, each.uncertain, each.answer, each.node, each.at]
                for key, each in rig.ledger.offered.items()},
            "ends": collections.Counter(
                f"{reader.name}: {what}" for reader in rig.readers for what, count in reader.ends.items()
                for _ in range(count)),
        }, indent=1))
