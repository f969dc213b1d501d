"""Long polls: stateless ones over channels with history, and those with a session."""

import asyncio
import json
import random

import pytest

from harness import cursor, tokens
from harness.configuration import API_KEY, OPEN
from harness.emulated import PollPeer, news, poll
from harness.events import EventStream
from harness.everywhere import EVERYWHERE, meet, parked  # noqa: F401
from harness.http_client import HTTPClient


@pytest.fixture
def server(launch):
    return launch(EVERYWHERE)


def fill(server, channel: str, first: int, last: int) -> str:
    for number in range(first, last + 1):
        epoch = server.publish(channel, {"n": number})["epoch"]
    return epoch


def numbers(answer: dict, channel: str) -> list[int]:
    return [publication["data"]["n"] for publication in answer["channels"][channel].get("publications", [])]


# Stateless


async def test_news_is_answered_at_once(server, scheme):
    epoch = fill(server, "open:x", 1, 3)
    port, context = (server.tls_port, server.tls_context()) if scheme == "wss" else (server.port, None)
    answer = await news(port, ["open:x"], since=[f"{epoch}:1"], wait=60, context=context)
    assert numbers(answer, "open:x") == [2, 3]
    part = answer["channels"]["open:x"]
    assert part["epoch"] == epoch and part["offset"] == 3 and part["recovered"] is True
    assert [each["offset"] for each in part["publications"]] == [2, 3]
    assert answer["cursor"] == cursor.encoded({"open:x": (epoch, 3)})


async def test_nothing_new_is_the_same_position(server):
    epoch = fill(server, "open:x", 1, 3)
    answer = await news(server.port, ["open:x"], since=["3"], wait=0)
    assert numbers(answer, "open:x") == []
    assert answer["cursor"] == cursor.encoded({"open:x": (epoch, 3)})
    answer = await news(server.port, ["open:x"], cursor=answer["cursor"], wait=1)
    assert numbers(answer, "open:x") == [] and answer["cursor"] == cursor.encoded({"open:x": (epoch, 3)})


async def test_where_a_poll_begins(server):
    fill(server, "open:x", 1, 5)
    assert numbers(await news(server.port, ["open:x"], wait=0), "open:x") == []
    assert numbers(await news(server.port, ["open:x"], wait=0, from_="newest"), "open:x") == []
    assert numbers(await news(server.port, ["open:x"], wait=0, from_="oldest"), "open:x") == [1, 2, 3, 4, 5]
    oldest = await news(server.port, ["open:x"], wait=0, from_="oldest", limit=2)
    assert numbers(oldest, "open:x") == [1, 2] and oldest["channels"]["open:x"]["offset"] == 2
    assert numbers(await news(server.port, ["open:x"], wait=0, cursor=oldest["cursor"]), "open:x") == [3, 4, 5]


async def test_several_channels_in_one_poll(server):
    a, b = fill(server, "open:a", 1, 3), fill(server, "open:b", 1, 4)
    answer = await news(server.port, ["open:a", "open:b"], since=[f"{a}:3", f"{b}:2"], wait=60)
    assert numbers(answer, "open:a") == [] and numbers(answer, "open:b") == [3, 4]
    assert answer["cursor"] == cursor.encoded({"open:a": (a, 3), "open:b": (b, 4)})


async def test_a_lost_answer_costs_nothing(server):
    """The same cursor brings the same publications, however often an answer is lost."""
    epoch = fill(server, "large:x", 1, 1)
    where = cursor.encoded({"large:x": (epoch, 0)})
    for number in range(2, 12):
        client = HTTPClient(server.port)
        await client.send("GET", f"/poll?channel=large:x&cursor={where}")
        client.break_off()
        fill(server, "large:x", number, number)
        assert numbers(await news(server.port, ["large:x"], cursor=where), "large:x") == list(range(1, number + 1))


async def test_fifty_senders_and_a_reader_that_asks_for_the_highest_it_saw(launch):
    """GE-1: 50 concurrent senders write 10,000 messages; the reader gets 1 to 10,000, each once, in order."""
    rooms = {"name": "room", **OPEN, "history_size": 20_000}
    server = launch(EVERYWHERE | {"channel": {"namespaces": [rooms]}})
    senders, each = 50, 200
    everything = senders * each
    heard: list[tuple[int, str]] = []

    async def send(sender: int) -> None:
        client = HTTPClient(server.port)
        for number in range(each):
            body = json.dumps({"channel": "room:x", "data": {"n": f"{sender}-{number}"}}).encode()
            status, _, _ = await client.ask("POST", "/api/publish", body, {"X-API-Key": API_KEY})
            assert status == 200
        client.close()

    async def read() -> None:
        seen = 0
        while seen < everything:
            part = (await news(server.port, ["room:x"], since=[str(seen)], limit=1_000))["channels"]["room:x"]
            assert part["recovered"] is True, part
            for publication in part.get("publications", []):
                heard.append((publication["offset"], publication["data"]["n"]))
                seen = max(seen, publication["offset"])

    async with asyncio.timeout(240):
        await asyncio.gather(read(), *(send(sender) for sender in range(senders)))
    assert [offset for offset, _ in heard] == list(range(1, everything + 1))
    assert len({name for _, name in heard}) == everything
    # Each sender's own messages are in the order in which it sent them.
    for sender in range(senders):
        own = [int(name.split("-")[1]) for _, name in heard if name.startswith(f"{sender}-")]
        assert own == list(range(each))


async def test_a_message_at_any_moment_of_a_poll_ends_it(server):
    """GE-2: between check and wait, or at any other moment: a message ends the poll, and no later poll has to find it."""
    chance = random.Random(2)
    client, publisher = HTTPClient(server.port), HTTPClient(server.port)
    epoch = fill(server, "large:x", 1, 1)
    for number in range(2, 402):
        where = cursor.encoded({"large:x": (epoch, number - 1)})
        asks = asyncio.create_task(client.ask("GET", f"/poll?channel=large:x&wait=60&cursor={where}"))
        for _ in range(chance.randrange(12)):
            # So many turns of the loop later: from before the request leaves until after it waits.
            await asyncio.sleep(0)
        body = json.dumps({"channel": "large:x", "data": {"n": number}}).encode()
        await publisher.ask("POST", "/api/publish", body, {"X-API-Key": API_KEY})
        async with asyncio.timeout(30):
            status, _, content = await asks
        assert status == 200 and numbers(json.loads(content), "large:x") == [number]
    client.close()
    publisher.close()


async def test_what_is_gone_is_told_with_what_is_first(server):
    """GE-3: a number older than the oldest kept message is answered with the first available one, never with silence."""
    epoch = fill(server, "small:x", 1, 12)
    answer = await news(server.port, ["small:x"], since=[f"{epoch}:3"])
    part = answer["channels"]["small:x"]
    assert part["recovered"] is False and part["first"] == 8
    assert numbers(answer, "small:x") == [8, 9, 10, 11, 12]
    other = (await news(server.port, ["small:x"], since=["elsewhere:12"]))["channels"]["small:x"]
    assert other["recovered"] is False and other["epoch"] == epoch
    edge = (await news(server.port, ["small:x"], since=[f"{epoch}:7"]))["channels"]["small:x"]
    assert edge["recovered"] is True and len(edge["publications"]) == 5


async def test_the_first_poll_of_a_new_room(server):
    """GE-4: it waits, and ends with the first message or with 551; a room without messages is no error."""
    waits = asyncio.create_task(poll(server.port, ["open:new"], last_seq=0, headers={"Request-Timeout": "30"}))
    await parked(server)
    server.publish("open:new", {"n": 1})
    status, _, content = await waits
    assert status == 200 and numbers(json.loads(content), "open:new") == [1]
    status, _, content = await poll(server.port, ["open:silent"], last_seq=0, headers={"Request-Timeout": "11"})
    assert status == 551
    assert json.loads(content)["detail"] == 'no new message for room "open:silent" after 10s'
    plain = asyncio.create_task(news(server.port, ["open:new2"], wait=60))
    await parked(server)
    server.publish("open:new2", {"n": 1})
    assert numbers(await plain, "open:new2") == [1]


async def test_a_room_poll_with_too_little_time(server):
    status, headers, content = await poll(server.port, ["open:x"], last_seq=0, headers={"Request-Timeout": "10"})
    assert status == 400 and json.loads(content)["detail"] == "short polling timeout"
    assert headers["content-type"].startswith("application/json")


async def test_a_room_poll_brings_what_is_newer(server):
    fill(server, "open:x", 1, 5)
    for last, expected in ((0, [1, 2, 3, 4, 5]), (3, [4, 5])):
        status, _, content = await poll(server.port, ["open:x"], last_seq=last, headers={"Request-Timeout": "30"})
        assert status == 200 and numbers(json.loads(content), "open:x") == expected
    fresh = asyncio.create_task(poll(server.port, ["open:x"], offset_newest="true", headers={"Request-Timeout": "30"}))
    await parked(server)
    fill(server, "open:x", 6, 6)
    assert numbers(json.loads((await fresh)[2]), "open:x") == [6]


async def test_one_account_in_ten_rooms(server):
    """GE-5: one poll per account and room: a second ends exactly the first with 552, a third exactly the second."""
    options = {"headers": {"Request-Timeout": "30"}, "last_seq": 0, "token": tokens.connection("7")}
    rooms = [asyncio.create_task(poll(server.port, [f"open:room{number}"], **options)) for number in range(10)]
    await parked(server, 10)
    second = asyncio.create_task(poll(server.port, ["open:room3"], **options))
    status, _, content = await rooms[3]
    assert status == 552 and json.loads(content)["detail"] == "canceled by a next attempt"
    third = asyncio.create_task(poll(server.port, ["open:room3"], **options))
    assert (await second)[0] == 552
    # Another account in the same room ends no poll.
    other = asyncio.create_task(
        poll(server.port, ["open:room3"], **(options | {"token": tokens.connection("8")})))
    await parked(server, 11)
    assert not third.done() and not any(task.done() for number, task in enumerate(rooms) if number != 3)
    for number in range(10):
        server.publish(f"open:room{number}", {"n": number})
    for number, task in [*enumerate(rooms), (3, third), (3, other)]:
        if task is not rooms[3]:
            status, _, content = await task
            assert status == 200 and numbers(json.loads(content), f"open:room{number}") == [number]


async def test_a_finished_poll_takes_nothing_from_the_next(server):
    """GE-5: however polls of one account follow each other, the newer always ends the one that waits."""
    options = {"headers": {"Request-Timeout": "30"}, "token": tokens.connection("7")}
    for last in range(0, 60, 2):
        first = asyncio.create_task(poll(server.port, ["open:x"], last_seq=last, **options))
        server.publish("open:x", {"n": last + 1})
        assert (await first)[0] == 200
        second = asyncio.create_task(poll(server.port, ["open:x"], last_seq=last + 1, **options))
        await parked(server)
        third = asyncio.create_task(poll(server.port, ["open:x"], last_seq=last + 1, **options))
        assert (await second)[0] == 552
        server.publish("open:x", {"n": last + 2})
        assert (await third)[0] == 200


async def test_exclusive_polls(server):
    options = {"token": tokens.connection("7"), "wait": 30, "exclusive": 1}
    first = asyncio.create_task(poll(server.port, ["open:x"], **options))
    await parked(server)
    second = asyncio.create_task(poll(server.port, ["open:x"], **options))
    assert (await first)[0] == 409
    await parked(server)
    server.publish("open:x", {"n": 1})
    assert (await second)[0] == 200


async def test_reconnecting_with_the_last_position_after_the_age_limit(launch, dial):
    """GO-6: what is published between two connections is received by the second, on every way to resume."""
    server = launch(EVERYWHERE)
    epoch = fill(server, "large:x", 1, 1)
    where = cursor.encoded({"large:x": (epoch, 1)})
    fill(server, "large:x", 2, 6)
    assert numbers(await news(server.port, ["large:x"], cursor=where), "large:x") == [2, 3, 4, 5, 6]
    stream, first = await EventStream.listen(server.port, ["large:x"], last_id=where)
    assert first["recovered"] == {"large:x": True}
    assert [event.json["n"] for event in await stream.events(5)] == [2, 3, 4, 5, 6]
    stream.close()
    peer = await dial(server, connect={})
    reply = await peer.subscribe("large:x", recover=True, epoch=epoch, offset=1)
    assert [each["data"]["n"] for each in reply["publications"]] == [2, 3, 4, 5, 6]


@pytest.mark.parametrize("query", [
    "", "channel=open:x&wait=61", "channel=open:x&wait=x", "channel=open:x&limit=0", "channel=open:x&limit=1001",
    "channel=open:x&cursor=v9.x", "channel=open:x&since=a:b:c", "channel=open:x&from=middle", "channel=%ff",
    "channel=open:x&since=1&since=2"])
async def test_wrong_parameters_are_named(server, query):
    status, headers, content = await HTTPClient(server.port).ask("GET", f"/poll?{query}")
    assert status == 400 and headers["content-type"].startswith("application/json"), content
    json.loads(content)


async def test_who_may_poll(launch):
    server = launch(EVERYWHERE | {"client": {"allow_anonymous_connect_without_token": False}})
    assert (await poll(server.port, ["open:x"], wait=0))[0] in (401, 403)
    assert (await poll(server.port, ["open:x"], wait=0, token=tokens.connection("7", expires_in=-5)))[0] in (401, 403)
    assert (await poll(server.port, ["open:x"], wait=0, token=tokens.connection("7")))[0] == 200
    assert (await poll(server.port, ["locked:x"], wait=0, token=tokens.connection("7")))[0] == 403
    # Without history there is nothing to ask for.
    assert (await poll(server.port, ["plain:x"], wait=0, token=tokens.connection("7")))[0] in (400, 403, 404)


async def test_polls_that_are_cut_leave_nothing_behind(server):
    clients = [HTTPClient(server.port) for _ in range(20)]
    asks = [asyncio.create_task(client.send("GET", "/poll?channel=open:x&wait=60")) for client in clients]
    await parked(server, 20)
    for client in clients:
        client.break_off()
    await asyncio.gather(*asks, return_exceptions=True)
    async with asyncio.timeout(30):
        while "open:x" in server.api("channels", {}).result["channels"]:
            await asyncio.sleep(0.02)


async def test_the_end_answers_every_poll(launch):
    """UN-11: a poll that waits when the server ends is answered, with the position to go on from."""
    server = launch(EVERYWHERE | {"shutdown": {"window": "100ms", "timeout": "10s"}})
    epoch = fill(server, "open:x", 1, 2)
    waits = [asyncio.create_task(poll(server.port, ["open:x"], wait=60)) for _ in range(20)]
    await parked(server, 20)
    server.terminate()
    for status, _, content in await asyncio.gather(*waits):
        assert status in (200, 503)
        if status == 200:
            assert json.loads(content)["cursor"] == cursor.encoded({"open:x": (epoch, 2)})
    assert await asyncio.to_thread(server.wait) == 0


# With a session


async def begin(server, **options) -> tuple[PollPeer, str]:
    """A session that is polled by hand, and its cursor once everything has been said: the replies, and that it has joined."""
    peer = PollPeer(server, **options)
    status, content = await peer.ask_once("POST", b'{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"large:x"}}', wait=10)
    assert status == 200, content
    messages = json.loads(content)["messages"]
    at = json.loads(content)["cursor"]
    # Its own join follows the reply, and maybe in an answer of its own: the owner of the channel may be another shard.
    while not any("join" in message.get("push", {}) for message in messages):
        status, content = await peer.ask_once("GET", cursor=at, wait=10)
        assert status == 200
        messages, at = messages + json.loads(content)["messages"], json.loads(content)["cursor"]
    assert "connect" in messages[0] and "subscribe" in messages[1]
    return peer, at


def heard(content: bytes) -> list[int]:
    pushes = [each["push"] for each in json.loads(content)["messages"]]
    return [push["pub"]["data"]["n"] for push in pushes if "pub" in push]


async def test_the_same_cursor_brings_the_same_messages(server):
    """An answer is kept until a request brings its cursor: a client that loses it asks again."""
    peer, at = await begin(server)
    fill(server, "large:x", 1, 3)
    answers = [(await peer.ask_once("GET", cursor=at, wait=10))[1] for _ in range(5)]
    first = heard(answers[0])
    assert first and all(heard(answer)[: len(first)] == first for answer in answers)
    seen, cursor_now = heard(answers[-1]), json.loads(answers[-1])["cursor"]
    while len(seen) < 3:
        _, content = await peer.ask_once("GET", cursor=cursor_now, wait=10)
        seen, cursor_now = seen + heard(content), json.loads(content)["cursor"]
    assert seen == [1, 2, 3]
    status, content = await peer.ask_once("GET", cursor=cursor_now, wait=0)
    assert status == 200 and json.loads(content)["messages"] == []


async def test_answers_that_are_lost_on_the_way(server):
    """Every second answer is lost; the client ends with every message once, in order."""
    peer, at = await begin(server)
    seen: list[int] = []
    for number in range(1, 101):
        fill(server, "large:x", number, number)
        client = HTTPClient(server.port)
        await client.send("GET", f"/connection/poll?session={peer.session}&cursor={at}&wait=5")
        client.break_off()
        status, content = await peer.ask_once("GET", cursor=at, wait=5)
        if status == 409:
            continue
        assert status == 200
        seen, at = seen + heard(content), json.loads(content)["cursor"]
    while len(seen) < 100:
        _, content = await peer.ask_once("GET", cursor=at, wait=5)
        seen, at = seen + heard(content), json.loads(content)["cursor"]
    assert seen == list(range(1, 101))


async def test_a_newer_request_ends_the_older(server):
    """At most one poll is answered per cursor."""
    peer, at = await begin(server)
    older = asyncio.create_task(peer.ask_once("GET", cursor=at, wait=30))
    await parked(server)
    newer = asyncio.create_task(peer.ask_once("GET", cursor=at, wait=30))
    assert (await older)[0] == 409
    fill(server, "large:x", 1, 1)
    status, content = await newer
    assert status == 200 and heard(content) == [1]


async def test_an_unknown_session_is_404(server):
    stranger = PollPeer(server)
    assert (await stranger.ask_once("GET", cursor="1"))[0] == 404
    assert (await stranger.ask_once("POST", b'{"id":1,"rpc":{}}', cursor="1"))[0] in (400, 404)
    for key in ("", "short", "x" * 65, "ä" * 22):
        bad = PollPeer(server)
        bad.session = key
        assert (await bad.ask_once("POST", b'{"id":1,"connect":{}}'))[0] == 400, key


async def test_the_last_message_of_a_session(server):
    """GE-10: what ends a session is told in the last answer; after it the session is unknown."""
    peer = PollPeer(server)
    await peer.connect(token=tokens.connection("7"))
    server.api("disconnect", {"user": "7"}).result
    assert await peer.ended() == 3503
    async with asyncio.timeout(30):
        while (await peer.ask_once("GET", cursor=peer.cursor, wait=0))[0] == 200:
            await asyncio.sleep(0.05)
    assert (await peer.ask_once("GET", cursor=peer.cursor, wait=0))[0] == 404


async def test_a_session_that_is_not_polled_ends(launch):
    """UN-6: it ends after its time to live, and leaves nothing behind."""
    server = launch(EVERYWHERE | {"client": {"session_ttl": "1s"}})
    peer, at = await begin(server)
    assert server.sessions()["subscriptions"] == 1
    await asyncio.to_thread(server.wait_until_empty)
    assert (await peer.ask_once("GET", cursor=at, wait=0))[0] == 404


async def test_a_thousand_messages_back_to_back(server, meet):
    client = await meet(server, "session-poll")
    await client.subscribe("large:x")
    for start in range(1, 1_001, 100):
        commands = [{"publish": {"channel": "large:x", "data": {"n": number}}} for number in range(start, start + 100)]
        await asyncio.to_thread(server.api, "batch", {"commands": commands})
    publications = await client.publications(1_000, "large:x")
    assert [each["data"]["n"] for each in publications] == list(range(1, 1_001))
