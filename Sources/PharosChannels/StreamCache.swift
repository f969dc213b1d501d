import PharosDomain

/// The newest publications of the durable channels that one shard owns.
///
/// With it, readers seldom need the disk. Holds only what the store has confirmed: a reader has been sent, or will be
/// sent, everything after it. Bounded in bytes; the channels unused for longest go first. Times are wall-clock
/// milliseconds.
struct StreamCache {
    private struct Stream {
        var top: StreamPosition
        /// Ascending, without a gap, the last one at `top`.
        var entries: [(publication: Publication, expiresMs: Int64)] = []
        var first = 0
        /// Nothing older is in the store either.
        var isComplete: Bool
        /// Until then the store need not learn that the stream is in use.
        var validUntilMs: Int64
        /// Some entries were read from the store, which alone knows how long they live.
        var isFilled = false
        var bytes = 0

        var count: Int { entries.count - first }

        mutating func append(_ publication: Publication, expiresMs: Int64) {
            entries.append((publication, expiresMs))
            bytes += StreamCache.size(of: publication)
        }

        mutating func dropFirst() {
            bytes -= StreamCache.size(of: entries[first].publication)
            entries[first].publication = Publication(data: [])
            first += 1
            if first > 32, first * 2 > entries.count {
                entries.removeFirst(first)
                first = 0
            }
        }

        mutating func trim(to retention: StreamRetention, nowMs: Int64) {
            while count > 0, count > retention.size || entries[first].expiresMs <= nowMs { dropFirst() }
        }
    }

    /// Publications kept per channel, whatever its history holds.
    static let publicationLimit = 1_024

    private let byteLimit: Int
    /// The streams used since the last change of generations.
    ///
    /// `old` has those that were used only in the generation before.
    private var young: [ChannelName: Stream] = [:]
    private var youngBytes = 0
    private var old: [ChannelName: Stream] = [:]

    /// - Parameter byteLimit: about how much may be held, in bytes.
    init(byteLimit: Int) {
        self.byteLimit = byteLimit
    }

    var channelCount: Int { young.count + old.count }

    private static func size(of publication: Publication) -> Int {
        var size = publication.data.count + 160
        if let info = publication.info { size += info.connectionInfo.count + info.channelInfo.count + 64 }
        for (key, value) in publication.tags { size += key.utf8.count + value.utf8.count + 32 }
        return size
    }

    // MARK: Reading

    /// The newest position; nil: not known here.
    mutating func top(of channel: ChannelName, nowMs: Int64) -> StreamPosition? {
        guard promote(channel, nowMs) else { return nil }
        return young[channel]?.top
    }

    /// The answer that the store would give; nil if only the store knows.
    mutating func read(
        _ channel: ChannelName, after offset: UInt64?, limit: Int, retention: StreamRetention, nowMs: Int64
    ) -> StreamRead? {
        guard promote(channel, nowMs) else { return nil }
        young[channel]!.trim(to: retention, nowMs: nowMs)
        return young[channel].flatMap { stream in
            guard limit > 0, offset ?? 0 < stream.top.offset else { return StreamRead(top: stream.top) }
            let oldest = stream.top.offset + 1 - UInt64(stream.count)
            let wanted = (offset ?? 0) + 1
            guard wanted >= oldest || stream.isComplete else { return nil }
            let start = stream.first + (wanted > oldest ? Int(wanted - oldest) : 0)
            let end = start + min(limit, stream.entries.count - start)
            return StreamRead(top: stream.top, publications: stream.entries[start..<end].map(\.publication))
        }
    }

    /// Newest first; nil if only the store knows.
    mutating func readBackwards(
        _ channel: ChannelName, before offset: UInt64?, limit: Int, retention: StreamRetention, nowMs: Int64
    ) -> StreamRead? {
        guard promote(channel, nowMs) else { return nil }
        young[channel]!.trim(to: retention, nowMs: nowMs)
        return young[channel].flatMap { stream in
            let oldest = stream.top.offset + 1 - UInt64(stream.count)
            let end = offset.map { min($0, stream.top.offset + 1) } ?? stream.top.offset + 1
            guard limit > 0 else { return StreamRead(top: stream.top) }
            let held = end > oldest ? Int(end - oldest) : 0
            guard held >= limit || stream.isComplete else { return nil }
            let last = stream.first + held
            let publications = stream.entries[max(last - limit, stream.first)..<last].reversed().map(\.publication)
            return StreamRead(top: stream.top, publications: publications)
        }
    }

    // MARK: Following the store

    /// The store has confirmed the publication at `position`.
    mutating func appended(
        _ publication: Publication, at position: StreamPosition, to channel: ChannelName, retention: StreamRetention,
        nowMs: Int64
    ) {
        let continues =
            promote(channel, nowMs) && young[channel]!.top.epoch == position.epoch
            && young[channel]!.top.offset + 1 == position.offset
        let validUntilMs = validity(retention, nowMs)
        if !continues {
            forget(channel)
            young[channel] = Stream(top: position, isComplete: position.offset == 1, validUntilMs: validUntilMs)
        }
        change(channel) { stream in
            stream.top = position
            if !stream.isFilled { stream.validUntilMs = validUntilMs }
            stream.append(publication, expiresMs: nowMs + retention.ttlMs)
            stream.trim(to: retention, nowMs: nowMs)
            while stream.count > StreamCache.publicationLimit {
                stream.dropFirst()
                stream.isComplete = false
            }
        }
    }

    /// The store has read the newest publications of a channel.
    ///
    /// Newest first, at most `limit`.
    mutating func filled(
        _ channel: ChannelName, with read: StreamRead, limit: Int, retention: StreamRetention, nowMs: Int64
    ) {
        if let known = young[channel] ?? old[channel], known.top == read.top,
            known.count >= read.publications.count, known.validUntilMs > nowMs
        {
            return
        }
        forget(channel)
        young[channel] = Stream(
            top: read.top, isComplete: read.publications.count < limit, validUntilMs: validity(retention, nowMs))
        change(channel) { stream in
            stream.isFilled = true
            for publication in read.publications.reversed() {
                // The read does not say when it was stored: the store's own answers decide once this may be over.
                stream.append(publication, expiresMs: stream.validUntilMs)
            }
        }
    }

    /// The channel's publications are gone; its position stays.
    mutating func removedHistory(of channel: ChannelName) {
        guard let top = (young[channel] ?? old[channel])?.top else { return }
        let validUntilMs = (young[channel] ?? old[channel])!.validUntilMs
        forget(channel)
        young[channel] = Stream(top: top, isComplete: true, validUntilMs: validUntilMs)
    }

    /// Nothing that is kept here is to be believed any more.
    mutating func forgetAll() {
        young = [:]
        youngBytes = 0
        old = [:]
    }

    mutating func forget(_ channel: ChannelName) {
        if let gone = young.removeValue(forKey: channel) { youngBytes -= gone.bytes }
        old[channel] = nil
    }

    /// The end of the time in which the cache may answer alone.
    ///
    /// It is short against the stream's memory and against its publications' life.
    private func validity(_ retention: StreamRetention, _ nowMs: Int64) -> Int64 {
        let meta = retention.metaTTLMs > 0 ? retention.metaTTLMs / 10 : .max / 4
        return nowMs + max(min(meta, retention.ttlMs / 4), 1)
    }

    // MARK: Generations

    /// Brings a channel into the young generation; false: the store has to be asked.
    ///
    /// Then the channel is not known here, or no longer to be believed.
    private mutating func promote(_ channel: ChannelName, _ nowMs: Int64) -> Bool {
        if let stream = young[channel] {
            guard stream.validUntilMs <= nowMs else { return true }
            forget(channel)
            return false
        }
        guard let stream = old.removeValue(forKey: channel), stream.validUntilMs > nowMs else { return false }
        young[channel] = stream
        youngBytes += stream.bytes
        turnIfFull()
        // The turn may have made it old again.
        if young[channel] == nil, let back = old.removeValue(forKey: channel) {
            young[channel] = back
            youngBytes += back.bytes
        }
        return true
    }

    private mutating func change(_ channel: ChannelName, _ body: (inout Stream) -> Void) {
        let before = young[channel]!.bytes
        body(&young[channel]!)
        youngBytes += young[channel]!.bytes - before
        turnIfFull()
    }

    private mutating func turnIfFull() {
        guard youngBytes + young.count * 200 > byteLimit / 2 else { return }
        old = young
        young = [:]
        youngBytes = 0
    }
}
