"""HTTP/1.1 by hand: bodies that never end, answers that are lost on purpose, connections that are kept."""

import asyncio
import contextlib
import json
import socket
import struct


class Lost(ConnectionError):
    """The connection ended before the answer did."""


class Response:
    """An answer whose body is still to be read; names of headers are in small letters."""

    def __init__(self, status: int, headers: dict[str, str], reader: asyncio.StreamReader):
        self.status, self.headers = status, headers
        self._reader = reader
        self.is_read = False

    async def chunks(self):
        """The body as it comes. Raises `Lost` if the connection ends before the body does."""
        try:
            if "chunked" in self.headers.get("transfer-encoding", ""):
                async for chunk in self._chunked():
                    yield chunk
            elif "content-length" in self.headers:
                if length := int(self.headers["content-length"]):
                    yield await self._reader.readexactly(length)
            elif self.status not in (204, 304):
                while chunk := await self._reader.read(65_536):
                    yield chunk
        except (asyncio.IncompleteReadError, ConnectionError) as end:
            raise Lost(str(end)) from None
        self.is_read = True

    async def _chunked(self):
        while True:
            line = await self._reader.readline()
            if not line.endswith(b"\r\n"):
                raise Lost("the connection ended between two chunks")
            length = int(line.split(b";")[0], 16)
            chunk = await self._reader.readexactly(length + 2)
            assert chunk.endswith(b"\r\n"), chunk[-20:]
            if length == 0:
                return
            yield chunk[:-2]

    async def read(self) -> bytes:
        return b"".join([chunk async for chunk in self.chunks()])

    async def json(self):
        return json.loads(await self.read())


class HTTPClient:
    """One connection to 127.0.0.1, made when it is first needed and again after it was lost."""

    def __init__(self, port: int, *, context=None, receive_buffer: int | None = None):
        self.port, self.context, self.receive_buffer = port, context, receive_buffer
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def send(self, method: str, path: str, body: bytes | None = None, headers: dict | None = None) -> Response:
        """Sends a request and returns when the head of its answer is there."""
        if self._writer is None or self._reader.at_eof() or self._writer.is_closing():
            await self._open()
        lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        try:
            self._writer.write("\r\n".join([*lines, "", ""]).encode() + (body or b""))
            await self._writer.drain()
            head = await self._reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError) as end:
            self.break_off()
            raise Lost(str(end)) from None
        first, *rest = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
        fields = {}
        for line in rest:
            name, value = line.split(":", 1)
            name = name.lower()
            fields[name] = f"{fields[name]}, {value.strip()}" if name in fields else value.strip()
        return Response(int(first.split(" ")[1]), fields, self._reader)

    async def ask(self, method: str, path: str, body: bytes | None = None, headers: dict | None = None):
        """Status, headers and the whole body of an answer; the connection is kept if the server keeps it."""
        response = await self.send(method, path, body, headers)
        content = await response.read()
        if response.headers.get("connection", "").lower() == "close":
            self.close()
        return response.status, response.headers, content

    async def _open(self) -> None:
        self.close()
        raw = socket.socket()
        raw.setblocking(False)
        if self.receive_buffer:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.receive_buffer)
        try:
            await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", self.port))
            self._reader, self._writer = await asyncio.open_connection(
                sock=raw, ssl=self.context, server_hostname="127.0.0.1" if self.context else None,
                limit=self.receive_buffer or 1_048_576)
        except BaseException:
            raw.close()
            raise

    def pause(self) -> None:
        """The reader stalls: nothing more is taken from the socket."""
        self._writer.transport.pause_reading()

    def resume(self) -> None:
        self._writer.transport.resume_reading()

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def break_off(self) -> None:
        """The client's machine is gone: a reset."""
        if self._writer is None:
            return
        # It may have ended by itself already.
        with contextlib.suppress(OSError, AttributeError):
            raw = self._writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()
        self._writer = None
