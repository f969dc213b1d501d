import PharosCluster
import PharosDomain
import PharosRedis

/// The part of a stream that is read, as arguments of XRANGE or XREVRANGE.
struct RedisRange: Equatable {
    var command = "XRANGE"
    var first = "-"
    var last = "+"
    /// 0: only the top is asked for.
    var count: Int64

    private static let most: Int64 = 1_000_000_000

    /// Ascending, after an offset; nil: from the oldest.
    init(after offset: UInt64?, limit: Int) {
        count = offset == .max ? 0 : min(Int64(max(limit, 0)), RedisRange.most)
        if let offset, offset < .max { first = String(offset + 1) }
    }

    /// Descending, before an offset; nil: from the newest.
    init(before offset: UInt64?, limit: Int) {
        command = "XREVRANGE"
        (first, last) = ("+", "-")
        count = offset == 0 ? 0 : min(Int64(max(limit, 0)), RedisRange.most)
        if let offset, offset > 0 { first = String(offset - 1) }
    }
}

extension RedisEngineCore {
    func read(
        _ ask: Ask, _ channel: ChannelName, _ options: ChannelOptions, _ range: RedisRange, at master: RedisMaster
    ) {
        let retention = StreamRetention(options, settings.channel)
        var call = RedisCall(script: .read, tag: RedisNames.tag(of: channel), arguments: [])
        call.keys = [names.meta(channel), names.stream(channel)]
        call.arguments = [
            fence(master), .text(RedisEngineCore.mark()), .integer(retention.ttlMs), .integer(retention.metaTTLMs),
            .text(range.command), .text(range.first), .text(range.last), .integer(range.count),
        ]
        send(call, to: master) { [weak self] result in
            guard let self else { return }
            switch result {
            case .failure(let failure):
                self.complete(ask, .failure(self.replyError(failure, "a read was refused")))
            case .success(let reply):
                guard let read = try? RedisEngineCore.read(reply) else {
                    self.report("\(channel): an entry of the stream cannot be read")
                    return self.complete(ask, .failure(.engineFailing))
                }
                self.complete(ask, .success(.read(read)))
            }
        }
    }

    func removeHistory(_ ask: Ask, _ channel: ChannelName, at master: RedisMaster) {
        let call = RedisCall(
            tag: RedisNames.tag(of: channel), arguments: ["DEL", .text(names.stream(channel))])
        send(call, to: master) { [weak self] result in
            guard let self else { return }
            switch result {
            case .success: self.complete(ask, .success(.done))
            case .failure(let failure):
                self.complete(ask, .failure(self.replyError(failure, "a removal was refused")))
            }
        }
    }

    /// The reply of the script that reads.
    static func read(_ reply: RESPValue) throws -> StreamRead {
        let parts = try reply.elements()
        guard parts.count == 3 else { throw RedisReplyError.oddCount(parts.count) }
        let publications = try parts[2].elements().map { entry in
            let entry = try entry.elements()
            guard entry.count == 2, let offset = UInt64(try entry[0].text().prefix { $0 != "-" }) else {
                throw RedisReplyError.missing("id")
            }
            let fields = try entry[1].elements()
            guard fields.count >= 2 else { throw RedisReplyError.missing("d") }
            var publication = try PublicationEnvelope(fields[1].bytes()).publication
            publication.offset = offset
            return publication
        }
        return StreamRead(top: try reply.position(), publications: publications)
    }
}
