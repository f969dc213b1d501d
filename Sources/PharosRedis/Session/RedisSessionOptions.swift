/// How a session introduces itself, and what it accepts.
package struct RedisSessionOptions: Sendable {
    package var credentials: RedisCredentials?
    /// Shown by CLIENT LIST; without spaces and line breaks.
    package var clientName: String?
    /// The numbered database; a cluster has only 0, the default.
    package var database: Int
    /// Whether RESP3 is asked for; a server without it gets RESP2.
    package var prefersRESP3: Bool
    /// From `begin` to the last reply of the handshake.
    package var handshakeTimeoutMs: Int64
    package var limits: RESPLimits

    package init(
        credentials: RedisCredentials? = nil, clientName: String? = nil, database: Int = 0, prefersRESP3: Bool = true,
        handshakeTimeoutMs: Int64 = 5_000, limits: RESPLimits = RESPLimits()
    ) {
        self.credentials = credentials
        self.clientName = clientName
        self.database = database
        self.prefersRESP3 = prefersRESP3
        self.handshakeTimeoutMs = handshakeTimeoutMs
        self.limits = limits
    }
}

/// A user's name and password.
package struct RedisCredentials: Equatable, Sendable {
    /// Nil: the user `default`, and the form of AUTH that servers before Redis 6 know.
    package var user: String?
    package var password: String

    package init(user: String? = nil, password: String) {
        self.user = user
        self.password = password
    }
}

/// A server as it introduced itself.
package struct RedisServer: Equatable, Sendable {
    /// 2 or 3.
    package let protocolVersion: Int
    /// Such as `redis` or `valkey`; this and the others are nil without HELLO.
    package var software: String?
    package var version: String?
    /// `standalone`, `sentinel` or `cluster`.
    package var mode: String?
    /// `master` or `replica`.
    package var role: String?
}
