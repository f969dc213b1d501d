import Synchronization

/// The one answer to a caller outside the shards: the first that is given.
///
/// A question that is dropped, because its shard has ended, is answered too.
final class ReplyOnce<Value: Sendable>: Sendable {
    private let completion: @Sendable (Value) -> Void
    private let otherwise: Value
    private let isAnswered = Atomic<Bool>(false)

    /// - Parameter otherwise: the answer to a question that was dropped.
    init(otherwise: Value, completion: @escaping @Sendable (Value) -> Void) {
        self.otherwise = otherwise
        self.completion = completion
    }

    deinit { answer(otherwise) }

    /// The first answer counts.
    func answer(_ value: Value) {
        if !isAnswered.exchange(true, ordering: .relaxed) { completion(value) }
    }
}

/// A call from outside the shards, which gets one answer.
///
/// Shards answer it by `ShardCore.answer`.
protocol AnsweredOnce {
    associatedtype Answer: Sendable
    var reply: ReplyOnce<Answer> { get }
}
