"""The client SDK `centrifuge-python` from PyPI, unmodified, in JSON and in Protobuf."""

import asyncio
import json

import pytest
from centrifuge import (
    Client, ClientEventHandler, ReplyError, SubscriptionEventHandler, SubscriptionState,
)

from harness import tokens
from harness.fault_proxy import FaultProxy

PATIENCE = 30


class Events:
    """Collects what the SDK reports, by name, and lets a story wait for the next of a kind."""

    def __init__(self, names: list[str]):
        self.queues = {name: asyncio.Queue() for name in names}

    async def next(self, name: str):
        async with asyncio.timeout(PATIENCE):
            return await self.queues[name].get()


def handler(base):
    """An event handler of the SDK that writes everything into an `Events`."""
    names = [name for name in dir(base) if name.startswith("on_")]
    events = Events(names)

    def recorder(name):
        async def record(self, context):
            events.queues[name].put_nowait(context)

        return record

    return type("Recording", (base,), {name: recorder(name) for name in names})(), events


@pytest.fixture(params=["json", "protobuf"])
def protobuf(request) -> bool:
    return request.param == "protobuf"


@pytest.fixture
def sdk(pharos, protobuf, scheme):
    """Makes clients of the SDK; payloads are bytes in Protobuf and values in JSON."""
    clients = []

    def make(url: str | None = None, **options):
        client_handler, events = handler(ClientEventHandler)
        url = url or pharos.url(scheme)
        context = pharos.tls_context() if url.startswith("wss") else None
        client = Client(url, events=client_handler, use_protobuf=protobuf, ssl_context=context, proxy=None, **options)
        clients.append(client)
        return client, events

    make.clients = clients
    return make


@pytest.fixture(autouse=True)
async def disconnected_in_the_end(sdk):
    yield
    for client in sdk.clients:
        await client.disconnect()


async def subscribed(client, name: str, **options):
    subscription_handler, events = handler(SubscriptionEventHandler)
    subscription = client.new_subscription(name, events=subscription_handler, **options)
    await subscription.subscribe()
    context = await events.next("on_subscribed")
    return subscription, events, context


def packed(value, protobuf: bool):
    return json.dumps(value).encode() if protobuf else value


def unpacked(value, protobuf: bool):
    return json.loads(value) if protobuf and value is not None else value


async def test_connect_subscribe_publish_presence_history(sdk, protobuf, channel):
    name = channel("open")
    ann, ann_events = sdk(token=tokens.connection("ann", info={"name": "Ann"}), name="python", version="1")
    bob, bob_events = sdk(token=tokens.connection("bob"))
    await ann.connect()
    await bob.connect()
    assert (await ann_events.next("on_connected")).client
    await bob_events.next("on_connected")
    mine, heard, context = await subscribed(ann, name)
    assert context.recoverable and context.positioned and context.stream_position.epoch
    theirs, also_heard, _ = await subscribed(bob, name)
    assert (await heard.next("on_join")).info.user == "ann"
    assert (await heard.next("on_join")).info.user == "bob"
    for number in range(3):
        await theirs.publish(packed({"n": number}, protobuf))
    for number in range(3):
        publication = (await heard.next("on_publication")).pub
        assert unpacked(publication.data, protobuf) == {"n": number}
        assert publication.offset == number + 1 and publication.info.user == "bob"
    presence = await mine.presence()
    assert {each.user for each in presence.clients.values()} == {"ann", "bob"}
    stats = await mine.presence_stats()
    assert (stats.num_clients, stats.num_users) == (2, 2)
    history = await mine.history(limit=-1)
    assert [unpacked(each.data, protobuf)["n"] for each in history.publications] == [0, 1, 2] and history.offset == 3
    await theirs.unsubscribe()
    assert (await heard.next("on_leave")).info.user == "bob"


async def test_a_hundred_subscriptions_before_connecting(sdk, pharos, protobuf, channel):
    client, _ = sdk()
    channels = [channel("open") for _ in range(100)]
    pairs = []
    for name in channels:
        subscription_handler, events = handler(SubscriptionEventHandler)
        pairs.append((client.new_subscription(name, events=subscription_handler), events))
    for subscription, _ in pairs:
        await subscription.subscribe()
    await client.connect()
    for name, (subscription, events) in zip(channels, pairs):
        await events.next("on_subscribed")
        await asyncio.to_thread(pharos.publish, name, {"to": name})
        assert unpacked((await events.next("on_publication")).pub.data, protobuf) == {"to": name}


async def test_a_refused_subscription_is_final(sdk, channel):
    client, _ = sdk()
    await client.connect()
    subscription_handler, events = handler(SubscriptionEventHandler)
    subscription = client.new_subscription(channel("locked"), events=subscription_handler)
    await subscription.subscribe()
    assert (await events.next("on_unsubscribed")).code == 103
    assert subscription.state == SubscriptionState.UNSUBSCRIBED


async def test_errors_of_calls(sdk, protobuf, channel):
    client, events = sdk()
    await client.connect()
    await events.next("on_connected")
    with pytest.raises(ReplyError) as refused:
        await client.publish(channel("locked"), packed({}, protobuf))
    assert refused.value.code == 103
    with pytest.raises(ReplyError) as unknown:
        await client.rpc("nothing", packed({}, protobuf))
    assert unknown.value.code == 108


async def test_recovery_after_a_cut_connection(sdk, pharos, protobuf, channel, scheme):
    """What was published while the network was away arrives on reconnect: each once, in order."""
    name, port = channel("large"), pharos.tls_port if scheme == "wss" else pharos.port
    async with FaultProxy(port) as proxy:
        url = pharos.url(scheme).replace(f":{port}/", f":{proxy.port}/")
        client, events = sdk(url, min_reconnect_delay=0.05, max_reconnect_delay=0.2)
        await client.connect()
        await events.next("on_connected")
        subscription, heard, _ = await subscribed(client, name)
        number = 0
        for _ in range(5):
            for _ in range(3):
                await asyncio.to_thread(pharos.publish, name, {"n": (number := number + 1)})
                assert unpacked((await heard.next("on_publication")).pub.data, protobuf) == {"n": number}
            proxy.refuse(True)
            proxy.cut()
            await heard.next("on_subscribing")
            first = number + 1
            for _ in range(4):
                await asyncio.to_thread(pharos.publish, name, {"n": (number := number + 1)})
            proxy.refuse(False)
            again = await heard.next("on_subscribed")
            # The SDK reports the first subscribing too; what matters is the last state.
            assert again.was_recovering and again.recovered
            for expected in range(first, number + 1):
                assert unpacked((await heard.next("on_publication")).pub.data, protobuf) == {"n": expected}
        assert heard.queues["on_publication"].empty()


async def test_an_expired_token_is_refreshed_before_and_while_connected(sdk):
    made = []

    async def get_token() -> str:
        made.append(1)
        return tokens.connection("42", expires_in=3 if len(made) < 3 else 1_000)

    client, events = sdk(token=tokens.connection("42", expires_in=-10), get_token=get_token)
    await client.connect()
    await events.next("on_connected")
    async with asyncio.timeout(PATIENCE):
        while len(made) < 3:
            await asyncio.sleep(0.05)
    await client.ready()
    assert events.queues["on_disconnected"].empty()


async def test_an_expired_subscription_token_is_refreshed(sdk, channel):
    name = channel("locked")
    made = []

    async def get_token(channel_name: str) -> str:
        made.append(1)
        return tokens.subscription(channel_name, "42", expires_in=3 if len(made) < 3 else 1_000)

    client, _ = sdk(token=tokens.connection("42"))
    await client.connect()
    await subscribed(client, name, token=tokens.subscription(name, "42", expires_in=-10), get_token=get_token)
    async with asyncio.timeout(PATIENCE):
        while len(made) < 3:
            await asyncio.sleep(0.05)
    assert client.get_subscription(name).state == SubscriptionState.SUBSCRIBED


async def test_a_bad_token_is_terminal(sdk):
    client, events = sdk(token=tokens.signed({"sub": "1"}, "another key, also of thirty-two bytes"))
    await client.connect()
    assert (await events.next("on_disconnected")).code == 3500


async def test_server_side_subscriptions(sdk, pharos, protobuf, channel):
    name, later = channel("open"), channel("open")
    client, events = sdk(token=tokens.connection("server-side", channels=[name]))
    await client.connect()
    context = await events.next("on_subscribed")
    assert context.channel == name and context.recoverable
    await asyncio.to_thread(pharos.publish, name, {"n": 1})
    publication = await events.next("on_publication")
    assert publication.channel == name and unpacked(publication.pub.data, protobuf) == {"n": 1}
    assert (await events.next("on_join")).info.user == "server-side"
    await asyncio.to_thread(pharos.api, "subscribe", {"user": "server-side", "channel": later})
    assert (await events.next("on_subscribed")).channel == later
    await asyncio.to_thread(pharos.api, "unsubscribe", {"user": "server-side", "channel": later})
    assert (await events.next("on_unsubscribed")).channel == later


async def test_the_servers_unsubscribe_and_disconnect(sdk, pharos, channel):
    name = channel("open")
    client, events = sdk(token=tokens.connection("told"))
    await client.connect()
    await events.next("on_connected")
    subscription, heard, _ = await subscribed(client, name)
    await asyncio.to_thread(pharos.api, "unsubscribe", {"user": "told", "channel": name})
    assert (await heard.next("on_unsubscribed")).code == 2000
    await asyncio.to_thread(pharos.api, "disconnect", {"user": "told", "disconnect": {"code": 3011, "reason": "again"}})
    await events.next("on_connecting")
    await events.next("on_connecting")
    await events.next("on_connected")
    await asyncio.to_thread(pharos.api, "disconnect", {"user": "told", "disconnect": {"code": 4501, "reason": "enough"}})
    context = await events.next("on_disconnected")
    assert (context.code, context.reason) == (4501, "enough")


@pytest.mark.parametrize("store", ["disk", "memory"])
async def test_the_client_survives_a_restart_of_the_server(launch, protobuf, store):
    """It recovers from what is on disk, and is told that it cannot from what was in memory."""
    server = launch({} if store == "disk" else {"store": {"path": ""}})
    client_handler, events = handler(ClientEventHandler)
    client = Client(
        server.url(), events=client_handler, use_protobuf=protobuf, proxy=None, min_reconnect_delay=0.05,
        max_reconnect_delay=0.2)
    await client.connect()
    await events.next("on_connected")
    _, heard, _ = await subscribed(client, "open:x")
    await asyncio.to_thread(server.stop)
    assert (await events.next("on_connecting")).code == 0
    assert (await events.next("on_connecting")).code == 3001
    server.start()
    await events.next("on_connected")
    context = await heard.next("on_subscribed")
    assert context.was_recovering and context.recovered == (store == "disk")
    await asyncio.to_thread(server.publish, "open:x", {"n": 1})
    assert unpacked((await heard.next("on_publication")).pub.data, protobuf) == {"n": 1}
    await client.disconnect()
