package import PharosCluster
package import PharosLinks
package import PharosTLS

/// The settings of a node's link to the node with the role `topic`.
package struct TopicLinkSettings: Sendable {
    /// Its address, TLS, and waits.
    package var link: LinkSettings
    /// Known to all nodes; proves each side to the other.
    package var secret: [UInt8]
    package var nodeName: String
    /// How long a request may wait for a link and an answer, in milliseconds.
    package var requestTimeoutMs: Int64 = 5_000
    /// Silence after which the link is tested, in milliseconds.
    ///
    /// Twice as much more ends it.
    package var probeMs: Int64 = 5_000
    /// Hears of what operators should know, on the link thread; must not block.
    package var report: @Sendable (String) -> Void = { _ in }
    /// Hears of each batch of publications, for metrics.
    package var observe: EngineObserver = { _ in }

    package init(link: LinkSettings, secret: [UInt8], nodeName: String) {
        self.link = link
        self.secret = secret
        self.nodeName = nodeName
    }
}

/// The settings of the node with the role `topic`.
package struct TopicHubSettings: Sendable {
    package var address: String
    /// 0: any that is free.
    package var port: UInt16
    /// Nil: links are in the clear.
    package var tls: TLSContext?
    package var secret: [UInt8]
    /// Bytes that wait for one slow node before its link is ended.
    ///
    /// It comes back, and repairs.
    package var outputLimit = 64 << 20
    /// The time in which a node has to prove itself, in milliseconds.
    package var helloTimeoutMs: Int64 = 5_000
    /// Silence of a node after which its link is ended, in milliseconds.
    package var silenceMs: Int64 = 20_000
    /// Times of requests are those of the asking node.
    ///
    /// For tests with a clock of their own.
    package var trustsClocks = false
    package var report: @Sendable (String) -> Void = { _ in }

    package init(address: String, port: UInt16, secret: [UInt8]) {
        self.address = address
        self.port = port
        self.secret = secret
    }
}
