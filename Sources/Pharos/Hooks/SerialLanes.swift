import PharosBytes

/// Runs work one after the other where it has the same key, and side by side where it has not.
final class SerialLanes: Sendable {
    typealias Work = @Sendable () async -> Void

    private struct State: Sendable {
        /// What waits behind the work that is under way; a key without an entry is idle.
        var lanes: [String: [Work]] = [:]
        var count = 0
    }

    private let state = Locked(State())

    /// Never blocks. Work that one thread adds under one key is run in the order of adding.
    func add(_ key: String, _ work: @escaping Work) {
        let mustStart = state.withLock { state in
            state.count += 1
            guard state.lanes[key] == nil else {
                state.lanes[key]!.append(work)
                return false
            }
            state.lanes[key] = []
            return true
        }
        if mustStart { Task { await run(key, work) } }
    }

    /// Work that is not done yet.
    var count: Int { state.withLock { $0.count } }

    private func run(_ key: String, _ first: @escaping Work) async {
        var batch = [first]
        while !batch.isEmpty {
            for work in batch {
                await work()
                state.withLock { $0.count -= 1 }
            }
            batch = state.withLock { state in
                var next: [Work] = []
                swap(&next, &state.lanes[key]!)
                if next.isEmpty { state.lanes[key] = nil }
                return next
            }
        }
    }
}
