"""What is shown, over which engine, and what is not, with the reason."""

from .engines import ENGINES
from .scenario import SCENARIOS

FAILURES = {
    1: "leader or master killed under load",
    2: "failover that loses acknowledged writes",
    3: "minority partition, with clients and publishers on both sides",
    4: "the old master, writable behind a partition",
    5: "two homes at once",
    6: "streams purged, deleted, expired, emptied, an old backup restored",
    7: "a node's link cut for a while, or for longer than the history",
    8: "a link half-open",
    9: "linked to the wrong server",
    10: "slots move, nodes of the engine come and go, leader step-down",
    11: "a node stopped, killed, ended",
    12: "an idempotent retry across a failover and across nodes",
    13: "two versions side by side",
    14: "all clients reconnect elsewhere while the engine fails over",
    15: "clocks an hour apart",
    16: "engine full, frozen, out of memory",
    17: "engine absent at the start, and for a while later",
}
# By failure and, if not for all, by engine: why no scenario shows it.
NOT_SHOWN = {
    "2 topic": "one node keeps everything: there is no failover that could lose what it answered for",
    "2 nats": "a majority has what was answered for; losing it takes lost disks or lost power on two servers",
    "3 nats": "servers of NATS tell each other their addresses, so a proxy cannot part them without a network of their own; "
              "that most of them are gone is majority_of_servers_lost",
    "3, 7, 8 redis-sentinel, redis-cluster": "these tell nodes their own addresses, so there is no place for a proxy; "
              "connections are ended by the server instead, in connections_killed",
    "4 topic": "there is one topic node, and no other is promoted",
    "4 nats": "a leader without a majority answers nobody; the engine's tests do it with two writers",
    "5 nats": "which node is home to a channel is no promise; node_paused and link_cut_beyond_node_timeout bring two homes "
              "about, and the ledger looks at the offsets",
    "5 redis": "there are no homes: the script numbers",
    "6 nats": "an old backup: its servers refuse or repair old files by themselves; purged and deleted streams are shown",
    "9 topic": "a topic node with another secret is refused, which its own tests show; one with the same is wrong_topic_node",
    "9 nats": "a client of NATS is redirected within its cluster; another cluster has other streams: streams_deleted",
    "10 topic": "there is one topic node; that it restarts is engine_killed",
    "10 nats": "scaling from 3 to 5 copies wants five servers, too many for one small machine",
    "13": "there is no earlier version that can be part of a cluster; the version in every message is tested with the codecs",
    "16 topic": "a full disk is shown for one server by scripts/chaos, whose store it is; frozen is shown",
    "16 nats": "a full store wants a file system of its own; frozen and without a majority are shown",
    "power loss": "a process that is killed leaves its writes to the kernel; what lazy fsync loses takes a loss of power",
}


def listing() -> str:
    lines = ["Scenarios, and the engines that they run over:", ""]
    for scenario in SCENARIOS.values():
        numbers = ", ".join(str(number) for number in scenario.failures)
        over = ", ".join(name for name in scenario.over if name in ENGINES)
        lines += [f"{scenario.name}  (failures {numbers}; over {over or 'nothing yet'}; history on {scenario.history})",
                  f"    {scenario.outcome}"]
    lines += ["", "Failures, and what shows them:", ""]
    for number, what in FAILURES.items():
        names = [scenario.name for scenario in SCENARIOS.values() if number in scenario.failures]
        lines.append(f"{number:2}. {what}: {', '.join(names) or 'nothing'}")
    lines += ["", "Not shown here:", ""]
    lines += [f"{which}: {why}" for which, why in NOT_SHOWN.items()]
    return "\n".join(lines)
