import PharosDomain
import PharosProtocol
import PharosServices
import PharosTestKit
import Testing

extension Stories {
    /// Ends by the server, and what is left behind: nothing.
    @Suite("kicks and counts")
    struct Kicks {
        @Test(
            "FT-2: a client that is kicked from a channel gets a push and nothing more, all others go on",
            arguments: StorySetting.all)
        func unsubscribe(_ setting: StorySetting) async throws {
            try await play(setting) { scene in
                let channels: [ChannelName] = ["news", "log:a", "room:a"]
                let kicked = try scene.connected(as: "ann")
                let spared = try scene.connected(as: "ann")
                let other = try scene.connected(as: "bob")
                for client in [kicked, spared, other] {
                    for channel in channels { try client.subscribe(channel) }
                }
                func publications(_ client: TestClient, _ count: Int) throws -> [String] {
                    var found: [String] = []
                    while found.count < count {
                        let push = try client.push()
                        if case .publication(let publication, _) = push.event {
                            found.append("\(push.channel) \(text(publication.data))")
                        }
                    }
                    return found.sorted()
                }
                await scene.publish("news", "1")
                await scene.server.call("unsubscribe", #"{"channel":"news","client":"\#(kicked.id)"}"#)
                for channel in channels { await scene.publish(channel, "2") }
                var heard: [Push] = []
                while heard.last?.event != .unsubscribe(.server) { heard.append(try kicked.push()) }
                #expect(heard.last?.channel == "news")
                #expect(heard.contains { $0.channel == "news" && $0.event.payload == "1" })
                #expect(try publications(kicked, 2) == ["log:a 2", "room:a 2"])
                for client in [spared, other] {
                    #expect(try publications(client, 4) == ["log:a 2", "news 1", "news 2", "room:a 2"])
                }
                // Everybody leaves but one.
                await scene.server.call("unsubscribe", #"{"channel":"log:a","all":true,"exclude":["\#(other.id)"]}"#)
                for client in [kicked, spared] {
                    #expect(try client.push() == Push(channel: "log:a", event: .unsubscribe(.server)))
                }
                for channel in channels { await scene.publish(channel, "3") }
                #expect(try publications(kicked, 1) == ["room:a 3"])
                #expect(try publications(spared, 2) == ["news 3", "room:a 3"])
                #expect(try publications(other, 3) == ["log:a 3", "news 3", "room:a 3"])
            }
        }

        @Test("FT-2: a kicked connection gets the reason, all others go on", arguments: Crossing.all)
        func disconnect(_ crossing: Crossing) async throws {
            try await play(crossing.setting, { $0.openEverything() }) { scene in
                func client(_ user: UserID, _ channels: ChannelName...) throws -> TestClient {
                    let client = try scene.client(over: crossing.transport)
                    try client.connect(token: user.text)
                    for channel in channels { try client.subscribe(channel) }
                    return client
                }
                let kicked = try client("ann", "news", "log:a")
                let inChannel = try client("bob", "log:a")
                let others = [try client("ann", "news"), try client("cid", "news", "other")]
                await scene.server.call("disconnect", #"{"client":"\#(kicked.id)"}"#)
                for channel: ChannelName in ["news", "log:a", "other"] { await scene.publish(channel, "1") }
                let ending = try kicked.ending()
                #expect(ending.reason == .forceDisconnect)
                #expect(ending.heard == [])
                await scene.server.call(
                    "disconnect", #"{"channel":"log:a","disconnect":{"code":4001,"reason":"closed"}}"#)
                let (reason, heard) = try inChannel.ending()
                #expect(reason == Disconnect(code: 4_001, reason: "closed"))
                #expect(heard.count == 1)
                #expect(try others[0].publication().channel == "news")
                #expect(Set(try (0..<2).map { _ in try others[1].publication().channel }) == ["news", "other"])
                await scene.server.call("disconnect", #"{"all":true,"exclude":["\#(others[1].id)"]}"#)
                #expect(try others[0].ending().reason == .forceDisconnect)
                await scene.publish("other", "2")
                #expect(text(try others[1].publication().publication.data) == "2")
                #expect(await scene.server.call("disconnect", #"{"channel":"no:where"}"#).contains("102"))
            }
        }

        @Test("a subscribe that is not answered yet is ended with its channel", arguments: StorySetting.pairs)
        func pending(_ setting: StorySetting) async throws {
            let store = ScriptedStreams()
            try await play(setting, durable: store) { scene in
                let client = try scene.connected()
                store.hold()
                try client.send(.subscribe(id: 9, "log:a"))
                try await until { store.asked > 0 }
                await scene.server.call("unsubscribe", #"{"channel":"log:a","all":true}"#)
                #expect(try client.reply(to: 9) == .error(.permissionDenied))
                store.goOn()
                await scene.publish("log:a", "1")
                #expect(try client.call { .unsubscribe(id: $0, "never") } == .unsubscribe)
                #expect(client.unheard == [])
            }
        }

        @Test("FT-8: after 1,000 connects and ends every count is 0 everywhere", arguments: StorySetting.pairs)
        func counts(_ setting: StorySetting) async throws {
            try await play(setting, { $0.openEverything() }) { scene in
                let server = scene.server
                for round in 0..<20 {
                    let clients = try (0..<50).map { number in
                        let transport = number % 10 == 0 ? Transport.allCases[number / 10 % 4] : .webSocket
                        let client = try scene.client(over: transport)
                        try client.connect(token: "user \(number % 7)")
                        try client.subscribe("room:a")
                        return client
                    }
                    if round == 0 {
                        let stats = await server.call("presence_stats", #"{"channel":"room:a"}"#)
                        #expect(stats == #"{"result":{"num_clients":50,"num_users":7}}"#)
                        #expect(await server.group.counters().currentClients == 50)
                        #expect(await server.call("info", "{}").contains(#""num_clients":50,"num_users":7,"#))
                        #expect(await server.group.counters().currentUsers == 7)
                        #expect(await server.group.counters().commands == ["connect": 50, "subscribe": 50])
                    }
                    // By themselves, without a word, by their user and all together.
                    for (number, client) in clients.enumerated() {
                        switch number % 4 {
                        case 0: try client.call { .unsubscribe(id: $0, "room:a") } == .unsubscribe ? client.cut() : ()
                        case 1: client.cut()
                        default: break
                        }
                    }
                    if round % 2 == 0 { await server.call("disconnect", #"{"user":"user 3"}"#) }
                    await server.call("disconnect", #"{"all":true}"#)
                    for client in clients { client.cut() }
                }
                let left = await server.emptied()
                #expect(left.currentConnections == 0)
                #expect(left.currentClients == 0)
                #expect(left.currentUsers == 0)
                #expect(left.currentSubscriptions == 0)
                #expect(left.currentChannels == 0)
                #expect(
                    await server.call("presence_stats", #"{"channel":"room:a"}"#)
                        == #"{"result":{"num_clients":0,"num_users":0}}"#)
                #expect(await server.call("presence", #"{"channel":"room:a"}"#) == #"{"result":{"presence":{}}}"#)
                #expect(await server.call("channels", "{}") == #"{"result":{"channels":{}}}"#)
                #expect(await server.call("connections", "{}") == #"{"result":{"connections":[]}}"#)
                #expect(
                    await server.call("info", "{}")
                        .contains(#""num_clients":0,"num_users":0,"num_subs":0,"num_channels":0,"#))
            }
        }

        @Test("FT-8: a message asks the store once, however many receive it", arguments: StorySetting.shardCounts)
        func storeCalls(_ setting: StorySetting) async throws {
            let store = ScriptedStreams()
            try await play(setting, durable: store) { scene in
                let clients = try (0..<20).map { _ in try scene.connected(to: "log:a", "room:a") }
                await scene.publish("log:a", "0")
                let asked = store.asked
                for number in 1...10 { await scene.publish("log:a", "\(number)") }
                for number in 1...10 { await scene.publish("room:a", "\(number)") }
                for client in clients {
                    var publications = 0
                    while publications < 21 {
                        if case .publication = try client.push().event { publications += 1 }
                    }
                }
                #expect(store.asked == asked + 10)
            }
        }
    }
}

extension Push.Event {
    /// The data of a publication.
    fileprivate var payload: String? {
        guard case .publication(let publication, _) = self else { return nil }
        return text(publication.data)
    }
}
