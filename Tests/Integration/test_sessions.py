"""Sessions: a client leaves on one transport and comes back on another, with nothing lost or repeated."""

import asyncio
from urllib.parse import quote

import pytest

from harness import cursor, tokens
from harness.emulated import session_key
from harness.events import EventStream
from harness.everywhere import EVERYWHERE, SPEAKING, meet, open_peer  # noqa: F401
from harness.peer import Cut
from harness.server import poll


@pytest.fixture
def server(launch):
    return launch(EVERYWHERE)


def fill(server, channel: str, first: int, last: int) -> str:
    for number in range(first, last + 1):
        epoch = server.publish(channel, {"n": number})["epoch"]
    return epoch


def numbers(publications) -> list[int]:
    return [publication["data"]["n"] for publication in publications]


async def parts(server, stream: EventStream) -> None:
    """Leaves for good: returns when the server has noticed, so nothing more is sent."""
    stream.close()
    await asyncio.to_thread(server.wait_until_empty)


async def leave(server, peer, how: str) -> None:
    if how == "close":
        await peer.close()
    else:
        peer.break_off()
        await peer.close()
    await asyncio.to_thread(server.wait_until_empty)


def until_forgotten(server) -> None:
    """Returns once no client is connected and nothing is kept for those that are away."""
    server.wait_until_empty()
    poll(lambda: server.metric("pharos_client_parked_sessions") == 0, "what is kept to be forgotten")


# Leave by one, return by another


@pytest.mark.parametrize("how", ["close", "cut"])
@pytest.mark.parametrize("back", SPEAKING)
async def test_left_on_a_websocket(server, meet, back, how):
    """It comes back on any transport: the subscriptions are there, and each goes on where it was."""
    key = session_key()
    client = await meet(server, "websocket-json", session=key)
    epoch = (await client.subscribe("large:x"))["epoch"]
    await client.subscribe("large:y")
    fill(server, "large:x", 1, 3)
    assert numbers(await client.publications(3, "large:x")) == [1, 2, 3]
    await leave(server, client, how)
    fill(server, "large:x", 4, 8)
    fill(server, "large:y", 1, 2)
    client = await meet(server, back, session=key)
    subscriptions = client.welcome["subs"]
    assert set(subscriptions) == {"large:x", "large:y"}
    assert subscriptions["large:x"]["recovered"] is True and subscriptions["large:x"]["epoch"] == epoch
    assert numbers(subscriptions["large:x"]["publications"]) == [4, 5, 6, 7, 8]
    assert numbers(subscriptions["large:y"]["publications"]) == [1, 2]
    fill(server, "large:x", 9, 9)
    assert numbers([await client.publication("large:x")]) == [9]


async def test_a_round_through_every_transport(server, meet):
    """One session, every transport in turn, publications all the time: each number once, in order."""
    key, seen, next_number = session_key(), [], 1
    client = await meet(server, "websocket-json", session=key)
    await client.subscribe("large:x")
    for kind in (*SPEAKING[1:], *SPEAKING):
        fill(server, "large:x", next_number, next_number + 2)
        next_number += 3
        seen += numbers(await client.publications(3, "large:x"))
        await client.close()
        fill(server, "large:x", next_number, next_number + 1)
        next_number += 2
        client = await meet(server, kind, session=key)
        back = client.welcome["subs"]["large:x"]
        assert back["recovered"] is True, kind
        seen += numbers(back.get("publications", []))
    assert seen == list(range(1, next_number))


@pytest.mark.parametrize("kind", SPEAKING)
async def test_from_a_conversation_to_events_and_back(server, meet, kind):
    """The plain EventSource knows the same session: it gets the channels and what was missed, and hands them on."""
    key = session_key()
    client = await meet(server, kind, session=key)
    await client.subscribe("large:x")
    fill(server, "large:x", 1, 2)
    assert numbers(await client.publications(2, "large:x")) == [1, 2]
    await client.close()
    fill(server, "large:x", 3, 4)
    stream, first = await EventStream.listen(server.port, session=key)
    assert first["subscriptions"] == ["large:x"] and first["recovered"] == {"large:x": True}
    assert [event.json["n"] for event in await stream.events(2)] == [3, 4]
    await parts(server, stream)
    fill(server, "large:x", 5, 6)
    client = await meet(server, kind, session=key)
    back = client.welcome["subs"]["large:x"]
    assert back["recovered"] is True and numbers(back["publications"]) == [5, 6]


async def test_what_the_client_states_wins(server, meet):
    """Only the client knows what really arrived: its own position counts, not what the server has sent."""
    key = session_key()
    client = await meet(server, "websocket-json", session=key)
    epoch = (await client.subscribe("large:x"))["epoch"]
    fill(server, "large:x", 1, 5)
    await client.publications(5, "large:x")
    client.break_off()
    stated = {"large:x": {"recover": True, "epoch": epoch, "offset": 2}}
    client = await meet(server, "sse-post", session=key, connect={"subs": stated})
    assert numbers(client.welcome["subs"]["large:x"]["publications"]) == [3, 4, 5]
    await client.close()
    stream, _ = await EventStream.listen(server.port, session=key, last_id=cursor.encoded({"large:x": (epoch, 4)}))
    assert [event.json["n"] for event in await stream.events(1)] == [5]
    stream.close()


async def test_a_gap_during_the_absence_is_told(server, meet):
    """UN-3: what is no longer kept when the client returns is announced, not silently skipped."""
    key = session_key()
    client = await meet(server, "websocket-json", session=key)
    await client.subscribe("small:x")
    fill(server, "small:x", 1, 1)
    await client.publication("small:x")
    await client.close()
    fill(server, "small:x", 2, 12)
    client = await meet(server, "http_stream-json", session=key)
    back = client.welcome["subs"]["small:x"]
    assert not back.get("recovered") and back["was_recovering"] is True and back["offset"] == 12


async def test_publications_while_a_client_moves(server, meet):
    """Publishing never pauses while one client moves between transports thirty times: nothing lost, nothing twice."""
    key, seen, stop = session_key(), [], asyncio.Event()
    last = [0]

    async def publish() -> None:
        while not stop.is_set():
            last[0] = (await asyncio.to_thread(server.publish, "large:x", {"n": last[0] + 1}))["offset"]

    client = await meet(server, SPEAKING[0], session=key)
    epoch = (await client.subscribe("large:x"))["epoch"]
    publisher = asyncio.create_task(publish())
    for turn in range(30):
        seen += numbers(await client.publications(5, "large:x"))
        await client.close()
        # What had come by then and was not asked for has arrived all the same.
        seen += [push["pub"]["data"]["n"] for push in client.pushes("large:x") if "pub" in push]
        stated = {"large:x": {"recover": True, "epoch": epoch, "offset": seen[-1]}}
        client = await meet(server, SPEAKING[(turn + 1) % len(SPEAKING)], session=key, connect={"subs": stated})
        back = client.welcome["subs"]["large:x"]
        assert back["recovered"] is True
        seen += numbers(back.get("publications", []))
    stop.set()
    await publisher
    if last[0] > seen[-1]:
        seen += numbers(await client.publications(last[0] - seen[-1], "large:x"))
    assert seen == list(range(1, last[0] + 1))


# Whose it is, and how long


async def test_who_one_is_is_kept(server, meet):
    key = session_key()
    token = tokens.connection("42", info={"name": "Ann"})
    client = await meet(server, "websocket-json", session=key, connect={"token": token})
    await client.subscribe("open:x")
    await client.close()
    client = await meet(server, "session-poll", session=key, connect={"token": token})
    presence = await client.ask("presence", channel="open:x")
    assert presence["presence"][client.client]["user"] == "42"


async def test_a_session_is_not_taken_over_by_another_user(server, meet):
    """A client that knows the key and comes as another user gets nothing of the first."""
    key = session_key()
    client = await meet(server, "websocket-json", session=key, connect={"token": tokens.connection("42")})
    await client.subscribe("large:x")
    await client.close()
    try:
        other = await meet(server, "websocket-json", session=key, connect={"token": tokens.connection("43")})
    except (Cut, AssertionError):
        return
    assert not other.welcome.get("subs")


async def test_a_newer_connection_of_a_session_ends_the_older(server, meet):
    """A client that comes back before the server has noticed its leaving: one connection of a session counts."""
    key = session_key()
    first = await meet(server, "websocket-json", session=key)
    await first.subscribe("large:x")
    second = await meet(server, "websocket-json", session=key)
    assert set(second.welcome["subs"]) == {"large:x"}
    assert await first.ended() in range(3000, 4000)
    fill(server, "large:x", 1, 1)
    assert numbers([await second.publication("large:x")]) == [1]


@pytest.mark.parametrize("kind", SPEAKING)
async def test_after_its_time_a_session_is_gone(launch, meet, kind):
    """UN-6: its subscriptions and its presence end with it; a later return begins anew."""
    server = launch(EVERYWHERE | {"client": {"session_ttl": "1s"}})
    key = session_key()
    client = await meet(server, kind, session=key)
    await client.subscribe("open:x")
    await client.close()
    await asyncio.to_thread(until_forgotten, server)
    assert server.api("presence_stats", {"channel": "open:x"}).result["num_clients"] == 0
    client = await meet(server, kind, session=key)
    assert not client.welcome.get("subs")


async def test_a_session_that_never_connected_is_reaped(launch, dial):
    """UN-6: what was created and never connected is gone after its time, whatever it was created by."""
    server = launch(EVERYWHERE | {"client": {"session_ttl": "1s", "stale_close_delay": "1s"}})
    peers = [await dial(server, query=f"session={session_key()}") for _ in range(20)]
    for peer in peers[:10]:
        peer.break_off()
    answer = server.request("POST", f"/connection/poll?session={session_key()}", b'{"id":1,"connect":{"token":"x.y.z"}}')
    assert answer.status in (200, 400, 401)
    await asyncio.to_thread(until_forgotten, server)
    for peer in peers[10:]:
        assert await peer.ended() == 3502


async def test_after_its_return_a_client_is_counted_once(server, meet):
    """Somebody who reloads a page is present once, not as a ghost beside itself."""
    key = session_key()
    watcher = await meet(server, "websocket-json")
    await watcher.subscribe("open:x")
    client = await meet(server, "websocket-json", session=key)
    await client.subscribe("open:x")
    joined = await watcher.push("join", "open:x")
    while joined["info"]["client"] != client.client:
        joined = await watcher.push("join", "open:x")
    await client.close()
    client = await meet(server, "sse-get", session=key)
    assert set(client.welcome["subs"]) == {"open:x"}
    stats = server.api("presence_stats", {"channel": "open:x"}).result
    assert stats["num_clients"] == 2


@pytest.mark.parametrize("key", ["short", "x" * 65, "with space and length enough", "ä" * 30])
async def test_a_key_that_could_be_guessed_is_refused(server, key):
    for path in ("/connection/websocket", "/connection/sse", "/events"):
        answer = server.request("GET", f"{path}?session={quote(key)}&channel=open:x&cf_connect=%7B%7D", None, {
            "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="} if path.endswith("websocket") else {})
        assert answer.status == 400, path
    assert server.request("POST", f"/connection/poll?session={quote(key)}", b"{}").status == 400


async def test_the_number_of_sessions_away_is_limited(launch, meet):
    """Beyond the limit those that are away longest are forgotten; no connected one is."""
    server = launch(EVERYWHERE | {"client": {"session_limit": 5}, "edge": {"shards": 1}})
    keys = [session_key() for _ in range(8)]
    here = await meet(server, "websocket-json", session=session_key())
    await here.subscribe("large:x")
    for key in keys:
        client = await meet(server, "websocket-json", session=key)
        await client.subscribe("large:x")
        await client.close()
    fill(server, "large:x", 1, 1)
    assert numbers([await here.publication("large:x")]) == [1]
    newest = await meet(server, "websocket-json", session=keys[-1])
    assert set(newest.welcome["subs"]) == {"large:x"}
    oldest = await meet(server, "websocket-json", session=keys[0])
    assert not oldest.welcome.get("subs")


@pytest.mark.parametrize("is_away", [True, False])
async def test_a_return_that_is_cut_before_it_has_said_anything(server, meet, dial, is_away):
    """A connection that came with the key and ended before its `connect` takes nothing with it, and nothing from anybody."""
    key = session_key()
    first = await meet(server, "websocket-json", session=key)
    await first.subscribe("large:x")
    if is_away:
        await leave(server, first, "close")
    silent = await dial(server, query=f"session={key}")
    silent.break_off()
    fill(server, "large:x", 1, 1)
    if not is_away:
        assert numbers([await first.publication("large:x")]) == [1]
        await leave(server, first, "close")
    await asyncio.to_thread(server.wait_until_empty)
    fill(server, "large:x", 2, 2)
    back = (await meet(server, "sse-post", session=key)).welcome["subs"]["large:x"]
    assert back["recovered"] is True and numbers(back["publications"]) == ([1, 2] if is_away else [2])


@pytest.mark.parametrize("back", SPEAKING)
async def test_a_session_that_expired_is_gone(launch, meet, back):
    """After 3005, or an end that the API set, the key alone is nothing: error 109, and missed publications stay missed."""
    server = launch(EVERYWHERE | {"client": {
        "allow_anonymous_connect_without_token": False, "insecure": False, "expired_close_delay": "0s"}})
    for ends in (
        lambda: server.api("refresh", {"user": "42", "expired": True}),
        lambda: server.api("refresh", {"user": "42", "expire_at": 1})):
        key = session_key()
        client = await meet(server, "websocket-json", session=key, connect={"token": tokens.connection("42")})
        ends()
        assert await client.ended() == 3005
        fill(server, "large:x", 1, 2)
        with pytest.raises(AssertionError, match="109"):
            await meet(server, back, session=key)
        assert server.request("GET", f"/events?session={key}").status == 401
        again = await meet(server, back, session=key, connect={"token": tokens.connection("42")})
        assert not again.welcome.get("subs")
        await again.close()


@pytest.mark.parametrize("kind", ["websocket-json", "http_stream-protobuf", "sse-get"])
async def test_a_key_that_returns_twice_at_once(server, meet, kind):
    """A stands, B claims its session, C claims it from B before B has it: the last one has all, and lost nothing."""
    for turn in range(20):
        key, channel = session_key(), f"large:x{turn}"
        first = await meet(server, kind, session=key)
        await first.subscribe(channel)
        fill(server, channel, 1, 2)
        assert numbers(await first.publications(2, channel)) == [1, 2]
        newer = [await open_peer(server, kind, session=key) for _ in range(2)]
        tasks = [asyncio.create_task(peer.connect()) for peer in newer]
        await asyncio.to_thread(fill, server, channel, 3, 4)
        results = await asyncio.gather(*tasks, return_exceptions=True)
        for peer in newer:
            await peer.close()
        assert any(isinstance(result, dict) for result in results), results
        await asyncio.to_thread(server.wait_until_empty)
        last = await meet(server, "websocket-json", session=key, connect={
            "subs": {channel: {"recover": True, "epoch": server.publish(channel, {"n": 5})["epoch"], "offset": 2}}})
        back = last.welcome["subs"][channel]
        assert back["recovered"] is True and numbers(back["publications"]) == [3, 4, 5]
        await last.close()
        await asyncio.to_thread(server.wait_until_empty)


@pytest.mark.parametrize("back", SPEAKING)
async def test_a_session_over_tls(server, meet, back):
    """It leaves by one scheme and comes back by the other: a session does not depend on either."""
    key = session_key()
    for here, there in (("wss", "ws"), ("ws", "wss")):
        client = await meet(server, "websocket-json", session=key, scheme=here)
        if "subs" not in client.welcome:
            await client.subscribe("large:x")
            fill(server, "large:x", 1, 2)
            assert numbers(await client.publications(2, "large:x")) == [1, 2]
        await leave(server, client, "close")
        start = fill_from(server, "large:x", 2)
        client = await meet(server, back, session=key, scheme=there)
        returned = client.welcome["subs"]["large:x"]
        assert returned["recovered"] is True and numbers(returned["publications"]) == start
        await client.close()
        if back == "session-poll":
            return
        await asyncio.to_thread(server.wait_until_empty)


def fill_from(server, channel: str, count: int) -> list[int]:
    """Publishes so many more; their numbers."""
    top = server.api("history", {"channel": channel, "limit": 0}).result["offset"]
    fill(server, channel, top + 1, top + count)
    return list(range(top + 1, top + count + 1))
