package import PharosCluster
package import PharosDomain
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
    ///
    /// Without braces, which would decide on their slots.
    package var prefix = "pharos"
    /// The part of the retention that namespaces do not say.
    package var channel = ChannelSettings()
    package var onFailover = OnFailover.newEpoch
    package var durability = Durability.accepted
    /// How long a repeated key gets the first answer, in milliseconds.
    package var idempotencyWindowMs: Int64 = 300_000
    /// How long a command may take, in milliseconds.
    package var requestTimeoutMs: Int64 = 5_000
    /// How long a subscription link may be silent, in milliseconds.
    ///
    /// Then it is probed; after as long again it is made anew.
    package var probeAfterMs: Int64 = 30_000
    /// How long an answer may wait for the publisher's own message, in milliseconds.
    package var holdMs: Int64 = 1_000
    /// How often sentinels, or the cluster's map of slots, are asked; milliseconds.
    ///
    /// They are asked at once when something shows that the answer has changed.
    package var topologyIntervalMs: Int64 = 5_000
    /// Requests that may be open, and bytes of their publications.
    ///
    /// Beyond that they are refused.
    package var openRequests = 100_000
    package var openBytes = 64 << 20
    /// Hears of what operators should know, on the link thread; must not block.
    package var report: @Sendable (String) -> Void = { _ in }
    /// Hears of each batch of publications, for metrics.
    package var observe: EngineObserver = { _ in }

    package init(topology: Topology, link: LinkSettings, session: RedisSessionOptions) {
        self.topology = topology
        self.link = link
        self.session = session
        sentinelSession = session
    }
}
