import PharosDomain
import PharosProtocol
import PharosServices
import PharosTestKit
import Testing

extension Stories {
    /// Clients that come back with the key of their session.
    @Suite("sessions that outlive their connection")
    struct Sessions {
        private static func query(_ key: String) -> String { "?session=\(key)" }

        /// The offsets that a returned client got of a channel.
        ///
        /// First those recovered with the reply, then live ones.
        private static func offsets(_ result: SubscribeResult, _ client: TestClient, upTo top: UInt64) throws
            -> [UInt64]
        {
            var offsets = result.publications.map(\.offset)
            while (offsets.last ?? result.offset) < top { offsets.append(try client.publication().publication.offset) }
            return offsets
        }

        @Test("left on any transport, a client returns by any other with its subscriptions and positions")
        func returning() async throws {
            try await playTogether(StorySetting.pairs, { $0.openEverything(sessionTTL: 20) }) { scene in
                for left in Transport.allCases {
                    // A poll after a poll is the same session going on.
                    for back in Transport.allCases where left != .poll || back != .poll {
                        let key = SessionKeys.make()
                        let channel: ChannelName = "log:\(left.rawValue)-\(back.rawValue)"
                        let client = try scene.client(over: left, query: Sessions.query(key))
                        try client.connect(token: "ann")
                        try client.subscribe(channel)
                        try client.subscribe("news")
                        for number in 1...3 {
                            await scene.publish(channel, "\(number)")
                            _ = try client.publication()
                        }
                        // A poll's last answer is known to have arrived with the next one.
                        if left == .poll { _ = try client.call { .history(id: $0, channel, limit: 0) } }
                        client.cut()
                        for number in 4...6 { await scene.publish(channel, "\(number)") }
                        let again = try scene.client(over: back, query: Sessions.query(key))
                        let result = try again.connect(token: "ann")
                        #expect(result.subscriptions.keys.sorted() == [channel, "news"].sorted(), "\(left) to \(back)")
                        let subscription = try #require(result.subscriptions[channel])
                        #expect(subscription.recovered)
                        #expect(try Sessions.offsets(subscription, again, upTo: 6) == [4, 5, 6], "\(left) to \(back)")
                        await scene.publish(channel, "7")
                        #expect(try again.publication().publication.offset == 7)
                        await scene.server.call("disconnect", #"{"user":"ann"}"#)
                        #expect(try again.ending().reason == .forceDisconnect)
                    }
                }
            }
        }

        @Test("to a plain event stream and back", arguments: StorySetting.all)
        func events(_ setting: StorySetting) async throws {
            try await play(setting, { $0.openEverything(sessionTTL: 20) }) { scene in
                let key = SessionKeys.make()
                let client = try scene.client(query: Sessions.query(key))
                try client.connect(token: "ann")
                try client.subscribe("log:a")
                try client.subscribe("log:b")
                await scene.publish("log:a", "1")
                _ = try client.publication()
                client.cut()
                await scene.publish("log:b", "2")
                let stream = try scene.events("session=\(key)&token=ann")
                let first = try stream.event()
                #expect(first.data.contains("\"client_id\":\"\(key)\",\"client_ttl_millis\":20000"))
                #expect(first.data.hasSuffix(#""recovered":{"log:a":true,"log:b":true}}"#))
                let missed = try stream.event()
                #expect(missed.name == "log:b")
                #expect(missed.data == "2")
                stream.stream.link.close()
                await scene.publish("log:a", "3")
                let again = try scene.client(query: Sessions.query(key))
                let result = try again.connect(token: "ann")
                #expect(try Sessions.offsets(#require(result.subscriptions["log:a"]), again, upTo: 2) == [2])
                #expect(result.subscriptions["log:b"]?.publications == [])
                #expect(result.subscriptions["log:b"]?.recovered == true)
            }
        }

        @Test("while the old connection still stands, the new one takes all it had", arguments: StorySetting.all)
        func takingOver(_ setting: StorySetting) async throws {
            try await play(setting, { $0.openEverything(sessionTTL: 20) }) { scene in
                let key = SessionKeys.make()
                var client = try scene.client(query: Sessions.query(key))
                try client.connect(token: "ann")
                try client.subscribe("log:a")
                var next: UInt64 = 1
                for transport in [Transport.httpStream, .eventStream, .webSocket, .webSocket] {
                    await scene.publish("log:a", "\(next)")
                    #expect(try client.publication().publication.offset == next)
                    next += 1
                    let newer = try scene.client(over: transport, query: Sessions.query(key))
                    let result = try newer.connect(token: "ann")
                    #expect(try client.ending().reason == .forceDisconnect)
                    let subscription = try #require(result.subscriptions["log:a"])
                    #expect(subscription.recovered)
                    #expect(subscription.publications == [])
                    client = newer
                }
                await scene.publish("log:a", "\"last\"")
                #expect(text(try client.publication().publication.data) == "\"last\"")
            }
        }

        @Test(
            "connections in quick succession under steady publishing lose neither subscription nor publication",
            arguments: StorySetting.all)
        func quickReturns(_ setting: StorySetting) async throws {
            let rounds = 40
            try await play(
                setting,
                {
                    $0.openEverything(sessionTTL: 20)
                    $0.client.recoveryMaxPublicationLimit = 5_000
                    $0.namespace("log") { $0.historySize = 20_000 }
                }
            ) { scene in
                let key = SessionKeys.make()
                let first = try scene.client(query: Sessions.query(key))
                try first.connect(token: "ann")
                var position = StreamPosition(offset: 0, epoch: try first.subscribe("log:a").epoch)
                let publishing = Task {
                    while !Task.isCancelled { await scene.publish("log:a", "0") }
                }
                defer { publishing.cancel() }
                var current = first
                for round in 0..<rounds {
                    // Two come at once: the first of them has hardly begun when the second replaces it. On two shards
                    // either may be the second.
                    var both = [
                        try scene.client(query: Sessions.query(key)),
                        try scene.client(over: Transport.allCases[round % 3], query: Sessions.query(key)),
                    ]
                    let known = position
                    for each in both {
                        try each.send(
                            .connect(token: "ann") {
                                var subscription = SubscribeRequest(channel: "log:a")
                                subscription.recover = true
                                subscription.offset = known.offset
                                subscription.epoch = known.epoch
                                $0.subscriptions["log:a"] = subscription
                            })
                    }
                    let (reason, last) = try current.ending()
                    guard reason == .forceDisconnect else { throw Wrong() }
                    try Sessions.follow(&position, last)
                    // The one that stands hears what is published now; the other is ended sooner or later.
                    var heard: [[ServerMessage]] = [[], []]
                    var passed: Int?
                    while passed == nil {
                        let mark = try await Sessions.mark(scene)
                        for (index, client) in both.enumerated() {
                            let (messages, ending) = try client.hear { Sessions.offset(of: $0) >= mark }
                            heard[index] += messages
                            guard let ending else { continue }
                            guard ending == .forceDisconnect, passed == nil else { throw Wrong() }
                            passed = index
                        }
                    }
                    both.swapAt(0, passed!)
                    heard.swapAt(0, passed!)
                    for messages in heard { try Sessions.follow(&position, messages) }
                    let subscription = try #require(Sessions.result(in: heard[1])?.subscriptions["log:a"])
                    #expect(subscription.recovered)
                    current = both[1]
                }
                publishing.cancel()
                await publishing.value
                let mark = try await Sessions.mark(scene)
                while position.offset < mark { try Sessions.follow(&position, current.publication().publication) }
            }
        }

        /// Publishes, and says where.
        private static func mark(_ scene: StoryServer) async throws -> UInt64 {
            let answer = await scene.server.call("publish", #"{"channel":"log:a","data":1}"#)
            guard let number = answer.split(separator: "\"offset\":").dropFirst().first?.prefix(while: \.isNumber),
                let offset = UInt64(number)
            else { throw Wrong() }
            return offset
        }

        /// Up to where a message brings its client; 0: it brings no publication.
        private static func offset(of message: ServerMessage) -> UInt64 {
            if case .push(let push) = message, case .publication(let publication, _) = push.event {
                return publication.offset
            }
            return result(in: [message])?.subscriptions["log:a"]?.publications.last?.offset ?? 0
        }

        private static func result(in messages: [ServerMessage]) -> ConnectResult? {
            for case .reply(let reply) in messages {
                if case .connect(let result) = reply.result { return result }
            }
            return nil
        }

        /// Everything that a connection has said is the next in its order, or known.
        private static func follow(_ position: inout StreamPosition, _ messages: [ServerMessage]) throws {
            for publication in result(in: messages)?.subscriptions["log:a"]?.publications ?? [] {
                try follow(&position, publication)
            }
            for case .push(let push) in messages {
                guard case .publication(let publication, _) = push.event else { continue }
                try follow(&position, publication)
            }
        }

        private static func follow(_ position: inout StreamPosition, _ publication: Publication) throws {
            guard publication.offset > position.offset else { return }
            guard publication.offset == position.offset + 1 else { throw Wrong() }
            position.offset += 1
        }

        @Test("a client that has the key and not the user gets nothing of it", arguments: StorySetting.pairs)
        func stranger(_ setting: StorySetting) async throws {
            try await play(setting, { $0.openEverything(sessionTTL: 20) }) { scene in
                let key = SessionKeys.make()
                let client = try scene.client(query: Sessions.query(key))
                try client.connect(token: "ann")
                try client.subscribe("log:secret")
                client.cut()
                await scene.publish("log:secret", "1")
                let stranger = try scene.client(query: Sessions.query(key))
                try stranger.send(.connect(token: "bob"))
                #expect(try stranger.reply(to: 1) == .error(.permissionDenied))
                stranger.cut()
                #expect(try scene.ask("/events?session=\(key)&token=bob").status == 403)
            }
        }

        @Test(
            "who is sent away while it is away finds nothing again, and is not back in a channel it was taken out of",
            arguments: StorySetting.pairs)
        func sentAwayMeanwhile(_ setting: StorySetting) async throws {
            try await play(setting, { $0.openEverything(sessionTTL: 20) }) { scene in
                let key = SessionKeys.make()
                let calls: [(String, String, [ChannelName])] = [
                    ("disconnect", #"{"user":"bob"}"#, ["log:a", "news"]),
                    (
                        "disconnect", #"{"user":"ann","disconnect":{"code":4000,"reason":"come back"}}"#,
                        ["log:a", "news"]
                    ),
                    ("disconnect", #"{"user":"ann"}"#, []), ("disconnect", #"{"channel":"news"}"#, []),
                    ("disconnect", #"{"session":"\#(key)"}"#, []),
                    ("unsubscribe", #"{"user":"ann","channel":"news"}"#, ["log:a"]),
                    ("unsubscribe", #"{"user":"bob","channel":"news"}"#, ["log:a", "news"]),
                ]
                for (method, body, expected) in calls {
                    let client = try scene.client(query: Sessions.query(key))
                    try client.connect(token: "ann")
                    for channel: ChannelName in ["log:a", "news"] { try client.subscribe(channel) }
                    client.cut()
                    try await until { await scene.server.group.counters().currentClients == 0 }
                    #expect(await scene.server.call(method, body) == #"{"result":{}}"#)
                    let again = try scene.client(query: Sessions.query(key))
                    let result = try again.connect(token: "ann")
                    #expect(result.subscriptions.keys.sorted() == expected, "\(method) \(body)")
                    await scene.server.call("disconnect", #"{"user":"ann"}"#)
                    #expect(try again.ending().reason == .forceDisconnect)
                }
            }
        }

        @Test("after its time a session is forgotten, also one that never connected")
        func reaped() async throws {
            try await playTogether(StorySetting.pairs, { $0.openEverything(sessionTTL: 1) }) { scene in
                let key = SessionKeys.make()
                let client = try scene.client(query: Sessions.query(key))
                try client.connect(token: "ann")
                try client.subscribe("log:a")
                client.cut()
                try await until { await scene.server.group.counters().currentClients == 0 }
                // Another session's end is the clock here: it takes longer than the first one's time.
                _ = try scene.ask(
                    "/connection/poll?session=\(SessionKeys.make())", method: "POST", body: #"{"id":1,"connect":{}}"#)
                try await until { await scene.server.group.counters().currentClients == 0 }
                let again = try scene.client(query: Sessions.query(key))
                #expect(try again.connect(token: "bob").subscriptions.isEmpty)
                again.cut()
            }
        }

        @Test("what the client says of its position wins over what is remembered", arguments: StorySetting.pairs)
        func ownPosition(_ setting: StorySetting) async throws {
            try await play(setting, { $0.openEverything(sessionTTL: 20) }) { scene in
                let key = SessionKeys.make()
                let client = try scene.client(query: Sessions.query(key))
                try client.connect(token: "ann")
                let start = try client.subscribe("log:a")
                for number in 1...4 { await scene.publish("log:a", "\(number)") }
                for _ in 1...4 { _ = try client.publication() }
                client.cut()
                let again = try scene.client(query: Sessions.query(key))
                let result = try again.connect(token: "ann") {
                    var subscription = SubscribeRequest(channel: "log:a")
                    subscription.recover = true
                    subscription.offset = 1
                    subscription.epoch = start.epoch
                    $0.subscriptions["log:a"] = subscription
                }
                #expect(result.subscriptions["log:a"]?.publications.map(\.offset) == [2, 3, 4])
            }
        }
    }
}
