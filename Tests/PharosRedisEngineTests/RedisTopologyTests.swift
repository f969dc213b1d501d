import PharosBytes
import PharosCluster
import PharosDomain
import PharosTestKit
import Testing

@testable import PharosRedisEngine

/// A master that sentinels name, and a cluster.
@Suite(
    "Redis with Sentinel and as a Cluster", .serialized,
    .enabled(if: RedisProcess.path != nil, "PHAROS_REDIS_SERVER names no redis-server"))
struct RedisTopologyTests {
    @Test("sentinels replace the master: nodes follow, and readers get a new epoch")
    func sentinel() async throws {
        let master = try RedisProcess(["--repl-diskless-sync-delay", "0"])
        let replica = try RedisProcess([
            "--replicaof", "127.0.0.1", "\(master.port)", "--repl-diskless-sync-delay", "0",
        ])
        let replicaAdmin = try RedisAdmin(port: replica.port)
        try RedisCluster.wait { try replicaAdmin("INFO", "replication").contains("master_link_status:up") }
        let sentinels = try (0..<3).map { _ in
            try RedisProcess(
                sentinel: """
                    sentinel monitor mymaster 127.0.0.1 \(master.port) 2
                    sentinel down-after-milliseconds mymaster 1000
                    sentinel failover-timeout mymaster 3000

                    """)
        }
        try RedisCluster.wait {
            try sentinels.allSatisfy {
                let state = try RedisAdmin(port: $0.port)("SENTINEL", "MASTER", "mymaster")
                return state.contains("num-slaves\n1") && state.contains("num-other-sentinels\n2")
            }
        }
        let topology = RedisEngineSettings.Topology.sentinel(
            master: "mymaster", sentinels: sentinels.map(TestNode.address))
        let nodes = [
            try TestNode(topology, servers: sentinels + [replica]),
            try TestNode(topology, servers: sentinels + [replica]),
        ]
        for node in nodes { await node.follow("news") }
        for node in nodes { _ = try await node.read("news") }
        let old = try await nodes[0].publish("a", "news")
        try await nodes[1].wait("the report") { await $0.publications("news").count == 1 }
        let bus = try RedisBus(TestNode.settings(topology))
        let other = try RedisBus(TestNode.settings(topology))
        let received = Locked<[[UInt8]]>([])
        bus.start(node: 1) { message in received.withLock { $0.append(message) } }
        other.start(node: 2) { _ in }
        master.kill()
        let top = try await nodes[1].retry { try await $0.read("news").top }
        #expect(top.offset == 0)
        #expect(top.epoch != old.epoch)
        for node in nodes {
            // A sentinel may end connections once more after the promotion.
            try await node.wait("the links") { await $0.linkEvents().last == "regained" && $0.backend.health.isReady }
        }
        for number in 1...10 {
            #expect(
                try await nodes[number % 2].publish("\(number)", "news")
                    == StreamPosition(offset: UInt64(number), epoch: top.epoch))
        }
        for node in nodes {
            try await node.wait("the reports") {
                await $0.publications("news").map(\.publication.offset) == [1] + Array(1...10)
            }
        }
        for _ in 0..<1_000 where received.withLock({ $0.isEmpty }) {
            other.send([1], to: 1)
            try await Task.sleep(for: .milliseconds(20))
        }
        #expect(received.withLock { $0.first } == [1])
        bus.close()
        other.close()
    }

    @Test("publishers over all slots, a failover, slots that move: consecutive offsets, and followers see all")
    func cluster() async throws {
        let cluster = try RedisCluster()
        let nodes = [
            try TestNode(cluster.topology, servers: cluster.servers) { $0.onFailover = .trust },
            try TestNode(cluster.topology, servers: cluster.servers) { $0.onFailover = .trust },
        ]
        let channels = (0..<60).map { ChannelName("c\($0)") }
        #expect(Set(channels.map { RedisNames.slot(ofTag: RedisNames.tag(of: $0)) / 5_462 }) == [0, 1, 2])
        for node in nodes {
            for channel in channels { await node.follow(channel) }
            for channel in channels { #expect(try await node.read(channel).top.offset == 0) }
        }
        let positions = try await withThrowingTaskGroup(of: [ChannelName: [UInt64]].self) { group in
            for (index, node) in nodes.enumerated() {
                group.addTask {
                    var offsets: [ChannelName: [UInt64]] = [:]
                    for number in 0..<60 {
                        for channel in channels {
                            let key = IdempotencyKey("\(index) \(number)")
                            let position = try await node.retry {
                                try await $0.publish("\(index) \(number)", channel, key: key)
                            }
                            offsets[channel, default: []].append(position.offset)
                        }
                    }
                    return offsets
                }
            }
            try await Task.sleep(for: .milliseconds(500))
            try RedisAdmin(port: cluster.servers[3].port)("CLUSTER", "FAILOVER")
            return try await group.reduce(into: [:]) { $0.merge($1) { $0 + $1 } }
        }
        for channel in channels { #expect(positions[channel]?.sorted() == Array(1...120), "\(channel)") }
        for node in nodes {
            try await node.wait("ready") { $0.backend.health.isReady }
            for channel in channels {
                #expect(try await node.read(channel).publications.map(\.offset) == Array(1...120))
            }
        }
        // The subscriptions are where the channels are now.
        for channel in channels { try await nodes[0].publish("last", channel) }
        for channel in channels {
            try await nodes[1].wait("the report in \(channel)") {
                await $0.publications(channel).last?.publication.offset == 121
            }
        }
    }

    @Test("a master of a cluster is killed: its channels begin a new epoch, and followers hear on")
    func clusterMasterKilled() async throws {
        let cluster = try RedisCluster()
        let nodes = [
            try TestNode(cluster.topology, servers: cluster.servers),
            try TestNode(cluster.topology, servers: cluster.servers),
        ]
        let channels = (0..<30).map { ChannelName("c\($0)") }
        var old: [ChannelName: Epoch] = [:]
        for channel in channels {
            for node in nodes { await node.follow(channel) }
            old[channel] = try await nodes[0].publish("a", channel).epoch
        }
        cluster.servers[0].kill()
        for channel in channels {
            let position = try await nodes[0].retry { try await $0.publish("b", channel) }
            let isMoved = RedisNames.slot(ofTag: RedisNames.tag(of: channel)) <= 5_460
            #expect((position.epoch != old[channel]) == isMoved)
            #expect(position.offset == (isMoved ? 1 : 2))
        }
        for node in nodes { try await node.wait("ready") { $0.backend.health.isReady } }
        for channel in channels { try await nodes[0].publish("c", channel) }
        for channel in channels {
            try await nodes[1].wait("the report in \(channel)") {
                await $0.publications(channel).last?.publication.data == [0x63]
            }
        }
    }

    @Test("node messages pass through a cluster, whichever of its servers a node is at")
    func bus() async throws {
        let cluster = try RedisCluster()
        try await BusStory.play(TestNode.settings(cluster.topology))
        withExtendedLifetime(cluster) {}
    }

    @Test("a slot that moves takes its channels and subscriptions along")
    func slotMoves() async throws {
        let cluster = try RedisCluster()
        let node = try TestNode(cluster.topology, servers: cluster.servers) { $0.onFailover = .trust }
        let channel: ChannelName = "news"
        let slot = RedisNames.slot(ofTag: RedisNames.tag(of: channel))
        let source = min(slot / 5_461, 2)
        let target = (source + 1) % 3
        await node.follow(channel)
        let first = try await node.publish("a", channel)
        let admins = try cluster.servers.map { try RedisAdmin(port: $0.port) }
        let ids = try admins.map { try $0("CLUSTER", "MYID") }
        try admins[target]("CLUSTER", "SETSLOT", "\(slot)", "IMPORTING", ids[source])
        try admins[source]("CLUSTER", "SETSLOT", "\(slot)", "MIGRATING", ids[target])
        let names = RedisNames(prefix: "pharos")
        for key in [names.meta(channel), names.stream(channel)] {
            try admins[source]("MIGRATE", "127.0.0.1", "\(cluster.servers[target].port)", key, "0", "1000")
        }
        // On its way: the server that has the slot redirects to the one that has the keys.
        #expect(try await node.retry { try await $0.publish("b", channel) }.epoch == first.epoch)
        for index in [target, source, 3 - target - source] {
            try admins[index]("CLUSTER", "SETSLOT", "\(slot)", "NODE", ids[target])
        }
        #expect(try await node.retry { try await $0.publish("c", channel, key: "c") }.offset == 3)
        try await node.wait("the gap") { node in
            await node.events().contains { if case .gap(channel) = $0 { true } else { false } }
        }
        try await node.publish("d", channel)
        try await node.wait("the report") { await $0.publications(channel).last?.publication.offset == 4 }
    }
}
