import PharosDomain
import PharosProtocol
import PharosServices
import PharosTestKit
import Testing

extension Stories {
    @Suite("inside the process")
    struct InProcess {}
}

extension TestServer {
    /// Subscribes without a socket.
    func subscribe(
        _ channel: ChannelName, from: StreamPosition? = nil, limit: Int = 1_000, byteLimit: Int = 1_000_000
    ) -> (queue: PublicationQueue, ticket: InProcessTicket) {
        let queue = PublicationQueue(limit: limit, byteLimit: byteLimit)
        let ticket = InProcessTicket(channel: channel)
        group.join(InProcessJoin(ticket, queue, from: from))
        return (queue, ticket)
    }

    @discardableResult
    func publish(_ channel: ChannelName, _ texts: [String]) async throws -> [StreamPosition] {
        var positions: [StreamPosition] = []
        for text in texts {
            var publish = APIPublish()
            publish.channel = channel
            publish.data = Array(text.utf8)
            publish.dataIsJSON = true
            if case .publish(let position) = try await group.callAPI(.publish(publish)).get() {
                positions.append(position)
            }
        }
        return positions
    }
}

extension PublicationQueue {
    /// The next `count` entries.
    func take(_ count: Int) async -> [Entry] {
        var all: [Entry] = []
        while all.count < count {
            let more = await take()
            if more.isEmpty { break }
            all += more
        }
        return all
    }
}

extension Stories.InProcess {
    @Test("what is published after subscribing arrives, in order", arguments: StorySetting.shardCounts)
    func live(_ setting: StorySetting) async throws {
        try await play(setting) { scene in
            for channel: ChannelName in ["news", "log:news", "a", "b", "c"] {
                let (queue, ticket) = scene.server.subscribe(channel)
                try await scene.server.publish(channel, (1...50).map(String.init))
                let entries = await queue.take(50)
                #expect(entries.map { text($0.publication.data) } == (1...50).map(String.init))
                #expect(!entries.contains { $0.followsGap })
                if channel == "log:news" { #expect(entries.map(\.publication.offset) == Array(1...50)) }
                #expect(await scene.server.group.subscriberCount(of: channel) == 1)
                scene.server.group.leave(ticket)
                #expect(await scene.server.group.subscriberCount(of: channel) == 0)
            }
        }
    }

    @Test("clients publish, subscribers in the process hear who it was", arguments: StorySetting.shardCounts)
    func fromClients(_ setting: StorySetting) async throws {
        try await play(setting) { scene in
            let (queue, ticket) = scene.server.subscribe("chat")
            guard case .live = await queue.started() else { return #expect(Bool(false)) }
            let client = try scene.connected(as: "anna")
            _ = try client.call { .publish(id: $0, "chat", "\"hello\"") }
            let entries = await queue.take(1)
            #expect(entries.first?.publication.info?.user == "anna")
            scene.server.group.leave(ticket)
        }
    }

    @Test("a position from before is recovered without a gap", arguments: StorySetting.shardCounts)
    func recovery(_ setting: StorySetting) async throws {
        try await play(setting) { scene in
            let positions = try await scene.server.publish("log:r", (1...500).map(String.init))
            let (queue, ticket) = scene.server.subscribe("log:r", from: positions[99])
            #expect(await queue.started() == .live(InProcessStart(position: positions[99], recovered: true)))
            try await scene.server.publish("log:r", ["501"])
            let entries = await queue.take(401)
            #expect(entries.map(\.publication.offset) == Array(101...501))
            #expect(!entries.contains { $0.followsGap })
            scene.server.group.leave(ticket)
        }
    }

    @Test("a position of another epoch is not recovered, and that is said", arguments: StorySetting.shardCounts)
    func otherEpoch(_ setting: StorySetting) async throws {
        try await play(setting) { scene in
            let positions = try await scene.server.publish("log:r", ["1", "2", "3"])
            let wrong = StreamPosition(offset: 1, epoch: "other")
            let (queue, ticket) = scene.server.subscribe("log:r", from: wrong)
            #expect(await queue.started() == .live(InProcessStart(position: positions[2], recovered: false)))
            try await scene.server.publish("log:r", ["4"])
            let entries = await queue.take(1)
            #expect(entries.map(\.publication.offset) == [4])
            #expect(entries[0].followsGap)
            scene.server.group.leave(ticket)
        }
    }

    @Test("an unknown channel ends the subscription with the error that a client would get")
    func unknownChannel() async throws {
        try await play(StorySetting()) { scene in
            let (queue, _) = scene.server.subscribe("nowhere:x")
            #expect(await queue.started() == .ended(.unknownChannel))
            #expect(await queue.take().isEmpty)
        }
    }

    @Test("a full queue drops the oldest, counts them, and marks the gap")
    func dropsOldest() async throws {
        try await play(StorySetting()) { scene in
            let (queue, ticket) = scene.server.subscribe("news", limit: 10)
            try await scene.server.publish("news", (1...25).map(String.init))
            let entries = await queue.take()
            #expect(entries.map { text($0.publication.data) } == (16...25).map(String.init))
            #expect(entries.map(\.followsGap) == [true] + Array(repeating: false, count: 9))
            #expect(queue.dropped == 15)
            try await scene.server.publish("news", ["26"])
            #expect(await queue.take().map(\.followsGap) == [false])
            scene.server.group.leave(ticket)
        }
    }

    @Test("bytes are limited as well, and one publication always fits")
    func byteLimit() async throws {
        try await play(StorySetting()) { scene in
            let (queue, ticket) = scene.server.subscribe("news", byteLimit: 100)
            let long = "\"" + String(repeating: "x", count: 500) + "\""
            try await scene.server.publish("news", [long])
            #expect(await queue.take().count == 1)
            try await scene.server.publish("news", (1...60).map { "\"\($0 + 100)\"" } + [long, "7", "8"])
            let entries = await queue.take()
            #expect(entries.map { text($0.publication.data) } == ["7", "8"])
            #expect(entries[0].followsGap)
            #expect(queue.dropped == 61)
            scene.server.group.leave(ticket)
        }
    }

    @Test("the end of the server ends the subscription")
    func serverEnds() async throws {
        let server = try TestServer(.stories(shards: 2))
        let (queue, _) = server.subscribe("news")
        #expect(await queue.started() == .live(InProcessStart()))
        server.stop()
        #expect(await queue.take().isEmpty)
        #expect(queue.failure == .stopping)
        let (late, _) = server.subscribe("news")
        #expect(await late.started() == .ended(.stopping))
        #expect(await server.group.callAPI(.planned(APIInfo())) == .failure(.stopping))
        #expect(await server.group.subscriberCount(of: "news") == 0)
    }

    @Test("a cancelled consumer ends at once")
    func cancelled() async throws {
        try await play(StorySetting()) { scene in
            let (queue, ticket) = scene.server.subscribe("news")
            let task = Task { await queue.take() }
            task.cancel()
            #expect(await task.value.isEmpty)
            #expect(queue.failure == nil)
            scene.server.group.leave(ticket)
        }
    }

    @Test("a channel without subscribers is forgotten, with in-process ones as with others")
    func nothingIsLeft() async throws {
        try await play(StorySetting(shards: 2)) { scene in
            let tickets = (0..<200).map { scene.server.subscribe("log:\($0)").ticket }
            for ticket in tickets { scene.server.group.leave(ticket) }
        }
    }
}
