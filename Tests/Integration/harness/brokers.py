"""Servers of other projects that belong together: with replicas, in clusters; and what can be asked of them directly."""

import contextlib
import json
import os
import pathlib
import socket
import subprocess
import urllib.request

from .cluster import NATS, Redis
from .server import free_port, poll

# Guards against hanging.
PATIENCE = 60
# Fast enough for stories, slow enough for a busy machine.
DOWN_AFTER_MS = 2_000


class BrokerRefused(AssertionError):
    """A broker answered with an error."""


# Redis


def redis(port: int, *words, timeout: float = 20):
    """One command and its answer; errors are raised."""
    with contextlib.closing(socket.create_connection(("127.0.0.1", port), timeout=timeout)) as connection:
        parts = [str(word).encode() for word in words]
        connection.sendall(
            b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts))
        with connection.makefile("rb") as stream:
            return _redis_answer(stream)


def _redis_answer(stream):
    line = stream.readline()
    if not line.endswith(b"\r\n"):
        raise ConnectionResetError("the answer was cut")
    kind, rest = line[:1], line[1:-2].decode()
    match kind:
        case b"+":
            return rest
        case b"-":
            raise BrokerRefused(rest)
        case b":":
            return int(rest)
        case b"$":
            return None if rest == "-1" else stream.read(int(rest) + 2)[:-2].decode(errors="replace")
        case b"*":
            return [_redis_answer(stream) for _ in range(int(rest))]
    raise BrokerRefused(f"not an answer: {line!r}")


def redis_info(port: int, section: str) -> dict[str, str]:
    lines = redis(port, "INFO", section).splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


class RedisServer(Redis):
    """A server of Redis with more on its command line, or with a file that it rewrites itself."""

    def __init__(self, directory: pathlib.Path, port: int | None = None, more: tuple[str, ...] = (), file: str = ""):
        super().__init__(directory, port)
        self.more, self.file = more, file

    def command(self) -> list[str]:
        words = super().command()
        if self.file:
            path = self.directory / "redis.conf"
            if not path.exists():
                path.write_text(self.file)
            words.insert(1, str(path))
        return [*words, *self.more]

    def start(self) -> "RedisServer":
        super().start()
        poll(self._has_read_its_files, "Redis to have read its files", PATIENCE)
        return self

    def _has_read_its_files(self) -> bool:
        try:
            self.ask("INFO", "server")
            return redis_info(self.port, "persistence").get("loading", "0") == "0"
        except BrokerRefused as refusal:
            if "LOADING" in str(refusal):
                return False
            raise

    def ask(self, *words):
        return redis(self.port, *words)

    def follow(self, port: int) -> None:
        self.ask("REPLICAOF", "127.0.0.1", port)

    def lead(self) -> None:
        self.ask("REPLICAOF", "NO", "ONE")

    def wait_until_synced(self) -> None:
        poll(lambda: redis_info(self.port, "replication").get("master_link_status") == "up", "a replica to follow", PATIENCE)

    def lose_master(self, master: "RedisServer") -> None:
        """Cuts the replication for good, and both live on: the replica's password is wrong from now on."""
        self.ask("CONFIG", "SET", "masteruser", "nobody")
        self.ask("CONFIG", "SET", "masterauth", "wrong")
        master.ask("CLIENT", "KILL", "TYPE", "replica")
        poll(lambda: redis_info(self.port, "replication").get("master_link_status") == "down", "the replica to be cut off")

    def find_master(self) -> None:
        """Undoes it."""
        self.ask("CONFIG", "SET", "masteruser", "")
        self.ask("CONFIG", "SET", "masterauth", "")


class Sentinel(RedisServer):
    def __init__(self, directory: pathlib.Path, name: str, master: int):
        super().__init__(directory, file=(
            f"sentinel monitor {name} 127.0.0.1 {master} 2\n"
            f"sentinel down-after-milliseconds {name} {DOWN_AFTER_MS}\n"
            f"sentinel failover-timeout {name} 6000\n"))

    def command(self) -> list[str]:
        path = self.directory / "redis.conf"
        if not path.exists():
            path.write_text(self.file)
        server = os.environ.get("PHAROS_REDIS_SERVER", "redis-server")
        return [server, str(path), "--sentinel", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.directory)]


class RedisCluster:
    """Masters with a replica each."""

    def __init__(self, directory: pathlib.Path, masters: int = 3):
        more = ("--cluster-enabled", "yes", "--cluster-node-timeout", str(DOWN_AFTER_MS),
                "--cluster-require-full-coverage", "no")
        self.servers = []
        for index in range(2 * masters):
            self.servers.append(RedisServer(directory / f"r{index}", more=(*more, "--cluster-port", str(free_port()))))
        self.masters = masters
        self._is_made = False

    def start(self) -> None:
        for server in self.servers:
            if not (server.process and server.process.poll() is None):
                server.start()
        if not self._is_made:
            addresses = [f"127.0.0.1:{server.port}" for server in self.servers]
            # No other machine, so pairs are as given: 0 and 3, 1 and 4, 2 and 5 or alike.
            self.cli("--cluster", "create", *addresses, "--cluster-replicas", "1", "--cluster-yes")
            self._is_made = True
        self.wait_until_whole()

    def cli(self, *words: str) -> str:
        done = subprocess.run(
            ["redis-cli", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=2 * PATIENCE)
        if done.returncode != 0:
            raise BrokerRefused(f"redis-cli {' '.join(words)}: {done.stdout[-600:]} {done.stderr[-300:]}")
        return done.stdout

    def wait_until_whole(self) -> None:
        """All agree that every slot is served."""
        def is_whole() -> bool:
            for server in self.servers:
                if server.process and server.process.poll() is None:
                    info = dict(line.split(":", 1) for line in server.ask("CLUSTER", "INFO").splitlines() if ":" in line)
                    if info["cluster_state"] != "ok" or info["cluster_slots_ok"] != "16384":
                        return False
            return True

        poll(is_whole, "the slots to be served", PATIENCE)

    def master_of(self, key: str) -> RedisServer:
        alive = [server for server in self.servers if server.process and server.process.poll() is None]
        slot = alive[0].ask("CLUSTER", "KEYSLOT", key)
        for first, last, master, *_ in alive[0].ask("CLUSTER", "SLOTS"):
            if first <= slot <= last:
                return next(server for server in self.servers if server.port == master[1])
        raise BrokerRefused(f"nobody serves slot {slot}")

    def identity(self, server: RedisServer) -> str:
        return server.ask("CLUSTER", "MYID")


# NATS


def nats_ask(port: int, subject: str, request: dict | str = "", timeout: float = 20) -> dict:
    """A request of the JetStream API, and its answer."""
    body = (request if isinstance(request, str) else json.dumps(request)).encode()
    with contextlib.closing(socket.create_connection(("127.0.0.1", port), timeout=timeout)) as connection:
        with connection.makefile("rb") as stream:
            stream.readline()
            inbox = f"_INBOX.{os.urandom(8).hex()}"
            connection.sendall(
                b'CONNECT {"verbose":false,"pedantic":false,"lang":"python","version":"1","protocol":1}\r\n'
                + f"SUB {inbox} 1\r\nPUB {subject} {inbox} {len(body)}\r\n".encode() + body + b"\r\n")
            while line := stream.readline():
                if line.startswith(b"MSG"):
                    answer = json.loads(stream.read(int(line.split()[-1])))
                    if "error" in answer:
                        raise BrokerRefused(f"{subject}: {answer['error']}")
                    return answer
                if line.startswith(b"PING"):
                    connection.sendall(b"PONG\r\n")
                if line.startswith(b"-ERR"):
                    raise BrokerRefused(line.decode())
    raise BrokerRefused(f"{subject}: no answer")


class NATSServer(NATS):
    """One server of NATS, alone or with others."""

    def __init__(self, directory: pathlib.Path, port: int | None = None, more: tuple[str, ...] = (), configuration: str = ""):
        super().__init__(directory, port)
        self.monitor = free_port()
        self.more, self.configuration = more, configuration

    def command(self) -> list[str]:
        more = ["-m", str(self.monitor), *self.more]
        if self.configuration:
            path = self.directory / "nats.conf"
            path.write_text(self.configuration)
            more += ["-c", str(path)]
        return super().command() + more

    def look(self, path: str) -> dict:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.monitor}/{path}", timeout=10) as answer:
            return json.load(answer)

    def streams(self) -> list[str]:
        return nats_ask(self.port, "$JS.API.STREAM.NAMES").get("streams") or []

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None


class NATSCluster:
    """Servers with copies of what they keep."""

    def __init__(self, directory: pathlib.Path, count: int = 3):
        routes = [free_port() for _ in range(count)]
        self.servers = [
            NATSServer(directory / f"s{index}", free_port(), (
                "-n", f"s{index}", "--cluster_name", "chaos", "--cluster", f"nats://127.0.0.1:{routes[index]}",
                # Nodes are to know what they are configured with, and nothing else: links stand before it.
                "--no_advertise", "--routes", ",".join(f"nats://127.0.0.1:{port}" for port in routes)))
            for index in range(count)]

    def start(self) -> None:
        for server in self.servers:
            if not server.is_running:
                server.start()
        poll(lambda: self.leader() is not None, "the servers to have a leader", PATIENCE)

    def leader(self) -> NATSServer | None:
        """The leader of the servers; None: there is none at present."""
        for server in self.servers:
            if server.is_running:
                with contextlib.suppress(OSError, ValueError):
                    name = server.look("jsz").get("meta_cluster", {}).get("leader")
                    found = next((each for each in self.servers if ("-n", name) == each.more[:2]), None)
                    if found and found.is_running:
                        return found
        return None

    def leaders(self) -> dict[str, str]:
        """The leader of each stream, by name."""
        found = {}
        for server in self.servers:
            if server.is_running:
                with contextlib.suppress(OSError, ValueError):
                    for account in server.look("jsz?accounts=true&streams=true").get("account_details", []):
                        for stream in account.get("stream_detail", []):
                            if leader := stream.get("cluster", {}).get("leader"):
                                found[stream["name"]] = leader
        return found

    def named(self, name: str) -> NATSServer:
        return next(each for each in self.servers if each.more[1] == name)

    def alive(self) -> NATSServer:
        return next(each for each in self.servers if each.is_running)
