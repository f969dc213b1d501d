package import PharosBytes

/// Writes WebSocket frames (RFC 6455, section 5.2).
///
/// Each one is a whole message: the FIN bit is always set.
package enum FrameWriter {
    /// The longest payload of a control frame: ping, pong, close.
    package static let controlLimit = 125
    /// The longest reason of a close frame, in bytes: the code takes two.
    package static let reasonLimit = 123
    /// The most bytes that `writeHeader` writes.
    package static let headerLimit = 10

    /// Bytes of the header of an unmasked frame with `length` bytes of payload.
    @inline(__always)
    package static func headerSize(for length: Int) -> Int {
        length < 126 ? 2 : length <= 0xFFFF ? 4 : 10
    }

    /// Writes the header of an unmasked frame and returns its size.
    ///
    /// `target` has room for `headerSize(for: length)`.
    @inline(__always)
    package static func writeHeader(opcode: UInt8, length: Int, to target: UnsafeMutablePointer<UInt8>) -> Int {
        target[0] = 0x80 | opcode
        if length < 126 {
            target[1] = UInt8(truncatingIfNeeded: length)
            return 2
        }
        let raw = UnsafeMutableRawPointer(target)
        if length <= 0xFFFF {
            target[1] = 126
            raw.storeBytes(of: UInt16(truncatingIfNeeded: length).bigEndian, toByteOffset: 2, as: UInt16.self)
            return 4
        }
        target[1] = 127
        raw.storeBytes(of: UInt64(length).bigEndian, toByteOffset: 2, as: UInt64.self)
        return 10
    }

    package static func appendHeader(opcode: UInt8, length: Int, into writer: inout ByteWriter) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: headerLimit) { header in
            guard let start = header.baseAddress else { return }
            let size = writeHeader(opcode: opcode, length: length, to: start)
            writer.append(UnsafeRawBufferPointer(start: start, count: size))
        }
    }

    /// A whole close frame.
    ///
    /// The reason is cut to what fits, between two characters; 1005 stands for no code at all.
    package static func appendClose(code: UInt16, reason: String, into writer: inout ByteWriter) {
        withClosePayload(code: code, reason: reason) { payload in
            appendHeader(opcode: 0x8, length: payload.count, into: &writer)
            writer.append(payload)
        }
    }

    private static func withClosePayload(code: UInt16, reason: String, _ body: (UnsafeRawBufferPointer) -> Void) {
        guard code != 1005 else { return body(UnsafeRawBufferPointer(start: nil, count: 0)) }
        var reason = reason
        reason.withUTF8 { text in
            var end = min(text.count, reasonLimit)
            // A continuation byte behind the cut belongs to a character in front of it.
            while end < text.count, end > 0, text[end] & 0xC0 == 0x80 { end -= 1 }
            withUnsafeTemporaryAllocation(byteCount: 2 + end, alignment: 2) { payload in
                payload.storeBytes(of: code.bigEndian, as: UInt16.self)
                for index in 0..<end { payload[2 + index] = text[index] }
                body(UnsafeRawBufferPointer(payload))
            }
        }
    }
}

/// The frames of clients: the same ones, masked (section 5.3).
extension FrameWriter {
    /// A whole masked frame.
    ///
    /// - Parameter mask: unpredictable for the author of the payload; the first byte on the wire is the most
    /// significant.
    package static func appendMasked(
        opcode: UInt8, payload: UnsafeRawBufferPointer, mask: UInt32, into writer: inout ByteWriter
    ) {
        let start = writer.count
        writer.reserve(headerLimit + 4 + payload.count)
        appendHeader(opcode: opcode, length: payload.count, into: &writer)
        writer.set(writer.base[start + 1] | 0x80, at: start + 1)
        withUnsafeBytes(of: mask.bigEndian) { writer.append($0) }
        let payloadStart = writer.count
        writer.append(payload)
        FrameReader.unmask(
            UnsafeMutableRawBufferPointer(start: writer.base + payloadStart, count: payload.count),
            key: mask.byteSwapped, phase: 0)
    }

    /// A whole masked close frame; see `appendClose`.
    package static func appendMaskedClose(code: UInt16, reason: String, mask: UInt32, into writer: inout ByteWriter) {
        withClosePayload(code: code, reason: reason) { payload in
            appendMasked(opcode: 0x8, payload: payload, mask: mask, into: &writer)
        }
    }
}
