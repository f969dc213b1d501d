import PharosBytes
import PharosDomain

/// An application that acknowledges what it likes, and remembers all events.
final class ScriptedSender: EventSender {
    struct State: Sendable {
        var attempts: [(origin: OriginName, events: [NumberedEvent], isAcknowledged: Bool)] = []
        var keepAlives: [(origin: OriginName, clients: [ClientName], sequence: UInt64)] = []
        var watchers: [(condition: @Sendable (State) -> Bool, continuation: CheckedContinuation<Void, Never>)] = []

        func acknowledged(_ origin: OriginName = "app") -> [NumberedEvent] {
            attempts.filter { $0.origin == origin && $0.isAcknowledged }.flatMap(\.events)
        }
    }

    let state = Locked(State())
    private let answer: @Sendable (_ attempt: Int, _ origin: OriginName) async -> Bool

    init(_ answer: @escaping @Sendable (_ attempt: Int, _ origin: OriginName) async -> Bool) {
        self.answer = answer
    }

    func send(_ events: [NumberedEvent], to origin: OriginName) async -> Bool {
        let attempt = state.withLock { state in state.attempts.count { $0.origin == origin } }
        let isAcknowledged = await answer(attempt, origin)
        change { $0.attempts.append((origin, events, isAcknowledged)) }
        return isAcknowledged
    }

    func sendKeepAlive(_ clients: [ClientName], sequence: UInt64, to origin: OriginName) async -> Bool {
        change { $0.keepAlives.append((origin, clients, sequence)) }
        return true
    }

    /// Returns once `condition` is true of all that was sent.
    func until(_ condition: @escaping @Sendable (State) -> Bool) async {
        await withCheckedContinuation { continuation in
            change { $0.watchers.append((condition, continuation)) }
        }
    }

    private func change(_ body: (inout State) -> Void) {
        let ready = state.withLock { state in
            body(&state)
            let unwatched = state
            var ready: [CheckedContinuation<Void, Never>] = []
            state.watchers.removeAll { watcher in
                guard watcher.condition(unwatched) else { return false }
                ready.append(watcher.continuation)
                return true
            }
            return ready
        }
        for continuation in ready { continuation.resume() }
    }
}
