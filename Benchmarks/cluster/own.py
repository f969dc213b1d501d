"""What a broker stores by itself, beside what Pharos stores over it: `python Benchmarks/cluster/own.py [--rounds N]`, with
PHAROS_BIN; prints a table.

Rows, each in the same rounds and on the same broker, in turn: publications of one channel with history, 64 under way, each
answered once the broker has it.

- `nats`: Pharos; plain messages to a stream of the same storage, 64 under way, each with its acknowledgement; and messages that
  hold 64 publications each, one after the other, guarded by the sequence of the last one, as Pharos sends them.
- `redis`: Pharos; and redis-benchmark with 64 calls of a script in a pipeline that adds to a stream and publishes, which is the
  least that a stored publication needs.
"""

import argparse
import json
import pathlib
import socket
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Benchmarks" / "cluster"))
from cost import STORED, Rig  # noqa: E402

SECONDS, UNDER_WAY, SIZE = 8, 64, 64
SCRIPT = "redis.call('XADD',KEYS[1],'MAXLEN','~',100,'*','d',ARGV[1]) redis.call('PUBLISH',KEYS[1],ARGV[1])"


class Plain:
    """A connection to nats-server that speaks the protocol's own words."""

    def __init__(self, port: int):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.line()
        self.socket.sendall(b'CONNECT {"verbose":false,"headers":true}\r\nSUB answer 1\r\nPING\r\n')
        assert self.line() == b"PONG"

    def line(self) -> bytes:
        while b"\r\n" not in self.buffer:
            more = self.socket.recv(1 << 18)
            assert more, "nats-server has closed the connection"
            self.buffer += more
        line, _, self.buffer = self.buffer.partition(b"\r\n")
        return line

    def answers(self) -> list[bytes]:
        """At least one; all that have come."""
        found = [self.answer()]
        while self.buffer.count(b"\r\n") >= 2:
            found.append(self.answer())
        return found

    def answer(self) -> bytes:
        while (line := self.line()) == b"PING":
            self.socket.sendall(b"PONG\r\n")
        assert line.startswith(b"MSG "), line
        return self.line()

    def ask(self, subject: str, request: dict) -> dict:
        body = json.dumps(request).encode()
        self.socket.sendall(b"PUB %s answer %d\r\n%s\r\n" % (subject.encode(), len(body), body))
        return json.loads(self.answer())


def nats_stream(port: int, name: str) -> Plain:
    plain = Plain(port)
    made = plain.ask(f"$JS.API.STREAM.CREATE.{name}", {
        "name": name, "subjects": [f"{name}.>"], "storage": "file", "retention": "limits", "discard": "old",
        "max_msgs_per_subject": 100, "num_replicas": 1})
    assert "error" not in made, made
    return plain


def nats_plain(port: int, name: str) -> float:
    plain = nats_stream(port, name)
    one = b"PUB %s.x answer %d\r\n%s\r\n" % (name.encode(), SIZE, b"x" * SIZE)
    began, done = time.monotonic(), 0
    plain.socket.sendall(one * UNDER_WAY)
    while time.monotonic() - began < SECONDS:
        answers = plain.answers()
        done += len(answers)
        plain.socket.sendall(one * len(answers))
    return done / (time.monotonic() - began)


def nats_packed(port: int, name: str) -> float:
    plain = nats_stream(port, name)
    body, last, done = b"x" * SIZE * UNDER_WAY, 0, 0
    began = time.monotonic()
    while time.monotonic() - began < SECONDS:
        head = b"NATS/1.0\r\nNats-Expected-Last-Subject-Sequence: %d\r\n\r\n" % last
        plain.socket.sendall(b"HPUB %s.x answer %d %d\r\n%s%s\r\n" % (
            name.encode(), len(head), len(head) + len(body), head, body))
        last = json.loads(plain.answer())["seq"]
        done += UNDER_WAY
    return done / (time.monotonic() - began)


def redis_own(port: int, name: str) -> float:
    done = subprocess.run(
        ["redis-benchmark", "-p", str(port), "-c", "1", "-P", str(UNDER_WAY), "-n", "400000", "--csv", "EVAL", SCRIPT, "1",
         name, "x" * SIZE], capture_output=True, text=True, check=True, timeout=300)
    head, values = [line.split('","') for line in done.stdout.splitlines() if line.startswith('"')][-2:]
    return float(dict(zip(head, values))["rps"])


def pharos(rig: Rig) -> float:
    result = rig.bench("-n", "1", "--closed", str(UNDER_WAY), "--size", str(SIZE), "--duration", str(SECONDS))
    return result["published"] / result["publish_seconds"]


ROWS = {"nats": {"plain messages": nats_plain, "messages of 64": nats_packed}, "redis": {"redis-benchmark": redis_own}}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    print("| engine | | stored a second | Pharos stores |")
    print("| --- | --- | --- | --- |")
    for engine, others in ROWS.items():
        found: dict[str, list[float]] = {name: [] for name in ["Pharos", *others]}
        for number in range(chosen.rounds):
            rig = Rig(engine, STORED)
            try:
                port = rig.cluster.port
                turns = [("Pharos", lambda: pharos(rig))] + [
                    (name, lambda run=run, name=name: run(port, f"own{len(name)}")) for name, run in others.items()]
                for name, run in turns if number % 2 == 0 else reversed(turns):
                    found[name].append(run())
            finally:
                rig.stop()
        for name, rates in found.items():
            ratio = statistics.median(ours / theirs for ours, theirs in zip(found["Pharos"], rates))
            print(f"| {engine} | {name} | {statistics.median(rates):,.0f} | {ratio:.2f} of that |", flush=True)


if __name__ == "__main__":
    main()
