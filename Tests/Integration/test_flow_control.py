"""Flow control: what happens to those who read too slowly, and to those who ask too fast."""

import asyncio

import pytest

from harness import tokens
from harness.configuration import OPEN, PLAIN
from harness.emulated import StreamPeer
from harness.everywhere import EVERYWHERE, SPEAKING, meet  # noqa: F401
from harness.server import poll as poll_until

NAMESPACES = [
    {"name": "close", **PLAIN},
    {"name": "oldest", **PLAIN, "slow_reader": "drop_oldest"},
    {"name": "position", **OPEN, "history_size": 10_000, "slow_reader": "drop_oldest"},
    {"name": "latest", **PLAIN, "slow_reader": "latest"},
    {"name": "conflate", **PLAIN, "slow_reader": "conflate", "conflation_tag": "symbol"},
]
SETTINGS = EVERYWHERE | {
    "channel": {"namespaces": NAMESPACES},
    "client": {"queue_max_size": 65_536, "ping_interval": "25s"},
    "websocket": {"write_timeout": "60s"},
    "edge": {"shards": 1},
}
FILL = "x" * 2_000


@pytest.fixture
def server(launch):
    return launch(SETTINGS)


async def batch(server, channel: str, first: int, last: int, tags=None) -> None:
    """Publishes the numbers from first to last, a hundred per request."""
    for start in range(first, last + 1, 100):
        commands = []
        for number in range(start, min(start + 100, last + 1)):
            publish = {"channel": channel, "data": {"n": number, "fill": FILL}}
            commands.append({"publish": publish | ({"tags": tags(number)} if tags else {})})
        answer = await asyncio.to_thread(server.api, "batch", {"commands": commands})
        assert all("publish" in reply for reply in answer.json["replies"])


def stall(peer) -> None:
    if isinstance(peer, StreamPeer):
        peer.stream.pause()
    else:
        peer.socket.transport.pause_reading()


def wake(peer) -> None:
    if isinstance(peer, StreamPeer):
        peer.stream.resume()
    else:
        peer.socket.transport.resume_reading()


async def heard_until(peer, channel: str, last: int) -> tuple[list[dict], int]:
    """All publications up to the number `last`, and how many were told to be dropped."""
    publications, dropped = [], 0
    while not publications or publications[-1]["data"]["n"] != last:
        message = await peer.take(lambda each: each.get("push", {}).get("channel") == channel, f"{channel} {last}")
        push = message["push"]
        if "pub" in push:
            publications.append(push["pub"])
        elif "message" in push:
            dropped += push["message"]["data"]["lagging"]["dropped"]
    return publications, dropped


# One who keeps up


@pytest.mark.parametrize("namespace", ["close", "oldest", "position", "latest", "conflate"])
async def test_whoever_keeps_up_gets_everything(server, meet, namespace):
    """Whatever the policy: nothing is dropped for a client that reads."""
    channel = f"{namespace}:x"
    clients = [await meet(server, kind) for kind in ("websocket-json", "websocket-protobuf", "http_stream-json", "sse-get")]
    for client in clients:
        await client.subscribe(channel)
    for number in range(1, 201):
        server.publish(channel, {"n": number}, tags={"symbol": "A"})
        for client in clients:
            assert (await client.publication(channel))["data"]["n"] == number


# One who does not


@pytest.mark.parametrize("kind", ["websocket-json", "websocket-protobuf", "http_stream-json", "sse-get"])
async def test_drop_oldest_tells_how_many(server, meet, kind):
    """The oldest that wait are dropped, the newest arrive, and a notice carries the exact count."""
    reader = await meet(server, "websocket-json")
    await reader.subscribe("oldest:x")
    slow = await meet(server, kind)
    await slow.subscribe("oldest:x")
    stall(slow)
    await batch(server, "oldest:x", 1, 8_000)
    assert (await heard_until(reader, "oldest:x", 8_000))[1] == 0
    wake(slow)
    publications, dropped = await heard_until(slow, "oldest:x", 8_000)
    # Replies are never dropped; the notice of what was dropped last comes after what was kept, and before the next reply.
    await slow.fence()
    dropped += sum(push["message"]["data"]["lagging"]["dropped"] for push in slow.pushes("oldest:x"))
    seen = [publication["data"]["n"] for publication in publications]
    assert seen == sorted(set(seen)), "in order, none twice"
    assert dropped > 0 and dropped == 8_000 - len(seen)
    assert server.metric("pharos_client_slow_closed_total") == 0


async def test_a_positioned_subscription_that_lags_is_told_and_can_recover(server, meet):
    """The offsets show the same gap as the notice, and history fills it."""
    slow = await meet(server, "websocket-json")
    start = await slow.subscribe("position:x")
    stall(slow)
    await batch(server, "position:x", 1, 6_000)
    wake(slow)
    publications, dropped = await heard_until(slow, "position:x", 6_000)
    # The notice of what was dropped last comes after what was kept.
    await slow.fence()
    dropped += sum(push["message"]["data"]["lagging"]["dropped"] for push in slow.pushes("position:x"))
    offsets = [publication["offset"] for publication in publications]
    missing = sorted(set(range(1, 6_001)) - set(offsets))
    assert dropped == len(missing) > 0
    history = await slow.ask(
        "history", channel="position:x", limit=5, since={"epoch": start["epoch"], "offset": missing[0] - 1})
    assert history["publications"][0]["offset"] == missing[0]


async def test_latest_keeps_only_the_newest(server, meet):
    """One who stalls finds the newest value, not the queue; what was already on its way comes before it."""
    slow = await meet(server, "websocket-json")
    await slow.subscribe("latest:x")
    stall(slow)
    await batch(server, "latest:x", 1, 6_000)
    wake(slow)
    publications, _ = await heard_until(slow, "latest:x", 6_000)
    seen = [publication["data"]["n"] for publication in publications]
    assert seen == sorted(set(seen)) and seen[-1] == 6_000
    # All that the sockets held; then what waited. A socket that found room in between took the newest of its time:
    # those are few, where a queue of 64 KiB would have held thirty in a row.
    waited = [number for place, number in enumerate(seen, 1) if number != place]
    assert 1 <= len(waited) < 15 and waited[0] > seen.index(waited[0]) + 100
    assert server.metric("pharos_client_slow_closed_total") == 0


async def test_conflation_keeps_the_newest_of_each_key(server, meet):
    """Per value of the tag the newest arrives; a slow reader never holds more than one of each."""
    symbols = [f"S{number}" for number in range(10)]
    slow = await meet(server, "websocket-json")
    await slow.subscribe("conflate:x")
    stall(slow)
    await batch(server, "conflate:x", 1, 6_000, tags=lambda number: {"symbol": symbols[number % 10]})
    wake(slow)
    publications, _ = await heard_until(slow, "conflate:x", 6_000)
    newest = {publication["tags"]["symbol"]: publication["data"]["n"] for publication in publications}
    assert newest == {symbols[number % 10]: number for number in range(5_991, 6_001)}
    for symbol in symbols:
        seen = [each["data"]["n"] for each in publications if each["tags"]["symbol"] == symbol]
        assert seen == sorted(set(seen))
    assert len(publications) < 6_000


@pytest.mark.parametrize("kind", ["websocket-json", "http_stream-json", "sse-get"])
async def test_close_is_the_default(server, meet, kind):
    """UN-8: one that never reads is closed beyond the limit; the others get everything meanwhile."""
    slow = await meet(server, kind)
    await slow.subscribe("close:x")
    stall(slow)
    reader = await meet(server, "websocket-json")
    await reader.subscribe("close:x")
    sent = 0
    while server.metric("pharos_client_slow_closed_total") == 0 and sent < 20_000:
        await batch(server, "close:x", sent + 1, sent + 500)
        publications, dropped = await heard_until(reader, "close:x", sent + 500)
        assert [each["data"]["n"] for each in publications] == list(range(sent + 1, sent + 501)) and dropped == 0
        sent += 500
    assert server.metric("pharos_client_slow_closed_total") == 1
    wake(slow)
    assert await slow.ended() == 3008


async def test_the_process_has_a_limit_too(launch, meet):
    """Under the limit of all connections together the slowest go first; a client that reads stays."""
    server = launch(SETTINGS | {
        "client": {"queue_max_size": 4_000_000}, "edge": {"shards": 1, "output_limit": 8_000_000}})
    slow = [await meet(server, "websocket-json") for _ in range(6)]
    reader = await meet(server, "websocket-json")
    for client in (*slow, reader):
        await client.subscribe("close:x")
    for client in slow:
        stall(client)
    sent = 0
    while server.sessions()["clients"] == 7 and sent < 30_000:
        await batch(server, "close:x", sent + 1, sent + 500)
        await heard_until(reader, "close:x", sent + 500)
        sent += 500
    assert server.sessions()["clients"] < 7
    await reader.fence()
    for client in slow:
        client.break_off()


# Those who ask too fast


async def flood(client, count: int = 100) -> list[dict]:
    """So many commands in one frame; their replies."""
    await client.send(*({"id": 10_000 + number, "rpc": {"method": "x"}} for number in range(count)))
    return [await client.reply(10_000 + number) for number in range(count)]


def refusals(replies: list[dict]) -> list[dict]:
    return [reply["error"] for reply in replies if reply["error"]["code"] == 111]


@pytest.mark.parametrize("kind", SPEAKING)
async def test_the_rate_of_one_connection(launch, meet, kind):
    """Beyond it: error 111, temporary, with the time to wait; within it nothing is refused, and it recovers."""
    server = launch(EVERYWHERE | {"client": {"rate_limit": {"per_connection": 20}}})
    client = await meet(server, kind)
    refused = refusals(await flood(client))
    assert 50 <= len(refused) < 100
    assert all(error["temporary"] is True and error["message"] for error in refused)
    other = await meet(server, kind)
    assert await other.refused("rpc", method="x") == 108

    async def recovered() -> None:
        while await client.refused("rpc", method="x") == 111:
            await asyncio.sleep(0.05)

    await asyncio.wait_for(recovered(), 30)


async def test_the_rate_of_one_user(launch, meet):
    """All connections of one user share it; another user is not touched."""
    server = launch(EVERYWHERE | {"client": {"rate_limit": {"per_user": 20}}, "edge": {"shards": 1}})
    token = tokens.connection("42")
    kinds = ("websocket-json", "http_stream-json", "session-poll")
    clients = [await meet(server, kind, connect={"token": token}) for kind in kinds]
    refused = [refusals(await flood(client, 30)) for client in clients]
    assert sum(map(len, refused)) >= 40
    other = await meet(server, "websocket-json", connect={"token": tokens.connection("43")})
    assert await other.refused("rpc", method="x") == 108


async def test_the_rate_of_one_address(launch, meet):
    """Behind a trusted proxy the address is the one that the proxy names."""
    server = launch(EVERYWHERE | {
        "client": {"rate_limit": {"per_address": 20}}, "edge": {"shards": 1, "trusted_proxies": ["127.0.0.0/8"]}})
    near = [await meet(server, "websocket-json", headers={"X-Forwarded-For": "10.0.0.1"}) for _ in range(3)]
    refused = [refusals(await flood(client, 30)) for client in near]
    assert sum(map(len, refused)) >= 40
    far = await meet(server, "websocket-json", headers={"X-Forwarded-For": "10.0.0.2"})
    assert await far.refused("rpc", method="x") == 108


async def test_without_a_limit_nothing_is_refused(server, meet):
    client = await meet(server, "websocket-json")
    assert refusals(await flood(client, 1_000)) == []


async def test_a_stalled_reader_costs_the_server_no_more_than_its_queue(server, meet):
    before = server.resident_kilobytes()
    slow = await meet(server, "websocket-json")
    await slow.subscribe("oldest:x")
    stall(slow)
    await batch(server, "oldest:x", 1, 10_000)
    # 20 MB were published; one queue of 64 KiB may wait, the rest is what the allocator keeps.
    assert server.resident_kilobytes() - before < 16_000
    slow.break_off()
    await asyncio.to_thread(poll_until, lambda: server.sessions()["clients"] == 0, "the reader to be gone")
