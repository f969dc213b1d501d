import CPharosSys
import PharosCluster
import PharosBytes
package import PharosDomain
package import PharosEdge
import PharosHTTP2
import PharosMemory
package import PharosProtocol
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// The shards of one process, with their threads, their listeners and their API.
///
/// The API is the way in for all code outside the shards.
package final class ShardGroup: Backend {
    package enum StartError: Error, Equatable, Sendable, CustomStringConvertible {
        /// Another process listens on the port already.
        ///
        /// With a shared port it would silently get half of the connections.
        case portInUse(address: String, port: Int, setting: String)
        case cannotListen(address: String, port: Int, errno: Int32)
        case badProxies(String)

        package var description: String {
            switch self {
            case .portInUse(let address, let port, let setting):
                "\(address):\(port) is in use: another server, perhaps an earlier pharos, listens there. "
                    + "Stop it, or choose another \(setting)."
            case .cannotListen(let address, let port, let errno):
                "cannot listen on \(address):\(port): \(String(cString: strerror(errno)))"
            case .badProxies(let text): "edge.trusted_proxies: \(text)"
            }
        }
    }

    let node: NodeContext
    /// The port that is listened on, also when the settings asked for any.
    package let port: Int
    /// The port of TLS connections; nil: there are none.
    package let tlsPort: Int?
    private let tlsContexts: (any TLSContextSource)?
    private let listeners: [Int32]
    private let tlsListeners: [Int32]
    private let processors: [Int]
    private let openFiles: Int
    /// The usable processors, as they were at the start.
    ///
    /// There is one shard for each of them unless the settings say otherwise.
    private let usableProcessors: UsableProcessors
    private let threads: Locked<[SystemThread]>
    private let nextShard = Atomic<Int>(0)

    /// Opens the ports and starts the threads: `init` and `start` in one.
    package convenience init(
        settings: ServerSettings, verifier: any TokenVerifier, stores: StreamStores = .inMemory,
        dialects: DialectTable = .standard,
        application: Application = Application(), cluster: Cluster? = nil, responder: (any RequestResponder)?,
        version: String, openFiles: Int, processors: [Int] = [], listens: Bool = true,
        tls: (any TLSContextSource)? = nil,
        refusals: RefusalLedger? = nil,
        report: @escaping @Sendable (ServiceEvent) -> Void = { _ in }
    ) throws {
        try self.init(
            settings: settings, verifier: verifier, stores: stores, dialects: dialects, application: application,
            cluster: cluster, version: version,
            openFiles: openFiles,
            processors: processors, listens: listens, tls: tls, refusals: refusals, report: report)
        start(responder: responder)
    }

    /// Opens the ports; clients that connect before `start` wait in the backlog.
    ///
    /// - Parameters:
    ///   - stores: where streams live; those that are shared are closed by the caller, after `join`.
    ///   - dialects: how clients can be spoken to; the standard ones come first.
    ///   - application: gets the requests and the events of the shards.
    ///   - cluster: the way to the other nodes; nil: the server stands alone.
    ///   - listens: false: connections come only through `open`.
    ///   - tls: gives the certificates for `edge.tls`; without it there is no TLS.
    ///   - openFiles: descriptors this process may have; bounds the connections.
    ///   - refusals: where they are noted; nil: in a ledger of their own, which `report` hears of.
    ///   - report: called on the shards' threads; must not block.
    package init(
        settings: ServerSettings, verifier: any TokenVerifier, stores: StreamStores = .inMemory,
        dialects: DialectTable = .standard,
        application: Application = Application(), cluster: Cluster? = nil, version: String,
        openFiles: Int, processors: [Int] = [], listens: Bool = true, tls: (any TLSContextSource)? = nil,
        refusals: RefusalLedger? = nil,
        report: @escaping @Sendable (ServiceEvent) -> Void = { _ in }
    ) throws {
        tlsContexts = tls
        let usable = UsableProcessors.current()
        let count = min(settings.edge.shards > 0 ? settings.edge.shards : usable.count, 64)
        do {
            node = try NodeContext(
                settings: settings, version: version, verifier: verifier, stores: stores, dialects: dialects,
                application: application, cluster: cluster, shards: count,
                nowMs: pharos_monotonic_ms(), refusals: refusals ?? RefusalLedger { report(.refusal($0)) },
                report: report)
        } catch let error as AddressRulesError {
            throw StartError.badProxies("\(error)")
        }
        var (listeners, port) = ([Int32](), settings.edge.port)
        var (tlsListeners, tlsPort) = ([Int32](), Int?.none)
        if listens {
            (listeners, port) = try ShardGroup.listen(settings.edge, port: port, "http_server.port", count: count)
            if let tls = settings.edge.tls, self.tlsContexts != nil {
                do throws(StartError) {
                    (tlsListeners, tlsPort) = try ShardGroup.listen(
                        settings.edge, port: tls.port, "http_server.tls.port", count: count)
                } catch {
                    for open in listeners { _ = pharos_close(open) }
                    throw error
                }
            }
        }
        self.port = port
        self.tlsPort = tlsPort
        self.listeners = listeners
        self.tlsListeners = tlsListeners
        self.processors = processors
        self.openFiles = openFiles
        usableProcessors = usable
        threads = Locked([])
    }

    /// Starts the threads; when this returns, connections are accepted. Call it once.
    ///
    /// - Parameter responder: answers the requests that shards do not serve; nil: they get a 404.
    package func start(responder: (any RequestResponder)?) {
        node.setResponder(responder)
        for index in 0..<node.mailboxes.count {
            var configuration = EdgeConfiguration(node.settings)
            configuration.connectionCapacity = max(openFiles, 1_024)
            configuration.carriedLimit = configuration.http2 == nil ? 0 : configuration.connectionCapacity
            configuration.outputTotal = node.outputTotal
            configuration.bodyBudget = node.bodyBudget
            configuration.tlsContexts = tlsContexts
            configuration.handshakeLimit = max(node.settings.edge.handshakeLimit / node.mailboxes.count, 16)
            if index < processors.count { configuration.processor = processors[index] }
            let thread = startShard(index, configuration)
            threads.withLock { $0.append(thread) }
        }
        node.messages.start()
    }

    package var shardCount: Int { node.mailboxes.count }

    /// The number of processors that this process may use, as text.
    ///
    /// It also says why they are not all of the machine's.
    package var processorsText: String { usableProcessors.text }

    /// A listening socket for each shard, and the port, which the system chooses for 0.
    private static func listen(
        _ edge: EdgeSettings, port: Int, _ setting: String, count: Int
    ) throws(StartError) -> (listeners: [Int32], port: Int) {
        try refuseSecondInstance(edge, port: port, setting)
        var (listeners, port) = ([Int32](), port)
        for _ in 0..<count {
            let listener = pharos_listen(edge.address, UInt16(port), Int32(edge.backlog), count > 1 ? 1 : 0)
            guard listener >= 0 else {
                for open in listeners { _ = pharos_close(open) }
                throw failure(edge, port: port, setting, errno: -listener)
            }
            listeners.append(listener)
            port = Int(pharos_local_port(listener))
        }
        return (listeners, port)
    }

    /// Binding without a shared port fails while another socket listens there.
    private static func refuseSecondInstance(_ edge: EdgeSettings, port: Int, _ setting: String) throws(StartError) {
        guard port != 0 else { return }
        let probe = pharos_listen(edge.address, UInt16(port), 1, 0)
        guard probe >= 0 else { throw failure(edge, port: port, setting, errno: -probe) }
        _ = pharos_close(probe)
    }

    private static func failure(_ edge: EdgeSettings, port: Int, _ setting: String, errno: Int32) -> StartError {
        errno == pharos_eaddrinuse
            ? .portInUse(address: edge.address, port: port, setting: setting)
            : .cannotListen(address: edge.address, port: port, errno: errno)
    }

    // MARK: Backend

    package var isReady: Bool { node.isReady }

    package var storeHealth: StoreHealth { node.stores.health }

    package var storeLoss: String? { node.stores.loss }

    package var engineProblem: String? {
        guard let health = node.cluster?.health, !health.isReady else { return nil }
        return "the engine is not reached: " + health.links.joined(separator: ", ")
    }

    /// Carries out one server API call, `POST /api/<method>`, already read.
    ///
    /// Never throws: errors are in the response. May be called on any thread.
    ///
    /// - Parameter headers: names in lower case; at least `x-api-key`, `authorization` and `x-centrifugo-error-mode` if
    ///   present.
    package func callAPI(
        method: String, query: String, headers: [FieldName: String], body: [UInt8]
    ) async -> APIResponse {
        let path: APIPath = method.isEmpty ? .envelope : .method(MethodName(method))
        return await withCheckedContinuation { continuation in
            let call = BackendCall(path: path, query: query, headers: headers, body: body) {
                continuation.resume(returning: $0)
            }
            // A call that is refused here is dropped, and answers for itself.
            node.mailboxes[pickShard()].post(.backendCall(call))
        }
    }

    /// Carries out one request about raw connections, already read.
    ///
    /// The request is at an address where the application reaches raw connections; see `RawServicePath`.
    ///
    /// - Parameters:
    ///   - path: as in the request line, still percent-encoded, without query.
    ///   - headers: names in lower case; at least `x-api-key`, `authorization` and `prefer` if present.
    package func callRaw(
        method: String, path: String, query: String, headers: [FieldName: String], body: [UInt8]
    ) async -> APIResponse {
        await withCheckedContinuation { continuation in
            let call = RawBackendCall(method: method, path: path, query: query, headers: headers, body: body) {
                continuation.resume(returning: $0)
            }
            // A call that is refused here is dropped, and answers for itself.
            node.mailboxes[pickShard()].post(.rawCall(call))
        }
    }

    package func counters() async -> NodeCounters {
        var sum = NodeCounters()
        for mailbox in node.mailboxes {
            let part: NodeCounters? = await withCheckedContinuation { continuation in
                let call = CounterCall { continuation.resume(returning: $0) }
                mailbox.post(.counters(call))
            }
            if let part { sum.add(part) }
        }
        sum.refusals = node.refusals.counts
        return sum
    }

    func pickShard() -> Int {
        Int(UInt(bitPattern: nextShard.wrappingAdd(1, ordering: .relaxed).oldValue) % UInt(node.mailboxes.count))
    }

    // MARK: End

    /// Lets load balancers know that new connections should go elsewhere.
    ///
    /// All goes on as before, and those that come all the same are accepted.
    package func beginDraining() { node.beginDraining() }

    /// Accepts nothing more and asks every client to reconnect.
    ///
    /// The requests are spread over the window, and over longer where `shutdown.rate` asks for that. Returns at once: see `join`.
    package func beginShutdown(windowMs: Int64) {
        node.stopAccepting()
        for shard in node.mailboxes.indices { node.post(.shutdown(windowMs: windowMs), to: shard) }
    }

    /// Waits until all shards have ended; blocks the calling thread.
    package func join() {
        let all = threads.withLock { threads in
            defer { threads = [] }
            return threads
        }
        for thread in all { thread.join() }
        // Its members have left one by one; from now on nothing is asked of it.
        node.messages.leave()
    }

    private func startShard(_ index: Int, _ configuration: EdgeConfiguration) -> SystemThread {
        let listener = listeners.isEmpty ? -1 : listeners[index]
        let tlsListener = tlsListeners.isEmpty ? -1 : tlsListeners[index]
        let thread = try? SystemThread(name: "pharos-\(index)", processor: configuration.processor) { [node] in
            var loop = ShardLoop(
                edge: Edge(configuration), handler: ShardService(node: node, index: index),
                mailbox: node.mailboxes[index], listener: listener, tlsListener: tlsListener)
            loop.run()
        }
        guard let thread else { preconditionFailure("no thread could be created for a shard") }
        return thread
    }
}

extension EdgeConfiguration {
    init(_ settings: ServerSettings) {
        self.init()
        messageSizeLimit = settings.edge.messageSizeLimit
        headSizeLimit = settings.edge.headSizeLimit
        headTimeoutMs = Int64(settings.edge.headTimeout * 1_000)
        idleTimeoutMs = Int64(settings.edge.idleTimeout * 1_000)
        bodyTimeoutMs = Int64(settings.edge.bodyTimeout * 1_000)
        tickIntervalMs = Int64(settings.edge.tickInterval * 1_000)
        writeTimeoutMs = Int64(settings.edge.writeTimeout * 1_000)
        outputLimit = settings.client.queueMaxSize
        compression = settings.transports.compression
        compressionMinSize = settings.transports.compressionMinSize
        compressionLevel = settings.transports.compressionLevel
        http2 = settings.edge.http2.enabled ? HTTP2Limits(settings.edge) : nil
    }
}

extension HTTP2Limits {
    init(_ edge: EdgeSettings) {
        self.init()
        maxStreams = edge.http2.maxStreams
        headSizeLimit = edge.headSizeLimit
        maxResets = edge.http2.maxResets
        maxControlFrames = edge.http2.maxControlFrames
    }
}
