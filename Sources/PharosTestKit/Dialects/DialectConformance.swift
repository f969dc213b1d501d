import PharosBytes
import PharosDomain
import PharosProtocol

/// The guarantees of every dialect: a dialect's tests go through all of these.
package enum DialectConformance: String, CaseIterable, Sendable {
    case commandsArriveAsTheyWereSaid
    case malformedMessagesThrow
    case damagedMessagesNeverTrap
    case answersArriveAsTheyWereSaid
    case publicationsAreTheSameForAll
    case publicationsArrive
    case messagesAreKeptApart
    case pingsAreAnswered
    case endsAreSaidOnce

    /// Checks one promise. Throws `ConformanceFailure`.
    package func check(_ subject: any DialectUnderTest) throws {
        switch self {
        case .commandsArriveAsTheyWereSaid: try commandsArrive(subject)
        case .malformedMessagesThrow: try malformedThrow(subject)
        case .damagedMessagesNeverTrap: try damagedNeverTrap(subject)
        case .answersArriveAsTheyWereSaid: try answersArrive(subject)
        case .publicationsAreTheSameForAll: try publicationsAreTheSame(subject)
        case .publicationsArrive: try publicationsArrive(subject)
        case .messagesAreKeptApart: try messagesAreKeptApart(subject)
        case .pingsAreAnswered: try pingsAreAnswered(subject)
        case .endsAreSaidOnce: try endsAreSaidOnce(subject)
        }
    }

    // MARK: From the client

    private func commandsArrive(_ subject: any DialectUnderTest) throws {
        for framing in subject.framings {
            for command in subject.commands {
                let said = try subject.speaker(over: framing).hear(subject.message(command))
                try require(said, is: [.commands([command])], "\(framing)")
            }
        }
        guard try subject.speaker(over: subject.framings[0]).conversation == nil else { return }
        let table = DialectTable([subject.dialect])
        for command in subject.commands {
            var commands: [Command] = []
            try subject.message(command).withUnsafeBytes { try table.decode($0, 0, into: &commands) }
            try require(commands, is: [command], "by number")
        }
    }

    private func malformedThrow(_ subject: any DialectUnderTest) throws {
        for message in subject.malformed + [[]] {
            let speaker = try subject.speaker(over: subject.framings[0])
            do {
                let said = try speaker.hear(message)
                throw ConformanceFailure(description: "\(message) was taken for \(said)")
            } catch is MalformedFrame {}
        }
    }

    /// A damaged message may still be one; nothing but `MalformedFrame` is thrown.
    private func damagedNeverTrap(_ subject: any DialectUnderTest) throws {
        var damage = MessageDamage(subject.commands.map { subject.message($0) } + subject.malformed, seed: 0xD1A1_EC75)
        var refused = 0
        for _ in 0..<4_000 {
            let message = damage.next()
            let speaker = try subject.speaker(over: subject.framings[0])
            do throws(MalformedFrame) { _ = try speaker.hear(message) } catch { refused += 1 }
            _ = speaker.say(Push(channel: "news", event: .publication(Publication(data: [0x31]), epoch: "")))
            _ = speaker.end(.badRequest)
        }
        guard refused > 0 else { throw ConformanceFailure(description: "no damage was noticed") }
    }

    // MARK: From the server

    private func answersArrive(_ subject: any DialectUnderTest) throws {
        for framing in subject.framings {
            for answer in subject.answers {
                let speaker = try subject.speaker(over: framing)
                let said =
                    switch answer {
                    case .ping: speaker.ping()
                    case .reply(let reply): speaker.say(reply)
                    case .push(let push): speaker.say(push)
                    }
                try require(try said.messages.flatMap { try subject.read($0) }, is: [answer], "\(framing)")
            }
        }
    }

    /// A lane's bytes depend on nothing but the publication and the form.
    private func publicationsAreTheSame(_ subject: any DialectUnderTest) throws {
        let table = DialectTable([subject.dialect])
        for form in subject.forms {
            for publication in DialectConformance.publications {
                var alone = ByteWriter()
                let kind = table.encodePublication(
                    publication, in: "news", epoch: "e1",
                    for: LaneKey(dialect: 0, form: form, framing: subject.framings[0]), into: &alone)
                for framing in subject.framings {
                    for windowBits: UInt8 in [0, 15] {
                        let lane = LaneKey(
                            dialect: 0, form: form, framing: framing, windowBits: windowBits,
                            receivesJoinLeave: windowBits > 0)
                        var after = ByteWriter()
                        _ = table.encode(Push(channel: "x", event: .message(data: [0x30])), 0, into: &after)
                        let start = after.count
                        let again = table.encodePublication(
                            publication, in: "news", epoch: "e1", for: lane, into: &after)
                        try require(again, is: kind, "kind, form \(form), \(framing)")
                        try require(Array(after.array[start...]), is: alone.array, "bytes, form \(form), \(framing)")
                    }
                }
            }
        }
        // Bytes of one's own depend on nothing but what was said before on the same connection.
        for publication in DialectConformance.publications {
            let (one, other) = (
                try subject.speaker(over: subject.framings[0]), try subject.speaker(over: subject.framings[0])
            )
            let said = one.publish(publication, in: "news", epoch: "e1")
            try require(other.publish(publication, in: "news", epoch: "e1"), is: said, "two connections")
        }
    }

    private func publicationsArrive(_ subject: any DialectUnderTest) throws {
        for form in subject.forms {
            for publication in DialectConformance.publications {
                var writer = ByteWriter()
                _ = subject.dialect.encodePublication(
                    publication, in: "news", epoch: "e1", form: form, into: &writer)
                try isHeard(publication, try subject.read(writer.array), "form \(form)")
            }
        }
        for publication in DialectConformance.publications {
            let said = try subject.speaker(over: subject.framings[0]).publish(publication, in: "news", epoch: "e1")
            guard said.messages.count == said.count, said.count <= 1 else {
                throw ConformanceFailure(description: "\(said) for one publication")
            }
            guard !said.isEmpty || subject.forms.isEmpty else { continue }
            try isHeard(publication, try said.messages.flatMap { try subject.read($0) }, "alone")
        }
    }

    private func isHeard(_ publication: Publication, _ messages: [ServerMessage], _ what: String) throws {
        guard messages.count == 1, case .push(let push) = messages[0], push.channel == "news",
            case .publication(let heard, _) = push.event
        else { throw ConformanceFailure(description: "\(what): \(messages), not a publication") }
        try require(heard.data, is: publication.data, what)
    }

    /// Messages that follow each other in a transport can be separated again.
    private func messagesAreKeptApart(_ subject: any DialectUnderTest) throws {
        let table = DialectTable([subject.dialect])
        let isByLine = subject.dialect.traits.separator == .lineFeed
        for framing in subject.framings where framing == .line || framing == .stream && isByLine {
            let speaker = try subject.speaker(over: framing)
            let messages = DialectConformance.publications.flatMap { speaker.publish($0, in: "news").messages }
            var wire: [UInt8] = []
            for bytes in messages {
                var message = ByteWriter()
                var packed = ByteWriter()
                message.append(bytes)
                switch table.frame(&message, .text, 0, framing, into: &packed) {
                case .message: wire += message.array
                case .packed: wire += packed.array
                }
            }
            let lines = wire.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            try require(lines.map { Array($0) }, is: messages + [[]], "\(framing)")
        }
    }

    // MARK: Life and end

    private func pingsAreAnswered(_ subject: any DialectUnderTest) throws {
        for framing in subject.framings {
            let style = subject.dialect.pings(over: framing, query: UnsafeRawBufferPointer(start: nil, count: 0))
            guard style == .message else { continue }
            let speaker = try subject.speaker(over: framing)
            try require(try speaker.ping().messages.flatMap { try subject.read($0) }, is: [.ping], "ping")
            try require(try speaker.hear(subject.message(.pong)), is: [.commands([.pong])], "pong")
        }
    }

    private func endsAreSaidOnce(_ subject: any DialectUnderTest) throws {
        for framing in subject.framings {
            for reason in [Disconnect.shutdown, .invalidToken] {
                let speaker = try subject.speaker(over: framing)
                let said = speaker.end(reason)
                guard said.count == 1, case .ended(let style, let last) = said[0] else {
                    throw ConformanceFailure(description: "\(framing): \(said), not one end")
                }
                switch style {
                case .closeFrame:
                    try require(framing, is: .frame, "a close frame")
                    try require(last, is: [], "a message beside a close frame")
                case .lastMessage:
                    guard framing != .frame, !last.isEmpty else {
                        throw ConformanceFailure(description: "\(framing): \(last) as the last message")
                    }
                case .silence: try require(last, is: [], "a message at a silent end")
                }
                guard speaker.conversation != nil else { continue }
                let afterwards =
                    speaker.end(reason) + speaker.ping() + speaker.publish(Publication(data: [0x31]), in: "news")
                    + speaker.say(Push(channel: "news", event: .unsubscribe(.insufficientState)))
                    + speaker.say(Reply(id: 7, result: .error(.internalError))) + speaker.drop(1, in: "news")
                try require(afterwards, is: [], "\(framing): after the end")
                try require(
                    speaker.message([0x31], isJSON: true) == nil, is: true, "\(framing): a message after the end")
            }
        }
    }

    private static let publications: [Publication] = [
        Publication(data: Array(#"{"a":[1,"x\"y"]}"#.utf8), offset: 1),
        Publication(data: Array("7".utf8), offset: 2, tags: ["k": "v"], timeMs: 1_700_000_000_123),
        Publication(data: Array(#""é😀""#.utf8)),
    ]
}

/// Messages with one or more bytes changed, the same for the same seed.
struct MessageDamage {
    private let messages: [[UInt8]]
    private var random: SeededGenerator

    init(_ messages: [[UInt8]], seed: UInt64) {
        self.messages = messages.isEmpty ? [[0x7B, 0x7D]] : messages
        random = SeededGenerator(seed: seed)
    }

    mutating func next() -> [UInt8] {
        var message = messages[Int.random(in: 0..<messages.count, using: &random)]
        for _ in 0...Int.random(in: 0...2, using: &random) { damage(&message) }
        return message
    }

    private mutating func damage(_ message: inout [UInt8]) {
        let index = Int.random(in: 0...message.count, using: &random)
        switch Int.random(in: 0..<6, using: &random) {
        case 0 where index < message.count: message[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 1 where index < message.count: message[index] = UInt8.random(in: 0...255, using: &random)
        case 2 where index < message.count: message.remove(at: index)
        case 3: message.insert(UInt8.random(in: 0...255, using: &random), at: index)
        case 4: message = Array(message[..<index])
        default:
            let other = messages[Int.random(in: 0..<messages.count, using: &random)]
            message = Array(message[..<index]) + other.suffix(Int.random(in: 0...other.count, using: &random))
        }
    }
}
