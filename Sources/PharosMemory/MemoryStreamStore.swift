package import PharosDomain

/// Streams in this process's memory: gone with it, and with them their epochs.
package struct MemoryStreamStore: StreamStore, ~Copyable {
    private struct Stream {
        var epoch: String
        var top: UInt64 = 0
        var entries = PublicationRing()
        /// When epoch and top may be forgotten; `.max` never.
        var metaExpiresMs: Int64 = .max
    }

    private var streams: [String: Stream] = [:]
    /// What the epochs of new streams are made from. Streams that nothing was published to need no record of their own, so
    /// looking at random names costs no memory; it changes when the memory of a stream is lost, since that one may begin anew.
    private var seed: UInt64

    package init() {
        seed = .random(in: .min ... .max)
    }

    /// Eight characters, for each channel others.
    private func epoch(of channel: String) -> String {
        var hash = seed
        for byte in channel.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        hash = (hash ^ hash >> 32) &* 0x9e37_79b9_7f4a_7c15
        let alphabet = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
        return String(
            decoding: (0..<8).map { _ in
                defer { hash /= 62 }
                return alphabet[Int(hash % 62)]
            }, as: UTF8.self)
    }

    package var streamCount: Int { streams.count }

    package mutating func append(
        _ publication: Publication, to channel: String, retention: StreamRetention, nowMs: Int64
    ) throws(ReplyError) -> StreamPosition {
        withStream(channel, retention, nowMs, creates: true) { stream in
            stream.top += 1
            var stored = publication
            stored.offset = stream.top
            stream.entries.append(stored, expiresMs: nowMs + retention.ttlMs, limit: retention.size)
            return StreamPosition(offset: stream.top, epoch: stream.epoch)
        }
    }

    package mutating func top(
        of channel: String, retention: StreamRetention, nowMs: Int64
    ) throws(ReplyError) -> StreamPosition {
        withStream(channel, retention, nowMs) { StreamPosition(offset: $0.top, epoch: $0.epoch) }
    }

    package mutating func read(
        _ channel: String, after offset: UInt64?, limit: Int, retention: StreamRetention, nowMs: Int64
    ) throws(ReplyError) -> StreamRead {
        withStream(channel, retention, nowMs) { stream in
            let first = stream.top + 1 - UInt64(stream.entries.count)
            let wanted = max((offset ?? 0) &+ 1, first)
            guard wanted >= first, wanted <= stream.top, limit > 0, offset != .max else {
                return StreamRead(top: StreamPosition(offset: stream.top, epoch: stream.epoch))
            }
            let start = Int(wanted - first)
            let end = start + min(limit, stream.entries.count - start)
            return StreamRead(
                top: StreamPosition(offset: stream.top, epoch: stream.epoch),
                publications: (start..<end).map { stream.entries[$0] })
        }
    }

    package mutating func readBackwards(
        _ channel: String, before offset: UInt64?, limit: Int, retention: StreamRetention, nowMs: Int64
    ) throws(ReplyError) -> StreamRead {
        withStream(channel, retention, nowMs) { stream in
            let first = stream.top + 1 - UInt64(stream.entries.count)
            let top = StreamPosition(offset: stream.top, epoch: stream.epoch)
            let last = offset.map { $0 == 0 ? 0 : min($0 - 1, stream.top) } ?? stream.top
            guard last >= first, stream.entries.count > 0, limit > 0 else { return StreamRead(top: top) }
            let newest = Int(last - first)
            let oldest = max(newest - limit + 1, 0)
            return StreamRead(top: top, publications: (oldest...newest).reversed().map { stream.entries[$0] })
        }
    }

    package mutating func removeHistory(of channel: String) {
        streams[channel]?.entries.removeAll()
    }

    package mutating func expire(nowMs: Int64) {
        var gone: [String] = []
        for (channel, stream) in streams {
            if stream.metaExpiresMs <= nowMs {
                gone.append(channel)
            } else if stream.entries.hasExpired(nowMs) {
                streams[channel]?.entries.dropExpired(nowMs)
            }
        }
        for channel in gone {
            streams[channel] = nil
            seed = .random(in: .min ... .max)
        }
    }

    /// Finds the stream; one without a record is empty. One whose memory has expired begins anew, with another epoch: never
    /// with a lower offset in the old one.
    private mutating func withStream<Result>(
        _ channel: String, _ retention: StreamRetention, _ nowMs: Int64, creates: Bool = false,
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
            seed = .random(in: .min ... .max)
        }
        var stream = Stream(epoch: epoch(of: channel))
        let result = use(&stream)
        if creates { streams[channel] = stream }
        return result
    }
}
