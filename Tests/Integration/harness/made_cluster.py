"""The cluster that scripts/cluster makes."""

import contextlib
import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys

from .server import ROOT, Answer, binary, clean_environment, free_port, poll

SCRIPT = str(ROOT / "scripts" / "cluster")
PORTS = 5


def ports_in_a_row() -> int:
    """The first of five ports that are free."""
    while True:
        first = free_port()
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            for port in range(first, first + PORTS):
                stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return first


def processes_of(directory: pathlib.Path) -> list[str]:
    """The command lines that name the directory."""
    lines = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if str(directory) in line:
                lines.append(line)
    return lines


class Node:
    """One of the nodes, as far as `Peer` and these stories need it."""

    def __init__(self, port: int):
        self.port = port

    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def url(self, scheme: str = "ws", query: str = "") -> str:
        return f"ws://127.0.0.1:{self.port}/connection/websocket"

    def api(self, method: str, body: dict) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        with contextlib.closing(connection):
            connection.request("POST", f"/api/{method}", json.dumps(body), {"Content-Type": "application/json"})
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())


class MadeCluster:
    """One run of scripts/cluster."""

    def __init__(self, directory: pathlib.Path, engine: str):
        self.directory = directory / "cluster"
        self.first = ports_in_a_row()
        self.nodes = [Node(self.first + index) for index in range(3)]
        self.log_path = directory / "cluster.log"
        self.environment = clean_environment() | {
            "PHAROS_BIN": binary(), "CLUSTER_DIR": str(self.directory), "CLUSTER_PORT": str(self.first), "ENGINE": engine,
            # For the engine's server, where it is one of the tests' packages.
            "PATH": f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"}
        self.process: subprocess.Popen | None = None

    def start(self) -> "MadeCluster":
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [SCRIPT], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment, start_new_session=True)

        def is_up() -> bool:
            assert self.process.poll() is None, self.log()
            return "Ctrl-C ends everything" in self.log()

        poll(is_up, "the cluster to be up", 90)
        return self

    def call(self, *arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [SCRIPT, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120, env=self.environment)

    def command(self, *arguments: str) -> str:
        """One to paste into a shell."""
        return " ".join(
            [f"{name}={self.environment[name]}" for name in ("PHAROS_BIN", "CLUSTER_DIR", "CLUSTER_PORT", "ENGINE")]
            + [SCRIPT, *arguments])

    def stop(self, number: int = signal.SIGTERM) -> None:
        """The end by Ctrl-C or SIGTERM, which leaves no process and no file that tells of one."""
        self.process.send_signal(number)
        assert self.process.wait(60) == 0, self.log()
        assert processes_of(self.directory) == []
        assert list(self.directory.glob("*.pid")) == []

    def stop_if_running(self) -> None:
        if self.process and self.process.poll() is None:
            self.stop()

    def logs(self) -> str:
        """What the script said, and the ends of its processes' logs."""
        return self.log() + "".join(
            f"--- {path.name}\n{path.read_text()[-2000:]}" for path in sorted(self.directory.glob("*.log")))

    def log(self) -> str:
        return self.log_path.read_text() if self.log_path.exists() else ""
