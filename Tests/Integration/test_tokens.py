"""Tokens of connections and subscriptions: who is let in, for how long, and how that is extended."""

import asyncio
import base64
import hashlib
import hmac
import time

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from harness import tokens
from harness.configuration import HMAC_KEY
from harness.events import EventStream
from harness.everywhere import EVERYWHERE
from harness.http_client import HTTPClient
from harness.key_set import KeySetServer
from harness.peer import Cut


def pem(key) -> str:
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


async def connect_code(dial, server, scheme, wire, token) -> int:
    """What a token is answered with: 0 let in, an error code, or a close code."""
    peer = await dial(server, scheme, wire)
    await peer.send({"id": 1, "connect": {"token": token}})
    try:
        reply = await peer.reply(1)
    except Cut:
        return await peer.ended()
    return reply["error"]["code"] if "error" in reply else 0


# Connecting


async def test_a_good_token_names_the_user_and_the_end(peer, channel):
    client = await peer({"token": tokens.connection("42", expires_in=1_000)})
    name = channel("open")
    await client.subscribe(name)
    assert (await client.ask("presence", channel=name))["presence"][client.client]["user"] == "42"


async def test_ttl_is_told_only_when_there_is_an_end(pharos, dial, scheme, wire):
    peer = await dial(pharos, scheme, wire)
    result = await peer.connect(token=tokens.connection(expires_in=1_000))
    assert result["expires"] is True and 900 < result["ttl"] <= 1_000
    peer = await dial(pharos, scheme, wire)
    result = await peer.connect(token=tokens.connection(expires_in=1_000, expire_at=0))
    assert "expires" not in result and "ttl" not in result


BAD = {
    "other key": lambda: tokens.signed({"sub": "1"}, "another key, also of thirty-two bytes"),
    "no signature": lambda: tokens.signed({"sub": "1"}, None, "none"),
    "cut off": lambda: tokens.connection("1")[:-5],
    "changed claims": lambda: ".".join(
        [tokens.connection("1").split(".")[0], tokens.connection("2").split(".")[1], tokens.connection("1").split(".")[2]]),
    "not a token": lambda: "abc",
    "only dots": lambda: "..",
    "subscription token": lambda: tokens.subscription("news", "1"),
    "not before": lambda: tokens.connection("1", nbf=int(time.time()) + 3_600),
}


@pytest.mark.parametrize("kind", BAD)
async def test_a_bad_token_closes(pharos, dial, scheme, wire, kind):
    """GE-6: wrong key, `alg: none`, cut and changed tokens are refused; so is one that was made for a channel."""
    assert await connect_code(dial, pharos, scheme, wire, BAD[kind]()) == 3500


async def test_an_expired_token_asks_for_a_new_one(pharos, dial, scheme, wire):
    assert await connect_code(dial, pharos, scheme, wire, tokens.connection(expires_in=-10)) == 109


@pytest.mark.parametrize("expires", [2**63 - 1, 2**62, 10**12, 253402300799 * 1000])
async def test_a_huge_end_does_not_stop_the_pings(launch, dial, scheme, wire, expires):
    """An end near the largest number is capped at 365 days; pings go on."""
    server = launch({"client": {"ping_interval": "1s", "pong_timeout": "900ms"}})
    peer = await dial(server, scheme, wire)
    result = await peer.connect(token=tokens.connection(exp=expires))
    assert result["expires"] is True and 0 < result["ttl"] <= 365 * 86_400
    await peer.ping()
    await peer.ping()
    reply = await peer.subscribe("open:x", token=tokens.subscription("open:x", exp=expires))
    assert reply["expires"] is True and 0 < reply["ttl"] <= 365 * 86_400


async def test_anonymous_tokens_can_be_refused(launch, dial, scheme, wire):
    server = launch({"client": {"disallow_anonymous_connection_tokens": True}})
    assert await connect_code(dial, server, scheme, wire, tokens.connection("")) in (103, 3500)
    assert await connect_code(dial, server, scheme, wire, tokens.connection("1")) == 0


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
async def test_hmac_tokens(pharos, dial, scheme, wire, algorithm):
    token = tokens.signed({"sub": "1"}, HMAC_KEY, algorithm)
    assert await connect_code(dial, pharos, scheme, wire, token) == 0


async def test_rsa_and_ecdsa_tokens(launch, dial, scheme, wire):
    """The algorithm is pinned to the key's family: a public key is never taken for an HMAC secret."""
    private, curve = rsa.generate_private_key(65_537, 2_048), ec.generate_private_key(ec.SECP256R1())
    server = launch({"client": {"token": {"rsa_public_key": pem(private), "ecdsa_public_key": pem(curve)}}})
    for algorithm in ("RS256", "RS384", "RS512"):
        assert await connect_code(dial, server, scheme, wire, tokens.signed({"sub": "1"}, private, algorithm)) == 0
    assert await connect_code(dial, server, scheme, wire, tokens.signed({"sub": "1"}, curve, "ES256")) == 0
    header, claims, _ = tokens.signed({"sub": "1"}).split(".")
    for confused in (pem(private), pem(curve)):
        digest = hmac.new(confused.encode(), f"{header}.{claims}".encode(), hashlib.sha256).digest()
        forged = f"{header}.{claims}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"
        assert await connect_code(dial, server, scheme, wire, forged) == 3500
    other = rsa.generate_private_key(65_537, 2_048)
    assert await connect_code(dial, server, scheme, wire, tokens.signed({"sub": "1"}, other, "RS256")) == 3500


async def test_issuer_and_audience_are_checked(launch, dial, scheme, wire):
    """GE-6: a token of another issuer is refused."""
    server = launch({"client": {"token": {"issuer": "us", "audience_regex": "^app-[0-9]+$"}}})

    async def code(**claims):
        return await connect_code(dial, server, scheme, wire, tokens.connection("1", **claims))

    assert await code(iss="us", aud="app-1") == 0
    assert await code(iss="us", aud=["other", "app-2"]) == 0
    for claims in ({}, {"iss": "us"}, {"iss": "them", "aud": "app-1"}, {"iss": "us", "aud": "app-x"},
                   {"iss": "us", "aud": []}):
        assert await code(**claims) == 3500


async def test_the_previous_key_is_good_until_its_time(launch, dial, scheme, wire):
    previous = "the-key-before-this-one-thirty-two-bytes"
    token = tokens.signed({"sub": "1"}, previous)
    valid = launch({"client": {"token": {"hmac_previous_secret_key": previous,
                                         "hmac_previous_secret_key_valid_until": int(time.time()) + 600}}})
    assert await connect_code(dial, valid, scheme, wire, token) == 0
    over = launch({"client": {"token": {"hmac_previous_secret_key": previous,
                                        "hmac_previous_secret_key_valid_until": int(time.time()) - 600}}})
    assert await connect_code(dial, over, scheme, wire, token) == 3500


async def test_keys_of_a_key_set_and_their_rotation(launch, dial, scheme, wire):
    """Keys are fetched when needed and again for an unknown key id; EdDSA comes this way only."""
    async with KeySetServer() as keys:
        curve, edwards, later = (
            ec.generate_private_key(ec.SECP256R1()), ed25519.Ed25519PrivateKey.generate(),
            rsa.generate_private_key(65_537, 2_048))
        keys.publish({"ec-1": (curve, "ES256"), "ed-1": (edwards, "EdDSA")})
        server = launch({"client": {"token": {"hmac_secret_key": "", "jwks_public_endpoint": keys.url}}})

        def token(key, algorithm, identifier):
            return tokens.signed({"sub": "1"}, key, algorithm, {"kid": identifier})

        assert await connect_code(dial, server, scheme, wire, token(curve, "ES256", "ec-1")) == 0
        assert await connect_code(dial, server, scheme, wire, token(edwards, "EdDSA", "ed-1")) == 0
        assert await connect_code(dial, server, scheme, wire, token(later, "RS256", "ed-1")) == 3500
        keys.publish({"rsa-2": (later, "RS256")})
        code = await connect_code(dial, server, scheme, wire, token(later, "RS256", "rsa-2"))
        # Right after a fetch an unknown id does not cause another: a client that sends rubbish cannot make us ask for ever.
        assert code in (0, 3500)
        assert keys.requests <= 4


# An end


async def test_a_connection_ends_when_nobody_refreshes_it(launch, dial, scheme, wire):
    server = launch({"client": {"expired_close_delay": "500ms"}})
    peer = await dial(server, scheme, wire)
    result = await peer.connect(token=tokens.connection(expires_in=1))
    assert result["ttl"] <= 1
    assert await peer.ended() == 3005


async def test_refresh_extends_the_connection(pharos, dial, scheme, wire):
    peer = await dial(pharos, scheme, wire)
    await peer.connect(token=tokens.connection("42", expires_in=1_000))
    result = await peer.ask("refresh", token=tokens.connection("42", expires_in=5_000))
    assert result["client"] == peer.client and result["version"]
    assert result["expires"] is True and 4_900 < result["ttl"] <= 5_000
    result = await peer.ask("refresh", token=tokens.connection("42"))
    assert "expires" not in result and "ttl" not in result


@pytest.mark.parametrize(
    ("token", "code"),
    [
        (lambda: tokens.connection("42", expires_in=-10), 3005),
        (lambda: tokens.connection("43", expires_in=100), 3500),
        (lambda: tokens.signed({"sub": "42"}, "another key, also of thirty-two bytes"), 3500),
        (lambda: "rubbish", 3500),
        (lambda: "", 3501),
        (lambda: tokens.subscription("news", "42"), 3500),
    ],
    ids=["expired", "other user", "other key", "rubbish", "empty", "of a subscription"])
async def test_refreshes_that_close(peer, token, code):
    client = await peer({"token": tokens.connection("42", expires_in=1_000)})
    await client.send({"id": 2, "refresh": {"token": token()}})
    assert await client.ended() == code


# Length


def grouped(count: int, **claims) -> str:
    """A token as an identity provider makes it for a user who is in many groups."""
    return tokens.connection("42", meta={"groups": [f"group-{number}-" + "g" * 34 for number in range(count)]}, **claims)


async def test_a_token_with_150_groups_counts_on_every_way_in(launch, dial, scheme, wire):
    server = launch(EVERYWHERE)
    token = grouped(150)
    assert 9_000 < len(token) < 12_000
    assert await connect_code(dial, server, scheme, wire, token) == 0
    stream, _ = await EventStream.listen(server.port, ["open:x"], token=token)
    stream.close()
    client = HTTPClient(server.port)
    for path, headers in ((f"/poll?channel=open:x&wait=0&token={token}", {}),
                          ("/poll?channel=open:x&wait=0", {"Authorization": f"Bearer {token}"})):
        assert (await client.ask("GET", path, None, headers))[0] == 200
    client.close()
    peer = await dial(server, scheme, wire, connect={"token": tokens.connection("42", expires_in=1_000)})
    assert (await peer.ask("refresh", token=grouped(150, exp=int(time.time()) + 2_000)))["expires"] is True


async def test_a_token_beyond_the_limit_is_answered_with_its_reason(launch, dial, scheme, wire):
    server = launch(EVERYWHERE | {"client": {"token": {"hmac_secret_key": HMAC_KEY, "max_length": 5_000}}})
    token = grouped(150)
    peer = await dial(server, scheme, wire)
    await peer.send({"id": 1, "connect": {"token": token}})
    assert await peer.ended() == 3500
    assert peer.socket.protocol.close_rcvd.reason == "token too long"
    peer = await dial(server, scheme, wire, connect={"token": tokens.connection("42", expires_in=1_000)})
    reply = await peer.call("subscribe", channel="locked:x", token=grouped(150, channel="locked:x"))
    assert reply["error"] == {"code": 103, "message": "token too long"}
    await peer.send({"id": 99, "refresh": {"token": token}})
    assert await peer.ended() == 3500
    assert peer.socket.protocol.close_rcvd.reason == "token too long"
    client = HTTPClient(server.port)
    for path in ("/events?channel=open:x", "/poll?channel=open:x"):
        status, _, content = await client.ask("GET", path, None, {"Authorization": f"Bearer {token}"})
        assert status == 401 and b"token too long" in content
    client.close()
    assert await connect_code(dial, server, scheme, wire, grouped(60)) == 0


# Subscriptions


async def test_a_subscription_token_opens_a_channel_and_says_until_when(peer, channel):
    client = await peer({"token": tokens.connection("42")})
    name = channel("locked")
    reply = await client.subscribe(name, token=tokens.subscription(name, "42", expires_in=1_000))
    assert reply["expires"] is True and 900 < reply["ttl"] <= 1_000
    await client.ask("unsubscribe", channel=name)
    reply = await client.subscribe(name, token=tokens.subscription(name, "42", client=client.client))
    assert "expires" not in reply


@pytest.mark.parametrize(
    ("token", "code"),
    [
        (lambda name, client: tokens.subscription(name, "42", expires_in=-10), 109),
        (lambda name, client: tokens.signed({"sub": "42", "channel": name}, "another key, also of thirty-two bytes"), 103),
        (lambda name, client: "rubbish", 103),
        (lambda name, client: tokens.connection("42"), (103, 3500)),
        (lambda name, client: tokens.subscription(name + "x", "42"), 3500),
        (lambda name, client: tokens.subscription(name, "43"), 3500),
        (lambda name, client: tokens.subscription(name, "42", client="other"), 3500),
    ],
    ids=["expired", "other key", "rubbish", "of a connection", "other channel", "other user", "other client"])
async def test_subscription_tokens_that_are_refused(peer, channel, token, code):
    client = await peer({"token": tokens.connection("42")})
    name = channel("locked")
    await client.send({"id": 5, "subscribe": {"channel": name, "token": token(name, client.client)}})
    codes = code if isinstance(code, tuple) else (code,)
    try:
        answered = (await client.reply(5))["error"]["code"]
    except Cut:
        answered = await client.ended()
    assert answered in codes
    if answered < 3_000:
        # What was refused left nothing behind.
        await client.subscribe(name, token=tokens.subscription(name, "42"))


async def test_a_subscription_ends_when_nobody_refreshes_it(launch, dial, scheme, wire):
    server = launch({"client": {"expired_sub_close_delay": "500ms"}})
    peer = await dial(server, scheme, wire, connect={"token": tokens.connection("42")})
    await peer.subscribe("locked:x", token=tokens.subscription("locked:x", "42", expires_in=1))
    push = await peer.push("unsubscribe", "locked:x")
    assert push["code"] == 2501 and push["reason"]
    await peer.subscribe("locked:x", token=tokens.subscription("locked:x", "42"))


async def test_a_server_side_subscription_that_ends_closes(launch, dial, scheme, wire):
    server = launch({"client": {"expired_sub_close_delay": "500ms"}})
    peer = await dial(server, scheme, wire)
    end = {"override": {}, "expire_at": int(time.time()) + 1}
    await peer.connect(token=tokens.connection("42"))
    server.api("subscribe", {"user": "42", "channel": "open:x", "expire_at": end["expire_at"]}).result
    await peer.push("subscribe", "open:x")
    assert await peer.ended() == 3006


async def test_sub_refresh_extends_a_subscription(peer, channel):
    client = await peer({"token": tokens.connection("42")})
    name = channel("locked")
    await client.subscribe(name, token=tokens.subscription(name, "42", expires_in=1_000))
    reply = await client.ask("sub_refresh", channel=name, token=tokens.subscription(name, "42", expires_in=5_000))
    assert reply["expires"] is True and 4_900 < reply["ttl"] <= 5_000
    assert await client.ask("sub_refresh", channel=name, token=tokens.subscription(name, "42")) == {}


async def test_sub_refreshes_that_are_refused(peer, channel):
    client = await peer({"token": tokens.connection("42")})
    name = channel("locked")
    assert await client.refused("sub_refresh", channel=name, token=tokens.subscription(name, "42")) == 103
    await client.subscribe(name, token=tokens.subscription(name, "42", expires_in=1_000))
    assert await client.refused("sub_refresh", channel=name, token="") == 107
    await client.send({"id": 7, "sub_refresh": {"channel": name, "token": tokens.subscription(name, "43")}})
    assert await client.ended() == 3500


async def test_an_expired_sub_refresh_token_changes_nothing(launch, dial, scheme, wire):
    """An expired token answers 109, the old end stays, and the subscription ends with 2501 when it has come."""
    server = launch({"client": {"expired_sub_close_delay": "500ms"}})
    peer = await dial(server, scheme, wire, connect={"token": tokens.connection("42")})
    await peer.subscribe("locked:x", token=tokens.subscription("locked:x", "42", expires_in=2))
    expired = tokens.subscription("locked:x", "42", expires_in=-5)
    assert await peer.refused("sub_refresh", channel="locked:x", token=expired) == 109
    assert (await peer.push("unsubscribe", "locked:x"))["code"] == 2501


async def test_subscription_tokens_may_have_keys_of_their_own(launch, dial, scheme, wire):
    own = "a-key-for-subscriptions-alone-32-bytes"
    server = launch({"client": {"subscription_token": {"enabled": True, "hmac_secret_key": own}}})
    peer = await dial(server, scheme, wire, connect={"token": tokens.connection("42")})
    claims = {"sub": "42", "channel": "locked:x"}
    assert await peer.refused("subscribe", channel="locked:x", token=tokens.signed(claims)) == 103
    await peer.subscribe("locked:x", token=tokens.signed(claims, own))


# Server-side subscriptions


async def test_server_side_subscriptions_come_with_the_connect_reply(pharos, dial, scheme, wire, channel):
    first, second = channel("open"), channel("locked")
    token = tokens.connection("42", channels=[first], subs={
        second: {"info": {"seat": 1}, "data": {"hello": "you"}, "override": {"join_leave": {"value": True},
                 "force_push_join_leave": {"value": True}}}})
    pharos.publish(first, {"n": 1})
    peer = await dial(pharos, scheme, wire)
    result = await peer.connect(token=token)
    assert set(result["subs"]) == {first, second}
    assert result["subs"][first]["offset"] == 1 and result["subs"][first]["recoverable"] is True
    assert result["subs"][second]["data"] == {"hello": "you"}
    pharos.publish(second, {"n": 2})
    assert (await peer.publication(second))["data"] == {"n": 2}
    assert await peer.refused("subscribe", channel=first) == 105
    info = pharos.api("presence", {"channel": second}).result["presence"][peer.client]
    assert info["chan_info"] == {"seat": 1}


async def test_server_side_subscriptions_recover(pharos, dial, scheme, wire, channel):
    name = channel("open")
    token = tokens.connection("42", channels=[name])
    peer = await dial(pharos, scheme, wire)
    epoch = (await peer.connect(token=token))["subs"][name]["epoch"]
    await peer.close()
    for number in range(1, 4):
        pharos.publish(name, {"n": number})
    again = await dial(pharos, scheme, wire)
    result = await again.connect(token=token, subs={name: {"recover": True, "epoch": epoch, "offset": 1}})
    recovered = result["subs"][name]
    assert recovered["recovered"] is True
    assert [each["data"]["n"] for each in recovered["publications"]] == [2, 3]
    stranger = await dial(pharos, scheme, wire)
    result = await stranger.connect(token=tokens.connection("7"), subs={name: {"recover": True, "epoch": epoch}})
    assert "subs" not in result


async def test_the_personal_channel(launch, dial, scheme, wire):
    server = launch({"client": {"subscribe_to_user_personal_channel": {
        "enabled": True, "personal_channel_namespace": "open"}}})
    peer = await dial(server, scheme, wire)
    result = await peer.connect(token=tokens.connection("42"))
    assert set(result["subs"]) == {"open:#42"}
    server.publish("open:#42", {"for": "you"})
    assert (await peer.publication("open:#42"))["data"] == {"for": "you"}
    anonymous = await dial(server, scheme, wire)
    assert "subs" not in await anonymous.connect()


async def test_many_clients_refresh_while_keys_change(launch, dial):
    """A reload of the key set while tokens are verified gives the old or the new answer, nothing else."""
    async with KeySetServer() as keys:
        one, two = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        keys.publish({"one": (one, "ES256")})
        server = launch({"client": {"token": {"jwks_public_endpoint": keys.url}}})
        sets = [{"one": (one, "ES256")}, {"one": (one, "ES256"), "two": (two, "ES256")}]

        async def connect(number: int) -> int:
            keys.publish(sets[number % 2])
            key, name = ((one, "one"), (two, "two"))[number % 2]
            token = tokens.signed({"sub": str(number)}, key, "ES256", {"kid": name})
            return await connect_code(dial, server, "ws", "json", token)

        codes = await asyncio.gather(*(connect(number) for number in range(60)))
        assert set(codes[::2]) == {0} and set(codes[1::2]) <= {0, 3500}


def test_the_suite_signs_what_it_says():
    """A guard for the tests themselves: `alg: none` really is unsigned."""
    assert jwt.get_unverified_header(BAD["no signature"]())["alg"] == "none"
