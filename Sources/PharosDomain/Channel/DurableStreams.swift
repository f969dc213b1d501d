/// Streams that outlive the process.
///
/// Operations are submitted without waiting and answered later. One submitter's operations are carried out in the order
/// in which they were submitted, and their completions come in that order, in one call per group commit. An append is
/// completed once it is on the disk, and is not visible before. Offsets start at 1 and have no gap; the epoch changes
/// when, and only when, a stream's memory was lost.
///
/// Every store passes the same conformance suite. Thread-safe; `submit` never blocks for the disk.
package protocol DurableStreams: AnyObject, Sendable {
    /// Hands in one operation.
    ///
    /// `receiver` gets its result under `ticket`, exactly once, on a thread of the store's.
    ///
    /// What can be waiting is bounded: beyond that the operation is completed with a temporary error. After `close`, and far
    /// beyond the bound, that comes at once, on the caller's thread.
    func submit(_ operation: StreamOperation, ticket: UInt64, to receiver: any StreamReceiver)

    /// The clock that the times of operations go by.
    var clock: StreamClock { get }

    /// Whether every operation is carried out by `carryOutNow`.
    var answersAtOnce: Bool { get }

    /// Carries out an operation inside the call; nil if it has to be submitted.
    func carryOutNow(_ operation: StreamOperation) -> Result<StreamOutcome, ReplyError>?

    /// Frees what has outlived its time.
    ///
    /// Called about once a second, for stores without a thread of their own.
    func expire(nowMs: Int64)

    /// How the store is. Any thread.
    var health: StoreHealth { get }

    /// Why confirmed data may be missing since the start; nil: none is.
    ///
    /// It is a text for operators. Every stream has another epoch then, so that no client takes its history for
    /// complete.
    var loss: String? { get }

    /// Completes what was submitted, refuses what follows, and lets the files go.
    ///
    /// Blocks until that is done.
    func close()
}

/// One thing to do with a stream.
///
/// Times are wall-clock milliseconds since 1970, so that they mean something after a restart.
package enum StreamOperation: Sendable {
    case append(StreamAppend)
    /// The newest position and, after `after`, at most `limit` publications.
    ///
    /// They ascend; nil: from the oldest. It stores nothing about a channel without a stream; its epoch is the one that
    /// the first publication will have.
    case read(channel: ChannelName, after: UInt64?, limit: Int, retention: StreamRetention, nowMs: Int64)
    /// At most `limit` publications before `before`, newest first.
    ///
    /// nil: from the newest.
    case readBackwards(channel: ChannelName, before: UInt64?, limit: Int, retention: StreamRetention, nowMs: Int64)
    /// Forgets the publications; epoch and top stay.
    case removeHistory(channel: ChannelName)
}

package struct StreamAppend: Sendable {
    package var channel: ChannelName
    package var publication: Publication
    package var retention: StreamRetention
    package var nowMs: Int64
    /// A key under which a repeated append gets the first one's answer.
    ///
    /// It counts until `idempotencyUntilMs`; empty: none.
    package var idempotencyKey: IdempotencyKey = ""
    package var idempotencyUntilMs: Int64 = 0
    /// The version of the publication, if above 0.
    ///
    /// An append whose version is not above the stream's last one of the same `versionEpoch` is suppressed.
    package var version: UInt64 = 0
    package var versionEpoch: Epoch = ""
    package var history = HistoryUse.kept

    package init(channel: ChannelName, publication: Publication, retention: StreamRetention, nowMs: Int64) {
        self.channel = channel
        self.publication = publication
        self.retention = retention
        self.nowMs = nowMs
    }
}

package enum StreamOutcome: Equatable, Sendable {
    /// The position of the publication, or of the one that it repeats.
    ///
    /// `PublishingRules` answer a repeat, which is not for subscribers.
    case appended(StreamPosition, isRepeat: Bool)
    case read(StreamRead)
    case removed
}

package struct StreamCompletion: Sendable {
    package let ticket: UInt64
    package let result: Result<StreamOutcome, ReplyError>

    package init(ticket: UInt64, result: Result<StreamOutcome, ReplyError>) {
        self.ticket = ticket
        self.result = result
    }
}

/// The receiver of completions.
///
/// It gets all those of one group commit at once, in order of submission.
package protocol StreamReceiver: AnyObject, Sendable {
    func completed(_ completions: [StreamCompletion])
}

package enum StoreHealth: Equatable, Sendable {
    case working
    /// Publishing fails until the cause is gone.
    ///
    /// The text says where an operator should look.
    case failing(String)
}
