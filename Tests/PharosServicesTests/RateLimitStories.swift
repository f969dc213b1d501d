import PharosDomain
import PharosProtocol
import PharosServices
import PharosTestKit
import Testing

extension Stories {
    @Suite("limits on commands per second")
    struct RateLimits {
        private static func tooMany(_ scope: String, ms: Int) -> Reply.Result {
            .error(
                ReplyError(
                    code: 111, message: "too many requests: \(scope), retry after \(ms) ms", isTemporary: true))
        }

        @Test(
            "beyond its limit a connection is answered 111, and the command is not carried out", arguments: Crossing.all
        )
        func perConnection(_ crossing: Crossing) async throws {
            try await play(
                crossing.setting,
                {
                    $0.openEverything()
                    $0.client.rateLimits.perConnection = 4
                }
            ) { scene in
                let reader = try scene.connected(.json, to: "log:a")
                let client = try scene.client(over: crossing.transport)
                // One message is one moment. A polled session's connect was counted with its request.
                let publishes = (2...10).map { Command.publish(id: $0, "log:a", "\($0)") }
                try client.send([.connect()] + publishes)
                try client.connected()
                let allowed: UInt32 = crossing.transport == .poll ? 5 : 4
                for id: UInt32 in 2...10 {
                    let expected = id <= allowed ? Reply.Result.publish : RateLimits.tooMany("connection", ms: 250)
                    #expect(try client.reply(to: id) == expected)
                }
                for id in 2...allowed { #expect(text(try reader.publication().publication.data) == "\(id)") }
                // The others are not concerned.
                await scene.publish("log:a", "\"last\"")
                #expect(text(try reader.publication().publication.data) == "\"last\"")
                let counters = await scene.server.group.counters()
                #expect(counters.replyErrors == [111: 10 - UInt64(allowed)])
            }
        }

        @Test("a connection that goes on at ten times its limit is closed with 3013", arguments: Crossing.all)
        func hopeless(_ crossing: Crossing) async throws {
            try await play(
                crossing.setting,
                {
                    $0.openEverything()
                    $0.client.rateLimits.perConnection = 2
                }
            ) { scene in
                let client = try scene.client(over: crossing.transport)
                try client.send([.connect()] + (2...100).map { .history(id: $0, "log:a", limit: 0) })
                let (reason, heard) = try client.ending()
                #expect(reason == .tooManyRequests)
                // Ten times two, of which a stream's connect is one.
                #expect(heard.count <= (crossing.transport == .poll ? 21 : 20))
                #expect(heard.count >= 19)
            }
        }

        @Test(
            "all connections of a user share its limit; those without a user have none", arguments: StorySetting.pairs)
        func perUser(_ setting: StorySetting) async throws {
            try await play(setting, { $0.client.rateLimits.perUser = 1 }) { scene in
                let commands = (2...8).map { Command.history(id: $0, "log:a", limit: 0) }
                let anonymous = try scene.connected()
                try anonymous.send(commands)
                for command in commands {
                    guard case .history = try anonymous.reply(to: command.id) else { throw Wrong() }
                }
                // The one command that is allowed may have come back between two connections, but not between two commands.
                for _ in 0..<3 {
                    let client = try scene.connected(as: "ann")
                    try client.send(commands)
                    let replies = try commands.map { try client.reply(to: $0.id) }
                    #expect(replies.count { $0 == RateLimits.tooMany("user", ms: 1_000) } >= commands.count - 1)
                }
                let other = try scene.connected(as: "bob")
                guard case .history = try other.call({ .history(id: $0, "log:a", limit: 0) }) else { throw Wrong() }
            }
        }

        @Test("a connect counts against its address, and is refused before anything is known", arguments: Crossing.all)
        func connects(_ crossing: Crossing) async throws {
            try await play(
                crossing.setting,
                {
                    $0.openEverything()
                    $0.client.rateLimits.perAddress = 2
                }
            ) { scene in
                var isRefused = false
                while !isRefused {
                    let client = try scene.client(over: crossing.transport)
                    do {
                        try client.send(.connect())
                        let answer = try client.reply(to: 1)
                        isRefused = answer == RateLimits.tooMany("address", ms: 500)
                        guard case .connect = answer else {
                            #expect(isRefused)
                            continue
                        }
                    } catch TestClient.Failure.refused(status: 429) {
                        // A poll is refused as the request that it is.
                        #expect(crossing.transport == .poll)
                        isRefused = true
                    }
                }
                // A little later clients are admitted again.
                while isRefused {
                    let client = try scene.client(over: crossing.transport)
                    do {
                        try client.send(.connect())
                        if case .connect = try client.reply(to: 1) { isRefused = false }
                    } catch TestClient.Failure.refused(status: 429) {}
                    client.cut()
                }
            }
        }

        @Test(
            "requests of an address beyond its limit are answered 429 with Retry-After",
            arguments: ["/poll?channel=log:a&wait=0", "/events?channel=log:a", "/connection/poll?session="])
        func requests(_ path: String) async throws {
            try await play(
                StorySetting(shards: 2),
                {
                    $0.openEverything()
                    $0.client.rateLimits.perAddress = 1
                }
            ) { scene in
                let path = path.hasSuffix("=") ? path + SessionKeys.make() : path
                let expected = path.hasPrefix("/connection") ? 404 : 200
                var answer = try StreamLink(scene.http().link, path)
                while answer.status == expected {
                    answer.link.close()
                    answer = try StreamLink(scene.http().link, path)
                }
                #expect(answer.status == 429)
                #expect(answer.headers["retry-after"] == "1")
                #expect(
                    try answer.rest()
                        == #"{"error":{"code":429,"message":"too many requests: address, retry after 1000 ms"}}"#)
                while answer.status == 429 {
                    answer.link.close()
                    answer = try StreamLink(scene.http().link, path)
                }
                #expect(answer.status == expected)
            }
        }

        @Test(
            "polls of one user share its limit, whatever their address; those of another user go on",
            arguments: StorySetting.pairs)
        func polls(_ setting: StorySetting) async throws {
            try await play(
                setting,
                {
                    $0.openEverything()
                    $0.client.rateLimits.perUser = 1
                }
            ) { scene in
                func poll(_ user: UserID) throws -> StreamLink {
                    try StreamLink(scene.http().link, "/poll?channel=log:a&wait=0&token=\(user)")
                }
                var answer = try poll("ann")
                while answer.status == 200 {
                    answer.link.close()
                    answer = try poll("ann")
                }
                #expect(answer.status == 429)
                #expect(answer.headers["retry-after"] == "1")
                #expect(
                    try answer.rest()
                        == #"{"error":{"code":429,"message":"too many requests: user, retry after 1000 ms"}}"#)
                let other = try poll("bob")
                #expect(other.status == 200)
                for link in [answer.link, other.link] { link.close() }
            }
        }

        @Test("pongs and a plain event stream's own commands are free", arguments: StorySetting.pairs)
        func free(_ setting: StorySetting) async throws {
            try await play(
                setting,
                {
                    $0.openEverything()
                    $0.client.rateLimits.perConnection = 3
                    $0.client.pingInterval = 1
                    $0.client.pongTimeout = 0.9
                }
            ) { scene in
                let client = try scene.connected()
                let stream = try scene.events((1...20).map { "channel=log:\($0)" }.joined(separator: "&"))
                let first = try stream.event()
                #expect((1...20).allSatisfy { first.data.contains("\"log:\($0)\"") })
                try client.subscribe("log:1")
                while client.pings < 2 {
                    await scene.publish("log:1", "1")
                    _ = try client.publication()
                }
            }
        }
    }
}
