"""Hooks that tell: at least once, in order for each connection, over restarts of either side."""

import asyncio
import json
import random
import time

import pytest

from harness.asking import asking
from harness.origin import SILENCE
from harness.server import poll
from harness.told import Told, rebuilt

EVERYTHING = ["connected", "disconnected", "subscribed", "unsubscribed", "occupied", "vacated"]
ENDED = "disconnected"


def telling(origin, events=EVERYTHING, **hooks) -> dict:
    return {
        "origins": [origin.settings("told", timeout="2s")],
        "hooks": {"events": list(events), "events_to": "told"} | hooks}


@pytest.fixture
def told(origin):
    return Told(origin)


async def until(probe, what: str, seconds: float = 60):
    return await asyncio.to_thread(poll, probe, what, seconds)


async def test_what_happens_is_told_in_order(launch, dial, wire, origin, told):
    server = launch(telling(origin))
    peer = await dial(server, wire=wire, connect={})
    client = peer.client
    await peer.subscribe("open:a")
    await peer.subscribe("plain:b")
    await peer.ask("unsubscribe", channel="open:a")
    await peer.subscribe("open:a")
    await peer.close()
    await until(lambda: told.of(client)[-1:] == [(ENDED,)], "the end to be told")
    story = told.of(client)
    assert story[:5] == [
        ("connected",), ("subscribed", "open:a"), ("subscribed", "plain:b"), ("unsubscribed", "open:a"),
        ("subscribed", "open:a")]
    # At the end, once for every channel.
    assert sorted(story[5:7]) == [("unsubscribed", "open:a"), ("unsubscribed", "plain:b")] and len(story) == 8
    await until(lambda: len(told.kinds("vacated")) == 3, "the channels to be left")
    changes = [(event["event"], event["channel"]) for event in told.events if event["event"] in ("occupied", "vacated")]
    of_a = [kind for kind, channel in changes if channel == "open:a"]
    assert of_a == ["occupied", "vacated", "occupied", "vacated"]
    first, last = told.kinds("connected")[0], told.kinds(ENDED)[0]
    assert first["transport"] == "websocket" and first["user"] == "" and abs(first["time_ms"] - time.time() * 1000) < 60_000
    assert last["code"] == 3000 and last["reason"]


async def test_only_what_is_wanted_is_told(launch, dial, origin, told):
    server = launch(telling(origin, [ENDED]))
    for _ in range(3):
        peer = await dial(server, connect={})
        await peer.subscribe("open:a")
        await peer.close()
    await until(lambda: len(told.events) == 3, "three ends")
    assert {event["event"] for event in told.events} == {ENDED}


async def test_why_a_connection_ended_is_told(launch, dial, origin, told):
    server = launch(telling(origin, [ENDED, "unsubscribed"]))
    peer = await dial(server, connect={})
    await peer.subscribe("open:a")
    server.api("unsubscribe", {"user": "", "client": peer.client, "channel": "open:a"})
    server.api("disconnect", {"user": "", "client": peer.client, "disconnect": {"code": 4500, "reason": "enough"}})
    await peer.ended()
    await until(lambda: told.kinds(ENDED), "the end")
    assert (told.kinds(ENDED)[0]["code"], told.kinds(ENDED)[0]["reason"]) == (4500, "enough")
    assert [event["code"] for event in told.kinds("unsubscribed")] == [2000]


async def test_meta_is_told(launch, dial, origin, told):
    origin.on("connect", {"result": {"user": "42", "meta": {"role": "admin"}}})
    changes = asking(origin, "connect")
    changes["origins"].append(origin.settings("told"))
    changes["hooks"] |= {"events": ["connected"], "events_to": "told"}
    await dial(launch(changes), connect={})
    await until(lambda: told.events, "the connect")
    assert told.events[0]["user"] == "42" and told.events[0]["meta"] == {"role": "admin"}


async def test_cloudevents(launch, dial, origin):
    changes = telling(origin) | {"node": {"name": "n1"}}
    changes["origins"][0]["form"] = "cloudevents"
    peer = await dial(launch(changes), connect={})
    await peer.subscribe("open:a")
    events = await until(
        lambda: found if len(found := [each for r in origin.asked("told") for each in r.json]) >= 3 else None, "events")
    request = origin.asked("told")[0]
    assert request.headers["content-type"].startswith("application/cloudevents-batch+json")
    connected = events[0]
    assert connected["specversion"] == "1.0" and connected["type"] == "pharos.client.connected"
    assert connected["source"] == "/pharos/n1" and connected["id"] == f"n1/{connected['sequence']}"
    assert connected["subject"] == connected["data"]["client"] == peer.client
    assert {event["type"] for event in events} == {
        "pharos.client.connected", "pharos.client.subscribed", "pharos.channel.occupied"}


async def test_what_was_not_acknowledged_comes_again(launch, dial, origin, told):
    """Refused, unanswered, cut off: the same events again, beginning with the same, until any 2xx."""
    answers = [500, SILENCE, (302, {"Location": "/"}, ""), 404, 204]
    origin.on("told", lambda _: answers.pop(0) if len(answers) > 1 else answers[0])
    server = launch(telling(origin))
    peer = await dial(server, connect={})
    await peer.subscribe("open:a")
    await until(lambda: len(told.batches()) >= 5 and len(told.events) >= 3, "five attempts")
    batches = told.batches()
    assert len({batch[0]["sequence"] for batch in batches[:5]}) == 1
    for earlier, later in zip(batches[:4], batches[1:5]):
        assert later[: len(earlier)] == earlier
    ids = [request.headers["webhook-id"] for request in origin.asked("told")]
    assert len(set(ids[:5])) <= 5


async def visits(server, dial, told, rounds: int, seed: int) -> dict[str, list[tuple]]:
    """Clients that come, move and go; what each of them did, as it must be told."""
    rng = random.Random(seed)
    stories: dict[str, list[tuple]] = {}

    async def visit(number: int) -> None:
        for _ in range(rounds):
            peer = await dial(server, connect={})
            story = stories.setdefault(peer.client, [("connected",)])
            there = []
            for channel in rng.sample(["open:a", "open:b", "plain:c", "plain:d"], rng.randrange(1, 4)):
                await peer.subscribe(channel)
                story.append(("subscribed", channel))
                there.append(channel)
            if rng.random() < 0.5:
                channel = there.pop(rng.randrange(len(there)))
                await peer.ask("unsubscribe", channel=channel)
                story.append(("unsubscribed", channel))
            story.append(tuple(sorted(there)))
            if rng.random() < 0.5:
                peer.break_off()
            else:
                await peer.close()

    await asyncio.gather(*(visit(number) for number in range(8)))
    return stories


def check(told: Told, stories: dict[str, list[tuple]]) -> None:
    """Each connection's story was told completely and in order; at its end each channel once, in any order."""
    by_client: dict[str, list[tuple]] = {}
    for event in told.events:
        if client := event.get("client"):
            by_client.setdefault(client, []).append(
                (event["event"], event["channel"]) if event.get("channel") else (event["event"],))
    for client, story in stories.items():
        seen = by_client.get(client, [])
        *before, left = story
        assert seen[: len(before)] == before, (client, story, seen)
        assert sorted(seen[len(before) : -1]) == [("unsubscribed", channel) for channel in left], (client, story, seen)
        assert seen[-1] == (ENDED,), (client, story, seen)


async def test_the_origin_is_killed_fifty_times_under_load(launch, dial, origin, told):
    """No event is lost, none comes out of order for its connection; those that come twice have the same number."""
    server = launch(telling(origin))
    ended = asyncio.Event()

    async def kill() -> int:
        times = 0
        while times < 50 or not ended.is_set():
            await asyncio.to_thread(origin.stop)
            await asyncio.sleep(0.01)
            await asyncio.to_thread(origin.start)
            await asyncio.sleep(0.06)
            times += 1
        return times

    killer = asyncio.create_task(kill())
    stories = await visits(server, dial, told, rounds=12, seed=7)
    ended.set()
    assert await killer >= 50
    await until(lambda: len(told.kinds(ENDED)) == len(stories), "all ends", 120)
    check(told, stories)
    numbers = [event["sequence"] for event in told.events]
    assert numbers == sorted(set(numbers))


async def test_those_who_die_with_the_server_are_told_after_its_restart(launch, dial, origin, told):
    """WS-6 (one node): the crash kept it from being recorded, and yet every connection's end is sent, its channels first."""
    server = launch(telling(origin))
    peers = [await dial(server, connect={}) for _ in range(20)]
    for number, peer in enumerate(peers):
        for channel in ("open:a", "plain:b", "open:c")[: number % 4]:
            await peer.subscribe(channel)
    gone = peers.pop()
    await gone.close()
    # An event is safe once it was told; what happened in the last milliseconds before a crash may be unheard.
    await until(lambda: told.of(gone.client)[-1:] == [(ENDED,)], "the one that left")
    await until(lambda: len(told.kinds("connected")) == 20, "all connects")
    await until(lambda: sum(len(told.of(p.client)) - 1 for p in peers) == sum(n % 4 for n in range(19)), "all places")
    before = told.events[-1]["sequence"]
    server.kill()
    server.start()
    await until(lambda: len(told.kinds(ENDED)) == 20, "the ends of those who died")
    for number, peer in enumerate(peers):
        story = told.of(peer.client)
        count = number % 4
        assert len(story) == 2 + 2 * count and story[-1] == (ENDED,)
        assert {kind for kind, *_ in story[1 + count : -1]} <= {"unsubscribed"}
    died = [event for event in told.kinds(ENDED) if event["client"] != gone.client]
    assert {event["code"] for event in died} == {3002} and all(event["sequence"] > before for event in died)
    await until(lambda: len(told.kinds("vacated")) == len(told.kinds("occupied")), "the channels to be left")
    # And it goes on counting.
    await dial(server, connect={})
    await until(lambda: len(told.kinds("connected")) == 21, "who comes next")
    assert told.events[-1]["sequence"] > died[-1]["sequence"]


@pytest.mark.parametrize("how", ["SIGTERM", "SIGKILL"])
async def test_nothing_recorded_is_lost_while_the_origin_is_away(launch, dial, origin, told, how):
    """The origin is down, people come and go, Pharos is restarted, the origin returns: it hears everything."""
    server = launch(telling(origin))
    first = await dial(server, connect={})
    await until(lambda: told.kinds("connected"), "the first connect")
    origin.stop()
    stories = await visits(server, dial, told, rounds=2, seed=3)
    await first.close()
    # What is on the disk shows in the snapshot: no client is connected any more.
    await until(lambda: server.api("snapshot", {}).result["clients"] == [], "the ledger to be empty")
    if how == "SIGTERM":
        server.stop()
    else:
        server.kill()
    origin.start()
    server.start()
    await until(lambda: len(told.kinds(ENDED)) == len(stories) + 1, "all ends")
    check(told, stories)


async def test_a_graceful_end_tells_every_disconnect(launch, dial, origin, told):
    server = launch(telling(origin))
    peers = [await dial(server, connect={}) for _ in range(10)]
    for peer in peers:
        await peer.subscribe("open:a")
    await asyncio.to_thread(server.stop)
    # What is not told before the end is told after the next start.
    if len(told.kinds(ENDED)) < 10:
        server.start()
    await until(lambda: len(told.kinds(ENDED)) == 10, "all ends")
    assert {event["code"] for event in told.kinds(ENDED)} == {3001}
    for peer in peers:
        assert told.of(peer.client) == [
            ("connected",), ("subscribed", "open:a"), ("unsubscribed", "open:a"), (ENDED,)]


async def test_dead_letters(launch, dial, origin, told):
    """What an origin has refused for long enough goes to a file, and what comes after it is told."""
    origin.on("told", 500)
    server = launch(telling(origin, events_kept_for="2s"))
    peer = await dial(server, connect={})
    path = server.directory / "pharos-data" / "dead-letters.jsonl"
    lines = await until(lambda: path.exists() and path.read_text().splitlines(), "the dead letter")
    letter = json.loads(lines[0])
    assert letter["client"] == peer.client and "connected" in letter.values() and letter["to"] == "told"
    origin.on("told", 200)
    refused = len(told.batches())
    await peer.close()
    await until(lambda: any(e["event"] == ENDED for batch in told.batches()[refused:] for e in batch), "what follows")


async def test_a_full_queue_lets_nobody_new_in(launch, dial, origin, told):
    """Rather than drop an event in silence; once the origin has taken them, everybody may come."""
    origin.on("told", 500)
    server = launch(telling(origin, events_max_size=65_536))
    peer = await dial(server, connect={})

    async def is_refused() -> bool:
        try:
            newcomer = await dial(server)
            reply = await newcomer.call("connect")
            return "error" in reply
        except Exception:
            return True

    async with asyncio.timeout(120):
        number = 0
        while not await is_refused():
            for _ in range(20):
                await peer.subscribe(f"open:{'x' * 100}{number}")
                await peer.ask("unsubscribe", channel=f"open:{'x' * 100}{number}")
                number += 1
    # Who is in goes on.
    await peer.subscribe("open:still")
    origin.on("told", 200)
    async with asyncio.timeout(60):
        while await is_refused():
            await asyncio.sleep(0.1)
    await until(lambda: [e for e in told.events if e.get("channel") == "open:still"], "what was told last")


async def test_keep_alives(launch, dial, origin, told):
    server = launch(telling(origin, ["connected", ENDED], keep_alive_interval="1s"))
    peers = [await dial(server, connect={}) for _ in range(3)]
    clients = {peer.client for peer in peers}
    await until(lambda: any(set(each["clients"]) == clients for each in told.keep_alives()), "who is there")
    await peers[0].close()
    await until(lambda: set(told.keep_alives()[-1]["clients"]) == clients - {peers[0].client}, "who is left")


async def test_a_picture_from_snapshot_and_events(launch, dial, origin, told):
    """While clients come and go: the pages and the events after them give exactly who is where."""
    server = launch(telling(origin, ["connected", ENDED, "subscribed", "unsubscribed"]))
    staying = [await dial(server, connect={}) for _ in range(30)]
    for number, peer in enumerate(staying):
        for channel in ("open:a", "open:b", "plain:c")[: number % 4]:
            await peer.subscribe(channel)
    moving = asyncio.create_task(visits(server, dial, told, rounds=6, seed=11))

    def ask(cursor: str) -> dict:
        return server.api("snapshot", {"cursor": cursor, "limit": 7}).result

    def events():
        while not moving.done():
            time.sleep(0.02)
        poll(lambda: len(told.kinds("connected")) - len(told.kinds(ENDED)) == 30, "all ends", 60)
        return told.events

    where = await asyncio.to_thread(rebuilt, ask, events)
    stories = moving.result()
    assert len(stories) == 48
    assert where == {
        peer.client: set(("open:a", "open:b", "plain:c")[: number % 4]) for number, peer in enumerate(staying)}


async def test_the_snapshot_wants_the_key(launch, dial, origin):
    server = launch(telling(origin))
    assert server.api("snapshot", {}, key=None).status == 401
    peer = await dial(server, connect={})
    await peer.subscribe("open:a")

    def there():
        clients = server.api("snapshot", {}).result["clients"]
        return clients and clients[0]["channels"] and clients

    client, = await until(there, "the client")
    assert client["client"] == peer.client and client["channels"] == ["open:a"]
    assert client["transport"] == "websocket" and abs(client["connected_at"] - time.time()) < 60


async def test_without_a_store_events_are_told_too(launch, dial, origin, told):
    server = launch(telling(origin) | {"store": {"path": ""}})
    peer = await dial(server, connect={})
    await peer.subscribe("open:a")
    await peer.close()
    await until(lambda: told.of(peer.client)[-1:] == [(ENDED,)], "the end")
    assert told.of(peer.client) == [("connected",), ("subscribed", "open:a"), ("unsubscribed", "open:a"), (ENDED,)]
    assert not (server.directory / "pharos-data").exists()
