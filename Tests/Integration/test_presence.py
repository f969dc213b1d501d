"""Who is there: presence, its counts, and joins and leaves as others see them."""

import asyncio

from harness import tokens


async def test_presence_lists_each_connection(pharos, peer, channel):
    name = channel("open")
    ann = await peer({"token": tokens.connection("ann", info={"name": "Ann"})})
    bob = await peer({"token": tokens.connection("bob")})
    again = await peer({"token": tokens.connection("bob")})
    for each in (ann, bob, again):
        await each.subscribe(name)
    presence = (await ann.ask("presence", channel=name))["presence"]
    assert presence == {
        ann.client: {"user": "ann", "client": ann.client, "conn_info": {"name": "Ann"}},
        bob.client: {"user": "bob", "client": bob.client},
        again.client: {"user": "bob", "client": again.client},
    }
    assert await bob.ask("presence_stats", channel=name) == {"num_clients": 3, "num_users": 2}
    assert pharos.api("presence", {"channel": name}).result["presence"] == presence
    await again.ask("unsubscribe", channel=name)
    assert await bob.ask("presence_stats", channel=name) == {"num_clients": 2, "num_users": 2}


async def test_a_channel_with_nobody_has_empty_presence(peer, channel):
    client = await peer()
    assert (await client.ask("presence", channel=channel("open"))).get("presence", {}) == {}
    assert not any((await client.ask("presence_stats", channel=channel("open"))).values())


async def test_joins_and_leaves_reach_a_third_client_in_order(pharos, peer, channel):
    """A Leave never overtakes its Join, however fast clients come and go."""
    name = channel("open")
    watcher = await peer()
    await watcher.subscribe(name)
    assert (await watcher.push("join", name))["info"]["client"] == watcher.client
    guests = [await peer() for _ in range(3)]
    turns = 40

    async def come_and_go(guest):
        for turn in range(turns):
            await guest.send(
                {"id": 100 + turn, "subscribe": {"channel": name}},
                {"id": 1_000 + turn, "unsubscribe": {"channel": name}})
        for turn in range(turns):
            await guest.reply(1_000 + turn)

    await asyncio.gather(*(come_and_go(guest) for guest in guests))
    expected = 2 * turns * len(guests)
    there: set[str] = set()
    for _ in range(expected):
        push = (await watcher.take(lambda message: "push" in message, "a join or leave"))["push"]
        who = push.get("join", push.get("leave"))["info"]["client"]
        if "join" in push:
            assert who not in there
            there.add(who)
        else:
            assert who in there
            there.remove(who)
    assert not there and not watcher.pushes(name)
    assert await watcher.ask("presence_stats", channel=name) == {"num_clients": 1, "num_users": 1}


async def test_a_connection_that_breaks_leaves(pharos, peer, channel):
    name = channel("open")
    watcher, guest = await peer(), await peer({"token": tokens.connection("guest")})
    await watcher.subscribe(name)
    await guest.subscribe(name)
    guest.break_off()
    leave = await watcher.push("leave", name)
    assert leave["info"]["user"] == "guest"
    assert await watcher.ask("presence_stats", channel=name) == {"num_clients": 1, "num_users": 1}


async def test_joins_are_pushed_only_to_those_who_asked(peer, channel):
    name = channel("asks")
    asking, silent, guest = await peer(), await peer(), await peer()
    await asking.subscribe(name, join_leave=True)
    await silent.subscribe(name)
    await guest.subscribe(name)
    heard = {(await asking.push("join", name))["info"]["client"] for _ in range(3)}
    assert heard == {asking.client, silent.client, guest.client}
    await silent.fence()
    assert not silent.pushes(name)


async def test_presence_lasts_while_the_client_stays(launch, dial, scheme, wire):
    server = launch({"client": {"ping_interval": "1s", "pong_timeout": "900ms"}})
    peer = await dial(server, scheme, wire, connect={})
    await peer.subscribe("open:x")
    for _ in range(4):
        await peer.ping()
    assert await peer.ask("presence_stats", channel="open:x") == {"num_clients": 1, "num_users": 1}
