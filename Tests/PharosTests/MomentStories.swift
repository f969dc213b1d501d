import Pharos
import PharosDomain
import PharosProtocol
import PharosTestKit
import Testing

extension Library {
    @Suite("moments")
    struct Moments {
        /// Notes every moment of connections.
        static func note(_ seen: Seen, _ hooks: inout PharosServer.Hooks) {
            hooks.connected { seen.note("connected \($0.user)") }
            hooks.subscribed { seen.note("subscribed \($0.channel)") }
            hooks.unsubscribed { seen.note("unsubscribed \($0.channel) \($0.code)") }
            hooks.disconnected { seen.note("disconnected \($0.code)") }
            hooks.kicked { seen.note("kicked \($0.channel) \($0.code)") }
        }
    }
}

extension Library.Moments {
    @Test("a connection's moments come in order; when it ends every channel is told, then the end")
    func inOrder() async throws {
        let seen = Seen()
        try await Library.serve { _ in
        } hooks: { hooks in
            Library.Moments.note(seen, &hooks)
        } body: { _, port in
            let client = try Library.connected(port, to: "a", "log:b", "c")
            _ = try client.call { .unsubscribe(id: $0, "log:b") }
            client.cut()
            let all = await seen.first(8)
            #expect(
                all.prefix(5) == [
                    "connected ", "subscribed a", "subscribed log:b", "subscribed c", "unsubscribed log:b 0",
                ])
            #expect(Set(all[5..<7]) == ["unsubscribed a 1", "unsubscribed c 1"])
            #expect(all[7] == "disconnected 3000")
        }
    }

    @Test("who is kicked by the server is told as kicked first: from a channel, and altogether")
    func kicked() async throws {
        let seen = Seen()
        try await Library.serve {
            $0.acceptsAnonymous = false
        } hooks: { hooks in
            hooks.connect { _ in .allow(user: "42") }
            Library.Moments.note(seen, &hooks)
        } body: { server, port in
            let client = try Library.connected(port, to: "a", "b")
            try await server.kick(.user("42"), from: "a")
            #expect(try client.push() == Push(channel: "a", event: .unsubscribe(.server)))
            try await server.disconnect(.client(client.id.text))
            #expect(try client.ending().reason == .forceDisconnect)
            #expect(
                await seen.first(8) == [
                    "connected 42", "subscribed a", "subscribed b", "kicked a 2000", "unsubscribed a 2000",
                    "unsubscribed b 1", "kicked  3503", "disconnected 3503",
                ])
        }
    }

    @Test("who is connected when the server ends is told as gone before `run` returns")
    func atTheEnd() async throws {
        let seen = Seen()
        var clients: [TestClient] = []
        try await Library.serve { _ in
        } hooks: { hooks in
            hooks.disconnected { moment in
                for _ in 0..<100 { await Task.yield() }
                seen.note("\(moment.code)")
            }
        } body: { _, port in
            for _ in 0..<2 { clients.append(try Library.connected(port, to: "a")) }
            // They answer the close frame, so that the server need not wait for that.
            for client in clients {
                _ = Task(executorPreference: SpareThreads.shared) { _ = try? client.ending() }
            }
        }
        #expect(seen.now == ["3001", "3001"])
        for client in clients { client.cut() }
    }

    @Test("a slow closure holds up its own connection only")
    func sideBySide() async throws {
        let seen = Seen()
        let gate = AsyncStream<Void>.makeStream()
        try await Library.serve {
            $0.acceptsAnonymous = false
        } hooks: { hooks in
            hooks.connect { request in .allow(user: text(request.data)) }
            hooks.connected { moment in
                if moment.user == "1" { for await _ in gate.stream {} }
                seen.note("connected \(moment.user)")
            }
            hooks.subscribed { seen.note("\($0.user) \($0.channel)") }
        } body: { _, port in
            let first = try Library.client(port)
            try first.connect { $0.data = bytes("1") }
            try first.subscribe("a")
            let second = try Library.client(port)
            try second.connect { $0.data = bytes("2") }
            try second.subscribe("b")
            #expect(await seen.first(2) == ["connected 2", "2 b"])
            gate.continuation.finish()
            #expect(await seen.first(4).suffix(2) == ["connected 1", "1 a"])
        }
    }

    @Test("channels are told as occupied and vacated, by subscribers in the process too")
    func occupancy() async throws {
        let seen = Seen()
        try await Library.serve { _ in
        } hooks: { hooks in
            hooks.occupied { seen.note("occupied \($0.channel)") }
            hooks.vacated { seen.note("vacated \($0.channel)") }
        } body: { server, _ in
            let subscription = server.subscribe("here")
            _ = try await subscription.started()
            subscription.cancel()
            #expect(await seen.first(2) == ["occupied here", "vacated here"])
        }
    }

    @Test("a client that reads too slowly is told as lagging")
    func lagging() async throws {
        let seen = Seen()
        try await Library.serve {
            $0.channels.slowReaders = .dropOldest
        } hooks: { hooks in
            hooks.lagging { seen.note("\($0.client) \($0.channel) \($0.dropped > 0)") }
        } body: { server, port in
            let link = try SocketLink(port: port, receiveBuffer: 4_096)
            let client = try TestClient(link, wire: .json)
            try client.connect()
            try client.subscribe("news")
            let long = bytes("\"" + String(repeating: "x", count: 50_000) + "\"")
            for _ in 0..<200 { try await server.publish(long, to: "news") }
            #expect(await seen.first(1) == ["\(client.id) news true"])
        }
    }
}
