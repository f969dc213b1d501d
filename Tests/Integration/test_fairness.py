"""One client's input never holds up the others: what is large is served in slices, between which everybody else is."""

import asyncio
import base64
import json
import os
import zlib

import pytest
import websockets
from websockets.asyncio.client import connect as open_socket

from harness.peer import PATIENCE

# Most of the work is in what a bomb becomes: about 500 bytes on the wire, 60 kB when it is read.
BOMBS = 600
BOMB = 60_000


@pytest.fixture
def server(launch):
    return launch({"websocket": {"compression": True}, "edge": {"shards": 1}})


def frame(payload: bytes, first: int) -> bytes:
    """A client's frame; the mask changes nothing."""
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
    return bytes([first]) + length + bytes(4) + payload


def bomb(number: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    text = json.dumps({"id": number, "presence_stats": {"channel": "open:x"}}).encode() + b" " * BOMB
    return frame((packer.compress(text) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4], 0xC1)


async def attack(server, bombs: bytes, started: asyncio.Event) -> None:
    """Sends everything at once and waits for the last answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1 << 24)
    key = base64.b64encode(os.urandom(16)).decode()
    writer.write(
        f"GET /connection/websocket HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
        "Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover; server_no_context_takeover\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    assert b" 101 " in head and b"permessage-deflate" in head, head
    writer.write(frame(b'{"id":1,"connect":{}}', 0x81))
    await reader.readexactly(2)
    writer.write(bombs)
    started.set()
    try:
        async with asyncio.timeout(10 * PATIENCE):
            await reader.readuntil(f'"id":{BOMBS + 1},'.encode())
    finally:
        writer.close()


async def test_a_bystander_is_served_between_the_slices_of_those_who_send_bombs(server, dial):
    """C3: ten clients send bombs; another that asks meanwhile gets many answers before any of them is done."""
    bystander = await dial(server, connect={})
    bombs = b"".join(bomb(number) for number in range(2, BOMBS + 2))
    started = [asyncio.Event() for _ in range(10)]
    attacks = [asyncio.create_task(attack(server, bombs, event)) for event in started]
    waits = asyncio.gather(*(event.wait() for event in started))
    await asyncio.wait([waits, *attacks], return_when=asyncio.FIRST_COMPLETED)
    answered = 0
    while not any(task.done() for task in attacks):
        await bystander.ask("presence_stats", channel="open:x")
        answered += 1
    await asyncio.gather(*attacks)
    # Without slices it would be a handful: one for each pass over all that the ten have sent.
    assert answered > 50, answered


async def test_a_message_larger_than_the_limit_is_refused_whatever_it_was_compressed_to(server):
    async with open_socket(
        server.url("ws"), compression="deflate", max_size=None, proxy=None, open_timeout=PATIENCE) as socket:
        await socket.send('{"id":1,"connect":{}}')
        await socket.recv()
        await socket.send('{"id":2,"presence_stats":{"channel":"open:x"}}' + " " * 65_000)
        assert '"id":2,' in await socket.recv()
        await socket.send('{"id":3,"presence_stats":{"channel":"open:x"}}' + " " * 65_536)
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await socket.recv()
        assert closed.value.rcvd.code == 1009
