package import PharosDomain

/// The requests to the shards from outside them: from the HTTP pages and TLS.
///
/// All methods may be called from any thread or task.
package protocol Backend: AnyObject, Sendable {
    /// The counters of all shards, added up.
    func counters() async -> NodeCounters

    /// Whether the node accepts connections: false while it shuts down.
    var isReady: Bool { get }

    /// How the durable store is; one that does not exist works.
    var storeHealth: StoreHealth { get }

    /// Why data may be missing that was acknowledged to publishers before the start.
    ///
    /// nil: it is all there.
    var storeLoss: String? { get }

    /// The reason why the engine cannot be asked; nil: it can.
    var engineProblem: String? { get }
}

extension Backend {
    package var storeLoss: String? { nil }
    package var engineProblem: String? { nil }
}
