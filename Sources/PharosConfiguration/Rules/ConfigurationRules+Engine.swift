import PharosDomain

extension ConfigurationRules {
    mutating func checkEngine() {
        let (engine, faults) = EngineAddresses.resolve(settings.engine)
        if engine.roles.isEmpty { refuse("node.roles", "name at least one role") }
        let kinds = engine.kinds(settings.channel)
        if engine.roles.contains(.topic), !kinds.contains(.topic) {
            refuse("node.roles", with: ["engine.type"], "the role `topic` goes with `engine.type: topic`")
        }
        if kinds.count > 1, !engine.kind.isShared {
            refuse(
                "engine.type",
                "a namespace has an engine of several nodes: then the node needs one too, over which nodes "
                    + "know of each other")
        }
        if engine.nodeTimeout < 2 * engine.heartbeat {
            refuse(
                "engine.node_timeout", with: ["engine.heartbeat"],
                "must be at least twice `engine.heartbeat`, else a node is taken for dead by one lost sign of life")
        }
        if engine.kind == .disk, settings.store.path.isEmpty {
            refuse("engine.type", with: ["store.path"], "`disk` needs `store.path`")
        }
        for kind in kinds {
            switch kind {
            case .memory, .disk: break
            case .topic: checkTopic(engine)
            case .nats:
                for fault in faults where fault.key.hasPrefix("engine.nats") { refuse(fault.key, fault.message) }
                checkNATS(engine.nats)
            case .redis:
                let faults = faults.filter { $0.key.hasPrefix("engine.redis") }
                for fault in faults { refuse(fault.key, fault.message) }
                if faults.isEmpty { checkRedis(engine.redis) }
            }
        }
    }

    private mutating func checkTopic(_ engine: EngineSettings) {
        if engine.secret.utf8.count < 16 {
            refuse(
                "engine.secret", with: ["engine.type"],
                "with `engine.type` `topic` a secret of at least 16 bytes is needed, the same on all nodes")
        }
        if HostAndPort(engine.topic.address, port: nil) == nil {
            refuse("engine.topic.address", "expected a host and a port, such as 10.0.0.1:8300")
        }
        if !engine.topic.listen.isEmpty, HostAndPort(engine.topic.listen, port: nil) == nil {
            refuse("engine.topic.listen", "expected an address and a port, such as 0.0.0.0:8300")
        }
        if engine.topic.serverCertificateFile.isEmpty != engine.topic.serverKeyFile.isEmpty {
            refuse(
                "engine.topic.server_cert_pem_file", with: ["engine.topic.server_key_pem_file"],
                "certificate and key belong together")
        }
    }

    private mutating func checkNATS(_ nats: NATSEngineOptions) {
        if nats.urls.isEmpty { refuse("engine.nats.url", "name at least one server") }
        for url in nats.urls where HostAndPort(natsURL: url) == nil {
            refuse("engine.nats.url", "expected addresses such as nats://10.0.0.1:4222")
        }
        let isToken = nats.prefix.utf8.allSatisfy { byte in
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                || byte == UInt8(ascii: "_")
        }
        if nats.prefix.isEmpty || !isToken || nats.prefix.utf8.count > 32 {
            refuse("engine.nats.prefix", "expected 1 to 32 small letters, digits and underscores")
        }
    }

    private mutating func checkRedis(_ redis: RedisEngineOptions) {
        let lists = [
            ("engine.redis.address", redis.addresses), ("engine.redis.cluster_address", redis.clusterAddresses),
            ("engine.redis.sentinel_address", redis.sentinelAddresses),
        ]
        for (key, addresses) in lists {
            for address in addresses where HostAndPort(redisAddress: address) == nil {
                refuse(key, "expected a host and a port, such as 10.0.0.1:6379")
            }
        }
        if redis.sentinelAddresses.isEmpty != redis.sentinelMaster.isEmpty {
            refuse(
                "engine.redis.sentinel_master_name", with: ["engine.redis.sentinel_address"],
                "goes with `engine.redis.sentinel_address`")
        }
        if redis.addresses.isEmpty, redis.clusterAddresses.isEmpty, redis.sentinelAddresses.isEmpty {
            refuse("engine.redis.address", "name at least one server")
        }
        if !redis.clusterAddresses.isEmpty, redis.database != 0 {
            refuse("engine.redis.db", with: ["engine.redis.cluster_address"], "a Redis Cluster has database 0 only")
        }
    }
}
