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
    "4 topic": "there is one topic node, and no other is promoted",
    "10 topic": "there is one topic node; that it restarts is engine_killed",
    "13": "there is no earlier version that can be part of a cluster; the version in every message is tested with the codecs",
    "power loss": "a process that is killed leaves its writes to the kernel; what lazy fsync loses needs a machine without power",
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
