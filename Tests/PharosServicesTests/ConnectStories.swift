import PharosDomain
import PharosProtocol
import PharosServices
import PharosTestKit
import Testing

extension Stories {
    @Suite("connecting")
    struct Connecting {
        @Test("connect and its subscribes in one frame are answered in order", arguments: StorySetting.all)
        func pipelined(_ setting: StorySetting) async throws {
            try await play(setting, { $0.client.pingInterval = 25 }) { scene in
                let client = try scene.client()
                try client.send(
                    .connect(id: 1), .subscribe(id: 2, "news"), .subscribe(id: 3, "log:a"), .subscribe(id: 4, "sport"))
                let connect = try client.connected()
                #expect(connect.version == "pharos test")
                #expect(connect.ping == 25)
                #expect(connect.pong)
                #expect(ClientID(connect.client) != nil)
                for id: UInt32 in 2...4 {
                    guard case .subscribe(let result) = try client.reply(to: id) else { throw Wrong() }
                    #expect(result.positioned == (id == 3))
                    #expect(result.epoch.isEmpty == (id != 3))
                }
                await scene.publish("log:a", "1")
                let (channel, publication, epoch) = try client.publication()
                #expect(channel == "log:a")
                #expect(publication.offset == 1)
                #expect(!epoch.isEmpty)
                let counters = await scene.server.group.counters()
                #expect(counters.currentClients == 1)
                #expect(counters.currentSubscriptions == 3)
                #expect(counters.currentChannels == 3)
            }
        }

        @Test("each client has an id of its own")
        func ids() async throws {
            try await play(StorySetting(shards: 2)) { scene in
                let ids = try (0..<50).map { _ in try scene.connected().id }
                #expect(Set(ids).count == 50)
            }
        }

        @Test("an expired token is answered 109, a forged one closes with 3500", arguments: StorySetting.pairs)
        func tokens(_ setting: StorySetting) async throws {
            try await play(setting) { scene in
                let late = try scene.client()
                // What follows the refused connect in the same frame is not processed.
                try late.send(.connect(id: 1, token: "expired"), .subscribe(id: 2, "news"))
                #expect(try late.reply(to: 1) == .error(.tokenExpired))
                let forged = try scene.client()
                try forged.send(.connect(token: "forged"))
                #expect(try forged.ending().reason == .invalidToken)
                let counters = await scene.server.group.counters()
                #expect(counters.currentSubscriptions == 0)
                #expect(counters.currentClients == 0)
                #expect(counters.commands["subscribe", default: 0] <= 1)
            }
        }

        @Test("commands that follow a connect wait while its keys are fetched", arguments: StorySetting.all)
        func lateKeys(_ setting: StorySetting) async throws {
            try await play(setting) { scene in
                scene.server.verifier.setSubscription("late-sub") {
                    $0.user = "late-ann"
                    $0.channel = "$private"
                }
                let client = try scene.client()
                try client.send(
                    .connect(id: 1, token: "late-ann"), .subscribe(id: 2, "$private", token: "late-sub"),
                    .publish(id: 3, "$private", "\"mine\""))
                try client.send(.presenceStats(id: 4, "room:a"))
                await scene.server.verifier.loadsReached(1)
                #expect(await scene.server.group.counters().currentClients == 0)
                scene.server.verifier.releaseKeys()
                try client.connected()
                #expect(try client.next() == .reply(Reply(id: 2, result: .subscribe(SubscribeResult()))))
                #expect(try client.reply(to: 3) == .publish)
                #expect(try client.reply(to: 4) == .presenceStats(clients: 0, users: 0))
                #expect(text(try client.publication().publication.data) == "\"mine\"")
            }
        }

        @Test(
            "commands wait in order behind a subscription token, also when the server ends that subscription meanwhile")
        func lateSubscriptionToken() async throws {
            try await play(StorySetting()) { scene in
                let client = try scene.connected(as: "ann")
                try client.send(.subscribe(id: 2, "$private", token: "late-sub"), .publish(id: 3, "news", "1"))
                await scene.server.verifier.loadsReached(1)
                await scene.server.call("unsubscribe", #"{"channel":"$private","user":"ann"}"#)
                try client.send(.publish(id: 4, "news", "2"))
                scene.server.verifier.releaseKeys()
                #expect(try client.next() == .reply(Reply(id: 2, result: .error(.permissionDenied))))
                #expect(try client.next() == .reply(Reply(id: 3, result: .publish)))
                #expect(try client.next() == .reply(Reply(id: 4, result: .publish)))
            }
        }

        @Test(
            "server-side subscriptions come with the reply, wherever their channels live", arguments: StorySetting.all)
        func serverSide(_ setting: StorySetting) async throws {
            try await play(setting, { $0.client.subscribeToUserPersonalChannel = true }) { scene in
                scene.server.verifier.setConnection("token") {
                    $0.user = "ann"
                    $0.channels = (0..<10).map { "log:\($0)" }
                }
                await scene.publish("log:3", "1")
                let client = try scene.client()
                let result = try client.connect(token: "token")
                #expect(Set(result.subscriptions.keys) == Set((0..<10).map { "log:\($0)" } + ["#ann"]))
                #expect(result.subscriptions["log:3"]?.offset == 1)
                await scene.publish("#ann", "\"hello\"")
                #expect(try client.publication().channel == "#ann")
                // A server-side subscription can be given up like any other.
                #expect(try client.call { .unsubscribe(id: $0, "#ann") } == .unsubscribe)
            }
        }

        // FT-10
        @Test("two connections of one user both receive", arguments: StorySetting.pairs)
        func sameUser(_ setting: StorySetting) async throws {
            try await play(setting) { scene in
                let first = try scene.connected(as: "ann", to: "news")
                let second = try scene.connected(as: "ann", to: "news")
                await scene.publish("news", "1")
                #expect(text(try first.publication().publication.data) == "1")
                #expect(text(try second.publication().publication.data) == "1")
                #expect(await scene.server.group.counters().currentClients == 2)
            }
        }

        // FT-10
        @Test("with a single connection per user the older one is closed with a reason", arguments: StorySetting.pairs)
        func singleConnection(_ setting: StorySetting) async throws {
            try await play(setting, { $0.client.singleConnection = true }) { scene in
                let first = try scene.connected(as: "ann", to: "news")
                let second = try scene.connected(as: "ann", to: "news")
                #expect(try first.ending().reason == .connectionLimit)
                await scene.publish("news", "1")
                #expect(text(try second.publication().publication.data) == "1")
                let other = try scene.connected(as: "bob", to: "news")
                await scene.publish("news", "2")
                #expect(text(try second.publication().publication.data) == "2")
                #expect(text(try other.publication().publication.data) == "2")
            }
        }

        @Test(
            "a user's connections are limited over all shards; one that goes makes room", arguments: StorySetting.pairs)
        func userLimit(_ setting: StorySetting) async throws {
            try await play(setting, { $0.client.userConnectionLimit = 3 }) { scene in
                let clients = try (0..<3).map { _ in try scene.connected(as: "ann") }
                let fourth = try scene.client()
                try fourth.send(.connect(token: "ann"))
                #expect(try fourth.ending().reason == .connectionLimit)
                _ = try scene.connected(as: "bob")
                try clients[1].close()
                while await scene.server.group.counters().currentClients > 3 { await Task.yield() }
                _ = try scene.connected(as: "ann")
            }
        }

        @Test("beyond the connection limit the upgrade is refused with 503; a slot that is free is given again")
        func connectionLimit() async throws {
            try await play(StorySetting(), { $0.client.connectionLimit = 2 }) { scene in
                let first = try scene.client()
                _ = try scene.client()
                #expect(throws: TestClient.Failure.refused(status: 503)) { try scene.client() }
                try first.close()
                while await scene.server.group.counters().currentConnections > 1 { await Task.yield() }
                _ = try scene.client()
                #expect(await scene.server.group.counters().connectionsRefused == [503: 1])
            }
        }

        // GE-8
        @Test("connections per address are counted by the socket's address, whatever an untrusted peer claims")
        func perAddress() async throws {
            try await play(StorySetting(), { $0.client.connectionsPerAddress = 1 }) { scene in
                _ = try scene.client(headers: [("X-Forwarded-For", "203.0.113.1")])
                #expect(throws: TestClient.Failure.refused(status: 429)) {
                    try scene.client(headers: [("X-Forwarded-For", "203.0.113.2")])
                }
            }
            let change: (inout ServerSettings) -> Void = {
                $0.client.connectionsPerAddress = 1
                $0.edge.trustedProxies = ["127.0.0.1"]
            }
            try await play(StorySetting(), change) { scene in
                let first = try scene.client(headers: [("X-Forwarded-For", "203.0.113.1")])
                _ = try scene.client(headers: [("X-Forwarded-For", "203.0.113.2")])
                #expect(throws: TestClient.Failure.refused(status: 429)) {
                    try scene.client(headers: [("X-Forwarded-For", "203.0.113.1")])
                }
                try first.close()
                while await scene.server.group.counters().currentConnections > 1 { await Task.yield() }
                _ = try scene.client(headers: [("X-Forwarded-For", "203.0.113.1")])
            }
        }

        @Test("only allowed origins, and clients without one, get in")
        func origins() async throws {
            try await play(StorySetting(), { $0.client.allowedOrigins = ["https://*.example.org"] }) { scene in
                _ = try scene.client()
                _ = try scene.client(headers: [("Origin", "https://chat.example.org")])
                #expect(throws: TestClient.Failure.refused(status: 403)) {
                    try scene.client(headers: [("Origin", "https://example.com")])
                }
            }
            try await play(StorySetting()) { scene in
                #expect(throws: TestClient.Failure.refused(status: 403)) {
                    try scene.client(headers: [("Origin", "https://chat.example.org")])
                }
            }
        }

        @Test("the user that a trusted proxy names is believed, that of anybody else is not")
        func proxyUser() async throws {
            let change: (inout ServerSettings) -> Void = {
                $0.client.userIDHTTPHeader = "X-User-Id"
                $0.channel.withoutNamespace.allowSubscribeForAnonymous = false
            }
            try await play(StorySetting(), change) { scene in
                let client = try scene.client(headers: [("X-User-Id", "ann")])
                try client.connect()
                #expect(try client.call { .subscribe(id: $0, "news") } == .error(.permissionDenied))
            }
            let trusting: (inout ServerSettings) -> Void = {
                change(&$0)
                $0.edge.trustedProxies = ["127.0.0.0/8"]
            }
            try await play(StorySetting(), trusting) { scene in
                let client = try scene.client(headers: [("x-user-id", "ann")])
                try client.connect()
                try client.subscribe("news")
            }
        }
    }
}

/// Another message came than the story expects.
struct Wrong: Error {}
