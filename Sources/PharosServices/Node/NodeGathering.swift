import PharosBytes
import PharosDomain

/// The answers of several nodes to one command. Any thread.
///
/// Completed once: when all have answered, or when the time is over.
final class NodeGathering: Sendable {
    private struct State: Sendable {
        var waiting: [UInt64: NodeName]
        var answers = NodeAnswers()
        var isCompleted = false
    }

    private let state: Locked<State>
    private let complete: @Sendable (NodeAnswers) -> Void
    /// Monotonic milliseconds.
    let deadlineMs: Int64

    /// - Parameter nodes: the marks and names of those that are asked.
    init(_ nodes: [UInt64: NodeName], deadlineMs: Int64, complete: @escaping @Sendable (NodeAnswers) -> Void) {
        state = Locked(State(waiting: nodes))
        self.deadlineMs = deadlineMs
        self.complete = complete
    }

    /// One node's answer; nil: it has nothing to say.
    func add(_ answer: ControlAnswer?, from node: UInt64) {
        end { state in
            guard state.waiting.removeValue(forKey: node) != nil, let answer else { return }
            if state.answers.answer == nil { state.answers.answer = answer } else { state.answers.answer!.add(answer) }
            if answer.isWhole { state.waiting = [:] }
        }
    }

    /// A node will not answer any more.
    func fail(_ node: UInt64) {
        end { state in
            guard let name = state.waiting.removeValue(forKey: node) else { return }
            state.answers.missing.append(name)
        }
    }

    /// The nodes that have not answered are not waited for any longer.
    func giveUp() {
        end { state in
            state.answers.missing += state.waiting.values.sorted()
            state.waiting = [:]
        }
    }

    private func end(_ change: (inout State) -> Void) {
        let answers: NodeAnswers? = state.withLock { state in
            guard !state.isCompleted else { return nil }
            change(&state)
            guard state.waiting.isEmpty else { return nil }
            state.isCompleted = true
            return state.answers
        }
        if let answers { complete(answers) }
    }
}
