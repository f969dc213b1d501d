/// Where channels are numbered and kept, and how nodes reach each other.
package struct EngineSettings: Equatable, Sendable {
    package enum Kind: String, Equatable, Sendable, CaseIterable {
        /// This process alone; channels with history may still be kept on the disk.
        case memory
        /// The same, by the name that says where history lives.
        case disk
        /// A node of the cluster with the role `topic`.
        case topic
        case nats
        case redis

        /// Whether several nodes behave as one server.
        package var isShared: Bool { self != .memory && self != .disk }
    }

    package enum Role: String, Hashable, Sendable, CaseIterable {
        /// Holds clients.
        case clients
        /// Numbers and keeps for all nodes, with the engine `topic`.
        case topic
    }

    package var kind = Kind.memory
    package var roles: Set<Role> = [.clients]
    /// Known to all nodes of a cluster, and to them alone.
    package var secret = ""
    /// Seconds between two signs of life of a node.
    package var heartbeat = 2.0
    /// Seconds without a sign of life after which a node is taken for dead.
    package var nodeTimeout = 10.0
    /// Seconds that a request to the engine may take.
    package var requestTimeout = 5.0
    package var topic = TopicEngineOptions()
    package var nats = NATSEngineOptions()
    package var redis = RedisEngineOptions()

    package init() {}

    /// The engines in use, the node's own first.
    ///
    /// - Parameter channel: whose namespaces may have another engine.
    package func kinds(_ channel: ChannelSettings) -> [Kind] {
        var kinds = [kind]
        for options in [channel.withoutNamespace] + channel.namespaces.map(\.options) {
            let own = kind(of: options)
            if !kinds.contains(own) { kinds.append(own) }
        }
        return kinds
    }

    /// The engine of the channels with such options.
    package func kind(of options: ChannelOptions) -> Kind {
        switch options.engine {
        case .asConfigured: kind
        case .topic: .topic
        case .nats: .nats
        case .redis: .redis
        }
    }
}

/// TLS of a link to another server.
package struct LinkTLSOptions: Equatable, Sendable {
    package var enabled = false
    /// File with the authorities that are trusted; "": the system's.
    package var authoritiesFile = ""
    /// The name that the server's certificate has to have; "": that of its address.
    package var serverName = ""

    package init() {}
}

/// The engine `topic`.
package struct TopicEngineOptions: Equatable, Sendable {
    /// Host and port of the node with the role `topic`.
    package var address = "127.0.0.1:8300"
    /// The address that this node listens on; "": the host and port of `address`.
    package var listen = ""
    package var tls = LinkTLSOptions()
    /// The certificate with which the `topic` node listens.
    package var serverCertificateFile = ""
    package var serverKeyFile = ""

    package init() {}
}

/// The engine `nats`.
package struct NATSEngineOptions: Equatable, Sendable {
    package var urls = ["nats://127.0.0.1:4222"]
    package var prefix = "ph"
    package var streams = 8
    package var replicas = 1
    package var user = ""
    package var password = ""
    package var token = ""
    /// Seed of an nkey.
    package var nkeySeed = ""
    package var tls = LinkTLSOptions()

    package init() {}
}

/// The engine `redis`.
package struct RedisEngineOptions: Equatable, Sendable {
    package enum OnFailover: String, Equatable, Sendable, CaseIterable {
        case newEpoch = "new_epoch"
        case trust
    }

    package enum Durability: String, Equatable, Sendable, CaseIterable {
        case accepted, replicated, aof
    }

    package var addresses = ["127.0.0.1:6379"]
    package var clusterAddresses: [String] = []
    package var sentinelAddresses: [String] = []
    package var sentinelMaster = ""
    package var sentinelUser = ""
    package var sentinelPassword = ""
    package var database = 0
    package var user = ""
    package var password = ""
    package var prefix = "pharos"
    package var onFailover = OnFailover.newEpoch
    package var durability = Durability.accepted
    /// Replicas that must have a publication, with `replicated`.
    package var replicas = 1
    package var tls = LinkTLSOptions()

    package init() {}
}
