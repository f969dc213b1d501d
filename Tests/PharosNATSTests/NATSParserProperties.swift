import PharosNATS
import PharosTestKit
import Testing

/// Properties that hold for any messages, cuts and bytes, by seeds.
@Suite("NATS parser, properties")
struct NATSParserProperties {
    @Test("any valid messages, in any cut, give the same messages", arguments: 0..<40)
    func anyCut(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        var bytes: [UInt8] = []
        var messages: [NATSServerMessage] = []
        for _ in 0..<Int.random(in: 1...30, using: &random) {
            let (line, message) = NATSParserProperties.message(&random)
            bytes += line
            messages.append(message)
        }
        let transcript = Transcript(bytes)
        #expect(transcript.read() == Reading(messages: messages))
        for _ in 0..<8 {
            let count = Int.random(in: 0...20, using: &random)
            let cuts = (0..<count).map { _ in Int.random(in: 0...bytes.count, using: &random) }.sorted()
            #expect(transcript.read(cuts: cuts) == Reading(messages: messages), "cuts \(cuts)")
        }
    }

    @Test("random bytes end in an error or wait for more, the same in any cut", arguments: 0..<40)
    func randomBytes(seed: Int) {
        var random = SeededGenerator(seed: 1_000 + UInt64(seed))
        let pieces = [
            "MSG ", "HMSG ", "INFO ", "PING\r\n", "-ERR ", "\r\n", " ", "1", "a", "NATS/1.0", "{\"", "\u{0}", "99",
        ]
        for _ in 0..<50 {
            var bytes: [UInt8] = []
            for _ in 0..<Int.random(in: 0...40, using: &random) {
                if Bool.random(using: &random) {
                    bytes += Array((pieces.randomElement(using: &random) ?? "").utf8)
                } else {
                    bytes.append(UInt8.random(in: 0...255, using: &random))
                }
            }
            NATSParserProperties.expectSameInPieces(bytes)
        }
    }

    @Test(
        "recorded bytes with faults never trap, and are the same in any cut", arguments: ["core", "jetstream", "user"])
    func faults(name: String) throws {
        let recorded = try Transcript(recorded: name).bytes
        var random = SeededGenerator(seed: 7)
        for _ in 0..<100 {
            var bytes = recorded
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            NATSParserProperties.expectSameInPieces(bytes)
        }
    }

    @Test(
        "sessions that get recorded bytes with faults end once, with their requests", arguments: ["core", "jetstream"])
    func sessionFaults(name: String) throws {
        let recorded = try Transcript(recorded: name).bytes
        var random = SeededGenerator(seed: 11)
        for _ in 0..<100 {
            var bytes = recorded
            bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            let scene = try SessionScene()
            _ = try scene.subscribe(to: "greet.*")
            var tickets: Set<UInt64> = []
            for start in stride(from: 0, to: bytes.count, by: 100) {
                if scene.session.state == .ready { tickets.insert(try scene.request("ask")) }
                scene.server(Array(bytes[start..<min(start + 100, bytes.count)]))
            }
            scene.session.disconnected()
            let events = scene.events
            let ended = events.compactMap { if case .answer(let ticket, .connectionLost) = $0 { ticket } else { nil } }
            #expect(Set(ended) == tickets && ended.count == tickets.count)
            #expect(events.filter { if case .closed = $0 { true } else { false } }.count == 1)
            #expect(scene.isClosed)
        }
    }

    @Test("a large payload in small pieces")
    func largePayload() {
        var random = SeededGenerator(seed: 5)
        let payload = (0..<(2 << 20)).map { _ in UInt8.random(in: 0...255, using: &random) }
        let transcript = Transcript(Array("MSG a 1 \(payload.count)\r\n".utf8) + payload + [0x0D, 0x0A])
        let message = NATSMessage(subscription: 1, subject: "a", payload: payload)
        #expect(transcript.read(pieces: 100) == Reading(messages: [.message(message)]))
    }

    private static func expectSameInPieces(_ bytes: [UInt8]) {
        let transcript = Transcript(bytes)
        let whole = transcript.read()
        #expect(transcript.read(pieces: 1) == whole)
        #expect(transcript.read(pieces: 5) == whole)
    }

    private static func message(_ random: inout SeededGenerator) -> ([UInt8], NATSServerMessage) {
        func space() -> String { [" ", "  ", "\t", " \t "].randomElement(using: &random) ?? " " }
        func word(_ letters: String) -> String {
            Bool.random(using: &random) ? letters : letters.lowercased()
        }
        switch Int.random(in: 0...6, using: &random) {
        case 0: return (Array("\(word("PING"))\r\n".utf8), .ping)
        case 1: return (Array("\(word("PONG"))\r\n".utf8), .pong)
        case 2: return (Array("\(word("+OK"))\r\n".utf8), .ok)
        case 3: return (Array("\(word("-ERR"))\(space())'a  b'\r\n".utf8), .error("a  b"))
        default: break
        }
        let subject = "s." + String(repeating: "x", count: Int.random(in: 1...20, using: &random))
        let reply = Bool.random(using: &random) ? "r.\(Int.random(in: 0...99, using: &random))" : nil
        let subscription = UInt64.random(in: 0...(.max), using: &random)
        let payload = (0..<Int.random(in: 0...300, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random)
        }
        var message = NATSMessage(subscription: subscription, subject: subject, reply: reply, payload: payload)
        var block = ""
        if Bool.random(using: &random) {
            let lines = (0..<Int.random(in: 0...4, using: &random)).map { "Name-\($0):\(space())value \($0)\r\n" }
            block = "NATS/1.0\(Bool.random(using: &random) ? " 404 Text" : "")\r\n\(lines.joined())\r\n"
            message.headers = Array(block.utf8).withUnsafeBytes { NATSHeaders(block: $0) }
        }
        var line = word(block.isEmpty ? "MSG" : "HMSG") + space() + subject + space() + String(subscription) + space()
        if let reply { line += reply + space() }
        if !block.isEmpty { line += String(block.utf8.count) + space() }
        line += String(block.utf8.count + payload.count) + "\r\n" + block
        return (Array(line.utf8) + payload + [0x0D, 0x0A], .message(message))
    }
}
