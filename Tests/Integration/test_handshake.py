"""The handshake hook: the application authenticates the first request, and names the channels. The client names none."""

import asyncio

import pytest
import websockets

from harness.events import EventStream
from harness.everywhere import EVERYWHERE
from harness.origin import SILENCE
from harness.raw import RawPeer

LISTS = {
    "http_headers": ["authorization"], "http_cookies": ["session"], "http_query": ["room"], "client_address": True,
    "request_path": True}
GATE = {"form": "authorize", "timeout": "1s"} | LISTS

# The answers that name the channels, all with the same meaning.
ANSWERS = {
    "a list": (200, {"Content-Type": "application/json"}, '["open:a","open:b"]'),
    "an object": (200, {"Content-Type": "application/json"}, '{"channels":["open:a","open:b"],"user":"42"}'),
    "a header": (200, {"X-Pharos-Channels": "open:a, open:b", "X-Pharos-User": "42"}, ""),
    "a redirect": (200, {"X-Accel-Redirect": "/ws?_=1&tag=&time=&eventid=&channels=open:a/open:b.b3"}, ""),
}


def guarded(origin, **options) -> dict:
    return EVERYWHERE | {"origins": [origin.settings("gate", **(GATE | options))], "hooks": {"handshake": "gate"}}


@pytest.mark.parametrize("form", ANSWERS)
async def test_the_application_names_the_channels(launch, dial, wire, origin, form):
    """GO-1: Pharos posts method, path, query, headers and address; 2xx with a list: exactly those channels are heard."""
    origin.on("gate", ANSWERS[form])
    server = launch(guarded(origin))
    peer = await dial(
        server, wire=wire, query="room=7", headers={"Authorization": "Bearer x", "Cookie": "session=s; a=b"})
    result = await peer.connect()
    assert set(result["subs"]) == {"open:a", "open:b"}
    request, = origin.asked("gate")
    assert request.body == b""
    headers = request.headers
    assert headers["x-pharos-method"] == "GET" and headers["x-pharos-path"] == "/connection/websocket"
    assert headers["x-pharos-query"] == "room=7" and headers["x-pharos-client-address"] == "127.0.0.1"
    assert headers["authorization"] == "Bearer x" and headers["cookie"] == "session=s"
    for channel in ("open:c", "open:b"):
        server.publish(channel, channel)
    assert (await peer.publication())["data"] == "open:b"
    if form in ("an object", "a header"):
        assert server.api("presence", {"channel": "open:a"}).result["presence"][peer.client]["user"] == "42"


@pytest.mark.parametrize("form", ANSWERS)
async def test_a_raw_connection_hears_its_channels_and_never_their_names(launch, origin, form):
    """GO-1, GO-2: it has named no channel, and no frame that it gets contains one."""
    origin.on("gate", ANSWERS[form])
    changes = guarded(origin) | {"hooks": {}, "raw": [{"path": "/hear", "handshake": "gate"}]}
    server = launch(changes)
    async with RawPeer(server, "/hear") as peer:
        # The data alone, byte for byte as it was published.
        for channel in ("open:c", "open:b", "open:a"):
            server.publish(channel, {"n": channel[-1]})
        assert [await peer.text(), await peer.text()] == ['{"n": "b"}', '{"n": "a"}']
        server.publish("open:a", "plain")
        assert await peer.text() == '"plain"'
        assert not any("open:" in frame for frame in peer.frames)


async def test_names_of_channels_only_where_they_are_configured(launch, origin):
    """GO-2: the configuration asks for it."""
    origin.on("gate", ANSWERS["a list"])
    changes = guarded(origin) | {"hooks": {}, "raw": [{"path": "/hear", "handshake": "gate", "names_channels": True}]}
    server = launch(changes)
    async with RawPeer(server, "/hear") as peer:
        server.publish("open:a", {"n": 1})
        assert await peer.text() == '{"channel":"open:a","data":{"n": 1}}'


async def status_of(server, path: str = "/connection/websocket") -> int:
    """Of a WebSocket's handshake; 101 if it was accepted."""
    try:
        async with websockets.connect(f"ws://127.0.0.1:{server.port}{path}", proxy=None):
            return 101
    except websockets.InvalidStatus as refused:
        return refused.response.status_code


REFUSALS = {
    "401": (401, 401), "403": (403, 403), "another of the 4xx": (418, 418), "an error of the origin": (500, 503),
    "no list": (200, 503), "nonsense": ((200, {"Content-Type": "application/json"}, "{"), 503),
    "hangs up": (SILENCE, 503), "a redirect elsewhere": ((302, {"Location": "/"}, ""), 503), "down": (None, 503),
}


@pytest.mark.parametrize("case", REFUSALS)
async def test_refused_handshakes(launch, origin, case):
    """GO-1: 401 and 403 end the handshake with that status; no answer ends it with 503; on every transport alike."""
    answer, expected = REFUSALS[case]
    changes = guarded(origin, breaker_failures=0)
    changes["raw"] = [{"path": "/hear", "handshake": "gate"}]
    server = launch(changes)
    if answer is None:
        origin.stop()
    origin.on("gate", answer)
    assert await status_of(server) == expected
    assert await status_of(server, "/hear") == expected
    schemes = [
        ("GET", "/connection/sse?cf_connect=%7B%7D"), ("POST", "/connection/http_stream"),
        ("GET", "/events?channel=open:a"), ("GET", "/poll?channel=open:a")]
    for method, path in schemes:
        answer = await asyncio.to_thread(server.request, method, path, b"{}" if method == "POST" else None)
        assert answer.status == expected, path
        assert answer.headers["Content-Type"].startswith("application/json") and answer.json["error"]["message"]
    await asyncio.to_thread(server.wait_until_empty)


async def test_no_answer_in_time(launch, origin):
    """GO-1: 503, and nothing is left of those who waited."""
    held = origin.hold("gate")
    server = launch(guarded(origin, timeout="300ms"))
    assert await asyncio.gather(*(status_of(server) for _ in range(20))) == [503] * 20
    held.give(ANSWERS["a list"])
    await asyncio.to_thread(server.wait_until_empty)
    origin.on("gate", ANSWERS["a list"])


async def test_a_client_that_leaves_during_its_handshake(launch, dial, origin):
    """The late answer has no effect, also not on the client that has the slot now."""
    held = origin.hold("gate")
    server = launch(guarded(origin, timeout="20s") | {"edge": {"shards": 1}})
    tasks = [asyncio.create_task(status_of(server)) for _ in range(5)]
    await asyncio.to_thread(origin.wait_for, "gate", 5)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    origin.on("gate", 403)
    assert await status_of(server) == 403
    held.give(ANSWERS["a list"])
    assert await status_of(server) == 403
    await asyncio.to_thread(server.wait_until_empty)


async def test_plain_event_streams_are_guarded_too(launch, origin):
    """The channels come from the application; those that it did not name stay a matter of permission."""
    origin.on("gate", ANSWERS["a list"])
    server = launch(guarded(origin))
    stream, first = await EventStream.listen(server.port)
    assert set(first["subscriptions"]) == {"open:a", "open:b"}
    server.publish("open:a", 1)
    assert (await stream.event()).name == "open:a"
    stream.client.close()
