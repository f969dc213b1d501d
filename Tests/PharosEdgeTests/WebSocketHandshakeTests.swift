import PharosBytes
import PharosEdge
import Testing

@Suite("WebSocket handshake")
struct WebSocketHandshakeTests {
    private static let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
    private static let lines = [
        "Host: a", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", key,
    ]

    private static let subprotocols = ["chat-text", "chat-binary"]
    private static let text = WebSocketHandshake.Subprotocol(index: 0, name: "chat-text")
    private static let binary = WebSocketHandshake.Subprotocol(index: 1, name: "chat-binary")

    private enum Verdict: Equatable {
        case invalidHead, notUpgrade
        case accept(WebSocketHandshake.Subprotocol)
        case refused(Int)
    }

    private func examine(_ lines: [String], requestLine: String = "GET /ws HTTP/1.1") -> Verdict {
        let text = ([requestLine] + lines).joined(separator: "\r\n") + "\r\n\r\n"
        return Array(text.utf8).withUnsafeBytes { bytes in
            guard case .complete(let head) = RequestHead.parse(bytes, limit: 8_192) else { return .invalidHead }
            return switch WebSocketHandshake.examine(head, subprotocols: Self.subprotocols) {
            case .notUpgrade: .notUpgrade
            case .accept(let subprotocol): .accept(subprotocol)
            case .refused(let status, _): .refused(status)
            }
        }
    }

    /// The valid request with the line that begins like `line` replaced by it.
    private func examine(replacing line: String) -> Verdict {
        let name = line.prefix { $0 != ":" }
        return examine(Self.lines.map { $0.hasPrefix(name + ":") ? line : $0 })
    }

    private func answer(_ lines: [String], _ subprotocol: WebSocketHandshake.Subprotocol) -> String {
        let text = (["GET /ws HTTP/1.1"] + lines).joined(separator: "\r\n") + "\r\n\r\n"
        return Array(text.utf8).withUnsafeBytes { bytes in
            guard case .complete(let head) = RequestHead.parse(bytes, limit: 8_192) else { return "" }
            var writer = ByteWriter()
            WebSocketHandshake.appendResponse(head, subprotocol: subprotocol, into: &writer)
            return String(decoding: writer.array, as: UTF8.self)
        }
    }

    @Test("the example of RFC 6455 is accepted and answered as it says")
    func example() {
        #expect(examine(Self.lines) == .accept(.none))
        #expect(
            answer(Self.lines, .none)
                == "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
    }

    @Test("the chosen subprotocol is echoed")
    func echo() {
        #expect(
            answer(Self.lines, Self.binary).hasSuffix("\r\nSec-WebSocket-Protocol: chat-binary\r\n\r\n"))
        #expect(answer(Self.lines, Self.text).hasSuffix("\r\nSec-WebSocket-Protocol: chat-text\r\n\r\n"))
    }

    @Test(
        "of the subprotocols offered the first that is known is chosen",
        arguments: [
            (["Sec-WebSocket-Protocol: chat-binary"], binary),
            (["Sec-WebSocket-Protocol: x, chat-text,chat-binary"], text),
            (["Sec-WebSocket-Protocol: x", "sec-websocket-protocol: chat-binary, chat-text"], binary),
            (["Sec-WebSocket-Protocol: chat-text", "Sec-WebSocket-Protocol: chat-binary"], text),
            (["Sec-WebSocket-Protocol: x, y"], .none), (["Sec-WebSocket-Protocol: CHAT-TEXT"], .none),
            (["Sec-WebSocket-Protocol:"], .none), (["Sec-WebSocket-Protocol: , ,"], .none),
        ])
    func subprotocols(extra: [String], expected: WebSocketHandshake.Subprotocol) {
        #expect(examine(Self.lines + extra) == .accept(expected))
    }

    @Test("without known subprotocols none is chosen")
    func noneKnown() {
        let text = (["GET /ws HTTP/1.1"] + Self.lines + ["Sec-WebSocket-Protocol: chat-text"]).joined(separator: "\r\n")
        Array((text + "\r\n\r\n").utf8).withUnsafeBytes { bytes in
            guard case .complete(let head) = RequestHead.parse(bytes, limit: 8_192),
                case .accept(let subprotocol) = WebSocketHandshake.examine(head)
            else {
                Issue.record("the handshake was not accepted")
                return
            }
            #expect(subprotocol == .none)
            #expect(WebSocketHandshake.subprotocol(of: head, among: Self.subprotocols) == Self.text)
        }
    }

    @Test("header names, and tokens among others, are found in any case")
    func tokens() {
        #expect(examine(replacing: "Upgrade: h2c, WebSocket") == .accept(.none))
        #expect(examine(replacing: "Connection: keep-alive, UPGRADE") == .accept(.none))
    }

    @Test("a request that does not ask for WebSocket is an ordinary one")
    func ordinary() {
        #expect(examine(["Host: a"]) == .notUpgrade)
        #expect(examine(replacing: "Upgrade: h2c") == .notUpgrade)
    }

    @Test("a handshake must be a GET of HTTP/1.1 without a body")
    func method() {
        #expect(examine(Self.lines, requestLine: "POST /ws HTTP/1.1") == .refused(400))
        #expect(examine(Self.lines, requestLine: "GET /ws HTTP/1.0") == .refused(400))
        #expect(examine(Self.lines + ["Content-Length: 0"]) == .accept(.none))
        #expect(examine(Self.lines + ["Content-Length: 5"]) == .refused(400))
        #expect(examine(Self.lines + ["Transfer-Encoding: chunked"]) == .refused(400))
    }

    @Test("without the Connection token there is no upgrade")
    func connection() {
        #expect(examine(replacing: "Connection: keep-alive") == .refused(400))
        #expect(examine(Self.lines.filter { !$0.hasPrefix("Connection") }) == .refused(400))
    }

    @Test("any version but 13 is answered with 426")
    func version() {
        #expect(examine(replacing: "Sec-WebSocket-Version: 8") == .refused(426))
        #expect(examine(replacing: "Sec-WebSocket-Version: 13, 8") == .refused(426))
        #expect(examine(Self.lines.filter { !$0.hasPrefix("Sec-WebSocket-Version") }) == .refused(426))
        #expect(examine(Self.lines + ["Sec-WebSocket-Version: 13"]) == .refused(426))
    }

    @Test(
        "the key is 16 bytes in base64, exactly once",
        arguments: [
            "Sec-WebSocket-Key:", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=*",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZSE=", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZSEh",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZR==", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j",
            "Sec-WebSocket-Key: ====",
        ])
    func badKeys(line: String) {
        #expect(examine(replacing: line) == .refused(400))
    }

    @Test("a key that is missing or given twice is refused")
    func keyCount() {
        #expect(examine(Array(Self.lines.dropLast())) == .refused(400))
        #expect(examine(Self.lines + [Self.key]) == .refused(400))
    }
}
