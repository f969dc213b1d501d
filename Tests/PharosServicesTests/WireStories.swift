import PharosBytes
import PharosDomain
import PharosProtocol
import PharosServices
import PharosTestKit
import Testing

extension Stories {
    @Suite("on the wire")
    struct Wire {
        // GO-8
        @Test("a frame that arrives byte by byte is accepted", arguments: StorySetting.pairs)
        func byteByByte(_ setting: StorySetting) async throws {
            try await play(setting) { scene in
                let client = try scene.client()
                for byte in client.frame(of: [.connect(id: 1), .subscribe(id: 2, "news")]) {
                    try client.send(bytes: [byte])
                }
                try client.connected()
                #expect(try client.reply(to: 2) == .subscribe(SubscribeResult()))
            }
        }

        @Test("many frames in one piece are handled in order", arguments: StorySetting.pairs)
        func manyFrames(_ setting: StorySetting) async throws {
            try await play(setting) { scene in
                let client = try scene.connected()
                var bytes: [UInt8] = []
                for id: UInt32 in 2..<102 { bytes += client.frame(of: [.subscribe(id: id, "channel \(id)")]) }
                try client.send(bytes: bytes)
                for id: UInt32 in 2..<102 { _ = try client.reply(to: id) }
            }
        }

        // FT-11, GE-10
        @Test(
            "what is no command closes with 3501",
            arguments: ["", "{", "null", "[]", "{\"connect\":null}", "{\"id\":1,\"connect\":[}", "\n", "{\"id\":-1}"])
        func malformed(_ message: String) async throws {
            try await play(StorySetting()) { scene in
                let client = try scene.client(.json)
                try client.send(rawMessage: Array(message.utf8), isText: true)
                #expect(try client.ending().reason == .badRequest)
            }
        }

        // FT-11, GE-10
        @Test(
            "what is no protobuf command closes with 3501",
            arguments: [
                [], [0xff], [5, 1], [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], [2, 0x22, 0x05],
                [0x80, 0x80, 0x80, 0x80, 0x80, 0x40, 0, 0],
            ] as [[UInt8]])
        func malformedProtobuf(_ message: [UInt8]) async throws {
            try await play(StorySetting()) { scene in
                let client = try scene.client(.protobuf)
                try client.send(rawMessage: message, isText: false)
                #expect(try client.ending().reason == .badRequest)
            }
        }

        // FT-11
        @Test("every refused command is answered with an error under its id", arguments: StorySetting.pairs)
        func refused(_ setting: StorySetting) async throws {
            try await play(setting) { scene in
                let client = try scene.connected(to: "news")
                try client.send(
                    .subscribe(id: 2, "no:where"), .subscribe(id: 3, "closed:a"), .subscribe(id: 4, "news"),
                    .publish(id: 5, "closed:a"), .presence(id: 6, "news"), .history(id: 7, "news"),
                    Command(id: 8, request: .rpc(method: "sum", data: [])), Command(id: 9, request: .ping),
                    .unsubscribe(id: 10, "never"))
                let expected: [ReplyError] = [
                    .unknownChannel, .permissionDenied, .alreadySubscribed, .permissionDenied, .notAvailable,
                    .notAvailable, .notAvailable, .notAvailable,
                ]
                for (index, error) in expected.enumerated() {
                    #expect(try client.next() == .reply(Reply(id: UInt32(index + 2), result: .error(error))))
                }
                #expect(try client.reply(to: 10) == .unsubscribe)
            }
        }

        // GE-10
        @Test("a message above the limit closes with 1009", arguments: StorySetting.pairs)
        func tooLarge(_ setting: StorySetting) async throws {
            try await play(setting, { $0.edge.messageSizeLimit = 1_000 }) { scene in
                let client = try scene.connected(to: "news")
                let room = String(repeating: "x", count: 900)
                #expect(try client.call { .publish(id: $0, "news", "\"\(room)\"") } == .publish)
                try client.send(.publish(id: 9, "news", "\"\(room)\(room)\""))
                #expect(try client.ending().reason.code == 1_009)
            }
        }

        // GE-10
        @Test("the client's close frame is answered with its code", arguments: StorySetting.pairs)
        func clientCloses(_ setting: StorySetting) async throws {
            try await play(setting) { scene in
                let client = try scene.connected(to: "news")
                try client.send(bytes: FrameStream.frame(opcode: 8, [0x0f, 0xa1, 0x62, 0x79, 0x65]))
                #expect(try client.ending().reason == Disconnect(code: 4_001, reason: ""))
            }
        }

        @Test("a WebSocket ping is answered with the same payload", arguments: StorySetting.pairs)
        func webSocketPing(_ setting: StorySetting) async throws {
            try await play(setting) { scene in
                let client = try scene.client()
                try client.send(bytes: FrameStream.frame(opcode: 9, [1, 2, 3]))
                #expect(try client.nextFrame() == .pong([1, 2, 3]))
            }
        }

        // GO-7, FT-3
        @Test("a payload of quotes, backslashes, newlines and any UTF-8 arrives as it was", arguments: StorySetting.all)
        func anyPayload(_ setting: StorySetting) async throws {
            try await play(setting) { scene in
                let subscriber = try scene.connected(to: "news")
                let publisher = try scene.connected()
                let payloads = [
                    #""a \" quote, a \\ backslash, a \n newline, \u0000 and \ud83d\ude00""#,
                    "\"ä ß € 😀 \u{2028} \u{7f} \u{10ffff}\"", "{\"nested\":{\"a\":[1,2.5e-3,null,true,\"\"]}}",
                    "[ 1 , 2 ]", "-0.0", "null", "\"\"", "12345678901234567890",
                ]
                for payload in payloads {
                    #expect(try publisher.call { .publish(id: $0, "news", payload) } == .publish)
                    #expect(text(try subscriber.publication().publication.data) == payload)
                    await scene.publish("news", payload)
                    #expect(text(try subscriber.publication().publication.data) == payload)
                }
                // Newlines between the parts of a payload separate messages on the wire: they are taken out.
                await scene.publish("news", "{\"a\":\\n1}".replacing("\\n", with: "\n"))
                #expect(text(try subscriber.publication().publication.data).filter { $0 != "\n" } == "{\"a\":1}")
            }
        }

        @Test(
            "one command's fault is that command's error, whatever comes before and after it",
            arguments: StorySetting.pairs)
        func ownFault(_ setting: StorySetting) async throws {
            try await play(setting) { scene in
                let client = try scene.connected(to: "news")
                for fault in Wire.faults(setting.wire) {
                    let separator: [UInt8] = setting.wire == .json ? [0x0A] : []
                    let before = TestClient.encode([.publish(id: 1, "news", "1")], setting.wire)
                    let after = TestClient.encode([.publish(id: 3, "news", "2")], setting.wire)
                    try client.send(
                        rawMessage: before + separator + fault + separator + after, isText: setting.wire == .json)
                    try Wire.hearFault(client)
                }
            }
        }

        /// Commands with id 2 whose content is not what it has to be.
        private static func faults(_ wire: WireFormat) -> [[UInt8]] {
            guard wire == .protobuf else {
                return [
                    #"{"id":2,"subscribe":{"channel":"\ud83e"}}"#, #"{"id":2,"publish":null}"#,
                    #"{"id":2,"rpc":{"method":"\udc00"}}"#, #"{"id":2,"history":{"channel":"a","limit":1e9}}"#,
                ].map { Array($0.utf8) }
            }
            let contents: [[UInt8]] = [
                [8, 2, 0x2a, 3, 0x0a, 1, 0xff], [8, 2, 0x3a, 2, 0x0a, 5], [8, 2, 0x6a, 3, 0x12, 1, 0x80],
                [8, 2, 0x52, 2, 0x0d, 0],
            ]
            return contents.map { [UInt8($0.count)] + $0 }
        }

        private static func hearFault(_ client: TestClient) throws {
            #expect(try client.reply(to: 1) == .publish)
            guard case .error(let error) = try client.reply(to: 2) else { throw Wrong() }
            #expect(error.code == ReplyError.badRequest.code && error.message.hasPrefix("bad request: "))
            #expect(try client.reply(to: 3) == .publish)
            try hears(client, ["1", "2"])
        }

        @Test("half a surrogate pair in a payload arrives as it was sent, by every way", arguments: StorySetting.all)
        func halfPair(_ setting: StorySetting) async throws {
            try await play(setting) { scene in
                let payload = #"{"text":"cut \ud83e","\udc00":["\ud83e\ud83e"]}"#
                let subscriber = try scene.connected(to: "news", "log:a")
                let publisher = try scene.connected(.json)
                #expect(try publisher.call { .publish(id: $0, "news", payload) } == .publish)
                #expect(try publisher.call { .publish(id: $0, "log:a", payload) } == .publish)
                await scene.publish("news", payload)
                await scene.publish("log:a", payload)
                try Wire.hears(subscriber, [payload, payload, payload, payload])
                #expect(try Wire.history(subscriber, "log:a").map { text($0.data) } == [payload, payload])
            }
        }

        private static func hears(_ client: TestClient, _ payloads: [String]) throws {
            for payload in payloads { #expect(text(try client.publication().publication.data) == payload) }
        }

        private static func history(_ client: TestClient, _ channel: ChannelName) throws -> [Publication] {
            guard case .history(let publications, _) = try client.call({ .history(id: $0, channel, limit: 9) }) else {
                throw Wrong()
            }
            return publications
        }

        private static func top(_ client: TestClient, _ channel: ChannelName) throws -> StreamPosition {
            guard case .history(_, let top) = try client.call({ .history(id: $0, channel, limit: 0) }) else {
                throw Wrong()
            }
            return top
        }

        /// Hears 0, 1, 2, 255: base64 on the way where the format is JSON.
        private static func hearBytes(_ clients: TestClient...) throws {
            for client in clients { #expect(try client.publication().publication.data == [0, 1, 2, 255]) }
        }

        @Test(
            "bytes that are no JSON reach every client: in JSON as base64, with a flag, and none is closed",
            arguments: StorySetting.shardCounts)
        func binary(_ setting: StorySetting) async throws {
            try await play(setting) { scene in
                let binary = try scene.connected(.protobuf, to: "news", "log:a")
                let json = try scene.connected(.json, to: "news", "log:a")
                await scene.server.call("publish", #"{"channel":"news","b64data":"AAEC/w=="}"#)
                try Wire.hearBytes(binary, json)
                // By a client, too, in history, and by recovery.
                let before = try Wire.top(json, "log:a")
                var bytes = PublishRequest()
                (bytes.channel, bytes.data) = ("log:a", [0, 1, 2, 255])
                try binary.send(Command(id: 77, request: .publish(bytes)))
                #expect(try binary.reply(to: 77) == .publish)
                try Wire.hearBytes(binary, json)
                #expect(try Wire.history(json, "log:a").map(\.data) == [[0, 1, 2, 255]])
                let late = try scene.connected(.json)
                let result = try late.recover("log:a", from: before)
                #expect(result.recovered && result.publications.map(\.data) == [[0, 1, 2, 255]])
                await scene.publish("log:a", "1")
                for client in [binary, json, late] { try Wire.hears(client, ["1"]) }
            }
        }

        @Test("a reader of deltas in JSON gets bytes that are no JSON as the text of their base64")
        func binaryDeltas() async throws {
            let change: (inout ServerSettings) -> Void = {
                $0.namespace("log") { ($0.allowedDeltaTypes, $0.deltaPublish) = (["fossil"], true) }
            }
            try await play(StorySetting(), change) { scene in
                for wire in [WireFormat.json, .protobuf] {
                    let channel: ChannelName = "log:\(wire)"
                    let client = try scene.connected(wire)
                    try Wire.readDeltas(client, channel)
                    let long = [UInt8](repeating: 0xff, count: 300)
                    let payloads: [[UInt8]] = [
                        long + [1], long + [2], Array("{\"a\":1}".utf8), long, Array("[1]".utf8),
                    ]
                    for payload in payloads {
                        await scene.server.call(
                            "publish", #"{"channel":"\#(channel)","b64data":"\#(Base64.encode(payload))"}"#)
                    }
                    #expect(try Wire.heardDeltas(client, payloads, wire) > 0)
                }
            }
        }

        private static func readDeltas(_ client: TestClient, _ channel: ChannelName) throws {
            let granted = try client.subscribe(channel) {
                ($0.delta, $0.positioned, $0.recoverable) = ("fossil", true, true)
            }
            #expect(granted.delta)
        }

        /// Puts together what a reader of deltas hears; how many of them were differences.
        private static func heardDeltas(
            _ client: TestClient, _ payloads: [[UInt8]], _ wire: WireFormat
        ) throws -> Int {
            var base: [UInt8] = []
            var deltas = 0
            for payload in payloads {
                let publication = try client.publication().publication
                var content = publication.data
                if wire == .json {
                    // In JSON it is a string that holds the text, or the difference between two texts.
                    content = try content.withUnsafeBytes { bytes in
                        var scanner = JSONScanner(bytes)
                        return Array(try scanner.text().string.utf8)
                    }
                }
                if publication.isDelta { deltas += 1 }
                base = publication.isDelta ? try FossilDelta.apply(content, to: base, limit: 4_096) : content
                let isJSON = payload.withUnsafeBytes { JSONScanner.isValid($0) }
                let expected = wire == .json && !isJSON ? Array("\"\(Base64.encode(payload))\"".utf8) : payload
                #expect(base == expected)
            }
            return deltas
        }

        @Test("what a server-side subscription brings arrives alike: bytes as base64 in JSON")
        func binarySubscriptionData() async throws {
            try await play(StorySetting()) { scene in
                let json = try scene.connected(.json, as: "ann")
                let binary = try scene.connected(.protobuf, as: "ann")
                await scene.server.call("subscribe", #"{"channel":"news","user":"ann","b64data":"AAEC/w=="}"#)
                guard case .subscribe(let subscription) = try binary.push().event else { throw Wrong() }
                #expect(subscription.data == [0, 1, 2, 255])
                guard case .subscribe(let inJSON) = try json.push().event else { throw Wrong() }
                #expect(inJSON.data == [0, 1, 2, 255])
            }
        }

        @Test(
            "information about a client that is no JSON breaks no message and closes no connection",
            arguments: StorySetting.pairs)
        func binaryInfo(_ setting: StorySetting) async throws {
            try await play(setting) { scene in
                let bytes = Array("}{\"".utf8)
                scene.server.verifier.setConnection("binary") {
                    $0.user = "bob"
                    $0.info = bytes
                }
                let reader = try scene.connected(to: "room:a")
                #expect(try reader.push().event.isJoin)
                let asking = try scene.connected(to: "news")
                let silent = try scene.connected(.protobuf, as: "binary")
                try silent.subscribe("news")
                #expect(try silent.call { .publish(id: $0, "news", "1") } == .publish)
                let publication = try asking.publication().publication
                #expect(text(publication.data) == "1" && publication.isJSON)
                #expect(publication.info?.connectionInfo == bytes)
                try silent.subscribe("room:a")
                guard case .join(let joined) = try reader.push().event else { throw Wrong() }
                #expect(joined.connectionInfo == bytes)
                let late = try scene.connected()
                guard case .presence(let members) = try late.call({ .presence(id: $0, "room:a") }) else {
                    throw Wrong()
                }
                #expect(members.values.contains { $0.connectionInfo == bytes })
            }
        }

        @Test(
            "pings come and are answered; a client that does not answer is closed with 3012",
            arguments: StorySetting.all)
        func pingPong(_ setting: StorySetting) async throws {
            let change: (inout ServerSettings) -> Void = {
                $0.client.pingInterval = 0.4
                $0.client.pongTimeout = 0.2
            }
            try await play(setting, change) { scene in
                let silent = try scene.client()
                silent.answersPings = false
                try silent.connect()
                let client = try scene.connected(to: "news")
                let ending = Task { try silent.ending().reason }
                while client.pings < 3 {
                    await scene.publish("news", "1")
                    _ = try client.publication()
                }
                let reason = try await ending.value
                #expect(reason == .noPong)
                #expect(silent.pings == 1)
            }
        }

        @Test("native pings on request; a client that does not answer them is closed with 3012")
        func framePings() async throws {
            let change: (inout ServerSettings) -> Void = {
                $0.client.pingInterval = 0.4
                $0.client.pongTimeout = 0.2
            }
            try await play(StorySetting(), change) { scene in
                let client = try scene.client(.json, query: "?cf_ws_frame_ping_pong=true")
                let result = try client.connect()
                #expect(result.ping == 0)
                for _ in 0..<2 {
                    #expect(try client.nextFrame() == .ping([]))
                    try client.send(bytes: FrameStream.frame(opcode: 10, []))
                }
                #expect(try client.nextFrame() == .ping([]))
                #expect(try client.nextFrame() == .close(.noPong))
            }
        }

        @Test("no connect in time closes with 3502")
        func stale() async throws {
            try await play(StorySetting(), { $0.client.staleCloseDelay = 0.1 }) { scene in
                let silent = try scene.client()
                #expect(try silent.ending().reason == .stale)
            }
        }
    }
}

extension Push.Event {
    var isJoin: Bool { if case .join = self { true } else { false } }
}
