"""Everything that is served over HTTP/1.1 is served over HTTP/2: with prior knowledge, and behind TLS by ALPN."""

import asyncio
import json
import shutil
import signal
import subprocess

import h2.settings
import pytest
import pytest_asyncio

from harness.configuration import API_KEY, OPEN, merged
from harness.everywhere import EVERYWHERE
from harness.http2 import HTTP2, Ended
from harness.server import poll

KEY = {"x-api-key": API_KEY}
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


@pytest.fixture
def everywhere(launch):
    return launch(merged(EVERYWHERE, {"channel": {"without_namespace": OPEN}}))


@pytest_asyncio.fixture
async def link():
    """Opens connections; they are closed after the story."""
    links: list[HTTP2] = []

    async def open_one(server, scheme, **options) -> HTTP2:
        links.append(await HTTP2.open(server, scheme, **options))
        return links[-1]

    yield open_one
    for each in links:
        await each.close()


async def metric(server, name) -> float:
    return await asyncio.to_thread(server.metric, name)


async def until(server, name, value) -> None:
    async with asyncio.timeout(30):
        while await metric(server, name) != value:
            await asyncio.sleep(0.02)


async def publish(connection: HTTP2, channel: str, data) -> dict:
    body = json.dumps({"channel": channel, "data": data}, separators=(",", ":")).encode()
    return (await connection.request("POST", "/api/publish", KEY, body)).result


async def test_pages_and_calls_of_the_server_api(everywhere, link, scheme):
    connection = await link(everywhere, scheme)
    health, metrics, info, missing, head = await asyncio.gather(
        connection.request("GET", "/health"), connection.request("GET", "/metrics"),
        connection.request("POST", "/api/info", KEY, b"{}"), connection.request("GET", "/nowhere"),
        connection.request("HEAD", "/health"))
    assert health.status == 200 and health.headers["date"].endswith(" GMT")
    assert b"pharos_transport_http2_connections 1" in metrics.body
    assert len(info.result["nodes"]) == 1
    assert missing.status == 404
    assert (head.status, head.body) == (200, b"") and int(head.headers["content-length"]) == len(health.body)
    refused = await connection.request("POST", "/api/info", {}, b"{}")
    assert refused.status == 401 and refused.headers["www-authenticate"] == "apikey"
    assert not {"connection", "transfer-encoding"} & set(refused.headers)


async def test_many_calls_at_a_time_are_answered(everywhere, link, scheme):
    connection = await link(everywhere, scheme)
    results = await asyncio.gather(*(publish(connection, "many", number) for number in range(100)))
    assert sorted(result["offset"] for result in results) == list(range(1, 101))


async def test_uploads_and_their_limits(everywhere, link, scheme):
    connection = await link(everywhere, scheme)
    big = json.dumps({"channel": "big", "data": "x" * 40_000}).encode()
    assert (await connection.request("POST", "/api/publish", KEY, big)).result["offset"] == 1
    waits = connection.ask("POST", "/api/publish", KEY | {"expect": "100-continue"}, end=False)
    async with asyncio.timeout(30):
        while not waits.interim:
            await asyncio.sleep(0.01)
    assert waits.interim == [100]
    waits.send(b'{"channel":"big","data":1}', end=True)
    assert (await waits.answer()).result["offset"] == 2
    too_big = connection.ask("POST", "/api/publish", KEY | {"content-length": "99999999"}, end=False)
    assert await too_big.status == 413
    # The connection stays.
    assert (await connection.request("GET", "/health")).status == 200


async def test_twenty_event_streams_at_once_over_one_connection(everywhere, link, scheme):
    connection = await link(everywhere, scheme)
    streams = [connection.ask("GET", f"/events?channel=twenty{number}") for number in range(20)]
    for stream in streams:
        assert await stream.status == 200
        assert (await stream.head)["content-type"].startswith("text/event-stream")
    for number in range(20):
        await publish(connection, f"twenty{number}", {"n": number})
    for number, stream in enumerate(streams):
        await stream.read_until(b'{"n":%d}' % number)
    assert await metric(everywhere, "pharos_transport_http2_connections") >= 1
    for stream in streams:
        stream.reset()
    await until(everywhere, "pharos_transport_http2_streams", 0)
    assert (await connection.request("GET", "/health")).status == 200


@pytest.mark.parametrize("path", ["/connection/http_stream", "/connection/sse"])
async def test_http_streams_and_their_commands(everywhere, link, scheme, path):
    connection = await link(everywhere, scheme)
    stream = connection.ask("POST", path, {}, b'{"id":1,"connect":{}}')
    assert await stream.status == 200
    line = b""
    while b'"connect"' not in line:
        line = await stream.read_until(b"\n")
    reply = json.loads(line[line.index(b"{"):])
    assert reply["connect"]["client"]
    command = {"session": reply["connect"]["session"], "node": reply["connect"]["node"],
               "data": '{"id":2,"subscribe":{"channel":"spoken"}}'}
    assert (await connection.request("POST", "/emulation", {}, json.dumps(command).encode())).status == 204
    await stream.read_until(b'"subscribe"')
    await publish(connection, "spoken", {"over": "http2"})
    await stream.read_until(b'{"over":"http2"}')


async def test_polls_wait_beside_each_other(everywhere, link, scheme):
    connection = await link(everywhere, scheme)
    polls = [connection.ask("GET", f"/poll?channel=polled{number}&wait=20") for number in range(12)]
    await until(everywhere, "pharos_transport_waiting_polls", 12)
    for number in range(12):
        await publish(connection, f"polled{number}", number)
    for poll_stream in polls:
        assert (await poll_stream.answer()).status == 200


async def test_websockets_by_extended_connect(everywhere, link, scheme):
    connection = await link(everywhere, scheme)
    assert connection.machine.remote_settings.enable_connect_protocol == 1
    sockets = [connection.connect("/connection/websocket") for _ in range(10)]
    for socket in sockets:
        assert await socket.status == 200
        socket.send_text('{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"sockets"}}')
    for socket in sockets:
        seen = []
        while len(seen) < 2:
            seen += await socket.replies()
        assert "connect" in seen[0] and "subscribe" in seen[1]
    assert await metric(everywhere, "pharos_transport_http2_websockets") == 10
    sockets[0].send_text('{"id":3,"publish":{"channel":"sockets","data":{"a":1}}}')
    for socket in sockets:
        pushes = []
        while not any("push" in reply and "pub" in reply["push"] for reply in pushes):
            pushes += await socket.replies()
    # Closing, by each side.
    sockets[1].close()
    opcode, payload = await sockets[1].receive()
    while opcode != 8:
        opcode, payload = await sockets[1].receive()
    assert payload[:2] == (1000).to_bytes(2, "big")
    sockets[2].send_text("no JSON")
    opcode, payload = await sockets[2].receive()
    while opcode != 8:
        opcode, payload = await sockets[2].receive()
    assert payload[:2] == (3501).to_bytes(2, "big")
    sockets[2].send(b"", end=True)
    sockets[3].reset()
    await until(everywhere, "pharos_transport_http2_websockets", 7)


async def test_compressed_websockets(launch, link, scheme):
    server = launch({"websocket": {"compression": True}})
    connection = await link(server, scheme)
    socket = connection.connect(
        "/connection/websocket", {"sec-websocket-extensions": "permessage-deflate; client_no_context_takeover"})
    assert await socket.status == 200
    assert "permessage-deflate" in (await socket.head)["sec-websocket-extensions"]
    socket.send_text('{"id":1,"connect":{}}')
    assert (await socket.receive())[0] == 1


async def test_a_websocket_of_a_foreign_page_is_refused(pharos, link, scheme):
    connection = await link(pharos, scheme)
    refused = connection.connect("/connection/websocket", {"origin": "https://evil.test"})
    assert await refused.status == 403
    allowed = connection.connect("/connection/websocket", {"origin": "https://good.example.com"})
    assert await allowed.status == 200


async def test_a_stream_that_is_not_read_ends_and_the_others_go_on(launch, link, scheme):
    server = launch(merged(EVERYWHERE, {"channel": {"without_namespace": OPEN}, "client": {"queue_max_size": 65536}}))
    connection = await link(server, scheme, settings={h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 10_000})
    publisher = await link(server, scheme)
    slow = connection.ask("GET", "/events?channel=fast")
    assert await slow.status == 200
    connection.reads = False
    for _ in range(40):
        await publish(publisher, "fast", "x" * 4_000)
    async with asyncio.timeout(30):
        with pytest.raises(Ended):
            while await slow.read():
                pass
    connection.reads = True
    assert (await connection.request("GET", "/health")).status == 200


async def test_at_the_end_clients_are_asked_to_go_on_elsewhere(launch, link, scheme):
    server = launch({"shutdown": {"timeout": "10s", "window": "100ms"}})
    connection = await link(server, scheme)
    socket = connection.connect("/connection/websocket")
    socket.send_text('{"id":1,"connect":{}}')
    await socket.replies()
    server.process.send_signal(signal.SIGTERM)
    opcode, payload = await socket.receive()
    assert (opcode, payload[:2]) == (8, (3001).to_bytes(2, "big"))
    socket.close(3001)
    socket.send(b"", end=True)
    await asyncio.wait_for(connection.ended.wait(), 30)
    assert connection.end_code == 0
    await asyncio.to_thread(server.process.wait, 30)
    assert server.process.returncode == 0


# What clients must not do


async def test_rapid_resets_end_the_connection_and_are_counted(launch, link, scheme):
    server = launch({"http_server": {"http2": {"max_resets": 50}}})
    connection = await link(server, scheme)
    for _ in range(60):
        connection.ask("GET", "/health").reset()
    await asyncio.wait_for(connection.ended.wait(), 30)
    assert connection.end_code == 11
    assert await metric(server, 'pharos_transport_http2_connections_ended_total{reason="too_many_resets"}') == 1
    assert await metric(server, "pharos_transport_http2_streams_reset_total") >= 50
    other = await link(server, scheme)
    assert (await other.request("GET", "/health")).status == 200


async def test_more_streams_than_allowed_are_refused_and_counted(launch, link, scheme):
    server = launch(merged(EVERYWHERE, {
        "http_server": {"http2": {"max_streams": 5}}, "channel": {"without_namespace": OPEN}}))
    connection = await link(server, scheme)
    # The client forgets what the server allows.
    connection.machine.remote_settings[h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS] = 100
    connection.machine.remote_settings.acknowledge()
    polls = [connection.ask("GET", "/poll?channel=x&wait=20") for _ in range(5)]
    await until(server, "pharos_transport_waiting_polls", 5)
    refused = connection.ask("GET", "/health")
    with pytest.raises((Ended, asyncio.CancelledError)):
        await refused.status
    assert await metric(server, "pharos_transport_http2_streams_refused_total") >= 1 or connection.end_code
    del polls


async def test_pings_are_answered_and_floods_are_not(launch, link, scheme):
    server = launch({"http_server": {"http2": {"max_control_frames": 100}}})
    connection = await link(server, scheme)
    connection.machine.ping(b"12345678")
    connection.flush()
    async with asyncio.timeout(30):
        while connection.pings == 0:
            await asyncio.sleep(0.01)
    for _ in range(200):
        connection.machine.ping(b"12345678")
    connection.flush()
    await asyncio.wait_for(connection.ended.wait(), 30)
    assert connection.end_code == 11
    assert await metric(server, 'pharos_transport_http2_connections_ended_total{reason="too_many_control_frames"}') == 1


async def test_http2_may_be_switched_off(launch, scheme):
    server = launch({"http_server": {"http2": {"enabled": False}}})
    context = server.tls_context() if scheme == "wss" else None
    if context:
        context.set_alpn_protocols(["h2", "http/1.1"])
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", server.tls_port if context else server.port, ssl=context,
        server_hostname="localhost" if context else None)
    if context:
        assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "http/1.1"
    writer.write(PREFACE)
    assert (await asyncio.wait_for(reader.read(12), 30)) == b"HTTP/1.1 505"
    writer.close()


# Other clients


def tool(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"SKIP {name} over HTTP/2: {name} not found")
    return path


def run(*arguments: str) -> str:
    done = subprocess.run(arguments, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


@pytest.mark.parametrize("secure", [False, True])
def test_curl(pharos, secure):
    curl = tool("curl")
    where = [f"https://localhost:{pharos.tls_port}", "--cacert", str(pharos.certificate[0]), "--http2"] if secure else [
        f"http://localhost:{pharos.port}", "--http2-prior-knowledge"]
    base, *options = where
    if secure:
        base = base.replace("localhost", "127.0.0.1")
        options.append("--insecure")
    assert run(curl, "-sS", *options, "-o", "/dev/null", "-w", "%{http_version} %{http_code}", base + "/health") == "2 200"
    body = '{"channel":"plain:curl","data":1}'
    answer = run(curl, "-sS", *options, "-H", f"X-API-Key: {API_KEY}", "-d", body, base + "/api/publish")
    assert "result" in json.loads(answer)


@pytest.mark.parametrize("secure", [False, True])
def test_h2load(pharos, secure):
    h2load = tool("h2load")
    base = f"https://127.0.0.1:{pharos.tls_port}" if secure else f"http://127.0.0.1:{pharos.port}"
    report = run(h2load, "-n", "2000", "-c", "5", "-m", "10", base + "/health")
    assert "2000 succeeded, 0 failed, 0 errored, 0 timeout" in report, report


def test_nghttp(pharos):
    nghttp = tool("nghttp")
    report = run(nghttp, "-nv", "-m", "3", f"http://127.0.0.1:{pharos.port}/health")
    assert "SETTINGS_ENABLE_CONNECT_PROTOCOL(0x08):1" in report or "UNKNOWN(0x8):1" in report.replace("0x08", "0x8"), report
    assert report.count(":status: 200") == 3
    assert poll(lambda: pharos.is_running, "the server")
