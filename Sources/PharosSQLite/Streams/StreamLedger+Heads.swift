import PharosDomain

/// Finding, creating, refreshing and forgetting streams.
extension StreamLedger {
    /// The stream to be written to.
    ///
    /// It is created if there is none, and begun anew if its memory has expired.
    func useHead(
        of channel: ChannelName, _ retention: StreamRetention, _ nowMs: Int64
    ) throws(StoreFailure) -> StreamHead {
        if let head = try liveHead(of: channel, retention, nowMs) { return head }
        return try create(channel, retention, nowMs)
    }

    /// The stream, if it has anything to remember.
    ///
    /// Looking at a channel stores nothing about it.
    func liveHead(
        of channel: ChannelName, _ retention: StreamRetention, _ nowMs: Int64
    ) throws(StoreFailure) -> StreamHead? {
        inHand = (channel, nil)
        guard let head = try findHead(of: channel) else { return nil }
        guard head.metaMs > nowMs else {
            try forget(head)
            return nil
        }
        touch(head)
        refresh(head, retention, nowMs)
        return head
    }

    /// The position of a channel without a stream.
    ///
    /// Its first publication will continue it.
    func firstPosition(of channel: ChannelName) -> StreamPosition {
        StreamPosition(offset: 0, epoch: epochs.told(epochs.first(of: channel)))
    }

    /// The stream as remembered, or from the disk.
    func findHead(of channel: ChannelName) throws(StoreFailure) -> StreamHead? {
        if let head = cache.head(of: channel) { return head }
        guard let head = try load(channel) else { return nil }
        cache.insert(head)
        return head
    }

    func touch(_ head: StreamHead) {
        guard !head.isTouched else { return }
        head.isTouched = true
        touched.append(head)
    }

    func load(_ channel: ChannelName) throws(StoreFailure) -> StreamHead? {
        let find = statements.findStream
        find.bind(1, channel)
        defer { find.reset() }
        guard try find.next() else { return nil }
        let head = StreamHead(id: find.uint64(0), channel: channel, storedEpoch: find.text(1), epochs)
        head.top = find.uint64(2)
        head.first = find.uint64(3)
        head.swept = find.uint64(4)
        head.endsMs = find.int64(5)
        head.storedMetaMs = find.int64(6)
        head.metaMs = head.storedMetaMs
        head.version = find.uint64(7)
        head.versionEpoch = find.text(8)
        head.visitMs = find.int64(10)
        guard find.int64(9) == head.checksum(metaMs: head.storedMetaMs) else { throw .damaged }
        return head
    }

    private func create(
        _ channel: ChannelName, _ retention: StreamRetention, _ nowMs: Int64
    ) throws(StoreFailure) -> StreamHead {
        let head = StreamHead(
            id: try freshID(), channel: channel, storedEpoch: epochs.first(of: channel), epochs)
        (head.metaMs, head.storedMetaMs) = StreamLedger.metaEnds(retention, nowMs)
        head.visitMs = head.storedMetaMs
        let insert = statements.insertStream
        bind(head, to: insert)
        insert.bind(10, channel)
        insert.bind(11, head.storedEpoch)
        insert.bind(12, head.visitMs)
        try insert.run()
        hasWritten = true
        cache.insert(head)
        touch(head)
        return head
    }

    /// When the memory ends, and the later time that is written.
    ///
    /// It is later by a tenth of the span or an hour, whatever is less.
    private static func metaEnds(_ retention: StreamRetention, _ nowMs: Int64) -> (exact: Int64, stored: Int64) {
        guard retention.metaTTLMs > 0 else { return (.max, .max) }
        let exact = adding(nowMs, retention.metaTTLMs)
        return (exact, adding(exact, slack(retention)))
    }

    private static func slack(_ retention: StreamRetention) -> Int64 { min(retention.metaTTLMs / 10, 3_600_000) }

    /// Using a stream keeps its memory.
    ///
    /// Written only when what is written would no longer do.
    private func refresh(_ head: StreamHead, _ retention: StreamRetention, _ nowMs: Int64) {
        let (exact, stored) = StreamLedger.metaEnds(retention, nowMs)
        head.metaMs = exact
        guard !looksOnly else { return }
        let isFarLater = exact < .max && head.storedMetaMs - exact > 2 * StreamLedger.slack(retention)
        guard head.storedMetaMs < exact || isFarLater else { return }
        head.storedMetaMs = stored
        head.needsWriting = true
        visit(head, noLaterThan: stored)
    }

    func visit(_ head: StreamHead, noLaterThan whenMs: Int64) {
        guard whenMs < head.visitMs else { return }
        head.visitMs = whenMs
        head.needsWriting = true
        head.visitIsNew = true
    }

    /// Epoch and top are lost; the rows are deleted at leisure.
    func forget(_ head: StreamHead) throws(StoreFailure) {
        // Another epoch that cannot be kept must not be given out.
        guard !looksOnly else { throw .looksOnly }
        hasForgotten = true
        try epochs.forget(head.channel)
        statements.deleteStream.bind(1, head.id)
        try statements.deleteStream.run()
        if head.swept <= head.top { try leave(head.id) }
        hasWritten = true
        head.isForgotten = true
        cache.remove(head.channel)
    }

    func leave(_ id: UInt64) throws(StoreFailure) {
        statements.insertLeftover.bind(1, id)
        try statements.insertLeftover.run()
        hasWritten = true
    }

    func write(_ head: StreamHead) throws(StoreFailure) {
        guard head.needsWriting else { return }
        try trim(head)
        let update = statements.updateStream
        bind(head, to: update)
        try update.run()
        if head.visitIsNew {
            statements.updateVisit.bind(1, head.id)
            statements.updateVisit.bind(2, head.visitMs)
            try statements.updateVisit.run()
            head.visitIsNew = false
        }
        head.needsWriting = false
        hasWritten = true
    }

    private func bind(_ head: StreamHead, to statement: PreparedStatement) {
        statement.bind(1, head.id)
        statement.bind(2, head.top)
        statement.bind(3, head.first)
        statement.bind(4, head.swept)
        statement.bind(5, head.endsMs)
        statement.bind(6, head.storedMetaMs)
        statement.bind(7, head.version)
        statement.bind(8, head.versionEpoch)
        statement.bind(9, head.checksum(metaMs: head.storedMetaMs))
    }

    static func adding(_ milliseconds: Int64, _ more: Int64) -> Int64 {
        let (sum, overflows) = milliseconds.addingReportingOverflow(more)
        return overflows ? .max : sum
    }
}
