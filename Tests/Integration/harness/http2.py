"""A client of HTTP/2, with PyPI's h2 as its machine: many requests, streams and WebSockets over one connection."""

import asyncio
import json
import os

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h2.settings
from hyperframe.frame import GoAwayFrame

from .server import Answer, Server

WAIT_SECONDS = 30


class Ended(Exception):
    """The stream or the connection is over; `code` is that of RFC 9113, section 7."""

    def __init__(self, code: int):
        super().__init__(f"ended with code {code}")
        self.code = code


class Stream:
    """One stream: its answer's head, and the bytes behind it as they come."""

    def __init__(self, connection: "HTTP2", number: int):
        self.connection, self.number = connection, number
        self.head: asyncio.Future = asyncio.get_running_loop().create_future()
        self.interim: list[int] = []
        self.chunks: asyncio.Queue = asyncio.Queue()
        self.unread = b""

    @property
    async def status(self) -> int:
        return int((await asyncio.wait_for(asyncio.shield(self.head), WAIT_SECONDS))[":status"])

    async def read(self) -> bytes:
        """The bytes that have come; empty at the end."""
        if self.unread:
            chunk, self.unread = self.unread, b""
            return chunk
        chunk = await asyncio.wait_for(self.chunks.get(), WAIT_SECONDS)
        if isinstance(chunk, Exception):
            raise chunk
        return chunk

    async def read_until(self, end: bytes) -> bytes:
        text = b""
        while end not in text:
            chunk = await self.read()
            assert chunk, f"the stream ended after {text!r}"
            text += chunk
        index = text.index(end) + len(end)
        self.unread = text[index:]
        return text[:index]

    async def answer(self) -> Answer:
        head = await asyncio.wait_for(asyncio.shield(self.head), WAIT_SECONDS)
        body = b""
        while chunk := await self.read():
            body += chunk
        return Answer(int(head[":status"]), head, body)

    def send(self, data: bytes, *, end: bool = False) -> None:
        self.connection.machine.send_data(self.number, data, end_stream=end)
        self.connection.flush()

    def reset(self, code: int = 8) -> None:
        self.connection.machine.reset_stream(self.number, code)
        self.connection.flush()


class WebSocketStream(Stream):
    """A WebSocket on a stream (RFC 8441)."""

    def send_text(self, text: str) -> None:
        self._send(0x81, text.encode())

    def close(self, code: int = 1000) -> None:
        self._send(0x88, code.to_bytes(2, "big"))

    def _send(self, first: int, payload: bytes) -> None:
        mask = os.urandom(4)
        length = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
        masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
        self.send(bytes([first]) + length + mask + masked)

    async def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            chunk = await self.read()
            assert chunk, "the stream ended within a frame"
            data += chunk
        self.unread = data[count:]
        return data[:count]

    async def receive(self) -> tuple[int, bytes]:
        """The opcode and the payload of the next frame."""
        first, length = await self._exactly(2)
        if length == 126:
            length = int.from_bytes(await self._exactly(2), "big")
        elif length == 127:
            length = int.from_bytes(await self._exactly(8), "big")
        return first & 15, await self._exactly(length) if length else b""

    async def replies(self) -> list[dict]:
        opcode, payload = await self.receive()
        assert opcode == 1, (opcode, payload)
        return [json.loads(line) for line in payload.splitlines()]


class HTTP2:
    """One connection."""

    def __init__(self, reader, writer, authority: str, scheme: str):
        self.reader, self.writer, self.authority, self.scheme = reader, writer, authority, scheme
        self.machine = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
        self.streams: dict[int, Stream] = {}
        self.settings: asyncio.Event = asyncio.Event()
        self.pings = 0
        # The code of GOAWAY; None: there was none.
        self.end_code: int | None = None
        self.ended = asyncio.Event()
        # Of a frame that has not come whole.
        self.unread = b""
        # Whether what comes is acknowledged, so that more may come.
        self.reads = True

    @classmethod
    async def open(cls, server: Server, scheme: str = "ws", *, settings: dict | None = None) -> "HTTP2":
        context, port = None, server.port
        if scheme == "wss":
            context, port = server.tls_context(), server.tls_port
            context.set_alpn_protocols(["h2", "http/1.1"])
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=context, server_hostname="localhost" if context else None)
        if context:
            assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "h2"
        self = cls(reader, writer, f"localhost:{port}", "https" if context else "http")
        if settings:
            self.machine.local_settings = h2.settings.Settings(client=True, initial_values=settings)
        self.machine.initiate_connection()
        self.flush()
        self.task = asyncio.create_task(self._run())
        await asyncio.wait_for(self.settings.wait(), WAIT_SECONDS)
        return self

    def flush(self) -> None:
        self.writer.write(self.machine.data_to_send())

    def ask(
        self, method: str, path: str, headers: dict | None = None, body: bytes | None = None, *, end: bool = True,
    ) -> Stream:
        fields = [(":method", method), (":scheme", self.scheme), (":path", path), (":authority", self.authority)]
        return self._begin(Stream, fields, headers, body, end)

    def connect(self, path: str, headers: dict | None = None) -> WebSocketStream:
        fields = [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", self.scheme), (":path", path),
                  (":authority", self.authority), ("sec-websocket-version", "13")]
        return self._begin(WebSocketStream, fields, headers, None, False)

    def _begin(self, kind, fields, headers, body, end):
        number = self.machine.get_next_available_stream_id()
        stream = self.streams[number] = kind(self, number)
        fields += list((headers or {}).items())
        self.machine.send_headers(number, fields, end_stream=end and body is None)
        if body is not None:
            window = self.machine.max_outbound_frame_size
            for start in range(0, max(len(body), 1), window):
                self.machine.send_data(
                    number, body[start:start + window], end_stream=end and start + window >= len(body))
        self.flush()
        return stream

    async def request(self, method: str, path: str, headers: dict | None = None, body: bytes | None = None) -> Answer:
        return await self.ask(method, path, headers, body).answer()

    async def _run(self) -> None:
        try:
            while data := await self.reader.read(65_536):
                for event in self.machine.receive_data(self._without_end(data)):
                    self._note(event)
                self.flush()
        except (ConnectionError, h2.exceptions.ProtocolError):
            pass
        for stream in self.streams.values():
            stream.chunks.put_nowait(Ended(self.end_code or 0))
            if not stream.head.done():
                stream.head.cancel()
        self.ended.set()

    def _without_end(self, data: bytes) -> bytes:
        """Whole frames, but for GOAWAY: h2 would take it for the end of the streams, too."""
        self.unread += data
        frames = b""
        while len(self.unread) >= 9:
            end = 9 + int.from_bytes(self.unread[:3], "big")
            if len(self.unread) < end:
                break
            if self.unread[3] == GoAwayFrame.type:
                self.end_code = int.from_bytes(self.unread[13:17], "big")
            else:
                frames += self.unread[:end]
            self.unread = self.unread[end:]
        return frames

    def _note(self, event) -> None:
        stream = self.streams.get(getattr(event, "stream_id", None) or 0)
        match event:
            case h2.events.RemoteSettingsChanged():
                self.settings.set()
            case h2.events.PingAckReceived():
                self.pings += 1
            case h2.events.InformationalResponseReceived():
                stream.interim.append(int(dict(event.headers)[":status"]))
            case h2.events.ResponseReceived():
                if not stream.head.done():
                    stream.head.set_result(dict(event.headers))
            case h2.events.DataReceived():
                if self.reads and event.flow_controlled_length:
                    self.machine.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                if event.data:
                    stream.chunks.put_nowait(event.data)
            case h2.events.StreamEnded():
                stream.chunks.put_nowait(b"")
            case h2.events.StreamReset():
                stream.chunks.put_nowait(Ended(event.error_code))
                if not stream.head.done():
                    stream.head.set_exception(Ended(event.error_code))

    async def close(self) -> None:
        self.writer.close()
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
