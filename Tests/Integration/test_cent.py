"""The server SDK `cent` from PyPI, as its users use it."""

import asyncio
import base64
import time

import cent
import pytest

from harness import tokens
from harness.configuration import API_KEY, PUBLISH_ONLY_KEY


@pytest.fixture
def api(pharos):
    return cent.Client(f"{pharos.base()}/api", API_KEY)


def test_publish_history_and_positions(api, channel):
    name = channel("open")
    first = api.publish(cent.PublishRequest(channel=name, data={"n": 1}))
    second = api.publish(cent.PublishRequest(channel=name, data={"n": 2}, tags={"a": "b"}))
    assert (first.offset, second.offset) == (1, 2) and first.epoch == second.epoch
    history = api.history(cent.HistoryRequest(channel=name, limit=-1))
    assert [each.data for each in history.publications] == [{"n": 1}, {"n": 2}]
    assert history.publications[1].tags == {"a": "b"} and history.offset == 2
    since = cent.StreamPosition(offset=1, epoch=first.epoch)
    assert [each.offset for each in api.history(cent.HistoryRequest(channel=name, limit=5, since=since)).publications] == [2]
    assert [each.offset for each in api.history(cent.HistoryRequest(channel=name, limit=5, reverse=True)).publications] == [2, 1]
    api.history_remove(cent.HistoryRemoveRequest(channel=name))
    assert api.history(cent.HistoryRequest(channel=name, limit=-1)).publications == []


def test_idempotency_skip_history_and_base64(api, channel):
    name = channel("open")
    request = cent.PublishRequest(channel=name, data=1, idempotency_key="once")
    assert api.publish(request) == api.publish(request)
    api.publish(cent.PublishRequest(channel=name, data=2, skip_history=True))
    api.publish(cent.PublishRequest(channel=name, data=None, b64data=base64.b64encode(b'{"n":3}').decode()))
    assert [each.data for each in api.history(cent.HistoryRequest(channel=name, limit=-1)).publications] == [1, {"n": 3}]


def test_broadcast(api, channel):
    names = [channel("open"), "unknown:x", channel("plain")]
    responses = api.broadcast(cent.BroadcastRequest(channels=names, data={"n": 1})).responses
    assert responses[0].result.offset == 1 and responses[2].error is None
    assert responses[1].error.code == 102


async def test_presence_and_channels(api, peer, channel):
    name = channel("open")
    client = await peer({"token": tokens.connection("42", info={"name": "Ann"})})
    await client.subscribe(name)
    presence = (await asyncio.to_thread(api.presence, cent.PresenceRequest(channel=name))).presence
    assert presence[client.client].user == "42" and presence[client.client].conn_info == {"name": "Ann"}
    stats = await asyncio.to_thread(api.presence_stats, cent.PresenceStatsRequest(channel=name))
    assert (stats.num_clients, stats.num_users) == (1, 1)
    channels = (await asyncio.to_thread(api.channels, cent.ChannelsRequest(pattern=name))).channels
    assert channels[name].num_clients == 1
    info = await asyncio.to_thread(api.info, cent.InfoRequest())
    assert info.nodes[0].num_clients >= 1


async def test_subscribe_unsubscribe_refresh_disconnect(api, peer, channel):
    name = channel("open")
    client = await peer({"token": tokens.connection("cent-user", expires_in=1_000)})

    async def call(method, request):
        return await asyncio.to_thread(getattr(api, method), request)

    await call("subscribe", cent.SubscribeRequest(user="cent-user", channel=name, data={"hello": 1}, info={"seat": 1}))
    assert (await client.push("subscribe", name))["data"] == {"hello": 1}
    await call("publish", cent.PublishRequest(channel=name, data={"n": 1}))
    assert (await client.publication(name))["data"] == {"n": 1}
    await call("unsubscribe", cent.UnsubscribeRequest(user="cent-user", channel=name))
    assert (await client.push("unsubscribe", name))["code"] == 2000
    await call("refresh", cent.RefreshRequest(user="cent-user", expire_at=int(time.time()) + 9_000))
    assert (await client.push("refresh"))["ttl"] > 8_000
    await call("disconnect", cent.DisconnectRequest(
        user="cent-user", disconnect=cent.Disconnect(code=4002, reason="enough")))
    assert await client.ended() == 4002


def test_batch(api, channel):
    name = channel("open")
    requests = [
        cent.PublishRequest(channel=name, data={"n": 1}),
        cent.BroadcastRequest(channels=[name], data={"n": 2}),
        cent.HistoryRequest(channel=name, limit=-1),
        cent.PresenceStatsRequest(channel=name),
        cent.InfoRequest(),
    ]
    for parallel in (False, True):
        replies = api.batch(cent.BatchRequest(requests=requests, parallel=parallel)).replies
        assert replies[0].offset > 0 and replies[1].responses[0].result.offset > 0
        assert replies[3].num_clients == 0 and replies[4].nodes[0].num_clients >= 0
        if not parallel:
            assert len(replies[2].publications) == 2


def test_errors_arrive_as_the_sdk_expects_them(pharos, api):
    with pytest.raises(cent.CentApiResponseError) as error:
        api.publish(cent.PublishRequest(channel="unknown:x", data=1))
    assert error.value.code == 102
    with pytest.raises(cent.CentUnauthorizedError):
        cent.Client(f"{pharos.base()}/api", "wrong").info(cent.InfoRequest())
    with pytest.raises(cent.CentTransportError) as refused:
        cent.Client(f"{pharos.base()}/api", PUBLISH_ONLY_KEY).info(cent.InfoRequest())
    assert refused.value.status_code == 403


async def test_the_asynchronous_client(pharos, channel):
    name = channel("open")
    api = cent.AsyncClient(f"{pharos.base()}/api", API_KEY)
    results = await asyncio.gather(*(api.publish(cent.PublishRequest(channel=name, data=n)) for n in range(50)))
    assert sorted(each.offset for each in results) == list(range(1, 51))
    await api._session._session.close()
