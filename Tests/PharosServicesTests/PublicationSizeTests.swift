import PharosDomain
import PharosProtocol
import PharosServices
import PharosTestKit
import Testing

@Suite("publications and the queues of their subscribers")
struct PublicationSizeTests {
    private func publication(_ data: [UInt8], isJSON: Bool = true, allowsDelta: Bool = false) -> Publication {
        var publication = Publication(data: data)
        publication.isJSON = isJSON
        publication.allowsDelta = allowsDelta
        return publication
    }

    private func fits(_ publication: Publication, limit: Int) -> Bool {
        PublicationSize.fits(publication, in: "c", limit: limit)
    }

    @Test("what stands around the data counts")
    func overhead() {
        let room = 100_000 - PublicationSize.overhead - 6
        #expect(fits(publication([UInt8](repeating: 0x61, count: room)), limit: 100_000))
        #expect(!fits(publication([UInt8](repeating: 0x61, count: room + 1)), limit: 100_000))
        var tagged = publication([UInt8](repeating: 0x61, count: room))
        tagged.tags = ["k": "v"]
        #expect(!fits(tagged, limit: 100_000))
        var named = publication([UInt8](repeating: 0x61, count: room))
        named.info = ClientInfo(user: "u", client: "c", connectionInfo: Array("{}".utf8))
        #expect(!fits(named, limit: 100_000))
        #expect(!fits(publication([0x31]), limit: 10))
    }

    @Test("the form that takes most counts")
    func forms() {
        let half = 50_000
        #expect(fits(publication([UInt8](repeating: 0x61, count: half)), limit: 60_000))
        #expect(!fits(publication([UInt8](repeating: 0x61, count: half), isJSON: false), limit: 60_000))
        #expect(!fits(publication([UInt8](repeating: 0x0A, count: half)), limit: 60_000))
        #expect(fits(publication([UInt8](repeating: 0x22, count: half)), limit: 60_000))
        #expect(!fits(publication([UInt8](repeating: 0x22, count: half), allowsDelta: true), limit: 60_000))
    }

    @Test("nothing overflows")
    func extremes() {
        #expect(!fits(publication([UInt8](repeating: 0, count: 1_000), allowsDelta: true), limit: 0))
        #expect(fits(publication([UInt8](repeating: 0, count: 1_000), isJSON: false), limit: .max))
        #expect(!fits(publication([0x31]), limit: .min / 2))
    }
}

extension Stories {
    @Suite("publications too large for a queue")
    struct TooLarge {
        private static func small(_ settings: inout ServerSettings) {
            settings.client.queueMaxSize = 60_000
            settings.edge.messageSizeLimit = 60_000
        }

        @Test("a client's is refused, and no subscriber is closed for it", arguments: StorySetting.pairs)
        func client(_ setting: StorySetting) async throws {
            try await play(setting, Self.small) { scene in
                let subscriber = try scene.connected(to: "log:a")
                let publisher = try scene.connected()
                let data = "\"\(String(repeating: "x", count: 59_500))\""
                try publisher.send(.publish(id: 5, "log:a", data))
                guard case .error(let error) = try publisher.reply(to: 5) else { throw Wrong() }
                #expect(error.code == 106)
                #expect(error.message.contains("client.queue_max_size"))
                try publisher.send(.publish(id: 6, "log:a", "1"))
                #expect(try publisher.reply(to: 6) == .publish)
                let heard = try subscriber.publication().publication
                #expect(text(heard.data) == "1")
                // It has got no offset either.
                #expect(heard.offset == 1)
            }
        }

        @Test("the server API's is refused in each of its calls", arguments: StorySetting.shardCounts)
        func api(_ setting: StorySetting) async throws {
            try await play(setting, Self.small) { scene in
                let subscriber = try scene.connected(as: "ann", to: "log:a")
                let data = "\"\(String(repeating: "x", count: 59_500))\""
                let publish = await scene.server.call("publish", #"{"channel":"log:a","data":\#(data)}"#)
                #expect(publish.hasPrefix(#"{"error":{"code":106,"message":"limit exceeded: "#))
                let broadcast = await scene.server.call("broadcast", #"{"channels":["log:a"],"data":\#(data)}"#)
                #expect(broadcast.contains(#""code":106"#))
                let batch = await scene.server.call(
                    "batch", #"{"commands":[{"publish":{"channel":"log:a","data":\#(data)}}]}"#)
                #expect(batch.contains(#""code":106"#))
                let send = await scene.server.call("send", #"{"user":"ann","data":\#(data)}"#)
                #expect(send.contains(#""code":106"#))
                await scene.publish("log:a", "1")
                let heard = try subscriber.publication().publication
                #expect(text(heard.data) == "1")
                #expect(heard.offset == 1)
            }
        }

        /// Publishes `count` times 50,000 bytes.
        ///
        /// By default that is far more than the queue, and than the buffers of a socket.
        private static func fill(_ scene: StoryServer, _ count: UInt64 = 200) async {
            let data = "\"\(String(repeating: "x", count: 50_000))\""
            for _ in 0..<count { await scene.publish("log:a", data) }
        }

        @Test(
            "what a client missed may be longer than its queue: it gets all, and what follows",
            arguments: [StorySetting.pairs[1], StorySetting.pairs[2]], Transport.allCases)
        func recovery(_ setting: StorySetting, _ transport: Transport) async throws {
            let change: (inout ServerSettings) -> Void = {
                $0.openEverything()
                Self.small(&$0)
            }
            try await play(setting, change) { scene in
                let before = try scene.connected()
                let start = try before.subscribe("log:a")
                try before.close()
                // A polled session has no socket whose buffers would take it.
                let count: UInt64 = transport == .poll ? 20 : 200
                await Self.fill(scene, count)
                let client = try scene.client(over: transport)
                try client.connect()
                try client.send(
                    .recover(id: 7, "log:a", from: StreamPosition(offset: 0, epoch: start.epoch)))
                // It does not read while its answer waits, and more is published.
                while await scene.server.group.counters().recoveries == 0 {}
                for _ in 0..<10 { await scene.publish("log:a", "1") }
                await scene.settle()
                guard case .subscribe(let result) = try client.reply(to: 7) else { throw Wrong() }
                #expect(result.recovered && result.publications.map(\.offset) == Array(1...count))
                for offset in count + 1...count + 10 {
                    #expect(try client.publication().publication.offset == offset)
                }
                // An answer to history is as long as it was asked to be.
                try client.send(.history(id: 8, "log:a", limit: Int32(count) + 5, since: nil))
                guard case .history(let publications, _) = try client.reply(to: 8) else { throw Wrong() }
                #expect(publications.count == Int(count) + 5)
                #expect(await scene.server.group.counters().slowClosed == 0)
            }
        }

        @Test("a client that asks again and again and does not read is a slow one", arguments: StorySetting.pairs)
        func greed(_ setting: StorySetting) async throws {
            try await play(setting, Self.small) { scene in
                await Self.fill(scene)
                let client = try scene.connected()
                try client.send((1...10).map { .history(id: 10 + $0, "log:a", limit: 200, since: nil) })
                while await scene.server.group.counters().slowClosed == 0 {}
            }
        }
    }
}
