package import PharosBytes
package import PharosDomain
package import PharosProtocol

/// `HelloDialect` with the side of its clients.
///
/// They name the event of the channel `a` `on:a`.
package struct HelloUnderTest: DialectUnderTest, CustomStringConvertible {
    package init() {}

    /// Errors have no codes on this wire.
    private static let unsaidCode: UInt32 = 0

    package var description: String { "hello" }

    package var dialect: any ClientDialect { HelloDialect() }

    package var framings: [TransportFraming] { TransportFraming.allCases }

    /// All lanes are the clients' own.
    package var forms: [UInt8] { [] }

    package var commands: [Command] { [.subscribe(id: 3, "chat"), .unsubscribe(id: 4, "news"), .pong] }

    package var malformed: [[UInt8]] {
        [
            "null", "{}", #"{"token":"again"}"#, #"{"event":"x","channel":"y"}"#,
            #"{"event":"x","channel":"y","sid":0}"#,
            #"{"event":"x","sid":1}"#, #"{"stop":"unknown","sid":1}"#, #"{"ack":1}"#, #"{"ack":-1}"#,
            #"{"pong":false}"#,
            #"{"ack":0,"pong":true}"#, #"{"ack":0} x"#,
        ].map { Array($0.utf8) }
    }

    package var answers: [ServerMessage] {
        [
            .ping, .reply(Reply(id: HelloConversation.connectID, result: .connect(ConnectResult()))),
            .reply(Reply(id: 5, result: .publish)),
            .reply(Reply(id: 6, result: .error(ReplyError(code: HelloUnderTest.unsaidCode, message: "no \"entry\"")))),
            .push(Push(channel: "news", event: .publication(Publication(data: [0x31]), epoch: ""))),
        ]
    }

    package func speaker(over framing: TransportFraming) throws -> DialectSpeaker {
        var request = ConversationRequest()
        request.framing = framing
        let speaker = try DialectSpeaker(dialect, request)
        _ = speaker.open(as: "c1")
        _ = try speaker.hear(message(.connect()))
        _ = speaker.say(Reply(id: HelloConversation.connectID, result: .connect(ConnectResult())))
        _ = try speaker.hear(message(.subscribe(id: 1, "news")))
        _ = speaker.say(Reply(id: 1, result: .subscribe(SubscribeResult())))
        return speaker
    }

    package func write(_ command: Command, into writer: inout ByteWriter) {
        switch command.request {
        case .connect(let connect): writer.append("{\"token\":\(HelloMessage.quoted(connect.token))}")
        case .subscribe(let subscribe):
            let channel = subscribe.channel.text
            writer.append(
                "{\"event\":\(HelloMessage.quoted("on:" + channel)),\"channel\":\(HelloMessage.quoted(channel)),"
                    + "\"sid\":\(command.id)}")
        case .unsubscribe(let channel):
            writer.append("{\"stop\":\(HelloMessage.quoted("on:" + channel.text)),\"sid\":\(command.id)}")
        case nil: writer.append("{\"pong\":true}")
        default: preconditionFailure("clients of this dialect do not say this")
        }
    }

    /// A reply to any command but the connect is read as that to a publish.
    package func read(_ message: [UInt8]) throws -> [ServerMessage] {
        try message.withUnsafeBytes { bytes in
            var (sid, error, event): (UInt32?, String?, String?) = (nil, nil, nil)
            var data: [UInt8]?
            var isPing = false
            var scanner = JSONScanner(bytes)
            try scanner.beginObject()
            while let field = try scanner.nextMember() {
                switch field {
                case "sid": sid = try scanner.integer()
                case "error": error = try scanner.text().string
                case "event": event = try scanner.text().string
                case "data": data = Array(try scanner.skipValue())
                case "ping": isPing = try scanner.bool()
                default: try scanner.skipValue()
                }
            }
            try scanner.finish()
            if isPing { return [.ping] }
            if let event, let data {
                let channel = ChannelName(event.dropFirst(3))
                return [.push(Push(channel: channel, event: .publication(Publication(data: data), epoch: "")))]
            }
            let id = sid ?? HelloConversation.connectID
            if let error {
                return [
                    .reply(Reply(id: id, result: .error(ReplyError(code: HelloUnderTest.unsaidCode, message: error))))
                ]
            }
            return [.reply(Reply(id: id, result: sid == nil ? .connect(ConnectResult()) : .publish))]
        }
    }
}
