import Logging
import PharosBytes
import PharosCluster
import PharosConfiguration
import PharosDomain
import PharosLinks
import PharosServices
import PharosTLS
import PharosTopic

/// The engine and the bus that make a server one node of several.
///
/// Composed from its configuration.
final class ClusterParts: Sendable {
    let cluster: Cluster
    private let threads: [LinkThread]
    private let topic: TopicServer?
    private let closeBus: @Sendable () -> Void

    /// Puts them together; nothing connects before the node starts.
    ///
    /// - Parameters:
    ///   - stores: where the node with the role `topic` keeps streams.
    ///   - isOver: hears why this node cannot go on, on a thread of the engine's.
    /// - Returns: nil for a server that stands alone.
    static func make(
        _ settings: ServerSettings, stores: StreamStores, logger: Logger,
        isOver: @escaping @Sendable (String) -> Void
    ) throws -> ClusterParts? {
        let kinds = settings.engine.kinds(settings.channel)
        guard kinds[0].isShared else { return nil }
        let all = try kinds.map { try make($0, settings, stores: stores, logger: logger, isOver: isOver) }
        var cluster = all[0].cluster
        for (kind, parts) in zip(kinds, all).dropFirst() {
            cluster.others[kind] = parts.cluster.backend
        }
        return ClusterParts(
            cluster: cluster, threads: all.flatMap(\.threads), topic: all.compactMap(\.topic).first,
            closeBus: { for parts in all { parts.closeBus() } })
    }

    private static func make(
        _ kind: EngineSettings.Kind, _ settings: ServerSettings, stores: StreamStores, logger: Logger,
        isOver: @escaping @Sendable (String) -> Void
    ) throws -> ClusterParts {
        switch kind {
        case .memory, .disk: preconditionFailure("a namespace cannot have it")
        case .topic: try topic(settings, stores: stores, logger: logger, isOver: isOver)
        case .nats: try nats(settings, logger: logger)
        case .redis: try redis(settings, logger: logger)
        }
    }

    init(
        cluster: Cluster, threads: [LinkThread], topic: TopicServer? = nil,
        closeBus: @escaping @Sendable () -> Void = {}
    ) {
        self.cluster = cluster
        self.closeBus = closeBus
        self.threads = threads
        self.topic = topic
    }

    /// Ends all links; after the shards, which still use them.
    func close() {
        closeBus()
        cluster.close()
        topic?.close()
        for thread in threads { thread.stop() }
    }

    static func cluster(
        _ settings: ServerSettings, backend: any EngineBackend, bus: any ClusterBus
    ) -> Cluster {
        Cluster(
            backend: backend, bus: bus, heartbeatMs: Int64(settings.engine.heartbeat * 1_000),
            timeoutMs: Int64(settings.engine.nodeTimeout * 1_000))
    }

    static func report(_ logger: Logger) -> @Sendable (String) -> Void {
        { logger.notice("\($0)") }
    }

    // MARK: topic

    private static func topic(
        _ settings: ServerSettings, stores: StreamStores, logger: Logger,
        isOver: @escaping @Sendable (String) -> Void
    ) throws -> ClusterParts {
        let engine = settings.engine
        let secret = Array(engine.secret.utf8)
        guard let address = HostAndPort(engine.topic.address, port: nil) else {
            throw ClusterError.address(engine.topic.address)
        }
        var threads: [LinkThread] = []
        var server: TopicServer?
        if engine.roles.contains(.topic) {
            let listen = HostAndPort(engine.topic.listen, port: nil) ?? address
            let host = listen.host == "localhost" ? "127.0.0.1" : listen.host
            var hub = TopicHubSettings(address: host, port: listen.port, secret: secret)
            hub.report = report(logger)
            if !engine.topic.serverCertificateFile.isEmpty {
                let identity = TLSIdentity(
                    certificateFile: engine.topic.serverCertificateFile, keyFile: engine.topic.serverKeyFile)
                hub.tls = try CertificateFiles([identity], protocols: []).context
            }
            let thread = try LinkThread(name: "pharos-topic")
            threads.append(thread)
            server = try TopicServer(
                hub, stores: stores, channel: settings.channel,
                idempotencyWindowMs: Int64(settings.api.idempotencyWindow * 1_000), on: thread)
        }
        let thread = try LinkThread(name: "pharos-link")
        threads.append(thread)
        var link = LinkSettings(addresses: [LinkAddress(host: address.host, port: address.port)])
        try addTLS(engine.topic.tls, to: &link)
        link.tlsFromStart = engine.topic.tls.enabled
        var client = TopicLinkSettings(link: link, secret: secret, nodeName: settings.nodeName)
        client.requestTimeoutMs = Int64(engine.requestTimeout * 1_000)
        client.report = report(logger)
        let own = server?.mark
        let backend = TopicBackend(client, channel: settings.channel, on: thread) { hub in
            guard let own, own != hub else { return }
            isOver("another node has the role topic: it answers at engine.topic.address, \(engine.topic.address)")
        }
        return ClusterParts(
            cluster: cluster(settings, backend: backend, bus: backend), threads: threads, topic: server)
    }

    // MARK: TLS

    static func addTLS(_ options: LinkTLSOptions, to link: inout LinkSettings) throws {
        guard options.enabled else { return }
        link.tls = try TLSContext.client(authoritiesFile: options.authoritiesFile)
        if !options.serverName.isEmpty { link.tlsName = options.serverName }
    }
}

/// Why a cluster cannot be put together.
enum ClusterError: Error, CustomStringConvertible {
    case address(String)

    var description: String {
        switch self {
        case .address(let text): "engine: \(text) is no host and port"
        }
    }
}
