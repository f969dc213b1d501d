"""The process: start, end, limits of connections and descriptors, addresses and origins."""

import asyncio
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import ssl

import pytest
import websockets

from harness import tokens
from harness.configuration import API_KEY, BASE, merged
from harness.peer import Cut
from harness.server import Server, free_port, make_certificate, poll


async def status_of(server, scheme="ws", **headers) -> int:
    """The HTTP status that an upgrade is refused with; 101 if it is not."""
    options = {"ssl": server.tls_context()} if scheme == "wss" else {}
    try:
        async with websockets.connect(
            server.url(scheme), additional_headers=headers, proxy=None, compression=None, **options):
            return 101
    except websockets.InvalidStatus as refused:
        return refused.response.status_code


# The end


async def test_sigterm_tells_every_client_to_reconnect(launch, dial):
    """WS-7: SIGTERM closes every connection with the code that makes clients reconnect, before the process ends."""
    server = launch({"shutdown": {"window": "500ms", "timeout": "10s"}})
    peers = [
        await dial(server, scheme, wire, connect={"token": tokens.connection("42")})
        for scheme in ("ws", "wss") for wire in ("json", "protobuf") for _ in range(25)]
    unconnected = await dial(server)
    for peer in peers:
        await peer.subscribe("open:x")
    server.terminate()
    codes = await asyncio.gather(*(peer.ended() for peer in (*peers, unconnected)))
    assert set(codes) == {3001}
    assert all(peer.socket.protocol.close_rcvd.reason for peer in peers)
    assert await asyncio.to_thread(server.wait) == 0


async def test_a_draining_server_is_not_ready_but_still_takes_connections(launch, dial):
    """For `shutdown.delay` load balancers can notice; who comes in that time is not refused."""
    server = launch({"shutdown": {"delay": "2s", "window": "100ms", "timeout": "10s"}})
    early = await dial(server, connect={})
    assert server.request("GET", "/health/ready").status == 200
    server.terminate()
    poll(lambda: server.request("GET", "/health/ready").status == 503, "not ready")
    assert server.request("GET", "/health/live").status == 200
    late = await dial(server, connect={})
    await late.subscribe("open:x")
    server.publish("open:x", {"n": 1})
    assert (await late.publication("open:x"))["data"] == {"n": 1}
    assert await late.ended() == await early.ended() == 3001
    assert await asyncio.to_thread(server.wait) == 0


async def test_clients_are_asked_to_reconnect_at_the_stated_rate(launch, dial):
    """`shutdown.rate` stretches the window: 40 clients at 20 per second leave within two seconds, not at once."""
    server = launch({"shutdown": {"window": "0s", "rate": 20, "timeout": "30s"}, "edge": {"shards": 1}})
    peers = [await dial(server, connect={}) for _ in range(40)]
    loop = asyncio.get_running_loop()
    began = loop.time()

    async def left(peer) -> float:
        assert await peer.ended() == 3001
        return loop.time() - began

    server.terminate()
    times = sorted(await asyncio.gather(*(left(peer) for peer in peers)))
    # Each has a twentieth of a second of its own; a busy machine makes it later, never earlier.
    assert all(moment >= 0.05 * (number - 1) for number, moment in enumerate(times))
    assert await asyncio.to_thread(server.wait) == 0


async def test_connections_that_are_old_are_told_to_reconnect(launch, dial):
    """`client.max_connection_age`: the client comes back, here or elsewhere, with everything; others stay."""
    server = launch({"client": {"max_connection_age": "2s"}})
    old = await dial(server, connect={})
    start = await old.subscribe("open:x", recoverable=True)
    server.publish("open:x", {"n": 1})
    await old.publication("open:x")
    assert await old.ended() == 3011
    server.publish("open:x", {"n": 2})
    again = await dial(server, connect={})
    result = await again.subscribe("open:x", recover=True, epoch=start["epoch"], offset=1)
    assert result["recovered"] and [each["data"]["n"] for each in result["publications"]] == [2]
    assert server.metrics()['pharos_client_server_disconnects_total{code="3011"}'] == 1


async def test_sigterm_ends_even_if_a_client_does_not_listen(launch, dial):
    """The grace time is kept: a client that neither reads nor closes does not hold the process."""
    server = launch({"shutdown": {"window": "100ms", "timeout": "1s"}})
    stalled = await dial(server, connect={})
    stalled.socket.transport.pause_reading()
    silent = socket.create_connection(("127.0.0.1", server.port))
    half = socket.create_connection(("127.0.0.1", server.port))
    half.send(b"POST /api/publish HTTP/1.1\r\n")
    server.terminate()
    assert await asyncio.to_thread(server.wait, 15) == 0
    silent.close()
    half.close()


async def test_idle_http_connections_do_not_hold_the_end(launch):
    """Kept-alive connections without a request are closed at once, not waited for until the grace time is over."""
    server = launch({"shutdown": {"window": "100ms", "timeout": "120s"}})
    idle = []
    for request in (b"", b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n",
                    f"POST /api/info HTTP/1.1\r\nHost: x\r\nX-API-Key: {API_KEY}\r\nContent-Length: 2\r\n\r\n{{}}".encode()):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        idle.append((reader, writer))
        if request:
            writer.write(request)
            await reader.readuntil(b"\r\n\r\n")
    server.terminate()
    assert await asyncio.to_thread(server.wait, 30) == 0
    for _, writer in idle:
        writer.close()


async def test_only_the_signals_that_mean_it_end_the_process(launch, dial):
    """Log rotation and supervisors send SIGUSR1, SIGUSR2 and SIGHUP; a log's reader that goes causes SIGPIPE."""
    server = launch()
    peer = await dial(server, connect={})
    for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGPIPE, signal.SIGHUP, signal.SIGXFSZ):
        server.process.send_signal(number)
        await peer.fence()
        assert server.request("GET", "/health").status == 200
    # All of them have been delivered by now: the kernel does that before the process answers.
    assert server.process.poll() is None
    server.terminate()
    assert await peer.ended() == 3001
    assert await asyncio.to_thread(server.wait) == 0


async def test_there_are_as_many_shards_as_usable_processors(launch):
    """Fewer processors than the machine has, as in most containers: more threads would only wait for each other."""
    usable = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(usable)})
    try:
        server = launch({"edge": {"shards": 0}})
    finally:
        os.sched_setaffinity(0, usable)
    assert "shards: 1, usable processors: 1" in server.log()


async def test_while_ending_nothing_new_is_accepted(launch, dial):
    server = launch({"shutdown": {"window": "2s", "timeout": "5s"}})
    peers = [await dial(server, connect={}) for _ in range(10)]
    server.terminate()

    def refused() -> bool:
        try:
            return server.request("GET", "/health/ready").status == 503
        except OSError:
            return True

    await asyncio.to_thread(poll, refused, "the server to refuse new work")
    assert {await peer.ended() for peer in peers} == {3001}
    assert await asyncio.to_thread(server.wait) == 0


async def test_a_second_instance_on_the_same_port_is_refused(launch, dial, tmp_path):
    first = launch()
    peer = await dial(first, connect={})
    directory = tmp_path / "second"
    directory.mkdir()
    second = Server(directory, None, arguments=["--set", f"http_server.port={first.port}"])
    second.spawn()
    assert await asyncio.to_thread(second.wait) != 0
    assert f"127.0.0.1:{first.port}" in second.log() and "in use" in second.log()
    await peer.fence()
    for _ in range(20):
        assert first.request("GET", "/health").status == 200
    third_directory = tmp_path / "third"
    third_directory.mkdir()
    third = Server(third_directory, merged(BASE, {}), certificate=first.certificate)
    third.arguments += ["--set", f"http_server.tls.port={first.tls_port}"]
    third.spawn()
    assert await asyncio.to_thread(third.wait) != 0
    assert str(first.tls_port) in third.log()


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"http_server": {"tls": {"enabled": True, "cert_pem_file": "/nowhere/c.pem", "key_pem_file": "/nowhere/k.pem"}}},
         "cert_pem_file"),
        ({"http_server": {"addres": "127.0.0.1"}}, "address"),
        ({"client": {"token": {"rsa_public_key": "not a key"}}}, "rsa_public_key"),
        ({"channel": {"without_namespace": {"history_size": 5}}}, "history_ttl"),
        ({"channel": {"history_meta_ttl": "10s", "without_namespace": {"history_size": 5, "history_ttl": "60s"}}},
         "history_meta_ttl"),
        ({"channel": {"without_namespace": {"channel_regex": "("}}}, "channel_regex"),
        ({"edge": {"trusted_proxies": ["nonsense"]}}, "trusted_proxies"),
        ({"client": {"ping_interval": "often"}}, "ping_interval"),
    ])
def test_a_wrong_option_is_named_at_start(tmp_path, changes, named):
    """GE-18: an option either works or the start fails with a message that names it."""
    server = Server(tmp_path, merged(BASE, changes))
    server.spawn()
    assert server.wait() != 0
    assert named in server.log()


# Limits


async def test_the_connection_limit_answers_503(launch, dial, scheme):
    """FT-12: a documented limit of connections."""
    server = launch({"client": {"connection_limit": 3}})
    peers = [await dial(server, scheme, connect={}) for _ in range(3)]
    assert await status_of(server, scheme) == 503
    await peers[0].close()
    await asyncio.to_thread(poll, lambda: server.sessions()["clients"] == 2, "the place to be free")
    assert await status_of(server, scheme) == 101


async def test_connections_per_address(launch, dial, scheme):
    """FT-12, GE-8: the socket's address counts, and a header that anybody can forge does not."""
    server = launch({"client": {"connections_per_address": 2}})
    peers = [await dial(server, scheme, connect={}, headers={"X-Forwarded-For": f"10.0.0.{n}"}) for n in range(2)]
    assert await status_of(server, scheme, **{"X-Forwarded-For": "10.0.0.9"}) in (429, 503)
    await peers[0].close()
    await asyncio.to_thread(poll, lambda: server.sessions()["clients"] == 1, "the place to be free")
    assert await status_of(server, scheme) == 101


async def test_addresses_behind_a_trusted_proxy(launch, dial):
    """GE-8: with the peer a configured proxy, the address that it names counts."""
    server = launch({"client": {"connections_per_address": 1}, "edge": {"trusted_proxies": ["127.0.0.0/8"]}})
    await dial(server, connect={}, headers={"X-Forwarded-For": "10.0.0.1"})
    await dial(server, connect={}, headers={"X-Forwarded-For": "10.0.0.2"})
    assert await status_of(server, **{"X-Forwarded-For": "10.0.0.1"}) in (429, 503)
    # What the client itself has put in front of the proxy's entry does not help it.
    assert await status_of(server, **{"X-Forwarded-For": "10.9.9.9, 10.0.0.2"}) in (429, 503)


async def test_the_connection_rate(launch):
    """FT-12: bursts beyond the rate are refused; a bucket of one second's worth refills steadily."""
    server = launch({"client": {"connection_rate_limit": 5}})
    statuses = await asyncio.gather(*(status_of(server) for _ in range(40)))
    assert set(statuses) == {101, 503} and 5 <= statuses.count(101) <= 20


async def test_connections_per_user(launch, dial, scheme, wire):
    """FT-12: one connection too many is told so; the others stay."""
    server = launch({"client": {"user_connection_limit": 2}, "edge": {"shards": 1}})
    token = tokens.connection("42")
    first = await dial(server, scheme, wire, connect={"token": token})
    await dial(server, scheme, wire, connect={"token": token})
    third = await dial(server, scheme, wire)
    await third.send({"id": 1, "connect": {"token": token}})
    assert await third.ended() == 3504
    await first.fence()
    await dial(server, scheme, wire, connect={"token": tokens.connection("43")})


async def test_connections_per_user_over_two_shards(launch, dial):
    """FT-12: the limit holds for the process, whichever shards the connections are on."""
    server = launch({"client": {"user_connection_limit": 2}, "edge": {"shards": 2}})
    token, let_in = tokens.connection("42"), 0
    for _ in range(12):
        peer = await dial(server)
        await peer.send({"id": 1, "connect": {"token": token}})
        try:
            await peer.reply(1)
            let_in += 1
        except Cut:
            assert await peer.ended() == 3504
    assert let_in == 2


async def test_message_and_head_limits(launch, dial, scheme):
    """FT-12: a documented limit for messages and for request heads."""
    server = launch({"websocket": {"message_size_limit": 1_000}, "edge": {"head_size_limit": 2_048}})
    peer = await dial(server, scheme, connect={})
    await peer.send_raw('{"id":1,"rpc":{"method":"' + "x" * 1_000 + '"}}')
    assert await peer.ended() == 1009
    assert await status_of(server, scheme, **{"X-Big": "x" * 3_000}) == 431


async def test_origins(launch, pharos, scheme):
    """A browser's page may connect only from where the configuration says."""
    for origin, status in (
        ("https://app.example.com", 101), ("https://example.com", 403), ("http://app.example.com", 403),
        ("https://app.example.com.evil.org", 403), ("null", 403), ("https://evil.org", 403)):
        assert await status_of(pharos, scheme, Origin=origin) == status, origin
    assert await status_of(pharos, scheme) == 101
    closed = launch({"client": {"allowed_origins": []}})
    assert await status_of(closed, scheme, Origin=f"http://127.0.0.1:{closed.port}") == 403


async def test_a_slow_request_head_is_not_waited_for(launch, scheme):
    server = launch({"edge": {"head_timeout": "500ms"}})
    options = {"ssl": server.tls_context()} if scheme == "wss" else {}
    port = server.tls_port if scheme == "wss" else server.port
    reader, writer = await asyncio.open_connection("127.0.0.1", port, **options)
    writer.write(b"GET / HTTP/1.1\r\nHost:")
    async with asyncio.timeout(30):
        answer = await reader.read()
    assert answer == b"" or answer.startswith(b"HTTP/1.1 408 ")
    writer.close()


# Descriptors


async def test_running_out_of_descriptors(launch, dial):
    """GE-20: a refused accept is counted, those who are there go on, and the server recovers."""
    server = launch({"edge": {"shards": 1}}, open_files=64)
    assert "64" in server.log()
    peer = await dial(server, connect={})
    await peer.subscribe("open:x")
    sockets = []
    for _ in range(120):
        sockets.append(socket.create_connection(("127.0.0.1", server.port)))
    # No descriptor is left for a question over HTTP: those who are there still talk to each other.
    for number in range(5):
        await peer.ask("publish", channel="open:x", data={"n": number})
        assert (await peer.publication("open:x"))["data"] == {"n": number}
    for each in sockets:
        each.close()

    def recovered() -> bool:
        try:
            return server.request("GET", "/health").status == 200
        except OSError:
            return False

    await asyncio.to_thread(poll, recovered, "the server to accept again", 60)
    assert server.metric("pharos_transport_accept_errors_total") >= 1
    other = await dial(server, connect={})
    await other.fence()


async def test_the_limit_of_descriptors_is_raised_and_logged(launch):
    """GE-20: the soft limit is raised to the hard limit at start, and the result is logged."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    server = launch(open_files=None)
    limits = pathlib.Path(f"/proc/{server.pid}/limits").read_text()
    current, most = re.search(r"Max open files\s+(\d+)\s+(\d+)", limits).groups()
    assert current == most == str(hard)
    assert str(hard) in server.log()


# TLS


async def test_a_renewed_certificate_is_used_without_a_restart(launch, dial, tmp_path):
    server = launch()
    peer = await dial(server, "wss", connect={})

    def served() -> bytes:
        return ssl.get_server_certificate(("127.0.0.1", server.tls_port)).encode()

    before = await asyncio.to_thread(served)
    directory = tmp_path / "renewed"
    directory.mkdir()
    saved = [path.read_bytes() for path in server.certificate]
    try:
        for new, old in zip(make_certificate(directory), server.certificate):
            shutil.copy(new, old)
        server.process.send_signal(signal.SIGHUP)
        await asyncio.to_thread(
            poll, lambda: served() != before, "the new certificate to be served")
        await peer.fence()
        # A pair that cannot be used leaves the one in force.
        server.certificate[0].write_text("rubbish")
        server.process.send_signal(signal.SIGHUP)
        await asyncio.to_thread(poll, lambda: "not reloaded" in server.log() or "certificate" in server.log(), "the log")
        assert await asyncio.to_thread(served) != before
    finally:
        for path, content in zip(server.certificate, saved):
            path.write_bytes(content)


def test_a_free_port_is_below_the_range_of_outgoing_connections():
    assert free_port() < 32_768
