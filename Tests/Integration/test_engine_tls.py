"""Links to real brokers over TLS: with and without certificates of clients, and what is said when it fails."""

import pathlib
import subprocess

import pytest

from harness.cluster import NATS, SECRET, Redis
from harness.configuration import BASE, merged
from harness.server import Server, binary, clean_environment, free_port, poll

ENGINES = ["nats", "redis", "topic"]


class Authority:
    """A certificate authority of its own."""

    def __init__(self, directory: pathlib.Path):
        self.directory = directory
        directory.mkdir()
        self._openssl("req", "-x509", "-nodes", "-days", "2", "-subj", f"/CN={directory.name}", *self._new("ca"),
                      "-out", self.path("ca.pem"))

    def path(self, name: str) -> str:
        return str(self.directory / name)

    @property
    def file(self) -> str:
        return self.path("ca.pem")

    def _new(self, name: str) -> list[str]:
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-keyout", self.path(f"{name}.key")]

    def issue(self, name: str, *names: str) -> tuple[str, str]:
        """A certificate with its key."""
        self._openssl("req", "-nodes", "-subj", f"/CN={name}", *self._new(name), "-out", self.path(f"{name}.csr"))
        (self.directory / f"{name}.ext").write_text(f"subjectAltName={','.join(names)}\n")
        self._openssl("x509", "-req", "-days", "2", "-in", self.path(f"{name}.csr"), "-CA", self.file,
                      "-CAkey", self.path("ca.key"), "-CAcreateserial", "-extfile", self.path(f"{name}.ext"),
                      "-out", self.path(f"{name}.pem"))
        return self.path(f"{name}.pem"), self.path(f"{name}.key")

    @staticmethod
    def _openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], check=True, capture_output=True)


class TLSRedis(Redis):
    options: list[str] = []

    def command(self) -> list[str]:
        command = super().command()
        index = command.index("--port")
        return command[:index] + ["--port", "0", "--tls-port", str(self.port)] + command[index + 2:] + self.options


class Encrypted:
    """A broker, or a topic node, that speaks TLS only, and nodes of it."""

    def __init__(self, directory: pathlib.Path, engine: str, authority: Authority, asks: bool,
                 name: str = "DNS:localhost,IP:127.0.0.1"):
        self.directory, self.engine, self.authority = directory, engine, authority
        self.port = free_port()
        self.servers: list[Server] = []
        certificate, key = authority.issue("server", name)
        self.broker = self.hub = None
        if engine == "nats":
            self.broker = NATS(directory / "nats", self.port)
            more = f'ca_file: "{authority.file}", verify: true' if asks else ""
            self.broker.configuration = f'tls {{ cert_file: "{certificate}", key_file: "{key}", {more} }}\n'
        elif engine == "redis":
            self.broker = TLSRedis(directory / "redis", self.port)
            self.broker.options = [
                "--tls-cert-file", certificate, "--tls-key-file", key, "--tls-ca-cert-file", authority.file,
                "--tls-auth-clients", "yes" if asks else "no"]
        else:
            options = {"server_cert_pem_file": certificate, "server_key_pem_file": key}
            if asks:
                options["client_ca_pem_file"] = authority.file
            own = dict(zip(("cert_pem_file", "key_pem_file"), authority.issue("hub", "DNS:hub")))
            self.hub = self.node({"server_ca_pem_file": authority.file} | own, "hub", ["topic"], options)

    def start(self) -> None:
        (self.broker or self.hub).start()

    def section(self, tls: dict, more: dict | None = None) -> dict:
        tls = {"enabled": True} | tls
        match self.engine:
            case "nats":
                own = {"url": [f"nats://127.0.0.1:{self.port}"], "tls": tls}
            case "redis":
                own = {"address": [f"127.0.0.1:{self.port}"], "tls": tls}
            case _:
                own = {"address": f"127.0.0.1:{self.port}", "tls": tls} | (more or {})
        return {"type": self.engine, "secret": SECRET, self.engine: own}

    def node(self, tls: dict, name: str = "node", roles=("clients",), more: dict | None = None) -> Server:
        directory = self.directory / name
        directory.mkdir()
        changes = {"engine": self.section(tls, more), "node": {"name": name, "roles": list(roles)}}
        server = Server(directory, merged(merged(BASE, {"health": {"enabled": True}}), changes))
        self.servers.append(server)
        return server

    def stop(self) -> None:
        for server in self.servers:
            if server.is_running:
                server.stop()
        if self.broker:
            self.broker.kill()


@pytest.fixture
def encrypted(tmp_path):
    made: list[Encrypted] = []

    def make(engine: str, **more) -> Encrypted:
        made.append(Encrypted(tmp_path, engine, more.pop("authority", None) or Authority(tmp_path / "own"), **more))
        made[-1].start()
        return made[-1]

    yield make
    for each in made:
        each.stop()


def doctor(server: Server) -> str:
    run = subprocess.run([binary(), "doctor", "--config", str(server.directory / "pharos.yaml")],
                         capture_output=True, text=True, cwd=server.directory, env=clean_environment())
    return run.stdout


def works(server: Server) -> None:
    poll(lambda: server.request("GET", "/health/ready").status == 200, "the engine to be reached")
    server.publish("open:tls", {"n": 1})
    assert [each["data"] for each in server.api("history", {"channel": "open:tls", "limit": 10}).result["publications"]] == [
        {"n": 1}]


def fails(server: Server, *words: str) -> None:
    """The log and the doctor both say why, and the node is not ready."""
    poll(lambda: any(word in server.log() for word in words), f"one of {words} in the log")
    assert server.request("GET", "/health/ready").status == 503
    told = doctor(server)
    assert any(word in told for word in words), told
    assert server.api("publish", {"channel": "open:tls", "data": {}}).error["code"] == 100


@pytest.mark.parametrize("engine", ENGINES)
def test_a_broker_that_asks_for_certificates_of_clients_gets_one(engine, encrypted):
    link = encrypted(engine, asks=True)
    certificate, key = link.authority.issue("client", "DNS:client")
    server = link.node({"server_ca_pem_file": link.authority.file, "cert_pem_file": certificate, "key_pem_file": key})
    works(server.start())
    assert f"{engine}: " in doctor(server)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_broker_that_asks_for_none_is_checked_all_the_same(engine, encrypted):
    link = encrypted(engine, asks=False)
    works(link.node({"server_ca_pem_file": link.authority.file}).start())


@pytest.mark.parametrize("engine", ENGINES)
def test_a_client_without_the_certificate_it_needs_is_told(engine, encrypted):
    link = encrypted(engine, asks=True)
    fails(link.node({"server_ca_pem_file": link.authority.file}).start(), "certificate required", "handshake failure")


@pytest.mark.parametrize("engine", ENGINES)
def test_a_client_of_another_authority_is_refused(engine, encrypted, tmp_path):
    link = encrypted(engine, asks=True)
    certificate, key = Authority(tmp_path / "foreign").issue("client", "DNS:client")
    server = link.node({"server_ca_pem_file": link.authority.file, "cert_pem_file": certificate, "key_pem_file": key})
    fails(server.start(), "unknown ca", "bad certificate", "certificate required")


@pytest.mark.parametrize("engine", ENGINES)
def test_a_server_of_another_authority_is_refused(engine, encrypted, tmp_path):
    link = encrypted(engine, asks=False)
    foreign = Authority(tmp_path / "foreign")
    # Redis shows its authority as well, the others do not.
    fails(link.node({"server_ca_pem_file": foreign.file}).start(),
          "unable to get local issuer certificate", "self-signed certificate in certificate chain")
    # For trials it may be taken all the same.
    works(link.node({"server_ca_pem_file": foreign.file, "insecure_skip_verify": True}, "trial").start())


@pytest.mark.parametrize("engine", ENGINES)
def test_a_server_with_another_name_is_refused(engine, encrypted):
    link = encrypted(engine, asks=False, name="DNS:other.example.org")
    fails(link.node({"server_ca_pem_file": link.authority.file}).start(), "IP address mismatch", "hostname mismatch")
    named = {"server_ca_pem_file": link.authority.file, "server_name": "other.example.org"}
    works(link.node(named, "named").start())


def test_a_client_without_tls_is_told_that_it_needs_it(encrypted):
    link = encrypted("nats", asks=False)
    server = link.node({"enabled": False})
    fails(server.start(), "the server demands TLS")


def test_certificates_that_cannot_be_used_keep_the_server_from_starting(tmp_path, encrypted):
    authority = Authority(tmp_path / "own")
    certificate, _ = authority.issue("client", "DNS:client")
    _, other = authority.issue("other", "DNS:other")
    link = Encrypted(tmp_path, "redis", authority, asks=True)
    for number, (tls, words) in enumerate([
        ({"cert_pem_file": certificate}, "certificate and key belong together"),
        ({"cert_pem_file": certificate, "key_pem_file": other}, "does not belong to the certificate"),
        ({"cert_pem_file": str(tmp_path / "none.pem"), "key_pem_file": other}, "cannot use the TLS certificate"),
        ({"server_ca_pem_file": str(tmp_path / "none.pem")}, "cannot use the certificate authorities"),
    ]):
        server = link.node(tls, f"n{number}")
        server.spawn()
        assert server.wait() != 0
        assert words in server.log()
        assert words in doctor(server)
