"""Names are bytes: texts that Unicode calls equivalent are different users, channels and keys."""

import unicodedata

import pytest

from harness import tokens
from harness.configuration import BASE

KELVIN = "\u212aate"  # KELVIN SIGN, which Unicode calls equivalent to a K.
KATE = "Kate"
COMPOSED, DECOMPOSED = "caf\u00e9", "cafe\u0301"

DISK = BASE["channel"]["namespaces"][0] | {"name": "kept", "durability": "disk"}
MEMORY = DISK | {"name": "fleeting", "durability": "memory"}


def test_the_names_of_these_stories_are_equivalent():
    assert KELVIN != KATE and unicodedata.normalize("NFC", KELVIN) == KATE
    assert COMPOSED != DECOMPOSED and unicodedata.normalize("NFC", DECOMPOSED) == COMPOSED


async def test_a_user_who_looks_like_kate_is_not_kate(launch, dial, door, wire):
    """Not in her user-limited channels, not with her subscription token, not by her personal channel."""
    server = launch(
        {"client": {"subscribe_to_user_personal_channel": {"enabled": True, "personal_channel_namespace": "listed"}}})
    thief = await dial(server, door, wire, connect={"token": tokens.connection(KELVIN)})
    kate = await dial(server, door, wire, connect={"token": tokens.connection(KATE)})
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


async def test_a_token_for_one_channel_is_for_no_other(pharos, dial, door, wire):
    client = await dial(pharos, door, wire, connect={"token": tokens.connection("42")})
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
