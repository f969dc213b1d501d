import PharosBytes
package import PharosDomain
import Synchronization

/// An event log for a server without a store: what it holds ends with the process.
///
/// Within the process it behaves as the durable one. Connected clients lie in buckets, so that a page of a snapshot, taken
/// while all recording waits, costs no more than the clients on it.
package final class MemoryEventLog: EventQueue {
    private let rules: EventRules
    private let state: Locked<MemoryEventState>
    private let waitingBytes = Atomic<Int>(0)

    package init(rules: EventRules) {
        self.rules = rules
        state = Locked(MemoryEventState(rules))
    }

    package var kinds: Set<OriginEvent.Kind> { rules.kinds }
    package var storedOrigins: [OriginName] { [] }
    package var isAccepting: Bool { waitingBytes.load(ordering: .relaxed) <= rules.maxSize }
    package var health: StoreHealth { .working }
    package var totals: EventTotals { state.withLock { $0.totals } }

    package func record(_ event: OriginEvent) {
        guard rules.isRecorded(event) else { return }
        let wakened = change { $0.record(event) }
        if let wakened { wakened.reader.resume(returning: wakened.events) }
    }

    package func next(
        for origin: OriginName, after acknowledged: UInt64, limits: EventBatchLimits
    ) async -> [NumberedEvent] {
        await withCheckedContinuation { reader in
            let events = change { $0.next(for: origin, after: acknowledged, limits, reader) }
            if let events { reader.resume(returning: events) }
        }
    }

    package func release() {
        for reader in change({ $0.release() }) { reader.resume(returning: []) }
    }

    package func roll(of origin: OriginName, cursor: String, limit: Int) async throws -> EventRoll {
        try state.withLock { state in
            let isRaw = origin != rules.eventsTo
            let page = try state.presence.page(cursor: cursor, limit: limit) {
                isRaw ? $0.origin == origin : $0.origin.isEmpty || $0.origin == origin
            }
            return EventRoll(
                sequence: state.sequence, clients: page.clients.map(\.client), nextCursor: page.nextCursor)
        }
    }

    package func snapshot(cursor: String, limit: Int) async throws -> PresenceSnapshot {
        try state.withLock { state in
            let page = try state.presence.page(cursor: cursor, limit: limit) { _ in true }
            let clients = page.clients.map { (client, entry) in
                PresenceSnapshot.Client(
                    client: client, user: entry.user, transport: entry.transport, channels: entry.channels.sorted(),
                    connectedAtMs: entry.connectedAtMs)
            }
            return PresenceSnapshot(sequence: state.sequence, clients: clients, nextCursor: page.nextCursor)
        }
    }

    package func close() { release() }

    private func change<Value>(_ body: (inout MemoryEventState) -> Value) -> Value {
        state.withLock { state in
            let value = body(&state)
            waitingBytes.store(state.totals.waitingBytes, ordering: .relaxed)
            return value
        }
    }
}
