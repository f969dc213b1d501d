import PharosDomain

/// The time when the history that this node stored last in a channel has expired.
struct Expiry {
    /// The last message's number in its stream.
    var sequence: UInt64
    /// Monotonic milliseconds.
    var atMs: Int64

    /// The end of a history whose newest publication was stored at `storedMs`.
    static func atMs(storedMs: Int64, _ retention: StreamRetention) -> Int64 {
        let (end, overflow) = storedMs.addingReportingOverflow(max(retention.ttlMs, 0))
        return overflow ? .max : end
    }
}

/// Work that is done once in a while.
///
/// Readers skip what has outlived its time. The server keeps it until the channel's memory ends, which may be a month
/// later; so the node that wrote a channel's last message puts a marker in place of its history. If that node has ended
/// by then, the history stays until somebody writes to the channel.
extension NATSEngineCore {
    /// Markers that are written at a time.
    private static let markersAtOnce = 2_000

    func tidyLater() {
        after(settings.tidyMs) { [unowned self] in
            tidy()
            tidyLater()
        }
    }

    /// Removes histories that have expired, and forgets channels without use.
    ///
    /// Those are the ones that nothing was done with since the last time.
    private func tidy() {
        guard connection.isReady else { return }
        askTimes()
        removeExpired()
        writers = writers.filter { !$0.value.isIdle || usedWriters.contains($0.key) }
        indexes = indexes.filter { usedWriters.contains($0.key) }
        usedWriters = []
        homes.tidy(nowMs: nowMs)
        noteHealth()
    }

    /// A commit of this node is a channel's last one for now.
    func noteStored(_ commit: ChannelCommit, _ sequence: UInt64, _ key: WriterKey) {
        guard let order = commit.orders.last(where: { $0.append?.history == .kept }), let append = order.append else {
            if commit.replacesHistory { expiries[key] = nil } else { expiries[key]?.sequence = sequence }
            return
        }
        expiries[key] = Expiry(sequence: sequence, atMs: Expiry.atMs(storedMs: nowMs, append.retention))
    }

    private func removeExpired() {
        let now = nowMs
        let expired = expiries.filter { $0.value.atMs <= now }.prefix(NATSEngineCore.markersAtOnce)
        for (key, expiry) in expired {
            expiries[key] = nil
            let order = ChannelOrder(
                work: .expire(expiry.sequence), relay: -1, ticket: 0, deadlineMs: now + settings.requestTimeoutMs)
            add(order, key)
        }
    }

    /// Everything that waits for a writer ends.
    func refuseWriters() {
        for key in Array(writers.keys) { run(writers[key]?.refuseAll(.internalError) ?? [], key) }
        writers = [:]
    }
}
