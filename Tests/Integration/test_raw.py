"""Raw paths: a WebSocket without a protocol of ours; each connection and each message is an event to the origin."""

import asyncio
import base64
import contextlib
import json
import time
import urllib.parse

import pytest
import websockets

from harness.configuration import API_KEY, PUBLISH_ONLY_KEY
from harness.origin import SILENCE
from harness.raw import RawPeer
from harness.server import poll

KEY = {"X-API-Key": API_KEY, "Content-Type": "application/json"}


def service(origin, form: str = "websocket_service", options: dict | None = None, path: dict | None = None, **changes) -> dict:
    """A path `/ws` of the origin `app`."""
    entry = origin.settings("app", form=form, **({"timeout": "10s"} | (options or {})))
    return {"origins": [entry], "raw": [{"path": "/ws", "origin": "app", "open": True} | (path or {})]} | changes


async def until(probe, what: str, seconds: float = 60):
    return await asyncio.to_thread(poll, probe, what, seconds)


class Events:
    """What an origin of form `websocket_service` was posted: kinds by connection, in order."""

    def __init__(self, origin):
        self.origin = origin

    def all(self) -> list[dict]:
        bodies = [request.json for request in self.origin.asked("app")]
        return [body["WebSocketEvent"] for body in bodies if body["WebSocketEvent"]]

    def of(self, connection: str) -> list[dict]:
        return [event for event in self.all() if event["ConnectionId"] == connection]

    def keep_alives(self) -> list[set[str]]:
        bodies = [request.json for request in self.origin.asked("app")]
        return [
            {each["ConnectionId"] for each in body["WebSocketKeepAlives"]} for body in bodies
            if body["WebSocketKeepAlives"] is not None]

    async def established(self, count: int = 1) -> list[str]:
        """The ids of all connections, once there are so many."""

        def ids():
            found = [event["ConnectionId"] for event in self.all() if event["ConnectionEstablished"]]
            return found if len(found) >= count else None

        return await until(ids, f"{count} connections")

    async def closed(self, connection: str) -> None:
        await until(lambda: self.of(connection)[-1]["ConnectionClosed"] is not None, "the close to be told")

    def texts(self, connection: str) -> list[str]:
        return [event["MessageReceived"]["Text"] for event in self.of(connection) if event["MessageReceived"]]


@pytest.fixture
def events(origin):
    origin.on("app", 200)
    return Events(origin)


async def post(server, body, *, headers=KEY, query: str = ""):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await asyncio.to_thread(server.request, "POST", "/sr" + query, content, headers)


def writing(ids: list[str], **message) -> dict:
    return {"OutgoingWebSocketMessages": [{"ConnectionIds": ids, "Message": message}]}


async def report(server, body) -> dict:
    answer = await post(server, body, query="?report=1")
    assert answer.status == 200, answer.body
    return answer.json


def resource(connection: str) -> str:
    return "/@connections/" + urllib.parse.quote(connection, safe="")


def raw_connections(server) -> float:
    return server.metric("pharos_raw_num_connections")


# The shapes of websocket-service


async def test_the_shapes_that_its_applications_know(launch, origin, events):
    """Established, text, binary, closed: the very members; the id holds the node's address."""
    server = launch(service(
        origin, path={"subprotocols": ["test", "other"]},
        hooks={"node_address": "10.0.0.7:8081/sr"}))
    async with RawPeer(server, "/ws", subprotocols=["unknown", "test"]) as peer:
        assert peer.socket.subprotocol == "test"
        await peer.send("foo", b"\x01\x02")
        connection, = await events.established()
        await until(lambda: len(events.all()) == 3, "two messages")
    await events.closed(connection)
    assert [request.json for request in origin.asked("app")] == [
        {"WebSocketEvent": {"ConnectionId": connection} | body, "WebSocketKeepAlives": None} for body in (
            {"ConnectionEstablished": {"Subprotocol": "test"}, "ConnectionClosed": None, "MessageReceived": None},
            {"ConnectionEstablished": None, "ConnectionClosed": None, "MessageReceived": {"Binary": None, "Text": "foo"}},
            {"ConnectionEstablished": None, "ConnectionClosed": None, "MessageReceived": {"Binary": "AQI=", "Text": None}},
            {"ConnectionEstablished": None, "ConnectionClosed": {}, "MessageReceived": None})]
    assert origin.asked("app")[0].headers["content-type"] == "application/json"
    content = base64.b64decode(connection, validate=True)
    assert content[0] == 0 and content[1:-20] == b"10.0.0.7:8081/sr"


async def test_no_subprotocol_in_common(launch, origin, events):
    server = launch(service(origin, path={"subprotocols": ["a"]}))
    async with RawPeer(server, "/ws", subprotocols=["b"]) as peer:
        assert peer.socket.subprotocol is None
        await events.established()
    assert events.all()[0]["ConnectionEstablished"] == {"Subprotocol": ""}


async def test_keep_alives(launch, origin, events):
    server = launch(service(origin, hooks={"keep_alive_interval": "1s"}))
    async with RawPeer(server, "/ws"), RawPeer(server, "/ws"):
        ids = set(await events.established(2))
        await until(lambda: ids in events.keep_alives(), "who is there")
        assert server.metric("pharos_raw_num_connections") == 2
        assert server.metric("pharos_raw_waiting_bytes") == 0


async def test_established_comes_first_and_order_is_kept(launch, origin, events):
    """WS-2: connections that send at once, while the origin answers each question when it likes."""
    def answer(request):
        # Some are slow: nothing of the same connection may overtake them.
        if len(request.body) % 3 == 0:
            time.sleep(0.01)
        return 200

    origin.on("app", answer)
    server = launch(service(origin))
    count, messages = 300, 5

    async def visit(number: int) -> None:
        async with RawPeer(server, "/ws") as peer:
            await peer.send(*(f"{number}/{each}" for each in range(messages)))

    for first in range(0, count, 50):
        await asyncio.gather(*(visit(number) for number in range(first, first + 50)))
    await until(lambda: sum(1 for e in events.all() if e["ConnectionClosed"] is not None) == count, "all closes", 120)
    by_connection: dict[str, list[dict]] = {}
    for event in events.all():
        by_connection.setdefault(event["ConnectionId"], []).append(event)
    assert len(by_connection) == count
    for story in by_connection.values():
        assert story[0]["ConnectionEstablished"] and story[-1]["ConnectionClosed"] is not None
        texts = [event["MessageReceived"]["Text"] for event in story[1:-1]]
        number = texts[0].partition("/")[0]
        assert texts == [f"{number}/{each}" for each in range(messages)]


@pytest.mark.parametrize("answer", [500, SILENCE, (302, {"Location": "/"}, "")])
async def test_an_origin_error_closes_the_connection_and_leaves_nothing(launch, origin, events, answer):
    """WS-1: the count returns, no keep-alive names it again, and its close is told once."""
    server = launch(service(origin, hooks={"keep_alive_interval": "1s"}))
    async with RawPeer(server, "/ws") as staying:
        stays, = await events.established()
        before = raw_connections(server)
        async with RawPeer(server, "/ws") as peer:
            connection = next(each for each in await events.established(2) if each != stays)
            origin.on("app", lambda request: answer if b"fail" in request.body else 200)
            await peer.send("fail", "never told")
            assert (await peer.ended())[0] == 1011
        await events.closed(connection)
        await until(lambda: raw_connections(server) == before, "the count to return")
        told = len(events.keep_alives())
        await until(lambda: len(events.keep_alives()) >= told + 2, "two more keep-alives")
        assert all(connection not in each for each in events.keep_alives()[told:])
        assert sum(1 for event in events.of(connection) if event["ConnectionClosed"] is not None) == 1
        await staying.send("still here")
        await until(lambda: "still here" in events.texts(stays), "the other one")


async def test_an_origin_that_refuses_the_connection(launch, origin, events):
    """What it did not take at `established` it is never told of again."""
    origin.on("app", 500)
    server = launch(service(origin))
    async with RawPeer(server, "/ws") as peer:
        # It may be over before this.
        with contextlib.suppress(websockets.ConnectionClosed):
            await peer.send("early")
        assert (await peer.ended())[0] == 1011
    await until(lambda: raw_connections(server) == 0, "the count to return")
    assert len(events.all()) == 1 and events.all()[0]["ConnectionEstablished"]


async def test_an_origin_that_is_down(launch, origin):
    server = launch(service(origin, options={"timeout": "1s"}))
    origin.stop()
    async with RawPeer(server, "/ws") as peer:
        assert (await peer.ended())[0] == 1011
    await until(lambda: raw_connections(server) == 0, "the count to return")


async def test_closed_is_told_until_it_is_acknowledged(launch, origin, events):
    """WS-6 (one node): refused three times, it comes a fourth."""
    server = launch(service(origin))
    async with RawPeer(server, "/ws"):
        connection, = await events.established()
        answers = [500, SILENCE, 503, 200]

        def answer(request):
            if b'"ConnectionClosed":{}' not in request.body:
                return 200
            return answers.pop(0) if len(answers) > 1 else answers[0]

        origin.on("app", answer)

    def closes():
        return sum(1 for event in events.of(connection) if event["ConnectionClosed"] is not None)

    await until(lambda: closes() == 4, "four attempts")


async def test_raw_connections_that_die_with_the_server_are_told_closed(launch, origin, events):
    """WS-6 (one node): after `kill -9` and a restart."""
    server = launch(service(origin))
    peers = [await RawPeer(server, "/ws").__aenter__() for _ in range(5)]
    ids = await events.established(5)
    await peers[0].send("x")
    await until(lambda: events.texts(ids[0]) or len(events.all()) == 6, "the message")
    # The ledger follows what the origin has accepted; the keep-alive and the snapshot read it.
    await until(lambda: len(server.api("snapshot", {}).result["clients"]) == 5, "the ledger")
    server.kill()
    server.start()
    for connection in ids:
        await events.closed(connection)
    assert sum(1 for event in events.all() if event["ConnectionClosed"] is not None) == 5


async def test_sigterm_closes_and_tells_every_connection(launch, origin, events):
    """WS-7: 1001 to every WebSocket, and each is told, now or after the next start."""
    server = launch(service(origin))
    peers = [await RawPeer(server, "/ws").__aenter__() for _ in range(5)]
    ids = await events.established(5)
    stopping = asyncio.create_task(asyncio.to_thread(server.stop))
    assert {(await peer.ended())[0] for peer in peers} == {1001}
    await stopping
    if any(events.of(connection)[-1]["ConnectionClosed"] is None for connection in ids):
        server.start()
    for connection in ids:
        await events.closed(connection)


# Writing to connections


async def test_the_application_writes_by_id(launch, origin, events):
    """`/sr`, its JSON unchanged: text and binary, one message for many, 200 with an empty body."""
    server = launch(service(origin))
    async with RawPeer(server, "/ws") as one, RawPeer(server, "/ws") as two:
        ids = await events.established(2)
        answer = await post(server, writing(ids, Text="bar"))
        assert answer.status == 200 and answer.body == b""
        assert await one.text() == await two.text() == "bar"
        await post(server, {"OutgoingWebSocketMessages": [
            {"ConnectionIds": ids, "Message": {"Binary": "AQI=", "Text": None}},
            # Neither, and both: skipped.
            {"ConnectionIds": ids, "Message": {}}, {"ConnectionIds": ids, "Message": {"Text": "x", "Binary": "AQI="}},
            {"ConnectionIds": ids, "Message": {"Text": "end"}}], "PublishRequest": None})
        for peer in (one, two):
            assert [await peer.hear(), await peer.hear()] == [b"\x01\x02", "end"]


async def test_writing_wants_the_credential(launch, origin, events):
    """WS-4: `/sr` and `/@connections` without a key that may do this are refused, and nothing is sent."""
    server = launch(service(origin))
    async with RawPeer(server, "/ws") as peer:
        connection, = await events.established()
        for headers, status in (({}, 401), ({"X-API-Key": "wrong"}, 401), ({"X-API-Key": PUBLISH_ONLY_KEY}, 403)):
            assert (await post(server, writing([connection], Text="x"), headers=headers)).status == status
            for method in ("POST", "GET", "DELETE"):
                answer = await asyncio.to_thread(
                    server.request, method, resource(connection), b"x" if method == "POST" else None, headers)
                assert answer.status == status, method
        await post(server, writing([connection], Text="with the key"))
        assert await peer.text() == "with the key"


async def test_a_get_is_a_health_check(launch, origin):
    server = launch(service(origin))
    assert server.request("GET", "/sr", None, KEY).status == 405


async def test_what_could_not_be_written_is_reported(launch, origin, events):
    """WS-5: answered after the work, with the ids that were unknown, closed or full."""
    server = launch(service(origin, client={"queue_max_size": 100_000}))
    async with RawPeer(server, "/ws") as peer, RawPeer(server, "/ws") as deaf:
        first = await events.established(2)
        async with RawPeer(server, "/ws"):
            gone = next(each for each in await events.established(3) if each not in first)
        await events.closed(gone)
        # Of another node, and of no connection.
        foreign = base64.b64encode(b"\0" + b"other-node" + bytes(20)).decode()
        answer = await report(server, writing([*first, gone, foreign], Text="x"))
        assert answer == {"Unknown": [foreign], "Closed": [gone], "Full": []}
        assert await peer.text() == await deaf.text() == "x"
        deaf.socket.transport.pause_reading()
        full = None
        for _ in range(2_000):
            answer = await report(server, writing(first, Text="y" * 20_000))
            if answer["Full"]:
                full = answer
                break
            await peer.text()
        # Only the one that does not read: it loses the refused message, and stays.
        assert full is not None and len(full["Full"]) == 1 and not full["Unknown"] and not full["Closed"]
        await peer.text()
        assert raw_connections(server) == 2
        deaf.socket.transport.resume_reading()


async def test_connections_are_closed_by_request(launch, origin, events):
    """WS-9: with code and reason, which the close that is told names as well."""
    server = launch(service(origin))
    async with RawPeer(server, "/ws") as peer, RawPeer(server, "/ws") as other:
        ids = await events.established(2)
        await post(server, writing(ids, Text="which"))
        answer = await report(server, {"Close": [{"ConnectionIds": ids, "Code": 4001, "Reason": "moved"}]})
        assert answer == {"Unknown": [], "Closed": [], "Full": []}
        assert await peer.ended() == await other.ended() == (4001, "moved")
    for connection in ids:
        await events.closed(connection)


MALFORMED = ["", " ", "AA==", "ADAu", "%%%", "not base64 at all!", "A" * 10_000, "\u0000", "ä", "=", "../..", "AAAA" * 10]


async def test_malformed_ids_are_unknown(launch, origin, events):
    """WS-11: never a crash."""
    server = launch(service(origin))
    async with RawPeer(server, "/ws") as peer:
        connection, = await events.established()
        answer = await report(server, writing([*MALFORMED, connection], Text="x"))
        assert answer == {"Unknown": MALFORMED, "Closed": [], "Full": []}
        assert await peer.text() == "x"
        for each in MALFORMED:
            for method in ("POST", "GET", "DELETE"):
                answer = await asyncio.to_thread(
                    server.request, method, resource(each), b"x" if method == "POST" else None, KEY)
                assert answer.status in (400, 404, 410, 414, 431), (each, method, answer.status)
        for body in (b"", b"{", b"[]", b'{"OutgoingWebSocketMessages":7}', b'{"OutgoingWebSocketMessages":[{"ConnectionIds":[7]}]}'):
            assert (await post(server, body)).status == 400, body
        changed = connection[:-4] + ("AAAA" if connection[-4:] != "AAAA" else "BBBB")
        assert (await report(server, writing([changed], Text="x")))["Unknown"] == [changed]
        await post(server, writing([connection], Text="still"))
        assert await peer.text() == "still"


async def test_connections_as_resources(launch, origin, events):
    """POST writes, GET tells, DELETE closes; 410 for one that has gone."""
    server = launch(service(origin))

    async def ask(method: str, connection: str, body: bytes | None = None, headers=None):
        return await asyncio.to_thread(server.request, method, resource(connection), body, headers or {"X-API-Key": API_KEY})

    async with RawPeer(server, "/ws") as peer:
        connection, = await events.established()
        assert (await ask("POST", connection, b'{"a":1}')).status == 200
        assert await peer.text() == '{"a":1}'
        told = (await ask("GET", connection)).json
        assert told["identity"] == {"sourceIp": "127.0.0.1"} and told["connectedAt"].endswith("Z") and told["lastActiveAt"]
        safe = connection.replace("+", "-").replace("/", "_").rstrip("=")
        assert (await ask("POST", safe, b"safe")).status == 200
        assert await peer.text() == "safe"
        assert (await ask("POST", connection, b"x" * 20_000_000)).status == 413
        assert (await ask("PUT", connection, b"x")).status == 405
        assert (await ask("DELETE", connection)).status == 204
        assert (await peer.ended())[0] in (1000, 1001)
    await events.closed(connection)
    for method in ("POST", "GET", "DELETE"):
        assert (await ask(method, connection, b"x" if method == "POST" else None)).status == 410, method


# Limits


async def test_a_message_above_the_limit(launch, origin, events):
    """WS-10: 1009, and the close is told."""
    server = launch(service(origin, websocket={"message_size_limit": 1_000}))
    async with RawPeer(server, "/ws") as peer:
        connection, = await events.established()
        await peer.send("x" * 1_000)
        await until(lambda: events.texts(connection), "what fits")
        await peer.send("x" * 1_001)
        assert (await peer.ended())[0] == 1009
    await events.closed(connection)


async def test_a_slow_origin_slows_its_connection(launch, origin, events):
    """Beyond `inbound_limit` nothing more is read: memory stays, and later everything arrives, in order."""
    server = launch(service(origin, options={"timeout": "60s"}, path={"inbound_limit": 65_536}))
    async with RawPeer(server, "/ws") as peer:
        connection, = await events.established()
        held = origin.hold("app")
        count, size = 600, 20_000
        sending = asyncio.create_task(peer.send(*(f"{number:06d}" + "x" * size for number in range(count))))
        await asyncio.to_thread(held.wait)
        before = server.resident_kilobytes()
        done, _ = await asyncio.wait([sending], timeout=2)
        # The client feels it: the kernel's buffers are full, and are not emptied.
        assert not done and server.resident_kilobytes() - before < 8_000
        origin.on("app", 200)
        held.give(200)
        await sending
        await until(lambda: len(events.texts(connection)) == count, "all messages", 120)
        assert [int(text[:6]) for text in events.texts(connection)] == list(range(count))


async def test_a_path_without_origin_only_hears(launch, origin):
    origin.on("gate", (200, {"X-Pharos-Channels": "open:a"}, ""))
    server = launch({
        "origins": [origin.settings("gate", form="authorize")], "raw": [{"path": "/hear", "handshake": "gate"}]})
    async with RawPeer(server, "/hear") as peer:
        server.publish("open:a", 1)
        assert await peer.text() == "1"
        assert origin.asked("app") == []


# Our own form


@pytest.mark.parametrize("form", ["cloudevents", "proxy"])
async def test_messages_as_they_are(launch, origin, form):
    """The message is the body of the request, and what is answered is heard."""
    answers = {
        b"echo": (200, {"Content-Type": "text/plain"}, "ECHO"), b"quiet": 204, b"empty": (200, {}, ""),
        b"\x01": (200, {"Content-Type": "application/octet-stream"}, b"\x02"),
        b"many": {"messages": [{"text": "a"}, {"binary": "AQI="}, {"text": "c"}]},
        b"bye": {"messages": [{"text": "last"}], "close": {"code": 4002, "reason": "bye"}},
    }
    origin.on("app", lambda request: answers.get(request.body, 204))
    changes = service(origin, form, path={"subprotocols": ["v1"]}) | {"node": {"name": "n1"}}
    server = launch(changes)
    async with RawPeer(server, "/ws", subprotocols=["v1"]) as peer:
        await peer.send("quiet", "empty", "echo", b"\x01", "many", "bye")
        heard = [await peer.hear() for _ in range(6)]
        assert heard == ["ECHO", b"\x02", "a", b"\x01\x02", "c", "last"]
        assert await peer.ended() == (4002, "bye")
    await until(lambda: any(b"raw_closed" in request.body for request in origin.asked("app")), "the close")
    established, *messages, closed = origin.asked("app")
    connection = established.json["connection"]
    assert established.json["subprotocol"] == "v1" and established.headers["ce-type"] == "pharos.raw.established"
    for number, request in enumerate([established, *messages], 1):
        headers = request.headers
        assert headers["ce-sequence"] == str(number) and headers["ce-id"] == f"{connection}/{number}"
        assert headers["ce-subject"] == connection and headers["ce-source"] == "/pharos/n1"
        assert number == 1 or headers["ce-type"] == "pharos.raw.message"
    types = [request.headers["content-type"] for request in messages]
    assert types[0].startswith("text/plain") and types[3] == "application/octet-stream"
    event, = closed.json if form == "cloudevents" else closed.json["events"]
    event = event["data"] if form == "cloudevents" else event
    assert (event["event"], event["client"], event["code"]) == ("raw_closed", connection, 4002)


@pytest.mark.parametrize("answer", [
    500, (200, {"Content-Type": "application/json"}, "{"), {"close": {"code": 1}}, {"messages": [{"text": 7}]}, SILENCE])
async def test_nonsense_closes_with_1011(launch, origin, answer):
    origin.on("app", lambda request: answer if request.body == b"x" else 204)
    server = launch(service(origin, "cloudevents"))
    async with RawPeer(server, "/ws") as peer:
        await peer.send("x")
        assert (await peer.ended())[0] == 1011
    await until(lambda: raw_connections(server) == 0, "the count to return")


async def test_established_carries_what_is_listed(launch, origin):
    """WS-4: chosen headers, path, query and client address; nothing else of the request."""
    origin.on("app", 204)
    lists = {
        "http_headers": ["X-Tenant"], "http_cookies": ["session"], "http_query": ["room"], "client_address": True,
        "request_path": True}
    server = launch(service(origin, "cloudevents", options=lists))
    headers = {"X-Tenant": "acme", "X-Private": "unlisted", "Cookie": "session=s; other=unlisted"}
    async with RawPeer(server, "/ws?room=7&private=unlisted", additional_headers=headers) as peer:
        await peer.send("x")
        await until(lambda: len(origin.asked("app")) == 2, "the message")
    established = origin.asked("app")[0]
    assert established.json["request"] == {
        "method": "GET", "path": "/ws", "address": "127.0.0.1", "query": {"room": "7"}, "cookies": {"session": "s"},
        "headers": {"x-tenant": "acme"}}
    assert "unlisted" not in repr([(request.headers, request.body) for request in origin.asked("app")])


async def test_a_path_that_nobody_configured(launch, origin):
    server = launch(service(origin))
    assert server.request("GET", "/other").status == 404
    # Not an upgrade.
    assert server.request("GET", "/ws").status in (400, 426)
