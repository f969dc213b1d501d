import Testing

@testable import PharosRedis

/// A session and what passes over its connection, line by line.
///
/// A line begins with `>` (a command that the session sends, its arguments separated by spaces), `<` (bytes that it
/// receives, with escapes) or `=` (an event). Whatever is sent or reported must be named.
struct Dialogue: ~Copyable {
    var session: RedisSession

    /// Begins a session at time 0.
    init(_ options: RedisSessionOptions = RedisSessionOptions()) {
        session = RedisSession(options)
        session.begin(nowMs: 0)
    }

    /// A session whose handshake is over.
    static func ready(resp: Int = 3, _ lines: String = "") -> Dialogue {
        var dialogue = Dialogue(RedisSessionOptions(prefersRESP3: resp == 3))
        if resp == 3 {
            dialogue.play(
                #"""
                > HELLO 3
                < %1\r\n$5\r\nproto\r\n:3\r\n
                = ready RESP3
                """#)
        } else {
            dialogue.play("= ready RESP2")
        }
        return dialogue
    }

    mutating func play(_ lines: String, sourceLocation: SourceLocation = #_sourceLocation) {
        for line in lines.split(separator: "\n") {
            let text = line.dropFirst(2)
            switch line.first {
            case ">":
                let sent = takeCommand()
                #expect(sent == String(text), sourceLocation: sourceLocation)
            case "<": session.receive(Escapes.bytes(text))
            case "=":
                let event = session.nextEvent()?.notation
                #expect(event == String(text), sourceLocation: sourceLocation)
            default: Issue.record("a line of no kind: \(line)", sourceLocation: sourceLocation)
            }
        }
    }

    /// Checks that nothing was sent or reported but what was named.
    mutating func expectQuiet(sourceLocation: SourceLocation = #_sourceLocation) {
        let sent = takeCommand()
        #expect(sent == nil, sourceLocation: sourceLocation)
        let event = session.nextEvent()?.notation
        #expect(event == nil, sourceLocation: sourceLocation)
    }

    /// Sends everything and forgets it.
    mutating func sendAll() { session.markSent(session.withOutput(\.count)) }

    /// Sends the next command of the output.
    private mutating func takeCommand() -> String? {
        var parser = RESPParser()
        let (value, count) = session.withOutput { output -> (RESPValue?, Int) in
            var input = output
            return (try? parser.next(&input), output.count - input.count)
        }
        session.markSent(value == nil ? 0 : count)
        guard case .array(let arguments)? = value else { return nil }
        return arguments.map { (try? $0.bytes()).map(Escapes.text) ?? "?" }.joined(separator: " ")
    }
}
