package import PharosDomain
import PharosBytes

/// An application that answers when a test says so.
package final class ScriptedOrigin: Origin {
    /// A question that waits for its answer.
    package struct Asked: Sendable {
        package let request: HookRequest
        package let origin: OriginName
        private let completion: @Sendable (HookOutcome) -> Void

        init(_ request: HookRequest, _ origin: OriginName, _ completion: @escaping @Sendable (HookOutcome) -> Void) {
            self.request = request
            self.origin = origin
            self.completion = completion
        }

        /// More than one answer is what no origin should give, and what must do no harm.
        package func answer(_ outcome: HookOutcome) { completion(outcome) }
    }

    private struct State: Sendable {
        var waiting: [Asked] = []
        var takers: [CheckedContinuation<Asked, Never>] = []
        var count = 0
    }

    private let state = Locked(State())

    package init() {}

    package func ask(
        _ request: HookRequest, of name: OriginName, answer: @escaping @Sendable (HookOutcome) -> Void
    ) {
        let asked = Asked(request, name, answer)
        let taker: CheckedContinuation<Asked, Never>? = state.withLock { state in
            state.count += 1
            if !state.takers.isEmpty { return state.takers.removeFirst() }
            state.waiting.append(asked)
            return nil
        }
        taker?.resume(returning: asked)
    }

    /// The oldest question that has not been taken.
    package func next() async -> Asked {
        await withCheckedContinuation { continuation in
            let asked: Asked? = state.withLock { state in
                if !state.waiting.isEmpty { return state.waiting.removeFirst() }
                state.takers.append(continuation)
                return nil
            }
            if let asked { continuation.resume(returning: asked) }
        }
    }

    /// Questions so far.
    package var count: Int { state.withLock { $0.count } }
}

/// Remembers what is recorded.
package final class RecordedEvents: EventLog {
    package let kinds: Set<OriginEvent.Kind>
    private let events = Locked<[OriginEvent]>([])
    private let accepting = Locked(true)

    package init(_ kinds: Set<OriginEvent.Kind> = Set(OriginEvent.Kind.allCases)) { self.kinds = kinds }

    package func record(_ event: OriginEvent) { events.withLock { $0.append(event) } }

    package var isAccepting: Bool { accepting.withLock { $0 } }

    package func setAccepting(_ value: Bool) { accepting.withLock { $0 = value } }

    package var all: [OriginEvent] { events.withLock { $0 } }

    package var count: Int { events.withLock { $0.count } }

    /// The events of one client, briefly.
    package func story(of client: ClientName) -> [String] {
        all.filter { $0.client == client }.map { event in
            event.channel.isEmpty ? event.kind.rawValue : "\(event.kind.rawValue) \(event.channel)"
        }
    }
}
