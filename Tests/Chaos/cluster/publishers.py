"""Publishers that ask all nodes. Some give a key and try until they are answered, some do neither."""

import asyncio
import json
import random
import time

from harness.configuration import API_KEY
from harness.http_client import HTTPClient
from harness.server import Server

from ..publisher import ANSWER_SECONDS, NOT_NOW
from .ledger import ClusterLedger, Offered

MOST_FILLING = 1_200
# How many of all have a key; of those, how many are offered once more after their answer.
KEYED, REPEATED = 0.6, 0.15
# Keys from before a fault that are offered again after it.
LATE_REPEATS = 30


class Publishers:
    def __init__(self, ledger: ClusterLedger, nodes: list[Server], seed: str, rate: float, workers: int = 12):
        self.ledger, self.nodes = ledger, nodes
        self.seed, self.rate, self.workers = seed, rate, workers
        self.offered = self.answered = self.retries = self.refused = self.unknown = 0
        self.longest = 0.0
        self.last_answer = time.monotonic()
        self.is_ending = asyncio.Event()

    async def run(self) -> None:
        """Publishes until `is_ending`; returns once everything with a key is answered for.

        The last publication of each channel comes when all is well again: a subscriber that gets it is at the end.
        """
        await asyncio.gather(*(self._work(number) for number in range(self.workers)))
        chance = random.Random(f"publishers {self.seed} end")
        for name in self.ledger.channels:
            await self._publish(chance, name, f"last-{name}", is_keyed=True)
        await self._repeat_late(chance)

    async def _work(self, worker: int) -> None:
        chance = random.Random(f"publishers {self.seed} {worker}")
        names = list(self.ledger.channels)
        number = 0
        while not self.is_ending.is_set():
            number += 1
            key = f"{worker}-{number}"
            offered = await self._publish(chance, chance.choice(names), key, is_keyed=chance.random() < KEYED)
            if offered.answer and offered.is_keyed and chance.random() < REPEATED:
                await self._repeat(chance, offered)
            try:
                await asyncio.wait_for(self.is_ending.wait(), chance.expovariate(self.rate / self.workers))
            except TimeoutError:
                pass

    async def burst(self, name: str, count: int, node: Server | None = None) -> list[Offered]:
        """So many with keys, one after the other."""
        chance = random.Random(f"publishers {self.seed} burst {self.offered}")
        first = self.offered
        return [
            await self._publish(chance, name, f"burst-{first}-{number}", is_keyed=True, node=node)
            for number in range(count)]

    async def _publish(
        self, chance: random.Random, name: str, key: str, *, is_keyed: bool, node: Server | None = None
    ) -> Offered:
        offered = self.ledger.offer(key, name, is_keyed)
        request = {"channel": name, "data": {"k": key, "fill": "x" * int(chance.triangular(0, MOST_FILLING, 0))}}
        if is_keyed:
            request["idempotency_key"] = key
        body = json.dumps(request).encode()
        channel = self.ledger.channels[name]
        channel.outstanding += 1
        self.offered += 1
        began = time.monotonic()
        while True:
            through = node or chance.choice(self.nodes)
            offered.attempts += 1
            result = await self._offer(through, key, body)
            if isinstance(result, dict):
                break
            if result == "unknown":
                offered.uncertain += 1
                if not is_keyed:
                    # It may be stored, and may not: so it counts for ever in what a stream can hold.
                    self.unknown += 1
                    return offered
            self.retries += 1
            await asyncio.sleep(0.05)
        self.last_answer = time.monotonic()
        self.longest = max(self.longest, self.last_answer - began)
        channel.outstanding -= 1
        self.answered += 1
        at = self.last_answer - self.ledger.began
        self.ledger.placed(offered, result["epoch"], result["offset"], through.directory.name, at)
        return offered

    async def _offer(self, node: Server, key: str, body: bytes) -> dict | str:
        """One attempt: the answer, `not sent`, or `unknown` if it may have been stored."""
        headers = {"Content-Type": "application/json", "X-API-Key": API_KEY}
        client = HTTPClient(node.port)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                status, _, content = await client.ask("POST", "/api/publish", body, headers)
        except ConnectionRefusedError:
            return "not sent"
        except (OSError, TimeoutError):
            return "unknown"
        finally:
            client.break_off()
        if status >= 500:
            self.refused += 1
            return "unknown"
        answer = json.loads(content)
        if status == 200 and "result" in answer:
            return answer["result"]
        if answer.get("error", {}).get("code") not in NOT_NOW:
            self.ledger.problem(f"publisher: {key} was refused by {node.directory.name} with {status} {content[:200]!r}")
        self.refused += 1
        return "unknown"

    # Retries of what has been answered for

    async def _repeat(self, chance: random.Random, offered: Offered) -> None:
        data = {"k": offered.key, "again": True}
        body = json.dumps(
            {"channel": offered.channel, "data": data, "idempotency_key": offered.key}).encode()
        node = chance.choice(self.nodes)
        result = await self._offer(node, offered.key, body)
        if isinstance(result, dict):
            self.ledger.repeated(offered, result["epoch"], result["offset"], node.directory.name)
            if (result["epoch"], result["offset"]) != offered.answer:
                # Stored once more, in another stream.
                offered.uncertain += 1
        elif result == "unknown":
            offered.uncertain += 1

    async def _repeat_late(self, chance: random.Random) -> None:
        """After everything has healed: keys that were answered for long before."""
        keyed = [each for each in self.ledger.offered.values() if each.is_keyed and each.answer]
        current = [each for each in keyed if each.answer[0] == self.ledger.channels[each.channel].epoch]
        for offered in chance.sample(current, min(LATE_REPEATS, len(current))):
            await self._repeat(chance, offered)
