/// Why an order was refused. Nothing of it was written.
package enum NATSOrderError: Error, Equatable, Sendable {
    /// A subject that `NATSSubject` does not allow here.
    ///
    /// An empty one or an empty token, a wildcard where none may be, or a space or control character.
    case invalidSubject
    /// A queue group that is empty or has a space or control character.
    case invalidQueue
    /// A name or value that would end its line, or a block that came malformed.
    case invalidHeader
    /// A stream, consumer or domain name that cannot be a token of a subject.
    case invalidName
    /// A line of more than 4,096 bytes, the default limit of servers.
    case lineTooLong
    /// Headers and payload of more bytes than the server takes.
    case payloadTooLarge(limit: Int)
    /// The server knows no headers.
    case headersUnsupported
    /// The connection is not ready, or is closed.
    case notReady
    /// The session takes no new subscriptions and requests after `drain`.
    case draining
    /// No subscription of that number.
    case unknownSubscription
}
