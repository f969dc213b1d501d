"""TLS at the edge: what is spoken, what is refused, and what a peer can make the server keep or do."""

import asyncio
import shutil
import signal
import socket
import ssl
import time
import warnings

import pytest

from harness.configuration import BASE, merged
from harness.server import Server, make_certificate, poll

GET = b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n"
HELLO = (
    b"GET /connection/websocket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


@pytest.fixture
def own(tmp_path):
    """A server with a certificate that no other story looks at."""
    directories = [tmp_path / name for name in ("certificate", "server")]
    for directory in directories:
        directory.mkdir()
    server = Server(directories[1], merged(BASE, {}), certificate=make_certificate(directories[0])).start()
    yield server
    server.stop()


def shake_hands(server, context) -> ssl.SSLSocket:
    raw = socket.create_connection(("127.0.0.1", server.tls_port), timeout=30)
    return context.wrap_socket(raw, server_hostname="localhost")


def speaking(server, version, protocols=()) -> ssl.SSLContext:
    context = server.tls_context()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = version
    if protocols:
        context.set_alpn_protocols(protocols)
    return context


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_versions_that_are_spoken(pharos, version):
    with shake_hands(pharos, speaking(pharos, version)) as link:
        link.sendall(GET)
        assert link.recv(1_000).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_versions_that_are_not(pharos, version):
    with pytest.raises(ssl.SSLError):
        shake_hands(pharos, speaking(pharos, version)).close()


@pytest.mark.parametrize("offered, chosen", [
    (["http/1.1"], "http/1.1"), (["http/1.1", "h2"], "h2"), (["h2"], "h2"), (["http/1.0"], "http/1.0"), ([], None)])
def test_protocols_that_are_spoken(pharos, offered, chosen):
    with shake_hands(pharos, speaking(pharos, ssl.TLSVersion.TLSv1_3, offered)) as link:
        assert link.selected_alpn_protocol() == chosen


@pytest.mark.parametrize("offered", [["h3"], ["spdy/3", "acme-tls/1"]])
def test_other_protocols_are_refused(pharos, offered):
    # RFC 7301, section 3.2: no_application_protocol
    with pytest.raises(ssl.SSLError, match="(?i)no.application.protocol"):
        shake_hands(pharos, speaking(pharos, ssl.TLSVersion.TLSv1_2, offered)).close()


def test_sessions_resume_also_after_the_certificate_was_replaced(own):
    server = own
    context = speaking(server, ssl.TLSVersion.TLSv1_2)
    with shake_hands(server, context) as link:
        link.sendall(GET)
        link.recv(1_000)
        session = link.session
    # The same pair, written again: the client trusts nothing else.
    for path in server.certificate:
        content = path.read_bytes()
        path.unlink()
        path.write_bytes(content)
    server.process.send_signal(signal.SIGHUP)
    poll(lambda: "certificate reloaded" in server.log(), "the reload")
    raw = socket.create_connection(("127.0.0.1", server.tls_port), timeout=30)
    with context.wrap_socket(raw, server_hostname="localhost", session=session) as link:
        assert link.session_reused
        link.sendall(GET)
        assert link.recv(1_000).startswith(b"HTTP/1.1 200 ")
    assert server.metric('pharos_transport_tls_handshakes_total{result="resumed"}') >= 1


def test_renegotiation_is_refused(pharos):
    if shutil.which("openssl") is None:
        pytest.skip("SKIP renegotiation: openssl not found")
    import subprocess
    client = subprocess.Popen(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{pharos.tls_port}", "-tls1_2", "-quiet", "-no_ign_eof"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        # A line with an R alone asks for one.
        client.stdin.write(b"R\n")
        client.stdin.flush()
        output, _ = client.communicate(timeout=30)
        assert b"no renegotiation" in output or b"renegotiat" in output.lower()
    finally:
        client.kill()
        client.wait()
    assert pharos.request("GET", "/health", scheme="wss").status == 200


def test_a_handshake_in_pieces_is_done_and_one_that_does_not_end_is_cut(launch):
    server = launch({"edge": {"head_timeout": "2s"}})
    context = server.tls_context()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    hello = outgoing.read()
    with socket.create_connection(("127.0.0.1", server.tls_port), timeout=30) as raw:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in hello:
            raw.sendall(bytes([byte]))
        while True:
            incoming.write(raw.recv(16_384))
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                continue
        raw.sendall(outgoing.read())
        tls.write(GET)
        raw.sendall(outgoing.read())
        incoming.write(raw.recv(16_384))
        answer = b""
        while not answer.startswith(b"HTTP/1.1 200 "):
            try:
                answer += tls.read(1_000)
            except ssl.SSLWantReadError:
                incoming.write(raw.recv(16_384))
    for beginning in (b"", hello[:1], hello[:-1]):
        with socket.create_connection(("127.0.0.1", server.tls_port), timeout=30) as raw:
            raw.sendall(beginning)
            assert raw.recv(1) == b""
    poll(lambda: server.metric("pharos_transport_tls_handshakes_inflight") == 0, "no handshake to be left")


@pytest.mark.parametrize("bytes_", [b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"x" * 1_000, b"\x80" * 50])
def test_what_is_no_tls_is_cut(pharos, bytes_):
    before = pharos.metric('pharos_transport_tls_handshakes_total{result="failed"}')
    with socket.create_connection(("127.0.0.1", pharos.tls_port), timeout=30) as raw:
        raw.sendall(bytes_)
        while True:
            try:
                if raw.recv(1_000) == b"":
                    break
            except ConnectionError:
                break
    poll(lambda: pharos.metric('pharos_transport_tls_handshakes_total{result="failed"}') > before, "the failure to be counted")


def test_half_open_handshakes_make_room_for_others(launch):
    server = launch({"edge": {"handshake_limit": 32, "shards": 1}})
    idle = [socket.create_connection(("127.0.0.1", server.tls_port)) for _ in range(32)]
    poll(lambda: server.metric("pharos_transport_tls_handshakes_inflight") == 32, "all handshakes to have begun")
    # A new connection is left alone for a second.
    time.sleep(1.1)
    assert server.request("GET", "/health", scheme="wss").status == 200
    assert server.metric("pharos_transport_tls_handshakes_inflight") < 32
    for each in idle:
        each.close()


def ping_flood(link, seconds: float) -> int:
    """Pings as fast as they are taken; their answers are not read."""
    ping = b"\x89\xfd" + b"\0\0\0\0" + b"p" * 125
    link.sendall(HELLO)
    link.settimeout(2)
    sent, end = 0, time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            link.sendall(ping * 500)
            sent += 500 * len(ping)
    except (TimeoutError, ConnectionError, ssl.SSLError):
        pass
    return sent


@pytest.mark.parametrize("kind", ["ws", "wss"])
def test_input_before_anybody_has_said_who_he_is_is_bounded(launch, kind):
    server = launch({"edge": {"shards": 1}})
    before = server.resident_kilobytes()
    raw = socket.create_connection(("127.0.0.1", server.tls_port if kind == "wss" else server.port), timeout=30)
    link = server.tls_context().wrap_socket(raw, server_hostname="localhost") if kind == "wss" else raw
    sent = ping_flood(link, 6)
    assert server.resident_kilobytes() - before < 65_536, f"{sent} bytes were sent"
    assert server.request("GET", "/health", scheme=kind).status == 200
    link.close()


async def test_certificates_are_replaced_under_load(own, dial, tmp_path):
    server = own
    peers = [await dial(server, "wss", connect={}) for _ in range(4)]
    for peer in peers:
        await peer.subscribe("plain:reload")
    for number in range(10):
        directory = tmp_path / f"renewed{number}"
        directory.mkdir()
        for new, old in zip(make_certificate(directory), server.certificate):
            new.replace(old)
        server.process.send_signal(signal.SIGHUP)
        await asyncio.to_thread(server.publish, "plain:reload", {"n": number})
        # Those that came before keep their connections, those that come now see the new certificate.
        for peer in peers:
            assert (await peer.publication("plain:reload"))["data"] == {"n": number}
        await asyncio.to_thread(
            poll, lambda: server.log().count("certificate reloaded") > number, "the reload")
        assert (await asyncio.to_thread(server.request, "GET", "/health", scheme="wss")).status == 200


def test_a_tls_port_that_is_taken_is_named(tmp_path, certificate):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        server = Server(tmp_path, merged(BASE, {}), certificate=certificate)
        path = tmp_path / "pharos.yaml"
        path.write_text(path.read_text().replace(str(server.tls_port), str(taken.getsockname()[1])))
        process = server.spawn()
        assert process.wait(30) != 0
        assert "http_server.tls.port" in server.log()
