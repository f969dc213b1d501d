import PharosNATS
import Testing

/// Malformed input: each kind has its error, after which nothing is read.
@Suite("NATS parser, failures")
struct NATSParserFailureTests {
    @Test(
        "malformed lines",
        arguments: [
            ("\r\n", .unknownVerb), ("HELLO\r\n", .unknownVerb), (" PING\r\n", .unknownVerb),
            ("PINGS\r\n", .unknownVerb),
            ("PI\r\n", .unknownVerb), ("PUB a 1\r\n", .unknownVerb), ("PING\r\r\n", .unknownVerb),
            ("PING x\r\n", .wrongArguments(.ping)), ("PONG 1\r\n", .wrongArguments(.pong)),
            ("+OK fine\r\n", .wrongArguments(.ok)), ("MSG\r\n", .wrongArguments(.message)),
            ("MSG a 1\r\n", .wrongArguments(.message)), ("MSG a 1 b 2 3\r\n", .wrongArguments(.message)),
            ("HMSG a 1 2\r\n", .wrongArguments(.messageWithHeaders)),
            ("HMSG a 1 b 2 3 4\r\n", .wrongArguments(.messageWithHeaders)),
            ("MSG a b 1\r\n", .wrongSubscription(.message)), ("MSG a -1 1\r\n", .wrongSubscription(.message)),
            ("HMSG a 18446744073709551616 1 1\r\n", .wrongSubscription(.messageWithHeaders)),
            ("MSG a 1 -1\r\n", .wrongSize(.message)), ("MSG a 1 1x\r\n", .wrongSize(.message)),
            ("MSG a 1 99999999999999999999999\r\n", .wrongSize(.message)),
            ("HMSG a 1 x 1\r\n", .wrongSize(.messageWithHeaders)),
            ("HMSG a 1 3 2\r\n", .wrongSize(.messageWithHeaders)),
            ("MSG a 1 1\r\nxy\r\n", .missingEndOfPayload), ("MSG a 1 1\r\nx\n", .missingEndOfPayload),
            ("MSG a 1 1\r\nx\rPING", .missingEndOfPayload), ("MSG a 1 0\r\nPING\r\n", .missingEndOfPayload),
            ("INFO\r\n", .wrongInfo(reason: "object expected")), ("INFO []\r\n", .wrongInfo(reason: "object expected")),
            ("INFO {\"proto\":\"1\"}\r\n", .wrongInfo(reason: "integer expected")),
            ("INFO {} {}\r\n", .wrongInfo(reason: "something follows the value")),
        ] as [(String, NATSParseError)])
    func malformed(bytes: String, failure: NATSParseError) {
        let transcript = Transcript("PONG\r\n" + bytes + "PONG\r\n")
        let expected = Reading(messages: [.pong], failure: failure)
        #expect(transcript.read() == expected)
        for cut in 1..<transcript.bytes.count { #expect(transcript.read(cuts: [cut]) == expected, "cut at \(cut)") }
        #expect(transcript.read(pieces: 1) == expected)
    }

    @Test("a parser that has failed stays so")
    func staysFailed() {
        var parser = NATSParser()
        var reading = Reading()
        parser.feed(Array("NONSENSE\r\n".utf8), into: &reading)
        #expect(reading.failure == .unknownVerb)
        reading.failure = nil
        parser.feed(Array("PING\r\n".utf8), into: &reading)
        #expect(reading == Reading(messages: [], failure: .unknownVerb))
        #expect(parser.heldBytes == 0)
    }

    @Test("limits of lines: up to them and one byte beyond, whole and byte by byte")
    func lineLimits() {
        func message(_ count: Int) -> Transcript {
            Transcript("MSG " + String(repeating: "a", count: count - 9) + " 1 1\r\nx\r\n")
        }
        func info(_ count: Int) -> Transcript {
            Transcript("INFO {\"x\":\"" + String(repeating: "a", count: count - 14) + "\"}\r\n")
        }
        // With its CR a line has as many bytes as are given here.
        #expect(message(4_096).read().failure == nil)
        #expect(message(4_096).read(pieces: 1).messages.count == 1)
        #expect(message(4_097).read() == Reading(failure: .lineTooLong(limit: 4_096)))
        #expect(message(4_097).read(pieces: 7) == Reading(failure: .lineTooLong(limit: 4_096)))
        #expect(info(65_536).read() == Reading(messages: [.info(NATSInfo())]))
        #expect(info(65_536).read(pieces: 1_000) == Reading(messages: [.info(NATSInfo())]))
        #expect(info(65_537).read() == Reading(failure: .lineTooLong(limit: 65_536)))
        #expect(info(65_537).read(pieces: 1_000) == Reading(failure: .lineTooLong(limit: 65_536)))
        let endless = Transcript([UInt8](repeating: UInt8(ascii: "A"), count: 5_000))
        #expect(endless.read() == Reading(failure: .lineTooLong(limit: 4_096)))
    }

    @Test("a message beyond the limit fails before its payload")
    func messageLimit() {
        var limits = NATSLimits()
        limits.messageBytes = 4
        var transcript = Transcript("MSG a 1 4\r\nfour\r\nMSG a 1 5\r\n")
        transcript.limits = limits
        #expect(
            transcript.read()
                == Reading(
                    messages: [NATSMessage.to(1, "a", "four")], failure: .messageTooLarge(bytes: 5, limit: 4)))
        let whole = Transcript("MSG a 1 67108865\r\n").read()
        #expect(whole.failure == .messageTooLarge(bytes: 67_108_865, limit: 67_108_864))
    }

    @Test("a large payload is announced: what is held is what has come")
    func held() {
        var parser = NATSParser()
        var reading = Reading()
        parser.feed(Array("MSG a 1 67108864\r\nabc".utf8), into: &reading)
        #expect(parser.heldBytes == 3)
        #expect(reading == Reading())
    }
}
