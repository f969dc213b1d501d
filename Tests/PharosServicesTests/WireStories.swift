import PharosDomain
import PharosProtocol
import PharosServices
import PharosTestKit
import Testing

extension Stories {
    @Suite("on the wire")
    struct Wire {
        // GO-8
        @Test("a frame that arrives byte by byte is accepted", arguments: Stage.pairs)
        func byteByByte(_ stage: Stage) async throws {
            try await play(stage) { scene in
                let client = try scene.client()
                for byte in client.frame(of: [.connect(id: 1), .subscribe(id: 2, "news")]) {
                    try client.send(bytes: [byte])
                }
                try client.connected()
                #expect(try client.reply(to: 2) == .subscribe(SubscribeResult()))
            }
        }

        @Test("many frames in one piece are handled in order", arguments: Stage.pairs)
        func manyFrames(_ stage: Stage) async throws {
            try await play(stage) { scene in
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
            arguments: ["", "{", "null", "[]", "{\"connect\":null}", "{\"id\":1,\"connect\":[]}", "\n", "{\"id\":-1}"])
        func malformed(_ message: String) async throws {
            try await play(Stage()) { scene in
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
            try await play(Stage()) { scene in
                let client = try scene.client(.protobuf)
                try client.send(rawMessage: message, isText: false)
                #expect(try client.ending().reason == .badRequest)
            }
        }

        // FT-11
        @Test("every refused command is answered with an error under its id", arguments: Stage.pairs)
        func refused(_ stage: Stage) async throws {
            try await play(stage) { scene in
                let client = try scene.connected(to: "news")
                try client.send(
                    .subscribe(id: 2, "no:where"), .subscribe(id: 3, "closed:a"), .subscribe(id: 4, "news"),
                    .publish(id: 5, "closed:a"), .presence(id: 6, "news"), .history(id: 7, "news"),
                    Command(id: 8, request: .rpc(method: "sum", data: [])), Command(id: 9, request: .ping),
                    .unsubscribe(id: 10, "never"))
                let expected: [ReplyError] = [
                    .unknownChannel, .permissionDenied, .alreadySubscribed, .permissionDenied, .notAvailable,
                    .notAvailable, .methodNotFound, .notAvailable,
                ]
                for (index, error) in expected.enumerated() {
                    #expect(try client.next() == .reply(Reply(id: UInt32(index + 2), result: .error(error))))
                }
                #expect(try client.reply(to: 10) == .unsubscribe)
            }
        }

        // GE-10
        @Test("a message above the limit closes with 1009", arguments: Stage.pairs)
        func tooLarge(_ stage: Stage) async throws {
            try await play(stage, { $0.edge.messageSizeLimit = 1_000 }) { scene in
                let client = try scene.connected(to: "news")
                let room = String(repeating: "x", count: 900)
                #expect(try client.call { .publish(id: $0, "news", "\"\(room)\"") } == .publish)
                try client.send(.publish(id: 9, "news", "\"\(room)\(room)\""))
                #expect(try client.ending().reason.code == 1_009)
            }
        }

        // GE-10
        @Test("the client's close frame is answered with its code", arguments: Stage.pairs)
        func clientCloses(_ stage: Stage) async throws {
            try await play(stage) { scene in
                let client = try scene.connected(to: "news")
                try client.send(bytes: FrameStream.frame(opcode: 8, [0x0f, 0xa1, 0x62, 0x79, 0x65]))
                #expect(try client.ending().reason == Disconnect(code: 4_001, reason: ""))
            }
        }

        @Test("a WebSocket ping is answered with the same payload", arguments: Stage.pairs)
        func webSocketPing(_ stage: Stage) async throws {
            try await play(stage) { scene in
                let client = try scene.client()
                try client.send(bytes: FrameStream.frame(opcode: 9, [1, 2, 3]))
                #expect(try client.nextFrame() == .pong([1, 2, 3]))
            }
        }

        // GO-7, FT-3
        @Test("a payload of quotes, backslashes, newlines and any UTF-8 arrives as it was", arguments: Stage.all)
        func anyPayload(_ stage: Stage) async throws {
            try await play(stage) { scene in
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
            "bytes that are no JSON reach protobuf clients and close JSON clients with 3506",
            arguments: Stage.shardCounts)
        func binary(_ stage: Stage) async throws {
            try await play(stage) { scene in
                let binary = try scene.connected(.protobuf, to: "news")
                let json = try scene.connected(.json, to: "news")
                let other = try scene.connected(.json, to: "sport")
                await scene.server.call("publish", #"{"channel":"news","b64data":"AAEC/w=="}"#)
                #expect(try binary.publication().publication.data == [0, 1, 2, 255])
                #expect(try json.ending().reason == .inappropriateProtocol)
                try other.subscribe("more")
            }
        }

        @Test("what a server-side subscription brings is checked alike: bytes to a JSON client close with 3506")
        func binarySubscriptionData() async throws {
            try await play(Stage()) { scene in
                let json = try scene.connected(.json, as: "ann")
                let binary = try scene.connected(.protobuf, as: "ann")
                await scene.server.call("subscribe", #"{"channel":"news","user":"ann","b64data":"AAEC/w=="}"#)
                guard case .subscribe(let subscription) = try binary.push().event else { throw Wrong() }
                #expect(subscription.data == [0, 1, 2, 255])
                #expect(try json.ending().reason == .inappropriateProtocol)
            }
        }

        @Test("information about a client that is no JSON never makes a broken message")
        func binaryInfo() async throws {
            try await play(Stage()) { scene in
                scene.server.verifier.setConnection("binary") {
                    $0.user = "bob"
                    $0.info = Array("}{\"".utf8)
                }
                let reader = try scene.connected(.json, to: "room:a")
                #expect(try reader.push().event.isJoin)
                let asking = try scene.connected(.json, to: "news")
                let silent = try scene.connected(.protobuf, as: "binary")
                try silent.subscribe("news")
                #expect(try silent.call { .publish(id: $0, "news", "1") } == .publish)
                #expect(try asking.ending().reason == .inappropriateProtocol)
                try silent.subscribe("room:a")
                #expect(try reader.ending().reason == .inappropriateProtocol)
                let late = try scene.connected(.json)
                try late.send(.presence(id: 9, "room:a"))
                #expect(try late.ending().reason == .inappropriateProtocol)
            }
        }

        @Test("pings come and are answered; a client that does not answer is closed with 3012", arguments: Stage.all)
        func pingPong(_ stage: Stage) async throws {
            let change: (inout ServerSettings) -> Void = {
                $0.client.pingInterval = 0.4
                $0.client.pongTimeout = 0.2
            }
            try await play(stage, change) { scene in
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
            try await play(Stage(), change) { scene in
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
            try await play(Stage(), { $0.client.staleCloseDelay = 0.1 }) { scene in
                let silent = try scene.client()
                #expect(try silent.ending().reason == .stale)
            }
        }
    }
}

extension Push.Event {
    var isJoin: Bool { if case .join = self { true } else { false } }
}
