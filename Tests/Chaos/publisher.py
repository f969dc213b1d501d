"""The publisher: every publication is offered under one idempotency key until it is answered for."""

import asyncio
import json
import random
import time

from harness.configuration import API_KEY
from harness.http_client import HTTPClient

from .ledger import Ledger
from .proxy import ChaosProxy

# Longer than the server needs for anything; then the request is given up and made again with the same key.
ANSWER_SECONDS = 5
# Answers that say "not now": the publication is offered again. Code 100 is the server's own trouble.
NOT_NOW = {100, 111}
# Bytes of filling, so that queues and socket buffers are felt.
MOST_FILLING = 3_000


class Publisher:
    def __init__(self, ledger: Ledger, proxy: ChaosProxy, seed: int, rate: float, workers: int = 8):
        self.ledger, self.proxy = ledger, proxy
        self.seed, self.rate, self.workers = seed, rate, workers
        self.published = self.answered = self.retries = self.refused = 0
        # The longest time that one publication waited for its answer, in seconds.
        self.longest = 0.0
        self.is_ending = asyncio.Event()

    async def run(self) -> None:
        """Publishes until `is_ending`, then returns once everything is answered for.

        The last publication of each channel comes when all is well again: a subscriber that gets it is at the end.
        """
        await asyncio.gather(*(self._work(number) for number in range(self.workers)))
        client = HTTPClient(self.proxy.port)
        for name in self.ledger.channels:
            await self._publish(client, name, f"last-{name}", {"k": f"last-{name}"})
        client.close()

    async def _work(self, worker: int) -> None:
        chance = random.Random(f"publisher {self.seed} {worker}")
        names = list(self.ledger.channels)
        client = HTTPClient(self.proxy.port)
        number = 0
        while not self.is_ending.is_set():
            number += 1
            key = f"{worker}-{number}"
            data = {"k": key, "fill": "x" * int(chance.triangular(0, MOST_FILLING, 0))}
            await self._publish(client, chance.choice(names), key, data)
            pause = chance.expovariate(self.rate / self.workers)
            try:
                await asyncio.wait_for(self.is_ending.wait(), pause)
            except TimeoutError:
                pass
        client.close()

    async def _publish(self, client: HTTPClient, name: str, key: str, data: dict) -> None:
        body = json.dumps({"channel": name, "data": data, "idempotency_key": key}).encode()
        channel = self.ledger.channels[name]
        channel.outstanding += 1
        self.published += 1
        began = time.monotonic()
        while (result := await self._offer(client, key, body)) is None:
            self.retries += 1
            await asyncio.sleep(0.05)
        self.longest = max(self.longest, time.monotonic() - began)
        channel.outstanding -= 1
        self.answered += 1
        self.ledger.answer(name, key, result["epoch"], result["offset"])

    async def _offer(self, client: HTTPClient, key: str, body: bytes) -> dict | None:
        """One attempt. None: it is not known whether it was stored, or it was refused for now."""
        headers = {"Content-Type": "application/json", "X-API-Key": API_KEY}
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                status, _, content = await client.ask("POST", "/api/publish", body, headers)
        except (OSError, TimeoutError):
            client.break_off()
            return None
        if status >= 500:
            self.refused += 1
            return None
        answer = json.loads(content)
        if status == 200 and "result" in answer:
            return answer["result"]
        if answer.get("error", {}).get("code") not in NOT_NOW:
            self.ledger.problem(f"publisher: {key} was refused with {status} {content[:200]!r}")
        self.refused += 1
        return None
