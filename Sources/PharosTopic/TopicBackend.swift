import CPharosSys
import PharosBytes
package import PharosCluster
package import PharosDomain
package import PharosLinks

/// The engine and the bus of a node, over its link to the topic node.
///
/// Any thread.
package final class TopicBackend: EngineBackend, ClusterBus {
    private struct Shared: Sendable {
        var inboxes: [Int: EngineInbox] = [:]
        var orders: [TopicOrder] = []
        var status = "not begun"
        var isLinked = false
    }

    /// Used on the link thread only.
    private final class MachineBox: @unchecked Sendable {
        var machine: TopicMachine?
        var link: Link?
    }

    private let settings: TopicLinkSettings
    private let channel: ChannelSettings
    private let thread: LinkThread
    private let shared = Locked(Shared())
    private let box = MachineBox()
    private let onHub: @Sendable (UInt64) -> Void

    /// - Parameters:
    ///   - thread: does the work; stopped by the caller, after `close`.
    ///   - onHub: hears which hub answers at the address, on the link thread.
    package init(
        _ settings: TopicLinkSettings, channel: ChannelSettings, on thread: LinkThread,
        onHub: @escaping @Sendable (UInt64) -> Void = { _ in }
    ) {
        self.settings = settings
        self.channel = channel
        self.thread = thread
        self.onHub = onHub
    }

    // MARK: Engine

    package func open(relay: Int, inbox: EngineInbox) {
        shared.withLock { $0.inboxes[relay] = inbox }
        let box = box
        thread.perform { _ in box.machine?.add(relay, inbox) }
    }

    package func submit(_ request: EngineRequest, ticket: UInt64, from relay: Int, at now: Moment) {
        add(.request(relay: relay, ticket: ticket, request, now))
    }

    package func startWithoutBus(node: UInt64) { start(node: node) { _ in } }

    package func nodesChanged(_ nodes: [UInt64], here: UInt64) {}

    package var requestTimeoutMs: Int64 { settings.requestTimeoutMs }

    package var health: EngineHealth {
        shared.withLock { EngineHealth(isReady: $0.isLinked, links: [$0.status]) }
    }

    /// Hands an order to the link thread.
    ///
    /// It is woken once for all that come meanwhile.
    private func add(_ order: TopicOrder) {
        let wasEmpty = shared.withLock { shared in
            shared.orders.append(order)
            return shared.orders.count == 1
        }
        guard wasEmpty else { return }
        let (box, shared) = (box, shared)
        thread.perform { loop in
            // Before the start they wait.
            guard let machine = box.machine else { return }
            machine.take(TopicBackend.takeOrders(shared), nowMs: loop.nowMs)
        }
    }

    private static func takeOrders(_ shared: Locked<Shared>) -> [TopicOrder] {
        shared.withLock { shared in
            var taken: [TopicOrder] = []
            swap(&taken, &shared.orders)
            return taken
        }
    }

    // MARK: Bus

    /// Begins to connect as well: the link introduces the node by its mark.
    package func start(node: UInt64, receive: @escaping @Sendable ([UInt8]) -> Void) {
        let (box, shared, settings, channel, onHub) = (box, shared, settings, channel, onHub)
        thread.perform { loop in
            let machine = TopicMachine(settings, channel: channel, mark: node, receive: receive) { status, isLinked in
                shared.withLock { ($0.status, $0.isLinked) = (status, isLinked) }
            }
            machine.onHub = onHub
            for (relay, inbox) in shared.withLock({ $0.inboxes }) { machine.add(relay, inbox) }
            machine.take(TopicBackend.takeOrders(shared), nowMs: loop.nowMs)
            let link = Link(settings.link, machine, on: loop)
            machine.link = link
            (box.machine, box.link) = (machine, link)
        }
    }

    package func send(_ message: [UInt8], to node: UInt64?) { add(.bus(node: node ?? 0, message)) }

    package var isLinked: Bool { shared.withLock { $0.isLinked } }

    package func close() {
        let box = box
        thread.perform { loop in
            box.machine?.end(nowMs: loop.nowMs)
            box.link?.close()
            (box.machine, box.link) = (nil, nil)
        }
    }
}
