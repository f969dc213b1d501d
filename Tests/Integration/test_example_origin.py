"""The example that docs/origin.md leads to: run as its README says, with nothing but Python's own library."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import pathlib
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest
import websockets

from harness.http_client import HTTPClient
from harness.peer import PATIENCE
from harness.raw import RawPeer
from harness.server import ROOT, Server, free_port, poll
from harness.origin import is_signed

EXAMPLE = ROOT / "Examples" / "origin-python"
SECRET = "the secret of the example, for this run only"


class Application:
    """The running example, and what it has printed."""

    def __init__(self, directory: pathlib.Path):
        self.port = free_port()
        self.log = directory / "origin.log"
        self.process: subprocess.Popen | None = None

    def start(self) -> "Application":
        # -I and -S: no package of this machine's can help it.
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(EXAMPLE / "origin.py"), str(self.port)], stdout=log, stderr=log,
                stdin=subprocess.DEVNULL, env={"PHAROS_ORIGINS_APP_SECRET": SECRET})
        poll(self._is_up, "the example to listen")
        return self

    def _is_up(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        with contextlib.suppress(OSError):
            return self.cookie("nobody") != ""
        return False

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()

    def cookie(self, user: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/login?user={user}", timeout=5) as answer:
            return answer.headers["Set-Cookie"].partition(";")[0]

    def told(self) -> list[dict]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]


@pytest.fixture
def application(tmp_path):
    application = Application(tmp_path).start()
    yield application
    application.stop()


@pytest.fixture
def server(tmp_path, application):
    server = Server(tmp_path, None, environment={"PHAROS_ORIGINS_APP_SECRET": SECRET})
    text = (EXAMPLE / "pharos.yaml").read_text()
    text = text.replace("port: 8000", f"port: {server.port}").replace(":9000/", f":{application.port}/")
    (tmp_path / "pharos.yaml").write_text(text)
    server.arguments += ["--config", str(tmp_path / "pharos.yaml"), "--set", "http_api.key=example-key"]
    yield server.start()
    server.stop()


async def test_the_example_decides_who_gets_in_and_what_is_said(server, application, dial):
    ann = await dial(server, headers={"Cookie": application.cookie("ann")})
    welcome = await ann.connect()
    assert set(welcome["subs"]) == {"news:all", "user:ann"}
    eve = await dial(server, headers={"Cookie": application.cookie("eve")}, connect={})
    for peer in (ann, eve):
        await peer.subscribe("chat:lobby")
    await ann.subscribe("chat:vip-1")
    assert await eve.refused("subscribe", channel="chat:vip-1") == 403
    await eve.ask("publish", channel="chat:lobby", data={"text": "darn"})
    await eve.ask("publish", channel="chat:lobby", data={"text": " "})
    assert await eve.refused("publish", channel="chat:lobby", data={"from": "ann"}) == 400
    await eve.ask("publish", channel="chat:lobby", data={"text": "bye"})
    for peer in (ann, eve):
        heard = [each["data"] for each in await peer.publications(2, "chat:lobby")]
        assert heard == [{"from": "eve", "text": "d***"}, {"from": "eve", "text": "bye"}]
    assert (await ann.ask("rpc", method="app:add", data=[1, 2, 3]))["data"] == 6
    assert (await ann.ask("rpc", method="app:since", data=None))["data"] > 1_700_000_000
    await ann.send({"send": {"data": "hello"}})
    await asyncio.to_thread(poll, lambda: any(e.get("data") == "hello" for e in application.told()), "the message")
    client = ann.client
    await ann.close()
    await asyncio.to_thread(
        poll, lambda: [e for e in application.told() if e.get("client") == client][-1:] != []
        and [e for e in application.told() if e.get("client") == client][-1]["event"] == "disconnected", "the end")


async def test_the_transcript_of_the_readmes(server, application):
    """One request without any library: what the two READMEs show."""
    lines = [
        {"id": 1, "connect": {}}, {"id": 2, "subscribe": {"channel": "chat:lobby"}},
        {"id": 3, "publish": {"channel": "chat:lobby", "data": {"text": "darn, hello"}}},
        {"id": 4, "rpc": {"method": "app:add", "data": [1, 2, 3]}}]
    client = HTTPClient(server.port)
    body = "\n".join(map(json.dumps, lines)).encode()
    response = await client.send("POST", "/connection/http_stream", body, {"Cookie": application.cookie("ann")})
    heard = b""
    async with asyncio.timeout(PATIENCE):
        async for chunk in response.chunks():
            heard += chunk
            if heard.count(b"\n") == 5:
                break
    client.close()
    # Whether the publication or the call is answered first is for the application to say.
    first, second, third, last, push = sorted(map(json.loads, heard.splitlines()), key=lambda line: line.get("id", 9))
    assert set(first["connect"]["subs"]) == {"user:ann", "news:all"}
    assert (second, third, last) == ({"id": 2, "subscribe": {}}, {"id": 3, "publish": {}}, {"id": 4, "rpc": {"data": 6}})
    assert push["push"]["channel"] == "chat:lobby" and push["push"]["pub"]["info"]["user"] == "ann"
    assert push["push"]["pub"]["data"] == {"from": "ann", "text": "d***, hello"}
    client = HTTPClient(server.port)
    refused = await client.send("POST", "/connection/http_stream", b'{"id":1,"connect":{}}')
    assert json.loads(await anext(refused.chunks())) == {"id": 1, "error": {"code": 101, "message": "log in first"}}
    client.close()


@pytest.mark.parametrize("cookie", ["", "session=", "session=YW5u.0000", "session=ann", "session=%", "other=1"])
async def test_without_the_cookie_nobody_gets_in(server, dial, cookie):
    stranger = await dial(server, headers={"Cookie": cookie} if cookie else None)
    assert await stranger.refused("connect") == 101
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with RawPeer(server, "/shout", additional_headers={"Cookie": cookie} if cookie else None):
            pass
    assert refused.value.response.status_code == 401


async def test_raw_messages_are_answered(server, application):
    async with RawPeer(server, "/shout", additional_headers={"Cookie": application.cookie("ann")}) as peer:
        await peer.send("hello", b"\x01", "twice", "bye")
        assert [await peer.hear() for _ in range(4)] == ["HELLO", b"\x01", "one", "two"]
        assert await peer.ended() == (1000, "bye")


async def test_it_keeps_nothing(server, application, dial):
    """Restarted in the middle, it goes on: the cookie and Pharos hold everything."""
    ann = await dial(server, headers={"Cookie": application.cookie("ann")}, connect={})
    await ann.subscribe("chat:lobby")
    application.stop()
    assert (await ann.call("rpc", method="app:time", data=None))["error"]["code"] == 100
    application.start()
    assert (await ann.ask("rpc", method="app:time", data=None))["data"]
    await ann.ask("publish", channel="chat:lobby", data={"text": "still here"})
    assert (await ann.publication("chat:lobby"))["data"]["text"] == "still here"


def test_it_believes_nobody_but_pharos(application):
    """Without the signature, with another, or with that of an hour ago: 403."""

    def send(secret: str, age: int, body: bytes = b"{}") -> int:
        stamp = str(int(time.time()) - age)
        digest = hmac.new(secret.encode(), f"1.{stamp}.".encode() + body, hashlib.sha256).digest()
        headers = {
            "ce-type": "pharos.client.refresh", "webhook-id": "1", "webhook-timestamp": stamp,
            "webhook-signature": "v1," + base64.b64encode(digest).decode()}
        assert is_signed(headers, body, secret) is (abs(age) < 300)
        request = urllib.request.Request(f"http://127.0.0.1:{application.port}/pharos", body, headers)
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return answer.status
        except urllib.error.HTTPError as refused:
            refused.close()
            return refused.code

    assert send(SECRET, 0) == 200
    assert send(SECRET, 3600) == 403
    assert send("another secret", 0) == 403
    assert send(SECRET, -3600) == 403
