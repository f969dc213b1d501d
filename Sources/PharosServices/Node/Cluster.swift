package import PharosCluster
package import PharosDomain

/// The engine and the bus that make a server one node of several.
package struct Cluster: Sendable {
    /// Numbers and keeps the publications of all channels.
    package var backend: any EngineBackend
    /// Engines of namespaces that have another one.
    package var others: [EngineSettings.Kind: any EngineBackend] = [:]
    /// Carries messages between nodes.
    package var bus: any ClusterBus
    var timing = ClusterNodes.Timing()

    /// - Parameters:
    ///   - heartbeatMs: between two signs of life.
    ///   - timeoutMs: a node of which nothing is heard for so long is taken for dead.
    package init(
        backend: any EngineBackend, bus: any ClusterBus, heartbeatMs: Int64 = 2_000, timeoutMs: Int64 = 10_000
    ) {
        self.backend = backend
        self.bus = bus
        timing = ClusterNodes.Timing(heartbeatMs: heartbeatMs, timeoutMs: timeoutMs)
    }

    private var backends: [any EngineBackend] { [backend] + others.values }

    /// The state of all engines together.
    package var health: EngineHealth {
        let all = backends.map(\.health)
        return EngineHealth(isReady: all.allSatisfy(\.isReady), links: all.flatMap(\.links))
    }

    /// Connects the engines that are not the node's own.
    package func startOthers(node: UInt64) {
        for backend in others.values { backend.startWithoutBus(node: node) }
    }

    package func nodesChanged(_ nodes: [UInt64], here: UInt64) {
        for backend in backends { backend.nodesChanged(nodes, here: here) }
    }

    /// Ends the links of all engines.
    package func close() {
        for backend in backends { backend.close() }
    }

    /// The engine of one relay.
    ///
    /// - Parameter wake: called on any thread when there is something to collect.
    func makeEngine(_ settings: ServerSettings, relay: Int, wake: @escaping @Sendable () -> Void) -> any ChannelEngine {
        let own = RemoteEngine(backend, relay: relay, wake: wake)
        guard !others.isEmpty else { return own }
        let kinds = others.keys.sorted { $0.rawValue < $1.rawValue }
        let rules = ChannelRules(settings.channel)
        let places = ([settings.channel.withoutNamespace] + settings.channel.namespaces.map(\.options)).map { options in
            kinds.firstIndex(of: settings.engine.kind(of: options)).map { $0 + 1 } ?? 0
        }
        return EngineChoice([own] + kinds.map { RemoteEngine(others[$0]!, relay: relay, wake: wake) }) { channel in
            places[rules.namespace(of: channel) + 1]
        }
    }
}
