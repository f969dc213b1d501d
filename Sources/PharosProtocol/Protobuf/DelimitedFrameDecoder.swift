/// Cuts a stream of bytes into length-prefixed messages.
///
/// It is for Protobuf over HTTP streams.
///
/// Sans-IO: give it what arrived with `feed`, then call `next` until it returns nil. Drained like that after each `feed`,
/// it never holds more than one unfinished message, and only bytes that really arrived: an announced length allocates
/// nothing. An error is final, since there is no way to find the next message.
package struct DelimitedFrameDecoder: Sendable {
    /// Bytes of one message.
    package let maximumMessageSize: Int
    private var buffer: [UInt8] = []
    /// Bytes of `buffer` that were given out already.
    private var consumed = 0
    private var failure: DelimitedFrameError?

    /// Begins at the start of a message.
    ///
    /// - Parameter maximumMessageSize: bytes of one message; must be positive, there is no decoder without a limit.
    package init(maximumMessageSize: Int) {
        precondition(maximumMessageSize > 0, "a decoder of lengths from outside needs a limit")
        self.maximumMessageSize = maximumMessageSize
    }

    /// Bytes that arrived and were not given out.
    package var heldBytes: Int { buffer.count - consumed }

    /// Whether the stream may end here without cutting a message short.
    package var isAtBoundary: Bool { heldBytes == 0 && failure == nil }

    /// Takes the next bytes of the stream, in order.
    package mutating func feed(_ bytes: some Sequence<UInt8>) {
        guard failure == nil else { return }
        buffer.removeFirst(consumed)
        consumed = 0
        buffer.append(contentsOf: bytes)
    }

    /// The next whole message without its prefix; nil if more bytes are needed.
    package mutating func next() throws(DelimitedFrameError) -> [UInt8]? {
        if let failure { throw failure }
        do throws(DelimitedFrameError) {
            guard let (length, width) = try prefix() else { return nil }
            guard heldBytes - width >= length else { return nil }
            let start = consumed + width
            consumed = start + length
            return Array(buffer[start..<consumed])
        } catch {
            failure = error
            buffer = []
            consumed = 0
            throw error
        }
    }

    /// The length at the front and the bytes it takes; nil if it is not there whole.
    private func prefix() throws(DelimitedFrameError) -> (length: Int, width: Int)? {
        var length: UInt64 = 0
        var width = 0
        while consumed + width < buffer.count {
            let byte = buffer[consumed + width]
            // Bits 56 and up are beyond any limit. Stopping here also bounds the prefix itself.
            guard width < 8 else { throw .malformedLength }
            length |= UInt64(byte & 0x7f) << UInt64(width * 7)
            width += 1
            guard length <= UInt64(maximumMessageSize) else { throw .messageTooLong(limit: maximumMessageSize) }
            guard byte < 0x80 else { continue }
            // A last byte of zero only pads: encoders of lengths do not do that, attackers of parsers do.
            guard byte != 0 || width == 1 else { throw .malformedLength }
            return (Int(length), width)
        }
        return nil
    }
}

/// Why a stream of length-prefixed messages can not go on.
package enum DelimitedFrameError: Error, Equatable, Sendable {
    /// A message announced itself as longer than `limit` bytes.
    case messageTooLong(limit: Int)
    /// The length is longer than any length is, or padded.
    case malformedLength
}
