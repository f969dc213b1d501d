/// An error inside a reply: the connection goes on, the one command failed.
///
/// Codes 0 to 399 belong to the client protocol, 400 to 1999 to applications.
package struct ReplyError: Error, Equatable, Sendable {
    package var code: UInt32
    package var message: String
    /// Whether the client should try again with back-off.
    package var isTemporary: Bool

    package init(code: UInt32, message: String, isTemporary: Bool = false) {
        self.code = code
        self.message = message
        self.isTemporary = isTemporary
    }

    package static let internalError = ReplyError(code: 100, message: "internal server error", isTemporary: true)
    package static let unauthorized = ReplyError(code: 101, message: "unauthorized")
    package static let unknownChannel = ReplyError(code: 102, message: "unknown channel")
    package static let permissionDenied = ReplyError(code: 103, message: "permission denied")
    package static let tokenTooLong = ReplyError(code: 103, message: "token too long")
    package static let methodNotFound = ReplyError(code: 104, message: "method not found")
    package static let alreadySubscribed = ReplyError(code: 105, message: "already subscribed")
    package static let limitExceeded = ReplyError(code: 106, message: "limit exceeded")
    package static let badRequest = ReplyError(code: 107, message: "bad request")
    package static let notAvailable = ReplyError(code: 108, message: "not available")
    package static let tokenExpired = ReplyError(code: 109, message: "token expired")
    package static let expired = ReplyError(code: 110, message: "expired")
    package static let tooManyRequests = ReplyError(code: 111, message: "too many requests", isTemporary: true)
    package static let unrecoverablePosition = ReplyError(code: 112, message: "unrecoverable position")
    package static let concurrentPagination = ReplyError(code: 113, message: "concurrent pagination", isTemporary: true)
}

/// Why the server ends a connection.
///
/// The code is the WebSocket close code; its range says whether the client reconnects.
package struct Disconnect: Error, Equatable, Sendable {
    package var code: UInt32
    /// At most 123 bytes reach the client (RFC 6455, section 5.5).
    package var reason: String

    package init(code: UInt32, reason: String) {
        self.code = code
        self.reason = reason
    }

    /// Whether a client reconnects after this code by itself.
    package var isReconnect: Bool {
        switch code {
        case 3500...3999, 4500...4999: false
        default: true
        }
    }

    package static let connectionClosed = Disconnect(code: 3000, reason: "connection closed")
    package static let shutdown = Disconnect(code: 3001, reason: "shutdown")
    package static let serverError = Disconnect(code: 3004, reason: "internal server error")
    package static let expired = Disconnect(code: 3005, reason: "connection expired")
    package static let subscriptionExpired = Disconnect(code: 3006, reason: "subscription expired")
    package static let slow = Disconnect(code: 3008, reason: "slow")
    package static let writeError = Disconnect(code: 3009, reason: "write error")
    package static let insufficientState = Disconnect(code: 3010, reason: "insufficient state")
    package static let forceReconnect = Disconnect(code: 3011, reason: "force reconnect")
    package static let noPong = Disconnect(code: 3012, reason: "no pong")
    package static let tooManyRequests = Disconnect(code: 3013, reason: "too many requests")
    package static let invalidToken = Disconnect(code: 3500, reason: "invalid token")
    package static let badRequest = Disconnect(code: 3501, reason: "bad request")
    /// Like any token that does not count, but the reason is given.
    package static let tokenTooLong = Disconnect(code: 3500, reason: "token too long")
    package static let stale = Disconnect(code: 3502, reason: "stale")
    package static let forceDisconnect = Disconnect(code: 3503, reason: "force disconnect")
    package static let connectionLimit = Disconnect(code: 3504, reason: "connection limit")
    package static let channelLimit = Disconnect(code: 3505, reason: "channel limit")
    package static let inappropriateProtocol = Disconnect(code: 3506, reason: "inappropriate protocol")
    package static let permissionDenied = Disconnect(code: 3507, reason: "permission denied")
    package static let notAvailable = Disconnect(code: 3508, reason: "not available")
    package static let tooManyErrors = Disconnect(code: 3509, reason: "too many errors")
}

/// Why the server ends one subscription.
///
/// From 2500 on the client subscribes again by itself.
package struct UnsubscribeReason: Equatable, Sendable {
    package var code: UInt32
    package var reason: String

    package init(code: UInt32, reason: String) {
        self.code = code
        self.reason = reason
    }

    /// The client's own wish; only the application gets it.
    package static let client = UnsubscribeReason(code: 0, reason: "client unsubscribe")
    /// The connection has ended; only the application gets it.
    package static let disconnected = UnsubscribeReason(code: 1, reason: "disconnect")
    package static let server = UnsubscribeReason(code: 2000, reason: "server unsubscribe")
    package static let insufficientState = UnsubscribeReason(code: 2500, reason: "insufficient state")
    package static let expired = UnsubscribeReason(code: 2501, reason: "subscription expired")
}
