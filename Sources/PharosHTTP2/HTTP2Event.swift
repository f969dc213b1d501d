/// A part of a stream's life, as a session reports it.
package struct HTTP2Event {
    package enum Kind {
        /// A request's head; its text is that of HTTP/1.1.
        case head(HTTP2HeadTraits)
        /// Bytes of its body, within the input that was received.
        case data(UnsafeRawBufferPointer)
        /// Nothing more comes from the client.
        case end
        /// The stream is over in both directions.
        ///
        /// 0: by itself, else an error code of RFC 9113, section 7.
        case closed(code: UInt32)
        /// Our last byte has been given out.
        case sent
        /// Nothing: what it was about has been withdrawn.
        case none
    }

    package let kind: Kind
    package let stream: Int32
    /// The name that the session's owner has given to the stream.
    ///
    /// 0: none.
    package let tag: UInt64
}

/// Facts about a request's head besides its text.
package struct HTTP2HeadTraits: OptionSet, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// There is no body.
    package static let isLast = HTTP2HeadTraits(rawValue: 1)
    /// It is longer than the limit, and its text is not there.
    package static let isTooLong = HTTP2HeadTraits(rawValue: 2)
    /// A WebSocket is asked for (RFC 8441).
    package static let isWebSocket = HTTP2HeadTraits(rawValue: 4)
    /// Another protocol than WebSocket is asked for.
    package static let isUnknownProtocol = HTTP2HeadTraits(rawValue: 8)
}
