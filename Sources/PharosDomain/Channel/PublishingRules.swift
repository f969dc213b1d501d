/// The rules by which publications are stored or suppressed.
///
/// With them go the answers to publishers. They are the same for every store.
///
/// A store says what it remembers of a channel and how it adds to that; the rules themselves are in `publish` alone.
package protocol PublishingRules: ~Copyable {
    associatedtype Failure: Error

    /// The answer to the first append with this idempotency key.
    ///
    /// It is kept while its window lasts.
    mutating func firstAnswer(to append: StreamAppend) throws(Failure) -> StreamPosition?
    /// Within the window, later appends with this key are answered `position`.
    mutating func keepAnswer(_ position: StreamPosition, to append: StreamAppend) throws(Failure)
    /// The newest version that was published; nil: none.
    mutating func lastVersion(for append: StreamAppend) throws(Failure) -> StreamVersion?
    /// Kept as long as the stream's epoch.
    mutating func keepVersion(of append: StreamAppend) throws(Failure)
    /// Where the channel's stream stands.
    mutating func top(for append: StreamAppend) throws(Failure) -> StreamPosition
    /// Adds the publication to the stream.
    mutating func add(_ append: StreamAppend) throws(Failure) -> StreamPosition
}

extension PublishingRules where Self: ~Copyable {
    /// The answer to a publication, and whether it must not be delivered.
    ///
    /// It must not if it repeats a key, or has an older version.
    ///
    /// A repeated key gets the first answer whatever else is asked for. A suppressed version is answered where the stream
    /// stands, and leaves nothing behind, not its key either. A publication that skips the history has no position, and is
    /// subject to both rules like any other.
    package mutating func publish(
        _ append: StreamAppend
    ) throws(Failure) -> (position: StreamPosition, isRepeat: Bool) {
        if !append.idempotencyKey.isEmpty, let first = try firstAnswer(to: append) { return (first, true) }
        if append.version > 0 {
            if let last = try lastVersion(for: append), last.isAtLeast(append) {
                return (append.history == .none ? StreamPosition() : try top(for: append), true)
            }
            try keepVersion(of: append)
        }
        let position = append.history == .kept ? try add(append) : StreamPosition()
        if !append.idempotencyKey.isEmpty { try keepAnswer(position, to: append) }
        return (position, false)
    }
}

/// The state that a publication describes, by its publisher's own count.
package struct StreamVersion: Equatable, Sendable {
    package var number: UInt64
    /// Versions of different epochs are not compared.
    package var epoch: Epoch

    package init(number: UInt64, epoch: Epoch) {
        self.number = number
        self.epoch = epoch
    }

    func isAtLeast(_ append: StreamAppend) -> Bool { epoch == append.versionEpoch && number >= append.version }
}

/// The use of a publication in the history after its delivery.
package enum HistoryUse: CaseIterable, Sendable {
    case kept
    /// The channel has a history, and this publication does not go there.
    case skipped
    /// The channel has none.
    case none
}
