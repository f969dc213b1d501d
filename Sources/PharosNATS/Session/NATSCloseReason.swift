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

/// In words, for operators.
extension NATSCloseReason: CustomStringConvertible {
    package var description: String {
        switch self {
        case .closed: "closed"
        case .disconnected: "the server ended the connection"
        case .connectTimeout: "the server did not greet in time"
        case .stale: "no sign of life from the server"
        case .refused(let error): "the server refuses: \(error.text)"
        case .failed(let error): "the server ends the connection: \(error.text)"
        case .malformed(let error): "the server does not speak the protocol of NATS: \(error)"
        case .unexpected: "the server sent what may not come now"
        case .tlsRequired: "the server demands TLS"
        case .tlsUnavailable: "the server has no TLS"
        }
    }
}
