package import PharosBytes

/// How a transport keeps the messages of one connection apart.
package enum TransportFraming: UInt8, Hashable, Sendable, CaseIterable {
    /// Each message is a WebSocket frame (RFC 6455, section 5.6), text or binary.
    case frame
    /// Messages follow each other in an HTTP answer that does not end.
    ///
    /// `DialectTraits.separator` keeps them apart.
    case stream
    /// Each message is an event without a name (HTML standard, section 9.2).
    case event
    /// Each message is a line that is kept until a poll fetches it.
    ///
    /// `SessionPollEncoder` makes an answer of such lines.
    case line
    /// Each message is given to its transport whole.
    ///
    /// Its kind and its length stand before it.
    /// One byte of the kind, four of the length in network order, as in the messages of gRPC over HTTP/2.
    case message

    /// How hooks and events name the transport.
    package var transportName: String {
        switch self {
        case .frame: "websocket"
        case .stream: "http_stream"
        case .event: "sse"
        case .line: "poll"
        case .message: "message"
        }
    }

    /// Output is kept until it is asked for, since there is no socket.
    package var isDetached: Bool { self == .line || self == .message }

    /// The client's commands come beside the connection, in requests of their own.
    package var isOneWay: Bool { self != .frame && self != .message }

    /// Takes the first message from a run of messages in the framing `message`.
    ///
    /// - Returns: nil at the end of the run.
    package static func takeMessage(
        from run: inout Slice<UnsafeRawBufferPointer>
    ) -> (kind: MessageKind, data: UnsafeRawBufferPointer)? {
        guard run.count >= 5, let kind = MessageKind(rawValue: run.first!) else { return nil }
        let length = run.dropFirst().prefix(4).reduce(0) { $0 << 8 | Int($1) }
        let body = run.dropFirst(5)
        precondition(body.count >= length, "a run holds whole messages")
        run = body.dropFirst(length)
        return (kind, UnsafeRawBufferPointer(rebasing: body.prefix(length)))
    }

    /// Makes one message ready for the transport.
    ///
    /// - Parameters:
    ///   - message: the message, whole and alone in its writer. A separator is appended to it.
    ///   - packed: an empty writer, for the message in another form.
    /// - Returns: which of the two writers holds the framed message.
    @inline(__always)
    package func frame(
        _ message: inout ByteWriter, _ kind: MessageKind, _ traits: DialectTraits, into packed: inout ByteWriter
    ) -> FramedMessage {
        switch self {
        case .frame: return .message
        case .stream:
            if traits.separator == .lineFeed { message.append(UInt8(ascii: "\n")) }
            return .message
        case .line:
            message.append(UInt8(ascii: "\n"))
            return .message
        case .message:
            packed.append(kind.rawValue)
            for shift in stride(from: 24, through: 0, by: -8) {
                packed.append(UInt8(truncatingIfNeeded: message.count >> shift))
            }
            message.withBytes { packed.append($0) }
            return .packed
        case .event:
            if traits.isSingleLine, kind == .text {
                message.withBytes { MessageEventStream.append($0, into: &packed) }
            } else {
                TransportFraming.appendEvent(message, kind, into: &packed)
            }
            return .packed
        }
    }

    /// Appends a message that may have line feeds, or may be no text.
    ///
    /// Event streams are UTF-8: bytes that are no text go as base64.
    private static func appendEvent(
        _ message: borrowing ByteWriter, _ kind: MessageKind, into packed: inout ByteWriter
    ) {
        switch kind {
        case .text: message.withBytes { RawPublicationEncoder.appendEvent($0, into: &packed) }
        case .binary:
            Array(Base64.encode(message.array).utf8).withUnsafeBytes {
                RawPublicationEncoder.appendEvent($0, into: &packed)
            }
        }
    }
}

/// Which writer holds a framed message: its own, or the one for other forms.
package enum FramedMessage: Sendable {
    case message
    case packed
}
