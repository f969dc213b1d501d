import PharosNATS
import Testing

/// Sessions that are given what a real server sent, in pieces of any size.
@Suite("NATS session, recorded")
struct NATSSessionRecordedTests {
    /// Replays a transcript, with the subscriptions 2 and 3, and gives the events.
    private func replay(_ name: String, pieces size: Int) throws -> [NATSEvent] {
        var subscriptions = NATSSubscriptions()
        try subscriptions.add("greet.*")
        try subscriptions.add("work.>")
        let scene = try SessionScene(subscriptions: subscriptions)
        let bytes = try Transcript(recorded: name).bytes
        // Of the recorded PINGs the session has sent only its own first: the second is that of a drain.
        for start in stride(from: 0, to: bytes.count, by: size) {
            if scene.session.state == .ready { try scene.session.drain() }
            scene.server(Array(bytes[start..<min(start + size, bytes.count)]))
        }
        scene.session.disconnected()
        return scene.events
    }

    @Test("core messages, then the end", arguments: [1, 2, 64])
    func core(size: Int) throws {
        let events = try replay("core", pieces: size)
        let subjects = events.compactMap { if case .message(let message) = $0 { message.subject } else { nil } }
        #expect(
            subjects == [
                "greet.anna", "greet.empty", "greet.bert", "work.a.b", "greet.headers", "greet.status", "greet.broken",
                "greet.nonsense",
            ])
        #expect(events.suffix(2) == [.drained, .closed(.disconnected)])
    }

    @Test(
        "errors of a real server",
        arguments: [
            ("token-refused", true, "Authorization Violation"), ("user-refused", true, "Authorization Violation"),
            ("max-payload", false, "Maximum Payload Violation"),
            ("unknown-operation", false, "Unknown Protocol Operation"),
        ])
    func errors(name: String, isRefused: Bool, text: String) throws {
        let events = try replay(name, pieces: 16)
        let error = NATSServerError(text)
        #expect(events.suffix(2) == [.error(error), .closed(isRefused ? .refused(error) : .failed(error))])
    }

    @Test("permissions that are missing do not end the connection")
    func permissions() throws {
        let events = try replay("user", pieces: 16)
        #expect(events.filter { if case .error = $0 { true } else { false } }.count == 2)
        #expect(events.last == .closed(.disconnected))
    }

    @Test("a server that is about to leave, and one that learns of another")
    func info() throws {
        for name in ["lame-duck", "cluster"] {
            let changes = try replay(name, pieces: 64).filter { if case .infoChanged = $0 { true } else { false } }
            #expect(changes.count == 1, "\(name)")
        }
    }
}
