import CPharosSys
import Glibc
import Hummingbird
package import Logging
import Metrics
import NIOCore
import NIOPosix
import PharosAPI
import PharosAuth
import PharosCluster
package import PharosConfiguration
import PharosDomain
import PharosSQLite
import PharosMemory
package import PharosServices
import ServiceLifecycle
import Synchronization

/// A whole Pharos in this process, composed from one configuration.
///
/// It has the shards, HTTP beside them, and TLS if configured.
///
/// `start` returns once connections are accepted. As a `Service` it runs until graceful shutdown, asks every client to
/// reconnect, and leaves when they have gone or the time is over.
package final class Node: Service {
    package let configuration: PharosConfiguration
    private let logger: Logger
    /// The application as closures of the program around; nil: there are none.
    private let closures: ClosureApplication?
    private let refusals: RefusalLedger
    package let listens: Bool
    private let running = Mutex<Running?>(nil)
    /// Why the node has to end by itself; nothing: it goes on.
    private let ending = AsyncStream<String>.makeStream()

    private struct Running: Sendable {
        let shards: ShardGroup
        let certificates: TLSCertificates?
        let certificateCheck: RepeatedTask?
        let group: MultiThreadedEventLoopGroup
        let store: SQLiteStreams?
        let link: ApplicationLink
        let cluster: ClusterParts?
    }

    /// The addresses that a started server listens on.
    package struct Addresses: Sendable {
        package let port: Int
        package let tlsPort: Int?
        package let shards: Int
        /// How many processors this process may use.
        ///
        /// It says why they are not all of the machine's.
        package let processors: String
        /// Descriptors that the process may have.
        package let openFiles: Int
    }

    /// Puts the server together.
    ///
    /// - Parameters:
    ///   - refusals: nil: a ledger of its own.
    ///   - logger: nil: lines on standard error, as the configuration says.
    ///   - listens: false: no port is opened; only the program around talks to the server.
    package init(
        configuration: PharosConfiguration, closures: ClosureApplication? = nil, refusals: RefusalLedger? = nil,
        logger: Logger? = nil, listens: Bool = true
    ) {
        self.configuration = configuration
        self.closures = closures
        self.listens = listens
        let logger = logger ?? ServerLog.make(configuration.log)
        self.logger = logger
        self.refusals = refusals ?? RefusalLedger { ServerLog.write($0, to: logger) }
    }

    /// nil before `start` and after `stop`.
    package var shards: ShardGroup? { running.withLock { $0?.shards } }

    /// Opens the ports.
    /// - Throws: an error whose description names the setting or the port at fault.
    package func start() async throws -> Addresses {
        let settings = configuration.settings
        let openFiles = Int(pharos_raise_open_files())
        logger.info("open files", metadata: ["limit": "\(openFiles)"])
        let store = try openStore()
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let fetcher = KeySetFetcher(group: group)
        let verifier = try JWTVerifier(
            TokensConfiguration(settingsOf: configuration), fetch: fetcher.fetch,
            report: { [logger, refusals] (report: KeySetReport) in
                ServerLog.write(report, to: logger)
                refusals.note(report)
            })
        let link = try ApplicationLink(
            configuration, closures: closures, group: group, refusals: refusals, logger: logger)
        let certificates = try settings.edge.tls.map {
            try TLSCertificates($0, http2: settings.edge.http2.enabled, logger: logger)
        }
        var stores = StreamStores.inMemory
        if let store { stores.add(store, named: StreamStores.diskName) }
        let registry = PrometheusRegistry()
        let cluster = try ClusterParts.make(
            settings, stores: stores, logger: logger, observe: engineObserver(registry)
        ) { [logger, ending] reason in
            logger.critical("\(reason)")
            ending.continuation.yield(reason)
        }
        let shards = try ShardGroup(
            settings: settings, verifier: verifier, stores: stores, application: link.application,
            cluster: cluster?.cluster, version: "pharos \(PharosVersion.current)", openFiles: max(openFiles, 256),
            listens: listens,
            tls: certificates, refusals: refusals,
            report: { [logger, closures] in
                ServerLog.write($0, to: logger)
                closures?.noticed($0)
            })
        let http = HTTPService(
            responder: routes(shards, link, registry).router().buildResponder(),
            logger: logger)
        let started = Running(
            shards: shards, certificates: certificates,
            certificateCheck: certificates?.watch(on: group.any()), group: group, store: store, link: link,
            cluster: cluster)
        running.withLock { $0 = started }
        link.start()
        shards.start(responder: http)
        Task { await verifier.loadKeys() }
        return Addresses(
            port: shards.port, tlsPort: shards.tlsPort, shards: shards.shardCount, processors: shards.processorsText,
            openFiles: openFiles)
    }

    /// The durable store, if a namespace keeps its streams there.
    private func openStore() throws(StoreError) -> SQLiteStreams? {
        guard configuration.storesOnDisk else { return nil }
        let path = configuration.settings.store.path
        // A limit on the size of files is an error of the write that meets it, not the end of the process.
        signal(SIGXFSZ, SIG_IGN)
        let store = try SQLiteStreams(directory: path, report: { [logger] in ServerLog.write($0, to: logger) })
        logger.info("streams are stored on disk", metadata: ["store.path": "\(path)"])
        return store
    }

    private func engineObserver(_ registry: PrometheusRegistry) -> (EngineSettings.Kind) -> EngineObserver {
        { kind in
            let metrics = EngineMetrics(factory: registry, engine: kind.rawValue)
            return { metrics.note(publications: $0.publications, nanoseconds: $0.nanoseconds) }
        }
    }

    private func routes(
        _ shards: ShardGroup, _ link: ApplicationLink, _ registry: PrometheusRegistry
    ) -> APIRoutes {
        var routes = APIRoutes.Configuration(api: configuration.settings.api, version: PharosVersion.current)
        routes.demoPage = configuration.endpoints.demo
        routes.demoEndpoints = configuration.endpoints.demoEndpoints
        routes.health = configuration.endpoints.health
        routes.metrics = configuration.endpoints.prometheus
        routes.openAPI = configuration.endpoints.openAPI
        routes.transports = configuration.settings.transports
        routes.hasRawPaths = !configuration.settings.hooks.raw.isEmpty
        routes.snapshot = link.snapshot
        return APIRoutes(configuration: routes, backend: shards, registry: registry) { [weak self] in
            self?.transportCounters() ?? TransportCounters()
        }
    }

    private func transportCounters() -> TransportCounters {
        var counters = TransportCounters()
        guard let running = running.withLock({ $0 }) else { return counters }
        counters.application = running.link.counters()
        return counters
    }

    /// Reads the certificate and key again.
    ///
    /// A pair that cannot be used leaves the old one in force.
    package func reloadCertificate() {
        guard let certificates = running.withLock({ $0?.certificates }) else { return }
        do {
            try certificates.reload()
            logger.info("certificate reloaded")
        } catch {
            logger.error("certificate not reloaded, the old one stays", metadata: ["error": "\(error)"])
        }
    }

    /// Stops the server.
    ///
    /// Every client is asked to reconnect, and gets at most the configured time; then everything is freed.
    package func stop() async {
        let settings = configuration.settings
        if let shards, settings.shutdownDelay > 0 {
            logger.info("draining", metadata: ["shutdown.delay": "\(settings.shutdownDelay)s"])
            shards.beginDraining()
            // Cut short by a task that is cancelled: the program around is in a hurry.
            try? await Task.sleep(for: .seconds(settings.shutdownDelay))
        }
        let taken = running.withLock { running in
            defer { running = nil }
            return running
        }
        guard let taken else { return }
        logger.info("shutting down")
        taken.shards.beginShutdown(windowMs: Int64(settings.shutdownWindow * 1_000))
        let ended = Task.detached { taken.shards.join() }
        await ended.value
        // After the shards: they have recorded how the last connections ended.
        await taken.link.stop()
        await closures?.finish()
        if let cluster = taken.cluster { await Task.detached { cluster.close() }.value }
        // Confirmed publications are on the disk already.
        taken.store?.close()
        taken.certificateCheck?.cancel()
        try? await taken.group.shutdownGracefully()
        logger.info("stopped")
    }

    /// Runs until graceful shutdown; starts first if `start` was not called.
    package func run() async throws {
        if running.withLock({ $0 == nil }) { _ = try await start() }
        let reasons = ending.stream
        let failure: NodeFailure? = await withTaskGroup(of: NodeFailure?.self) { group in
            group.addTask {
                try? await gracefulShutdown()
                return nil
            }
            group.addTask {
                for await reason in reasons { return NodeFailure(reason: reason) }
                return nil
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            return first
        }
        await stop()
        if let failure { throw failure }
    }
}

/// A node that had to end by itself.
package struct NodeFailure: Error, CustomStringConvertible {
    package let reason: String

    package var description: String { reason }
}
