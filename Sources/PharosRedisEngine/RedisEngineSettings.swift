package import PharosLinks
package import PharosRedis

/// The settings of the engine over Redis or Valkey.
package struct RedisEngineSettings: Sendable {
    package enum Topology: Sendable {
        /// One server, or several independent ones among which channels are spread by hash.
        case standalone([LinkAddress])
        case sentinel(master: String, sentinels: [LinkAddress])
        case cluster([LinkAddress])
    }

    /// The meaning of a failover to a server with another history.
    package enum OnFailover: Equatable, Sendable {
        /// Each stream begins a new epoch, since writes may be lost.
        case newEpoch
        /// The operator knows that nothing was lost.
        case trust
    }

    /// When a publisher is answered.
    package enum Durability: Equatable, Sendable {
        case accepted
        /// So many replicas have it, or the publisher gets a temporary error.
        case replicated(Int)
        /// It is in the append-only file of the server.
        case appendOnlyFile
    }

    package var topology: Topology
    /// TLS and waits of each connection; its addresses are not used.
    package var link: LinkSettings
    package var session: RedisSessionOptions
    package var sentinelSession: RedisSessionOptions
    /// Stands before all keys and channels.
    package var prefix = "pharos"
    package var onFailover = OnFailover.newEpoch
    package var durability = Durability.accepted
    /// How long a repeated key gets the first answer, in milliseconds.
    package var idempotencyWindowMs: Int64 = 300_000
    /// How long a command may take, in milliseconds.
    package var requestTimeoutMs: Int64 = 5_000
    /// Hears of what operators should know, on the link thread; must not block.
    package var report: @Sendable (String) -> Void = { _ in }

    package init(topology: Topology, link: LinkSettings, session: RedisSessionOptions) {
        self.topology = topology
        self.link = link
        self.session = session
        sentinelSession = session
    }
}
