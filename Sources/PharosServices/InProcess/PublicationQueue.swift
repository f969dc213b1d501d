import PharosBytes
package import PharosDomain

/// Publications of one channel on their way to a consumer in this process.
///
/// The queue is bounded, and they are taken in batches. When it is full the oldest go, and the one after them says so.
/// One consumer at a time.
package final class PublicationQueue: InProcessReceiver {
    package struct Entry: Sendable {
        package var publication: Publication
        /// Empty in channels without history.
        package var epoch: Epoch
        /// Publications before this one were not delivered.
        package var followsGap: Bool

        package init(publication: Publication, epoch: Epoch, followsGap: Bool) {
            self.publication = publication
            self.epoch = epoch
            self.followsGap = followsGap
        }
    }

    package enum Phase: Equatable, Sendable {
        case joining
        case live(InProcessStart)
        /// nil: the consumer itself wanted no more.
        case ended(ReplyError?)
    }

    private struct State: Sendable {
        var phase = Phase.joining
        /// Where it began; kept beyond the end.
        var start: InProcessStart?
        /// A ring once it is full, beginning at `head`.
        var entries: [Entry] = []
        var head = 0
        var bytes = 0
        var dropped: UInt64 = 0
        var nextFollowsGap = false
        var consumer: CheckedContinuation<Void, Never>?
        var starters: [CheckedContinuation<Void, Never>] = []
        /// A shard has promised to call `wake`.
        var isWaking = false
    }

    private let state = Locked(State())
    private let limit: Int
    private let byteLimit: Int

    /// - Parameters:
    ///   - limit: publications that may wait, at least 1.
    ///   - byteLimit: bytes of their data that may wait; one publication may always.
    package init(limit: Int, byteLimit: Int) {
        self.limit = max(limit, 1)
        self.byteLimit = byteLimit
    }

    // MARK: The shard's side

    package func received(_ event: InProcessEvent, in channel: ChannelName) -> Bool {
        state.withLock { state in
            if case .ended = state.phase { return false }
            switch event {
            case .live(let start):
                state.phase = .live(start)
                state.start = start
                state.nextFollowsGap = start.recovered == false
            case .publication(let publication, let epoch):
                add(Entry(publication: publication, epoch: epoch, followsGap: state.nextFollowsGap), &state)
                state.nextFollowsGap = false
            case .gap: state.nextFollowsGap = true
            case .ended(let error): state.phase = .ended(error)
            }
            guard !state.isWaking, state.consumer != nil || !state.starters.isEmpty else { return false }
            state.isWaking = true
            return true
        }
    }

    private func add(_ entry: Entry, _ state: inout State) {
        let size = entry.publication.data.count
        state.bytes += size
        if state.entries.count < limit, state.bytes <= byteLimit, state.head == 0 {
            state.entries.append(entry)
            return
        }
        if state.head > 0 || state.entries.count >= limit, state.bytes <= byteLimit + oldest(state) {
            // Full, and the new one replaces the oldest.
            state.bytes -= state.entries[state.head].publication.data.count
            state.entries[state.head] = entry
            state.head = (state.head + 1) % state.entries.count
            state.dropped += 1
            state.entries[state.head].followsGap = true
            return
        }
        // Bytes count, not publications: rare, and so it may cost a copy.
        var kept = Array(state.entries[state.head...]) + Array(state.entries[..<state.head]) + [entry]
        var gone = 0
        while kept.count - gone > 1, state.bytes > byteLimit || kept.count - gone > limit {
            state.bytes -= kept[gone].publication.data.count
            gone += 1
        }
        kept.removeFirst(gone)
        if gone > 0 { kept[0].followsGap = true }
        state.dropped += UInt64(gone)
        (state.entries, state.head) = (kept, 0)
    }

    private func oldest(_ state: State) -> Int {
        state.entries.isEmpty ? 0 : state.entries[state.head].publication.data.count
    }

    package func wake() {
        let (consumer, starters) = state.withLock { state in
            state.isWaking = false
            defer {
                state.consumer = nil
                state.starters = []
            }
            return (state.consumer, state.starters)
        }
        consumer?.resume()
        for starter in starters { starter.resume() }
    }

    // MARK: The consumer's side

    /// All that waits, once there is anything; empty: it is over.
    package func take() async -> [Entry] {
        while true {
            let (entries, isOver) = taken()
            if !entries.isEmpty || isOver { return entries }
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    let mustWait = state.withLock { state in
                        guard state.entries.isEmpty else { return false }
                        if case .ended = state.phase { return false }
                        precondition(state.consumer == nil, "two tasks read one subscription at the same time")
                        state.consumer = continuation
                        return true
                    }
                    if !mustWait { continuation.resume() }
                }
            } onCancel: {
                end()
            }
        }
    }

    private func taken() -> (entries: [Entry], isOver: Bool) {
        state.withLock { state in
            var taken: [Entry] = []
            swap(&taken, &state.entries)
            if state.head > 0 {
                taken = Array(taken[state.head...]) + Array(taken[..<state.head])
                state.head = 0
            }
            state.bytes = 0
            if case .ended = state.phase { return (taken, true) }
            return (taken, false)
        }
    }

    /// Waits until the subscription is live, or over before it began.
    package func started() async -> Phase {
        while true {
            let phase = state.withLock { state in state.start.map { Phase.live($0) } ?? state.phase }
            if phase != .joining { return phase }
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    let mustWait = state.withLock { state in
                        guard state.phase == .joining else { return false }
                        state.starters.append(continuation)
                        return true
                    }
                    if !mustWait { continuation.resume() }
                }
            } onCancel: {
                end()
            }
        }
    }

    /// Why it is over; nil while it goes on, and if the consumer itself ended it.
    package var failure: ReplyError? {
        state.withLock { state in
            if case .ended(let error) = state.phase { error } else { nil }
        }
    }

    /// Publications that were dropped so far because the consumer was too slow.
    package var dropped: UInt64 { state.withLock { $0.dropped } }

    /// Nothing is added from now on; what waits is still given out.
    package func finish() {
        state.withLock { state in
            if case .ended = state.phase {} else { state.phase = .ended(nil) }
        }
        wake()
    }

    /// The consumer wants no more: nothing is kept from now on.
    package func end() {
        state.withLock { state in
            if case .ended = state.phase {} else { state.phase = .ended(nil) }
            state.entries = []
            (state.head, state.bytes) = (0, 0)
        }
        wake()
    }
}
