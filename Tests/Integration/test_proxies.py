"""Two nodes behind nginx, HAProxy and Caddy, with the configurations of docs/deployment.md."""

import asyncio
import json
import re
import socket

import pytest

from harness.configuration import API_KEY
from harness.emulated import news
from harness.events import EventStream
from harness.everywhere import EVERYWHERE, SPEAKING, meet  # noqa: F401
from harness.http_client import HTTPClient
from harness.peer import Cut
from harness.proxies import PROXIES, Behind, program, shown
from harness.server import poll

# The proxies' own side of the connections, told apart from the clients'.
PROXY, CLIENT = "127.0.0.1", "127.0.0.2"
CHANGES = EVERYWHERE | {"edge": {"trusted_proxies": [PROXY]}}


@pytest.fixture(params=sorted(PROXIES))
def proxy_name(request) -> str:
    if program(request.param) is None:
        pytest.skip(f"SKIP {request.param}: not found")
    return request.param


@pytest.fixture
def behind(tmp_path, request, proxy_name):
    """Starts two nodes and the proxy in front of them."""
    made: list[Behind] = []
    request.node.log_of = lambda: "".join(
        f"--- {node.directory.name}\n{node.log()[-2000:]}" for each in made for node in each.nodes
    ) + "".join(f"--- proxy\n{each.proxy.log()[-3000:]}" for each in made)

    def start(changes: dict | None = None, timeout: str | None = None) -> Behind:
        made.append(Behind(tmp_path / f"behind{len(made)}", proxy_name, CHANGES | (changes or {}), timeout))
        return made[-1].start()

    yield start
    for each in made:
        each.stop()


async def ask(port: int, method: str, path: str, body: bytes | None = None, headers: dict | None = None):
    client = HTTPClient(port)
    try:
        return await client.ask(method, path, body, headers)
    finally:
        client.close()


def clients_of(node) -> float:
    return node.metric("pharos_node_num_clients")


async def test_every_transport_carries_the_same_through_the_proxy(behind, meet):  # noqa: F811
    made = behind()
    name = "open:everywhere"
    peers = []
    for kind in SPEAKING:
        peer = await meet(made.nodes[0], kind, port=made.proxy.port)
        await peer.subscribe(name)
        peers.append(peer)
    stream, first = await EventStream.listen(made.proxy.port, [name])
    assert first["subscriptions"] == [name]
    # From both nodes, and from a client at either.
    for index, node in enumerate(made.nodes):
        await asyncio.to_thread(node.publish, name, {"n": index})
    for number, peer in enumerate(peers):
        await peer.ask("publish", channel=name, data={"from": number})
    count = len(made.nodes) + len(peers)
    seen = [await peer.publications(count, name) for peer in peers]
    assert all([each["offset"] for each in publications] == list(range(1, count + 1)) for publications in seen)
    assert all([each["data"] for each in publications] == [each["data"] for each in seen[0]] for publications in seen)
    events = await stream.events(count)
    assert [event.json for event in events] == [each["data"] for each in seen[0]]
    answer = await news(made.proxy.port, [name], from_="oldest", wait=0)
    assert [each["data"] for each in answer["channels"][name]["publications"]] == [each["data"] for each in seen[0]]
    # Both nodes have clients: the proxy spreads what may be spread.
    assert all([await asyncio.to_thread(clients_of, node) > 0 for node in made.nodes])
    stream.close()


async def test_a_poll_waits_through_the_proxy(behind):
    made = behind()
    name = "open:late"
    await asyncio.to_thread(made.nodes[0].publish, name, {"n": 1})
    waits = asyncio.create_task(news(made.proxy.port, [name], since=["1"], wait=50))
    await asyncio.to_thread(
        poll, lambda: sum(node.metric("pharos_transport_waiting_polls") for node in made.nodes) == 1, "the poll to wait")
    await asyncio.to_thread(made.nodes[1].publish, name, {"n": 2})
    answer = await waits
    assert [each["data"] for each in answer["channels"][name]["publications"]] == [{"n": 2}]


async def test_pings_keep_connections_that_the_proxy_would_cut(behind, meet):  # noqa: F811
    """The page's timeouts and pings, both shorter: four pings in a row take longer than the timeout."""
    made = behind({"client": {"ping_interval": "2s", "pong_timeout": "1s"}}, timeout="5s")
    peers = [await meet(made.nodes[0], kind, port=made.proxy.port) for kind in ("websocket-json", "http_stream-json", "sse-get")]
    stream, _ = await EventStream.listen(made.proxy.port, ["open:idle"])

    async def four_pings(peer) -> None:
        for _ in range(4):
            await peer.ping()

    async def four_comments() -> None:
        for _ in range(4):
            await stream.comment()

    await asyncio.gather(four_comments(), *(four_pings(peer) for peer in peers))
    for peer in peers:
        await peer.subscribe("open:idle")
    await asyncio.to_thread(made.nodes[1].publish, "open:idle", {"n": 1})
    for peer in peers:
        assert (await peer.publication("open:idle"))["data"] == {"n": 1}
    assert (await stream.event()).json == {"n": 1}
    stream.close()


def seconds(text: str) -> float:
    number, unit = re.fullmatch(r"(\d+)(ms|s|m|h)", text).groups()
    return int(number) * {"ms": 0.001, "s": 1, "m": 60, "h": 3600}[unit]


def test_the_timeouts_of_the_page_are_longer_than_the_server_is_silent():
    """A ping every 25 s, and polls of at most 60 s; idle connections to the server end before its 75 s are over."""
    patient = {
        "nginx": [r"proxy_read_timeout (\w+)", r"proxy_send_timeout (\w+)"],
        "haproxy": [r"timeout client (\w+)", r"timeout server (\w+)", r"timeout tunnel\s+(\w+)"],
    }
    for name, patterns in patient.items():
        for pattern in patterns:
            found = re.findall(pattern, shown(name))
            assert found and all(seconds(each) > 60 for each in found), (name, pattern, found)
    idle = {"nginx": r"keepalive_timeout (\w+)", "haproxy": r"timeout http-keep-alive (\w+)", "caddy": r"keepalive (\w+)"}
    for name, pattern in idle.items():
        found = re.findall(pattern, shown(name))
        assert found and all(seconds(each) < 75 for each in found), (name, found)


async def holder(made: Behind) -> int:
    """The node that holds the only client."""
    counts = [await asyncio.to_thread(clients_of, node) for node in made.nodes]
    assert sorted(counts) == [0, 1], counts
    return counts.index(1)


@pytest.mark.parametrize("kind", ["websocket-json", "http_stream-json", "sse-post", "session-poll"])
@pytest.mark.parametrize("end", ["SIGTERM", "SIGKILL"])
async def test_a_client_whose_node_ends_goes_on_at_the_other(behind, meet, kind, end):  # noqa: F811
    made = behind()
    name = "open:moving"
    peer = await meet(made.nodes[0], kind, port=made.proxy.port)
    start = await peer.subscribe(name)
    here = await holder(made)
    other = made.nodes[1 - here]
    await asyncio.to_thread(other.publish, name, {"n": 1})
    seen = await peer.publication(name)
    if end == "SIGTERM":
        made.nodes[here].terminate()
        if kind == "session-poll":
            # Its poll may wait at the other node, which then has nothing to say but that the session is gone.
            await asyncio.wait([peer._reader], timeout=60)
            assert peer._reader.done() and (peer.goodbye is None or peer.goodbye["code"] == 3001)
        else:
            assert await peer.ended() == 3001
        assert await asyncio.to_thread(made.nodes[here].wait) == 0
    else:
        await asyncio.to_thread(made.nodes[here].kill)
    await asyncio.to_thread(other.publish, name, {"n": 2})
    result = None
    # What the proxy knows of the node is a moment old: a client tries again from its position, as every SDK does.
    async with asyncio.timeout(60):
        while result is None:
            try:
                back = await meet(other, kind, port=made.proxy.port)
                result = await back.subscribe(name, recover=True, epoch=start["epoch"], offset=seen["offset"])
            except Exception as refused:  # Each transport has an error of its own.
                gone = isinstance(refused, (OSError, Cut)) or re.search(r"\b50[234]\b", str(refused))
                assert gone, refused
                await asyncio.sleep(0.1)
    assert result["recovered"] is True
    assert [each["data"] for each in result["publications"]] == [{"n": 2}]


async def test_the_clients_address_comes_through_and_no_other(behind):
    """Whatever a client writes into the header itself: the address that the proxy saw is logged."""
    made = behind()
    request = (
        f"GET /connection/websocket HTTP/1.1\r\nHost: 127.0.0.1:{made.proxy.port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: https://elsewhere.example\r\n"
        "X-Forwarded-For: 6.6.6.6\r\n\r\n")

    def knock() -> bytes:
        with socket.create_connection((PROXY, made.proxy.port), timeout=20, source_address=(CLIENT, 0)) as link:
            link.sendall(request.encode())
            return link.recv(4_096)

    answer = await asyncio.to_thread(knock)
    assert answer.startswith(b"HTTP/1.1 403"), answer
    lines = [line for node in made.nodes for line in node.log().splitlines() if "origin refused" in line]
    assert len(lines) == 1 and f"address={CLIENT} " in lines[0], lines


async def test_what_is_for_the_inside_stays_inside(behind):
    made = behind()
    for path in ("/api/publish", "/api/info", "/api", "/metrics", "/health", "/health/ready"):
        headers = {"X-API-Key": API_KEY, "Content-Type": "application/json"}
        body = json.dumps({"channel": "open:x", "data": 1}).encode()
        for method, content in (("POST", body), ("GET", None)):
            status, _, _ = await ask(made.proxy.port, method, path, content, headers)
            assert status == 404, (method, path, status)
    assert (await asyncio.to_thread(made.nodes[0].request, "GET", "/health/ready")).status == 200
