package import PharosCluster
package import PharosDomain
package import PharosLinks
package import PharosNATS

/// The settings of the engine over NATS.
package struct NATSEngineSettings: Sendable {
    /// Addresses, TLS and waits of its connection.
    package var link: LinkSettings
    package var credentials = NATSCredentials.none
    /// The first token of all subjects, and, in capitals, of the names of all streams.
    package var prefix = "ph"
    /// Streams for each retention class; the same on all nodes, for ever.
    package var streams = 8
    /// Copies of each stream, when it is made.
    package var replicas = 1
    /// How long a repeated key gets the first answer, in milliseconds.
    package var idempotencyWindowMs: Int64 = 300_000
    /// How long a request to the servers may take, in milliseconds.
    package var requestTimeoutMs: Int64 = 5_000
    /// Milliseconds of silence after which the server is asked for a sign.
    ///
    /// A second such time without a word ends the connection.
    package var probeIntervalMs: Int64 = 5_000
    /// How often expired histories are removed from the servers, in milliseconds.
    package var tidyMs: Int64 = 30_000
    /// The times that hold for namespaces without their own.
    package var channels = ChannelSettings()
    /// Hears of what operators should know, on the link thread; must not block.
    package var report: @Sendable (String) -> Void = { _ in }
    /// Hears of each batch of publications, for metrics.
    package var observe: EngineObserver = { _ in }

    package init(link: LinkSettings) { self.link = link }
}
