import PharosBytes

/// The answers of one node's shards to one command, made one answer. Any thread.
///
/// Completed when all shards have answered, when the time is over, or when a shard has ended and never will.
final class ShardGathering: Sendable {
    private struct State {
        var remaining: Int
        var answer: ControlAnswer?
        var isCompleted = false
    }

    private let state: Locked<State>
    /// Monotonic milliseconds.
    let deadlineMs: Int64
    private let completion: @Sendable (ControlAnswer?) -> Void

    /// - Parameter completion: called once; nil if not all shards have answered.
    init(shards: Int, deadlineMs: Int64, completion: @escaping @Sendable (ControlAnswer?) -> Void) {
        state = Locked(State(remaining: shards))
        self.deadlineMs = deadlineMs
        self.completion = completion
    }

    deinit { giveUp() }

    /// One shard's answer.
    func add(_ answer: ControlAnswer) {
        let whole: ControlAnswer? = state.withLock { state in
            guard !state.isCompleted else { return nil }
            if state.answer == nil { state.answer = answer } else { state.answer!.add(answer) }
            state.remaining -= 1
            guard state.remaining == 0 else { return nil }
            state.isCompleted = true
            return state.answer
        }
        if let whole { completion(whole) }
    }

    /// The shards that have not answered are not waited for any longer.
    func giveUp() {
        let isFirst = state.withLock { state in
            defer { state.isCompleted = true }
            return !state.isCompleted
        }
        if isFirst { completion(nil) }
    }
}
