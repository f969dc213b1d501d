"""The rig: a server with its data directory, the publisher, the readers, and the hand that breaks things."""

import asyncio
import collections
import contextlib
import json
import os
import pathlib
import resource
import subprocess
import time

from harness.configuration import API_KEY, HMAC_KEY
from harness.emulated import session_key
from harness.server import Server, binary
from harness.small_disk import SmallDisk

from . import readers
from .clock import SteppedClock
from .ledger import Ledger
from .plan import GREAT_FAULTS, Fault
from .proxy import ChaosProxy
from .publisher import Publisher
from .readers import ROAMING, Subscriber

# What the channels keep. The small ones are trimmed under load, so that some recoveries must fail, with a true reason.
KEPT, FEW = 20_000, 60
CHANNELS = {"kept:a": KEPT, "kept:b": KEPT, "kept:c": KEPT, "few:d": FEW, "few:e": FEW}
CATCH_UP_SECONDS = 60
DISK_MEGABYTES = 512


def configuration(transports: set[str], durability: str, data: pathlib.Path) -> dict:
    def namespace(name: str, size: int) -> dict:
        options = {
            "name": name, "history_size": size, "history_ttl": "1h", "force_recovery": True, "force_positioning": True,
            "allow_subscribe_for_client": True, "allow_subscribe_for_anonymous": True}
        return options | ({"durability": "disk"} if durability == "disk" else {})

    result = {
        "http_server": {"address": "127.0.0.1"},
        # Longer than any step of the clock.
        "http_api": {"key": API_KEY, "idempotency_window": "1h"},
        "client": {
            "token": {"hmac_secret_key": HMAC_KEY},
            "allow_anonymous_connect_without_token": True,
            "ping_interval": f"{readers.PING_SECONDS}s",
            "pong_timeout": "1s",
            "queue_max_size": 65_536,
            "recovery_max_publication_limit": KEPT,
            "history_max_publication_limit": KEPT,
        },
        "channel": {"namespaces": [namespace("kept", KEPT), namespace("few", FEW)]},
        "edge": {"shards": 2},
        "shutdown": {"timeout": "3s", "window": "100ms"},
        "health": {"enabled": True},
        "prometheus": {"enabled": True},
    }
    if durability == "disk":
        result["store"] = {"path": str(data)}
    for key, names in {
        "http_stream": {"http_stream", "http_stream-protobuf"}, "sse": {"sse"}, "events": {"events"},
        "poll": {"poll", "session_poll"}}.items():
        if names & transports:
            result[key] = {"enabled": True}
    return result


class Rig:
    def __init__(self, directory: pathlib.Path, seed: int, transports: list[str], durability: str, rate: float, each: int,
                 roamers: int):
        self.directory, self.seed, self.durability = directory, seed, durability
        self.data = directory / "data"
        self.ledger = Ledger()
        for name, kept in CHANNELS.items():
            self.ledger.open(name, kept, durability == "disk")
        self.server = Server(directory, configuration(set(transports), durability, self.data / "store"))
        self.publisher = Publisher(self.ledger, ChaosProxy(self.server.port), seed, rate)
        names = [(f"{transport} {number + 1}", [transport], None) for transport in transports for number in range(each)]
        shared = [transport for transport in ROAMING if transport in transports]
        self.can_roam = len(shared) > 1
        if self.can_roam:
            names += [(f"roamer {number + 1}", shared, session_key()) for number in range(roamers)]
        self.readers = [
            Subscriber(self.server, self.ledger, name, list(kinds), list(CHANNELS), seed, session)
            for name, kinds, session in names]
        self.roamers = [reader for reader in self.readers if reader.session]
        self.faults: collections.Counter[str] = collections.Counter()
        self.skipped: dict[str, str] = {}
        self.restarts: list[float] = []
        self._server_turn = asyncio.Lock()
        self._is_down = False
        self._full_disk: SmallDisk | None = None
        self._clock: SteppedClock | None = None
        self._stalls: set[asyncio.Task] = set()
        self._closing = contextlib.ExitStack()

    # Life

    async def run(self, faults: list[Fault], seconds: float, say) -> None:
        self._prepare_disk(any(fault.kind == "full" for fault in faults))
        self._prepare_clock(any(fault.kind == "clock" for fault in faults))
        await asyncio.to_thread(self.server.start)
        watch = asyncio.create_task(self._watch())
        tasks: list[asyncio.Task] = []
        try:
            await asyncio.gather(self.publisher.proxy.start(), *(reader.proxy.start() for reader in self.readers))
            self.ledger.began = time.monotonic()
            tasks = [asyncio.create_task(reader.run()) for reader in self.readers]
            publisher = asyncio.create_task(self.publisher.run())
            tasks.append(publisher)
            await self._break(faults, seconds, say)
            await self._catch_up(publisher)
            await self._look_into_history()
            self.ledger.settle()
        finally:
            for reader in self.readers:
                reader.is_ending = True
            for task in [*tasks, watch, *self._stalls]:
                task.cancel()
            for result in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(result, Exception):
                    self.ledger.problem(f"the rig itself: {result!r}")
            await asyncio.gather(self.publisher.proxy.stop(), *(reader.proxy.stop() for reader in self.readers))
            await self._end()

    async def _end(self) -> None:
        try:
            if self.server.is_running:
                await asyncio.to_thread(self.server.stop)
        except AssertionError as problem:
            self.ledger.problem(f"at the end: {problem}")
        finally:
            self.server.kill()
            self._closing.close()

    def _prepare_disk(self, wanted: bool) -> None:
        """A file system of its own if there is the right to mount one; else a limit of file sizes has to do."""
        self.data.mkdir(parents=True, exist_ok=True)
        if not wanted:
            return
        if self.durability != "disk":
            self.skipped["full"] = "nothing is written with --durability memory"
        elif SmallDisk.offered(self.data):
            self._full_disk = self._closing.enter_context(SmallDisk(self.data, DISK_MEGABYTES))
        else:
            # A process that does not ignore SIGXFSZ dies of the limit, so it is ignored for it: exec keeps that.
            wrapper = self.directory / "pharos-without-xfsz"
            wrapper.write_text(f"#!/bin/sh\ntrap '' XFSZ\nexec '{binary()}' \"$@\"\n")
            wrapper.chmod(0o755)
            os.environ["PHAROS_BIN"] = str(wrapper)

    def _prepare_clock(self, wanted: bool) -> None:
        if not wanted:
            return
        try:
            self._clock = SteppedClock(self.directory)
        except (OSError, subprocess.CalledProcessError) as reason:
            self.skipped["clock"] = str(reason)
        else:
            self.server.environment |= self._clock.environment

    async def _watch(self) -> None:
        """A server that ends without having been told to is a finding."""
        while True:
            await asyncio.sleep(0.05)
            if not self._is_down and not self.server.is_running:
                self.ledger.problem(
                    f"the server ended by itself with {self.server.process.returncode}: {self.server.log()[-1500:]}")
                return

    # Faults

    async def _break(self, faults: list[Fault], seconds: float, say) -> None:
        async def great(fault: Fault) -> None:
            say(fault, await self._apply(fault))

        # The server takes its time to end and to start; meanwhile the readers have their own troubles.
        async with asyncio.TaskGroup() as group:
            for fault in faults:
                await asyncio.sleep(max(0, self.ledger.began + fault.at - time.monotonic()))
                self.faults[fault.kind] += 1
                if fault.kind in GREAT_FAULTS:
                    group.create_task(great(fault))
                else:
                    say(fault, await self._apply(fault))
            await asyncio.sleep(max(0, self.ledger.began + seconds - time.monotonic()))

    async def _apply(self, fault: Fault) -> str:
        """Does it, and says to whom."""
        reader = self.readers[fault.target % len(self.readers)]
        match fault.kind:
            case "kill" | "term":
                return await self._restart(fault)
            case "full":
                return await self._fill_disk(fault.amount)
            case "clock":
                return await self._step_clock(fault.amount)
            case "cut":
                reader.proxy.cut(int(fault.amount))
                return f"{reader.name}, after {fault.amount:.0f} more bytes"
            case "cut_publisher":
                answers = int(fault.amount) % 2 == 0
                self.publisher.proxy.cut_requests(int(fault.amount) % 300, answers)
                return f"within {'answers' if answers else 'requests'}, after {fault.amount % 300:.0f} more bytes"
            case "dark":
                reader.proxy.go_dark()
                return reader.name
            case "stall":
                task = asyncio.create_task(self._stall(reader, fault.amount))
                self._stalls.add(task)
                task.add_done_callback(self._stalls.discard)
                return f"{reader.name}, for {fault.amount:.1f} s"
            case "switch":
                roamer = self.roamers[fault.target % len(self.roamers)]
                before = roamer.transport
                roamer.switch(fault.amount < 0.5)
                return f"{roamer.name}, from {before} to {roamer.transport}{'' if fault.amount < 0.5 else ', without a word'}"
        raise ValueError(fault.kind)

    async def _restart(self, fault: Fault) -> str:
        async with self._server_turn:
            self._is_down = True
            if fault.kind == "kill":
                self.server.kill()
            else:
                self.server.terminate()
                try:
                    status = await asyncio.to_thread(self.server.wait, 20)
                    if status != 0:
                        self.ledger.problem(f"SIGTERM ended the server with {status}: {self.server.log()[-1500:]}")
                except subprocess.TimeoutExpired:
                    self.ledger.problem("SIGTERM did not end the server within 20 s")
                    self.server.kill()
            await asyncio.sleep(fault.amount)
            began = time.monotonic()
            await asyncio.to_thread(self.server.start)
            took = time.monotonic() - began
            self.restarts.append(took)
            self._is_down = False
            return f"after {self.publisher.answered} answers, listening again in {took * 1_000:.0f} ms"

    async def _fill_disk(self, seconds: float) -> str:
        if reason := self.skipped.get("full"):
            return f"SKIP, {reason}"
        async with self._server_turn:
            before = self.publisher.refused
            if self._full_disk:
                await asyncio.to_thread(self._full_disk.fill)
                how = "a full file system"
            else:
                self._limit_files(4_096)
                how = "a limit of file sizes"
            await asyncio.sleep(seconds)
            health = await asyncio.to_thread(self._health)
            if self._full_disk:
                self._full_disk.free()
            else:
                self._limit_files(resource.RLIM_INFINITY)
            return f"{how} for {seconds:.1f} s: {self.publisher.refused - before} publishes refused, /health said {health}"

    async def _step_clock(self, seconds: float) -> str:
        if reason := self.skipped.get("clock"):
            return f"SKIP, {reason}"
        before = await asyncio.to_thread(self._hour)
        self._clock.step(seconds)
        return f"{seconds:+.0f} s off from now on; the server's time was {before}, is {await asyncio.to_thread(self._hour)}"

    def _limit_files(self, size: int) -> None:
        _, hard = resource.prlimit(self.server.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self.server.pid, resource.RLIMIT_FSIZE, (size, hard))

    def _health(self) -> int:
        try:
            return self.server.request("GET", "/health").status
        except OSError:
            return 0

    def _hour(self) -> str:
        """What time it is, as the server says."""
        try:
            return self.server.request("GET", "/health").headers["Date"].split(" ")[-2]
        except OSError:
            return "not known"

    async def _stall(self, reader: Subscriber, seconds: float) -> None:
        reader.proxy.stall(True)
        try:
            await asyncio.sleep(seconds)
        finally:
            reader.proxy.stall(False)

    # The end

    async def _catch_up(self, publisher: asyncio.Task) -> None:
        """Everything heals; then every publication is answered for and every reader reaches the end."""
        for task in list(self._stalls):
            task.cancel()
        self.publisher.is_ending.set()
        try:
            await asyncio.wait_for(asyncio.shield(publisher), CATCH_UP_SECONDS)
        except TimeoutError:
            self.ledger.problem(f"{self.publisher.published - self.publisher.answered} publications were never answered for")
            publisher.cancel()
        deadline = time.monotonic() + CATCH_UP_SECONDS
        while late := {reader.name: behind for reader in self.readers if (behind := reader.book.behind())}:
            if time.monotonic() > deadline or not self.server.is_running:
                for name, channels in late.items():
                    for channel, text in channels.items():
                        self.ledger.problem(f"{name}: {channel}: never reached the end: {text}")
                return
            await asyncio.sleep(0.05)

    async def _look_into_history(self) -> None:
        """What the store still holds has to be what publishers were answered."""
        for channel in self.ledger.channels.values():
            if not channel.epoch or not self.server.is_running:
                continue
            answer = await asyncio.to_thread(self.server.api, "history", {"channel": channel.name, "limit": -1})
            if answer.status != 200 or "result" not in answer.json:
                self.ledger.problem(f"{channel.name}: history answers {answer.status} {answer.body[:200]!r}")
                continue
            result = answer.json["result"]
            answered = channel.answered[channel.epoch]
            top = channel.top(channel.epoch)
            ends = (result["epoch"], result.get("offset", 0))
            if ends != (channel.epoch, top):
                self.ledger.problem(f"{channel.name}: history ends at {ends}, answered was {channel.epoch}:{top}")
            stored = {each["offset"]: each["data"]["k"] for each in result.get("publications", [])}
            expected = {offset: key for offset, key in answered.items() if offset > top - channel.kept}
            wrong = {offset for offset in stored.keys() | expected.keys() if stored.get(offset) != expected.get(offset)}
            for offset in sorted(wrong)[:5]:
                self.ledger.problem(
                    f"{channel.name}: {channel.epoch}:{offset} is stored as {stored.get(offset)}, "
                    f"answered for as {expected.get(offset)}")

    def summary(self) -> list[str]:
        lines = ["", f"{'reader':24} {'heard':>8} {'visits':>7} {'recovered':>10} {'told lost':>10}  ends"]
        for reader in self.readers:
            book = reader.book
            ends = ", ".join(f"{count} {what}" for what, count in sorted(reader.ends.items()))
            counts = f"{book.deliveries:8} {book.connections:7} {book.recoveries:10} {book.losses:10}"
            lines.append(f"{reader.name:24} {counts}  {ends}")
        lines.append("")
        for name, channel in self.ledger.channels.items():
            epochs = ", ".join(f"{epoch}:{max(offsets)}" for epoch, offsets in channel.answered.items())
            lines.append(f"{name:24} ends at {epochs or 'nothing'}")
        publisher = self.publisher
        lines += [
            "",
            f"{'publications':24} {publisher.published} offered, {publisher.answered} answered for, {publisher.retries} repeats "
            f"under the same key, {publisher.refused} refused for a while; the longest waited {publisher.longest:.1f} s",
            f"{'faults':24} " + (", ".join(f"{count} {kind}" for kind, count in sorted(self.faults.items())) or "none"),
        ]
        if self.restarts:
            lines.append(f"{'restarts':24} {len(self.restarts)}, the slowest took {max(self.restarts) * 1_000:.0f} ms")
        lines += [f"SKIP {kind}: {reason}" for kind, reason in self.skipped.items()]
        return lines


def dump(rig: Rig, path: pathlib.Path) -> None:
    """Writes the whole ledger, for the search for the cause."""
    path.write_text(json.dumps(
        {
            name: {"answered": channel.answered, "heard": channel.heard} for name, channel in rig.ledger.channels.items()
        }, indent=1))
