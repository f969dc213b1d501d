"""Streams: history, recovery after a cut connection, and that nothing is lost, doubled or reordered."""

import asyncio

import pytest
import websockets

from harness import tokens
from harness.fault_proxy import FaultProxy
from harness.peer import Cut


def fill(pharos, name: str, count: int, start: int = 1) -> str:
    """Publishes numbers; the epoch of the stream."""
    for number in range(start, start + count):
        position = pharos.publish(name, {"n": number})
        assert position["offset"] == number
    return position["epoch"]


def numbers(publications) -> list[int]:
    return [publication["data"]["n"] for publication in publications]


# History


async def test_history_by_limit_position_and_direction(pharos, peer, channel):
    name = channel("open")
    epoch = fill(pharos, name, 10)
    client = await peer()

    async def ask(**fields):
        return await client.ask("history", channel=name, **fields)

    top = await ask()
    assert top.pop("publications", []) == [] and top == {"epoch": epoch, "offset": 10}
    everything = await ask(limit=-1)
    assert numbers(everything["publications"]) == list(range(1, 11)) and everything["offset"] == 10
    assert [each["offset"] for each in everything["publications"]] == list(range(1, 11))
    assert numbers((await ask(limit=3))["publications"]) == [1, 2, 3]
    assert numbers((await ask(limit=3, reverse=True))["publications"]) == [10, 9, 8]
    after = await ask(limit=2, since={"offset": 4, "epoch": epoch})
    assert numbers(after["publications"]) == [5, 6]
    before = await ask(limit=2, since={"offset": 4, "epoch": epoch}, reverse=True)
    assert numbers(before["publications"]) == [3, 2]
    assert (await ask(limit=5, since={"offset": 10, "epoch": epoch})).get("publications", []) == []
    assert await client.refused("history", channel=name, limit=1, since={"offset": 1, "epoch": "other"}) == 112
    assert await client.refused("history", channel=name, since={"offset": 1, "epoch": "other"}) == 112


async def test_history_is_cut_at_the_limit_of_the_server(launch, dial, scheme, wire):
    server = launch({"client": {"history_max_publication_limit": 4}})
    fill(server, "open:x", 9)
    peer = await dial(server, scheme, wire, connect={})
    for limit in (-1, 100):
        result = await peer.ask("history", channel="open:x", limit=limit)
        assert numbers(result["publications"]) == [1, 2, 3, 4] and result["offset"] == 9


async def test_old_publications_leave_and_offsets_stay(pharos, peer, channel):
    name = channel("small")
    fill(pharos, name, 12)
    client = await peer()
    result = await client.ask("history", channel=name, limit=-1)
    assert [each["offset"] for each in result["publications"]] == [8, 9, 10, 11, 12]
    pharos.api("history_remove", {"channel": name}).result
    assert (await client.ask("history", channel=name, limit=-1)).get("publications", []) == []
    assert pharos.publish(name, {"n": 13})["offset"] == 13


async def test_history_carries_who_published_and_tags(pharos, peer, channel):
    name = channel("open")
    client = await peer({"token": tokens.connection("42", info={"name": "Ann"})})
    await client.ask("publish", channel=name, data={"n": 1})
    pharos.publish(name, {"n": 2}, tags={"a": "b"})
    first, second = (await client.ask("history", channel=name, limit=-1))["publications"]
    assert first["info"] == {"user": "42", "client": client.client, "conn_info": {"name": "Ann"}}
    assert second["tags"] == {"a": "b"} and "info" not in second


# Recovery


async def test_recovery_brings_exactly_what_was_missed(pharos, peer, channel):
    name = channel("open")
    client = await peer()
    start = await client.subscribe(name)
    epoch = start["epoch"]
    fill(pharos, name, 3)
    assert numbers(await client.publications(3, name)) == [1, 2, 3]
    await client.close()
    fill(pharos, name, 4, start=4)
    again = await peer()
    reply = await again.subscribe(name, recover=True, offset=3, epoch=epoch)
    assert reply["recovered"] is True and reply["was_recovering"] is True
    assert numbers(reply["publications"]) == [4, 5, 6, 7]
    # The client advances through the publications: the reply repeats its own offset.
    assert reply["offset"] == 3 and reply["epoch"] == epoch
    fill(pharos, name, 1, start=8)
    assert (await again.publication(name))["offset"] == 8


async def test_recovery_with_nothing_missed(pharos, peer, channel):
    name = channel("open")
    epoch = fill(pharos, name, 3)
    reply = await (await peer()).subscribe(name, recover=True, offset=3, epoch=epoch)
    assert reply["recovered"] is True and "publications" not in reply and reply["offset"] == 3


@pytest.mark.parametrize("case", ["too wide", "other epoch", "no position", "from the future"])
async def test_what_cannot_be_recovered_says_so_and_brings_nothing(pharos, peer, channel, case):
    name = channel("small")
    epoch = fill(pharos, name, 12)
    position = {
        "too wide": {"offset": 6, "epoch": epoch},
        "other epoch": {"offset": 12, "epoch": "elsewhere"},
        "no position": {"offset": 0, "epoch": "_"},
        "from the future": {"offset": 13, "epoch": epoch},
    }[case]
    client = await peer()
    reply = await client.subscribe(name, recover=True, **position)
    assert "recovered" not in reply and reply["was_recovering"] is True and "publications" not in reply
    assert reply["offset"] == 12 and reply["epoch"] == epoch and reply["recoverable"] is True
    pharos.publish(name, {"n": 13})
    assert (await client.publication(name))["offset"] == 13


async def test_the_last_position_that_can_be_recovered(pharos, peer, channel):
    name = channel("small")
    epoch = fill(pharos, name, 12)
    reply = await (await peer()).subscribe(name, recover=True, offset=7, epoch=epoch)
    assert reply["recovered"] is True and numbers(reply["publications"]) == [8, 9, 10, 11, 12]


async def test_a_gap_wider_than_the_recovery_limit(launch, dial, scheme, wire):
    server = launch({"client": {"recovery_max_publication_limit": 5}})
    epoch = fill(server, "open:x", 12)
    peer = await dial(server, scheme, wire, connect={})
    wide = await peer.subscribe("open:x", recover=True, offset=6, epoch=epoch)
    assert "recovered" not in wide and "publications" not in wide and wide["offset"] == 12
    await peer.ask("unsubscribe", channel="open:x")
    narrow = await peer.subscribe("open:x", recover=True, offset=7, epoch=epoch)
    assert narrow["recovered"] is True and len(narrow["publications"]) == 5


async def test_flag_2_turns_a_failed_recovery_into_an_error(pharos, peer, channel):
    name = channel("small")
    epoch = fill(pharos, name, 12)
    client = await peer()
    for flag in (2, 3):
        assert await client.refused("subscribe", channel=name, recover=True, offset=1, epoch=epoch, flag=flag) == 112
    # It is as if the subscribe had never been.
    assert pharos.api("presence_stats", {"channel": name}).result["num_clients"] == 0
    assert name not in pharos.api("channels", {}).result["channels"]
    assert (await client.subscribe(name, recover=True, offset=12, epoch=epoch, flag=2))["recovered"] is True


async def test_the_first_publication_of_a_stream_carries_the_epoch(pharos, peer, channel):
    """Subscribe to an empty stream, hear its first publication, recover from it."""
    name = channel("open")
    client = await peer()
    start = await client.subscribe(name)
    position = pharos.publish(name, {"n": 1})
    first = await client.publication(name)
    assert first["offset"] == 1 and first["epoch"] == position["epoch"] == start["epoch"]
    pharos.publish(name, {"n": 2})
    assert "epoch" not in await client.publication(name)
    await client.close()
    pharos.publish(name, {"n": 3})
    reply = await (await peer()).subscribe(name, recover=True, offset=2, epoch=first["epoch"])
    assert reply["recovered"] is True and numbers(reply["publications"]) == [3]


async def test_after_a_restart_the_epoch_is_another(launch, dial, scheme, wire):
    """History in memory is gone with the process; test_durability.py tells of the history on disk."""
    server = launch({"store": {"path": ""}})
    epoch = fill(server, "open:x", 3)
    server.stop()
    server.start()
    peer = await dial(server, scheme, wire, connect={})
    reply = await peer.subscribe("open:x", recover=True, offset=3, epoch=epoch)
    assert "recovered" not in reply and reply["epoch"] != epoch and reply.get("offset", 0) == 0


async def test_a_cache_channel_brings_the_newest_value_at_once(pharos, peer, channel):
    name = channel("cache")
    epoch = fill(pharos, name, 5)
    first = await (await peer()).subscribe(name)
    assert first["recovered"] is True and numbers(first["publications"]) == [5]
    again = await (await peer()).subscribe(name, recover=True, offset=5, epoch=epoch)
    assert again["recovered"] is True and "publications" not in again


async def test_no_recovery_where_it_is_not_granted(pharos, peer, channel):
    client = await peer()
    reply = await client.subscribe(channel("plain"), recover=True, offset=3, epoch="x")
    assert reply == {}


@pytest.mark.parametrize("wire", ["json", "protobuf"])
async def test_nothing_is_lost_while_connections_are_cut(pharos, dial, channel, wire):
    """Publishing goes on while a client is cut off again and again; it ends with each number once, in order."""
    name, total = channel("large"), 600
    seen: list[int] = []
    position: dict = {}
    recoveries = 0

    def take(publication: dict) -> None:
        seen.append(publication["data"]["n"])
        position["offset"] = publication["offset"]

    async def listen(port: int) -> None:
        """One connection, until it is cut or everything has come."""
        nonlocal recoveries
        peer = await dial(pharos, "ws", wire, port=port)
        await peer.connect()
        reply = await peer.subscribe(name, **({"recover": True} | position if position else {}))
        if position:
            assert reply["recovered"] is True
            recoveries += 1
        else:
            position.update(epoch=reply["epoch"], offset=0)
            assert "offset" not in reply
            listening.set()
        for publication in reply.get("publications", []):
            take(publication)
        while len(seen) < total:
            take(await peer.publication(name))

    async with FaultProxy(pharos.port) as proxy, asyncio.timeout(120):
        listening = asyncio.Event()

        async def publish() -> None:
            await listening.wait()
            for number in range(1, total + 1):
                await asyncio.to_thread(pharos.publish, name, {"n": number})
                if number % 60 == 0:
                    proxy.cut()

        publisher = asyncio.create_task(publish())
        while len(seen) < total:
            try:
                await listen(proxy.port)
            except Cut:
                continue
            except (OSError, websockets.WebSocketException):
                continue
        await publisher
    assert seen == list(range(1, total + 1))
    assert recoveries >= 3


async def test_publishing_while_subscribing_loses_nothing(pharos, peer, channel):
    """Live publications that arrive while the stream is read are merged: no gap, nothing twice, no deadlock."""
    name = channel("large")
    epoch = fill(pharos, name, 1)
    stop = asyncio.Event()
    last = [1]

    async def publish():
        while not stop.is_set():
            last[0] = (await asyncio.to_thread(pharos.publish, name, {"n": last[0] + 1}))["offset"]

    publisher = asyncio.create_task(publish())
    offset = 1
    client = await peer()
    for _ in range(25):
        reply = await client.subscribe(name, recover=True, offset=offset, epoch=epoch)
        assert reply["recovered"] is True
        for publication in reply.get("publications", []) + await client.publications(3, name):
            assert publication["offset"] == offset + 1 == publication["data"]["n"]
            offset += 1
        await client.ask("unsubscribe", channel=name)
        for push in client.pushes(name):
            if "pub" in push:
                assert push["pub"]["offset"] == offset + 1
                offset += 1
        client.inbox.clear()
    stop.set()
    await publisher
