"""A TCP proxy between client and server that can fail on demand."""

import asyncio
import contextlib
import socket
import struct


class FaultProxy:
    """Forwards connections to `target` on 127.0.0.1. Lives in the event loop of the story."""

    def __init__(self, target: int):
        self.target = target
        self.port = 0
        self.connections = 0
        self._refuses = False
        self._open = asyncio.Event()
        self._open.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> "FaultProxy":
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_) -> None:
        self._server.close()
        self.cut()
        self._open.set()

    # Faults

    def cut(self) -> None:
        """Resets all connections."""
        for writer in list(self._writers):
            raw = writer.get_extra_info("socket")
            # It may have ended by itself a moment ago.
            with contextlib.suppress(OSError, AttributeError):
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    def swallow(self, on: bool) -> None:
        """Keeps connections open and passes nothing, as a dead network does."""
        if on:
            self._open.clear()
        else:
            self._open.set()

    def refuse(self, on: bool) -> None:
        self._refuses = on

    # Forwarding

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        self.connections += 1
        if self._refuses:
            writer.transport.abort()
            self._writers.discard(writer)
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        self._writers.add(far_writer)
        try:
            await asyncio.gather(self._pass(reader, far_writer), self._pass(far_reader, writer))
        finally:
            for each in (writer, far_writer):
                self._writers.discard(each)
                each.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while chunk := await reader.read(65_536):
                await self._open.wait()
                writer.write(chunk)
                await writer.drain()
            writer.write_eof()
        except OSError:
            pass
