import PharosBytes
import PharosCluster
import PharosDomain
import PharosRedis
import PharosTestKit
import Testing

@testable import PharosRedisEngine

/// Servers that crash, are replaced, or stop.
@Suite(
    "failures of Redis", .enabled(if: RedisProcess.path != nil, "PHAROS_REDIS_SERVER names no redis-server"))
struct RedisFailureTests {
    /// Publishes under keys until told to stop; the answers, by text.
    ///
    /// Each is tried again until it is answered, so none is lost and none is twice in the stream.
    private func publish(_ count: Int, _ node: TestNode, _ name: String) async throws -> [String: StreamPosition] {
        var answers: [String: StreamPosition] = [:]
        for number in 0..<count {
            let text = "\(name) \(number)"
            answers[text] = try await node.retry { try await $0.publish(text, "news", key: IdempotencyKey(text)) }
        }
        return answers
    }

    @Test("a server is killed and started again under load: nothing that was answered is lost, offsets have no gap")
    func killedAndTrusted() async throws {
        let server = try RedisProcess(["--appendonly", "yes", "--appendfsync", "always"])
        let nodes = [
            try TestNode(server) { $0.onFailover = .trust }, try TestNode(server) { $0.onFailover = .trust },
        ]
        for node in nodes { await node.follow("news") }
        let answers = try await withThrowingTaskGroup(of: [String: StreamPosition].self) { group in
            for (index, node) in nodes.enumerated() {
                for publisher in 0..<3 { group.addTask { try await publish(200, node, "\(index) \(publisher)") } }
            }
            for _ in 0..<2 {
                try await Task.sleep(for: .milliseconds(150))
                server.kill()
                try await Task.sleep(for: .milliseconds(150))
                try server.start()
            }
            return try await group.reduce(into: [:]) { $0.merge($1) { first, _ in first } }
        }
        let read = try await nodes[0].retry { try await $0.read("news") }
        #expect(read.publications.map(\.offset) == Array(1...1_200))
        for publication in read.publications {
            let text = String(decoding: publication.data, as: UTF8.self)
            #expect(answers[text] == StreamPosition(offset: publication.offset, epoch: read.top.epoch))
        }
        for node in nodes {
            try await node.wait("the links") { await $0.linkEvents().last == "regained" }
            let events = await node.linkEvents()
            #expect(events.count.isMultiple(of: 2) && events.first == "lost")
        }
    }

    @Test("a restart of the server is a new epoch, unless it is trusted")
    func restarted() async throws {
        let server = try RedisProcess(["--appendonly", "yes"])
        let node = try TestNode(server)
        let old = try await node.publish("a", "news")
        server.kill()
        try server.start()
        let top = try await node.retry { try await $0.read("news").top }
        #expect(top.offset == 0)
        #expect(top.epoch != old.epoch)
        #expect(try await node.publish("b", "news") == StreamPosition(offset: 1, epoch: top.epoch))
        #expect(node.reports.withLock { $0 }.isEmpty == false)
    }

    @Test("after a failover that loses acknowledged writes, a reader gets a new epoch")
    func lostWrites() async throws {
        let master = try RedisProcess(["--repl-diskless-sync-delay", "0"])
        let replica = try RedisProcess([
            "--replicaof", "127.0.0.1", "\(master.port)", "--repl-diskless-sync-delay", "0",
        ])
        let replicaAdmin = try RedisAdmin(port: replica.port)
        for _ in 0..<500 where try !replicaAdmin("INFO", "replication").contains("master_link_status:up") {
            try await Task.sleep(for: .milliseconds(20))
        }
        let before = try TestNode(master) { $0.durability = .replicated(1) }
        let first = try await before.publish("1", "news")
        for number in 2...100 { try await before.publish("\(number)", "news") }
        // The replica is cut off; the master goes on to acknowledge.
        try replicaAdmin("REPLICAOF", "127.0.0.1", "1")
        let accepting = try TestNode(master)
        for number in 101...105 { try await accepting.publish("\(number)", "news") }
        #expect(try await accepting.read("news").top == StreamPosition(offset: 105, epoch: first.epoch))
        master.kill()
        try replicaAdmin("REPLICAOF", "NO", "ONE")
        let nodes = [try TestNode(replica), try TestNode(replica)]
        // The reader comes before the first writer.
        let top = try await nodes[0].read("news", after: 105).top
        #expect(top.epoch != first.epoch)
        for number in 1...6 {
            #expect(
                try await nodes[1].publish("\(number)", "news")
                    == StreamPosition(offset: UInt64(number), epoch: top.epoch))
        }
        // Another channel: the writer comes before the reader.
        let trusting = try TestNode(replica) { $0.onFailover = .trust }
        #expect(try await trusting.read("news").top == StreamPosition(offset: 6, epoch: top.epoch))
    }

    @Test("too few replicas: a temporary error, and a retry with the key is the same publication")
    func tooFewReplicas() async throws {
        let server = try RedisProcess()
        let strict = try TestNode(server) {
            $0.durability = .replicated(1)
            $0.requestTimeoutMs = 500
        }
        let error = await #expect(throws: ReplyError.self) { try await strict.publish("a", "news", key: "k") }
        #expect(error?.isTemporary == true)
        let node = try TestNode(server)
        #expect(try await node.publish("a", "news", key: "k").offset == 1)
        #expect(try await node.read("news").top.offset == 1)
    }

    @Test("durability in the file is refused by a server without WAITAOF")
    func appendOnlyFile() async throws {
        let server = try RedisProcess(["--appendonly", "yes"])
        let hasIt = try RedisAdmin(port: server.port)("COMMAND", "INFO", "WAITAOF").lowercased().contains("waitaof")
        let node = try TestNode(server) { $0.durability = .appendOnlyFile }
        if hasIt {
            #expect(try await node.publish("a", "news").offset == 1)
        } else {
            await #expect(throws: ReplyError.self) { try await node.publish("a", "news") }
            #expect(node.reports.withLock { $0 }.contains { $0.contains("WAITAOF") })
            #expect(!node.backend.health.isReady)
        }
    }

    @Test("a server that is stopped is found by the probe, and comes back")
    func frozen() async throws {
        let server = try RedisProcess()
        let node = try TestNode(server) {
            $0.probeAfterMs = 1_000
            $0.session.handshakeTimeoutMs = 1_000
            $0.requestTimeoutMs = 60_000
        }
        await node.follow("news")
        try await node.publish("a", "news")
        // Longer than two probes: an idle link is not taken for a dead one.
        try await Task.sleep(for: .milliseconds(3_000))
        #expect(await node.linkEvents() == [])
        server.freeze()
        try await node.wait("the loss") { await $0.linkEvents() == ["lost"] }
        #expect(!node.backend.health.isReady)
        server.thaw()
        try await node.wait("the return") { await $0.linkEvents() == ["lost", "regained"] }
        try await node.retry { try await $0.publish("b", "news") }
        try await node.wait("the report") { await $0.publications("news").last?.publication.data == [0x62] }
    }

    @Test("a server that is away at the start is waited for; requests get temporary errors")
    func absent() async throws {
        let server = try RedisProcess()
        server.kill()
        let node = try TestNode(server)
        await node.follow("news")
        let error = await #expect(throws: ReplyError.self) { try await node.publish("a", "news") }
        #expect(error?.isTemporary == true)
        try server.start()
        try await node.waitUntilReady()
        #expect(try await node.publish("b", "news").offset == 1)
        try await node.wait("the report") { await $0.publications("news").count == 1 }
        #expect(await node.linkEvents() == ["lost", "regained"])
    }

    @Test("after the end everything is refused, and what is open is completed")
    func closed() async throws {
        let server = try RedisProcess()
        let node = try TestNode(server)
        try await node.publish("a", "news")
        server.freeze()
        let tickets = [
            await node.relay.submit(.read(channel: "news", options: TestNode.options, after: nil, limit: 1)),
            await node.relay.submit(.removeHistory(channel: "news", options: TestNode.options)),
        ]
        node.backend.close()
        for ticket in tickets {
            let error = await #expect(throws: ReplyError.self) { try await node.relay.completion(of: ticket) }
            #expect(error?.isTemporary == true)
        }
        await #expect(throws: ReplyError.self) { try await node.publish("b", "news") }
        server.thaw()
    }

    @Test("a server without memory refuses publications for a while, and reads go on")
    func outOfMemory() async throws {
        let server = try RedisProcess()
        let admin = try RedisAdmin(port: server.port)
        let node = try TestNode(server)
        try await node.publish("a", "news")
        try admin("CONFIG", "SET", "maxmemory", "1")
        let error = await #expect(throws: ReplyError.self) { try await node.publish("b", "news", key: "k") }
        #expect(error?.isTemporary == true)
        #expect(try await node.read("news").publications.map(\.offset) == [1])
        try admin("CONFIG", "SET", "maxmemory", "0")
        #expect(try await node.publish("b", "news", key: "k").offset == 2)
    }

    @Test("a master that was made a replica is given up, and its writes are in an epoch that ends")
    func oldMaster() async throws {
        let old = try RedisProcess(["--repl-diskless-sync-delay", "0"])
        let new = try RedisProcess(["--replicaof", "127.0.0.1", "\(old.port)", "--repl-diskless-sync-delay", "0"])
        let newAdmin = try RedisAdmin(port: new.port)
        let behind = try TestNode(old)
        let first = try await behind.publish("a", "news")
        try RedisCluster.wait { try newAdmin("DBSIZE") != "0" }
        try newAdmin("REPLICAOF", "NO", "ONE")
        let ahead = try TestNode(new)
        // Both sides go on.
        #expect(try await behind.publish("b", "news") == StreamPosition(offset: 2, epoch: first.epoch))
        let top = try await ahead.publish("c", "news")
        #expect(top.offset == 1 && top.epoch != first.epoch)
        try RedisAdmin(port: old.port)("REPLICAOF", "127.0.0.1", "\(new.port)")
        let error = await #expect(throws: ReplyError.self) { try await behind.publish("d", "news") }
        #expect(error?.isTemporary == true)
        #expect(try await ahead.read("news").top == top)
        #expect(behind.reports.withLock { $0 }.contains { $0.contains("READONLY") })
    }

    @Test("a user who may not use INFO is told that failovers cannot be seen")
    func hiddenInfo() async throws {
        let server = try RedisProcess()
        let admin = try RedisAdmin(port: server.port)
        try admin("ACL", "SETUSER", "default", "-info")
        let node = try TestNode(server)
        #expect(try await node.publish("a", "news").offset == 1)
        try await node.waitUntilReady()
        #expect(node.backend.health.links.contains { $0.contains("cannot be told") })
    }
}
