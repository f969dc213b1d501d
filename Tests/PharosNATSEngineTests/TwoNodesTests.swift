import PharosCluster
import PharosDomain
import PharosTestKit
import Testing

@testable import PharosNATSEngine

/// Two nodes that share one server.
@Suite("two nodes over NATS", .serialized, .enabled(if: NATSServer.program != nil, "PHAROS_NATS_SERVER is not set"))
struct TwoNodesTests {
    private func start() throws -> (server: NATSServer, a: TestNode, b: TestNode) {
        let server = try NATSServer()
        return (server, try TestNode(server.settings()), try TestNode(server.settings()))
    }

    @Test(
        "publishers on both nodes share one numbering, and followers on both see all of it in order",
        arguments: [false, true])
    func concurrentPublishers(knowEachOther: Bool) async throws {
        let (server, a, b) = try start()
        if knowEachOther {
            for (index, node) in [a, b].enumerated() { node.backend.nodesChanged([1, 2], here: UInt64(index + 1)) }
        }
        defer { withExtendedLifetime(server) {} }
        for node in [a, b] { await node.follow("news") }
        // An answered read says that the subscription is there.
        for node in [a, b] { _ = try await node.read("news") }
        let told = try await withThrowingTaskGroup(of: [UInt64: String].self) { group in
            for (name, node) in [("a", a), ("b", b)] {
                for writer in 0..<4 {
                    group.addTask {
                        var told: [UInt64: String] = [:]
                        for number in 0..<100 {
                            let text = "\(name)\(writer):\(number)"
                            told[try await node.publish(text, to: "news").get().offset] = text
                        }
                        return told
                    }
                }
            }
            return try await group.reduce(into: [UInt64: String]()) { all, more in all.merge(more) { $0 + "," + $1 } }
        }
        let expected = told.sorted { $0.key < $1.key }.map { TestNode.Report(offset: $0.key, text: $0.value) }
        #expect(expected.map(\.offset) == Array(1...800))
        for node in [a, b] {
            let seen = try await node.waitForReports(800, of: "news")
            #expect(seen == expected)
            let stored = try await node.read("news").publications
            #expect(stored.map { String(decoding: $0.data, as: UTF8.self) } == expected.map(\.text))
        }
    }

    @Test("a repeat on the other node gets the first answer, and nobody sees it")
    func repeatElsewhere() async throws {
        let (server, a, b) = try start()
        defer { withExtendedLifetime(server) {} }
        await b.follow("news")
        _ = try await b.read("news")
        for options in [TestNode.options, ChannelOptions()] {
            let channel: ChannelName = options.hasHistory ? "news" : "signals"
            await b.follow(channel, options)
            let first = try await a.publish("x", to: channel, options, key: "k").get()
            let again = try await b.publish("x", to: channel, options, key: "k").get()
            #expect(first == again)
            #expect(first.offset == (options.hasHistory ? 1 : 0))
            _ = try await a.publish("y", to: channel, options, key: "l").get()
            #expect(try await b.waitForReports(2, of: channel).map(\.text) == ["x", "y"])
        }
    }

    @Test("a removal on one node holds on both, and the numbering goes on")
    func removal() async throws {
        let (server, a, b) = try start()
        defer { withExtendedLifetime(server) {} }
        for number in 0..<5 { _ = try await a.publish("\(number)", to: "news").get() }
        let top = try await b.read("news").top
        _ = try await b.complete(.removeHistory(channel: "news", options: TestNode.options)).get()
        #expect(try await a.read("news") == StreamRead(top: top))
        let next = try await a.publish("6", to: "news").get()
        #expect(next == StreamPosition(offset: 6, epoch: top.epoch))
        #expect(try await b.read("news").publications.map(\.offset) == [6])
    }

    @Test("both nodes say the same of a channel that is still empty")
    func firstEpoch() async throws {
        let (server, a, b) = try start()
        defer { withExtendedLifetime(server) {} }
        for number in 0..<20 {
            let channel: ChannelName = "c\(number)"
            let seen = try await a.read(channel).top
            #expect(try await b.read(channel).top == seen)
            #expect(try await b.publish("x", to: channel).get() == StreamPosition(offset: 1, epoch: seen.epoch))
        }
    }

    @Test("what is not kept, and members, reach both nodes in the order of their node")
    func withoutHistory() async throws {
        let (server, a, b) = try start()
        defer { withExtendedLifetime(server) {} }
        for node in [a, b] {
            await node.follow("chat", ChannelOptions())
            // Answered behind the subscription.
            _ = try await node.publish("x", to: "other", ChannelOptions()).get()
        }
        let member = ClientInfo(user: "ann", client: "c")
        await a.submit(.announce(.join(member), channel: "chat"))
        for number in 0..<100 {
            let position = try await a.publish("\(number)", to: "chat", ChannelOptions()).get()
            #expect(position == StreamPosition())
        }
        await a.submit(.announce(.leave(member), channel: "chat"))
        for node in [a, b] {
            #expect(try await node.waitForReports(100, of: "chat").map(\.text) == (0..<100).map { "\($0)" })
            try await node.waitForEvent("the leave") {
                if case .member("chat", .leave(member)) = $0 { true } else { false }
            }
        }
        await b.submit(.unfollow(channel: "chat"))
        _ = try await b.publish("after", to: "chat", ChannelOptions()).get()
        #expect(try await a.waitForReports(101, of: "chat").last?.text == "after")
        #expect(await b.reports(of: "chat").count == 100)
    }

    @Test("a node that is configured for another number of streams is refused")
    func otherNumberOfStreams() async throws {
        let (server, a, _) = try start()
        defer { withExtendedLifetime(server) {} }
        _ = try await a.publish("x", to: "news").get()
        var settings = server.settings()
        settings.streams = 3
        let other = try TestNode(settings)
        for number in 0..<4 {
            let told = try await other.publish("x", to: "c\(number)")
            #expect(throws: ReplyError.internalError) { try told.get() }
        }
    }

    @Test("messages between nodes")
    func bus() async throws {
        let (server, a, b) = try start()
        defer { withExtendedLifetime(server) {} }
        let buses = [a, b].map { NATSBus(server.settings(), thread: $0.backend.thread) }
        let (stream, continuation) = AsyncStream<[UInt8]>.makeStream()
        for (index, bus) in buses.enumerated() {
            bus.start(node: UInt64(index + 1)) { continuation.yield([UInt8(index + 1)] + $0) }
        }
        for node in [a, b] { try await node.wait("the links") { buses.allSatisfy(\.isLinked) } }
        // What is sent before another's subscriptions are there is lost.
        try await Task.sleep(for: .milliseconds(200))
        buses[0].send([10], to: nil)
        buses[0].send([11], to: 2)
        buses[1].send([20], to: 1)
        var received: [[UInt8]] = []
        for await message in stream {
            received.append(message)
            if received.count == 3 { break }
        }
        #expect(received.filter { $0[0] == 2 } == [[2, 10], [2, 11]])
        #expect(received.filter { $0[0] == 1 } == [[1, 20]])
        for bus in buses { bus.close() }
    }
}
