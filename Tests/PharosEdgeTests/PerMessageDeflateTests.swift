import PharosBytes
import PharosEdge
import Testing

/// RFC 7692, section 7.1, and the grammar of RFC 6455, section 9.1.
@Suite("permessage-deflate, negotiation")
struct PerMessageDeflateTests {
    private static let lines = [
        "GET /ws HTTP/1.1", "Host: a", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ]
    private static let answer = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"

    private func withHead<Result>(_ offers: [String], _ body: (RequestHead) -> Result) -> Result? {
        let text = (Self.lines + offers.map { "Sec-WebSocket-Extensions: \($0)" }).joined(separator: "\r\n")
        return Array((text + "\r\n\r\n").utf8).withUnsafeBytes { bytes in
            guard case .complete(let head) = RequestHead.parse(bytes, limit: 8_192) else { return nil }
            return body(head)
        }
    }

    private func accepted(_ offers: [String]) -> PerMessageDeflate? {
        withHead(offers) { PerMessageDeflate.accepted(in: $0) } ?? nil
    }

    /// The status of a refusal; 101 for none.
    private func status(_ offers: [String]) -> Int? {
        withHead(offers) { head in
            switch WebSocketHandshake.examine(head) {
            case .notUpgrade: 200
            case .accept: 101
            case .refused(let status, _): status
            }
        }
    }

    @Test(
        "offers that are accepted, and the window that our messages then have",
        arguments: [
            (["permessage-deflate"], 15), (["permessage-deflate; client_max_window_bits"], 15),
            (["permessage-deflate;client_max_window_bits=8"], 15), (["Permessage-Deflate"], 15),
            (["permessage-deflate; client_max_window_bits=15"], 15),
            (["permessage-deflate; server_no_context_takeover; client_no_context_takeover"], 15),
            (["permessage-deflate; server_max_window_bits=9"], 9),
            (["permessage-deflate; server_max_window_bits=10;client_max_window_bits"], 10),
            (["permessage-deflate; server_max_window_bits=\"12\""], 12),
            (["permessage-deflate ; server_max_window_bits = \"1\\4\""], 14),
            (["permessage-deflate; server_max_window_bits=15"], 15),
            ([", ,permessage-deflate,"], 15),
            (["x-webkit-deflate-frame, permessage-deflate; client_max_window_bits"], 15),
            (["x-other; level=\"a\"; b", "permessage-deflate; server_max_window_bits=11"], 11),
            (["permessage-deflate; server_max_window_bits=10, permessage-deflate"], 10),
            (["permessage-deflate; x, permessage-deflate; server_max_window_bits=13"], 13),
            (["permessage-deflate; server_max_window_bits=8, permessage-deflate"], 15),
            (["", "permessage-deflate"], 15),
        ] as [([String], UInt8)])
    func accepts(offers: [String], windowBits: UInt8) {
        #expect(accepted(offers)?.windowBits == windowBits)
        #expect(status(offers) == 101)
    }

    @Test(
        "offers that are declined: the connection goes on without compression",
        arguments: [
            [], [""], ["x-webkit-deflate-frame"], ["permessage-bzip2"], ["permessage-deflate; x"],
            ["permessage-deflate; server_no_context_takeover=1"], ["permessage-deflate; client_no_context_takeover=x"],
            ["permessage-deflate; server_no_context_takeover; server_no_context_takeover"],
            ["permessage-deflate; client_max_window_bits; client_max_window_bits=10"],
            ["permessage-deflate; server_max_window_bits"], ["permessage-deflate; server_max_window_bits=8"],
            ["permessage-deflate; server_max_window_bits=7"], ["permessage-deflate; server_max_window_bits=16"],
            ["permessage-deflate; server_max_window_bits=09"], ["permessage-deflate; server_max_window_bits=1"],
            ["permessage-deflate; server_max_window_bits=010"], ["permessage-deflate; server_max_window_bits=100"],
            ["permessage-deflate; server_max_window_bits=+9"], ["permessage-deflate; server_max_window_bits=a"],
            ["permessage-deflate; client_max_window_bits=16"], ["permessage-deflate; client_max_window_bits=x"],
            ["permessage-deflate; x, permessage-deflate; y"], ["permessage-deflate2"],
        ] as [[String]])
    func declines(offers: [String]) {
        #expect(accepted(offers) == nil)
        #expect(status(offers) == 101)
    }

    @Test(
        "what the grammar does not allow ends the handshake",
        arguments: [
            "permessage-deflate;", "permessage-deflate; ;x", "; x", "permessage-deflate; server_max_window_bits=",
            "permessage-deflate; server_max_window_bits=\"", "permessage-deflate; server_max_window_bits=\"9",
            "permessage-deflate; server_max_window_bits=\"\"", "permessage-deflate; server_max_window_bits=\"9 \"",
            "permessage-deflate; server_max_window_bits=\"9\\", "permessage-deflate x", "permessage-deflate = 1",
            "permessage-deflate; =9", "(permessage-deflate)", "permessage-deflate; x=1=2",
            "x, permessage-deflate; \"a\"",
        ])
    func malformed(offer: String) {
        #expect(status([offer]) == 400)
        #expect(status(["permessage-deflate", offer]) == 400)
    }

    @Test("the answer takes no context over on either side, and names the window only if the client asked for one")
    func answers() {
        func answer(_ offer: String) -> String? {
            guard let accepted = accepted([offer]) else { return nil }
            var writer = ByteWriter()
            accepted.appendAnswer(into: &writer)
            return String(decoding: writer.array, as: UTF8.self)
        }
        #expect(answer("permessage-deflate; client_max_window_bits") == Self.answer)
        #expect(answer("permessage-deflate; server_max_window_bits=15") == Self.answer + "; server_max_window_bits=15")
        #expect(answer("permessage-deflate; server_max_window_bits=9") == Self.answer + "; server_max_window_bits=9")
    }

    @Test("the handshake's answer has the line if and only if an offer was accepted")
    func response() {
        func response(_ compression: PerMessageDeflate?) -> String? {
            withHead([]) { head in
                var writer = ByteWriter()
                WebSocketHandshake.appendResponse(
                    head, subprotocol: .init(index: 0, name: "chat"), compression: compression, into: &writer)
                return String(decoding: writer.array, as: UTF8.self)
            }
        }
        let start = "\r\nSec-WebSocket-Protocol: chat\r\n"
        #expect(response(nil)?.hasSuffix(start + "\r\n") == true)
        let accepted = response(PerMessageDeflate(windowBits: 15, namesWindow: false))
        #expect(accepted?.hasSuffix(start + "Sec-WebSocket-Extensions: \(Self.answer)\r\n\r\n") == true)
    }
}
