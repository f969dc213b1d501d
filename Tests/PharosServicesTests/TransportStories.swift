import PharosDomain
import PharosProtocol
import PharosServices
import PharosTestKit
import Testing

extension Stories {
    /// The same conversations over everything that carries the client protocol.
    @Suite("bidirectional transports")
    struct Transports {
        @Test("everything a client may ask is answered, and others hear of it", arguments: Crossing.all)
        func commands(_ crossing: Crossing) async throws {
            try await play(crossing.setting, { $0.openEverything() }) { scene in
                let watcher = try scene.connected(.json, to: "room:a")
                while case .join = try watcher.push().event { break }
                let client = try scene.client(over: crossing.transport)
                let result = try client.connect(token: "ann")
                #expect(result.session.isEmpty == (crossing.transport == .webSocket))
                try client.subscribe("room:a")
                guard case .join(let joined) = try watcher.push().event else { throw Wrong() }
                #expect(joined.user == "ann")
                let position = try client.subscribe("log:a")
                #expect(try client.call { .publish(id: $0, "log:a", "1") } == .publish)
                await scene.publish("log:a", "2")
                for expected in ["1", "2"] {
                    while true {
                        let push = try client.push()
                        guard push.channel == "log:a", case .publication(let publication, _) = push.event else {
                            continue
                        }
                        #expect(text(publication.data) == expected)
                        break
                    }
                }
                guard case .presence(let members) = try client.call({ .presence(id: $0, "room:a") }),
                    case .history(let publications, let top) = try client.call({ .history(id: $0, "log:a") })
                else { throw Wrong() }
                #expect(members.count == 2)
                #expect(publications.map(\.offset) == [1, 2])
                #expect(top == StreamPosition(offset: 2, epoch: position.epoch))
                #expect(try client.call { .publish(id: $0, "closed:a") } == .error(.permissionDenied))
                _ = try client.call { .unsubscribe(id: $0, "room:a") }
                guard case .leave(let left) = try watcher.push().event else { throw Wrong() }
                #expect(left.user == "ann")
            }
        }

        @Test(
            "a thousand publications arrive once and in order, while commands go the other way", arguments: Crossing.all
        )
        func order(_ crossing: Crossing) async throws {
            try await play(crossing.setting, { $0.openEverything() }) { scene in
                let client = try scene.client(over: crossing.transport)
                try client.connect()
                try client.subscribe("log:a")
                let publishing = Task { for number in 1...1_000 { await scene.publish("log:a", "\(number)") } }
                for number: UInt64 in 1...1_000 {
                    let (_, publication, _) = try client.publication()
                    #expect(publication.offset == number)
                    #expect(text(publication.data) == "\(number)")
                    if number % 100 == 0 { _ = try client.call { .history(id: $0, "log:a", limit: 1) } }
                }
                await publishing.value
                #expect(client.unheard == [])
            }
        }

        @Test("a client that is cut off by one transport recovers by the next", arguments: StorySetting.pairs)
        func switching(_ setting: StorySetting) async throws {
            let count: UInt64 = 1_200
            let change: (inout ServerSettings) -> Void = {
                $0.openEverything()
                $0.namespace("log") { $0.historySize = 5_000 }
                $0.client.recoveryMaxPublicationLimit = 5_000
            }
            try await play(setting, change) { scene in
                let start = try scene.connected().subscribe("log:live")
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        for number in 1...count { await scene.publish("log:live", "\(number)") }
                    }
                    for first in 0..<4 {
                        group.addTask {
                            var position = StreamPosition(offset: 0, epoch: start.epoch)
                            var turn = first
                            while position.offset < count {
                                turn += 1
                                let client = try scene.client(over: Transport.allCases[turn % 4])
                                try client.connect()
                                let result = try client.recover("log:live", from: position)
                                guard result.recovered else { throw Wrong() }
                                for publication in result.publications { try Transports.follow(&position, publication) }
                                let stop = min(position.offset + 40, count)
                                while position.offset < stop {
                                    try Transports.follow(&position, client.publication().publication)
                                }
                                client.cut()
                            }
                        }
                    }
                    try await group.waitForAll()
                }
            }
        }

        private static func follow(_ position: inout StreamPosition, _ publication: Publication) throws {
            guard publication.offset == position.offset + 1, text(publication.data) == "\(publication.offset)" else {
                throw Wrong()
            }
            position.offset += 1
        }

        @Test(
            "server-side subscriptions come with the connect reply, and refresh keeps the client",
            arguments: Crossing.all)
        func serverSide(_ crossing: Crossing) async throws {
            try await play(crossing.setting, { $0.openEverything() }) { scene in
                scene.server.verifier.setConnection("token") {
                    $0.user = "ann"
                    $0.channels = ["log:a"]
                    $0.expireAt = 4_000_000_000
                }
                let client = try scene.client(over: crossing.transport)
                let result = try client.connect(token: "token")
                #expect(result.subscriptions.keys.sorted() == ["log:a"])
                #expect(result.expires)
                await scene.publish("log:a", "1")
                #expect(try client.publication().publication.offset == 1)
                guard case .refresh = try client.call({ .refresh(id: $0, token: "token") }) else { throw Wrong() }
                await scene.server.call("unsubscribe", #"{"channel":"log:a","user":"ann"}"#)
                #expect(try client.push() == Push(channel: "log:a", event: .unsubscribe(.server)))
            }
        }

        @Test(
            "pings are answered; who does not answer is sent away with 3012",
            arguments: [Transport.webSocket, .httpStream, .eventStream])
        func pings(_ transport: Transport) async throws {
            let change: (inout ServerSettings) -> Void = {
                $0.openEverything(sessionTTL: 5)
                $0.client.pingInterval = 0.6
                $0.client.pongTimeout = 0.5
            }
            try await play(StorySetting(shards: 2), change) { scene in
                let client = try scene.client(over: transport)
                try client.connect()
                while client.pings < 3 {
                    // Each exchange lets pings in.
                    _ = try client.call { .history(id: $0, "log:a", limit: 0) }
                }
                client.answersPings = false
                #expect(try client.ending().reason == .noPong)
            }
        }

        @Test("the reason of an end arrives after all that was published before", arguments: Crossing.all)
        func lastWords(_ crossing: Crossing) async throws {
            try await play(crossing.setting, { $0.openEverything() }) { scene in
                let client = try scene.client(over: crossing.transport)
                try client.connect(token: "ann")
                try client.subscribe("log:a")
                for number in 1...10 { await scene.publish("log:a", "\(number)") }
                await scene.server.call("disconnect", #"{"user":"ann"}"#)
                let (reason, heard) = try client.ending()
                #expect(reason == .forceDisconnect)
                #expect(heard.count == 10)
                // A message that breaks the protocol.
                let wrong = try scene.client(over: crossing.transport)
                try wrong.connect()
                try wrong.send(rawMessage: Array("no command".utf8), isText: crossing.setting.wire == .json)
                #expect(try wrong.ending().reason == .badRequest)
            }
        }

        @Test(
            "at shutdown every client of every transport gets the reason, and the threads end",
            arguments: StorySetting.pairs)
        func shutdown(_ setting: StorySetting) async throws {
            try await play(setting, { $0.openEverything(sessionTTL: 60) }) { scene in
                var clients: [TestClient] = []
                for transport in Transport.allCases {
                    for _ in 0..<3 {
                        let client = try scene.client(over: transport, query: "?session=\(SessionKeys.make())")
                        try client.connect()
                        try client.subscribe("log:a")
                        clients.append(client)
                    }
                }
                // Last messages that no poll fetches any more.
                let forgotten = try scene.client(over: .poll)
                try forgotten.connect(token: "forgotten")
                await scene.server.call("disconnect", #"{"user":"forgotten"}"#)
                let streams = try (0..<3).map { _ in try scene.events("channel=log:a") }
                for stream in streams { _ = try stream.event() }
                let polls = try (0..<4).map { _ in
                    let http = try scene.http()
                    try http.link.send(HTTPLink.request("/poll?channel=log:a&wait=60", method: "GET"))
                    return http
                }
                let waiting = clients.map { client in
                    Task { () throws -> Disconnect in try client.ending().reason }
                }
                // The polls wait once the shards have all they need, which a round through them proves.
                await scene.settle()
                scene.server.group.beginShutdown(windowMs: 50)
                for (index, task) in waiting.enumerated() {
                    if Transport.allCases[index / 3] == .poll {
                        // A poll on its way may find the server gone; one that waits is answered.
                        if let reason = try? await task.value { #expect(reason == .shutdown) }
                    } else {
                        let reason = try await task.value
                        #expect(reason == .shutdown)
                    }
                }
                for stream in streams {
                    let last = try stream.event()
                    #expect(last == .init(data: "Client closed", id: last.id))
                    #expect(try stream.next() == nil)
                }
                for poll in polls {
                    #expect(try poll.response().status == 503)
                    #expect(try poll.isClosedByServer())
                }
                scene.cutAll()
                scene.server.group.join()
            }
        }

        @Test("a client that does not read its stream is closed, the others are not", arguments: StorySetting.pairs)
        func slowReader(_ setting: StorySetting) async throws {
            let change: (inout ServerSettings) -> Void = {
                $0.openEverything()
                $0.client.queueMaxSize = 100_000
                $0.edge.writeTimeout = 60
            }
            try await play(setting, change) { scene in
                let reader = try scene.connected(to: "news")
                for transport in [Transport.httpStream, .eventStream, .poll] {
                    let stalled = try scene.client(over: transport)
                    try stalled.connect()
                    try stalled.subscribe("news")
                    let stream = try scene.events("channel=news")
                    _ = try stream.event()
                }
                let data = "\"" + String(repeating: "x", count: 4_000) + "\""
                var published = 0
                while await scene.server.group.counters().slowClosed < 6 {
                    for _ in 0..<16 { await scene.publish("news", data) }
                    for _ in 0..<16 { #expect(try reader.publication().publication.data.count == data.utf8.count) }
                    published += 16
                    guard published < 20_000 else { throw Wrong() }
                }
            }
        }
    }
}
