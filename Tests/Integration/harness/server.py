"""A real server in a process of its own, on free ports of 127.0.0.1."""

import contextlib
import http.client
import json
import os
import pathlib
import random
import re
import resource
import signal
import socket
import ssl
import subprocess
import time
import urllib.parse

from . import tokens
from .configuration import API_KEY

ROOT = pathlib.Path(__file__).resolve().parents[3]
READY_SECONDS = 60
# Below the range that outgoing connections take their ports from.
PORTS = range(11_000, 31_000)
# Runs side by side take ports of their own.
WORKERS = (int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]), int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))
given_ports: set[int] = set()
# Whatever is asked for must exist: a misspelt name would count 0 for ever.
METRICS = re.findall(r"`(pharos_\w+)`", (ROOT / "docs" / "operating.md").read_text())


def clean_environment() -> dict[str, str]:
    """This process's environment without what would configure a server: the test run has variables of its own there."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PHAROS_")}
    # A crash is to end the process, not to hold it for a backtrace of minutes.
    return environment | {"SWIFT_BACKTRACE": "enable=no"}


def binary() -> str:
    """The server under test: PHAROS_BIN, or what was built here."""
    if named := os.environ.get("PHAROS_BIN"):
        return str(pathlib.Path(named).resolve())
    for kind in ("debug", "release"):
        built = ROOT / ".build" / kind / "pharos"
        if built.exists():
            return str(built)
    raise FileNotFoundError("no server: build it, or name it in PHAROS_BIN")


def free_port() -> int:
    """A port that is free, and that this run has not been given yet: its owner may not listen on it so far."""
    while True:
        port = random.choice(PORTS)
        if port % WORKERS[1] != WORKERS[0] or port in given_ports:
            continue
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            given_ports.add(port)
            return port


def poll(probe, what: str, seconds: float = 30):
    """What `probe` returns once it is true; asks every 20 ms."""
    deadline = time.monotonic() + seconds
    while not (value := probe()):
        if time.monotonic() > deadline:
            raise AssertionError(f"still waiting for {what} after {seconds} s")
        time.sleep(0.02)
    return value


class Answer:
    """A whole HTTP answer."""

    def __init__(self, status: int, headers, body: bytes):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def result(self) -> dict:
        assert self.status == 200, (self.status, self.body)
        assert "error" not in self.json, self.json
        return self.json["result"]

    @property
    def error(self) -> dict:
        return self.json["error"]


class Server:
    """One run of `pharos serve`; `stop` also looks for tokens in its log."""

    def __init__(self, directory: pathlib.Path, configuration: dict | None, *, certificate=None, arguments=(), open_files=None,
                 environment=None):
        self.directory = directory
        self.port = free_port()
        self.tls_port = None
        self.certificate = certificate
        self.log_path = directory / "server.log"
        self.arguments = list(arguments)
        self.open_files = open_files
        # Of the server's process, beside what this one has.
        self.environment: dict[str, str] = dict(environment or {})
        # Another server than the one under test; "": that one.
        self.program = ""
        self.process: subprocess.Popen | None = None
        self.log_start = 0
        self._configure(configuration)

    def _configure(self, configuration: dict | None) -> None:
        if configuration is None:
            return
        configuration.setdefault("http_server", {})["port"] = self.port
        if self.certificate:
            self.tls_port = free_port()
            configuration["http_server"]["tls"] = {
                "enabled": True,
                "port": self.tls_port,
                "cert_pem_file": str(self.certificate[0]),
                "key_pem_file": str(self.certificate[1]),
            }
        self._choose_engine(configuration)
        path = self.directory / "pharos.yaml"
        # JSON is YAML too.
        path.write_text(json.dumps(configuration, indent=2))
        self.arguments += ["--config", str(path)]

    def _choose_engine(self, configuration: dict) -> None:
        """PHAROS_TEST_ENGINE: the same stories, with the engine of a cluster of one node."""
        engine = os.environ.get("PHAROS_TEST_ENGINE")
        if not engine or "engine" in configuration:
            return
        from .cluster import section_for_one

        configuration["engine"] = section_for_one(engine, self.port)
        if engine == "topic":
            configuration.setdefault("node", {})["roles"] = ["clients", "topic"]

    # Life

    def start(self) -> "Server":
        self.spawn()
        try:
            poll(self._is_ready, "the server to listen", READY_SECONDS)
        except AssertionError:
            self.kill()
            raise AssertionError(f"the server did not come up:\n{self.log()}") from None
        return self

    def spawn(self) -> subprocess.Popen:
        """Starts the process without waiting for it."""
        log = open(self.log_path, "ab")
        self.log_start = log.tell()
        limit = self.open_files

        def lower_limit():
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))

        environment = clean_environment() | self.environment
        self.process = subprocess.Popen(
            [self.program or binary(), "serve", *self.arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=self.directory,
            env=environment,
            preexec_fn=lower_limit if limit else None,
        )
        log.close()
        return self.process

    def _is_ready(self) -> bool:
        assert self.is_running, f"exit status {self.process.returncode}"
        return "listening on" in self.log()[self.log_start :]

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self) -> int:
        return self.process.pid

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def wait(self, seconds: float = 30) -> int:
        return self.process.wait(seconds)

    def stop(self) -> None:
        """A graceful end, which must succeed; then the log must hold no token."""
        if self.is_running:
            self.terminate()
        try:
            status = self.wait()
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"SIGTERM did not end the server:\n{self.log()[-4000:]}") from None
        assert status == 0, f"the server ended with {status}:\n{self.log()[-4000:]}"
        self.check_log()

    def kill(self) -> None:
        if self.is_running:
            self.process.kill()
            self.process.wait()

    def log(self) -> str:
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def check_log(self) -> None:
        log = self.log()
        leaked = [token for token in tokens.secrets() if token in log]
        assert not leaked, f"{len(leaked)} tokens or keys stand in the log, the first: {leaked[0][:40]}…"

    # Addresses

    def url(self, scheme: str = "ws", query: str = "") -> str:
        port = self.tls_port if scheme == "wss" else self.port
        return f"{scheme}://127.0.0.1:{port}/connection/websocket{'?' + query if query else ''}"

    def base(self, scheme: str = "ws") -> str:
        return f"https://127.0.0.1:{self.tls_port}" if scheme == "wss" else f"http://127.0.0.1:{self.port}"

    def tls_context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.certificate[0]))

    # HTTP

    def request(self, method: str, path: str, body=None, headers=None, *, scheme: str = "ws") -> Answer:
        if scheme == "wss":
            connection = http.client.HTTPSConnection(
                "127.0.0.1", self.tls_port, timeout=20, context=self.tls_context())
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        with contextlib.closing(connection):
            # A request that is refused by its head is answered before it has been read.
            connection.connect()
            with contextlib.suppress(ConnectionError):
                connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())

    def api(
        self, method: str, params=None, *, key: str | None = API_KEY, headers=None, scheme: str = "ws", query=""
    ) -> Answer:
        """`POST /api/<method>`; an empty method is the old form at `/api`."""
        body = params if isinstance(params, bytes) else json.dumps(params or {}).encode()
        all_headers = {"Content-Type": "application/json"} | ({"X-API-Key": key} if key else {}) | (headers or {})
        path = (f"/api/{urllib.parse.quote(method)}" if method else "/api") + query
        return self.request("POST", path, body, all_headers, scheme=scheme)

    def publish(self, channel: str, data, **more) -> dict:
        return self.api("publish", {"channel": channel, "data": data} | more).result

    def metrics(self) -> dict[str, float]:
        """All samples by name and labels, as `/metrics` spells them."""
        answer = self.request("GET", "/metrics")
        assert answer.status == 200
        samples = {}
        for line in answer.body.decode().splitlines():
            if line and not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                samples[name] = float(value)
        return samples

    def metric(self, name: str) -> float:
        """The sum over all labels; 0 if there is no such sample yet, a failure if there is no such metric."""
        metric = name.split("{")[0]
        assert any(metric == known or metric.startswith(known + "_") for known in METRICS), f"docs/operating.md has no {name}"
        return sum(value for key, value in self.metrics().items() if key == name or key.startswith(name + "{"))

    def connections(self) -> float:
        """Those that are open, without the one that asks."""
        return self.metric("pharos_client_connections_inflight") - 1

    def sessions(self) -> dict[str, float]:
        """The gauges that must be back at zero when no client is connected."""
        return {
            name: self.metric(f"pharos_node_num_{name}") for name in ("clients", "users", "subscriptions", "channels")
        }

    def wait_until_empty(self, seconds: float = 30) -> None:
        poll(lambda: not any(self.sessions().values()), "all sessions to end", seconds)

    # The process

    def resident_kilobytes(self) -> int:
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1))

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))


def make_certificate(directory: pathlib.Path) -> tuple[pathlib.Path, pathlib.Path]:
    """A self-signed certificate for 127.0.0.1 and its key."""
    certificate, key = directory / "c.pem", directory / "k.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
         "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True)
    return certificate, key
