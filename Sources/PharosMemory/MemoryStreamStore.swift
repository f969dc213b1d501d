package import PharosDomain

/// Streams in this process's memory: gone with it, and with them their epochs.
package struct MemoryStreamStore: StreamStore, ~Copyable {
    private struct Stream {
        var epoch: Epoch
        var top: UInt64 = 0
        var entries = PublicationRing()
        var version: StreamVersion?
        /// When epoch and top may be forgotten; `.max` never.
        var metaExpiresMs: Int64 = .max

        var position: StreamPosition { StreamPosition(offset: top, epoch: epoch) }
    }

    private var streams: [ChannelName: Stream] = [:]
    /// The epochs of streams that nothing was published to.
    ///
    /// They need no record of their own, so looking at random names costs no memory.
    private var epochs = FirstEpochs()
    private var answers = IdempotencyWindow()

    package init() {}

    package var streamCount: Int { streams.count }

    // MARK: Publishing

    package mutating func firstAnswer(to append: StreamAppend) -> StreamPosition? {
        answers.result(channel: append.channel, key: append.idempotencyKey, nowMs: append.nowMs)
    }

    package mutating func keepAnswer(_ position: StreamPosition, to append: StreamAppend) {
        answers.remember(
            position, channel: append.channel, key: append.idempotencyKey, untilMs: append.idempotencyUntilMs)
    }

    package mutating func lastVersion(for append: StreamAppend) -> StreamVersion? {
        withStream(append.channel, append.retention, append.nowMs) { $0.version }
    }

    package mutating func keepVersion(of append: StreamAppend) {
        withStream(append.channel, append.retention, append.nowMs, creates: true) {
            $0.version = StreamVersion(number: append.version, epoch: append.versionEpoch)
        }
    }

    package mutating func top(for append: StreamAppend) -> StreamPosition {
        withStream(append.channel, append.retention, append.nowMs) { $0.position }
    }

    package mutating func add(_ append: StreamAppend) -> StreamPosition {
        withStream(append.channel, append.retention, append.nowMs, creates: true) { stream in
            stream.top += 1
            var stored = append.publication
            stored.offset = stream.top
            stream.entries.append(
                stored, expiresMs: append.nowMs + append.retention.ttlMs, limit: append.retention.size)
            return stream.position
        }
    }

    // MARK: Reading

    package mutating func top(
        of channel: ChannelName, retention: StreamRetention, nowMs: Int64
    ) throws(ReplyError) -> StreamPosition {
        withStream(channel, retention, nowMs) { $0.position }
    }

    package mutating func read(
        _ channel: ChannelName, after offset: UInt64?, limit: Int, retention: StreamRetention, nowMs: Int64
    ) throws(ReplyError) -> StreamRead {
        withStream(channel, retention, nowMs) { stream in
            let first = stream.top + 1 - UInt64(stream.entries.count)
            let wanted = max((offset ?? 0) &+ 1, first)
            guard wanted >= first, wanted <= stream.top, limit > 0, offset != .max else {
                return StreamRead(top: stream.position)
            }
            let start = Int(wanted - first)
            let end = start + min(limit, stream.entries.count - start)
            return StreamRead(
                top: stream.position,
                publications: (start..<end).map { stream.entries[$0] })
        }
    }

    package mutating func readBackwards(
        _ channel: ChannelName, before offset: UInt64?, limit: Int, retention: StreamRetention, nowMs: Int64
    ) throws(ReplyError) -> StreamRead {
        withStream(channel, retention, nowMs) { stream in
            let first = stream.top + 1 - UInt64(stream.entries.count)
            let top = stream.position
            let last = offset.map { $0 == 0 ? 0 : min($0 - 1, stream.top) } ?? stream.top
            guard last >= first, stream.entries.count > 0, limit > 0 else { return StreamRead(top: top) }
            let newest = Int(last - first)
            let oldest = max(newest - limit + 1, 0)
            return StreamRead(top: top, publications: (oldest...newest).reversed().map { stream.entries[$0] })
        }
    }

    package mutating func removeHistory(of channel: ChannelName) {
        streams[channel]?.entries.removeAll()
    }

    package mutating func expire(nowMs: Int64) {
        var gone: [ChannelName] = []
        for (channel, stream) in streams {
            if stream.metaExpiresMs <= nowMs {
                gone.append(channel)
            } else if stream.entries.hasExpired(nowMs) {
                streams[channel]?.entries.dropExpired(nowMs)
            }
        }
        for channel in gone {
            streams[channel] = nil
            epochs.forget(channel)
        }
        answers.expire(nowMs: nowMs)
    }

    /// Finds the stream; one without a record is empty.
    ///
    /// One whose memory has expired begins anew, with another epoch: never with a lower offset in the old one.
    private mutating func withStream<Result>(
        _ channel: ChannelName, _ retention: StreamRetention, _ nowMs: Int64, creates: Bool = false,
        _ body: (inout Stream) -> Result
    ) -> Result {
        func use(_ stream: inout Stream) -> Result {
            stream.metaExpiresMs = retention.metaTTLMs == 0 ? .max : nowMs + retention.metaTTLMs
            if stream.entries.hasExpired(nowMs) { stream.entries.dropExpired(nowMs) }
            return body(&stream)
        }
        if let index = streams.index(forKey: channel) {
            if streams.values[index].metaExpiresMs > nowMs { return use(&streams.values[index]) }
            streams.remove(at: index)
            epochs.forget(channel)
        }
        var stream = Stream(epoch: epochs.epoch(of: channel))
        let result = use(&stream)
        if creates { streams[channel] = stream }
        return result
    }
}
