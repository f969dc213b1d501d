import PharosDomain

/// The end of a commit: answers to its write, and to the questions after it.
extension ChannelWriter {
    /// The answer to a read at the leader.
    enum Last: Sendable {
        case message(StoredMessage)
        /// The subject has none.
        case none
        /// The question was not answered.
        case failed
    }

    /// - Parameter id: the commit that it is about.
    mutating func written(_ outcome: Outcome, of id: String, nowMs: Int64) -> [Action] {
        guard case .writing(var commit) = phase, commit.id == id else { return [] }
        switch outcome {
        case .stored(let sequence): return finish(commit, at: sequence, nowMs: nowMs)
        case .conflict:
            phase = .settling(commit)
            return [.readLast]
        case .refused where !commit.isUnsure:
            return rewriteLater(commit, nowMs)
        case .refused, .unknown:
            commit.isUnsure = true
            phase = .settling(commit)
            return [.readLast]
        }
    }

    mutating func lastRead(_ last: Last, nowMs: Int64) -> [Action] {
        switch phase {
        case .readingLast:
            switch last {
            case .failed: return pause()
            case .none:
                forget()
                phase = .readingEpoch
                return [.readEpoch]
            case .message(let message):
                know(message)
                return next(nowMs)
            }
        case .settling(let commit): return settle(commit, last, nowMs)
        default: return []
        }
    }

    private mutating func settle(_ commit: ChannelCommit, _ last: Last, _ nowMs: Int64) -> [Action] {
        switch last {
        case .failed: return settleLater(commit, nowMs)
        case .none:
            // Either it was never stored, or it is lost like everything else of the channel.
            if commit.isUnsure, commit.guardSequence > 0 { return giveUp(commit, nowMs) }
            if commit.isUnsure { return rewriteLater(commit, nowMs) }
            return beginAgain(commit, knowing: nil, nowMs)
        case .message(let message):
            if message.mark.commit == commit.id { return finish(commit, at: message.sequence, nowMs: nowMs) }
            guard message.sequence == commit.guardSequence else {
                guard commit.isUnsure else { return beginAgain(commit, knowing: message, nowMs) }
                // Others have written since. The message whose guard was the same decides.
                return [.readAfter(commit.guardSequence)]
            }
            // A key may have stood in the way; else it was another write on its way.
            if !commit.keys.isEmpty, !commit.isUnsure { return beginAgain(commit, knowing: message, nowMs) }
            return rewriteLater(commit, nowMs)
        }
    }

    mutating func nextRead(_ next: Last, nowMs: Int64) -> [Action] {
        guard case .settling(let commit) = phase else { return [] }
        switch next {
        case .failed: return settleLater(commit, nowMs)
        case .none: return giveUp(commit, nowMs)
        case .message(let message):
            if message.mark.commit == commit.id {
                // What others have stored since is read before the next commit.
                return finish(commit, at: message.sequence, isLast: false, nowMs: nowMs)
            }
            guard let mark = commit.mark else { return giveUp(commit, nowMs) }
            // At that place there is another's message: ours cannot be there. If the place itself is gone, nothing is
            // known.
            let isPlace =
                message.mark.position.epoch != mark.position.epoch || message.mark.firstOffset <= mark.firstOffset
            guard isPlace else { return giveUp(commit, nowMs) }
            return beginAgain(commit, knowing: nil, nowMs)
        }
    }

    mutating func pauseEnded(nowMs: Int64) -> [Action] {
        switch phase {
        case .pausing: return next(nowMs)
        case .settlingLater(let commit):
            phase = .settling(commit)
            return [.readLast]
        case .rewriting(let commit): return write(commit)
        default: return []
        }
    }

    // MARK: Ways on

    /// The commit is not stored and cannot be any more: its orders are numbered anew.
    private mutating func beginAgain(
        _ commit: ChannelCommit, knowing message: StoredMessage?, _ nowMs: Int64
    ) -> [Action] {
        takeBack(commit)
        if let message { know(message) } else { forget() }
        guard !commit.keys.isEmpty else { return next(nowMs) }
        phase = .readingKeys
        return [.readKeys(commit.keys.map(\.key))]
    }

    private mutating func rewriteLater(_ commit: ChannelCommit, _ nowMs: Int64) -> [Action] {
        guard !isLate(commit, nowMs) else { return giveUp(commit, nowMs) }
        phase = .rewriting(commit)
        return [.pause(ChannelWriter.pauseMs)]
    }

    private mutating func settleLater(_ commit: ChannelCommit, _ nowMs: Int64) -> [Action] {
        guard !isLate(commit, nowMs) else { return giveUp(commit, nowMs) }
        phase = .settlingLater(commit)
        return [.pause(ChannelWriter.pauseMs)]
    }

    private func isLate(_ commit: ChannelCommit, _ nowMs: Int64) -> Bool {
        commit.orders.contains { $0.deadlineMs <= nowMs }
    }

    /// Gives a commit up whose outcome could not be learned in time.
    ///
    /// Its publishers get a temporary error, after which a key makes a repeat safe.
    private mutating func giveUp(_ commit: ChannelCommit, _ nowMs: Int64) -> [Action] {
        forget()
        return [.refuse(commit.orders, .internalError)] + next(nowMs)
    }
}
