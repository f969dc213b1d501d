import Testing

@testable import PharosRedis

@Suite("Redis session: publish and subscribe")
struct RedisPubSubTests {
    /// The events of a session that does what the recorded client did.
    ///
    /// From the second command on: the first is the handshake.
    private func replay(_ name: String) -> [String] {
        let lines = Transcript(name).lines
        let isRESP3 = name.hasSuffix("3")
        var dialogue = Dialogue.ready(resp: isRESP3 ? 3 : 2)
        for line in lines.dropFirst(2) {
            switch line {
            case .sent(let bytes): perform(Parsed(CollectionOfOne(bytes[...])).values[0], &dialogue)
            case .received(let bytes, _): dialogue.session.receive(bytes)
            }
        }
        var events: [String] = []
        while let event = dialogue.session.nextEvent() { events.append(event.notation) }
        return events
    }

    private func perform(_ command: RESPValue, _ dialogue: inout Dialogue) {
        guard let words = try? command.elements().map({ try $0.bytes() }) else { return }
        let name = String(decoding: words[0], as: UTF8.self)
        let kind = RedisSubscriptionKind.allCases.first {
            name == $0.prefix + "SUBSCRIBE" || name == $0.prefix + "UNSUBSCRIBE"
        }
        if let kind {
            let order = RedisSubscriptionOrder(
                kind, isSubscribe: !name.hasSuffix("UNSUBSCRIBE"), channels: Array(words[1...]))
            _ = dialogue.session.change(order, deadlineMs: 1_000)
        } else {
            _ = dialogue.session.send(RedisCommand(words.map { .bytes($0) }), deadlineMs: 1_000)
        }
        dialogue.sendAll()
    }

    private static let subscribing = [
        "subscribed channel news 1", "subscribed channel weather 2", "confirmed 1", "subscribed pattern n* 3",
        "confirmed 2", "subscribed shard {0}shard 1", "confirmed 3", #"message news "\x00binary\r\n\xff""#,
        #"pmessage n* news "\x00binary\r\n\xff""#, #"message weather """#, #"smessage {0}shard "sharded""#,
    ]
    private static let unsubscribing = [
        "unsubscribed channel news 2", "unsubscribed channel weather 1", "confirmed 6", "unsubscribed pattern n* 0",
        "confirmed 7", "unsubscribed shard {0}shard 0", "confirmed 8", "unsubscribed channel never 0", "confirmed 9",
        "reply 10 null",
    ]

    @Test("all three kinds in RESP3, as a real server pushes them, between replies")
    func resp3() {
        let between = ["reply 4 +PONG", "reply 5 null"]
        #expect(replay("pubsub-resp3") == RedisPubSubTests.subscribing + between + RedisPubSubTests.unsubscribing)
    }

    @Test("all three kinds in RESP2, as a real server sends them")
    func resp2() {
        let between = [
            #"reply 4 ["pong", ""]"#,
            "failed 5 -ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are "
                + "allowed in this context",
        ]
        #expect(replay("pubsub-resp2") == RedisPubSubTests.subscribing + between + RedisPubSubTests.unsubscribing)
    }

    @Test("in RESP2 a reply that looks like a message is a reply, before the subscription and after its end")
    func lookalike() {
        var dialogue = Dialogue.ready(resp: 2)
        let news = Array("news".utf8)
        _ = dialogue.session.send(["LRANGE", "list", 0, -1], deadlineMs: 1_000)
        _ = dialogue.session.change(.init(.channel, isSubscribe: true, channels: [news]), deadlineMs: 1_000)
        _ = dialogue.session.change(.init(.channel, isSubscribe: false, channels: [news]), deadlineMs: 1_000)
        _ = dialogue.session.send(["LRANGE", "list", 0, -1], deadlineMs: 1_000)
        dialogue.sendAll()
        dialogue.play(
            #"""
            < *3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$1\r\na\r\n
            = reply 1 ["message", "news", "a"]
            < *3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n
            = subscribed channel news 1
            = confirmed 2
            < *3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$1\r\nb\r\n
            = message news "b"
            < *3\r\n$11\r\nunsubscribe\r\n$4\r\nnews\r\n:0\r\n
            = unsubscribed channel news 0
            = confirmed 3
            < *3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$1\r\nc\r\n
            = reply 4 ["message", "news", "c"]
            """#)
        dialogue.expectQuiet()
    }

    @Test("a server that moves the slot ends the subscription by itself, as recorded")
    func slotMoved() {
        var dialogue = Dialogue.ready()
        let bar = Array("bar".utf8)
        _ = dialogue.session.change(.init(.shard, isSubscribe: true, channels: [bar]), deadlineMs: 1_000)
        dialogue.play(
            #"""
            > SSUBSCRIBE bar
            < >3\r\n$10\r\nssubscribe\r\n$3\r\nbar\r\n:1\r\n
            = subscribed shard bar 1
            = confirmed 1
            """#)
        _ = dialogue.session.send(["PING"], deadlineMs: 1_000)
        dialogue.play("> PING")
        // What the answer to CLUSTER SETSLOT brought with it: the push, and then OK.
        for case .received(let bytes, _) in Transcript("cluster").lines.suffix(2) { dialogue.session.receive(bytes) }
        dialogue.play("= unsubscribed shard bar 0 by the server\n= reply 2 +OK")
        dialogue.expectQuiet()
    }

    @Test("a refused subscription fails as a whole")
    func refused() {
        var dialogue = Dialogue.ready()
        let order = RedisSubscriptionOrder(.shard, isSubscribe: true, channels: [Array("foo".utf8)])
        _ = dialogue.session.change(order, deadlineMs: 1_000)
        dialogue.play(
            #"""
            > SSUBSCRIBE foo
            < -MOVED 12182 127.0.0.1:21801\r\n
            = failed 1 -MOVED 12182 127.0.0.1:21801
            """#)
        dialogue.expectQuiet()
    }

    @Test("an order confirmed in part when its deadline passes has timed out")
    func partlyConfirmed() {
        var dialogue = Dialogue.ready()
        let order = RedisSubscriptionOrder(.channel, isSubscribe: true, channels: [[97], [98]])
        _ = dialogue.session.change(order, deadlineMs: 100)
        dialogue.play(
            #"""
            > SUBSCRIBE a b
            < >3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n
            = subscribed channel a 1
            """#)
        dialogue.session.advance(toMs: 100)
        dialogue.play("= failed 1 timedOut outcomeUnknown\n= over: commandTimedOut")
        dialogue.expectQuiet()
    }

    @Test("a plain reply to an order ends the session")
    func plainReply() {
        var dialogue = Dialogue.ready()
        _ = dialogue.session.change(.init(.channel, isSubscribe: true, channels: [[97]]), deadlineMs: 100)
        dialogue.play(
            #"""
            > SUBSCRIBE a
            < +OK\r\n
            = failed 1 closed outcomeUnknown
            = over: unexpectedReply
            """#)
        dialogue.expectQuiet()
    }
}
