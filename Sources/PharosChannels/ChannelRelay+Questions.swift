import PharosBytes
import PharosDomain

/// Questions about channels: each is answered once, at once where memory knows.
extension ChannelRelay {
    mutating func ask(_ question: ChannelQuestion, _ asker: Asker, _ now: Moment) {
        switch question {
        case .publish(let publish): submit(.publish(publish), .publish(asker), now)
        case .presence(let channel): ask(.members, of: channel, asker)
        case .presenceStats(let channel): ask(.stats, of: channel, asker)
        case .history(let order): readHistory(order, asker, isFilled: false, now)
        case .watch(let order):
            watch(order.channel, order.options, shard: asker.shard, now)
            readHistory(order, asker, isFilled: false, now)
        case .removeHistory(let channel, let options):
            submit(
                .removeHistory(channel: channel, options: options), .removeHistory(channel: channel, asker), now)
        }
    }

    private mutating func ask(_ question: PresenceQuestion, of channel: ChannelName, _ asker: Asker) {
        var answers: [PresenceAnswer] = []
        presence.ask(question, of: channel, ticket: waits.add(.presence(asker)), into: &answers)
        for answer in answers { answered(answer) }
    }

    mutating func answered(_ answer: PresenceAnswer) {
        let asker: Asker
        switch waits.take(answer.ticket) {
        case .presence(let waiting): asker = waiting
        case .members(let channel): return compare(answer, in: channel)
        default: return
        }
        self.answer(
            asker,
            answer.result.map { value in
                switch value {
                case .members(let members): .members(members)
                case .stats(let clients, let users):
                    .stats(clients: UInt32(clamping: clients), users: UInt32(clamping: users))
                }
            })
    }

    // MARK: History

    mutating func readHistory(_ order: HistoryOrder, _ asker: Asker, isFilled: Bool, _ now: Moment) {
        let (channel, options) = (order.channel, order.options)
        let retention = retention(options)
        let limit = min(order.limit < 0 ? Int.max : Int(order.limit), retention.size)
        let offset = order.since?.offset
        if !engine.answersAtOnce(options) {
            let knowsMore = order.since.map { self.knowsMore($0, channel, now) } ?? false
            if believesCache(of: channel), !knowsMore {
                let read =
                    order.reverse
                    ? cache.readBackwards(
                        channel, before: offset, limit: limit, retention: retention, nowMs: now.wallMs)
                    : cache.read(channel, after: offset, limit: limit, retention: retention, nowMs: now.wallMs)
                if let read { return historyRead(read, order, asker) }
            }
            if !isFilled, keepsCopy(of: channel), !knowsMore {
                return fill(channel, options, for: .history(order, asker), now)
            }
        }
        let floor = deliveredOffset(of: channel)
        let request: EngineRequest =
            order.reverse
            ? .readBackwards(channel: channel, options: options, before: offset, limit: limit, floor: floor)
            : .read(channel: channel, options: options, after: offset, limit: limit, floor: floor)
        submit(request, .history(order, asker), now)
    }

    mutating func historyRead(_ read: StreamRead, _ order: HistoryOrder, _ asker: Asker) {
        if let since = order.since, !since.epoch.isEmpty, since.epoch != read.top.epoch {
            return answer(asker, .failure(.unrecoverablePosition))
        }
        answer(asker, .success(.read(read)))
    }

    // MARK: Filling the cache

    /// Reads the newest publications into the cache, once for all that wait for them.
    mutating func fill(_ channel: ChannelName, _ options: ChannelOptions, for reader: Reader, _ now: Moment) {
        readers[channel, default: []].append(reader)
        guard readers[channel]!.count == 1 else { return }
        let limit = min(retention(options).size, max(settings.recoveryLimit, 1))
        let request = EngineRequest.readBackwards(
            channel: channel, options: options, before: nil, limit: limit, floor: deliveredOffset(of: channel))
        submit(request, .fill(Fill(channel: channel, options: options, limit: limit)), now)
    }

    mutating func filled(_ fill: Fill, with read: StreamRead, _ now: Moment) {
        if isLinked, keepsCopy(of: fill.channel) {
            cache.filled(
                fill.channel, with: read, limit: fill.limit, retention: retention(fill.options), nowMs: now.wallMs)
        }
        filled(fill.channel, nil, now)
    }

    /// - Parameter error: why the channel could not be read; nil if it was.
    mutating func filled(_ channel: ChannelName, _ error: ReplyError?, _ now: Moment) {
        for reader in readers.removeValue(forKey: channel) ?? [] {
            switch reader {
            case .attach(let attach):
                if let error { answer(attach, .failure(error), now) } else { read(for: attach, isFilled: true, now) }
            case .history(let order, let asker):
                if let error {
                    answer(asker, .failure(error))
                } else {
                    readHistory(order, asker, isFilled: true, now)
                }
            }
        }
    }
}
