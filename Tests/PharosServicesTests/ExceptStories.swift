import PharosDomain
import PharosProtocol
import PharosServices
import PharosTestKit
import Testing

extension Stories {
    /// Publications that name a client that is not to get them.
    @Suite("publishing without an echo")
    struct Except {
        private static func publish(
            _ scene: StoryServer, _ channel: ChannelName, _ data: String, except client: ClientName
        )
            async
        {
            let body = "{\"channel\":\"\(channel)\",\"data\":\(data),\"exclude_client\":\"\(client)\"}"
            #expect(await scene.server.call("publish", body).hasPrefix("{\"result\":"))
        }

        @Test(
            "the excluded client hears what came before and after, the others everything", arguments: StorySetting.all)
        func publish(_ setting: StorySetting) async throws {
            try await play(setting) { scene in
                for channel: ChannelName in ["news", "log:a", "room:a"] {
                    let publisher = try scene.connected(to: channel)
                    let other = try scene.connected(to: channel)
                    // Joins are skipped here.
                    func next(_ client: TestClient) throws -> Publication {
                        while true {
                            let push = try client.push()
                            if case .publication(let publication, _) = push.event { return publication }
                        }
                    }
                    await scene.publish(channel, "1")
                    for number in 2...4 {
                        await Except.publish(scene, channel, "\(number)", except: publisher.id)
                    }
                    await scene.publish(channel, "5")
                    await Except.publish(scene, channel, "6", except: other.id)
                    await Except.publish(scene, channel, "7", except: ClientID(high: 1, low: 2).name)
                    let heard = try (0..<4).map { _ in try next(publisher) }
                    #expect(heard.map { text($0.data) } == ["1", "5", "6", "7"])
                    #expect(try (0..<6).map { _ in text(try next(other).data) } == ["1", "2", "3", "4", "5", "7"])
                    if channel == "log:a" { #expect(heard.map(\.offset) == [1, 5, 6, 7]) }
                    publisher.cut()
                    other.cut()
                }
            }
        }

        @Test(
            "its position has moved on: only a client that comes back from before gets it", arguments: StorySetting.all)
        func position(_ setting: StorySetting) async throws {
            try await play(setting, { $0.openEverything(sessionTTL: 20) }) { scene in
                let query = "?session=\(SessionKeys.make())"
                let client = try scene.client(query: query)
                try client.connect(token: "ann")
                let start = try client.subscribe("log:a")
                await scene.publish("log:a", "1")
                await Except.publish(scene, "log:a", "2", except: client.id)
                #expect(try client.publication().publication.offset == 1)
                _ = try client.call { .history(id: $0, "log:a", limit: 0) }
                client.cut()
                // The server knows that it has nothing to bring.
                let again = try scene.client(query: query)
                let restored = try #require(try again.connect(token: "ann").subscriptions["log:a"])
                #expect(restored.recovered)
                #expect(restored.publications.isEmpty)
                await scene.publish("log:a", "3")
                #expect(try again.publication().publication.offset == 3)
                // Who says itself where it stands gets all that follows.
                let other = try scene.connected()
                let recovered = try other.recover("log:a", from: StreamPosition(offset: 1, epoch: start.epoch))
                #expect(recovered.publications.map(\.offset) == [2, 3])
            }
        }

        @Test("over every transport", arguments: Crossing.all)
        func transports(_ crossing: Crossing) async throws {
            try await play(crossing.setting, { $0.openEverything() }) { scene in
                let clients = try (0..<2).map { _ in
                    let client = try scene.client(over: crossing.transport)
                    try client.connect()
                    try client.subscribe("log:a")
                    return client
                }
                for number in 1...9 {
                    await Except.publish(scene, "log:a", "\(number)", except: clients[number % 2].id)
                }
                let (evens, odds) = ([2, 4, 6, 8], [1, 3, 5, 7, 9])
                #expect(try evens.map { _ in Int(try clients[1].publication().publication.offset) } == evens)
                #expect(try odds.map { _ in Int(try clients[0].publication().publication.offset) } == odds)
            }
        }

        @Test(
            "a plain event stream goes on after it, alone or with several channels", arguments: StorySetting.shardCounts
        )
        func eventStreams(_ setting: StorySetting) async throws {
            try await play(setting, { $0.openEverything() }) { scene in
                for query in ["channel=log:a", "channel=log:a&channel=log:b"] {
                    let stream = try scene.events(query)
                    let client = try #require(field("client_id", in: try stream.event().data))
                    await Except.publish(scene, "log:a", "1", except: ClientName(client))
                    if query.hasSuffix("b") {
                        // The id of what comes next covers what was passed over.
                        await scene.publish("log:b", "2")
                        #expect(try stream.event().name == "log:b")
                        let next = try scene.events(query, headers: [("Last-Event-ID", stream.lastID)])
                        #expect(try next.event().data.contains(#""recovered":{"log:a":true,"log:b":true}"#))
                        await scene.publish("log:a", "3")
                        #expect(try next.event().data == "3")
                        next.stream.link.close()
                    } else {
                        await scene.publish("log:a", "3")
                    }
                    let event = try stream.event()
                    #expect(event.name == "log:a")
                    #expect(event.data == "3")
                    stream.stream.link.close()
                }
            }
        }

        @Test("the next difference after it is applied to what its reader has", arguments: StorySetting.all)
        func deltas(_ setting: StorySetting) async throws {
            let change: (inout ServerSettings) -> Void = {
                $0.namespace("log") {
                    $0.allowedDeltaTypes = ["fossil"]
                    $0.deltaPublish = true
                }
            }
            try await play(setting, change) { scene in
                let readers = try (0..<2).map { _ in
                    let reader = try scene.connected()
                    #expect(try reader.subscribe("log:a") { $0.delta = "fossil" }.delta)
                    return reader
                }
                let items = (0..<40).map { "\"item \($0)\":1" }.joined(separator: ",")
                var bases: [[UInt8]?] = [nil, nil]
                var deltas = 0
                for number in 1...30 {
                    let data = "{\(items),\"number\":\(number)}"
                    // Both are passed over at times, also twice in a row.
                    let passed = number % 5 == 0 ? 0 : number % 7 < 2 ? 1 : 2
                    if passed < 2 {
                        await Except.publish(scene, "log:a", data, except: readers[passed].id)
                    } else {
                        await scene.publish("log:a", data)
                    }
                    for index in 0..<2 where index != passed {
                        let got = try readers[index].publication().publication
                        #expect(got.offset == UInt64(number))
                        bases[index] = try Whole.payload(got, bases[index], setting.wire)
                        #expect(bases[index].map { text($0) } == data)
                        if got.isDelta { deltas += 1 }
                    }
                }
                #expect(deltas >= 20)
            }
        }

        @Test("bytes that are no JSON do not end the excluded client", arguments: StorySetting.shardCounts)
        func bytes(_ setting: StorySetting) async throws {
            try await play(setting) { scene in
                let json = try scene.connected(.json, to: "news")
                let protobuf = try scene.connected(.protobuf, to: "news")
                await scene.server.call(
                    "publish", #"{"channel":"news","b64data":"AP8=","exclude_client":"\#(json.id)"}"#)
                #expect(try protobuf.publication().publication.data == [0, 255])
                await scene.publish("news", "1")
                #expect(text(try json.publication().publication.data) == "1")
            }
        }

        @Test("a broadcast, and a stream that is stored on disk", arguments: StorySetting.pairs)
        func broadcast(_ setting: StorySetting) async throws {
            try await play(setting, durable: ScriptedStreams()) { scene in
                let publisher = try scene.connected(to: "news", "log:a")
                let other = try scene.connected(to: "news", "log:a")
                let answer = await scene.server.call(
                    "broadcast", #"{"channels":["news","log:a"],"data":1,"exclude_client":"\#(publisher.id)"}"#)
                #expect(answer.contains("\"offset\":1"))
                #expect(Set(try (0..<2).map { _ in try other.publication().channel }) == ["news", "log:a"])
                await scene.publish("log:a", "2")
                let next = try publisher.publication()
                #expect(next.channel == "log:a")
                #expect(next.publication.offset == 2)
                await scene.publish("news", "3")
                #expect(text(try publisher.publication().publication.data) == "3")
            }
        }
    }
}

/// Decodes publications as a delta reader does.
enum Whole {
    /// - Parameter base: the payload that it has.
    static func payload(_ publication: Publication, _ base: [UInt8]?, _ wire: WireFormat) throws -> [UInt8] {
        var data = publication.data
        if wire == .json {
            // For JSON clients both forms are the text of a JSON string.
            data = try data.withUnsafeBytes {
                var scanner = JSONScanner($0)
                return Array(try scanner.text().string.utf8)
            }
        }
        guard publication.isDelta else { return data }
        return try FossilDelta.apply(data, to: #require(base), limit: 1 << 20)
    }
}
