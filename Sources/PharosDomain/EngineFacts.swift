/// The state of an engine and of its servers, as `pharos doctor` found it.
package struct EngineFacts: Equatable, Sendable {
    package var isReady = false
    /// The state of each link.
    package var links: [String] = []
    /// How far the clocks of servers are ahead of this machine's.
    ///
    /// By the server's name; those that did not tell their time are missing.
    package var clocksAheadMs: [String: Int64] = [:]
    package var nats: NATSFacts?
    /// One for each server that channels are kept on.
    package var redis: [RedisFacts] = []

    package init(isReady: Bool = false, links: [String] = []) {
        self.isReady = isReady
        self.links = links
    }
}

/// The words of a NATS server, and of JetStream, about what the engine uses.
package struct NATSFacts: Equatable, Sendable {
    package struct Stream: Equatable, Sendable {
        package var name: String
        package var replicas: Int
        /// Why this server cannot use it; nil: it can.
        package var objection: String?

        package init(name: String, replicas: Int, objection: String? = nil) {
            (self.name, self.replicas, self.objection) = (name, replicas, objection)
        }
    }

    package var version = ""
    /// The cluster that the server is part of; nil: it is alone.
    package var cluster: String?
    /// Those of the engine, at most the first 256; nil: JetStream did not say.
    package var streams: [Stream]?

    package init() {}
}

/// The words of a Redis server about itself.
package struct RedisFacts: Equatable, Sendable {
    /// For operators, such as "redis://10.0.0.1:6379".
    package var name: String
    /// Lines of INFO; nil: it is hidden.
    package var info: [String: String]?
    /// Parameters of CONFIG GET; nil: it is hidden.
    package var parameters: [String: String]?

    /// The sections and parameters that are asked for.
    package static let sections = ["server", "persistence", "replication", "memory"]
    package static let wantedParameters = [
        "appendonly", "appendfsync", "save", "min-replicas-to-write", "maxmemory", "maxmemory-policy",
    ]

    package init(name: String) { self.name = name }
}
