package import PharosCluster

/// The engine and the bus that make a server one node of several.
package struct Cluster: Sendable {
    /// Numbers and keeps the publications of all channels.
    package var backend: any EngineBackend
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
}
