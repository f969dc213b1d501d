/// How one connection behaves.
package struct NATSSessionSettings: Sendable {
    /// When TLS begins.
    package enum TLS: Equatable, Sendable {
        /// Never; a server that demands it is left.
        case never
        /// After INFO, as servers do it by default.
        case afterInfo
        /// It was there before the first byte (`handshake_first`).
        case fromStart
    }

    /// The client's name, as the server's monitoring shows it.
    package var name = "pharos"
    package var version = ""
    package var credentials = NATSCredentials.none
    package var tls = TLS.never
    /// Whether the connection gets what it published itself.
    package var echo = true
    package var limits = NATSLimits()
    /// From the start to the PONG after CONNECT.
    package var connectTimeoutMs: Int64 = 5_000
    /// The silence after which a PING asks whether the server is there.
    package var pingIntervalMs: Int64 = 20_000
    /// As many PINGs into silence, and one interval more, end the connection.
    package var unansweredPings = 2

    package init() {}
}
