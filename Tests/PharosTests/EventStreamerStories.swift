import Pharos
import PharosBytes
import PharosTestKit
import Testing

extension Library {
    @Suite("the event streamer")
    struct Streamer {}
}

extension Library.Streamer {
    @Test("the first event tells the client's id, its TTL and its topics; then topics are events")
    func named() async throws {
        try await StreamerScene.play {
            $0.ttl = .seconds(30)
        } body: { scene in
            let id = try scene.streamer.newClient()
            for topic in ["topic5", "topic1"] { try await scene.streamer.subscribe(topic, client: id) }
            let page = try scene.page(id)
            #expect(page.events.stream.headers["content-type"] == "text/event-stream")
            #expect(page.events.retryMs == 1_000)
            #expect(page.first.name.isEmpty)
            #expect(
                page.first.data
                    == "{\"config\":{\"client_id\":\"\(id)\",\"client_ttl_millis\":30000},"
                    + "\"subscriptions\":[\"topic1\",\"topic5\"],\"recovered\":{}}")
            try await scene.server.publish("{\"a\":1}", to: "topic5")
            let event = try page.events.event()
            #expect(event.name == "topic5")
            #expect(event.data == "{\"a\":1}")
            let client = scene.streamer.client(id)
            #expect(client?.topics == ["topic1", "topic5"])
            #expect(client?.isConnected == true)
        }
    }

    @Test("in the array form every event is an array of topic and payload")
    func array() async throws {
        try await StreamerScene.play {
            $0.form = .array
        } body: { scene in
            try scene.streamer.newClient(id: "me")
            try await scene.streamer.subscribe("t", client: "me")
            let page = try scene.page("me")
            #expect(page.first.data.hasPrefix("[\"/unifrost/info\",\"{\\\"config\\\":{\\\"client_id\\\":\\\"me\\\""))
            try await scene.server.publish("{\"a\":1}", to: "t")
            #expect(try page.events.event().data == "[\"t\",\"{\\\"a\\\":1}\"]")
            scene.streamer.remove("me")
            #expect(try page.events.event().data == "[\"/unifrost/closed\",\"Client closed\"]")
            #expect(try page.events.next() == nil)
        }
    }

    @Test("without an id 400, with an unknown one 401")
    func refused() async throws {
        try await StreamerScene.play { scene in
            #expect(try StreamLink(SocketLink(port: scene.port), "/stream").status == 400)
            let unknown = try StreamLink(SocketLink(port: scene.port), "/stream?id=unknown")
            #expect(unknown.status == 401)
            #expect(try unknown.rest() == "Invalid client ID")
        }
    }

    @Test("names, clients and topics are checked; what is done twice is no error")
    func calls() async throws {
        try await StreamerScene.play {
            $0.clientLimit = 2
            $0.topicLimit = 2
        } body: { scene in
            let streamer = scene.streamer
            try streamer.newClient(id: "a")
            #expect(throws: EventStreamer.Failure.clientExists) { try streamer.newClient(id: "a") }
            for name in ["", "a\nb", String(repeating: "x", count: 256)] {
                #expect(throws: EventStreamer.Failure.invalidName) { try streamer.newClient(id: name) }
                await #expect(throws: EventStreamer.Failure.invalidName) {
                    try await streamer.subscribe(name, client: "a")
                }
            }
            _ = try streamer.newClient()
            #expect(throws: EventStreamer.Failure.tooManyClients) { try streamer.newClient() }
            await #expect(throws: EventStreamer.Failure.unknownClient) {
                try await streamer.subscribe("t", client: "nobody")
            }
            try await streamer.subscribe("t", client: "a")
            try await streamer.subscribe("t", client: "a")
            let unknown = EventStreamer.Failure.refused(PharosError(code: 102, message: "unknown channel"))
            await #expect(throws: unknown) { try await streamer.subscribe("nowhere:x", client: "a") }
            try await streamer.subscribe("u", client: "a")
            await #expect(throws: EventStreamer.Failure.tooManyTopics) {
                try await streamer.subscribe("v", client: "a")
            }
            #expect(try streamer.topics(of: "a") == ["t", "u"])
            try streamer.unsubscribe("t", client: "a")
            try streamer.unsubscribe("t", client: "a")
            #expect(streamer.totals == .init(clients: 2, connected: 0, topics: 1))
            streamer.remove("a")
            streamer.remove("a")
            #expect(streamer.client("a") == nil)
            #expect(try await scene.server.subscriberCount(of: "u") == 0)
        }
    }

    @Test("UN-1, UN-2: a thousand reconnects within the TTL, each with all topics, and every topic still delivers")
    func reconnects() async throws {
        try await StreamerScene.play { scene in
            try scene.streamer.newClient(id: "me")
            for topic in ["a", "b", "log:c"] { try await scene.streamer.subscribe(topic, client: "me") }
            var last: String?
            for round in 0..<1_000 {
                let page = try scene.page("me", last: last)
                #expect(page.first.data.contains("\"subscriptions\":[\"a\",\"b\",\"log:c\"]"))
                #expect(!page.first.data.contains("false"))
                let topic = ["a", "b", "log:c"][round % 3]
                try await scene.server.publish("\(round)", to: topic)
                let event = try page.events.event()
                #expect(event.name == topic)
                #expect(event.data == "\(round)")
                last = page.events.lastID
                // Sometimes the new connection comes before the old one is known to be gone.
                page.link.close()
                if round % 2 == 0 { await scene.left("me") }
            }
        }
    }

    @Test("UN-3: what was published while the client was away comes after it is back, in order")
    func away() async throws {
        try await StreamerScene.play { scene in
            try scene.streamer.newClient(id: "me")
            for topic in ["a", "log:b"] { try await scene.streamer.subscribe(topic, client: "me") }
            // Before its first connection it is away as well.
            try await scene.server.publish("0", to: "a")
            let page = try scene.page("me")
            #expect(try page.events.event().data == "0")
            page.link.close()
            await scene.left("me")
            for number in 1...500 { try await scene.server.publish("\(number)", to: number % 2 == 0 ? "a" : "log:b") }
            let back = try scene.page("me", last: page.events.lastID)
            #expect(!back.first.data.contains("false"))
            for number in 1...500 { #expect(try back.events.event().data == "\(number)") }
            // A stand-in for EventSource cannot set the header; without any id nothing is claimed.
            let replaced = try scene.page("me", query: "&lastEventId=\(page.events.lastID)")
            #expect(replaced.first.data.contains("\"recovered\":{\"a\":true,\"log:b\":true}"))
            #expect(try replaced.events.event().data == "1")
            #expect(try scene.page("me").first.data.contains("\"recovered\":{}"))
        }
    }

    @Test("UN-3: what is more than is kept is announced as a gap")
    func gap() async throws {
        try await StreamerScene.play {
            $0.queueLimit = 10
        } body: { scene in
            try scene.streamer.newClient(id: "me")
            try await scene.streamer.subscribe("a", client: "me")
            let page = try scene.page("me")
            page.link.close()
            await scene.left("me")
            for number in 1...25 { try await scene.server.publish("\(number)", to: "a") }
            let back = try scene.page("me", last: page.events.lastID)
            #expect(back.first.data.contains("\"recovered\":{\"a\":false}"))
            for number in 16...25 { #expect(try back.events.event().data == "\(number)") }
            // An id that was not given here.
            let stranger = try scene.page("me", last: "v1.something")
            #expect(stranger.first.data.contains("\"recovered\":{\"a\":false}"))
        }
    }

    @Test("UN-4: every event has an id, Last-Event-ID resumes after it, and an idle stream gets comments")
    func ids() async throws {
        let now = Locked<Int64>(0)
        try await StreamerScene.play {
            $0.heartbeat = .seconds(10)
        } clock: {
            now.withLock { $0 }
        } body: { scene in
            try scene.streamer.newClient(id: "me")
            try await scene.streamer.subscribe("a", client: "me")
            let page = try scene.page("me")
            for number in 1...5 { try await scene.server.publish("\(number)", to: "a") }
            let events = try (1...5).map { _ in try page.events.event() }
            #expect(Set(events.map(\.id) + [page.first.id]).count == 6)
            let second = try scene.page("me", last: events[1].id)
            for number in 3...5 { #expect(try second.events.event().data == "\(number)") }
            // The stream is idle once it waits for something to send.
            while second.events.comments == 0 {
                now.withLock { $0 += 10_000 }
                scene.streamer.tick()
                try await scene.server.publish("0", to: "a")
                _ = try second.events.event()
            }
            #expect(second.events.comments >= 1)
        }
    }

    @Test("UN-5: payloads with line breaks arrive exactly; a topic with a line break is refused")
    func lineBreaks() async throws {
        try await StreamerScene.play {
            $0.form = .array
        } body: { scene in
            try scene.streamer.newClient(id: "me")
            try await scene.streamer.subscribe("a", client: "me")
            let page = try scene.page("me")
            try await scene.server.publish(bytes("one\ntwo\r\nthree\rfour\n"), to: "a")
            #expect(try page.events.event().data == "[\"a\",\"one\\ntwo\\r\\nthree\\rfour\\n\"]")
        }
        try await StreamerScene.play { scene in
            try scene.streamer.newClient(id: "me")
            try await scene.streamer.subscribe("a", client: "me")
            let page = try scene.page("me")
            try await scene.server.publish(bytes("one\ntwo\n"), to: "a")
            #expect(try page.events.event().data == "one\ntwo\n")
            try await scene.server.publish(bytes("one\rtwo"), to: "a")
            #expect(try page.events.event().data.contains("not-representable"))
        }
    }

    @Test("UN-6: a client that never connected is gone after its TTL, and one that left too")
    func ttl() async throws {
        let now = Locked<Int64>(1_000)
        try await StreamerScene.play {
            $0.ttl = .seconds(60)
        } clock: {
            now.withLock { $0 }
        } body: { scene in
            for id in ["never", "leaves", "stays"] {
                try scene.streamer.newClient(id: id)
                try await scene.streamer.subscribe("a", client: id)
            }
            let leaves = try scene.page("leaves")
            _ = try scene.page("stays")
            func pass(_ milliseconds: Int64) {
                now.withLock { $0 += milliseconds }
                scene.streamer.tick()
            }
            pass(59_999)
            #expect(scene.streamer.totals.clients == 3)
            pass(1)
            #expect(scene.streamer.client("never") == nil)
            leaves.link.close()
            await scene.left("leaves")
            pass(59_999)
            #expect(scene.streamer.totals == .init(clients: 2, connected: 1, topics: 2))
            pass(1)
            #expect(scene.streamer.client("leaves") == nil)
            #expect(scene.streamer.client("stays") != nil)
            #expect(try await scene.server.subscriberCount(of: "a") == 1)
        }
    }

    @Test("UN-8: a client that never reads holds up nobody, and loses its oldest events")
    func neverReads() async throws {
        try await StreamerScene.play {
            $0.queueLimit = 50
        } body: { scene in
            for id in ["stuck", "quick"] {
                try scene.streamer.newClient(id: id)
                try await scene.streamer.subscribe("a", client: id)
            }
            let stuck = try scene.page("stuck")
            let quick = try scene.page("quick")
            let padding = String(repeating: "x", count: 20_000)
            for number in 0..<2_000 {
                try await scene.server.publish("\"\(number) \(padding)\"", to: "a")
                #expect(try quick.events.event().data.hasPrefix("\"\(number) "))
            }
            // Once it reads again the loss is reported to it, and it goes on with the newest.
            var lost = false
            var previous = -1
            while previous < 1_999 {
                let event = try stuck.events.event()
                if event.data.contains("\"lagging\"") {
                    lost = true
                    continue
                }
                let number = Int(event.data.dropFirst().prefix { $0.isNumber }) ?? -1
                #expect(number > previous)
                previous = number
            }
            #expect(lost)
        }
    }

    @Test("UN-11: closing with a thousand clients, connected and connecting, ends every stream with the last event")
    func close() async throws {
        try await StreamerScene.play { scene in
            let count = 1_000
            let connected = 300
            for number in 0..<count {
                try scene.streamer.newClient(id: "\(number)")
                try await scene.streamer.subscribe("a", client: "\(number)")
            }
            let pages = try (0..<connected).map { try scene.page("\($0)") }
            let connecting = Task {
                for number in connected..<count {
                    guard let page = try? scene.page("\(number)") else { continue }
                    page.link.close()
                }
            }
            await scene.streamer.close()
            for page in pages {
                #expect(try page.events.event().data == "Client closed")
                #expect(try page.events.next() == nil)
            }
            await connecting.value
            #expect(scene.streamer.totals == .init())
            #expect(throws: EventStreamer.Failure.closed) { try scene.streamer.newClient() }
            #expect(try await scene.server.subscriberCount(of: "a") == 0)
        }
    }
}
