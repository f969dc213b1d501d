"""A WebSocket client without any protocol on top, for raw paths."""

import asyncio

import websockets

from .peer import PATIENCE
from .server import Server


class RawPeer:
    """One connection: `async with RawPeer(server, "/chat") as peer`."""

    def __init__(self, server: Server, path: str, **options):
        self.url = f"ws://127.0.0.1:{server.port}{path}"
        self.options = options
        # Everything that was heard.
        self.frames: list = []

    async def __aenter__(self) -> "RawPeer":
        self.socket = await websockets.connect(
            self.url, compression=None, ping_interval=None, max_size=None, max_queue=None, proxy=None, close_timeout=5,
            open_timeout=PATIENCE, **self.options)
        return self

    async def __aexit__(self, *_) -> None:
        await self.socket.close()

    async def send(self, *messages) -> None:
        for message in messages:
            await self.socket.send(message)

    async def hear(self):
        async with asyncio.timeout(PATIENCE):
            frame = await self.socket.recv()
        self.frames.append(frame)
        return frame

    async def text(self) -> str:
        frame = await self.hear()
        assert isinstance(frame, str), frame
        return frame

    async def ended(self) -> tuple[int, str]:
        """Code and reason of the server's close frame, after whatever was sent before it."""
        try:
            while True:
                await self.hear()
        except websockets.ConnectionClosed as closed:
            assert closed.rcvd is not None, "the connection ended without a close frame"
            return closed.rcvd.code, closed.rcvd.reason
