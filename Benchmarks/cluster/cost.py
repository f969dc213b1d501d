"""What a cluster costs: `python Benchmarks/cluster/cost.py [--rounds N]`, with PHAROS_BIN; prints a table.

Rows, each in the same rounds, in turn, so that they share the machine's mood:

- one server with the engine in its process, and for each engine a cluster of two nodes: 1,000 subscribers on one node, the
  publisher on the other (on the same one with the engine in the process), one channel, no history: processor time of the
  subscribers' node for each delivery, and the median time from the publish to the delivery.
- the same with history: publications per second that one node stores with 64 under way.

Subscribers and publishers are `pharos bench`; every message is counted. The brokers are those of the tests.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Tests" / "Integration"))
from harness.cluster import Cluster  # noqa: E402
from harness.configuration import API_KEY, BASE, merged  # noqa: E402
from harness.server import Server, binary  # noqa: E402

QUIET = {"log": {"level": "warning"}, "edge": {"shards": 1}, "channel": {"without_namespace": {
    "allow_subscribe_for_client": True, "allow_subscribe_for_anonymous": True}}}
STORED = {"channel": {"without_namespace": {
    "allow_subscribe_for_client": True, "allow_subscribe_for_anonymous": True, "history_size": 100, "history_ttl": "60s"}}}
ENGINES = ["memory", "topic", "nats", "redis"]


class Rig:
    def __init__(self, engine: str, changes: dict):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="pharos-cost-"))
        changes = merged(QUIET, changes)
        if engine == "memory":
            self.cluster = None
            directory = self.directory / "one"
            directory.mkdir()
            node = Server(directory, merged(BASE, merged(changes, {"store": {"path": ""}}))).start()
            self.subscribed = self.publishing = node
        else:
            self.cluster = Cluster(self.directory, engine, count=2, changes=changes).start()
            self.subscribed, self.publishing = self.cluster.nodes

    def bench(self, *arguments: str) -> dict:
        command = [
            binary(), "bench", "--json", "--url", f"http://127.0.0.1:{self.subscribed.port}", "--publish-port",
            str(self.publishing.port), "--api-key", API_KEY, "--pid", str(self.subscribed.pid), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stdout} {done.stderr}")
        return json.loads(done.stdout.splitlines()[-1])

    def stop(self) -> None:
        if self.cluster:
            self.cluster.stop()
        else:
            self.subscribed.stop()


def rows(engine: str) -> dict[str, float]:
    rig = Rig(engine, {})
    try:
        fan = rig.bench("-n", "1000", "--rate", "500", "--duration", "8")
        slow = rig.bench("-n", "10", "--rate", "1000", "--duration", "8")
    finally:
        rig.stop()
    rig = Rig(engine, STORED)
    try:
        stored = rig.bench("-n", "1", "--closed", "64", "--duration", "8")
    finally:
        rig.stop()
    return {"fan": fan, "slow": slow, "stored": stored}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--raw", action="store_true", help="print what each run said")
    chosen = parser.parse_args()
    found: dict[str, list[dict]] = {engine: [] for engine in ENGINES}
    for number in range(chosen.rounds):
        for engine in ENGINES if number % 2 == 0 else reversed(ENGINES):
            result = rows(engine)
            found[engine].append(result)
            if chosen.raw:
                print(engine, json.dumps(result), flush=True)
    table(found)


def table(found: dict[str, list[dict]]) -> None:
    def median(engine, row, value):
        return statistics.median(value(each[row]) for each in found[engine])

    def cpu(result):
        return result["server"]["cpu_us_per_delivery"]

    print("| engine | us of the subscribers' node per delivery | of one server | median latency, 1,000/s | stored/s, 64 under way |")
    print("| --- | --- | --- | --- | --- |")
    for engine in found:
        ratio = statistics.median(
            cpu(each["fan"]) / cpu(one["fan"]) for each, one in zip(found[engine], found["memory"]))
        print(f"| {engine} | {median(engine, 'fan', cpu):.2f} | {ratio:.2f} | "
              f"{median(engine, 'slow', lambda r: r['latency_ns']['p50'] / 1e6):.2f} ms | "
              f"{median(engine, 'stored', lambda r: r['published'] / r['publish_seconds']):,.0f} |")


if __name__ == "__main__":
    main()
