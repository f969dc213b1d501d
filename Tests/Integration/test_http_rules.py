"""RFC 9110 and RFC 9112, paragraph by paragraph, over both schemes and on connections that have served something before."""

import asyncio
import ssl

import pytest

from harness.configuration import API_KEY, OPEN, merged
from harness.everywhere import EVERYWHERE

KEY = f"X-API-Key: {API_KEY}\r\n"
PUBLISH = '{"channel":"http-rules","data":1}'
CHUNKED = f"POST /api/publish HTTP/1.1\r\nHost: a\r\n{KEY}Transfer-Encoding: chunked\r\n"
SIZED = f"POST /api/publish HTTP/1.1\r\nHost: a\r\n{KEY}Content-Length: {len(PUBLISH)}\r\n"
WHOLE = f"{len(PUBLISH):x}\r\n{PUBLISH}\r\n0\r\n\r\n"
GET = "GET /health HTTP/1.1\r\nHost: a\r\n"
HELLO = (
    "GET /connection/websocket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)

# What is sent, and the statuses of the answers; "close" in the end: the connection ends after them, else it stays.
RULES = {
    # RFC 9112
    "2.2 an empty line in front of a request is passed over": ("\r\n" + GET + "\r\n", 200),
    "2.2 a bare line feed ends no line": (GET.replace("\r\n", "\n") + "\n", 400, "close"),
    "2.2 a bare carriage return is refused": (GET + "X: a\rb\r\n\r\n", 400, "close"),
    "2.2 white space in front of the first field is refused": ("GET /health HTTP/1.1\r\n Host: a\r\n\r\n", 400, "close"),
    "2.2 bytes that are no request are refused": ("\x16\x03\x01\x00\x05hello\r\n\r\n", 400, "close"),
    "2.3 a higher minor version is served": ("GET /health HTTP/1.9\r\nHost: a\r\n\r\n", 200),
    "2.3 another major version is refused": ("GET /health HTTP/3.0\r\nHost: a\r\n\r\n", 505, "close"),
    "2.3 the name of the protocol is case-sensitive": ("GET /health http/1.1\r\nHost: a\r\n\r\n", 400, "close"),
    "3 more than one space between the parts is refused": ("GET  /health HTTP/1.1\r\nHost: a\r\n\r\n", 400, "close"),
    "3 a tab between the parts is refused": ("GET\t/health HTTP/1.1\r\nHost: a\r\n\r\n", 400, "close"),
    "3 a target with a space is refused": ("GET /hea lth HTTP/1.1\r\nHost: a\r\n\r\n", 400, "close"),
    "3 a target that is too long is 414": (f"GET /{'x' * 16500} HTTP/1.1\r\nHost: a\r\n\r\n", 414, "close"),
    "3.2 no Host is refused": ("GET /health HTTP/1.1\r\n\r\n", 400, "close"),
    "3.2 two Hosts are refused": (GET + "Host: a\r\n\r\n", 400, "close"),
    "3.2 two Hosts, one of them empty": ("GET /health HTTP/1.1\r\nHost:\r\nHost: a\r\n\r\n", 400, "close"),
    "3.2 a Host that is none is refused": ("GET /health HTTP/1.1\r\nHost: a b\r\n\r\n", 400, "close"),
    "3.2 a Host with user information is refused": ("GET /health HTTP/1.1\r\nHost: me@a\r\n\r\n", 400, "close"),
    "3.2.1 a target without a slash is refused": ("GET health HTTP/1.1\r\nHost: a\r\n\r\n", 400, "close"),
    "3.2.1 a target with a fragment is refused": ("GET /health#x HTTP/1.1\r\nHost: a\r\n\r\n", 400, "close"),
    "3.2.2 an absolute target is served": ("GET http://b/health HTTP/1.1\r\nHost: a\r\n\r\n", 200),
    "3.2.2 an absolute target in upper case is served": ("GET HTTP://B:80/health HTTP/1.1\r\nHost: a\r\n\r\n", 200),
    "3.2.2 an absolute target needs a Host all the same": ("GET http://b/health HTTP/1.1\r\n\r\n", 400, "close"),
    "3.2.2 an absolute target without a path is the root": ("GET http://b HTTP/1.1\r\nHost: a\r\n\r\n", 404),
    "3.2.2 an absolute target with user information is refused": (
        "GET http://me@b/health HTTP/1.1\r\nHost: b\r\n\r\n", 400, "close"),
    "3.2.3 CONNECT is not implemented": ("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", 501),
    "3.2.4 OPTIONS * is answered": ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 204),
    "3.2.4 * is for OPTIONS alone": ("GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400, "close"),
    "5 white space in front of a colon is refused": (GET + "X : a\r\n\r\n", 400, "close"),
    "5 a field without a name is refused": (GET + ": a\r\n\r\n", 400, "close"),
    "5 a line without a colon is refused": (GET + "X\r\n\r\n", 400, "close"),
    "5.2 a folded line is refused": (GET + "X: a\r\n b\r\n\r\n", 400, "close"),
    "5.5 a control character in a value is refused": (GET + "X: a\x00b\r\n\r\n", 400, "close"),
    "5 fields that are too long are 431": (GET + f"X: {'x' * 40000}\r\n\r\n", 431, "close"),
    "6.1 a body in chunks": (CHUNKED + "\r\n" + WHOLE, 200),
    "6.1 the coding's name has no case": (CHUNKED.replace("chunked", "Chunked") + "\r\n" + WHOLE, 200),
    "6.1 another coding is 501": (CHUNKED.replace("chunked", "gzip, chunked") + "\r\n" + WHOLE, 501, "close"),
    "6.1 chunked must be the last coding": (CHUNKED.replace("chunked", "chunked, gzip") + "\r\n" + WHOLE, 400, "close"),
    "6.1 chunked once": (CHUNKED.replace("chunked", "chunked, chunked") + "\r\n" + WHOLE, 400, "close"),
    "6.1 chunked in two lines": (CHUNKED + "Transfer-Encoding: chunked\r\n\r\n" + WHOLE, 400, "close"),
    "6.1 a coding that only looks like chunked": (CHUNKED.replace("chunked", "xchunked") + "\r\n" + WHOLE, 400, "close"),
    "6.1 identity is no coding any more": (CHUNKED.replace("chunked", "identity") + "\r\n" + WHOLE, 400, "close"),
    "6.1 chunks in HTTP/1.0 are refused": ((CHUNKED + "\r\n" + WHOLE).replace("HTTP/1.1", "HTTP/1.0"), 400, "close"),
    "6.1 both framings at once are refused": (CHUNKED + "Content-Length: 4\r\n\r\n" + WHOLE, 400, "close"),
    "6.3 a body with a length": (SIZED + "\r\n" + PUBLISH, 200),
    "6.3 two lengths are refused": (SIZED + f"Content-Length: {len(PUBLISH)}\r\n\r\n" + PUBLISH, 400, "close"),
    "6.3 a list of lengths is refused": (GET + "Content-Length: 0, 0\r\n\r\n", 400, "close"),
    "6.3 a length with a sign is refused": (GET + "Content-Length: +0\r\n\r\n", 400, "close"),
    "6.3 a length in hexadecimal is refused": (GET + "Content-Length: 0x0\r\n\r\n", 400, "close"),
    "6.3 an empty length is refused": (GET + "Content-Length:\r\n\r\n", 400, "close"),
    "6.3 a length beyond all numbers is refused": (GET + f"Content-Length: {'9' * 30}\r\n\r\n", 400, "close"),
    "6.3 a GET with a body is served, and the body is no request": (
        GET + "Content-Length: 27\r\n\r\nGET /metrics HTTP/1.1\r\n\r\n  " + GET + "\r\n", 200, 200),
    "7.1 extensions of chunks are passed over": (
        CHUNKED + "\r\n" + WHOLE.replace("\r\n" + PUBLISH, ";a=b;c=\"d\"\r\n" + PUBLISH), 200),
    "7.1 trailers are read and thrown away": (CHUNKED + "\r\n" + WHOLE[:-2] + "X: y\r\n\r\n", 200),
    "7.1 trailers are no fields": (
        CHUNKED.replace(KEY, "") + "\r\n" + WHOLE[:-2] + KEY + "\r\n", 401, "close"),
    "7.1 a chunk's size in something else is refused": (CHUNKED + "\r\nz\r\n", 400, "close"),
    "7.1 a chunk's size beyond all numbers is 413": (CHUNKED + "\r\nfffffffffffffff\r\n", 413, "close"),
    "7.1 a chunk longer than it says is refused": (CHUNKED + "\r\n1\r\n{}\r\n", 400, "close"),
    "7.1 a line feed alone ends no chunk": (CHUNKED + "\r\n2\n{}\n0\n\n", 400, "close"),
    "9.3 a connection stays": (GET + "\r\n" + SIZED + "\r\n" + PUBLISH + CHUNKED + "\r\n" + WHOLE + GET + "\r\n",
                               200, 200, 200, 200),
    "9.3 close is obeyed": (GET + "Connection: close\r\n\r\n" + GET + "\r\n", 200, "close"),
    "9.3 close is obeyed among others, in any case": (GET + "Connection: te, Close\r\n\r\n", 200, "close"),
    "9.3 HTTP/1.0 ends with the answer": ("GET /health HTTP/1.0\r\n\r\n", 200, "close"),
    "9.3 HTTP/1.0 stays where it asks for that": ("GET /health HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + GET + "\r\n", 200, 200),
    # RFC 9110
    "7.8 an offer of h2c is passed over": (
        GET + "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n", 200),
    "7.8 an offer of h2c with a body": (SIZED + "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n" + PUBLISH, 200),
    "7.8 an offer of WebSocket where there is none": (GET + "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", 200),
    "7.8 a WebSocket is upgraded to": (HELLO + "\r\n", 101, "open"),
    "7.8 WebSocket among other offers": (HELLO.replace("websocket\r", "h2c, websocket\r", 1).replace(
        "/connection/h2c, websocket", "/connection/websocket") + "\r\n", 101, "open"),
    "7.8 no upgrade without the connection option": (HELLO.replace("Connection: Upgrade", "Connection: x") + "\r\n", 400),
    "7.8 no upgrade in HTTP/1.0": (HELLO.replace("HTTP/1.1", "HTTP/1.0") + "\r\n", 400, "close"),
    "9.3.2 HEAD has the length and no body": ("HEAD /health HTTP/1.1\r\nHost: a\r\n\r\n" + GET + "\r\n", 200, 200),
    "9.3.2 HEAD of what there is not": ("HEAD /nowhere HTTP/1.1\r\nHost: a\r\n\r\n" + GET + "\r\n", 404, 200),
    "9.1 a method that nobody knows is 501": ("FLY /health HTTP/1.1\r\nHost: a\r\n\r\n" + GET + "\r\n", 501, 200),
    "9.1 methods are case-sensitive": ("get /health HTTP/1.1\r\nHost: a\r\n\r\n", 501),
    "9.3.8 TRACE is allowed nowhere": ("TRACE /health HTTP/1.1\r\nHost: a\r\n\r\n", 405),
    "15.5.6 a method that is not allowed": ("DELETE /health HTTP/1.1\r\nHost: a\r\n\r\n" + GET + "\r\n", 405, 200),
    "10.1.1 100 comes before the body is read": (SIZED + "Expect: 100-continue\r\n\r\n", 100, PUBLISH, 200),
    "10.1.1 100 comes before chunks too": (CHUNKED + "Expect: 100-Continue\r\n\r\n", 100, WHOLE, 200),
    "10.1.1 no 100 without a key": (
        SIZED.replace(KEY, "") + "Expect: 100-continue\r\n\r\n", 401, "close"),
    "10.1.1 another expectation fails": (GET + "Expect: the-spanish-inquisition\r\n\r\n", 417, "close"),
    "10.1.1 HTTP/1.0 expects nothing": ("GET /health HTTP/1.0\r\nExpect: 100-continue\r\n\r\n", 200, "close"),
    "15.5.2 401 says how to show a key, and the connection stays": (
        "POST /api/info HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}" + GET + "\r\n", 401, 200),
    "15.5.14 a body that is too large is 413": (
        f"POST /api/info HTTP/1.1\r\nHost: a\r\n{KEY}Content-Length: 99999999\r\n\r\n", 413, "close"),
    # RFC 9113, section 3.3
    "HTTP/2 behind something else is told what is spoken here": (
        GET + "\r\n" + "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 200, 505, "close"),
}
# What the same connection may have served before: a page once took it away from the edge.
BEFORE = {"fresh": "", "after a page": "GET /health HTTP/1.1\r\nHost: a\r\n\r\n",
          "after nothing": "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n"}


class Link:
    """A connection, whose answers are read one by one."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    @classmethod
    async def open(cls, server, scheme) -> "Link":
        context = server.tls_context() if scheme == "wss" else None
        port = server.tls_port if scheme == "wss" else server.port
        return cls(*await asyncio.open_connection("127.0.0.1", port, ssl=context))

    def send(self, text: str) -> None:
        self.writer.write(text.encode("latin-1"))

    async def answer(self, is_head: bool = False) -> tuple[int, dict, bytes]:
        head = (await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 30)).decode("latin-1")
        first, *lines = head[:-4].split("\r\n")
        fields = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        status = int(first.split(" ")[1])
        body = b""
        if not is_head and status not in (100, 101, 204, 304):
            body = await asyncio.wait_for(self.reader.readexactly(int(fields["content-length"])), 30)
        return status, fields, body

    async def is_closed(self) -> bool:
        try:
            return await asyncio.wait_for(self.reader.read(1), 30) == b""
        except (ConnectionError, ssl.SSLError):
            return True

    async def close(self) -> None:
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except (ConnectionError, ssl.SSLError):
            pass


@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("rule", RULES)
async def test_rule(pharos, scheme, rule, before):
    text, *expected = RULES[rule]
    link = await Link.open(pharos, scheme)
    if BEFORE[before]:
        link.send(BEFORE[before])
        await link.answer()
    link.send(text)
    heads = [part.startswith("HEAD ") for part in text.split("\r\n\r\n")]
    for number, step in enumerate(expected):
        if step == "close":
            assert await link.is_closed()
        elif step == "open":
            pass
        elif isinstance(step, str):
            link.send(step)
        else:
            status, fields, body = await link.answer(heads[min(number, len(heads) - 1)])
            assert status == step, (status, body)
            if status >= 200:
                assert fields["date"].endswith(" GMT")
            if status >= 400 and body:
                assert fields["content-type"] == "application/json"
            if status == 401:
                assert fields["www-authenticate"] == "apikey"
            if status == 405:
                assert fields["allow"]
            closes = number + 1 < len(expected) and expected[number + 1] == "close"
            assert (fields.get("connection") == "close") == closes
    if expected[-1] not in ("close", "open"):
        # Whatever was served: the connection is still the edge's, and becomes a WebSocket.
        link.send(HELLO + "\r\n")
        assert (await link.answer())[0] == 101
    await link.close()


@pytest.mark.parametrize("piece", [1, 7])
async def test_a_request_in_pieces_beside_a_waiting_poll(launch, scheme, piece):
    """A body in chunks, behind another request, that comes later than its head: nothing of it is lost."""
    server = launch(EVERYWHERE)
    link = await Link.open(server, scheme)
    link.send("GET /poll?channel=open:http-rules&wait=2 HTTP/1.1\r\nHost: a\r\n\r\n" + CHUNKED + "\r\n")
    assert (await link.answer())[0] == 200
    for start in range(0, len(WHOLE), piece):
        link.send(WHOLE[start : start + piece])
        await link.writer.drain()
    status, _, body = await link.answer()
    assert status == 200 and b"error" not in body
    await link.close()


async def test_streams_and_polls_of_http_1_0(launch, scheme):
    """A proxy that speaks HTTP/1.0 to its upstream, as nginx does unless told otherwise."""
    server = launch(merged(EVERYWHERE, {"channel": {"without_namespace": OPEN}}))
    event = '{"id":1,"connect":{"subs":{}}}'
    requests = {
        "/poll?channel=old": "GET /poll?channel=old&wait=1 HTTP/1.0\r\n\r\n",
        "/events": "GET /events?channel=old HTTP/1.0\r\n\r\n",
        "/connection/http_stream": f"POST /connection/http_stream HTTP/1.0\r\nContent-Length: {len(event)}\r\n\r\n{event}",
        "/connection/sse": f"POST /connection/sse HTTP/1.0\r\nContent-Length: {len(event)}\r\n\r\n{event}",
    }
    for path, request in requests.items():
        link = await Link.open(server, scheme)
        link.send(request)
        head = (await asyncio.wait_for(link.reader.readuntil(b"\r\n\r\n"), 30)).decode()
        assert head.startswith("HTTP/1.1 200 ")
        assert "transfer-encoding" not in head.lower()
        if path == "/events":
            server.publish("old", {"news": 1})
            text = await asyncio.wait_for(link.reader.readuntil(b'{"news": 1}\n\n'), 30)
            assert b"\r\n" not in text
        elif path.startswith("/connection"):
            first = await asyncio.wait_for(link.reader.readuntil(b"\n"), 30)
            assert first.strip() == b"" or first.startswith(b"{")
        await link.close()


async def test_idle_connections_do_not_shut_out_health(launch, scheme):
    """More idle connections than the server has descriptors: those that idle longest give way."""
    server = launch(open_files=300)
    links = []
    for _ in range(400):
        try:
            link = await asyncio.wait_for(Link.open(server, scheme), 30)
        except (ConnectionError, ssl.SSLError):
            continue
        link.send("GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n")
        links.append(link)
        if len(links) == 150:
            # A new connection is left alone for a second.
            await asyncio.sleep(1.1)
    for _ in range(50):
        link = await asyncio.wait_for(Link.open(server, scheme), 30)
        link.send(GET + "\r\n")
        assert (await link.answer())[0] == 200
        links.append(link)
    for link in links:
        await link.close()


async def test_uploads_without_a_key_do_not_shut_out_the_api(launch, scheme):
    server = launch({"edge": {"body_budget": "65536", "shards": 1}, "http_api": {"max_body_size": 65536}})
    stalled = []
    for path in ["/api/publish"] * 8 + ["/nothing"] * 8:
        link = await Link.open(server, scheme)
        link.send(f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n" + "x" * 30000)
        stalled.append(link)
    for link in stalled[:8]:
        assert (await link.answer())[0] == 401
    await asyncio.to_thread(server.publish, "any", {"still": "served"})
    # Half of the budget is for those who have shown a key.
    statuses = []
    for link in stalled[8:]:
        link.send("x" * 30000)
        statuses.append((await link.answer())[0])
    assert set(statuses) <= {404, 503} and 503 in statuses
    for link in stalled:
        await link.close()


async def test_the_idle_timeout_is_configurable(launch, scheme):
    server = launch({"edge": {"idle_timeout": "300ms"}})
    link = await Link.open(server, scheme)
    link.send(GET + "\r\n")
    assert (await link.answer())[0] == 200
    assert await link.is_closed()
