"""The rig: a server with a durable event log, the application, the clients, and the hand that kills."""

import asyncio
import json
import pathlib
import random
import time

from harness.configuration import API_KEY, HMAC_KEY
from harness.server import Server

from .application import Application
from .seen import Seen
from .told import Told
from .visitors import NEWS, Observer, RawVisitor, Visitor

TOLD_SECONDS = 60
# Between two kills the application lives so long, in seconds; every other life ends earlier, between a request and its
# answer. Most pauses are short, some long enough for the breaker to open.
LIVES, LAST_REQUESTS = (0.1, 0.9), (1, 600)
SHORT_PAUSE, LONG_PAUSE = (0.0, 0.4), (0.8, 1.6)


def configuration(application: Application, store: pathlib.Path) -> dict:
    names = ("connect", "subscribe", "publish", "rpc", "events", "raw")
    open_to_all = {
        f"allow_{what}_for_{whom}": True for what in ("subscribe", "publish") for whom in ("client", "anonymous")}
    return {
        "http_server": {"address": "127.0.0.1"},
        "http_api": {"key": API_KEY},
        "client": {"token": {"hmac_secret_key": HMAC_KEY}},
        "origins": [
            {"name": name, "url": application.url(name), "timeout": "5s", "breaker_pause": "200ms"} for name in names],
        "hooks": {
            "connect": "connect",
            "rpc": [{"prefix": "app:", "origin": "rpc"}],
            "events": ["connected", "disconnected", "subscribed", "unsubscribed", "occupied", "vacated"],
            "events_to": "events",
        },
        "raw": [{"path": "/raw", "origin": "raw", "open": True}],
        "channel": {"namespaces": [
            {"name": "asked", **open_to_all, "subscribe_proxy_name": "subscribe"},
            {"name": NEWS.partition(":")[0], **open_to_all, "publish_proxy_name": "publish"}]},
        "store": {"path": str(store)},
        "edge": {"shards": 2},
        "shutdown": {"timeout": "3s", "window": "100ms"},
        "prometheus": {"enabled": True},
    }


class Rig:
    def __init__(self, directory: pathlib.Path, seed: int, kills: int, visitors: int, raw_visitors: int):
        self.directory, self.kills = directory, kills
        self.chance = random.Random(f"kills {seed}")
        self.seen = Seen()
        self.told = Told(self.seen)
        self.application = Application(directory)
        self.server = Server(directory, configuration(self.application, directory / "store"))
        self.observer = Observer(self.server, self.seen)
        self.clients = [Visitor(self.server, self.seen, f"v{number}", seed) for number in range(visitors)]
        self.clients += [RawVisitor(self.server, self.seen, f"r{number}", seed) for number in range(raw_visitors)]
        self.descriptors = [0, 0]

    async def run(self, say) -> None:
        await asyncio.to_thread(self.server.start)
        self.descriptors[0] = self.server.descriptors()
        tasks: list[asyncio.Task] = []
        try:
            await asyncio.to_thread(self.application.start)
            await self.observer.start()
            self.seen.began = time.monotonic()
            ending = asyncio.Event()
            hears = asyncio.create_task(self.observer.run())
            visits = [asyncio.create_task(client.run(ending)) for client in self.clients]
            tasks = [hears, *visits]
            await self._kill_again_and_again(say)
            ending.set()
            async with asyncio.timeout(TOLD_SECONDS):
                for result in await asyncio.gather(*visits, return_exceptions=True):
                    if isinstance(result, Exception):
                        self.seen.problem(f"a client broke off: {result!r}")
            await self.observer.stop()
            await self._nobody_is_left()
            await self._everything_is_told()
            self.seen.settle()
            self.told.settle()
            await self._nothing_is_left_open()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.to_thread(self._end)

    async def _kill_again_and_again(self, say) -> None:
        for number in range(self.kills):
            await asyncio.sleep(self.chance.uniform(*LIVES))
            await asyncio.to_thread(self.application.kill)
            pause = self.chance.uniform(*(LONG_PAUSE if self.chance.random() < 0.15 else SHORT_PAUSE))
            say(number + 1, pause)
            await asyncio.sleep(pause)
            last = self.chance.randint(*LAST_REQUESTS) if number % 2 and number + 1 < self.kills else 0
            await asyncio.to_thread(self.application.start, last)
            if not self.server.is_running:
                raise AssertionError(f"the server ended with {self.server.process.returncode}: {self.server.log()[-1500:]}")
        # All is well again, also for what the breaker kept back.
        await asyncio.sleep(1)

    async def _nobody_is_left(self) -> None:
        """The server's own count, by its metrics and by its API."""
        try:
            await asyncio.to_thread(self.server.wait_until_empty)
        except AssertionError as problem:
            self.seen.problem(f"{problem}: {self.server.sessions()}")
        nodes = (await asyncio.to_thread(self.server.api, "info")).result["nodes"]
        for name in ("num_clients", "num_users", "num_subs", "num_channels"):
            if left := sum(node.get(name, 0) for node in nodes):
                self.seen.problem(f"info says {name} {left} after everybody has left")

    async def _everything_is_told(self) -> None:
        deadline = time.monotonic() + TOLD_SECONDS
        while True:
            for entry in self.application.news():
                self.told.take(entry)
            waiting = [client for client in self.seen.names if not self.told.is_over(client)]
            waiting += [each for each, known in self.told.raw.items() if known.messages and not known.closed]
            if not waiting:
                return
            if time.monotonic() > deadline:
                self.seen.problem(f"the end of {len(waiting)} connections was not told, the first: {waiting[0]}")
                return
            await asyncio.sleep(0.1)

    async def _nothing_is_left_open(self) -> None:
        """Without the application, the server has as many descriptors as before everything."""
        await asyncio.to_thread(self.application.kill)
        deadline = time.monotonic() + 30
        while True:
            # The event log's file may have been opened since.
            self.descriptors[1] = self.server.descriptors()
            inflight = await asyncio.to_thread(self.server.connections)
            if self.descriptors[1] <= self.descriptors[0] + 4 and inflight == 0:
                return
            if time.monotonic() > deadline:
                self.seen.problem(
                    f"descriptors {self.descriptors[1]}, at the start {self.descriptors[0]}; connections {inflight:g}")
                return
            await asyncio.sleep(0.1)

    def _end(self) -> None:
        self.application.kill()
        try:
            if self.server.is_running:
                self.server.stop()
        except AssertionError as problem:
            self.seen.problem(f"at the end: {problem}")
        finally:
            self.server.kill()

    def summary(self) -> list[str]:
        seen, told = self.seen, self.told
        counts = ", ".join(f"{count} {what}" for what, count in sorted(seen.counts.items()))
        return [
            "", f"{'clients':14} {len(seen.names)} let in, {len(seen.raw)} raw visits",
            f"{'asked':14} {counts}",
            f"{'told':14} {told.events} events, {told.repeated} of them repeated; {len(told.raw)} raw connections",
            f"{'published':14} {len(seen.confirmed)} confirmed, {len(seen.refused)} refused, {len(seen.heard)} heard",
            f"{'descriptors':14} {self.descriptors[0]} before, {self.descriptors[1]} after",
        ]

    def dump(self, path: pathlib.Path) -> None:
        path.write_text(json.dumps(
            {
                "steps": {self.seen.names[client]: {"client": client, "steps": steps}
                          for client, steps in self.seen.steps.items()},
                "told": self.told.clients, "channels": self.told.channels,
                "raw": {name: vars(exchange) for name, exchange in self.seen.raw.items()},
                "raw told": {name: vars(known) for name, known in self.told.raw.items()},
                "heard": self.seen.heard,
            }, indent=1))
