import PharosBytes
import PharosDomain
import PharosProtocol
import PharosServices
import PharosTestKit
import Testing

extension Stories {
    @Suite("ends: cut connections, slow readers, shutdown")
    struct Ends {
        /// How far a client has come when its connection is cut.
        enum Step: String, CaseIterable, Sendable {
            case halfAHandshake, upgraded, halfAFrame, connectSent, connectAndSubscribesSent, waitingForKeys
            case waitingForSubscriptionKeys, connected, subscribeSent, subscribed, unsubscribeSent, publishSent
            case serverSideSubscribed, closeFrameSent, everythingAtOnce
        }

        @Test("cut at every step, nothing is left", arguments: Step.allCases, StorySetting.pairs)
        func cut(_ step: Step, _ setting: StorySetting) async throws {
            // `play` checks at the end that nothing is left.
            try await play(setting) { scene in
                for _ in 0..<20 { try await reach(step, scene) }
                if step == .waitingForKeys || step == .waitingForSubscriptionKeys {
                    await scene.server.verifier.loadsReached(20)
                    scene.cutAll()
                    scene.server.verifier.releaseKeys()
                }
                scene.cutAll()
                _ = await scene.server.emptied()
                #expect(
                    await scene.server.call("presence_stats", #"{"channel":"room:a"}"#).contains(#""num_clients":0"#))
                #expect(await scene.server.call("channels", "{}") == #"{"result":{"channels":{}}}"#)
            }
        }

        private func reach(_ step: Step, _ scene: StoryServer) async throws {
            let channels: [ChannelName] = ["room:a", "log:a", "news", "room:b", "log:b"]
            var id: UInt32 = 1
            let subscribes = channels.map { channel in
                id += 1
                return Command.subscribe(id: id, channel)
            }
            switch step {
            case .halfAHandshake:
                try scene.http().link.send(Array("GET /connection/websocket HTTP/1.1\r\nUpg".utf8))
            case .upgraded: _ = try scene.client()
            case .halfAFrame:
                let client = try scene.client()
                try client.send(bytes: Array(client.frame(of: [.connect()]).dropLast(5)))
            case .connectSent: try scene.client().send(.connect(token: "ann"))
            case .connectAndSubscribesSent: try scene.client().send([.connect(token: "ann")] + subscribes)
            case .waitingForKeys: try scene.client().send([.connect(token: "late-ann")] + subscribes)
            case .waitingForSubscriptionKeys:
                try scene.connected(as: "ann").send([.subscribe(id: 99, "$a", token: "late-sub")] + subscribes)
            case .connected: _ = try scene.connected(as: "ann")
            case .subscribeSent: try scene.connected(as: "ann").send(subscribes)
            case .subscribed: _ = try scene.connected(as: "ann", to: "room:a", "log:a", "news")
            case .unsubscribeSent:
                try scene.connected(as: "ann", to: "room:a", "log:a").send(
                    .unsubscribe(id: 8, "room:a"), .unsubscribe(id: 9, "log:a"))
            case .publishSent: try scene.connected(as: "ann", to: "log:a").send(.publish(id: 8, "log:a", "1"))
            case .serverSideSubscribed:
                scene.server.verifier.setConnection("token") {
                    $0.user = "ann"
                    $0.channels = channels
                }
                try scene.client().send(.connect(token: "token"))
            case .closeFrameSent:
                let client = try scene.connected(as: "ann", to: "room:a")
                try client.send(bytes: FrameStream.frame(opcode: 8, [3, 232]))
            case .everythingAtOnce:
                let client = try scene.connected(as: "ann", to: "room:b")
                try client.send(
                    subscribes + [.publish(id: 50, "log:a", "1"), .unsubscribe(id: 51, "log:a"), .connect(id: 52)])
                await scene.server.call("disconnect", #"{"user":"ann"}"#)
            }
            scene.cutAll()
        }

        @Test("500 aborted handshakes leave nothing", arguments: StorySetting.shardCounts)
        func abortedHandshakes(_ setting: StorySetting) async throws {
            try await play(setting) { scene in
                for number in 0..<500 {
                    let link = try scene.server.link(.socket)
                    if number % 2 == 0 { try link.send(Array("GET /connection/websocket HTTP/1.1\r\n".utf8)) }
                    link.close()
                }
                #expect(await scene.server.emptied().currentConnections == 0)
                try scene.connected().subscribe("news")
            }
        }

        @Test(
            "clients that come, subscribe, publish, leave and vanish at random leave nothing",
            arguments: StorySetting.pairs)
        func random(_ setting: StorySetting) async throws {
            try await play(setting) { scene in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<6 {
                        group.addTask {
                            for _ in 0..<15 {
                                let client = try scene.connected(as: "user \(Int.random(in: 0..<4))")
                                for id: UInt32 in 2..<UInt32.random(in: 3...40) {
                                    let kind = ["room:", "log:", "cache:", "plain"].randomElement()!
                                    let channel: ChannelName = "\(kind)\(Int.random(in: 0..<5))"
                                    try client.send(
                                        [
                                            .subscribe(id: id, channel), .unsubscribe(id: id, channel),
                                            .publish(id: id, channel, "\(id)"), .presence(id: id, channel),
                                            .history(id: id, channel),
                                            .recover(id: id, channel, from: StreamPosition(offset: 1, epoch: "")),
                                        ].randomElement()!)
                                }
                                if Bool.random() { client.cut() } else { try client.close() }
                            }
                        }
                    }
                    group.addTask {
                        for number in 0..<200 {
                            let user = "user \(Int.random(in: 0..<4))"
                            switch number % 4 {
                            case 0: await scene.server.call("disconnect", #"{"user":"\#(user)"}"#)
                            case 1: await scene.server.call("subscribe", #"{"user":"\#(user)","channel":"room:1"}"#)
                            case 2: await scene.server.call("unsubscribe", #"{"user":"\#(user)","channel":"log:1"}"#)
                            default: await scene.server.call("publish", #"{"channel":"log:1","data":1}"#)
                            }
                        }
                    }
                    // Clients that the server ends meanwhile are part of the story.
                    while true {
                        do { guard try await group.next() != nil else { break } } catch is TestClient.Failure {
                        } catch is LinkError {}
                    }
                }
            }
        }

        // FT-7, GE-10, GE-15
        @Test(
            "a client that does not read is closed with 3008; the others receive everything",
            arguments: StorySetting.pairs)
        func slowReader(_ setting: StorySetting) async throws {
            let change: (inout ServerSettings) -> Void = {
                $0.client.queueMaxSize = 100_000
                $0.edge.writeTimeout = 60
            }
            try await play(setting, change) { scene in
                let readers = try (0..<5).map { _ in try scene.connected(to: "news") }
                let stalled = try scene.connected(to: "news")
                let data = "\"" + String(repeating: "x", count: 4_000) + "\""
                var published = 0
                while await scene.server.group.counters().slowClosed == 0 {
                    for _ in 0..<16 { await scene.publish("news", data) }
                    for reader in readers {
                        for _ in 0..<16 { #expect(try reader.publication().publication.data.count == data.utf8.count) }
                    }
                    published += 16
                    guard published < 20_000 else { throw Wrong() }
                }
                let (reason, heard) = try stalled.ending()
                #expect(reason == .slow)
                #expect(heard.count < published)
                for message in heard {
                    guard case .push(let push) = message, case .publication = push.event else { throw Wrong() }
                }
                for reader in readers { #expect(reader.unheard == []) }
                #expect(await scene.server.group.counters().disconnects == [3_008: 1])
            }
        }

        // GE-10
        @Test("a socket that takes nothing for the write timeout is closed")
        func stuckReader() async throws {
            let change: (inout ServerSettings) -> Void = {
                $0.client.queueMaxSize = 256 << 20
                $0.edge.writeTimeout = 0.2
            }
            try await play(StorySetting(), change) { scene in
                _ = try scene.connected(to: "news")
                let data = "\"" + String(repeating: "x", count: 60_000) + "\""
                for _ in 0..<400 { await scene.publish("news", data) }
                while await scene.server.group.counters().disconnects != [3_009: 1] { await Task.yield() }
                _ = await scene.server.emptied()
            }
        }

        @Test(
            "at shutdown every client gets 3001, idle HTTP connections are closed, and the threads end",
            arguments: StorySetting.all)
        func shutdown(_ setting: StorySetting) async throws {
            try await play(setting) { scene in
                let clients = try (0..<20).map { _ in try scene.connected(to: "room:a", "log:a") }
                let unfinished = try scene.client()
                let idle = try scene.http()
                try idle.link.send(
                    HTTPLink.request("/api/info", headers: [("X-API-Key", TestServer.apiKey)], body: "{}"))
                #expect(try idle.response().status == 200)
                scene.server.group.beginShutdown(windowMs: 100)
                for client in clients + [unfinished] { #expect(try client.ending().reason == .shutdown) }
                #expect(try idle.isClosedByServer())
                #expect(!scene.server.group.isReady)
                scene.cutAll()
                scene.server.group.join()
                #expect(await scene.server.group.counters().currentConnections == 0)
                let answer = await scene.server.group.callAPI(method: "info", query: "", headers: [:], body: [])
                #expect(answer.status == 503)
            }
        }

        @Test("while a node shuts down new clients are refused")
        func refusedWhileShuttingDown() async throws {
            try await play(StorySetting(shards: 2)) { scene in
                let staying = try scene.connected()
                scene.server.group.beginShutdown(windowMs: 1_000_000)
                #expect(throws: (any Error).self) { try scene.client() }
                try staying.close()
            }
        }

        @Test("calls that meet a shutdown all get an answer")
        func callsAtShutdown() async throws {
            for _ in 0..<20 {
                try await play(StorySetting(shards: 2)) { scene in
                    await withTaskGroup(of: Void.self) { group in
                        for _ in 0..<8 {
                            group.addTask {
                                var isUp = true
                                while isUp {
                                    let answer = await scene.server.call(
                                        "broadcast", #"{"channels":["a","b","c","d"],"data":1}"#)
                                    isUp = answer.hasPrefix("{\"result\"")
                                }
                            }
                            group.addTask {
                                while scene.server.group.isReady { _ = await scene.server.group.counters() }
                            }
                        }
                        group.addTask {
                            for _ in 0..<20 { await scene.publish("news", "1") }
                            scene.server.group.beginShutdown(windowMs: 0)
                        }
                    }
                }
            }
        }

        @Test("a second instance on the same port is refused with a clear message", arguments: [1, 2])
        func secondInstance(_ shards: Int) async throws {
            try await play(StorySetting(shards: shards)) { scene in
                var settings = ServerSettings.stories(shards: shards)
                settings.edge.port = scene.server.group.port
                let expected = ShardGroup.StartError.portInUse(
                    address: "127.0.0.1", port: settings.edge.port, setting: "http_server.port")
                #expect(throws: expected) { try TestServer(settings) }
                #expect("\(expected)".contains("127.0.0.1:\(settings.edge.port) is in use"))
                // The first one goes on.
                try scene.connected().subscribe("news")
            }
        }

        @Test("the port is free again afterwards, and descriptors are not used up")
        func again() async throws {
            for _ in 0..<30 {
                try await play(StorySetting(shards: 2)) { scene in _ = try scene.connected(to: "news") }
            }
        }
    }
}
