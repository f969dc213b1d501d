"""Peers on the transports that are not a WebSocket: HTTP stream, SSE, and the long poll with a session.

They say and hear the same as a `Peer` does, so that one story can be told on all of them.
"""

import asyncio
import base64
import itertools
import json
import secrets
import urllib.parse

from .http_client import HTTPClient, Lost
from .peer import PATIENCE, Cut, Peer
from .server import Server
from .wire import WIRES, read_varint, varint

# What each is called in the stories: path, encoding, method of the first request.
STREAMS = {
    "http_stream-json": ("/connection/http_stream", "json", "POST"),
    "http_stream-protobuf": ("/connection/http_stream", "protobuf", "POST"),
    "sse-get": ("/connection/sse", "json", "GET"),
    "sse-post": ("/connection/sse", "json", "POST"),
}


def session_key() -> str:
    """A key as a client makes it: 22 characters at random."""
    return base64.urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("=")


class Refused(AssertionError):
    """The server answered a request of the transport with another status than it should."""

    def __init__(self, status: int, body: bytes):
        super().__init__(f"{status}: {body[:300]!r}")
        self.status, self.body = status, body


class EmulatedPeer(Peer):
    """What both kinds share: messages come one after the other, and the last may be a `disconnect` push."""

    def __init__(self, server: Server, wire, *, port: int | None, query: str, headers: dict | None, scheme: str,
                 answers_pings: bool, receive_buffer: int | None = None):
        self.server, self.wire, self.answers_pings = server, wire, answers_pings
        self.port = port or (server.tls_port if scheme == "wss" else server.port)
        self.context = server.tls_context() if scheme == "wss" else None
        self.query, self.headers, self.receive_buffer = query, headers or {}, receive_buffer
        self.inbox: list[dict] = []
        self.pings = 0
        self.client = ""
        self.goodbye: dict | None = None
        self.result: dict = {}
        self._ids = itertools.count(1)
        self._arrived = asyncio.Event()
        self._reader: asyncio.Future = asyncio.get_running_loop().create_future()
        self._answers: set[asyncio.Task] = set()
        self.socket = self

    # What `Peer` asks of its socket when a story is cut short.
    close_code = close_reason = None

    def _heard(self, message: dict) -> None:
        if not message:
            self.pings += 1
            if self.answers_pings and self.result.get("pong"):
                task = asyncio.create_task(self._answer_ping())
                self._answers.add(task)
                task.add_done_callback(self._answers.discard)
        else:
            if "disconnect" in message.get("push", {}):
                self.goodbye = message["push"]["disconnect"]
            self.inbox.append(message)
        self._arrived.set()

    async def _answer_ping(self) -> None:
        try:
            await self.send({})
        except (OSError, AssertionError):
            # The stream itself tells that the connection is over.
            pass

    def _path(self, path: str, **parameters) -> str:
        query = "&".join(filter(None, [self.query, urllib.parse.urlencode(parameters)]))
        return f"{path}?{query}" if query else path

    async def ended(self) -> int:
        """The code of the server's last word, after which the stream has ended. GE-10: there always is one."""
        async with asyncio.timeout(PATIENCE):
            while not self._reader.done():
                self._arrived.clear()
                if not self._reader.done():
                    await self._arrived.wait()
        assert self.goodbye is not None, f"the stream ended without a disconnect push; inbox: {self.inbox[-3:]}"
        assert self.goodbye["reason"], self.goodbye
        return self.goodbye["code"]


class StreamPeer(EmulatedPeer):
    """HTTP stream or bidirectional SSE, with `/emulation` for what the client says."""

    def __init__(self, server: Server, kind: str, *, port: int | None = None, query: str = "",
                 headers: dict | None = None, scheme: str = "ws", answers_pings: bool = True,
                 receive_buffer: int | None = None):
        self.path, encoding, self.method = STREAMS[kind]
        super().__init__(server, WIRES[encoding], port=port, query=query, headers=headers, scheme=scheme,
                         answers_pings=answers_pings, receive_buffer=receive_buffer)
        self.stream = HTTPClient(self.port, context=self.context, receive_buffer=receive_buffer)
        self.emulation = HTTPClient(self.port, context=self.context)
        self._turn = asyncio.Lock()
        self.response = None
        self.first_bytes = b""

    @property
    def is_protobuf(self) -> bool:
        return self.wire.name == "protobuf"

    async def connect(self, **request) -> dict:
        """Opens the stream with a connect command; its result."""
        number = next(self._ids)
        command = self.wire.encode({"id": number, "connect": request})
        headers = {"Content-Type": "application/octet-stream" if self.is_protobuf else "application/json"} | self.headers
        async with asyncio.timeout(PATIENCE):
            if self.method == "GET":
                self.response = await self.stream.send("GET", self._path(self.path, cf_connect=command), None, self.headers)
            else:
                body = command if isinstance(command, bytes) else command.encode()
                self.response = await self.stream.send("POST", self._path(self.path), body, headers)
            if self.response.status != 200:
                raise Refused(self.response.status, await self.response.read())
        self._reader = asyncio.create_task(self._read())
        reply = await self.reply(number)
        assert "connect" in reply, reply
        self.result = reply["connect"]
        self.client = self.result["client"]
        return self.result

    async def send(self, *commands: dict) -> None:
        status, body = await self.emulate(self.wire.encode(*commands))
        if status != 204:
            raise Refused(status, body)

    async def emulate(self, data, *, session: str | None = None, node: str | None = None) -> tuple[int, bytes]:
        """One `POST /emulation`; status and body."""
        session = self.result["session"] if session is None else session
        node = self.result.get("node", "") if node is None else node
        if self.is_protobuf:
            body = b"".join(
                bytes([tag]) + varint(len(field)) + field
                for tag, field in ((0x0A, node.encode()), (0x12, session.encode()), (0x1A, data)))
        else:
            body = json.dumps({"session": session, "node": node, "data": data}).encode()
        headers = {"Content-Type": "application/octet-stream" if self.is_protobuf else "application/json"} | self.headers
        # One after the other: what a client says must arrive in its order.
        async with self._turn, asyncio.timeout(PATIENCE):
            status, _, content = await self.emulation.ask("POST", "/emulation", body, headers)
        return status, content

    async def _read(self) -> None:
        buffer = b""
        split = self._split_sse if self.path.endswith("/sse") else (
            self._split_protobuf if self.is_protobuf else self._split_lines)
        try:
            async for chunk in self.response.chunks():
                if len(self.first_bytes) < 2:
                    self.first_bytes += chunk[:2]
                buffer = split(buffer + chunk)
            assert not buffer, f"the stream ends within a message: {buffer[:100]!r}"
        except (Lost, OSError):
            pass
        finally:
            self._arrived.set()

    def _split_lines(self, buffer: bytes) -> bytes:
        *lines, rest = buffer.split(b"\n")
        for line in lines:
            self._heard(json.loads(line))
        return rest

    def _split_sse(self, buffer: bytes) -> bytes:
        buffer = buffer.replace(b"\r\n", b"\n") if b"\r\n" in buffer else buffer
        *lines, rest = buffer.split(b"\n")
        for line in lines:
            if line:
                assert line.startswith(b"data: "), line
                self._heard(json.loads(line.removeprefix(b"data: ")))
        return rest

    def _split_protobuf(self, buffer: bytes) -> bytes:
        position = 0
        while position < len(buffer):
            try:
                length, begin = read_varint(buffer, position)
            except IndexError:
                break
            if begin + length > len(buffer):
                break
            for message in self.wire.decode(buffer[position : begin + length]):
                self._heard(message)
            position = begin + length
        return buffer[position:]

    async def close(self) -> None:
        self.stream.close()
        self.emulation.close()
        await self._stop()

    async def _stop(self) -> None:
        for task in list(self._answers):
            task.cancel()
        if isinstance(self._reader, asyncio.Task):
            await asyncio.wait([self._reader], timeout=PATIENCE)

    def break_off(self) -> None:
        self.stream.break_off()
        self.emulation.break_off()


class PollPeer(EmulatedPeer):
    """The long poll with a session. An answer that is lost is asked for again, as a client has to."""

    PATH = "/connection/poll"

    def __init__(self, server: Server, *, session: str | None = None, port: int | None = None, query: str = "",
                 headers: dict | None = None, scheme: str = "ws", wait: int = 20, retries: bool = True):
        super().__init__(
            server, WIRES["json"], port=port, query=query, headers=headers, scheme=scheme, answers_pings=True)
        self.session = session or session_key()
        self.wait, self.retries = wait, retries
        self.cursor: str | None = None
        self.polls = 0
        self._waiting: list[bytes] = []
        self._said = asyncio.Event()
        self._client: HTTPClient | None = None
        self._closes = False

    async def ask_once(self, method: str, body: bytes | None = None, *, cursor: str | None = None, wait: int | None = None):
        """One request on a connection of its own: status and body."""
        parameters = {"session": self.session}
        if cursor is not None:
            parameters["cursor"] = cursor
        if wait is not None:
            parameters["wait"] = wait
        client = self._client = HTTPClient(self.port, context=self.context)
        headers = self.headers | ({"Content-Type": "application/json"} if body is not None else {})
        try:
            status, _, content = await client.ask(method, self._path(self.PATH, **parameters), body, headers)
        finally:
            client.close()
        return status, content

    async def connect(self, **request) -> dict:
        number = next(self._ids)
        status, content = await self.ask_once("POST", self.wire.encode({"id": number, "connect": request}).encode())
        if status != 200:
            raise Refused(status, content)
        self._take(content)
        self._reader = asyncio.create_task(self._read())
        reply = await self.reply(number)
        assert "connect" in reply, reply
        self.result = reply["connect"]
        self.client = self.result["client"]
        return self.result

    async def send(self, *commands: dict) -> None:
        if self._reader.done():
            raise Cut("the session is over")
        self._waiting.append(self.wire.encode(*commands).encode())
        self._said.set()

    def _take(self, content: bytes) -> None:
        answer = json.loads(content)
        self.cursor = answer["cursor"]
        for message in answer["messages"]:
            self._heard(message)

    async def _read(self) -> None:
        failures = 0
        try:
            while not self._closes and self.goodbye is None:
                said, self._waiting = self._waiting, []
                self._said.clear()
                try:
                    status, content = await (self._post(said) if said else self._get())
                except (Lost, OSError):
                    failures += 1
                    # Commands whose answer was lost may have been heard or not: only a new connect can tell.
                    if said or not self.retries or failures > 3:
                        return
                    continue
                failures = 0
                self.polls += 1
                if status == 200:
                    self._take(content)
                elif status not in (0, 409):
                    return
        finally:
            self._arrived.set()

    async def _post(self, said: list[bytes]) -> tuple[int, bytes]:
        return await self.ask_once("POST", b"\n".join(said), cursor=self.cursor)

    async def _get(self) -> tuple[int, bytes]:
        """Status 0: given up, because there is something to say."""
        poll = asyncio.create_task(self.ask_once("GET", cursor=self.cursor, wait=self.wait))
        said = asyncio.create_task(self._said.wait())
        try:
            await asyncio.wait([poll, said], return_when=asyncio.FIRST_COMPLETED)
            return await poll if poll.done() else (0, b"")
        finally:
            said.cancel()
            if not poll.done():
                poll.cancel()
                await asyncio.wait([poll])

    async def close(self) -> None:
        """Stops asking. The session stays with the server until its time is over."""
        self._closes = True
        self._said.set()
        if isinstance(self._reader, asyncio.Task):
            self._reader.cancel()
            await asyncio.wait([self._reader], timeout=PATIENCE)

    def break_off(self) -> None:
        # A machine that is gone asks for nothing more, whatever it was doing.
        self.retries, self._closes = False, True
        if self._client is not None:
            self._client.break_off()


async def poll(port: int, channels=(), *, token: str | None = None, headers: dict | None = None, context=None, **parameters):
    """One stateless `GET /poll`: status, headers and body. `since` is a list, one entry per channel."""
    pairs = [("channel", channel) for channel in channels]
    pairs += [("since", each) for each in parameters.pop("since", [])]
    pairs += [(name.rstrip("_"), value) for name, value in parameters.items()]
    client = HTTPClient(port, context=context)
    headers = (headers or {}) | ({"Authorization": f"Bearer {token}"} if token else {})
    try:
        async with asyncio.timeout(PATIENCE + int(parameters.get("wait", 25))):
            return await client.ask("GET", "/poll?" + urllib.parse.urlencode(pairs), None, headers)
    finally:
        client.close()


async def news(port: int, channels, **options) -> dict:
    """The answer of a stateless poll that must succeed."""
    status, _, content = await poll(port, channels, **options)
    if status != 200:
        raise Refused(status, content)
    return json.loads(content)
