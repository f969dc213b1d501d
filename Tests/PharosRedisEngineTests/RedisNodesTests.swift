import PharosBytes
import PharosCluster
import PharosDomain
import PharosTestKit
import Testing

@testable import PharosRedisEngine

/// Two nodes over one server.
@Suite(
    "nodes over one Redis", .enabled(if: RedisProcess.path != nil, "PHAROS_REDIS_SERVER names no redis-server"))
struct RedisNodesTests {
    @Test("each publication that was answered is in one batch that is heard of")
    func batches() async throws {
        let batches = Locked<[EngineBatch]>([])
        let node = try TestNode(try RedisProcess()) { settings in
            settings.observe = { batch in batches.withLock { $0.append(batch) } }
        }
        var tickets: [UInt64] = []
        for options in [TestNode.options, ChannelOptions()] {
            for number in 0..<20 {
                let publish = EnginePublish(
                    channel: "news", publication: Publication(data: [UInt8(number)]), options: options)
                tickets.append(await node.relay.submit(.publish(publish)))
            }
        }
        for ticket in tickets { _ = try await node.relay.completion(of: ticket) }
        #expect(batches.withLock { $0.map(\.publications).reduce(0, +) } == 40)
        #expect(batches.withLock { $0.allSatisfy { $0.nanoseconds > 0 } })
    }

    @Test("publishers on both nodes get consecutive offsets, and followers on both see all in order")
    func concurrent() async throws {
        let server = try RedisProcess()
        let nodes = [try TestNode(server), try TestNode(server)]
        for node in nodes { await node.follow("news") }
        for node in nodes { _ = try await node.read("news") }
        let positions = try await withThrowingTaskGroup(of: [UInt64].self) { group in
            for (index, node) in nodes.enumerated() {
                for publisher in 0..<4 {
                    group.addTask {
                        var offsets: [UInt64] = []
                        for number in 0..<250 {
                            offsets.append(try await node.publish("\(index) \(publisher) \(number)", "news").offset)
                        }
                        return offsets
                    }
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(positions.sorted() == Array(1...2_000))
        for node in nodes {
            try await node.wait("all reports") { await $0.publications("news").count == 2_000 }
            #expect(await node.publications("news").map(\.publication.offset) == Array(1...2_000))
        }
        let seen = await nodes[0].publications("news").map(\.publication.data)
        #expect(await nodes[1].publications("news").map(\.publication.data) == seen)
        #expect(try await nodes[1].read("news").publications.map(\.data) == seen)
    }

    @Test("a retry with the same key on the other node is one publication")
    func retry() async throws {
        let server = try RedisProcess()
        let nodes = [try TestNode(server), try TestNode(server)]
        for node in nodes { await node.follow("news") }
        let first = try await nodes[0].publish("a", "news", key: "k")
        #expect(try await nodes[1].publish("b", "news", key: "k") == first)
        #expect(try await nodes[1].publish("c", "news").offset == 2)
        try await nodes[0].wait("both reports") { await $0.publications("news").count == 2 }
        #expect(await nodes[0].publications("news").map(\.publication.data) == [[0x61], [0x63]])
    }

    @Test("an empty channel has one epoch on all nodes, that of its first publication")
    func firstEpoch() async throws {
        let server = try RedisProcess()
        let nodes = [try TestNode(server), try TestNode(server)]
        let tops = [try await nodes[0].read("news").top, try await nodes[1].read("news").top]
        #expect(tops[0] == tops[1])
        #expect(try await nodes[1].publish("a", "news") == StreamPosition(offset: 1, epoch: tops[0].epoch))
    }

    @Test("members come and go on both nodes, and a channel that is followed no more is silent")
    func members() async throws {
        let server = try RedisProcess()
        let nodes = [try TestNode(server), try TestNode(server)]
        for node in nodes { await node.follow("news") }
        for node in nodes { _ = try await node.read("news") }
        let ann = ClientInfo(user: "ann", client: "c")
        await nodes[0].relay.submit(.announce(.join(ann), channel: "news"))
        await nodes[0].relay.submit(.announce(.leave(ann), channel: "news"))
        for node in nodes {
            try await node.wait("both changes") { await $0.members("news") == [.join(ann), .leave(ann)] }
        }
        await nodes[1].relay.submit(.unfollow(channel: "news"))
        _ = try await nodes[1].read("news")
        try await nodes[0].publish("a", "news")
        try await nodes[0].publish("b", "other")
        _ = try await nodes[1].read("news")
        #expect(await nodes[1].publications("news").isEmpty)
        #expect(await nodes[0].publications("other").isEmpty)
    }

    @Test("what is lost with FLUSHALL, or by eviction, means a new epoch")
    func flushed() async throws {
        let server = try RedisProcess()
        let node = try TestNode(server)
        let admin = try RedisAdmin(port: server.port)
        let names = RedisNames(prefix: "pharos")
        var epochs: [Epoch] = [try await node.publish("a", "news").epoch]
        for lose in [["FLUSHALL"], ["DEL", names.meta("news")], ["SCRIPT", "FLUSH"]] {
            _ = try admin.ask(lose)
            let top = try await node.read("news").top
            let position = try await node.publish("b", "news")
            #expect(position.epoch == top.epoch)
            #expect(position.offset == top.offset + 1)
            #expect(try await node.read("news").publications.count == Int(position.offset))
            epochs.append(position.epoch)
        }
        #expect(Set(epochs.prefix(3)).count == 3)
        // Scripts are no data.
        #expect(epochs[3] == epochs[2])
    }

    @Test("independent servers share the channels")
    func sharded() async throws {
        let servers = [try RedisProcess(), try RedisProcess()]
        let node = try TestNode(.standalone(servers.map(TestNode.address)), servers: servers)
        let other = try TestNode(.standalone(servers.map(TestNode.address)), servers: servers)
        for number in 0..<40 {
            await other.follow("c\(number)")
            _ = try await other.read("c\(number)")
            #expect(try await node.publish("x", "c\(number)").offset == 1)
        }
        for number in 0..<40 {
            try await other.wait("the report") { await $0.publications("c\(number)").count == 1 }
        }
        for server in servers { #expect(try RedisAdmin(port: server.port)("DBSIZE") != "0") }
    }

    @Test("one of several servers is away: the channels of the others go on")
    func oneAway() async throws {
        let servers = [try RedisProcess(), try RedisProcess()]
        let node = try TestNode(.standalone(servers.map(TestNode.address)), servers: servers)
        let channels = (0..<20).map { ChannelName("c\($0)") }
        let lost = channels.filter { RedisNames.tag(of: $0) % 2 == 0 }
        let kept = channels.filter { RedisNames.tag(of: $0) % 2 == 1 }
        #expect(!lost.isEmpty && !kept.isEmpty)
        for channel in channels {
            await node.follow(channel)
            try await node.publish("a", channel)
        }
        servers[0].kill()
        try await node.wait("the loss") { await $0.linkEvents() == ["lost"] }
        for channel in kept { #expect(try await node.publish("b", channel).offset == 2) }
        await #expect(throws: ReplyError.self) { try await node.publish("b", lost[0]) }
        try servers[0].start()
        try await node.wait("the return") { await $0.linkEvents() == ["lost", "regained"] }
        for channel in lost { #expect(try await node.publish("b", channel).offset == 1) }
        for channel in channels {
            try await node.wait("the report") { await $0.publications(channel).last?.publication.data == [0x62] }
        }
    }

    @Test("node messages reach one node, or all others")
    func bus() async throws {
        let server = try RedisProcess()
        try await BusStory.play(TestNode.settings(.standalone([TestNode.address(server)])))
        withExtendedLifetime(server) {}
    }
}

/// Three nodes that send to each other.
enum BusStory {
    static func play(_ settings: RedisEngineSettings) async throws {
        let buses = [try RedisBus(settings), try RedisBus(settings), try RedisBus(settings)]
        let inboxes = buses.map { _ in Locked<[[UInt8]]>([]) }
        for (index, bus) in buses.enumerated() {
            let inbox = inboxes[index]
            bus.start(node: UInt64(index + 1)) { message in inbox.withLock { $0.append(message) } }
        }
        for _ in 0..<500 where !buses.allSatisfy(\.isLinked) { try await Task.sleep(for: .milliseconds(20)) }
        for number in 0..<100 {
            buses[0].send([UInt8(number)], to: nil)
            buses[0].send([UInt8(number), 1], to: 2)
        }
        var both: [[UInt8]] = []
        for number in UInt8(0)..<100 {
            both.append([number])
            both.append([number, 1])
        }
        for _ in 0..<500 where inboxes[1].withLock({ $0.count }) < 200 { try await Task.sleep(for: .milliseconds(20)) }
        for _ in 0..<500 where inboxes[2].withLock({ $0.count }) < 100 { try await Task.sleep(for: .milliseconds(20)) }
        #expect(inboxes[1].withLock { $0 } == both)
        #expect(inboxes[2].withLock { $0 } == (0..<100).map { [UInt8($0)] })
        #expect(inboxes[0].withLock { $0 }.isEmpty)
        for bus in buses { bus.close() }
    }
}
