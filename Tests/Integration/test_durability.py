"""The durable store: what a publisher was answered for is there after a restart, and trouble is told."""

import asyncio
import json
import os
import shutil
import sqlite3

import pytest

from harness import cursor
from harness.configuration import BASE, merged
from harness.emulated import news
from harness.events import EventStream
from harness.everywhere import EVERYWHERE, meet  # noqa: F401
from harness.server import Server
from harness.server import poll as poll_until
from harness.small_disk import SmallDisk

DISK = {"name": "kept", **{**BASE["channel"]["namespaces"][0], "name": "kept"}, "history_size": 5_000, "durability": "disk"}
MEMORY = {**DISK, "name": "fleeting", "durability": "memory"}
CHANNELS = {"channel": {"namespaces": [DISK, MEMORY]}}


def store(path) -> dict:
    return EVERYWHERE | CHANNELS | {"store": {"path": str(path)}}


@pytest.fixture
def server(launch, tmp_path):
    return launch(store(tmp_path / "store"))


def fill(server, channel: str, first: int, last: int) -> str:
    for number in range(first, last + 1):
        position = server.publish(channel, {"n": number})
        assert position["offset"] == number
    return position["epoch"]


def numbers(publications) -> list[int]:
    return [publication["data"]["n"] for publication in publications]


def restart(server, how: str) -> None:
    if how == "SIGTERM":
        server.stop()
    else:
        server.kill()
    server.start()


# Restarts


@pytest.mark.parametrize("how", ["SIGTERM", "SIGKILL"])
async def test_epoch_and_offsets_survive(server, meet, how):
    """After a restart the stream is the same: a client recovers over it, and the next offset follows the last."""
    epoch = fill(server, "kept:x", 1, 20)
    restart(server, how)
    client = await meet(server, "websocket-json")
    reply = await client.subscribe("kept:x", recover=True, epoch=epoch, offset=12)
    assert reply["recovered"] is True and numbers(reply["publications"]) == list(range(13, 21))
    assert fill(server, "kept:x", 21, 22) == epoch
    assert numbers(await client.publications(2, "kept:x")) == [21, 22]


@pytest.mark.parametrize("how", ["SIGTERM", "SIGKILL"])
async def test_what_lives_in_memory_is_another_stream_afterwards(server, meet, how):
    epoch = fill(server, "fleeting:x", 1, 3)
    restart(server, how)
    client = await meet(server, "websocket-json")
    reply = await client.subscribe("fleeting:x", recover=True, epoch=epoch, offset=3)
    assert "recovered" not in reply and reply["epoch"] != epoch and reply.get("offset", 0) == 0


async def test_the_epoch_of_an_empty_stream_lasts(server, meet):
    """A client that subscribed before the first publication recovers over a restart too."""
    client = await meet(server, "websocket-json")
    epoch = (await client.subscribe("kept:x"))["epoch"]
    await client.close()
    restart(server, "SIGKILL")
    assert fill(server, "kept:x", 1, 2) == epoch
    client = await meet(server, "websocket-json")
    reply = await client.subscribe("kept:x", recover=True, epoch=epoch, offset=0)
    assert reply["recovered"] is True and numbers(reply["publications"]) == [1, 2]


async def test_a_publication_comes_back_whole(server, meet):
    """Data of any kind, tags and who published are the same before and after."""
    server.publish("kept:x", {"text": 'ä "quoted" \\ \n😀', "n": 1.5e300, "deep": [[[None, True]]]}, tags={"a": "b", "ü": "ö"})
    server.api("publish", {"channel": "kept:x", "b64data": "AP8B"}).result
    client = await meet(server, "websocket-protobuf", connect={"token": ""})
    await client.subscribe("kept:x")
    await client.ask("publish", channel="kept:x", data={"own": True})
    before = await client.ask("history", channel="kept:x", limit=-1)
    assert len(before["publications"]) == 3
    await client.close()
    restart(server, "SIGKILL")
    client = await meet(server, "websocket-protobuf")
    after = await client.ask("history", channel="kept:x", limit=-1)
    assert after == before


async def test_everything_answered_for_is_there_after_kill_9(server):
    """Many publishers, and the process killed under them: what was answered is stored, what is stored has no gap."""
    answered: dict[int, int] = {}
    stop = False

    async def publish(sender: int) -> None:
        number = sender
        while not stop:
            try:
                position = await asyncio.to_thread(server.publish, "kept:x", {"n": number})
            except OSError:
                return
            answered[position["offset"]] = number
            number += 100

    for _ in range(3):
        senders = [asyncio.create_task(publish(sender)) for sender in range(8)]
        reached = len(answered) + 200
        async with asyncio.timeout(60):
            while len(answered) < reached:
                await asyncio.sleep(0.01)
        server.kill()
        await asyncio.gather(*senders)
        server.start()
    history = server.api("history", {"channel": "kept:x", "limit": 5_000}).result
    stored = {each["offset"]: each["data"]["n"] for each in history["publications"]}
    assert list(stored) == list(range(1, len(stored) + 1))
    assert all(stored[offset] == number for offset, number in answered.items())


@pytest.mark.parametrize("how", ["SIGTERM", "SIGKILL"])
async def test_an_idempotency_key_across_a_restart(server, how):
    """The same key answers the first result, and nothing is stored or delivered again."""
    first = server.publish("kept:x", {"n": 1}, idempotency_key="once")
    again = server.publish("kept:x", {"n": 2}, idempotency_key="once")
    assert (again["offset"], again["epoch"]) == (first["offset"], first["epoch"])
    restart(server, how)
    later = server.publish("kept:x", {"n": 3}, idempotency_key="once")
    assert (later["offset"], later["epoch"]) == (first["offset"], first["epoch"])
    history = server.api("history", {"channel": "kept:x", "limit": 10}).result
    assert numbers(history["publications"]) == [1]
    assert server.publish("kept:x", {"n": 2}, idempotency_key="another")["offset"] == 2


async def test_an_idempotency_key_ends_with_its_window(launch, tmp_path):
    server = launch(store(tmp_path / "store") | {"http_api": {"idempotency_window": "1s"}})
    assert server.publish("kept:x", {"n": 1}, idempotency_key="once")["offset"] == 1
    await asyncio.to_thread(
        poll_until, lambda: server.publish("kept:x", {"n": 2}, idempotency_key="once")["offset"] == 2, "the window's end")


async def test_trimming_and_removal_survive(launch, tmp_path, meet):
    few = DISK | {"history_size": 5}
    server = launch(store(tmp_path / "store") | {"channel": {"namespaces": [few]}})
    epoch = fill(server, "kept:x", 1, 12)
    restart(server, "SIGKILL")
    history = server.api("history", {"channel": "kept:x", "limit": 100}).result
    assert numbers(history["publications"]) == [8, 9, 10, 11, 12]
    server.api("history_remove", {"channel": "kept:x"}).result
    restart(server, "SIGKILL")
    history = server.api("history", {"channel": "kept:x", "limit": 100}).result
    assert not history.get("publications") and (history["epoch"], history["offset"]) == (epoch, 12)
    assert fill(server, "kept:x", 13, 13) == epoch


async def test_subscribers_on_every_transport_survive_kill_9(server, meet):
    """UN-2: after a restart each comes back with its position and hears what it missed."""
    epoch = fill(server, "kept:x", 1, 3)
    where = cursor.encoded({"kept:x": (epoch, 3)})
    fill(server, "kept:x", 4, 6)
    restart(server, "SIGKILL")
    stream, first = await EventStream.listen(server.port, ["kept:x"], last_id=where)
    assert first["recovered"] == {"kept:x": True}
    assert [event.json["n"] for event in await stream.events(3)] == [4, 5, 6]
    stream.close()
    answer = await news(server.port, ["kept:x"], cursor=where)
    assert numbers(answer["channels"]["kept:x"]["publications"]) == [4, 5, 6]
    for kind in ("http_stream-json", "http_stream-protobuf", "sse-get", "session-poll"):
        client = await meet(server, kind)
        reply = await client.subscribe("kept:x", recover=True, epoch=epoch, offset=3)
        assert reply["recovered"] is True and numbers(reply["publications"]) == [4, 5, 6], kind


# What a start refuses


def database(server) -> str:
    [path] = [each for each in (server.directory.parent / "store").iterdir() if each.suffix == ".db"]
    return str(path)


def refused_start(server) -> str:
    """The log of a start that must fail."""
    server.spawn()
    assert server.wait(30) != 0
    return server.log()[server.log_start :]


def test_a_newer_database_is_refused(server):
    fill(server, "kept:x", 1, 3)
    server.stop()
    path = database(server)
    with sqlite3.connect(path) as connection:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        connection.execute("PRAGMA user_version = 9999")
    connection.close()
    log = refused_start(server)
    assert "newer" in log and "9999" in log
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {version}")
    connection.close()
    server.start()
    assert len(server.api("history", {"channel": "kept:x", "limit": 10}).result["publications"]) == 3


def test_two_servers_on_one_directory(server, tmp_path):
    """The second is refused with a message that names the directory; the first goes on."""
    fill(server, "kept:x", 1, 1)
    directory = tmp_path / "second"
    directory.mkdir()
    second = Server(directory, merged(BASE, store(tmp_path / "store")))
    log = refused_start(second)
    assert str(tmp_path / "store") in log and ("another" in log or "in use" in log or "locked" in log)
    fill(server, "kept:x", 2, 2)
    server.kill()
    # A lock does not outlive its process.
    second.start()
    fill(second, "kept:x", 3, 3)
    second.stop()


def test_a_directory_that_cannot_be_used(tmp_path):
    """A path below a file, where not even root can make a directory."""
    blocker = tmp_path / "file"
    blocker.write_text("not a directory")
    directory = tmp_path / "server"
    directory.mkdir()
    server = Server(directory, merged(BASE, store(blocker / "store")))
    assert str(blocker) in refused_start(server)


def test_a_file_that_is_no_database(server):
    fill(server, "kept:x", 1, 1)
    server.stop()
    path = database(server)
    for suffix in ("-wal", "-shm"):
        if os.path.exists(path + suffix):
            os.unlink(path + suffix)
    with open(path, "r+b") as file:
        file.write(b"this is not a database, whatever its name says" * 100)
    assert path in refused_start(server) or os.path.dirname(path) in server.log()


async def test_a_corrupted_page_gives_no_wrong_answer(server):
    """Overwritten pages: an error, or the right answer, and `/health` tells; never another one's data."""
    for number in range(1, 400):
        server.publish("kept:x", {"n": number, "fill": "x" * 500})
    server.stop()
    path = database(server)
    size = os.path.getsize(path)
    with open(path, "r+b") as file:
        for position in range(16_384, size - 4_096, 8_192):
            file.seek(position)
            file.write(os.urandom(4_096))
    server.spawn()
    try:
        await asyncio.to_thread(poll_until, server._is_ready, "the start or its refusal", 30)
    except AssertionError:
        assert os.path.dirname(path) in server.log()
        return
    answer = server.api("history", {"channel": "kept:x", "limit": 1_000})
    if answer.status == 200 and "result" in answer.json:
        publications = answer.json["result"].get("publications", [])
        assert numbers(publications) == list(range(1, len(publications) + 1)) and len(publications) == 399
    else:
        assert server.request("GET", "/health").status == 503
    server.kill()


# What happened to the files while the server was down


async def refuses_to_claim(server, meet, epoch: str) -> None:
    """A client at the last position is not told that it has missed nothing, also once the stream has grown beyond it."""
    server.start()
    for _ in range(2):
        client = await meet(server, "websocket-json")
        reply = await client.subscribe("kept:x", recover=True, epoch=epoch, offset=40)
        assert "recovered" not in reply and reply["epoch"] != epoch
        await client.close()
        for number in range(50):
            assert server.publish("kept:x", {"n": number})["epoch"] == reply["epoch"]
    health = server.request("GET", "/health")
    assert health.status == 200 and "pharos.db" in health.json["lost"]
    assert "pharos_store_lost 1" in server.request("GET", "/metrics").body.decode()
    assert "missing" in server.log()[server.log_start :]
    # Told once: what there is now is what there was at the end.
    epoch = reply["epoch"]
    restart(server, "SIGKILL")
    assert server.request("GET", "/health").json == {}
    assert server.publish("kept:x", {"n": 0})["epoch"] == epoch


@pytest.mark.parametrize("place", ["header", "salt", "page", "end", "truncated", "deleted"])
async def test_a_damaged_log_is_told(server, meet, place):
    """One flipped bit in the write-ahead log is enough for SQLite to leave out what follows it."""
    fill(server, "kept:x", 1, 16)
    server.stop()
    server.start()
    epoch = fill(server, "kept:x", 17, 40)
    server.kill()
    log = database(server) + "-wal"
    size = os.path.getsize(log)
    frame = 4_096 + 24
    at = {"header": 17, "salt": 32 + 3 * frame + 9, "page": 32 + 5 * frame + 1_000, "end": size - 10}.get(place)
    if place == "deleted":
        os.unlink(log)
    elif place == "truncated":
        os.truncate(log, size // 2)
    else:
        with open(log, "r+b") as file:
            file.seek(at)
            byte = file.read(1)[0]
            file.seek(at)
            file.write(bytes([byte ^ 0x10]))
    await refuses_to_claim(server, meet, epoch)


async def test_an_older_copy_of_the_database_is_told(server, meet):
    fill(server, "kept:x", 1, 16)
    server.stop()
    shutil.copy(database(server), server.directory / "backup")
    server.start()
    epoch = fill(server, "kept:x", 17, 40)
    server.stop()
    shutil.copy(server.directory / "backup", database(server))
    await refuses_to_claim(server, meet, epoch)


async def test_a_database_of_the_version_before_goes_on(server, meet):
    """It has no record of what was answered for, and its epochs are as they were stored."""
    epoch = fill(server, "kept:x", 1, 5)
    server.stop()
    path = database(server)
    with sqlite3.connect(path) as connection:
        connection.executescript("DROP TABLE marks; DROP TABLE seeds; PRAGMA user_version = 1")
    connection.close()
    os.unlink(path + "-answered")
    server.start()
    assert server.request("GET", "/health").json == {}
    assert fill(server, "kept:x", 6, 7) == epoch
    restart(server, "SIGKILL")
    assert fill(server, "kept:x", 8, 8) == epoch


async def test_looking_stores_nothing(server, meet):
    """Random names cost the disk nothing, and what was said about an empty stream stays true."""
    client = await meet(server, "websocket-json")
    for number in range(200):
        server.api("history", {"channel": f"kept:h{number}", "limit": 1}).result
        await news(server.port, [f"kept:p{number}"], wait=0)
    epoch = (await client.subscribe("kept:x"))["epoch"]
    server.kill()
    # A copy: SQLite would move the log.
    copy = server.directory / "copy"
    shutil.copytree(os.path.dirname(database(server)), copy)
    with sqlite3.connect(copy / os.path.basename(database(server))) as connection:
        assert connection.execute("SELECT count(*) FROM streams").fetchone() == (0,)
    connection.close()
    server.start()
    assert server.request("GET", "/health").json == {}
    assert fill(server, "kept:x", 1, 1) == epoch


# Trouble while running


@pytest.fixture
def small_disk(tmp_path):
    directory = tmp_path / "disk"
    directory.mkdir()
    if not SmallDisk.offered(directory):
        pytest.skip("SKIP disk full: this machine does not let us mount a file system, looked for mount -t tmpfs")
    with SmallDisk(directory) as disk:
        yield disk


async def test_a_full_disk(launch, small_disk, meet):
    """The publisher is told, `/health` is 503 and names the store, readers go on; when there is room all is well again."""
    server = launch(store(small_disk.directory / "store"))
    epoch = fill(server, "kept:x", 1, 5)
    client = await meet(server, "websocket-json")
    await client.subscribe("kept:x")
    assert server.request("GET", "/health").status == 200
    small_disk.fill()
    refused = None
    for number in range(2_000):
        answer = server.api("publish", {"channel": "kept:x", "data": {"n": 6, "fill": "x" * 2_000}, "idempotency_key": "six"})
        if answer.status != 200 or "error" in answer.json:
            refused = answer
            break
        # What the store had in reserve may hold a few more.
        small_disk.fill()
        assert number < 1_999
        epoch_now = answer.json["result"]["epoch"]
        assert epoch_now == epoch
        server.api("publish", {"channel": "kept:y", "data": "x" * 4_000})
    assert refused.json["error"]["message"]
    health = server.request("GET", "/health")
    assert health.status == 503 and "store" in json.dumps(health.json)
    # Nothing of what was refused has been delivered, and what is stored can be read.
    await client.fence()
    heard = [push["pub"]["data"]["n"] for push in client.pushes("kept:x") if "pub" in push]
    assert heard in ([], [6])
    history = server.api("history", {"channel": "kept:x", "limit": 10}).result
    assert numbers(history["publications"])[:5] == [1, 2, 3, 4, 5]
    # Channels that live in memory are not touched by it.
    assert server.publish("fleeting:x", {"n": 1})["offset"] == 1
    small_disk.free()

    def is_well() -> bool:
        return server.request("GET", "/health").status == 200

    await asyncio.to_thread(poll_until, is_well, "the store to work again")
    position = server.publish("kept:x", {"n": 6}, idempotency_key="six")
    assert position["epoch"] == epoch and position["offset"] == 6
    assert (await client.publication("kept:x"))["offset"] == 6 if not heard else True
    restart(server, "SIGKILL")
    history = server.api("history", {"channel": "kept:x", "limit": 10}).result
    assert numbers(history["publications"]) == [1, 2, 3, 4, 5, 6]


async def test_a_full_disk_at_start(small_disk, tmp_path):
    """Refused with a message, or up and telling: never a server that answers for what it cannot keep."""
    small_disk.fill()
    directory = tmp_path / "server"
    directory.mkdir()
    server = Server(directory, merged(BASE, store(small_disk.directory / "store")))
    server.spawn()
    try:
        await asyncio.to_thread(poll_until, server._is_ready, "the start or its refusal", 30)
    except AssertionError:
        assert str(small_disk.directory) in server.log()
        return
    answer = server.api("publish", {"channel": "kept:x", "data": 1})
    assert answer.status != 200 or "error" in answer.json
    server.kill()


async def test_the_store_is_where_the_configuration_says(launch, tmp_path):
    """The default is a directory next to the server; with --dev history lives in memory, and the start says so."""
    server = launch(EVERYWHERE)
    server.publish("open:x", {"n": 1})
    assert (server.directory / "pharos-data").is_dir()
    server.stop()
    shutil.rmtree(server.directory / "pharos-data")
    directory = tmp_path / "development"
    directory.mkdir()
    development = Server(directory, None)
    development.arguments = ["--dev", "--port", str(development.port)]
    development.start()
    assert "memory" in development.log()
    assert not (directory / "pharos-data").exists()
    development.stop()
