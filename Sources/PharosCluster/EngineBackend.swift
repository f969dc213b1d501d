package import PharosDomain

/// The part of a broker's engine that all relays of a node share.
///
/// A relay talks to it through its `RemoteEngine`. It may do its work on any thread and reports through the inbox of the
/// relay. What it has to keep is said by `ChannelEngine`, with two eases, since relays repair what they are reported:
/// publications of a followed channel may be missing, late or repeated, as long as those that are reported bear their
/// true offset and epoch; and there need not be a `gap` for what the engine cannot know.
package protocol EngineBackend: AnyObject, Sendable {
    /// A relay begins; called once for each, before its first request.
    func open(relay: Int, inbox: EngineInbox)

    /// Connects the engine of some namespaces.
    ///
    /// Called where the nodes meet on another engine's bus.
    ///
    /// - Parameter node: the mark of this node's incarnation.
    func startWithoutBus(node: UInt64)

    /// Takes one request. Any thread; must not block.
    ///
    /// Requests of one relay come in the order in which they were submitted.
    func submit(_ request: EngineRequest, ticket: UInt64, from relay: Int, at now: Moment)

    /// The nodes that are believed to be there, this one among them.
    ///
    /// Called whenever they change. Any thread.
    ///
    /// - Parameter nodes: the marks of their incarnations, as `ClusterBus` addresses them.
    func nodesChanged(_ nodes: [UInt64], here: UInt64)

    /// The time that a request may take to be carried out, in milliseconds.
    ///
    /// A backend that has no answer by then answers with a temporary error. See `RemoteEngine` for what holds if it does not.
    var requestTimeoutMs: Int64 { get }

    /// The state of the engine's links, for `/health`, metrics and `pharos doctor`.
    var health: EngineHealth { get }

    /// Ends its links and completes what is open with a temporary error.
    ///
    /// Blocks until that is done.
    func close()
}

extension EngineBackend {
    /// Most connect by themselves.
    package func startWithoutBus(node: UInt64) {}
}

/// The state of an engine's links.
package struct EngineHealth: Equatable, Sendable {
    /// Whether everything that is asked of the engine can be done.
    package var isReady: Bool
    /// One line for operators, for example "nats://10.0.0.1:4222: connected".
    package var links: [String]

    package init(isReady: Bool, links: [String]) {
        self.isReady = isReady
        self.links = links
    }
}
