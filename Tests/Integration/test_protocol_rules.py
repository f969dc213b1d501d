"""Frames, ids and the rules for commands, the same over both schemes and in both wire formats."""

import asyncio
import json
import uuid

import pytest
import websockets

from harness.server import poll
from harness.wire import varint


async def test_pipelined_connect_and_subscribes_are_answered_in_order(pharos, dial, scheme, wire, channel):
    """Clients send connect and all their subscribes in one frame, before they have any reply."""
    peer = await dial(pharos, scheme, wire)
    first, second = channel("open"), channel("plain")
    await peer.send(
        {"id": 1, "connect": {"name": "js"}},
        {"id": 2, "subscribe": {"channel": first, "recoverable": True, "flag": 1}},
        {"id": 3, "subscribe": {"channel": second}})
    connect = (await peer.reply(1))["connect"]
    uuid.UUID(connect["client"])
    assert connect["version"]
    # GO-9: a ping comes within 25 s, so that middleboxes that cut idle connections after 30 s see traffic.
    assert connect["ping"] == 25 and connect["pong"] is True
    assert "expires" not in connect and "subs" not in connect and "flag" not in connect
    subscribe = (await peer.reply(2))["subscribe"]
    assert subscribe["recoverable"] is True and subscribe["positioned"] is True and subscribe["epoch"]
    assert "offset" not in subscribe and "id" not in subscribe and "delta" not in subscribe
    assert await peer.reply(3) == {"id": 3, "subscribe": {}}


async def test_two_connections_have_different_client_ids(peer):
    one, other = await peer(), await peer()
    assert one.client != other.client


@pytest.mark.parametrize(
    "command",
    [{"id": 1, "subscribe": {"channel": "x"}}, {"id": 1, "ping": {}}, {"send": {"data": {}}}, {"connect": {}}],
    ids=["subscribe", "ping", "send", "connect-without-id"])
async def test_first_command_must_be_a_connect_with_an_id(pharos, dial, scheme, wire, command):
    peer = await dial(pharos, scheme, wire)
    await peer.send(command)
    assert await peer.ended() == 3501


async def test_a_pong_cannot_be_the_first_command(pharos, dial, scheme, wire):
    peer = await dial(pharos, scheme, wire)
    await peer.send_raw(peer.wire.ping)
    assert await peer.ended() == 3501


async def test_second_connect_closes(peer):
    client = await peer()
    await client.send({"id": 2, "connect": {}})
    assert await client.ended() == 3501


JSON_GARBAGE = [
    "", "\n", "not json", "[1]", "{", '{"id":1,"connect":{}', '{"id":1,"connect":{}}garbage', '{"id":-1,"connect":{}}',
    '{"id":1,"connect":[}', '{"connect":[]}', '{"id":1.5,"connect":{}}', '{"id":"1","connect":{}}', '{"id":99999999999,"connect":{}}',
    '{"id":1,"connect":{}}\n\n', '\n{"id":1,"connect":{}}', "null", "0",
]


@pytest.mark.parametrize("frame", JSON_GARBAGE)
async def test_malformed_json_closes(pharos, dial, scheme, frame):
    peer = await dial(pharos, scheme, "json")
    await peer.send_raw(frame)
    assert await peer.ended() == 3501


PROTOBUF_GARBAGE = [
    b"", b"\xff", b"\x05\x08", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", varint(2**31) + b"\x08\x01",
    varint(2**40) + b"x", b"\x02\xff\xff", b"\x80\x80\x80\x80\x80\x00", b"\x04\x22\x7f\x0a\x00", b"\x03\x22\x01\x07",
]


@pytest.mark.parametrize("frame", PROTOBUF_GARBAGE, ids=lambda frame: frame.hex() or "empty")
async def test_malformed_protobuf_closes(pharos, dial, scheme, frame):
    """A length prefix far beyond the frame allocates nothing: it ends this connection, and only this one."""
    peer = await dial(pharos, scheme, "protobuf")
    await peer.send_raw(frame)
    assert await peer.ended() == 3501
    assert pharos.resident_kilobytes() < 1_000_000


async def test_one_trailing_newline_is_allowed(pharos, dial, scheme):
    peer = await dial(pharos, scheme, "json")
    await peer.send_raw('{"connect":{"name":"js"},"id":1}\n')
    assert "connect" in await peer.reply(1)


async def test_a_message_above_the_limit_closes_with_1009(pharos, dial, scheme, wire):
    """WS-10: a message above the limit closes with 1009 and costs no more memory than the limit."""
    peer = await dial(pharos, scheme, wire, connect={})
    before = pharos.resident_kilobytes()
    big = b"x" * 8_000_000
    try:
        await peer.send_raw(big.decode() if wire == "json" else big)
    except websockets.ConnectionClosed:
        pass
    assert await peer.ended() == 1009
    assert pharos.resident_kilobytes() - before < 4_000


async def test_a_message_of_exactly_the_limit_is_accepted(pharos, dial, scheme, channel):
    peer = await dial(pharos, scheme, "json", connect={})
    name = channel()
    await peer.subscribe(name)
    start = json.dumps({"id": 9, "publish": {"channel": name, "data": ""}})
    text = "x" * (65_536 - len(start))
    await peer.send_raw(json.dumps({"id": 9, "publish": {"channel": name, "data": text}}))
    assert (await peer.publication(name))["data"] == text


async def test_fragments_and_messages_in_between_make_one_message(pharos, dial, scheme, wire, channel):
    peer = await dial(pharos, scheme, wire, connect={})
    frame = peer.wire.encode({"id": 7, "subscribe": {"channel": channel()}})

    async def pieces():
        for position in range(0, len(frame), 7):
            yield frame[position : position + 7]

    await peer.socket.send(pieces())
    assert "subscribe" in await peer.reply(7)


async def test_a_frame_byte_by_byte_is_accepted(pharos, certificate, scheme, wire):
    """GO-8: a frame delivered byte by byte is accepted; here also the request before it."""
    port, context = (pharos.tls_port, pharos.tls_context()) if scheme == "wss" else (pharos.port, None)
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    protocol = "Sec-WebSocket-Protocol: centrifuge-protobuf\r\n" if wire == "protobuf" else ""
    request = (
        "GET /connection/websocket HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{protocol}Sec-WebSocket-Version: 13\r\n\r\n").encode()
    command = b'{"id":1,"connect":{}}' if wire == "json" else b"\x04\x08\x01\x22\x00"
    mask = b"\x11\x22\x33\x44"
    masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(command))
    frame = bytes([0x81 if wire == "json" else 0x82, 0x80 | len(command)]) + mask + masked

    async def drip(data: bytes) -> None:
        for byte in data:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0)

    async with asyncio.timeout(30):
        await drip(request)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 ")
        assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head
        await drip(frame)
        answer = await reader.readexactly(2)
        assert answer[0] == frame[0]
        content = await reader.readexactly(answer[1])
        assert b"connect" in content or wire == "protobuf"
    writer.close()


FAULTS = {
    "json": [
        '{"id":2,"subscribe":{"channel":"\\ud83e"}}', '{"id":2,"publish":null}', '{"id":2,"publish":{"channel":7}}',
        '{"id":2,"history":{"channel":"a","limit":1.5}}', '{"id":2,"rpc":{"method":"\\udc00"}}',
        '{"id":2,"subscribe":{"channel":"a","token":"\\ud83e"}}', '{"id":2,"ping":{},"rpc":{}}',
        '{"id":2,"publish":{"channel":"a","data":' + "[" * 70 + "]" * 70 + "}}",
    ],
    "protobuf": [
        b"\x07\x08\x02\x2a\x03\x0a\x01\xff", b"\x06\x08\x02\x3a\x02\x0a\x05", b"\x06\x08\x02\x2a\x00\x32\x00",
        b"\x07\x08\x02\x6a\x03\x12\x01\x80",
    ],
}


@pytest.mark.parametrize("number", range(8))
async def test_one_commands_fault_is_that_commands_error(pharos, dial, scheme, wire, number, channel):
    """Half a surrogate pair, a value of the wrong type, broken UTF-8: the commands around it are carried out."""
    peer = await dial(pharos, scheme, wire, connect={})
    fault = FAULTS[wire][number % len(FAULTS[wire])]
    before, after = ({"id": each, "subscribe": {"channel": channel()}} for each in (1, 3))
    if wire == "json":
        await peer.send_raw("\n".join([json.dumps(before), fault, json.dumps(after)]))
    else:
        await peer.send_raw(peer.wire.encode(before) + fault + peer.wire.encode(after))
    assert "subscribe" in await peer.reply(1)
    error = (await peer.reply(2))["error"]
    assert error["code"] == 107 and error["message"].startswith("bad request: ")
    assert "subscribe" in await peer.reply(3)
    await peer.fence()


async def test_half_a_surrogate_pair_in_a_payload_arrives_as_it_was(pharos, dial, scheme, channel):
    name = channel("plain")
    reader = await dial(pharos, scheme, "json", connect={})
    await reader.subscribe(name)
    writer = await dial(pharos, scheme, "json", connect={})
    await writer.send_raw('{"id":2,"publish":{"channel":"%s","data":{"text":"cut \\ud83e"}}}' % name)
    assert "publish" in await writer.reply(2)
    assert (await reader.publication(name))["data"] == {"text": "cut \ud83e"}
    assert pharos.api("publish", b'{"channel":"%s","data":"\\udc00"}' % name.encode()).result is not None
    assert (await reader.publication(name))["data"] == "\udc00"
    await writer.send_raw('{"id":3,"connect":{"name":"\\ud83e"}}')
    assert await writer.ended() == 3501


async def test_a_malformed_connect_is_refused_like_any_other(pharos, dial, scheme):
    for command in ('{"id":1,"connect":[]}', '{"id":1,"connect":{"token":"\\ud83e"}}'):
        peer = await dial(pharos, scheme, "json")
        await peer.send_raw(command)
        assert (await peer.reply(1))["error"]["code"] == 107
        assert await peer.ended() == 3000


@pytest.mark.parametrize(
    "method", ["subscribe", "unsubscribe", "publish", "presence", "presence_stats", "history", "sub_refresh"])
async def test_a_command_without_its_channel_closes(peer, method):
    client = await peer()
    await client.send({"id": 2, method: {}})
    assert await client.ended() == 3501


async def test_a_command_without_id_closes(peer, channel):
    client = await peer()
    await client.send({"subscribe": {"channel": channel()}})
    assert await client.ended() == 3501


async def test_a_command_with_an_id_and_nothing_else_closes(peer):
    client = await peer()
    await client.send({"id": 5})
    assert await client.ended() == 3501


async def test_ping_and_rpc_are_not_available_and_send_closes(peer):
    """Nothing handles an RPC here, so it is 108; 104 is for a method that is unknown beside others."""
    client = await peer()
    assert await client.refused("ping") == 108
    assert await client.refused("rpc", method="anything", data={}) == 108
    assert await client.refused("rpc", method="name:space", data={}) == 108
    # With an id it can be told so; without one, as the reference has it, only by a close.
    assert await client.refused("send", data={}) == 108
    await client.send({"send": {"data": {}}})
    assert await client.ended() == 3508


async def test_every_refused_request_is_answered_with_an_error_that_names_it(peer, channel):
    """FT-11: each refused request gets one reply with its own id, and the connection goes on."""
    client = await peer()
    name = channel("locked")
    await client.send(
        {"id": 21, "subscribe": {"channel": name}}, {"id": 22, "publish": {"channel": name, "data": {}}},
        {"id": 23, "presence": {"channel": name}}, {"id": 24, "history": {"channel": name}},
        {"id": 25, "presence_stats": {"channel": name}}, {"id": 26, "rpc": {"method": "m"}},
        {"id": 27, "subscribe": {"channel": "nowhere:x"}}, {"id": 28, "sub_refresh": {"channel": name, "token": "t"}},
        {"id": 29, "refresh": {"token": "x.y.z"}})
    codes = [(await client.reply(number))["error"]["code"] for number in range(21, 29)]
    assert codes == [103, 103, 103, 103, 103, 108, 102, 103]
    assert await client.ended() == 3500


async def test_unsubscribing_twice_and_from_nothing_is_answered_alike(peer, channel):
    client = await peer()
    name = channel()
    await client.subscribe(name)
    for _ in range(3):
        assert await client.ask("unsubscribe", channel=name) == {}
    await client.subscribe(name)


async def test_a_refused_connect_ends_the_conversation(launch, dial, wire):
    """Nothing after the error reply is processed; if the client does not close, the server does within 5 s."""
    server = launch({"client": {"allow_anonymous_connect_without_token": False}})
    peer = await dial(server, "ws", wire)
    await peer.send({"id": 1, "connect": {}}, {"id": 2, "subscribe": {"channel": "x"}})
    assert (await peer.reply(1))["error"]["code"] == 103
    await peer.send({"id": 3, "connect": {}})
    code = await peer.ended()
    assert code in (3000, 3501) and not peer.inbox


# Which encoding


@pytest.mark.parametrize(
    ("offered", "chosen", "command", "expected"),
    [
        (["centrifuge-json"], "centrifuge-json", '{"id":1,"connect":{}}', str),
        (["centrifuge-protobuf"], "centrifuge-protobuf", b"\x04\x08\x01\x22\x00", bytes),
        (["other", "centrifuge-protobuf"], "centrifuge-protobuf", b"\x04\x08\x01\x22\x00", bytes),
        (None, None, '{"id":1,"connect":{}}', str),
    ])
async def test_the_subprotocol_is_echoed(pharos, scheme, offered, chosen, command, expected):
    context = {"ssl": pharos.tls_context()} if scheme == "wss" else {}
    async with websockets.connect(pharos.url(scheme), subprotocols=offered, proxy=None, **context) as socket:
        assert socket.subprotocol == chosen
        await socket.send(command)
        assert isinstance(await socket.recv(), expected)


@pytest.mark.parametrize("query", ["cf_protocol=protobuf", "format=protobuf"])
async def test_the_query_may_choose_protobuf(pharos, dial, scheme, query):
    peer = await dial(pharos, scheme, "protobuf", query=query)
    await peer.connect()


async def test_an_empty_subprotocol_header_is_tolerated(pharos):
    reader, writer = await asyncio.open_connection("127.0.0.1", pharos.port)
    writer.write(
        b"GET /connection/websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
        b"Sec-WebSocket-Protocol:\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
    async with asyncio.timeout(30):
        head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 ") and b"sec-websocket-protocol" not in head.lower()
    writer.close()


async def test_the_examples_of_the_protocol_description(pharos, dial, scheme):
    """Bytes that any implementation of the protocol must agree on."""
    peer = await dial(pharos, scheme, "protobuf")
    peer.keeps_frames = True
    await peer.connect()
    name = "ch"
    await peer.send_raw(bytes.fromhex("0808022a040a026368"))
    await peer.reply(2)
    pharos.publish(name, {})
    await peer.publication(name)
    assert peer.frames[1:3] == [bytes.fromhex("0408023200"), bytes.fromhex("0c220a120263682204") + b'"\x02{}']
    await peer.send({"id": 3, "subscribe": {"channel": "locked:x"}})
    await peer.reply(3)
    assert peer.frames[3] == bytes.fromhex("19080312150867") + b"\x12\x11permission denied"


async def test_unknown_fields_are_ignored(pharos, dial, scheme, channel):
    peer = await dial(pharos, scheme, "json")
    await peer.send_raw(
        '{"id":1,"connect":{"flag":1,"dict":"x","profile":"y","newer":{"a":[1,null]}},"extra":null}')
    await peer.reply(1)
    await peer.send_raw(json.dumps({"subscribe": {"channel": channel(), "flag": 1, "later": [{}]}, "id": 2}))
    assert "subscribe" in await peer.reply(2)
    other = await dial(pharos, scheme, "protobuf")
    # Field 99 of the command, and field 77 of the connect.
    content = b"\x08\x01\x22\x05\xea\x04\x02hi" + b"\x9a\x06\x03new"
    await other.send_raw(varint(len(content)) + content)
    assert "connect" in await other.reply(1)


# Pings


SHORT_PINGS = {"client": {"ping_interval": "1s", "pong_timeout": "500ms"}}


async def test_pings_are_answered_and_the_connection_stays(launch, dial, scheme, wire):
    """GO-9: an idle connection stays; it sees a ping in each interval."""
    server = launch(SHORT_PINGS)
    peer = await dial(server, scheme, wire)
    result = await peer.connect()
    assert result["ping"] == 1 and result["pong"] is True
    for _ in range(4):
        await peer.ping()
    await peer.fence()


async def test_without_a_pong_the_connection_is_closed(launch, dial, scheme, wire):
    server = launch(SHORT_PINGS)
    peer = await dial(server, scheme, wire, connect={}, answers_pings=False)
    assert await peer.ended() == 3012
    assert peer.pings == 1
    server.wait_until_empty()


async def test_a_pong_that_nobody_asked_for_closes(peer):
    client = await peer()
    await client.send_raw(client.wire.ping)
    assert await client.ended() == 3501


async def test_two_pongs_for_one_ping_close(launch, dial, scheme, wire):
    server = launch({"client": {"ping_interval": "2s", "pong_timeout": "1900ms"}})
    peer = await dial(server, scheme, wire, connect={}, answers_pings=False)
    await peer.ping()
    await peer.send_raw(peer.wire.ping)
    await peer.fence()
    await peer.send_raw(peer.wire.ping)
    assert await peer.ended() == 3501


async def test_pings_of_the_websocket_are_answered(peer):
    client = await peer()
    async with asyncio.timeout(30):
        await (await client.socket.ping(b"are you there"))
    await client.fence()


async def test_frame_pings_replace_those_of_the_protocol(launch, dial, scheme, wire):
    """With `cf_ws_frame_ping_pong=true` the WebSocket library of the client answers; a silent one is closed."""
    server = launch(SHORT_PINGS)
    peer = await dial(server, scheme, wire, query="cf_ws_frame_ping_pong=true")
    result = await peer.connect()
    assert "ping" not in result and "pong" not in result
    sent = server.metric("pharos_transport_messages_received_total")
    await asyncio.to_thread(poll, lambda: server.metric("pharos_transport_messages_sent_total") >= 4, "frame pings")
    await peer.fence()
    assert peer.pings == 0 and sent >= 1


async def test_a_connection_that_never_connects_is_stale(launch, dial, scheme, wire):
    server = launch({"client": {"stale_close_delay": "300ms"}})
    silent = await dial(server, scheme, wire)
    talking = await dial(server, scheme, wire, connect={})
    assert await silent.ended() == 3502
    await talking.fence()
