"""`make cluster`, as a newcomer meets it: what it prints works, and nothing is left when it has ended."""

import os
import pathlib
import re
import signal
import subprocess

import pytest

from harness.made_cluster import SCRIPT, MadeCluster, processes_of
from harness.peer import Peer
from harness.server import poll
from test_browser import run_deno

ENGINES = os.environ.get("PHAROS_TEST_ENGINES", "topic").split()


@pytest.fixture(params=ENGINES)
def cluster(request, tmp_path):
    made = MadeCluster(tmp_path, request.param)
    request.node.log_of = made.logs
    try:
        yield made.start()
    finally:
        made.stop_if_running()


async def test_what_is_published_on_one_node_arrives_on_all(cluster):
    printed = re.findall(r"node\d +(http://127\.0\.0\.1:\d+)/", cluster.log())
    assert printed == [node.base() for node in cluster.nodes]
    peers = []
    for node in cluster.nodes:
        peers.append(await Peer.open(node))
        await peers[-1].connect()
        await peers[-1].subscribe("chat")
    assert "result" in cluster.nodes[2].api("publish", {"channel": "chat", "data": {"text": "hello"}}).json
    for peer in peers:
        assert (await peer.publication("chat"))["data"] == {"text": "hello"}
    # The ids of clients tell their nodes.
    nodes = {each["uid"][:6]: each["name"] for each in cluster.nodes[0].api("info", {}).result["nodes"]}
    assert [nodes[peer.client[:6]] for peer in peers] == ["node1", "node2", "node3"]
    for peer in peers:
        await peer.close()


def test_clients_of_a_killed_node_come_back_on_another(cluster):
    run_deno("pharos_cluster_test.js", PHAROS_URLS=" ".join(node.base() for node in cluster.nodes),
             PHAROS_KILL_CMD=cluster.command("kill", "1"))
    poll(lambda: "node1 has ended" in cluster.log(), "the loss to be told")
    again = cluster.call("kill", "1")
    assert again.returncode == 1 and "node1 does not run" in again.stderr
    back = cluster.call("start", "1")
    assert back.returncode == 0 and "node1 is back" in back.stderr, back.stderr
    poll(lambda: "node1 runs again" in cluster.log(), "the return to be told")
    # What was started from another terminal ends with all others: looked at by `stop`.
    cluster.stop(signal.SIGINT)


def test_mistakes_are_told(cluster):
    for arguments, words in (
        ((), ["runs from", str(cluster.directory)]), (("kill", "9"), ["which node"]), (("fly",), ["scripts/cluster kill N"]),
        (("start", "2"), ["runs already"])):
        run = cluster.call(*arguments)
        assert run.returncode == 1 and all(word in run.stderr for word in words), run.stderr
    for changes, words in (
        ({"CLUSTER_DIR": str(cluster.directory) + "2"}, [f"port {cluster.first} is taken", "CLUSTER_PORT="]),
        ({"CLUSTER_DIR": str(cluster.directory) + "2", "ENGINE": "etcd"}, ["topic, nats or redis"])):
        run = subprocess.run([SCRIPT], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60,
                             env=cluster.environment | changes)
        assert run.returncode == 1 and all(word in run.stderr for word in words), run.stderr
    assert processes_of(pathlib.Path(str(cluster.directory) + "2")) == []
