"""The server API over plain HTTP: who may call, what comes back, how errors look."""

import asyncio
import base64
import json
import time
import urllib.parse

import pytest

from harness import tokens
from harness.configuration import API_KEY, PUBLISH_ONLY_KEY

ALL_METHODS = [
    "publish", "broadcast", "subscribe", "unsubscribe", "disconnect", "refresh", "presence", "presence_stats", "history",
    "history_remove", "channels", "info", "rpc", "batch", "send", "connections", "channel_info",
]


def is_json_error(answer) -> bool:
    """GE-11: the body is JSON, says so, and holds code and message."""
    body = answer.json
    error = body.get("error", body)
    return (
        answer.headers["Content-Type"].split(";")[0] == "application/json"
        and isinstance(error["code"], int) and bool(error["message"]))


# Who may call


@pytest.mark.parametrize("method", ALL_METHODS)
def test_without_a_key_every_method_is_refused(pharos, scheme, method):
    """GO-3: a call without a valid key is refused with 401."""
    for options in ({"key": None}, {"key": "wrong"}, {"key": None, "headers": {"Authorization": "apikey wrong"}},
                    {"key": None, "headers": {"Authorization": f"Bearer {API_KEY}"}},
                    {"key": None, "query": "?api_key=wrong"}, {"key": API_KEY + "x"}, {"key": API_KEY[:-1]}):
        answer = pharos.api(method, {}, scheme=scheme, **options)
        assert answer.status == 401 and is_json_error(answer), (method, options, answer.status)


def test_a_key_is_taken_in_three_ways(pharos, scheme):
    for options in ({}, {"key": None, "headers": {"Authorization": f"apikey {API_KEY}"}},
                    {"key": None, "query": "?api_key=" + urllib.parse.quote(API_KEY)}):
        assert len(pharos.api("info", {}, scheme=scheme, **options).result["nodes"]) == 1


async def test_a_key_of_another_scope_is_refused_and_nothing_is_delivered(pharos, peer, scheme, channel):
    """GO-3: a publish with a key of another scope is refused with 403, and nothing is delivered."""
    name = channel()
    client = await peer()
    await client.subscribe(name)
    assert pharos.api("publish", {"channel": name, "data": "no"}, key="wrong", scheme=scheme).status == 401
    assert pharos.api("history", {"channel": name}, key=PUBLISH_ONLY_KEY, scheme=scheme).status == 403
    for method in set(ALL_METHODS) - {"publish", "broadcast"}:
        answer = pharos.api(method, {"commands": []}, key=PUBLISH_ONLY_KEY, scheme=scheme)
        assert answer.status == 403 and is_json_error(answer)
    # What is inside an envelope or a batch is looked at too.
    inside = pharos.api("", {"method": "disconnect", "params": {"user": "x"}}, key=PUBLISH_ONLY_KEY, scheme=scheme)
    assert "error" in inside.json and inside.json["error"]["code"] == 103
    assert pharos.api("publish", {"channel": name, "data": "yes"}, key=PUBLISH_ONLY_KEY, scheme=scheme).status == 200
    assert (await client.publication(name))["data"] == "yes"
    assert not client.pushes(name)


# Publishing


async def test_publish_is_answered_with_the_position(pharos, peer, channel):
    """Answered after the store has it: a read that follows finds it."""
    name = channel("open")
    first, second = pharos.publish(name, {"n": 1}), pharos.publish(name, {"n": 2})
    assert (first["offset"], second["offset"]) == (1, 2) and first["epoch"] == second["epoch"]
    history = pharos.api("history", {"channel": name, "limit": -1}).result
    assert [each["data"]["n"] for each in history["publications"]] == [1, 2]
    assert pharos.publish(channel("plain"), {}) == {}


async def test_binary_data_comes_as_base64(pharos, dial, channel):
    name = channel("open")
    client = await dial(pharos, "ws", "protobuf", connect={})
    await client.subscribe(name)
    pharos.api("publish", {"channel": name, "b64data": base64.b64encode(b"\x00\xff").decode()}).result
    assert (await client.publication(name))["data"] == b"\x00\xff"
    assert pharos.api("publish", {"channel": name, "b64data": "!!"}).error["code"] == 107


async def test_skip_history_delivers_without_storing(pharos, peer, channel):
    name = channel("open")
    client = await peer()
    await client.subscribe(name)
    pharos.publish(name, {"n": 1}, skip_history=True)
    assert "offset" not in await client.publication(name)
    assert pharos.api("history", {"channel": name, "limit": -1}).result["publications"] == []


async def test_an_idempotency_key_returns_the_stored_result(pharos, peer, channel):
    name = channel("open")
    client = await peer()
    await client.subscribe(name)
    first = pharos.publish(name, {"n": 1}, idempotency_key="k")
    assert pharos.publish(name, {"n": 2}, idempotency_key="k") == first
    assert pharos.publish(name, {"n": 3}, idempotency_key="other")["offset"] == 2
    other = channel("open")
    assert pharos.publish(other, {"n": 4}, idempotency_key="k")["offset"] == 1
    assert [each["data"]["n"] for each in await client.publications(2, name)] == [1, 3]


async def test_an_older_version_is_suppressed(pharos, peer, channel):
    name = channel("open")
    client = await peer()
    await client.subscribe(name)
    for version, data in ((5, "five"), (4, "four"), (5, "five again"), (6, "six")):
        answer = pharos.publish(name, data, version=version)
    assert answer["offset"] == 2
    assert pharos.publish(name, "one", version=1, version_epoch="new")["offset"] == 3
    assert [each["data"] for each in await client.publications(3, name)] == ["five", "six", "one"]


async def test_broadcast_answers_for_each_channel(pharos, peer, channel):
    one, two = channel("open"), channel("plain")
    client = await peer()
    await client.subscribe(one)
    await client.subscribe(two)
    answer = pharos.api("broadcast", {"channels": [one, "unknown:x", two], "data": {"n": 1}}).result["responses"]
    assert answer[0]["result"]["offset"] == 1
    assert answer[1]["error"]["code"] == 102
    assert answer[2]["result"] == {}
    for name in (one, two):
        assert (await client.publication(name))["data"] == {"n": 1}


def test_a_broadcast_without_data_answers_107_for_each_channel(pharos, channel):
    answer = pharos.api("broadcast", {"channels": [channel(), channel()]}).result["responses"]
    assert [each["error"]["code"] for each in answer] == [107, 107]


@pytest.mark.parametrize("parallel", [False, True])
async def test_a_batch_of_every_kind(pharos, peer, channel, parallel):
    name = channel("open")
    client = await peer({"token": tokens.connection("42")})
    await client.subscribe(name)
    commands = [
        {"publish": {"channel": name, "data": 1}}, {"broadcast": {"channels": [name], "data": 2}},
        {"presence_stats": {"channel": name}}, {"nonsense": {}}, {"publish": {"channel": name}}, {"info": {}},
        {"map_publish": {"channel": name}}, {"history": {"channel": "unknown:x"}}, {"channels": {"pattern": name}},
    ]
    replies = pharos.api("batch", {"commands": commands, "parallel": parallel}).json["replies"]
    kinds = [next(iter(reply)) for reply in replies]
    assert kinds == ["publish", "broadcast", "presence_stats", "error", "error", "info", "error", "error", "channels"]
    assert [reply["error"]["code"] for reply in replies if "error" in reply] == [104, 107, 108, 102]
    assert pharos.api("batch", {"commands": []}).json == {"replies": []}


# Clients


async def test_subscribing_and_unsubscribing_from_outside(pharos, peer, channel):
    name = channel("open")
    client = await peer({"token": tokens.connection("42")})
    pharos.publish(name, {"n": 1})
    start = pharos.publish(name, {"n": 2})
    pharos.publish(name, {"n": 3})
    pharos.api("subscribe", {
        "user": "42", "client": client.client, "channel": name, "data": {"hello": 1}, "info": {"seat": 2},
        "recover_since": {"offset": 2, "epoch": start["epoch"]}}).result
    push = await client.push("subscribe", name)
    assert push["data"] == {"hello": 1} and push["recoverable"] is True and push["epoch"] == start["epoch"]
    # What was missed since then reaches the client.
    assert (await client.publication(name))["data"] == {"n": 3}
    pharos.publish(name, {"n": 4})
    assert (await client.publication(name))["data"] == {"n": 4}
    pharos.api("unsubscribe", {"user": "42", "channel": name}).result
    assert (await client.push("unsubscribe", name))["code"] == 2000
    assert pharos.api("presence_stats", {"channel": name}).result["num_clients"] == 0


async def test_disconnecting_by_user_client_and_whitelist(pharos, peer):
    user = "gone"
    token = tokens.connection(user)
    first, second, third = await peer({"token": token}), await peer({"token": token}), await peer({"token": token})
    other = await peer({"token": tokens.connection("stays")})
    pharos.api("disconnect", {"user": "stays", "client": first.client}).result
    pharos.api("disconnect", {"user": user, "client": first.client}).result
    assert await first.ended() == 3503
    pharos.api("disconnect", {
        "user": user, "whitelist": [second.client], "disconnect": {"code": 4001, "reason": "bye"}}).result
    assert await third.ended() == 4001
    assert third.socket.protocol.close_rcvd.reason == "bye"
    await second.fence()
    await other.fence()
    for mistake in ({}, {"whitelist": [other.client]}, {"disconnect": {"code": 4001}}):
        assert pharos.api("disconnect", mistake).error["code"] == 107
    for method in ("unsubscribe", "subscribe"):
        assert pharos.api(method, {"channel": "open:x"}).error["code"] == 107
    assert pharos.api("refresh", {"expired": True}).error["code"] == 107
    await other.fence()


async def test_refreshing_and_expiring_connections(pharos, peer):
    client = await peer({"token": tokens.connection("r1", expires_in=1_000)})
    pharos.api("refresh", {"user": "r1", "expire_at": int(time.time()) + 5_000}).result
    push = await client.push("refresh")
    assert push["expires"] is True and 4_900 < push["ttl"] <= 5_000
    pharos.api("refresh", {"user": "r1", "expired": True}).result
    assert await client.ended() == 3005


async def test_channels_by_pattern_and_page(pharos, peer, channel):
    prefix = channel("plain")
    client = await peer()
    names = sorted(f"{prefix}-{number:02d}" for number in range(10))
    for name in names:
        await client.subscribe(name)
    listed = pharos.api("channels", {"pattern": prefix + "-*"}).result["channels"]
    assert listed == {name: {"num_clients": 1} for name in names}
    seen, cursor, pages = [], "", 0
    while True:
        page = pharos.api("channels", {"pattern": prefix + "-*", "limit": 3, "cursor": cursor}).result
        seen += sorted(page["channels"])
        pages += 1
        if not (cursor := page.get("next_cursor", "")):
            break
    assert seen == names and pages == 4
    assert pharos.api("channels", {"pattern": prefix + "-?0"}).result["channels"].keys() == {names[0]}


async def test_info_counts_what_is_there(pharos, peer, channel):
    client = await peer({"token": tokens.connection("42")})
    await client.subscribe(channel())
    node = pharos.api("info", {}).result["nodes"][0]
    assert node["uid"] and node["name"] and node["version"]
    assert node["num_clients"] >= 1 and node["num_users"] >= 1 and node["num_subs"] >= 1 and node["num_channels"] >= 1


def test_history_remove_and_position(pharos, channel):
    name = channel("open")
    pharos.publish(name, 1)
    assert pharos.api("history_remove", {"channel": name}).result == {}
    top = pharos.api("history", {"channel": name}).result
    assert top["publications"] == [] and top["offset"] == 1 and top["epoch"]
    assert pharos.api("history", {"channel": name, "limit": 1, "since": {"offset": 0, "epoch": "x"}}).error["code"] == 112


# Errors


def test_unknown_methods(pharos, scheme):
    for path in ("nonsense", "publish/more", "PUBLISH", "publish%20"):
        answer = pharos.request("POST", f"/api/{path}", b"{}", {"X-API-Key": API_KEY}, scheme=scheme)
        assert answer.status == 404 and is_json_error(answer), path
    assert pharos.api("", {"method": "nonsense", "params": {}}, scheme=scheme).error["code"] == 104
    assert pharos.api("map_publish", {}, scheme=scheme).error["code"] == 108
    assert pharos.api("shared_poll_publish", {}, scheme=scheme).error["code"] == 108
    assert pharos.api("rpc", {"method": "x"}, scheme=scheme).error["code"] == 104


def test_the_old_form(pharos, scheme, channel):
    name = channel("open")
    answer = pharos.api("", {"method": "publish", "params": {"channel": name, "data": 1}}, scheme=scheme)
    assert answer.result["offset"] == 1


@pytest.mark.parametrize(
    ("method", "params", "code", "status"),
    [
        ("publish", {"channel": "unknown:x", "data": 1}, 102, 404),
        ("publish", {"channel": "x"}, 107, 400),
        ("publish", {"data": 1}, 107, 400),
        ("publish", {"channel": "y" * 256, "data": 1}, 107, 400),
        ("presence", {"channel": "plain:x"}, 108, 400),
        ("history", {"channel": "plain:x"}, 108, 400),
        ("history", {"channel": "open:x", "since": {"offset": 1, "epoch": "no"}}, 112, 416),
        ("rpc", {"method": "x"}, 104, 404),
    ])
def test_error_modes(pharos, scheme, method, params, code, status):
    """In transport mode the error sets the status and is the body itself."""
    plain = pharos.api(method, params, scheme=scheme)
    assert plain.status == 200 and plain.error["code"] == code and is_json_error(plain)
    transport = pharos.api(method, params, scheme=scheme, headers={"X-Centrifugo-Error-Mode": "transport"})
    assert transport.status == status and transport.json["code"] == code and is_json_error(transport)


def test_transport_errors_may_be_the_default(launch):
    server = launch({"http_api": {"error_mode": "transport"}})
    answer = server.api("publish", {"channel": "unknown:x", "data": 1})
    assert answer.status == 404 and answer.json["code"] == 102


@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b"1", b'{"channel":1}', b"\xff", b'{"channel":"x","data":}', b'{"a":1}x'])
def test_malformed_bodies(pharos, scheme, body):
    answer = pharos.api("publish", body, scheme=scheme)
    # What is no JSON at all is 400; JSON that is not what the method needs is answered like any other mistake.
    is_json = body in (b"[]", b"null", b"1", b'{"channel":1}')
    assert answer.status == (200 if is_json else 400) and answer.json["error"]["code"] == 107 and is_json_error(answer)


def test_every_error_of_http_is_json(pharos, scheme):
    """GE-11: every error reply of the HTTP API carries `Content-Type: application/json`."""
    key = {"X-API-Key": API_KEY}
    for method, path, body, headers, statuses in [
        ("GET", "/nowhere", None, {}, {404}),
        ("POST", "/nowhere", b"{}", {}, {404, 405}),
        ("GET", "/api/publish", None, key, {404, 405}),
        ("DELETE", "/health", None, {}, {404, 405}),
        ("PUT", "/api/publish", b"{}", key, {404, 405}),
        ("POST", "/api/nowhere", b"{}", key, {404}),
        ("POST", "/api/publish", b"x" * 9_000_000, key, {413}),
        ("GET", "/connection/websocket", None, {}, {400, 426}),
        ("GET", "/" + "x" * 30_000, None, {}, {414, 431}),
        ("GET", "/health", None, {"X-Big": "x" * 30_000}, {431}),
    ]:
        answer = pharos.request(method, path, body, headers, scheme=scheme)
        assert answer.status in statuses and is_json_error(answer), (method, path[:40], answer.status, answer.body[:100])


async def test_a_broken_request_is_answered_in_json(pharos, scheme):
    """GE-11, for what is not even HTTP."""
    for request in (b"GARBAGE\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"POST /api/info HTTP/1.1\r\nContent-Length: x\r\n\r\n",
                    b"POST /api/info HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"):
        options = {"ssl": pharos.tls_context()} if scheme == "wss" else {}
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", pharos.tls_port if scheme == "wss" else pharos.port, **options)
        writer.write(request)
        async with asyncio.timeout(30):
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
        assert head.split()[1].startswith((b"4", b"5")) and b"application/json" in head, request
        writer.close()


def test_large_bodies_chunks_and_pipelining(pharos, scheme, channel):
    """A body in chunks takes another way through the server than one with a length; the answers are the same."""
    name = channel("open")
    text = "x" * 1_000_000
    assert pharos.api("publish", {"channel": name, "data": text}, scheme=scheme).result["offset"] == 1

    def chunks():
        body = json.dumps({"channel": name, "data": {"n": 2}}).encode()
        for start in range(0, len(body), 5):
            yield body[start : start + 5]

    answer = pharos.request("POST", "/api/publish", chunks(), {"X-API-Key": API_KEY}, scheme=scheme)
    assert answer.result["offset"] == 2


async def test_pipelined_requests_are_answered_in_order(pharos, channel):
    name = channel("open")
    reader, writer = await asyncio.open_connection("127.0.0.1", pharos.port)
    for number in range(100):
        body = json.dumps({"channel": name, "data": number}).encode()
        writer.write(
            f"POST /api/publish HTTP/1.1\r\nHost: x\r\nX-API-Key: {API_KEY}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            + body)
    async with asyncio.timeout(30):
        for number in range(100):
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 ")
            length = int(head.lower().split(b"content-length:")[1].split()[0])
            assert json.loads(await reader.readexactly(length))["result"]["offset"] == number + 1
    writer.close()


# Health, metrics


def test_health_and_metrics(pharos, scheme):
    for path in ("/health", "/health/live", "/health/ready"):
        answer = pharos.request("GET", path, scheme=scheme)
        assert answer.status == 200 and answer.json == {}
    answer = pharos.request("GET", "/metrics", scheme=scheme)
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/plain")
    assert pharos.metric("pharos_node_build") == 1 and pharos.metric("pharos_node_num_nodes") == 1


def test_labels_come_from_closed_sets(pharos, channel):
    """What a client calls itself, or a channel's name, never becomes a label."""
    name = channel("open")
    pharos.publish(name, 1)
    assert name not in pharos.request("GET", "/metrics").body.decode()


async def test_metrics_count_what_happens(launch, dial):
    server = launch()
    client = await dial(server, connect={"name": "a-very-odd-client"})
    await client.subscribe("open:x")
    before = server.metric("pharos_transport_messages_sent_total")
    for number in range(10):
        server.publish("open:x", number)
    await client.publications(10, "open:x")
    assert await client.refused("subscribe", channel="locked:x") == 103
    assert server.sessions() == {"clients": 1, "users": 0, "subscriptions": 1, "channels": 1} or (
        server.sessions()["clients"] == 1)
    assert server.metric("pharos_transport_messages_sent_total") >= before + 10
    assert server.metrics()['pharos_client_reply_errors_total{code="103"}'] == 1
    assert "a-very-odd-client" not in server.request("GET", "/metrics").body.decode()
    server.api("disconnect", {"client": client.client}).result
    assert await client.ended() == 3503
    assert server.metrics()['pharos_client_server_disconnects_total{code="3503"}'] == 1
    await asyncio.to_thread(server.wait_until_empty)
