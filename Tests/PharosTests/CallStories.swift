import Pharos
import PharosDomain
import PharosTestKit
import Testing

extension Library {
    @Suite("calls")
    struct Calls {}
}

extension Library.Calls {
    @Test("publications get positions where there is a history, and can be read again")
    func history() async throws {
        try await Library.serve { server, _ in
            #expect(try await server.publish("1", to: "news") == nil)
            let positions = try await server.publish(contentsOf: (1...2_500).map { bytes("\($0)") }, to: "log:a")
            #expect(positions.compactMap { $0?.offset } == (1...2_500).map { UInt64($0) })
            let history = try await server.history(of: "log:a", limit: 3, newestFirst: true)
            #expect(history.publications.map(\.text) == ["2500", "2499", "2498"])
            #expect(history.position == positions.last)
            let since = try await server.history(of: "log:a", since: positions[2_497]!)
            #expect(since.publications.map(\.position) == Array(positions.suffix(2)))
            try await server.removeHistory(of: "log:a")
            #expect(try await server.history(of: "log:a").publications.isEmpty)
            await #expect(throws: PharosError(code: 108, message: "not available")) {
                try await server.history(of: "news")
            }
            await #expect(throws: PharosError(code: 102, message: "unknown channel")) {
                try await server.publish("1", to: "nowhere:x")
            }
        }
    }

    @Test("the same idempotency key publishes once")
    func idempotency() async throws {
        try await Library.serve { server, _ in
            let options = PharosServer.PublishOptions(idempotencyKey: "k")
            let first = try await server.publish("1", to: "log:a", options: options)
            #expect(try await server.publish("1", to: "log:a", options: options) == first)
            #expect(try await server.history(of: "log:a").publications.count == 1)
        }
    }

    @Test("FT-8: counts follow who comes and goes, and are 0 in the end")
    func counts() async throws {
        let gone = Seen()
        try await Library.serve { _ in
        } hooks: { hooks in
            hooks.disconnected { gone.note($0.client) }
        } body: { server, port in
            for round in 1...5 {
                let clients = try (0..<10).map { _ in try Library.connected(port, to: "room:1") }
                let subscription = server.subscribe("room:1")
                _ = try await subscription.started()
                #expect(try await server.subscriberCount(of: "room:1") == 11)
                #expect(try await server.presence(in: "room:1").map(\.client) == clients.map(\.id.text).sorted())
                #expect(try await server.channels(matching: "room:*") == ["room:1": 11])
                let info = try await server.channelInfo(of: "room:1")
                #expect(info.subscribers == 11)
                #expect(info.clients == 10)
                #expect(info.position == nil && info.retention == nil && !info.isDurable)
                subscription.cancel()
                for client in clients { client.cut() }
                #expect(Set(await gone.first(10 * round).suffix(10)) == Set(clients.map(\.id.text)))
                #expect(try await server.subscriberCount(of: "room:1") == 0)
                #expect(try await server.presence(in: "room:1").isEmpty)
                #expect(try await server.channels().isEmpty)
            }
        }
    }

    @Test("the program subscribes a user, and ends connections but those that it spares")
    func users() async throws {
        try await Library.serve {
            $0.acceptsAnonymous = false
        } hooks: { hooks in
            hooks.connect { _ in .allow(user: "42") }
        } body: { server, port in
            let clients = try (0..<3).map { _ in try Library.connected(port) }
            try await server.subscribe(.user("42"), to: "news")
            for client in clients {
                guard case .subscribe = try client.push().event else { return #expect(Bool(false)) }
            }
            try await server.publish("1", to: "news")
            for client in clients { #expect(text(try client.publication().publication.data) == "1") }
            try await server.disconnect(.user("42"), excluding: [clients[1].id.text], code: 4_100, reason: "out")
            for client in [clients[0], clients[2]] {
                #expect(try client.ending().reason == Disconnect(code: 4_100, reason: "out"))
            }
            try await server.publish("2", to: "news")
            #expect(text(try clients[1].publication().publication.data) == "2")
            await #expect(throws: PharosError.self) { try await server.disconnect(.user("42"), code: 1_000) }
        }
    }

    @Test("a message reaches connections themselves, a publication spares its publisher, and connections are listed")
    func messages() async throws {
        try await Library.serve {
            $0.acceptsAnonymous = false
        } hooks: { hooks in
            hooks.connect { request in .allow(user: text(request.data), channels: ["news"]) }
        } body: { server, port in
            var clients: [TestClient] = []
            for user in ["1", "1", "2"] {
                let client = try Library.client(port)
                try client.connect { $0.data = bytes(user) }
                clients.append(client)
            }
            #expect(try await server.send("\"hello\"", to: .user("1"), excluding: [clients[0].id.text]) == 1)
            #expect(try clients[1].push() == Push(channel: "", event: .message(data: bytes("\"hello\""))))
            #expect(try await server.send("1", to: .all) == 3)
            #expect(try await server.send("1", to: .channel("news")) == 3)
            for client in clients { for _ in 0..<2 { _ = try client.push() } }
            await #expect(throws: PharosError(code: 102, message: "unknown connection")) {
                try await server.send("1", to: .client("nobody"))
            }
            try await server.publish("\"a\"", to: "news", options: .init(excludedClient: clients[2].id.text))
            try await server.publish("\"b\"", to: "news")
            #expect(text(try clients[0].publication().publication.data) == "\"a\"")
            #expect(text(try clients[2].publication().publication.data) == "\"b\"")
            let listed = try await server.connections(of: "1")
            #expect(listed.map(\.client) == clients[..<2].map(\.id.text).sorted())
            #expect(listed.allSatisfy { $0.transport == "websocket" && $0.channels == 1 && $0.connectedAt > 0 })
            #expect(try await server.connections(in: "news").count == 3)
            try await server.kick(.all, from: "news", excluding: [clients[0].id.text])
            #expect(try await server.connections(in: "news").map(\.client) == [clients[0].id.text])
        }
    }

    @Test("a server on a port that is taken says so, and its callers are not left waiting")
    func portInUse() async throws {
        try await Library.serve { _, port in
            var configuration = Library.configuration()
            configuration.port = port
            let second = PharosServer(configuration: configuration, logger: Library.silent)
            let waiting = Task { try await second.publish("1", to: "news") }
            let subscription = second.subscribe("news")
            await #expect(throws: (any Error).self) { try await second.run() }
            await #expect(throws: PharosError.stopped) { try await waiting.value }
            await #expect(throws: PharosError.self) { try await subscription.started() }
        }
    }
}
