"""Readers that stall: they are closed, the others never wait, and memory stays within its limit."""

import asyncio
import socket

import pytest

from harness.server import poll

MESSAGES, SIZE = 8_000, 4_096


async def stall(server, channel: str, *, context=None, port: int) -> tuple:
    """A subscriber that never reads again once it has its replies."""
    raw = socket.create_connection(("127.0.0.1", port))
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    raw.setblocking(False)
    reader, writer = await asyncio.open_connection(
        sock=raw, ssl=context, server_hostname="127.0.0.1" if context else None, limit=4_096)
    writer.write(
        b"GET /connection/websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")
    frame = f'{{"id":1,"connect":{{}}}}\n{{"id":2,"subscribe":{{"channel":"{channel}"}}}}'.encode()
    assert len(frame) < 126
    writer.write(bytes([0x81, 0x80 | len(frame), 0, 0, 0, 0]) + frame)
    received = b""
    while b'"id":2' not in received:
        received += await reader.read(1_000)
    writer.transport.pause_reading()
    return reader, writer


@pytest.mark.parametrize("wire", ["json"])
async def test_one_stalled_reader_of_six(launch, dial, scheme, wire):
    """FT-7: five readers receive all 8,000 messages of 4 KB in order; the stalled one is closed with 3008."""
    server = launch({"client": {"queue_max_size": 1_048_576}, "edge": {"shards": 2}})
    readers = [await dial(server, scheme, wire, connect={}) for _ in range(5)]
    for reader in readers:
        await reader.subscribe("x")
    options = {"context": server.tls_context(), "port": server.tls_port} if scheme == "wss" else {"port": server.port}
    stalled_reader, stalled = await stall(server, "x", **options)
    assert server.sessions()["clients"] == 6
    before = server.resident_kilobytes()
    highest = before
    fill = "x" * SIZE
    window = 80

    async def settled(total: int) -> None:
        for reader in readers:
            while len(reader.inbox) < total:
                reader._arrived.clear()
                await reader._arrived.wait()

    async with asyncio.timeout(300):
        for start in range(0, MESSAGES, window):
            commands = [
                {"publish": {"channel": "x", "data": {"n": number, "fill": fill}}} for number in range(start, start + window)]
            answer = await asyncio.to_thread(server.api, "batch", {"commands": commands})
            assert all("publish" in reply for reply in answer.json["replies"])
            await settled(start + window)
            highest = max(highest, server.resident_kilobytes())
    for reader in readers:
        assert [message["push"]["pub"]["data"]["n"] for message in reader.inbox] == list(range(MESSAGES))
        assert all(len(message["push"]["pub"]["data"]["fill"]) == SIZE for message in reader.inbox)
    # One queue of 1 MiB may wait, not 32 MB; the rest is what the allocator keeps.
    assert highest - before < 12_000
    await asyncio.to_thread(poll, lambda: server.sessions()["clients"] == 5, "the stalled reader to be closed")
    assert server.metric("pharos_client_slow_closed_total") == 1
    assert server.metrics()['pharos_client_server_disconnects_total{code="3008"}'] == 1
    stalled.transport.abort()


async def test_the_stalled_reader_is_told_why(launch, dial, scheme, wire):
    """GE-10: one that wakes up in time to read finds the close frame with 3008 at the end of what was sent."""
    server = launch({"client": {"queue_max_size": 65_536}, "websocket": {"write_timeout": "20s"}})
    reader = await dial(server, scheme, wire, connect={})
    await reader.subscribe("x")
    reader.socket.transport.pause_reading()
    fill = "x" * 8_192

    def publish_until_closed() -> bool:
        server.publish("x", fill)
        return server.metric("pharos_client_slow_closed_total") == 1

    await asyncio.to_thread(poll, publish_until_closed, "the reader to be slow", 60)
    reader.socket.transport.resume_reading()
    assert await reader.ended() == 3008


async def test_drops_start_only_at_the_limit(launch, dial, scheme, wire):
    """GE-15: below the documented queue limit nothing is dropped, even for one who does not read for a while."""
    server = launch({"client": {"queue_max_size": 16_777_216}, "websocket": {"write_timeout": "30s"}})
    reader = await dial(server, scheme, wire, connect={})
    await reader.subscribe("x")
    reader.socket.transport.pause_reading()
    for number in range(0, 1_000, 100):
        commands = [{"publish": {"channel": "x", "data": {"n": n, "fill": "x" * 4_000}}} for n in range(number, number + 100)]
        await asyncio.to_thread(server.api, "batch", {"commands": commands})
    reader.socket.transport.resume_reading()
    heard = await reader.publications(1_000, "x")
    assert [each["data"]["n"] for each in heard] == list(range(1_000))
    assert server.metric("pharos_client_slow_closed_total") == 0
