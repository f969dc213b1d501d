"""Mistakes that others made, each at the wire where it can be made again."""

import asyncio
import json
import random
import socket
import struct
import time

import pytest
import websockets
from cryptography.hazmat.primitives.asymmetric import ec

from harness import tokens
from harness.fault_proxy import FaultProxy
from harness.key_set import KeySetServer
from harness.peer import Cut
from harness.server import poll
from harness.wire import varint

METHODS = [
    "connect", "subscribe", "unsubscribe", "publish", "presence", "presence_stats", "history", "ping", "send", "rpc",
    "refresh", "sub_refresh",
]


# `null` for a payload


@pytest.mark.parametrize("method", METHODS)
async def test_a_null_payload_is_malformed_never_a_crash(pharos, dial, scheme, method):
    first = await dial(pharos, scheme, "json")
    await first.send_raw(json.dumps({"id": 1, method: None}))
    if method == "connect":
        assert (await first.reply(1))["error"]["code"] == 107
        await first.close()
    else:
        assert await first.ended() == 3501
    connected = await dial(pharos, scheme, "json", connect={})
    await connected.send_raw(json.dumps({"id": 2, method: None}))
    if method == "connect":
        assert await connected.ended() == 3501
    else:
        assert (await connected.reply(2))["error"]["code"] == 107
        await connected.fence()


@pytest.mark.parametrize(
    "command",
    [
        {"connect": {"subs": None}}, {"connect": {"subs": {"a": None}}}, {"connect": {"headers": None}},
        {"connect": {"headers": {"a": None}}}, {"connect": {"token": None}}, {"connect": {"data": None}},
        {"subscribe": {"channel": None}}, {"subscribe": {"channel": "x", "tf": None}},
        {"subscribe": {"channel": "x", "tf": {"nodes": [None]}}}, {"subscribe": {"channel": "x", "tf": {"vals": [None]}}},
        {"history": {"channel": "x", "since": None}}, {"publish": {"channel": "open:x", "data": None}},
        {"sub_refresh": {"channel": "x", "type": 1, "track": [None]}},
        {"sub_refresh": {"channel": "x", "type": 2, "untrack": [None]}}, {"rpc": {"method": None, "data": None}},
    ],
    ids=json.dumps)
async def test_nulls_inside_payloads_never_crash(pharos, dial, scheme, command):
    """Refused, closed or taken as absent: what matters is that the server and this answer are there."""
    peer = await dial(pharos, scheme, "json")
    if "connect" not in command:
        await peer.connect()
    await peer.send_raw(json.dumps({"id": 99} | command))
    try:
        await peer.reply(99)
    except Cut:
        assert await peer.ended() == 3501


@pytest.mark.parametrize("field", range(4, 16))
async def test_the_empty_message_of_protobuf_never_crashes(pharos, dial, scheme, field):
    content = b"\x08\x05" + varint(field << 3 | 2) + b"\x00"
    peer = await dial(pharos, scheme, "protobuf", connect={})
    await peer.send_raw(varint(len(content)) + content)
    try:
        assert "connect" not in await peer.reply(5)
    except Cut:
        assert await peer.ended() in (3501, 3508)


def test_nulls_in_the_server_api(pharos):
    assert "error" in pharos.api("batch", b'{"commands":null}').json or pharos.api("batch", b'{"commands":null}').json == {
        "replies": []}
    for body in (b'{"commands":[null]}', b'{"commands":[{"publish":null}]}', b'{"commands":[{}]}', b'{"commands":[[]]}'):
        replies = pharos.api("batch", body).json["replies"]
        assert len(replies) == 1 and replies[0]["error"]["code"] in (104, 107)
    for method in ("publish", "broadcast", "subscribe", "unsubscribe", "disconnect", "refresh", "presence", "history"):
        assert pharos.api(method, b"null").error["code"] == 107
    assert pharos.api("broadcast", b'{"channels":[null],"data":1}').error["code"] == 107
    for body in (b'{"method":null}', b'{"method":"publish","params":null}', b"null", b'{"method":"info","params":null}'):
        assert pharos.api("", body).json.keys() <= {"error", "result"}


# Addresses made from tokens


async def test_a_hostile_issuer_causes_no_request(launch, dial, wire):
    """CVE-2026-32301: nothing of a token is put into an address before its signature was verified."""
    async with KeySetServer() as trap, KeySetServer() as ours:
        server = launch({"client": {"token": {"jwks_public_endpoint": ours.url}}})
        hostile = trap.url.removesuffix("/keys.json")
        for claims in ({"iss": hostile}, {"aud": hostile}, {"iss": trap.url, "aud": [trap.url]}, {"iss": hostile + "#"}):
            for headers in ({"kid": "x"}, {"kid": trap.url}, {"jku": trap.url, "kid": "y"}, {"x5u": trap.url, "kid": "z"}):
                peer = await dial(server, "ws", wire)
                token = tokens.signed({"sub": "1"} | claims, "an attacker's key of thirty-two bytes", headers=headers)
                await peer.send({"id": 1, "connect": {"token": token}})
                assert await peer.ended() == 3500
        assert trap.requests == 0
        assert set(ours.paths) <= {"/keys.json"}


def test_variables_in_the_address_of_a_key_set_are_refused(launch):
    with pytest.raises(AssertionError, match="jwks_public_endpoint"):
        launch({"client": {"token": {"jwks_public_endpoint": "https://{{tenant}}.example.com/keys",
                                     "issuer_regex": "^https://(?P<tenant>.+)$"}}})


# Life cycle


async def test_10_000_aborted_handshakes_leave_nothing(pharos, dial):
    """Tasks, counters, descriptors and memory are back after connections that fail at every stage."""
    pharos.wait_until_empty()
    request = (
        b"GET /connection/websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
    connect = b"\x81\x95\0\0\0\0" + b'{"id":1,"connect":{}}'
    stages = [b"", request[:10], request[:-1], request, request + connect[:3], request + connect[:-1], request + connect,
              b"GARBAGE\r\n\r\n", b"POST /api/publish HTTP/1.1\r\nContent-Length: 100\r\n\r\n{"]

    async def abort(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", pharos.port)
        writer.write(stages[number % len(stages)])
        if number % 2:
            await writer.drain()
            raw = writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        else:
            writer.close()

    async def abort_many(start: int, end: int) -> None:
        for first in range(start, end, 50):
            await asyncio.gather(*(abort(number) for number in range(first, min(first + 50, end))))

    def open_connections() -> float:
        return pharos.connections()

    async def settled() -> None:
        await asyncio.to_thread(pharos.wait_until_empty)
        await asyncio.to_thread(poll, lambda: open_connections() == 0, "aborted connections to end", 60)

    await abort_many(0, 1_000)
    await settled()
    memory, descriptors = pharos.resident_kilobytes(), pharos.descriptors()
    await abort_many(1_000, 10_000)
    await settled()
    assert pharos.resident_kilobytes() - memory < 20_000
    assert pharos.descriptors() <= descriptors + 4
    peer = await dial(pharos, connect={})
    await peer.fence()


async def test_a_client_that_closes_at_every_step_of_subscribing_leaves_nothing(pharos, dial, scheme, wire, channel):
    """Presence and hub entries do not outlive a connection that ends in the middle of a subscribe."""
    await asyncio.to_thread(pharos.wait_until_empty)
    name = channel("open")
    for number in range(60):
        peer = await dial(pharos, scheme, wire)
        frame = peer.wire.encode(
            {"id": 1, "connect": {"token": tokens.connection("42", channels=[name + "-server"])}},
            {"id": 2, "subscribe": {"channel": name, "token": tokens.subscription(name, "42")}},
            {"id": 3, "subscribe": {"channel": name + "-other", "recover": True, "epoch": "_"}})
        if number % 6 == 0:
            await peer.send_raw(frame)
        elif number % 6 == 1:
            await peer.send_raw(frame)
            await peer.reply(1)
        elif number % 6 == 2:
            await peer.send_raw(frame)
            await peer.reply(2)
        elif number % 6 == 3:
            await peer.send({"id": 1, "connect": {}}, {"id": 2, "subscribe": {"channel": name}}, {"id": 0, "connect": {}})
        elif number % 6 == 4:
            await peer.send_raw(frame)
            await peer.socket.close()
        peer.break_off()
    await asyncio.to_thread(pharos.wait_until_empty)
    for each in (name, name + "-other", name + "-server"):
        assert pharos.api("presence", {"channel": each}).result["presence"] == {}


async def test_closing_from_all_sides_at_once(launch, dial, scheme, wire):
    """Client, API and timer end the same connections at the same moment; each ends once."""
    server = launch({"client": {"ping_interval": "1s", "pong_timeout": "300ms", "stale_close_delay": "1s"}})
    for _ in range(4):
        peers = [await dial(server, scheme, wire, answers_pings=False) for _ in range(20)]
        for peer in peers:
            await peer.connect(token=tokens.connection("42"))
            await peer.subscribe("open:x")
        await asyncio.gather(
            *(asyncio.to_thread(server.api, "disconnect", {"user": "42"}) for _ in range(3)),
            *(peer.socket.close() for peer in peers[:10]),
            *(peer.send({"id": 9, "connect": {}}) for peer in peers[10:15]),
            return_exceptions=True)
        for peer in peers:
            peer.break_off()
    await asyncio.to_thread(server.wait_until_empty)
    await asyncio.to_thread(poll, lambda: server.connections() == 0, "all connections to end")


async def test_a_disconnect_in_the_middle_of_a_pipeline(pharos, peer, dial, channel):
    """The user is disconnected while commands of the same connection wait: the rest is dropped, nothing deadlocks."""
    name = channel("open")
    client = await peer({"token": tokens.connection("self")})
    other = await peer()
    await other.subscribe(name)
    await client.send(*(
        {"id": 10 + number, "publish": {"channel": name, "data": {"n": number}}} for number in range(400)))
    pharos.api("refresh", {"user": "self", "expire_at": int(time.time()) + 100}).result
    pharos.api("unsubscribe", {"user": "self", "channel": name}).result
    pharos.api("disconnect", {"user": "self"}).result
    assert await client.ended() == 3503
    await other.fence()


async def test_subscribing_and_unsubscribing_through_the_api_while_the_client_does_the_same(pharos, peer, channel):
    """A late answer never touches a newer subscription: in the end one of them stands, and it works."""
    name = channel("open")
    client = await peer({"token": tokens.connection("both")})

    def server_side():
        for _ in range(60):
            pharos.api("subscribe", {"user": "both", "channel": name})
            pharos.api("unsubscribe", {"user": "both", "channel": name})

    work = asyncio.create_task(asyncio.to_thread(server_side))
    while not work.done():
        await client.call("subscribe", channel=name)
        await client.call("unsubscribe", channel=name)
    await work
    await client.call("unsubscribe", channel=name)
    client.inbox.clear()
    await client.subscribe(name)
    pharos.publish(name, {"n": 1})
    assert (await client.publication(name))["data"] == {"n": 1}
    await client.fence()
    assert [push for push in client.pushes(name) if "pub" in push] == []


async def test_many_connect_subscribe_publish_and_close_at_random(pharos, dial, channel):
    """A stress driver with a leak check at the end."""
    await asyncio.to_thread(pharos.wait_until_empty)
    names = [channel("open") for _ in range(5)]
    chance = random.Random(7)

    async def wander(number: int) -> None:
        for _ in range(6):
            peer = await dial(pharos, chance.choice(["ws", "wss"]), chance.choice(["json", "protobuf"]))
            try:
                await peer.connect(token=tokens.connection(str(number % 7)))
                for _ in range(chance.randrange(12)):
                    method = chance.choice(["subscribe", "unsubscribe", "publish", "presence", "history"])
                    await peer.call(method, channel=chance.choice(names), **({"data": 1} if method == "publish" else {}))
            except (Cut, websockets.ConnectionClosed):
                pass
            if chance.random() < 0.5:
                peer.break_off()
            else:
                await peer.close()

    async def disconnect() -> None:
        for number in range(30):
            await asyncio.to_thread(pharos.api, "disconnect", {"user": str(number % 7)})

    await asyncio.gather(*(wander(number) for number in range(25)), disconnect())
    await asyncio.to_thread(pharos.wait_until_empty)


async def test_a_client_whose_network_vanishes_is_closed(launch, dial):
    """WS-3: packets are dropped in silence; the connection is closed within ping interval and timeout."""
    server = launch({"client": {"ping_interval": "1s", "pong_timeout": "900ms"}})
    async with FaultProxy(server.port) as proxy:
        watcher = await dial(server, connect={})
        await watcher.subscribe("open:x")
        await watcher.push("join", "open:x")
        peer = await dial(server, port=proxy.port)
        await peer.connect(token=tokens.connection("lost"))
        await peer.subscribe("open:x")
        await watcher.push("join", "open:x")
        proxy.swallow(True)
        leave = await watcher.push("leave", "open:x")
        assert leave["info"]["user"] == "lost"
        assert server.sessions()["clients"] == 1
        peer.break_off()


async def test_the_address_of_a_key_set_that_does_not_answer_blocks_nobody(launch, dial, wire):
    """Verification that waits for keys delays its own connection only."""
    async with FaultProxy(1) as silent:
        silent.swallow(True)
        server = launch({"client": {"token": {"jwks_public_endpoint": f"http://127.0.0.1:{silent.port}/keys.json"}}})
        waiting = await dial(server, "ws", wire)
        token = tokens.signed({"sub": "1"}, ec.generate_private_key(ec.SECP256R1()), "ES256", {"kid": "k"})
        await waiting.send({"id": 1, "connect": {"token": token}})
        other = await dial(server, "ws", wire, connect={"token": tokens.connection("2")})
        await other.subscribe("open:x")
        server.publish("open:x", 1)
        assert (await other.publication("open:x"))["data"] == 1
