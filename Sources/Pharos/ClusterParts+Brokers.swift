import Logging
import PharosConfiguration
import PharosDomain
import PharosLinks
import PharosNATS
import PharosNATSEngine
import PharosRedis
import PharosRedisEngine
import PharosServices

/// Engines over brokers, composed from the configuration.
extension ClusterParts {
    // MARK: NATS

    static func nats(_ settings: ServerSettings, logger: Logger) throws -> ClusterParts {
        let options = EngineAddresses.resolve(settings.engine).engine.nats
        var link = LinkSettings(
            addresses: try addresses(options.urls) { HostAndPort(natsURL: $0) })
        var tls = options.tls
        if options.urls.contains(where: { $0.hasPrefix("tls://") }) { tls.enabled = true }
        try addTLS(tls, to: &link)
        var engine = NATSEngineSettings(link: link)
        engine.credentials = try credentials(options)
        engine.prefix = options.prefix
        engine.streams = options.streams
        engine.replicas = options.replicas
        engine.channels = settings.channel
        engine.idempotencyWindowMs = Int64(settings.api.idempotencyWindow * 1_000)
        engine.requestTimeoutMs = Int64(settings.engine.requestTimeout * 1_000)
        engine.report = report(logger)
        let backend = try NATSBackend(engine)
        let thread = try LinkThread(name: "pharos-bus")
        let bus = NATSBus(engine, thread: thread)
        return ClusterParts(
            cluster: cluster(settings, backend: backend, bus: bus), threads: [thread], closeBus: { bus.close() })
    }

    private static func credentials(_ options: NATSEngineOptions) throws -> NATSCredentials {
        if !options.nkeySeed.isEmpty {
            let key = try NKey(seed: options.nkeySeed)
            return .key(publicKey: key.publicText, jwt: nil, sign: { key.sign($0) })
        }
        if !options.token.isEmpty { return .token(options.token) }
        return options.user.isEmpty ? .none : .user(options.user, password: options.password)
    }

    // MARK: Redis

    static func redis(_ settings: ServerSettings, logger: Logger) throws -> ClusterParts {
        let options = EngineAddresses.resolve(settings.engine).engine.redis
        let topology: RedisEngineSettings.Topology
        if !options.clusterAddresses.isEmpty {
            topology = .cluster(try addresses(options.clusterAddresses) { HostAndPort(redisAddress: $0) })
        } else if !options.sentinelAddresses.isEmpty {
            topology = .sentinel(
                master: options.sentinelMaster,
                sentinels: try addresses(options.sentinelAddresses) { HostAndPort(redisAddress: $0) })
        } else {
            topology = .standalone(try addresses(options.addresses) { HostAndPort(redisAddress: $0) })
        }
        var link = LinkSettings(addresses: [LinkAddress(host: "127.0.0.1", port: 6379)])
        try addTLS(options.tls, to: &link)
        link.tlsFromStart = options.tls.enabled
        var session = RedisSessionOptions(
            credentials: credentials(options.user, options.password), clientName: "pharos", database: options.database)
        var engine = RedisEngineSettings(topology: topology, link: link, session: session)
        session.credentials = credentials(options.sentinelUser, options.sentinelPassword)
        session.database = 0
        engine.sentinelSession = session
        engine.prefix = options.prefix
        engine.channel = settings.channel
        engine.onFailover = options.onFailover == .trust ? .trust : .newEpoch
        switch options.durability {
        case .accepted: engine.durability = .accepted
        case .replicated: engine.durability = .replicated(options.replicas)
        case .aof: engine.durability = .appendOnlyFile
        }
        engine.idempotencyWindowMs = Int64(settings.api.idempotencyWindow * 1_000)
        engine.requestTimeoutMs = Int64(settings.engine.requestTimeout * 1_000)
        // A link that hears nothing any more is found within the time in which a dead node is.
        engine.probeAfterMs = max(Int64(settings.engine.nodeTimeout * 500), 1_000)
        engine.report = report(logger)
        let backend = try RedisBackend(engine)
        let bus = try RedisBus(engine)
        return ClusterParts(
            cluster: cluster(settings, backend: backend, bus: bus), threads: [], closeBus: { bus.close() })
    }

    private static func credentials(_ user: String, _ password: String) -> RedisCredentials? {
        password.isEmpty ? nil : RedisCredentials(user: user.isEmpty ? nil : user, password: password)
    }

    // MARK: Addresses

    private static func addresses(
        _ texts: [String], _ read: (String) -> HostAndPort?
    ) throws -> [LinkAddress] {
        try texts.map { text in
            guard let address = read(text) else { throw ClusterError.address(text) }
            return LinkAddress(host: address.host, port: address.port)
        }
    }
}
