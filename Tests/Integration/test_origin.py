"""Hooks that ask: what the application answers is what happens, and nothing happens without its answer."""

import asyncio
import base64
import subprocess
import time

import pytest

from harness import tokens
from harness.asking import asking, in_turn
from harness.origin import SILENCE
from harness.server import binary, clean_environment, poll

COMMON = {"transport": "websocket", "encoding": "json"}


async def later(probe, what: str, seconds: float = 30):
    return await asyncio.to_thread(poll, probe, what, seconds)


async def question(origin, name: str, count: int = 1) -> dict:
    """The body of the newest question, once there are so many."""
    return (await asyncio.to_thread(origin.wait_for, name, count))[-1].json


# Connect


async def test_connect_names_the_user_and_its_channels(launch, dial, wire, origin):
    """The answer decides who it is, what it hears, what it is told, and what comes back with later questions."""
    origin.on("connect", {"result": {
        "user": "42", "info": {"name": "Ann"}, "data": {"motd": "hi"}, "channels": ["open:news"],
        "subs": {"open:own": {"data": {"of": "own"}}}, "meta": {"role": "admin"}}})
    server = launch(asking(origin, options={"include_connection_meta": True}))
    peer = await dial(server, wire=wire)
    result = await peer.connect(data={"from": "page"}, name="test", version="1.2")
    assert result["data"] == {"motd": "hi"} and set(result["subs"]) == {"open:news", "open:own"}
    assert result["subs"]["open:own"]["data"] == {"of": "own"}
    asked = await question(origin, "connect")
    assert asked == COMMON | {
        "client": peer.client, "protocol": wire, "data": {"from": "page"}, "name": "test", "version": "1.2"}
    server.publish("open:news", {"n": 1})
    assert (await peer.publication("open:news"))["data"] == {"n": 1}
    member = server.api("presence", {"channel": "open:news"}).result["presence"][peer.client]
    assert member["user"] == "42" and member["conn_info"] == {"name": "Ann"}
    await peer.ask("rpc", method="app:x", data=[])
    assert (await question(origin, "rpc"))["meta"] == {"role": "admin"}
    # The server has subscribed it: the origin was not asked.
    assert origin.asked("subscribe") == []


async def test_connect_can_refuse_with_an_error(launch, dial, wire, origin):
    origin.on("connect", {"error": {"code": 1001, "message": "not today", "temporary": True}})
    server = launch(asking(origin))
    peer = await dial(server, wire=wire)
    reply = await peer.call("connect")
    assert reply["error"] == {"code": 1001, "message": "not today", "temporary": True}
    assert server.sessions()["clients"] == 0


async def test_connect_can_disconnect(launch, dial, wire, origin):
    origin.on("connect", {"disconnect": {"code": 4501, "reason": "banned"}})
    server = launch(asking(origin))
    peer = await dial(server, wire=wire)
    await peer.send({"id": 1, "connect": {}})
    assert await peer.ended() == 4501 and peer.socket.protocol.close_rcvd.reason == "banned"


async def test_a_token_is_believed_without_asking(launch, dial, origin):
    server = launch(asking(origin))
    await dial(server, connect={"token": tokens.connection("7")})
    assert origin.asked("connect") == []


async def test_refresh_prolongs_and_ends(launch, dial, wire, origin):
    origin.on("connect", lambda _: {"result": {"user": "42", "expire_at": int(time.time()) + 1}})
    origin.on("refresh", in_turn({"result": {"expire_at": int(time.time()) + 4}}, {"result": {"expired": True}}))
    peer = await dial(launch(asking(origin)), wire=wire)
    result = await peer.connect()
    # The client has nothing to do with it.
    assert "expires" not in result
    assert await question(origin, "refresh") == COMMON | {"client": peer.client, "protocol": wire, "user": "42"}
    await peer.fence()
    assert await peer.ended() == 3005
    assert len(origin.asked("refresh")) == 2


# Subscribe


async def test_subscribe_is_granted_with_info_data_and_overrides(launch, dial, wire, origin):
    origin.on("connect", {"result": {"user": "42"}})
    origin.on("subscribe", {"result": {"info": {"name": "Ann"}, "data": {"topic": "cats"}, "override": {
        "force_recovery": {"value": False}}}})
    server = launch(asking(origin))
    peer = await dial(server, wire=wire, connect={})
    result = await peer.subscribe("asked:1", data={"from": "page"})
    assert result["data"] == {"topic": "cats"} and "recoverable" not in result
    assert await question(origin, "subscribe") == COMMON | {
        "client": peer.client, "protocol": wire, "user": "42", "channel": "asked:1", "data": {"from": "page"}}
    assert server.api("presence", {"channel": "asked:1"}).result["presence"][peer.client]["chan_info"] == {"name": "Ann"}
    server.publish("asked:1", 1)
    assert (await peer.publication("asked:1"))["data"] == 1


async def test_subscribe_can_refuse_and_disconnect(launch, dial, wire, origin):
    origin.on("subscribe", in_turn(
        {"error": {"code": 403, "message": "no"}}, {"result": {}}, {"disconnect": {"code": 4502, "reason": "spam"}}))
    server = launch(asking(origin))
    peer = await dial(server, wire=wire, connect={})
    assert await peer.refused("subscribe", channel="asked:1") == 403
    assert server.sessions()["subscriptions"] == 0
    # What was refused may be asked for again.
    await peer.subscribe("asked:1")
    await peer.send({"id": 9, "subscribe": {"channel": "asked:2"}})
    assert await peer.ended() == 4502


async def test_sub_refresh_prolongs_and_ends(launch, dial, wire, origin):
    origin.on("subscribe", lambda _: {"result": {"expire_at": int(time.time()) + 1}})
    origin.on("sub_refresh", in_turn({"result": {"expire_at": int(time.time()) + 4}}, {"result": {"expired": True}}))
    server = launch(asking(origin))
    peer = await dial(server, wire=wire, connect={})
    assert "expires" not in await peer.subscribe("asked:1")
    asked = await question(origin, "sub_refresh")
    assert asked["channel"] == "asked:1" and asked["user"] == ""
    assert (await peer.push("unsubscribe", "asked:1"))["code"] == 2501
    await peer.fence()


# Publish, rpc, message


async def test_a_publication_is_passed_changed_dropped_or_refused(launch, dial, wire, origin):
    def judge(request):
        match request.json["data"]:
            case "drop": return {"result": {"drop": True}}
            case "change": return {"result": {"data": {"changed": True}, "tags": {"by": "origin"}}}
            case "refuse": return {"error": {"code": 403, "message": "no"}}
            case "ban": return {"disconnect": {"code": 4503, "reason": "ban"}}
        return {"result": {}}

    origin.on("publish", judge)
    server = launch(asking(origin))
    hearer = await dial(server, wire=wire, connect={})
    await hearer.subscribe("asked:1")
    peer = await dial(server, wire=wire, connect={})
    for data in ("drop", "pass", "change"):
        await peer.ask("publish", channel="asked:1", data=data)
    assert await peer.refused("publish", channel="asked:1", data="refuse") == 403
    first, second = await hearer.publications(2, "asked:1")
    assert first["data"] == "pass" and first["offset"] == 1
    assert second["data"] == {"changed": True} and second["tags"] == {"by": "origin"} and second["offset"] == 2
    await peer.send({"id": 9, "publish": {"channel": "asked:1", "data": "ban"}})
    assert await peer.ended() == 4503
    assert len(server.api("history", {"channel": "asked:1", "limit": 10}).result["publications"]) == 2


async def test_publications_keep_their_order_while_the_first_is_judged(launch, dial, origin):
    server = launch(asking(origin))
    peer = await dial(server, connect={})
    await peer.subscribe("asked:1")
    held = origin.hold("publish")
    await peer.send(*({"id": 10 + n, "publish": {"channel": "asked:1", "data": n}} for n in range(5)))
    await asyncio.to_thread(held.wait)
    origin.on("publish", {"result": {}})
    held.give({"result": {}})
    assert [each["data"] for each in await peer.publications(5, "asked:1")] == [0, 1, 2, 3, 4]


async def test_remote_calls(launch, dial, wire, origin):
    origin.on("connect", {"result": {"user": "42"}})
    origin.on("rpc", lambda request: {"result": {"data": sum(request.json["data"])}})
    peer = await dial(launch(asking(origin)), wire=wire, connect={})
    assert (await peer.ask("rpc", method="app:add", data=[1, 2]))["data"] == 3
    assert await question(origin, "rpc") == COMMON | {
        "client": peer.client, "protocol": wire, "user": "42", "method": "app:add", "data": [1, 2]}
    origin.on("rpc", {"error": {"code": 1404, "message": "no such thing"}})
    assert await peer.refused("rpc", method="app:get", data={}) == 1404
    # Methods of another prefix have no origin.
    assert await peer.refused("rpc", method="other", data={}) == 104
    origin.on("rpc", {"disconnect": {"code": 4504, "reason": "enough"}})
    await peer.send({"id": 99, "rpc": {"method": "app:x", "data": {}}})
    assert await peer.ended() == 4504


async def test_messages_reach_the_application(launch, dial, wire, origin):
    peer = await dial(launch(asking(origin)), wire=wire, connect={})
    origin.on("message", 204)
    for mood in ("good", "bad"):
        await peer.send({"send": {"data": {"mood": mood}}})
    await question(origin, "message", 2)
    assert sorted(each.json["data"]["mood"] for each in origin.asked("message")) == ["bad", "good"]
    await peer.fence()
    origin.on("message", {"disconnect": {"code": 4505, "reason": "bad mood"}})
    await peer.send({"send": {"data": 1}})
    assert await peer.ended() == 4505


async def test_meta_is_replaced_by_a_later_answer(launch, dial, origin):
    origin.on("connect", {"result": {"user": "1", "meta": {"step": 1}}})
    origin.on("rpc", in_turn({"result": {"meta": {"step": 2}}}, {"result": {"meta": None}}))
    peer = await dial(launch(asking(origin, options={"include_connection_meta": True})), connect={})
    for _ in range(3):
        await peer.ask("rpc", method="app:x", data=0)
    assert [each.json["meta"]["step"] for each in origin.asked("rpc")] == [1, 2, 2]


async def test_binary_payloads(launch, dial, origin):
    """With `binary_encoding` payloads are base64 both ways; what is no JSON arrives as it was sent."""
    def echo(request):
        return {"result": {"b64data": base64.b64encode(base64.b64decode(request.json["b64data"])[::-1]).decode()}}

    origin.on("rpc", echo)
    peer = await dial(launch(asking(origin, options={"binary_encoding": True})), wire="protobuf", connect={})
    assert (await peer.ask("rpc", method="app:x", data=b"\x00\xff{"))["data"] == b"{\xff\x00"
    assert (await question(origin, "rpc"))["encoding"] == "binary"


# Answers that come late


async def test_a_late_answer_does_not_touch_a_newer_subscription(launch, dial, wire, origin):
    """Unsubscribed and subscribed anew while the first question is open: each answer belongs to its own question."""
    server = launch(asking(origin))
    peer = await dial(server, wire=wire, connect={})
    first = origin.hold("subscribe")
    await peer.send({"id": 11, "subscribe": {"channel": "asked:1"}})
    await asyncio.to_thread(first.wait)
    await peer.send({"id": 12, "unsubscribe": {"channel": "asked:1"}})
    assert (await peer.reply(11))["error"]["code"] == 100
    assert "unsubscribe" in await peer.reply(12)
    second = origin.hold("subscribe")
    await peer.send({"id": 13, "subscribe": {"channel": "asked:1"}})
    await asyncio.to_thread(second.wait)
    # The late grant has no effect: the second question is still open.
    first.give({"result": {"data": "first"}})
    await peer.fence()
    assert server.sessions()["subscriptions"] == 0
    second.give({"result": {"data": "second"}})
    assert (await peer.reply(13))["subscribe"]["data"] == "second"
    server.publish("asked:1", 1)
    assert (await peer.publication("asked:1"))["data"] == 1


async def test_a_late_refusal_does_not_end_a_newer_subscription(launch, dial, origin):
    server = launch(asking(origin))
    peer = await dial(server, connect={})
    first = origin.hold("subscribe")
    await peer.send({"id": 11, "subscribe": {"channel": "asked:1"}})
    await asyncio.to_thread(first.wait)
    await peer.ask("unsubscribe", channel="asked:1")
    origin.on("subscribe", {"result": {}})
    await peer.subscribe("asked:1")
    first.give({"disconnect": {"code": 4500, "reason": "late"}})
    server.publish("asked:1", 1)
    assert (await peer.publication("asked:1"))["data"] == 1
    await peer.fence()


@pytest.mark.parametrize("name", ["connect", "subscribe", "publish", "rpc", "message"])
async def test_a_client_that_is_gone_when_the_answer_comes(launch, dial, origin, name):
    """Nothing is left of it, and the answer has no effect: not even on the client that has its slot now."""
    server = launch(asking(origin, edge={"shards": 1}))
    command = {
        "connect": {"id": 1, "connect": {}}, "subscribe": {"id": 5, "subscribe": {"channel": "asked:1"}},
        "publish": {"id": 5, "publish": {"channel": "asked:1", "data": 1}},
        "rpc": {"id": 5, "rpc": {"method": "app:x", "data": 1}}, "message": {"send": {"data": 1}}}[name]
    held = []
    for _ in range(5):
        peer = await dial(server, connect=None if name == "connect" else {})
        held.append(origin.hold(name))
        await peer.send(command)
        await asyncio.to_thread(held[-1].wait)
        peer.break_off()
    await asyncio.to_thread(server.wait_until_empty)
    origin.on(name, {"result": {}})
    others = [await dial(server, connect={}) for _ in range(5)]
    for each in held:
        each.give({"disconnect": {"code": 4500, "reason": "late"}})
    for other in others:
        await other.fence()


async def test_questions_of_one_connection_are_limited(launch, dial, origin):
    changes = asking(origin)
    changes["hooks"]["open_questions"] = 2
    peer = await dial(launch(changes), connect={})
    held = origin.hold("rpc")
    await peer.send(*({"id": 10 + n, "rpc": {"method": "app:x", "data": n}} for n in range(3)))
    error = (await peer.reply(12))["error"]
    assert error["code"] == 111 and error["temporary"] is True
    held.give({"result": {"data": "ok"}})
    assert (await peer.reply(10))["rpc"]["data"] == (await peer.reply(11))["rpc"]["data"] == "ok"


# An origin that fails

FAILURES = {
    "down": None,
    "slow": lambda _: time.sleep(2) or {"result": {}},
    "status 500": 500,
    "status 404": 404,
    "redirect": (302, {"Location": "/other"}, ""),
    "no JSON": (200, {"Content-Type": "application/json"}, "<html>"),
    "half a JSON": (200, {"Content-Type": "application/json"}, '{"result":{'),
    "a list": (200, {"Content-Type": "application/json"}, "[]"),
    "nothing in it": {},
    "two answers": {"result": {}, "error": {"code": 400, "message": "x"}},
    "wrong types": {"result": {"user": 7, "info": {}, "data": 1, "tags": [], "expire_at": "soon"}},
    "too much": {"result": {"data": "x" * 5_000}},
    "hangs up": SILENCE,
}


@pytest.mark.parametrize("failure", FAILURES)
async def test_an_origin_that_fails_lets_nobody_in_and_leaks_nothing(launch, dial, wire, origin, failure):
    """The client gets a temporary error, nothing is granted, and once the origin is well everything works again."""
    server = launch(asking(origin, options={"timeout": "300ms", "answer_limit": 4_096, "breaker_failures": 0}))
    peer = await dial(server, wire=wire, connect={})
    if FAILURES[failure] is None:
        origin.stop()
    # A wrong type matters only where the field belongs to the answer; a message has none.
    names = ["connect", "subscribe", "publish", "rpc"]
    if failure == "wrong types":
        names = ["connect", "subscribe", "publish"]
    for name in names:
        origin.on(name, FAILURES[failure])
    calls = {
        "subscribe": ("subscribe", {"channel": "asked:1"}), "publish": ("publish", {"channel": "asked:1", "data": 1}),
        "rpc": ("rpc", {"method": "app:x", "data": 1})}
    for name in names[1:]:
        method, fields = calls[name]
        error = (await peer.call(method, **fields))["error"]
        assert error["code"] == 100 and error["temporary"] is True, (name, error)
    stranger = await dial(server, wire=wire)
    error = (await stranger.call("connect"))["error"]
    assert error["code"] == 100 and error["temporary"] is True
    gauges = server.sessions()
    assert (gauges["clients"], gauges["subscriptions"], gauges["channels"]) == (1, 0, 0)
    if FAILURES[failure] is None:
        origin.start()
    for name in names:
        origin.on(name, {"result": {}})
    # Connections to the origin that broke are found out at their next use at the latest.
    await peer.subscribe("asked:1")
    await peer.ask("rpc", method="app:x", data=1)
    await dial(server, wire=wire, connect={})
    for each in (stranger, peer):
        await each.close()


async def test_nothing_of_failed_connects_stays(launch, dial, origin):
    """A hundred clients that the origin never answered: every gauge returns to zero, and so do the descriptors."""
    server = launch(asking(origin, options={"timeout": "300ms", "concurrency": 8}))
    origin.on("connect", SILENCE)
    peers = await asyncio.gather(*(dial(server) for _ in range(100)))
    replies = await asyncio.gather(*(each.call("connect") for each in peers))
    assert {reply["error"]["code"] for reply in replies} == {100}
    await asyncio.gather(*(each.close() for each in peers))
    await asyncio.to_thread(server.wait_until_empty)
    await later(lambda: server.connections() == 0, "the connections to end")
    before = server.descriptors()
    assert before < 80


async def test_the_breaker_opens_and_one_question_tries_again(launch, dial, origin):
    """After three failures in a row nothing is asked for a while; then one question decides."""
    options = {"breaker_failures": 3, "breaker_pause": "2s", "timeout": "1s"}
    server = launch(asking(origin, "rpc", options=options))
    peer = await dial(server, connect={})
    origin.on("rpc", 503)
    for _ in range(3):
        assert await peer.refused("rpc", method="app:x", data=1) == 100
    origin.on("rpc", {"result": {"data": "well"}})
    reached = len(origin.asked("rpc"))
    assert reached == 3
    opened = time.monotonic()
    tries = 0
    while "error" in (reply := await peer.call("rpc", method="app:x", data=1)):
        assert reply["error"]["code"] == 100
        tries += 1
        assert time.monotonic() - opened < 30
        await asyncio.sleep(0.05)
    # Those in between were answered without the origin.
    assert tries > 0 and len(origin.asked("rpc")) == reached + 1
    assert (await peer.ask("rpc", method="app:x", data=1))["data"] == "well"


async def test_failures_are_counted_for_the_operator(launch, dial, origin):
    server = launch(asking(origin, "rpc"))
    peer = await dial(server, connect={})
    await peer.ask("rpc", method="app:x", data=1)
    origin.on("rpc", 500)
    assert await peer.refused("rpc", method="app:x", data=1) == 100
    samples = {key: value for key, value in server.metrics().items() if key.startswith("pharos_origin_")}
    requests = [value for key, value in samples.items() if "requests" in key and 'origin="rpc"' in key]
    errors = [key for key, value in samples.items() if "errors" in key and 'origin="rpc"' in key and value == 1]
    assert sum(requests) == 2 and len(errors) == 1 and 'status"' in errors[0], samples


# What an origin sees

LISTS = {
    "http_headers": ["X-Tenant", "authorization"], "http_cookies": ["session"], "http_query": ["room"],
    "client_address": True, "request_path": True, "emulated_headers": ["X-Token"],
    "static_headers": {"X-Deployment": "blue"},
}
HEADERS = {
    "X-Tenant": "acme", "X-Private": "unlisted-1", "Authorization": "Bearer listed",
    "Cookie": "session=s1; other=unlisted-2", "X-Pharos-Client-Address": "unlisted-3"}


async def open_with_everything(server, dial, **options):
    peer = await dial(server, query="room=1%202&private=unlisted-4", headers=HEADERS, **options)
    await peer.connect(headers={"X-Token": "emulated", "X-Other": "unlisted-5", "X-Tenant": "unlisted-6"})
    return peer


async def test_only_what_is_listed_is_passed_on(launch, dial, origin):
    server = launch(asking(origin, "connect", "rpc", options=LISTS))
    peer = await open_with_everything(server, dial)
    await peer.ask("rpc", method="app:x", data=1)
    for name in ("connect", "rpc"):
        request = origin.asked(name)[-1]
        headers = request.headers
        assert headers["x-tenant"] == "acme" and headers["authorization"] == "Bearer listed"
        assert headers["cookie"] == "session=s1" and headers["x-deployment"] == "blue"
        assert headers["x-pharos-query"] in ("room=1%202", "room=1+2")
        assert headers["x-pharos-path"] == "/connection/websocket" and headers["x-pharos-method"] == "GET"
        assert headers["x-pharos-client-address"] == "127.0.0.1"
        assert "unlisted" not in repr(headers) + request.body.decode(), request
    assert origin.asked("connect")[-1].headers["x-token"] == "emulated"


async def test_nothing_is_passed_on_unless_it_is_listed(launch, dial, origin):
    server = launch(asking(origin, "connect"))
    await open_with_everything(server, dial)
    request = origin.asked("connect")[-1]
    # What Pharos says itself: which question it is.
    headers = {name: value for name, value in request.headers.items() if name != "x-pharos-hook"}
    assert request.headers["x-pharos-hook"] == "connect"
    text = repr(headers) + request.body.decode()
    for word in ("unlisted", "acme", "Bearer", "s1", "room", "emulated", "x-pharos", "127.0.0.1:" + str(server.port)):
        assert word not in text, (word, text)


async def test_cloudevents_carry_the_facts_in_their_body(launch, dial, origin):
    """Form `cloudevents`: attributes as headers, what is passed on inside the signed body, the same answers."""
    origin.on("connect", {"result": {"user": "Jürgen 1", "meta": {"a": 1}}})
    server = launch(asking(origin, options=LISTS | {"form": "cloudevents"}) | {"node": {"name": "n1"}})
    peer = await open_with_everything(server, dial)
    await peer.subscribe("asked:1")
    request = origin.asked("connect")[-1]
    assert request.json["request"] == {
        "method": "GET", "path": "/connection/websocket", "address": "127.0.0.1", "query": {"room": "1 2"},
        "cookies": {"session": "s1"},
        "headers": {"x-tenant": "acme", "authorization": "Bearer listed", "x-token": "emulated"}}
    headers = request.headers
    assert headers["ce-specversion"] == "1.0" and headers["ce-type"] == "pharos.client.connect"
    assert headers["ce-source"] == "/pharos/n1" and headers["ce-subject"] == peer.client
    assert headers["ce-id"] == headers["webhook-id"] and headers["ce-time"].endswith("Z")
    assert "x-tenant" not in headers and "cookie" not in headers
    request = origin.asked("subscribe")[-1]
    assert request.json["meta"] == {"a": 1} and request.json["channel"] == "asked:1"
    assert request.headers["ce-user"] == "J%C3%BCrgen%201" and request.headers["ce-channel"] == "asked:1"
    assert "unlisted" not in repr([(each.headers, each.body) for each in origin.requests])


async def test_permission_is_asked_before_the_first_request(launch, dial, origin):
    allowed = False

    def answer(request):
        if request.method == "OPTIONS":
            assert request.headers["webhook-request-origin"] == "n1"
            return (200, {"WebHook-Allowed-Origin": "n1"} if allowed else {}, "")
        return {"result": {"data": "ok"}}

    origin.on("rpc", answer)
    options = {"form": "cloudevents", "asks_permission": True}
    server = launch(asking(origin, "rpc", options=options) | {"node": {"name": "n1"}})
    peer = await dial(server, connect={})
    assert await peer.refused("rpc", method="app:x", data=1) == 100
    assert [each.method for each in origin.asked("rpc")] == ["OPTIONS"]
    allowed = True
    other = launch(asking(origin, "rpc", options=options) | {"node": {"name": "n1"}})
    peer = await dial(other, connect={})
    for _ in range(2):
        assert (await peer.ask("rpc", method="app:x", data=1))["data"] == "ok"
    assert [each.method for each in origin.asked("rpc")] == ["OPTIONS", "OPTIONS", "POST", "POST"]


async def test_a_secret_signs_every_request_and_a_wrong_one_is_found_out(launch, dial, origin):
    """The signature is that of docs/origin.md, also for a secret in base64; another key does not fit."""
    secret = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
    origin.secret = secret
    server = launch(asking(origin, "rpc"))
    peer = await dial(server, connect={})
    await peer.ask("rpc", method="app:x", data=1)
    assert origin.asked("rpc") and origin.unsigned == []
    origin.secret = "another"
    await peer.ask("rpc", method="app:x", data=1)
    assert len(origin.unsigned) == 1
    ids = [each.headers["webhook-id"] for each in origin.asked("rpc")]
    assert len(set(ids)) == 2
    origin.unsigned.clear()


async def test_the_secret_may_come_from_a_variable(launch, dial, origin):
    changes = asking(origin, "rpc")
    del changes["origins"][0]["secret"]
    server = launch(changes, environment={"PHAROS_ORIGINS_RPC_SECRET": origin.secret})
    peer = await dial(server, connect={})
    await peer.ask("rpc", method="app:x", data=1)
    assert len(origin.asked("rpc")) == 1


# An origin that comes and goes


async def test_an_origin_that_is_killed_fifty_times_leaks_nothing(launch, dial, origin):
    """Clients come and go while the origin dies and returns: each client inside was let in, and all gauges return to zero."""
    origin.on("connect", lambda request: {"result": {"user": str(request.json["data"])}})
    options = {"timeout": "1s", "breaker_pause": "50ms"}
    server = launch(asking(origin, "connect", "subscribe", "rpc", options=options))
    ended = asyncio.Event()
    counts = {"in": 0, "out": 0}

    async def visit(number: int) -> None:
        while not ended.is_set():
            peer = await dial(server)
            reply = await peer.call("connect", data=number)
            if "error" in reply:
                assert reply["error"]["code"] == 100, reply
                counts["out"] += 1
            else:
                counts["in"] += 1
                for method, fields in (("subscribe", {"channel": "asked:1"}), ("rpc", {"method": "app:x", "data": 1})):
                    reply = await peer.call(method, **fields)
                    assert method in reply or reply["error"]["code"] == 100, reply
            await peer.close()

    visitors = [asyncio.create_task(visit(number)) for number in range(8)]
    for _ in range(50):
        await asyncio.to_thread(origin.stop)
        await asyncio.sleep(0.02)
        await asyncio.to_thread(origin.start)
        await asyncio.sleep(0.05)
    ended.set()
    await asyncio.gather(*visitors)
    assert counts["in"] > 50 and counts["out"] > 0, counts
    assert counts["in"] <= len(origin.asked("connect"))
    await asyncio.to_thread(server.wait_until_empty)
    await later(lambda: server.connections() == 0, "the connections to end")
    # And it still works.
    await later(lambda: server.api("info").result, "the API")
    deadline = time.monotonic() + 30
    # The breaker may be open still.
    while "error" in (reply := await (await dial(server)).call("connect", data=1)):
        assert time.monotonic() < deadline and reply["error"]["code"] == 100, reply
        await asyncio.sleep(0.1)


async def test_the_doctor_says_whether_an_origin_answers(launch, origin):
    server = launch(asking(origin, "rpc"))

    def doctor() -> str:
        path = server.directory / "pharos.yaml"
        return subprocess.run(
            [binary(), "doctor", "--config", str(path)], env=clean_environment(), capture_output=True, text=True).stdout

    assert f"origin rpc: 127.0.0.1 port {origin.port} accepts connections" in doctor()
    origin.stop()
    assert "origin rpc" in doctor() and "Connection refused" in doctor()
