"""HTTP stream, SSE and the long poll with a session: everything that a WebSocket can do, on each of them."""

import asyncio
import json

import pytest

from harness import tokens
from harness.emulated import STREAMS, Refused, StreamPeer, session_key
from harness.everywhere import EMULATED, EVERYWHERE, SPEAKING, meet, parked  # noqa: F401
from harness.http_client import HTTPClient

ORIGIN = "https://app.example.com"


@pytest.fixture(params=EMULATED)
def kind(request) -> str:
    return request.param


@pytest.fixture
def server(launch):
    return launch(EVERYWHERE)


def numbers(publications) -> list[int]:
    return [publication["data"]["n"] for publication in publications]


# Everything that a WebSocket can do


async def test_commands_and_their_replies(server, meet, kind, scheme):
    """Subscribe, publish, presence, history, unsubscribe: each reply comes to the client that asked."""
    client = await meet(server, kind, scheme=scheme, connect={"token": tokens.connection("42")})
    start = await client.subscribe("open:x")
    assert start["recoverable"] is True and start["epoch"]
    await client.ask("publish", channel="open:x", data={"n": 1})
    heard = await client.publication("open:x")
    assert heard["data"] == {"n": 1} and heard["offset"] == 1 and heard["info"]["user"] == "42"
    presence = await client.ask("presence", channel="open:x")
    assert presence["presence"][client.client]["user"] == "42"
    history = await client.ask("history", channel="open:x", limit=-1)
    assert numbers(history["publications"]) == [1]
    await client.ask("unsubscribe", channel="open:x")
    server.publish("open:x", {"n": 2})
    await client.fence()
    assert [push for push in client.pushes("open:x") if "pub" in push] == []
    assert await client.refused("subscribe", channel="nowhere:x") == 102


async def test_every_transport_hears_the_same(server, meet):
    """One publication, one client on each transport: the same data, offsets and order everywhere."""
    clients = {kind: await meet(server, kind) for kind in SPEAKING}
    for client in clients.values():
        await client.subscribe("large:x")
    for number in range(1, 101):
        server.publish("large:x", {"n": number, "text": 'ä "quoted" \\ \n😀'})
    heard = {kind: await client.publications(100, "large:x") for kind, client in clients.items()}
    for kind, publications in heard.items():
        assert numbers(publications) == list(range(1, 101)), kind
        assert [each["offset"] for each in publications] == list(range(1, 101)), kind
        assert {each["data"]["text"] for each in publications} == {'ä "quoted" \\ \n😀'}, kind


async def test_recovery_across_transports(server, meet):
    """A client begins on one transport and comes back on another with `recover`: nothing lost, nothing twice."""
    client = await meet(server, SPEAKING[0])
    start = await client.subscribe("large:x")
    epoch, offset = start["epoch"], 0
    for kind in (*SPEAKING[1:], SPEAKING[0]):
        for number in (1, 2):
            server.publish("large:x", {"n": offset + number})
        assert numbers(await client.publications(2, "large:x")) == [offset + 1, offset + 2]
        offset += 2
        await client.close()
        for number in (1, 2, 3):
            server.publish("large:x", {"n": offset + number})
        client = await meet(server, kind)
        reply = await client.subscribe("large:x", recover=True, epoch=epoch, offset=offset)
        assert reply["recovered"] is True and reply["was_recovering"] is True, kind
        assert numbers(reply["publications"]) == [offset + 1, offset + 2, offset + 3], kind
        offset += 3


async def test_what_cannot_be_recovered_says_so(server, meet, kind):
    for number in range(1, 13):
        epoch = server.publish("small:x", {"n": number})["epoch"]
    client = await meet(server, kind)
    reply = await client.subscribe("small:x", recover=True, epoch=epoch, offset=6)
    assert "recovered" not in reply and reply["was_recovering"] is True and reply["offset"] == 12
    await client.ask("unsubscribe", channel="small:x")
    reply = await client.subscribe("small:x", recover=True, epoch=epoch, offset=7)
    assert reply["recovered"] is True and numbers(reply["publications"]) == [8, 9, 10, 11, 12]


async def test_pings_keep_the_stream_alive(launch, meet, kind):
    server = launch(EVERYWHERE | {"client": {"ping_interval": "1s", "pong_timeout": "500ms"}})
    client = await meet(server, kind)
    if kind in STREAMS:
        for _ in range(3):
            await client.ping()
    await client.fence()


async def test_a_stream_that_answers_no_ping_is_ended(launch):
    """A client of an emulated stream whose network vanishes is told apart from one that is only silent."""
    server = launch(EVERYWHERE | {"client": {"ping_interval": "1s", "pong_timeout": "500ms"}})
    client = StreamPeer(server, "http_stream-json", answers_pings=False)
    result = await client.connect()
    if result.get("pong"):
        assert await client.ended() == 3012
    await client.close()


async def test_server_side_subscriptions(server, meet, kind):
    client = await meet(server, kind, connect={"token": tokens.connection("7", subs={"open:x": {}})})
    assert client.welcome["subs"]["open:x"]["recoverable"] is True
    server.publish("open:x", {"n": 1})
    assert (await client.publication("open:x"))["data"] == {"n": 1}
    server.api("unsubscribe", {"user": "7", "channel": "open:x"}).result
    assert (await client.push("unsubscribe", "open:x"))["code"] == 2000


# The end


async def test_the_last_word_is_a_disconnect_push(server, meet, kind):
    """GE-10: with no close frame on these transports, the reason comes as a push, and then the stream ends."""
    client = await meet(server, kind, connect={"token": tokens.connection("7")})
    server.api("disconnect", {"user": "7"}).result
    assert await client.ended() == 3503


async def test_sigterm_tells_every_stream_to_reconnect(launch, meet):
    server = launch(EVERYWHERE | {"shutdown": {"window": "300ms", "timeout": "10s"}})
    clients = [
        await meet(server, kind, scheme=scheme) for kind in EMULATED for scheme in ("ws", "wss") for _ in range(3)]
    # A client between two polls cannot be informed: no client is let in any more.
    await parked(server, 6)
    server.terminate()
    codes = await asyncio.gather(*(client.ended() for client in clients))
    assert set(codes) == {3001}
    assert await asyncio.to_thread(server.wait) == 0


async def test_a_cut_stream_leaves_nothing_behind(server, meet, kind):
    if kind not in STREAMS:
        pytest.skip("a session outlives its polls: see test_sessions.py")
    client = await meet(server, kind)
    await client.subscribe("open:x")
    assert server.sessions()["clients"] == 1
    client.break_off()
    await asyncio.to_thread(server.wait_until_empty)


# The wire


async def open_raw(server, kind: str, scheme: str, headers: dict | None = None):
    """The stream itself, after a connect command."""
    peer = StreamPeer(server, kind, scheme=scheme, headers=headers)
    await peer.connect()
    return peer


@pytest.mark.parametrize("kind", list(STREAMS))
async def test_headers_of_a_stream(server, kind, scheme):
    peer = await open_raw(server, kind, scheme)
    headers = peer.response.headers
    assert headers["x-accel-buffering"] == "no" and "no-store" in headers["cache-control"]
    if kind.startswith("sse"):
        assert headers["content-type"].startswith("text/event-stream")
        assert peer.first_bytes == b"\r\n"
    else:
        assert headers["content-type"].startswith("application/octet-stream" if peer.is_protobuf else "application/json")
    await peer.close()


@pytest.mark.parametrize("path", ["/connection/http_stream", "/connection/sse", "/emulation", "/connection/poll"])
async def test_origins_and_cors(server, path, scheme):
    """A browser's page of an allowed origin may ask, and read the answer; another may not."""
    client = HTTPClient(server.tls_port if scheme == "wss" else server.port,
                        context=server.tls_context() if scheme == "wss" else None)
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    status, headers, body = await client.ask("OPTIONS", path, None, {"Origin": ORIGIN} | asks)
    assert status == 204 and body == b""
    assert headers["access-control-allow-origin"] == ORIGIN
    assert "POST" in headers["access-control-allow-methods"]
    assert "content-type" in headers["access-control-allow-headers"].lower()
    status, headers, _ = await client.ask("OPTIONS", path, None, {"Origin": "https://evil.org"} | asks)
    assert status == 403 and "access-control-allow-origin" not in headers
    status, headers, _ = await client.ask("POST", path, b"{}", {"Origin": "https://evil.org"})
    assert status == 403
    client.close()


@pytest.mark.parametrize("kind", list(STREAMS))
async def test_a_page_of_an_allowed_origin_reads_the_stream(server, kind):
    peer = await open_raw(server, kind, "ws", {"Origin": ORIGIN})
    assert peer.response.headers["access-control-allow-origin"] == ORIGIN
    assert await peer.subscribe("open:x")
    await peer.close()
    with pytest.raises(Refused) as refused:
        await open_raw(server, kind, "ws", {"Origin": "https://evil.org"})
    assert refused.value.status == 403


@pytest.mark.parametrize(("path", "method"), [
    ("/connection/http_stream", "GET"), ("/connection/http_stream", "PUT"), ("/connection/sse", "DELETE"),
    ("/emulation", "GET"), ("/connection/poll", "PUT"), ("/events", "POST"), ("/poll", "POST")])
async def test_other_methods_are_405(server, path, method, scheme):
    client = HTTPClient(server.tls_port if scheme == "wss" else server.port,
                        context=server.tls_context() if scheme == "wss" else None)
    status, _, _ = await client.ask(method, path, b"" if method == "POST" else None)
    assert status == 405
    client.close()


async def test_transports_that_are_off_are_not_there(launch):
    server = launch()
    for method, path in (("POST", "/connection/http_stream"), ("GET", "/connection/sse"), ("POST", "/emulation"),
                         ("GET", "/events?channel=x"), ("GET", "/poll?channel=open:x"),
                         ("POST", f"/connection/poll?session={session_key()}")):
        assert server.request(method, path, b"{}" if method == "POST" else None).status == 404, path


@pytest.mark.parametrize("body", [b"", b"not json", b"[]", b'{"id":1,"subscribe":{"channel":"x"}}', b'{"connect":null}'])
async def test_a_stream_that_does_not_begin_with_connect(server, body, scheme):
    """The request is refused, or the stream's first word is its end."""
    client = HTTPClient(server.tls_port if scheme == "wss" else server.port,
                        context=server.tls_context() if scheme == "wss" else None)
    async with asyncio.timeout(30):
        status, _, content = await client.ask("POST", "/connection/http_stream", body, {"Content-Type": "application/json"})
    if status == 200:
        *_, last = [json.loads(line) for line in content.splitlines()]
        assert last["push"]["disconnect"]["code"] in (3501, 3003), last
    else:
        assert status == 400
    assert server.request("GET", "/connection/sse").status == 400
    client.close()


async def test_bodies_that_are_too_big(launch):
    server = launch(EVERYWHERE | {"websocket": {"message_size_limit": 2_000}})
    body = json.dumps({"id": 1, "connect": {"data": "x" * 3_000}}).encode()
    assert server.request("POST", "/connection/http_stream", body).status == 413
    assert server.request("POST", "/connection/sse", body).status == 413
    assert server.request("POST", "/emulation", b"x" * 30_000).status == 413
    assert server.request("POST", f"/connection/poll?session={session_key()}", body).status == 413


async def test_emulation_answers(server, meet):
    """204 accepted, also for a session that is gone; 400 for what cannot be read; 404 for another node."""
    peer = await meet(server, "http_stream-json")
    assert (await peer.emulate('{"id":9,"subscribe":{"channel":"open:x"}}'))[0] == 204
    assert "subscribe" in await peer.reply(9)
    assert (await peer.emulate('{"id":10,"rpc":{}}', session="gone"))[0] == 204
    assert (await peer.emulate('{"id":11,"rpc":{}}', node="elsewhere"))[0] == 404
    for body in (b"", b"[]", b"{", b'{"session":1}'):
        assert server.request("POST", "/emulation", body, {"Content-Type": "application/json"}).status == 400, body
    # A stream of another client is not reached by guessing: its key is not the public client id.
    other = await meet(server, "http_stream-json")
    assert other.result["session"] != other.client
    assert (await peer.emulate('{"id":12,"subscribe":{"channel":"open:y"}}', session=other.client))[0] == 204
    await other.fence()
    await peer.fence()
    assert "open:y" not in server.api("channels", {}).result["channels"]


async def test_several_commands_in_one_request(server, meet, kind):
    client = await meet(server, kind)
    await client.send(*({"id": 100 + number, "subscribe": {"channel": f"open:{number}"}} for number in range(20)))
    for number in range(20):
        assert "subscribe" in await client.reply(100 + number)


async def test_a_command_that_breaks_the_protocol_ends_the_stream(server, meet):
    peer = await meet(server, "sse-post")
    assert (await peer.emulate("not a command"))[0] in (204, 400)
    assert await peer.ended() == 3501
