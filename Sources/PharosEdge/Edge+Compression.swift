package import PharosBytes

/// permessage-deflate on the way out (RFC 7692).
///
/// A message is compressed once, however many connections it goes to.
extension Edge {
    /// The bits of the window that was agreed on with a WebSocket, 9 to 15.
    ///
    /// 0: nothing compressed may be sent to it.
    package func compression(of id: ConnectionID) -> UInt8 {
        isOpen(id) ? connections[id.slot].pointee.compression : 0
    }

    /// Compresses a payload for all connections that agreed on that window.
    ///
    /// The result is published with a compressed framing.
    ///
    /// False, and nothing appended: it is shorter than `compressionMinSize` or gains nothing. It is then published to the
    /// same connections with the plain framing.
    package mutating func compress(
        _ payload: UnsafeRawBufferPointer, windowBits: UInt8, into writer: inout ByteWriter
    ) -> Bool {
        guard payload.count >= configuration.compressionMinSize,
            let compressed = compressor.compress(payload, windowBits: windowBits)
        else { return false }
        writer.append(compressed)
        return true
    }

    package mutating func compress(
        _ payload: borrowing ByteWriter, windowBits: UInt8, into writer: inout ByteWriter
    ) -> Bool {
        payload.withBytes { compress($0, windowBits: windowBits, into: &writer) }
    }

    /// Sends one message compressed to a connection that agreed on it.
    ///
    /// false: it is to be sent as it is.
    mutating func sendCompressed(_ id: ConnectionID, _ framing: Framing, _ payload: UnsafeRawBufferPointer) -> Bool {
        guard payload.count >= configuration.compressionMinSize, let compressedFraming = framing.compressed,
            let compressed = compressor.compress(
                payload, windowBits: connections[id.slot].pointee.compression)
        else { return false }
        append(id, compressedFraming, compressed)
        return true
    }
}

extension Framing {
    /// The same kind of message with a deflated payload; nil: it cannot have one.
    var compressed: Framing? {
        switch self {
        case .text: .compressedText
        case .binary: .compressedBinary
        default: nil
        }
    }
}
