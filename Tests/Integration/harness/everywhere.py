"""One client for every transport that has commands, so that one story can be told on all of them."""

import asyncio

import pytest_asyncio

from .emulated import STREAMS, PollPeer, StreamPeer, session_key
from .peer import Peer
from .server import Server

# Every transport beside WebSocket is off until it is configured.
EVERYWHERE = {name: {"enabled": True} for name in ("http_stream", "sse", "events", "poll")}

# Transports with commands.
SPEAKING = ("websocket-json", "websocket-protobuf", *STREAMS, "session-poll")
# Those beside WebSocket that have been open all the time while they listen.
EMULATED = (*STREAMS, "session-poll")


async def open_peer(
    server: Server, kind: str, *, scheme: str = "ws", session: str | None = None, headers: dict | None = None,
    port: int | None = None, **options,
) -> Peer:
    """A client on which nothing has been said yet; `session` is the key that its state is kept under."""
    query = f"session={session}" if session else ""
    if kind == "session-poll":
        return PollPeer(server, session=session or session_key(), scheme=scheme, headers=headers, port=port, **options)
    if kind.startswith("websocket"):
        wire = kind.removeprefix("websocket-")
        subprotocols = ["centrifuge-protobuf"] if wire == "protobuf" else None
        return await Peer.open(
            server, scheme, wire, query=query, headers=headers, port=port, subprotocols=subprotocols, **options)
    return StreamPeer(server, kind, scheme=scheme, query=query, headers=headers, port=port, **options)


async def parked(server: Server, count: int = 1) -> None:
    """Returns once so many long polls wait at the server."""
    async with asyncio.timeout(30):
        while await asyncio.to_thread(server.metric, "pharos_transport_waiting_polls") < count:
            await asyncio.sleep(0.01)


@pytest_asyncio.fixture
async def meet():
    """Opens connected clients of any kind; they are closed after the story."""
    peers: list[Peer] = []

    async def meet_one(server: Server, kind: str, *, connect: dict | None = None, **options) -> Peer:
        peer = await open_peer(server, kind, **options)
        peers.append(peer)
        peer.welcome = await peer.connect(**(connect or {}))
        return peer

    yield meet_one
    for peer in peers:
        await peer.close()
