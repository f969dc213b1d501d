import PharosDomain

/// When the history that this node stored last in a channel has expired.
struct Expiry {
    /// The last message's number in its stream.
    var sequence: UInt64
    /// Monotonic milliseconds.
    var atMs: Int64
}

/// Work that is done once in a while.
extension NATSEngineCore {
    private static let tidyMs: Int64 = 30_000

    func tidyLater() {
        after(NATSEngineCore.tidyMs) { [unowned self] in
            tidy()
            tidyLater()
        }
    }

    /// Forgets the writers of channels that nothing was written to since the last time.
    private func tidy() {
        writers = writers.filter { !$0.value.isIdle || usedWriters.contains($0.key) }
        indexes = indexes.filter { usedWriters.contains($0.key) }
        usedWriters = []
        noteHealth()
    }

    func noteStored(_ commit: ChannelCommit, _ sequence: UInt64, _ key: WriterKey) {}

    /// Everything that waits for a writer ends.
    func refuseWriters() {
        for key in Array(writers.keys) { run(writers[key]?.refuseAll(.internalError) ?? [], key) }
        writers = [:]
    }
}
