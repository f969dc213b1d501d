/// Why a session is over.
package enum NATSCloseReason: Equatable, Sendable {
    /// By `close`.
    case closed
    /// The connection ended, without a reason from the server.
    case disconnected
    /// No INFO and PONG within the time for connecting.
    case connectTimeout
    /// Nothing came from the server after several PINGs.
    case stale
    /// The server refused the credentials, or the connection before it was ready.
    case refused(NATSServerError)
    /// The server named an error after which it ends the connection.
    case failed(NATSServerError)
    /// The server's bytes are not its protocol.
    case malformed(NATSParseError)
    /// A message that may not come in the session's state.
    case unexpected
    /// The server demands TLS, and the settings forbid it.
    case tlsRequired
    /// The settings demand TLS, and the server has none.
    case tlsUnavailable
}
