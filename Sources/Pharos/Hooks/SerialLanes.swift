import PharosBytes
import PharosDomain

/// Runs work of the same key one after the other.
///
/// Work of different keys runs side by side.
final class SerialLanes: Sendable {
    typealias Work = @Sendable () async -> Void

    /// The subject for which the order is kept.
    enum Key: Hashable, Sendable {
        case client(ClientName)
        case channel(ChannelName)
    }

    private struct State: Sendable {
        /// The work that waits behind the work under way.
        ///
        /// A key without an entry is idle.
        var lanes: [Key: [Work]] = [:]
        var count = 0
        /// The callers that wait for all work to be done.
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Locked(State())

    /// Never blocks.
    ///
    /// Work that one thread adds under one key is run in the order of adding.
    func add(_ key: Key, _ work: @escaping Work) {
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

    /// Waits until all work is done, at most `limit`.
    func finish(within limit: Duration) async {
        // Detached: the waiting task may have been cancelled, which is no reason to leave at once.
        let timer = Task.detached { [self] in
            do { try await Task.sleep(for: limit) } catch { return }
            release()
        }
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                if state.count > 0 { state.waiting.append(continuation) }
                return state.count == 0
            }
            if isOver { continuation.resume() }
        }
        timer.cancel()
    }

    private func release() {
        let waiting = state.withLock { state in
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    private func run(_ key: Key, _ first: @escaping Work) async {
        var batch = [first]
        while !batch.isEmpty {
            for work in batch {
                await work()
                let isLast = state.withLock { state in
                    state.count -= 1
                    return state.count == 0
                }
                if isLast { release() }
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
