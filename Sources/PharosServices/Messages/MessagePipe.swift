import PharosDomain
import Synchronization

/// The shard's end of a client over a message transport.
///
/// The outbox hears of the end exactly once: at the latest when the shard, or a message to it, is dropped. So only the
/// shard, or its mail, holds a pipe.
final class MessagePipe: Sendable {
    let number: UInt64
    let flow: InboundFlow
    private let outbox: any ClientOutbox
    private let hasEnded = Atomic<Bool>(false)

    /// - Parameter limit: bytes that may wait for the shard.
    init(_ number: UInt64, _ outbox: any ClientOutbox, limit: Int) {
        self.number = number
        self.outbox = outbox
        flow = InboundFlow(limit: limit)
    }

    deinit { end(.shutdown) }

    /// The shard takes a message: the transport goes on if it had to wait.
    func noteTaken(_ count: Int) {
        if flow.noteTaken(count) { outbox.readOn() }
    }

    func deliver(_ messages: [OutboxMessage]) { outbox.deliver(messages) }

    func end(_ reason: Disconnect) {
        if !hasEnded.exchange(true, ordering: .relaxed) { outbox.ended(reason) }
    }
}

/// Bytes of a client's messages on the way to its shard.
final class InboundFlow: Sendable {
    private let limit: Int
    private let waiting = Atomic<Int>(0)

    init(limit: Int) { self.limit = limit }

    /// Counts a message that goes to the shard; false: as much waits as may.
    func noteWaiting(_ count: Int) -> Bool {
        waiting.wrappingAdd(count, ordering: .relaxed).newValue < limit
    }

    /// The shard takes a message; true: less than the limit waits again.
    func noteTaken(_ count: Int) -> Bool {
        let (before, now) = waiting.wrappingSubtract(count, ordering: .relaxed)
        return before >= limit && now < limit
    }
}
