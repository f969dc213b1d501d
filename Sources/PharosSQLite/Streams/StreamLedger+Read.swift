import PharosDomain

/// Looking at streams.
///
/// What is shown never has a gap: a row that is missing or was changed by the disk is an error.
extension StreamLedger {
    func read(
        _ channel: ChannelName, after offset: UInt64?, limit: Int, _ retention: StreamRetention, _ nowMs: Int64
    ) throws(StoreFailure) -> StreamRead {
        guard let head = try liveHead(of: channel, retention, nowMs) else {
            return StreamRead(top: firstPosition(of: channel))
        }
        try expire(head, nowMs)
        let wanted = max((offset ?? 0) &+ 1, head.first)
        guard wanted <= head.top, limit > 0, offset != .max else { return StreamRead(top: head.position) }
        let last = wanted + min(UInt64(limit), head.top - wanted + 1) - 1
        return StreamRead(top: head.position, publications: try rows(of: head, wanted...last))
    }

    func readBackwards(
        _ channel: ChannelName, before offset: UInt64?, limit: Int, _ retention: StreamRetention, _ nowMs: Int64
    ) throws(StoreFailure) -> StreamRead {
        guard let head = try liveHead(of: channel, retention, nowMs) else {
            return StreamRead(top: firstPosition(of: channel))
        }
        try expire(head, nowMs)
        let last = offset.map { $0 == 0 ? 0 : min($0 - 1, head.top) } ?? head.top
        guard !head.isEmpty, last >= head.first, limit > 0 else { return StreamRead(top: head.position) }
        let oldest = last - min(UInt64(limit), last - head.first + 1) + 1
        return StreamRead(top: head.position, publications: try rows(of: head, oldest...last).reversed())
    }

    /// Moves `first` behind what has expired.
    func expire(_ head: StreamHead, _ nowMs: Int64) throws(StoreFailure) {
        guard !head.isEmpty, head.firstEndsMs <= nowMs else { return }
        guard head.endsMs > nowMs else {
            head.first = head.top + 1
            return
        }
        head.firstEndsMs = try endsMs(of: head, head.first)
        guard head.firstEndsMs <= nowMs else { return }
        // They expire in their order: `expired` has, `live` has not.
        var (expired, live) = (head.first, head.top)
        head.firstEndsMs = head.endsMs
        while live - expired > 1 {
            let middle = expired + (live - expired) / 2
            let ends = try endsMs(of: head, middle)
            if ends <= nowMs {
                expired = middle
            } else {
                (live, head.firstEndsMs) = (middle, ends)
            }
        }
        head.first = live
    }

    private func endsMs(of head: StreamHead, _ offset: UInt64) throws(StoreFailure) -> Int64 {
        var found: Int64 = 0
        try forEachRow(of: head, offset...offset) { _, endsMs in found = endsMs }
        return found
    }

    private func rows(
        of head: StreamHead, _ offsets: ClosedRange<UInt64>
    ) throws(StoreFailure) -> [Publication] {
        var publications: [Publication] = []
        publications.reserveCapacity(Int(min(offsets.upperBound - offsets.lowerBound + 1, 65_536)))
        try forEachRow(of: head, offsets) { publication, _ in publications.append(publication) }
        return publications
    }

    private func forEachRow(
        of head: StreamHead, _ offsets: ClosedRange<UInt64>, _ body: (Publication, Int64) -> Void
    ) throws(StoreFailure) {
        let read = statements.readPublications
        defer { read.reset() }
        var offset = offsets.lowerBound
        for keys in RowKey.ranges(id: head.id, offsets) {
            read.reset()
            read.bind(1, keys.lowerBound)
            read.bind(2, keys.upperBound)
            inHand = (head.channel, offset)
            while try read.next() {
                inHand = (head.channel, offset)
                guard read.int64(0) == RowKey(id: head.id, offset: offset).value else { throw .damaged }
                body(try publication(in: read, head.id, offset), read.int64(1))
                offset += 1
            }
        }
        guard offset == offsets.upperBound + 1 else { throw .damaged }
        inHand = (head.channel, nil)
    }

    private func publication(
        in row: PreparedStatement, _ id: UInt64, _ offset: UInt64
    ) throws(StoreFailure) -> Publication {
        let (endsMs, timeMs, isJSON) = (row.int64(1), row.int64(2), row.int64(3) != 0)
        let data = row.bytes(4)
        let extra = row.isNull(5) ? nil : row.bytes(5)
        guard row.int64(6) == StreamLedger.checksum(id, offset, endsMs, timeMs, isJSON, data, extra) else {
            throw .damaged
        }
        var publication = Publication(data: Array(data), offset: offset, timeMs: timeMs)
        publication.isJSON = isJSON
        if let extra, !PublicationExtra.decode(extra, into: &publication) { throw .damaged }
        return publication
    }

    /// Whether what could not be read once can be read now. Throws if not.
    func look(at channel: ChannelName, _ offset: UInt64?) throws(StoreFailure) {
        cache.remove(channel)
        guard let head = try findHead(of: channel), let offset else { return }
        if !head.isEmpty, (head.first...head.top).contains(offset) {
            try forEachRow(of: head, offset...offset) { _, _ in }
        } else {
            let key = RowKey(id: head.id, offset: offset).value
            let read = statements.readPublications
            defer { read.reset() }
            read.bind(1, key)
            read.bind(2, key)
            _ = try read.next()
        }
    }
}
