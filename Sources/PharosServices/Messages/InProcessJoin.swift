package import PharosDomain
import Synchronization

/// Names one subscription inside the process.
package struct InProcessTicket: Hashable, Sendable {
    package let channel: ChannelName
    let number: UInt64

    private static let last = Atomic<UInt64>(0)

    package init(channel: ChannelName) {
        self.channel = channel
        number = InProcessTicket.last.wrappingAdd(1, ordering: .relaxed).newValue
    }
}

/// A subscriber on its way to the channel's owner.
///
/// One that never arrives, since the shard has ended, gets `ended`.
package final class InProcessJoin: Sendable {
    package let ticket: InProcessTicket
    let receiver: any InProcessReceiver
    /// Publications after this position are wanted; nil: only new ones.
    let from: StreamPosition?
    private let hasArrived = Atomic<Bool>(false)

    package init(_ ticket: InProcessTicket, _ receiver: any InProcessReceiver, from: StreamPosition?) {
        self.ticket = ticket
        self.receiver = receiver
        self.from = from
    }

    deinit {
        if !hasArrived.load(ordering: .relaxed), receiver.received(.ended(.stopping), in: ticket.channel) {
            receiver.wake()
        }
    }

    /// The shard answers for it from now on.
    func arrived() { hasArrived.store(true, ordering: .relaxed) }
}
