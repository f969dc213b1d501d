"""Plain EventSource: `GET /events`, as a browser reads it."""

import asyncio
import base64
import json

import pytest

from harness import cursor, tokens
from harness.emulated import session_key
from harness.events import EventStream
from harness.everywhere import EVERYWHERE
from harness.http_client import HTTPClient, Lost

ORIGIN = "https://app.example.com"


@pytest.fixture
def server(launch):
    return launch(EVERYWHERE)


@pytest.fixture
def fast(launch):
    """Pings come every second."""
    return launch(EVERYWHERE | {"client": {"ping_interval": "1s", "pong_timeout": "500ms", "session_ttl": "60s"}})


def fill(server, channel: str, first: int, last: int) -> str:
    for number in range(first, last + 1):
        epoch = server.publish(channel, {"n": number})["epoch"]
    return epoch


def numbers(events) -> list[int]:
    return [event.json["n"] for event in events]


def port_of(server, scheme: str) -> dict:
    """Where a stream connects to, for either scheme."""
    if scheme == "wss":
        return {"port": server.tls_port, "context": server.tls_context()}
    return {"port": server.port}


# The first message and the events


async def test_the_first_message_says_what_one_is_subscribed_to(server, scheme):
    """UN-1: configuration with client id and time to live, and all subscriptions."""
    stream, first = await EventStream.listen(**port_of(server, scheme), channels=["open:a", "open:b"])
    # Without a key of the client nothing is kept for it.
    assert first["config"]["client_id"] and first["config"]["client_ttl_millis"] == 0
    assert sorted(first["subscriptions"]) == ["open:a", "open:b"]
    assert stream.parser.retry == 1_000
    headers = stream.response.headers
    assert headers["content-type"].startswith("text/event-stream")
    assert headers["x-accel-buffering"] == "no" and "no-store" in headers["cache-control"]
    server.publish("open:b", {"n": 1})
    event = await stream.event()
    assert event.name == "open:b" and event.json == {"n": 1}
    stream.close()


async def test_every_event_has_an_id_with_the_positions_of_all_channels(server):
    """UN-4: the id of an event is enough to resume all channels of the stream."""
    stream, _ = await EventStream.listen(server.port, ["open:a", "open:b"])
    for channel in ("open:a", "open:b", "open:a"):
        server.publish(channel, {"n": 0})
    events = await stream.events(3)
    offsets = [{name: position[1] for name, position in event.positions(["open:a", "open:b"]).items()} for event in events]
    assert offsets == [{"open:a": 1, "open:b": 0}, {"open:a": 1, "open:b": 1}, {"open:a": 2, "open:b": 1}]
    stream.close()


async def test_an_idle_stream_carries_comments(fast, scheme):
    """UN-4: a comment comes at the configured interval, so that nothing on the way takes the stream for dead."""
    stream, _ = await EventStream.listen(**port_of(fast, scheme), channels=["open:x"])
    for _ in range(3):
        await stream.comment()
    stream.close()


@pytest.mark.parametrize("place", ["header", "query"])
async def test_resuming_after_an_event(server, place):
    """UN-3, UN-4: what was published during the absence follows in order, then what is new."""
    stream, _ = await EventStream.listen(server.port, ["large:x", "large:y"])
    fill(server, "large:x", 1, 3)
    events = await stream.events(3)
    last = events[1].id
    stream.break_off()
    fill(server, "large:x", 4, 6)
    fill(server, "large:y", 1, 2)
    options = {"last_id": last} if place == "header" else {"last_event_id": last}
    stream, first = await EventStream.listen(server.port, ["large:x", "large:y"], **options)
    assert first["recovered"] == {"large:x": True, "large:y": True}
    missed = await stream.events(6)
    assert numbers(each for each in missed if each.name == "large:x") == [3, 4, 5, 6]
    assert numbers(each for each in missed if each.name == "large:y") == [1, 2]
    fill(server, "large:x", 7, 7)
    assert numbers([await stream.event()]) == [7]
    stream.close()


async def test_the_header_wins_over_the_query(server):
    epoch = fill(server, "large:x", 1, 5)
    stream, _ = await EventStream.listen(
        server.port, ["large:x"], last_id=cursor.encoded({"large:x": (epoch, 4)}),
        last_event_id=cursor.encoded_as_before({"large:x": (epoch, 1)}))
    assert numbers(await stream.events(1)) == [5]
    stream.close()


async def test_a_gap_is_announced(server):
    """UN-3: what is no longer kept is not silently skipped: `recovered` is false, and then it goes on."""
    epoch = fill(server, "small:x", 1, 12)
    for position in ((epoch, 6), ("elsewhere", 12)):
        stream, first = await EventStream.listen(
            server.port, ["small:x", "large:y"],
            last_id=cursor.encoded({"small:x": position, "large:y": (server.publish("large:y", 0)["epoch"], 0)}))
        assert first["recovered"]["small:x"] is False and first["recovered"]["large:y"] is True
        stream.close()
    stream, first = await EventStream.listen(server.port, ["small:x"], last_id=cursor.encoded({"small:x": (epoch, 7)}))
    assert first["recovered"] == {"small:x": True}
    assert numbers(await stream.events(5)) == [8, 9, 10, 11, 12]
    stream.close()


@pytest.mark.parametrize(
    "name", ["last_event_id", "lastEventId", "lastEventID", "Last-Event-ID", "last-event-id", "evs_last_event_id"])
async def test_stand_ins_for_event_source_resume_under_names_of_their_own(server, name):
    """They cannot set the header, and each has a name of its own for the parameter."""
    epoch = fill(server, "large:x", 1, 5)
    stream, first = await EventStream.listen(server.port, ["large:x"], **{name: cursor.encoded({"large:x": (epoch, 3)})})
    assert first["recovered"] == {"large:x": True}
    assert numbers(await stream.events(2)) == [4, 5]
    stream.close()


async def test_a_stream_without_a_position_claims_no_continuity(server):
    """A client that returns under an unknown name must not believe that nothing is missing."""
    epoch = fill(server, "large:x", 1, 5)
    where = cursor.encoded({"large:x": (epoch, 3)})
    for options in ({}, {"resume_after": where}):
        stream, first = await EventStream.listen(server.port, ["large:x", "large:y"], **options)
        assert first["recovered"] == {}
        stream.close()


async def test_many_channels_cost_short_ids_and_are_resumed(server):
    """128 channels with long names: each id is short, and what opened comes back by header and by address."""
    names = [f"large:{number}-" + "n" * 40 for number in range(128)]
    stream, _ = await EventStream.listen(server.port, names)
    server.publish(names[5], {"n": 1})
    last = await stream.event()
    assert last.name == names[5] and len(last.id) < 2_000
    stream.break_off()
    server.publish(names[7], {"n": 2})
    for options in ({"last_id": last.id}, {"lastEventId": last.id}):
        stream, first = await EventStream.listen(server.port, names, **options)
        assert first["recovered"] == dict.fromkeys(names, True)
        assert numbers([await stream.event()]) == [2]
        stream.close()


async def test_a_foreign_id_is_a_gap_and_no_error(server):
    """A browser sends whatever it last saw, even from another server: that is told, not refused."""
    stream, first = await EventStream.listen(server.port, ["open:x"], last_id="1234")
    assert first["recovered"]["open:x"] is False
    fill(server, "open:x", 1, 1)
    assert numbers([await stream.event()]) == [1]
    stream.close()


async def test_order_and_completeness(server, scheme):
    """UN-9: the messages of one publisher on one channel arrive in order, each once."""
    stream, _ = await EventStream.listen(**port_of(server, scheme), channels=["large:x"])
    for start in range(0, 2_000, 200):
        commands = [{"publish": {"channel": "large:x", "data": {"n": number}}} for number in range(start, start + 200)]
        await asyncio.to_thread(server.api, "batch", {"commands": commands})
    assert numbers(await stream.events(2_000)) == list(range(2_000))
    stream.close()


# Payloads


BINARY = {"lf": b"one\ntwo", "trailing lf": b"one\n", "only lf": b"\n\n", "colon": b": no comment", "space": b" x", "empty": b""}
WITH_CR = {"cr": b"a\rb", "crlf": b"a\r\nb", "trailing crlf": b"a\r\n"}


@pytest.mark.parametrize("text", ["one\ntwo", "a\rb", "a\r\nb\r\n", "\n", "id: 5\n\nevent: x"])
@pytest.mark.parametrize("form", ["", "array"])
async def test_any_json_payload_arrives_exactly(server, text, form):
    """UN-5: LF, CR, CRLF and a trailing newline within a JSON text arrive as they were."""
    stream, _ = await EventStream.listen(server.port, ["open:x"], **({"format": form} if form else {}))
    server.publish("open:x", {"text": text})
    event = await stream.event()
    if form:
        channel, payload = event.json
        assert event.name == "message" and channel == "open:x"
    else:
        payload = event.data
        assert event.name == "open:x"
    assert json.loads(payload) == {"text": text}
    stream.close()


async def publish_bytes(server, channel: str, payload: bytes) -> None:
    encoded = base64.b64encode(payload).decode()
    server.api("publish", {"channel": channel, "b64data": encoded}).result


@pytest.mark.parametrize("case", [each for each in BINARY if each != "empty"])
@pytest.mark.parametrize("form", ["", "array"])
async def test_any_text_with_line_feeds_arrives_exactly(server, case, form):
    """UN-5: a payload that is no JSON is split into lines and put together again by the client."""
    stream, _ = await EventStream.listen(server.port, ["open:x"], **({"format": form} if form else {}))
    await publish_bytes(server, "open:x", BINARY[case])
    event = await stream.event()
    payload = event.json[1] if form else event.data
    assert payload.encode() == BINARY[case]
    stream.close()


@pytest.mark.parametrize("case", list(WITH_CR))
async def test_a_carriage_return_outside_json(server, case):
    """UN-5: the array form carries it exactly; the default form cannot, says so, and goes on."""
    plain, _ = await EventStream.listen(server.port, ["open:x"])
    array, _ = await EventStream.listen(server.port, ["open:x"], format="array")
    await publish_bytes(server, "open:x", WITH_CR[case])
    assert (await array.event()).json == ["open:x", WITH_CR[case].decode()]
    error = await plain.event()
    assert error.name == "message" and error.json["error"]["topic"] == "open:x"
    server.publish("open:x", {"n": 2})
    assert (await plain.event()).json == {"n": 2}
    for stream in (plain, array):
        stream.close()


async def test_a_channel_with_a_line_break_is_refused(server):
    """UN-5: a line break in a name cannot break the framing."""
    for name in ("open:a\nb", "open:a\rb", "open:a\r\ndata: x"):
        stream = await EventStream(server.port, [name]).open()
        assert stream.response.status == 400 or (await stream.first()).get("error"), name
        stream.close()


async def test_the_array_form_escapes_markup(server):
    stream, first = await EventStream.listen(server.port, ["open:x"], format="array")
    assert first["subscriptions"] == ["open:x"]
    server.publish("open:x", {"text": "<b>&</b>"})
    event = await stream.event()
    assert not set("<>&") & set(event.data)
    assert json.loads(event.json[1]) == {"text": "<b>&</b>"}
    stream.close()


# Who may listen


async def test_tokens(launch):
    server = launch(EVERYWHERE | {"client": {"allow_anonymous_connect_without_token": False}})
    refused = await EventStream(server.port, ["open:x"]).open()
    assert refused.response.status in (401, 403)
    refused.close()
    for options in ({"token": tokens.connection("7")}, {"headers": {"Authorization": f"Bearer {tokens.connection('7')}"}}):
        stream, first = await EventStream.listen(server.port, ["open:x"], **options)
        assert first["subscriptions"] == ["open:x"]
        stream.close()
    broken = await EventStream(server.port, ["open:x"], token=tokens.connection("7", expires_in=-60)).open()
    assert broken.response.status in (401, 403)
    broken.close()


async def test_a_channel_that_is_not_allowed_is_an_error_message(server):
    """The stream goes on with the others: an error is a message with the channel's name."""
    stream, first = await EventStream.listen(server.port, ["open:x", "locked:y"])
    assert first["subscriptions"] == ["open:x"]
    error = await stream.event()
    assert error.name == "message" and error.json["error"]["topic"] == "locked:y"
    assert error.json["error"]["code"] == "subscription-failure" and error.json["error"]["message"]
    server.publish("open:x", {"n": 1})
    assert (await stream.event()).json == {"n": 1}
    stream.close()


async def test_origins(server):
    stream, _ = await EventStream.listen(server.port, ["open:x"], headers={"Origin": ORIGIN})
    assert stream.response.headers["access-control-allow-origin"] == ORIGIN
    stream.close()
    refused = await EventStream(server.port, ["open:x"], headers={"Origin": "https://evil.org"}).open()
    assert refused.response.status == 403
    refused.close()


@pytest.mark.parametrize("query", ["", "channel=open:x&session=short", "channel=open:x&session=" + "%20" * 30,
                                   "channel=open:x&format=other", "channel=%ff"])
async def test_wrong_parameters_are_named(server, query):
    answer = await HTTPClient(server.port).ask("GET", f"/events?{query}")
    assert answer[0] == 400
    assert answer[1]["content-type"].startswith("application/json")


# Leaving and coming back


async def test_a_client_that_returns_has_all_its_topics(server):
    """UN-1, UN-2: with its id within the TTL it gets the first message with all topics, then what is new: 1,000 times."""
    key = session_key()
    stream, first = await EventStream.listen(server.port, ["large:a", "large:b"], session=key)
    assert first["config"]["client_ttl_millis"] == 60_000
    for turn in range(1, 1_001):
        stream.break_off()
        stream, first = await EventStream.listen(server.port, session=key)
        assert sorted(first["subscriptions"]) == ["large:a", "large:b"], turn
        if turn % 50 == 0:
            channel = "large:a" if turn % 100 else "large:b"
            server.publish(channel, {"n": turn})
            event = await stream.event()
            assert (event.name, event.json) == (channel, {"n": turn})
    stream.close()


async def test_id_is_another_name_for_session(server):
    key = session_key()
    stream, _ = await EventStream.listen(server.port, ["open:x"], id=key)
    stream.close()
    stream, first = await EventStream.listen(server.port, session=key)
    assert first["subscriptions"] == ["open:x"]
    stream.close()


async def test_what_was_published_during_the_absence(server):
    """UN-3: it is delivered after the return, in order, without the client naming a position."""
    key = session_key()
    stream, _ = await EventStream.listen(server.port, ["large:x", "small:y"], session=key)
    fill(server, "large:x", 1, 2)
    last = (await stream.events(2))[-1]
    stream.close()
    await asyncio.to_thread(server.wait_until_empty)
    fill(server, "large:x", 3, 9)
    fill(server, "small:y", 1, 12)
    # The position that the client itself states counts: only it knows what really arrived.
    stream, first = await EventStream.listen(server.port, session=key, last_id=last.id)
    assert first["recovered"] == {"large:x": True, "small:y": False}
    events = [event for event in await stream.events(7) if event.name == "large:x"]
    assert numbers(events) == list(range(3, 3 + len(events)))
    stream.close()


# The end and the slow


async def test_the_last_message_of_a_stream(launch):
    """UN-11: a stream that the server ends says so in the words of either form."""
    server = launch(EVERYWHERE | {"shutdown": {"window": "200ms", "timeout": "10s"}})
    plain, _ = await EventStream.listen(server.port, ["open:x"])
    array, _ = await EventStream.listen(server.port, ["open:x"], format="array")
    server.terminate()
    last, other = (await plain.rest())[-1], (await array.rest())[-1]
    assert last.name == "message" and last.data == "Client closed"
    assert other.json == ["/unifrost/closed", "Client closed"]
    assert await asyncio.to_thread(server.wait) == 0


async def test_a_thousand_streams_are_closed(launch):
    """UN-11: ending with 1,000 connected and connecting clients ends every stream with the last message."""
    server = launch(EVERYWHERE | {"shutdown": {"window": "500ms", "timeout": "20s"}})
    streams = []
    for _ in range(10):
        streams += await asyncio.gather(*(EventStream.listen(server.port, ["open:x"]) for _ in range(80)))
    arriving = [asyncio.create_task(EventStream.listen(server.port, ["open:x"])) for _ in range(200)]
    server.terminate()
    ends = await asyncio.gather(*(stream.rest() for stream, _ in streams))
    assert all(events and events[-1].data == "Client closed" for events in ends)
    # A client that was still connecting is served and then closed, or refused: never left hanging.
    for result in await asyncio.gather(*arriving, return_exceptions=True):
        if isinstance(result, tuple):
            events = await result[0].rest()
            assert events[-1].data == "Client closed"
        else:
            assert isinstance(result, (OSError, AssertionError, Lost)), result
    assert await asyncio.to_thread(server.wait) == 0


async def test_a_reader_that_stalls_holds_nobody_up(launch):
    """UN-8: one that never reads is closed by the documented rule; the others get everything meanwhile."""
    server = launch(EVERYWHERE | {"client": {"queue_max_size": 131_072}, "edge": {"shards": 1}})
    stalled, _ = await EventStream.listen(server.port, ["plain:x"], receive_buffer=4_096)
    stalled.client.pause()
    reader, _ = await EventStream.listen(server.port, ["plain:x"])
    fill_text, sent = "x" * 4_096, 0
    while server.metric("pharos_client_slow_closed_total") == 0 and sent < 5_000:
        commands = [
            {"publish": {"channel": "plain:x", "data": {"n": number, "fill": fill_text}}} for number in range(sent, sent + 50)]
        await asyncio.to_thread(server.api, "batch", {"commands": commands})
        assert numbers(await reader.events(50)) == list(range(sent, sent + 50))
        sent += 50
    assert server.metric("pharos_client_slow_closed_total") == 1
    await reader_is_well(server, reader)
    stalled.break_off()
    reader.close()


async def reader_is_well(server, reader) -> None:
    server.publish("plain:x", {"n": "last"})
    assert (await reader.event()).json == {"n": "last"}
