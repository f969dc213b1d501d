"""Publications reach everybody who is there: once, in order, unchanged."""

import asyncio
import json

import pytest

from harness import tokens

FALSE_FRIENDS = [
    '"', "\\", "\n\r\t\b\f", "\u0000\u001f", "</script>", "& < > = ?", "\u2028\u2029", "é ü ß 漢字 🛰️ 👩‍🚀", "{\"a\":1}", "\\u0041", "",
    "@@", "\u007f", "a" * 20_000,
]


async def test_every_delivery_names_its_channel(pharos, peer, channel):
    """FT-5: a client of many channels can tell which one each publication came from."""
    names = [channel() for _ in range(5)]
    client = await peer()
    for name in names:
        await client.subscribe(name)
    for turn in range(4):
        for name in names:
            pharos.publish(name, {"from": name, "turn": turn})
    for turn in range(4):
        for name in names:
            push = (await client.take(lambda message: "push" in message, "a push"))["push"]
            assert push["channel"] == push["pub"]["data"]["from"]


async def test_any_payload_arrives_as_valid_json_unchanged(pharos, peer, channel):
    """GO-7: quotes, backslashes, newlines and any UTF-8 are delivered as JSON that decodes to the same payload."""
    name = channel()
    client = await peer()
    await client.subscribe(name)
    for data in [*FALSE_FRIENDS, *({"text": text, text[:100]: [text]} for text in FALSE_FRIENDS), None, 0, [], {}, 1e300]:
        pharos.publish(name, data)
        assert (await client.publication(name)).get("data") == data
        await client.ask("publish", channel=name, data=data)
        assert (await client.publication(name)).get("data") == data


async def test_newlines_between_the_tokens_of_a_payload_do_not_break_the_frame(pharos, peer, channel):
    name = channel()
    client = await peer()
    await client.subscribe(name)
    pretty = json.dumps({"channel": name, "data": {"a": [1, 2], "b": "x\ny"}}, indent=2).replace("\n", "\r\n")
    pharos.api("publish", pretty.encode()).result
    assert (await client.publication(name))["data"] == {"a": [1, 2], "b": "x\ny"}


async def test_large_integers_keep_their_digits(pharos, dial, scheme, channel):
    name = channel()
    client = await dial(pharos, scheme, "json", connect={})
    client.keeps_frames = True
    await client.subscribe(name)
    pharos.api("publish", json.dumps({"channel": name, "data": 0}).replace(": 0", ": 12345678901234567890123").encode())
    await client.publication(name)
    assert "12345678901234567890123" in client.frames[-1]


async def test_own_message_follows_its_subscription(peer, channel):
    """FT-6: subscribe followed at once by publish delivers the own message, 2,500 times on each of four ways."""
    client = await peer()
    base = channel()
    for number in range(0, 10_000, 4):
        name = f"{base}-{number}"
        await client.send(
            {"id": 10_000 + number, "subscribe": {"channel": name}},
            {"id": 10_001 + number, "publish": {"channel": name, "data": number}})
        assert "subscribe" in await client.reply(10_000 + number)
        assert (await client.publication(name)).get("data") == number
        assert "publish" in await client.reply(10_001 + number)
        await client.send({"id": 10_002 + number, "unsubscribe": {"channel": name}})
        assert "unsubscribe" in await client.reply(10_002 + number)
    assert not client.inbox


async def test_every_command_of_a_pipeline_is_answered_even_if_the_next_one_undoes_it(peer, channel):
    """FT-11: a subscribe that is followed at once by its unsubscribe gets a reply too."""
    client = await peer()
    for number in range(50):
        name = channel("open")
        await client.send(
            {"id": 100 + number, "subscribe": {"channel": name}}, {"id": 1_000 + number, "unsubscribe": {"channel": name}})
        assert (await client.reply(1_000 + number))["unsubscribe"] == {}
        assert {"subscribe", "error"} & set(await client.reply(100 + number))
    await client.fence()


@pytest.mark.parametrize("wire", ["json", "protobuf"])
@pytest.mark.parametrize("scheme", ["ws"])
async def test_a_hundred_thousand_messages_in_order(pharos, peer, channel, scheme, wire):
    """FT-3: 100,000 messages of one sender reach each subscriber each once, in order and unchanged."""
    name, total, window = channel(), 100_000, 500
    subscribers = [await peer() for _ in range(2)]
    sender = await peer()
    for each in subscribers:
        await each.subscribe(name)
    for start in range(0, total, window):
        numbers = range(start, start + window)
        await sender.send(
            *({"id": 1_000_000 + number, "publish": {"channel": name, "data": number}} for number in numbers))
        for each in (*subscribers, sender):
            async with asyncio.timeout(60):
                while len(each.inbox) < window:
                    each._arrived.clear()
                    await each._arrived.wait()
        for each in subscribers:
            assert [message["push"]["pub"].get("data") for message in each.inbox] == list(numbers)
            each.inbox.clear()
        assert [message["id"] for message in sender.inbox] == [1_000_000 + number for number in numbers]
        sender.inbox.clear()


async def test_a_thousand_events_back_to_back_arrive_completely(pharos, peer, channel):
    """GE-15: 1,000 events published back to back reach one reading client completely."""
    name = channel()
    client = await peer()
    await client.subscribe(name)
    for start in range(0, 1_000, 500):
        commands = [{"publish": {"channel": name, "data": number}} for number in range(start, start + 500)]
        replies = pharos.api("batch", {"commands": commands}).json["replies"]
        assert all("publish" in reply for reply in replies)
    assert [(each).get("data") for each in await client.publications(1_000, name)] == list(range(1_000))


async def test_two_connections_of_one_user_both_receive(pharos, peer, channel):
    """FT-10: a second connection of a user takes nothing from the first."""
    name = channel("open")
    token = tokens.connection("one-user")
    first, second = await peer({"token": token}), await peer({"token": token})
    for each in (first, second):
        await each.subscribe(name)
    pharos.publish(name, {"n": 1})
    for each in (first, second):
        assert (await each.publication(name))["data"] == {"n": 1}
    stats = pharos.api("presence_stats", {"channel": name}).result
    assert (stats["num_clients"], stats["num_users"]) == (2, 1)


async def test_with_single_connection_the_older_is_closed_with_a_reason(launch, dial, scheme, wire):
    """FT-10: where one connection per user is configured, the older one is told why it ends."""
    server = launch({"client": {"subscribe_to_user_personal_channel": {"enabled": True, "single_connection": True}}})
    token = tokens.connection("one-user")
    other = await dial(server, scheme, wire, connect={"token": tokens.connection("another")})
    first = await dial(server, scheme, wire, connect={"token": token})
    second = await dial(server, scheme, wire, connect={"token": token})
    assert await first.ended() == 3504
    await second.fence()
    await other.fence()


async def test_publications_of_clients_carry_who_they_are(pharos, peer, channel):
    name = channel("open")
    client = await peer({"token": tokens.connection("42", info={"name": "Ann"})})
    await client.subscribe(name, token=tokens.subscription(name, "42", info={"role": "host"}))
    await client.ask("publish", channel=name, data={})
    assert (await client.publication(name))["info"] == {
        "user": "42", "client": client.client, "conn_info": {"name": "Ann"}, "chan_info": {"role": "host"}}


async def test_tags_travel_with_the_publication(pharos, peer, channel):
    name = channel()
    client = await peer()
    await client.subscribe(name)
    pharos.publish(name, {}, tags={"kind": "test", "ü": "\n"})
    assert (await client.publication(name))["tags"] == {"kind": "test", "ü": "\n"}


async def test_after_unsubscribing_nothing_comes(pharos, peer, channel):
    name, still = channel(), channel()
    client = await peer()
    await client.subscribe(name)
    await client.subscribe(still)
    await client.ask("unsubscribe", channel=name)
    pharos.publish(name, 1)
    pharos.publish(still, 2)
    assert (await client.publication(still))["data"] == 2
    assert not client.pushes(name)


async def test_json_and_protobuf_clients_of_both_schemes_hear_the_same(pharos, dial, channel):
    name = channel("open")
    clients = [
        await dial(pharos, scheme, wire, connect={}) for scheme in ("ws", "wss") for wire in ("json", "protobuf")]
    for client in clients:
        await client.subscribe(name)
    for number in range(50):
        await clients[number % 4].ask("publish", channel=name, data={"n": number})
    for client in clients:
        heard = await client.publications(50, name)
        assert [each["data"]["n"] for each in heard] == list(range(50))
        assert [each["offset"] for each in heard] == list(range(1, 51))
