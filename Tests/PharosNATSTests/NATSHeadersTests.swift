import PharosNATS
import Testing

/// The blocks of ADR-4, read and written.
@Suite("NATS headers")
struct NATSHeadersTests {
    private func block(_ text: String) -> NATSHeaders {
        Array(text.utf8).withUnsafeBytes { NATSHeaders(block: $0) }
    }

    @Test("fields keep their order, their case and their repetitions; space around values is none of theirs")
    func fields() {
        let headers = block(
            "NATS/1.0\r\nColour: red\r\ncolour:green \t\r\nColour:  deep blue\r\nEmpty:\r\nTime: 1:2\r\n\r\n")
        #expect(headers.fields.map(\.name) == ["Colour", "colour", "Colour", "Empty", "Time"])
        #expect(headers.fields.map(\.value) == ["red", "green", "deep blue", "", "1:2"])
        #expect(headers["Colour"] == "red")
        #expect(headers.values(of: "Colour") == ["red", "deep blue"])
        #expect(headers["COLOUR"] == nil)
        #expect(headers.number("Colour") == nil)
        #expect(headers.status == nil)
    }

    @Test(
        "the status of the first line",
        arguments: [
            ("NATS/1.0\r\n\r\n", nil, ""), ("NATS/1.0 \r\n\r\n", nil, ""), ("NATS/1.0 503\r\n\r\n", 503, ""),
            ("NATS/1.0 404 No Messages\r\n\r\n", 404, "No Messages"), ("NATS/1.0  204\t EOB \n\n", 204, "EOB"),
        ] as [(String, Int?, String)])
    func status(text: String, status: Int?, words: String) {
        let headers = block(text)
        #expect(headers.status == status)
        #expect(headers.statusText == words)
        #expect(!headers.isMalformed)
        #expect(headers.fields.isEmpty)
    }

    @Test(
        "blocks that are malformed give no fields, and no error",
        arguments: [
            "", "NATS/1.0", "NATS/1.0\r\n", "NATS/2.0\r\n\r\n", "NATS/1.01\r\n\r\n", "HTTP/1.1 200\r\n\r\n",
            "NATS/1.0 50\r\n\r\n", "NATS/1.0 abc\r\n\r\n", "NATS/1.0\r\nno colon\r\n\r\n", "NATS/1.0\r\n: x\r\n\r\n",
            "NATS/1.0\r\na b: x\r\n\r\n", "NATS/1.0\r\nA: b\r\n folded\r\n\r\n", "NATS/1.0\r\nA: b\r\n",
            "NATS/1.0\r\nA: b\r\n\r\nmore", "NATS/1.0\r\n\u{E9}: x\r\n\r\n",
        ])
    func malformed(text: String) {
        let headers = block(text)
        #expect(headers.isMalformed)
        #expect(headers.fields.isEmpty)
        #expect(headers.status == nil)
    }

    @Test("names and values that would end a line are refused")
    func building() throws {
        var headers = NATSHeaders()
        for name in ["", "a b", "a:b", "a\r\n", "a\u{7F}", "\u{E9}"] {
            #expect(throws: NATSOrderError.invalidHeader, "\(name)") { try headers.add(name, "x") }
        }
        for value in ["a\r\nb", "a\n", "\r", "a\0"] {
            #expect(throws: NATSOrderError.invalidHeader) { try headers.add("Name", value) }
        }
        #expect(headers.isEmpty)
        try headers.add("Name", "")
        try headers.add("!#~", "caf\u{E9}: tea")
        #expect(headers == NATSHeaders("Name:", "!#~: caf\u{E9}: tea"))
        #expect(headers != NATSHeaders("Name:"))
    }
}
