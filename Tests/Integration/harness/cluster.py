"""Several servers that behave as one, with the engine between them."""

import atexit
import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile

from .configuration import BASE, merged
from .server import Server, free_port, poll

SECRET = "the secret of the cluster in the integration tests"
BIN = pathlib.Path(sys.executable).parent
# Fast enough for stories, slow enough for a busy machine.
TIMING = {"heartbeat": "300ms", "node_timeout": "3s"}


def listens(port: int) -> bool:
    with socket.socket() as probe, contextlib.suppress(OSError):
        probe.settimeout(1)
        probe.connect(("127.0.0.1", port))
        return True
    return False


class Broker:
    """A server of another project, in a process of its own, that keeps its data in `directory`."""

    def __init__(self, directory: pathlib.Path, port: int | None = None):
        self.directory = directory
        self.port = port or free_port()
        self.process: subprocess.Popen | None = None

    def command(self) -> list[str]:
        raise NotImplementedError

    def start(self) -> "Broker":
        self.directory.mkdir(parents=True, exist_ok=True)
        log = open(self.directory / "log", "ab")
        self.process = subprocess.Popen(
            self.command(), cwd=self.directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()
        poll(lambda: listens(self.port), f"{self.command()[0]} to listen")
        return self

    def kill(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def freeze(self, on: bool) -> None:
        self.process.send_signal(signal.SIGSTOP if on else signal.SIGCONT)


class NATS(Broker):
    # Text of a configuration file; "": none.
    configuration = ""

    def command(self) -> list[str]:
        server = os.environ.get("PHAROS_NATS_SERVER") or str(BIN / "nats-server")
        more = []
        if self.configuration:
            (self.directory / "nats.conf").write_text(self.configuration)
            more = ["-c", str(self.directory / "nats.conf")]
        return [server, *more, "-a", "127.0.0.1", "-p", str(self.port), "-js", "-sd", str(self.directory / "data")]

    def make_noise(self, payloads: list[bytes]) -> None:
        """Publishes to the subject that all nodes listen to, by the protocol's own words."""
        with socket.create_connection(("127.0.0.1", self.port)) as link:
            link.recv(65_536)
            link.sendall(b'CONNECT {"verbose":false}\r\n')
            for payload in payloads:
                link.sendall(b"PUB ph.n.all %d\r\n%s\r\n" % (len(payload), payload))
            link.sendall(b"PING\r\n")
            assert b"PONG" in link.recv(65_536)


class Redis(Broker):
    def command(self) -> list[str]:
        return [os.environ.get("PHAROS_REDIS_SERVER", "redis-server"), "--port", str(self.port), "--bind", "127.0.0.1",
                "--appendonly", "yes", "--save", "", "--dir", str(self.directory)]

    def make_noise(self, payloads: list[bytes]) -> None:
        """Publishes to the channel that all nodes listen to."""
        with socket.create_connection(("127.0.0.1", self.port)) as link:
            for payload in payloads:
                link.sendall(b"*3\r\n$7\r\nPUBLISH\r\n$12\r\npharos.n.all\r\n$%d\r\n%s\r\n" % (len(payload), payload))
                assert link.recv(100).startswith(b":")


shared_brokers: dict[str, Broker] = {}


def section_for_one(engine: str, number: int) -> dict:
    """The engine of a server that is alone with it; brokers are shared, and everything in them has the server's number."""
    if engine == "topic":
        return {"type": "topic", "secret": SECRET, "topic": {"address": f"127.0.0.1:{free_port()}"}}
    if engine not in shared_brokers:
        directory = pathlib.Path(tempfile.mkdtemp(prefix=f"pharos-{engine}-"))
        shared_brokers[engine] = {"nats": NATS, "redis": Redis}[engine](directory).start()
        atexit.register(shared_brokers[engine].kill)
    port = shared_brokers[engine].port
    if engine == "nats":
        return {"type": "nats", "nats": {"url": [f"nats://127.0.0.1:{port}"], "prefix": f"t{number}", "streams": 1}}
    return {"type": "redis", "redis": {"address": [f"127.0.0.1:{port}"], "prefix": f"t{number}"}}


class Cluster:
    """Nodes 0, 1, … with one engine. With `topic`, the hub is a node of its own, so that it can be killed alone."""

    def __init__(self, directory: pathlib.Path, engine: str, count: int = 3, changes: dict | None = None,
                 engine_port: int | None = None):
        self.directory, self.engine = directory, engine
        self.nodes: list[Server] = []
        self.broker = None
        # Where the nodes look for the engine: another port if something stands between.
        port = free_port()
        section = {"type": engine, "secret": SECRET, **TIMING}
        if engine == "topic":
            section["topic"] = {"address": f"127.0.0.1:{engine_port or port}", "listen": f"127.0.0.1:{port}"}
        elif engine == "nats":
            section["nats"] = {"url": [f"nats://127.0.0.1:{engine_port or port}"]}
            self.broker = NATS(directory / "nats", port)
        elif engine == "redis":
            section["redis"] = {"address": [f"127.0.0.1:{engine_port or port}"]}
            self.broker = Redis(directory / "redis", port)
        self.port = port
        self.changes = merged({"engine": section}, changes or {})
        self.hub = None
        if engine == "topic":
            self.hub = self._server("hub", {"node": {"name": "hub", "roles": ["topic"]}})
        for index in range(count):
            self.add(f"n{index}")

    def _server(self, name: str, more: dict) -> Server:
        directory = self.directory / name
        directory.mkdir(parents=True)
        return Server(directory, merged(merged(BASE, self.changes), more))

    def add(self, name: str, more: dict | None = None) -> Server:
        server = self._server(name, merged({"node": {"name": name}}, more or {}))
        self.nodes.append(server)
        return server

    def start_engine(self) -> None:
        if self.broker:
            self.broker.start()
        if self.hub:
            self.hub.start()

    def kill_engine(self) -> None:
        (self.broker or self.hub).kill()

    def freeze_engine(self, on: bool) -> None:
        if self.broker:
            self.broker.freeze(on)
        else:
            self.hub.process.send_signal(signal.SIGSTOP if on else signal.SIGCONT)

    def start(self) -> "Cluster":
        self.start_engine()
        for node in self.nodes:
            node.start()
        self.wait_until_whole()
        return self

    def wait_until_whole(self, count: int | None = None) -> None:
        """Every node sees as many as there are, and is ready."""
        there = [node for node in self.nodes if node.is_running]
        for node in there:
            poll(lambda: node.request("GET", "/health/ready").status == 200, f"{node.directory.name} to be ready")
            wanted = count or len(there) + (1 if self.hub and self.hub.is_running else 0)
            poll(lambda: len(node.api("info").json.get("result", {}).get("nodes", [])) == wanted,
                 f"{node.directory.name} to see {wanted} nodes")

    def stop(self) -> None:
        everyone = self.nodes + ([self.hub] if self.hub else [])
        for server in everyone:
            if server.is_running:
                server.process.send_signal(signal.SIGCONT)
        for server in everyone:
            if server.is_running:
                server.stop()
        if self.broker:
            self.broker.kill()
