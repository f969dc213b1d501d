import PharosBytes
package import PharosDomain

/// An origin of raw connections that answers when a test says so, or by a rule.
package final class ScriptedRawOrigin: RawOrigin {
    /// An event that waits for its answer.
    package struct Delivered: Sendable {
        package let event: RawEvent
        package let origin: OriginName
        private let completion: @Sendable (RawAnswer) -> Void

        init(_ event: RawEvent, _ origin: OriginName, _ completion: @escaping @Sendable (RawAnswer) -> Void) {
            self.event = event
            self.origin = origin
            self.completion = completion
        }

        /// More than one answer is what no origin should give, and what must do no harm.
        package func answer(_ answer: RawAnswer) { completion(answer) }

        /// Accepts, with texts for the connection.
        package func accept(_ texts: String...) {
            completion(.accepted(texts.map { RawMessage(Array($0.utf8), isText: true) }))
        }
    }

    private struct State: Sendable {
        var waiting: [Delivered] = []
        var takers: [CheckedContinuation<Delivered, Never>] = []
        var events: [RawEvent] = []
    }

    private let state = Locked(State())
    private let rule: @Sendable (RawEvent) -> RawAnswer?

    /// - Parameter rule: what is answered at once; nil: the test answers.
    package init(_ rule: @escaping @Sendable (RawEvent) -> RawAnswer? = { _ in nil }) { self.rule = rule }

    package func deliver(_ event: RawEvent, to name: OriginName, answer: @escaping @Sendable (RawAnswer) -> Void) {
        let delivered = Delivered(event, name, answer)
        let ruled = rule(event)
        let taker: CheckedContinuation<Delivered, Never>? = state.withLock { state in
            state.events.append(event)
            guard ruled == nil else { return nil }
            if !state.takers.isEmpty { return state.takers.removeFirst() }
            state.waiting.append(delivered)
            return nil
        }
        if let ruled { return answer(ruled) }
        taker?.resume(returning: delivered)
    }

    /// The oldest event that has not been taken.
    package func next() async -> Delivered {
        await withCheckedContinuation { continuation in
            let delivered: Delivered? = state.withLock { state in
                if !state.waiting.isEmpty { return state.waiting.removeFirst() }
                state.takers.append(continuation)
                return nil
            }
            if let delivered { continuation.resume(returning: delivered) }
        }
    }

    /// All events so far, in the order of their delivery.
    package var events: [RawEvent] { state.withLock { $0.events } }
}
