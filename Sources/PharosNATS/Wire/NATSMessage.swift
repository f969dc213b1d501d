/// One message for a subscription: MSG, or HMSG with headers.
package struct NATSMessage: Equatable, Sendable {
    /// The number that the client gave with SUB.
    package var subscription: UInt64
    /// The subject that was published to.
    ///
    /// Bytes that are no UTF-8 are replaced, since any client of the server may publish them.
    package var subject: String
    /// Where an answer is expected; nil if none is.
    package var reply: String?
    /// Empty for MSG.
    package var headers: NATSHeaders
    package var payload: [UInt8]

    package init(
        subscription: UInt64, subject: String, reply: String? = nil, headers: NATSHeaders = NATSHeaders(),
        payload: [UInt8] = []
    ) {
        self.subscription = subscription
        self.subject = subject
        self.reply = reply
        self.headers = headers
        self.payload = payload
    }

    /// Whether it says that no subscriber was there for a request (ADR-22).
    package var isNoResponders: Bool { headers.status == 503 && payload.isEmpty }
}

/// All that a server may send, one case for each verb.
package enum NATSServerMessage: Equatable, Sendable {
    case info(NATSInfo)
    case message(NATSMessage)
    case ping
    case pong
    case ok
    /// The text without the quotes around it.
    case error(String)
}
