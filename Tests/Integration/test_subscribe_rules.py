"""Who may subscribe, publish and look; which error says no. Sections 5.1 and 5.2 of the protocol, row by row."""

import pytest

from harness import tokens
from harness.configuration import API_KEY


# Checks before permission


async def test_a_channel_name_that_is_too_long_is_refused(peer):
    client = await peer()
    assert await client.refused("subscribe", channel="x" * 256) == 107
    await client.subscribe("x" * 255)


async def test_a_second_subscribe_is_refused(peer, channel):
    client = await peer()
    name = channel("open")
    await client.subscribe(name)
    assert await client.refused("subscribe", channel=name) == 105


async def test_a_second_subscribe_in_the_same_frame_is_refused(peer, channel):
    client = await peer()
    name = channel("open")
    await client.send({"id": 8, "subscribe": {"channel": name}}, {"id": 9, "subscribe": {"channel": name}})
    assert "subscribe" in await client.reply(8)
    assert (await client.reply(9))["error"]["code"] == 105


async def test_too_many_channels_are_refused(launch, dial, scheme, wire):
    server = launch({"client": {"channel_limit": 3}})
    peer = await dial(server, scheme, wire, connect={})
    for number in range(3):
        await peer.subscribe(f"c{number}")
    assert await peer.refused("subscribe", channel="c3") == 106
    await peer.ask("unsubscribe", channel="c0")
    await peer.subscribe("c3")


async def test_too_many_server_side_channels_close(launch, dial, scheme, wire):
    server = launch({"client": {"channel_limit": 3}})
    peer = await dial(server, scheme, wire)
    await peer.send({"id": 1, "connect": {"token": tokens.connection(channels=["a", "b", "c", "d"])}})
    assert await peer.ended() == 3505


async def test_an_unknown_delta_type_closes(peer, channel):
    client = await peer()
    await client.send({"id": 2, "subscribe": {"channel": channel("open"), "delta": "vcdiff"}})
    assert await client.ended() == 3501


async def test_a_delta_that_is_not_allowed_stays_unset(peer, channel):
    client = await peer()
    assert "delta" not in await client.subscribe(channel("nodelta"), delta="fossil")


async def test_a_tags_filter_is_refused(peer, channel):
    """Never accepted and delivered unfiltered."""
    client = await peer()
    assert await client.refused("subscribe", channel=channel("open"), tf={"key": "a", "cmp": "eq", "val": "b"}) == 107


@pytest.mark.parametrize("kind", [1, 2, 3, 4])
async def test_other_subscription_types_are_refused(peer, channel, kind):
    client = await peer()
    assert await client.refused("subscribe", channel=channel("open"), type=kind) == 103


async def test_map_publishing_and_tracking_are_refused(peer, channel):
    client = await peer()
    name = channel("open")
    await client.subscribe(name)
    assert await client.refused("publish", channel=name, data={}, type=1, key="k") == 108
    assert await client.refused("sub_refresh", channel=name, token="t", type=1) == 107
    assert await client.refused("sub_refresh", channel=name, token="t", type=2) == 107


# Permission


async def test_an_unknown_namespace_is_refused(peer, channel):
    client = await peer()
    assert await client.refused("subscribe", channel=channel("unknown")) == 102
    assert await client.refused("publish", channel=channel("unknown"), data={}) == 102


async def test_a_name_must_match_the_namespaces_pattern(peer):
    client = await peer()
    assert await client.refused("subscribe", channel="lower:Abc") == 107
    assert await client.refused("subscribe", channel="lower:abc1") == 107
    assert await client.refused("subscribe", channel="lower:abc\nx") == 107
    await client.subscribe("lower:abc")


async def test_a_private_channel_needs_a_token(peer):
    client = await peer()
    assert await client.refused("subscribe", channel="$secret") == 103
    assert await client.refused("subscribe", channel="$open:secret") == 103
    await client.subscribe("$secret", token=tokens.subscription("$secret", user=""))


async def test_what_is_not_allowed_is_refused(peer, channel):
    client = await peer()
    name = channel("locked")
    assert await client.refused("subscribe", channel=name) == 103
    assert await client.refused("publish", channel=name, data={}) == 103
    assert await client.refused("presence", channel=name) == 103
    assert await client.refused("presence_stats", channel=name) == 103
    assert await client.refused("history", channel=name, limit=1) == 103


async def test_anonymous_clients_need_their_own_permission(peer, channel):
    name = channel("named")
    anonymous = await peer()
    assert await anonymous.refused("subscribe", channel=name) == 103
    assert await anonymous.refused("publish", channel=name, data={}) == 103
    known = await peer({"token": tokens.connection("7")})
    await known.subscribe(name)
    await known.ask("publish", channel=name, data={})


async def test_subscribers_may_what_others_may_not(peer, channel):
    name = channel("members")
    client = await peer()
    requests = [
        ("publish", {"data": {}}), ("presence", {}), ("presence_stats", {}), ("history", {"limit": 1})]
    for method, fields in requests:
        assert await client.refused(method, channel=name, **fields) == 103
    await client.subscribe(name)
    for method, fields in requests:
        await client.ask(method, channel=name, **fields)
    await client.ask("unsubscribe", channel=name)
    assert await client.refused("publish", channel=name, data={}) == 103


async def test_a_user_limited_channel_is_for_the_listed_users(peer, channel):
    name = channel("listed")
    one = await peer({"token": tokens.connection("42")})
    await one.subscribe(f"{name}#42")
    await one.subscribe(f"{name}#41,42,43")
    for refused in (f"{name}#4", f"{name}#421", f"{name}#41,43", f"{name}#", name):
        assert await one.refused("subscribe", channel=refused) == 103
    anonymous = await peer()
    assert await anonymous.refused("subscribe", channel=f"{name}#") == 103
    assert await anonymous.refused("subscribe", channel=f"{name}#42") == 103


async def test_what_the_namespace_lacks_is_not_available(peer, channel):
    client = await peer({"token": tokens.connection("42")})
    plain = channel("plain")
    assert await client.refused("presence", channel=plain) in (103, 108)
    assert await client.refused("history", channel=plain, limit=1) in (103, 108)


async def test_disabled_presence_and_history_answer_108_when_allowed(launch, dial, scheme, wire):
    server = launch({"channel": {"without_namespace": {
        "allow_presence_for_client": True, "allow_presence_for_anonymous": True}}})
    peer = await dial(server, scheme, wire, connect={})
    assert await peer.refused("presence", channel="x") == 108
    assert await peer.refused("presence_stats", channel="x") == 108


async def test_wishes_are_granted_only_where_allowed(peer, channel):
    client = await peer()
    plain = await client.subscribe(channel("plain"), positioned=True, recoverable=True, join_leave=True)
    assert plain == {}
    asked = await client.subscribe(channel("asks"), positioned=True)
    assert asked["positioned"] is True and "recoverable" not in asked and asked["epoch"]
    recoverable = await client.subscribe(channel("asks"), recoverable=True)
    assert recoverable["recoverable"] is True and recoverable["positioned"] is True
    assert await client.subscribe(channel("asks")) == {}
    forced = await client.subscribe(channel("open"))
    assert forced["recoverable"] is True and forced["positioned"] is True


async def test_data_must_be_of_the_namespaces_format(pharos, peer, channel):
    client = await peer()
    name = channel("object")
    await client.subscribe(name)
    for data in ([1], "text", 1, None, True):
        assert await client.refused("publish", channel=name, data=data) == 107
        assert pharos.api("publish", {"channel": name, "data": data}).error["code"] == 107
    await client.ask("publish", channel=name, data={"fine": 1})
    assert (await client.publication(name))["data"] == {"fine": 1}


async def test_binary_data_reaches_everybody_and_closes_nobody(pharos, dial, scheme, channel):
    """A payload that is not JSON is put into a JSON message as base64, with a flag."""
    name = channel("plain")
    binary = await dial(pharos, scheme, "protobuf", connect={})
    text = await dial(pharos, scheme, "json", connect={})
    for each in (binary, text):
        await each.subscribe(name)
    await binary.ask("publish", channel=name, data=b"\x00\xff\xfe")
    assert (await binary.publication(name))["data"] == b"\x00\xff\xfe"
    publication = await text.publication(name)
    assert publication["data"] == "AP/+" and publication["b64data"] is True
    pharos.publish(name, {"next": 1})
    assert (await text.publication(name))["data"] == {"next": 1}


async def test_nothing_is_open_until_it_is_configured(launch, dial, scheme):
    """GE-7: a fresh server lets an anonymous client do nothing, and has no built-in account."""
    server = launch(base={"log": {"level": "trace"}, "health": {"enabled": True}, "edge": {"shards": 1}})
    peer = await dial(server, "ws", "json")
    await peer.send({"id": 1, "connect": {}})
    assert (await peer.reply(1))["error"]["code"] in (101, 103)
    for key in (None, "", "api_key", "admin", API_KEY):
        assert server.api("info", key=key).status == 401
    assert server.api("", {"method": "info"}, key=None).status == 401
    # GE-6: without a key no token is believed.
    for algorithm, key in (("HS256", "secret"), ("HS256", ""), ("none", None)):
        try:
            token = tokens.signed({"sub": "1"}, key, algorithm)
        except Exception:  # the library refuses to make so weak a token
            continue
        other = await dial(server, "ws", "json")
        await other.send({"id": 1, "connect": {"token": token}})
        assert await other.ended() == 3500


async def test_a_client_that_may_connect_may_still_do_nothing(launch, dial, scheme, wire):
    """GE-7: connecting opens nothing by itself."""
    server = launch(base={
        "client": {"allow_anonymous_connect_without_token": True, "token": {"hmac_secret_key": tokens.HMAC_KEY}},
        "health": {"enabled": True}})
    for request in ({}, {"token": tokens.connection("1")}):
        peer = await dial(server, "ws", wire, connect=request)
        assert await peer.refused("subscribe", channel="news") == 103
        for method in ("presence", "presence_stats", "history"):
            assert await peer.refused(method, channel="news") == 108
        assert await peer.refused("publish", channel="news", data={}) == 103
