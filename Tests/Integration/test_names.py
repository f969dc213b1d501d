"""Names are bytes: texts that Unicode calls equivalent are different users, channels and keys."""

import unicodedata

import pytest

from harness import tokens
from harness.configuration import BASE
from harness.emulated import news, poll
from harness.events import EventStream

KELVIN = "\u212aate"  # KELVIN SIGN, which Unicode calls equivalent to a K.
KATE = "Kate"
COMPOSED, DECOMPOSED = "caf\u00e9", "cafe\u0301"

EVERYWHERE = {"poll": {"enabled": True}, "events": {"enabled": True}}

DISK = BASE["channel"]["namespaces"][0] | {"name": "kept", "durability": "disk"}
MEMORY = DISK | {"name": "fleeting", "durability": "memory"}


def test_the_names_of_these_stories_are_equivalent():
    assert KELVIN != KATE and unicodedata.normalize("NFC", KELVIN) == KATE
    assert COMPOSED != DECOMPOSED and unicodedata.normalize("NFC", DECOMPOSED) == COMPOSED


async def test_a_user_who_looks_like_kate_is_not_kate(launch, dial, scheme, wire):
    """Not in her user-limited channels, not with her subscription token, not by her personal channel."""
    server = launch(
        {"client": {"subscribe_to_user_personal_channel": {"enabled": True, "personal_channel_namespace": "listed"}}})
    thief = await dial(server, scheme, wire, connect={"token": tokens.connection(KELVIN)})
    kate = await dial(server, scheme, wire, connect={"token": tokens.connection(KATE)})
    for channel in (f"listed:a#{KATE}", f"listed:a#42,{KATE}", f"listed:a#{KATE},42", f"listed:#{KATE}"):
        assert await thief.refused("subscribe", channel=channel) == 103
    server.publish(f"listed:#{KATE}", {"for": "kate"})
    server.publish(f"listed:#{KELVIN}", {"for": "thief"})
    assert (await kate.publication(f"listed:#{KATE}"))["data"] == {"for": "kate"}
    assert (await thief.publication(f"listed:#{KELVIN}"))["data"] == {"for": "thief"}
    assert not [push for push in thief.pushes() if push.get("channel") == f"listed:#{KATE}"]
    token = tokens.subscription("locked:secret", KATE)
    await kate.subscribe("locked:secret", token=token)
    await thief.send({"id": 99, "subscribe": {"channel": "locked:secret", "token": token}})
    assert await thief.ended() == 3500


async def test_a_token_for_one_channel_is_for_no_other(pharos, dial, scheme, wire):
    client = await dial(pharos, scheme, wire, connect={"token": tokens.connection("42")})
    await client.send(
        {"id": 9, "subscribe": {"channel": f"locked:{DECOMPOSED}", "token": tokens.subscription(f"locked:{COMPOSED}", "42")}})
    assert await client.ended() == 3500


@pytest.mark.parametrize("namespace", ["kept", "fleeting"])
@pytest.mark.parametrize("how", ["SIGTERM", "SIGKILL"])
async def test_two_spellings_have_two_streams(launch, dial, tmp_path, namespace, how):
    """On the disk and in memory, also after the end of the process; each subscriber hears its own."""
    server = launch({"channel": {"namespaces": [DISK, MEMORY]}, "store": {"path": str(tmp_path / "store")}})
    one, other = f"{namespace}:{COMPOSED}", f"{namespace}:{DECOMPOSED}"
    first = await dial(server, connect={})
    second = await dial(server, connect={})
    await first.subscribe(one)
    await second.subscribe(other)
    for number in (1, 2, 3):
        assert server.publish(one, {"n": number})["offset"] == number
    for number in (10, 20):
        assert server.publish(other, {"n": number})["offset"] == number // 10
    assert [each["data"]["n"] for each in await first.publications(3, one)] == [1, 2, 3]
    assert [each["data"]["n"] for each in await second.publications(2, other)] == [10, 20]
    assert sorted(server.api("channels").result["channels"]) == sorted([one, other])

    def history(channel: str) -> list[int]:
        return [each["data"]["n"] for each in server.api("history", {"channel": channel, "limit": 100}).result["publications"]]

    assert history(one) == [1, 2, 3] and history(other) == [10, 20]
    if how == "SIGTERM":
        server.stop()
    else:
        server.kill()
    server.start()
    kept = namespace == "kept"
    assert history(one) == ([1, 2, 3] if kept else []) and history(other) == ([10, 20] if kept else [])
    assert server.publish(other, {"n": 30})["offset"] == (3 if kept else 1)
    assert server.publish(one, {"n": 4})["offset"] == (4 if kept else 1)


# One user's channels, sessions and cursors are no way into another's

PERSONAL = {"client": {"subscribe_to_user_personal_channel": {"enabled": True, "personal_channel_namespace": "listed"}}}


async def test_a_user_id_that_would_list_others_has_no_personal_channel(launch, dial, scheme, wire):
    """`listed:#a,b` is open to `a` and to `b`: the user `a,b` is neither, and nothing of theirs stands there."""
    server = launch(PERSONAL)
    both = await dial(server, scheme, wire)
    assert not (await both.connect(token=tokens.connection("a,b"))).get("subs")
    assert await both.refused("subscribe", channel="listed:#a,b") == 103
    assert await both.refused("subscribe", channel="listed:#a") == 103


@pytest.mark.parametrize("namespace", ["listed", ""])
@pytest.mark.parametrize("user", ["a:b", "listed:x", "a#b", "#", "a b", "%2C", "*", "$a", "/a", "ünïcode", "x" * 250])
async def test_unusual_user_ids_connect_and_hear_only_their_own(launch, dial, user, namespace):
    server = launch({
        "client": {"subscribe_to_user_personal_channel": {"enabled": True, "personal_channel_namespace": namespace}},
        "channel": {"without_namespace": {"allow_user_limited_channels": True}}})
    ann = await dial(server, connect={"token": tokens.connection("ann")})
    one = await dial(server)
    own = list((await one.connect(token=tokens.connection(user))).get("subs", {}))
    prefix = f"{namespace}:" if namespace else ""
    assert own in ([], [f"{prefix}#{user}"])
    for channel in own:
        assert await ann.refused("subscribe", channel=channel) in (102, 103)
        server.publish(channel, {"for": "one"})
        assert (await one.publication(channel))["data"] == {"for": "one"}
    assert not [push for push in ann.pushes() if "pub" in push]


async def test_a_cursor_opens_nothing_that_its_user_may_not_read(launch):
    """A cursor says where, never who: with another's cursor, each is asked as if it had none."""
    server = launch(EVERYWHERE | {"channel": {"namespaces": [DISK | {
        "name": "kept", "allow_user_limited_channels": True,
        **{f"allow_subscribe_for_{whom}": False for whom in ("client", "anonymous")}}]}})
    channel = "kept:x#ann"
    epoch = server.publish(channel, {"secret": 1})["epoch"]
    server.publish(channel, {"secret": 2})
    ann, bob = tokens.connection("ann"), tokens.connection("bob")
    answer = await news(server.port, [channel], token=ann, since=[f"{epoch}:1"], wait=0)
    assert [each["data"] for each in answer["channels"][channel]["publications"]] == [{"secret": 2}]
    stream, _ = await EventStream.listen(server.port, [channel], last_id=f"{epoch}:1", token=ann)
    cursor = answer["cursor"]
    for token in (bob, None):
        for options in ({"cursor": cursor}, {"since": [f"{epoch}:0"]}):
            status, _, body = await poll(server.port, [channel], token=token, wait=0, **options)
            assert status == 403 and b"secret" not in body
        for last_id in (cursor, stream.parser.last_id):
            other = await EventStream(server.port, [channel], last_id=last_id, **({"token": token} if token else {})).open()
            if other.response.status == 200:
                first = await other.first()
                assert first["subscriptions"] == [] and (await other.event()).json["error"]["topic"] == channel
            other.close()
    stream.close()
