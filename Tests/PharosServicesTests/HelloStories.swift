import PharosDomain
import PharosProtocol
import PharosServices
import PharosTestKit
import Testing

extension Stories {
    /// A dialect unlike ours, over real WebSockets and beside clients of ours.
    @Suite("a dialect in which the server speaks first")
    struct HelloStories {
        private static let dialects = DialectTable(DialectTable.standardDialects + [HelloDialect(window: 2)])

        private func hello(_ server: StoryServer) throws -> RawClient {
            try server.raw(
                "/connection/websocket", headers: [("Sec-WebSocket-Protocol", "hello.v1")], subprotocol: "hello.v1")
        }

        /// A client that has been greeted and is ready.
        private func ready(_ scene: StoryServer) throws -> RawClient {
            let client = try hello(scene)
            #expect(try client.text().hasPrefix(#"{"hello":{"client":""#))
            try client.send(#"{"token":""}"#)
            #expect(try client.text() == #"{"ready":true}"#)
            return client
        }

        @Test("clients name their events, acknowledge them and stop them", arguments: StorySetting.shardCounts)
        func conversation(_ setting: StorySetting) async throws {
            try await play(setting, dialects: Self.dialects) { scene in
                let client = try ready(scene)
                let ours = try scene.connected(to: "news")
                try client.send(#"{"event":"goal","channel":"news","sid":1}"#)
                #expect(try client.text() == #"{"sid":1,"ok":true}"#)
                for number in 1...5 {
                    await scene.publish("news", "\(number)")
                    #expect(try client.text() == #"{"event":"goal","data":\#(number)}"#)
                    #expect(try ours.publication().publication.data == Array("\(number)".utf8))
                    try client.send(#"{"ack":\#(number)}"#)
                }
                try client.send(#"{"stop":"goal","sid":2}"#)
                #expect(try client.text() == #"{"sid":2,"ok":true}"#)
                await scene.publish("news", "6")
                #expect(try ours.publication().publication.data == Array("6".utf8))
                // Nothing came in between.
                try client.send(#"{"event":"goal","channel":"sport","sid":3}"#)
                #expect(try client.text() == #"{"sid":3,"ok":true}"#)
            }
        }

        @Test("who does not acknowledge is too slow", arguments: StorySetting.shardCounts)
        func window(_ setting: StorySetting) async throws {
            try await play(setting, dialects: Self.dialects) { scene in
                let client = try ready(scene)
                try client.send(#"{"event":"goal","channel":"news","sid":1}"#)
                #expect(try client.text() == #"{"sid":1,"ok":true}"#)
                for number in 1...3 { await scene.publish("news", "\(number)") }
                for number in 1...2 { #expect(try client.text() == #"{"event":"goal","data":\#(number)}"#) }
                #expect(try client.closing() == .slow)
            }
        }

        @Test("out of order, or no message at all: the connection ends", arguments: ["{\"ack\":1}", "goal", "[]"])
        func malformed(_ message: String) async throws {
            try await play(StorySetting(), dialects: Self.dialects) { scene in
                let client = try hello(scene)
                _ = try client.text()
                try client.send(message)
                #expect(try client.closing() == .badRequest)
            }
        }

        @Test("refusals and kicks are said in its words")
        func refusals() async throws {
            try await play(StorySetting(), dialects: Self.dialects) { scene in
                let client = try ready(scene)
                try client.send(#"{"event":"x","channel":"unknown:a","sid":1}"#)
                #expect(try client.text() == #"{"sid":1,"error":"unknown channel"}"#)
                _ = await scene.server.call("disconnect", #"{"all":true}"#)
                #expect(try client.closing() == .forceDisconnect)
            }
        }
    }
}
