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

    /// How hooks and events name the transport.
    package var transportName: String {
        switch self {
        case .frame: "websocket"
        case .stream: "http_stream"
        case .event: "sse"
        case .line: "poll"
        }
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
