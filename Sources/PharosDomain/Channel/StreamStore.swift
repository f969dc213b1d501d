/// Keeps the newest publications of each channel and gives them their offsets.
///
/// Owned by one shard, so never called twice at once; times are passed in.
///
/// Every store passes the same conformance suite. Offsets start at 1 and have no gap; the epoch changes when, and only when,
/// a stream's memory was lost.
package protocol StreamStore: PublishingRules, ~Copyable where Failure == ReplyError {
    /// The newest position.
    ///
    /// Keeps nothing about a channel without a stream; its epoch is the one that the first publication will have.
    mutating func top(of channel: ChannelName, retention: StreamRetention, nowMs: Int64) throws(ReplyError)
        -> StreamPosition

    /// At most `limit` publications after `offset`, ascending; nil: from the oldest.
    mutating func read(
        _ channel: ChannelName, after offset: UInt64?, limit: Int, retention: StreamRetention, nowMs: Int64
    ) throws(ReplyError) -> StreamRead

    /// At most `limit` publications before `offset`, newest first.
    ///
    /// nil: from the newest.
    mutating func readBackwards(
        _ channel: ChannelName, before offset: UInt64?, limit: Int, retention: StreamRetention, nowMs: Int64
    ) throws(ReplyError) -> StreamRead

    /// Forgets the publications; epoch and top stay.
    mutating func removeHistory(of channel: ChannelName)

    /// Frees what has outlived its time.
    mutating func expire(nowMs: Int64)
}

/// How much of a stream is kept, and how long. Milliseconds.
package struct StreamRetention: Equatable, Sendable {
    package var size: Int
    package var ttlMs: Int64
    /// How long epoch and top outlive the last publication; 0: for ever.
    package var metaTTLMs: Int64

    package init(size: Int, ttlMs: Int64, metaTTLMs: Int64) {
        self.size = size
        self.ttlMs = ttlMs
        self.metaTTLMs = metaTTLMs
    }

    package init(_ options: ChannelOptions, _ settings: ChannelSettings) {
        size = options.historySize
        ttlMs = Int64(options.historyTTL) * 1_000
        metaTTLMs = Int64(options.historyMetaTTL > 0 ? options.historyMetaTTL : settings.historyMetaTTL) * 1_000
    }
}
