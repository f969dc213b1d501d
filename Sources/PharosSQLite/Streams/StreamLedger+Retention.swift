import PharosDomain

/// Deletes rows that cannot be read any more, in small steps.
///
/// The steps are small enough to go unnoticed.
extension StreamLedger {
    /// Deletes about `budget` rows at most.
    ///
    /// - Returns: when there is something to do again, as far as it is known; `nowMs` or before: there is more now.
    func tidy(nowMs: Int64, budget: Int) throws(StoreFailure) -> Int64 {
        inHand = nil
        var left = budget
        left -= try deleteLeftovers(atMost: left)
        if left > 0 { left -= try deleteRepeats(nowMs, atMost: left) }
        while left > 0 {
            guard let (id, channel) = try findVisit(nowMs) else { return try nextDue() }
            left -= 1
            left -= try visit(id, channel, nowMs, atMost: left)
        }
        return nowMs
    }

    private func deleteLeftovers(atMost limit: Int) throws(StoreFailure) -> Int {
        var count = 0
        while count < limit {
            let find = statements.findLeftover
            let id: UInt64? = try { () throws(StoreFailure) in
                defer { find.reset() }
                return try find.next() ? find.uint64(0) : nil
            }()
            guard let id else { break }
            let keys = RowKey.all(of: id)
            statements.deleteSomePublications.bind(1, keys.lowerBound)
            statements.deleteSomePublications.bind(2, keys.upperBound)
            statements.deleteSomePublications.bind(3, Int64(limit - count))
            count += try statements.deleteSomePublications.runCountingChanges()
            hasWritten = true
            guard count < limit else { break }
            statements.deleteLeftover.bind(1, id)
            try statements.deleteLeftover.run()
            count += 1
        }
        return count
    }

    private func deleteRepeats(_ nowMs: Int64, atMost limit: Int) throws(StoreFailure) -> Int {
        statements.deleteRepeats.bind(1, nowMs)
        statements.deleteRepeats.bind(2, Int64(limit))
        let count = try statements.deleteRepeats.runCountingChanges()
        if count > 0 { hasWritten = true }
        return count
    }

    private func findVisit(_ nowMs: Int64) throws(StoreFailure) -> (id: UInt64, channel: ChannelName)? {
        let find = statements.findVisit
        find.bind(1, nowMs)
        defer { find.reset() }
        return try find.next() ? (find.uint64(0), find.text(1)) : nil
    }

    private func nextDue() throws(StoreFailure) -> Int64 {
        let next = statements.nextDue
        defer { next.reset() }
        return try next.next() ? next.int64(0) : .max
    }

    /// Looks after one stream.
    ///
    /// One that is not in the cache does not get into it: the cache is for those in use.
    private func visit(
        _ id: UInt64, _ channel: ChannelName, _ nowMs: Int64, atMost limit: Int
    ) throws(StoreFailure) -> Int {
        do throws(StoreFailure) {
            var head = cache.head(of: channel)
            if let head { touch(head) } else { head = try load(channel) }
            guard let head, head.id == id else { throw .damaged }
            return try tidy(head, nowMs, atMost: limit)
        } catch {
            guard error.cause == .damaged else { throw error }
            // Readers get the damage reported when they come. Retention goes on with the other streams meanwhile.
            statements.updateVisit.bind(1, id)
            statements.updateVisit.bind(2, StreamLedger.adding(nowMs, 3_600_000))
            try statements.updateVisit.run()
            hasWritten = true
            return 1
        }
    }

    private func tidy(_ head: StreamHead, _ nowMs: Int64, atMost limit: Int) throws(StoreFailure) -> Int {
        guard head.metaMs > nowMs else {
            try forget(head)
            return 1
        }
        try expire(head, nowMs)
        let count = try deleteGarbage(of: head, atMost: limit)
        if head.garbage == 0 {
            // Not for each publication that expires, but for an eighth of them at once.
            var expiryMs = Int64.max
            if !head.isEmpty {
                let grace = min(max((head.endsMs - head.firstEndsMs) / 8, 1_000), 3_600_000)
                expiryMs = StreamLedger.adding(head.firstEndsMs, grace)
            }
            head.visitMs = max(min(head.storedMetaMs, expiryMs), nowMs + 1_000)
            head.visitIsNew = true
            head.needsWriting = true
        }
        try write(head)
        return count
    }
}
