"""The engines that a cluster can have here, each as the servers it consists of."""

import pathlib
import signal

from harness.brokers import (
    NATSCluster, NATSServer, RedisCluster, RedisServer, Sentinel, redis, redis_info)
from harness.cluster import Broker, Cluster
from harness.server import poll

from .link import Link


class Engine:
    """What the scenarios break. `ports` are those that the nodes are configured with, each behind a link of the node."""

    name = kind = ""
    ports: list[int] = []
    # By node, in the order of the ports.
    links: list[list[Link]] = []
    # Whether what it answered for outlives kill -9, so that a random storm may kill it.
    survives_kill = True
    # Whether nothing works while `victim` does not.
    is_single = True

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

    def settle(self) -> None:
        """Waits until its servers have found their places again."""

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


class BrokerEngine(Engine):
    """One or several servers of another project, of which one is killed and frozen."""

    servers: list[Broker] = []

    def victim(self) -> Broker:
        """The one that decides at present."""
        return self.servers[0]

    def start(self) -> None:
        for server in self.servers:
            if not (server.process and server.process.poll() is None):
                server.start()

    def kill(self) -> None:
        self.victim().kill()

    def freeze(self, on: bool) -> None:
        if on:
            self.frozen = self.victim()
        self.frozen.freeze(on)

    def stop(self) -> None:
        for server in self.servers:
            if server.process and server.process.poll() is None:
                server.freeze(False)
            server.kill()


class OneNATS(BrokerEngine):
    """One server, on disk."""

    name, kind = "nats", "nats"

    def prepare(self, cluster: Cluster, directory: pathlib.Path) -> None:
        cluster.broker = None
        self.server = NATSServer(directory / "nats")
        self.servers, self.ports = [self.server], [self.server.port]

    def section(self, ports: list[int]) -> dict:
        return {"nats": {"url": [f"nats://127.0.0.1:{port}" for port in ports]}}


class ThreeNATS(BrokerEngine):
    """Three servers, each stream on all of them."""

    name, kind = "nats3", "nats"
    is_single = False

    def prepare(self, cluster: Cluster, directory: pathlib.Path) -> None:
        cluster.broker = None
        self.nats = NATSCluster(directory / "nats")
        self.servers = list(self.nats.servers)
        self.ports = [server.port for server in self.servers]

    def section(self, ports: list[int]) -> dict:
        return {"nats": {"url": [f"nats://127.0.0.1:{port}" for port in ports], "replicas": 3}}

    def victim(self) -> Broker:
        """The leader of most streams, and of the servers if there are none yet."""
        leaders = list(self.nats.leaders().values())
        if leaders:
            return self.nats.named(max(set(leaders), key=leaders.count))
        return self.nats.leader() or self.nats.alive()

    def start(self) -> None:
        self.nats.start()


class OneRedis(BrokerEngine):
    """One server with an append-only file."""

    name, kind = "redis", "redis"

    def prepare(self, cluster: Cluster, directory: pathlib.Path) -> None:
        cluster.broker = None
        self.server = RedisServer(directory / "redis")
        self.servers, self.ports = [self.server], [self.server.port]

    def section(self, ports: list[int]) -> dict:
        return {"redis": {"address": [f"127.0.0.1:{port}" for port in ports]}}


class RedisPair(BrokerEngine):
    """A master and a replica behind one address, which moves at a failover, as managed services do it."""

    name, kind = "redis-pair", "redis"

    def prepare(self, cluster: Cluster, directory: pathlib.Path) -> None:
        cluster.broker = None
        self.master = RedisServer(directory / "redis0")
        self.replica = RedisServer(directory / "redis1", more=("--replicaof", f"127.0.0.1 {self.master.port}"))
        self.servers, self.ports = [self.master, self.replica], [self.master.port]

    def section(self, ports: list[int]) -> dict:
        return {"redis": {"address": [f"127.0.0.1:{port}" for port in ports]}}

    def victim(self) -> Broker:
        return self.master

    def start(self) -> None:
        """Everything runs; if the master was killed, the replica takes its place, and it follows from now on."""
        if self.master.process and self.master.process.poll() is not None:
            self.promote()
        super().start()
        if redis_info(self.replica.port, "replication")["role"] == "master":
            self.replica.follow(self.master.port)
        self.replica.wait_until_synced()

    def promote(self) -> None:
        """The replica is master from now on, and the address leads to it."""
        self.replica.find_master()
        self.replica.lead()
        self.replica.more = ()
        self.master, self.replica = self.replica, self.master
        self.lead_to(self.master)

    def lead_to(self, server: RedisServer, nodes: tuple[int, ...] = (0, 1, 2)) -> None:
        """The address leads to this server; open connections are reset."""
        for index in nodes:
            if index < len(self.links):
                self.links[index][0].move_from_thread(server.port)


class RedisWithSentinels(BrokerEngine):
    """A master, a replica and three sentinels."""

    name, kind = "redis-sentinel", "redis"
    survives_kill = is_single = False
    MASTER = "chaos"

    def prepare(self, cluster: Cluster, directory: pathlib.Path) -> None:
        cluster.broker = None
        master = RedisServer(directory / "redis0")
        replica = RedisServer(directory / "redis1", more=("--replicaof", f"127.0.0.1 {master.port}"))
        self.data = [master, replica]
        self.sentinels = [Sentinel(directory / f"sentinel{index}", self.MASTER, master.port) for index in range(3)]
        self.servers = [*self.data, *self.sentinels]
        # Sentinels name the master's own address: there is no place for a link.
        self.ports = []
        self._is_made = False

    def section(self, ports: list[int]) -> dict:
        addresses = [f"127.0.0.1:{sentinel.port}" for sentinel in self.sentinels]
        return {"redis": {"address": [], "sentinel_address": addresses, "sentinel_master_name": self.MASTER}}

    def master(self) -> RedisServer:
        _, port = self.sentinels[0].ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.MASTER)
        return next(server for server in self.data if server.port == int(port))

    def replica(self) -> RedisServer:
        master = self.master()
        return next(server for server in self.data if server is not master)

    def victim(self) -> Broker:
        return self.master()

    def start(self) -> None:
        if not self._is_made:
            self._is_made = True
            super().start()
            self.data[1].wait_until_synced()
            poll(self._all_know, "the sentinels to know each other", 60)
            return
        self.wait_for_promotion()
        # It was configured to be a replica or a master when it was started first; the sentinels say what it is now.
        for server in self.data:
            server.more = ()
        super().start()

    def kill(self) -> None:
        """Once there is somebody to take over."""
        poll(self._can_fail_over, "the replica to follow", 180)
        super().kill()

    def settle(self) -> None:
        """A master that was killed may take writes again until the sentinels have made it a replica."""
        poll(self._can_fail_over, "the old master to follow", 180)

    def _can_fail_over(self) -> bool:
        replica = self.replica()
        return replica.process.poll() is None and redis_info(
            replica.port, "replication").get("master_link_status") == "up"

    def wait_for_promotion(self) -> None:
        """Somebody that runs is master, and the sentinels say so."""
        def is_there() -> bool:
            master = self.master()
            return master.process.poll() is None and redis_info(master.port, "replication")["role"] == "master"

        poll(is_there, "a replica to be promoted", 60)

    def _all_know(self) -> bool:
        for sentinel in self.sentinels:
            words = sentinel.ask("SENTINEL", "MASTER", self.MASTER)
            facts = dict(zip(words[::2], words[1::2]))
            if facts["num-other-sentinels"] != "2" or facts["num-slaves"] != "1":
                return False
        return True


class SixRedis(BrokerEngine):
    """A Redis Cluster of three masters with a replica each."""

    name, kind = "redis-cluster", "redis"
    is_single = False

    def prepare(self, cluster: Cluster, directory: pathlib.Path) -> None:
        cluster.broker = None
        self.redis = RedisCluster(directory / "redis")
        self.servers = list(self.redis.servers)
        # Its servers name each other's addresses: there is no place for a link.
        self.ports = []

    def section(self, ports: list[int]) -> dict:
        return {"redis": {"address": [], "cluster_address": [f"127.0.0.1:{server.port}" for server in self.servers]}}

    def victim(self) -> Broker:
        """The master of the first channel."""
        for server in self.servers:
            if server.process.poll() is None:
                keys = redis(server.port, "KEYS", "*.m.*kept:a")
                if keys:
                    return self.redis.master_of(keys[0])
        return self.servers[0]

    def start(self) -> None:
        self.redis.start()


ENGINES: dict[str, type[Engine]] = {
    engine.name: engine
    for engine in (TopicEngine, OneNATS, ThreeNATS, OneRedis, RedisPair, RedisWithSentinels, SixRedis)}
