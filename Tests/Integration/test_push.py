"""Push to anyone: messages to connections, sessions, users, channels and everybody; lists, ends, and no echo."""

import asyncio
import base64
import json

import pytest

from harness import tokens
from harness.emulated import session_key
from harness.events import EventStream
from harness.everywhere import EVERYWHERE, SPEAKING, meet  # noqa: F401
from harness.server import poll


@pytest.fixture
def server(launch):
    return launch(EVERYWHERE)


def as_user(user: str) -> dict:
    return {"token": tokens.connection(user)}


def delivered(server, data, **target) -> int:
    answer = server.api("send", target | {"data": data}).result
    assert "undeliverable" not in answer
    return answer["delivered"]


async def heard(peer) -> object:
    """The next message of the connection itself."""
    return (await peer.push("message", ""))["data"]


def listed(server, **request) -> list[dict]:
    """All pages."""
    found, cursor = [], ""
    while True:
        answer = server.api("connections", request | {"cursor": cursor}).result
        found += answer["connections"]
        cursor = answer.get("next_cursor", "")
        if not cursor:
            return found


# Sending


@pytest.mark.parametrize("kind", SPEAKING)
async def test_send_reaches_whom_it_names(server, meet, channel, kind):
    """To one connection, one user, the subscribers of a channel, everybody; each connection once."""
    name = channel()
    ann = await meet(server, kind, connect=as_user("ann"))
    again = await meet(server, "websocket-json", connect=as_user("ann"))
    bob = await meet(server, kind, connect=as_user("bob"))
    for peer in (ann, bob):
        await peer.subscribe(name)
    assert delivered(server, 1, client=ann.client) == 1
    assert await heard(ann) == 1
    assert delivered(server, {"n": 2}, user="ann") == 2
    assert delivered(server, [3], channel=name) == 2
    assert delivered(server, "four", all=True) == 3
    assert delivered(server, None, all=True, exclude=[bob.client]) == 2
    assert [await heard(ann) for _ in range(4)] == [{"n": 2}, [3], "four", None]
    assert [await heard(again) for _ in range(3)] == [{"n": 2}, "four", None]
    assert [await heard(bob) for _ in range(2)] == [[3], "four"]
    for peer in (ann, again, bob):
        await peer.fence()
        assert not peer.pushes("")


@pytest.mark.parametrize("kind", SPEAKING)
async def test_send_by_session(server, meet, kind):
    """By the key that the client chose, on whatever connection it is now; by the name in its connect reply, where there is one."""
    key = session_key()
    peer = await meet(server, kind, connect=as_user("ann"), session=key)
    assert delivered(server, 1, session=key) == 1
    assert await heard(peer) == 1
    if named := peer.welcome.get("session"):
        assert delivered(server, 2, session=named) == 1
        assert await heard(peer) == 2
    server.api("disconnect", {"session": key})
    await peer.ended()
    await asyncio.to_thread(server.wait_until_empty)
    assert server.api("send", {"session": key, "data": 3}).error["code"] == 102


async def test_a_single_connection_that_is_not_there_is_an_error(server, meet):
    """The caller must not believe that it got the message. Sets of connections may be empty."""
    peer = await meet(server, "websocket-json", connect=as_user("ann"))
    assert delivered(server, 1, client=peer.client, user="ann") == 1
    for target in ({"client": "nobody"}, {"session": "nobody"}, {"client": peer.client, "user": "bob"}):
        error = server.api("send", target | {"data": 1}).error
        assert (error["code"], error["message"]) == (102, "unknown connection"), target
    answer = server.api("send", {"client": "nobody", "data": 1}, headers={"X-Centrifugo-Error-Mode": "transport"})
    assert answer.status == 404
    await peer.close()
    await asyncio.to_thread(server.wait_until_empty)
    assert server.api("send", {"client": peer.client, "data": 1}).error["code"] == 102
    assert delivered(server, 1, user="ann") == delivered(server, 1, channel="empty") == delivered(server, 1, all=True) == 0


@pytest.mark.parametrize("request_, field", [
    ({"data": 1}, "client"), ({"all": True}, "data"), ({"user": "u", "data": 1, "exclude": ["x"]}, "exclude"),
    ({"all": True, "user": "u", "data": 1}, "all"), ({"user": "u", "b64data": "?"}, "b64data"),
    ({"user": "u", "data": 1, "exclude": ["00000000-0000-4000-8000-000000000000"] * 1001}, "exclude"),
])
def test_a_mistake_is_named(pharos, request_, field):
    error = pharos.api("send", request_).error
    assert error["code"] == 107 and field in error["message"]


async def test_bytes_for_those_who_can_carry_them(server, meet):
    """A client that speaks JSON gets bytes that are none as base64, with a flag."""
    json_peer = await meet(server, "websocket-json")
    protobuf_peer = await meet(server, "websocket-protobuf")
    content = base64.b64encode(b"\x00\xff").decode()
    assert server.api("send", {"all": True, "b64data": content}).result == {"delivered": 2}
    assert await heard(protobuf_peer) == b"\x00\xff"
    assert await heard(json_peer) == content


async def test_a_plain_event_stream_gets_messages(server, channel):
    """As a message without an event name, and in the form of arrays under a topic that no channel has."""
    name = channel()
    named, first = await EventStream.listen(server.port, [name])
    array, _ = await EventStream.listen(server.port, [name], format="array")
    assert delivered(server, {"n": 1}, channel=name) == 2
    event = await named.event()
    assert event.name == "message" and event.json == {"message": {"n": 1}}
    topic, payload = (await array.event()).json
    assert topic == "/unifrost/message" and json.loads(payload) == {"n": 1}
    assert delivered(server, 2, client=first["config"]["client_id"]) == 1
    assert (await named.event()).json == {"message": 2}
    named.close()
    array.close()


async def test_in_a_batch(server, meet):
    peer = await meet(server, "websocket-json", connect=as_user("ann"))
    replies = server.api("batch", {"commands": [
        {"send": {"user": "ann", "data": 1}}, {"send": {"client": "nobody", "data": 2}},
        {"send": {"client": peer.client, "data": 3}}, {"connections": {}}, {"disconnect": {"all": True}},
    ]}).json["replies"]
    assert [replies[0], replies[2], replies[4]] == [{"send": {"delivered": 1}}] * 2 + [{"disconnect": {}}]
    assert replies[1]["error"]["code"] == 102
    assert [each["client"] for each in replies[3]["connections"]["connections"]] == [peer.client]
    assert [await heard(peer), await heard(peer)] == [1, 3]
    await peer.ended()


# Lists


async def test_connections_are_listed_by_page(server, meet, channel):
    name = channel()
    peers = [await meet(server, SPEAKING[number % len(SPEAKING)], connect=as_user(f"user{number % 2}"))
             for number in range(12)]
    for peer in peers[:5]:
        await peer.subscribe(name)
    everybody = listed(server, limit=5)
    assert [each["client"] for each in everybody] == sorted(peer.client for peer in peers)
    assert {each["user"] for each in everybody} == {"user0", "user1"}
    assert {each["transport"] for each in everybody} == {"websocket", "http_stream", "sse", "poll"}
    assert all(each["connected_at"] > 1_500_000_000 for each in everybody)
    mine = listed(server, user="user1", channel=name, limit=1)
    assert [each["client"] for each in mine] == sorted(peers[number].client for number in (1, 3))
    assert [each["num_channels"] for each in mine] == [1, 1]
    assert server.api("connections", {"limit": 1001}).error["code"] == 107
    assert server.api("connections", {"cursor": "x"}).error["code"] == 107


# Ends


@pytest.mark.parametrize("kind", SPEAKING)
async def test_who_is_kicked_is_told_and_all_others_go_on(server, meet, channel, kind):
    """FT-2."""
    one, two = channel("open"), channel()
    kicked = await meet(server, kind, connect=as_user("ann"))
    spared = await meet(server, kind, connect=as_user("ann"))
    other = await meet(server, "websocket-json", connect=as_user("bob"))
    for peer in (kicked, spared, other):
        await peer.subscribe(one)
        await peer.subscribe(two)
    server.publish(one, 1)
    server.api("unsubscribe", {"channel": one, "client": kicked.client}).result
    for name in (one, two):
        server.publish(name, 2)
    assert (await kicked.push("unsubscribe", one))["code"] == 2000
    assert (await kicked.publication(two))["data"] == 2
    await kicked.fence()
    assert [push["pub"]["data"] for push in kicked.pushes(one) if "pub" in push] == [1]
    for peer in (spared, other):
        assert [each["data"] for each in await peer.publications(2, one)] == [1, 2]
        assert (await peer.publication(two))["data"] == 2
    # Everybody leaves a channel but one; then the subscribers of the other are disconnected but one.
    server.api("unsubscribe", {"channel": one, "all": True, "exclude": [other.client]}).result
    assert (await spared.push("unsubscribe", one))["code"] == 2000
    server.api("disconnect", {"channel": two, "exclude": [other.client]}).result
    assert await kicked.ended() == await spared.ended() == 3503
    for name in (one, two):
        server.publish(name, 3)
        assert (await other.publication(name))["data"] == 3


async def test_after_a_thousand_connects_every_count_is_zero(server, meet, channel):
    """FT-8: by close, by cut, by user, all together."""
    name = channel("open")

    def gauges() -> dict[str, float]:
        return server.sessions() | {"connections": server.connections()}

    before = gauges()
    for turn in range(20):
        peers = await asyncio.gather(
            *(meet(server, SPEAKING[number % 2], connect=as_user(f"user{number % 7}")) for number in range(50)))
        for peer in peers:
            await peer.subscribe(name)
        if turn == 0:
            stats = server.api("presence_stats", {"channel": name}).result
            assert stats == {"num_clients": 50, "num_users": 7}
        for number, peer in enumerate(peers):
            if number % 4 == 0:
                await peer.close()
            elif number % 4 == 1:
                peer.break_off()
        server.api("disconnect", {"user": "user3"} if turn % 2 else {"all": True})
        server.api("disconnect", {"all": True})
    await asyncio.to_thread(server.wait_until_empty)
    assert server.api("presence_stats", {"channel": name}).result == {"num_clients": 0, "num_users": 0}
    assert server.api("presence", {"channel": name}).result == {"presence": {}}
    assert server.api("channels", {}).result == {"channels": {}}
    assert server.api("connections", {}).result == {"connections": []}
    node = server.api("info", {}).result["nodes"][0]
    assert [node[f"num_{what}"] for what in ("clients", "users", "subs", "channels")] == [0, 0, 0, 0]
    await asyncio.to_thread(poll, lambda: gauges() == before, "the gauges to be as before")


# No echo


@pytest.mark.parametrize("kind", SPEAKING)
async def test_a_publication_spares_its_publisher(server, meet, channel, kind):
    """It hears what came before and after, stays subscribed, and comes back from an older position with all that followed."""
    name = channel("open")
    publisher = await meet(server, kind)
    other = await meet(server, "websocket-protobuf")
    epoch = (await publisher.subscribe(name))["epoch"]
    await other.subscribe(name)
    server.publish(name, 1)
    for number in (2, 3):
        server.publish(name, number, exclude_client=publisher.client)
    server.publish(name, 4)
    assert [each["data"] for each in await publisher.publications(2, name)] == [1, 4]
    assert [each["data"] for each in await other.publications(4, name)] == [1, 2, 3, 4]
    responses = server.api(
        "broadcast", {"channels": [name], "data": 5, "exclude_client": publisher.client}).result["responses"]
    assert responses[0]["result"]["offset"] == 5
    assert (await other.publication(name))["data"] == 5
    await publisher.fence()
    assert not [push for push in publisher.pushes(name) if "pub" in push or "unsubscribe" in push]
    late = await meet(server, kind)
    recovered = await late.subscribe(name, recover=True, offset=1, epoch=epoch)
    assert [each["data"] for each in recovered["publications"]] == [2, 3, 4, 5]


def test_only_a_client_can_be_spared(pharos, channel):
    error = pharos.api("publish", {"channel": channel(), "data": 1, "exclude_client": "me"}).error
    assert error["code"] == 107 and "exclude_client" in error["message"]
