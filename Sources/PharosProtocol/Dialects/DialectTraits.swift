/// Facts about a dialect that never change.
package struct DialectTraits: Sendable {
    /// The separator of messages in `TransportFraming.stream`.
    package var separator = MessageSeparator.lineFeed
    /// No message has a line break inside.
    package var isSingleLine = true
    /// The payloads of commands are JSON, since their messages are.
    package var payloadsAreJSON = true
    /// How publications are sent as differences; nil: they are always whole.
    package var delta: DeltaPayload?
    /// Messages depend on those before: each connection has a `Conversation`.
    package var hasConversations = false
    /// Commands come from the client.
    ///
    /// If not, the dialect makes them from the request: a rate limit does not count them.
    package var hasClientCommands = true
    /// A client that has lost its position reconnects and brings the position.
    ///
    /// It is disconnected then, and not unsubscribed.
    package var resumesByReconnecting = false
    /// A query parameter for the client's session key, beside `session`.
    package var keyParameter: StaticString?
    /// `Content-Type` of an HTTP answer in `TransportFraming.stream`.
    package var contentType: StaticString = "application/json"
    /// How hooks and events name the transport, whichever it is; nil: by its framing.
    package var transportName: StaticString?

    package init() {}
}

/// The bytes between two messages of a stream.
package enum MessageSeparator: UInt8, Hashable, Sendable {
    /// Each message ends with a line feed, which its encoder leaves to the framing.
    case lineFeed
    /// Messages say themselves where they end.
    case none
}

/// How the server finds out that a connection still lives.
package enum PingStyle: UInt8, Hashable, Sendable {
    /// It does not ask: the client comes by itself.
    case none
    /// By a message of the dialect, which the client answers by a pong.
    case message
    /// By a WebSocket ping frame, answered by a pong (RFC 6455, section 5.5.2).
    case frame
    /// By bytes that are no message and are not answered.
    ///
    /// They keep intermediaries from closing the connection; no framing is put around them.
    case comment
}

/// How a connection learns that it ends, and why.
package enum EndStyle: Equatable, Sendable {
    /// By a close frame (RFC 6455, section 5.5.1).
    case closeFrame(code: UInt16, reason: String)
    /// By a last message, which has been written.
    case lastMessage(MessageKind)
    /// By the end of the stream alone.
    case silence
}
