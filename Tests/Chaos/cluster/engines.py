"""The engines that a cluster can have here, each as the servers it consists of."""

import pathlib
import signal

from harness.cluster import Cluster


class Engine:
    """What the scenarios break. `ports` are those that the nodes are configured with, each behind a link of the node."""

    name = kind = ""
    ports: list[int] = []
    # Whether what it answered for outlives kill -9, so that a random storm may kill it.
    survives_kill = True

    def prepare(self, cluster: Cluster, directory: pathlib.Path) -> None:
        """Nothing runs after it yet."""
        raise NotImplementedError

    def section(self, ports: list[int]) -> dict:
        """The configuration of a node whose links have these ports."""
        raise NotImplementedError

    def start(self) -> None:
        raise NotImplementedError

    def kill(self) -> None:
        """kill -9 of what decides: the hub, the leader, the master."""
        raise NotImplementedError

    def freeze(self, on: bool) -> None:
        raise NotImplementedError

    def stop(self) -> None:
        """Everything of it, at the end."""


class TopicEngine(Engine):
    """A node with the role `topic`, without clients."""

    name = kind = "topic"

    def prepare(self, cluster: Cluster, directory: pathlib.Path) -> None:
        self.hub = cluster.hub
        self.ports = [cluster.port]

    def section(self, ports: list[int]) -> dict:
        return {"topic": {"address": f"127.0.0.1:{ports[0]}"}}

    def start(self) -> None:
        if not self.hub.is_running:
            self.hub.start()

    def kill(self) -> None:
        self.hub.kill()

    def freeze(self, on: bool) -> None:
        self.hub.process.send_signal(signal.SIGSTOP if on else signal.SIGCONT)


ENGINES: dict[str, type[Engine]] = {"topic": TopicEngine}
