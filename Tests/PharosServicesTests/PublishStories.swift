import PharosBytes
import PharosDomain
import PharosProtocol
import PharosServices
import PharosTestKit
import Testing

extension Stories {
    @Suite("publishing")
    struct Publishing {
        // FT-5
        @Test("every delivery names its channel and reaches its subscribers only", arguments: StorySetting.all)
        func channels(_ setting: StorySetting) async throws {
            try await play(setting) { scene in
                let both = try scene.connected(to: "news", "sport")
                let one = try scene.connected(to: "sport")
                await scene.publish("news", "1")
                await scene.publish("sport", "2")
                let heard = try [both.publication(), both.publication()].map { $0.channel }
                #expect(Set(heard) == ["news", "sport"])
                let (channel, publication, _) = try one.publication()
                #expect(channel == "sport")
                #expect(publication == Publication(data: [UInt8(ascii: "2")]))
            }
        }

        @Test("a client's publication says who sent it; the sender hears it too", arguments: StorySetting.all)
        func info(_ setting: StorySetting) async throws {
            try await play(setting) { scene in
                scene.server.verifier.setConnection("token") {
                    $0.user = "ann"
                    $0.info = Array("{\"name\":\"Ann\"}".utf8)
                }
                let ann = try scene.client()
                try ann.connect(token: "token")
                try ann.subscribe("news")
                #expect(try ann.call { .publish(id: $0, "news", "1") } == .publish)
                let info = ClientInfo(user: "ann", client: ann.id, connectionInfo: Array("{\"name\":\"Ann\"}".utf8))
                #expect(try ann.publication().publication == Publication(data: [UInt8(ascii: "1")], info: info))
            }
        }

        @Test("json and protobuf clients hear the same", arguments: StorySetting.shardCounts)
        func bothWires(_ setting: StorySetting) async throws {
            try await play(setting) { scene in
                let clients = try [
                    scene.connected(.json, to: "log:a"), scene.connected(.protobuf, to: "log:a"),
                    scene.connected(.json, to: "log:a"), scene.connected(.protobuf, to: "log:a"),
                ]
                for number in 1...50 {
                    await scene.server.call(
                        "publish", #"{"channel":"log:a","data":\#(number),"tags":{"lang":"de"}}"#)
                }
                for number: UInt64 in 1...50 {
                    for client in clients {
                        let publication = try client.publication().publication
                        #expect(publication.offset == number)
                        #expect(text(publication.data) == "\(number)")
                        #expect(publication.tags == ["lang": "de"])
                    }
                }
            }
        }

        // FT-6
        @Test(
            "subscribe followed at once by publish on one connection delivers the own message, 10,000 times of 10,000",
            arguments: StorySetting.pairs)
        func ownMessage(_ setting: StorySetting) async throws {
            let change: (inout ServerSettings) -> Void = {
                // Only subscribers may publish: the publish must find the subscription made.
                $0.channel.withoutNamespace.publish = ChannelOptions.Allowance()
                $0.channel.withoutNamespace.publish.forSubscriber = true
                $0.channel.withoutNamespace.publish.forAnonymous = true
            }
            try await play(setting, change) { scene in
                let client = try scene.connected()
                for round in 0..<100 {
                    let names: [ChannelName] = (0..<100).map { "channel \(round) \($0)" }
                    var commands: [Command] = []
                    for (index, name) in names.enumerated() {
                        commands.append(.subscribe(id: UInt32(2 * index + 2), name))
                        commands.append(.publish(id: UInt32(2 * index + 3), name, "\(index)"))
                    }
                    try client.send(commands)
                    var subscribed = 0
                    var published = 0
                    var heard: Set<ChannelName> = []
                    while subscribed + published + heard.count < 300 {
                        switch try client.next() {
                        case .reply(let reply) where reply.result == .publish: published += 1
                        case .reply(let reply) where reply.result == .subscribe(SubscribeResult()): subscribed += 1
                        case .push(let push): heard.insert(push.channel)
                        default: throw Wrong()
                        }
                    }
                    #expect(heard == Set(names))
                    try client.send(names.enumerated().map { .unsubscribe(id: UInt32($0.offset + 2), $0.element) })
                    for id: UInt32 in 2..<102 { #expect(try client.reply(to: id) == .unsubscribe) }
                }
            }
        }

        // FT-3
        @Test(
            "100,000 messages of one sender on one topic reach each of 3 subscribers once, in order and unchanged",
            arguments: [StorySetting(shards: 1), StorySetting(shards: 2)])
        func hundredThousand(_ setting: StorySetting) async throws {
            let count = 100_000
            // Under a sanitizer on two cores a reader may rest for seconds; that is not what this story is about.
            let patience: (inout ServerSettings) -> Void = {
                $0.client.queueMaxSize = 64 << 20
                $0.edge.writeTimeout = 120
                $0.client.pingInterval = 0
            }
            try await play(setting, patience) { scene in
                let sender = try scene.connected()
                let senderInfo = ClientInfo(user: "", client: sender.id)
                let subscribers = try (0..<3).map { _ in try scene.connected(to: "one topic") }
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for subscriber in subscribers {
                        group.addTask {
                            var writer = ByteWriter()
                            for number in 0..<count {
                                let expected = Publication(data: Array("{\"n\":\(number)}".utf8), info: senderInfo)
                                JSONReplyEncoder.encodePublication(
                                    channel: "one topic", expected, epoch: "", into: &writer)
                                guard try subscriber.nextFrame() == .text(writer.array) else { throw Wrong() }
                                writer.removeAll()
                            }
                        }
                    }
                    group.addTask {
                        for start in stride(from: 0, to: count, by: 500) {
                            try sender.send(
                                (start..<start + 500).map { .publish(id: UInt32($0 + 2), "one topic", "{\"n\":\($0)}") }
                            )
                            for number in start..<start + 500 {
                                guard try sender.reply(to: UInt32(number + 2)) == .publish else { throw Wrong() }
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                // And nothing more.
                for subscriber in subscribers {
                    try subscriber.send(.unsubscribe(id: 9, "one topic"))
                    #expect(try subscriber.next() == .reply(Reply(id: 9, result: .unsubscribe)))
                }
            }
        }

        // GE-15
        @Test("1,000 events published back to back reach one reading client completely", arguments: StorySetting.all)
        func backToBack(_ setting: StorySetting) async throws {
            try await play(setting) { scene in
                let client = try scene.connected(to: "news")
                let http = try scene.http()
                var bytes: [UInt8] = []
                for number in 0..<1_000 {
                    bytes += HTTPLink.request(
                        "/api/publish", headers: [("X-API-Key", TestServer.apiKey)],
                        body: "{\"channel\":\"news\",\"data\":\(number)}")
                }
                try http.link.send(bytes)
                for number in 0..<1_000 {
                    #expect(text(try client.publication().publication.data) == "\(number)")
                    #expect(try http.response().body == "{\"result\":{}}")
                }
            }
        }

        @Test(
            "many publishers, channels and clients: every channel has one order, the same for all",
            arguments: StorySetting.pairs)
        func manyToMany(_ setting: StorySetting) async throws {
            // The clients read only when everything has been published.
            let patience: (inout ServerSettings) -> Void = {
                $0.client.queueMaxSize = 64 << 20
                $0.edge.writeTimeout = 120
            }
            try await play(setting, patience) { scene in
                let channels: [ChannelName] = (0..<20).map { "log:\($0)" }
                let clients = try (0..<50).map { index in
                    let client = try scene.connected()
                    for step in 0..<4 { try client.subscribe(channels[(index + 5 * step) % 20]) }
                    return client
                }
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for publisher in 0..<4 {
                        group.addTask { try await self.publish(publisher, channels, scene) }
                    }
                    try await group.waitForAll()
                }
                var orders: [ChannelName: [String]] = [:]
                for (index, client) in clients.enumerated() {
                    var heard: [ChannelName: [String]] = [:]
                    for _ in 0..<2_000 {
                        let (channel, publication, _) = try client.publication()
                        heard[channel, default: []].append(text(publication.data))
                        #expect(publication.offset == UInt64(heard[channel]!.count))
                    }
                    #expect(Set(heard.keys) == Set((0..<4).map { channels[(index + 5 * $0) % 20] }))
                    for (channel, order) in heard {
                        if let known = orders[channel] { #expect(order == known) } else { orders[channel] = order }
                    }
                    #expect(client.unheard == [])
                }
                // 500 publications in each channel; those of one publisher in the order in which it sent them.
                for order in orders.values {
                    #expect(order.count == 500)
                    #expect(Set(order).count == 500)
                    for publisher in 0..<4 {
                        let numbers = order.compactMap {
                            $0.hasPrefix("\"\(publisher) ") ? Int($0.dropFirst(3).dropLast()) : nil
                        }
                        #expect(numbers == numbers.sorted())
                    }
                }
                #expect(await scene.server.group.counters().publications == 10_000)
            }
        }

        /// 2,500 publications, 125 in each channel, by a way that depends on the publisher.
        private func publish(_ publisher: Int, _ channels: [ChannelName], _ scene: StoryServer) async throws {
            let client = try scene.connected()
            let http = try scene.http()
            for number in 0..<2_500 {
                let channel = channels[(number * 7 + publisher) % 20]
                let data = "\"\(publisher) \(number)\""
                switch publisher {
                case 0, 1: await scene.publish(channel, data)
                case 2:
                    try http.link.send(
                        HTTPLink.request(
                            "/api/publish", headers: [("Authorization", "apikey \(TestServer.publishKey)")],
                            body: "{\"channel\":\"\(channel)\",\"data\":\(data)}"))
                    guard try http.response().status == 200 else { throw Wrong() }
                default:
                    guard try client.call({ .publish(id: $0, channel, data) }) == .publish else { throw Wrong() }
                }
            }
        }

        @Test("the form of the data may be prescribed")
        func dataFormat() async throws {
            let change: (inout ServerSettings) -> Void = {
                $0.namespace("log") { $0.publicationDataFormat = .jsonObject }
                $0.namespace("room") { $0.publicationDataFormat = .json }
            }
            try await play(StorySetting(), change) { scene in
                let client = try scene.connected(.protobuf)
                #expect(try client.call { .publish(id: $0, "log:a", "1") } == .error(.badRequest))
                #expect(try client.call { .publish(id: $0, "log:a", " {}") } == .publish)
                #expect(try client.call { .publish(id: $0, "room:a", "no json") } == .error(.badRequest))
                #expect(try client.call { .publish(id: $0, "room:a", "1") } == .publish)
                #expect(await scene.server.call("publish", #"{"channel":"log:a","data":[]}"#).contains("\"code\":107"))
                #expect(
                    await scene.server.call("publish", #"{"channel":"room:a","b64data":"AA=="}"#).contains(
                        "\"code\":107"))
            }
        }
    }
}
