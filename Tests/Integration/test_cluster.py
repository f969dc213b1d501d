"""Several nodes as one server, over each engine. Each story runs over every engine that this version has."""

import asyncio
import itertools
import json
import os
import random
import signal
import time
import urllib.parse

import pytest

from harness import tokens
from harness.cluster import Cluster
from harness.configuration import API_KEY
from harness.emulated import PollPeer, StreamPeer
from harness.everywhere import EVERYWHERE
from harness.http_client import HTTPClient
from harness.peer import Peer
from harness.raw import RawPeer
from harness.server import poll

ENGINES = os.environ.get("PHAROS_TEST_ENGINES", "topic").split()


@pytest.fixture(params=ENGINES)
def cluster(request, tmp_path):
    """A cluster of three nodes."""
    made = Cluster(tmp_path, request.param)
    request.node.log_of = lambda: "".join(
        f"--- {node.directory.name}\n{node.log()[-3000:]}" for node in made.nodes + ([made.hub] if made.hub else []))
    made.start()
    yield made
    made.stop()


async def connected(node, user: str = "", *, query: str = "", **request) -> Peer:
    peer = await Peer.open(node, query=query)
    if user:
        request["token"] = tokens.connection(user)
    await peer.connect(**request)
    return peer


async def test_a_publication_through_any_node_reaches_every_subscriber_of_every_node_in_order(cluster):
    """FT-1, UN-12: one configuration for all nodes makes one server of them."""
    name = "large:order"
    peers = [await connected(node) for node in cluster.nodes for _ in range(2)]
    for peer in peers:
        await peer.subscribe(name)

    def publish(node, label, count):
        for number in range(count):
            node.publish(name, {"from": label, "n": number})

    await asyncio.gather(*(asyncio.to_thread(publish, node, index, 60) for index, node in enumerate(cluster.nodes)))
    seen = [await peer.publications(180, name) for peer in peers]
    # Offsets without a gap, the same publications for all, each publisher's in its order.
    for publications in seen:
        assert [each["offset"] for each in publications] == list(range(1, 181))
        assert [each["data"] for each in publications] == [each["data"] for each in seen[0]]
    for index in range(3):
        assert [each["data"]["n"] for each in seen[0] if each["data"]["from"] == index] == list(range(60))


async def test_a_client_recovers_on_any_node(cluster):
    name = "open:move"
    peer = await connected(cluster.nodes[0])
    start = await peer.subscribe(name)
    cluster.nodes[1].publish(name, {"n": 1})
    seen = await peer.publication(name)
    await peer.close()
    for number in range(2, 6):
        cluster.nodes[number % 3].publish(name, {"n": number})
    for node in cluster.nodes:
        back = await connected(node)
        result = await back.subscribe(name, recover=True, epoch=start["epoch"], offset=seen["offset"])
        assert result["recovered"] is True
        assert [each["data"]["n"] for each in result["publications"]] == [2, 3, 4, 5]
        await back.close()


async def test_history_is_the_same_on_every_node(cluster):
    name = "open:history"
    for number in range(9):
        cluster.nodes[number % 3].publish(name, {"n": number})
    pages = [node.api("history", {"channel": name, "limit": 100}).result for node in cluster.nodes]
    assert [each["data"]["n"] for each in pages[0]["publications"]] == list(range(9))
    assert pages[0] == pages[1] == pages[2]
    cluster.nodes[1].api("history_remove", {"channel": name}).result
    for node in cluster.nodes:
        page = node.api("history", {"channel": name, "limit": 100}).result
        assert page["publications"] == [] and page["offset"] == 9 and page["epoch"] == pages[0]["epoch"]


async def test_presence_and_counts_are_the_clusters(cluster):
    name = "open:present"
    peers = [await connected(node, f"user{index // 2}") for index, node in enumerate(cluster.nodes + cluster.nodes[:1])]
    for peer in peers:
        await peer.subscribe(name)
    everybody = {peer.client for peer in peers}
    for node in cluster.nodes:
        assert set(node.api("presence", {"channel": name}).result["presence"]) == everybody
        assert node.api("presence_stats", {"channel": name}).result == {"num_clients": 4, "num_users": 2}
        assert node.api("channels").result["channels"][name]["num_clients"] == 4
        info = node.api("info").result["nodes"]
        assert sum(each.get("num_clients", 0) for each in info) == 4
    assert set((await peers[0].ask("presence", channel=name))["presence"]) == everybody


async def test_joins_and_leaves_reach_every_node_once(cluster):
    name = "open:joins"
    watchers = [await connected(node) for node in cluster.nodes]
    for watcher in watchers:
        await watcher.subscribe(name)
    # Each hears of itself and of those that came after it, wherever they are.
    for index, watcher in enumerate(watchers):
        for later in watchers[index:]:
            assert (await watcher.push("join", name))["info"]["client"] == later.client
    guest = await connected(cluster.nodes[1], "guest")
    await guest.subscribe(name)
    await guest.ask("unsubscribe", channel=name)
    for watcher in watchers:
        assert (await watcher.push("join", name))["info"]["user"] == "guest"
        assert (await watcher.push("leave", name))["info"]["user"] == "guest"
        await watcher.fence()
        assert watcher.pushes(name) == []


async def test_push_kick_and_unsubscribe_reach_connections_of_other_nodes(cluster):
    """GE-9, GO-10: a message to a connection, to a user or to everyone finds them on whatever node, once."""
    peers = [await connected(node, f"u{index}") for index, node in enumerate(cluster.nodes)]
    for peer in peers:
        await peer.subscribe("open:kick")
    asking = cluster.nodes[0]
    assert asking.api("send", {"client": peers[2].client, "data": {"hello": 1}}).result["delivered"] == 1
    await peers[2].take(lambda message: "push" in message and "message" in message["push"], "the message")
    assert asking.api("send", {"all": True, "data": {"hello": 2}}).result["delivered"] == 3
    assert asking.api("send", {"client": "00000000-0000-0000-0000-000000000001", "data": 1}).error["code"] == 102
    asking.api("unsubscribe", {"user": "u1", "channel": "open:kick"}).result
    await peers[1].push("unsubscribe", "open:kick")
    asking.api("subscribe", {"user": "u1", "channel": "open:other"}).result
    await peers[1].push("subscribe", "open:other")
    assert cluster.nodes[1].api("disconnect", {"user": "u2"}).result == {}
    assert await peers[2].ended() == 3503
    clients = {each["client"] for each in cluster.nodes[2].api("connections").result["connections"]}
    assert clients == {peers[0].client, peers[1].client}


async def test_the_end_of_a_node_is_found_and_its_members_leave_once(cluster):
    name = "open:death"
    watchers = [await connected(node) for node in cluster.nodes[:2]]
    for watcher in watchers:
        await watcher.subscribe(name)
    lost = [await connected(cluster.nodes[2], f"lost{index}") for index in range(3)]
    for peer in lost:
        await peer.subscribe(name)
    for watcher in watchers:
        for peer in lost:
            await watcher.take(
                lambda message: message.get("push", {}).get("join", {}).get("info", {}).get("client") == peer.client,
                "the join")
    cluster.nodes[2].kill()
    for watcher in watchers:
        left = {(await watcher.push("leave", name))["info"]["client"] for _ in lost}
        assert left == {peer.client for peer in lost}
        await watcher.fence()
        assert not [each for each in watcher.pushes(name) if "leave" in each]
    for node in cluster.nodes[:2]:
        assert len(node.api("presence", {"channel": name}).result["presence"]) == 2
    # It comes back as a new incarnation.
    cluster.nodes[2].start()
    cluster.wait_until_whole()


async def test_a_node_that_ends_is_left_out_at_once(cluster):
    cluster.nodes[2].stop()
    cluster.wait_until_whole()
    assert cluster.nodes[0].api("presence", {"channel": "open:a"}).result["presence"] == {}


async def test_a_paused_node_comes_back_right(cluster):
    name = "open:pause"
    watcher, sleeper = await connected(cluster.nodes[0]), await connected(cluster.nodes[1], "sleeper")
    await watcher.subscribe(name)
    await sleeper.subscribe(name)
    cluster.nodes[1].process.send_signal(signal.SIGSTOP)
    assert (await watcher.push("leave", name))["info"]["user"] == "sleeper"
    for number in range(20):
        cluster.nodes[2].publish(name, {"n": number})
    cluster.nodes[1].process.send_signal(signal.SIGCONT)
    # Everything that was published meanwhile, and its member is back once.
    assert [each["data"]["n"] for each in await sleeper.publications(20, name)] == list(range(20))
    await watcher.take(
        lambda message: message.get("push", {}).get("join", {}).get("info", {}).get("user") == "sleeper", "the join")
    cluster.wait_until_whole()
    assert len(cluster.nodes[2].api("presence", {"channel": name}).result["presence"]) == 2


async def test_one_connection_per_user_over_all_nodes(tmp_path):
    """GE-9: the newest connection of a user stays alone, on whatever nodes the others are."""
    for engine in ENGINES:
        cluster = Cluster(tmp_path / engine, engine, changes={"client": {"subscribe_to_user_personal_channel": {"single_connection": True}}}).start()
        try:
            first = await connected(cluster.nodes[0], "ann")
            second = await connected(cluster.nodes[1], "ann")
            assert await first.ended() == 3504
            third = await connected(cluster.nodes[2], "ann")
            assert await second.ended() == 3504
            other = await connected(cluster.nodes[0], "bob")
            await third.fence()
            await other.fence()
        finally:
            cluster.stop()


class RoamingPoll(PollPeer):
    """Each request goes to the next node, as behind a load balancer that knows nothing of sessions."""

    def __init__(self, nodes, **options):
        super().__init__(nodes[0], **options)
        self.turns = itertools.cycle(node.port for node in nodes)

    async def ask_once(self, *arguments, **options):
        self.port = next(self.turns)
        return await super().ask_once(*arguments, **options)


@pytest.fixture(params=ENGINES)
def everywhere(request, tmp_path):
    """A cluster with all transports."""
    made = Cluster(tmp_path, request.param, changes=EVERYWHERE)
    request.node.log_of = lambda: "".join(f"--- {node.directory.name}\n{node.log()[-3000:]}" for node in made.nodes)
    made.start()
    yield made
    made.stop()


async def test_a_session_is_polled_through_any_node(everywhere):
    """Each message once and in order, each command carried out once; what is unknown everywhere is unknown."""
    name = "open:roam"
    peer = RoamingPoll(everywhere.nodes, wait=5)
    await peer.connect(token=tokens.connection("ann"))
    await peer.subscribe(name)
    for number in range(1, 41):
        everywhere.nodes[number % 3].publish(name, {"n": number})
    assert [each["data"]["n"] for each in await peer.publications(40, name)] == list(range(1, 41))
    for number in range(5):
        await peer.ask("publish", channel=name, data={"mine": number})
    assert [each["data"]["mine"] for each in await peer.publications(5, name)] == list(range(5))
    history = everywhere.nodes[0].api("history", {"channel": name, "limit": 100}).result["publications"]
    assert len(history) == 45 and peer.polls > 5
    assert sum(each["num_clients"] for each in everywhere.nodes[1].api("info").result["nodes"]) == 1
    for cursor in ("1", str(5 << 40)):
        status, _ = await RoamingPoll(everywhere.nodes).ask_once("GET", cursor=cursor, wait=0)
        assert status == 404
    await peer.close()


async def test_a_poll_whose_node_died_is_told_in_time(everywhere):
    """First that a node does not answer, and once it is taken for dead, that the session is gone: the client begins anew."""
    name = "open:died"
    everywhere.nodes[1].publish(name, {"n": 0})
    peer = PollPeer(everywhere.nodes[0], wait=5)
    connect = {"id": 1, "connect": {"token": tokens.connection("ann")}}
    status, content = await peer.ask_once("POST", json.dumps(connect).encode())
    assert status == 200
    cursor = json.loads(content)["cursor"]
    everywhere.nodes[0].kill()
    peer.port = everywhere.nodes[1].port
    statuses = []
    while not statuses or statuses[-1] == 503:
        statuses.append((await peer.ask_once("GET", cursor=cursor, wait=0))[0])
    assert statuses[-1] == 404
    back = PollPeer(everywhere.nodes[1], session=peer.session)
    await back.connect(token=tokens.connection("ann"))
    await back.close()


async def test_a_poll_at_another_node_hears_that_its_node_ends(everywhere):
    """The last words of a session reach the poll that waits for them elsewhere, before the node with the session is gone."""
    peer = PollPeer(everywhere.nodes[0])
    connect = {"id": 1, "connect": {"token": tokens.connection("ann")}}
    status, content = await peer.ask_once("POST", json.dumps(connect).encode())
    assert status == 200
    peer.port = everywhere.nodes[1].port
    waiting = asyncio.create_task(peer.ask_once("GET", cursor=json.loads(content)["cursor"], wait=30))
    await asyncio.sleep(1)
    await asyncio.to_thread(everywhere.nodes[0].stop)
    status, content = await waiting
    assert status == 200
    assert json.loads(content)["messages"][-1]["push"]["disconnect"]["code"] == 3001


@pytest.mark.parametrize("kind", ["http_stream-json", "http_stream-protobuf", "sse-post"])
async def test_commands_for_a_stream_find_its_node(everywhere, kind):
    """`/emulation` on any node: replies come on the stream, in the order of the commands."""
    peer = StreamPeer(everywhere.nodes[0], kind)
    await peer.connect(token=tokens.connection("ann"))
    node = peer.result["node"]
    for index in (1, 2, 0):
        peer.emulation = HTTPClient(everywhere.nodes[index].port)
        await peer.subscribe(f"open:from{index}")
        await peer.ask("publish", channel=f"open:from{index}", data={"n": index})
        assert (await peer.publication(f"open:from{index}"))["data"] == {"n": index}
        peer.emulation.close()
    peer.emulation = HTTPClient(everywhere.nodes[1].port)
    assert (await peer.emulate(peer.wire.encode({"id": 9, "ping": {}}), node="elsewhere"))[0] == 404
    # A name that is not the stream's does nothing, on its own node and from others.
    made = peer.client[:18] + peer.result["session"][18:]
    assert (await peer.emulate(peer.wire.encode({"id": 77, "presence": {"channel": "open:from0"}}), session=made, node=node))[0] == 204
    await peer.fence()
    assert not [message for message in peer.inbox if message.get("id") == 77]
    await peer.close()


async def test_an_idempotent_retry_on_another_node_is_one_publication(cluster):
    name = "open:retry"
    peer = await connected(cluster.nodes[0])
    await peer.subscribe(name)
    first = cluster.nodes[1].publish(name, {"n": 1}, idempotency_key="k")
    again = cluster.nodes[2].publish(name, {"n": 1}, idempotency_key="k")
    assert first == again
    cluster.nodes[2].publish(name, {"n": 2})
    assert [each["data"]["n"] for each in await peer.publications(2, name)] == [1, 2]


async def test_batches_and_round_trips_of_the_engine_are_counted(cluster):
    for number in range(12):
        cluster.nodes[0].publish("open:counted", {"n": number})
    cluster.nodes[0].publish("plain:counted", {"n": 12})
    samples = cluster.nodes[0].metrics()
    label = f'{{engine="{cluster.engine}"}}'
    assert samples[f"pharos_engine_batch_publications_sum{label}"] == 13
    assert samples[f"pharos_engine_batch_publications_count{label}"] == 13
    assert samples[f"pharos_engine_round_trip_seconds_count{label}"] == 13
    assert samples[f"pharos_engine_round_trip_seconds_sum{label}"] > 0


async def test_the_engine_is_killed_and_comes_back(cluster):
    """FT-4: clients stay connected; publishers are told; what was answered for is there, and everything goes on by itself.

    A Redis server that was started again may have lost what it had acknowledged: clients are told of that.
    """
    name = "open:outage"
    peers = [await connected(node) for node in cluster.nodes]
    for peer in peers:
        await peer.subscribe(name)
    answered = []
    for number in range(30):
        answered.append((cluster.nodes[number % 3].publish(name, {"n": number})["offset"], number))
    cluster.kill_engine()
    poll(lambda: cluster.nodes[0].request("GET", "/health/ready").status == 503, "the outage to be seen")
    assert cluster.nodes[0].request("GET", "/health/live").status == 200
    refused = cluster.nodes[0].api("publish", {"channel": name, "data": {"n": -1}})
    assert refused.error["code"] == 100
    cluster.start_engine()
    for node in cluster.nodes:
        poll(lambda: node.request("GET", "/health/ready").status == 200, "the engine to be back")
    for number in range(30, 40):
        def publish():
            answer = cluster.nodes[number % 3].api("publish", {"channel": name, "data": {"n": number}})
            return answer.json.get("result")
        answered.append((poll(publish, "a publish to be taken")["offset"], number))
    if cluster.engine == "redis":
        for peer in peers:
            assert (await peer.push("unsubscribe", name))["code"] == 2500
            again = await peer.subscribe(name)
            assert again["offset"] == 10
        return
    for peer in peers:
        seen = await peer.publications(len(answered), name)
        assert [(each["offset"], each["data"]["n"]) for each in seen] == answered
        assert peer.pushes(name) == [] or all("join" in each or "leave" in each for each in peer.pushes(name))


async def test_nodes_start_before_their_engine(tmp_path):
    """GO-5, FT-4: a node whose engine is not there yet waits for it, and says so."""
    for engine in ENGINES:
        cluster = Cluster(tmp_path / engine, engine, count=2)
        try:
            for node in cluster.nodes:
                node.start()
                assert node.request("GET", "/health/ready").status == 503
                assert node.request("GET", "/health/live").status == 200
            time.sleep(2)
            cluster.start_engine()
            cluster.wait_until_whole()
            peer = await connected(cluster.nodes[0])
            await peer.subscribe("open:late")
            cluster.nodes[1].publish("open:late", {"n": 1})
            assert (await peer.publication("open:late"))["data"] == {"n": 1}
        finally:
            cluster.stop()


async def test_a_session_is_found_on_whatever_node(cluster):
    """What a client left on one node, or still has there, is handed to the node that it comes to."""
    key = "k" * 30
    name = "open:session"
    first = await connected(cluster.nodes[0], "ann", query=f"session={key}")
    await first.subscribe(name)
    cluster.nodes[1].publish(name, {"n": 1})
    await first.publication(name)
    await first.close()
    cluster.nodes[2].publish(name, {"n": 2})
    second = await Peer.open(cluster.nodes[1], query=f"session={key}")
    # The key alone says who it is, and what it was subscribed to.
    subscription = (await second.connect())["subs"][name]
    assert subscription["recovered"] is True
    assert [each["data"]["n"] for each in subscription["publications"]] == [2]
    # The connection still stands when the client comes to a third node.
    third = await Peer.open(cluster.nodes[2], query=f"session={key}")
    result = await third.connect()
    assert name in result["subs"]
    await second.ended()
    # Another user's token finds the key taken.
    other = await Peer.open(cluster.nodes[0], query=f"session={key}")
    reply = await other.call("connect", token=tokens.connection("bob"))
    assert reply["error"]["code"] == 103
    await third.fence()


async def test_an_exclusive_poll_is_replaced_from_any_node(tmp_path):
    for engine in ENGINES:
        cluster = Cluster(tmp_path / engine, engine, count=2, changes={"poll": {"enabled": True}}).start()
        try:
            path = "/poll?channel=open:poll&exclusive=1&wait=30&token=" + tokens.connection("ann")
            waiting = asyncio.create_task(asyncio.to_thread(cluster.nodes[0].request, "GET", path))
            await asyncio.sleep(1)
            again = asyncio.create_task(asyncio.to_thread(cluster.nodes[1].request, "GET", path))
            assert (await asyncio.wait_for(waiting, 20)).status == 409
            # The newer poll has yet to learn where the channel stands.
            await asyncio.sleep(1)
            cluster.nodes[0].publish("open:poll", {"n": 1})
            assert (await asyncio.wait_for(again, 20)).status == 200
        finally:
            cluster.stop()


async def test_a_raw_connection_is_found_from_any_node(tmp_path, origin):
    """WS-6: messages, closes and questions about a raw connection, on whatever node it is."""
    origin.on("app", 200)
    for engine in ENGINES:
        changes = {
            "origins": [origin.settings("app", form="websocket_service", timeout="10s")],
            "raw": [{"path": "/ws", "origin": "app", "open": True}]}
        cluster = Cluster(tmp_path / engine, engine, count=2, changes=changes).start()
        try:
            before = len(origin.asked("app"))
            async with RawPeer(cluster.nodes[1], "/ws") as peer:
                def established():
                    for request in origin.asked("app")[before:]:
                        event = request.json["WebSocketEvent"]
                        if event and event["ConnectionEstablished"]:
                            return event["ConnectionId"]
                connection = await asyncio.to_thread(poll, established, "the connection to be told")
                body = {"OutgoingWebSocketMessages": [{"ConnectionIds": [connection], "Message": {"Text": "from afar"}}]}
                headers = {"X-API-Key": API_KEY, "Content-Type": "application/json"}
                answer = await asyncio.to_thread(
                    cluster.nodes[0].request, "POST", "/sr", json.dumps(body), headers)
                assert answer.status == 200, answer.body
                assert await peer.text() == "from afar"
                path = "/@connections/" + urllib.parse.quote(connection, safe="")
                found = await asyncio.to_thread(cluster.nodes[0].request, "GET", path, None, headers)
                assert found.status == 200 and found.json["identity"]["sourceIp"] == "127.0.0.1"
                gone = await asyncio.to_thread(cluster.nodes[0].request, "DELETE", path, None, headers)
                assert gone.status == 204
                await peer.ended()
                again = await asyncio.to_thread(cluster.nodes[0].request, "GET", path, None, headers)
                assert again.status == 410
        finally:
            cluster.stop()


async def test_noise_on_the_broker_is_counted_and_harmless(tmp_path):
    """GO-4: a thousand messages that are none of ours, on the subjects that nodes listen to."""
    for engine in ENGINES:
        if engine == "topic":
            continue
        cluster = Cluster(tmp_path / engine, engine, count=2).start()
        try:
            peer = await connected(cluster.nodes[0])
            await peer.subscribe("plain:noise")
            noise = random.Random(4)
            payloads = [noise.randbytes(noise.randrange(1, 200)) for _ in range(1_000)]
            await asyncio.to_thread(cluster.broker.make_noise, payloads)
            poll(lambda: cluster.nodes[0].metric("pharos_node_rejected_messages_total") >= 900, "the noise to be counted")
            cluster.nodes[1].publish("plain:noise", {"n": 1})
            assert (await peer.publication("plain:noise"))["data"] == {"n": 1}
            cluster.wait_until_whole()
        finally:
            cluster.stop()


# The pair in NATS' documentation.
SEED = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY"
PUBLIC = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4"


@pytest.mark.skipif("nats" not in ENGINES, reason="without the engine over NATS")
@pytest.mark.parametrize("users, right, wrong", [
    (f"{{nkey: {PUBLIC}}}", {"nkey_seed": SEED}, {"user": "ann", "password": "secret"}),
    ('{user: ann, password: "a password of ann"}', {"user": "ann", "password": "a password of ann"}, {"nkey_seed": SEED}),
])
async def test_credentials_for_nats(tmp_path, users, right, wrong):
    for name, credentials in (("right", right), ("wrong", wrong)):
        cluster = Cluster(tmp_path / name, "nats", count=1, changes={"engine": {"nats": credentials}})
        cluster.broker.configuration = f"authorization {{ users: [{users}] }}"
        try:
            cluster.start_engine()
            node = cluster.nodes[0].start()
            if credentials is right:
                cluster.wait_until_whole()
                assert node.publish("open:key", {"n": 1})["offset"] == 1
            else:
                time.sleep(2)
                answer = node.request("GET", "/health/ready")
                assert answer.status == 503 and b"secret" not in answer.body
        finally:
            cluster.stop()
