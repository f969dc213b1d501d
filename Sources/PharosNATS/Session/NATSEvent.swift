/// News of a session, in the order in which it happened.
package enum NATSEvent: Equatable, Sendable {
    /// Encrypt the connection now, then call `tlsStarted`.
    case startTLS
    /// The server has accepted the client, and subscriptions are in force.
    case ready(NATSInfo)
    case message(NATSMessage)
    /// The answer to a request, by its ticket.
    case answer(UInt64, NATSAnswer)
    /// INFO with other content than the last one: other servers, or `isLameDuck`.
    case infoChanged(NATSInfo)
    /// The server named an error.
    case error(NATSServerError)
    /// After `drain`: no further message will come, and all requests have ended.
    case drained
    /// The last event of a session; all requests have ended before.
    case closed(NATSCloseReason)
}

/// How a request ended, or went on.
package enum NATSAnswer: Equatable, Sendable {
    /// One of several answers; more will follow.
    case part(NATSMessage)
    /// The answer, or the last of several.
    case message(NATSMessage)
    /// Nothing is subscribed to the request's subject.
    case noResponders
    /// No answer, or not the last one, within the request's time.
    case timedOut
    /// The session was closed before an answer came.
    ///
    /// Whether the request was carried out is unknown.
    case connectionLost
}
