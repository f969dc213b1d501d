import PharosCluster
import PharosDomain
import PharosLinks
import PharosNATS
import PharosTestKit
import Testing

@testable import PharosNATSEngine

#if canImport(Glibc)
    import Glibc
#endif

/// Publications and followers when the server fails.
@Suite("failures of NATS", .serialized, .enabled(if: NATSServer.program != nil, "PHAROS_NATS_SERVER is not set"))
struct NATSFailureTests {
    @Test(
        "nothing that was answered is lost when the server is killed under load, and nothing is stored twice",
        arguments: [false, true])
    func killed(knowEachOther: Bool) async throws {
        let server = try NATSServer()
        let load = Load(nodes: try [TestNode(server.settings()), TestNode(server.settings())])
        if knowEachOther {
            for (index, node) in load.nodes.enumerated() {
                node.backend.nodesChanged([1, 2], here: UInt64(index + 1))
            }
        }
        let (answered, _) = try await load.run {
            for _ in 0..<3 {
                try await Task.sleep(for: .milliseconds(400))
                server.end(SIGKILL)
                try server.start()
            }
            try await Task.sleep(for: .milliseconds(400))
        }
        #expect(answered > 0)
    }

    @Test("a stream that was deleted is another one: a new epoch, whoever writes")
    func deleted() async throws {
        let server = try NATSServer()
        let (a, b) = (try TestNode(server.settings()), try TestNode(server.settings()))
        var epochs: Set<Epoch> = []
        for round in 0..<3 {
            for number in 1...3 {
                let node = number == 2 ? b : a
                let position = try await node.publish("\(round) \(number)", to: "news").get()
                #expect(position.offset == UInt64(number))
                epochs.insert(position.epoch)
            }
            #expect(epochs.count == round + 1)
            try await StreamAdministrator(server).deleteAll()
            if round == 1 {
                // A reader that looks first is told as well.
                let top = try await b.read("news").top
                #expect(top.offset == 0)
                #expect(!epochs.contains(top.epoch))
            }
        }
    }

    @Test("all who find out at the same time that their stream is gone are answered")
    func deletedUnderSeveral() async throws {
        let server = try NATSServer()
        let node = try TestNode(server.settings())
        // More channels than streams: several writers share one.
        let channels = (0..<12).map { ChannelName("c\($0)") }
        for channel in channels { _ = try await node.publish("1", to: channel).get() }
        try await StreamAdministrator(server).deleteAll()
        var tickets: [UInt64] = []
        for channel in channels {
            let publish = EnginePublish(
                channel: channel, publication: Publication(data: [2]), options: TestNode.options)
            tickets.append(await node.submit(.publish(publish)))
        }
        for ticket in tickets {
            guard case .position(let position) = try await node.completion(of: ticket).get() else {
                Issue.record("a publish was answered with something else")
                continue
            }
            #expect(position.offset == 1)
        }
    }

    @Test("a server that does not answer is found out, and all goes on when it does")
    func stopped() async throws {
        let server = try NATSServer()
        var settings = server.settings()
        settings.probeIntervalMs = 200
        settings.link.connectTimeoutMs = 300
        settings.requestTimeoutMs = 2_000
        let node = try TestNode(settings)
        await node.follow("news")
        _ = try await node.publish("1", to: "news").get()
        #expect(node.backend.health.isReady)
        server.send(SIGSTOP)
        try await node.waitForEvent("the loss of the link") { if case .linkLost = $0 { true } else { false } }
        #expect(!node.backend.health.isReady)
        let told = try await node.publish("2", to: "news")
        #expect(throws: ReplyError.internalError) { try told.get() }
        server.send(SIGCONT)
        try await node.waitForEvent("the link") { if case .linkRegained = $0 { true } else { false } }
        #expect(try await node.publish("3", to: "news").get().offset == 2)
        #expect(try await node.waitForReports(2, of: "news").map(\.text) == ["1", "3"])
    }

    @Test("a home that has gone is done without")
    func homeGone() async throws {
        let server = try NATSServer()
        let (a, b) = (try TestNode(server.settings()), try TestNode(server.settings()))
        for (index, node) in [a, b].enumerated() { node.backend.nodesChanged([1, 2], here: UInt64(index + 1)) }
        let load = Load(nodes: [a, b])
        try await load.run { try await Task.sleep(for: .milliseconds(500)) }
        let top = try await a.read("news").top.offset
        b.backend.close()
        for number in 1...20 {
            let position = try await a.publish("\(number)", to: "news").get()
            #expect(position.offset == top + UInt64(number))
        }
    }

    @Test("without JetStream there is no history, and everything else works")
    func withoutJetStream() async throws {
        let server = try NATSServer(hasJetStream: false)
        let node = try TestNode(server.settings())
        await node.follow("chat", ChannelOptions())
        #expect(try await node.publish("x", to: "chat", ChannelOptions()).get() == StreamPosition())
        #expect(try await node.waitForReports(1, of: "chat") == [TestNode.Report(offset: 0, text: "x")])
        try await node.wait("the state of the engine") { !node.backend.health.isReady }
        let told = try await node.publish("x", to: "news")
        #expect(throws: ReplyError.self) { try told.get() }
        #expect(node.backend.health.links.count == 2)
    }

    @Test("what is open at the end is refused for now, and so is what follows")
    func closed() async throws {
        let server = try NATSServer()
        let node = try TestNode(server.settings())
        _ = try await node.publish("1", to: "news").get()
        server.send(SIGSTOP)
        let publish = EnginePublish(channel: "news", publication: Publication(data: [1]), options: TestNode.options)
        let tickets = [
            await node.submit(.publish(publish)),
            await node.submit(.read(channel: "news", options: TestNode.options, after: nil, limit: 1)),
        ]
        node.backend.close()
        for ticket in tickets {
            try await node.waitForEvent("the end of request \(ticket)") {
                if case .completed(ticket, .failure(.internalError)) = $0 { true } else { false }
            }
        }
        let told = try await node.publish("2", to: "news")
        #expect(throws: ReplyError.internalError) { try told.get() }
    }

    @Test("what has outlived its time is gone; the position outlives it, until the memory ends")
    func expired() async throws {
        let server = try NATSServer()
        var settings = server.settings()
        settings.idempotencyWindowMs = 1_000
        let node = try TestNode(settings)
        var options = TestNode.options
        (options.historyTTL, options.historyMetaTTL) = (1, 4)
        let first = try await node.publish("1", to: "news", options, key: "k").get()
        #expect(try await node.publish("1", to: "news", options, key: "k").get() == first)
        while try await !node.read("news", options).publications.isEmpty {}
        #expect(try await node.read("news", options).top == first)
        // The window of the key is as long.
        while try await node.publish("2", to: "news", options, key: "k").get() == first {}
        while try await node.read("news", options).top.epoch == first.epoch {}
        let next = try await node.publish("3", to: "news", options).get()
        #expect(next.offset == 1)
        #expect(next.epoch != first.epoch)
    }

    @Test("an expired history is removed from the server by the node that wrote it")
    func expiredIsRemoved() async throws {
        let server = try NATSServer()
        var settings = server.settings()
        settings.tidyMs = 100
        let node = try TestNode(settings)
        var options = TestNode.options
        options.historyTTL = 1
        _ = try await node.publish("1", to: "news", options).get()
        let top = try await node.publish("2", to: "news", options).get()
        let administrator = StreamAdministrator(server)
        while try await administrator.last(of: "news", options)?.mark.kind != .marker {}
        #expect(try await node.read("news", options) == StreamRead(top: top))
        #expect(try await node.publish("3", to: "news", options).get().offset == 3)
    }

    @Test("messages that were answered and are lost make a new epoch, once somebody who knew of them asks")
    func goneBack() async throws {
        let server = try NATSServer()
        let (a, b) = (try TestNode(server.settings()), try TestNode(server.settings()))
        for number in 0..<5 { _ = try await a.publish("\(number)", to: "news").get() }
        let old = try await b.read("news").top
        for _ in 0..<2 { try await StreamAdministrator(server).loseLast(of: "news") }
        let outcome = try await a.complete(
            .read(channel: "news", options: TestNode.options, after: nil, limit: 10))
        #expect(throws: ReplyError.internalError) { try outcome.get() }
        _ = try await a.complete(.removeHistory(channel: "other", options: TestNode.options)).get()
        var new = old
        while new.epoch == old.epoch { new = try await b.read("news").top }
        #expect(new.offset == 0)
        #expect(try await b.publish("x", to: "news").get() == StreamPosition(offset: 1, epoch: new.epoch))
        #expect(try await a.read("news").publications.map(\.offset) == [1])
    }
}
