import PharosNATS
import Testing

/// The bytes of a real nats-server 2.15.1, whole and cut at every byte.
@Suite("NATS parser, recorded")
struct NATSParserRecordedTests {
    @Test(
        "cut at any byte, and byte by byte, a transcript is the same",
        arguments: [
            "core", "verbose", "no-responders", "token", "token-refused", "user", "user-refused", "max-payload",
            "unknown-operation", "lame-duck", "cluster", "jetstream", "slow-consumer",
        ])
    func cuts(name: String) throws {
        let transcript = try Transcript(recorded: name)
        let whole = transcript.read()
        #expect(whole.failure == nil)
        #expect(whole.messages.count > 1)
        for cut in 1..<transcript.bytes.count where transcript.read(cuts: [cut]) != whole {
            Issue.record("cut at \(cut)")
        }
        for size in [1, 2, 3, 7, 64] { #expect(transcript.read(pieces: size) == whole, "in pieces of \(size)") }
    }

    @Test("INFO at the start, and once more when the client is known")
    func info() throws {
        let messages = try Transcript(recorded: "core").read().messages
        guard case .info(let first) = messages[0], case .info(let second) = messages[2] else {
            Issue.record("no INFO")
            return
        }
        #expect(messages[1] == .pong)
        #expect(first == second)
        #expect((first.serverName, first.version, first.proto) == ("n1", "2.15.1", 1))
        #expect((first.supportsHeaders, first.requiresAuthentication, first.maxPayload) == (true, false, 1_048_576))
        #expect((first.clientID, first.cluster, first.isLameDuck) == (5, nil, false))
    }

    @Test("messages of core NATS, among them blocks of headers that are none")
    func core() throws {
        let malformed = NATSHeaders("no colon here")
        #expect(malformed.isMalformed)
        let messages = try Transcript(recorded: "core").read().messages
        #expect(
            Array(messages.dropFirst(3)) == [
                NATSMessage.to(2, "greet.anna", "hello"), NATSMessage.to(2, "greet.empty", ""),
                NATSMessage.to(2, "greet.bert", reply: "answers.7", "MSG "),
                NATSMessage.to(3, "work.a.b", "line\r\nPING\r\n"),
                NATSMessage.to(
                    2, "greet.headers", headers: NATSHeaders("Colour: red", "Colour: blue", "lower: spaced", "Empty:"),
                    "body"),
                NATSMessage.to(
                    2, "greet.status", reply: "answers.8", headers: NATSHeaders(status: " 404 No Messages"), ""),
                NATSMessage.to(2, "greet.broken", headers: malformed, "kept"),
                NATSMessage.to(2, "greet.nonsense", headers: malformed, "kept"), .pong,
            ])
    }

    @Test(
        "messages that follow the first INFO and PONG",
        arguments: [
            (
                "no-responders",
                [
                    NATSMessage.to(
                        1, "_INBOX.r.1", headers: NATSHeaders("Nats-Subject: nothing.here", status: " 503"), ""),
                    .pong,
                ]
            ),
            ("token", [.pong]), ("token-refused", [.error("Authorization Violation")]),
            (
                "user",
                [
                    .error("Permissions Violation for Subscription to \"secret.b\""),
                    .error("Permissions Violation for Publish to \"secret.c\""), NATSMessage.to(1, "ok.a", "y"), .pong,
                ]
            ),
            ("user-refused", [.error("Authorization Violation")]),
            ("max-payload", [.error("Maximum Payload Violation")]),
            ("unknown-operation", [.error("Unknown Protocol Operation")]),
            ("verbose", [.ok, .ok, .ok, NATSMessage.to(1, "a", "hi"), .pong]), ("lame-duck", [.pong]),
            (
                "slow-consumer",
                [
                    NATSMessage.to(1, "flood", String(repeating: "z", count: 1_000)),
                    NATSMessage.to(1, "flood", String(repeating: "z", count: 1_000)),
                ]
            ),
        ] as [(String, [NATSServerMessage])])
    func others(name: String, expected: [NATSServerMessage]) throws {
        var messages = try Transcript(recorded: name).read().messages
        messages.removeAll { if case .info = $0 { true } else { false } }
        if messages.first == .pong { messages.removeFirst() }
        #expect(messages == expected)
    }

    @Test("INFO says that the server is about to leave, and which others there are")
    func changes() throws {
        func last(_ name: String) throws -> NATSInfo? {
            try Transcript(recorded: name).read().messages.reduce(nil) { found, message in
                if case .info(let info) = message { info } else { found }
            }
        }
        #expect(try last("lame-duck")?.isLameDuck == true)
        #expect(try last("cluster")?.cluster == "C")
        #expect(try last("cluster")?.connectURLs == ["127.0.0.1:14622", "127.0.0.1:14623"])
        #expect(try last("token")?.requiresAuthentication == true)
        #expect(try last("jetstream")?.hasJetStream == true)
    }
}
