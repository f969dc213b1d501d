import PharosDomain

/// The writer's knowledge of its channel, and its questions for it.
extension ChannelWriter {
    mutating func know(_ message: StoredMessage) {
        memory = ChannelMemory(message, newest: newest)
        newest = max(newest, message.sequence)
        isFresh = true
    }

    mutating func forget() {
        if let memory, memory.sequence > 0 { lostEpoch = memory.position.epoch }
        memory = nil
    }

    /// The commit is stored.
    ///
    /// - Parameters:
    ///   - sequence: of its last message.
    ///   - isLast: whether nothing is known to have been stored behind it.
    mutating func finish(
        _ commit: ChannelCommit, at sequence: UInt64, isLast: Bool = true, nowMs: Int64
    ) -> [Action] {
        memory = isLast ? commit.after : nil
        memory?.sequence = sequence
        memory?.isLost = false
        newest = max(newest, sequence)
        keys = [:]
        var actions: [Action] = [.stored(commit, sequence: sequence)]
        if let superseded = commit.superseded { actions.append(.delete(superseded)) }
        return actions + next(nowMs)
    }

    /// The orders of a commit that is not stored wait again, before all others.
    mutating func takeBack(_ commit: ChannelCommit) { waiting = commit.orders + waiting }

    /// The epoch of an empty channel is known.
    ///
    /// - Parameter spare: used where the first is that of a memory that was lost.
    mutating func epochRead(_ epoch: Epoch?, spare: Epoch, nowMs: Int64) -> [Action] {
        guard case .readingEpoch = phase else { return [] }
        guard let epoch else { return pause() }
        memory = ChannelMemory(empty: epoch == lostEpoch ? spare : epoch)
        isFresh = true
        return next(nowMs)
    }

    mutating func keysRead(_ found: [IdempotencyKey: StreamPosition?]?, nowMs: Int64) -> [Action] {
        guard case .readingKeys = phase else { return [] }
        guard let found else { return pause() }
        keys.merge(found) { $1 }
        return next(nowMs)
    }

    mutating func pause() -> [Action] {
        phase = .pausing
        return [.pause(ChannelWriter.pauseMs)]
    }
}
