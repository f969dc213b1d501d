import PharosBytes
import PharosDomain

/// The receiver of the answers of nodes.
enum NodeAsker: Sendable {
    /// A shard of this node, by a message under this ticket.
    case shard(Int, ticket: UInt64)
    /// Called once, on any thread.
    case closure(@Sendable (NodeAnswers) -> Void)
}

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
    private let asker: NodeAsker
    private let node: NodeName
    /// Monotonic milliseconds.
    let deadlineMs: Int64
    private let posts: @Sendable (ShardMail, Int) -> Void

    /// - Parameter posts: sends a message to a shard when no shard's turn does it.
    init(
        shards: Int, of node: NodeName, for asker: NodeAsker, deadlineMs: Int64,
        posts: @escaping @Sendable (ShardMail, Int) -> Void
    ) {
        state = Locked(State(remaining: shards))
        self.asker = asker
        self.node = node
        self.deadlineMs = deadlineMs
        self.posts = posts
    }

    deinit { giveUp() }

    /// One shard's answer.
    ///
    /// - Parameter post: how that shard sends messages, so that the answer follows what it has sent before.
    func add(_ answer: ControlAnswer, post: (ShardMail, Int) -> Void) {
        let whole: ControlAnswer? = state.withLock { state in
            guard !state.isCompleted else { return nil }
            if state.answer == nil { state.answer = answer } else { state.answer!.add(answer) }
            state.remaining -= 1
            guard state.remaining == 0 else { return nil }
            state.isCompleted = true
            return state.answer
        }
        if let whole { complete(NodeAnswers(answer: whole), post) }
    }

    /// There is no shard to ask.
    func completeEmpty(post: (ShardMail, Int) -> Void) {
        state.withLock { $0.isCompleted = true }
        complete(NodeAnswers(), post)
    }

    /// The shards that have not answered are not waited for any longer.
    func giveUp() {
        let isFirst = state.withLock { state in
            defer { state.isCompleted = true }
            return !state.isCompleted
        }
        if isFirst { complete(NodeAnswers(missing: [node]), posts) }
    }

    private func complete(_ answers: NodeAnswers, _ post: (ShardMail, Int) -> Void) {
        switch asker {
        case .shard(let shard, let ticket): post(.gathered(ticket: ticket, answers), shard)
        case .closure(let answer): answer(answers)
        }
    }
}
