import PharosBytes
import PharosCluster
import Synchronization

/// Sends this node's messages over the bus, long ones in parts. Any thread.
final class NodeSender: Sendable {
    private let here: UInt64
    private let bus: any ClusterBus
    private let nextID = Atomic<UInt64>(UInt64.random(in: 1...(.max / 2)))

    init(here: UInt64, bus: any ClusterBus) {
        self.here = here
        self.bus = bus
    }

    /// Sends to one node; nil: to all others.
    func send(_ content: NodeFrame.Content, to node: UInt64?) {
        let message = NodeFrame(sender: here, content: content).encoded()
        let id = message.count > NodeFragments.partSize ? nextID.wrappingAdd(1, ordering: .relaxed).newValue : 0
        for frame in NodeFragments.split(message, sender: here, id: id) { bus.send(frame, to: node) }
    }
}
