import PharosBytes
import PharosNATS
import Testing

/// The messages of a client, byte by byte.
@Suite("NATS writer")
struct NATSWriterTests {
    private func written(_ body: (inout NATSWriter) throws -> Void) rethrows -> String {
        var writer = NATSWriter()
        try body(&writer)
        return String(decoding: writer.bytes.array, as: UTF8.self)
    }

    private func payload(_ text: String) -> [UInt8] { Array(text.utf8) }

    @Test("publications, with and without reply and headers")
    func publish() throws {
        let text = try written { writer in
            try writer.publish(payload("hello"), to: "a.b")
            try writer.publish([], to: "a.b", reply: "_INBOX.x.1")
            try writer.publish(payload("hi"), to: "a", headers: NATSHeaders("A: b"))
            try writer.publish(payload("hi"), to: "a", reply: "r", headers: NATSHeaders("A: b", "A: c"))
            try writer.publish([], to: "a", headers: NATSHeaders(status: " 404 None"))
        }
        #expect(
            text == "PUB a.b 5\r\nhello\r\nPUB a.b _INBOX.x.1 0\r\n\r\n"
                + "HPUB a 18 20\r\nNATS/1.0\r\nA: b\r\n\r\nhi\r\n"
                + "HPUB a r 24 26\r\nNATS/1.0\r\nA: b\r\nA: c\r\n\r\nhi\r\n"
                + "HPUB a 21 21\r\nNATS/1.0 404 None\r\n\r\n\r\n")
    }

    @Test("subscriptions, pings and pongs")
    func others() throws {
        let text = try written { writer in
            try writer.subscribe(1, to: "a.*.>")
            try writer.subscribe(2, to: "a", queue: "workers.b")
            writer.unsubscribe(1)
            writer.unsubscribe(2, after: 10)
            writer.ping()
            writer.pong()
        }
        #expect(text == "SUB a.*.> 1\r\nSUB a workers.b 2\r\nUNSUB 1\r\nUNSUB 2 10\r\nPING\r\nPONG\r\n")
    }

    @Test("CONNECT without and with credentials; control characters cannot end its line")
    func connect() {
        let plain = written { $0.connect(NATSConnectOptions()) }
        #expect(
            plain == #"CONNECT {"verbose":false,"pedantic":false,"tls_required":false,"name":"","lang":"swift","#
                + #""version":"","protocol":1,"echo":true,"headers":true,"no_responders":true}"# + "\r\n")
        var options = NATSConnectOptions()
        (options.name, options.version, options.requiresTLS, options.echo) = ("a \"b\" \\", "1", true, false)
        options.authenticate(.user("anna\r\nPING", password: "\u{1F}\u{E9}"), nonce: nil)
        #expect(
            written { $0.connect(options) } == #"CONNECT {"verbose":false,"pedantic":false,"tls_required":true,"#
                + #""user":"anna\u000d\u000aPING","pass":"\u001f"# + "\u{E9}"
                + #"","name":"a \"b\" \\","lang":"swift","version":"1","protocol":1,"echo":false,"headers":true,"#
                + #""no_responders":true}"# + "\r\n")
    }

    @Test("tokens, and keys that sign the nonce")
    func credentials() {
        var options = NATSConnectOptions()
        options.authenticate(.token("t"), nonce: "n")
        #expect(written { $0.connect(options) }.contains(#","auth_token":"t","#))
        options = NATSConnectOptions()
        options.authenticate(.key(publicKey: "UA", jwt: "e.y", sign: { "signed-\($0)" }), nonce: "n")
        #expect(written { $0.connect(options) }.contains(#","jwt":"e.y","nkey":"UA","sig":"signed-n","#))
    }

    @Test("arguments that are refused write nothing")
    func refused() {
        let long = String(repeating: "a", count: 4_096)
        let text = written { writer in
            for subject in ["", "a b", "a\r\nPING", "a\t", ".a", "a.", "a..b", "*", "a.>", "a\u{7F}", "a\0"] {
                #expect(throws: NATSOrderError.invalidSubject, "\(subject)") { try writer.publish([1], to: subject) }
                #expect(throws: NATSOrderError.invalidSubject) { try writer.publish([1], to: "a", reply: subject) }
            }
            for subject in ["", "a b", "a.>.b", "a*", "*a", ">a", "a>", "**", "a\n"] {
                #expect(throws: NATSOrderError.invalidSubject, "\(subject)") { try writer.subscribe(1, to: subject) }
            }
            for queue in ["", "a b", "a\r\n"] {
                #expect(throws: NATSOrderError.invalidQueue) { try writer.subscribe(1, to: "a", queue: queue) }
            }
            #expect(throws: NATSOrderError.lineTooLong) { try writer.publish([1], to: long) }
            #expect(throws: NATSOrderError.lineTooLong) { try writer.subscribe(1, to: "a", queue: long) }
            let malformed = NATSHeaders("no colon")
            #expect(throws: NATSOrderError.invalidHeader) { try writer.publish([1], to: "a", headers: malformed) }
        }
        #expect(text.isEmpty)
    }

    @Test("what is written with headers is read as the same message")
    func roundTrip() throws {
        var headers = NATSHeaders()
        try headers.add("A", " b ")
        try headers.add("A", "")
        let text = try written { try $0.publish(payload("x\r\ny"), to: "s", reply: "r", headers: headers) }
        let message = "HMSG s 7 r" + text.dropFirst("HPUB s r".count)
        #expect(Transcript(message).read().messages == [NATSMessage.to(7, "s", reply: "r", headers: headers, "x\r\ny")])
    }
}
