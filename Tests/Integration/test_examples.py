"""The example programs that embed the library, and the snippets of its documentation, as people run them.

PHAROS_EXAMPLES: where they were built.
"""

import asyncio
import contextlib
import http.client
import os
import pathlib
import socket
import subprocess

import pytest

from harness.events import EventStream
from harness.server import ROOT, Answer, Server, clean_environment, free_port, poll


class Program(Server):
    """An example: `port` is that of its Pharos, `page` that of its own server."""

    def __init__(self, directory: pathlib.Path, name: str, *snippet: str):
        super().__init__(directory, None)
        self.page = free_port()
        builds = pathlib.Path(os.environ.get("PHAROS_EXAMPLES", ROOT / ".build" / "debug"))
        self.program = builds / name
        self.snippet = snippet
        # The chat's clients connect to its Pharos directly, the ticker's only to its page.
        self.schemes = {"Chat": [self.page, self.port], "Ticker": [self.page], "Snippets": [self.port]}[name]
        self.environment = {"PORT": str(self.page), "PHAROS_PORT": str(self.port)}

    def spawn(self) -> subprocess.Popen:
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [self.program, *self.snippet], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.directory,
                env=clean_environment() | self.environment)
        return self.process

    def _is_ready(self) -> bool:
        assert self.is_running, f"exit status {self.process.returncode}"
        return all(answers(scheme) for scheme in self.schemes)

    def wait_for_line(self, beginning: str) -> str:
        def found() -> str | None:
            return next((line for line in self.log().splitlines() if line.startswith(beginning)), None)

        return poll(found, f"a line that begins with {beginning!r}")


def answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
        return True
    return False


@pytest.fixture
def run(tmp_path, request):
    """Starts an example; after the story it must end in good order at SIGTERM."""
    programs = []

    def start(name: str, *snippet: str) -> Program:
        program = Program(tmp_path, name, *snippet)
        # For the snippet that reads its configuration from a file.
        (tmp_path / "pharos.yaml").write_text(f"http_server:\n  port: {program.port}\n")
        if "PHAROS_EXAMPLES" not in os.environ and not program.program.exists():
            pytest.skip(f"SKIP example {name}: not built, looked for {program.program}")
        request.node.log_of = program.log
        programs.append(program)
        return program.start()

    yield start
    for program in programs:
        program.stop()


async def ask(program: Program, method: str, path: str, body: bytes | None = None, cookie: str = "") -> Answer:
    """A request to the example's own server."""

    def whole() -> Answer:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", program.page, timeout=20)) as connection:
            connection.request(method, path, body, {"Cookie": cookie} if cookie else {})
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())

    return await asyncio.to_thread(whole)


# The chat


async def online(peer) -> int:
    return (await peer.publication("online"))["data"]["online"]


async def until_online(peer, count: int) -> None:
    """Counts may come that were true for a moment only."""
    async with asyncio.timeout(30):
        while await online(peer) != count:
            pass


async def test_the_chat_tells_who_speaks_and_how_many_are_there(run, dial):
    """Closures name the user and its channels, rewrite what is said, and count who is online, also after a cut."""
    chat = run("Chat")
    await asyncio.to_thread(poll, lambda: answers(chat.port), "the chat's Pharos")
    page = await ask(chat, "GET", "/")
    assert page.status == 200 and f":{chat.port}/".encode() in page.body
    origin = {"Origin": f"http://127.0.0.1:{chat.page}"}
    ann = await dial(chat, headers=origin)
    assert set((await ann.connect(data={"name": " ann "}))["subs"]) == {"talk", "online"}
    await until_online(ann, 1)
    bob = await dial(chat, headers=origin, connect={"data": {"name": "bob"}})
    await until_online(ann, 2)
    await ann.ask("publish", channel="talk", data={"text": "hi", "from": "bob"})
    for peer in (ann, bob):
        assert (await peer.publication("talk"))["data"] == {"from": "ann", "text": "hi"}
    assert await bob.refused("publish", channel="talk", data={"text": ""}) == 400
    assert await bob.refused("publish", channel="online", data={"online": 1_000}) == 103
    assert await bob.refused("subscribe", channel="other") == 103
    bob.break_off()
    await until_online(ann, 1)
    # Who comes late sees the last lines.
    carl = await dial(chat, connect={"data": {"name": "carl"}})
    lines = (await carl.ask("history", channel="talk", limit=50))["publications"]
    assert [line["data"] for line in lines] == [{"from": "ann", "text": "hi"}]


@pytest.mark.parametrize("data", [{}, {"name": ""}, {"name": "x" * 31}, {"name": 7}, [], None])
async def test_the_chat_wants_a_name(run, dial, data):
    stranger = await dial(run("Chat"))
    assert await stranger.refused("connect", **({} if data is None else {"data": data})) == 400


async def test_another_page_does_not_get_into_the_chat(run, dial):
    chat = run("Chat")
    with pytest.raises(Exception, match="403"):
        await dial(chat, headers={"Origin": "http://elsewhere.example"})


# The ticker


async def login(ticker: Program) -> str:
    answer = await ask(ticker, "POST", "/login", b"user=ann&password=secret")
    assert answer.status == 204
    return answer.headers["Set-Cookie"].partition(";")[0]


async def prices(ticker: Program, cookie: str) -> EventStream:
    stream = EventStream(ticker.page, headers={"Cookie": cookie})
    stream.path = "/prices"
    return await stream.open()


async def price(stream: EventStream, symbol: str) -> float:
    """The next price of a symbol; those of others go by."""
    async with asyncio.timeout(30):
        while (event := await stream.event()).name != f"price:{symbol}":
            assert event.name in ("message", "price:ACME", "price:INIT"), event
    told = event.json
    assert told["symbol"] == symbol
    return told["price"]


async def test_the_ticker_is_behind_the_login(run):
    """The application's own middleware is the only way to the streamer."""
    ticker = run("Ticker")
    assert (await ask(ticker, "GET", "/")).status == 200
    assert (await ask(ticker, "POST", "/login", b"user=ann&password=guess")).status == 401
    for cookie in ("", "session=guess"):
        for method, path in (("GET", "/prices"), ("PUT", "/prices/ACME"), ("DELETE", "/prices/ACME")):
            assert (await ask(ticker, method, path, cookie=cookie)).status == 401, (method, path)
    # Pharos itself opens no port.
    assert not answers(ticker.port)


async def test_the_ticker_tells_the_prices_that_were_asked_for(run):
    """Subscribed beside the stream, another symbol while it is open, and on again after a cut."""
    ticker = run("Ticker")
    cookie = await login(ticker)
    stream = await prices(ticker, cookie)
    assert stream.response.status == 200 and stream.response.headers["content-type"].startswith("text/event-stream")
    assert (await ask(ticker, "PUT", "/prices/ACME", cookie=cookie)).status == 204
    assert await price(stream, "ACME") > 0
    assert (await ask(ticker, "PUT", "/prices/INIT", cookie=cookie)).status == 204
    assert await price(stream, "INIT") > 0
    assert (await ask(ticker, "DELETE", "/prices/ACME", cookie=cookie)).status == 204
    # What was on its way may still come, then only the other.
    names = [(await stream.event()).name for _ in range(8)]
    assert names[-4:] == ["price:INIT"] * 4
    stream.break_off()
    stream = await prices(ticker, cookie)
    assert await price(stream, "INIT") > 0
    stream.close()


async def test_logins_do_not_share_a_stream(run):
    ticker = run("Ticker")
    one, two = await login(ticker), await login(ticker)
    assert one != two
    streams = [await prices(ticker, each) for each in (one, two)]
    for cookie, symbol in ((one, "ACME"), (two, "INIT")):
        assert (await ask(ticker, "PUT", f"/prices/{symbol}", cookie=cookie)).status == 204
    for stream, symbol in zip(streams, ("ACME", "INIT")):
        heard = [event for event in [await stream.event() for _ in range(4)] if event.name != "message"]
        assert heard and {event.name for event in heard} == {f"price:{symbol}"}
        stream.close()


# The snippets that are a server alone, or a group of their own; and those that are a service beside it.
ALONE = ("run", "group", "fileConfiguration", "hooks", "ids")
BESIDE = ("calls", "subscription", "recovery", "streamer", "streamerBehindLogin")


@pytest.mark.parametrize(
    "name, place", [(name, "first") for name in ALONE] + [(name, place) for name in BESIDE for place in ("first", "last")])
async def test_a_snippet_of_the_documentation_runs_until_it_is_told_to_end(run, name, place):
    """In good order at SIGTERM, wherever the server stands in its group, and with a page that listens."""
    program = run("Snippets", name, place)
    streams = []
    if name not in ("run", "group"):
        await asyncio.to_thread(program.wait_for_line, "ready")
    if name == "calls":
        await asyncio.to_thread(program.wait_for_line, "called")
    if name.startswith("streamer"):
        query = ""
        if name == "streamer":
            query = "?id=" + (await asyncio.to_thread(program.wait_for_line, "client ")).split()[1]
        await asyncio.to_thread(poll, lambda: answers(program.page), "the pages")
        stream = EventStream(program.page)
        stream.path = "/stream" + query
        streams.append(await stream.open())
        assert (await stream.event()).json["config"]
    program.terminate()
    assert await asyncio.to_thread(program.wait) == 0, program.log()
    if name == "recovery":
        assert any(line.endswith(":2 2") for line in program.log().splitlines()), program.log()
    for stream in streams:
        stream.close()


async def test_open_streams_do_not_hold_up_the_end(run):
    """Pages that listen are no reason not to go."""
    ticker = run("Ticker")
    cookie = await login(ticker)
    stream = await prices(ticker, cookie)
    assert (await ask(ticker, "PUT", "/prices/ACME", cookie=cookie)).status == 204
    await price(stream, "ACME")
    ticker.terminate()
    assert await asyncio.to_thread(ticker.wait) == 0
    stream.close()
