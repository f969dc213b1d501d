package import PharosDomain

/// What the world outside the shards asks of them: the HTTP pages and TLS.
///
/// All methods may be called from any thread or task.
package protocol Backend: AnyObject, Sendable {
    /// The counters of all shards, added up.
    func counters() async -> NodeCounters

    /// Whether the node accepts connections: false while it shuts down.
    var isReady: Bool { get }

    /// How the durable store is; one that does not exist works.
    var storeHealth: StoreHealth { get }

    /// Why what publishers were answered for before the start may be missing; nil: it is all there.
    var storeLoss: String? { get }
}

extension Backend {
    package var storeLoss: String? { nil }
}
