import PharosBytes
package import PharosDomain
import PharosEdge

/// WebSocket frames over a link, from the client's side.
///
/// It masks the frames that it sends, and refuses masked frames.
package struct FrameStream {
    package enum Frame: Equatable, Sendable {
        case text([UInt8])
        case binary([UInt8])
        case ping([UInt8])
        case pong([UInt8])
        case close(Disconnect)
        /// The server broke RFC 6455.
        case failure(code: UInt16)
        /// The connection ended without a close frame.
        case vanished
    }

    private let link: any ClientLink
    private var reader = FrameReader(expectsMask: false)
    private var frames: [Frame] = []
    private var taken = 0

    /// The handshake of RFC 6455, with the key and the answer of its section 1.3.
    ///
    /// - Parameters:
    ///   - subprotocol: what is to be agreed on, "" nothing; nil: what `headers` offer.
    ///   - messages: frames that are sent right behind the handshake, without waiting for its answer.
    package init(
        _ link: any ClientLink, path: String, headers: [(String, String)], subprotocol: String? = nil,
        messages: [[UInt8]] = []
    ) throws {
        self.link = link
        var head = "GET \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        head += "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        for (name, value) in headers { head += "\(name): \(value)\r\n" }
        try link.send(Array((head + "\r\n").utf8) + messages.joined())
        var response = HTTPResponseReader(link)
        let answer = try response.head()
        guard answer.status == 101 else { throw TestClient.Failure.refused(status: answer.status) }
        guard answer.headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" else {
            throw TestClient.Failure.unexpected("Sec-WebSocket-Accept")
        }
        let expected = subprotocol ?? headers.first { $0.0 == "Sec-WebSocket-Protocol" }?.1 ?? ""
        guard answer.headers["sec-websocket-protocol", default: ""] == expected else {
            throw TestClient.Failure.unexpected("Sec-WebSocket-Protocol")
        }
        take(response.rest)
    }

    package mutating func next() throws -> Frame {
        while taken == frames.count {
            frames.removeAll(keepingCapacity: true)
            taken = 0
            let bytes = try link.receive()
            if bytes.isEmpty { return .vanished }
            take(bytes)
        }
        taken += 1
        return frames[taken - 1]
    }

    private mutating func take(_ bytes: [UInt8]) {
        var bytes = bytes
        bytes.withUnsafeMutableBytes { buffer in
            var input = buffer
            while true {
                switch reader.next(&input, limit: 64 << 20) {
                case .needMore: return
                case .text(let payload): frames.append(.text(Array(payload)))
                case .binary(let payload): frames.append(.binary(Array(payload)))
                case .ping(let payload): frames.append(.ping(Array(payload)))
                case .pong(let payload): frames.append(.pong(Array(payload)))
                case .close(let code, let reason):
                    frames.append(
                        .close(Disconnect(code: UInt32(code), reason: String(decoding: reason, as: UTF8.self))))
                case .failure(let code): frames.append(.failure(code: code))
                }
            }
        }
    }

    package func send(isText: Bool, _ payload: [UInt8]) throws {
        try link.send(FrameStream.frame(opcode: isText ? 1 : 2, payload))
    }

    package func sendClose(code: UInt16) throws {
        try link.send(FrameStream.frame(opcode: 8, [UInt8(code >> 8), UInt8(code & 255)]))
    }

    package static func frame(opcode: UInt8, _ payload: [UInt8]) -> [UInt8] {
        var writer = ByteWriter(capacity: payload.count + 16)
        payload.withUnsafeBytes {
            FrameWriter.appendMasked(opcode: opcode, payload: $0, mask: .random(in: .min ... .max), into: &writer)
        }
        return writer.array
    }

    package mutating func release() { reader.release() }
}
