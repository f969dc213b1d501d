/// How a payload is put on the wire.
///
/// It is the one thing that must fit the kind of connection that the payload goes to.
///
/// WebSocket framings are for connections in that phase, `chunk` is for streams, `bare` for detached connections. The
/// bytes of a message are framed once, however many connections they go to.
package enum Framing: UInt8, Sendable {
    /// A WebSocket text frame (RFC 6455, section 5.2).
    case text
    /// A WebSocket binary frame.
    case binary
    /// A WebSocket text frame whose payload is already deflated.
    ///
    /// RSV1 is set (RFC 7692, section 6).
    case compressedText
    /// A WebSocket binary frame whose payload is already deflated.
    case compressedBinary
    /// A WebSocket ping frame; at most 125 bytes of payload.
    case ping
    /// One chunk of HTTP/1.1's chunked coding (RFC 9112, section 7.1).
    ///
    /// An empty payload is not sent: it would end the stream.
    case chunk
    /// The payload as it is.
    ///
    /// On a detached connection it ends with a line feed and has no other: see `Edge.copyOutput`.
    case bare

    /// The most bytes that a framing adds to a payload.
    ///
    /// They are a chunk's 16 digits and two line ends.
    static let overheadLimit = 20

    /// Opcode and RSV1 for the frame writer; 0: no WebSocket frame.
    @inline(__always)
    var frameOpcode: UInt8 {
        switch self {
        case .text: 0x1
        case .binary: 0x2
        case .compressedText: 0x41
        case .compressedBinary: 0x42
        case .ping: 0x9
        case .chunk, .bare: 0
        }
    }

    /// Bytes of a framed payload of `length` bytes.
    @inline(__always)
    func size(for length: Int) -> Int {
        switch self {
        case .bare: length
        case .chunk: length + Framing.hexDigits(length) + 4
        default: length + FrameWriter.headerSize(for: length)
        }
    }

    @inline(__always)
    static func hexDigits(_ length: Int) -> Int {
        max((Int.bitWidth - length.leadingZeroBitCount + 3) / 4, 1)
    }
}

extension UnsafeMutablePointer where Pointee == Block {
    /// Frames `payload` behind the bytes already there.
    ///
    /// The caller has checked `room` for `framing.size(for:)`.
    @inline(__always)
    func append(_ framing: Framing, _ payload: UnsafeRawBufferPointer) {
        let opcode = framing.frameOpcode
        if opcode != 0 {
            let size = FrameWriter.writeHeader(
                opcode: opcode, length: payload.count, to: bytes + Int(pointee.count))
            pointee.count += UInt32(size)
            append(payload)
        } else if framing == .bare {
            append(payload)
        } else {
            appendChunk(payload)
        }
    }

    private func appendChunk(_ payload: UnsafeRawBufferPointer) {
        var digits = Framing.hexDigits(payload.count)
        while digits > 0 {
            digits -= 1
            let digit = UInt8(truncatingIfNeeded: payload.count >> (digits * 4)) & 15
            appendByte(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
        }
        appendLineEnd()
        append(payload)
        appendLineEnd()
    }

    private func appendLineEnd() {
        appendByte(13)
        appendByte(10)
    }

    private func appendByte(_ byte: UInt8) {
        bytes[Int(pointee.count)] = byte
        pointee.count += 1
    }
}
