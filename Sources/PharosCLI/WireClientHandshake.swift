import CPharosSys
import PharosBytes
import PharosEdge

/// The client's side of the WebSocket handshake (RFC 6455, section 4.1).
struct WireClientHandshake {
    private let key: String

    init() {
        var nonce: (UInt64, UInt64) = (0, 0)
        pharos_random(&nonce, 16)
        var text = ByteWriter()
        withUnsafeBytes(of: nonce) { Base64.encode($0, into: &text) }
        key = String(decoding: text.array, as: UTF8.self)
    }

    /// - Parameter subprotocol: offered when not empty.
    func request(_ address: WireClientAddress, subprotocol: String = "") -> String {
        let offer = subprotocol.isEmpty ? "" : "Sec-WebSocket-Protocol: \(subprotocol)\r\n"
        return """
            GET \(address.path) HTTP/1.1\r
            Host: \(address.authority)\r
            Upgrade: websocket\r
            Connection: Upgrade\r
            Sec-WebSocket-Version: 13\r
            Sec-WebSocket-Key: \(key)\r
            \(offer)\r

            """
    }

    /// Where the empty line after the fields ends; nil while it has not come.
    static func endOfHead(_ bytes: UnsafeRawBufferPointer) -> Int? {
        guard bytes.count >= 4 else { return nil }
        for index in 0...bytes.count - 4 where bytes[index] == 13 {
            if bytes[index + 1] == 10, bytes[index + 2] == 13, bytes[index + 3] == 10 { return index + 4 }
        }
        return nil
    }

    /// Checks that `head` is the answer to this very request.
    ///
    /// The error says what the server answered instead.
    func check(_ head: UnsafeRawBufferPointer) throws(WireClientError) {
        let lines = String(decoding: head, as: UTF8.self).split(separator: "\r\n")
        guard let status = lines.first, status.hasPrefix("HTTP/1.1 ") else {
            throw WireClientError("the answer to the WebSocket handshake is not HTTP")
        }
        guard status.hasPrefix("HTTP/1.1 101") else {
            let refusal = status.dropFirst(9).unicodeScalars.filter { $0.value >= 0x20 && $0.value < 0x7F }
            throw WireClientError("the server refuses the WebSocket: \(String(String.UnicodeScalarView(refusal)))")
        }
        var accept = ByteWriter()
        key.utf8Bytes { WebSocketHandshake.appendAccept(key: $0, into: &accept) }
        let expected = String(decoding: accept.array, as: UTF8.self)
        let isAccepted = lines.dropFirst().contains { line in
            guard let colon = line.firstIndex(of: ":") else { return false }
            return line[..<colon].lowercased() == "sec-websocket-accept"
                && line[line.index(after: colon)...].drop { $0 == " " } == expected
        }
        guard isAccepted else { throw WireClientError("the server's WebSocket handshake does not answer ours") }
    }
}
