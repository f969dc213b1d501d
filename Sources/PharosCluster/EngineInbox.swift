import PharosBytes
package import PharosDomain

/// The reports of a backend to one relay, until the relay collects them.
///
/// Bounded: a relay that is slow loses publications, and is told of a gap in their channels, so that the backend never
/// waits for it. Completions are never dropped. Any thread.
package final class EngineInbox: Sendable {
    private struct State: Sendable {
        var events: [EngineEvent] = []
        var bytes = 0
        /// Channels with a publication that found no room.
        var gaps: Set<ChannelName> = []
    }

    private let state = Locked(State())
    private let limit: Int
    private let wake: @Sendable () -> Void

    /// - Parameters:
    ///   - limit: bytes of publications that may wait.
    ///   - wake: called when there is something to collect, once until it is collected.
    package init(limit: Int = 64 << 20, wake: @escaping @Sendable () -> Void) {
        self.limit = limit
        self.wake = wake
    }

    /// Adds events, in order.
    package func add(_ more: [EngineEvent]) {
        guard !more.isEmpty else { return }
        let wasEmpty = state.withLock { state in
            let wasEmpty = state.events.isEmpty && state.gaps.isEmpty
            for event in more {
                guard case .publication(let channel, let delivery) = event else {
                    state.events.append(event)
                    continue
                }
                let size = delivery.publication.data.count + 256
                if state.bytes + size > limit {
                    state.gaps.insert(channel)
                } else {
                    state.bytes += size
                    state.events.append(event)
                }
            }
            return wasEmpty
        }
        if wasEmpty { wake() }
    }

    package func add(_ event: EngineEvent) { add([event]) }

    /// The events since the last call; the gaps come last.
    package func take() -> [EngineEvent] {
        state.withLock { state in
            var taken = State()
            swap(&taken, &state)
            return taken.events + taken.gaps.map { .gap(channel: $0) }
        }
    }
}
