import PharosDomain

/// Orders that the writer does not carry out.
extension ChannelWriter {
    mutating func refuseLate(_ nowMs: Int64) -> [Action] {
        let late = waiting.filter { $0.deadlineMs <= nowMs }
        guard !late.isEmpty else { return [] }
        waiting.removeAll { $0.deadlineMs <= nowMs }
        return [.refuse(late, .internalError)]
    }

    /// Refuses everything; the writer begins anew.
    mutating func refuseAll(_ error: ReplyError) -> [Action] {
        var orders = waiting
        switch phase {
        case .writing(let commit), .settling(let commit), .settlingLater(let commit), .rewriting(let commit):
            orders = commit.orders + orders
        case .idle, .readingLast, .readingEpoch, .readingKeys, .pausing: break
        }
        (phase, waiting, keys, isFresh) = (.idle, [], [:], false)
        forget()
        return orders.isEmpty ? [] : [.refuse(orders, error)]
    }

    /// Gives up all orders, after a commit that was in conflict with another's.
    ///
    /// nil if one of them may be stored, or stays the writer's own.
    ///
    /// - Parameter id: the commit that was in conflict.
    mutating func surrender(after id: String) -> [ChannelOrder]? {
        guard case .writing(let commit) = phase, commit.id == id, !commit.isUnsure else { return nil }
        let orders = commit.orders + waiting
        guard orders.allSatisfy({ $0.append != nil }) else { return nil }
        waiting = []
        phase = .idle
        keys = [:]
        isFresh = false
        forget()
        return orders
    }
}
