import PharosDomain

/// Adding publications, and removing them on demand.
extension StreamLedger: PublishingRules {
    func lastVersion(for append: StreamAppend) throws(StoreFailure) -> StreamVersion? {
        guard let head = try liveHead(of: append.channel, append.retention, append.nowMs), head.version > 0
        else { return nil }
        return StreamVersion(number: head.version, epoch: head.versionEpoch)
    }

    func keepVersion(of append: StreamAppend) throws(StoreFailure) {
        let head = try useHead(of: append.channel, append.retention, append.nowMs)
        head.version = append.version
        head.versionEpoch = append.versionEpoch
        head.needsWriting = true
    }

    func top(for append: StreamAppend) throws(StoreFailure) -> StreamPosition {
        try liveHead(of: append.channel, append.retention, append.nowMs)?.position
            ?? firstPosition(of: append.channel)
    }

    func add(_ append: StreamAppend) throws(StoreFailure) -> StreamPosition {
        let head = try useHead(of: append.channel, append.retention, append.nowMs)
        let offset = head.top + 1
        inHand = (append.channel, offset)
        let size = UInt64(min(max(append.retention.size, 0), RowKey.mostRows))
        if size > 0 {
            let ends = StreamLedger.adding(append.nowMs, append.retention.ttlMs)
            let endsMs = head.isEmpty ? ends : max(ends, head.endsMs)
            try insert(append.publication, id: head.id, offset: offset, endsMs: endsMs)
            if head.isEmpty { head.firstEndsMs = endsMs }
            head.endsMs = endsMs
            let grace = min(max(append.retention.ttlMs / 8, 1_000), 3_600_000)
            visit(head, noLaterThan: StreamLedger.adding(endsMs, grace))
        }
        head.top = offset
        // An expired publication at the end may still have been there: a bound for it is one for those after it too.
        if offset >= size { head.first = max(head.first, offset - size + 1) }
        head.appended += 1
        head.needsWriting = true
        hasWritten = true
        return head.position
    }

    private func insert(
        _ publication: Publication, id: UInt64, offset: UInt64, endsMs: Int64
    ) throws(StoreFailure) {
        let extra = PublicationExtra.encoded(publication)
        let key = RowKey(id: id, offset: offset)
        let insert = statements.insertPublication
        insert.bind(1, key.value)
        insert.bind(2, endsMs)
        insert.bind(3, publication.timeMs)
        insert.bind(4, publication.isJSON ? 1 : 0 as Int64)
        let result = publication.data.withUnsafeBytes { data in
            insert.bind(5, staying: data)
            guard let extra else {
                insert.bindNull(6)
                insert.bind(
                    7, StreamLedger.checksum(id, offset, endsMs, publication.timeMs, publication.isJSON, data, nil))
                return insert.stepAndReset()
            }
            return extra.withUnsafeBytes { extra in
                insert.bind(6, staying: extra)
                insert.bind(
                    7, StreamLedger.checksum(id, offset, endsMs, publication.timeMs, publication.isJSON, data, extra))
                return insert.stepAndReset()
            }
        }
        guard result == PreparedStatement.done else { throw StoreFailure(resultCode: result) }
    }

    /// Over a row as it is written and read: where it belongs is part of it.
    static func checksum(
        _ id: UInt64, _ offset: UInt64, _ endsMs: Int64, _ timeMs: Int64, _ isJSON: Bool,
        _ data: UnsafeRawBufferPointer,
        _ extra: UnsafeRawBufferPointer?
    ) -> Int64 {
        var sum = RowChecksum()
        sum.add(id)
        sum.add(offset)
        sum.add(endsMs)
        sum.add(timeMs)
        sum.add(isJSON ? 1 : 0 as UInt64)
        sum.add(data)
        if let extra { sum.add(extra) }
        return sum.value
    }

    // MARK: Idempotency

    func firstAnswer(to append: StreamAppend) throws(StoreFailure) -> StreamPosition? {
        inHand = (append.channel, nil)
        let find = statements.findRepeat
        find.bind(1, append.channel)
        find.bind(2, append.idempotencyKey)
        find.bind(3, append.nowMs)
        defer { find.reset() }
        return try find.next() ? StreamPosition(offset: find.uint64(0), epoch: epochs.told(find.text(1))) : nil
    }

    func keepAnswer(_ position: StreamPosition, to append: StreamAppend) throws(StoreFailure) {
        inHand = (append.channel, nil)
        // A publication that has skipped the history has no position.
        let epoch = position.epoch.isEmpty ? "" : try findHead(of: append.channel)?.storedEpoch ?? ""
        let insert = statements.insertRepeat
        insert.bind(1, append.channel)
        insert.bind(2, append.idempotencyKey)
        insert.bind(3, position.offset)
        insert.bind(4, epoch)
        insert.bind(5, append.idempotencyUntilMs)
        try insert.run()
        hasWritten = true
    }

    // MARK: Removing

    /// Removes a channel's history.
    ///
    /// However many rows there are, this takes the time of a few writes: the stream gets another id, and the rows under
    /// its old one are deleted at leisure.
    func removeHistory(of channel: ChannelName) throws(StoreFailure) {
        inHand = (channel, nil)
        guard let head = try findHead(of: channel), head.swept <= head.top else { return }
        touch(head)
        try leave(head.id)
        let id = try freshID()
        statements.moveStream.bind(1, head.id)
        statements.moveStream.bind(2, id)
        try statements.moveStream.run()
        head.id = id
        head.first = head.top + 1
        head.swept = head.first
        head.needsWriting = true
    }

    /// Deletes rows that fell out by size.
    ///
    /// Some may wait, so that most appends find nothing to delete.
    func trim(_ head: StreamHead) throws(StoreFailure) {
        let kept = head.first <= head.top ? head.top - head.first + 1 : 0
        guard head.garbage > min(max(kept / 8, 16), 1_024) else { return }
        _ = try deleteGarbage(of: head, atMost: max(512, 2 * head.appended))
    }

    /// The number of rows.
    func deleteGarbage(of head: StreamHead, atMost limit: Int) throws(StoreFailure) -> Int {
        guard head.garbage > 0, limit > 0 else { return 0 }
        let count = min(head.garbage, UInt64(limit))
        for keys in RowKey.ranges(id: head.id, head.swept...head.swept + count - 1) {
            statements.deletePublications.bind(1, keys.lowerBound)
            statements.deletePublications.bind(2, keys.upperBound)
            try statements.deletePublications.run()
        }
        head.swept += count
        head.needsWriting = true
        hasWritten = true
        return Int(count)
    }
}
