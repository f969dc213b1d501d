import PharosBytes
import PharosEdge

/// A link whose client agrees on permessage-deflate (RFC 7692).
///
/// Compressed input is handed on as plain frames.
package final class DeflateLink: ClientLink, @unchecked Sendable {
    /// The field that offers compression, for the handshake.
    package static let offer = ("Sec-WebSocket-Extensions", "permessage-deflate")

    private let link: any ClientLink
    private var reader = FrameReader(expectsMask: false)
    private var inflater = MessageInflater()
    private var head: [UInt8]? = []
    /// The agreement with the server; nil: there is none.
    package private(set) var agreement: String?
    /// Payload bytes of the frames that came compressed, in their order.
    package private(set) var compressedSizes: [Int] = []
    /// Frames that have not been looked at for their first byte.
    private var unparsed: [UInt8] = []

    package init(_ link: any ClientLink) {
        self.link = link
        reader.acceptCompressed()
    }

    deinit { reader.release() }

    package func send(_ bytes: [UInt8]) throws { try link.send(bytes) }

    package func close() { link.close() }

    package func receive() throws -> [UInt8] {
        while true {
            var bytes = try link.receive()
            guard !bytes.isEmpty else { return [] }
            var plain = ByteWriter()
            if var head {
                head += bytes
                guard let end = DeflateLink.endOfHead(head) else {
                    self.head = head
                    continue
                }
                self.head = nil
                for line in String(decoding: head[..<end], as: UTF8.self).split(separator: "\r\n")
                where line.lowercased().hasPrefix("sec-websocket-extensions: ") {
                    agreement = String(line.dropFirst(26))
                }
                plain.append(Array(head[..<end]))
                bytes = Array(head[end...])
            }
            note(bytes)
            translate(&bytes, &plain)
            if plain.count > 0 { return plain.array }
        }
    }

    private func translate(_ bytes: inout [UInt8], _ plain: inout ByteWriter) {
        bytes.withUnsafeMutableBytes { buffer in
            var input = buffer
            while true {
                switch reader.next(&input, limit: 64 << 20, inflater: &inflater) {
                case .needMore: return
                case .text(let message): DeflateLink.append(1, message, &plain)
                case .binary(let message): DeflateLink.append(2, message, &plain)
                case .ping(let payload): DeflateLink.append(9, payload, &plain)
                case .pong(let payload): DeflateLink.append(10, payload, &plain)
                case .close(let code, let reason):
                    FrameWriter.appendClose(code: code, reason: String(decoding: reason, as: UTF8.self), into: &plain)
                case .failure(let code): preconditionFailure("the server broke the protocol: \(code)")
                }
            }
        }
    }

    private static func append(_ opcode: UInt8, _ payload: UnsafeRawBufferPointer, _ plain: inout ByteWriter) {
        FrameWriter.appendHeader(opcode: opcode, length: payload.count, into: &plain)
        plain.append(payload)
    }

    /// Notes the sizes of compressed frames.
    ///
    /// They are those with the first reserved bit (RFC 7692, section 6).
    private func note(_ bytes: [UInt8]) {
        unparsed += bytes
        while unparsed.count >= 2 {
            var (start, length) = (2, Int(unparsed[1] & 127))
            if length >= 126 {
                start = length == 126 ? 4 : 10
                guard unparsed.count >= start else { return }
                length = unparsed[2..<start].reduce(0) { $0 << 8 | Int($1) }
            }
            guard unparsed.count >= start + length else { return }
            if unparsed[0] & 0x40 != 0 { compressedSizes.append(length) }
            unparsed.removeFirst(start + length)
        }
    }

    private static func endOfHead(_ bytes: [UInt8]) -> Int? {
        guard bytes.count >= 4 else { return nil }
        return (3..<bytes.count).first { Array(bytes[($0 - 3)...$0]) == [13, 10, 13, 10] }.map { $0 + 1 }
    }
}
