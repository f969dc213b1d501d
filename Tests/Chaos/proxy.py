"""A TCP proxy for one client, whose connections can be cut within a message, stall, or go dark."""

import asyncio
import contextlib
import socket
import struct

# Small, so that a stalled reader is felt by the server soon.
_BUFFER = 16_384
_SEGMENT = 1_400


class _Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self.near, self.far = (reader, writer), (None, None)
        self.is_dark = False
        # Bytes that may still pass before the connection is reset.
        self.to_client: int | None = None
        self.to_server: int | None = None

    def reset(self) -> None:
        for _, writer in (self.near, self.far):
            if writer is None:
                continue
            # It may have ended by itself a moment ago.
            with contextlib.suppress(OSError, AttributeError):
                writer.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()


class ChaosProxy:
    """Forwards to `target` on 127.0.0.1."""

    def __init__(self, target: int):
        self.target, self.port = target, 0
        self._connections: set[_Connection] = set()
        self._tasks: set[asyncio.Task] = set()
        self._flows = asyncio.Event()
        self._flows.set()
        self._server: asyncio.Server | None = None

    async def start(self) -> "ChaosProxy":
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", 0, limit=_BUFFER)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def stop(self) -> None:
        self._server.close()
        self._flows.set()
        for connection in list(self._connections):
            connection.reset()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5)

    # Faults

    def cut(self, after: int) -> None:
        """Resets every connection once `after` more bytes have come to the client."""
        for connection in list(self._connections):
            if after:
                connection.to_client = after
            else:
                connection.reset()

    def cut_requests(self, after: int, answers: bool) -> None:
        """Resets every connection within what the client says next, or within what it is answered."""
        for connection in self._connections:
            if answers:
                connection.to_client = after
            else:
                connection.to_server = after

    def go_dark(self) -> None:
        """Nothing passes any more on open connections, and neither end hears of it; new ones are well."""
        for connection in self._connections:
            connection.is_dark = True

    def stall(self, on: bool) -> None:
        """The client reads nothing while on."""
        if on:
            self._flows.clear()
        else:
            self._flows.set()

    # Forwarding

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        self._tasks.add(task)
        connection = _Connection(reader, writer)
        self._connections.add(connection)
        try:
            raw = socket.socket()
            raw.setblocking(False)
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
            # Segments as on a real network: with those of the loopback the kernel would buffer megabytes for the server.
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, _SEGMENT)
            await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", self.target))
            connection.far = await asyncio.open_connection(sock=raw, limit=_BUFFER)
            await asyncio.gather(self._to_server(connection), self._to_client(connection))
        except OSError:
            # The server is down, or one of the two ends is: the other is told by what follows.
            connection.reset()
        finally:
            self._connections.discard(connection)
            self._tasks.discard(task)
            for _, each in (connection.near, connection.far):
                if each is not None:
                    each.close()

    async def _to_server(self, connection: _Connection) -> None:
        reader, writer = connection.near[0], connection.far[1]
        while chunk := await reader.read(_BUFFER):
            if connection.is_dark:
                continue
            if connection.to_server is not None:
                chunk, connection.to_server = chunk[: connection.to_server], connection.to_server - len(chunk)
            writer.write(chunk)
            await writer.drain()
            if connection.to_server is not None and connection.to_server <= 0:
                connection.reset()
                return
        if not connection.is_dark:
            writer.write_eof()

    async def _to_client(self, connection: _Connection) -> None:
        reader, writer = connection.far[0], connection.near[1]
        while chunk := await reader.read(_BUFFER):
            await self._flows.wait()
            if connection.is_dark:
                continue
            if connection.to_client is not None:
                chunk, connection.to_client = chunk[: connection.to_client], connection.to_client - len(chunk)
            writer.write(chunk)
            await writer.drain()
            if connection.to_client is not None and connection.to_client <= 0:
                connection.reset()
                return
        if not connection.is_dark:
            writer.write_eof()
