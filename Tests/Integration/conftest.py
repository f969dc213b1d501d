"""Fixtures: the server that most stories share, servers of a story's own, and clients of both wire formats, plain and TLS."""

import shutil
import uuid

import pytest
import pytest_asyncio

from harness.configuration import BASE, merged
from harness.origin import Origin
from harness.peer import Peer
from harness.server import Server, make_certificate


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    if shutil.which("openssl") is None:
        pytest.skip("SKIP wss: openssl not found, looked for openssl")
    return make_certificate(tmp_path_factory.mktemp("tls"))


class SharedServer:
    """Started at the first story, started again only if a story ended it."""

    def __init__(self, factory, certificate):
        self.factory, self.certificate, self.server = factory, certificate, None

    def running(self) -> Server:
        if self.server is None or not self.server.is_running:
            directory = self.factory.mktemp("shared")
            self.server = Server(directory, merged(BASE, {}), certificate=self.certificate).start()
        return self.server


@pytest.fixture(scope="session")
def _shared(tmp_path_factory, certificate):
    shared = SharedServer(tmp_path_factory, certificate)
    yield shared
    if shared.server is not None:
        shared.server.stop()


@pytest.fixture
def pharos(_shared, request):
    """The shared server; the story fails if the server does not survive it."""
    server = _shared.running()
    start = len(server.log())
    request.node.log_of = lambda: server.log()[start:]
    yield server
    assert server.is_running, f"the server ended during this story, status {server.process.returncode}"


@pytest.fixture
def launch(tmp_path, certificate, request):
    """Starts a server with changes to the base configuration; it is stopped after the story."""
    servers: list[Server] = []

    def start(changes: dict | None = None, *, base: dict | None = BASE, **options) -> Server:
        directory = tmp_path / f"server{len(servers)}"
        directory.mkdir()
        configuration = None if base is None else merged(base, changes or {})
        server = Server(directory, configuration, certificate=certificate if base else None, **options)
        servers.append(server)
        request.node.log_of = lambda: "".join(each.log() for each in servers)
        return server.start()

    yield start
    for server in servers:
        # A story that has ended its server has judged its end too.
        if server.is_running:
            server.stop()
        server.check_log()


@pytest.fixture
def development(tmp_path, request):
    """A server as `pharos serve --dev` starts it."""
    server = Server(tmp_path, None)
    server.arguments = ["--dev", "--port", str(server.port)]
    request.node.log_of = server.log
    server.start()
    yield server
    server.stop()


@pytest.fixture
def origin():
    """The application, on a port of its own. Whatever the story: each request that it gets must be signed."""
    origin = Origin().start()
    yield origin
    origin.stop()
    assert not origin.unsigned, origin.unsigned[:3]


@pytest.fixture(params=["ws", "wss"])
def scheme(request) -> str:
    """Plain, and with TLS."""
    return request.param


@pytest.fixture(params=["json", "protobuf"])
def wire(request) -> str:
    return request.param


@pytest_asyncio.fixture
async def dial():
    """Opens connections to any server; they are closed after the story."""
    peers: list[Peer] = []

    async def open_peer(
        server: Server, scheme: str = "ws", wire: str = "json", *, connect: dict | None = None, **options
    ):
        peer = await Peer.open(server, scheme, wire, **options)
        peers.append(peer)
        if connect is not None:
            await peer.connect(**connect)
        return peer

    yield open_peer
    for peer in peers:
        await peer.close()


@pytest_asyncio.fixture
async def peer(pharos, dial, scheme, wire):
    """Opens connected clients of the shared server, once per scheme and wire format."""

    async def open_connected(connect: dict | None = None, **options) -> Peer:
        return await dial(pharos, scheme, wire, connect={} if connect is None else connect, **options)

    return open_connected


@pytest.fixture
def channel():
    """A name that no other story uses; `channel("open")` is in that namespace."""

    def name(namespace: str = "") -> str:
        return f"{namespace + ':' if namespace else ''}c{uuid.uuid4().hex[:12]}"

    return name


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed and (log_of := getattr(item, "log_of", None)):
        report.sections.append(("server log", log_of()[-6000:]))
    return report
